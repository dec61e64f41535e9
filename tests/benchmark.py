"""Print how fast the server is: `python tests/benchmark.py`. Ratios, in one run.

First page: from `flask run` to the page's first byte. Then 64 answers at once, at
30 words a second each, against one alone: how far apart their pieces arrive.
"""

import sys
import threading
from pathlib import Path
from statistics import median, quantiles
from time import perf_counter

import requests

sys.path.append(str(Path(__file__).parent.parent))  # where conftest finds the app
from conftest import running

WORDS = int(sys.argv[1]) if sys.argv[1:] else 150  # in each answer


def gaps(url, prompt, answers):
    """Ask `answers` times at once; return all times between pieces, in seconds."""
    found, lock = [], threading.Lock()

    def ask():
        mine, last = [], None
        body = {"prompt": prompt}
        with requests.post(f"{url}/ask", json=body, stream=True, timeout=60) as answer:
            answer.raise_for_status()
            for _ in answer.iter_content(None):
                now = perf_counter()
                if last:
                    mine.append(now - last)
                last = now
        with lock:
            found.extend(mine)

    threads = [threading.Thread(target=ask) for _ in range(answers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def row(name, times):
    late = quantiles(times, n=100)[98]
    print(
        f"{name:<24}{1 / median(times):8.1f} pieces/s"
        f"{late * 1000:8.0f} ms, 99 of 100 gaps{max(times) * 1000:8.0f} ms, the longest"
    )
    return late


def main():
    began = perf_counter()
    with running("run") as url:
        requests.get(url, timeout=10).raise_for_status()
        print(f"first page after {perf_counter() - began:.2f} s")
        prompt = f"/slow 30 /long {WORDS}"
        alone = row("one answer", gaps(url, prompt, 1))
        crowd = row("64 answers at once", gaps(url, prompt, 64))
        print(f"99 of 100 gaps: {crowd / alone:.2f} times as long with 64 as with one")


if __name__ == "__main__":
    main()

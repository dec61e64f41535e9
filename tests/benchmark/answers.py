"""What lesson 20's machines carry: python tests/benchmark/answers.py

Starts Redis, one worker and one or two web machines, has many answers written at 30
words a second, each read by one reader, and prints when the first text came, how long
the longest gaps were, and how much processor time each kind of machine took.
"""

import argparse
import selectors
import socket
import statistics
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from time import monotonic
from types import SimpleNamespace

TESTS = Path(__file__).parents[1]
sys.path[:0] = [str(TESTS), str(TESTS.parent)]

import psutil  # noqa: E402
import requests  # noqa: E402
from support.machines import celery_worker, gunicorn, redis_server  # noqa: E402

NAME = "lessons.20-answers-that-outlive-their-reader"
PACE = 30  # words a second


def main():
    """Measure one web machine, then two."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--answers", type=int, default=100, help="at once")
    parser.add_argument("--words", type=int, default=200, help="in each")
    asked = parser.parse_args()
    print(f"{asked.answers} answers at once, {asked.words} words each, {PACE} a second")
    print(
        "web machines   first text   99 of 100 gaps   CPU ms for 1000 words: "
        "web, worker, Redis"
    )
    for machines in 1, 2:
        print(f"{machines:12}   {measured(machines, asked)}", flush=True)


def measured(machines, asked):
    """Return a row of the table for that many web machines."""
    with ExitStack() as servers, tempfile.TemporaryFile("w+") as log:
        start = servers.enter_context
        folder = start(tempfile.TemporaryDirectory())
        redis = start(redis_server(folder, log))
        settings = {
            "REDIS_URL": f"redis://127.0.0.1:{redis.port}",
            "MODEL": "practice",
            "ANSWERS_AT_ONCE": 1000,
        }
        threads = asked.answers + 10
        worker = start(celery_worker(f"{NAME}.worker", log, threads, **settings))
        web = [
            start(gunicorn(f"{NAME}.app", log, threads=threads, **settings))
            for _ in range(machines)
        ]
        ports = [machine.port for machine in web]
        read_all([begin(ports[0], 20)], ports)  # everything is loaded now
        before = [cpu(each) for each in (web, [worker], [redis])]
        began = monotonic()
        places = [begin(ports[n % machines], asked.words) for n in range(asked.answers)]
        seen = read_all(places, ports)
        used = [cpu(each) for each in (web, [worker], [redis])]
        words = sum(reader.words for reader in seen)
        assert words == asked.answers * asked.words, "some words are missing"
        first = statistics.median(reader.first - reader.began for reader in seen)
        gaps = sorted(gap for reader in seen for gap in reader.gaps)
        costs = [
            f"{1e6 * (late - early) / words:.0f}"
            for early, late in zip(before, used, strict=True)
        ]
        return (
            f"{first:9.2f} s   {1000 * gaps[len(gaps) * 99 // 100]:11.0f} ms   "
            f"{', '.join(costs)}   (all in {monotonic() - began:.1f} s)"
        )


def cpu(servers):
    """Return the seconds of processor time that servers have taken so far."""
    seconds = 0
    for server in servers:
        process = psutil.Process(server.process.pid)
        for each in [process, *process.children(recursive=True)]:
            times = each.cpu_times()
            seconds += times.user + times.system
    return seconds


def begin(port, words):
    """Begin an answer on the machine at that port; return its place, and when."""
    question = {"prompt": f"/slow {PACE} /echo " + " ".join(["word"] * words)}
    began = monotonic()
    answer = requests.post(
        f"http://127.0.0.1:{port}/answers", json=question, timeout=60
    )
    return answer.headers["Location"], began


def read_all(places, ports):
    """Read each answer to its end, from one machine after the other."""
    selector = selectors.DefaultSelector()
    readers = []
    for number, (place, began) in enumerate(places):
        port = ports[number % len(ports)]
        line = socket.create_connection(("127.0.0.1", port))
        line.sendall(f"GET {place} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
        line.setblocking(False)
        reader = SimpleNamespace(
            line=line, began=began, words=0, first=None, last=None, gaps=[], tail=b""
        )
        selector.register(line, selectors.EVENT_READ, reader)
        readers.append(reader)
    open_lines = len(readers)
    while open_lines:
        for key, _ in selector.select():
            reader = key.data
            came = reader.line.recv(65536)
            note(reader, came)
            if not came or b"event: done" in reader.tail:
                selector.unregister(reader.line)
                reader.line.close()
                open_lines -= 1
    return readers


def note(reader, came):
    """Count the words in what came, and the time since the ones before."""
    text = reader.tail + came
    words = text.count(b"event: token") - reader.tail.count(b"event: token")
    reader.tail = text[-200:]
    if not words:
        return
    now = monotonic()
    if reader.first is None:
        reader.first = now
    else:
        reader.gaps.append(now - reader.last)
    reader.last = now
    reader.words += words


if __name__ == "__main__":
    main()

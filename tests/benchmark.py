"""Print what a word costs, here and elsewhere: python tests/benchmark.py

Each server answers a crowd of readers with 50 words a second, which it has from a
provider that speaks OpenAI's protocol. The servers take turns, in rounds. What is shown
is the median of the rounds, and its ratio to Express with LangChain.js: a ratio holds
within one run only. The machine should have nothing else to do. The server has one
core, the provider and the readers another, where a program may choose (not on macOS).

    npm ci --prefix tests/benchmark                     once: Express and LangChain.js
    python tests/benchmark.py                           some ten minutes
    python tests/benchmark.py --readers 20 --crowd 50 --rounds 1 --only flask
    python tests/benchmark.py --picture costs.svg       draws bars as well

What is not installed, or does not run on this system, is left out, and said.
"""

import argparse
import json
import os
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from threading import Event, Thread
from time import perf_counter

import psutil
import requests

sys.path += [str(Path(__file__).with_name("benchmark")), str(Path(__file__).parents[1])]
from page_cost import page_cost
from servers import HERE, SERVERS
from support import LIMIT
from support.servers import free_port, wait_for
from table import drawn, written

CROWD_CORE, SERVER_CORE = 0, 1


def main():
    """Measure, and print the table."""
    asked = arguments()
    taking_part = {}
    for name, server in SERVERS.items():
        if asked.only not in name:
            continue
        if why := server.missing():
            print(f"{name} is left out: {why}")
        else:
            taking_part[name] = server
    rounds = {name: [] for name in taking_part}
    with crowd_and_provider() as (gather, provider):
        for _ in range(asked.rounds):
            for name, server in taking_part.items():
                rounds[name].append(measure(server, gather, provider, asked))
                print(".", end="", flush=True)
    table = {
        name: {key: median(each[key] for each in measured) for key in measured[0]}
        for name, measured in rounds.items()
    }
    print(f"\n\n{written(table, asked)}")
    if asked.pieces:
        print(f"\n{page_cost(asked.pieces)}")
    if asked.picture:
        Path(asked.picture).write_text(drawn(table, asked), encoding="utf-8")


def arguments():
    """Return what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--readers", type=int, default=200, help="whom it can serve")
    parser.add_argument("--crowd", type=int, default=500, help="whom it can hardly")
    parser.add_argument("--words", type=int, default=200, help="in each answer")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--pieces", type=int, default=25_000, help="0: not the page")
    parser.add_argument("--only", default="", help="servers with this in their name")
    parser.add_argument("--picture", help="the SVG file to draw")
    return parser.parse_args()


@contextmanager
def on_core(number):
    """Let what is started inside run on that core only, where the system can."""
    process = psutil.Process()
    if os.cpu_count() == 1 or not hasattr(process, "cpu_affinity"):
        yield
        return
    before = process.cpu_affinity()
    process.cpu_affinity([before[number % len(before)]])
    try:
        yield
    finally:
        process.cpu_affinity(before)


@contextmanager
def crowd_and_provider():
    """Yield a function that lets a crowd read, and the provider's address."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with on_core(CROWD_CORE):
        crowd = subprocess.Popen(["node", str(HERE / "crowd.mjs")], **pipes)

    def gather(**order):
        crowd.stdin.write(f"{json.dumps(order)}\n")
        crowd.stdin.flush()
        return json.loads(crowd.stdout.readline())

    with crowd:
        yield gather, crowd.stdout.readline().strip()
        crowd.stdin.close()  # it ends


def measure(server, gather, provider, asked):
    """Run a server once; return what it took, by the names of the columns."""
    port = free_port()
    began = perf_counter()
    with ExitStack() as stack, on_core(SERVER_CORE):
        started = server.start(port, max(asked.readers, asked.crowd), provider)
        stack.callback(started.wait, LIMIT)
        stack.callback(started.terminate)
        wait_for(port)
        requests.get(f"http://127.0.0.1:{port}/", timeout=5 * LIMIT)  # on a busy core
        start = perf_counter() - began
        process = psutil.Process(started.pid)
        order = {"url": f"http://127.0.0.1:{port}/ask", "words": asked.words}
        gather(readers=min(20, asked.readers), **order)  # to get warm
        spent, held = seconds_spent(process), memory_held(process)
        with highest(memory_held, process) as seen:
            paced = gather(readers=asked.readers, **order)
        spent = max(0.01, seconds_spent(process) - spent)  # counted in hundredths
        pressed = gather(readers=asked.crowd, **order)
    lost = asked.readers + asked.crowd - paced["whole"] - pressed["whole"]
    return {
        "cost": spent * 1_000_000 / paced["words"],
        "first": paced["first"],
        "memory": (max(seen) - held) / 1e6 / asked.readers,
        "rate": pressed["words"] / pressed["seconds"],
        "start": start,
        "lost": lost,
    }


def family(process):
    """Return the process and those that it started."""
    return [process, *process.children(recursive=True)]


def seconds_spent(process):
    """Return the processor's time that it and its children have used."""
    times = [member.cpu_times() for member in family(process)]
    return sum(used.user + used.system for used in times)


def memory_held(process):
    """Return the bytes of memory that it and its children hold."""
    return sum(member.memory_info().rss for member in family(process))


@contextmanager
def highest(look, process):
    """Look ten times a second meanwhile; yield the list of what was seen."""
    seen, over = [look(process)], Event()

    def watch():
        while not over.wait(0.1):
            seen.append(look(process))

    watcher = Thread(target=watch)
    watcher.start()
    try:
        yield seen
    finally:
        over.set()
        watcher.join()


if __name__ == "__main__":
    main()

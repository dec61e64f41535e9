"""Let many readers ask at once, most of them fast, some slow.

    python load_test.py URL --readers 200 --slow 20

A reader who is refused with a 503 asks again after as many seconds as Retry-After says.
"""

import argparse
import json
from http.client import HTTPConnection, HTTPException
from statistics import median
from threading import Thread
from time import monotonic, sleep
from urllib.parse import urlsplit

parser = argparse.ArgumentParser()
parser.add_argument("url")
parser.add_argument("--readers", type=int, default=200)
parser.add_argument("--slow", type=int, default=20, help="of them: 20 bytes a second")
parser.add_argument("--prompt", default="/long 100 Why yield in Flask?")
asked = parser.parse_args()
address = urlsplit(asked.url)
endings = []  # of each answer: "whole", "broken", or the status of a refusal
refusals = []  # the seconds of each Retry-After
waits = {"fast": [], "slow": []}  # the seconds until each first text


def read(kind):
    """Ask until an answer comes, and read it as fast as this kind of reader does."""
    status = 503
    try:
        while status == 503:
            connection = HTTPConnection(address.hostname, address.port, timeout=60)
            began = monotonic()
            body = json.dumps({"prompt": asked.prompt})
            headers = {"Content-Type": "application/json"}
            connection.request("POST", address.path, body, headers)
            answer = connection.getresponse()
            status = answer.status
            if status == 503:
                connection.close()
                if "Retry-After" not in answer.headers:
                    endings.append("503 without Retry-After")
                    return
                seconds = int(answer.headers["Retry-After"])
                refusals.append(seconds)
                sleep(seconds)
        if status != 200:
            endings.append(str(status))
            return
        answer.read(1)
        waits[kind].append(monotonic() - began)
        while answer.read(20 if kind == "slow" else 1000):
            if kind == "slow":
                sleep(1)
        endings.append("whole")
    except (HTTPException, OSError):  # it breaks off, or cannot be reached
        endings.append("broken")


kinds = ["slow"] * asked.slow + ["fast"] * (asked.readers - asked.slow)
readers = [Thread(target=read, args=[kind]) for kind in kinds]
for reader in readers:
    reader.start()
for reader in readers:
    reader.join()
for ending in sorted(set(endings)):
    print(f"{endings.count(ending)} answers: {ending}")
print(f"{len(refusals)} times refused with a 503")
for kind, seconds in waits.items():
    if seconds:
        print(f"{kind} readers: first text after {median(seconds):.2f} s (the median)")

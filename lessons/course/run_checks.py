"""Run a lesson's checks on a program, in a Python of their own and for a limited time.

Needs no pytest to be imported: who has none is told how to get it.
"""

import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from threading import Timer
from typing import NamedTuple

from lessons.course.folders import ROOT

SECONDS = 20
PYTEST = """
    -p lessons.course.fixtures -p no:terminal -p no:cacheprovider
    --disable-plugin-autoload --import-mode=importlib --assert=plain
    --exitfirst -W ignore
""".split()  # noqa: SIM905
REPORT = {"sentences", "stuck", "outcome"}
ENV = {"MODEL": "practice", "PYTHON_DOTENV_DISABLED": "1", "PYTHONUTF8": "1"}
ENV |= {"PYTHONDONTWRITEBYTECODE": "1", "PYTEST_ADDOPTS": "", "PYTHONPATH": str(ROOT)}


class Check(NamedTuple):
    """What was checked, and how it went."""

    sentence: str
    outcome: str  # "green", "red", "not checked", or "gone on": for a later program
    message: str = ""  # of a red one: what was seen, what was expected, what to try
    printed: str = ""  # by the program meanwhile


def run_checks(lesson, folder, seconds=SECONDS):
    """Yield a Check for each of a lesson's checks of the program in a folder.

    The first red one is the last that was checked; what comes after is "not checked".
    """
    if not find_spec("pytest"):
        install = f"{Path(sys.executable).name} -m pip install -r requirements.txt"
        yield Check("The checks can run", "red", f"pytest is missing: {install}")
        return
    command = [sys.executable, "-m", "pytest", *PYTEST, str(lesson / "check.py")]
    yield from told_by(command, folder, seconds)


def run_browser_checks(lesson, folder, seconds=SECONDS):
    """Yield a Check for each of a lesson's checks that need a browser, likewise."""
    check = str(lesson / "check.js")
    command = [sys.executable, "-m", "lessons.course.check_page", check]
    yield from told_by(command, folder, seconds)


def told_by(command, folder, seconds):
    """Yield the checks that a command reports, one line of JSON for each."""
    options = ["--program", str(folder), "--seconds", str(seconds)]
    running = subprocess.Popen(
        [*command, *options],
        cwd=ROOT,
        env=os.environ | ENV,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        start_new_session=True,  # it and the browser it starts are ended together
    )
    left, last, red, told = [], "", False, False
    why = f"{folder.name}/app.py ended Python."

    def give_up():  # it stops by itself, unless it cannot
        nonlocal why
        why = never_ends(f"The program in {folder.name}/", seconds)
        end(running)

    stop = Timer(seconds + 5, give_up)
    stop.start()
    try:
        for line in running.stdout:
            try:
                report = json.loads(line)
            except ValueError:
                report = None
            if not isinstance(report, dict) or not report.keys() & REPORT:
                last = line.strip() or last  # the program, or Python, prints too
                continue
            if "sentences" in report:
                left, told = report["sentences"], True
            elif "stuck" in report:
                last = report["stuck"]
            else:
                left = [each for each in left if each != report["sentence"]]
                told, red = True, red or report["outcome"] == "red"
                yield Check(**report)
    finally:
        stop.cancel()
        end(running)
        running.communicate()
    if not red and (left or not told):
        sentence, *left = left or ["The checks can run"]
        yield Check(sentence, "red", last or why)
    for sentence in left:
        yield Check(sentence, "not checked")


def end(running):
    """End a process and all that it has started."""
    if os.name == "nt":
        tree = ["taskkill", "/F", "/T", "/PID", str(running.pid)]
        subprocess.run(tree, capture_output=True, check=False)
    else:
        with suppress(ProcessLookupError):
            os.killpg(running.pid, signal.SIGKILL)
    running.kill()


def never_ends(where, seconds):
    """Return the sentence for a program that was stopped."""
    why = "look for a loop that never ends, or a wait for what never comes."
    return f"{where} did not come to an end within {seconds:g} s: {why}"

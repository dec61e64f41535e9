"""Run a lesson's checks on a program, in a Python of their own and for a limited time.

This file works without pytest: a student who has none reads how to get it.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from threading import Thread, Timer
from time import monotonic

from lessons.course.bounds import OUTPUT, SECONDS, never_ends, prints_too_much
from lessons.course.checker.environment import environment
from lessons.course.checker.reports import MARK, Check, as_line
from lessons.course.folders import ROOT

PATIENCE = 30  # seconds more: to start, and to report that it was too long
PYTEST = [
    "-plessons.course.for_checks.fixtures",
    "-plessons.course.checker.left_behind",
    "-plessons.course.checker.report_checks",
    "-pno:terminal",
    "-pno:cacheprovider",
    "-pno:unraisableexception",  # what fails while Python tidies up fails no check
    "-pno:threadexception",  # nor what a thread of the program dies of
    "--disable-plugin-autoload",  # whatever else is installed
    "--import-mode=importlib",
    "--assert=plain",
    "--exitfirst",
    "-Wignore",
]


def run_checks(checks, program, seconds=SECONDS):
    """Run the check.py of one folder on the program in another; yield each Check.

    `checks` is the folder of a lesson, or its turn/; `program` is what a student wrote.
    The first red one is the last that was checked; what comes after is "not checked".
    """
    if not find_spec("pytest"):
        install = f"{Path(sys.executable).name} -m pip install -r requirements.txt"
        yield Check("The checks can run", "red", f"pytest is missing: {install}")
        return
    check = str(checks / "check.py")
    command = [sys.executable, "-m", "pytest", *PYTEST, check]
    yield from checks_reported_by(command, program, seconds)


def can_drive_chrome():
    """Whether Selenium and the driver that it needs for Chrome are installed."""
    return bool(find_spec("selenium") and shutil.which("chromedriver"))


def run_browser_checks(checks, program, seconds=SECONDS):
    """Run the check.js of one folder on the page of a program; yield each Check.

    If no browser can be started, that is "not checked".
    """
    check = str(checks / "check.js")
    command = [sys.executable, "-m", "lessons.course.checker.check_page", check]
    yield from checks_reported_by(command, program, seconds)


def checks_reported_by(command, program, seconds):
    """Yield the checks that a command reports.

    However the command ends, each check that it has announced is yielded.
    """
    waiting = ["The checks can run"]  # the sentences of the checks to come
    red = False
    stopped = ""  # why, if the command was
    last_words = ""  # what Python prints when it breaks down
    began = monotonic()
    with started(command, program, seconds) as running:
        for line in lines_of(running.stdout, program):
            printed, mark, report = line.partition(MARK)
            last_words = printed.strip() or last_words
            if not mark:
                continue
            report = json.loads(report)
            if "announced" in report:
                waiting = report["announced"]
            elif "stopped" in report:
                stopped = report["stopped"]
                break
            elif "ended" in report:
                break
            else:
                check = Check(**report)
                waiting = [each for each in waiting if each != check.sentence]
                red = red or check.outcome == "red"
                yield check
    if waiting and not red:
        if not stopped and monotonic() > began + seconds + PATIENCE:
            stopped = never_ends(f"The program in {program.name}/", seconds)
        message = stopped or broke_down(program, last_words)
        yield Check(waiting.pop(0), "red", message)
    for sentence in waiting:
        yield Check(sentence, "not checked")


@contextmanager
def started(command, program, seconds):
    """Start a command that checks a program, and end it at last."""
    options = ["--program", str(program), "--seconds", str(seconds)]
    reading_end, writing_end = os.pipe()
    running = subprocess.Popen(
        [*command, *options],
        cwd=ROOT,
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=writing_end,
        stderr=subprocess.STDOUT,
        start_new_session=True,  # it and the browser it starts are ended together
    )
    running.stdout = os.fdopen(reading_end, encoding="utf-8", errors="replace")
    Thread(target=report_its_end, args=[running, writing_end]).start()
    timer = Timer(seconds + PATIENCE, end, [running])  # if it does not end by itself
    timer.start()
    try:
        yield running
    finally:
        timer.cancel()
        end(running)
        running.stdout.close()
        running.wait()


def report_its_end(running, writing_end):
    """Wait until a command has ended, and write a report of that behind all others.

    The end of the pipe would not do: it comes only when everything that the program has
    started has ended, too, and that can have left the session in which we end it.
    """
    running.wait()
    with suppress(OSError):  # nobody reads any more
        os.write(writing_end, as_line(ended=True).encode())
    os.close(writing_end)


def lines_of(stream, program):
    """Yield the lines that a command prints; if they are too many, say so and stop."""
    room = OUTPUT
    while True:
        line = stream.readline(room)
        room -= len(line)
        if room == 0:  # this line may have been cut
            yield as_line(stopped=prints_too_much(f"The program in {program.name}/"))
            return
        if not line:
            return
        yield line


def end(running):
    """End a command and all that it has started."""
    if os.name == "nt":
        tree = ["taskkill", "/F", "/T", "/PID", str(running.pid)]
        subprocess.run(tree, capture_output=True, check=False)
    else:
        with suppress(ProcessLookupError):
            os.killpg(running.pid, signal.SIGKILL)
    running.kill()


def broke_down(program, last_words):
    """Return the sentence for a Python that ended in the middle of a check."""
    sentence = (
        f"The program in {program.name}/ ended Python itself. Look for a call of"
        " os._exit()."
    )
    if last_words:
        sentence += f" The last thing it printed was: {last_words}"
    return sentence

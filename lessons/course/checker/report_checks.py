"""Report each check as it is made: what it found, in words for the student.

A pytest plugin: pytest calls each function here that is named pytest_..., at the
moment that its name says. run_checks.py starts pytest with it and reads the reports, a
line for each check; an assertion that fails holds the sentence that a student reads.
"""

import os
import sys
import threading
from functools import partial
from pathlib import Path
from threading import Thread
from time import monotonic, sleep

import pytest

from lessons.course.bounds import (
    MEMORY,
    bound_memory_and_output,
    memory_used,
    never_ends,
    uses_too_much,
)
from lessons.course.checker import own_mistakes
from lessons.course.checker.reports import as_line
from lessons.course.explain import place, places_of, sentence_for

REPORTS = pytest.StashKey[int]()  # the file that they are written to
DEATHS = []  # what threads of the program have died of, during this check
MISTAKES = []  # of check.py itself, which pytest could not read


def pytest_addoption(parser):
    parser.addoption("--program", type=Path, help="the folder of the program to check")
    parser.addoption("--seconds", type=float, help="how long all checks may take")


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(early_config):
    early_config.stash[REPORTS] = os.dup(1)  # before pytest captures what is printed
    return (yield)


def pytest_configure(config):
    config.option.program = config.option.program.resolve()
    bound_memory_and_output()
    own_mistakes.watch_mistakes(config.option.program)
    threading.excepthook = partial(note_death, config.option.program)


def note_death(folder, died):
    """Note what a thread of the program has died of, which Python would only print."""
    error = died.exc_value
    if any(places_of(error, folder)):
        DEATHS.append(f"This ended a thread. {sentence_for(error, folder)}")


def pytest_collectreport(report):
    if report.failed:
        last_line = report.longreprtext.strip().rpartition("\n")[2]
        MISTAKES.append(last_line.removeprefix("E").strip())


def pytest_collection_modifyitems(items):
    """Begin with the checks that a check.py imports, each file's in their order."""
    items.sort(key=place_in_order)


def place_in_order(item):
    """Return what to sort a check by: imported or not, its file, and its line there."""
    code = item.function.__code__
    is_its_own = code.co_filename == str(item.path)
    return is_its_own, code.co_filename, code.co_firstlineno


def pytest_collection_finish(session):
    """Announce the checks; from here on the time runs that they may take."""
    if MISTAKES:
        sentence = (
            f"The lesson's own check.py cannot be read: {MISTAKES[0]}. Restore it from"
            " git."
        )
        write_report(session.config, stopped=sentence)
        return
    sentences = [sentence_of(item) for item in session.items]
    write_report(session.config, announced=sentences)
    Thread(target=watch, args=[session.config], daemon=True).start()


def sentence_of(item):
    """Return "The text is exact" for test_the_text_is_exact, or its docstring."""
    name, _, case = item.name.removesuffix("]").partition("[")
    words = name.removeprefix("test_").replace("_", " ")
    sentence = item.function.__doc__ or words[:1].upper() + words[1:]
    sentence = sentence.strip().rstrip(".")
    return f"{sentence}: {case}" if case else sentence


def pytest_runtest_setup():
    DEATHS.clear()
    own_mistakes.noted.clear()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Report a check that has failed, was skipped, or has been made."""
    report = yield
    check = {"sentence": sentence_of(item)}
    if report.failed:
        check["outcome"] = "red"
        said = sentence_for(call.excinfo.value, item.config.option.program)
        check["message"] = own_mistakes.with_the_mistake(said)
        printed = [report.capstdout + report.caplog, *DEATHS]
        check["printed"] = "\n".join(filter(None, printed))[-1000:]
    elif report.skipped:
        check["outcome"] = "moved on"
        check["message"] = call.excinfo.value.msg
    elif call.when == "call":
        check["outcome"] = "green"
    else:  # setup or teardown, and nothing went wrong there
        return report
    write_report(item.config, **check)
    return report


def write_report(config, **report):
    os.write(config.stash[REPORTS], as_line(**report).encode())


def watch(config):
    """Wait until the program takes too long or too much; end all, and report where."""
    folder = config.option.program
    seconds = config.option.seconds
    until = monotonic() + seconds
    while monotonic() < until and memory_used() < MEMORY:
        sleep(0.05)
    if memory_used() >= MEMORY:
        stopped = uses_too_much(running_line(folder))
    elif DEATHS:
        stopped = f"{DEATHS[0]} Anything that waits for that thread waits forever."
    else:
        stopped = never_ends(running_line(folder), seconds)
    write_report(config, stopped=stopped)
    os._exit(1)


def running_line(folder):
    """Return the line of the program that some thread is at: "mine/app.py, line 9,"."""
    for _ in range(500):  # a generator is at none while what it has yielded is read
        for frame in sys._current_frames().values():
            while frame:
                found = place(frame.f_code.co_filename, frame.f_lineno, folder)
                if found:
                    return f"{found},"
                frame = frame.f_back
        sleep(0.001)
    return f"{folder.name}/app.py"

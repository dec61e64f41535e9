"""Run the checks of lessons as run_checks does, but in a process that is there already.

A Python that begins needs a second to import LangChain, pytest and Flask, ten times as
long as most checks take, and the tests begin hundreds. So one process imports them, and
each run is a copy of it, a fork. Where the system has none, as on Windows, each run
begins its own Python.
"""

import multiprocessing
import os
import signal
import sys
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Timer
from unittest.mock import patch

import pytest

from lessons.course import run_checks
from lessons.course.folders import ROOT

CAN_FORK = sys.platform == "linux"
MODULES = [
    "flask.testing",
    "langchain_core.language_models",
    "pytest",
    "failures",
    "models",
    "lessons.course.fixtures",
]


@pytest.fixture(scope="session")
def ready():
    """Return what starts a copy of a process that has imported the modules."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(MODULES)
    with patch.dict(os.environ, run_checks.ENVIRONMENT):
        process = context.Process(target=int)  # the first one starts the server
        process.start()
        process.join()
    return context


@pytest.fixture
def in_a_fork(monkeypatch, request):
    """Let run_checks start its checks as copies of the process that is ready."""
    if CAN_FORK:
        context = request.getfixturevalue("ready")

        def started(command, folder, seconds):
            return forked(context, command, folder, seconds)

        monkeypatch.setattr(run_checks, "started", started)


class Running:
    """What run_checks reads: the output of a copy that is at work."""

    def __init__(self, pid, stdout):
        self.pid = pid
        self.stdout = stdout


@contextmanager
def forked(context, command, folder, seconds):
    """Run pytest in a copy of the process that is ready, and end it at last."""
    assert command[1:3] == ["-m", "pytest"]
    words = [*command[3:], "--program", str(folder), "--seconds", str(seconds)]
    with TemporaryDirectory() as place:
        pipe = f"{place}/output"
        os.mkfifo(pipe)
        process = context.Process(target=run_pytest, args=[words, pipe])
        process.start()
        timer = Timer(seconds + run_checks.PATIENCE, end, [process])
        timer.start()
        try:
            with Path(pipe).open(encoding="utf-8", errors="replace") as stdout:
                yield Running(process.pid, stdout)
        finally:
            timer.cancel()
            end(process)
            process.join()


def end(process):
    """End a copy and all that it has started."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def run_pytest(words, pipe):
    """Run pytest with these arguments; what is printed goes into the pipe."""
    os.setsid()
    output = os.open(pipe, os.O_WRONLY)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    sys.stdin = os.fdopen(0, closefd=False)
    sys.stdout = sys.__stdout__ = os.fdopen(1, "w", closefd=False)
    sys.stderr = sys.__stderr__ = os.fdopen(2, "w", closefd=False)
    os.chdir(ROOT)
    os.environ.update(run_checks.ENVIRONMENT)
    sys.dont_write_bytecode = True
    os._exit(pytest.main(words))

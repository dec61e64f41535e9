"""Check many programs with one check.py, which pytest reads only once.

Half of what a run of checks takes is pytest's start: its plugins, and the lesson's
check.py with all that it imports. For the next program that is the same, so here a
process stops where pytest has found the checks, and each run goes on in a fork of it.
A fork begins as a run of its own would: nothing of a program has been imported yet.
"""

import os
import sys
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Timer

import pytest

from support.forked_python import begin, end, go_on

LAST = {}  # the process that is ready, by the words of its command; one at a time


class Ready:
    """A process that has read a check.py, and forks itself for each program."""

    def __init__(self, context, words, folder, environment):
        self.ours, theirs = context.Pipe()
        inside = words, folder, dict(environment), theirs
        self.process = context.Process(
            target=wait_with_checks,
            args=inside,
            daemon=True,  # it ends with the tests
        )
        self.process.start()
        theirs.close()

    def fork(self, program, seconds, output):
        """Let a fork check a program, and report into a file; return its number."""
        self.ours.send((str(program), seconds, str(output)))
        return self.ours.recv()

    def wait(self):
        """Wait until the last fork has ended."""
        self.ours.recv()

    def end(self):
        self.ours.close()  # it sees that, and ends
        self.process.join()


@contextmanager
def checked(run_checks, context, command, program, seconds):
    """Start pytest's command that checks a program, as run_checks.started does."""
    _python, *words = command
    ready = ready_for(context, words, run_checks)
    with TemporaryDirectory() as place:
        pipe = Path(place) / "output"
        os.mkfifo(pipe)
        pid = ready.fork(program, seconds, pipe)
        timer = Timer(seconds + run_checks.PATIENCE, end, [pid])
        timer.start()
        try:
            with pipe.open(encoding="utf-8", errors="replace") as stdout:
                yield Running(pid, stdout)
        finally:
            timer.cancel()
            end(pid)
            ready.wait()


class Running:
    """A fork at work: all that run_checks asks about."""

    def __init__(self, pid, stdout):
        self.pid = pid
        self.stdout = stdout


def ready_for(context, words, run_checks):
    """Return the process that is ready for a command; only the last one is kept."""
    name = tuple(words)
    if name not in LAST or not LAST[name].process.is_alive():
        end_the_last()
        environment = run_checks.environment()
        LAST[name] = Ready(context, words, run_checks.ROOT, environment)
    return LAST[name]


def end_the_last():
    while LAST:
        LAST.popitem()[1].end()


# In the process that is ready


def wait_with_checks(words, folder, environment, requests):
    """Be the Python that `python -m pytest ...` begins, up to where it has the checks.

    pytest gets a program and a time already: those of a fork take their place.
    """
    begin(folder, environment, os.devnull)
    Waiting.requests = requests
    sys.modules["waiting_with_checks"] = Waiting
    options = ["-pwaiting_with_checks", "--program", str(folder), "--seconds", "1"]
    go_on([*words, *options])


class Waiting:
    """A pytest plugin that forks a process where the checks have been found."""

    requests = None  # the end of the pipe at which programs are asked for

    @staticmethod
    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_finish(session):
        while True:
            try:
                program, seconds, output = Waiting.requests.recv()
            except EOFError:
                os._exit(0)
            pid = os.fork()
            if pid == 0:
                be_the_run(session.config, Path(program), seconds, output)
                return
            Waiting.requests.send(pid)
            os.waitpid(pid, 0)
            with suppress(BrokenPipeError):
                Waiting.requests.send("ended")


def be_the_run(config, program, seconds, output):
    """Be the run that checks a program, in a session of its own."""
    report_checks = config.pluginmanager.get_plugin(
        "lessons.course.checker.report_checks"
    )
    os.setsid()
    config.option.program = program
    config.option.seconds = seconds
    config.stash[report_checks.REPORTS] = os.open(output, os.O_WRONLY)
    report_checks.pytest_configure(config)

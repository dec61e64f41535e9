"""Run `python ...`, but in a copy of a process that is there already: a fork.

A Python that begins needs a second to import LangChain, pytest and Flask, ten times as
long as most checks take, and the tests begin hundreds. So one process imports them, and
none of our own modules, and each run is a copy of it. Where the system has none, as on
Windows, each run begins its own Python.
"""

import multiprocessing
import os
import runpy
import signal
import subprocess
import sys
from contextlib import contextmanager, suppress
from functools import cache, partial
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Timer
from unittest.mock import patch

from _pytest.config import default_plugins

CAN_FORK = sys.platform == "linux"
MODULES = [
    "flask.cli",
    "flask.testing",
    "langchain_core.language_models.chat_models",  # without an end it loads nothing
    "openai",
    "pytest",
    "requests",
    "selenium.webdriver",
    *(f"_pytest.{plugin}" for plugin in default_plugins),  # pytest begins with them
]
STARTS_WITH = {"PYTHONUTF8": "1", "MALLOC_ARENA_MAX": "2"}  # read when Python begins


@cache
def ready():
    """Return what starts a copy of a process that has imported what takes long."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(MODULES)
    with patch.dict(os.environ, STARTS_WITH):
        process = context.Process(target=int)  # the first one starts the server
        process.start()
        process.join()
    return context


class Copy:
    """A copy that is at work, as subprocess.Popen has it."""

    def __init__(self, context, run, words, folder, environment, output):
        inside = words, folder, dict(environment), output
        self.process = context.Process(target=run, args=inside)
        self.process.start()
        self.pid = self.process.pid
        self.stdout = None  # what it prints, where somebody reads that

    def poll(self):
        return self.process.exitcode

    def wait(self, seconds=None):
        self.process.join(seconds)
        if self.process.exitcode is None:
            raise subprocess.TimeoutExpired("a copy of Python", seconds)
        return self.process.exitcode

    def send_signal(self, which):
        os.kill(self.pid, which)

    def terminate(self):
        self.process.terminate()

    def kill(self):
        self.process.kill()


@contextmanager
def forked(context, words, folder, environment, run=None):
    """Run `python <words>` in a folder, in a copy; end it, and what it started.

    run(words, folder, environment, output) is what the copy does, if not run_python.
    """
    with TemporaryDirectory() as place:
        pipe = Path(place) / "output"
        os.mkfifo(pipe)
        copy = Copy(context, run or run_python, words, folder, environment, pipe)
        try:
            with pipe.open(encoding="utf-8", errors="replace") as copy.stdout:
                yield copy
        finally:
            end(copy.pid)
            copy.wait()


@contextmanager
def checked(run_checks, context, command, program, seconds):
    """Start a command that checks a program, as run_checks.started does.

    It is ended at last.
    """
    _python, *words = command
    words += ["--program", str(program), "--seconds", str(seconds)]
    with forked(context, words, run_checks.ROOT, run_checks.environment()) as running:
        timer = Timer(seconds + run_checks.PATIENCE, end, [running.pid])
        timer.start()
        try:
            yield running
        finally:
            timer.cancel()


def start_server(command, folder, environment, log):
    """Start a command in a folder; it prints into the file `log`, behind what is there.

    Python starts as a copy, if there are any. But gevent changes other modules, and has
    to be there before they are imported: it gets a Python of its own. Return the
    subprocess.Popen, or the Copy, which is used like it.
    """
    program, *words = command
    if CAN_FORK and program == sys.executable and "gevent" not in words:
        return Copy(ready(), run_python, words, folder, environment, log)
    with Path(log).open("a") as file:
        return subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # so that all its processes can be ended with it
        )


@contextmanager
def serving(words, folder, environment, log, patience):
    """Run a server, `python <words>`, in a folder; let it print into the file `log`.

    At last it is asked to end, and has `patience` seconds for that.
    """
    server = start_server([sys.executable, *words], folder, environment, log)
    try:
        yield
    finally:
        server.terminate()
        server.wait(patience)


def end(pid):
    """End a copy and all that it has started."""
    with suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)


# In the copy


def run_flask(words, folder, environment, output):
    """Be the Python that `python -m flask` begins, in a copy of the project.

    The checks that it starts run in copies of this copy.
    """
    begin(folder, environment, output)
    run_checks = import_module("lessons.course.checker.run_checks")
    context = multiprocessing.get_context("fork")
    run_checks.started = partial(checked, run_checks, context)
    go_on(words)


def run_python(words, folder, environment, output):
    """Be the Python that `python <words>` begins; print into a file or a pipe."""
    begin(folder, environment, output)
    go_on(words)


def begin(folder, environment, output):
    """Be in a folder with this environment; print into a file, read from nothing."""
    output = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.setsid()
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    sys.stdin = sys.__stdin__ = os.fdopen(0, closefd=False)
    sys.stdout = sys.__stdout__ = os.fdopen(1, "w", closefd=False)
    sys.stderr = sys.__stderr__ = os.fdopen(2, "w", 1, closefd=False)
    sys.dont_write_bytecode = "PYTHONDONTWRITEBYTECODE" in environment
    pythons = sys.prefix, sys.base_prefix  # where its own modules are, and pip's
    theirs = [path for path in sys.path if path.startswith(pythons)]
    named = filter(None, environment.get("PYTHONPATH", "").split(os.pathsep))
    sys.path[:] = [str(folder), *named, *theirs]


def go_on(words):
    """Run what stands behind -m, a module, or -c, a text, and end as it does."""
    option, program, *arguments = words
    code = 0
    try:
        if option == "-m":
            sys.argv = [program, *arguments]
            runpy.run_module(program, run_name="__main__", alter_sys=True)
        else:
            sys.argv = [option, *arguments]
            exec(program, {"__name__": "__main__"})
    except SystemExit as ending:
        code = ending.code or 0
        if isinstance(code, str):
            print(code, file=sys.stderr)
            code = 1
    sys.stdout.flush()
    os._exit(code)

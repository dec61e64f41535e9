"""Real servers for the tests of the last lessons: Redis, nginx, gunicorn, Celery.

Each is started on a free port of 127.0.0.1 and ended again. One that is not installed
skips the test with a reason, but fails it where CI is set, except on Windows, for which
there is no Redis.
"""

import os
import shutil
import signal
import subprocess
import sys
from contextlib import contextmanager

import pytest

from support import LIMIT, ROOT
from support.forked_python import start_server
from support.servers import free_port, wait_for

KILL = getattr(signal, "SIGKILL", signal.SIGTERM)  # Windows has none


def need(program):
    """Return the path of an installed program, or skip the test; in CI fail it."""
    if os.name == "nt":
        pytest.skip(f"{program} runs on Windows in WSL only")
    found = shutil.which(program, path=f"{os.environ['PATH']}{os.pathsep}/usr/sbin")
    if not found:
        message = f"{program} is not installed"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(message)
    return found


class Server:
    """A process that listens on a port, and can be killed and started again."""

    def __init__(self, command, port, log, folder=ROOT, **settings):
        self.command = [str(word) for word in command]
        self.port = port
        self.log = log  # a path
        self.folder = folder
        self.settings = {name: str(value) for name, value in settings.items()}
        self.process = None

    def start(self):
        """Start it, and return when it listens; one without a port starts at once."""
        environment = os.environ | self.settings
        self.process = start_server(self.command, self.folder, environment, self.log)
        if self.port:
            wait_for(self.port)

    def kill(self):
        """End it at once, as a plug that is pulled does."""
        self.end(KILL)

    def end(self, how=signal.SIGTERM):
        """End it and its processes, and wait until they are gone."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, how)
            try:
                self.process.wait(LIMIT)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, KILL)
                self.process.wait(LIMIT)


@contextmanager
def started(command, port, log, folder=ROOT, **settings):
    """Run a server in a folder while the block runs."""
    server = Server(command, port, log, folder, **settings)
    server.start()
    try:
        yield server
    finally:
        server.end()


def redis_server(folder, log, *more):
    """Run a Redis that writes what it holds into the folder when it is ended."""
    port = free_port()
    words = ["--port", port, "--bind", "127.0.0.1", "--dir", folder, "--save", "3600 1"]
    return started([need("redis-server"), *words, *more], port, log)


def gunicorn(module, log, kind="gthread", workers=1, threads=250, **settings):
    """Run a module's app under gunicorn, as one web machine."""
    port = free_port()
    words = ["-m", "gunicorn", "--bind", f"127.0.0.1:{port}", "--workers", workers]
    words += ["--worker-class", kind, "--graceful-timeout", 1]
    if kind == "gthread":
        words += ["--threads", threads]
    return started([sys.executable, *words, f"{module}:app"], port, log, **settings)


def celery_worker(module, log, threads=50, **settings):
    """Run a Celery worker with threads."""
    words = ["-m", "celery", "-A", module, "worker", "--pool", "threads"]
    words += ["--concurrency", threads, "--without-gossip", "--without-mingle"]
    words += ["--hostname", f"worker{free_port()}@test"]
    return started([sys.executable, *words], None, log, **settings)


def nginx(folder, configuration, ports, log):
    """Run nginx with a configuration of a lesson; {8080: 12345} says which ports."""
    text = configuration.read_text(encoding="utf-8")
    for port, instead in ports.items():
        assert str(port) in text
        text = text.replace(str(port), str(instead))
    path = folder / "nginx.conf"
    path.write_text(text, encoding="utf-8")
    words = ["-p", folder, "-c", path, "-e", "stderr"]
    return started([need("nginx"), *words], ports[8080], log)

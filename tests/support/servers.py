"""Our own servers, on a real port: as flask runs them, or gunicorn, or waitress."""

import os
import threading
from contextlib import contextmanager
from time import monotonic

from werkzeug.wsgi import ClosingIterator

from lessons.course.for_checks.local_server import free_port, listens
from support import LIMIT, ROOT
from support.forked_python import serving

WAITRESS = """
import sys, importlib, waitress
name, address = sys.argv[1:]
waitress.serve(importlib.import_module(name).app, listen=address, threads=8)
"""  # waitress-serve takes no name with a hyphen
PRODUCTION = {
    "gunicorn": lambda module, address: f"""
        -m gunicorn --bind {address} --worker-class gthread --threads 8
        --graceful-timeout 1 {module}:app""".split(),
    "waitress": lambda module, address: ["-c", WAITRESS, module, address],
}


def wait_for(port):
    """Return when a server listens on the port of 127.0.0.1."""
    until = monotonic() + 6 * LIMIT  # a busy machine takes its time
    while monotonic() < until:
        if listens(port):
            return
        threading.Event().wait(0.01)
    raise TimeoutError(f"no server listens on port {port}")


@contextmanager
def running(*words, log=os.devnull, **settings):
    """Run `flask <words>` with these settings, as .env has them; yield its address."""
    port = free_port()
    environment = os.environ | {"FLASK_RUN_PORT": str(port)} | settings
    with serving(["-m", "flask", *words], ROOT, environment, log, LIMIT):
        wait_for(port)
        yield f"http://127.0.0.1:{port}"


@contextmanager
def production(kind, module, log=os.devnull, **settings):
    """Run a module's app under gunicorn (gthread) or waitress; yield its address."""
    port = free_port()
    words = PRODUCTION[kind](module, f"127.0.0.1:{port}")
    with serving(words, ROOT, os.environ | settings, log, LIMIT):
        wait_for(port)
        yield f"http://127.0.0.1:{port}"


def changed(wsgi_app, body=None, headers=None):
    """Return a WSGI app that answers as another does, but for what a test changes.

    body(piece) returns what to send for a piece of the body, in bytes; headers(list)
    returns the headers. A test's client has to notice what was changed.
    """

    def answer(environ, start_response):
        def start(status, given, *rest):
            return start_response(status, headers(given) if headers else given, *rest)

        pieces = wsgi_app(environ, start)
        close = getattr(pieces, "close", None)
        return ClosingIterator(map(body, pieces) if body else pieces, close)

    return answer

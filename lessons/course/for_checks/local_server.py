"""A WSGI app on a real port of this machine, for as long as somebody needs it."""

import random
import socket
import threading
from contextlib import contextmanager

from werkzeug.serving import WSGIRequestHandler, make_server

PATIENCE = 3  # seconds that the end of a server may take


class Quiet(WSGIRequestHandler):
    """A request that leaves no line in the log."""

    def log(self, type, message, *args):
        pass


@contextmanager
def served(wsgi_app, handler=Quiet):
    """Run a WSGI app on a free port, a thread for each request; yield its address."""
    settings = {"threaded": True, "request_handler": handler}
    server = make_server("127.0.0.1", 0, wsgi_app, **settings)
    server.daemon_threads = True
    server.block_on_close = False  # an answer that never ends would hold it up
    look = 0.01  # seconds between two looks at whether it is to end
    thread = threading.Thread(target=server.serve_forever, args=[look], daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.port}"
    finally:
        server.shutdown()
        thread.join(PATIENCE)
        server.server_close()


def free_port():
    """Return the number of a port on which nothing listens.

    None of those that a system gives to a program that asks for any: a browser, say,
    could get it before the server that it is for.
    """
    while True:
        port = random.randrange(10_000, 32_000)
        if not listens(port):
            return port


def listens(port):
    """Whether something listens on a port of this machine."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0

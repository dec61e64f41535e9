"""A WSGI app on a real port of this machine, for as long as somebody needs it."""

import threading
from contextlib import contextmanager

from werkzeug.serving import WSGIRequestHandler, make_server

PATIENCE = 3  # seconds that the end of a server may take


class Quiet(WSGIRequestHandler):
    """A request that leaves no line in the log."""

    def log(self, type, message, *args):
        pass


@contextmanager
def served(wsgi_app):
    """Run a WSGI app on a free port, a thread for each request; yield its address."""
    server = make_server("127.0.0.1", 0, wsgi_app, threaded=True, request_handler=Quiet)
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

"""What `flask run` needs to serve a class at once.

Its server is Werkzeug's, which reads these settings from its own classes. Another
server, such as gunicorn, does not use them: it has settings of its own.
"""

from io import BytesIO

from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler


def let_flask_run_serve_a_class(patience):
    """Set up Werkzeug's server; `patience` is for a reader who stops, in seconds."""
    WSGIRequestHandler.timeout = patience
    # How many readers may arrive in the same moment; the next is refused a connection.
    BaseWSGIServer.request_queue_size = 1024
    # A buffer for what is written, which Werkzeug empties after each piece of a stream:
    # then a piece leaves as one packet, and not as four.
    WSGIRequestHandler.wbufsize = -1  # -1: as large as Python finds right
    # A packet leaves at once: it does not wait until the one before has arrived.
    WSGIRequestHandler.disable_nagle_algorithm = True
    WSGIRequestHandler.connection_dropped = forget_what_is_left


def forget_what_is_left(handler, error, environ=None):
    """Drop what could not be sent: closing the buffer would try to send it again."""
    handler.wfile.raw.close()
    handler.wfile = BytesIO()

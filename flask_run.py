"""What `flask run` needs to answer many readers at once.

Its server comes with Werkzeug, the part of Flask that speaks HTTP, and has its settings
in two classes: BaseWSGIServer accepts the connections, and a WSGIRequestHandler answers
on each of them. Another server, such as gunicorn, has settings of its own.
"""

from io import BytesIO

from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler


def prepare_for_many_readers(patience):
    """Set up the server of `flask run`.

    A reader who takes nothing in for `patience` seconds is hung up on.
    """
    WSGIRequestHandler.timeout = patience  # seconds that one write may wait
    # How many may knock in the same moment: one more would be refused a connection.
    BaseWSGIServer.request_queue_size = 1024
    # A piece is sent as its size, a line end, its text and a line end. With a buffer,
    # which Werkzeug empties after each piece, they are one packet and not four.
    WSGIRequestHandler.wbufsize = -1  # -1: as large as Python finds right
    # A packet leaves at once: it does not wait until the one before has arrived.
    WSGIRequestHandler.disable_nagle_algorithm = True
    # Werkzeug calls this when it finds that a reader has left.
    WSGIRequestHandler.connection_dropped = forget_what_is_left


def forget_what_is_left(handler, error, environ=None):
    """Drop what could not be sent: else closing the buffer would try again, and fail.

    Werkzeug calls it as a method of the handler, whose `wfile` is the buffer. Below the
    buffer is `raw`, the connection.
    """
    handler.wfile.raw.close()
    handler.wfile = BytesIO()  # a buffer in memory, which can be closed in peace

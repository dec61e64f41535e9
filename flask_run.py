"""What `flask run` needs to answer many readers at once, and how to start it.

Its server comes with Werkzeug, the part of Flask that speaks HTTP. Two classes hold its
settings: BaseWSGIServer accepts the connections, and a WSGIRequestHandler answers on
each of them. Another server, such as gunicorn, has settings of its own.
"""

import os
import sys
from io import BytesIO
from pathlib import Path

from flask.cli import FlaskGroup
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler


def prepare_for_many_readers(patience):
    """Set up the server of `flask run`.

    It hangs up on a reader who has taken nothing for `patience` seconds.
    """
    WSGIRequestHandler.timeout = patience  # seconds that one write may wait
    # How many may connect at the same moment. One more would be refused.
    BaseWSGIServer.request_queue_size = 1024
    # A piece is sent as its size, a line end, its text and a line end. With a buffer,
    # which Werkzeug empties after each piece, they are one packet instead of four.
    WSGIRequestHandler.wbufsize = -1  # -1: a size that Python chooses
    # A packet leaves at once. It does not wait until the one before has arrived.
    WSGIRequestHandler.disable_nagle_algorithm = True
    # Werkzeug calls this when it finds that a reader has left.
    WSGIRequestHandler.connection_dropped = forget_what_is_left


def forget_what_is_left(handler, error, environ=None):
    """Drop what could not be sent. Closing the buffer would try once more, and fail.

    Werkzeug calls this as a method of the handler. Its `wfile` is the buffer, and below
    the buffer is `raw`, the connection.
    """
    handler.wfile.raw.close()
    handler.wfile = BytesIO()  # a buffer in memory, which can be closed safely


def run_server():
    """Do what `flask run` does, with the same options, settings and port."""
    program = Path(__file__).with_name("app.py")
    os.chdir(program.parent)  # where .flaskenv and .env are
    os.environ["FLASK_APP"] = program.name
    sys.argv[0] = str(program)  # with --debug, Flask starts this once more by its name
    flask = FlaskGroup()  # the command `flask`
    flask.main(["run", *sys.argv[1:]], prog_name="flask")

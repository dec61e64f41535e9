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
    # A piece is written in four parts: its size, a line end, its text, a line end. A
    # buffer collects them, and Werkzeug sends all four together, in one packet.
    WSGIRequestHandler.wbufsize = -1  # -1: a size that Python chooses
    # A packet leaves at once. It does not wait until the one before has arrived.
    WSGIRequestHandler.disable_nagle_algorithm = True
    # Werkzeug calls this when it finds that a reader has left.
    WSGIRequestHandler.connection_dropped = forget_what_is_left


def forget_what_is_left(handler, error, environ=None):
    """Drop what could not be sent. Closing the buffer would try once more, and fail.

    This becomes a method of the handler, which is its first parameter. The handler's
    `wfile` is the buffer, and below the buffer is `raw`, the connection.
    """
    handler.wfile.raw.close()
    handler.wfile = BytesIO()  # a buffer in memory, which can be closed safely


def run_server():
    """Do what `flask run` does, with the same options, settings and port."""
    program = Path(__file__).parent / "app.py"
    os.chdir(program.parent)  # where .flaskenv and .env are
    os.environ["FLASK_APP"] = program.name
    # With --debug, Werkzeug starts the program a second time, by its name in one of
    # these lists. A name such as ../app.py was right only in the folder we have left.
    name = sys.argv[0]
    sys.orig_argv = [str(program) if word == name else word for word in sys.orig_argv]
    sys.argv[0] = str(program)
    words = ["run", *sys.argv[1:]]  # as if somebody had typed: flask run --debug
    FlaskGroup().main(words, prog_name="flask")

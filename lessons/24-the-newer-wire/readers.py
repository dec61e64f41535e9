"""Room beside the readers: on a machine full of them, nobody could press Stop.

It is lesson 20's, at this lesson's addresses.
"""

from threading import BoundedSemaphore

from flask import Response, json
from werkzeug.wsgi import ClosingIterator

from .errors import openai_error
from .limits import READERS

FULL = "Too many are reading here just now: try again in 5 s."


class RoomForReaders:
    """A WSGI app that limits how many read at once, and tells others to come back.

    WSGI is how a server calls a Python program: Flask's app is a WSGI app, too.
    """

    def __init__(self, wsgi_app, readers=READERS):
        self.wsgi_app = wsgi_app
        self.places = BoundedSemaphore(readers)

    def __call__(self, environ, start_response):
        if not may_get_a_stream(environ["PATH_INFO"]):
            return self.wsgi_app(environ, start_response)
        if not self.places.acquire(blocking=False):
            return refusal()(environ, start_response)
        try:
            body = self.wsgi_app(environ, start_response)
        except BaseException:
            self.places.release()
            raise
        return ClosingIterator(body, self.places.release)  # when all of it was sent


def may_get_a_stream(path):
    """Whether a request for this path may be answered with a stream."""
    return path.startswith("/v1/responses") and not path.endswith("/cancel")


def refusal():
    """Return the 503 for a reader who finds no place."""
    headers = {"Retry-After": "5"}
    body = json.dumps(openai_error(503, FULL))
    return Response(body, 503, headers, "application/json")

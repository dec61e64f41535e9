"""Room beside the readers: on a machine full of them, nobody could press Stop.

Each reader holds one of the machine's threads for as long as its answer is written. If
they held all of them, nobody could press Stop, or begin an answer, on that machine.
"""

from threading import BoundedSemaphore

from flask import Response, json
from werkzeug.wsgi import ClosingIterator

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
        if not is_of_a_reader(environ):
            return self.wsgi_app(environ, start_response)
        if not self.places.acquire(blocking=False):
            return refusal()(environ, start_response)
        try:
            body = self.wsgi_app(environ, start_response)
        except BaseException:
            self.places.release()
            raise
        return ClosingIterator(body, self.places.release)  # when all of it was sent


def is_of_a_reader(environ):
    """Whether a request may be answered with a stream."""
    path = environ["PATH_INFO"]
    if environ["REQUEST_METHOD"] == "GET":
        return path.startswith(("/answers/", "/chat/"))
    return path == "/chat"  # React's useChat asks and reads in one request


def refusal():
    """Return the 503 for a reader who finds no place."""
    headers = {"Retry-After": "5"}
    return Response(json.dumps({"error": FULL}), 503, headers, "application/json")

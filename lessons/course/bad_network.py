"""A bad network: the same bytes, but cut at awkward places, 20 ms apart.

On one's own machine a piece of an answer arrives as it was sent; elsewhere it may not.
Put it around a program: flask --app "lessons.course.bad_network:around('mine')" run
"""

import re
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from time import sleep

from werkzeug.wsgi import ClosingIterator

from lessons.course.folders import ROOT

LETTER = re.compile(rb"[\xc2-\xf4]")  # the first byte of a letter that has several


class BadNetwork:
    """A WSGI app that answers as another does, a few bytes at a time."""

    def __init__(self, wsgi_app):
        self.wsgi_app = wsgi_app

    def __call__(self, environ, start_response):
        body = self.wsgi_app(environ, start_response)
        return ClosingIterator(slowly(body), getattr(body, "close", None))


def slowly(body):
    """Yield the body in small parts, and ask for a piece only when its turn comes."""
    for piece in body:
        for part in cut(piece):
            yield part
            sleep(0.02)


def cut(piece):
    """Return the bytes in parts: 5 bytes or an eighth, and every long letter in two."""
    places = {*range(0, len(piece), max(5, len(piece) // 8)), len(piece)}
    places |= {letter.end() for letter in LETTER.finditer(piece)}
    return [piece[start:end] for start, end in pairwise(sorted(places))] or [piece]


def around(folder):
    """Return the Flask app of a folder, such as "mine", behind a bad network."""
    if not (ROOT / folder / "app.py").exists():
        raise SystemExit(f"There is no {folder}/app.py: name a folder that has one.")
    app = import_module(".".join([*Path(folder).parts, "app"])).app
    app.wsgi_app = BadNetwork(app.wsgi_app)
    return app

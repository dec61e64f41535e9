"""A bad network: the same bytes, but cut at awkward places, 20 ms apart.

On one's own machine a piece of an answer arrives as it was sent; elsewhere it may not.
Put it around a program: flask --app "lessons.course.bad_network:around('mine')" run
"""

import re
from importlib import import_module
from pathlib import Path
from time import sleep

from werkzeug.wsgi import ClosingIterator

from lessons.course.folders import ROOT

LETTER = re.compile(rb"[\xc2-\xf4]")  # the first byte of a letter that has several


class BadNetwork:
    """A WSGI app that sends the answers of another, a few bytes at a time."""

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
    """Return the parts of a piece: cut every 5 bytes or more, and in long letters."""
    step = max(5, len(piece) // 8)
    places = set(range(step, len(piece), step))
    for first_byte in LETTER.finditer(piece):
        places.add(first_byte.end())
    places.discard(len(piece))  # nothing comes after it
    parts = []
    start = 0
    for place in sorted(places):
        parts.append(piece[start:place])
        start = place
    parts.append(piece[start:])
    return parts


def around(folder):
    """Return the Flask app of a folder, such as "mine", behind a bad network."""
    if not (ROOT / folder / "app.py").exists():
        raise SystemExit(f"There is no {folder}/app.py: name a folder that has one.")
    package = ".".join(Path(folder).parts)  # lessons/03-... is lessons.03-...
    app = import_module(f"{package}.app").app
    app.wsgi_app = BadNetwork(app.wsgi_app)
    return app

"""A page in the frame of a lesson, whose browser says there what breaks in it.

A script that cannot be read leaves a page that looks alive and does nothing: only the
console says why, and often before the frame has loaded. So the first script of such a
page is ours, which listens. A page in a tab of its own is sent as it was written.
"""

import re

from werkzeug import Response
from werkzeug.wsgi import ClosingIterator

from lessons.course.addresses import way_to_root

COMMENTS = rb"(?:\s|<!--.*?-->)*"  # and spaces
DOCTYPE = re.compile(
    rb"(?:\xef\xbb\xbf)?" + COMMENTS + rb"(?:<!doctype[^>]*>)?", re.I | re.S
)
LONGEST_DOCTYPE = 1000  # bytes


class HeardPages:
    """A WSGI app that answers as another does, with our script in a frame's page."""

    def __init__(self, wsgi_app):
        self.wsgi_app = wsgi_app

    def __call__(self, environ, start_response):
        if environ.get("HTTP_SEC_FETCH_DEST") != "iframe":
            return self.wsgi_app(environ, start_response)
        response = Response.from_app(self.wsgi_app, environ)
        is_encoded = "Content-Encoding" in response.headers
        if response.mimetype == "text/html" and not is_encoded:
            address = f"{way_to_root(environ)}lessons/static/problems.js"
            add_script(response, f'<script src="{address}"></script>'.encode())
        return response(environ, start_response)


def add_script(response, script):
    """Let a script be the first thing in a page."""
    if response.content_length is not None:
        response.content_length += len(script)
    for name in "ETag", "Last-Modified":  # they are about the page without it
        response.headers.pop(name, None)
    body = response.response
    pieces = with_script(iter(body), script)
    response.response = ClosingIterator(pieces, getattr(body, "close", None))


def with_script(pieces, script):
    """Yield the pieces of a page with a script behind the doctype.

    Before the doctype, it would put the page into quirks mode.
    """
    head = b""
    for piece in pieces:
        head += piece
        if b">" in head or len(head) > LONGEST_DOCTYPE:
            break
    place = DOCTYPE.match(head).end()
    yield head[:place] + script + head[place:]
    yield from pieces

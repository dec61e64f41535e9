"""The headers that keep what the course sends in its place.

A Content-Security-Policy says what a browser may do with a page. Each line
says where one kind of thing may come from; 'self' is this server.
"""

from werkzeug.datastructures import Headers

# No page of another server shows ours in a frame. Such a page could lay its own words
# over ours, and have people press our buttons unawares.
FRAMED_BY_US = "frame-ancestors 'self'"
PAGE_POLICY = "; ".join(
    [
        "default-src 'none'",  # nothing, but for what follows
        "script-src 'self'",  # no script in the page itself
        "style-src 'self'",
        "connect-src 'self'",  # what fetch may ask
        "img-src 'self' data:",
        "frame-src 'self'",  # the program beside the notes
        "base-uri 'none'",  # no <base>, which would turn every link elsewhere
        "form-action 'none'",  # forms are read by scripts, and sent nowhere
        FRAMED_BY_US,
    ]
)
PICTURE_POLICY = "; ".join(
    [
        "default-src 'none'",  # an SVG can hold scripts: ours have none
        "style-src 'unsafe-inline'",  # their colours are in the picture itself
        FRAMED_BY_US,
    ]
)


class SafeHeaders:
    """A WSGI app that answers as a student's program does, in its own place only."""

    def __init__(self, wsgi_app):
        self.wsgi_app = wsgi_app

    def __call__(self, environ, start_response):
        def start_safely(status, headers, exc_info=None):
            safe = Headers(headers)
            # Added, not set: a browser keeps this policy and the program's own.
            safe.add("Content-Security-Policy", FRAMED_BY_US)
            # A browser must not guess: text that looks like a page stays text.
            safe.set("X-Content-Type-Options", "nosniff")
            # A service worker is a script that answers in the server's place, also when
            # mine/ has changed long since: this would let it answer for other pages.
            safe.remove("Service-Worker-Allowed")
            return start_response(status, safe.to_wsgi_list(), exc_info)

        return self.wsgi_app(environ, start_safely)

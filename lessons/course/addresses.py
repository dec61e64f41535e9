"""Relative addresses, which also hold behind a proxy that takes a prefix away.

JupyterHub, say, shows a server on port 8000 at /user/ada/proxy/8000/, and the server
sees / only. An address such as /static/style.css would lead past the proxy.
"""

from werkzeug.datastructures import Headers
from werkzeug.wsgi import get_current_url

TO_ROOT = "lessons.course.to_root"  # where a request's environ keeps it


def keep_way_to_root(environ):
    """Keep, for later, how a relative address leads from a request's to the root."""
    depth = environ["PATH_INFO"].count("/") - 1
    environ[TO_ROOT] = "../" * depth or "./"


def way_to_root(environ):
    """Return what leads from the address of a request to the root, such as "../"."""
    return environ[TO_ROOT]


def with_relative_redirects(environ, start_response):
    """Return a start_response whose redirects to our own addresses are relative."""
    ours = get_current_url(environ, root_only=True)  # http://127.0.0.1:8000/

    def start(status, headers, *more):
        relative = Headers(headers)
        place = relative.get("Location", "")
        if place.startswith(ours):
            relative["Location"] = way_to_root(environ) + place.removeprefix(ours)
        elif place.startswith("/") and not place.startswith("//"):
            relative["Location"] = way_to_root(environ) + place.removeprefix("/")
        return start_response(status, relative.to_wsgi_list(), *more)

    return start

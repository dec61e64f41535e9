"""Which requests come from a page of ours: those that may start and check programs.

Any page that the student has open in the browser can send a request to this server, and
the browser itself says where a request comes from. In Sec-Fetch-Site, "same-origin" is
a page of this server. "same-site" is another port of this machine, where anybody's
program may run. Browsers older than 2023 send Origin instead: the address of the page,
with its port. A page without an address of its own sends "null".

This does not stop a page in mine/, which has our origin. So what a request can do is
small: it names a lesson, and carries no code.
"""

from werkzeug.wsgi import get_host


def is_from_our_page(environ):
    """Whether a page of this server sent a request, of which environ is known."""
    site = environ.get("HTTP_SEC_FETCH_SITE")
    if site is not None:
        return site == "same-origin"
    our_origin = f"{environ['wsgi.url_scheme']}://{get_host(environ)}"
    return environ.get("HTTP_ORIGIN") == our_origin

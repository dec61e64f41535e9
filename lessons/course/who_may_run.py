"""Who may run the lessons' programs, mine/ and the checks.

Under `flask run` only, and only someone using this machine: a lesson's program has none
of the limits of app.py, and a check takes a processor for seconds.
"""

import os
from urllib.parse import urlsplit

THIS_MACHINE = ("127.0.0.1", "::1", "::ffff:127.0.0.1")  # its addresses for itself
# A header is, in a WSGI environ, HTTP_ and its name: X-Real-IP is HTTP_X_REAL_IP. These
# beginnings are of headers that proxies add to what they pass on. Almost any name that
# begins with X is one of them.
BY_A_PROXY = (
    "HTTP_AKAMAI_",
    "HTTP_ALI_",
    "HTTP_B3",
    "HTTP_BAGGAGE",
    "HTTP_CDN_",
    "HTTP_CF_",  # Cloudflare's
    "HTTP_CLOUDFRONT_",
    "HTTP_EAGLEEYE_",
    "HTTP_EDGE_",
    "HTTP_FASTLY_",
    "HTTP_FLY_",
    "HTTP_FRONT_END_HTTPS",
    "HTTP_INCAP_",
    "HTTP_MAX_FORWARDS",
    "HTTP_NGROK_",
    "HTTP_OIDC_",
    "HTTP_REMOTE_",
    "HTTP_REQUEST_ID",
    "HTTP_SSL_",
    "HTTP_SURROGATE_",
    "HTTP_TAILSCALE_",
    "HTTP_TRACEPARENT",
    "HTTP_TRACESTATE",
    "HTTP_UBER_TRACE_ID",
    "HTTP_X_",
)
BY_A_BROWSER = ("HTTP_X_MOZ", "HTTP_X_PURPOSE", "HTTP_X_REQUESTED_WITH")
SPEAKS_OF_A_PROXY = ("FORWARDED", "PROXY", "_VIA")  # anywhere in a header's name
NAMES_AN_ADDRESS = ("_IP", "_CLIENTIP", "_IPV6", "_ADDR", "_ADDRESS")


def runs_here(environ):
    """Whether who sent a request, of which environ is what is known, may run programs.

    Behind a proxy on this machine everybody seems to sit here.
    """
    if not is_from_this_machine(environ):
        return False
    allowed = os.environ.get("COURSE_BEHIND_PROXY") == "1"
    return allowed or not is_by_proxy(environ)


def is_from_this_machine(environ):
    """Whether this machine sent the request to `flask run`: a person, or a proxy."""
    by_flask_run = os.environ.get("FLASK_RUN_FROM_CLI") == "true"
    return by_flask_run and environ.get("REMOTE_ADDR") in THIS_MACHINE


def is_by_proxy(environ):
    """Whether a proxy passed the request on, for somebody unknown.

    Many proxies say so. Others do not, but pass on a name or speak a version of HTTP
    that a browser on this machine would not.
    """
    for name in environ:
        if not name.startswith("HTTP_") or name in BY_A_BROWSER:
            continue
        if name.startswith(BY_A_PROXY) or name.endswith(NAMES_AN_ADDRESS):
            return True
        if any(word in name for word in SPEAKS_OF_A_PROXY):
            return True
    if environ.get("SERVER_PROTOCOL") == "HTTP/1.0":  # nginx's, unless it is told
        return True
    host = urlsplit(f"//{environ.get('HTTP_HOST', 'localhost')}").hostname
    page = urlsplit(environ.get("HTTP_ORIGIN", "")).hostname  # None where it is null
    return not is_this_machine(host) or not is_this_machine(page or "localhost")


def is_this_machine(name):
    """Whether a name or an address is one that each machine has for itself."""
    if name in THIS_MACHINE or name == "localhost":
        return True
    return str(name).endswith(".localhost")


def waits_for_the_setting(environ):
    """Whether COURSE_BEHIND_PROXY=1 is all that is missing to run programs."""
    return is_from_this_machine(environ) and not runs_here(environ)

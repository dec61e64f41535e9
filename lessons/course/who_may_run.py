"""Who may run the lessons' programs, mine/ and the checks.

Under `flask run` only, and only who sits at the machine: a lesson's program has none of
the limits of app.py, and a check takes a processor for seconds.
"""

import os

THIS_MACHINE = ("127.0.0.1", "::1", "::ffff:127.0.0.1")  # its addresses for itself
# The headers that a proxy adds to what it passes on: X-Forwarded-For is, in a WSGI
# environ, HTTP_X_FORWARDED_FOR.
BY_A_PROXY = ("HTTP_FORWARDED", "HTTP_X_FORWARDED", "HTTP_X_REAL_IP", "HTTP_VIA")


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
    """Whether a proxy passed the request on, for who knows whom."""
    return any(name.startswith(BY_A_PROXY) for name in environ)


def waits_for_the_setting(environ):
    """Whether COURSE_BEHIND_PROXY=1 is all that is missing to run programs."""
    return is_from_this_machine(environ) and not runs_here(environ)

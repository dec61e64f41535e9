"""Where the lessons' programs and mine/ stand on the course, and who may run them.

They run under `flask run` only, and only for who sits at the machine: a lesson's
program has none of the limits of app.py.
"""

import os

from werkzeug.exceptions import SecurityError
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.wsgi import get_host

from lessons.course import folders
from lessons.course.bad_network import BadNetwork
from lessons.course.live_program import Program
from lessons.course.safe_headers import SafeHeaders

THIS_MACHINE = ("127.0.0.1", "::1", "::ffff:127.0.0.1")  # its addresses for itself
# What a proxy adds to a request that it passes on, in the words of WSGI.
BY_A_PROXY = ("HTTP_FORWARDED", "HTTP_X_FORWARDED", "HTTP_X_REAL_IP", "HTTP_VIA")


def runs_here(environ):
    """Whether `flask run` serves this request, to somebody at the same machine."""
    if not is_from_this_machine(environ):
        return False
    return not is_by_proxy(environ) or os.environ.get("COURSE_BEHIND_PROXY") == "1"


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


def mount_programs(app, below):
    """Put the programs of every lesson below an address of a Flask app: /lessons.

    /lessons/<name>/program is the lesson's own program, or the app's where it has none;
    /lessons/<name>/mine is what the student writes. Each stands there twice: /bad
    behind it puts a bad network around it.
    """
    root = app.wsgi_app
    mine = Program(folders.MINE)
    mounts = {}
    for folder in folders.LESSONS.glob("[0-9]*/"):
        has_program = (folder / "app.py").exists()
        program = Program(folder) if has_program else root
        for name, wsgi_app in ("program", program), ("mine", mine):
            address = f"{below}/{folder.name}/{name}"
            mounts[address] = SafeHeaders(wsgi_app)
            mounts[f"{address}/bad"] = SafeHeaders(BadNetwork(wsgi_app))
    programs = DispatcherMiddleware(root, mounts)

    def choose(environ, start_response):
        """Answer with the programs where they may run, and without them elsewhere."""
        try:
            get_host(environ, app.config["TRUSTED_HOSTS"])
        except SecurityError:
            return root(environ, start_response)  # which refuses, in its own words
        wsgi_app = programs if runs_here(environ) else root
        return wsgi_app(environ, start_response)

    app.wsgi_app = choose

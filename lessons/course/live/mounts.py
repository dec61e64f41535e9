"""Where the course serves the lessons' programs and mine/."""

from werkzeug.exceptions import SecurityError
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.wsgi import get_host

from lessons.course import folders
from lessons.course.about_lessons.way_through import all_lessons
from lessons.course.addresses import keep_way_to_root, with_relative_redirects
from lessons.course.bad_network import BadNetwork
from lessons.course.live.error_response import answer_with
from lessons.course.live.heard_pages import HeardPages
from lessons.course.live.reloading import Program
from lessons.course.safe_headers import SafeHeaders
from lessons.course.who_may_run import runs_here


def mount_programs(app, below):
    """Put the programs of every lesson below an address of a Flask app: /lessons.

    /lessons/<name>/program is the lesson's own program, or the app's where it has none;
    /lessons/<name>/mine is what the student writes. Each is there twice: /bad
    behind it puts a bad network around it.
    """
    root = app.wsgi_app
    mine = Program(folders.MINE)
    mounts = {}
    for lesson in all_lessons().values():
        program = Program(lesson.folder) if lesson.has("app.py") else root
        own = ("program", program), ("mine", once_started(mine, lesson.number))
        for name, wsgi_app in own:
            address = f"{below}/{lesson.name}/{name}"
            heard = HeardPages(wsgi_app)
            mounts[address] = SafeHeaders(heard)
            mounts[f"{address}/bad"] = SafeHeaders(BadNetwork(heard))
    programs = DispatcherMiddleware(root, mounts)

    def choose(environ, start_response):
        """Answer with the programs where they may run, and without them elsewhere."""
        keep_way_to_root(environ)
        try:
            # A page that gives its own name our address would count as ours.
            get_host(environ, app.config["TRUSTED_HOSTS"])
        except SecurityError:
            return root(environ, start_response)  # which refuses, in its own words
        start = with_relative_redirects(environ, start_response)
        wsgi_app = programs if runs_here(environ) else root
        return wsgi_app(environ, start)

    app.wsgi_app = choose


def once_started(mine, number):
    """Return mine/ as a WSGI app that says how to start that lesson, if none was."""

    def answer(environ, start_response):
        wsgi_app = mine
        if not (folders.MINE / "app.py").exists():
            wsgi_app = answer_with(no_program(number), environ)
        return wsgi_app(environ, start_response)

    return answer


def no_program(number):
    """Return the sentence that says how mine/ gets a program."""
    return (
        f"There is no mine/app.py yet. Press Start lesson {number}, or type flask"
        f" start {number}."
    )

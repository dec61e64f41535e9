"""The course: the way through, and each lesson with its program beside the text.

Programs, mine/ and the checks run under `flask run` only, and only for who sits at
the machine: a lesson's program has none of the limits of app.py.
"""

import os
import re
from contextlib import closing
from typing import NamedTuple

from flask import (
    Blueprint,
    Response,
    abort,
    json,
    render_template,
    request,
    send_from_directory,
)
from werkzeug.exceptions import SecurityError
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.wsgi import get_host

from lessons.course import commands
from lessons.course.bad_network import BadNetwork
from lessons.course.folders import LESSONS, MINE
from lessons.course.live_program import Program
from lessons.course.notes_as_html import to_html
from lessons.course.run_checks import run_checks
from lessons.course.terminal_page import CSP

ROW = re.compile(r"^\| \[(.+?)\]\((.+?)/README\.md\) \| (.+?) \| (\d+) \|\n", re.M)

course = Blueprint(
    "course",
    __name__,
    url_prefix="/lessons",
    template_folder="templates",
    static_folder="static",
    cli_group=None,
)
for command in commands.start, commands.check, commands.hint:
    course.cli.add_command(command)


class Lesson(NamedTuple):
    """A row of the way through, which is a table in lessons/README.md."""

    title: str
    name: str
    aim: str
    minutes: str

    def has(self, file):
        """Whether there is such a file in the lesson's folder."""
        return (LESSONS / self.name / file).exists()


def way_through():
    """Return the lessons in their order, and the texts before and after their table."""
    text = (LESSONS / "README.md").read_text(encoding="utf-8")
    before, _, after = re.split(r"^((?:\|.*\n)+)", text, maxsplit=1, flags=re.M)
    return [Lesson(*row) for row in ROW.findall(text)], before, after


def find(name):
    """Return the lesson of that name between its neighbours or None; else a 404."""
    rows, _, _ = way_through()
    trios = zip([None, *rows], rows, [*rows[1:], None], strict=False)
    return next((trio for trio in trios if trio[1].name == name), None) or abort(404)


def runs_here(environ):
    """Whether `flask run` serves this, to somebody at the same machine."""
    by_flask = os.environ.get("FLASK_RUN_FROM_CLI") == "true"
    here = environ.get("REMOTE_ADDR") in ("127.0.0.1", "::1", "::ffff:127.0.0.1")
    return by_flask and here


@course.record
def mount(state):
    """Put each lesson's program and mine/ under the lesson, twice: on a good network
    and on a bad one."""
    page, mine, mounts = state.app.wsgi_app, Program(MINE), {}
    for folder in LESSONS.glob("[0-9]*/"):
        program = Program(folder) if (folder / "app.py").exists() else page
        for name, wsgi_app in ("program", program), ("mine", mine):
            path = f"{course.url_prefix}/{folder.name}/{name}"
            mounts |= {path: wsgi_app, f"{path}/bad": BadNetwork(wsgi_app)}
    programs = DispatcherMiddleware(page, mounts)

    def choose(environ, start_response):
        try:
            get_host(environ, state.app.config["TRUSTED_HOSTS"])
            wsgi_app = programs if runs_here(environ) else page
        except SecurityError:
            wsgi_app = page  # which refuses, in its own words
        return wsgi_app(environ, start_response)

    state.app.wsgi_app = choose


@course.get("/")
def lessons():
    """Show the way through."""
    rows, before, after = way_through()
    texts = {"before": to_html(before), "after": to_html(after)}
    runs = runs_here(request.environ)
    return render_template("lessons.html", lessons=rows, runs=runs, **texts)


@course.get("/<name>/")
def lesson(name):
    """Show a lesson's notes, with its program beside them."""
    before, lesson, after = find(name)
    notes = to_html((LESSONS / name / "README.md").read_text(encoding="utf-8"))
    around = {"before": before, "after": after, "runs": runs_here(request.environ)}
    return render_template("lesson.html", lesson=lesson, notes=notes, **around)


@course.get("/<name>/<file>")
def beside_the_notes(name, file):
    """Send a picture, or the checks that run in the browser."""
    find(name)
    if file.endswith(".svg"):
        picture = send_from_directory(LESSONS / name, file)
        colours = "default-src 'none'; style-src 'unsafe-inline'"  # its own
        picture.headers["Content-Security-Policy"] = colours
        return picture
    if file == "check.js" and runs_here(request.environ):
        return send_from_directory(LESSONS / name, file)
    abort(404)


@course.post("/<name>/check")
def check(name):
    """Check mine/, and answer with a line of JSON for each check as it is made."""
    _, lesson, _ = find(name)
    if not lesson.has("check.py") or not runs_here(request.environ):
        abort(404)
    request.get_json()  # a page of another origin cannot send JSON unasked
    return Response(checks(LESSONS / name), mimetype="application/jsonl")


def checks(folder):
    """Yield a line for each check; end them all when the reader has left."""
    with closing(run_checks(folder, MINE)) as made:
        for each in made:
            yield json.dumps(each._asdict()) + "\n"


@course.after_request
def allow_only_our_own(response):
    """Let a page of the course load nothing but what this server sends."""
    response.headers.setdefault("Content-Security-Policy", CSP)
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response

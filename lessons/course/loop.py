"""The student's loop: what a lesson's page asks about mine/ while somebody works there.

Start puts a program there, a look says whether files have changed, a check says what is
right, and a verdict is remembered. No request carries code, or more than a few words.
"""

import logging
import re
from contextlib import closing
from threading import BoundedSemaphore, Lock
from urllib.parse import quote

from flask import Blueprint, Response, abort, json, render_template, request

from lessons.course import folders
from lessons.course.about_lessons.start_lesson import (
    CannotStart,
    program_of,
    start_lesson,
)
from lessons.course.about_lessons.way_through import lesson_named
from lessons.course.checker.reports import Check
from lessons.course.checker.run_checks import run_checks
from lessons.course.live.mounts import no_program
from lessons.course.our_pages import is_from_our_page
from lessons.course.versions import (
    version_of_files,
    version_of_program,
    version_of_work,
)
from lessons.course.who_may_run import runs_here
from lessons.course.your_work.compare import differences
from lessons.course.your_work.progress import (
    GREEN,
    NOT_REMEMBERED,
    RED,
    read_progress,
    remember_start,
    remember_verdict,
)
from lessons.course.your_work.turn import is_untouched, not_begun, say_the_task

MOST_KEPT = 100  # folders in mine-before/, above which a page makes no more of them
MOST_CHECKS = 4  # at a time: each starts a Python, and a page can ask for many
FOREIGN = (
    "This request did not come from a page of the course, so it was refused. Open the"
    " lesson in a browser, at the address that flask run prints."
)
LOOK = re.compile(r'"GET \S*/look HTTP/[\d.]+" 200 ')  # as Werkzeug's log has it
TOO_MANY = "Other checks are still running: wait until they end, then check again."
ONE_AT_A_TIME = "Another start is under way: wait a moment, then look at mine/."

loop = Blueprint("loop", __name__)
starting = Lock()
checking = BoundedSemaphore(MOST_CHECKS)
checked = {}  # by (lesson, turn): the version whose checks on the server were green


@loop.record
def keep_looks_out_of_the_log(state):
    """Let Werkzeug print no line for a look: a traceback would be hard to find."""
    logging.getLogger("werkzeug").addFilter(is_no_look)


def is_no_look(record):
    """Whether a line of a log is about anything but a look that was answered."""
    return not LOOK.search(record.getMessage())


@loop.before_request
def refuse_others():
    """Answer nobody but a page of ours, in the browser of the student's machine."""
    if not runs_here(request.environ):
        abort(404)
    if request.method == "POST" and not is_from_our_page(request.environ):
        abort(403, FOREIGN)


@loop.post("/<name>/start")
def start(name):
    """Put what a lesson begins with into mine/; say where the files before it are."""
    lesson = lesson_named(name) or abort(404)
    if not starting.acquire(blocking=False):
        abort(409, ONE_AT_A_TIME)
    try:
        started = start_lesson(lesson, MOST_KEPT)
    except CannotStart as error:
        abort(409, str(error))
    finally:
        starting.release()
    is_remembered = remember_start(lesson)
    moved_to = started.moved_to and f"{folders.BEFORE.name}/{started.moved_to.name}"
    return {
        "files": started.files,
        "moved_to": moved_to,
        "warning": "" if is_remembered else NOT_REMEMBERED,
    }


@loop.get("/<name>/look")
def look(name):
    """Say which versions of mine/ and of the lesson's program there are now.

    Say also whether the lesson is started: another may be, in another tab.
    """
    lesson = lesson_named(name) or abort(404)
    paths = program_of(lesson).values()
    folder = lesson.folder if lesson.has("app.py") else folders.ROOT
    return {
        "mine": version_of_program(folders.MINE),
        "program": version_of_files(sorted(paths), folder),
        "started": read_progress().is_in_mine(lesson),
    }


@loop.get("/<name>/compare")
def compare(name):
    """Show what differs between mine/ and the lesson's program."""
    lesson = lesson_named(name) or abort(404)
    return render_template(
        "compare.html", lesson=lesson, differences=differences(lesson)
    )


@loop.post("/<name>/check")
def check(name):
    """Check mine/, and answer with a line of JSON for each check as it is made.

    {"turn": true} asks for the checks of Your turn, anything else for the lesson's. The
    headers say which version of all that is checked, and of mine/ alone.
    """
    lesson, is_turn, _ = what_is_asked(name)
    version = version_of_work(checks_of(lesson, is_turn), folders.MINE)
    headers = {
        "X-Version": version,
        "X-Version-Of-Mine": version_of_program(folders.MINE),
    }
    if is_turn and is_untouched(lesson):  # for what is checked in the browser
        headers["X-Task"] = quote(not_begun(lesson))
    if not checking.acquire(blocking=False):
        abort(409, TOO_MANY)
    lines = lines_of_checks(lesson, is_turn, version)
    response = Response(lines, headers=headers, mimetype="application/jsonl")
    response.call_on_close(checking.release)  # also when the reader leaves
    return response


def what_is_asked(name):
    """Return the lesson, whether its turn is meant, and the JSON that was sent."""
    lesson = lesson_named(name) or abort(404)
    asked = request.get_json()
    if not isinstance(asked, dict):
        asked = {}
    is_turn = asked.get("turn") is True
    if not lesson.has("turn" if is_turn else "check.py"):
        abort(404)
    return lesson, is_turn, asked


def checks_of(lesson, is_turn):
    """Return the folder of a lesson's checks, or of those of its turn."""
    return lesson.turn if is_turn else lesson.folder


def lines_of_checks(lesson, is_turn, version):
    """Yield a line for each check; end the checks when the reader has left."""
    checks = checks_of(lesson, is_turn)
    checked.pop((lesson.name, is_turn), None)
    outcomes = set()
    if not (folders.MINE / "app.py").exists():
        outcomes.add(RED)
        missing = Check("The program is there", RED, no_program(lesson.number))
        yield json.dumps(missing._asdict()) + "\n"
    elif (checks / "check.py").exists():  # else all is checked in the browser
        with closing(run_checks(checks, folders.MINE)) as reported:
            for found in reported:
                if is_turn:
                    found = say_the_task(lesson, found)
                outcomes.add(found.outcome)
                yield json.dumps(found._asdict()) + "\n"
    if outcomes <= {GREEN}:
        checked[lesson.name, is_turn] = version


@loop.post("/<name>/verdict")
def verdict(name):
    """Remember the outcome of a run: {"turn", "version", "outcome"}.

    Nothing is remembered if a file has changed since, or if it is green and the checks
    on the server were not. Answer with the day when it was done first, if it is,
    and with a warning if it will be forgotten.
    """
    lesson, is_turn, said = what_is_asked(name)
    outcome, version = said.get("outcome"), said.get("version")
    if outcome not in (GREEN, RED) or not isinstance(version, str):
        abort(400)
    was_done = read_progress().done_on(lesson, is_turn)
    is_true = outcome == RED or checked.get((lesson.name, is_turn)) == version
    is_current = version == version_of_work(checks_of(lesson, is_turn), folders.MINE)
    is_remembered = True
    if is_true and is_current:
        is_remembered = remember_verdict(lesson, is_turn, version, outcome)
    return {
        "current": is_current,
        "done": read_progress().done_on(lesson, is_turn),
        "first": outcome == GREEN and is_true and is_current and not was_done,
        "warning": "" if is_remembered else NOT_REMEMBERED,
    }

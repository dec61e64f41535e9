"""The course's pages: the way through, and each lesson with its program beside it."""

import re

from flask import Blueprint, abort, render_template, request, send_from_directory
from markupsafe import Markup, escape

from lessons.course import commands, folders
from lessons.course.about_lessons.way_through import (
    lesson_named,
    neighbours,
    read_way_through,
)
from lessons.course.about_lessons.wrong_lines import wrong_lines
from lessons.course.addresses import way_to_root
from lessons.course.live.mounts import mount_programs
from lessons.course.loop import loop
from lessons.course.notes_as_html import headings_in, id_of, page_of, to_html
from lessons.course.safe_headers import PAGE_POLICY, PICTURE_POLICY
from lessons.course.versions import version_of_program, version_of_work
from lessons.course.who_may_run import is_by_proxy, runs_here, waits_for_the_setting
from lessons.course.your_work.files import editor_link, paths_to_write
from lessons.course.your_work.progress import (
    place_on_the_way,
    read_progress,
)

# A blueprint is a part of a Flask app: its views, templates and commands. app.py
# registers it, and has them all.
course = Blueprint(
    "course",
    __name__,
    url_prefix="/lessons",
    template_folder="templates",
    static_folder="static",
    cli_group=None,  # flask start, not flask course start
)
for command in commands.start, commands.check, commands.hint:
    course.cli.add_command(command)
course.register_blueprint(loop)


@course.record
def mount(state):
    """Mount the programs on the app that registers the course."""
    mount_programs(state.app, course.url_prefix)


@course.context_processor
def addresses():
    """Let all templates of the course begin their addresses with {{ root }}."""
    return {"root": way_to_root(request.environ)}


def as_html(notes, wrong_lines=()):
    """Return notes as HTML for the page that is asked for."""
    return to_html(notes, way_to_root(request.environ), wrong_lines)


@course.app_template_filter()
def with_code(text):
    """Return a text as HTML that shows as code what is between backticks."""
    return Markup(re.sub("`(.+?)`", r"<code>\1</code>", str(escape(text))))


@course.get("/")
def lessons():
    """Show the way through."""
    way = read_way_through()
    progress = read_progress()
    return render_template(
        "lessons.html",
        progress=progress,
        place=place_on_the_way(way.lessons, progress),
        before=as_html(way.before),
        parts=[part._replace(words=as_html(part.words)) for part in way.parts],
        after=as_html(way.after),
        runs=runs_here(request.environ),
    )


@course.get("/glossary")  # no slash at its end: its links begin at /lessons/
def glossary():
    """Show what each term means."""
    return notes_alone("GLOSSARY.md", "Glossary")


@course.get("/sources")
def sources():
    """Show where each thing in the lessons comes from."""
    return notes_alone("SOURCES.md", "Where each thing comes from")


def notes_alone(name, title):
    """Return a page that shows the notes in a file of this name."""
    notes = as_html((folders.LESSONS / name).read_text(encoding="utf-8"))
    return render_template("notes.html", title=title, notes=notes)


# What a line of a list begins with. A hit shows its words in one line.
LIST_MARK = re.compile(r"\n+ *(- |[0-9]+\. )")


@course.get("/search")
def search():
    """Answer with the places in the notes that say something about ?q=..."""
    from practice_search import find_places  # here, as only a search needs SQLite

    return [
        {
            "address": f"{page_of(file)}#{id_of(heading)}",  # below /lessons/
            "title": title,
            "heading": heading.replace("`", ""),
            "words": LIST_MARK.sub(" ", words),
        }
        for file, title, heading, words in find_places(request.args.get("q", ""))
    ]


@course.get("/<name>/")
def lesson(name):
    """Show a lesson's notes, with its program beside them."""
    lesson = lesson_named(name) or abort(404)
    before, after = neighbours(lesson, read_way_through().lessons)
    progress = read_progress()
    return render_template(
        "lesson.html",
        before=before,
        lesson=lesson,
        after=after,
        headings=headings_in(lesson.notes),
        notes=as_html(lesson.notes, wrong_lines(lesson)),
        runs=runs_here(request.environ),
        behind_proxy=waits_for_the_setting(request.environ),
        folder=folders.MINE.parent,
        files=links_to_files(lesson),
        is_started=progress.is_in_mine(lesson),
        is_elsewhere=progress.started not in (None, lesson.name),
        done=progress.done_on(lesson),
        green=green_now(lesson, progress),
        mine=version_of_program(folders.MINE),
    )


def green_now(lesson, progress):
    """Return what is green of the files that are in mine/ now: "lesson", "turn", or "".

    It is remembered of these very files, and of the checks that there are now.
    """
    checks = {"lesson": lesson.folder, "turn": lesson.turn}
    for name, folder in checks.items():
        is_turn = name == "turn"
        if not progress.done_on(lesson, is_turn):
            continue  # nothing was ever green, so no file has to be read
        version = version_of_work(folder, folders.MINE)
        if progress.is_green(lesson, version, is_turn):
            return name
    return ""


def links_to_files(lesson):
    """Return the name and path of each file to write, and a link to open it, or None.

    Behind a proxy the browser may be on another machine, whose editor has no such file.
    """
    can_open = not is_by_proxy(request.environ)
    return [
        (
            path.relative_to(folders.MINE.parent),
            path,
            editor_link(path) if can_open else None,
        )
        for path in paths_to_write(lesson)
    ]


@course.get("/<name>/<file>")
def beside_the_notes(name, file):
    """Send a picture, or the checks that run in the browser."""
    folder = (lesson_named(name) or abort(404)).folder
    if file.endswith(".svg"):
        picture = send_from_directory(folder, file)
        picture.headers["Content-Security-Policy"] = PICTURE_POLICY
        return picture
    if file == "check.js" and runs_here(request.environ):
        return send_from_directory(folder, file)
    abort(404)


@course.get("/<name>/turn/check.js")
def page_checks_of_turn(name):
    """Send the checks of Your turn that run in the browser."""
    lesson = lesson_named(name)
    if not lesson or not runs_here(request.environ):
        abort(404)
    return send_from_directory(lesson.turn, "check.js")


@course.after_request
def allow_only_our_own(response):
    """Let a page of the course load nothing but what this server sends."""
    response.headers.setdefault("Content-Security-Policy", PAGE_POLICY)
    response.headers["X-Content-Type-Options"] = "nosniff"  # the type is what it says
    return response


@course.after_request
def keep_no_old_page(response):
    """Let the browser keep no page, so that Back shows what is done by now."""
    if response.mimetype == "text/html":
        response.headers["Cache-Control"] = "no-store"
    return response

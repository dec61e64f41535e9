"""What is remembered of a student's work: the lessons that were started and are done.

The file has a line of JSON for each start, and for each verdict that says something
new. Lines are only added. A line that cannot be read is ignored: what it said is
forgotten, and nothing else.
"""

import json
from datetime import date
from typing import NamedTuple

from lessons.course import folders
from lessons.course.about_lessons.lesson import Lesson
from lessons.course.your_work.appending import append_line

NOT_REMEMBERED = "The course cannot write to progress.jsonl, so it will forget this."
GREEN = "green"
RED = "red"
STARTED = "started"


class Line(NamedTuple):
    """A line of the file."""

    lesson: str  # its name: "03-a-page-that-reads-it"
    outcome: str  # GREEN, RED, or STARTED
    on: str  # the day: "2026-11-30"
    turn: bool = False  # whether it is about Your turn
    version: str = ""  # of the files that a verdict is about


class Progress:
    """What the lines say together."""

    def __init__(self, lines):
        self.done = {}  # by (lesson, turn): the day when it was green first
        self.verdicts = {}  # by (lesson, turn, version): the latest outcome
        self.started = None  # the name of the lesson that was started last
        self.first_green = {}  # by lesson: its first green version since its start
        for line in lines:
            self.add(line)

    def add(self, line):
        """Take account of one more line."""
        if line.outcome == STARTED:
            self.started = line.lesson
            self.first_green.pop(line.lesson, None)
            return
        self.verdicts[line.lesson, line.turn, line.version] = line.outcome
        if line.outcome == GREEN:
            self.done.setdefault((line.lesson, line.turn), line.on)
            if not line.turn:
                self.first_green.setdefault(line.lesson, line.version)

    def done_on(self, lesson, turn=False):
        """Return the day when a lesson, or its turn, was green first, or None."""
        return self.done.get((lesson.name, turn))

    def is_in_mine(self, lesson):
        """Whether mine/ holds this lesson: it was started last."""
        return folders.MINE.exists() and self.started == lesson.name

    def is_green(self, lesson, version, turn=False):
        """Whether this version is green."""
        return self.verdicts.get((lesson.name, turn, version)) == GREEN


def read_progress():
    """Return what is remembered, a Progress."""
    try:
        text = folders.PROGRESS.read_text(encoding="utf-8-sig", errors="replace")
    except OSError:  # there is none yet, or it cannot be read
        text = ""
    return Progress(filter(None, map(read_line, text.split("\n"))))


def read_line(text):
    """Return the Line that a text holds, or None."""
    try:
        line = Line(**json.loads(text))
        date.fromisoformat(line.on)
    except (ValueError, TypeError, RecursionError):  # no JSON, other names, no day
        return None
    for value, kind in zip(line, Line.__annotations__.values(), strict=True):
        if not isinstance(value, kind):
            return None
    return line


class Place(NamedTuple):
    """How far a student is on the way through."""

    done: int  # lessons
    of: int
    at: Lesson | None  # the lesson to go on with; None when all are done


def place_on_the_way(lessons, progress):
    """Return how far a student is, a Place.

    The lesson to go on with is the one that was started last, or the first after it
    that is not done, or the first of all.
    """
    names = [lesson.name for lesson in lessons]
    latest = names.index(progress.started) if progress.started in names else 0
    in_order = lessons[latest:] + lessons[:latest]
    left = [lesson for lesson in in_order if not progress.done_on(lesson)]
    done = len(lessons) - len(left)
    return Place(done, len(lessons), left[0] if left else None)


def remember_start(lesson):
    """Remember that mine/ holds what a lesson begins with; return whether it could."""
    return write_line(lesson, outcome=STARTED)


def remember_verdict(lesson, turn, version, outcome):
    """Remember a verdict about a version; return whether that could be done.

    A red one only takes back a green one that the same version had.
    """
    progress = read_progress()
    before = progress.verdicts.get((lesson.name, turn, version))
    if outcome == before or (outcome == RED and not before):
        return True
    return write_line(lesson, outcome=outcome, turn=turn, version=version)


def write_line(lesson, **more):
    """Add a line about a lesson, of today; return whether that could be done."""
    line = Line(lesson.name, on=date.today().isoformat(), **more)
    try:
        append_line(folders.PROGRESS, json.dumps(line._asdict()))
    except OSError:  # a full or read-only disk costs the memory, and no verdict
        return False
    return True

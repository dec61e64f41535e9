"""The way through: the lessons in their order, in the parts of lessons/README.md."""

import re
from typing import NamedTuple

from lessons.course.about_lessons.lesson import Lesson
from lessons.course.folders import LESSONS

# A part: its heading, a few words, and a table whose first cells lead to the lessons.
PART = re.compile(r"^## (.+)\n\n((?:.+\n\n)*)((?:\|.*\n)+)", re.M)
ROW = re.compile(r"^\| \[(.+?)\]\((.+?)/README\.md\) \| (.+?) \| (\d+) \|$", re.M)


class Part(NamedTuple):
    """Some lessons that belong together."""

    title: str  # "One stream"
    words: str  # about them, as Markdown
    lessons: list[Lesson]


class WayThrough(NamedTuple):
    """What lessons/README.md says: its parts, and the notes around them."""

    before: str
    parts: list[Part]
    after: str

    @property
    def lessons(self):
        """All lessons, in their order."""
        return [lesson for part in self.parts for lesson in part.lessons]


def read_way_through():
    """Return the way through as it is written now."""
    notes = (LESSONS / "README.md").read_text(encoding="utf-8")
    parts = []
    starts = []
    for found in PART.finditer(notes):
        title, words, table = found.groups()
        lessons = lessons_in(table)
        if lessons:
            parts.append(Part(title, words, lessons))
            starts.append(found)
    before = notes[: starts[0].start()]
    after = notes[starts[-1].end() :]
    return WayThrough(before, parts, after)


def lessons_in(table):
    """Return the lessons of a part's table, but for those whose folder is missing."""
    lessons = []
    for title, name, aim, minutes in ROW.findall(table):
        lesson = Lesson(LESSONS / name, title, aim, minutes)
        if lesson.has("README.md"):
            lessons.append(lesson)
    return lessons


def all_lessons():
    """Return all lessons by their numbers, in their order."""
    return {lesson.number: lesson for lesson in read_way_through().lessons}


def lesson_named(name):
    """Return the lesson whose folder has that name, or None."""
    for lesson in read_way_through().lessons:
        if lesson.name == name:
            return lesson
    return None


def neighbours(lesson, lessons):
    """Return the lessons before and after a lesson; None where there is none."""
    place = lessons.index(lesson)
    before = lessons[place - 1] if place > 0 else None
    after = lessons[place + 1] if place + 1 < len(lessons) else None
    return before, after

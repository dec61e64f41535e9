"""The way through: the lessons in their order, a table in lessons/README.md."""

import re
from typing import NamedTuple

from lessons.course.folders import LESSONS

TABLE = re.compile(r"^(?:\|.*\n)+", re.M)  # lines in a row that begin with |
ROW = re.compile(r"^\| \[(.+?)\]\((.+?)/README\.md\) \| (.+?) \| (\d+) \|$", re.M)


class Lesson(NamedTuple):
    """A row of the table."""

    title: str  # "02 · A stream from Flask"
    name: str  # of its folder
    aim: str  # what its reader will have
    minutes: str

    def has(self, file):
        """Whether there is such a file in the lesson's folder."""
        return (LESSONS / self.name / file).exists()


class WayThrough(NamedTuple):
    """What lessons/README.md says: its first table, and the notes around it."""

    before: str
    lessons: list[Lesson]
    after: str


def read_way_through():
    """Return the way through as it is written now."""
    notes = (LESSONS / "README.md").read_text(encoding="utf-8")
    table = TABLE.search(notes)
    lessons = [Lesson(*row) for row in ROW.findall(table[0])]
    return WayThrough(notes[: table.start()], lessons, notes[table.end() :])


def neighbours(lesson, lessons):
    """Return the lessons before and after a lesson; None where there is none."""
    place = lessons.index(lesson)
    before = lessons[place - 1] if place > 0 else None
    after = lessons[place + 1] if place + 1 < len(lessons) else None
    return before, after

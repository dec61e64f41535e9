"""Where everything stands on this machine."""

from pathlib import Path

COURSE = Path(__file__).resolve().parent
LESSONS = COURSE.parent
ROOT = LESSONS.parent
MINE = ROOT / "mine"  # what the student writes
BEFORE = ROOT / "mine-before"  # what flask start found in mine/


def all_lessons():
    """Return the folders of the lessons by their numbers, in order."""
    notes = sorted(LESSONS.glob("[0-9][0-9]-*/README.md"))
    return {number_of(path.parent): path.parent for path in notes}


def number_of(lesson):
    """Return 3 for the folder 03-a-page-that-reads-it."""
    return int(lesson.name[:2])

"""The student's program beside the lesson's: what differs, line by line."""

from difflib import unified_diff
from typing import NamedTuple

from lessons.course import folders
from lessons.course.your_work.files import written_by_a_student

KINDS = {"+": "lessons", "-": "mine", "@": "place"}  # by a line's first letter


class Difference(NamedTuple):
    """What differs in a file."""

    name: str
    lines: list[tuple[str, str]]  # its kind ("mine", "lessons", "place", ""), its text


def differences(lesson):
    """Return a Difference for each file of the lesson's program that is another."""
    found = []
    for name, path in written_by_a_student(lesson).items():
        mine = lines_of(folders.MINE / name)
        lines = list(unified_diff(mine, lines_of(path), lineterm=""))[2:]
        if lines:
            found.append(Difference(name, [(kind_of(line), line) for line in lines]))
    return found


def kind_of(line):
    """Return whose line it is, by its first letter."""
    return KINDS.get(line[:1], "")


def lines_of(path):
    """Return the lines of a file; none if it is missing."""
    try:
        # Python skips the mark with which some editors begin a file, and so do we.
        return path.read_text(encoding="utf-8-sig", errors="replace").splitlines()
    except OSError:
        return []

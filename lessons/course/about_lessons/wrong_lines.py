"""The wrong lines that a lesson knows: one line in place of one of its program.

A diff in wrong/ may say something about the line that it adds, below what the check
says and above the change:

    About the line: Without flush=True, print may keep the text until a line ends.
"""

import re
from difflib import ndiff
from typing import NamedTuple

from lessons.course.about_lessons.known_answers import changes_of

ABOUT = re.compile(r"^About the line: (.+)\n", re.M)


class WrongLine(NamedTuple):
    """A line that a student may write in place of the right one."""

    file: str  # "static/page.js"
    right: str
    wrong: str
    why: str  # a sentence that is true of the line, whatever else the program does


def wrong_lines(lesson):
    """Return the WrongLine of each diff that says something about its line."""
    found = []
    for path in sorted((lesson.folder / "wrong").glob("*.diff")):
        diff = path.read_text(encoding="utf-8")
        about = ABOUT.search(diff)
        if about:
            found.append(WrongLine(*replaced_line(diff, path), about[1]))
    return tuple(found)


def replaced_line(diff, path):
    """Return the file that a diff changes, its line, and what takes its place."""
    lines = []
    for file, before, after, _ in changes_of(diff):
        compared = ndiff(before.splitlines(), after.splitlines())
        lines += [(line[0], file, line[2:]) for line in compared if line[0] in "-+"]
    if [mark for mark, _, _ in sorted(lines)] != ["+", "-"]:
        raise ValueError(
            f"{path} says something about a line, so change one line only."
        )
    [(_, file, wrong), (_, _, right)] = sorted(lines)
    return file, right, wrong

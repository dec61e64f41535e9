"""No line unexplained: the lessons quote every line of the program at the root."""

import pytest
from support import ROOT
from support.lesson_notes import LESSONS, quotations

PROGRAM = [
    "app.py",
    "prompt.py",
    "failures.py",
    "provider_words.py",
    "error_facts.py",
    "static/ask.js",
    "static/page.js",
]


def quoted_lines(name):
    """Return the lines of the root's file that some lesson quotes.

    A lesson with a file of that name quotes its own; what both have counts as well.
    """
    program = (ROOT / name).read_text("utf-8")
    return {
        line
        for lesson in LESSONS
        for title, text in quotations(lesson)
        if title == name and text in program
        for line in text.splitlines()
    }


@pytest.mark.parametrize("name", PROGRAM)
def test_every_line_of_the_program_is_quoted_in_a_lesson(name):
    quoted = quoted_lines(name)
    for number, line in enumerate((ROOT / name).read_text("utf-8").splitlines(), 1):
        assert not line.strip() or line in quoted, (
            f"{name}, line {number}, is in no lesson: quote it where it is explained"
            f" (in lesson 06, 07 or 08), or correct the quotation.\n{line}"
        )

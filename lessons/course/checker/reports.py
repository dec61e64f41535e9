"""A report: the line in which a Python that checks a program says what it found."""

import json
from typing import NamedTuple

MARK = "lessons.course: "  # begins a report: all else is what the program prints


class Check(NamedTuple):
    """What was checked, and how it went."""

    sentence: str
    outcome: str  # "green", "red", "not checked", or "moved on": for a later program
    message: str = ""  # of a red one: what was seen, what was expected, what to try
    printed: str = ""  # by the program meanwhile


def as_line(**report):
    """Return the line in which a command reports a check, or the checks to come."""
    return f"{MARK}{json.dumps(report)}\n"

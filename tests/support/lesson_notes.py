"""The lessons, and what their notes quote."""

import re

import pytest

from support import ROOT

LESSONS = sorted(path.parent for path in ROOT.glob("lessons/[0-9]*/README.md"))
NAMES = [lesson.name for lesson in LESSONS]
FENCE = re.compile(r'^```(\w+)(?: title="(.+?)")?\n(.*?)^```$', re.M | re.S)
every_lesson = pytest.mark.parametrize("lesson", LESSONS, ids=NAMES)


def notes(lesson):
    return (lesson / "README.md").read_text(encoding="utf-8")


def quotations(lesson):
    """Yield (title, text) for each fence with a title."""
    for _, title, text in FENCE.findall(notes(lesson)):
        if title:
            yield title, text

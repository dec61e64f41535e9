"""The lessons, and what their notes quote."""

import re

import pytest

from lessons.course.about_lessons.way_through import all_lessons

LESSONS = list(all_lessons().values())
NAMES = [lesson.name for lesson in LESSONS]
# A fence, with what its first line may say after the title: see course/order_lines.py.
FENCE = re.compile(r'^```(\w+)(?: title="([^"\n]+)")?[^\n]*\n(.*?)^```$', re.M | re.S)
every_lesson = pytest.mark.parametrize("lesson", LESSONS, ids=NAMES)


def quotations(lesson):
    """Yield (title, text) for each fence with a title."""
    for _, title, text in FENCE.findall(lesson.notes):
        if title:
            yield title, text

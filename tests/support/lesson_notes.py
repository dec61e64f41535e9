"""The lessons, and what their notes quote."""

import re

import pytest

from lessons.course.about_lessons.way_through import all_lessons
from lessons.course.order_lines import exercises_of

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


def info_of(fence):
    """Return what the first line of a fence, a match, says after the backquotes."""
    return fence[0].partition("\n")[0].removeprefix("```")


def exercises_in(notes, wrong_lines=()):
    """Return the exercises that notes offer, in their order."""
    exercises = []
    for fence in FENCE.finditer(notes):
        exercises += exercises_of(info_of(fence), fence[3], wrong_lines)
    return exercises


def other_way(plan):
    """Return the keys of an exercise's plan, with all swapped that may swap."""
    keys = []
    for step in plan:
        if isinstance(step, list):
            for block in reversed(step):
                keys += other_way(block)
        else:
            keys.append(step)
    return keys

"""Pass over the checks that a program has left behind, by the wire that it speaks.

A pytest plugin: run_checks.py starts pytest with it.
"""

import pytest

from lessons.course.about_lessons.way_through import all_lessons
from lessons.course.checker.wires import wire_of
from lessons.course.for_checks.fixtures import let_the_model_answer


@pytest.fixture(scope="session")
def reached(program):
    """Return the number of the lesson whose wire the program speaks; 0: plain text."""
    wire = wire_of(program.app, let_the_model_answer)
    for lesson in all_lessons().values():
        if wire and lesson.wire == wire:
            return lesson.number
    return 0


@pytest.fixture(autouse=True)
def not_of_an_earlier_lesson(lesson_number, reached):
    """Pass over a check whose lesson's wire the program has left behind."""
    if reached > lesson_number:
        pytest.skip(f"The program already speaks the wire of lesson {reached:02}.")

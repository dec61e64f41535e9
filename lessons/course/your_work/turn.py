"""Your turn before it has begun: a check says what the task is, and no more.

The message of a check says what to try, which would give the last hint away.
"""

import re

from lessons.course import folders
from lessons.course.about_lessons.start_lesson import is_copy
from lessons.course.versions import version_of_work
from lessons.course.without_markdown import without_markdown
from lessons.course.your_work.files import written_by_a_student
from lessons.course.your_work.progress import RED, read_progress

TASK = re.compile(r"^## Your turn\n(.+?)(?=^<details|^## |\Z)", re.M | re.S)
FENCE = re.compile(r"^```.*?^```$", re.M | re.S)


def say_the_task(lesson, found):
    """Return a check of Your turn; a red one says the task if none was begun."""
    if found.outcome != RED or not is_untouched(lesson):
        return found
    return found._replace(message=not_begun(lesson), printed="")


def not_begun(lesson):
    """Return the sentence that says what Your turn asks for."""
    return f"You have not started Your turn yet. {task_of(lesson)}"


def is_untouched(lesson):
    """Whether mine/ is what was green first, or the lesson's own program."""
    version = version_of_work(lesson.folder, folders.MINE)
    if version == read_progress().first_green.get(lesson.name):
        return True
    program = written_by_a_student(lesson).items()
    return all(is_copy(folders.MINE / name, path) for name, path in program)


def task_of(lesson):
    """Return what a lesson's Your turn asks for, before its hints, without Markdown."""
    found = TASK.search(lesson.notes)
    text = FENCE.sub("", found[1]) if found else ""
    text = re.sub(r"^(- |\d+\. )", "", text, flags=re.M)  # the items of a list
    return without_markdown(" ".join(text.split()))

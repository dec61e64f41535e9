"""What a lesson begins with, and how it gets into mine/ while nothing there is lost."""

import os
import shutil
from datetime import datetime
from filecmp import cmp
from fnmatch import fnmatch

from lessons.course.about_lessons.way_through import all_lessons
from lessons.course.folders import BEFORE, MINE, ROOT

PROGRAM = "*.py", "*.conf", "requirements.txt", "static/**/*", "templates/**/*"


class MissingLesson(Exception):
    """Raised for a lesson that begins with another, which is not there."""


def beginning(lesson):
    """Return the files that a lesson begins with, as {name: path}.

    They are an earlier lesson's program, over it what is given of this lesson's own,
    and over both the files in its folder begin/. Which, its lesson.toml says.
    """
    begin = lesson.begin
    files = {}
    if begin.program:
        files = program_of(earlier_lesson(lesson))
    for name in begin.dropped:
        del files[name]
    for name, path in program_of(lesson).items():
        if any(fnmatch(name, pattern) for pattern in begin.given):
            files[name] = path
    return files | files_of(lesson.folder / "begin")


def earlier_lesson(lesson):
    """Return the lesson whose program a lesson begins with."""
    lessons = all_lessons()
    number = lesson.begin.program
    if number not in lessons:
        raise MissingLesson(
            f"Lesson {lesson.number} begins with the program of lesson {number}, which"
            " is not there."
        )
    return lessons[number]


def program_of(lesson):
    """Return the files of a lesson's program, as {name: path}.

    A lesson without an app.py reads the program at the root.
    """
    if lesson.has("app.py"):
        return files_of(lesson.folder)
    files = files_of(ROOT)
    others = [name for name in files if name.endswith(".py") and name != "app.py"]
    for name in others:  # failures.py and the like, which are imported
        del files[name]
    return files


def files_of(folder):
    """Return the files of the program in a folder, as {name: path}."""
    files = {}
    for pattern in PROGRAM:
        for path in sorted(folder.glob(pattern)):
            name = path.relative_to(folder).as_posix()
            if path.is_file() and name != "check.py":
                files[name] = path
    return files


def holds_only(folder, files):
    """Whether a folder holds these files, unchanged, and nothing else of anybody's."""
    found = set()
    for path in folder.rglob("*"):
        if path.is_file() and "__pycache__" not in path.parts:
            found.add(path.relative_to(folder).as_posix())
    if found != set(files):
        return False
    return all(cmp(folder / name, path, shallow=False) for name, path in files.items())


def replace_mine(files, number):
    """Move mine/ aside and put these files there, or raise and leave it as it was.

    Return where it was moved to, or None if there was nothing to move.
    """
    new = MINE.with_name(f"mine-new-{os.getpid()}")
    moved_to = None
    try:
        for name, path in files.items():
            copy = new / name
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)
        if os.path.lexists(MINE):  # a folder, a file, or a link that leads nowhere
            BEFORE.mkdir(exist_ok=True)
            place = free_place(number)
            MINE.rename(place)
            moved_to = place
        new.rename(MINE)
    except OSError:
        if moved_to:
            moved_to.rename(MINE)
        shutil.rmtree(new, ignore_errors=True)
        raise
    return moved_to


def free_place(number):
    """Return a path in mine-before/ that nobody uses yet."""
    name = f"{datetime.now():%Y-%m-%d-%H%M%S}-before-lesson-{number}"
    place = BEFORE / name
    times = 1
    while os.path.lexists(place):
        times += 1
        place = BEFORE / f"{name}-{times}"
    return place

"""What a lesson begins with, and how it gets into mine/ while nothing there is lost."""

import os
import shutil
from contextlib import suppress
from datetime import datetime
from filecmp import cmp
from fnmatch import fnmatch
from pathlib import Path
from typing import NamedTuple

from lessons.course import folders
from lessons.course.about_lessons.way_through import all_lessons
from lessons.course.folders import ROOT

PROGRAM = "*.py", "*.conf", "requirements.txt", "static/**/*", "templates/**/*"


class CannotStart(Exception):
    """Raised for a lesson that cannot be started; the message says why."""


class MissingLesson(CannotStart):
    """Raised for a lesson that begins with another, which is not there."""


class Started(NamedTuple):
    """What the start of a lesson has done."""

    files: list[str]  # what mine/ holds now: "app.py"
    moved_to: Path | None  # where that is which mine/ held before, if it was kept
    was_there: bool  # mine/ held the lesson's beginning already, and has not changed


def start_lesson(lesson, most_kept=None):
    """Put what a lesson begins with into mine/; return what was done, a Started.

    What mine/ holds is moved into mine-before/, unless it is what some lesson begins
    with, unchanged: `flask start` can bring that back at any time. Raise CannotStart if
    that fails, or if it would make more than `most_kept` folders in mine-before/.
    """
    files = beginning(lesson)
    names = [name for name in files if name != "__init__.py"]
    if holds_only(folders.MINE, files):
        return Started(names, moved_to=None, was_there=True)
    require_place_to_keep()
    if most_kept is not None and would_be_kept(folders.MINE):
        require_room(most_kept)
    try:
        moved_to = replace_mine(files, lesson.number)
    except OSError as error:
        raise CannotStart(
            f"The course cannot write to mine/: {error.strerror}. Nothing in it has"
            " changed. Close any program that runs there or has its files open, check"
            f" whether the disk is full or read-only, and start lesson {lesson.number}"
            " again."
        ) from None
    if moved_to and not would_be_kept(moved_to):
        throw_away(moved_to)
        moved_to = None
    return Started(names, moved_to, was_there=False)


def would_be_kept(folder):
    """Whether a folder, or what has its name, holds what cannot be made again."""
    if not os.path.lexists(folder):
        return False
    if folder.is_symlink() or not folder.is_dir():
        return True
    if holds_only(folder, {}):
        return False
    for lesson in all_lessons().values():
        with suppress(MissingLesson):
            if holds_only(folder, beginning(lesson)):
                return False
    return True


def require_place_to_keep():
    """Raise CannotStart if mine-before is there and is no folder."""
    before = folders.BEFORE
    if os.path.lexists(before) and not before.is_dir():
        raise CannotStart(
            "mine/ cannot be moved aside, because mine-before is not a folder. Nothing"
            " in it has changed. Rename or delete mine-before, then start again."
        )


def require_room(most):
    """Raise CannotStart if mine-before/ holds that many folders."""
    kept = len(list(folders.BEFORE.iterdir())) if folders.BEFORE.is_dir() else 0
    if kept >= most:
        raise CannotStart(
            f"mine-before/ holds {kept} folders, and this would add one more. Nothing"
            " has changed. Delete the folders there that you no longer need, then start"
            " again."
        )


def throw_away(folder):
    """Delete a folder of mine-before/, and mine-before/ if it held nothing else."""
    shutil.rmtree(folder, ignore_errors=True)
    with suppress(OSError):
        folders.BEFORE.rmdir()


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
            " is missing."
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
        is_folder = path.is_dir() and not path.is_symlink()
        if not is_folder and "__pycache__" not in path.parts:
            found.add(path.relative_to(folder).as_posix())
    if found != set(files):
        return False
    return all(is_copy(folder / name, path) for name, path in files.items())


def is_copy(path, original):
    """Whether a file, and no link to one, holds what another does."""
    if path.is_symlink() or not path.is_file():
        return False
    try:
        return cmp(path, original, shallow=False)
    except OSError:  # it cannot be read, so nobody knows what it holds
        return False


def replace_mine(files, number):
    """Move mine/ aside and put these files there, or raise and leave it as it was.

    Return where it was moved to, or None if there was nothing to move.
    """
    mine = folders.MINE
    new = mine.with_name(f"mine-new-{os.getpid()}")
    moved_to = None
    shutil.rmtree(new, ignore_errors=True)  # what a start left that was killed
    try:
        for name, path in files.items():
            copy = new / name
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)
        if os.path.lexists(mine):  # a folder, a file, or a link that leads nowhere
            folders.BEFORE.mkdir(exist_ok=True)
            place = free_place(number)
            mine.rename(place)
            moved_to = place
        new.rename(mine)
    except OSError:
        if moved_to:
            moved_to.rename(mine)
        shutil.rmtree(new, ignore_errors=True)
        raise
    return moved_to


def free_place(number):
    """Return a path in mine-before/ that nobody uses yet."""
    name = f"{datetime.now():%Y-%m-%d-%H%M%S}-before-lesson-{number}"
    place = folders.BEFORE / name
    times = 1
    while os.path.lexists(place):
        times += 1
        place = folders.BEFORE / f"{name}-{times}"
    return place

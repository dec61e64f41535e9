"""What a lesson begins with, and how it gets into mine/ while nothing there is lost."""

import os
import shutil
from datetime import datetime
from filecmp import cmp

from lessons.course.folders import BEFORE, MINE, all_lessons

PROGRAM = "*.py", "requirements.txt", "static/**/*", "templates/**/*"


def beginning(lesson):
    """Return the files that a lesson begins with, as {name: path}."""
    begin = lesson / "begin"
    if begin.is_dir():  # a program of its own
        return files_of(begin)
    if begin.exists():  # the number of the lesson whose program it is
        number = int(begin.read_text(encoding="utf-8"))
        return files_of(all_lessons()[number])
    earlier = [each for each in all_lessons().values() if each.name < lesson.name]
    programs = [each for each in earlier if (each / "app.py").exists()]
    return files_of(programs[-1])


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

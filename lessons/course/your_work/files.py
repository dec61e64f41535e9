"""The files that a lesson asks a student to write, and how an editor opens them."""

import os
from filecmp import cmp
from urllib.parse import quote

from lessons.course import folders
from lessons.course.about_lessons.start_lesson import (
    MissingLesson,
    beginning,
    program_of,
)

GIVEN = {"__init__.py", "requirements.txt"}  # which nobody is asked to write


def written_by_a_student(lesson):
    """Return the files of a lesson's program that a student can write, {name: path}."""
    program = program_of(lesson).items()
    return {name: path for name, path in program if name not in GIVEN}


def files_to_write(lesson):
    """Return the names of the files that differ from what the lesson begins with."""
    try:
        before = beginning(lesson)
    except MissingLesson:
        before = {}
    return [
        name
        for name, path in written_by_a_student(lesson).items()
        if name not in before or not cmp(before[name], path, shallow=False)
    ]


def paths_to_write(lesson):
    """Return the path in mine/ of each file that a lesson asks for."""
    return [folders.MINE / name for name in files_to_write(lesson)]


def editor_link(path):
    """Return the address with which a browser opens a path in VS Code.

    In Windows' own Linux (WSL), VS Code runs on Windows and has to be told the name of
    the Linux system in which it finds the file.
    """
    drive = path.drive if path.drive.endswith(":") else ""  # "C:", whose colon stays
    place = drive + quote(path.as_posix().removeprefix(drive))
    if not place.startswith("/"):
        place = f"/{place}"
    linux = os.environ.get("WSL_DISTRO_NAME")
    if linux:
        return f"vscode://vscode-remote/wsl+{quote(linux)}{place}"
    return f"vscode://file{place}"

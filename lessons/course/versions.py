"""The version of a program: a hash of its files, which says whether one has changed."""

import os
from hashlib import sha256
from pathlib import Path

from lessons.course.folders import COURSE, ROOT

# Programs consist of these. Other files beside them are not part of a version: a
# program may write a log or a database there while it runs.
KINDS = {".py", ".js", ".mjs", ".css", ".html", ".svg", ".conf"}
OF_OTHERS = {"__pycache__", "node_modules"}  # folders with nobody's own files
VENV = "pyvenv.cfg"  # is in a virtual environment, whatever its folder is called
# All that a check.py or check.js can import.
IMPORTED = [
    (ROOT, "*.py"),
    (ROOT, "fast/*.py"),
    (COURSE, "**/*.py"),
    (COURSE, "static/*.js"),
]


def files_in(folder):
    """Return the paths of the files that make the program in a folder, in order."""
    paths = []
    for place, folders, names in os.walk(folder):
        own = [each for each in folders if is_own(each)]
        folders[:] = [each for each in own if not Path(place, each, VENV).exists()]
        paths += [Path(place, name) for name in names if is_own(name)]
    return sorted(path for path in paths if path.suffix in KINDS)


def is_own(name):
    """Whether a file or folder of that name can be the student's own.

    Editors and systems keep hidden files beside it, such as .#app.py.
    """
    return not name.startswith(".") and name not in OF_OTHERS


def version_of_files(paths, folder):
    """Return a hash of files in a folder: of their names there, and what they hold."""
    whole = sha256()
    for path in paths:
        name = path.relative_to(folder).as_posix()
        try:
            content = path.read_bytes()
        except OSError:  # an editor replaces it just now
            continue
        # Names on a disk need not be UTF-8: a student's old archive can have others.
        for part in os.fsencode(name), content:
            whole.update(f"{len(part)} ".encode())  # else a name could run into a text
            whole.update(part)
    return whole.hexdigest()


def version_of_program(folder):
    """Return a hash of the program in a folder."""
    return version_of_files(files_in(folder), folder)


def version_of_work(checks, program):
    """Return a hash of all that a verdict is about.

    That is the program in one folder, the check.py and check.js of another, and what
    those can import.
    """
    hashes = [version_of_program(program)]
    own = [path for path in sorted(checks.glob("check.*")) if path.suffix in KINDS]
    hashes.append(version_of_files(own, checks))
    for folder, pattern in IMPORTED:
        hashes.append(version_of_files(sorted(folder.glob(pattern)), folder))
    return sha256(" ".join(hashes).encode()).hexdigest()[:32]

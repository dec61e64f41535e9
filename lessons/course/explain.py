"""What a program broke on, and where, in a sentence for the student."""

import errno
import os
import re
from pathlib import Path
from traceback import walk_tb

from jinja2 import TemplateNotFound

from lessons.course.advice import advice_on
from lessons.course.bounds import prints_too_much, uses_too_much
from lessons.course.folders import COURSE, LESSONS, ROOT
from lessons.course.fresh_packages import without_number

# A setting with such a name is secret, and so is one with such a value: an address that
# holds a password, as in postgres://ada:password@db.example/.
SECRET_NAME = re.compile("KEY|TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIAL", re.IGNORECASE)
SECRET_VALUE = re.compile("://[^/]*@")


def place(file, line, folder):
    """Return "mine/app.py, line 12", or None for a file that is not in the folder."""
    path = Path(file or "").resolve()
    if path.is_relative_to(COURSE):  # in the folder too, if that is the whole project
        return None
    if not path.is_relative_to(folder):
        return None
    name = path.relative_to(folder.parent).as_posix()
    return f"{name}, line {line}"


def places_of(error, folder):
    """Return the place of each call that led to an exception, the last one last."""
    places = []
    for frame, line in walk_tb(error.__traceback__):
        places.append(place(frame.f_code.co_filename, line, folder))
    if isinstance(error, SyntaxError):
        places.append(place(error.filename, error.lineno, folder))
    return places


def missing_file(error, folder):
    """Return which of a program's own files an exception has missed, or None."""
    if isinstance(error, TemplateNotFound):
        return f"{folder.name}/templates/{error.name}"
    if isinstance(error, FileNotFoundError):
        path = Path(os.fsdecode(error.filename or "")).resolve()
        if path.is_relative_to(folder):
            return path.relative_to(folder.parent).as_posix()
    if isinstance(error, ModuleNotFoundError):  # an ImportError can lack a name only
        module = without_number(error.name or "", folder)
        if module.startswith(f"{folder.name}."):
            return f"{module.replace('.', '/')}.py"
    return None


def where_to_get(module, folder):
    """Say where to get a module that Python has not found.

    Only the packages that lessons use are called packages: a package that happens to
    have the name of a student's file could be anybody's.
    """
    name = module.partition(".")[0]
    if (folder / f"{name}.py").exists():
        return (
            f"{name}.py is in {folder.name}/. Write a dot before its name, as in from"
            f" .{name} import ..."
        )
    package = name.replace("_", "-")
    if package in packages():
        return f"It is a package. To install it, run python -m pip install {package}."
    return (
        "No lesson uses a package with that name. Check its spelling. A file of your"
        f" own is in {folder.name}/, and needs a dot before its name, as in from"
        f" .{name} import ..."
    )


def packages():
    """Return the names of the packages that the lessons' programs use."""
    names = set()
    for file in ROOT / "requirements.txt", *LESSONS.glob("*/requirements.txt"):
        lines = file.read_text(encoding="utf-8").splitlines()
        names.update(re.split(r"[^\w-]", line)[0].lower() for line in lines)
    return names - {""}


def words_of(error, folder):
    """Return the first line of what an exception says."""
    words = error.msg if isinstance(error, SyntaxError) else str(error)
    words = without_secrets(without_number(words, folder))
    first_line = words.strip().partition("\n")[0]
    first_line = first_line.partition(" (Caused by")[0]  # as requests adds
    first_line = first_line.partition(" while output is captured")[0]  # as pytest does
    first_line = first_line.removeprefix("pytest: ")
    return first_line.rstrip(".") or "no further details"


def without_secrets(words):
    """Return a text with the name of a secret setting in place of its value."""
    for name, value in os.environ.items():
        is_secret = SECRET_NAME.search(name) or SECRET_VALUE.search(value)
        if is_secret and len(value) >= 8:  # shorter ones are in many texts by chance
            words = words.replace(value, f"({name})")
    return words


def is_of_a_check(error):
    """Whether the words of an AssertionError are a check's, and not a library's."""
    *_, (last, _) = walk_tb(error.__traceback__)
    file = Path(last.f_code.co_filename)
    return file.name == "check.py" or file.is_relative_to(LESSONS)


def sentence_for(error, folder):
    """Say where in the folder an exception arose, what it says, and what to try."""
    if isinstance(error.__cause__, StopIteration):  # Python hides it in a generator
        error = error.__cause__
    places = places_of(error, folder)
    raised_inside = bool(places and places[-1])
    if isinstance(error, AssertionError) and not raised_inside and is_of_a_check(error):
        return str(error)
    inside = [each for each in places if each]
    where = inside[-1] if inside else f"{folder.name}/app.py"
    if isinstance(error, MemoryError):
        return uses_too_much(f"{where},")
    if isinstance(error, OSError) and error.errno == errno.EFBIG:
        return prints_too_much(f"{where},")
    file = missing_file(error, folder)
    if file:
        sentences = [f"{where}: There is no {file}. The lesson's notes show that file."]
    else:
        words = words_of(error, folder)
        sentences = [f"{where}: {type(error).__name__}: {words}."]
        sentences += advice_on(error, words, where)
        if isinstance(error, ModuleNotFoundError) and error.name:
            sentences.append(where_to_get(error.name, folder))
    sentences += getattr(error, "__notes__", [])  # what the check was about
    return " ".join(sentences)

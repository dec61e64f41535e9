"""What a program broke on, and where, in a sentence for the student."""

import errno
import os
from pathlib import Path
from traceback import walk_tb

from jinja2 import TemplateNotFound

from lessons.course.bounds import prints_too_much, uses_too_much
from lessons.course.folders import COURSE
from lessons.course.import_anew import without_number

ADVICE = {  # what to try, by how an exception's message begins
    "Working outside of request context": (
        "When a generator runs, the view has returned and request is gone:"
        " read it in the view, and hand the prompt over."
    ),
    "No module named": "If it is a package, python -m pip install {name} installs it.",
    "The view function": "Let the view return Response(pieces(prompt), ...).",
    "sequence item 0: expected str": (
        "Some models send lists of blocks, and chunk.content is then such a list:"
        " chunk.text is always text."
    ),
    "name '": "Write or import it first, or take out what the lesson has no more.",
    "'function' object is not iterable": "Call it: Response(pieces(prompt), ...).",
    "'generator' object does not support the context": (
        "closing makes it one that does: with closing(model.stream(prompt)) as stream:"
    ),
    "sequence item 0: expected a bytes-like": "Yield chunk.text, not the chunk.",
    "'ScriptedModel' object has no": "The checks know model.stream(prompt) only.",
}


def short(text):
    """Return the text as Python writes it, with its middle left out if it is long."""
    written = repr(text)
    return written if len(written) < 120 else f"{written[:70]} ... {written[-30:]}"


def place(file, line, folder):
    """Return "mine/app.py, line 12", or None for a file that is not in the folder."""
    path = Path(file or "").resolve()
    if path.is_relative_to(folder) and path.parent != COURSE:
        return f"{(folder.name / path.relative_to(folder)).as_posix()}, line {line}"
    return None


def missing_file(error, name, folder):
    """Return which of a program's own files an exception has missed, or None."""
    if isinstance(error, TemplateNotFound):
        return f"{folder.name}/templates/{name}"
    if isinstance(error, FileNotFoundError):
        path = Path(os.fsdecode(error.filename or "")).resolve()
        inside = path.is_relative_to(folder)
        return path.relative_to(folder.parent).as_posix() if inside else None
    own = isinstance(error, ModuleNotFoundError) and name.startswith(f"{folder.name}.")
    return f"{name.replace('.', '/')}.py" if own else None


def sentence_for(error, folder):
    """Say where in the folder an exception arose, what it says, and what to try."""
    places = [
        place(frame.f_code.co_filename, line, folder)
        for frame, line in walk_tb(error.__traceback__)
    ]
    words = without_number(str(error), folder).strip().partition("\n")[0].rstrip(".")
    words = words or "it says no more"
    if isinstance(error, SyntaxError):
        places.append(place(error.filename, error.lineno, folder))
        words = error.msg
    if isinstance(error, AssertionError) and not (places and places[-1]):
        return str(error)  # the check's own words
    inside = [each for each in places if each]
    where = inside[-1] if inside else f"{folder.name}/app.py"
    if isinstance(error, MemoryError):
        return uses_too_much(f"{where},")
    if isinstance(error, OSError) and error.errno == errno.EFBIG:
        return prints_too_much(f"{where},")
    sentences = [f"{where}: {type(error).__name__}: {words}."]
    name = without_number(str(getattr(error, "name", None) or ""), folder)
    if file := missing_file(error, name, folder):
        sentences = [f"{where}: There is no {file}: see the lesson for it."]
    else:
        for start, advice in ADVICE.items():
            if words.startswith(start):
                sentences.append(advice.format(name=name))
    sentences += getattr(error, "__notes__", [])  # what the check was about
    return " ".join(sentences)

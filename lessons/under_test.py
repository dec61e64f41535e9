"""The program under test: how it is imported, and what it broke on, in a sentence."""

import os
import sys
from importlib import import_module
from importlib.machinery import FileFinder, SourceFileLoader
from pathlib import Path
from traceback import walk_tb
from types import ModuleType

from flask.cli import prepare_import
from jinja2 import TemplateNotFound

import models

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


class Fresh(SourceFileLoader):
    """A loader that reads the source: a .pyc can be of a version a moment older."""

    def get_code(self, fullname):
        path = self.get_filename(fullname)
        return self.source_to_code(self.get_data(path), path)


def import_anew(folder):
    """Import the app.py of a folder, and what it imports from there, as files are now.

    The folder is a package: from .stream import Stream finds its stream.py.
    """
    name = folder.name
    for old in [each for each in sys.modules if f"{each}.".startswith(f"{name}.")]:
        del sys.modules[old]
    package = sys.modules[name] = ModuleType(name)
    package.__path__ = [str(folder)]
    sys.path_importer_cache[str(folder)] = FileFinder(str(folder), (Fresh, [".py"]))
    return import_module(f"{name}.app")


def load(folder, model):
    """Import the app.py of a folder as Flask does, and give it the model."""
    path, name = folder / "app.py", folder.name
    assert path.exists(), f"There is no {name}/app.py: flask start puts one there."
    beside = (folder / "__init__.py").exists() or (folder / "models.py").exists()
    assert beside, (
        f"There is no {name}/__init__.py, and without it Flask cannot find models.py:"
        " make an empty file of that name."
    )
    prepare_import(str(path))  # lets it find models
    choose_model = models.choose_model
    models.choose_model = lambda: model  # under whatever name the program keeps it
    try:
        module = import_anew(folder)
    finally:
        models.choose_model = choose_model
    has_app = hasattr(getattr(module, "app", None), "test_client")
    assert has_app, f"{folder.name}/app.py has no app: write app = Flask(__name__)."
    if hasattr(module, "model"):
        module.model = model
    module.app.config["PROPAGATE_EXCEPTIONS"] = True  # to the check, which explains
    return module


def short(text):
    """Return the text as Python writes it, with its middle left out if it is long."""
    written = repr(text)
    return written if len(written) < 120 else f"{written[:70]} ... {written[-30:]}"


def place(file, line, folder):
    """Return "mine/app.py, line 12", or None for a file that is not in the folder."""
    path = Path(file or "").resolve()
    if path.is_relative_to(folder) and path.parent != Path(__file__).parent:
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
    own = isinstance(error, ImportError) and name.startswith(f"{folder.name}.")
    return f"{name.replace('.', '/')}.py" if own else None


def sentence_for(error, folder):
    """Say where in the folder an exception arose, what it says, and what to try."""
    places = [
        place(frame.f_code.co_filename, line, folder)
        for frame, line in walk_tb(error.__traceback__)
    ]
    words = str(error).strip().partition("\n")[0].rstrip(".") or "it says no more"
    if isinstance(error, SyntaxError):
        places.append(place(error.filename, error.lineno, folder))
        words = error.msg
    if isinstance(error, AssertionError) and not (places and places[-1]):
        return str(error)  # the check's own words
    inside = [each for each in places if each]
    where = inside[-1] if inside else f"{folder.name}/app.py"
    sentences = [f"{where}: {type(error).__name__}: {words}."]
    name = str(getattr(error, "name", None) or "")
    if file := missing_file(error, name, folder):
        sentences = [f"{where}: There is no {file}: see the lesson for it."]
    else:
        for start, advice in ADVICE.items():
            if words.startswith(start):
                sentences.append(advice.format(name=name))
    sentences += getattr(error, "__notes__", [])  # what the check was about
    return " ".join(sentences)

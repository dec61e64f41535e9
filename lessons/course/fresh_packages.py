"""A folder as a package: imported as its files are now, under a name never used."""

import re
import sys
from importlib import import_module
from importlib.machinery import FileFinder, SourceFileLoader
from itertools import count
from types import ModuleType

FRESH_NAME = re.compile(r".+#\d+")
numbers = count(1)


class FromSource(SourceFileLoader):
    """A loader that reads the source: a .pyc can be of a version a moment older."""

    def get_code(self, fullname):
        path = self.get_filename(fullname)
        return self.source_to_code(self.get_data(path), path)


def fresh_name(folder):
    """Return a name for a folder's package that none has had: "mine#7".

    Python lets an import wait for another of the same name, even for one that never
    ends. And with its # it is no name that another program imports: the folder may be
    called flask.
    """
    return f"{folder.name}#{next(numbers)}"


def without_number(text, folder):
    """Return a text about "mine#7.app" in the student's words: about "mine.app"."""
    return re.sub(rf"(?<={re.escape(folder.name)})#\d+", "", text)


def import_fresh(folder, package=None):
    """Import the app.py of a folder, and what it imports from there, as files are now.

    The folder is a package, of that name or of a fresh one: from .stream import Stream
    finds its stream.py.
    """
    package = package or fresh_name(folder)
    module = ModuleType(package)
    module.__path__ = [str(folder)]
    sys.modules[package] = module
    # Python keeps here whom it asks for the modules of a folder.
    finder = FileFinder(str(folder), (FromSource, [".py"]))
    sys.path_importer_cache[str(folder)] = finder
    return import_module(f"{package}.app")


def forget(package):
    """Let go of a package and its modules: the next import needs none of them."""
    for name in list(sys.modules):
        if name == package or name.startswith(f"{package}."):
            del sys.modules[name]


def package_of(frame):
    """Return the name of the fresh package whose code a frame runs, or None.

    A frame is a call that goes on: of a function, or of the lines of a module.
    """
    module = str(frame.f_globals.get("__name__"))
    found = FRESH_NAME.match(module)
    return found[0] if found else None

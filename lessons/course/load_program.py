"""How the program of a folder is imported: as its files are now, with a model given."""

import sys
from importlib import import_module
from importlib.machinery import FileFinder, SourceFileLoader
from types import ModuleType

from flask.cli import prepare_import

import models


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

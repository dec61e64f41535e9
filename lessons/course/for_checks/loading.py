"""How a check gets the program of a folder: imported, and with a model given."""

from flask import Flask
from flask.cli import prepare_import

import models
from lessons.course.fresh_packages import import_fresh


def load(folder, model):
    """Import the app.py of a folder as Flask does, and give it the model."""
    path = folder / "app.py"
    name = folder.name
    assert path.exists(), f"There is no {name}/app.py. To create it, run flask start."
    finds_models = (folder / "__init__.py").exists() or (folder / "models.py").exists()
    assert finds_models, (
        f"There is no {name}/__init__.py. Without it, Flask cannot find models.py. Make"
        " an empty file with that name."
    )
    prepare_import(str(path))  # as flask --app does, so that Python finds models.py
    choose_model = models.choose_model

    def choose_ours():
        return model

    def run_nothing(*words, **options):
        """Ignore app.run() at the end of a program, as each command of Flask does."""

    run = Flask.run
    Flask.run = run_nothing
    models.choose_model = choose_ours  # under whatever name the program keeps the model
    try:
        module = import_fresh(folder)
    finally:
        models.choose_model = choose_model
        Flask.run = run
    has_app = hasattr(getattr(module, "app", None), "test_client")
    assert has_app, f"{name}/app.py has no app. Write app = Flask(__name__)."
    assert getattr(module, "model", None) is not choose_ours, (
        f"{name}/app.py sets model to the function choose_model itself. Call it: model"
        " = choose_model()."
    )
    if hasattr(module, "model"):
        module.model = model
    module.app.config["PROPAGATE_EXCEPTIONS"] = True  # to the check, which explains
    return module

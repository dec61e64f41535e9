"""The lessons, and the course around them.

This file makes the folder a package: through it, Flask finds models.py for a lesson's
program.
"""

from importlib import import_module
from pathlib import Path


def register_course(app):
    """Add the course's pages and commands to a Flask app, if they are there.

    The program at the root answers without lessons/course, too.
    """
    if (Path(__file__).parent / "course" / "pages.py").exists():
        pages = import_module("lessons.course.pages")
        app.register_blueprint(pages.course)
        app.jinja_env.globals["has_course"] = True  # for the link on the page

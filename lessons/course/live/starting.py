"""The import of a program in time: a loop that never ends holds up nobody else.

A program beside the notes runs inside of `flask run`, in threads, and not in a process
of its own. That process would import Flask and LangChain again after each save, which
takes a second or more where this takes a hundredth, and each piece of an answer would
cross one more socket before the page can show when it came. The price: nothing bounds
the memory that a program takes and the files that it writes. Its imports end after
IMPORT_SECONDS, and what it runs ends at the next save. Checks do run in a process of
their own, with the limits of bounds.py.
"""

from contextlib import suppress
from threading import Thread
from time import monotonic

from flask import Flask
from werkzeug.exceptions import InternalServerError

from lessons.course.fresh_packages import fresh_name, import_fresh
from lessons.course.live.end_threads import end_threads
from lessons.course.live.error_response import BrokenProgram, sentence_about
from lessons.course.live.terminal_page import TerminalPage

IMPORT_SECONDS = 10
ENDING_SECONDS = 1  # for an import that was ended


class DidNotStart(SystemExit):
    """Raised in an import that takes too long."""

    def __str__(self):
        return f"it ran for {IMPORT_SECONDS} s. Look for a loop that never ends"


class ProgramImport(Thread):
    """An import in a thread of its own, which begins with start()."""

    def __init__(self, folder):
        super().__init__(daemon=True)  # it does not hold up the end of Python
        self.folder = folder
        self.package = fresh_name(folder)
        self.deadline = monotonic() + IMPORT_SECONDS
        self.app = None
        self.error = None

    def run(self):
        with suppress(SystemExit):  # DidNotStart once more, while the first is kept
            try:
                self.app = import_app(self.folder, self.package)
            except BaseException as error:  # SystemExit too
                self.error = error

    def result(self):
        """Wait for the app and return it; raise BrokenProgram if there is none.

        One that comes too late is there when it is asked for again.
        """
        self.join(max(0, self.deadline - monotonic()))
        if self.is_alive():
            end_threads(self.package, DidNotStart)
            self.join(ENDING_SECONDS)
        if self.app:
            return self.app
        if self.error:
            raise BrokenProgram(sentence_about(self.error, self.folder))
        raise BrokenProgram(
            f"{self.folder.name}/app.py did not start within {IMPORT_SECONDS} s. Look"
            " for a loop that never ends."
        )


def import_app(folder, package=None):
    """Import app.py in a package of that name; return a WSGI app that has a page."""
    path = folder / "app.py"
    name = f"{folder.name}/app.py"
    if not path.exists():
        raise BrokenProgram(f"There is no {name} yet. To create it, run flask start.")
    module = import_fresh(folder, package)
    app = getattr(module, "app", None)
    if not isinstance(app, Flask):
        raise BrokenProgram(f"{name} has no app. Write app = Flask(__name__).")
    # A bug in a view comes to reloading.py, which makes a sentence of it; but not
    # where the program has an answer of its own.
    app.config["PROPAGATE_EXCEPTIONS"] = not answers_bugs(app)
    has_page = any(rule.rule == "/" for rule in app.url_map.iter_rules())
    return app if has_page else TerminalPage(app, folder)


def answers_bugs(app):
    """Whether a program has an errorhandler of its own for what is a bug: a 500."""
    # Flask keeps them by blueprint, where None is the app itself, and then by status,
    # where None is for those that were given a class of errors.
    by_status = app.error_handler_spec[None]
    if by_status[500]:
        return True
    return any(issubclass(InternalServerError, kind) for kind in by_status[None])

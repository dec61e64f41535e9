"""The programs beside the text: imported on first use, and anew when a file changed."""

import logging
from itertools import chain
from threading import Lock, Thread
from traceback import walk_tb

from flask import Flask, json
from werkzeug import Response
from werkzeug.exceptions import InternalServerError
from werkzeug.wsgi import ClosingIterator

from lessons.course.explain import sentence_for
from lessons.course.load_program import import_anew
from lessons.course.rendered_page import rendered_page
from lessons.course.terminal_page import Terminal

IMPORT_SECONDS = 10
log = logging.getLogger("lessons")


class Broken(Exception):
    """A program that cannot answer; the message is one sentence for the student."""


class Program:
    """A WSGI app that answers as the app of a folder does: a lesson's, or mine/."""

    def __init__(self, folder):
        self.folder = folder.resolve()
        self.lock = Lock()
        self.seen = self.app = None  # the files as they were when they were imported

    def __call__(self, environ, start_response):
        begun, body = [], ()
        try:
            body = self.load()(environ, lambda *head: begun.append(head))
            pieces = iter(body)
            first = next(pieces, b"")  # what breaks before it gets a sentence
        except Exception as error:
            getattr(body, "close", str)()
            sentence = self.sentence(error)
            log.error(sentence)
            answer = say(sentence, "text/html" in environ.get("HTTP_ACCEPT", ""))
            return answer(environ, start_response)
        start_response(*begun[-1])
        return ClosingIterator(chain([first], pieces), getattr(body, "close", None))

    def load(self):
        """Return the app, imported anew if a file changed; raise if it is broken."""
        with self.lock:
            files = {
                path: (path.stat().st_mtime_ns, path.stat().st_size)
                for path in self.folder.rglob("*.*")
                if path.suffix in (".py", ".html")
            }
            if files != self.seen:
                self.seen, self.app = files, self.imported()
            if isinstance(self.app, Broken):
                raise self.app.with_traceback(None)
            return self.app

    def imported(self):
        """Return the app, or why there is none; a loop must not hold up the course."""
        found = []

        def run():
            try:
                found.append(import_app(self.folder))
            except (Exception, SystemExit) as error:
                found.append(Broken(self.sentence(error)))

        thread = Thread(target=run, daemon=True)
        thread.start()
        thread.join(IMPORT_SECONDS)
        late = f"{self.folder.name}/app.py did not start within {IMPORT_SECONDS} s:"
        return found[0] if found else Broken(f"{late} look for a loop that never ends.")

    def sentence(self, error):
        """Return where the program broke, and why, without a traceback."""
        if isinstance(error, Broken | SystemExit):
            return str(error)
        frames = [frame for frame, _ in walk_tb(error.__traceback__)]
        modules = {frame.f_globals.get("__name__", "") for frame in frames}
        if any(module.startswith("langchain") for module in modules):
            # a provider's own words can hold a part of the key: keep the name only
            kind = type(type(error).__name__, (Exception,), {})
            error = kind("the model failed").with_traceback(error.__traceback__)
        return sentence_for(error, self.folder)


def import_app(folder):
    """Import app.py under a name of its own, and return a WSGI app that has a page."""
    path, name = folder / "app.py", folder.name
    if not path.exists():
        raise Broken(f"There is no {name}/app.py yet: flask start puts one there.")
    module = import_anew(folder)
    app = getattr(module, "app", None)
    if not isinstance(app, Flask):
        raise Broken(f"{name}/app.py has no app: write app = Flask(__name__).")
    handlers = app.error_handler_spec[None]
    catches_all = handlers[500] or any(
        issubclass(InternalServerError, kind) for kind in handlers[None]
    )
    app.config["PROPAGATE_EXCEPTIONS"] = not catches_all
    has_page = any(rule.rule == "/" for rule in app.url_map.iter_rules())
    return app if has_page else Terminal(app, folder)


def say(sentence, as_page):
    """Return a 500 with the sentence: as a page, or as JSON for a script that asked."""
    if as_page:
        return rendered_page("sentence.html", 500, sentence=sentence)
    return Response(json.dumps({"error": sentence}), 500, mimetype="application/json")

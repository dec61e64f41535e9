"""A page for a program that has none: a prompt, and what its answer looks like."""

import os
import re
import subprocess
import sys
from tempfile import TemporaryFile
from threading import Timer

from jinja2 import Environment, FileSystemLoader
from werkzeug import Request, Response
from werkzeug.exceptions import BadRequest, HTTPException, MethodNotAllowed

from lessons.course.explain import place
from lessons.course.folders import COURSE, LESSONS, ROOT

SECONDS = 120  # the longest that a command may run
CSP = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
CSP += "img-src 'self' data:; frame-src 'self'; base-uri 'none'; form-action 'none'"
pages = Environment(loader=FileSystemLoader(COURSE / "templates"), autoescape=True)


class Terminal:
    """A WSGI app: a page at /, and at /ask what the program answers or prints."""

    def __init__(self, app, folder):
        self.app = app
        self.folder = folder
        self.prints = "ask" in app.cli.commands

    def __call__(self, environ, start_response):
        request = Request(environ)
        if request.path in ("", "/"):
            answer = page("terminal.html", app=typed(self.folder), prints=self.prints)
        elif self.prints and request.path == "/ask":
            answer = self.ask(request)
        else:
            answer = self.app
        return answer(environ, start_response)

    def ask(self, request):
        """Answer with what the command `ask` prints, as it prints it."""
        request.max_content_length = 64 * 1024
        try:
            if request.method != "POST":
                raise MethodNotAllowed(["POST"])
            prompt = request.get_json()["prompt"]
            if not isinstance(prompt, str) or len(prompt) > 4000 or "\0" in prompt:
                raise BadRequest
        except (KeyError, TypeError):
            return BadRequest()
        except HTTPException as error:
            return error
        return Response(printed(self.folder, prompt), mimetype="text/plain")


def typed(folder):
    """Return what one types for the app of a folder: "mine/app"."""
    names = folder.parts[-2:] if folder.parent == LESSONS else folder.parts[-1:]
    return "/".join([*names, "app"])


def printed(folder, prompt):
    """Yield what `flask --app mine/app ask prompt` prints; stop it when it is left."""
    command = ["flask", "--app", str(folder / "app"), "ask", "--", prompt]
    with TemporaryFile() as problems:
        running = subprocess.Popen(
            [sys.executable, "-m", *command],
            cwd=ROOT,
            env=os.environ | {"PYTHONUTF8": "1", "PYTHONUNBUFFERED": ""},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=problems,
        )
        limit = Timer(SECONDS, running.kill)
        limit.start()
        try:
            with running.stdout as screen:
                while text := screen.read1():
                    yield text
            if running.wait():
                problems.seek(0)
                problem = problems.read().decode("utf-8", "replace")
                yield last_lines(problem, folder).encode()
        finally:
            limit.cancel()
            running.kill()
            running.wait()


def last_lines(problem, folder):
    """Return where in the folder a command broke, and the traceback's last line."""
    *_, why = problem.strip().splitlines() or [f"It was stopped after {SECONDS} s."]
    lines = re.findall(r'File "(.+)", line (\d+)', problem)
    inside = [found for file, line in lines if (found := place(file, line, folder))]
    return "\n" + ": ".join([*inside[-1:], why]) + "\n"


def page(name, status=200, **words):
    """Return a page of the course that is made outside of a view."""
    html = pages.get_template(name).render(words)
    return Response(
        html, status, {"Content-Security-Policy": CSP}, mimetype="text/html"
    )

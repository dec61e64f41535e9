"""A page for a program that has none: a prompt, and what its answer looks like."""

from werkzeug import Request, Response
from werkzeug.exceptions import BadRequest, HTTPException, MethodNotAllowed

from lessons.course.folders import LESSONS
from lessons.course.live.command_output import command_output
from lessons.course.live.rendered_page import rendered_page

LONGEST_BODY = 64 * 1024  # bytes
LONGEST_PROMPT = 4000  # characters: a command line is not long everywhere


class TerminalPage:
    """A WSGI app: a page at /, and at /ask what the program answers or prints."""

    def __init__(self, app, folder):
        self.app = app
        self.folder = folder
        self.prints = "ask" in app.cli.commands

    def __call__(self, environ, start_response):
        request = Request(environ)
        if request.path in ("", "/"):
            answer = self.page(environ)
        elif request.path == "/ask" and self.prints:
            answer = self.ask(request)
        else:
            answer = self.app
        return answer(environ, start_response)

    def page(self, environ):
        """Return the page, which shows the command that one would type."""
        folder = self.folder
        typed = f"lessons/{folder.name}" if folder.parent == LESSONS else folder.name
        words = {"app": f"{typed}/app", "prints": self.prints}
        return rendered_page(environ, "terminal.html", **words)

    def ask(self, request):
        """Return a response of what the command `ask` prints, as it prints it."""
        try:
            prompt = read_prompt(request)
        except HTTPException as error:
            return error  # which is a response as well
        return Response(command_output(self.folder, prompt), mimetype="text/plain")


def read_prompt(request):
    """Return the prompt, a string that a command can take; else raise 400 to 415."""
    if request.method != "POST":
        raise MethodNotAllowed(["POST"])
    request.max_content_length = LONGEST_BODY
    question = request.get_json()
    if not isinstance(question, dict):
        raise BadRequest
    prompt = question.get("prompt")
    if not isinstance(prompt, str) or len(prompt) > LONGEST_PROMPT:
        raise BadRequest
    if "\0" in prompt:  # where a command's argument would end
        raise BadRequest
    return prompt

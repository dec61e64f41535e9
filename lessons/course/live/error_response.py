"""A program that cannot answer: what the student is shown instead, in one sentence."""

from traceback import walk_tb

from flask import json
from werkzeug import Response

from lessons.course.explain import sentence_for
from lessons.course.live.rendered_page import rendered_page


class BrokenProgram(Exception):
    """Raised for a program that cannot answer; the message is the sentence."""


def sentence_about(error, folder):
    """Return where the program of a folder broke, and why, without a traceback."""
    if isinstance(error, BrokenProgram):
        return str(error)
    if type(error) is SystemExit and isinstance(error.code, str):
        return error.code  # a sentence of models.py, about a setting that is wrong
    # a SystemExit is never a provider's: starting.py and its like raise it
    if isinstance(error, Exception) and is_of_a_provider(error):
        error = without_words(error)
    return sentence_for(error, folder)


def is_of_a_provider(error):
    """Whether an error arose where LangChain asks a provider."""
    modules = [
        str(frame.f_globals.get("__name__"))
        for frame, _ in walk_tb(error.__traceback__)
    ]
    return any(module.startswith("langchain") for module in modules)


def without_words(error):
    """Return an error of the same name and place: its words can hold part of a key."""
    name = type(error).__name__
    kind = type(name, (Exception,), {})  # as class ...(Exception) makes one
    return kind("the model failed").with_traceback(error.__traceback__)


def answer_with(sentence, environ):
    """Return a 500 with the sentence: as a page, or as JSON for a script that asked."""
    if "text/html" in environ.get("HTTP_ACCEPT", ""):
        return rendered_page(environ, "sentence.html", 500, sentence=sentence)
    body = json.dumps({"error": sentence})
    return Response(body, 500, mimetype="application/json")

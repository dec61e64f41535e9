"""What a client may ask, field by field; a wrong one is refused by its name."""

from contextlib import suppress
from types import SimpleNamespace

from flask import request
from werkzeug.exceptions import BadRequest

from .errors import no
from .fields import limit, one_of, options, stops, text, turns

TURNS = "a list of messages, each with a role and a text as content"
COUNT = "a whole number from 1"
FIELDS = {  # how each is read, what it has to be, what it is when nobody says
    "model": (text, "the name of a model", None),
    "messages": (turns, TURNS, None),
    "stream": (one_of(False, True), "true or false", False),
    "stream_options": (options, 'like {"include_usage": true}', {}),
    "n": (one_of(1, 2, 3, 4), f"{COUNT} to 4", 1),
    "stop": (stops, "a text, or a list of 4 at most", []),
    "max_tokens": (limit, COUNT, 10**9),
    "max_completion_tokens": (limit, COUNT, 10**9),
}
WRONG = AttributeError, LookupError, TypeError, ValueError


def read_question():
    """Return the fields that were asked, or raise a 400 that names the wrong one."""
    asked, found = None, {}
    with suppress(BadRequest, RecursionError):
        asked = request.get_json()
    if not isinstance(asked, dict):
        request.stream.read(1)  # raises the 413 of a body that did not tell its length
        raise no(400, "The question has to be an object in JSON.")
    for name, (read, wanted, otherwise) in FIELDS.items():
        value = asked.get(name)
        try:
            found[name] = read(otherwise if value is None else value)
        except WRONG:
            raise no(400, f"{name} has to be {wanted}.", param=name) from None
    return SimpleNamespace(**found)

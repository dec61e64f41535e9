"""What a client may ask, and what it is told instead of an answer."""

import logging
import re
from contextlib import suppress
from traceback import format_tb

from flask import request
from langchain_core import exceptions as failures
from werkzeug import exceptions as http

WRONG = http.BadRequest, LookupError, TypeError, AttributeError, ValueError
NOTHING = 'Nothing was asked: send {"prompt": "..."} or {"messages": [...]}.'
BUSY = "The model has too much to do: ask again in {} s."
SILENT = "The model kept silent too long: ask again."
REFUSED = "The model refused this: reword it."
FAILED = "The model failed: ask again."
log = logging.getLogger(__name__)


def read_prompt():
    """Return what is asked: a text, or a conversation as (role, text) pairs."""
    with suppress(*WRONG, RecursionError):
        asked = request.get_json() if request.method == "POST" else request.args
        if "prompt" not in asked:
            turns = [turn for turn in map(read_turn, asked["messages"]) if turn[1]]
            if turns[-1][0] == "user":
                return turns
        elif asked["prompt"].strip().encode():  # a list has no strip
            return asked["prompt"]
    request.stream.read(1)  # raises the 413 of a body that did not tell its length
    raise http.BadRequest(NOTHING)


def read_turn(message):
    """Return (role, text) of a message: nobody but the server is the system."""
    role = {"user": "user", "assistant": "assistant"}[message["role"]]
    parts = message.get("parts") or [{"type": "text", "text": message["content"]}]
    text = "".join(part["text"] for part in parts if part["type"] == "text")
    return role, text.strip() and text.encode().decode()


def refusal(error):
    """Return the HTTP error for what the model raised, in our words, never its own."""
    log.warning("%s\n%s", type(error).__name__, format_tb(error.__traceback__)[-1])
    if isinstance(error, failures.ModelRateLimitError):
        headers = getattr(getattr(error, "response", None), "headers", {})
        wait = headers.get("retry-after", "")
        seconds = int(wait) if re.fullmatch("[1-9][0-9]{0,5}", wait) else 5
        return http.TooManyRequests(BUSY.format(seconds), retry_after=seconds)
    if isinstance(error, failures.ModelTimeoutError):
        return http.GatewayTimeout(SILENT)
    if isinstance(error, failures.ModelInvalidRequestError):
        return http.BadRequest(REFUSED)
    return http.BadGateway(FAILED)


def refuse(error):
    """Answer with one sentence as JSON, keeping the error's Allow or Retry-After."""
    return {"error": error.description}, error.code, error.get_headers()[1:]

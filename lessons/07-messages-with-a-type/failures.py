"""What can go wrong, and what the client is told: in our own words, and no others."""

import logging
import re
from contextlib import suppress
from traceback import format_tb

from flask import request
from langchain_core.exceptions import ModelRateLimitError, ModelTimeoutError
from werkzeug import exceptions as http

NO_PROMPT = 'There is no prompt to answer: send JSON with some text, {"prompt": "Hi"}.'
BUSY = "The model has too much to do: ask again in {} s."
SILENT = "The model fell silent: ask again."
FAILED = "The service failed: ask again, or see the server's log."
log = logging.getLogger(__name__)


def read_prompt():
    """Return the prompt, a str that is not blank; else raise 400, 413 or 415."""
    with suppress(http.BadRequest, KeyError, TypeError, UnicodeError, RecursionError):
        prompt = request.get_json()["prompt"]
        if isinstance(prompt, str) and prompt.strip().encode():  # a list has roles
            return prompt
    request.stream.read(1)  # raises the 413 of a body that did not tell its length
    raise http.BadRequest(NO_PROMPT)


def run(service, prompt, stream):
    """Run a service; what it raises refuses the prompt, or is thrown on the page."""
    try:
        service(prompt, stream)
    except Exception as error:
        name, place = type(error).__name__, format_tb(error.__traceback__)[-1]
        log.warning("%s after %s messages\n%s", name, stream.sent, place)  # no key
        if stream.sent:
            stream.throw(refusal(error).description)
        else:
            stream.refused = refusal(error)
    finally:
        stream.close()


def refusal(error):
    """Return the HTTP error for what a service raised."""
    if isinstance(error, ModelRateLimitError):
        headers = getattr(getattr(error, "response", 0), "headers", {})
        wait = headers.get("retry-after", "")
        seconds = int(wait) if re.fullmatch("[1-9][0-9]{0,5}", wait) else 5
        return http.TooManyRequests(BUSY.format(seconds), retry_after=seconds)
    if isinstance(error, ModelTimeoutError):
        return http.GatewayTimeout(SILENT)
    return http.BadGateway(FAILED)


def refuse(error):
    """Answer with one sentence as JSON, keeping the error's Allow or Retry-After."""
    body = {"error": error.description, "message": error.description}
    return body, error.code, error.get_headers()[1:]  # [0]: HTML

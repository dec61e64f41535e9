"""What a client is told instead of an answer, in the shape that OpenAI gives errors."""

import logging
import re
from traceback import format_tb

from langchain_core.exceptions import (
    ModelInvalidRequestError,
    ModelRateLimitError,
    ModelTimeoutError,
)
from werkzeug import exceptions as http

BUSY = "The model has too much to do: ask again in {} s."
SILENT = "The model kept silent too long: ask again."
REFUSED = "The model refused this: reword it."
FAILED = "The model failed: ask again."
log = logging.getLogger(__name__)


def no(status, sentence, param=None, code=None):
    """Return the HTTP error of that status, to be raised."""
    error = http.default_exceptions[status](sentence)
    error.param, error.reason = param, code
    return error


def refusal(error):
    """Return the HTTP error for what the model raised, in our words, never its own."""
    log.warning("%s\n%s", type(error).__name__, format_tb(error.__traceback__)[-1])
    if isinstance(error, ModelRateLimitError):
        headers = getattr(getattr(error, "response", None), "headers", {})
        wait = headers.get("retry-after", "")
        seconds = int(wait) if re.fullmatch("[1-9][0-9]{0,5}", wait) else 5
        refused = no(429, BUSY.format(seconds), code="rate_limit_exceeded")
        refused.retry_after = seconds
        return refused
    if isinstance(error, ModelTimeoutError):
        return no(504, SILENT)
    if isinstance(error, ModelInvalidRequestError):
        return no(400, REFUSED)
    return no(502, FAILED)


def told(error):
    """Return the error as OpenAI's clients read it."""
    kind = "server_error" if error.code >= 500 else "invalid_request_error"
    kind = "rate_limit_error" if error.code == 429 else kind
    param, code = getattr(error, "param", None), getattr(error, "reason", None)
    about = {"message": error.description, "type": kind, "param": param, "code": code}
    return {"error": about}


def refuse(error):
    """Answer with the error as JSON, keeping its Allow or Retry-After."""
    return told(error), error.code, error.get_headers()[1:]

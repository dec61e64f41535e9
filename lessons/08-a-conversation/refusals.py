"""How a question is refused: a status, and one sentence as JSON."""

import logging
import re
from traceback import format_tb

from langchain_core.exceptions import (
    ModelError,
    ModelInvalidRequestError,
    ModelRateLimitError,
    ModelTimeoutError,
)
from werkzeug import exceptions as http

REFUSALS = {
    413: "That is too long: shorten your question, or begin a new conversation.",
    415: "Send JSON, and say so: Content-Type: application/json.",
}
BUSY = "The model has too much to do: ask again in {} s."
SILENT = "The model kept silent too long: ask again."
REFUSED = "The model refused this: reword it."
FAILED = "The model failed: ask again."
log = logging.getLogger(__name__)


def whole(made, told):
    """Return "whole" if text came and the model says that it was all; else raise."""
    end = told.get("finish_reason") or told.get("stop_reason") or told.get("status")
    if not made or end not in ("stop", "end_turn", "completed"):
        raise ModelError("not whole")
    return "whole"


def refusal(error):
    """Return the HTTP error for what the model raised, in our words, never its own."""
    log.warning("%s\n%s", type(error).__name__, format_tb(error.__traceback__)[-1])
    if isinstance(error, ModelRateLimitError):
        headers = getattr(getattr(error, "response", None), "headers", {})
        wait = headers.get("retry-after", "")
        seconds = int(wait) if re.fullmatch("[1-9][0-9]{0,5}", wait) else 5
        return http.TooManyRequests(BUSY.format(seconds), retry_after=seconds)
    if isinstance(error, ModelTimeoutError):
        return http.GatewayTimeout(SILENT)
    if isinstance(error, ModelInvalidRequestError):
        return http.BadRequest(REFUSED)
    return http.BadGateway(FAILED)


def refuse(error):
    """Answer with one sentence as JSON, keeping the error's Allow or Retry-After."""
    sentence = REFUSALS.get(error.code, error.description)
    return {"error": sentence}, error.code, error.get_headers()[1:]  # [0]: HTML

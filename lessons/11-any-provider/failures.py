"""What can go wrong, and what the client is told: in our own words, and no others."""

import re
from contextlib import suppress

from flask import request
from werkzeug import exceptions as http

NO_PROMPT = 'There is no prompt to answer: send JSON with some text, {"prompt": "Hi"}.'
FAILURES = {  # by the name of LangChain's error: the status, and what to do
    "no credit": (502, "The account of this key has no credit: top it up first."),
    "ModelAuthenticationError": (502, "The provider refused the key: check .env."),
    "ModelPermissionDeniedError": (502, "The key may not use this model: check .env."),
    "ModelNotFoundError": (502, "There is no such model: check MODEL in .env."),
    "ModelInvalidRequestError": (400, "The model refused this prompt: reword it."),
    "ContextOverflowError": (400, "The prompt is too long for the model: shorten it."),
    "ModelRateLimitError": (429, "The model has too much to do: ask again in {} s."),
    "ModelTimeoutError": (504, "The model fell silent: ask again."),
    "ModelConnectionError": (502, "The connection to the model failed: is it running?"),
    "ModelAPIError": (502, "The model's server failed: ask again."),
    "ModelError": (502, "The answer ended before it was whole: ask again."),
    "Exception": (502, "The model sent something that is no answer: ask again."),
}


def read_prompt():
    """Return the prompt, a str that is not blank; else raise 400, 413 or 415."""
    with suppress(http.BadRequest, KeyError, TypeError, UnicodeError, RecursionError):
        prompt = request.get_json()["prompt"]
        if isinstance(prompt, str) and prompt.strip().encode():  # a list has roles
            return prompt
    request.stream.read(1)  # raises the 413 of a body that did not tell its length
    raise http.BadRequest(NO_PROMPT)


def refusal(error):
    """Return the HTTP error for what the model raised, in our words, never its own."""
    names = (kind.__name__ for kind in type(error).__mro__)
    name = next(name for name in names if name in FAILURES)
    status, sentence = FAILURES["no credit" if no_credit(error) else name]
    headers = getattr(getattr(error, "response", 0), "headers", {})
    wait = headers.get("retry-after", "")
    seconds = int(wait) if re.fullmatch("[1-9][0-9]{0,5}", wait) else 5
    refused = http.default_exceptions[status](sentence.format(seconds))
    refused.retry_after = seconds  # sent with a 429 only
    return refused


def no_credit(error):
    """Whether the account is empty: OpenAI's code, Anthropic's words, others' 402."""
    code, status = getattr(error, "code", ""), getattr(error, "status_code", 0)
    low = "credit balance is too low" in str(error)
    return code == "insufficient_quota" or low or status == 402


def refuse(error):
    """Answer with one sentence as JSON, keeping the error's Allow or Retry-After."""
    body = {"error": error.description, "message": error.description}
    return body, error.code, error.get_headers()[1:]  # [0]: HTML

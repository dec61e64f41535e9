"""What can go wrong, and the sentence that a person reads.

Every sentence here is our own. What a provider says of a failure is neither shown nor
logged, since it can hold a part of the key.
"""

import re
from datetime import UTC, datetime
from math import ceil
from pathlib import Path
from traceback import extract_tb
from typing import NamedTuple

import httpx2  # the HTTP library of OpenAI's and Anthropic's clients
from flask import request
from langchain_core import exceptions as langchain
from werkzeug import exceptions as http
from werkzeug.http import parse_date

# What is wrong with a request, before any model is asked

NO_PROMPT = 'There is no prompt to answer: send JSON with some text, {"prompt": "Hi"}.'
REQUEST_SENTENCES = {
    http.SecurityError: (
        "This server does not know itself by that name:"
        " add it to TRUSTED_HOSTS in .env, then restart."
    ),
    http.NotFound: "There is nothing here: the page is at /.",
    http.MethodNotAllowed: (
        "This address wants another method: the header Allow says which."
    ),
    http.RequestEntityTooLarge: "The prompt is too long: send at most 64 KiB.",
    http.UnsupportedMediaType: (
        "The prompt has to come as JSON: send Content-Type: application/json."
    ),
    http.InternalServerError: "The server has a mistake in it: its log says where.",
    http.ClientDisconnected: (
        "The request ended before its prompt was whole: send it again."
    ),
    http.ServiceUnavailable: "Too many answers are being written: ask again in 5 s.",
}


def read_prompt():
    """Return the prompt in the request's JSON, a str; raise a 400, 413 or 415."""
    try:
        body = request.get_json()
    except (http.BadRequest, RecursionError):  # no JSON, or lists in lists in lists
        request.stream.read(1)  # raises the 413 if the body was cut for its length
        body = None
    prompt = body.get("prompt") if isinstance(body, dict) else None
    if not isinstance(prompt, str):  # a list of messages could speak as the system
        raise http.BadRequest(NO_PROMPT)
    if not prompt.strip() or not can_be_sent(prompt):
        raise http.BadRequest(NO_PROMPT)
    return prompt


def can_be_sent(text):
    """Whether a text has bytes: in JSON, \\ud83d alone is half of an emoji."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


# What can go wrong with an answer


class Failure(NamedTuple):
    """The status and the sentence for something that went wrong with an answer."""

    status: int
    sentence: str  # {seconds} and {server} are filled in
    may_pass: bool = False  # asking the same again at once can help


WRONG_KEY = Failure(
    502,
    "The model's provider did not accept the key: check it in .env, then restart.",
)
NO_CREDIT = Failure(
    502,
    "The account of the key in .env has no credit left: add some at the provider's,"
    " or use another key.",
)
NOT_ALLOWED = Failure(
    502, "The key may not use this model: check MODEL in .env, then restart."
)
WRONG_REGION = Failure(
    502, "The provider does not serve the country that this server is in."
)
NO_SUCH_MODEL = Failure(
    502, "The provider has no such model: check MODEL in .env, then restart."
)
NOT_FOUND = Failure(
    502,
    "The provider has no such model or address: check MODEL and OPENAI_BASE_URL"
    " in .env, then restart. Most addresses end in /v1.",
)
REFUSED_PROMPT = Failure(400, "The model refused this prompt: ask in another way.")
REFUSED_REQUEST = Failure(
    502,
    "The provider does not understand what this server sends:"
    " check MODEL and OPENAI_BASE_URL in .env, then restart.",
)
PROMPT_TOO_LONG = Failure(
    400, "The prompt is longer than the model can read: shorten it."
)
RATE_LIMIT = Failure(429, "The model has too much to do: ask again in {seconds} s.")
SILENT = Failure(
    504,
    "The model fell silent: ask again. If it is still being loaded, set a longer"
    " MODEL_TIMEOUT in .env.",
)
NO_CONNECTION = Failure(
    502,
    "The connection to {server} failed: ask again, or see whether it runs.",
    may_pass=True,
)
MODEL_FAILED = Failure(502, "The model's server failed: ask again.", may_pass=True)
NONSENSE = Failure(
    502, "The model sent something that is no answer: ask again, or check .env."
)
NO_TEXT = Failure(502, "The model ended without a word: ask again.")
STOPPED_EARLY = Failure(
    502, "The model stopped before its answer was whole: ask again."
)
TOO_LONG = Failure(
    502, "The answer reached the limit on its length: ask for a shorter one."
)
TOO_SLOW = Failure(504, "The answer took too long: ask for a shorter one.")
FILTERED = Failure(502, "The provider's filter stopped the answer: ask in another way.")
DECLINED = Failure(502, "The model declined to go on: ask in another way.")
TOOL_CALL = Failure(
    502, "The model wanted to call a tool, and there is none here: ask for text."
)


# Why an answer ended

WHOLE = {  # the finish reasons of an answer to which nothing is missing
    "stop",
    "end_turn",
    "stop_sequence",
    "completed",
    "complete",
    "eos",
    "eos_token",
}
CUT = {  # the finish reasons that we know of all others
    "length": TOO_LONG,
    "max_tokens": TOO_LONG,
    "max_output_tokens": TOO_LONG,
    "max_length": TOO_LONG,
    "model_length": TOO_LONG,
    "model_context_window_exceeded": TOO_LONG,
    "incomplete": TOO_LONG,
    "content_filter": FILTERED,
    "content-filter": FILTERED,
    "guardrail_intervened": FILTERED,
    "safety": FILTERED,
    "recitation": FILTERED,
    "blocklist": FILTERED,
    "prohibited_content": FILTERED,
    "spii": FILTERED,
    "sensitive": FILTERED,
    "refusal": DECLINED,
    "tool_calls": TOOL_CALL,
    "tool_use": TOOL_CALL,
    "function_call": TOOL_CALL,
    "error": MODEL_FAILED,
    "failed": MODEL_FAILED,
}


class Unfinished(Exception):
    """A model's stream has ended, or was given up, before its answer was whole."""

    def __init__(self, failure):
        super().__init__()
        self.failure = failure


class BodyBreaks(Exception):
    """Leaves a generator whose answer cannot be finished.

    A generator that ends says that its answer is whole. One that raises makes the
    server hang up in the middle of the body, which every HTTP client can notice.
    """


def finish_reason(metadata):
    """Return the word, in small letters, for why an answer ended; None without one.

    The metadata are those of all its chunks. Each protocol has a name of its own for
    the word: OpenAI's, Anthropic's, OpenAI's newer one twice, Ollama's.
    """
    details = metadata.get("incomplete_details") or {}
    reason = (
        metadata.get("finish_reason")
        or metadata.get("stop_reason")
        or details.get("reason")
        or metadata.get("status")
        or metadata.get("done_reason")
    )
    return str(reason).lower() if reason else None


def require_whole(metadata, has_text):
    """Raise Unfinished unless an answer has text, and ended because it was whole."""
    reason = finish_reason(metadata)
    if reason in CUT:
        raise Unfinished(CUT[reason])
    if not has_text:
        raise Unfinished(NO_TEXT)
    if reason not in WHOLE:  # a reason that we do not know, or none: it was cut off
        raise Unfinished(STOPPED_EARLY)


def openai_reason(metadata, has_text):
    """Return OpenAI's word for why an answer ended: stop, length or content_filter.

    For wires that carry a reason, as those of later lessons do. Any other end is a
    failure there too: raise Unfinished.
    """
    try:
        require_whole(metadata, has_text)
    except Unfinished as unfinished:
        if unfinished.failure is TOO_LONG:
            return "length"
        if unfinished.failure in (FILTERED, DECLINED):
            return "content_filter"
        raise
    return "stop"


# What a model raises

BY_CODE = {  # a provider's own word for an error
    "invalid_api_key": WRONG_KEY,
    "api_key_invalid": WRONG_KEY,
    "authentication_error": WRONG_KEY,
    "insufficient_quota": NO_CREDIT,
    "billing_not_active": NO_CREDIT,
    "billing_error": NO_CREDIT,
    "permission_error": NOT_ALLOWED,
    "unsupported_country_region_territory": WRONG_REGION,
    "model_not_found": NO_SUCH_MODEL,
    "context_length_exceeded": PROMPT_TOO_LONG,
    "exceed_context_size_error": PROMPT_TOO_LONG,
    "request_too_large": PROMPT_TOO_LONG,
    "invalid_prompt": REFUSED_PROMPT,
    "content_filter": REFUSED_PROMPT,
    "rate_limit_exceeded": RATE_LIMIT,
    "rate_limit_error": RATE_LIMIT,
    "overloaded_error": MODEL_FAILED,
}
BY_WORDS = {  # in the message of a 400 that has no code
    "api key": WRONG_KEY,
    "credit balance": NO_CREDIT,
    "maximum context length": PROMPT_TOO_LONG,
}
BY_STATUS = {  # of the provider's answer
    400: REFUSED_PROMPT,
    401: WRONG_KEY,
    402: NO_CREDIT,
    403: NOT_ALLOWED,
    404: NOT_FOUND,
    413: PROMPT_TOO_LONG,
    422: REFUSED_REQUEST,
    429: RATE_LIMIT,
}
BY_CLASS = {  # of the exception; what is said of a class holds for those below it
    langchain.ContextOverflowError: PROMPT_TOO_LONG,
    langchain.ModelInvalidRequestError: REFUSED_PROMPT,
    langchain.ModelAuthenticationError: WRONG_KEY,
    langchain.ModelPermissionDeniedError: NOT_ALLOWED,
    langchain.ModelNotFoundError: NO_SUCH_MODEL,
    langchain.ModelRateLimitError: RATE_LIMIT,
    langchain.ModelTimeoutError: SILENT,
    langchain.ModelConnectionError: NO_CONNECTION,
    langchain.ModelAPIError: MODEL_FAILED,
    httpx2.TimeoutException: SILENT,
    httpx2.TransportError: NO_CONNECTION,
    TimeoutError: SILENT,
    ConnectionError: NO_CONNECTION,
    Exception: NONSENSE,
}


def failure_of(error):
    """Return the Failure for what a model raised: by its code, its status, its class.

    One class alone says too little: of OpenAI's rate limits, for example, one is an
    account without credit, and only the code tells.
    """
    if isinstance(error, Unfinished):
        return error.failure
    code = code_of(error)
    if code:
        return BY_CODE[code]
    status = status_of(error)
    if status == 400:
        words = str(error).lower()
        for phrase, failure in BY_WORDS.items():
            if phrase in words:
                return failure
    if status in BY_STATUS:
        return BY_STATUS[status]
    if status and status >= 500:
        return MODEL_FAILED
    # __mro__ is the class, then those that it was made from, nearest first
    classes = [kind for kind in type(error).__mro__ if kind in BY_CLASS]
    return BY_CLASS[classes[0]]


def code_of(error):
    """Return the code of an error if BY_CODE knows it, else None."""
    details = details_of(error)
    codes = [getattr(error, "code", None), getattr(error, "type", None)]
    codes += [details.get("code"), details.get("type"), details.get("status")]
    for code in codes:
        if str(code).lower() in BY_CODE:
            return str(code).lower()
    return None


def status_of(error):
    """Return the HTTP status of an error, or None if it has none."""
    code = str(details_of(error).get("code"))
    if re.fullmatch("[45][0-9][0-9]", code):  # an error inside of a stream can tell one
        return int(code)
    return getattr(error, "status_code", None)


def details_of(error):
    """Return the object in which a provider describes an error; {} if there is none."""
    body = getattr(error, "body", None)
    if isinstance(body, list) and body:  # Gemini sends it in a list
        body = body[0]
    if isinstance(body, dict) and isinstance(body.get("error"), dict):
        body = body["error"]
    return body if isinstance(body, dict) else {}


def seconds_to_wait(error):
    """Return after how many seconds a provider wants to be asked again; else 5.

    It says so in a header: a number of seconds, a date, or OpenAI's milliseconds.
    """
    response = getattr(error, "response", None)
    headers = getattr(response, "headers", {})
    milliseconds = headers.get("retry-after-ms", "")
    wait = headers.get("retry-after", "")
    date = parse_date(wait)
    if is_number(milliseconds):
        seconds = float(milliseconds) / 1000
    elif is_number(wait):
        seconds = float(wait)
    elif date:
        seconds = (date - datetime.now(UTC)).total_seconds()
    else:
        seconds = 0
    return ceil(seconds) if 0 < seconds < 1_000_000 else 5


def is_number(text):
    """Whether a header's value is a number like 7 or 1.5."""
    return re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", text) is not None


def server_of(error):
    """Return host and port of the model's server, or "the model" if nobody knows."""
    url = getattr(getattr(error, "request", None), "url", None)
    host = getattr(url, "host", None)
    if not host:
        return "the model"
    return f"{host}:{url.port}" if url.port else host


# What a reader gets


def sentence_for(error):
    """Return the sentence for what a model raised."""
    sentence = failure_of(error).sentence
    return sentence.format(seconds=seconds_to_wait(error), server=server_of(error))


def http_error(error):
    """Return the HTTP error, to be raised, for what a model raised before its text."""
    failure = failure_of(error)
    error_class = http.default_exceptions[failure.status]
    answer = error_class(sentence_for(error))
    if failure is RATE_LIMIT:
        answer.retry_after = seconds_to_wait(error)  # Werkzeug makes a header of it
    return answer


def log_name(error):
    """Return what the log says of an error: class, status and code, none of its words.

    One that we do not know may be a mistake in this program: the log also says where.
    """
    parts = [type(error).__name__, status_of(error), code_of(error)]
    if failure_of(error) is NONSENSE:
        *_, last = extract_tb(error.__traceback__)  # the line that raised it
        parts.append(f"in {Path(last.filename).name}, line {last.lineno}")
    return " ".join(str(part) for part in parts if part)


def as_json(error):
    """Return the answer for an HTTP error: its sentence as JSON, and its status."""
    sentence = REQUEST_SENTENCES.get(type(error), error.description)
    headers = [
        (name, value)
        for name, value in error.get_headers()  # Allow, Retry-After
        if name != "Content-Type"
    ]
    return {"error": sentence}, error.code, headers

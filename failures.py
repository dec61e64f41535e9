"""What can go wrong, and the sentence that a person reads.

Every sentence here is our own. What a provider says of a failure is neither shown nor
logged, since it can hold a part of the key.
"""

import re  # patterns: [0-9] is a digit, {1,6} says one to six, ( ) is what we want
from datetime import UTC, datetime
from math import ceil
from pathlib import Path
from traceback import extract_tb
from typing import NamedTuple  # a tuple whose parts have names

from flask import request
from werkzeug import exceptions as http  # Flask's errors, one class for each status
from werkzeug.http import parse_date

# What is wrong with a request, before any model is asked

NO_PROMPT = 'There is no prompt to answer: send JSON with some text, {"prompt": "Hi"}.'
REQUEST_SENTENCES = {  # by the class of the error that Flask, or this program, raises
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
        # A body that was cut at MAX_CONTENT_LENGTH is no JSON either. To read on raises
        # the 413 then, which says why.
        request.stream.read(1)
        body = None
    prompt = body.get("prompt") if isinstance(body, dict) else None
    if not isinstance(prompt, str):  # a list of messages could speak as the system
        raise http.BadRequest(NO_PROMPT)
    if not prompt.strip() or not can_be_sent(prompt):
        raise http.BadRequest(NO_PROMPT)
    return prompt


def can_be_sent(text):
    """Whether a text has bytes: half an emoji, which JSON can spell, has none."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


# What can go wrong with an answer


class Failure(NamedTuple):
    """The status and the sentence for something that went wrong with an answer."""

    # 400: the prompt was wrong; 429: too many of them. 502: a server behind this one
    # failed; 504: it kept silent. A 500 would be a mistake of our own.
    status: int
    sentence: str  # {seconds} and {server} are filled in
    may_pass: bool = False  # asking the same again at once can help


WRONG_KEY = Failure(
    502,
    "The provider did not accept the key: check it in .env, and that it is a key of"
    " this provider, then restart.",
)
NO_CREDIT = Failure(
    502,
    "The account of the key in .env has no credit left, or has used up its limit: see"
    " the provider's site, or put another key into .env and restart.",
)
NOT_ALLOWED = Failure(
    502,
    "The provider does not allow this: see on its site what the key may use, and check"
    " MODEL and the key in .env.",
)
WRONG_REGION = Failure(
    502,
    "The provider does not serve the country or network that this server is in:"
    " choose another provider in .env.",
)
NO_SUCH_MODEL = Failure(
    502,
    "The provider has no such model, or not for this key: check MODEL in .env, then"
    " restart.",
)
NOT_FOUND = Failure(
    502,
    "The provider has no such model or address: check MODEL and the address in .env,"
    " then restart. An OPENAI_BASE_URL mostly ends in /v1.",
)
TOO_LITTLE_MEMORY = Failure(
    502,
    "The machine that runs the model has too little memory for it: set a smaller MODEL"
    " in .env, then restart.",
)
LOADING = Failure(502, "The model is still being loaded: ask again in a minute.")
REFUSED_PROMPT = Failure(400, "The model refused this prompt: ask in another way.")
NOT_ACCEPTED = Failure(
    400,
    "The model did not accept this prompt: ask in another way. If it accepts none,"
    " check MODEL in .env.",
)
REFUSED_REQUEST = Failure(
    502,
    "The provider does not understand what this server sends: check MODEL and the"
    " address in .env, then restart.",
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
UNREACHABLE = Failure(
    504,
    "There is no answer from {server}: check the network, and the address in .env.",
)
NO_CONNECTION = Failure(
    502,
    "The connection to {server} failed: see whether it runs there, check the network"
    " and .env, then ask again.",
    may_pass=True,
)
PROXY_FAILED = Failure(
    502,
    "The proxy did not connect to {server}: check HTTPS_PROXY, HTTP_PROXY and"
    " ALL_PROXY.",
)
MODEL_FAILED = Failure(502, "The model's server failed: ask again.", may_pass=True)
NONSENSE = Failure(
    502,
    "The model sent something that is no answer: ask again, or check its address"
    " in .env. An OPENAI_BASE_URL mostly ends in /v1.",
    may_pass=True,
)
NO_TEXT = Failure(
    502, "The model ended without a word: ask again, in other or fewer words."
)
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
CUT = {  # all other finish reasons that we know
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
    "error_toxic": FILTERED,
    "refusal": DECLINED,
    "tool_calls": TOOL_CALL,  # a tool is a function of ours, for the model to call
    "tool_use": TOOL_CALL,
    "function_call": TOOL_CALL,
    "function_call_filter": TOOL_CALL,
    "malformed_function_call": TOOL_CALL,
    "error": MODEL_FAILED,
    "failed": MODEL_FAILED,
    "abort": MODEL_FAILED,
    "network_error": MODEL_FAILED,
    "insufficient_system_resource": MODEL_FAILED,
}


class Unfinished(Exception):
    """A model's stream has ended, or was given up, before its answer was whole."""

    def __init__(self, failure):
        super().__init__()  # without a text: what is said stands in the failure
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
    details = metadata.get("incomplete_details") or {}  # it may be there, and None
    reason = (
        metadata.get("finish_reason")
        or metadata.get("stop_reason")
        or details.get("reason")
        or metadata.get("status")
        or metadata.get("done_reason")
    )
    if not reason:
        return None
    # Some write "function_call_filter: UNEXPECTED": what is before the colon is enough.
    word, _, _ = str(reason).lower().partition(":")
    return word


def ignoring_late_errors(chunks):
    """Yield a model's chunks; what breaks after the finish reason is not raised.

    All of the text is there by then. Only counts could be missing.
    """
    metadata = {}
    try:
        for chunk in chunks:
            metadata.update(chunk.response_metadata)
            yield chunk
    except Exception:
        if not finish_reason(metadata):
            raise


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

    For later lessons, whose pages are sent the reason too. Any other end is a failure
    there as here: raise Unfinished.
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

# The first row that fits is taken, so the order of the rows matters.
BY_WORDS = {  # of the provider: its code for an error, or a part of its message
    "unsupported_country": WRONG_REGION,
    "user location is not supported": WRONG_REGION,
    "request not allowed": WRONG_REGION,
    "check your network settings": WRONG_REGION,  # Groq, of a VPN
    "in_flight_budget": RATE_LIMIT,  # OpenRouter's 402 that passes
    "request too large": PROMPT_TOO_LONG,  # for the tokens of one minute
    "request_too_large": PROMPT_TOO_LONG,
    "prompt is too long": PROMPT_TOO_LONG,
    "must have less than": PROMPT_TOO_LONG,  # so many tokens
    "inputs` tokens": PROMPT_TOO_LONG,  # must be less than so many
    "context length": PROMPT_TOO_LONG,
    "context_length": PROMPT_TOO_LONG,
    "context size": PROMPT_TOO_LONG,
    "context_size": PROMPT_TOO_LONG,
    "context window": PROMPT_TOO_LONG,
    "insufficient_quota": NO_CREDIT,
    "insufficient balance": NO_CREDIT,
    "exceeded_current_quota": NO_CREDIT,
    "credit_balance_exhausted": NO_CREDIT,
    "credit balance": NO_CREDIT,
    "any credits": NO_CREDIT,  # "your team doesn't have any credits"
    "available credits": NO_CREDIT,  # "has used all available credits"
    "spend_limit": NO_CREDIT,
    "spending limit": NO_CREDIT,
    "usage_limit": NO_CREDIT,
    "usage limits": NO_CREDIT,
    "billing_not_active": NO_CREDIT,
    "billing_error": NO_CREDIT,
    "budget_exceeded": NO_CREDIT,
    "budget has been exceeded": NO_CREDIT,
    "arrearage": NO_CREDIT,  # debts, at Alibaba's
    "free allocation": NO_CREDIT,  # "you have used up your daily free allocation"
    "free-models-per-day": NO_CREDIT,
    "model_not_found": NO_SUCH_MODEL,
    "model_not_available": NO_SUCH_MODEL,
    "model_decommissioned": NO_SUCH_MODEL,
    "model not found": NO_SUCH_MODEL,
    "model not exist": NO_SUCH_MODEL,
    "no such model": NO_SUCH_MODEL,
    "invalid model": NO_SUCH_MODEL,
    "not a valid model": NO_SUCH_MODEL,
    "deploymentnotfound": NO_SUCH_MODEL,
    "plain http request": NOT_FOUND,  # "was sent to HTTPS port"
    "invalid_prompt": REFUSED_PROMPT,
    "content_filter": REFUSED_PROMPT,
    "usage guidelines": REFUSED_PROMPT,
    "input was flagged": REFUSED_PROMPT,
    "inspection_failed": REFUSED_PROMPT,
    "system memory": TOO_LITTLE_MEMORY,
    "out of memory": TOO_LITTLE_MEMORY,
    "loading model": LOADING,
    "currently loading": LOADING,
    "invalid_api_key": WRONG_KEY,
    "api_key_invalid": WRONG_KEY,
    "invalid api key": WRONG_KEY,
    "obtain an api key": WRONG_KEY,  # xAI's words
    "obtain%20an%20api%20key": WRONG_KEY,  # the same as a part of an address
    "api key not valid": WRONG_KEY,
    "authentication_error": WRONG_KEY,
    "permission_error": NOT_ALLOWED,
    "rate_limit": RATE_LIMIT,
    "server_error": MODEL_FAILED,
}
BY_STATUS = {  # of the provider's answer
    400: NOT_ACCEPTED,
    401: WRONG_KEY,
    402: NO_CREDIT,
    403: NOT_ALLOWED,
    404: NOT_FOUND,
    405: NOT_FOUND,
    408: MODEL_FAILED,
    413: PROMPT_TOO_LONG,
    429: RATE_LIMIT,
}
# Names, not the classes themselves: not all of their packages are installed.
BY_CLASS = {  # the error's own class, one that it inherits from, or that of its cause
    "ConnectTimeout": UNREACHABLE,
    "ProxyError": PROXY_FAILED,
    "ContextOverflowError": PROMPT_TOO_LONG,
    "ModelInvalidRequestError": NOT_ACCEPTED,
    "ModelAuthenticationError": WRONG_KEY,
    "ModelPermissionDeniedError": NOT_ALLOWED,
    "ModelNotFoundError": NOT_FOUND,
    "ModelRateLimitError": RATE_LIMIT,
    "ModelTimeoutError": SILENT,
    "APITimeoutError": SILENT,
    "TimeoutError": SILENT,
    "ModelConnectionError": NO_CONNECTION,
    "APIConnectionError": NO_CONNECTION,
    "TransportError": NO_CONNECTION,
    "ConnectionError": NO_CONNECTION,
    "ModelAPIError": MODEL_FAILED,
    "APIError": MODEL_FAILED,
}


def failure_of(error):
    """Return the Failure for what a model raised: by its words, its status, its class.

    None of them is enough. An account without credit is one of OpenAI's rate limits,
    and only its code says so; a lost connection has neither status nor code.
    """
    if isinstance(error, Unfinished):
        return error.failure
    words = known_words(error)
    if words:
        return BY_WORDS[words]
    status = status_of(error)
    if status in BY_STATUS:
        return BY_STATUS[status]
    if status:
        return MODEL_FAILED if status >= 500 else REFUSED_REQUEST
    names = class_names(error)
    for name, failure in BY_CLASS.items():
        if name in names:
            return failure
    return NONSENSE  # what is left is mostly an answer that could not be read


def known_words(error):
    """Return the first words in BY_WORDS that a provider says of an error, or None."""
    said = words_of(error)
    for words in BY_WORDS:
        if words in said:
            return words
    return None


def words_of(error):
    """Return all that a provider says of an error, in small letters."""
    code = getattr(error, "code", "")
    body = getattr(error, "body", "")  # of its HTTP answer, or of an event in a stream
    return f"{error} {code} {body}".lower()


def status_of(error):
    """Return the HTTP status of an error, an int, or None if it has none.

    An error in the middle of a stream comes too late for a status; some providers
    give it as the code.
    """
    response = getattr(error, "response", None)
    for number in [
        getattr(error, "status_code", None),
        getattr(response, "status_code", None),
        getattr(error, "code", None),
    ]:
        if re.fullmatch("[45][0-9][0-9]", str(number)):  # 400 to 599, or "400"
            return int(number)
    return None


def class_names(error):
    """Return the names of the classes of an error, and of what caused it, a set."""
    names = set()
    while error is not None:
        for kind in type(error).__mro__:  # its class, and those it was made from
            names.add(kind.__name__)
        error = error.__cause__  # what it was raised from
    return names


def seconds_to_wait(error):
    """Return after how many seconds a provider wants to be asked again; else 5.

    It says so in a header: a number of seconds, a date, or OpenAI's milliseconds.
    Gemini says it in a sentence.
    """
    response = getattr(error, "response", None)
    headers = getattr(response, "headers", {})
    milliseconds = headers.get("retry-after-ms", "")
    wait = headers.get("retry-after", "")
    date = parse_date(wait)
    words = re.search("retry in ([0-9]{1,6})", words_of(error))
    if is_number(milliseconds):
        seconds = float(milliseconds) / 1000
    elif is_number(wait):
        seconds = float(wait)
    elif date:
        seconds = (date - datetime.now(UTC)).total_seconds()
    elif words:
        seconds = int(words[1]) + 1  # [1] is the number; + 1: it may have a fraction
    else:
        seconds = 0
    if 0 < seconds < 1_000_000:
        return ceil(seconds)
    return 5  # it says nothing, or something that makes no sense


def is_number(text):
    """Whether a header's value is a number like 7 or 1.5."""
    return re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", text) is not None


def server_of(error):
    """Return host and port of the model's server, or "the model" if nobody knows."""
    try:
        url = error.request.url
    except (AttributeError, RuntimeError):  # most errors are not about a request
        return "the model"
    return f"{url.host}:{url.port}" if url.port else url.host


# What a reader gets


def sentence_for(error):
    """Return the sentence for what a model raised."""
    sentence = failure_of(error).sentence
    return sentence.format(seconds=seconds_to_wait(error), server=server_of(error))


def http_error(error):
    """Return the HTTP error, to be raised, for what a model raised before its text."""
    failure = failure_of(error)
    refusal_class = http.default_exceptions[failure.status]
    refusal = refusal_class(sentence_for(error))
    if failure is RATE_LIMIT:
        refusal.retry_after = seconds_to_wait(error)  # Werkzeug makes a header of it
    return refusal


def log_name(error):
    """Return what the log says of an error: class, status and code, none of its words.

    One that we do not know may be a mistake in this program: the log also says where.
    """
    parts = [type(error).__name__, status_of(error), known_words(error)]
    if failure_of(error) is NONSENSE:
        *_, last = extract_tb(error.__traceback__)  # the line that raised it
        parts.append(f"in {Path(last.filename).name}, line {last.lineno}")
    return " ".join(str(part) for part in parts if part)


def as_json(error):
    """Return the answer for an HTTP error: its sentence as JSON, and its status."""
    # error.description is the sentence that an error of ours was raised with
    sentence = REQUEST_SENTENCES.get(type(error), error.description)
    headers = []
    for name, value in error.get_headers():  # Allow, Retry-After
        if name != "Content-Type":  # which says HTML
            headers.append((name, value))
    return {"error": sentence}, error.code, headers

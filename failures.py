"""What can go wrong, and the sentence that a person reads.

Every sentence here is our own. What a provider says about a failure is neither shown
nor logged, because it can hold a part of the key.
"""

from traceback import walk_tb
from typing import NamedTuple  # a tuple whose parts have names

from werkzeug import exceptions as http  # Flask's errors, one class for each status

import provider_words
from error_facts import (
    class_names,
    place_of_error,
    seconds_to_wait,
    server_of,
    status_of,
    url_of,
    with_causes,
    words_of,
)
from prompt import (  # noqa: F401  the lessons import some of these from here
    NO_PROMPT,
    REQUEST_SENTENCES,
    as_json,
    can_be_sent,
    read_json,
    read_prompt,
)
from providers import name_settings, proxy_of

# What can go wrong with an answer


class Failure(NamedTuple):
    """The status and the sentence for something that went wrong with an answer."""

    # 400: the prompt was wrong; 429: there were too many of them. 502: a server behind
    # this one failed; 504: it kept silent. 500: this program has a mistake in it.
    status: int
    sentence: str  # {seconds} and {server} are filled in
    may_pass: bool = False  # asking the same again at once can help


WRONG_KEY = Failure(
    502,
    "The provider did not accept the key: check the key in .env, and that it belongs to"
    " this provider, then restart.",
)
NO_CREDIT = Failure(
    502,
    "The account of the key in .env has no credit left, or has reached its limit: check"
    " it on the provider's site, or use another key and restart.",
)
NOT_ALLOWED = Failure(
    502,
    "The provider does not allow this: check on its site what the key may be used for,"
    " and check MODEL in .env.",
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
    " then restart. An OPENAI_BASE_URL usually ends in /v1.",
)
TOO_LITTLE_MEMORY = Failure(
    502,
    "The machine that runs the model has too little memory for it: choose a smaller one"
    " as MODEL in .env, then restart.",
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
    504, "There is no answer from {server}: check the network, and the address in .env."
)
NO_CONNECTION = Failure(
    502,
    "The connection to {server} failed: check that it is running, check the network and"
    " the address in .env, then ask again.",
    may_pass=True,
)
NO_SUCH_HOST = Failure(
    502,
    "There is no server named {server}: check the address in .env, and the network.",
)
WRONG_CERTIFICATE = Failure(
    502,
    "The certificate of {server} is not trusted: check the address in .env. If a proxy"
    " on your network signs certificates, set SSL_CERT_FILE in .env to the file with"
    " its own.",
)
PROXY_FAILED = Failure(
    502,
    "The proxy did not connect to {server}: check the network, and HTTPS_PROXY,"
    " HTTP_PROXY and ALL_PROXY.",
)
MODEL_FAILED = Failure(502, "The model's server failed: ask again.", may_pass=True)
NONSENSE = Failure(
    502,
    "The model sent something that is not an answer: ask again, or check the address"
    " in .env. An OPENAI_BASE_URL usually ends in /v1.",
    may_pass=True,
)
NO_TEXT = Failure(
    502, "The model ended without a word: ask again, in other or fewer words."
)
STOPPED_EARLY = Failure(
    502, "The model stopped before its answer was complete: ask again."
)
PAUSED = Failure(
    502, "The model paused before its answer was complete: ask for a shorter one."
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
MISTAKE = Failure(500, REQUEST_SENTENCES[http.InternalServerError])


# Why an answer ended

CUT = {  # by what came of the answer: the finish reasons that mean so
    TOO_LONG: provider_words.ENDS_TOO_LONG,
    PAUSED: provider_words.ENDS_PAUSED,
    FILTERED: provider_words.ENDS_FILTERED,
    DECLINED: provider_words.ENDS_DECLINED,
    TOOL_CALL: provider_words.ENDS_WITH_A_TOOL_CALL,
    MODEL_FAILED: provider_words.ENDS_IN_FAILURE,
}


class Unfinished(Exception):
    """A model's stream has ended, or was given up, before its answer was whole."""

    def __init__(self, failure):
        super().__init__()  # without a text: the failure has the sentence
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
    for failure, reasons in CUT.items():
        if reason in reasons:
            raise Unfinished(failure)
    if not has_text:
        raise Unfinished(NO_TEXT)
    if reason not in provider_words.ENDS_WHOLE:  # unknown, or none: it was cut off
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

BY_WORDS = [  # a failure, and the words by which a provider tells of it
    # The first row with one of its words decides. Some errors have words of two rows:
    # of these, the row with the cause comes first.
    (WRONG_REGION, provider_words.WRONG_REGION),  # before "permission_error"
    (RATE_LIMIT, provider_words.BUSY_FOR_A_MOMENT),  # before "budget_exceeded"
    (PROMPT_TOO_LONG, provider_words.PROMPT_TOO_LONG),  # before "rate_limit"
    (NO_CREDIT, provider_words.NO_CREDIT),  # before "rate_limit"
    (NO_SUCH_MODEL, provider_words.NO_SUCH_MODEL),
    (NOT_FOUND, provider_words.NOT_FOUND),
    (REFUSED_PROMPT, provider_words.REFUSED_PROMPT),
    (REFUSED_REQUEST, provider_words.REFUSED_REQUEST),
    (TOO_LITTLE_MEMORY, provider_words.TOO_LITTLE_MEMORY),  # before "server_error"
    (LOADING, provider_words.LOADING),  # before "server_error"
    (WRONG_KEY, provider_words.WRONG_KEY),
    (NOT_ALLOWED, provider_words.NOT_ALLOWED),
    (RATE_LIMIT, provider_words.RATE_LIMIT),
    (MODEL_FAILED, provider_words.MODEL_FAILED),
]
BY_STATUS = {  # of the provider's answer
    400: NOT_ACCEPTED,
    401: WRONG_KEY,
    402: NO_CREDIT,
    403: NOT_ALLOWED,
    404: NOT_FOUND,
    405: NOT_FOUND,
    407: PROXY_FAILED,
    408: MODEL_FAILED,
    413: PROMPT_TOO_LONG,
    422: NOT_ACCEPTED,
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
    """Return the Failure for an error: by its words, its status, its class.

    None of them is enough. An account without credit is one of OpenAI's rate limits,
    and only its code says so; a lost connection has neither status nor code.
    """
    if isinstance(error, Unfinished):
        return error.failure
    if not is_of_the_model(error):
        return MISTAKE
    words = known_words(error)
    for failure, row in BY_WORDS:
        if words in row:
            return failure
    if is_of_a_proxy(error):
        return PROXY_FAILED
    status = status_of(error)
    if status in BY_STATUS:
        return BY_STATUS[status]
    if status:
        return MODEL_FAILED if status >= 500 else REFUSED_REQUEST
    return by_class(error)


def is_of_the_model(error):
    """Whether an error was raised while the model's stream was being read.

    Any other error is a mistake of this program. A model is what has a method called
    stream, and the traceback lists the functions that an error has passed through.
    """
    for frame, _ in walk_tb(error.__traceback__):
        if frame.f_code.co_qualname.endswith(".stream"):  # such as BaseChatModel.stream
            return True
    return not class_names(error).isdisjoint(BY_CLASS)


def known_words(error):
    """Return the first words in BY_WORDS that a provider says of an error, or None."""
    said = words_of(error)
    for _, row in BY_WORDS:
        for words in row:
            if words in said:
                return words
    return None


def is_of_a_proxy(error):
    """Whether an error is a proxy's, and not the model's server's.

    The proxy cannot be reached, or it answers 502 to 504 with a page of its own, where
    a provider would send JSON.
    """
    if not proxy_of(url_of(error)):
        return False
    cannot_connect = {"ConnectError", "ConnectTimeout"} & class_names(error)
    sends_json = isinstance(getattr(error, "body", None), dict)
    return cannot_connect or (status_of(error) in (502, 503, 504) and not sends_json)


def by_class(error):
    """Return the Failure for an error without words and status: by its class."""
    said = " ".join(str(each).lower() for each in with_causes(error))
    if any(words in said for words in provider_words.WRONG_CERTIFICATE):
        return WRONG_CERTIFICATE
    if any(words in said for words in provider_words.NO_SUCH_HOST):
        return NO_SUCH_HOST
    names = class_names(error)
    for name, failure in BY_CLASS.items():
        if name in names:
            return failure
    return NONSENSE  # what is left is usually an answer that could not be read


# What a reader gets


def sentence_for(error):
    """Return the sentence for what a model raised."""
    sentence = failure_of(error).sentence.format(
        seconds=seconds_to_wait(error), server=server_of(error)
    )
    return name_settings(sentence, url_of(error))


def http_error(error):
    """Return the HTTP error to raise for what was raised before the first text."""
    if isinstance(error, http.HTTPException):
        return error  # it has a status and a sentence already
    failure = failure_of(error)
    refusal_class = http.default_exceptions[failure.status]
    refusal = refusal_class(sentence_for(error))
    if failure is RATE_LIMIT:
        refusal.retry_after = seconds_to_wait(error)  # Werkzeug makes a header of it
    return refusal


def log_name(error):
    """Return what the log says of an error: class, status and code, none of its words.

    For a mistake of this program, and for an error that we do not know, it says where.
    """
    parts = [type(error).__name__, status_of(error), known_words(error)]
    if failure_of(error) in (MISTAKE, NONSENSE):
        parts.append(place_of_error(error))
    return " ".join(str(part) for part in parts if part)

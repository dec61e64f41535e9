"""What can go wrong, and the sentence that a person reads.

Every sentence here is our own. What a provider says about a failure is neither shown
nor logged, because it can hold a part of the key.
"""

from traceback import walk_tb  # goes through the calls that led to an error
from typing import NamedTuple  # a tuple whose parts have names

from werkzeug import exceptions as http  # Flask's errors, one class for each status

import provider_words
from error_facts import (
    class_names,
    mistake_of,
    place_of_error,
    seconds_to_wait,
    server_of,
    status_of,
    url_of,
    with_causes,
    words_of,
)

# The lessons import most of these from this file. "noqa" tells ruff, which looks for
# names that nothing uses, not to report them.
from prompt import (  # noqa: F401
    NO_PROMPT,
    REQUEST_SENTENCES,
    LongConversation,
    as_json,
    can_be_sent,
    read_conversation,
    read_json,
    read_prompt,
    require_short,
)
from providers import (
    CHAT_MODELS,
    address_setting,
    chosen_name,
    key_setting,
    provider_of,
    proxy_of,
)
from settings import place_of

# What can go wrong with an answer


class Failure(NamedTuple):
    """The status and the sentence for something that went wrong with an answer."""

    # 400: the prompt was wrong; 429: there were too many of them. 502: a server behind
    # this one failed; 504: it kept silent. 500: this program has a mistake in it.
    status: int
    # {seconds} and {server} are filled in. If a setting's value comes from elsewhere,
    # "in .env" is replaced: see say_where_settings_are, below.
    sentence: str
    may_pass: bool = False  # True: asking again at once can help


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
NOT_ACCEPTED = Failure(  # for a reason that we do not know
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
    "The certificate of {server} is not trusted: check the address in .env. If your"
    " network has a proxy with a certificate of its own, write the name of that"
    " certificate's file as SSL_CERT_FILE in .env.",
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
    502, "The model ended without any text: ask again, with fewer or different words."
)
STOPPED_EARLY = Failure(
    502, "The model stopped before its answer was complete: ask again."
)
PAUSED = Failure(
    502, "The model paused before its answer was complete: ask for a shorter one."
)
TOO_LONG = Failure(  # the answer; PROMPT_TOO_LONG is about the prompt
    502, "The answer reached its length limit: ask for a shorter one."
)
TOO_SLOW = Failure(504, "The answer took too long: ask for a shorter one.")
FILTERED = Failure(502, "The provider's filter stopped the answer: ask in another way.")
DECLINED = Failure(502, "The model declined to go on: ask in another way.")
TOOL_CALL = Failure(  # a tool is a function of ours that a model may call
    502, "The model tried to call a tool, but this program has none: ask for text."
)
# Flask's own answer to a mistake in the program has the same sentence.
MISTAKE = Failure(500, REQUEST_SENTENCES[http.InternalServerError])


# Why an answer ended

CUT = {  # a failure, and the finish reasons that mean it
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
    """Raised in a generator that cannot finish its answer.

    If the generator simply ended, everybody would think that its answer was whole.
    Because it raises, the server hangs up in the middle of the body, and HTTP clients
    notice that.
    """


def finish_reason(metadata):
    """Return the word for why an answer ended, in lower case; None if none came.

    The metadata are those of all its chunks. Each provider keeps the word under a name
    of its own.
    """
    details = metadata.get("incomplete_details") or {}  # {}: in place of None
    reason = (  # the first of these that is not empty
        metadata.get("finish_reason")  # OpenAI
        or metadata.get("stop_reason")  # Anthropic
        or details.get("reason")  # OpenAI's newer protocol, if the answer is cut
        or metadata.get("status")  # the same, if it is whole
        or metadata.get("done_reason")  # Ollama
    )
    if not reason:
        return None
    # Some write "function_call_filter: UNEXPECTED": take the part before the colon.
    return str(reason).lower().split(":")[0]


def ignoring_late_errors(chunks):
    """Yield a model's chunks. Ignore an error that comes after the finish reason.

    All of the text is there by then. Only the count of tokens could be missing. (A
    model reads and writes in tokens, which are words or parts of words.)
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
    if reason not in provider_words.ENDS_WHOLE:  # no reason, or one we do not know
        raise Unfinished(STOPPED_EARLY)


def openai_reason(metadata, has_text):
    """Return OpenAI's word for why an answer ended: stop, length or content_filter.

    Only the programs of later lessons call this: they send the reason to the page. For
    any other end, raise Unfinished.
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

BY_WORDS = [  # a failure, and the words that providers use for it
    # The rows are tried from the top, and the first that fits decides. An error can fit
    # two rows: the one with the real cause is above the other, which the comment names.
    (WRONG_REGION, provider_words.WRONG_REGION),  # above NOT_ALLOWED
    (RATE_LIMIT, provider_words.BUSY_FOR_A_MOMENT),  # above NO_CREDIT
    (PROMPT_TOO_LONG, provider_words.PROMPT_TOO_LONG),  # above RATE_LIMIT
    (NO_CREDIT, provider_words.NO_CREDIT),  # above RATE_LIMIT
    (NO_SUCH_MODEL, provider_words.NO_SUCH_MODEL),
    (NOT_FOUND, provider_words.NOT_FOUND),
    (REFUSED_PROMPT, provider_words.REFUSED_PROMPT),
    (REFUSED_REQUEST, provider_words.REFUSED_REQUEST),
    (TOO_LITTLE_MEMORY, provider_words.TOO_LITTLE_MEMORY),  # above MODEL_FAILED
    (LOADING, provider_words.LOADING),  # above MODEL_FAILED
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
    405: NOT_FOUND,  # this address takes no POST
    407: PROXY_FAILED,  # the proxy needs a password
    408: MODEL_FAILED,  # our request did not arrive in time
    410: NOT_FOUND,  # it used to be there
    413: PROMPT_TOO_LONG,
    422: NOT_ACCEPTED,  # a value in our request is wrong
    429: RATE_LIMIT,
    451: WRONG_REGION,  # the law of a country forbids it
}
# 403: the proxy refuses the address; 511: somebody must log in there first.
OF_PROXIES = (403, 502, 503, 504, 511)
# Names in place of the classes themselves: their packages may not be installed. An
# error has several classes, and so do its causes: the first of these names decides.
BY_CLASS = {
    # OpenAI's library raises these three in lesson 22, which asks for an object.
    "LengthFinishReasonError": TOO_LONG,
    "ContentFilterFinishReasonError": FILTERED,
    "ModelRefusalError": DECLINED,
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
# The classes in BY_CLASS that any connection can raise, and not only a model's.
OF_ANY_CONNECTION = {
    "ConnectTimeout",
    "ProxyError",
    "TimeoutError",
    "TransportError",
    "ConnectionError",
}


def failure_of(error):
    """Return the Failure for an error: by its words, its status, its class.

    None of them is enough. OpenAI sends the status 429 for an account without credit
    and for a rate limit: only the words differ. A lost connection has no status at all.
    """
    if isinstance(error, Unfinished):
        return error.failure
    if not is_of_the_model(error):
        return MISTAKE
    phrase = known_phrase(error)
    for failure, phrases in BY_WORDS:
        if phrase in phrases:
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

    Any other error is a mistake in this program. A traceback lists the calls that led
    to an error, or to its cause. If one of them is a call of a method named stream, the
    model raised it. But a misspelled name in fast/ or in the practice model counts as a
    mistake in this program, although that method calls them.
    """
    if mistake_of(error):
        return False
    for each in with_causes(error):
        for call, _ in walk_tb(each.__traceback__):
            full_name = call.f_code.co_qualname  # such as "BaseChatModel.stream"
            owner, _, name = full_name.rpartition(".")
            # A function inside another has "<locals>" before its name, and not a class.
            if name == "stream" and owner and not owner.endswith("<locals>"):
                return True
    # An error without such a call is the model's too if only models raise its class.
    names = class_names(error) - OF_ANY_CONNECTION
    return not names.isdisjoint(BY_CLASS)


def known_phrase(error):
    """Return the first text in BY_WORDS that an error contains, or None."""
    said = words_of(error)
    for _, phrases in BY_WORDS:
        for phrase in phrases:
            if phrase in said:
                return phrase
    return None


def is_of_a_proxy(error):
    """Whether an error comes from a proxy, and not from the model's server.

    It does if the proxy cannot be reached, or if it fails or refuses with a page of its
    own: a provider sends JSON.
    """
    if not proxy_of(url_of(error)):
        return False
    names = class_names(error)
    if "ConnectError" in names or "ConnectTimeout" in names:
        return True
    body = getattr(error, "body", None)  # of the answer: a dict if it was JSON
    return status_of(error) in OF_PROXIES and not isinstance(body, dict)


def by_class(error):
    """Return the Failure for an error without a provider's answer: by its class."""
    said = ""  # what the network said: the last of the causes gives the reason
    for each in with_causes(error):
        said += str(each).lower()
    if any(phrase in said for phrase in provider_words.WRONG_CERTIFICATE):
        return WRONG_CERTIFICATE
    if any(phrase in said for phrase in provider_words.NO_SUCH_HOST):
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
    return say_where_settings_are(sentence, url_of(error))


def say_where_settings_are(sentence, address):
    """Return a sentence, and say in it where the settings are that it names.

    The sentences above say "in .env", where most people write their settings. Here that
    becomes, for example, "OPENAI_API_KEY in the environment". The address is the one
    that was asked, or "".
    """
    provider = provider_of(chosen_name())
    if provider in CHAT_MODELS and provider != "openai":  # it has its own setting
        sentence = sentence.replace(" An OPENAI_BASE_URL usually ends in /v1.", "")
    if provider not in CHAT_MODELS:  # the practice model: speak as for OpenAI
        provider = "openai"
    key = key_setting(provider)
    base_url = address_setting(provider)
    named = {  # words in a sentence, and the settings that they mean
        "the key in .env": [key],
        "MODEL and the address in .env": ["MODEL", base_url],
        "MODEL in .env": ["MODEL"],
        "the address in .env": [base_url],
        "MODEL_TIMEOUT in .env": ["MODEL_TIMEOUT"],
        "SSL_CERT_FILE in .env": ["SSL_CERT_FILE"],
    }
    for words, settings in named.items():
        if any(place_of(setting) != ".env" for setting in settings):
            places = [f"{setting} in {place_of(setting)}" for setting in settings]
            sentence = sentence.replace(words, " and ".join(places))
    proxy = proxy_of(address)
    if proxy:
        place = f"{proxy} in {place_of(proxy)}"
        sentence = sentence.replace("HTTPS_PROXY, HTTP_PROXY and ALL_PROXY", place)
    return sentence


def http_error(error):
    """Return the HTTP error to raise, for an error that came before the first text."""
    if isinstance(error, http.HTTPException):
        return error  # it has a status and a sentence already
    failure = failure_of(error)
    refusal_class = http.default_exceptions[failure.status]  # BadGateway for 502
    refusal = refusal_class(sentence_for(error))
    if failure is RATE_LIMIT:
        refusal.retry_after = seconds_to_wait(error)  # Werkzeug sends it as a header
    return refusal


def log_name(error):
    """Return what the log says about an error: class, status, the phrase we know.

    It has no other words from the provider. For a mistake in this program, and for an
    error that we do not know, it also has the file and the line.
    """
    # A library that meets a mistake of ours may raise an error of its own instead.
    error = mistake_of(error) or error
    parts = [type(error).__name__, status_of(error), known_phrase(error)]
    if failure_of(error) in (MISTAKE, NONSENSE):
        parts.append(place_of_error(error))
    return " ".join(str(part) for part in parts if part)

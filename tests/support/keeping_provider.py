"""A provider that keeps its connections, and the two clients that are compared on it.

`stock_model` is LangChain's own ChatOpenAI, `lean_model` the one of fast/.
"""

from contextlib import suppress
from socket import SHUT_RDWR
from uuid import UUID

import openai
from langchain_openai import ChatOpenAI

from fast.lean import LeanChatOpenAI
from support.provider import DONE, PATIENCE, Exchange, Provider, finish

KEY = "sk-abcd1234wxyz"
RUN = UUID(int=7)  # LangChain makes the ids of its messages from it
ENDING = [finish("stop"), DONE]


class KeptExchange(Exchange):
    """One POST of a connection that stays open for the next."""

    def setup(self):
        super().setup()
        self.server.connections.append(self.connection)

    def begin(self, status, headers):
        if status != 200:
            return super().begin(status, headers)
        self.begun = True
        self.send_response(status)
        for name, value in (headers | self.server.headers).items():
            self.send_header(name, value)
        self.end_headers()

    def send(self, step):
        super().send(step)
        if not step:  # the answer ended whole
            self.close_connection = False


class KeepingProvider(Provider):
    """A provider that keeps its connections open, as the real ones do."""

    request_queue_size = 512

    def __init__(self, *script, headers=None, exchange=KeptExchange):
        super().__init__(*script)
        self.RequestHandlerClass = exchange
        self.headers = headers or {}
        self.connections = []  # each socket that a client opened

    def close_connections(self):
        for connection in self.connections:
            with suppress(OSError):
                connection.shutdown(SHUT_RDWR)

    def __exit__(self, *error):
        self.closing = True
        self.close_connections()
        super().__exit__(*error)


def stock_model(url, kind=ChatOpenAI, **settings):
    """Return LangChain's own client for the provider at this address."""
    settings = {"max_retries": 0, "timeout": PATIENCE} | settings
    return kind(model="gpt-test", api_key=KEY, base_url=url, **settings)


def lean_model(url, **settings):
    """Return the same with fast/ in it."""
    return stock_model(url, kind=LeanChatOpenAI, **settings)


MODELS = {}


def model_for(url, make, settings):
    """Return what `make` makes of the settings, for a provider at another address.

    A model takes long to make, and a short while to be asked.
    """
    key = (make, str(settings))
    if key not in MODELS:
        MODELS[key] = make(url, **settings)
    MODELS[key].root_client.base_url = url
    return MODELS[key]


def text_of(model):
    """Ask the model; return its answer."""
    return "".join(message.text for message in model.stream("Hello?"))


def outcome(model, provider, **options):
    """Return the messages that the model yields, and its error: all that can be seen.

    Also return what it sent to the provider.
    """
    messages, error = [], None
    try:
        for piece in model.stream("Hello?", config={"run_id": RUN}, **options):
            messages.append((type(piece), piece.model_dump()))
    except Exception as raised:
        error = [describe(raised)]
        if isinstance(raised.__cause__, openai.OpenAIError):
            error.append(describe(raised.__cause__))
    requests = []
    for post in provider.requests:
        headers = {name.lower(): value for name, value in post.headers.items()}
        assert headers.pop("host") in provider.url  # each has an address of its own
        requests.append((post.path, post.json, headers))
    return messages, error, requests


def describe(error):
    """Return what a program can read from an error."""
    names = ["status_code", "code", "param", "type", "body", "message", "request_id"]
    seen = {name: getattr(error, name, None) for name in names}
    if response := getattr(error, "response", None):
        seen["headers"] = dict(response.headers) | {"date": None}
    if request := getattr(error, "request", None):
        seen["request"] = (request.method, request.url.path)
    if isinstance(error, UnicodeDecodeError):  # where it is depends on the reader
        return type(error), error.reason
    return type(error), str(error), seen


def both(*script, settings=None, headers=None, exchange=KeptExchange, **options):
    """Run the script for either client; return the outcome of each."""
    outcomes = []
    for make in (stock_model, lean_model):
        with KeepingProvider(*script, headers=headers, exchange=exchange) as provider:
            model = model_for(provider.url, make, settings or {})
            outcomes.append(outcome(model, provider, **options))
    return outcomes

"""Across real ports: the app, a real ChatOpenAI, and a provider that fails."""

import socket
from contextlib import ExitStack
from threading import Event, Thread

import httpx2
import pytest
import requests
from langchain_core.exceptions import ModelTimeoutError
from support.provider import (
    DONE,
    DROP,
    ERROR,
    RESET,
    STALL,
    USAGE,
    Provider,
    chunk,
    finish,
    refuse,
)

import app as program
from failures import NO_CONNECTION, UNREACHABLE
from models import choose_model

KEY = "sk-abcd1234wxyz"
SOON = 5  # seconds; less than it takes a forgotten connection to end by itself
ENDING = [finish("stop"), DONE]
HELLO = b": hello\n\n"  # a comment: the answer has begun, without any text
NONSENSE = b"data: {nonsense\n\n"


class Kept:
    """A model whose streams stay alive, so that nothing but close() can end them."""

    def __init__(self, model):
        self.model = model
        self.streams = []

    def stream(self, prompt):
        self.streams.append(self.model.stream(prompt))
        return self.streams[-1]


@pytest.fixture
def connect(monkeypatch):
    """Return a function that makes whoever answers at a URL the app's model."""

    def connect(url, key=KEY, patience=20):
        monkeypatch.setenv("MODEL", "openai:gpt-test")
        monkeypatch.setenv("OPENAI_BASE_URL", url)
        monkeypatch.setenv("OPENAI_API_KEY", key)
        monkeypatch.setenv("MODEL_TIMEOUT", str(patience))
        monkeypatch.setattr(program, "model", Kept(choose_model()))

    return connect


@pytest.fixture
def provide(connect):
    """Return a function that makes a provider with this script the app's model."""
    with ExitStack() as providers:

        def provide(*script, **settings):
            provider = providers.enter_context(Provider(*script))
            connect(provider.url, **settings)
            return provider

        yield provide


@pytest.fixture(autouse=True)
def no_log_tells_a_secret(caplog, capfd):
    """After every test, neither the log nor the terminal holds a part of the key."""
    yield
    told = [record.getMessage() for record in caplog.get_records("call")]
    assert "sk-" not in "".join([*told, *capfd.readouterr()])


def ask(server, stream=False):
    """Ask the app; a stream is left for the test to read."""
    prompt = {"prompt": "Hello?"}
    return requests.post(f"{server}/ask", json=prompt, stream=stream, timeout=20)


def read_broken(pieces):
    """Return the text that comes before the body breaks, and why it says it did."""
    text = b""
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        for piece in pieces:
            text += piece
    text, _, why = text.decode().partition("\n[error: ")
    assert why.endswith("]\n")
    return text, why[:-2]


def test_the_provider_is_asked_with_the_prompt_and_the_key(provide, server):
    provider = provide("Hello!", finish("stop"), USAGE, DONE)
    assert ask(server).text == "Hello!"
    [request] = provider.requests
    assert request.path == "/v1/chat/completions"
    assert request.headers["Authorization"] == f"Bearer {KEY}"
    assert (request.json["model"], request.json["stream"]) == ("gpt-test", True)
    assert request.json["messages"] == [{"role": "user", "content": "Hello?"}]


def test_a_provider_of_ones_own_needs_no_key(provide, server):
    provide("Hello!", *ENDING, key="")
    assert ask(server).text == "Hello!"


def test_the_first_piece_arrives_before_the_provider_sends_the_second(provide, server):
    gate = Event()
    provider = provide("one", gate, " two", *ENDING)
    pieces = ask(server, stream=True).iter_content(None)
    assert next(pieces) == b"one"
    assert provider.sent == ["one"]
    gate.set()
    assert b"".join(pieces) == b" two"


def test_letters_cut_between_packets_arrive_whole(provide, server):
    answer = chunk({"content": "𝄞 naïve 日本 👩‍🚀"})
    provide(*[answer[i : i + 1] for i in range(len(answer))], *ENDING)
    assert ask(server).content.decode() == "𝄞 naïve 日本 👩‍🚀"


def test_an_answer_is_whole_without_the_last_line_of_the_protocol(provide, server):
    provide("one", " two", finish("stop"))
    assert ask(server).text == "one two"


BEFORE_THE_FIRST_TEXT = {
    "400": (400, refuse(400, message="Invalid value")),
    "400 for a wrong key": (502, refuse(400, message=f"API key not valid: {KEY}")),
    "401": (502, refuse(401)),
    "403": (502, refuse(403)),
    "404": (502, refuse(404)),
    "500": (502, refuse(500)),
    "503": (502, refuse(503)),
    "429": (429, refuse(429)),
    "dropped": (502, DROP),
    "reset": (502, RESET),
    "silent": (504, STALL),
    "dropped after hello": (502, HELLO, DROP),
    "reset after hello": (502, HELLO, RESET),
    "silent after hello": (504, HELLO, STALL),
    "an error": (502, ERROR, DONE),
    "not JSON": (502, NONSENSE, DONE),
    "not UTF-8": (502, b"data: \xff\n\n", DONE),
    "not an object": (502, b'data: ["one"]\n\n', DONE),
    "not a stream": (502, b"<p>Welcome!</p>", DONE),
    "no text": (502, "", *ENDING),
    "nothing": (502, DONE),
}


@pytest.mark.parametrize("failure", BEFORE_THE_FIRST_TEXT)
def test_a_failure_before_the_first_text_is_a_status(provide, server, failure):
    status, *script = BEFORE_THE_FIRST_TEXT[failure]
    provide(*script, *script, patience=1)
    answer = ask(server)
    assert (answer.status_code, list(answer.json())) == (status, ["error"])
    assert answer.headers["Content-Type"] == "application/json"
    assert "sk-" not in answer.text


def test_nothing_listening_is_a_502(connect, server):
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # taken, and not listened at
        connect("http://{}:{}/v1".format(*nobody.getsockname()))
        assert ask(server).status_code == 502


@pytest.mark.parametrize("headers, wait", [({"Retry-After": "7"}, "7"), ({}, "5")])
def test_a_rate_limit_says_when_to_come_back(provide, server, headers, wait):
    provide(refuse(429, headers))
    assert ask(server).headers["Retry-After"] == wait


AFTER_THE_FIRST_TEXT = {
    "dropped": [DROP],
    "reset": [RESET],
    "silent": [STALL],
    "an error": [ERROR],
    "not JSON": [NONSENSE],
    "not UTF-8": [b"data: \xff\n\n"],
    "not an object": [b'data: ["one"]\n\n'],
    "no finish reason": [DONE],
    "no finish reason, nor a last line": [],
    "cut at a limit": [finish("length"), DONE],
    "cut by a filter": [finish("content_filter"), DONE],
}


@pytest.mark.parametrize("failure", AFTER_THE_FIRST_TEXT)
def test_a_failure_after_the_first_text_breaks_the_body(provide, server, failure):
    gate = Event()
    provider = provide("one", gate, *AFTER_THE_FIRST_TEXT[failure], patience=1)
    answer = ask(server, stream=True)
    pieces = answer.iter_content(None)
    first = next(pieces)
    gate.set()
    text, why = read_broken(pieces)
    assert (answer.status_code, first, text) == (200, b"one", "")
    assert "sk-" not in why
    assert len(provider.requests) == 1


@pytest.mark.parametrize("failure", [refuse(500), refuse(503), DROP, RESET])
def test_a_failure_that_may_pass_is_tried_again_once(provide, server, failure):
    provider = provide(failure, "one", *ENDING)
    answer = ask(server)
    assert (answer.status_code, answer.text) == (200, "one")
    assert len(provider.requests) == 2


def test_a_failure_that_stays_is_not_tried_a_third_time(provide, server):
    provider = provide(refuse(500), DROP, "one", *ENDING)
    assert ask(server).status_code == 502
    assert len(provider.requests) == 2


@pytest.mark.parametrize("status", [400, 401, 403, 404, 429])
def test_a_refusal_that_will_not_pass_is_not_tried_again(provide, server, status):
    provider = provide(refuse(status), "one", *ENDING)
    assert ask(server).status_code != 200
    assert len(provider.requests) == 1


def test_silence_is_given_up_and_not_tried_again(provide, server):
    provider = provide(STALL, "one", *ENDING, patience=1)
    assert ask(server).status_code == 504
    assert provider.hung_up.wait(SOON)
    assert len(provider.requests) == 1


def test_the_log_says_what_kind_of_failure_it_was(provide, server, caplog):
    provide(refuse(401))
    ask(server)
    assert "502" in caplog.text
    assert "OpenAIAuthenticationError" in caplog.text


def test_the_provider_is_hung_up_on_when_the_reader_leaves(provide, server):
    gate = Event()
    provider = provide("one", gate, *["more"] * 99, STALL)
    with ask(server, stream=True) as answer:
        next(answer.iter_content(None))
    gate.set()
    assert provider.hung_up.wait(SOON)


def test_the_provider_is_hung_up_on_when_our_own_code_fails(
    provide, server, monkeypatch
):
    gate = Event()
    provider = provide("one", gate, "two", STALL)
    pieces = ask(server, stream=True).iter_content(None)
    next(pieces)
    monkeypatch.delattr(program, "monotonic")
    gate.set()
    read_broken(pieces)
    assert provider.hung_up.wait(SOON)


def test_a_connection_that_fails_names_host_and_port_and_no_more(connect, server):
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # taken, and not listened at
        host, port = nobody.getsockname()
        connect(f"http://name:secret@{host}:{port}/v1/secret")
        sentence = ask(server).json()["error"]
    assert sentence.startswith(f"The connection to {host}:{port} failed: ")
    assert "secret" not in sentence and "name" not in sentence


def test_https_at_an_http_port_is_a_connection_that_fails(provide, connect, server):
    provider = provide("Hello!", *ENDING)
    connect(provider.url.replace("http://", "https://"))
    answer = ask(server)
    host = provider.url.removeprefix("http://").removesuffix("/v1")
    assert answer.status_code == 502
    assert answer.json()["error"].startswith(f"The connection to {host} failed: ")


def test_a_proxy_that_does_not_connect_is_what_the_sentence_names(
    connect, server, monkeypatch
):
    with socket.create_server(("127.0.0.1", 0)) as proxy:
        Thread(target=refuse_to_connect, args=[proxy]).start()
        host, port = proxy.getsockname()
        monkeypatch.setenv("HTTPS_PROXY", f"http://{host}:{port}")
        connect("https://api.example.com/v1")
        answer = ask(server)
    assert answer.status_code == 502
    assert answer.json()["error"].startswith("The proxy did not connect to api.example")
    assert "HTTPS_PROXY" in answer.json()["error"]


def refuse_to_connect(proxy):
    """Answer one CONNECT as a proxy that wants a password."""
    connection, _ = proxy.accept()
    with connection:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")


# What cannot be made to happen on one machine: real errors, raised by a model


def lost(error_class, request=None):
    """Return an error of the HTTP library, about a request or about none."""
    return error_class("sk-abc", request=request)


REQUEST = httpx2.Request("POST", "http://10.1.2.3:11434/v1/chat/completions")


def test_an_address_where_nobody_answers_is_not_a_slow_model(client, answer_with):
    error = ModelTimeoutError("sk-abc")
    error.request = REQUEST
    error.__cause__ = lost(httpx2.ConnectTimeout, REQUEST)
    model = answer_with(error)
    answer = client.post("/ask", json={"prompt": "Hello?"})
    sentence = UNREACHABLE.sentence.format(server="10.1.2.3:11434")
    assert (answer.status_code, answer.get_json()["error"]) == (504, sentence)
    assert len(model.prompts) == 1


@pytest.mark.parametrize(
    "error",
    [
        lost(httpx2.ReadError),
        lost(httpx2.RemoteProtocolError),
        ConnectionResetError("sk-abc"),
    ],
    ids=repr,
)
def test_an_error_that_knows_no_request_is_a_lost_connection(
    client, answer_with, error
):
    answer_with(error)
    answer = client.post("/ask", json={"prompt": "Hello?"})
    sentence = NO_CONNECTION.sentence.format(server="the model")
    assert (answer.status_code, answer.get_json()["error"]) == (502, sentence)

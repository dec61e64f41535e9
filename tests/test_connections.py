"""connections.py: whom it believes, which connections it keeps, and which it does not.

That answers and errors are those of the library's own connections, test_lean.py shows.
"""

import socket
import ssl
import sys
from contextlib import ExitStack
from threading import Event

import httpx2
import openai
import pytest
import trustme
from support import LIMIT
from support.provider import DONE, Provider, chunk
from test_lean import (
    ENDING,
    Echo,
    KeepingProvider,
    KeptExchange,
    answer_300_at_once,
    gzipped,
    lean_model,
    stock_model,
)

from failures import NO_CONNECTION, failure_of
from fast import connections
from fast.connections import http_client

ONE = chunk({"content": "one"}, "stop")


class Unmarked(KeptExchange):
    """One POST of a connection whose end is that of the body."""

    def send(self, step):
        if not self.begun:
            self.begin(200, {})
        self.wfile.write(step)


def text_of(model):
    """Ask the model; return its answer."""
    return "".join(chunk.text for chunk in model.stream("Hello?"))


# Whom it believes


@pytest.fixture
def authority():
    """Return an authority that gives out certificates, which nobody knows."""
    return trustme.CA()


def secured(provider, authority, name):
    """Let a provider speak TLS, with a certificate for that name."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    provider.socket = context.wrap_socket(provider.socket, server_side=True)
    provider.url = provider.url.replace("http:", "https:")
    return provider


@pytest.mark.parametrize("make", [stock_model, lean_model])
def test_a_server_that_nobody_vouches_for_is_asked_nothing(authority, make):
    with secured(Provider("one", *ENDING), authority, "127.0.0.1") as provider:
        is_asked_nothing(provider, make)


@pytest.mark.parametrize("make", [stock_model, lean_model])
def test_a_server_with_another_ones_certificate_is_asked_nothing(
    authority, make, monkeypatch, tmp_path
):
    trust(authority, monkeypatch, tmp_path)
    with secured(Provider("one", *ENDING), authority, "other.example") as provider:
        is_asked_nothing(provider, make)


def is_asked_nothing(provider, make):
    """Assert that a model gets no connection to the provider, and so asks nothing."""
    model = make(provider.url)
    with pytest.raises(openai.APIConnectionError) as raised:
        text_of(model)
    assert type(raised.value.__cause__.__cause__) is httpx2.ConnectError
    assert provider.requests == []


@pytest.mark.parametrize("make", [stock_model, lean_model])
def test_who_is_in_the_file_of_certificates_is_believed(
    authority, make, monkeypatch, tmp_path
):
    trust(authority, monkeypatch, tmp_path)
    with secured(Provider("one", *ENDING), authority, "127.0.0.1") as provider:
        assert text_of(make(provider.url)) == "one"


def trust(authority, monkeypatch, folder):
    """Name the authority's own certificate in SSL_CERT_FILE."""
    path = folder / "school.pem"
    authority.cert_pem.write_to_path(path)
    monkeypatch.setenv("SSL_CERT_FILE", str(path))


# A proxy


@pytest.mark.parametrize(
    "setting", ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "https_proxy", "OPENAI_PROXY"]
)
def test_the_way_through_a_proxy_is_the_librarys(monkeypatch, setting):
    monkeypatch.setenv(setting, "http://127.0.0.1:3128")
    assert http_client() is None


def test_who_names_what_needs_no_proxy_may_have_none(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "localhost")
    assert http_client()


# A server that cannot be reached


@pytest.fixture
def full():
    """Return the address of a server whose queue of connections is full."""
    with ExitStack() as sockets:
        server = sockets.enter_context(socket.socket())
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        for _ in range(4):
            client = sockets.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(server.getsockname())
        yield "http://{}:{}/v1".format(*server.getsockname())


@pytest.mark.skipif(sys.platform != "linux", reason="others refuse what does not fit")
@pytest.mark.timeout(LIMIT)
@pytest.mark.parametrize("make", [stock_model, lean_model])
def test_a_server_that_takes_no_connection_is_not_waited_for_any_longer(make, full):
    model = make(full, timeout=httpx2.Timeout(4 * LIMIT, connect=0.5))
    with pytest.raises(openai.APITimeoutError) as raised:
        text_of(model)
    assert type(raised.value.__cause__.__cause__) is httpx2.ConnectTimeout


def test_a_refused_connection_is_told_as_no_timeout():
    """One of urllib3's errors for it is a kind of TimeoutError."""
    with Provider() as provider:
        model = lean_model(provider.url)
    with pytest.raises(openai.APIConnectionError) as raised:
        text_of(model)
    assert failure_of(raised.value) is NO_CONNECTION


# A compressed body


@pytest.mark.parametrize("exchange", [KeptExchange, Unmarked])
def test_a_compressed_body_is_unpacked_once(exchange):
    packets = gzipped(chunk({"content": "one two"}, "stop"), DONE)
    about = {"headers": {"Content-Encoding": "gzip"}, "exchange": exchange}
    with KeepingProvider(*packets, **about) as provider:
        assert text_of(lean_model(provider.url)) == "one two"


# Connections that are not used again


def test_a_connection_that_nobody_used_for_a_while_is_not_used_again(monkeypatch):
    monkeypatch.setattr(connections, "IDLE", -1)
    with KeepingProvider("one", *ENDING, "two", *ENDING) as provider:
        model = lean_model(provider.url)
        assert [text_of(model), text_of(model)] == ["one", "two"]
        assert len(provider.connections) == 2


class Farewell(KeptExchange):
    """A connection that says when its client has closed it."""

    def finish(self):
        super().finish()
        self.server.hung_up.set()


def test_a_client_that_is_closed_closes_its_connections():
    with KeepingProvider("one", *ENDING, exchange=Farewell) as provider:
        model = lean_model(provider.url)
        assert text_of(model) == "one"
        assert not provider.hung_up.is_set()
        model.root_client.close()
        assert provider.hung_up.wait(LIMIT)


class EarlyHints(KeptExchange):
    """One POST: says first that it is at work."""

    def begin(self, status, headers):
        self.wfile.write(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n")
        super().begin(status, headers)


class HintedCount(EarlyHints):
    """The same; then it says how many asked before."""

    def do_POST(self):
        self.server.script = iter([str(len(self.server.requests)), DONE])
        super().do_POST()


class HintedEcho(EarlyHints, Echo):
    """The same; then it says the prompt back."""


def test_after_an_early_hint_each_question_has_its_own_answer():
    """The first is asked twice, and no answer to it is left for the next question."""
    with KeepingProvider(exchange=HintedCount) as provider:
        model = lean_model(provider.url)
        assert [text_of(model) for _ in range(3)] == ["1", "2", "3"]
        assert len(provider.requests) == 4
        model.root_client.close()


def test_after_early_hints_as_many_are_answered_at_once_as_before():
    answer_300_at_once(HintedEcho)


class NotKept(KeptExchange):
    """One POST of a connection that is not kept."""

    def begin(self, status, headers):
        super().begin(status, headers | {"Connection": "Close"})


class Old(Unmarked):
    """The same in the HTTP of 1996, which knew nothing else."""

    protocol_version = "HTTP/1.0"


@pytest.mark.parametrize("exchange", [NotKept, Unmarked, Old])
def test_nothing_is_waited_for_on_a_connection_that_is_not_kept(exchange):
    gate = Event()
    with KeepingProvider(ONE + DONE, gate, b"left", exchange=exchange) as provider:
        assert text_of(lean_model(provider.url)) == "one"
        assert provider.hung_up.wait(LIMIT)
        assert b"left" not in provider.sent

"""connections.py: whom it believes, which connections it keeps, and which it does not.

That answers and errors are those of the library's own connections, test_lean.py shows.
"""

import socket
import ssl
import sys
from contextlib import ExitStack
from threading import Event, current_thread, main_thread

import httpx2
import openai
import pytest
import trustme
from support import LIMIT
from support.keeping_provider import (
    ENDING,
    KeepingProvider,
    KeptExchange,
    lean_model,
    stock_model,
    text_of,
)
from support.provider import DONE, Provider, chunk
from test_lean import Echo, answer_300_at_once, gzipped

from failures import NO_CONNECTION, failure_of
from fast import connections
from fast.connections import SOCKET_OPTIONS, KeptConnections, has_another_way

ONE = chunk({"content": "one"}, "stop")


class Unmarked(KeptExchange):
    """One POST of a connection whose end is that of the body."""

    def send(self, step):
        if not self.begun:
            self.begin(200, {})
        self.wfile.write(step)


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


# Another way, which somebody has chosen


SETTINGS = ["HTTP_PROXY", "ALL_PROXY", "http_proxy", "OPENAI_PROXY"]


@pytest.mark.parametrize("setting", SETTINGS)
def test_a_proxy_is_asked_by_the_librarys_own_transport(monkeypatch, setting):
    with Provider("one", *ENDING) as proxy:
        monkeypatch.setenv(setting, proxy.url.removesuffix("/v1"))
        # An address of its own: LangChain keeps one client for each.
        address = f"http://model{SETTINGS.index(setting)}.example/v1"
        model = lean_model(address)
        assert has_another_way(model)
        assert text_of(model) == "one"
        [question] = proxy.requests
        assert question.path == f"{address}/chat/completions"


def test_a_server_that_needs_no_proxy_is_asked_directly(monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with Provider("one", *ENDING) as provider:
        model = lean_model(provider.url)
        assert not has_another_way(model)
        assert text_of(model) == "one"


def test_a_client_that_somebody_gives_is_kept():
    client = openai.DefaultHttpxClient()
    assert has_another_way(lean_model("http://127.0.0.1/v1", http_client=client))


def test_socket_options_of_langchain_may_be_chosen(monkeypatch):
    monkeypatch.setenv("LANGCHAIN_OPENAI_TCP_KEEPIDLE", "5")
    assert has_another_way(lean_model("http://127.0.0.1/v1"))


# The options of a connection


def test_its_options_are_those_of_the_librarys_connections(monkeypatch):
    set_on = {}  # by client
    set_option = socket.socket.setsockopt
    for make in stock_model, lean_model:
        options = set_on[make] = set()

        def note(self, level, name, *value, options=options):
            if current_thread() is main_thread():  # not the provider
                options.add((level, name, *value))
            set_option(self, level, name, *value)

        with Provider("one", *ENDING) as provider:
            monkeypatch.setattr(socket.socket, "setsockopt", note)
            assert text_of(make(provider.url)) == "one"
            monkeypatch.undo()
    assert set_on[lean_model] == set_on[stock_model]
    assert (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1) in set_on[lean_model]


def test_an_option_that_the_system_lacks_is_left_out(monkeypatch):
    for name in set(SOCKET_OPTIONS) - {"TCP_NODELAY"}:  # all systems have that one
        monkeypatch.delattr(socket, name, raising=False)
    with Provider("one", *ENDING) as provider:
        assert text_of(lean_model(provider.url)) == "one"


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


def test_a_refused_connection_is_not_taken_for_a_silence():
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


# Which connections are used again


def ask_twice(monkeypatch, seconds):
    """Ask, let seconds pass, ask again; return the number of connections."""
    with KeepingProvider("one", *ENDING, "two", *ENDING) as provider:
        model = lean_model(provider.url)
        assert text_of(model) == "one"
        now = connections.time()
        monkeypatch.setattr(connections, "time", lambda: now + seconds)
        assert text_of(model) == "two"
        return len(provider.connections)


def test_a_connection_is_used_again_for_half_a_minute(monkeypatch):
    assert ask_twice(monkeypatch, 29) == 1


def test_after_half_a_minute_it_is_not_used_again(monkeypatch):
    """Routers forget a connection on which nothing is sent, some after a minute."""
    assert ask_twice(monkeypatch, 31) == 2


def test_connections_that_nobody_needs_are_closed(monkeypatch):
    kept = KeptConnections(answer_seconds=30)
    server = ("http", "127.0.0.1", 80)
    pairs = [socket.socketpair() for _ in range(3)]
    try:
        for number, (ours, _) in enumerate(pairs):
            monkeypatch.setattr(connections, "time", lambda now=number * 20: now)
            kept.keep(server, ours)
        assert [ours.fileno() == -1 for ours, _ in pairs] == [True, False, False]
        kept.close()
        assert all(ours.fileno() == -1 for ours, _ in pairs)
    finally:
        for _, other in pairs:
            other.close()


def test_as_many_wait_as_there_were_answers_at_once():
    kept = KeptConnections(answer_seconds=30)
    server = ("http", "127.0.0.1", 80)
    pairs = [socket.socketpair() for _ in range(100)]
    try:
        for ours, _ in pairs:
            kept.keep(server, ours)
        taken = [kept.take(server) for _ in pairs]
        assert set(taken) == {ours for ours, _ in pairs}
    finally:
        for pair in pairs:
            for each in pair:
                each.close()


def test_the_connection_that_waited_shortest_is_used_first():
    kept = KeptConnections(answer_seconds=30)
    server = ("http", "127.0.0.1", 80)
    pairs = [socket.socketpair() for _ in range(2)]
    try:
        for ours, _ in pairs:
            kept.keep(server, ours)
        assert kept.take(("http", "127.0.0.1", 81)) is None
        assert kept.take(server) is pairs[1][0]
        assert kept.take(server) is pairs[0][0]
        assert kept.take(server) is None
    finally:
        for pair in pairs:
            for each in pair:
                each.close()


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
    """One POST: says first, and twice, that it is at work."""

    status = b"103 Early Hints"

    def begin(self, status, headers):
        hint = b"HTTP/1.1 " + self.status + b"\r\nLink: </a>\r\n\r\n"
        self.wfile.write(hint + hint)
        super().begin(status, headers)


class HintedCount(EarlyHints):
    """The same; then it says how many asked before."""

    def do_POST(self):
        self.server.script = iter([str(len(self.server.requests)), DONE])
        super().do_POST()


class HintedEcho(EarlyHints, Echo):
    """The same; then it says the prompt back."""


@pytest.mark.parametrize("status", [b"102 Processing", b"103 Early Hints"])
def test_a_question_is_not_asked_twice_because_of_a_hint(monkeypatch, status):
    """Each question may cost money. All are answered, on one connection."""
    monkeypatch.setattr(EarlyHints, "status", status)
    with KeepingProvider(exchange=HintedCount) as provider:
        model = lean_model(provider.url)
        assert [text_of(model) for _ in range(3)] == ["0", "1", "2"]
        assert len(provider.requests) == 3
        assert len(provider.connections) == 1
        model.root_client.close()


def test_a_hint_changes_nothing_about_whom_is_believed(authority):
    secure = secured(KeepingProvider(exchange=HintedCount), authority, "127.0.0.1")
    with secure as provider:
        is_asked_nothing(provider, lean_model)


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

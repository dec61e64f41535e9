"""The connections to OpenAI's server, which are kept from one question to the next.

OpenAI's client sends its questions by the library httpx2, and httpx2 lets an object
carry them, its transport. The transport of httpx2 itself looks through all of its
connections at each question, and takes each read of an answer through many steps. With
200 readers at once the last of them waited two seconds for a first word that was ready.
"""

import os
import socket
import ssl  # the encryption of https
from collections import defaultdict, deque
from functools import partial  # partial(f, 1) is f with its first argument filled in
from threading import Lock
from time import monotonic, time
from weakref import finalize

import httpx2

from fast.exchange import Exchange
from providers import proxy_of

IDLE = 30  # seconds that a connection waits for a question before it is closed
PORTS = {"http": 80, "https": 443}
# LangChain's own client has the same. TCP_NODELAY: each packet leaves at once. The rest
# is for a server that is gone without a sign: after a minute of silence the system asks
# every ten seconds whether it is still there, and hangs up within two minutes.
SOCKET_OPTIONS = {
    "TCP_NODELAY": 1,
    "TCP_KEEPIDLE": 60,
    "TCP_KEEPALIVE": 60,  # its name on macOS
    "TCP_KEEPINTVL": 10,
    "TCP_KEEPCNT": 3,
    "TCP_USER_TIMEOUT": 120_000,  # milliseconds
}


def has_another_way(model):
    """Whether somebody has chosen how LangChain's client is to reach the server.

    One such way is a proxy, a server that passes requests on.
    """
    if proxy_of(str(model.root_client.base_url)):  # root_client: OpenAI's own client
        return True
    # LangChain reads values for SOCKET_OPTIONS from these.
    if any(name.startswith("LANGCHAIN_OPENAI_TCP_") for name in os.environ):
        return True
    chosen = [model.openai_proxy, model.http_client, model.http_socket_options]
    return chosen != [None, None, None]


class KeptConnections(httpx2.BaseTransport):
    """Carries a request to its server, and brings the response.

    A connection is kept for the next request if a response was read to its end.
    """

    def __init__(self, answer_seconds):
        """Take the seconds that an answer may take, from the question to its end."""
        self.answer_seconds = answer_seconds
        # A server proves with a certificate that it is who it says. httpx2 decides
        # which ones are trusted: those of the system, or those in SSL_CERT_FILE.
        self.trusted = httpx2.create_ssl_context()
        self.trusted.set_alpn_protocols(["http/1.1"])  # we speak no newer HTTP
        # For each server its waiting connections, each with the time it began to wait.
        # A defaultdict makes what it lacks. A deque is a list, quick at both ends.
        self.waiting = defaultdict(deque)
        # Answers have threads of their own. Only one at a time may use self.waiting.
        self.lock = Lock()
        # Nobody closes a model that is no longer used. So this calls close_all once
        # nothing refers to this object any more.
        finalize(self, close_all, self.waiting)

    def handle_request(self, request):
        """Send httpx2's request, and return its response as soon as it begins."""
        deadline = monotonic() + self.answer_seconds
        # The limits by step, such as {"connect": 5, "read": 30}. None is no limit.
        seconds = request.extensions.get("timeout", {})
        url = request.url
        if url.scheme not in PORTS:
            raise httpx2.UnsupportedProtocol(f"{url.scheme}:// is not supported.")
        server = (url.scheme, url.raw_host.decode(), url.port or PORTS[url.scheme])
        connection = self.take(server) or self.connect(server, seconds.get("connect"))
        exchange = Exchange(connection, seconds, deadline, partial(self.keep, server))
        try:
            answer = exchange.ask(request)
        except BaseException:  # also Ctrl+C: nobody else would close it
            exchange.close()
            raise
        return httpx2.Response(
            answer.status_code,
            headers=answer.headers.raw_items(),  # the names as the server wrote them
            stream=exchange,
            extensions={  # what else httpx2 wants to know
                "http_version": b"HTTP/" + answer.http_version,
                "reason_phrase": answer.reason,  # the OK of "200 OK"
                "exchange": exchange,  # for events.py, which calls its finish()
            },
        )

    def connect(self, server, seconds):
        """Return a new connection, a socket; None seconds mean answer_seconds."""
        scheme, host, port = server
        limit = min(seconds or self.answer_seconds, self.answer_seconds)
        connection = None
        try:
            connection = socket.create_connection((host, port), limit)
            set_options(connection)
            if scheme == "https":
                # Encrypt from here on. The certificate has to be for this host.
                connection = self.trusted.wrap_socket(connection, server_hostname=host)
        except OSError as error:
            if connection:
                connection.close()
            # failures.py knows both of these classes. "from None": the error of the
            # system, which is left out, would tell it nothing more.
            if isinstance(error, TimeoutError):
                raise httpx2.ConnectTimeout("There was no connection.") from None
            raise httpx2.ConnectError(str(error)) from None
        return connection

    def take(self, server):
        """Return a connection that waits for a question, or None.

        It is the one that was used last. After a laptop has slept, or has changed its
        network, older ones may be lost without a sign: a question sent on one of them
        would wait for nothing.
        """
        while True:
            with self.lock:
                if not self.waiting[server]:
                    return None
                connection, since = self.waiting[server].pop()
            # time() and not monotonic(), which sleeps with the laptop
            if time() - since <= IDLE and is_quiet(connection):
                return connection
            connection.close()

    def keep(self, server, connection):
        """Let a connection wait for a question, and close those that nobody needed."""
        now = time()
        with self.lock:
            waiting = self.waiting[server]
            waiting.append((connection, now))
            # The oldest is first. The one that was just added ends the loop.
            while now - waiting[0][1] > IDLE:
                old, _ = waiting.popleft()
                old.close()

    def close(self):
        """Close the connections that wait, when httpx2's client is closed."""
        with self.lock:
            close_all(self.waiting)


def close_all(waiting):
    """Close the connections that wait, of all servers."""
    for connections in waiting.values():
        for connection, _ in connections:
            connection.close()
    waiting.clear()


def set_options(connection):
    """Set what the operating system should do for a connection, as far as it can."""
    # 1 lets the system ask in a silence; SOCKET_OPTIONS says when. SOL_SOCKET and
    # IPPROTO_TCP name the group that an option is in.
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in SOCKET_OPTIONS.items():
        if hasattr(socket, name):  # no system has all of them
            connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


def is_quiet(connection):
    """Whether a waiting connection can be used: it is open, and nothing has arrived."""
    connection.settimeout(0)  # do not wait for anything
    try:
        connection.recv(1)
    except (BlockingIOError, ssl.SSLWantReadError):  # there is nothing to be read
        return True
    except OSError:
        return False
    return False  # something came that was not asked for, or the server hung up

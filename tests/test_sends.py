"""What leaves a server of Werkzeug's, as `flask run` is one: seen on raw sockets."""

import json
import os
import signal
import socket
import struct
import sys
import threading
from contextlib import closing, contextmanager
from itertools import repeat

import pytest
from support import LIMIT, ROOT
from support.forked_python import start_server
from support.servers import free_port, wait_for
from werkzeug.serving import WSGIRequestHandler, make_server

import app as program

pytestmark = pytest.mark.slow

CLASS = 500 if sys.platform == "linux" else 100  # elsewhere the system allows 128


@contextmanager
def serving(wsgi_app, exchange=WSGIRequestHandler):
    """Run a WSGI app as `flask run` does; yield its port; see every thread end."""
    settings = {"threaded": True, "request_handler": exchange}
    server = make_server("127.0.0.1", 0, wsgi_app, **settings)
    server.daemon_threads = False
    thread = threading.Thread(target=server.serve_forever, args=[0.01])
    thread.start()
    try:
        yield server.port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()  # waits for the threads that answer


def post(prompt):
    """Return the bytes that ask for the prompt."""
    body = json.dumps({"prompt": prompt}).encode()
    head = "POST /ask HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


def ask(port, prompt="Hello?"):
    """Ask; return the socket, on which the answer will come."""
    reader = socket.create_connection(("127.0.0.1", port), timeout=LIMIT)
    reader.sendall(post(prompt))
    return reader


def read_head(reader):
    """Return the status and headers, read byte by byte: what follows stays unread."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += reader.recv(1)
    return head


def read_rest(reader):
    """Return all bytes up to the end of the connection."""
    return b"".join(iter(lambda: reader.recv(65536), b""))


def test_each_piece_is_one_packet(answer_with):
    """Sent one by one: what arrives at once has been sent at once."""
    gates = [threading.Event() for _ in range(99)]
    answer_with(*[step for gate in gates for step in ("word", gate)])
    with serving(program.app) as port, closing(ask(port)) as reader:
        read_head(reader)
        for gate in gates:
            assert reader.recv(65536) == b"4\r\nword\r\n"
            gate.set()
        assert read_rest(reader) == b"0\r\n\r\n"


def test_the_first_piece_and_the_last_leave_before_the_model_ends(answer_with):
    gates = [threading.Event(), threading.Event()]
    model = answer_with("first", gates[0], "last", gates[1])
    with serving(program.app) as port, closing(ask(port)) as reader:
        assert read_head(reader).startswith(b"HTTP/1.1 200 OK")
        assert reader.recv(65536) == b"5\r\nfirst\r\n"
        assert model.made == 1
        gates[0].set()
        assert reader.recv(65536) == b"4\r\nlast\r\n"
        assert not model.closed.is_set()
        gates[1].set()
        assert read_rest(reader) == b"0\r\n\r\n"


def test_no_piece_waits_for_the_one_before_it():
    """Nagle's algorithm holds a packet back until the last one is acknowledged."""
    found = []

    def tiny(environ, start_response):
        connection = environ["werkzeug.socket"]
        found.append(connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
        start_response("200 OK", [])
        return [b"one"]

    with serving(tiny) as port, closing(ask(port)) as reader:
        read_rest(reader)
    assert found and all(found)


def test_a_break_is_still_a_break(answer_with):
    answer_with("one", RuntimeError("a bug of ours"))
    with serving(program.app) as port, closing(ask(port)) as reader:
        body = read_head(reader) + read_rest(reader)
    assert b"3\r\none\r\n" in body
    assert b"[error: " in body
    assert not body.endswith(b"0\r\n\r\n")


def test_a_page_comes_whole():
    with serving(program.app) as port:
        reader = socket.create_connection(("127.0.0.1", port), timeout=LIMIT)
        with closing(reader):
            reader.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            head, body = read_head(reader), read_rest(reader)
    assert f"Content-Length: {len(body)}\r\n".encode() in head


def close(reader):
    reader.close()


def reset(reader):
    linger = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)
    reader.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    reader.close()


def fall_asleep(reader):
    """Read nothing more, and do not leave either."""


@pytest.mark.parametrize("leave", [close, reset, fall_asleep])
def test_a_reader_who_leaves_is_let_go_without_a_word(answer_with, capfd, leave):
    """The terminal shows no traceback, and nothing waits to be sent after all."""
    emptied = []

    class Exchange(WSGIRequestHandler):
        timeout = 1

        def connection_dropped(self, error, environ=None):
            unsent = self.wfile
            super().connection_dropped(error, environ)
            emptied.append(unsent.closed)

    model = answer_with("one", *repeat("x" * 2**20, 99))
    with serving(program.app, Exchange) as port:
        reader = ask(port)
        read_head(reader)
        leave(reader)
        assert model.closed.wait(LIMIT)
    assert model.closed_early
    assert emptied == [True]
    assert "Traceback" not in "".join(capfd.readouterr())
    reader.close()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows stops no process")
def test_a_class_that_arrives_at_once_is_answered():
    """All of it knocks while the server is stopped; nobody is turned away unheard."""
    port = free_port()
    environment = os.environ | {"FLASK_RUN_PORT": str(port)}
    command = [sys.executable, "-m", "flask", "run"]
    server = start_server(command, ROOT, environment, os.devnull)
    try:
        wait_for(port)
        server.send_signal(signal.SIGSTOP)
        readers = [ask(port, "/echo one") for _ in range(CLASS)]
        server.send_signal(signal.SIGCONT)
        answers = [read_rest(reader) for reader in readers]
    finally:
        server.kill()
        server.wait()
    for reader in readers:
        reader.close()
    assert {answer[:12] for answer in answers} <= {b"HTTP/1.1 200", b"HTTP/1.1 503"}
    assert all(answer.endswith((b"0\r\n\r\n", b"}\n")) for answer in answers)
    assert sum(b"3\r\none\r\n" in answer for answer in answers) >= 64

"""exchange.py: HTTP as it comes, right or wrong, beside the library's own transport."""

import json
from itertools import repeat
from random import Random
from threading import Event
from time import monotonic

import h11
import httpx2
import openai
import pytest
from support import LIMIT
from support.http_rows import ROWS, TRANSFER, refusal
from support.keeping_provider import lean_model, model_for, text_of
from support.provider import chunk
from support.raw_server import (
    CHUNKED,
    DONE,
    ENDING,
    HEAD,
    LAST,
    RawServer,
    cut,
    http_chunk,
    raw_both,
    words,
)
from test_provider import ask, read_broken

import app as program
from failures import TOO_SLOW, Unfinished
from fast import bounds
from fast.exchange import Exchange, HTTPChunks

# HTTP chunks


def decoded(packets):
    """Return the content of HTTP chunks as fast/ reads them, and what follows it."""
    chunks = HTTPChunks()
    content = b""
    for packet in packets:
        content += chunks.decode(packet)
        if isinstance(chunks.fault, httpx2.RemoteProtocolError):
            return content, "wrong"
        if chunks.have_ended:
            return content, chunks.rest
    return content, "cut"


def decoded_by_h11(packets):
    """Return the same as h11 reads it."""
    wire = h11.Connection(h11.CLIENT, 1_000_000)
    request = h11.Request(method="POST", target="/", headers=[("Host", "x")])
    wire.send(request)
    wire.send(h11.EndOfMessage())
    wire.receive_data(CHUNKED)
    wire.next_event()
    content = b""
    for packet in packets:
        if packet:  # h11 takes nothing for the end of the connection
            wire.receive_data(packet)
        while True:
            try:
                event = wire.next_event()
            except h11.RemoteProtocolError:
                return content, "wrong"
            if event is h11.NEED_DATA:
                break
            if isinstance(event, h11.EndOfMessage):
                rest, _ = wire.trailing_data
                return content, rest
            content += event.data
    return content, "cut"


def random_body(random):
    """Return a right body in HTTP chunks."""
    body = b""
    for _ in range(random.randrange(6)):
        content = random.randbytes(random.choice([1, 2, 9, 10, 15, 16, 17, 300]))
        form = random.choice([b"%x", b"%X", b"0%x", b"000%x"])
        note = random.choice([b"", b"", b" ", b"\t ", b";a=b", b'; a="b;c"', b";"])
        body += form % len(content) + note + b"\r\n" + content + b"\r\n"
    body += random.choice([b"0", b"000", b"0;last"]) + b"\r\n"
    body += random.choice([b"", b"", b"X-Sum: 7\r\n", b"A: 1\r\nB: 2\r\n"])
    return body + b"\r\n" + random.choice([b"", b"", b"HTTP/1.1 200 OK\r\n"])


@pytest.mark.parametrize("seed", range(20))
def test_random_bodies_are_read_as_h11_reads_them(seed):
    random = Random(seed)
    for _ in range(100):
        packets = cut(random_body(random), random)
        content, end = decoded(packets)
        expected, expected_end = decoded_by_h11(packets)
        assert content == expected
        # What follows the end may come with it or later.
        assert isinstance(end, bytes) and isinstance(expected_end, bytes)


@pytest.mark.parametrize("seed", range(20))
def test_wrong_bodies_are_refused_where_h11_refuses_them(seed):
    """A byte was changed, added or lost. What is not finished counts as wrong, too."""
    random = Random(seed)
    for _ in range(100):
        body = bytearray(random_body(random))
        for _ in range(random.choice([1, 1, 2])):
            at = random.randrange(len(body))
            change = random.choice(["change", "add", "lose"])
            if change == "change":
                body[at] = random.choice(b"\r\n0123456789abcdefg;+- _x\x00")
            elif change == "add":
                body.insert(at, random.choice(b"\r\n01g;+- _x\x00"))
            else:
                del body[at]
        packets = cut(bytes(body), random)
        content, end = decoded(packets)
        expected, expected_end = decoded_by_h11(packets)
        if isinstance(end, bytes) and isinstance(expected_end, bytes):
            assert content == expected
        elif isinstance(end, bytes):  # h11 looks at the trailers, too
            assert content == expected
            assert expected_end == "wrong"
        else:
            assert expected_end in ("wrong", "cut"), bytes(body)


WRONG_SIZES = [b"+5", b"-5", b"0x5", b"1_0", b" 5", b"g", b"", b"5 5", b"\xb2", b"5\n"]


@pytest.mark.parametrize("size", WRONG_SIZES)
def test_what_is_no_size_is_refused(size):
    assert decoded([size + b"\r\nHello\r\n0\r\n\r\n"])[1] == "wrong"


def test_a_chunk_that_is_longer_than_it_says_is_refused():
    assert decoded([b"5\r\nHello there\r\n0\r\n\r\n"])[1] == "wrong"


def test_a_size_without_an_end_is_not_waited_for():
    chunks = HTTPChunks()
    for _ in range(bounds.SIZE + 9):
        chunks.decode(b"x" if chunks.rest else b"1;")
    assert chunks.fault.failure is bounds.TOO_MUCH


def test_trailers_without_an_end_are_not_waited_for():
    chunks = HTTPChunks()
    chunks.decode(b"0\r\n")
    for _ in range(bounds.SIZE):
        chunks.decode(b"A: 1\r\n")
    assert chunks.fault.failure is bounds.TOO_MUCH


# Right and wrong answers

REFUSAL = b"HTTP/1.1 500 Sorry\r\nContent-Type: application/json\r\n"


@pytest.mark.parametrize("row", ROWS)
def test_http_is_read_as_the_library_reads_it(row):
    library, lean = raw_both(*ROWS[row], timeout=3)
    assert lean == library


def test_half_of_an_http_chunk_is_shown_before_the_other_comes():
    """A proxy on the way may send it so. Here each half has a text."""
    content = chunk({"content": "one"}) + chunk({"content": "two"})
    both = http_chunk(content)
    middle = both.index(b"two")
    gate = Event()
    script = [CHUNKED + both[:middle], gate, both[middle:], ENDING]
    with RawServer(*script) as server:
        messages = lean_model(server.url).stream("Hello?")
        assert next(messages).text == "one"
        gate.set()
        assert next(messages).text == "two"
        messages.close()


TOO_MUCH = {  # what comes first, and what comes then, again and again
    "headers": (HEAD, b"X: " + b"x" * 9_000 + b"\r\n"),
    "a header": (HEAD + b"X: ", b"x" * 65_536),
    "the body of a refusal": (REFUSAL + b"\r\n", b"x" * 65_536),
    "the same in HTTP chunks": (REFUSAL + TRANSFER, http_chunk(b"x" * 65_536)),
    "the size of an HTTP chunk": (CHUNKED + b"1;", b"x" * 4_000),
}


@pytest.mark.parametrize("what", TOO_MUCH)
def test_too_much_is_a_failure_with_a_sentence_of_its_own(what):
    first, more = TOO_MUCH[what]
    count = 2 * bounds.REFUSAL // len(more)
    with RawServer(first, *repeat(more, count)) as server:
        with pytest.raises(Unfinished) as raised:
            text_of(model_for(server.url, lean_model, {}))
        assert raised.value.failure is bounds.TOO_MUCH
        assert server.hung_up.wait(LIMIT)


def test_a_refusal_of_a_megabyte_is_read():
    body = json.dumps({"error": {"message": "x" * 2**20, "code": "c"}}).encode()
    with RawServer(*refusal(429, body=body)) as server:
        with pytest.raises(openai.RateLimitError) as raised:
            text_of(model_for(server.url, lean_model, {}))
        assert raised.value.code == "c"


class Recording:
    """In place of a socket: brings packets, and notes how long it may be waited for."""

    def __init__(self, *packets):
        self.packets = list(packets)
        self.seconds = []
        self.is_closed = False

    def settimeout(self, seconds):
        self.seconds.append(seconds)

    def sendall(self, _):
        pass

    def recv(self, _):
        return self.packets.pop(0)

    def close(self):
        self.is_closed = True


def begun(*packets):
    """Return the Exchange of a question whose answer begins in these packets."""
    connection = Recording(*packets)
    deadline = monotonic() + 120
    exchange = Exchange(connection, {"read": 30, "write": 30}, deadline, keep=print)
    exchange.ask(httpx2.Request("POST", "http://127.0.0.1/v1"))
    return exchange, connection


def test_what_follows_the_last_word_is_waited_for_only_a_moment():
    """The reader waits that long for the end of the answer, which is there already."""
    exchange, connection = begun(CHUNKED + http_chunk(DONE), b"", LAST)
    assert next(iter(exchange)) == DONE
    assert max(connection.seconds) == 30
    connection.seconds.clear()
    exchange.finish()
    assert 0 < max(connection.seconds) <= 0.2


def test_no_step_may_take_longer_than_the_answer(monkeypatch):
    exchange, connection = begun(CHUNKED, http_chunk(DONE))
    connection.seconds.clear()
    exchange.deadline = monotonic() + 7
    next(iter(exchange))
    assert 0 < max(connection.seconds) <= 7


# The time that an answer may take


TOO_SLOW_JSON = {"error": TOO_SLOW.sentence}
SLOW = {  # what comes first, and what comes then, again and again
    "headers": (HEAD, b"X-Wait: 1\r\n"),
    "a header without an end": (HEAD + b"X-Wait: ", b"1"),
    "hints": (b"", b"HTTP/1.1 102 Processing\r\n\r\n"),
    "comments": (CHUNKED, http_chunk(b": wait\n\n")),
    "comments after a text": (CHUNKED + words("one"), http_chunk(b": wait\n\n")),
    "a line without an end": (CHUNKED + words("one"), http_chunk(b"x")),
    "a chunk without a text": (CHUNKED, words("")),
    "an HTTP chunk without an end": (CHUNKED + b"ffff\r\n", b":"),
    "a size without an end": (CHUNKED + b"1;", b"x"),
    "a body without a length": (HEAD + b"\r\n", b": wait\n\n"),
    "a body with a length": (HEAD + b"Content-Length: 999999\r\n\r\n", b": wait\n"),
    "the body of a refusal": (REFUSAL + b"\r\n", b" "),
    "the same in HTTP chunks": (REFUSAL + TRANSFER, http_chunk(b" ")),
}


@pytest.mark.parametrize("what", SLOW)
def test_a_server_that_only_keeps_busy_is_given_up(monkeypatch, server, what):
    """Its place is free again, though it always sends something."""
    # Its time is over after twenty packets, however busy this machine is.
    is_over = Event()

    def end_its_time(_):
        is_over.set()

    def clock():
        return monotonic() + 999 * is_over.is_set()

    monkeypatch.setattr("fast.exchange.monotonic", clock)
    first, more = SLOW[what]
    begin = [first, *repeat(more, 20), end_its_time]
    with RawServer(*begin, *repeat(more, 99_999)) as provider:
        monkeypatch.setattr(program, "model", lean_model(provider.url))
        answer = ask(server, stream=True)
        if b"one" in first:
            assert read_broken(answer.iter_content(None)) == ("one", TOO_SLOW.sentence)
        else:
            assert (answer.status_code, answer.json()) == (504, TOO_SLOW_JSON)
        assert provider.hung_up.wait(LIMIT)
        assert len(provider.questions) == 1

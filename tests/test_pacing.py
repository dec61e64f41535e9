"""fast/pacing.py: the answers wait a little while the processor is too busy."""

from threading import Event

import httpx2
import pytest
from support.keeping_provider import lean_model
from support.raw_server import CHUNKED, ENDING, RawServer, words

from fast import events, pacing
from fast.pacing import CALM, LONGEST, SHORTEST, Pace


def adjusted(*shares):
    """Return the seconds of a pace that has seen these shares of a processor used."""
    pace = Pace()
    for share in shares:
        pace.adjust(share)
    return pace.seconds


def test_nobody_waits_while_the_processor_has_time():
    assert adjusted(0, 0.3, 0.6, 0.8) == 0


def test_answers_wait_longer_as_long_as_the_processor_is_too_busy():
    assert adjusted(0.9) == SHORTEST
    assert SHORTEST < adjusted(0.9, 1) < adjusted(0.9, 1, 1.2) < LONGEST
    assert adjusted(*[1] * 50) == LONGEST


def test_the_wait_stays_while_the_processor_is_just_busy_enough():
    assert adjusted(1, 1, 0.8, 0.75, 0.8) == adjusted(1, 1)


def test_the_wait_ends_once_the_processor_has_time_again():
    assert 0 < adjusted(1, 1, 1, 0.2) < adjusted(1, 1, 1)
    assert adjusted(*[1] * 50, *[CALM / 2] * 50) == 0


class Waiter:
    """A pace whose wait opens a gate, behind which is what a server sends next."""

    def __init__(self, gate):
        self.gate = gate
        self.waits = 0

    def wait(self):
        self.waits += 1
        self.gate.set()


def test_an_answer_waits_before_it_looks_for_more(monkeypatch):
    """It waits neither before its first text nor after its last."""
    gate = Event()
    waiter = Waiter(gate)
    monkeypatch.setattr(events, "pace", waiter)
    script = [CHUNKED + words("one"), gate, words(" two") + ENDING]
    with RawServer(*script) as server:
        messages = lean_model(server.url).stream("Hello?")
        assert next(messages).text == "one"
        assert waiter.waits == 0
        assert "".join(message.text for message in messages) == " two"
    assert waiter.waits == 1


def test_where_many_words_came_at_once_there_is_no_wait(monkeypatch):
    """As from a model on the same machine, which is faster than any reader."""
    waiter = Waiter(Event())
    monkeypatch.setattr(events, "pace", waiter)
    response = httpx2.Response(200, stream=Packets(b"x" * 4096, b"x" * 9999, b"x"))
    waits = []
    for _ in events.packets_of(response):
        waits.append(waiter.waits)
    assert waits == [0, 0, 0] and waiter.waits == 1  # after the small one


class Packets(httpx2.SyncByteStream):
    """The body of a response, in these packets."""

    def __init__(self, *packets):
        self.packets = packets

    def __iter__(self):
        return iter(self.packets)


@pytest.fixture
def clocks(monkeypatch):
    """Return the time and the processor's time, as one may set them, and the waits."""
    clocks = {"time": 0, "used": 0, "waits": []}
    monkeypatch.setattr(pacing, "monotonic", lambda: clocks["time"])
    monkeypatch.setattr(pacing, "process_time", lambda: clocks["used"])
    monkeypatch.setattr(pacing, "sleep", clocks["waits"].append)
    return clocks


def test_the_share_is_of_the_time_since_the_latest_look(clocks):
    pace = Pace()
    clocks.update(time=10, used=9.9)
    pace.wait()
    clocks.update(time=10.01, used=9.9)  # too soon for a look
    pace.wait()
    clocks.update(time=20, used=19.8)
    pace.wait()
    assert clocks["waits"] == [SHORTEST, SHORTEST, SHORTEST * 1.5]
    clocks.update(time=90, used=20)
    for second in range(91, 110):
        pace.wait()
        clocks["time"] = second
    clocks["waits"].clear()
    pace.wait()
    assert clocks["waits"] == []

"""The bad network sends the same bytes, at worse places, and changes nothing else."""

import codecs
import importlib
import re
import threading

import pytest
import requests
from support import LIMIT

import lessons.course.bad_network as bad_network
from lessons.course.bad_network import BadNetwork, around, cut
from lessons.course.for_checks.scripted_model import ScriptedModel

TEXT = 'Tragödie für 👋🏽\r\n{"text": "Größe"}\n\n'


@pytest.fixture(autouse=True)
def no_pause(monkeypatch):
    monkeypatch.setattr(bad_network, "sleep", lambda seconds: None)


class Body:
    """A WSGI app and its body: pieces, or errors to raise, and what was done to it."""

    def __init__(self, *script):
        self.script, self.made, self.closed = script, 0, False

    def __call__(self, environ, start_response):
        start_response("200 OK", [("X-Kept", "yes")])
        return self

    def __iter__(self):
        for item in self.script:
            if isinstance(item, Exception):
                raise item
            self.made += 1
            yield item

    def close(self):
        self.closed = True


def answer(body):
    return BadNetwork(body)({}, lambda status, headers: None)


@pytest.mark.parametrize("length", [0, 1, 4, 5, 6, 40, 41, 5000])
def test_the_bytes_are_the_same(length):
    piece = (TEXT * 200).encode()[:length]
    assert b"".join(cut(piece)) == piece
    assert all(cut(piece)) or piece == b""  # an empty part would be none
    assert b"".join(answer(Body(piece, b"", piece))) == piece * 2


def test_an_empty_piece_passes_and_with_it_the_headers():
    assert list(answer(Body(b"", b"one"))) == [b"", b"one"]
    assert list(answer(Body())) == []


def test_every_letter_of_several_bytes_is_cut():
    parts, letters = cut(TEXT.encode()), re.findall("[^\x00-\x7f]", TEXT)
    begun = [part[-1:] for part in parts if part[-1] >= 0xC0]
    assert begun == [letter.encode()[:1] for letter in letters]
    decoder = codecs.getincrementaldecoder("utf-8")()
    assert "".join(map(decoder.decode, parts)) == TEXT


def test_a_line_is_cut_inside():
    line = b'{"text": "Hello"}\n'
    assert cut(line) == [b'{"tex', b't": "', b"Hello", b'"}\n']


def test_a_long_piece_comes_in_few_parts():
    assert len(cut(b"x" * 8192)) <= 9


def test_the_parts_are_20_ms_apart(monkeypatch):
    pauses = []
    monkeypatch.setattr(bad_network, "sleep", pauses.append)
    parts = list(answer(Body(b"0123456789", b"abc")))
    assert (len(parts), pauses) == (3, [0.02] * 3)


def test_a_piece_is_asked_for_when_the_one_before_has_been_sent():
    body = Body(b"0123456789", b"next")
    parts = answer(body)
    assert (next(parts), body.made) == (b"01234", 1)
    assert (next(parts), body.made) == (b"56789", 1)
    assert (next(parts), body.made) == (b"next", 2)


def test_a_break_stays_a_break():
    parts = answer(Body(b"half", ConnectionError("it broke")))
    assert next(parts) == b"half"
    with pytest.raises(ConnectionError, match="it broke"):
        next(parts)


@pytest.mark.parametrize("read", [0, 1, 2])
def test_the_body_is_closed_however_much_was_read(read):
    body = Body(b"0123456789", b"next")
    parts = answer(body)
    for _ in range(read):
        next(parts)
    parts.close()
    assert body.closed


def test_a_body_without_close_is_a_body_too():
    parts = BadNetwork(lambda environ, start_response: [b"0123456789"])({}, None)
    assert list(parts) == [b"01234", b"56789"]
    parts.close()


def test_status_and_headers_are_the_same():
    seen = []
    BadNetwork(Body())({}, lambda *words: seen.append(words))
    assert seen == [("200 OK", [("X-Kept", "yes")])]


@pytest.fixture
def lesson():
    """Return the module of lesson 03's program while a bad network is around it."""
    app = around("lessons/03-a-page-that-reads-it")
    yield importlib.import_module(app.import_name)
    app.wsgi_app = app.wsgi_app.wsgi_app


def test_a_head_request_and_a_page_pass(lesson, serve):
    url = serve(lesson.app)
    whole = requests.get(url, timeout=LIMIT)
    assert whole.text.endswith("</html>")
    assert int(whole.headers["Content-Length"]) == len(whole.content)
    head = requests.head(url, timeout=LIMIT)
    assert (head.status_code, head.content) == (200, b"")


def test_an_answer_crosses_it_while_the_model_waits(lesson, serve, monkeypatch):
    gate = threading.Event()
    model = ScriptedModel("Tragödie", gate, " 👋")
    monkeypatch.setattr(lesson, "model", model)
    url = serve(lesson.app) + "/ask"
    with requests.post(url, json={"prompt": "Hi"}, stream=True, timeout=LIMIT) as reply:
        came = b""
        pieces = reply.iter_content(None)
        while len(came) < len("Tragödie".encode()):
            came += next(pieces)
        assert (came.decode(), model.made) == ("Tragödie", 1)
        gate.set()
        assert b"".join(pieces).decode() == " 👋"


def test_a_folder_without_a_program_gets_one_sentence():
    with pytest.raises(SystemExit, match=r"There is no mien/app\.py: name a folder"):
        around("mien")

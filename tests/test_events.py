"""events.py: what a stream says, however it is cut, and how much of it is taken in."""

import json
import tracemalloc
from random import Random

import pytest
from openai._streaming import SSEDecoder
from support.raw_server import cut

from failures import Unfinished
from fast import bounds
from fast.events import parse, read_events, read_lines, text_alone


def events_of(packets):
    """Return what the events say that fast/ finds."""
    return list(read_events(read_lines(packets)))


def librarys_events(packets):
    """Return what the events say that OpenAI's library finds."""
    return [event.data.encode() for event in SSEDecoder().iter_bytes(iter(packets))]


# Lines and events

STREAMS = {
    "lines that end in LF": b"data: one\n\ndata: two\n\n",
    "lines that end in CRLF": b"data: one\r\n\r\ndata: two\r\n\r\n",
    "lines that end in CR": b"data: one\r\rdata: two\r\r",
    "all three": b"data: one\r\n\rdata: two\n\r\ndata: three\r\r\n",
    "an event of two lines": b"data: one\ndata: two\n\n",
    "an event of two lines, CR": b"data: one\rdata: two\r\r",
    "no end of the last line": b"data: one\n\ndata: two",
    "no blank line at the end": b"data: one\n\ndata: two\n",
    "comments": b": hello\n\n: hello\ndata: one\n: hello\n\n",
    "blank lines": b"\n\n\r\n\rdata: one\n\n\n\n",
    "no space, two spaces": b"data:one\n\ndata:  two\n\n",
    "an empty line of data": b"data: one\ndata:\ndata: two\n\n",
    "other fields": b"event: x\nid: 1\nretry: 5\nnews: 7\ndata: one\n\n",
    "a colon in the text": b"data: one: two\n\n",
    "letters": "data: 日本 👩‍🚀 \u2028 \x85 é\n\n".encode(),
    "a form feed and a tab": b"data: one\x0c\x0b\x1c\ttwo\n\n",
}


@pytest.mark.parametrize("stream", STREAMS)
@pytest.mark.parametrize("size", [1, 2, 3, 1000])
def test_events_are_those_of_the_library(stream, size):
    text = STREAMS[stream]
    packets = [text[at : at + size] for at in range(0, len(text), size)]
    assert events_of(packets) == librarys_events(packets)
    assert events_of(packets)


PARTS = [b"data:", b"data: ", b"data: {}", b"data", b"\n", b"\r", b"\r\n", b"\n\n"]
PARTS += [b": hello", b"x", b" ", b"\xc3\xa9", b"one two", b"[DONE]", b"event: x"]


@pytest.mark.parametrize("seed", range(40))
def test_random_streams_have_the_librarys_events(seed):
    """A hundred for each seed; only those in which each event has data."""
    random = Random(seed)
    for _ in range(100):
        text = b"".join(random.choices(PARTS, k=random.randrange(40)))
        packets = cut(text, random)
        expected = librarys_events(packets)
        found = events_of(packets)
        assert [each for each in found if each] == [each for each in expected if each]


@pytest.mark.parametrize("name", [b"d\xe1ta", b"\xffdata", b"dat\xc3"])
def test_an_event_whose_name_is_damaged_is_not_passed_over(name):
    packets = [b"data: one\n\n", name + b": two\n\n", b"data: three\n\n"]
    for read in librarys_events, events_of:
        with pytest.raises(UnicodeDecodeError):
            read(packets)


def test_a_damaged_comment_loses_nothing():
    assert events_of([b": M\xfcller\n\ndata: one\n\n"]) == [b"one"]


# How much is taken in


def test_a_line_of_64_mb_is_taken_in():
    text = b"x" * 64 * 2**20
    packets = [b"data: ", *[text[:65536]] * 1024, b"\n\n"]
    assert events_of(packets) == [text]


def endless(piece):
    """Yield a piece for ever; but a test that takes too many has failed."""
    for _ in range(2 * bounds.EVENT // len(piece) + 9):
        yield piece
    pytest.fail("There was no bound.")


@pytest.mark.parametrize(
    "piece",
    [b"x" * 65536, b"data: " + b"x" * 65536 + b"\n"],
    ids=["a line without an end", "lines of data without an end"],
)
def test_more_than_that_is_a_failure_with_a_sentence_of_its_own(piece):
    with pytest.raises(Unfinished) as raised:
        events_of(endless(piece))
    assert raised.value.failure is bounds.TOO_MUCH


@pytest.mark.parametrize("piece", [b": hello\n", b"x" * 65535 + b"\n", b"data: x\n\n"])
def test_comments_and_events_without_an_end_are_not_kept(piece):
    packets = (piece for _ in range(2 * bounds.EVENT // len(piece) // 100))
    tracemalloc.start()
    try:
        for _ in read_events(read_lines(packets)):
            pass
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 1_000_000


def test_a_long_line_is_put_together_once():
    """Were each packet added to what is there, all before it would be copied again."""
    added = []

    class Packet(bytes):
        def __radd__(self, other):
            added.append(other)
            return bytes(other) + bytes(self)

    events = events_of([b"data: ", *[Packet(b"x" * 9)] * 999, b"\n\n"])
    assert events == [b"x" * 9 * 999]
    assert not added


# What a chunk brings

TEXT = {"choices": [{"index": 0, "delta": {"content": "one"}}]}


def with_fields(choice=(), delta=(), **fields):
    """Return a chunk of text with more fields, in the chunk and in two parts of it."""
    made = {"index": 0, "delta": {"content": "one"} | dict(delta)} | dict(choice)
    return {"choices": [made]} | fields


ALONE = {
    "as little as can be": TEXT,
    "as OpenAI sends it": with_fields(
        {"logprobs": None, "finish_reason": None},
        {"role": "assistant", "refusal": None},
        id="1",
        object="chat.completion.chunk",
        created=1,
        model="gpt",
        service_tier="default",
        system_fingerprint="fp",
        obfuscation="x7",
        usage=None,
    ),
    "empty lists and texts": with_fields(
        {"finish_reason": ""}, {"tool_calls": [], "reasoning": ""}, more={}
    ),
    "no text yet": with_fields(delta={"content": ""}),
}
WITH_MORE = {
    "a field of the chunk": with_fields(news=1),
    "a field of the choice": with_fields({"news": 1}),
    "a field of the delta": with_fields(delta={"news": 1}),
    "zero": with_fields(news=0),
    "false": with_fields(news=False),
    "usage": with_fields(usage={"total_tokens": 1}),
    "a reason": with_fields({"finish_reason": "stop"}),
    "logprobs": with_fields({"logprobs": {"content": []}}),
    "a tool": with_fields(delta={"tool_calls": [{"index": 0}]}),
    "a refusal": with_fields(delta={"refusal": "no"}),
    "reasoning": with_fields(delta={"reasoning_content": "hm"}),
    "an id": with_fields(delta={"id": "1"}),
    "a person": with_fields(delta={"role": "user"}),
    "a role that is none": with_fields(delta={"role": 1}),
    "no text": with_fields(delta={"content": None}),
    "text in parts": with_fields(delta={"content": ["one"]}),
    "two choices": {"choices": TEXT["choices"] * 2},
    "no choice": {"choices": []},
    "no choices": {"id": "1"},
    "null": None,
    "a number": 5,
    "a text": "one",
    "a list": [TEXT],
    "a choice that is none": {"choices": [None]},
    "choices that are none": {"choices": 5},
    "a delta that is none": {"choices": [{"delta": None}]},
}


@pytest.mark.parametrize("chunk", ALONE.values(), ids=ALONE)
def test_a_text_alone(chunk):
    assert text_alone(chunk) == chunk["choices"][0]["delta"]["content"]


@pytest.mark.parametrize("chunk", WITH_MORE.values(), ids=WITH_MORE)
def test_a_chunk_that_has_more(chunk):
    assert text_alone(chunk) is None


# JSON


@pytest.mark.parametrize("seed", range(10))
def test_random_json_is_read_as_the_library_reads_it(seed):
    random = Random(seed)
    parts = [b"{", b"}", b"[", b"]", b'"a"', b":", b",", b"1", b"-0", b"1e5", b"null"]
    parts += [b"NaN", b"Infinity", b"true", b'"\\ud834"', b'"\xc3\xa9"', b'"\xff"']
    parts += [b" ", b'"\\u00e9"', b"12345678901234567890", b"1.5", b'"\x01"', b'"\\x"']
    for _ in range(300):
        event = b"".join(random.choices(parts, k=random.randrange(1, 6)))
        assert read_by(parse, event) == read_by(librarys_parse, event), event


def librarys_parse(event):
    return json.loads(event.decode())


def read_by(parser, event):
    """Return what it reads, NaN spelled out, or the class of its error."""
    try:
        return repr(parser(event))
    except ValueError as error:
        return type(error)

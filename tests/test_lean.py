"""fast/ beside the library's own client: the same messages, the same errors.

Each script of a provider is played twice, once for either. What the one client yields
or raises, the other has to: down to the ids, the metadata and the headers.
"""

import gc
import json
import threading
import weakref
import zlib
from io import BytesIO
from itertools import repeat
from threading import Barrier, Event

import httpx2
import openai
import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_openai import ChatOpenAI
from support import LIMIT
from support.keeping_provider import (
    ENDING,
    KEY,
    RUN,
    KeepingProvider,
    KeptExchange,
    both,
    lean_model,
    outcome,
    stock_model,
)
from support.provider import (
    DONE,
    DROP,
    ERROR,
    LEAK,
    STALL,
    TOKENS,
    USAGE,
    Provider,
    chunk,
    event,
    finish,
    refuse,
)
from test_provider import AFTER_THE_FIRST_TEXT, BEFORE_THE_FIRST_TEXT, SOON, ask

import app as program
from failures import DECLINED
from fast.lean import LeanChatOpenAI
from models import choose_model


def text_of(messages):
    """Return the text of the messages of an outcome."""
    return "".join(fields["content"] for _, fields in messages)


# The same chunks


def whole(delta, reason=None, **fields):
    """Return a chunk with every field that OpenAI sends."""
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}
    about = {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1763700000,
        "model": "gpt-test-2026",
        "service_tier": "default",
        "system_fingerprint": "fp_1",
        "choices": [choice],
        "obfuscation": "k3Jx9",
    }
    return event(**(about | fields))


def choices(*deltas):
    """Return a chunk with several choices, as a client that sets n gets them."""
    many = [{"index": i, "delta": delta} for i, delta in enumerate(deltas)]
    return event(id="1", choices=many)


def call(index, **function):
    """Return a chunk that brings a part of a tool call."""
    name = {"id": f"call_{index}", "type": "function"} if "name" in function else {}
    return whole({"tool_calls": [{"index": index, **name, "function": function}]})


def cut(packet, size):
    return [packet[i : i + size] for i in range(0, len(packet), size)]


def gzipped(*packets):
    """Return the packets as a gzip stream that is flushed after each of them."""
    squeeze = zlib.compressobj(wbits=31)
    flushed = [
        squeeze.compress(packet) + squeeze.flush(zlib.Z_SYNC_FLUSH)
        for packet in packets
    ]
    return [*flushed, squeeze.flush()]


HELLO = chunk({"content": "Hello"})
LETTERS = chunk({"content": "𝄞 naïve 日本 👩‍🚀\u2028\x85 "})
DETAILED = {
    **TOKENS,
    "prompt_tokens_details": {"cached_tokens": 2, "audio_tokens": 0},
    "completion_tokens_details": {"reasoning_tokens": 4, "audio_tokens": 0},
}
SURE = {"token": "one", "bytes": [111], "logprob": -0.1, "top_logprobs": []}

STREAMS = {
    "as OpenAI sends it": [
        whole({"role": "assistant", "content": "", "refusal": None}),
        whole({"content": "one"}),
        whole({"content": " two"}),
        whole({}, "stop"),
        whole({}, choices=[], usage=DETAILED),
        DONE,
    ],
    "as little as can be": ["one", " two", *ENDING],
    "no [DONE]": ["one", finish("stop")],
    "nothing after the text": ["one"],
    "cut at a limit": ["one", finish("length"), DONE],
    "usage": ["one", finish("stop"), USAGE, DONE],
    "usage of a flex tier": [
        whole({}, "stop", usage=DETAILED, service_tier="flex"),
        DONE,
    ],
    "usage beside the end": [whole({"content": "one"}, "stop", usage=TOKENS), DONE],
    "a reason beside the text": [whole({"content": "one"}, "stop"), DONE],
    "usage beside the text": [whole({"content": "one"}, usage=TOKENS), *ENDING],
    "usage with nulls": [event(choices=[], usage={"prompt_tokens": None}), DONE],
    "a tool": [
        call(0, name="look", arguments=""),
        call(0, arguments='{"at":'),
        call(0, arguments=' "me"}'),
        whole({}, "tool_calls"),
        DONE,
    ],
    "two tools and a text": [
        whole({"content": "Let me look."}),
        call(0, name="look", arguments="{}"),
        call(1, name="see", arguments="{}"),
        whole({}, "tool_calls"),
        DONE,
    ],
    "tools without numbers or names": [
        chunk({"tool_calls": [{"function": {"name": "look"}, "id": "1"}]}),
        chunk({"content": "one", "tool_calls": [{"function": {"arguments": "{}"}}]}),
        *ENDING,
    ],
    "a function, as of old": [
        chunk({"function_call": {"name": "look"}}),
        chunk({"content": "", "function_call": {"arguments": "{}"}}),
        *ENDING,
    ],
    "a refusal that is none": [
        whole({"role": "assistant", "content": "one", "refusal": ""}),
        whole({}, "stop"),
        DONE,
    ],
    "reasoning": [
        whole({"role": "assistant", "content": None, "reasoning_content": "Hm"}),
        whole({"reasoning": "Hm", "reasoning_details": [{"text": "Hm"}]}),
        "one",
        *ENDING,
    ],
    "a developer speaks": [chunk({"role": "developer", "content": "one"}), *ENDING],
    "a person speaks": [chunk({"role": "user", "content": "one"}), "two", *ENDING],
    "an id in the delta": [chunk({"id": "7", "content": "one"}), *ENDING],
    "a role nobody knows": [chunk({"role": "poet", "content": "one"}), *ENDING],
    "content in parts": [chunk({"content": ["o", "ne"]}), *ENDING],
    "several choices": [choices({"content": "a"}, {"content": "b"}), *ENDING],
    "no choices": [event(id="1", choices=[]), "one", *ENDING],
    "null for choices": [event(id="1", choices=None), "one", *ENDING],
    "a filter's chunk": [event(choices=[], prompt_filter_results=[]), "one", *ENDING],
    "null for a delta": [chunk(None), "one", *ENDING],
    "no delta": [event(choices=[{"index": 0, "offset": 9}]), "one", *ENDING],
    "null for an error": [event(choices=[], error=None), "one", *ENDING],
    "sure of itself": [
        event(
            choices=[
                {
                    "index": 0,
                    "delta": {"content": "one"},
                    "logprobs": {"content": [SURE], "refusal": None},
                }
            ]
        ),
        *ENDING,
    ],
    "a little sure": [
        event(choices=[{"delta": {"content": "one"}, "logprobs": {"content": [{}]}}]),
        *ENDING,
    ],
    "fields nobody knows": [event(choices=[], new={"field": [1, 2.5, True]}), "one"],
    "comments": [b": hello\n\n", "one", b": still here\n\n", *ENDING],
    "names, ids and waits": [b"event: chunk\nid: 7\nretry: 9\n" + HELLO, *ENDING],
    "no space after data:": [HELLO.replace(b"data: ", b"data:"), *ENDING],
    "two spaces after data:": [HELLO.replace(b"data: ", b"data:  "), *ENDING],
    "lines that end in CRLF": [HELLO.replace(b"\n", b"\r\n"), *ENDING],
    "CRLF cut in two": [*cut(HELLO.replace(b"\n", b"\r\n"), 1), *ENDING],
    "a byte order mark": ["\ufeff".encode() + HELLO, "one", *ENDING],
    "JSON on several lines": [HELLO.replace(b", ", b",\ndata: "), *ENDING],
    "blank lines": [b"\n\n\n", HELLO, b"\n\n", *ENDING],
    "letters": [LETTERS, *ENDING],
    "letters, a byte in a packet": [*cut(LETTERS, 1), *ENDING],
    "packets of seven bytes": [*cut(LETTERS + HELLO + finish("stop"), 7), DONE],
    "all in one packet": [LETTERS + HELLO + finish("stop") + DONE, DONE],
    "half a letter, escaped": [HELLO.replace(b"Hello", rb"\ud834 and"), *ENDING],
    "numbers without bounds": [
        HELLO.replace(b'"1"', b'"1", "a": NaN, "b": 1e999, "c": 9e1'),
        *ENDING,
    ],
    "a line of a megabyte": [chunk({"content": "x" * 2**20}), *ENDING],
    "deeply nested": [event(choices=[], deep=eval("[" * 90 + "]" * 90)), *ENDING],
    "text after [DONE]": ["one", finish("stop") + DONE + HELLO, DONE],
    "more than [DONE]": ["one", b"data: [DONE] and more\n\n", "two", DONE],
    "an event without its blank line": ["one", HELLO[:-1]],
    "half an event": ["one", HELLO[:-9]],
}


@pytest.mark.filterwarnings("ignore:Pydantic serializer warnings")
@pytest.mark.parametrize("stream", STREAMS)
def test_the_chunks_are_those_of_the_library(stream):
    library, lean = both(*STREAMS[stream])
    assert lean == library
    chunks, error, _ = lean
    assert chunks and not error


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_compressed_chunks_are_those_of_the_library(encoding):
    packets = [HELLO, LETTERS, finish("stop"), DONE]
    if encoding == "gzip":
        packets = gzipped(*packets)
    else:
        packets = [zlib.compress(b"".join(packets))]
    library, lean = both(*packets, headers={"Content-Encoding": encoding})
    assert lean == library
    assert text_of(lean[0]).startswith("Hello𝄞 naïve")


OPTIONS = {
    "n": {"n": 2},
    "a limit and a seed": {"max_tokens": 5, "seed": 7, "stop": ["END"]},
    "usage asked for": {"stream_usage": True},
    "fields of ones own": {"extra_body": {"top_k": 3}},
    "headers of ones own": {"extra_headers": {"X-Class": "7b"}},
    "a query of ones own": {"extra_query": {"class": "7b"}},
    "nothing of ones own": {"extra_headers": None, "extra_query": None},
    "no time limit": {"timeout": None},
    "a time limit": {"timeout": 7},
    "tools": {"tools": [{"type": "function", "function": {"name": "look"}}]},
    "a schema": {"response_format": {"type": "json_object"}},
}


@pytest.mark.parametrize("name", OPTIONS)
def test_what_is_asked_for_is_what_the_library_asks_for(name):
    library, lean = both(*STREAMS["as OpenAI sends it"], **OPTIONS[name])
    assert lean == library
    assert lean[0] and not lean[1]


SETTINGS = {
    "headers are part of the answer": {"include_response_headers": True},
    "blocks": {"output_version": "v1"},
    "a key and a name": {"default_headers": {"X-Class": "7b"}, "organization": "us"},
}


@pytest.mark.parametrize("name", SETTINGS)
def test_settings_of_the_model_hold(name):
    script = STREAMS["as OpenAI sends it"]
    library, lean = both(*script, settings=SETTINGS[name])
    for chunks, _, _ in (library, lean):
        for _, fields in chunks:
            fields["response_metadata"].get("headers", {}).pop("date", None)
    assert lean == library
    assert lean[0] and not lean[1]


REFUSED = [
    whole({"role": "assistant", "content": None, "refusal": ""}),
    whole({"refusal": "I cannot."}),
    whole({}, "stop"),
    whole({}, choices=[], usage=DETAILED),
    DONE,
]


def test_a_refusal_differs_from_the_librarys_in_its_finish_reason_only():
    library, lean = both(*REFUSED)
    assert lean != library
    for messages, _, _ in (library, lean):
        for _, fields in messages:
            if "finish_reason" in fields["response_metadata"]:
                assert fields["response_metadata"].pop("finish_reason")
    assert lean == library


def test_a_model_that_refuses_has_declined(connect, server):
    with Provider(*REFUSED) as provider:
        connect(provider.url)
        answer = ask(server)
    assert (answer.status_code, answer.json()) == (502, {"error": DECLINED.sentence})


# What LangChain makes of its settings


OF_A_CLIENT = ["base_url", "api_key", "organization", "project"]
OF_A_CLIENT += ["timeout", "max_retries", "default_query"]


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"OPENAI_BASE_URL": "http://localhost:11434/v1"},
        {"OPENAI_ORG_ID": "us", "OPENAI_PROJECT_ID": "class"},
        {"LANGCHAIN_OPENAI_TCP_KEEPALIVE": "0"},
        {"HTTPS_PROXY": "http://127.0.0.1:3128"},
    ],
    ids=["nothing", "an address", "an organization", "no keepalive", "a proxy"],
)
@pytest.mark.parametrize("name", ["gpt-4.1-mini", "gpt-5.1-codex", "o3"])
@pytest.mark.parametrize("settings", [{}, {"temperature": 0.5, "max_tokens": 7}])
def test_all_that_langchain_derives_is_as_in_its_own(
    monkeypatch, environment, name, settings
):
    for setting, value in environment.items():
        monkeypatch.setenv(setting, value)
    derived = []
    for kind in ChatOpenAI, LeanChatOpenAI:
        model = kind(model=name, api_key=KEY, timeout=30, max_retries=0, **settings)
        fields = {each: getattr(model, each) for each in type(model).model_fields}
        for each in "client", "async_client", "root_client", "root_async_client":
            fields[each] = type(fields[each])
        client = {each: getattr(model.root_client, each) for each in OF_A_CLIENT}
        headers = model.root_client.default_headers.items()
        client["headers"] = {name: str(value)[:20] for name, value in headers}
        params = model._get_invocation_params(), model._get_ls_params()
        derived.append((fields, client, params, model._llm_type))
    stock, lean = derived
    assert lean == stock


@pytest.mark.parametrize("make", [stock_model, lean_model])
def test_openai_itself_is_asked_for_the_count_of_tokens(monkeypatch, make):
    """Without an address of one's own: then LangChain asks for it."""
    with KeepingProvider(*STREAMS["as OpenAI sends it"]) as provider:
        model = make(None)
        assert model.stream_usage is True
        monkeypatch.setattr(model.root_client, "base_url", provider.url)
        *_, usage, _ = model.stream("Hello?")
    [request] = provider.requests
    assert request.json["stream_options"] == {"include_usage": True}
    assert usage.usage_metadata["total_tokens"] == TOKENS["total_tokens"]


# The messages of a row of texts


def row(make, **settings):
    """Return the messages of an answer in which texts follow each other."""
    script = [whole({"role": "assistant", "content": ""}), "one", " two", " three"]
    with Provider(*script, *ENDING) as provider:
        model = make(provider.url, **settings)
        return list(model.stream("Hello?", config={"run_id": RUN}))


def test_messages_do_not_share_what_others_may_write_in():
    messages = row(lean_model)
    expected = [message.model_dump() for message in row(stock_model)]
    for number, message in enumerate(messages):
        assert message.model_dump() == expected[number]
        message.additional_kwargs["name"] = "7b"
        message.response_metadata["name"] = "7b"
        message.tool_calls.append("call")
        message.tool_call_chunks.append("call")
        message.invalid_tool_calls.append("call")
        message.id = message.content = "changed"


def test_what_a_reader_writes_in_a_message_does_not_come_again():
    """Each is changed before the next is made."""
    script = ["one", " two", " three", *ENDING]
    with Provider(*script) as provider:
        texts = []
        for message in lean_model(provider.url).stream("Hello?"):
            texts.append(message.text)
            assert "name" not in message.response_metadata
            message.response_metadata["name"] = message.content = "changed"
    assert texts == ["one", " two", " three", "", ""]


def test_of_a_row_of_texts_langchain_makes_the_first_message_only(monkeypatch):
    """So it holds few of them at the end, and takes little time for each."""
    made = []
    convert = ChatOpenAI._convert_chunk_to_generation_chunk

    def count(self, chunk, *more):
        made.append(chunk)
        return convert(self, chunk, *more)

    monkeypatch.setattr(ChatOpenAI, "_convert_chunk_to_generation_chunk", count)
    with Provider(*["word"] * 1000, USAGE, *["word"] * 1000, *ENDING) as provider:
        texts = [message.text for message in lean_model(provider.url).stream("Hello?")]
    assert texts.count("word") == 2000
    assert len(made) == 4  # the first of each row, the usage, the finish reason


def test_no_message_of_a_long_answer_is_kept():
    with Provider(*["word"] * 1000, *ENDING) as provider:
        kept = []
        for message in lean_model(provider.url).stream("Hello?"):
            kept.append(weakref.ref(message))
        alive = sum(1 for message in kept[:-4] if message() is not None)
    assert len(kept) > 1000
    assert alive < 10


UNKNOWN = [
    ("a chunk", lambda field: event(choices=[TEXT_CHOICE], new=field)),
    ("a choice", lambda field: event(choices=[TEXT_CHOICE | {"new": field}])),
    ("a delta", lambda field: chunk({"content": "two", "new": field})),
]
TEXT_CHOICE = {"index": 0, "delta": {"content": "two"}}


@pytest.mark.parametrize("field", ["news", 0, False, [0], {"a": None}, 0.0])
@pytest.mark.parametrize(
    "place", [make for _, make in UNKNOWN], ids=[name for name, _ in UNKNOWN]
)
def test_a_field_that_nobody_knows_goes_through_langchain(monkeypatch, place, field):
    """It may know the field tomorrow. Here it knows it today."""
    convert = ChatOpenAI._convert_chunk_to_generation_chunk

    def knows(self, chunk, *more):
        generation = convert(self, chunk, *more)
        [choice] = chunk["choices"]
        for fields in chunk, choice, choice["delta"]:
            if "new" in fields:
                generation.message.additional_kwargs["new"] = fields["new"]
        return generation

    monkeypatch.setattr(ChatOpenAI, "_convert_chunk_to_generation_chunk", knows)
    library, lean = both("one", place(field), "three", *ENDING)
    assert lean == library
    told = [fields["additional_kwargs"] for _, fields in lean[0]]
    assert told[:3] == [{}, {"new": field}, {}]


def test_the_headers_of_the_request_are_those_of_the_library():
    library, lean = both("one", *ENDING)
    assert lean == library
    [(_, _, sent)] = lean[2]
    assert sent["authorization"] == f"Bearer {KEY}"


def test_those_who_listen_to_langchain_hear_the_same():
    heard = []

    class Ear(BaseCallbackHandler):
        def on_llm_new_token(self, token, **_):
            heard.append(token)

        def on_llm_end(self, response, **_):
            heard.append(response.generations[0][0].message.model_dump())

    for make in (stock_model, lean_model):
        with Provider(*STREAMS["as OpenAI sends it"]) as provider:
            config = {"callbacks": [Ear()], "run_id": RUN}
            list(make(provider.url).stream("Hello?", config=config))
    half = len(heard) // 2
    assert heard[:half] == heard[half:]
    assert heard[half - 1]["content"] == "one two"


# The same errors

BODY = {"message": LEAK, "type": "server_error", "param": "n", "code": "overloaded"}
FAULTS = {
    "an error with all its fields": ["one", event(error=BODY)],
    "an error that is a sentence": ["one", event(error="It is late.")],
    "an error without a sentence": ["one", event(error={"message": "", "code": 7})],
    "an error of another kind": ["one", event(error=[1])],
    "an error with a name": [b"event: error\n" + ERROR],
    "an error in the prompt's length": [
        event(error={"message": "This exceeds the context window of the model"})
    ],
    "an empty event": ["one", b"data:\n\n"],
    "half of a JSON": ["one", HELLO[:20] + b"\n\n"],
    "two JSONs": ["one", b"data: {}{}\n\n"],
    "null": ["one", b"data: null\n\n"],
    "a number": ["one", b"data: 5\n\n"],
    "a choice that is none": [event(choices=[None]), "one", *ENDING],
    "choices that are none": [event(choices=5), "one", *ENDING],
    "a control character": ["one", b'data: {"a": "\x01"}\n\n'],
    "UTF-16": ["one", "data: {}\n\n".encode("utf-16")[2:] + b"\n\ndata: \x00{\n\n"],
    "half a surrogate, as bytes": ["one", b'data: "\xed\xa0\xb4"\n\n'],
    "a tool without a function": [
        chunk({"tool_calls": [{"index": 0, "function": None}]}),
        *ENDING,
    ],
    "chunks that are no hexadecimal": [DROP],
    "dropped in the middle of a chunk": ["one", HELLO[:20], DROP],
    "dropped in the middle of a letter": ["one", LETTERS[:70], DROP],
    "a rate limit that says when": [
        refuse(429, {"Retry-After": "7", "x-request-id": "r1"})
    ],
    "a conflict": [refuse(409)],
    "no sense in it": [refuse(422)],
    "a teapot": [refuse(418)],
}


@pytest.mark.filterwarnings("ignore:Pydantic serializer warnings")
@pytest.mark.parametrize("fault", FAULTS)
def test_the_errors_are_those_of_the_library(fault):
    library, lean = both(*FAULTS[fault], DONE)
    assert lean == library
    assert lean[1]


@pytest.mark.parametrize("fault", BEFORE_THE_FIRST_TEXT)
def test_faults_before_the_first_text_are_those_of_the_library(fault):
    _, *script = BEFORE_THE_FIRST_TEXT[fault]
    library, lean = both(*script, settings={"timeout": 1})
    assert lean == library


@pytest.mark.parametrize("fault", AFTER_THE_FIRST_TEXT)
def test_faults_after_the_first_text_are_those_of_the_library(fault):
    script = ["one", *AFTER_THE_FIRST_TEXT[fault]]
    library, lean = both(*script, settings={"timeout": 1})
    assert lean == library
    assert text_of(lean[0]) == "one"


def test_a_gzip_that_is_none_is_the_same_error():
    library, lean = both(HELLO, DONE, headers={"Content-Encoding": "gzip"})
    assert lean == library
    assert lean[1]


def test_nobody_listening_is_the_same_error():
    with KeepingProvider() as gone:
        url = gone.url
    library, lean = (outcome(make(url), gone) for make in (stock_model, lean_model))
    assert lean == library
    assert lean[1][-1][0] is openai.APIConnectionError


def test_a_comment_after_an_id_does_not_hurt():
    """The library takes the blank line after it for an event that is no JSON."""
    script = [b"id: 7\n" + HELLO, b": still here\n\n", *ENDING]
    (_, library, _), (chunks, lean, _) = both(*script)
    assert library and not lean
    assert text_of(chunks) == "Hello"


# One connection


class Whole(KeptExchange):
    """One POST, whose answer leaves in a single packet, end and all."""

    def send(self, step):
        if not hasattr(self, "packets"):
            self.packets, self.socket_file = [], self.wfile
        self.wfile = BytesIO()
        super().send(step)
        self.packets.append(self.wfile.getvalue())
        self.wfile = self.socket_file
        if not step:
            self.wfile.write(b"".join(self.packets))
            del self.packets


ANSWERS = {
    "as OpenAI sends it": (STREAMS["as OpenAI sends it"], {}, KeptExchange),
    "without [DONE]": (["one two", finish("stop"), USAGE], {}, KeptExchange),
    "gzip": (
        gzipped(chunk({"content": "one two"}), finish("stop"), DONE),
        {"Content-Encoding": "gzip"},
        KeptExchange,
    ),
    "in one packet": (["one two", *ENDING], {}, Whole),
}


@pytest.mark.parametrize("answer", ANSWERS)
def test_five_questions_need_one_connection(answer):
    script, headers, exchange = ANSWERS[answer]
    settings = {"headers": headers, "exchange": exchange}
    with KeepingProvider(**settings) as provider:
        model = lean_model(provider.url)
        for _ in range(5):
            provider.script = iter(script)
            chunks = list(model.stream("Hello?"))
            assert "".join(piece.text for piece in chunks) == "one two"
        assert len(provider.requests) == 5
        assert len(provider.connections) == 1


def test_an_answer_ends_with_done_however_long_the_stream_is_held_open():
    gate = Event()
    with KeepingProvider("one", finish("stop") + DONE, gate, "left") as provider:
        chunks = list(lean_model(provider.url).stream("Hello?"))
        assert "left" not in provider.sent
        assert "".join(piece.text for piece in chunks) == "one"
        assert provider.hung_up.wait(SOON)


def test_a_provider_that_goes_on_after_done_is_hung_up_on():
    too_much = repeat("more" * 9999, 9999)
    with KeepingProvider("one", finish("stop") + DONE, *too_much) as provider:
        chunks = list(lean_model(provider.url).stream("Hello?"))
        assert "".join(piece.text for piece in chunks) == "one"
        assert provider.hung_up.wait(SOON)


def test_a_reader_who_leaves_hangs_up_and_the_next_one_has_an_answer():
    with KeepingProvider("one", *["more"] * 99, STALL) as provider:
        model = lean_model(provider.url)
        stream = model.stream("Hello?")
        assert next(stream).text == "one"
        stream.close()
        assert provider.hung_up.wait(SOON)
        provider.script = iter(["two", *ENDING])
        assert "".join(piece.text for piece in model.stream("Hello?")) == "two"
        assert len(provider.connections) == 2


def test_an_answer_that_nobody_begins_to_read_is_hung_up_on():
    with KeepingProvider("one", *["more"] * 99, STALL) as provider:
        model = lean_model(provider.url)
        with model.client.create(model="gpt-test", messages=[], stream=True):
            assert len(provider.requests) == 1
        assert provider.hung_up.wait(SOON)


@pytest.fixture
def connect(monkeypatch):
    """Return a function that makes whoever answers at a URL the app's model."""

    def connect(url):
        monkeypatch.setattr(program, "model", lean_model(url))

    return connect


def test_a_connection_closed_between_two_answers_is_replaced(connect, server):
    script = ["one", *ENDING, "two", *ENDING]
    with KeepingProvider(*script) as provider:
        connect(provider.url)
        assert ask(server).text == "one"
        provider.close_connections()
        assert ask(server).text == "two"
        assert len(provider.connections) == 2


def test_a_connection_closed_while_the_question_is_sent_is_replaced(connect, server):
    script = ["one", *ENDING, DROP, "two", *ENDING]
    with KeepingProvider(*script) as provider:
        connect(provider.url)
        assert ask(server).text == "one"
        answer = ask(server)
        assert (answer.status_code, answer.text) == (200, "two")
        assert [len(provider.requests), len(provider.connections)] == [3, 2]


class Echo(KeptExchange):
    """One POST: says the prompt back, letter by letter, once all have asked."""

    def do_POST(self):
        self.json = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.everybody.wait(3 * LIMIT)
        self.begun = False
        for letter in self.json["messages"][0]["content"]:
            self.send(letter)
        self.send(finish("stop"))
        self.send(b"")


def test_300_answers_at_once_do_not_mix():
    answer_300_at_once(Echo)


def answer_300_at_once(exchange):
    """Ask 300 questions at once; assert that each has its own answer."""
    answers = {}
    with KeepingProvider(exchange=exchange) as provider:
        provider.everybody = Barrier(300)  # all are asked for before one is given
        model = lean_model(provider.url)

        def read(prompt):
            answers[prompt] = "".join(piece.text for piece in model.stream(prompt))

        prompts = [f"I am number {number}." for number in range(300)]
        threads = [threading.Thread(target=read, args=[prompt]) for prompt in prompts]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(6 * LIMIT)
        model.root_client.close()
    assert answers == {prompt: prompt for prompt in prompts}


def test_nothing_is_kept_after_the_answer():
    def kept():
        gc.collect()
        return sum(type(thing) is httpx2.Response for thing in gc.get_objects())

    before = kept()
    with KeepingProvider(*["one", *ENDING] * 9) as provider:
        model = lean_model(provider.url)
        for _ in range(9):
            list(model.stream("Hello?"))
        assert kept() == before


# What goes on through the library


def test_openai_answers_through_lean_and_others_through_their_own(monkeypatch):
    monkeypatch.setenv("MODEL", "openai:gpt-test")
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    assert isinstance(choose_model(), LeanChatOpenAI)
    monkeypatch.setenv("MODEL", "anthropic:claude-test")
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    assert type(choose_model()).__name__ == "ChatAnthropic"


def responses(**fields):
    return f"event: {fields['type']}\n".encode() + event(**fields)


def test_the_responses_wire_is_the_librarys():
    about = {"id": "r1", "object": "response", "created_at": 1, "model": "gpt-test"}
    about |= {"output": [], "tools": [], "parallel_tool_calls": True}
    about |= {"tool_choice": "auto", "status": "completed"}
    part = {"item_id": "m1", "output_index": 0, "content_index": 0}
    words = {"type": "response.output_text.delta", "logprobs": [], **part}
    script = [
        responses(type="response.created", sequence_number=0, response=about),
        responses(delta="one", sequence_number=1, **words),
        responses(delta=" two", sequence_number=2, **words),
        responses(type="response.completed", sequence_number=3, response=about),
        DONE,
    ]
    library, lean = both(*script, settings={"use_responses_api": True})
    assert lean == library
    _, error, [(path, _, _)] = lean
    assert (path, error) == ("/v1/responses", None)


def test_an_answer_in_one_piece_is_the_librarys():
    choice = {"index": 0, "finish_reason": "stop"}
    message = {"role": "assistant", "content": "one two"}
    whole = {"id": "1", "choices": [choice | {"message": message}], "usage": TOKENS}
    packet = json.dumps(whole).encode()
    answers = []
    for make in (stock_model, lean_model):
        with Provider(packet) as provider:
            config = {"run_id": RUN}
            answer = make(provider.url).invoke("Hello?", config=config)
            answers.append(answer.model_dump())
    library, lean = answers
    assert lean == library
    assert lean["content"] == "one two"

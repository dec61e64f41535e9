"""Server-sent events: the wire of lesson 12, and clients that nobody here wrote."""

import importlib
import json
import os
from threading import Event, Thread

import httpx
import pytest
import requests
from httpx_sse import SSEError, connect_sse
from langchain_core.exceptions import (
    ModelAPIError,
    ModelAuthenticationError,
    ModelRateLimitError,
    ModelTimeoutError,
)
from langchain_core.messages import AIMessageChunk
from support import LIMIT, ROOT
from support.browser import Page
from support.event_streams import (
    COUNT,
    MANY,
    SCRIPT,
    TEXT,
    USAGE,
    as_text,
    messages_in,
    one_newline,
    until,
)
from support.provider import Provider
from support.running_totals import RUNNING_TOTALS
from support.servers import changed, production, running

from lessons.course.for_checks.failing_model import SECRET
from lessons.course.for_checks.scripted_model import ScriptedModel
from models import choose_model
from practice import failure

NAME = "lessons.12-server-sent-events"
lesson = importlib.import_module(f"{NAME}.app")
answers = importlib.import_module(f"{NAME}.answers")
EventStream = importlib.import_module(f"{NAME}.events").EventStream
PARSER = ROOT / "lessons" / "12-server-sent-events" / "static" / "events.js"


@pytest.fixture
def answering():
    return lesson


@pytest.fixture
def streams(monkeypatch):
    """Return the streams that the lesson makes, as it makes them."""
    made = []

    def make(heartbeat):
        made.append(EventStream(heartbeat))
        return made[-1]

    monkeypatch.setattr(lesson, "EventStream", make)
    return made


# The wire


def test_the_bytes_of_a_few_events(client, answer_with):
    answer_with("é", "\n", COUNT)
    answer = client.post("/ask", json={"prompt": "Hello?"})
    assert answer.text == (
        "id: 1\nevent: start\ndata: {}\n\n"
        'id: 2\nevent: metadata\ndata: {"model": "scripted"}\n\n'
        'id: 3\nevent: token\ndata: {"token": "\\u00e9"}\n\n'
        'id: 4\nevent: token\ndata: {"token": "\\n"}\n\n'
        'id: 5\nevent: usage\ndata: {"promptTokens": 3, "completionTokens": 5,'
        ' "totalTokens": 8, "usage": {"promptTokens": 3, "completionTokens": 5,'
        ' "totalTokens": 8}}\n\n'
        'id: 6\nevent: done\ndata: {"finishReason": "stop"}\n\n'
    )
    headers = {
        "Content-Type": "text/event-stream",
        "Cache-Control": "no-store, no-transform",
        "X-Accel-Buffering": "no",
        "X-Content-Type-Options": "nosniff",
    }
    assert dict(answer.headers) == headers


def test_get_gives_the_same_as_post(client, answer_with):
    answer_with(*SCRIPT)
    posted = client.post("/ask", json={"prompt": "a&b é"})
    got = client.get("/ask", query_string={"prompt": "a&b é"})
    assert got.text == posted.text and got.headers == posted.headers
    assert lesson.model.prompts == ["a&b é"] * 2


@pytest.fixture
def ending_with(client, answer_with, monkeypatch):
    """Return a function that asks a model whose answer ends with these metadata.

    It returns what is said of the end: a list of messages.
    """

    def ask(metadata):
        chunks = [AIMessageChunk("one"), AIMessageChunk("", response_metadata=metadata)]
        model = answer_with()
        monkeypatch.setattr(model, "stream", lambda _: (chunk for chunk in chunks))
        return messages_in(client.post("/ask", json={"prompt": "Hello?"}))

    return ask


ENDS = {  # what the providers call it, and what the AI SDK calls it
    "stop": [
        {"finish_reason": "stop"},
        {"finish_reason": "eos"},
        {"finish_reason": "STOP"},
        {"finish_reason": "COMPLETE"},
        {"stop_reason": "end_turn", "finish_reason": None},
        {"stop_reason": "stop_sequence"},
        {"status": "completed"},
    ],
    "length": [
        {"finish_reason": "length"},
        {"stop_reason": "max_tokens"},
        {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}},
    ],
    "content-filter": [
        {"finish_reason": "content_filter"},
        {"stop_reason": "refusal"},
    ],
}


@pytest.mark.parametrize(
    ("metadata", "reason"),
    [(metadata, reason) for reason in ENDS for metadata in ENDS[reason]],
)
def test_the_end_has_its_reason(ending_with, metadata, reason):
    assert ending_with(metadata)[-1] == {"finishReason": reason}


NO_ENDS = {  # what is no end, and what the sentence says of it
    "nothing at all": ({}, "stopped before its answer was complete"),
    "a word that nobody knows": ({"finish_reason": "?"}, "stopped before its answer"),
    "a call": ({"finish_reason": "tool_calls"}, "tried to call a tool"),
}


@pytest.mark.parametrize(("metadata", "words"), NO_ENDS.values(), ids=NO_ENDS)
def test_an_end_without_a_good_reason_is_a_failure(ending_with, metadata, words):
    messages = ending_with(metadata)
    assert words in messages[-2]["error"]
    assert messages[-1] == {"finishReason": "error"}


@pytest.mark.parametrize(
    "asked",
    [
        [],
        "Hello?",
        {},
        {"prompt": " "},
        {"prompt": "\ud800"},
        {"prompt": [["system", "Obey."]]},
    ],
)
def test_what_is_no_question_is_refused_with_a_sentence(client, answer_with, asked):
    model = answer_with("one")
    answer = client.post("/ask", json=asked)
    assert (answer.status_code, model.prompts) == (400, [])
    assert answer.json["error"].startswith("There is no prompt ")


def test_a_deep_or_a_long_body_is_refused(client, answer_with):
    model = answer_with("one")
    kind = {"content_type": "application/json"}
    assert client.post("/ask", data="[" * 60_000, **kind).status_code == 400
    assert client.post("/ask", data=b" " * 65_537, **kind).status_code == 413
    assert client.post("/ask", data="prompt=Hello?").status_code == 415
    assert model.prompts == []


def test_an_address_without_a_prompt_is_refused(client, answer_with):
    model = answer_with("one")
    for query in "", "?prompt=", "?prompt=%20", "?messages=Hello":
        answer = client.get(f"/ask{query}")
        assert (answer.status_code, model.prompts) == (400, [])
        assert "?prompt=" in answer.json["error"]


def test_a_server_that_goes_by_another_name_is_not_this_one(client, answer_with):
    model = answer_with("one")
    foreign = {"Host": "evil.example"}
    answers = [
        client.get("/", headers=foreign),
        client.get("/ask?prompt=Hello?", headers=foreign),
        client.post("/ask", json={"prompt": "Hello?"}, headers=foreign),
    ]
    assert [answer.status_code for answer in answers] == [400] * 3
    assert "TRUSTED_HOSTS" in answers[0].json["error"] and model.prompts == []


def test_a_class_can_add_the_name_of_its_server():
    with running("--app", f"{NAME}.app", "run", TRUSTED_HOSTS="a.example") as url:
        named = requests.get(url, headers={"Host": "a.example"}, timeout=LIMIT)
        assert named.status_code == 200
        assert requests.get(url, timeout=LIMIT).status_code == 400


def test_a_page_of_somebody_else_cannot_make_you_pay(client, answer_with):
    model = answer_with("one")
    for site in "cross-site", "same-site":
        foreign = {"Sec-Fetch-Site": site}
        answer = client.get("/ask?prompt=Hello?", headers=foreign)
        assert answer.status_code == 403 and "error" in answer.json
    assert model.prompts == []
    own = {"Sec-Fetch-Site": "same-origin"}
    assert client.get("/ask?prompt=Hello?", headers=own).status_code == 200


# Failures


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (failure(ModelRateLimitError, 429, "7"), 429),
        (ModelTimeoutError(SECRET), 504),
        (ModelAPIError(SECRET), 502),
        (ValueError(SECRET), 502),
        (OSError(SECRET), 502),
    ],
)
def test_a_failure_is_a_status_first_and_an_event_later(
    client, answer_with, error, status
):
    question = {"prompt": "Hello?"}
    answer_with(error)
    refused = client.post("/ask", json=question)
    assert refused.status_code == status and refused.json.keys() == {"error"}
    assert refused.headers.get("Retry-After") == ("7" if status == 429 else None)
    model = answer_with("one", error, " two")
    broken = client.post("/ask", json=question)
    messages = messages_in(broken)
    assert broken.status_code == 200 and model.closed.is_set()
    assert messages[-2:] == [refused.json, {"finishReason": "error"}]
    assert SECRET not in refused.text + broken.text


def test_a_failure_after_a_heartbeat_is_an_event_too(client, answer_with, monkeypatch):
    monkeypatch.setattr(lesson, "HEARTBEAT", 0.01)
    gate = Event()
    answer_with(gate, ModelRateLimitError(SECRET))
    answer = client.post("/ask", json={"prompt": "Hello?"})
    pieces = answer.iter_encoded()
    assert next(pieces) == b": heartbeat\n"
    gate.set()
    lines = b"".join(pieces).decode().splitlines()
    events = [line for line in lines if line.startswith("event")]
    assert answer.status_code == 200 and events == ["event: error", "event: done"]


def test_a_failure_has_the_sentence_that_it_has_everywhere(client, answer_with):
    answer_with(ModelAuthenticationError(SECRET))
    answer = client.post("/ask", json={"prompt": "Hello?"})
    assert "did not accept the key: check the key in .env" in answer.json["error"]


def our_mistake():
    return {}[SECRET]


MISTAKE_LINE = our_mistake.__code__.co_firstlineno + 1


@pytest.mark.parametrize("script", [[our_mistake], ["one", our_mistake]])
def test_the_log_says_where_a_mistake_of_ours_is(client, answer_with, caplog, script):
    answer_with(*script)
    assert client.post("/ask", json={"prompt": "Hello?"}).text  # read to its end
    place = f"KeyError in test_12_events.py, line {MISTAKE_LINE}"
    assert place in caplog.text and SECRET not in caplog.text


def test_a_model_without_any_text_is_a_failure(client, answer_with):
    answer_with("", COUNT)
    assert client.post("/ask", json={"prompt": "Hello?"}).status_code == 502


@pytest.mark.parametrize("name", RUNNING_TOTALS)
def test_a_provider_that_counts_as_it_goes_is_counted_once(client, monkeypatch, name):
    with Provider(*RUNNING_TOTALS[name]) as provider:
        monkeypatch.setenv("MODEL", f"{name}:any")
        monkeypatch.setenv(f"{name.upper()}_API_KEY", "sk-abcd")
        monkeypatch.setenv("OPENAI_BASE_URL", provider.url)
        monkeypatch.setenv("ANTHROPIC_BASE_URL", provider.url.removesuffix("/v1"))
        monkeypatch.setattr(lesson, "model", choose_model())
        answer = client.post("/ask", json={"prompt": "Hello?"})
        *_, usage, end = messages_in(answer)
    assert (usage, end) == (USAGE | {"usage": USAGE}, {"finishReason": "stop"})


# The stream object


def test_its_verbs_can_be_chained_and_are_counted():
    stream = EventStream(LIMIT)
    assert stream.is_active and stream.message_count == 0
    stream.start().send_metadata({"a": 1}).send_token("b").send_usage(USAGE).end()
    assert not stream.is_active and stream.message_count == 5
    stream.send_token("too late").end()
    stream.abort("too late")
    sent = b"".join(stream).decode()
    assert [line for line in sent.splitlines() if line.startswith("event")] == [
        f"event: {name}" for name in ("start", "metadata", "token", "usage", "done")
    ]
    assert stream.message_count == 5


def test_abort_tells_the_error_and_ends():
    stream = EventStream(LIMIT)
    stream.start().abort("Because.")
    assert not stream.is_active
    assert [piece.split(b"\n")[1] for piece in stream][1:] == [
        b"event: error",
        b"event: done",
    ]


def test_a_slow_reader_slows_the_model_down_and_a_reader_who_leaves_frees_it():
    stream, model = EventStream(LIMIT), ScriptedModel(*MANY)
    writer = Thread(target=answers.write, args=[model, "Hi", stream], daemon=True)
    writer.start()
    until(lambda: len(stream.pieces) == 8)
    assert model.made < 10
    for _ in range(5):
        next(iter(stream))
    until(lambda: len(stream.pieces) == 8)
    assert model.made < 15
    stream.close()
    writer.join(LIMIT)
    assert not writer.is_alive() and model.closed_early and model.made < 20


def test_what_comes_while_a_heartbeat_is_due_is_not_lost():
    stream = EventStream(0)
    reader = iter(stream)
    assert next(reader) == b": heartbeat\n"
    stream.send_token("late").end()
    assert b"late" in next(reader) and b"done" in next(reader)
    assert list(reader) == []


# The time


def test_the_first_token_crosses_a_port_before_the_second_is_made(answer_with, serve):
    gate = Event()
    model = answer_with("one", gate, " two")
    url, question = f"{serve(lesson.app)}/ask", {"prompt": "Hello?"}
    with requests.post(url, json=question, stream=True, timeout=LIMIT) as answer:
        came, pieces = b"", answer.iter_content(None)
        while b'"one"' not in came:
            came += next(pieces)
        assert model.made == 1
        gate.set()
        assert b'" two"' in b"".join(pieces)


def test_a_reader_who_leaves_in_a_silence_is_noticed_in_it(
    answer_with, serve, streams, monkeypatch
):
    monkeypatch.setattr(lesson, "HEARTBEAT", 0.01)
    gate = Event()
    model = answer_with("one", gate, *MANY)
    url, question = f"{serve(lesson.app)}/ask", {"prompt": "Hello?"}
    with requests.post(url, json=question, stream=True, timeout=LIMIT) as answer:
        came, pieces = b"", answer.iter_content(None)
        while b": heartbeat\n" not in came:
            came += next(pieces)
        assert streams[0].is_active
    until(lambda: not streams[0].is_active)
    assert model.made == 1 and not model.closed.is_set()  # it cannot be woken
    gate.set()
    assert model.closed.wait(LIMIT)
    assert model.made == 2 and model.closed_early


def test_a_reader_who_leaves_before_the_first_text_is_noticed(
    answer_with, serve, streams, monkeypatch
):
    monkeypatch.setattr(lesson, "HEARTBEAT", 0.01)
    gate = Event()
    model = answer_with(gate, *MANY)
    url, question = f"{serve(lesson.app)}/ask", {"prompt": "Hello?"}
    with requests.post(url, json=question, stream=True, timeout=LIMIT) as answer:
        assert next(answer.iter_content(None)).startswith(b": heartbeat\n")
    until(lambda: not streams[0].is_active)
    gate.set()
    assert model.closed.wait(LIMIT) and model.closed_early and model.made == 1


# Production servers


@pytest.fixture(params=["flask run", "gunicorn", "waitress"])
def anywhere(request):
    """Return a function that runs a module's app on each kind of server."""

    def run(module, **settings):
        if request.param == "flask run":
            return running("--app", module, "run", **settings)
        return production(request.param, module, **settings)

    return run


@pytest.mark.slow
def test_events_and_heartbeats_arrive_one_by_one(anywhere):
    with anywhere(f"{NAME}.app", MODEL="practice", HEARTBEAT="1") as address:
        question = {"prompt": "/wait 4 /silent 3 /echo a b c d"}
        url = f"{address}/ask"
        with requests.post(url, json=question, stream=True, timeout=LIMIT) as answer:
            assert answer.headers["Content-Type"] == "text/event-stream"
            came, pieces = b"", answer.iter_content(None)
            while b": heartbeat\n" not in came:
                came += next(pieces)
            assert b"event" not in came
            came = b""
            while b'" c"' not in came:
                came += next(pieces)
            while b": heartbeat\n" not in came:
                came += next(pieces)
            assert b'" d"' not in came
            assert b"".join(pieces).endswith(b'data: {"finishReason": "stop"}\n\n')


ENDLESS = """
import importlib, itertools, os, pathlib
from langchain_core.messages import AIMessageChunk
lesson = importlib.import_module("{name}.app")

class Endless:
    name = "endless"

    def stream(self, prompt):
        try:
            yield from itertools.repeat(AIMessageChunk("word " * 100))
        finally:
            pathlib.Path(os.environ["CLOSED"]).touch()

lesson.model = Endless()
app = lesson.app
"""


@pytest.mark.slow
def test_a_reader_who_leaves_is_noticed(anywhere, tmp_path):
    (tmp_path / "endless.py").write_text(ENDLESS.format(name=NAME), "utf-8")
    closed, path = tmp_path / "closed", f"{ROOT}{os.pathsep}{tmp_path}"
    with anywhere("endless", CLOSED=str(closed), PYTHONPATH=path) as address:
        url, question = f"{address}/ask", {"prompt": "Hello?"}
        with requests.post(url, json=question, stream=True, timeout=LIMIT) as answer:
            pieces = answer.iter_content(None)  # without a name it would hang up
            assert next(pieces)
            assert not closed.exists()
        until(closed.exists)


# The clients of others: each unchanged, and each would notice a mistake


def parser_gets_it_all(node, url):
    found = node("12-parser.mjs", f"{url}/ask")
    assert [number for number, *_ in found] == [str(n) for n in range(1, 8)]
    tokens = [json.loads(data)["token"] for _, name, data in found if name == "token"]
    assert "".join(tokens) == TEXT
    assert found[-1][1:] == ["done", '{"finishReason": "stop"}']


def test_eventsource_parser_gets_it_all(node, answer_with, serve):
    answer_with(*SCRIPT)
    parser_gets_it_all(node, serve(lesson.app))
    with pytest.raises(AssertionError):
        parser_gets_it_all(node, serve(changed(lesson.app, one_newline)))


def httpx_sse_gets_it_all(url):
    with (
        httpx.Client(timeout=LIMIT) as client,
        connect_sse(client, "POST", f"{url}/ask", json={"prompt": "Hello?"}) as source,
    ):
        found = [(each.event, each.json()) for each in source.iter_sse()]
    assert "".join(said["token"] for name, said in found if name == "token") == TEXT
    assert found[-1] == ("done", {"finishReason": "stop"})


def test_httpx_sse_gets_it_all(answer_with, serve, monkeypatch):
    beat, pause = Event(), Event()
    answer_with("Tragö", lambda: pause.wait(0.1), *SCRIPT[1:])
    monkeypatch.setattr(lesson, "HEARTBEAT", 0.01)

    def noting(piece):
        if piece.startswith(b":"):
            beat.set()
        return piece

    httpx_sse_gets_it_all(serve(changed(lesson.app, noting)))
    assert beat.is_set()
    with pytest.raises(SSEError):
        httpx_sse_gets_it_all(serve(changed(lesson.app, headers=as_text)))
    with pytest.raises((AssertionError, ValueError)):
        httpx_sse_gets_it_all(serve(changed(lesson.app, one_newline)))


def test_httpx_sse_takes_a_heartbeat_with_an_empty_line_for_an_event(
    answer_with, serve, monkeypatch
):
    pause = Event()
    answer_with("Tragö", lambda: pause.wait(0.1), *SCRIPT[1:])
    monkeypatch.setattr(lesson, "HEARTBEAT", 0.01)
    two = changed(lesson.app, lambda piece: piece.replace(b"beat\n", b"beat\n\n"))
    with pytest.raises(ValueError):
        httpx_sse_gets_it_all(serve(two))


# EventSource, in a browser


LISTEN = """
    window.heard = [];
    window.source = new EventSource("ask?prompt=Hello%3F");
    for (const type of ["start", "token", "usage", "done", "error"])
      source.addEventListener(type, ({ data }) =>
        heard.push([type, data && JSON.parse(data)]));
    source.addEventListener("done", () => arguments[0] && source.close());"""


def eventsource_gets_it_all(browser, url):
    page = Page(browser, url)
    page.run(LISTEN, True)
    heard = page.until_true("source.readyState !== 1 && heard.length && heard")
    tokens = [said["token"] for name, said in heard if name == "token"]
    assert "".join(tokens) == TEXT
    assert [name for name, _ in heard[-2:]] == ["usage", "done"]


def test_eventsource_gets_it_all(browser, answer_with, serve):
    model = answer_with(*SCRIPT)
    eventsource_gets_it_all(browser, serve(lesson.app))
    assert len(model.prompts) == 1
    renamed = changed(lesson.app, lambda piece: piece.replace(b"data: ", b"text: "))
    plain = changed(lesson.app, headers=as_text)
    for mistake in changed(lesson.app, one_newline), renamed, plain:
        with pytest.raises(AssertionError):
            eventsource_gets_it_all(browser, serve(mistake))


def back_soon(piece):
    """Let an EventSource come back after 10 ms."""
    return piece.replace(b"event: start\n", b"event: start\nretry: 10\n")


def it_asks_once(browser, model, wsgi_app, serve):
    page = Page(browser, serve(changed(wsgi_app, back_soon)))
    page.run(LISTEN, False)  # never close()d
    page.until_true("source.readyState === 2 || heard.length > 20")
    assert len(model.prompts) == 1


def test_an_eventsource_that_nobody_closes_asks_the_model_once(
    browser, answer_with, serve
):
    def forgetful(environ, start_response):
        environ.pop("HTTP_LAST_EVENT_ID", None)
        return lesson.app(environ, start_response)

    it_asks_once(browser, answer_with(*SCRIPT), lesson.app, serve)
    with pytest.raises(AssertionError):
        it_asks_once(browser, answer_with(*SCRIPT), forgetful, serve)


def test_an_eventsource_tells_an_error_event_from_a_bad_network(
    browser, answer_with, serve
):
    answer_with("one", ModelAPIError(SECRET))
    page = Page(browser, serve(lesson.app))
    page.run(LISTEN, True)
    heard = page.until_true("source.readyState === 2 && heard")
    assert heard[-2] == ["error", {"error": "The model's server failed: ask again."}]
    assert heard[-1][0] == "done"


# The parser of the page

STREAMS = {  # stream: its events as (type, data, id), by the HTML standard
    "": [],
    "data: a": [],
    "data: a\n": [],
    "data: a\n\n": [("message", "a", "")],
    "data:a\n\n": [("message", "a", "")],
    "data:  a \n\n": [("message", " a ", "")],
    "data: a\r\n\r\n": [("message", "a", "")],
    "data: a\r\rdata: b\r\r": [("message", "a", ""), ("message", "b", "")],
    "data: a\rdata: b\ndata: c\r\n\r": [("message", "a\nb\nc", "")],
    "event: x\r\ndata: a\r\ndata: b\r\n\r\n": [("x", "a\nb", "")],
    "data: a\n\r\ndata: b\r\n\n": [("message", "a", ""), ("message", "b", "")],
    "data\n\ndata\ndata\n\ndata:\n": [("message", "", ""), ("message", "\n", "")],
    "event: x\ndata: a\n\ndata: b\n\n": [("x", "a", ""), ("message", "b", "")],
    "event: x\n\ndata: b\n\n": [("message", "b", "")],
    "event\ndata: b\n\n": [("message", "b", "")],
    ": c\n:\n\n: d: e\ndata: a: b\n\n": [("message", "a: b", "")],
    "id: 1\ndata: a\n\ndata: b\n\n": [("message", "a", "1"), ("message", "b", "1")],
    "id: 1\n\ndata: b\nid\n\n": [("message", "b", "")],
    "id: 1\nid: 2\0\ndata: b\n\n": [("message", "b", "1")],
    "\ufeffdata: a\n\n": [("message", "a", "")],
    "\ufeff\ufeffdata: a\n\ndata: b\n\n": [("message", "b", "")],
    "Data: a\n data: b\nretry: x\nfoo: c\n\n": [],
    "data: Tragödie 語 👋\u2028\x85\v\n\n": [
        ("message", "Tragödie 語 👋\u2028\x85\v", "")
    ],
}
READ_AT_EACH_CUT = """
    const [text, done] = arguments;
    const bytes = new TextEncoder().encode(text);
    const cuts = [...bytes.keys()].map((at) => [bytes.slice(0, at), bytes.slice(at)]);
    cuts.push([...bytes].map((byte) => new Uint8Array([byte])));
    const nothing = new Uint8Array();
    cuts.push([...bytes].flatMap((byte) => [new Uint8Array([byte]), nothing]));
    import(new URL("static/events.js", document.baseURI)).then(async ({ events }) => {
      const all = [];
      for (const pieces of cuts) {
        const start = (body) => {
          for (const piece of pieces) body.enqueue(piece);
          body.close();
        };
        const found = [];
        for await (const { type, data, id } of events(new ReadableStream({ start })))
          found.push([type, data, id]);
        all.push(found);
      }
      done(all);
    });"""


def test_its_parser_follows_the_rules_at_every_cut(browser, serve):
    page = Page(browser, serve(lesson.app))
    for text, expected in STREAMS.items():
        for cut, found in enumerate(page.run_async(READ_AT_EACH_CUT, text)):
            assert found == [list(event) for event in expected], (text, cut)


def test_its_parser_finds_what_eventsource_parser_finds(node):
    plain = [text for text in STREAMS if text[-2:] == "\n\n" and "\u2028" not in text]
    results = node("12-oracle.mjs", str(PARSER), json.dumps(plain))
    for text, result in zip(plain, results, strict=True):
        theirs = [event[:2] for event in result["theirs"]]
        for cut, ours in enumerate(result["ours"]):
            assert [event[:2] for event in ours] == theirs, (text, cut)


def test_its_parser_knows_how_long_to_wait_before_coming_back(browser, serve):
    page = Page(browser, serve(lesson.app))
    retry = page.run_async("""
        const done = arguments[0];
        const body = new Blob(["retry: 70\\nretry: 8x\\ndata: a\\n\\n"]).stream();
        const file = new URL("static/events.js", document.baseURI);
        import(file).then(async ({ events }) => {
          for await (const { retry } of events(body)) done(retry);
        });""")
    assert retry == 70


# The page


def test_the_page_shows_the_answer_while_it_is_written(browser, answer_with, serve):
    gate = Event()
    answer_with("one\n", gate, "  <b>two</b>", COUNT)
    page = Page(browser, serve(lesson.app))
    page.ask("Hello?")
    page.until_true("document.querySelector('#answer').textContent === 'one\\n'")
    assert page.find("#answer").get_attribute("aria-busy") == "true"
    gate.set()
    page.until_true("document.querySelector('#answer').ariaBusy === 'false'")
    assert page.find("#answer").text == "one\n  <b>two</b>"
    assert page.find("#usage").text == "8 tokens"
    assert page.find("#problem").text == ""
    assert browser.get_log("browser") == []


def test_the_page_asks_by_eventsource_once(browser, answer_with, serve):
    model = answer_with("one\n", "  <b>two</b>", COUNT)
    page = Page(browser, serve(lesson.app))
    page.find("[name=prompt]").send_keys("Hello?")
    page.find("#source").click()
    page.until_true("document.querySelector('#usage').textContent")
    page.until_true("document.querySelector('#answer').ariaBusy === 'false'")
    assert page.find("#answer").text == "one\n  <b>two</b>"
    assert page.find("#problem").text == "" and model.prompts == ["Hello?"]


def test_stop_hangs_up_on_the_model(browser, answer_with, serve, streams, monkeypatch):
    monkeypatch.setattr(lesson, "HEARTBEAT", 0.01)
    for button in "form button", "#source":
        gate = Event()
        model = answer_with("one", gate, *MANY)
        page = Page(browser, serve(lesson.app))
        page.find("[name=prompt]").send_keys("Hello?")
        page.find(button).click()
        page.until_true("document.querySelector('#answer').textContent")
        page.find("#stop").click()
        until(lambda: not streams[-1].is_active)
        gate.set()
        assert model.closed.wait(LIMIT) and model.closed_early
        assert page.find("#answer").text == "one" and page.find("#problem").text == ""

"""Lesson 24: OpenAI's Responses API, for clients that nobody here wrote."""

import importlib
import json
import os
import subprocess
import sys
import tracemalloc
from contextlib import ExitStack
from threading import BoundedSemaphore, Event

import openai
import pytest
from langchain_core import exceptions as failures
from langchain_core.messages import AIMessageChunk
from langchain_openai import ChatOpenAI
from openai.types.responses import ResponseStreamEvent
from pydantic import TypeAdapter
from support import LIMIT, ROOT
from support.broken_line import broken_line
from support.browser import Page
from support.event_streams import COUNT
from support.response_wire import ORDERS, one_two
from support.servers import changed
from werkzeug.test import Client

from lessons.course.for_checks.failing_model import SECRET
from lessons.course.for_checks.loading import load
from lessons.course.for_checks.scripted_model import End, ScriptedModel
from practice import PracticeModel

FOLDER = ROOT / "lessons" / "24-the-newer-wire"
NAME = f"lessons.{FOLDER.name}"
lesson = importlib.import_module(f"{NAME}.app")
in_memory = importlib.import_module(f"{NAME}.in_memory")
in_redis = importlib.import_module(f"{NAME}.in_redis")
readers = importlib.import_module(f"{NAME}.readers")
starting = importlib.import_module(f"{NAME}.starting")
PATH = "/v1/responses"
KEY = {"Authorization": "Bearer sk-practice"}
QUESTION = {"model": "practice", "input": "Hello?"}
NO_CONNECTION = "The connection to the model failed"
BUSY = "The model has too much to do: ask again in 5 s."


@pytest.fixture
def answering():
    return lesson


@pytest.fixture(autouse=True)
def an_empty_store(monkeypatch):
    """Let each test begin without answers, and with a place for each reader."""
    monkeypatch.setattr(lesson.store, "answers", {})
    places = BoundedSemaphore(240)  # which tests that close no answer use up
    monkeypatch.setattr(lesson.app.wsgi_app, "places", places)


@pytest.fixture
def post(client):
    """Return a function that asks for a response."""

    def ask(**fields):
        return client.post(PATH, json=QUESTION | fields, headers=KEY)

    return ask


def events_in(answer):
    """Return the events of an answer; each has its type in two places."""
    events = []
    for block in answer.text.split("\n\n"):
        if not block or block.startswith(":"):
            continue
        first, second = block.split("\n")
        event = json.loads(second.removeprefix("data: "))
        assert first == f"event: {event['type']}"
        events.append(event)
    return events


def text_in(events):
    kind = "response.output_text.delta"
    return "".join(event["delta"] for event in events if event["type"] == kind)


def refusal(text):
    return AIMessageChunk([{"type": "refusal", "refusal": text}])


# What is sent


def test_a_short_response_is_these_events(post, answer_with):
    answer_with("one", " two", COUNT)
    answer = post(stream=True)
    events = events_in(answer)
    begun = events[0]["response"]
    assert events == one_two(begun["id"], begun["created_at"])
    assert answer.mimetype == "text/event-stream" and answer.data.isascii()
    assert "[DONE]" not in answer.text
    assert answer.headers["Cache-Control"] == "no-store, no-transform"
    assert answer.headers["X-Accel-Buffering"] == "no"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


SCRIPTS = {
    "completed": ["one", " two"],
    "incomplete": ["one", " two", End(finish_reason="length")],
    "failed": ["one", " two", failures.ModelConnectionError(SECRET)],
    "refusal": [refusal("I can't"), refusal(" help.")],
}


@pytest.mark.parametrize("background", [False, True])
@pytest.mark.parametrize("kind", ORDERS)
def test_the_events_are_of_openais_types(post, answer_with, kind, background):
    answer_with(*SCRIPTS[kind])
    events = events_in(post(stream=True, background=background))
    order = list(ORDERS[kind])
    if background:
        order.insert(1, "response.queued")
    assert [event["type"] for event in events] == order
    assert [event["sequence_number"] for event in events] == list(range(len(order)))
    for event in events:
        read = TypeAdapter(ResponseStreamEvent).validate_python(event)
        assert read.type == event["type"] and not read.model_extra
        if hasattr(read, "response"):
            assert not set(read.response.model_extra) - {"store"}
    assert SECRET not in str(events)


def test_the_whole_object_is_what_the_stream_has_made(post, answer_with):
    answer_with("one", " two", COUNT)
    whole = post().json
    name, created_at = whole["id"], whole["created_at"]
    assert whole == one_two(name, created_at)[-1]["response"]


def test_the_object_says_what_was_asked(post, answer_with):
    answer_with("one")
    asked = {"instructions": "Be brief.", "max_output_tokens": 9, "store": False}
    asked["metadata"] = {"from": "a test"}
    whole = post(**asked).json
    assert {name: whole[name] for name in asked} == asked


@pytest.mark.parametrize("fields", [{}, {"stream": True}])
def test_a_failure_before_the_first_text_is_a_status(post, answer_with, fields):
    answer_with(failures.ModelRateLimitError(SECRET))
    answer = post(**fields)
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "5")
    assert answer.json["error"]["message"] == BUSY
    assert answer.json["error"]["code"] == "rate_limit_exceeded"


def test_a_whole_answer_that_fails_is_a_status(post, answer_with):
    answer_with("one", failures.ModelConnectionError(SECRET))
    answer = post()
    assert answer.status_code == 502 and NO_CONNECTION in answer.text
    answer_with("", End(finish_reason="length"))
    assert post(stream=True).status_code == 502  # nothing is no answer


def test_in_the_background_a_failure_is_in_the_object(post, answer_with, client):
    answer_with(failures.ModelRateLimitError(SECRET))
    events = events_in(post(stream=True, background=True))
    last = events[-1]["response"]
    error = {"code": "rate_limit_exceeded", "message": BUSY}
    assert (last["status"], last["error"]) == ("failed", error)
    assert client.get(f"{PATH}/{last['id']}", headers=KEY).json == last


def test_a_mistake_of_ours_is_a_500(post, answer_with):
    def mistake():
        raise KeyError(SECRET)

    answer_with(mistake)
    assert post(stream=True).status_code in (500, 502)
    answer_with("one", mistake)
    assert SECRET not in post(stream=True).text


# What may be asked


def parts(*texts, kind="input_text"):
    return [{"type": kind, "text": text} for text in texts]


INPUTS = {
    "a text": ("Hello?", [("user", "Hello?")]),
    "messages": (
        [
            {"role": "system", "content": "Be brief."},
            {"role": "developer", "content": "Be kind."},
            {"role": "user", "content": "Hello?"},
        ],
        [("system", "Be brief."), ("system", "Be kind."), ("user", "Hello?")],
    ),
    "parts": (
        [{"type": "message", "role": "user", "content": parts("Hel", "lo?")}],
        [("user", "Hello?")],
    ),
    "what a client got before": (
        [
            {"role": "user", "content": "Hello?"},
            {
                "id": "msg_1",
                "type": "message",
                "role": "assistant",
                "status": "completed",
                "content": [
                    *parts("Hi.", kind="output_text"),
                    {"type": "refusal", "refusal": " No."},
                ],
            },
            {"role": "user", "content": parts("Why?")},
        ],
        [("user", "Hello?"), ("assistant", "Hi. No."), ("user", "Why?")],
    ),
}


@pytest.mark.parametrize(("given", "turns"), INPUTS.values(), ids=INPUTS)
def test_the_input_reaches_the_model(post, answer_with, given, turns):
    model = answer_with("one")
    assert post(input=given).status_code == 200
    assert model.prompts == [turns]


def test_instructions_come_first(post, answer_with):
    model = answer_with("one")
    post(instructions="Be brief.")
    assert model.prompts == [[("system", "Be brief."), ("user", "Hello?")]]


def test_what_clients_really_send_passes(post, answer_with):
    answer_with("one")
    answer = post(
        include=[],
        tools=[],
        tool_choice="auto",
        parallel_tool_calls=True,
        temperature=1,
        top_p=None,
        truncation="disabled",
        text={"format": {"type": "text"}, "verbosity": "low"},
        reasoning={"effort": None},
        previous_response_id=None,
        conversation=None,
        prompt=None,
        metadata=None,
        stream_options={"include_obfuscation": False},
        user="Ada",
        service_tier="auto",
    )
    assert answer.status_code == 200, answer.text


def test_the_most_tokens_are_chunks(post, answer_with):
    model = answer_with("one", " two", " three", " four")
    events = events_in(post(stream=True, max_output_tokens=2))
    last = events[-1]["response"]
    assert text_in(events) == "one two"
    assert last["incomplete_details"] == {"reason": "max_output_tokens"}
    assert model.closed.wait(LIMIT) and model.closed_early


NO_TOOLS = "this server calls no tools (lesson 23 does)."
NO_FILES = "this server reads no pictures and no files."
SEND_IT_ALL = "this server continues no conversation: send all messages as input."
CALL = {"type": "function_call", "call_id": "1", "name": "add", "arguments": "{}"}
FORMAT = {"format": {"type": "json_schema", "name": "card", "schema": {}}}


def content(**part):
    return [{"role": "user", "content": [part]}]


NOT_HERE = {
    "tools": (
        {"tools": [{"type": "web_search"}]},
        f"tools has to be left out: {NO_TOOLS}",
    ),
    "a call that has to be": (
        {"tool_choice": "required"},
        f"tool_choice has to be auto or none: {NO_TOOLS}",
    ),
    "a call of that name": (
        {"tool_choice": {"type": "function", "name": "add"}},
        f"tool_choice has to be auto or none: {NO_TOOLS}",
    ),
    "a call": (
        {"input": [CALL]},
        f"input.type has to be message or item_reference: {NO_TOOLS}",
    ),
    "a result": (
        {"input": [{"type": "function_call_output", "call_id": "1", "output": "3"}]},
        f"input.type has to be message or item_reference: {NO_TOOLS}",
    ),
    "a picture": (
        {"input": content(type="input_image", image_url="data:,")},
        f"input.content.type has to be input_text, output_text or refusal: {NO_FILES}",
    ),
    "a file": (
        {"input": content(type="input_file", file_id="file_1")},
        f"input.content.type has to be input_text, output_text or refusal: {NO_FILES}",
    ),
    "previous_response_id": (
        {"previous_response_id": "resp_1"},
        f"previous_response_id has to be left out: {SEND_IT_ALL}",
    ),
    "conversation": (
        {"conversation": "conv_1"},
        f"conversation has to be left out: {SEND_IT_ALL}",
    ),
    "prompt": (
        {"prompt": {"id": "pmpt_1"}},
        "prompt has to be left out: this server keeps no prompts: send the text as"
        " input.",
    ),
    "a form": (
        {"text": FORMAT},
        "text.format.type has to be text: this server fills in no forms (lesson 22"
        " does).",
    ),
    "an item that is gone": (
        {"input": [{"type": "item_reference", "id": "msg_1"}]},
        "input has an item_reference to an item that this server does not have: send"
        " the message itself.",
    ),
    "background without store": (
        {"background": True, "store": False},
        "background needs store: what nobody waits for has to be kept.",
    ),
}


@pytest.mark.parametrize(("fields", "sentence"), NOT_HERE.values(), ids=NOT_HERE)
def test_what_is_not_here_is_named(post, answer_with, fields, sentence):
    model = answer_with("one")
    answer = post(**fields)
    assert (answer.status_code, model.prompts) == (400, [])
    assert answer.json["error"]["message"] == sentence
    assert answer.json["error"]["param"] in {*fields, "store"}
    assert lesson.store.answers == {}  # it has taken no place


WRONG = {
    "model": [None, 5],
    "input": [None, [], {}, 5, [5], ["Hi"], [{"role": "user"}], "\ud800"],
    "stream": ["yes", 1],
    "background": ["yes"],
    "store": [0],
    "instructions": [5, ["Obey"]],
    "max_output_tokens": [0, "9", 1.5],
    "metadata": ["x", {"a": 1}],
    "text": ["x", {"format": "text"}],
    "tools": [{}],
}
WRONG["input"] += [
    [{"role": role, "content": "Hi"}] for role in ("tool", "System", None, [])
]
WRONG["input"] += [
    [{"role": "user", "content": each}]
    for each in (None, 5, [5], {}, [{"type": "input_text"}], parts(5))
]
WRONG["input"] += [[{"type": "item_reference", "id": each}] for each in (None, 5, "x")]


@pytest.mark.parametrize(
    ("name", "value"), [(name, each) for name in WRONG for each in WRONG[name]]
)
def test_a_wrong_field_is_refused_by_its_name(post, answer_with, name, value):
    model = answer_with("one")
    answer = post(**{name: value})
    error = answer.json["error"]
    assert (answer.status_code, error["param"], model.prompts) == (400, name, [])
    assert name in error["message"] and error["type"] == "invalid_request_error"


@pytest.mark.parametrize("metadata", [{"a": 1}, {"<b>" * 99: 1}, {"a": ["b"]}, ["a"]])
def test_wrong_metadata_are_refused_as_a_whole(post, answer_with, metadata):
    """The names in them are the client's own."""
    answer_with("one")
    sentence = "metadata has to be an object of up to 16 texts."
    assert post(metadata=metadata).json["error"]["message"] == sentence


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", f"{PATH}/resp_1", 404),
        ("POST", f"{PATH}/resp_1/cancel", 404),
        ("GET", f"{PATH}/resp_1?stream=true", 404),
        ("DELETE", f"{PATH}/resp_1", 405),
        ("GET", PATH, 405),
        ("POST", "/v1/chat/completions", 404),
        ("GET", "/v1/models/gpt-4", 404),
    ],
)
def test_every_refusal_has_openais_shape(client, method, path, status):
    answer = client.open(path, method=method, headers=KEY)
    assert answer.status_code == status
    assert answer.json["error"].keys() == {"message", "type", "param", "code"}
    assert client.open(path, method=method).status_code == 401


def test_at_another_address_a_sentence_says_what_is_here(client):
    answer = client.post("/v1/chat/completions", json={}, headers=KEY)
    assert f"POST {PATH}" in answer.json["error"]["message"]
    answer = client.get(f"{PATH}/resp_1", headers=KEY)
    assert "no such response" in answer.json["error"]["message"]


# A name, and numbers


@pytest.fixture
def over(post, answer_with):
    """Return the events of a response in the background that is over."""
    answer_with("one", " two")
    return events_in(post(stream=True, background=True))


@pytest.mark.parametrize("after", ["0", "4", "11", "99999999999999999999"])
def test_the_events_after_a_number_come(client, over, after):
    path = f"{PATH}/{over[0]['response']['id']}"
    query = {"stream": "true", "starting_after": after}
    answer = client.get(path, query_string=query, headers=KEY)
    assert events_in(answer) == over[int(after) + 1 :]


@pytest.mark.parametrize(
    "query", ["stream=1", "stream=True", "stream=true&starting_after=-1"]
)
def test_what_is_no_number_is_refused(client, over, query):
    answer = client.get(f"{PATH}/{over[0]['response']['id']}?{query}", headers=KEY)
    name = query.rpartition("&")[2].partition("=")[0]
    assert (answer.status_code, answer.json["error"]["param"]) == (400, name)


def test_what_is_not_stored_is_forgotten(post, answer_with, client):
    answer_with("one")
    names = [post(store=False).json["id"]]
    events = events_in(answer := post(store=False, stream=True))
    answer.close()
    names.append(events[0]["response"]["id"])
    for name in names:
        assert client.get(f"{PATH}/{name}", headers=KEY).status_code == 404
    assert lesson.store.answers == {}


def test_an_item_reference_is_what_was_said(post, answer_with):
    answer_with("one", refusal(" No."))
    item = post().json["output"][0]["id"]
    model = answer_with("two")
    reference = {"type": "item_reference", "id": item}
    answer = post(input=[reference, {"role": "user", "content": "Why?"}])
    assert answer.status_code == 200
    assert model.prompts == [[("assistant", "one No."), ("user", "Why?")]]


def test_what_references_mean_is_not_gathered_without_end(
    post, answer_with, monkeypatch
):
    """A request of 4 MiB would otherwise take gigabytes of memory."""
    answer_with("word " * 10_000)
    item = post().json["output"][0]["id"]
    looked_up = []
    so_far = lesson.store.so_far

    def counted(name):
        looked_up.append(name)
        return so_far(name)

    monkeypatch.setattr(lesson.store, "so_far", counted)
    reference = {"type": "item_reference", "id": item}
    answer = post(input=[reference] * 1000)
    assert answer.status_code == 413 and len(looked_up) < 30
    assert "too long" in answer.json["error"]["message"]


@pytest.mark.parametrize("stream", [False, True])
def test_an_answer_that_is_gone_is_a_503_that_says_so(post, monkeypatch, stream):
    """As with a Redis that was started again and came back empty."""
    gone = in_redis.GONE
    monkeypatch.setattr(lesson.store, "read", lambda name, after: [(1, gone)])
    answer = post(stream=stream)
    assert answer.status_code == 503
    assert answer.json["error"]["message"] == gone["error"]


@pytest.mark.parametrize(
    "given",
    [
        "word " * 10_000,
        [{"role": "user", "content": ""} for _ in range(500)],
        [{"role": "user", "content": [{"type": "input_text", "text": "é"}] * 500}],
    ],
    ids=["a text", "messages", "parts"],
)
def test_the_memory_of_a_question_is_measured_and_not_guessed(given):
    """Else one client could fill the memory with questions, a MiB each."""
    body = json.dumps(QUESTION | {"input": given, "metadata": {"a": "b" * 500}})
    read = importlib.import_module(f"{NAME}.question").Question.model_validate
    tracemalloc.start()
    try:
        question = read(json.loads(body))
        used, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    measured = in_memory.Answer("resp_1", question).measure()
    assert used / 1.5 < measured < 1.5 * used


def test_questions_fill_the_memory_for_answers(post, answer_with, monkeypatch):
    answer_with("one")
    monkeypatch.setattr(in_memory, "MEMORY", 50_000)
    answers = [post(input="word " * 10_000) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 503]
    assert "Too many answers are kept" in answers[1].json["error"]["message"]


def test_old_responses_are_forgotten(post, answer_with, client, monkeypatch):
    answer_with("one")
    name = post().json["id"]
    monkeypatch.setattr(in_memory, "KEEP", -1)
    post()
    assert client.get(f"{PATH}/{name}", headers=KEY).status_code == 404


def test_one_too_many_is_a_503(post, answer_with, monkeypatch):
    monkeypatch.setattr(in_memory, "AT_ONCE", 1)
    gate = Event()
    answer_with("one", gate)
    first = post(background=True)
    answer = post()
    gate.set()
    assert (first.status_code, answer.status_code) == (200, 503)
    assert answer.headers["Retry-After"] == "5" and answer.json["error"]["message"]


def test_a_machine_full_of_readers_can_still_cancel(post, answer_with):
    gate = Event()
    answer_with("one", gate)
    name = post(background=True).json["id"]
    full = readers.RoomForReaders(lesson.app.wsgi_app, readers=0)
    on_it = Client(full)
    answer = on_it.get(f"{PATH}/{name}", headers=KEY)
    assert answer.status_code == 503 and readers.FULL in answer.text
    answer = on_it.post(f"{PATH}/{name}/cancel", headers=KEY)
    gate.set()
    assert answer.json["status"] == "cancelled"


def test_a_machine_without_threads_says_so(post, answer_with, monkeypatch):
    def no_thread(**_):
        raise RuntimeError("can't start new thread")

    answer_with("one")
    monkeypatch.setattr(starting.Thread, "start", lambda _: no_thread())
    assert post().status_code == 503


# Clients that nobody here wrote


@pytest.fixture
def lossy(serve, answer_with):
    """Return a function: the address of a line that breaks, and one that breaks it.

    The model goes on once it is broken, so what is lost was sent by nobody before.
    """
    gate = Event()
    with ExitStack() as lines:

        def lay(**settings):
            answer_with("one", " two", gate, " three", " four")
            url = serve(lesson.app)
            line = lines.enter_context(broken_line(url, **settings))

            def break_it(_, start_response):
                line.break_now()
                gate.set()
                start_response("204 No Content", [])
                return []

            return f"{line.url}/v1", serve(break_it)

        yield lay


def python_client(url, **settings):
    return openai.OpenAI(
        **{"base_url": url, "api_key": "sk-practice", "max_retries": 0} | settings
    )


class Notes:
    """What came in events, for openai-python."""

    def __init__(self, breaking=None):
        self.text = ""
        self.numbers = []
        self.status = None
        self.name = None
        self.breaking = breaking  # the address that breaks the line

    def read(self, events):
        for event in events:
            self.numbers.append(event.sequence_number)
            if hasattr(event, "response"):
                self.status = event.response.status
                self.name = event.response.id
            if event.type == "response.output_text.delta":
                self.text += event.delta
                if self.breaking and self.text == "one two":
                    python_client(self.breaking).get("/", cast_to=object)

    def read_until_it_breaks(self, client):
        question = QUESTION | {"stream": True, "background": True}
        with pytest.raises(openai.APIConnectionError):
            self.read(client.responses.create(**question))


def test_openai_for_python_gets_it_all(serve, answer_with):
    answer_with("one", " two", COUNT)
    url = f"{serve(lesson.app)}/v1"
    client = python_client(url)
    whole = client.responses.create(**QUESTION)
    assert (whole.output_text, whole.usage.total_tokens) == ("one two", 8)
    came = Notes()
    came.read(client.responses.create(**QUESTION, stream=True))
    assert (came.text, came.status) == ("one two", "completed")
    assert came.numbers == list(range(10))
    with client.responses.stream(**QUESTION) as stream:
        assert stream.get_final_response().output_text == "one two"
    found = client.responses.retrieve(whole.id)
    assert found.output_text == "one two"


def test_openai_for_python_comes_back_after_a_broken_line(lossy):
    url, break_it = lossy()
    client = python_client(url)
    came = Notes(break_it)
    came.read_until_it_breaks(client)
    assert came.text == "one two"
    rest = client.responses.retrieve(
        came.name, stream=True, starting_after=came.numbers[-1]
    )
    came.read(rest)
    assert (came.text, came.status) == ("one two three four", "completed")
    assert came.numbers == list(range(13))
    # responses.stream asks for all of it, and filters by itself
    client = python_client(url)  # the line closes what the first one would use again
    with client.responses.stream(response_id=came.name, starting_after=8) as stream:
        numbers = [event.sequence_number for event in stream]
        assert numbers == list(range(9, 13))
        assert stream.get_final_response().output_text == "one two three four"


def test_openai_for_python_raises_refusals(serve, answer_with):
    answer_with(failures.ModelRateLimitError(SECRET))
    url = f"{serve(lesson.app)}/v1"
    with pytest.raises(openai.RateLimitError, match=BUSY):
        python_client(url).responses.create(**QUESTION, stream=True)
    with pytest.raises(openai.AuthenticationError):
        python_client(url, api_key="sk-wrong").responses.create(**QUESTION)
    with pytest.raises(openai.BadRequestError, match="previous_response_id"):
        python_client(url).responses.create(**QUESTION, previous_response_id="resp_1")
    with pytest.raises(openai.NotFoundError, match="no such response"):
        python_client(url).responses.retrieve("resp_1")


def test_openai_for_python_raises_nothing_for_a_failure_in_the_stream(
    serve, answer_with
):
    answer_with("one", failures.ModelConnectionError(SECRET))
    client = python_client(f"{serve(lesson.app)}/v1")
    events = list(client.responses.create(**QUESTION, stream=True))
    assert [event.type for event in events[-2:]] == ["error", "response.failed"]
    assert NO_CONNECTION in events[-2].message
    assert NO_CONNECTION in events[-1].response.error.message


def test_openai_for_python_cancels(serve, answer_with):
    gate = Event()
    model = answer_with("one", gate, " two")
    client = python_client(f"{serve(lesson.app)}/v1")
    begun = client.responses.create(**QUESTION, background=True)
    assert begun.status in ("queued", "in_progress")
    assert client.responses.cancel(begun.id).status == "cancelled"
    gate.set()
    assert model.closed.wait(LIMIT)
    assert client.responses.cancel(begun.id).status == "cancelled"
    waited_for = client.responses.create(**QUESTION)
    with pytest.raises(openai.BadRequestError, match="background"):
        client.responses.cancel(waited_for.id)
    with pytest.raises(openai.BadRequestError, match="background"):
        client.responses.retrieve(waited_for.id, stream=True)


OPENAI = "24-openai.mjs"


def test_openai_for_javascript_gets_it_all(node, serve, answer_with):
    answer_with("one", " two", COUNT)
    url = f"{serve(lesson.app)}/v1"
    for way in "create", "stream":
        [came] = node(OPENAI, url, way)
        assert (came["text"], came["status"]) == ("one two", "completed")
        assert came["types"] == ORDERS["completed"] and "error" not in came
        assert came.get("final", "one two") == "one two"
    [came] = node(OPENAI, url, "whole")
    assert (came["text"], came["status"]) == ("one two", "completed")


@pytest.mark.parametrize(("way", "notices"), [("back", True), ("replay", False)])
def test_openai_for_javascript_comes_back_after_a_broken_line(
    node, lossy, way, notices
):
    url, break_it = lossy(keeps_connections=notices)
    [came] = node(OPENAI, url, way, break_it)
    assert ("broke" in came) == notices and "error" not in came
    assert (came["text"], came["status"]) == ("one two three four", "completed")
    assert came["numbers"] == list(range(13))
    assert came.get("final", came["text"]) == came["text"]


def test_openai_for_javascript_hears_of_failures(node, serve, answer_with):
    url = f"{serve(lesson.app)}/v1"
    answer_with(failures.ModelRateLimitError(SECRET))
    [came] = node(OPENAI, url, "create")
    assert came["error"]["status"] == 429 and BUSY in came["error"]["message"]
    answer_with("one", " two", failures.ModelConnectionError(SECRET))
    [came] = node(OPENAI, url, "create")  # it raises nothing either
    assert came["types"] == ORDERS["failed"] and came["status"] == "failed"
    [came] = node(OPENAI, url, "stream")
    assert NO_CONNECTION in came["error"]["message"] and came["text"] == "one two"


def langchain(url):
    settings = {"api_key": "sk-practice", "max_retries": 0, "use_responses_api": True}
    return ChatOpenAI(model="practice", base_url=url, **settings)


def test_langchain_gets_it_all(serve, answer_with):
    model = answer_with("one", " two", COUNT)
    client = langchain(f"{serve(lesson.app)}/v1")
    first, *rest = client.stream("Hello?")
    whole = sum(rest, first)
    assert (whole.text, whole.usage_metadata["total_tokens"]) == ("one two", 8)
    assert whole.response_metadata["status"] == "completed"
    assert client.invoke("Hello?").text == "one two"
    client.invoke([("user", "Hello?"), whole, ("user", "And you?")])
    turns = [("user", "Hello?"), ("assistant", "one two"), ("user", "And you?")]
    assert model.prompts[-1] == turns
    answer_with("one", End(finish_reason="length"))
    *_, last = client.stream("Hello?")
    details = last.response_metadata["incomplete_details"]
    assert details["reason"] == "max_output_tokens"


def test_langchain_raises_failures_and_a_broken_line(serve, answer_with, lossy):
    url, break_it = lossy()
    came = ""
    with pytest.raises(openai.APIConnectionError):
        for chunk in langchain(url).stream("Hello?"):
            came += chunk.text
            if came == "one two":
                python_client(break_it).get("/", cast_to=object)
    assert came == "one two"
    answer_with("one", failures.ModelConnectionError(SECRET))
    with pytest.raises(ValueError, match=NO_CONNECTION):
        list(langchain(f"{serve(lesson.app)}/v1").stream("Hello?"))


def test_a_lesson_program_can_have_it_as_its_model(serve, answer_with, monkeypatch):
    """What the root's program asks through LangChain comes out the same."""
    answer_with("one", refusal("No."))
    *_, last = langchain(f"{serve(lesson.app)}/v1").stream("Hello?")
    assert last.response_metadata["status"] == "completed"


AI_SDK = "24-ai-sdk.mjs"


def test_the_ai_sdk_gets_it_all(node, serve, answer_with):
    model = answer_with("one", " two", COUNT)
    url = f"{serve(lesson.app)}/v1"
    [came] = node(AI_SDK, url, "turns")
    assert (came["text"], came["reason"]) == ("one twoone two", "stop")
    assert came["tokens"] == 8 and "error" not in came
    _, second = came["inputs"]
    assert [item.get("type") for item in second] == [None, "item_reference", None]
    turns = [("user", "Hello?"), ("assistant", "one two"), ("user", "And you?")]
    assert model.prompts == [[("user", "Hello?")], turns]
    [came] = node(AI_SDK, url, "whole")
    assert (came["text"], came["reason"], came["tokens"]) == ("one two", "stop", 8)


def test_the_ai_sdk_reports_failures_and_a_broken_line(node, serve, answer_with, lossy):
    url, break_it = lossy()
    [came] = node(AI_SDK, url, "stream", break_it)
    assert came["error"]["message"] and came["text"] == "one two"
    answer_with("one", failures.ModelConnectionError(SECRET))
    url = f"{serve(lesson.app)}/v1"
    [came] = node(AI_SDK, url, "stream")
    assert NO_CONNECTION in came["error"]["message"] and came["text"] == "one"
    answer_with("one", End(finish_reason="length"))
    assert node(AI_SDK, url, "stream")[0]["reason"] == "length"
    answer_with(failures.ModelRateLimitError(SECRET))
    [came] = node(AI_SDK, url, "stream")
    assert came["error"] == {"status": 429, "message": BUSY}


def test_hardly_any_client_notices_a_missing_last_event(node, serve, answer_with):
    """The notes say so: the body ends as it should, but one event too early."""

    def without_the_last(piece):
        return b": nothing\n\n" if b"event: response.completed" in piece else piece

    answer_with("one", " two")
    url = f"{serve(changed(lesson.app, without_the_last))}/v1"
    client = python_client(url)
    came = Notes()
    came.read(client.responses.create(**QUESTION, stream=True))
    assert (came.text, came.status) == ("one two", "in_progress")  # nothing raised
    with (
        client.responses.stream(**QUESTION) as stream,
        pytest.raises(RuntimeError, match=r"response\.completed"),
    ):
        stream.get_final_response()
    [came] = node(OPENAI, url, "stream")
    assert came["final"] == "one two" and "error" not in came
    *_, last = langchain(url).stream("Hello?")
    assert "status" not in last.response_metadata
    [came] = node(AI_SDK, url, "stream")
    assert came["reason"] == "other" and "error" not in came


# The lesson's own client, and its page


PROXY = {  # nobody listens there, and the exceptions have no name of this machine
    "http_proxy": "http://127.0.0.1:9",
    "NO_PROXY": "school.example",
}


@pytest.mark.parametrize("settings", [{}, PROXY], ids=["directly", "without the proxy"])
def test_come_back_says_how_it_went(serve, answer_with, settings):
    url = f"{serve(lesson.app)}/v1"

    def shown(*script):
        answer_with(*script)
        done = subprocess.run(
            [sys.executable, FOLDER / "come_back.py", url, "Hello?"],
            env=os.environ | {"PYTHONUTF8": "1"} | settings,
            capture_output=True,
            encoding="utf-8",
            timeout=2 * LIMIT,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    text = "1", " 2", " 3", " 4"
    whole = "1 2 3\n[cut after event 7]\n 4\n[completed] 4 pieces\n"
    assert shown(*text) == whole
    broken = shown("1", failures.ModelConnectionError(SECRET))
    assert broken.startswith(f"1\n[{NO_CONNECTION}") and broken.endswith("1 pieces\n")
    assert shown("\x1b[2J1").startswith("[2J1\n[completed]")  # nothing to obey


@pytest.fixture
def page(browser, serve, monkeypatch):
    """Return a function that opens the page of a lesson's program."""

    def open_page(module=lesson):
        monkeypatch.setattr(module, "model", PracticeModel())
        return Page(browser, serve(module.app))

    return open_page


def shows(page, problem):
    return lambda: page.text("#problem") == problem


def test_the_page_goes_on_after_its_line_was_cut(page):
    page = page()
    words = f"one two three {'and more ' * 50}<b>"
    page.ask(f"/slow 25 /echo {words}")
    page.until(lambda: "three" in page.text("#answer"))
    page.find("#cut").click()
    page.until(shows(page, "You cut the connection here."))
    page.find("#resume").click()
    page.until(lambda: "response.completed" in page.text("#wire"))
    page.until(lambda: not page.find("#cut").is_enabled())
    assert page.text("#answer") == words and page.text("#problem") == ""
    numbers = page.run(
        'return [...wire.textContent.matchAll(/sequence_number": (\\d+)/g)]'
        ".map(([, number]) => Number(number))"
    )
    assert numbers == list(range(len(numbers)))


def test_the_page_cancels_and_says_what_failed(page):
    page = page()
    page.ask("/slow 20 /long 500")
    page.until(lambda: page.find("#cancel").is_enabled())
    page.find("#cancel").click()
    page.until(shows(page, "You cancelled it here."))
    page.ask("/slow 99 /fail 3")
    page.until(
        lambda: "The answer is not whole: The connection" in page.text("#problem")
    )
    page.ask("/slow 99 /short 3")
    limit = "The answer is not whole: it reached its length limit."
    page.until(shows(page, limit))


def test_what_the_lesson_begins_with_has_nothing_to_come_back_with(page, tmp_path):
    from lessons.course.about_lessons.start_lesson import beginning
    from lessons.course.about_lessons.way_through import all_lessons

    mine = tmp_path / "mine"
    for name, path in beginning(all_lessons()[24]).items():
        (mine / name).parent.mkdir(parents=True, exist_ok=True)
        (mine / name).write_bytes(path.read_bytes())
    page = page(load(mine, ScriptedModel()))
    page.ask("/slow 20 /long 500")
    page.until(lambda: len(page.text("#answer")) > 9)
    page.find("#cut").click()
    page.until(shows(page, "You cut the connection here."))
    page.find("#resume").click()
    missing = "The response has no name, so the page cannot ask for the rest."
    page.until(shows(page, missing))

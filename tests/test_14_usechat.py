"""The words of useChat: /chat of lesson 14, read by useChat itself."""

import importlib
import json
import shutil
from pathlib import Path
from threading import Event

import pytest
from langchain_core.exceptions import (
    ModelAPIError,
    ModelRateLimitError,
    ModelTimeoutError,
)
from langchain_core.messages import AIMessageChunk
from support.browser import Page
from support.event_streams import (
    COUNT,
    MANY,
    SCRIPT,
    TEXT,
    USAGE,
    asked_by_react,
    dropping,
    messages_in,
    one_newline,
    until,
)
from support.servers import changed

from lessons.course.for_checks.failing_model import SECRET
from lessons.course.fresh_packages import import_fresh
from practice import failure

NAME = "lessons.14-the-words-of-usechat"
lesson = importlib.import_module(f"{NAME}.app")
words = importlib.import_module(f"{NAME}.chat")
ChatStream = words.ChatStream
NOW = 1_700_000_000_000  # ms


@pytest.fixture
def answering():
    return lesson


@pytest.fixture
def at_a_known_time(monkeypatch):
    """Let every answer begin at NOW, with the id 42."""
    monkeypatch.setattr(words, "time", lambda: NOW / 1000)
    monkeypatch.setattr(words, "uuid4", lambda: 42)


# The wire


def test_the_bytes_of_a_short_chat(client, answer_with, at_a_known_time):
    answer_with("é", COUNT)
    answer = client.post("/chat", json=asked_by_react("Hello?"))
    assert answer.text == (
        'data: {"type": "start", "messageId": "42", "messageMetadata": {"createdAt":'
        " 1700000000000}}\n\n"
        'data: {"type": "text-start", "id": "1"}\n\n'
        'data: {"type": "message-metadata", "messageMetadata": {"model":'
        ' "scripted"}}\n\n'
        'data: {"type": "text-delta", "id": "1", "delta": "\\u00e9"}\n\n'
        'data: {"type": "message-metadata", "messageMetadata": {"usage":'
        ' {"promptTokens": 3, "completionTokens": 5, "totalTokens": 8}}}\n\n'
        'data: {"type": "text-end", "id": "1"}\n\n'
        'data: {"type": "finish", "finishReason": "stop"}\n\n'
        "data: [DONE]\n\n"
    )
    assert answer.headers["x-vercel-ai-ui-message-stream"] == "v1"
    assert answer.mimetype == "text/event-stream"


ENDS = {  # what the providers call it, and what the AI SDK calls it
    "stop": {"finish_reason": "stop"},
    "length": {"stop_reason": "max_tokens"},
    "content-filter": {"finish_reason": "content_filter"},
}


@pytest.fixture
def ending_with(client, answer_with):
    """Return a function that asks a model whose answer ends with these metadata."""

    def ask(metadata):
        chunks = [AIMessageChunk("one"), AIMessageChunk("", response_metadata=metadata)]
        answer_with().stream = lambda _: (chunk for chunk in chunks)
        return messages_in(client.post("/chat", json=asked_by_react("Hello?")))

    return ask


@pytest.mark.parametrize("reason", ENDS)
def test_the_end_has_its_reason(ending_with, reason):
    messages = ending_with(ENDS[reason])
    assert messages[-1] == {"type": "finish", "finishReason": reason}


@pytest.mark.parametrize("metadata", [{}, {"finish_reason": "?"}])
def test_an_end_without_a_good_reason_is_a_failure(ending_with, metadata):
    messages = ending_with(metadata)
    sentence = "The model stopped before its answer was complete: ask again."
    assert messages[-3] == {"type": "error", "errorText": sentence}
    assert messages[-1] == {"type": "finish", "finishReason": "error"}


def test_a_conversation_in_parts_is_asked_as_one(client, answer_with):
    model = answer_with("one")
    client.post("/chat", json=asked_by_react("One?", "First.", "Two?"))
    assert model.prompts == [
        [("user", "One?"), ("assistant", "First."), ("user", "Two?")]
    ]


def test_an_answer_that_failed_before_its_first_text_is_left_out(client, answer_with):
    """useChat keeps it as a message whose list of parts is empty."""
    asked = asked_by_react("One?", "", "Two?")
    asked["messages"][1]["parts"] = []
    model = answer_with("two")
    assert client.post("/chat", json=asked).status_code == 200
    assert model.prompts == [[("user", "One?"), ("user", "Two?")]]


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"prompt": " "},
        {"messages": []},
        {"messages": [5]},
        {"messages": [{"role": "system", "parts": [{"type": "text", "text": "Obey"}]}]},
        {"messages": [{"role": "user", "parts": [5]}]},
        {"messages": [{"role": "user", "parts": [{"type": "text", "text": 5}]}]},
        {"messages": [{"role": "user", "parts": [{"type": "text", "text": "\ud800"}]}]},
        {"messages": [{"role": "user", "parts": {"type": "text", "text": "a"}}]},
        {"messages": [{"role": "user", "parts": [{"type": "file"}]}]},
        {"messages": [{"role": "assistant", "content": "I speak last."}]},
    ],
)
def test_what_is_no_question_is_refused_with_a_sentence(client, answer_with, asked):
    model = answer_with("one")
    answer = client.post("/chat", json=asked)
    assert (answer.status_code, model.prompts) == (400, [])
    assert answer.mimetype == "text/plain"
    assert answer.text.startswith(("There is no prompt ", "The messages "))
    in_json = client.post("/ask", json=asked)
    assert in_json.json == {"error": answer.text}


# Failures


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (failure(ModelRateLimitError, 429, "7"), 429),
        (ModelTimeoutError(SECRET), 504),
        (ModelAPIError(SECRET), 502),
        (ValueError(SECRET), 502),
    ],
)
def test_a_failure_is_a_status_first_and_an_error_later(
    client, answer_with, error, status
):
    question = asked_by_react("Hello?")
    answer_with(error)
    refused = client.post("/chat", json=question)
    assert refused.status_code == status
    waits = "7" if status == 429 else None
    assert refused.headers.get("Retry-After") == waits
    model = answer_with("one", error, " two")
    broken = client.post("/chat", json=question)
    assert broken.status_code == 200 and model.closed.is_set()
    code, error, end, finish = messages_in(broken)[-4:]
    seconds = 7 if status == 429 else None
    assert code["messageMetadata"] == {"error": {"code": status, "retryAfter": seconds}}
    assert error == {"type": "error", "errorText": refused.text}
    assert end["type"] == "text-end"
    assert finish == {"type": "finish", "finishReason": "error"}
    assert broken.text.endswith("data: [DONE]\n\n")
    assert SECRET not in refused.text + broken.text


def test_a_failure_after_a_heartbeat_ends_no_text(client, answer_with, monkeypatch):
    monkeypatch.setattr(lesson, "HEARTBEAT", 0.01)
    gate = Event()
    answer_with(gate, ModelRateLimitError(SECRET))
    answer = client.post("/chat", json=asked_by_react("Hello?"))
    pieces = answer.iter_encoded()
    assert next(pieces) == b": heartbeat\n"
    gate.set()
    lines = b"".join(pieces).decode().splitlines()
    messages = [json.loads(line[6:]) for line in lines if line.startswith("data: {")]
    kinds = [message["type"] for message in messages]
    assert kinds == ["message-metadata", "error", "finish"]


def test_its_verbs_can_be_chained_and_are_counted():
    stream = ChatStream(5)
    stream.start().send_metadata({"a": 1}).send_token("b").send_usage(USAGE).end()
    assert not stream.is_active and stream.message_count == 8
    stream.send_token("too late").end()
    assert stream.message_count == 8


# useChat itself


def usechat_gets_it_all(node, url):
    *_, end = node("14-usechat.mjs", f"{url}/chat")
    assert (end["status"], end["finished"]) == ("ready", ["stop", "stop"])
    texts = [turn["text"] for turn in end["messages"]]
    assert texts == ["One?", TEXT, "Two?", TEXT]
    assert end["messages"][1]["state"] == "done"
    metadata = end["messages"][1]["metadata"]
    assert metadata.pop("createdAt") > NOW
    assert metadata == {"model": "scripted", "usage": USAGE}
    first, second = end["messages"][1]["id"], end["messages"][3]["id"]
    assert len(first) == len(second) == 36 and first != second


def test_usechat_gets_it_all(node, answer_with, serve):
    model = answer_with(*SCRIPT)
    usechat_gets_it_all(node, serve(lesson.app))
    assert model.prompts == [
        [("user", "One?")],
        [("user", "One?"), ("assistant", TEXT), ("user", "Two?")],
    ]
    for mistake in one_newline, dropping(b"finish"), dropping(b"text-start"):
        with pytest.raises(AssertionError):
            usechat_gets_it_all(node, serve(changed(lesson.app, mistake)))


def usechat_shows(node, url, sentence):
    first, _ = node("14-usechat.mjs", f"{url}/chat")
    assert (first["status"], first["error"]) == ("error", sentence)
    return first["messages"][-1]


def test_usechat_shows_a_failure(node, answer_with, serve):
    busy = "The model has too much to do: ask again in 5 s."
    answer_with(ModelRateLimitError(SECRET))
    usechat_shows(node, serve(lesson.app), busy)
    answer_with("one", ModelRateLimitError(SECRET))
    usechat_shows(node, serve(lesson.app), busy)
    more = changed(
        lesson.app,
        lambda piece: piece.replace(b'"errorText"', b'"code": 429, "errorText"'),
    )
    usechat_shows(node, serve(more), busy)  # version 5 refuses it, and 6 does not
    renamed = changed(lesson.app, lambda piece: piece.replace(b"errorText", b"text"))
    with pytest.raises(AssertionError):
        usechat_shows(node, serve(renamed), busy)


def test_usechat_gets_the_code_of_a_failure(node, answer_with, serve, monkeypatch):
    busy = "The model has too much to do: ask again in 7 s."
    answer_with("one", failure(ModelRateLimitError, 429, "7"))
    message = usechat_shows(node, serve(lesson.app), busy)
    assert message["text"] == "one"
    assert message["metadata"]["error"] == {"code": 429, "retryAfter": 7}
    monkeypatch.setattr(lesson, "HEARTBEAT", 0.01)  # the same, without a first word
    pause = Event()
    answer_with(lambda: pause.wait(0.1), failure(ModelRateLimitError, 429, "7"))
    message = usechat_shows(node, serve(lesson.app), busy)
    assert message["metadata"]["error"] == {"code": 429, "retryAfter": 7}


def test_usechat_shows_a_refusal_in_json_braces_and_all(node, answer_with, serve):
    def as_ask_does(environ, start_response):
        return lesson.app(environ | {"PATH_INFO": "/ask"}, start_response)

    answer_with(ModelAPIError(SECRET))
    shown = '{"error":"The model\'s server failed: ask again."}\n'
    usechat_shows(node, serve(as_ask_does), shown)


# The page


def test_the_page_shows_the_answer_while_it_is_written(browser, answer_with, serve):
    gate = Event()
    model = answer_with("one\n", gate, "  <b>two</b>", COUNT)
    page = Page(browser, serve(lesson.app))
    page.ask("Hello?")
    page.until_true("document.querySelector('#answer').textContent === 'one\\n'")
    assert page.find("#answer").get_attribute("aria-busy") == "true"
    gate.set()
    page.until_true("document.querySelector('#answer').ariaBusy === 'false'")
    assert page.find("#answer").text == "one\n  <b>two</b>"
    about = page.find("#about").text
    assert about.startswith("scripted, ") and about.endswith(", 8 tokens")
    assert page.find("#problem").text == ""
    page.ask(" And you?")
    page.until_true("document.querySelector('#answer').ariaBusy === 'false'")
    assert [role for role, _ in model.prompts[1]] == ["user", "assistant", "user"]
    page.find("#reset").click()
    assert page.find("#answer").text == page.find("#about").text == ""
    assert browser.get_log("browser") == []


def test_stop_hangs_up_on_the_model(browser, answer_with, serve, monkeypatch):
    monkeypatch.setattr(lesson, "HEARTBEAT", 0.01)
    made = []

    def make(heartbeat):
        made.append(ChatStream(heartbeat))
        return made[-1]

    monkeypatch.setattr(lesson, "ChatStream", make)
    gate = Event()
    model = answer_with("one", gate, *MANY)
    page = Page(browser, serve(lesson.app))
    page.ask("Hello?")
    page.until_true("document.querySelector('#answer').textContent")
    page.find("#stop").click()
    until(lambda: not made[0].is_active)
    gate.set()
    assert model.closed.wait(20) and model.closed_early
    assert page.find("#answer").text == "one" and page.find("#problem").text == ""


def test_the_page_says_why_an_answer_is_not_whole(browser, answer_with, serve):
    answer_with("one", ModelAPIError(SECRET))
    page = Page(browser, serve(lesson.app))
    page.ask("Hello?")
    page.until_true("document.querySelector('#problem').textContent")
    sentence = "The answer is not whole: The model's server failed: ask again."
    assert page.find("#problem").text == sentence
    assert page.find("#answer").text == "one"
    answer_with(ModelRateLimitError(SECRET))
    page.ask("!")
    page.until_true(
        "document.querySelector('#problem').textContent.includes('too much')"
    )


# A page of another server


def permission_of(app):
    """Return the origin whose page may send a question, as a browser asks before it."""
    headers = {
        "Origin": "http://localhost:3000",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type",
    }
    answer = app.test_client().options("/chat", headers=headers)
    return answer.headers.get("Access-Control-Allow-Origin")


def test_a_page_of_another_server_may_ask_once_the_notes_are_followed(
    monkeypatch, tmp_path
):
    """The setting alone is not enough: this lesson has no origins.py of its own."""
    monkeypatch.setenv("ORIGINS", "http://localhost:3000")
    folder = Path(lesson.__file__).parent
    mine = tmp_path / "mine"
    shutil.copytree(folder, mine)
    assert permission_of(import_fresh(mine).app) is None

    origins = folder.with_name("11-a-conversation") / "origins.py"
    given = origins.read_text(encoding="utf-8")
    assert given.count("/ask") == 1
    (mine / "origins.py").write_text(given.replace("/ask", "/chat"), encoding="utf-8")
    with (mine / "app.py").open("a", encoding="utf-8") as program:
        program.write("from .origins import open_to_origins\n\nopen_to_origins(app)\n")
    assert permission_of(import_fresh(mine).app) == "http://localhost:3000"

"""Trying again: the conversation and the client of lesson 13, and AI Kit's own."""

import importlib
import runpy
from threading import Event

import pytest
from langchain_core.exceptions import ModelAPIError, ModelRateLimitError
from support import LIMIT, ROOT
from support.browser import Page
from support.event_streams import (
    COUNT,
    MANY,
    SCRIPT,
    TEXT,
    USAGE,
    dropping,
    messages_in,
    one_newline,
    refusing,
    until,
)
from support.servers import changed

from lessons.course.for_checks.failing_model import SECRET
from practice import failure

NAME = "lessons.13-trying-again"
FOLDER = ROOT / "lessons" / "13-trying-again"
lesson = importlib.import_module(f"{NAME}.app")
EventStream = importlib.import_module(f"{NAME}.events").EventStream
ASKED = {"role": "user", "content": "Hello?"}


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


# The conversation


def test_a_conversation_is_asked_as_one(client, answer_with):
    model = answer_with("one")
    turns = [
        {"role": "user", "content": "One?", "id": "1", "timestamp": 1},
        {"role": "assistant", "content": "First."},
        {"role": "assistant", "content": ""},
        {"role": "user", "content": " Two?"},
    ]
    client.post("/ask", json={"messages": turns, "systemPrompt": "Obey.", "model": "x"})
    assert model.prompts == [
        [("user", "One?"), ("assistant", "First."), ("user", " Two?")]
    ]


def test_a_prompt_comes_before_messages(client, answer_with):
    model = answer_with("one")
    client.post("/ask", json={"prompt": "Hello?", "messages": []})
    client.get("/ask?prompt=And+you?")
    assert model.prompts == ["Hello?", "And you?"]


def test_a_page_of_somebody_else_cannot_make_you_pay(client, answer_with):
    model = answer_with("one")
    foreign = {"Sec-Fetch-Site": "cross-site"}
    assert client.get("/ask?prompt=Hello?", headers=foreign).status_code == 403
    assert model.prompts == []


@pytest.mark.parametrize(
    "asked",
    [
        [],
        "Hello?",
        {},
        {"prompt": " "},
        {"prompt": "\ud800"},
        {"prompt": [["system", "Obey."]]},
        {"messages": []},
        {"messages": "Hello?"},
        {"messages": [5]},
        {"messages": [{"role": "system", "content": "Obey."}]},
        {"messages": [{"role": "system", "content": "Obey."}, ASKED]},
        {"messages": [{"role": ["user"], "content": "Hello?"}]},
        {"messages": [{"role": "user", "content": ["Hello?"]}]},
        {"messages": [{"role": "user", "content": {"type": "text"}}]},
        {"messages": [{"role": "user", "content": "\ud800"}]},
        {"messages": [ASKED, {"role": "user", "content": " "}, 5]},
        {"messages": [{"role": "user", "content": " "}]},
        {"messages": [{"role": "assistant", "content": "I speak last."}]},
    ],
)
def test_what_is_no_question_is_refused_with_a_sentence(client, answer_with, asked):
    model = answer_with("one")
    answer = client.post("/ask", json=asked)
    assert (answer.status_code, model.prompts) == (400, [])
    assert answer.json["error"].startswith(("There is no prompt ", "The messages "))


def test_an_error_event_says_what_its_status_would_have_been(
    client, answer_with, monkeypatch
):
    answer_with("one", failure(ModelRateLimitError, 429, "7"))
    error, end = messages_in(client.post("/ask", json={"messages": [ASKED]}))[-2:]
    sentence = "The model has too much to do: ask again in 7 s."
    assert error == {"error": sentence, "code": 429, "retryAfter": 7}
    assert end == {"finishReason": "error"}
    answer_with("one", ModelAPIError(SECRET))
    error, _ = messages_in(client.post("/ask", json={"messages": [ASKED]}))[-2:]
    assert (error["code"], error["retryAfter"]) == (502, None)


def test_a_failure_before_the_first_text_is_still_a_status(client, answer_with):
    answer_with(failure(ModelRateLimitError, 429, "7"))
    answer = client.post("/ask", json={"messages": [ASKED]})
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "7")
    answer_with(ModelAPIError(SECRET))
    assert client.post("/ask", json={"messages": [ASKED]}).status_code == 502


# The storm


def test_the_picture_of_the_storm_is_what_its_script_draws():
    storm = runpy.run_path(str(FOLDER / "storm" / "storm.py"))
    assert (FOLDER / "storm.svg").read_text(encoding="utf-8") == storm["svg"]()
    notes = (FOLDER / "README.md").read_text(encoding="utf-8")
    for jitter in False, True:
        seen = storm["simulate"](jitter)
        answered = sum(is_answered for _, is_answered in seen)
        assert str(answered) in notes


# AI Kit's client


def aistream_gets_it_all(node, url):
    first, second = node("13-aikit.mjs", f"{url}/ask")
    tokens = [["token", text] for text in SCRIPT[:-1]]
    assert first["heard"] == [
        ["streaming-start", None],
        *tokens,
        ["usage", USAGE],
        ["streaming-end", None],
    ]
    assert second["messages"] == [
        ["user", "One?"],
        ["assistant", TEXT],
        ["user", "Two?"],
        ["assistant", TEXT],
    ]
    assert second["usage"] == USAGE


def test_ai_kits_aistream_gets_it_all(node, answer_with, serve):
    model = answer_with(*SCRIPT)
    aistream_gets_it_all(node, serve(lesson.app))
    assert model.prompts[1] == [("user", "One?"), ("assistant", TEXT), ("user", "Two?")]
    for mistake in one_newline, lambda piece: piece.replace(b'"usage": {', b'"sum": {'):
        with pytest.raises(AssertionError):
            aistream_gets_it_all(node, serve(changed(lesson.app, mistake)))


def test_ai_kits_aistream_tries_again_when_it_is_refused(node, answer_with, serve):
    answer_with(refusing(1, ModelAPIError(SECRET)), *SCRIPT)
    first, _ = node("13-aikit.mjs", f"{serve(lesson.app)}/ask")
    retry = ["retry", {"attempt": 1, "delay": 1}]
    assert first["heard"].count(retry) == 1
    assert first["messages"] == [["user", "One?"], ["assistant", TEXT]]


# The client of the page

CLIENT = """
    const [does, limits, done] = arguments;
    window.heard = [];
    import(new URL("static/client.js", document.baseURI)).then(async ({ Client }) => {
      const client = (window.client = new Client({ address: "ask", ...limits }));
      const types = ["message", "token", "usage", "metadata", "done", "error"];
      types.push("retry", "reset", "streaming-start", "streaming-end");
      for (const type of types)
        client.addEventListener(type, ({ detail }) => heard.push([type, detail]));
      for (const [name, ...words] of does) await client[name](...words);
      done([heard, client.messages, client.usage]);
    });"""
SOON = {"maxRetries": 2, "initialDelay": 1, "maxDelay": 1, "jitter": False}


@pytest.fixture
def client_does(browser, serve):
    """Return a function that lets the page's client do some things, one by one.

    It returns what was heard (types and details), the messages and the usage.
    """

    def do(*does, limits=SOON):
        page = Page(browser, serve(lesson.app))
        return page.run_async(CLIENT, does, limits)

    return do


def kinds(heard):
    return [name for name, _ in heard]


def test_its_client_tells_what_happens_and_keeps_the_conversation(
    client_does, answer_with
):
    model = answer_with("one", " two", COUNT)
    heard, messages, usage = client_does(["send", "One?"], ["send", "Two?"])
    turn = ["message", "streaming-start", "metadata", "message", "token", "token"]
    assert kinds(heard) == [*turn, "usage", "done", "streaming-end"] * 2
    assert [said["token"] for name, said in heard if name == "token"][:2] == [
        "one",
        " two",
    ]
    assert [(message["role"], message["content"]) for message in messages] == [
        ("user", "One?"),
        ("assistant", "one two"),
        ("user", "Two?"),
        ("assistant", "one two"),
    ]
    assert usage == USAGE
    assert model.prompts[1][1] == ("assistant", "one two")


def test_its_client_retries_and_resets(client_does, answer_with):
    model = answer_with("one", COUNT)
    heard, messages, usage = client_does(["send", "One?"], ["retry"], ["reset"])
    assert model.prompts == [[("user", "One?")]] * 2
    assert kinds(heard).count("streaming-start") == 2 and kinds(heard)[-1] == "reset"
    assert (messages, set(usage.values())) == ([], {0})


def test_its_client_tries_again_before_the_first_token(client_does, answer_with):
    model = answer_with(refusing(2, ModelAPIError(SECRET)), "one")
    heard, messages, _ = client_does(["send", "One?"])
    assert [said for name, said in heard if name == "retry"] == [
        {"attempt": 1, "delay": 1},
        {"attempt": 2, "delay": 1},
    ]
    assert "error" not in kinds(heard) and messages[-1]["content"] == "one"
    assert len(model.prompts) == 3


def test_its_client_gives_up_with_the_servers_sentence(client_does, answer_with):
    model = answer_with(ModelAPIError(SECRET))
    heard, *_ = client_does(["send", "One?"])
    assert heard[-2] == ["error", {"error": "The model's server failed: ask again."}]
    assert len(model.prompts) == 3


@pytest.mark.parametrize(
    ("backoff", "expected"), [("exponential", [1, 2, 4, 5]), ("linear", [1, 2, 3, 4])]
)
def test_its_client_waits_longer_each_time(client_does, answer_with, backoff, expected):
    answer_with(ModelAPIError(SECRET))
    limits = {"maxRetries": 4, "initialDelay": 1, "maxDelay": 5, "jitter": False}
    heard, *_ = client_does(["send", "One?"], limits=limits | {"backoff": backoff})
    assert [said["delay"] for name, said in heard if name == "retry"] == expected


def test_its_client_waits_as_long_as_the_server_says(client_does, answer_with):
    answer_with(refusing(1, failure(ModelRateLimitError, 429, "1")), "one")
    heard, *_ = client_does(["send", "One?"])
    assert ["retry", {"attempt": 1, "delay": 1001}] in heard


def test_its_client_does_not_ask_again_what_will_be_refused_again(
    client_does, answer_with
):
    answer_with("one")
    heard, *_ = client_does(["send", " "])
    assert kinds(heard)[-2:] == ["error", "streaming-end"] and "retry" not in kinds(
        heard
    )


def test_its_client_does_not_ask_again_after_the_first_token(client_does, answer_with):
    model = answer_with("one", ModelAPIError(SECRET))
    heard, messages, _ = client_does(["send", "One?"])
    assert kinds(heard)[-3:] == ["error", "done", "streaming-end"]
    assert messages[-1]["content"] == "one" and len(model.prompts) == 1


def test_its_client_takes_no_stream_without_done_for_a_whole_one(
    browser, answer_with, serve
):
    answer_with("one")
    page = Page(browser, serve(changed(lesson.app, dropping(b"event: done"))))
    heard, messages, _ = page.run_async(CLIENT, [["send", "One?"]], SOON)
    assert heard[-2] == ["error", {"error": "it broke off."}]
    assert messages[-1]["content"] == "one"


def test_its_client_can_be_stopped_while_it_waits_to_try_again(
    browser, answer_with, serve
):
    model = answer_with(ModelAPIError(SECRET))
    page = Page(browser, serve(lesson.app))
    limits = {"initialDelay": 1000 * LIMIT * 9, "maxDelay": 1000 * LIMIT * 9}
    page.run(CLIENT, [["send", "One?"]], limits, None)
    page.until_true("heard.some(([type]) => type === 'retry')")
    page.run("client.stop()")
    page.until_true("heard.some(([type]) => type === 'streaming-end')")
    assert not page.run("return heard.some(([type]) => type === 'error')")
    assert len(model.prompts) == 1


def test_its_client_gives_each_message_an_id_and_a_time(client_does, answer_with):
    answer_with("one")
    _, messages, _ = client_does(["send", "One?"], ["send", "Two?"])
    assert len({message["id"] for message in messages}) == 4
    assert all(message["timestamp"] > 1_600_000_000_000 for message in messages)


CALLBACKS = """
    const done = arguments[0];
    const heard = [];
    const note = (name) => (detail) => heard.push([name, detail]);
    import(new URL("static/client.js", document.baseURI)).then(async ({ Client }) => {
      const config = { address: "ask", maxRetries: 0 };
      for (const name of ["onToken", "onCost", "onError"]) config[name] = note(name);
      const client = new Client(config);
      const whileAsking = client.send("One?");
      const was = client.isStreaming;
      await whileAsking;
      done([heard, was, client.isStreaming]);
    });"""


def test_its_client_calls_back_and_says_whether_it_is_streaming(
    browser, answer_with, serve
):
    answer_with("one", COUNT, ModelAPIError(SECRET))
    page = Page(browser, serve(lesson.app))
    heard, was, is_streaming = page.run_async(CALLBACKS)
    assert [name for name, _ in heard] == ["onToken", "onError"]
    assert heard[0][1] == {"token": "one"} and (was, is_streaming) == (True, False)
    answer_with("one", COUNT)
    heard, *_ = page.run_async(CALLBACKS)
    assert heard[1] == ["onCost", USAGE | {"usage": USAGE}]


def test_its_client_asks_nothing_beyond_its_budget(client_does, answer_with):
    model = answer_with("one", COUNT)
    asks = [["send", "One?"], ["send", "Two?"], ["send", "Three?"]]
    heard, *_ = client_does(*asks, limits=SOON | {"budget": 9})
    assert len(model.prompts) == 2
    sentence = "the budget of 9 tokens is used up: start over."
    assert heard[-2] == ["error", {"error": sentence}]
    heard, *_ = client_does(asks[0], ["reset"], asks[1], limits=SOON | {"budget": 8})
    assert "error" not in kinds(heard)


def test_its_client_waits_a_random_time(client_does, answer_with):
    answer_with(ModelAPIError(SECRET))
    limits = {"maxRetries": 6, "initialDelay": 8, "maxDelay": 8}
    heard, *_ = client_does(["send", "One?"], limits=limits)
    delays = [said["delay"] for name, said in heard if name == "retry"]
    assert len(set(delays)) > 3 and all(0 <= delay < 8 for delay in delays)


def test_its_client_tries_again_after_heartbeats(client_does, answer_with, monkeypatch):
    monkeypatch.setattr(lesson, "HEARTBEAT", 0.01)
    pause = Event()
    answer_with(lambda: pause.wait(0.1), refusing(1, ModelAPIError(SECRET)), "one")
    heard, messages, _ = client_does(["send", "One?"])
    assert kinds(heard).count("retry") == 1 and "error" not in kinds(heard)
    assert messages[-1]["content"] == "one"


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
    assert page.find("#usage").text == "8 tokens, 8 in this conversation"
    assert page.find("#problem").text == ""
    page.find("#retry").click()
    page.until_true("document.querySelector('#usage').textContent ")
    page.find("#reset").click()
    assert page.find("#answer").text == page.find("#usage").text == ""
    assert browser.get_log("browser") == []


@pytest.mark.parametrize("button", ["#stop", "#reset"])
def test_stop_and_start_over_hang_up_on_the_model(
    browser, answer_with, serve, streams, monkeypatch, button
):
    monkeypatch.setattr(lesson, "HEARTBEAT", 0.01)
    gate = Event()
    model = answer_with("one", gate, *MANY)
    page = Page(browser, serve(lesson.app))
    page.ask("Hello?")
    page.until_true("document.querySelector('#answer').textContent")
    page.find(button).click()
    until(lambda: not streams[0].is_active)
    gate.set()
    assert model.closed.wait(LIMIT) and model.closed_early
    assert page.find("#answer").text == ("one" if button == "#stop" else "")
    assert page.find("#problem").text == ""

"""Lesson 09: messages with a type, from a service in a thread to clients of others."""

import importlib
import json
import threading
from itertools import islice
from threading import Condition, Event, Thread

import pytest
import requests
from conftest import LIMIT, ScriptedModel, changed, production, running
from langchain_core import exceptions
from langchain_core.messages import AIMessageChunk
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

import failures
from lessons.course.bad_network import BadNetwork

NAME = "lessons.09-messages-with-a-type"
lesson = importlib.import_module(f"{NAME}.app")
streams = importlib.import_module(f"{NAME}.stream")
Stream, StreamClosed, ROOM = streams.Stream, streams.StreamClosed, streams.ROOM
SECRET = "Incorrect API key provided: sk-pr****1234"
USAGE = {"input_tokens": 2, "output_tokens": 5, "total_tokens": 7}
REASONS = ["It left.", {"hello": "World"}, ["a", {"b": 1}], 5]
FALSY = [None, "", 0, False]  # which Vovk's client takes for no error


class Bounded(Condition):
    """A condition that nobody waits for without end, and that notes when one waits."""

    def __init__(self):
        super().__init__()
        self.awaited = Event()

    def wait_for(self, predicate, timeout=LIMIT):
        assert super().wait_for(predicate, timeout), "nobody ever changed it"

    def wait(self, timeout=None):
        self.awaited.set()
        return super().wait(timeout)


@pytest.fixture(autouse=True)
def bounded(monkeypatch):
    """Let no test wait for ever."""
    monkeypatch.setattr(streams, "Condition", Bounded)


class Kept(ScriptedModel):
    """A model whose stream is held on to, so that nothing closes it by chance."""

    def stream(self, prompt):
        self.held = super().stream(prompt)
        return self.held


@pytest.fixture
def answer_with(monkeypatch):
    """Let the lesson's program answer with a ScriptedModel of this script."""

    def install(*script):
        model = Kept(*script)
        monkeypatch.setattr(lesson, "model", model)
        return model

    return install


@pytest.fixture
def serve_with(monkeypatch):
    """Let another service answer."""
    return lambda service: monkeypatch.setattr(lesson, "answer", service)


@pytest.fixture
def ask():
    """Ask the program in this process."""
    client = lesson.app.test_client()
    return lambda prompt="Hello?": client.post("/ask", json={"prompt": prompt})


def messages(answer):
    return [json.loads(line) for line in answer.get_data().decode().splitlines()]


def used(**usage):
    return AIMessageChunk("", usage_metadata=usage)


# The wire


def test_the_bytes_of_a_short_answer(answer_with, ask):
    answer_with("Trag", "ödie 👋\n", used(**USAGE))
    answer = ask()
    assert answer.status_code == 200
    assert answer.content_type == "application/jsonl; charset=utf-8"
    assert answer.get_data() == (
        b'{"token": "Trag"}\n'
        b'{"token": "\\u00f6die \\ud83d\\udc4b\\n"}\n'
        b'{"usage": {"input_tokens": 2, "output_tokens": 5, "total_tokens": 7}}\n'
        b'{"end": "stop"}\n'
    )


def test_the_bytes_of_an_answer_that_fails(answer_with, ask):
    answer_with("one", exceptions.ModelConnectionError(SECRET))
    assert ask().get_data() == (
        b'{"token": "one"}\n'
        b'{"isError": true, "reason": "The connection to the model failed:'
        b' see whether it runs there, check the network and .env, then ask again."}\n'
    )


def test_without_a_usage_there_is_no_line_for_it(answer_with, ask):
    answer_with("one")
    assert messages(ask()) == [{"token": "one"}, {"end": "stop"}]


def test_a_count_that_goes_on_from_chunk_to_chunk_is_not_added_up(answer_with, ask):
    before = used(input_tokens=2, output_tokens=1, total_tokens=3)
    answer_with(before, "one", used(**USAGE))
    assert messages(ask())[1] == {"usage": USAGE}


class Ends(ScriptedModel):
    """A model whose script is a text, and the metadata with which it ends."""

    def stream(self, prompt):
        text, metadata = self.script
        yield AIMessageChunk(text)
        yield AIMessageChunk("", response_metadata=metadata)


@pytest.mark.parametrize(
    ("metadata", "end"),
    [
        ({"finish_reason": "stop"}, "stop"),
        ({"finish_reason": "STOP"}, "stop"),
        ({"finish_reason": "COMPLETE"}, "stop"),
        ({"finish_reason": "eos"}, "stop"),
        ({"finish_reason": "length"}, "length"),
        ({"finish_reason": "content_filter"}, "content_filter"),
        ({"stop_reason": "end_turn"}, "stop"),
        ({"stop_reason": "stop_sequence"}, "stop"),
        ({"stop_reason": "max_tokens"}, "length"),
        ({"status": "completed"}, "stop"),
        ({"status": "incomplete"}, "length"),
        (
            {
                "status": "incomplete",
                "incomplete_details": {"reason": "content_filter"},
            },
            "content_filter",
        ),
    ],
)
def test_the_end_has_openais_word_whoever_ends(metadata, end, monkeypatch, ask):
    monkeypatch.setattr(lesson, "model", Ends("one", metadata))
    assert messages(ask()) == [{"token": "one"}, {"end": end}]


@pytest.mark.parametrize(
    ("metadata", "failure"),
    [
        ({}, failures.STOPPED_EARLY),
        ({"finish_reason": "abort"}, failures.MODEL_FAILED),
        ({"finish_reason": "tool_calls"}, failures.TOOL_CALL),
        ({"finish_reason": "error"}, failures.MODEL_FAILED),
        ({"status": "failed"}, failures.MODEL_FAILED),
    ],
)
def test_any_other_end_is_a_failure(metadata, failure, monkeypatch, ask):
    monkeypatch.setattr(lesson, "model", Ends("one", metadata))
    last = {"isError": True, "reason": failure.sentence}
    assert messages(ask()) == [{"token": "one"}, last]


@pytest.mark.parametrize(
    ("reason", "failure"),
    [("length", failures.TOO_LONG), ("content_filter", failures.FILTERED)],
)
def test_an_end_before_the_first_token_is_a_status(reason, failure, monkeypatch, ask):
    monkeypatch.setattr(lesson, "model", Ends("", {"finish_reason": reason}))
    answer = ask()
    assert (answer.status_code, answer.json["error"]) == (502, failure.sentence)


def test_a_list_of_blocks_is_sent_as_text(answer_with, ask):
    answer_with(AIMessageChunk([{"type": "text", "text": "one"}]), "", " two")
    assert messages(ask())[:2] == [{"token": "one"}, {"token": " two"}]


@pytest.mark.parametrize(
    ("error", "status", "wait"),
    [
        (exceptions.ModelRateLimitError(SECRET), 429, "5"),
        (exceptions.ModelTimeoutError(SECRET), 504, None),
        (exceptions.ModelInvalidRequestError(SECRET), 400, None),
        (exceptions.ModelAuthenticationError(SECRET), 502, None),
        (exceptions.ModelAPIError(SECRET), 502, None),
        (OSError(SECRET), 502, None),
        (None, 502, None),  # it ends without a word
    ],
)
def test_a_failure_before_the_first_token_is_a_status(
    error, status, wait, answer_with, ask, caplog
):
    answer_with(*[error] if error else [])
    answer = ask()
    assert (answer.status_code, answer.headers.get("Retry-After")) == (status, wait)
    assert answer.json["error"] == answer.json["message"] and answer.json.keys() == {
        "error",
        "message",
    }
    assert SECRET not in answer.text + caplog.text and "after 0 messages" in caplog.text


def test_the_stream_has_the_headers_that_the_roots_stream_has(answer_with, ask):
    answer_with("one")
    headers = ask().headers
    assert headers["Cache-Control"] == "no-store, no-transform"
    assert headers["X-Accel-Buffering"] == "no"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "Content-Length" not in headers


def test_the_status_waits_for_a_model_that_takes_its_time(serve_with, ask):
    def service(prompt, stream):
        assert stream.changed.awaited.wait(LIMIT)
        raise exceptions.ModelTimeoutError(SECRET)

    serve_with(service)
    assert ask().status_code == 504


def test_a_rate_limit_says_how_long_to_wait(ask):
    answer = ask("/busy 7")
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "7")
    assert answer.json["message"].endswith("ask again in 7 s.")


NESTED = {"data": "[" * 50_000, "content_type": "application/json"}


@pytest.mark.parametrize(
    ("question", "status"),
    [
        ({"json": {"prompt": "Hi", "more": 1}}, 200),
        ({"json": {"prompt": " \n"}}, 400),
        ({"json": {"prompt": "\ud83d"}}, 400),
        ({"json": {}}, 400),
        ({"json": ["prompt"]}, 400),
        ({"data": "null", "content_type": "application/json"}, 400),
        ({"data": "{", "content_type": "application/json"}, 400),
        (NESTED, 400),
        ({"json": {"prompt": "x" * 65_536}}, 413),
        ({"data": {"prompt": "Hi"}}, 415),
    ],
)
def test_what_cannot_be_asked_is_refused(question, status, answer_with):
    model = answer_with("one")
    answer = lesson.app.test_client().post("/ask", **question)
    assert (answer.status_code, len(model.prompts)) == (status, int(status == 200))
    assert status == 200 or answer.json["message"]


# The stream


def blocked(stream, send):
    """Send from a thread until it waits for room; return the thread and its errors."""
    errors = []

    def work():
        try:
            send()
        except StreamClosed as error:
            errors.append(error)

    sender = Thread(target=work, daemon=True)
    sender.start()
    assert stream.changed.awaited.wait(LIMIT), "nothing bounds what waits"
    return sender, errors


def test_a_slow_reader_slows_the_service_down():
    stream = Stream()
    sender, _ = blocked(stream, lambda: [stream.send(i) for i in range(50)])
    assert stream.sent == len(stream.lines) == ROOM
    for i, line in enumerate(islice(stream, 50)):
        assert line == b"%d\n" % i
        assert stream.sent <= i + 1 + ROOM
    sender.join(LIMIT)
    assert stream.sent == 50


def test_who_waits_for_room_when_the_reader_leaves_goes_on():
    stream = Stream()
    sender, errors = blocked(stream, lambda: [stream.send(i) for i in range(50)])
    stream.close()
    sender.join(LIMIT)
    assert not sender.is_alive() and len(errors) == 1
    assert stream.sent == ROOM


def test_what_was_sent_before_the_close_is_read_and_nothing_after_it():
    stream = Stream()
    stream.send({"token": "one"})
    stream.close()
    with pytest.raises(StreamClosed):
        stream.send({"token": "two"})
    stream.throw("too late")
    assert list(stream) == [b'{"token": "one"}\n']


def test_lines_of_two_services_do_not_mix():
    stream = Stream()
    words = ["a" * 5000, "b" * 5000]
    senders = [
        Thread(target=lambda word=word: [stream.send(word) for _ in range(100)])
        for word in words
    ]
    for sender in senders:
        sender.start()
    read = [json.loads(line) for line in islice(stream, 200)]
    assert sorted(read) == sorted(words * 100)


@pytest.mark.parametrize("reason", REASONS + FALSY)
def test_any_value_can_be_thrown(reason):
    stream = Stream()
    stream.throw(reason)
    assert stream.closed
    assert [json.loads(line) for line in stream] == [
        {"isError": True, "reason": reason}
    ]


@pytest.mark.parametrize("message", [object(), float("nan"), {"a": {1, 2}}])
def test_what_json_cannot_hold_is_a_mistake_of_the_service(message, serve_with, ask):
    def service(prompt, stream):
        stream.send({"token": "one"})
        stream.send(message)

    serve_with(service)
    last = {"isError": True, "reason": failures.NONSENSE.sentence}
    assert messages(ask()) == [{"token": "one"}, last]


# Services, as Vovk.ts has them


def test_a_service_sends_any_object_and_closes(serve_with, ask):
    def service(prompt, stream):
        for token in [{"message": "Hello,"}, "", " World", None, 5]:
            stream.send(token)
        stream.close()

    serve_with(service)
    assert messages(ask()) == [{"message": "Hello,"}, "", " World", None, 5]


def test_a_service_may_catch_and_throw_an_object_of_its_own(serve_with, ask):
    def service(prompt, stream):
        stream.send({"token": "one"})
        try:
            raise exceptions.ModelAPIError(SECRET)
        except exceptions.ModelError as error:
            return stream.throw({"openAiError": type(error).__name__})

    serve_with(service)
    last = {"isError": True, "reason": {"openAiError": "ModelAPIError"}}
    assert messages(ask()) == [{"token": "one"}, last]


@pytest.mark.parametrize("sent", [0, 1])
def test_a_name_that_does_not_exist_fails_and_is_found_in_the_log(
    sent, serve_with, ask, caplog
):
    def service(prompt, stream):
        for _ in range(sent):
            stream.send({"token": "one"})
        for token in body:  # noqa: F821
            stream.send(token)

    serve_with(service)
    answer = ask()
    assert answer.status_code == (200 if sent else 502)
    assert failures.NONSENSE.sentence in answer.text
    line = service.__code__.co_firstlineno + 3
    here = f"in test_09_messages.py, line {line}"
    assert f"NameError {here} after {sent} messages" in caplog.text


def test_a_service_that_sends_nothing_is_an_empty_answer(serve_with, ask):
    serve_with(lambda prompt, stream: None)
    answer = ask()
    assert (answer.status_code, answer.get_data()) == (200, b"")


# The reader


def test_the_first_token_crosses_before_the_second_is_made(answer_with, serve):
    gate = Event()
    model = answer_with("one", gate, " two")
    with requests.post(
        f"{serve(lesson.app)}/ask", json={"prompt": "Hi"}, stream=True, timeout=LIMIT
    ) as answer:
        lines = answer.iter_lines(chunk_size=None)
        assert (json.loads(next(lines)), model.made) == ({"token": "one"}, 1)
        gate.set()
        assert json.loads(next(lines)) == {"token": " two"}


def test_when_the_reader_leaves_the_model_is_hung_up_on_and_the_thread_ends(
    answer_with, serve
):
    before = set(threading.enumerate())
    model = answer_with(*["word " * 100] * 10_000)
    url = f"{serve(lesson.app)}/ask"
    with requests.post(url, json={"prompt": "Hi"}, stream=True, timeout=LIMIT) as got:
        pieces = got.iter_content(None)  # kept: without it requests hangs up
        next(pieces)
        services = [
            thread
            for thread in set(threading.enumerate()) - before
            if "(run)" in thread.name
        ]
    assert model.closed.wait(LIMIT) and model.closed_early and model.made < 10_000
    for thread in services:
        thread.join(LIMIT)
    assert [(each.daemon, each.is_alive()) for each in services] == [(True, False)]


SERVERS = {
    "flask run": lambda log: running(
        "--app", NAME.replace(".", "/") + "/app", "run", log=log
    ),
    "gunicorn": lambda log: production("gunicorn", f"{NAME}.app", log=log),
    "waitress": lambda log: production("waitress", f"{NAME}.app", log=log),
}


@pytest.mark.parametrize("kind", SERVERS)
def test_it_works_under_every_server(kind, tmp_path):
    with (tmp_path / "log").open("w") as log, SERVERS[kind](log) as url:
        post = lambda prompt: requests.post(  # noqa: E731
            f"{url}/ask", json={"prompt": prompt}, stream=True, timeout=LIMIT
        )
        whole = messages_of(post("/echo one two"))
        assert whole[0] == {"token": "one"} and whole[-1] == {"end": "stop"}
        assert messages_of(post("/fail 1"))[-1].keys() == {"isError", "reason"}
        assert post("/busy 3").status_code == 429
        with post("/silent 600") as answer:  # it waits, with three tokens sent
            lines = answer.iter_lines(chunk_size=None)
            assert all("token" in json.loads(next(lines)) for _ in range(3))
        with post("/slow 500 /long 999999") as answer:
            next(answer.iter_lines(chunk_size=None))
        WebDriverWait(tmp_path / "log", LIMIT, 0.05).until(
            lambda log: "StreamClosed in stream.py" in log.read_text(encoding="utf-8")
        )


def messages_of(answer):
    assert answer.headers["Content-Type"] == "application/jsonl; charset=utf-8"
    return [json.loads(line) for line in answer.iter_lines()]


# Vovk's own client


def tokens(found):
    return "".join(each["message"].get("token", "") for each in found)


def vovk_reads_it_all(node, url):
    found = node("09-vovk.mjs", url, "/echo Tragödie 👋\n\tis whole")
    assert [each for each in found if "thrown" in each] == []
    assert tokens(found) == "Tragödie 👋\n\tis whole"
    assert found[-1] == {"message": {"end": "stop"}}
    assert found[-2]["message"]["usage"]["output_tokens"] == 4


def vovk_throws_it(node, url, reason):
    first, last = node("09-vovk.mjs", url, "Hello?")
    thrown = {"name": "Error", "message": reason} if isinstance(reason, str) else reason
    assert (first, last) == ({"message": {"token": "one"}}, {"thrown": thrown})


def test_vovk_reads_it_all(node, serve):
    vovk_reads_it_all(node, serve(lesson.app))
    vovk_reads_it_all(node, serve(BadNetwork(lesson.app)))


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (lambda piece: piece.replace(b"\n", b""), None),
        (lambda piece: b"" if b'"end"' in piece else piece, None),
        (lambda piece: piece.replace(b"token", b"text"), None),
        (None, lambda _: [("Content-Type", "text/plain; charset=utf-8")]),
        (None, lambda _: [("Content-Type", "application/json")]),
    ],
    ids=["no newline", "no end", "another name", "as text", "as one JSON"],
)
def test_vovk_notices(body, headers, node, serve):
    with pytest.raises(AssertionError):
        vovk_reads_it_all(node, serve(changed(lesson.app, body, headers)))


def service_that_throws(reason):
    def service(prompt, stream):
        stream.send({"token": "one"})
        stream.throw(reason)

    return service


@pytest.mark.parametrize("reason", REASONS)
def test_vovk_throws_what_a_service_throws(reason, node, serve, serve_with):
    serve_with(service_that_throws(reason))
    vovk_throws_it(node, serve(lesson.app), reason)


@pytest.mark.parametrize("to", [b'"error"', b'"is_error"'])
def test_vovk_notices_an_error_in_another_shape(to, node, serve, serve_with):
    serve_with(service_that_throws("It left."))
    other = changed(lesson.app, lambda piece: piece.replace(b'"isError"', to))
    with pytest.raises(AssertionError):
        vovk_throws_it(node, serve(other), "It left.")


def vovk_is_refused(node, url):
    message = "The model has too much to do: ask again in 4 s."
    thrown = {"name": "Error", "message": message, "statusCode": 429}
    assert node("09-vovk.mjs", url, "/busy 4") == [{"thrown": thrown}]


def test_vovk_is_refused_with_our_sentence(node, serve):
    vovk_is_refused(node, serve(lesson.app))
    other = changed(lesson.app, lambda piece: piece.replace(b'"message"', b'"mistake"'))
    with pytest.raises(AssertionError):
        vovk_is_refused(node, serve(other))


# The page

GATHER = """
    const [served, done] = given; // the pieces of each answer, as lists of bytes
    const { ask } = await import(new URL("static/ask.js", document.baseURI));
    const found = [];
    for (const pieces of served) {
      const start = (body) => {
        for (const piece of pieces) body.enqueue(new Uint8Array(piece));
        body.close();
      };
      window.fetch = async () => new Response(new ReadableStream({ start }));
      const messages = [];
      let thrown = null;
      try {
        for await (const message of ask("Hello?")) messages.push(message);
      } catch (error) {
        thrown = error instanceof Error ? error.message : { value: error };
      }
      found.push([messages, thrown]);
    }
    done(found);
"""


@pytest.fixture
def page(browser, serve):
    """Open the lesson's page."""
    browser.set_script_timeout(LIMIT)
    browser.get(serve(lesson.app))
    return browser


def run(page, script, *words):
    """Run a script that may await, and return what it gives to done."""
    return page.execute_async_script(
        f"((...given) => (async () => {{ {script} }})())(...arguments)", *words
    )


def says(page, selector, text):
    """Wait until the page says the text there."""
    place = page.find_element(By.CSS_SELECTOR, selector)
    WebDriverWait(page, LIMIT, 0.02).until(
        lambda _: text in place.get_property("textContent"),
        f"{selector} never said {text!r}",
    )
    return place.get_property("textContent")


def busy(page):
    answer = page.find_element(By.ID, "answer")
    return answer.get_attribute("aria-busy") == "true"


def type_in(page, prompt):
    field = page.find_element(By.NAME, "prompt")
    field.clear()
    field.send_keys(prompt)
    page.find_element(By.CSS_SELECTOR, "form button").click()


WORDS = [{"token": "Tragödie"}, {"token": "👋\n"}, None, 0, {"end": "stop"}]
BODY = "".join(f"{json.dumps(each, ensure_ascii=False)}\n" for each in WORDS).encode()


def test_the_reader_is_right_at_every_byte(page):
    cuts = [[list(BODY[:i]), list(BODY[i:])] for i in range(len(BODY) + 1)]
    for found in run(page, GATHER, [*cuts, [[byte] for byte in BODY]]):
        assert found == [WORDS, None]


def test_no_part_of_an_answer_looks_whole(page):
    for messages, thrown in run(
        page, GATHER, [[list(BODY[:i])] for i in range(len(BODY))]
    ):
        assert messages == WORDS[: len(messages)]
        assert thrown == "It broke off: ask again."


@pytest.mark.parametrize("reason", REASONS + FALSY)
def test_the_page_throws_the_very_value_that_a_service_throws(reason, page, serve_with):
    serve_with(service_that_throws(reason))
    messages, thrown = run(
        page,
        """
        const [done] = given;
        const { ask } = await import(new URL("static/ask.js", document.baseURI));
        const messages = [];
        try {
          for await (const message of ask("Hello?")) messages.push(message);
        } catch (error) {
          done([messages, error instanceof Error ? [error.message] : { value: error }]);
        }
        """,
    )
    assert messages == [{"token": "one"}]
    assert thrown == ([reason] if isinstance(reason, str) else {"value": reason})


def test_another_reader_can_be_plugged_in(page, answer_with):
    answer_with("one", " two")
    found = run(
        page,
        """
        const [done] = given;
        const { ask } = await import(new URL("static/ask.js", document.baseURI));
        async function* atOnce(body) {
          const lines = (await new Response(body).text()).trim().split("\\n");
          for (const line of lines) yield { ...JSON.parse(line), mine: 1 };
        }
        const messages = [];
        const reading = ask("Hello?", undefined, atOnce);
        for await (const message of reading) messages.push(message);
        done(messages);
        """,
    )
    assert found == [
        {"token": "one", "mine": 1},
        {"token": " two", "mine": 1},
        {"end": "stop", "mine": 1},
    ]


def test_leaving_the_loop_hangs_up(page, answer_with):
    model = answer_with(*["word " * 100] * 10_000)
    run(
        page,
        """
        const [done] = given;
        const { ask } = await import(new URL("static/ask.js", document.baseURI));
        for await (const message of ask("Hello?")) break;
        done();
        """,
    )
    assert model.closed.wait(LIMIT) and model.made < 10_000


def test_the_page_shows_an_answer_while_it_arrives(page, answer_with):
    gate = Event()
    answer_with("one\n", gate, "  <b>two</b>", used(**USAGE))
    type_in(page, "Hello?")
    assert says(page, "#answer", "one") == "one\n"
    gate.set()
    assert says(page, "#usage", "tokens") == "2 tokens read, 5 written."
    assert says(page, "#answer", "two") == "one\n  <b>two</b>"
    assert says(page, "#problem", "") == ""
    assert page.get_log("browser") == []


@pytest.mark.parametrize(
    ("prompt", "problem"),
    [
        (
            "/fail 2 one two three",
            "The connection to the model failed: see whether it runs there, check the"
            " network and .env, then ask again.",
        ),
        ("/short 2", "It ended with length."),
        ("/busy 3", "The model has too much to do: ask again in 3 s."),
    ],
)
def test_the_page_says_what_is_wrong(prompt, problem, page):
    type_in(page, prompt)
    assert says(page, "#problem", ".") == f"The answer is not whole. {problem}"


def test_the_page_shows_a_thrown_object(page, serve_with):
    serve_with(service_that_throws({"hello": "World"}))
    type_in(page, "Hello?")
    assert says(page, "#problem", '{"hello":"World"}')
    assert says(page, "#answer", "one") == "one"


def test_stop_hangs_up_at_once(page, answer_with):
    gate = Event()
    model = answer_with("one", gate, *["word " * 100] * 10_000)
    type_in(page, "Hello?")
    says(page, "#answer", "one")
    page.find_element(By.ID, "stop").click()
    soon = LIMIT / 4  # for at LIMIT the model gives up by itself
    WebDriverWait(page, soon, 0.02).until(lambda _: not busy(page))
    gate.set()
    assert model.closed.wait(LIMIT) and model.made < 10_000
    assert (says(page, "#answer", "one"), says(page, "#problem", "")) == ("one", "")


def test_a_new_question_hangs_up_on_the_old_answer(page, answer_with):
    gates = [Event(), Event()]
    old = answer_with("old", gates[0], *["word " * 100] * 10_000)
    type_in(page, "Hello?")
    says(page, "#answer", "old")
    answer_with("new", gates[1], " and whole")
    type_in(page, "Another?")
    says(page, "#answer", "new")
    gates[0].set()
    assert old.closed.wait(LIMIT) and old.made < 10_000
    assert busy(page)
    gates[1].set()
    assert says(page, "#answer", "whole") == "new and whole"
    WebDriverWait(page, LIMIT, 0.02).until(lambda _: not busy(page))
    assert says(page, "#problem", "") == ""


def test_what_one_read_brought_is_not_shown_after_the_stop(page):
    lines = "".join(f'{{"token": "{i} "}}\n' for i in range(50))
    page.execute_script(
        """
        const answer = document.querySelector("#answer");
        const stop = document.querySelector("#stop");
        new MutationObserver(() => stop.click()).observe(answer, { childList: true });
        window.fetch = async () => new Response(arguments[0]);
        """,
        lines,
    )
    type_in(page, "Hello?")
    says(page, "#answer", "0")
    WebDriverWait(page, LIMIT, 0.02).until(lambda _: not busy(page))
    assert len(says(page, "#answer", "0").split()) < 10

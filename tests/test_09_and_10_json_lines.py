"""Lessons 09 and 10: messages with a type, for our page and for clients of others.

The same tests of the wire are for both servers: 09 answers from a generator, 10 from a
service in a thread, whose stream has tests of its own.
"""

import importlib
import json
from threading import Event

import pytest
import requests
from langchain_core import exceptions
from langchain_core.messages import AIMessageChunk
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait
from support import LIMIT, ROOT
from support.kept_streams import Kept
from support.servers import changed

import failures
from lessons.course.bad_network import BadNetwork
from lessons.course.for_checks.failing_model import SECRET
from lessons.course.for_checks.scripted_model import ScriptedModel

NAMES = {
    "09": "lessons.09-messages-with-a-type",
    "10": "lessons.10-a-stream-object",
}
USAGE = {"input_tokens": 2, "output_tokens": 5, "total_tokens": 7}
REASONS = ["It left.", {"hello": "World"}, ["a", {"b": 1}], 5]
FALSY = [None, "", 0, False]  # which Vovk's client takes for no error
LONG = "word " * 4000  # a thousand of them are more than the buffers on the way hold
LIMITED = {"isError": True, "reason": {"limit": 1000}}


@pytest.fixture(params=NAMES)
def lesson(request):
    """Return the program of each of the two lessons."""
    return importlib.import_module(f"{NAMES[request.param]}.app")


@pytest.fixture
def answering(lesson):
    return lesson


@pytest.fixture
def kind_of_model():
    return Kept


@pytest.fixture
def ask(lesson):
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
        b'{"isError": true, "reason": "The connection to the model failed: check that'
        b" it is running, check the network and the address in .env, then ask again."
        b'"}\n'
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
def test_the_end_has_openais_word_whoever_ends(metadata, end, lesson, monkeypatch, ask):
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
def test_any_other_end_is_a_failure(metadata, failure, lesson, monkeypatch, ask):
    monkeypatch.setattr(lesson, "model", Ends("one", metadata))
    last = {"isError": True, "reason": failure.sentence}
    assert messages(ask()) == [{"token": "one"}, last]


@pytest.mark.parametrize(
    ("reason", "failure"),
    [("length", failures.TOO_LONG), ("content_filter", failures.FILTERED)],
)
def test_an_end_before_the_first_token_is_a_status(
    reason, failure, lesson, monkeypatch, ask
):
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


def test_a_thousand_tokens_are_sent_and_one_more_throws_an_object(answer_with, ask):
    answer_with(*["a"] * 1000)
    assert messages(ask())[-1] == {"end": "stop"}
    model = answer_with(*["a"] * 1001, " and more")
    found = messages(ask())
    assert found == [{"token": "a"}] * 1000 + [LIMITED]
    assert model.closed.wait(LIMIT) and model.closed_early


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
def test_what_cannot_be_asked_is_refused(question, status, lesson, answer_with):
    model = answer_with("one")
    answer = lesson.app.test_client().post("/ask", **question)
    assert (answer.status_code, len(model.prompts)) == (status, int(status == 200))
    assert status == 200 or answer.json["message"]


# The reader


def test_the_first_token_crosses_before_the_second_is_made(lesson, answer_with, serve):
    gate = Event()
    model = answer_with("one", gate, " two")
    with requests.post(
        f"{serve(lesson.app)}/ask", json={"prompt": "Hi"}, stream=True, timeout=LIMIT
    ) as answer:
        lines = answer.iter_lines(chunk_size=None)
        assert (json.loads(next(lines)), model.made) == ({"token": "one"}, 1)
        gate.set()
        assert json.loads(next(lines)) == {"token": " two"}


def test_when_the_reader_leaves_the_model_is_hung_up_on(lesson, answer_with, serve):
    model = answer_with(*[LONG] * 1000)
    url = f"{serve(lesson.app)}/ask"
    with requests.post(url, json={"prompt": "Hi"}, stream=True, timeout=LIMIT) as got:
        pieces = got.iter_content(None)  # kept: without it requests hangs up
        next(pieces)
    assert model.closed.wait(LIMIT) and model.closed_early and model.made < 1000


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


def test_vovk_reads_it_all(lesson, node, serve):
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
def test_vovk_notices(body, headers, lesson, node, serve):
    with pytest.raises(AssertionError):
        vovk_reads_it_all(node, serve(changed(lesson.app, body, headers)))


@pytest.fixture
def throw(lesson, monkeypatch):
    """Let the lesson's service send a token, and throw a value."""

    def install(reason):
        thrown = {"isError": True, "reason": reason}

        def generator(prompt):
            yield {"token": "one"}
            yield thrown

        def service(prompt, stream):
            stream.send({"token": "one"})
            stream.throw(reason)

        has_stream = hasattr(lesson, "Stream")
        monkeypatch.setattr(lesson, "answer", service if has_stream else generator)

    return install


@pytest.mark.parametrize("reason", REASONS)
def test_vovk_throws_what_a_service_throws(reason, lesson, node, serve, throw):
    throw(reason)
    vovk_throws_it(node, serve(lesson.app), reason)


@pytest.mark.parametrize("to", [b'"error"', b'"is_error"'])
def test_vovk_notices_an_error_in_another_shape(to, lesson, node, serve, throw):
    throw("It left.")
    other = changed(lesson.app, lambda piece: piece.replace(b'"isError"', to))
    with pytest.raises(AssertionError):
        vovk_throws_it(node, serve(other), "It left.")


def vovk_is_refused(node, url):
    message = "The model has too much to do: ask again in 4 s."
    thrown = {"name": "Error", "message": message, "statusCode": 429}
    assert node("09-vovk.mjs", url, "/busy 4") == [{"thrown": thrown}]


def test_vovk_is_refused_with_our_sentence(lesson, node, serve):
    vovk_is_refused(node, serve(lesson.app))
    other = changed(lesson.app, lambda piece: piece.replace(b'"message"', b'"mistake"'))
    with pytest.raises(AssertionError):
        vovk_is_refused(node, serve(other))


def test_vovk_gets_the_object_that_the_program_throws(lesson, answer_with, node, serve):
    answer_with(*["a"] * 1001)
    *_, last = node("09-vovk.mjs", serve(lesson.app), "Hello?")
    assert last == {"thrown": {"limit": 1000}}


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
def page(lesson, browser, serve):
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
def test_the_page_throws_the_very_value_that_a_service_throws(reason, page, throw):
    throw(reason)
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
    model = answer_with(*[LONG] * 999)
    run(
        page,
        """
        const [done] = given;
        const { ask } = await import(new URL("static/ask.js", document.baseURI));
        for await (const message of ask("Hello?")) break;
        done();
        """,
    )
    assert model.closed.wait(LIMIT) and model.made < 999


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
            "The connection to the model failed: check that it is running, check the"
            " network and the address in .env, then ask again.",
        ),
        ("/short 2", "It ended with length."),
        ("/busy 3", "The model has too much to do: ask again in 3 s."),
    ],
)
def test_the_page_says_what_is_wrong(prompt, problem, page):
    type_in(page, prompt)
    assert says(page, "#problem", ".") == f"The answer is not whole. {problem}"


def test_the_page_shows_a_thrown_object(page, throw):
    throw({"hello": "World"})
    type_in(page, "Hello?")
    assert says(page, "#problem", '{"hello":"World"}')
    assert says(page, "#answer", "one") == "one"


def test_the_page_makes_a_sentence_of_a_limit(page, throw):
    throw({"limit": 1000})
    type_in(page, "Hello?")
    sentence = "The answer is not whole. An answer may have 1000 tokens here."
    assert says(page, "#problem", ".") == sentence


def test_with_another_reader_an_answer_comes_letter_by_letter(page, answer_with):
    gate = Event()
    model = answer_with("Trag", gate, "ödie 👋")
    page.find_element(By.ID, "letters").click()
    page.execute_script(
        """
        window.seen = [];
        const answer = document.querySelector("#answer");
        const note = () => seen.push(answer.textContent);
        new MutationObserver(note).observe(answer, { childList: true });
        """
    )
    type_in(page, "Hello?")
    says(page, "#answer", "Trag")
    gate.set()
    says(page, "#answer", "👋")
    text = "Tragödie 👋"
    seen = page.execute_script("return seen")
    assert [each for each in seen if each] == [text[: i + 1] for i in range(len(text))]
    assert model.closed.wait(LIMIT)


def test_stop_hangs_up_at_once(page, answer_with):
    gate = Event()
    model = answer_with("one", gate, *[LONG] * 999)
    type_in(page, "Hello?")
    says(page, "#answer", "one")
    page.find_element(By.ID, "stop").click()
    soon = LIMIT / 4  # for at LIMIT the model gives up by itself
    WebDriverWait(page, soon, 0.02).until(lambda _: not busy(page))
    gate.set()
    assert model.closed.wait(LIMIT) and model.made < 999
    assert (says(page, "#answer", "one"), says(page, "#problem", "")) == ("one", "")


def test_a_new_question_hangs_up_on_the_old_answer(page, answer_with):
    gates = [Event(), Event()]
    old = answer_with("old", gates[0], *[LONG] * 999)
    type_in(page, "Hello?")
    says(page, "#answer", "old")
    answer_with("new", gates[1], " and whole")
    type_in(page, "Another?")
    says(page, "#answer", "new")
    gates[0].set()
    assert old.closed.wait(LIMIT) and old.made < 999
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


def test_both_lessons_have_the_same_page():
    folders = [ROOT / name.replace(".", "/") / "static" for name in NAMES.values()]
    pages = [
        {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir()}
        for folder in folders
    ]
    assert pages[0] == pages[1] and pages[0]

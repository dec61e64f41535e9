"""Lesson 16: what a client may ask, and what it gets then.

That its server does all that lesson 15's does is in test_15_and_16_openai_wire.py.
"""

import importlib
import os
import random
import re
import subprocess
import sys
import threading

import pytest
import requests
from langchain_core import exceptions as failures
from langchain_openai import ChatOpenAI
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait
from support import LIMIT, ROOT
from support.openai_wire import KEY, PATH, PLENTY, USAGE, choices, chunks, question
from support.provider import Provider
from support.running_totals import RUNNING_TOTALS
from support.servers import production, running

from lessons.course.for_checks.failing_model import SECRET
from lessons.course.for_checks.scripted_model import ScriptedModel
from models import choose_model

LESSON = ROOT / "lessons" / "16-what-a-client-may-ask"
NAME = f"lessons.{LESSON.name}"
lesson = importlib.import_module(f"{NAME}.app")
before = importlib.import_module(f"{NAME}.stops").before


@pytest.fixture
def answering():
    return lesson


# How much it used


def test_the_whole_answer_has_all_choices_and_the_usage(chat):
    _, answer = chat("Tra", "gö", USAGE, n=2)
    message = {"role": "assistant", "content": "Tragö"}
    assert answer.json["choices"] == [
        {"index": index, "message": message, "finish_reason": "stop"}
        for index in (0, 1)
    ]
    tokens = {"prompt_tokens": 6, "completion_tokens": 10, "total_tokens": 16}
    assert answer.json["usage"] == tokens


def test_the_usage_comes_when_it_is_asked_for(chat):
    _, answer = chat("one", USAGE, n=3, stream=True)
    assert all(chunk["choices"] for chunk in chunks(answer.text))
    options = {"include_usage": True}
    _, answer = chat("one", USAGE, n=3, stream=True, stream_options=options)
    last = chunks(answer.text)[-1]
    tokens = {"prompt_tokens": 9, "completion_tokens": 15, "total_tokens": 24}
    assert (last["choices"], last["usage"]) == ([], tokens)
    _, answer = chat("one", " two")  # a model that does not say: we count
    tokens = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}
    assert answer.json["usage"] == tokens


@pytest.mark.parametrize("name", RUNNING_TOTALS)
def test_a_provider_that_counts_as_it_goes_is_counted_once(monkeypatch, name):
    with Provider(*RUNNING_TOTALS[name]) as provider:
        monkeypatch.setenv("MODEL", f"{name}:any")
        monkeypatch.setenv(f"{name.upper()}_API_KEY", "sk-abcd")
        monkeypatch.setenv("OPENAI_BASE_URL", provider.url)
        monkeypatch.setenv("ANTHROPIC_BASE_URL", provider.url.removesuffix("/v1"))
        monkeypatch.setattr(lesson, "model", choose_model())
        client = lesson.app.test_client()
        answer = client.post(PATH, json=question(), headers=KEY).json
    tokens = {"prompt_tokens": 3, "completion_tokens": 5, "total_tokens": 8}
    assert answer["usage"] == tokens
    assert answer["choices"][0]["message"]["content"] == "one"


# How long


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
def test_the_most_tokens_are_chunks(chat, name):
    model, answer = chat("one", " two", " three", " four", stream=True, **{name: 2})
    assert choices(answer.text) == ("one two", "length")
    assert model.closed.wait(LIMIT) and model.closed_early
    _, answer = chat("one", " two", stream=True, **{name: 2})
    assert choices(answer.text) == ("one two", "stop")


# Where it stops


def test_a_stop_is_found_wherever_the_pieces_are_cut():
    pick = random.Random(10)
    for _ in range(3000):
        text = "".join(pick.choices("ab ", k=pick.randint(0, 12)))
        stops = ["".join(pick.choices("ab", k=pick.randint(1, 4))) for _ in range(3)]
        ends = [n for n in range(len(text)) if text[: n + 1].endswith((*stops,))]
        whole = text[: ends[0] + 1] if ends else text
        ending = [stop for stop in stops if ends and whole.endswith(stop)]
        expected = whole[: len(whole) - max(map(len, ending), default=0)]
        cut = pick.randint(0, len(text))
        more = pick.randint(cut, len(text))
        for pieces in (text, [text], [text[:cut], text[cut:more], text[more:]]):
            found = [*before(stops, iter(pieces))]
            assert ("".join(found), "" in found) == (expected, False), (stops, pieces)


def test_only_what_may_be_a_stop_is_held_back(chat):
    gate = threading.Event()
    model, answer = chat("one EN", gate, "D two", stop="END", stream=True)
    came, pieces = "", answer.iter_encoded()
    while "one" not in came:
        came += next(pieces).decode()
    assert choices(came)[0] == "one "
    gate.set()
    assert choices(came + b"".join(pieces).decode()) == ("one ", "stop")
    assert model.closed.wait(LIMIT)


def test_an_answer_that_begins_with_a_stop_is_empty(chat):
    assert choices(chat("END", stop=["END"], stream=True)[1].text) == ("", "stop")


def test_a_stop_of_24_kilobytes_is_refused(chat):
    model, answer = chat("a", stop="a" * 24_000)
    assert (answer.status_code, model.prompts) == (400, [])
    assert "1 to 100 characters" in answer.json["error"]["message"]


# What is refused


WRONG = {
    "stream_options": [5, [], {"include_usage": 1}],
    "n": [0, 5, -1, 1.0, True, "2"],
    "stop": [5, {"a": 1}, [5], [""], "", ["a"] * 5, "a" * 101, ["\ud800"]],
    "max_tokens": [0, -1, 2.5, True, "5"],
    "max_completion_tokens": [0, "5"],
}


@pytest.mark.parametrize(
    ("name", "value"), [(name, each) for name in WRONG for each in WRONG[name]]
)
def test_a_wrong_field_is_refused_by_its_name(chat, name, value):
    model, answer = chat("one", **{name: value})
    error = answer.json["error"]
    assert (answer.status_code, error["param"], model.prompts) == (400, name, [])
    assert error["type"] == "invalid_request_error" and name in error["message"]


def test_null_stands_for_what_is_not_said(chat):
    assert chat("one", **dict.fromkeys(WRONG))[1].status_code == 200


# Several answers


def test_the_answers_are_written_side_by_side(chat):
    together = threading.Barrier(4)
    _, answer = chat("one", lambda: together.wait(LIMIT), " two", n=4, stream=True)
    assert [choices(answer.text, n)[0] for n in range(4)] == ["one two"] * 4
    order = [chunk["choices"][0]["index"] for chunk in chunks(answer.text)]
    assert order != sorted(order)


@pytest.mark.parametrize("n", [1, 3])
def test_a_failure_in_mid_answer_is_an_event_and_the_end(chat, n):
    together = threading.Barrier(n)  # or one could fail before another has begun
    fail = failures.ModelConnectionError(SECRET)
    model, answer = chat("one", lambda: together.wait(LIMIT), fail, n=n, stream=True)
    *_, last = chunks(answer.text)
    assert last["error"]["type"] == "server_error"
    assert choices(answer.text)[0] == "one"
    assert answer.text.endswith("}\n\n") and SECRET not in answer.text
    assert model.closed.wait(LIMIT)


def test_a_client_that_leaves_hangs_up_on_all_of_them(answer_with, serve, closings):
    n = 4
    model = answer_with(*PLENTY)
    url = serve(lesson.app) + PATH
    body = question(stream=True, n=n)
    with requests.post(
        url, json=body, headers=KEY, stream=True, timeout=LIMIT
    ) as answer:
        next(answer.iter_content(None))
    for _ in range(n):
        assert closings.acquire(timeout=LIMIT)
    assert model.closed_early and model.made < n * len(PLENTY)


def test_an_answer_that_is_held_back_ends_when_the_client_leaves(answer_with):
    goes_on, gate, model = threading.Event(), threading.Event(), answer_with()
    held_back = ScriptedModel("one", goes_on.set, gate, *["a"] * 50)
    other = ScriptedModel(*PLENTY)
    scripted = iter([held_back, other])
    model.stream = lambda prompt: next(scripted).stream(prompt)
    client = lesson.app.test_client()
    fields = question(n=2, stop="a" * 100, stream=True)
    answer = client.post(PATH, json=fields, headers=KEY)
    pieces = answer.iter_encoded()
    while b'"one"' not in next(pieces):
        pass
    next(pieces)  # of the other
    assert goes_on.wait(LIMIT)
    answer.close()
    gate.set()
    assert held_back.closed.wait(LIMIT) and other.closed.wait(LIMIT)
    assert held_back.closed_early and held_back.made == 2


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["flask", "gunicorn", "waitress"])
def test_it_gives_two_answers_on_every_server(kind):
    if kind == "gunicorn" and sys.platform == "win32":
        pytest.skip("gunicorn needs a Unix")
    served = (
        running("--app", str(LESSON / "app"), "run")
        if kind == "flask"
        else production(kind, f"{NAME}.app")
    )
    with served as url:
        ask = {"url": url + PATH, "headers": KEY, "timeout": LIMIT}
        whole = requests.post(json=question("/echo Tragödie 👋", n=2), **ask).json()
        said = [choice["message"]["content"] for choice in whole["choices"]]
        assert said == ["Tragödie 👋"] * 2


# Its clients


def test_langchain_weaves_two_answers_into_one(answer_with, serve):
    together = threading.Barrier(2)
    answer_with("one", lambda: together.wait(LIMIT), " two")
    chat_model = ChatOpenAI(
        model="practice", base_url=f"{serve(lesson.app)}/v1", api_key="sk-practice", n=2
    )
    text = "".join(chunk.text for chunk in chat_model.stream("Hello?"))
    assert text.startswith("oneone")
    assert len(text) == len("one two") * 2


def test_two_answers_are_kept_apart(answer_with, serve):
    together = threading.Barrier(2)
    answer_with("one", lambda: together.wait(LIMIT), " two")
    done = subprocess.run(
        [sys.executable, LESSON / "two_answers.py", f"{serve(lesson.app)}/v1", "Hi"],
        env=os.environ | {"PYTHONUTF8": "1"},
        capture_output=True,
        encoding="utf-8",
        timeout=2 * LIMIT,
    )
    assert done.stdout.endswith("\n\none two\n\none two\n") and not done.stderr
    assert {"[0]one", "[1]one"} <= set(re.findall(r"\[.\]one", done.stdout))


@pytest.mark.parametrize(
    "name", ["errors.py", "client.py", "client_async.py", "static/lines.js"]
)
def test_what_it_shares_with_lesson_15_is_the_same(name):
    before = ROOT / "lessons" / "15-the-openai-wire" / name
    assert (LESSON / name).read_bytes() == before.read_bytes()


# The page


@pytest.fixture
def ask_on_page(browser, answer_with, serve):
    """Return a function that fills in the page's form, asks, and waits for the end."""

    def ask(*script, **fields):
        answer_with(*script)
        browser.get(serve(lesson.app))
        for name, value in {"prompt": "Hello?", **fields}.items():
            field = browser.find_element(By.NAME, name)
            field.clear()
            field.send_keys(value)
        field.submit()
        ends = "#answer small, #problem:not(:empty)"
        wait = WebDriverWait(browser, LIMIT, 0.02)
        wait.until(lambda _: browser.find_elements(By.CSS_SELECTOR, ends))
        answers = browser.find_elements(By.CSS_SELECTOR, "#answer p")
        texts = [answer.get_property("textContent") for answer in answers]
        [*_, end] = browser.find_elements(By.CSS_SELECTOR, ends)
        return texts, end.text

    return ask


def test_the_page_shows_what_was_asked_for(ask_on_page):
    two = ask_on_page("one", " two", USAGE, n="2")
    assert two == (["one two"] * 2, "16 tokens, ended by: stop, stop")
    short = ask_on_page("one", " two", " three", most="2")
    assert short == (["one two"], "3 tokens, ended by: length")
    ended = ask_on_page("on", "e EN", "D two", stop="END")
    assert ended[0] == ["one "] and ended[1].endswith("ended by: stop")


def test_the_page_shows_why_a_field_was_refused(ask_on_page):
    texts, problem = ask_on_page("one", most="three")
    assert texts == [] and "max_tokens has to be a whole number from 1 up." in problem

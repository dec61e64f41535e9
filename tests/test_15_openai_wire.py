"""Lesson 15: OpenAI's wire, for clients that nobody here wrote, and for its own.

What lesson 16's server does too is in test_15_and_16_openai_wire.py.
"""

import importlib
import io
import json
import os
import re
import runpy
import shutil
import subprocess
import sys
import threading
from contextlib import redirect_stdout

import pytest
import requests
from langchain_core import exceptions as failures
from langchain_core.messages import AIMessageChunk
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait
from support import LIMIT, ROOT
from support.openai_clients import (
    NO_CONNECTION,
    every_client,
    it_is_refused,
    it_keeps_what_came,
)
from support.openai_wire import KEY, PATH, USAGE, choices, chunks, question
from support.servers import changed, production, running

from lessons.course.for_checks.failing_model import SECRET

LESSON = ROOT / "lessons" / "15-the-openai-wire"
NAME = f"lessons.{LESSON.name}.app"
lesson = importlib.import_module(NAME)


@pytest.fixture
def server():
    """Return the module of the lesson's server."""
    return lesson


@pytest.fixture
def answering(server):
    return server


# The server


def test_a_class_can_add_the_name_of_its_server():
    app = str(LESSON / "app")
    with running("--app", app, "run", TRUSTED_HOSTS="a.example, b.example") as url:
        named = requests.get(url, headers={"Host": "b.example"}, timeout=LIMIT)
        assert named.status_code == 200
        assert requests.get(url, timeout=LIMIT).status_code == 400


def test_the_key_is_that_of_the_environment():
    with running("--app", str(LESSON / "app"), "run", SERVER_KEY="sk-mine") as url:
        mine = {"Authorization": "Bearer sk-mine"}
        found = requests.get(f"{url}/v1/models", headers=mine, timeout=LIMIT)
        assert [each["id"] for each in found.json()["data"]] == ["practice"]
        other = requests.get(f"{url}/v1/models", headers=KEY, timeout=LIMIT)
        assert other.status_code == 401


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["flask", "gunicorn", "waitress"])
def test_it_works_on_every_server(kind):
    if kind == "gunicorn" and sys.platform == "win32":
        pytest.skip("gunicorn needs a Unix")
    served = (
        running("--app", str(LESSON / "app"), "run")
        if kind == "flask"
        else production(kind, NAME)
    )
    with served as url:
        ask = {"url": url + PATH, "headers": KEY, "timeout": LIMIT}
        whole = requests.post(json=question("/echo Tragödie 👋"), **ask).json()
        assert whole["choices"][0]["message"]["content"] == "Tragödie 👋"
        streamed = requests.post(json=question("/fail some words", stream=True), **ask)
        assert choices("\n".join(streamed.text.split("\n")[:-3]))[0] == "some words"
        assert "error" in chunks(streamed.text)[-1]
        busy = requests.post(json=question("/busy 7"), **ask)
        assert (busy.status_code, busy.headers["Retry-After"]) == (429, "7")
        slow = question("/silent 9 /echo one two three four", stream=True)
        with requests.post(json=slow, stream=True, **ask) as answer:
            assert b"assistant" in next(answer.iter_content(None))  # not after 9 s
        pieces = iter([json.dumps(question("x" * 5_000_000)).encode()])
        headers = KEY | {"Content-Type": "application/json"}
        too_long = requests.post(
            url + PATH, data=pieces, headers=headers, timeout=LIMIT
        )
        assert too_long.status_code == 413


# Clients that nobody here wrote


@pytest.mark.slow
@every_client
def test_a_real_client_raises_a_refusal(clients, name, answer_with, serve, server):
    answer_with(failures.ModelRateLimitError(SECRET))
    words = "The model has too much to do: ask again in 5 s."
    it_is_refused(clients, name, url := serve(server.app), 429, words)
    it_is_refused(clients, name, url, 401, "The key is missing or wrong.", "sk-wrong")

    def in_another_shape(body):
        return b'{"reason": "no"}'.ljust(len(body))

    with pytest.raises(AssertionError):
        other = serve(changed(server.app, in_another_shape))
        it_is_refused(clients, name, other, 429, words)


@pytest.mark.slow
@every_client
def test_a_real_client_keeps_what_came_before_a_failure(
    clients, name, answer_with, serve, server
):
    answer_with("one", " two", failures.ModelConnectionError(SECRET))
    it_keeps_what_came(clients, name, serve(server.app))

    def in_another_shape(body):
        return body.replace(b'{"error": ', b'{"choices": [], "failure": ')

    with pytest.raises(AssertionError):
        other = serve(changed(server.app, in_another_shape))
        it_keeps_what_came(clients, name, other)


def test_curl_shows_the_stream(answer_with, serve, server):
    if not shutil.which("curl"):
        (pytest.fail if os.environ.get("CI") else pytest.skip)("curl is missing")
    answer_with("one", " two")

    def it_shows_all(url):
        words = [f"{url}{PATH}", "-d", json.dumps(question(stream=True))]
        words += ["-H", "Authorization: Bearer sk-practice"]
        words += ["-H", "Content-Type: application/json"]
        curl = ["curl", "-sSfN", "--noproxy", "*", *words]
        shown = subprocess.run(curl, capture_output=True, text=True, timeout=LIMIT)
        assert shown.returncode == 0
        assert choices(shown.stdout) == ("one two", "stop")
        assert shown.stdout.endswith("\n\ndata: [DONE]\n\n")

    it_shows_all(serve(server.app))
    with pytest.raises(AssertionError):
        it_shows_all(serve(changed(server.app, lambda body: body[:-1])))


def test_a_react_component_can_read_it(node, answer_with, serve, server):
    answer_with("one", " two")
    assert node("15-react.mjs", f"{serve(server.app)}/v1", "Hello?") == ["one two"]

    def two_in_one(body):
        return body.replace(b"\n\n", b" ")

    other = serve(changed(server.app, two_in_one))
    assert node("15-react.mjs", f"{other}/v1", "Hello?") != ["one two"]


# The lesson's own clients


@pytest.fixture
def run_client():
    """Return a function that runs a client of the lesson: what it wrote, to where."""

    def run(name, url, *words, **settings):
        done = subprocess.run(
            [sys.executable, LESSON / name, f"{url}/v1", *words],
            env=os.environ | {"PYTHONUTF8": "1"} | settings,
            capture_output=True,
            encoding="utf-8",
            timeout=2 * LIMIT,
        )
        return done.stdout, done.stderr

    return run


@pytest.mark.parametrize("name", ["client.py", "client_async.py"])
def test_a_client_keeps_what_came_and_says_how_it_ended(
    answer_with, serve, name, monkeypatch, server
):
    def shown(*script):
        answer_with(*script)
        monkeypatch.setattr(sys, "argv", [name, f"{serve(server.app)}/v1", "Hi"])
        printed = io.TextIOWrapper(io.BytesIO(), "utf-8")
        with redirect_stdout(printed):
            runpy.run_path(str(LESSON / name), run_name="__main__")
        printed.flush()
        return printed.buffer.getvalue().decode()

    assert re.match(r"one two\n\n\[stop\]", shown("one", " two"))
    broken = shown("one", " two", failures.ModelConnectionError(SECRET))
    assert broken.startswith(f"one two\n\n[{NO_CONNECTION}]")
    busy = shown(failures.ModelRateLimitError(SECRET))
    assert busy.strip().startswith("[The model has too much to do: ask again in 5 s.]")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-wrong")
    assert shown("one").strip().startswith("[The key is missing or wrong.]")


CLIENTS = sorted(LESSON.glob("client*.py"))
CLIENTS += sorted((LESSON.parent / "16-what-a-client-may-ask").glob("client*.py"))
CLIENTS += sorted(LESSON.parent.glob("16-*/two_answers.py"))


@pytest.mark.slow
@pytest.mark.parametrize("client", CLIENTS, ids=lambda path: path.name)
@pytest.mark.parametrize("setting", ["NO_PROXY", "no_proxy"])
def test_a_client_asks_this_machine_without_the_proxy(
    run_client, answer_with, serve, client, server, setting
):
    """Here nobody listens where the proxy should be, and other hosts are excepted.

    What a terminal would obey, as lesson 01 shows, is not printed.
    """
    model = answer_with("\x1b[2Jone", "\x9b2J")
    proxies = {"HTTP_PROXY": "http://127.0.0.1:9", "http_proxy": "http://127.0.0.1:9"}
    settings = proxies | {setting: "school.example"}
    shown, error = run_client(client, serve(server.app), "Hi", **settings)
    assert "one" in shown and len(model.prompts) == 1, error
    assert not {"\x1b", "\x9b"} & {*shown}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["client.py", "client_async.py"])
def test_a_client_works_with_openai_1_too(
    run_client, openai_1, answer_with, serve, name, server
):
    answer_with("one", " two", failures.ModelConnectionError(SECRET))
    url, folder = serve(server.app), str(openai_1)
    shown, error = run_client(name, url, "Hi", PYTHONPATH=folder)
    assert shown.startswith(f"one two\n\n[{NO_CONNECTION}]"), error


@pytest.mark.slow
def test_client_py_prints_each_piece_as_it_comes_with_dots_before(
    answer_with, serve, server
):
    first, second = threading.Event(), threading.Event()
    answer_with(first, "one", second, " two")
    url = f"{serve(server.app)}/v1"
    command = [sys.executable, LESSON / "client.py", url, "Hi"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe) as client:
        assert client.stderr.read(2) == b".."  # while nothing has come
        first.set()
        assert client.stdout.read(3) == b"one"
        second.set()
        rest = client.stdout.read().decode()
    assert rest == " two\n\n[stop] 2 pieces, 7 characters\n"


def test_client_py_does_not_wait_for_ever(run_client, serve, tmp_path):
    client = (LESSON / "client.py").read_text("utf-8")
    assert "timeout=30" in client
    impatient = tmp_path / "client.py"
    impatient.write_text(client.replace("timeout=30", "timeout=0.5"), "utf-8")
    gate = threading.Event()

    def silent(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/event-stream")])
        yield b'data: {"choices": [{"index": 0, "delta": {"content": "one"}}]}\n\n'
        gate.wait(LIMIT)

    shown, _ = run_client(impatient, serve(silent), "Hi")
    gate.set()
    assert re.match(r"one\n\n\[Request timed out.\] 1 pieces", shown)


def test_client_async_prints_five_pieces_at_a_time(answer_with, serve, server):
    gate = threading.Event()
    answer_with("1", "2", "3", "4", "5", "6", gate, "7")
    url = f"{serve(server.app)}/v1"
    command = [sys.executable, LESSON / "client_async.py", url, "Hi"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as client:
        assert client.stdout.read1() == b"1234"  # and the role: five
        gate.set()
        assert client.stdout.read().decode().split() == ["567", "[stop]"]


@pytest.mark.slow
def test_client_async_has_a_limit_of_its_own(run_client, serve, tmp_path):
    client = (LESSON / "client_async.py").read_text("utf-8")
    assert "asyncio.timeout(60)" in client
    impatient = tmp_path / "client_async.py"
    impatient.write_text(client.replace("(60)", "(5)"), "utf-8")
    left = threading.Event()

    def never_ends(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/event-stream")])
        while not left.wait(0.01):
            yield b'data: {"choices": [{"index": 0, "delta": {"content": "1"}}]}\n\n'

    shown, error = run_client(impatient, serve(never_ends), "Hi")
    left.set()
    assert shown.startswith("11111") and not error
    assert shown.endswith("\n\n[it took more than a minute]\n")


@pytest.mark.slow
def test_lesson_01_can_be_pointed_at_it(tmp_path):
    settings = (LESSON / "practice.env").read_text("utf-8")
    with running("--app", str(LESSON / "app"), "run") as url:
        mine = tmp_path / "practice.env"
        port = url.rpartition(":")[2]
        mine.write_text(settings.replace("8001", port), "utf-8")
        first = "lessons/01-a-stream-in-the-terminal/app"
        words = ["--env-file", str(mine), "--app", first, "ask", "/echo Tragödie 👋"]
        env = os.environ | {"PYTHONUTF8": "1"}
        del env["PYTHON_DOTENV_DISABLED"]
        done = subprocess.run(
            [sys.executable, "-m", "flask", *words],
            cwd=ROOT,
            env=env,
            capture_output=True,
            encoding="utf-8",
            timeout=2 * LIMIT,
        )
        assert done.stdout == "Tragödie 👋\n\n5 chunks, 10 characters\n", done.stderr


# What guides print, and what it does


def test_the_loop_that_many_guides_print_loses_text(node):
    assert node("15-printed-loop.mjs") == [107, 126]


# The page


def test_the_page_shows_the_answer_and_what_came(browser, answer_with, serve, server):
    answer_with("Tra", "gö <b>", USAGE)
    browser.get(serve(server.app))
    wait = WebDriverWait(browser, LIMIT, 0.02)
    prompt = browser.find_element(By.NAME, "prompt")
    prompt.send_keys("Hello?")
    prompt.submit()
    answer = browser.find_element(By.ID, "answer")
    wait.until(lambda _: answer.get_property("textContent") == "Tragö <b>")
    wire = browser.find_element(By.ID, "wire")
    wait.until(lambda _: "[DONE]" in wire.text)
    assert wire.text.startswith('data: {"id": "chatcmpl-')
    assert browser.find_element(By.ID, "problem").text == ""
    key = browser.find_element(By.NAME, "key")
    key.clear()
    key.send_keys("sk-wrong")
    prompt.submit()
    sentence = "The answer is not whole: The key is missing or wrong."
    wait.until(lambda _: browser.find_element(By.ID, "problem").text == sentence)


CUT = {
    "length": "it reached its length limit.",
    "content_filter": "the provider's filter stopped it.",
}


@pytest.mark.parametrize("reason", CUT)
def test_the_page_says_why_an_answer_is_not_whole(
    browser, answer_with, serve, reason, server
):
    end = AIMessageChunk("", response_metadata={"finish_reason": reason})
    answer_with().stream = lambda _: (chunk for chunk in [AIMessageChunk("one"), end])
    browser.get(serve(server.app))
    prompt = browser.find_element(By.NAME, "prompt")
    prompt.send_keys("Hello?")
    prompt.submit()
    problem = browser.find_element(By.ID, "problem")
    WebDriverWait(browser, LIMIT, 0.02).until(lambda _: problem.text)
    assert problem.text == f"The answer is not whole: {CUT[reason]}"
    assert browser.find_element(By.ID, "answer").text == "one"

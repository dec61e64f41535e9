"""`flask run`, as a student starts it: many answers at once, and a wrong key."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import requests
from support import LIMIT, ROOT
from support.provider import Provider, refuse
from support.servers import free_port, running, wait_for

pytestmark = pytest.mark.slow

SLOW = {"prompt": "/slow 5 /long 999"}


def ask(url, body=SLOW):
    return requests.post(f"{url}/ask", json=body, stream=True, timeout=LIMIT)


def ask_at_once(url, times):
    """Ask so often at once; return the answers, each with its first piece read."""
    answers = []

    def one():
        answer = ask(url)
        answer.pieces = answer.iter_content(None)  # dropped, it would hang up
        next(answer.pieces)
        answers.append(answer)

    threads = [threading.Thread(target=one) for _ in range(times)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LIMIT)
    return answers


def test_64_answers_run_at_once_and_the_next_is_told_to_wait():
    with running("run") as url:
        answers = ask_at_once(url, 64)
        assert [answer.status_code for answer in answers] == [200] * 64
        next_one = ask(url)
        assert next_one.status_code == 503
        assert next_one.headers["Retry-After"] == "5"
        assert "ask again in 5 s" in next_one.json()["error"]
        assert (
            requests.get(url, timeout=LIMIT).status_code == 200
        )  # the page still comes
        for answer in answers:
            answer.close()
        # Each is noticed at its next word; then none is counted as running.
        for _ in range(LIMIT):
            again = ask_at_once(url, 64)
            statuses = [answer.status_code for answer in again]
            for answer in again:
                answer.close()
            if statuses == [200] * 64:
                break
            threading.Event().wait(0.5)
        else:
            raise AssertionError(f"64 places were free, and now: {statuses}")


def test_settings_of_the_environment_are_kept():
    """A class reaches the server by its address; one answer at once, no second try."""
    settings = {"TRUSTED_HOSTS": "a.example, 127.0.0.1", "ANSWERS_AT_ONCE": "1"}
    with running("run", MODEL_RETRIES="0", **settings) as url:
        first = ask(url)
        assert ask(url).status_code == 503
        first.close()
        for host, status in [("a.example", 200), ("localhost", 400)]:
            page = requests.get(url, headers={"Host": host}, timeout=LIMIT)
            assert page.status_code == status
    with running("run", MODEL_RETRIES="0") as url:
        flaky = [ask(url, {"prompt": "/flaky 1 /echo one"}) for _ in range(2)]
        assert [answer.status_code for answer in flaky] == [502, 200]


def test_a_reader_that_stops_reading_loses_its_place():
    """It is given as long as the longest answer may take, here one second."""
    settings = {"ANSWERS_AT_ONCE": "1", "ANSWER_SECONDS": "1"}
    with running("run", **settings) as url:
        words = {"prompt": f"/slow 999999 /long 999999 /echo {'x' * 60_000}"}
        asleep = ask(url, words)
        assert asleep.status_code == 200  # and nothing of its body is ever read
        for _ in range(LIMIT * 10):
            if ask(url, {"prompt": "/slow 999 /echo one"}).status_code == 200:
                break
            threading.Event().wait(0.1)
        else:
            raise AssertionError("a reader that does not read keeps its place")
        asleep.close()


def test_a_wrong_key_is_a_sentence_in_debug_too(tmp_path):
    log = tmp_path / "log"
    with Provider(refuse(401)) as provider:
        settings = {"OPENAI_BASE_URL": provider.url, "OPENAI_API_KEY": "sk-wrong-key"}
        with running("run", "--debug", "--no-reload", log=log, **settings) as url:
            answer = ask(url, {"prompt": "Hello?"})
            sentence = answer.json()["error"]
        assert provider.requests[0].headers["Authorization"] == "Bearer sk-wrong-key"
    assert answer.status_code == 502
    assert "did not accept the key: check OPENAI_API_KEY in the environment" in sentence
    assert "sk-" not in sentence + log.read_text(encoding="utf-8")


def test_a_broken_answer_breaks_in_debug_too(tmp_path):
    with running("run", "--debug", "--no-reload") as url:
        came = b""
        try:
            for piece in ask(url, {"prompt": "/fail some words"}).iter_content(None):
                came += piece
        except requests.exceptions.ChunkedEncodingError:
            pass
        else:
            raise AssertionError("the answer ended as if it were whole")
    assert came.startswith(b"some words\n[error: ")


# `python app.py`, which is what the Run button of an editor does


@pytest.fixture
def python_app(tmp_path):
    """Return a function that runs app.py by its name; end what it has started."""
    started = []

    def run(*words, **settings):
        port = free_port()
        with (tmp_path / "log").open("w", encoding="utf-8") as log:
            process = subprocess.Popen(
                [sys.executable, Path("..", "app.py"), *words],
                cwd=ROOT / "lessons",  # or any other folder: editors have their own
                env=os.environ | {"FLASK_RUN_PORT": str(port)} | settings,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # with --debug it starts another
            )
        started.append(process)
        wait_for(port)
        return f"http://127.0.0.1:{port}", tmp_path / "log"

    yield run
    for process in started:
        if os.name == "nt":
            process.terminate()
        else:
            os.killpg(process.pid, signal.SIGTERM)
        process.wait(LIMIT)


@pytest.mark.parametrize("words", [[], ["--debug"]], ids=["plain", "debug"])
def test_python_app_py_does_what_flask_run_does(python_app, words):
    url, log = python_app(*words, MODEL_TIMEOUT="7")
    assert ask(url, {"prompt": "/echo Hi"}).text == "Hi"
    assert requests.get(f"{url}/lessons/", timeout=LIMIT).status_code == 200
    printed = log.read_text(encoding="utf-8")
    for line in (
        "Model: practice (MODEL_TIMEOUT from",
        "Serving Flask app",
        "Running on",
    ):
        assert printed.count(line) == 1, line


def test_python_app_py_breaks_a_broken_answer_in_debug_too(python_app):
    url, _ = python_app("--debug")
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        ask(url, {"prompt": "/fail some words"}).content  # noqa: B018

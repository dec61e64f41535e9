"""Lesson 10: a stream between two threads, and the services that send into it."""

import importlib
import json
import threading
from itertools import islice
from threading import Condition, Event, Thread

import pytest
import requests
from langchain_core import exceptions
from selenium.webdriver.support.ui import WebDriverWait
from support import LIMIT
from support.kept_streams import Kept
from support.servers import production, running

import failures
from lessons.course.for_checks.failing_model import SECRET

NAME = "lessons.10-a-stream-object"
lesson = importlib.import_module(f"{NAME}.app")
streams = importlib.import_module(f"{NAME}.stream")
Stream, StreamClosed, ROOM = streams.Stream, streams.StreamClosed, streams.ROOM
VALUES = ["It left.", {"hello": "World"}, ["a", {"b": 1}], 5, None, "", 0, False]
LONG = "word " * 4000  # a thousand of them are more than the buffers on the way hold


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


@pytest.fixture
def answering():
    return lesson


@pytest.fixture
def kind_of_model():
    return Kept


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


@pytest.mark.parametrize("reason", VALUES)
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
    last = {"isError": True, "reason": failures.MISTAKE.sentence}
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
    assert answer.status_code == (200 if sent else 500)
    assert failures.MISTAKE.sentence in answer.text
    line = service.__code__.co_firstlineno + 3
    here = f"in test_10_stream_object.py, line {line}"
    assert f"NameError {here} after {sent} messages" in caplog.text


def test_a_service_that_sends_nothing_is_an_empty_answer(serve_with, ask):
    serve_with(lambda prompt, stream: None)
    answer = ask()
    assert (answer.status_code, answer.get_data()) == (200, b"")


def test_the_status_waits_for_a_model_that_takes_its_time(serve_with, ask):
    def service(prompt, stream):
        assert stream.changed.awaited.wait(LIMIT)
        raise exceptions.ModelTimeoutError(SECRET)

    serve_with(service)
    assert ask().status_code == 504


# The reader


def test_when_the_reader_leaves_the_model_is_hung_up_on_and_the_thread_ends(
    answer_with, serve
):
    before = set(threading.enumerate())
    model = answer_with(*[LONG] * 1000)
    url = f"{serve(lesson.app)}/ask"
    with requests.post(url, json={"prompt": "Hi"}, stream=True, timeout=LIMIT) as got:
        pieces = got.iter_content(None)  # kept: without it requests hangs up
        next(pieces)
        services = [
            thread
            for thread in set(threading.enumerate()) - before
            if "(run)" in thread.name
        ]
    assert model.closed.wait(LIMIT) and model.closed_early and model.made < 1000
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


@pytest.mark.slow
@pytest.mark.parametrize("kind", SERVERS)
def test_under_every_server_a_reader_who_leaves_is_noticed(kind, tmp_path):
    log = tmp_path / "log"
    with SERVERS[kind](log) as url:
        post = lambda prompt: requests.post(  # noqa: E731
            f"{url}/ask", json={"prompt": prompt}, stream=True, timeout=LIMIT
        )
        whole = [json.loads(line) for line in post("/echo one two").iter_lines()]
        assert whole[0] == {"token": "one"} and whole[-1] == {"end": "stop"}
        assert post("/busy 3").status_code == 429
        with post("/slow 20 /long 900") as answer:
            next(answer.iter_lines(chunk_size=None))
        WebDriverWait(tmp_path / "log", LIMIT, 0.05).until(
            lambda log: "StreamClosed in stream.py" in log.read_text(encoding="utf-8")
        )

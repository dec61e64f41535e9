"""Lesson 20: answers that outlive their reader, in one process and on many machines."""

import importlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tracemalloc
from contextlib import ExitStack
from pathlib import Path
from threading import Event, Thread
from time import monotonic
from types import SimpleNamespace

import httpx
import pytest
import redis
import requests
from httpx_sse import connect_sse
from langchain_core.exceptions import ModelRateLimitError
from langchain_core.messages import AIMessageChunk
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait
from support import LIMIT, ROOT
from support.machines import celery_worker, gunicorn, need, nginx, redis_server, started
from support.servers import changed, free_port
from werkzeug import Response

from lessons.course.for_checks.failing_model import SECRET
from lessons.course.for_checks.loading import load
from lessons.course.for_checks.scripted_model import ScriptedModel
from practice import PracticeModel

pytestmark = pytest.mark.slow

NAME = "lessons.20-answers-that-outlive-their-reader"
FOLDER = ROOT / NAME.replace(".", "/")
NOTES = (FOLDER / "README.md").read_text(encoding="utf-8")
lesson = importlib.import_module(f"{NAME}.app")
writing = importlib.import_module(f"{NAME}.writing")
starting = importlib.import_module(f"{NAME}.starting")
readers = importlib.import_module(f"{NAME}.readers")
stores = importlib.import_module(f"{NAME}.stores")
limits = importlib.import_module(f"{NAME}.limits")
memory = importlib.import_module(f"{NAME}.memory")
in_memory = importlib.import_module(f"{NAME}.in_memory")
in_redis = importlib.import_module(f"{NAME}.in_redis")


@pytest.fixture(autouse=True)
def an_empty_store(monkeypatch):
    """Let each test begin without answers."""
    monkeypatch.setattr(lesson.store, "answers", {})
    monkeypatch.setattr(lesson.store, "chats", {})


@pytest.fixture
def answering():
    return writing


@pytest.fixture
def client():
    return lesson.app.test_client()


def begin(client, prompt="Hello?"):
    """Begin an answer; return where it can be read."""
    answer = client.post("/answers", json={"prompt": prompt})
    assert answer.status_code == 201, answer.text
    assert answer.headers["Location"] == f"/answers/{answer.json['id']}"
    return answer.headers["Location"]


def events_in(text):
    """Return (number, name, fields) for each event in a body."""
    found = []
    for block in text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.split("\n") if line)
        if "data" in fields:
            event = int(fields["id"]), fields["event"], json.loads(fields["data"])
            found.append(event)
    return found


def tokens_in(text):
    """Return the text that the token events in a body bring."""
    return "".join(each[2].get("token", "") for each in events_in(text))


def test_an_answer_is_read_from_its_first_event_to_its_last(client, answer_with):
    answer_with("one", " two")
    answer = client.get(begin(client))
    assert answer.mimetype == "text/event-stream"
    assert events_in(answer.text) == [
        (1, "start", {}),
        (2, "token", {"token": "one"}),
        (3, "token", {"token": " two"}),
        (4, "done", {"reason": "stop"}),
    ]


def test_it_can_be_read_again_and_by_others(client, answer_with):
    model = answer_with("one", " two")
    place = begin(client)
    assert {tokens_in(client.get(place).text) for _ in range(3)} == {"one two"}
    assert model.prompts == ["Hello?"]


def test_the_first_event_is_sent_before_the_second_is_made(client, answer_with):
    gate = Event()
    model = answer_with("one", gate, " two")
    pieces = client.get(begin(client)).iter_encoded()
    assert (b"start" in next(pieces), b"one" in next(pieces)) == (True, True)
    assert model.made == 1
    gate.set()
    assert tokens_in(b"".join(pieces).decode()) == " two"


def test_it_is_written_on_while_nobody_reads(client, answer_with):
    gate = Event()
    model = answer_with("one", gate, " two")
    place = begin(client)
    answer = client.get(place)
    pieces = answer.iter_encoded()
    next(pieces)
    answer.close()
    gate.set()
    assert model.closed.wait(LIMIT) and not model.closed_early
    assert tokens_in(client.get(place).text) == "one two"


@pytest.mark.parametrize("number", range(5))
def test_who_comes_back_gets_what_came_after_the_last_event(
    client, answer_with, number
):
    answer_with("one", " two")
    place = begin(client)
    whole = events_in(client.get(place).text)
    back = client.get(place, headers={"Last-Event-ID": str(number)})
    assert events_in(back.text) == whole[number:]
    assert back.status_code == (204 if number == 4 else 200)


@pytest.mark.parametrize("number", ["-3", "", "x", "1.5", "9" * 30])
def test_a_last_event_that_there_cannot_be_does_no_harm(client, answer_with, number):
    answer_with("one")
    place = begin(client)
    client.get(place).get_data()
    answer = client.get(place, headers={"Last-Event-ID": number})
    assert answer.status_code in (200, 204)


def test_an_unknown_name_is_a_404(client):
    for answer in client.get("/answers/none"), client.delete("/answers/none"):
        assert (answer.status_code, answer.json) == (
            404,
            {"error": "There is no such answer, or no longer: ask again."},
        )


def test_names_cannot_be_guessed(client, answer_with):
    answer_with("one")
    places = {begin(client) for _ in range(20)}
    assert len(places) == 20
    assert min(len(place.removeprefix("/answers/")) for place in places) >= 22


def test_stop_ends_it_for_every_reader_and_hangs_up_on_the_model(client, answer_with):
    gate = Event()
    model = answer_with("one", gate, " two", " three")
    place = begin(client)
    pieces = client.get(place).iter_encoded()
    next(pieces), next(pieces)
    assert client.delete(place).status_code == 204
    assert events_in(next(pieces).decode()) == [(3, "done", {"reason": "stopped"})]
    assert list(pieces) == []
    gate.set()
    assert model.closed.wait(LIMIT) and model.closed_early
    assert tokens_in(client.get(place).text) == "one"


def test_stop_after_the_end_changes_nothing(client, answer_with):
    answer_with("one")
    place = begin(client)
    whole = client.get(place).text
    assert client.delete(place).status_code == 204
    assert client.get(place).text == whole


def test_a_failure_is_the_last_event_and_not_the_models_words(client, answer_with):
    error = ModelRateLimitError(SECRET)
    error.response = SimpleNamespace(headers={"retry-after": "7"})
    answer_with("one", error)
    text = client.get(begin(client)).text
    assert [name for _, name, _ in events_in(text)] == ["start", "token", "error"]
    assert "ask again in 7 s" in text and "sk-pr" not in text


def test_what_breaks_after_the_finish_reason_takes_no_text_away(client, answer_with):
    reason = AIMessageChunk("", response_metadata={"finish_reason": "stop"})
    answer_with("one", reason, ModelRateLimitError(SECRET))
    events = events_in(client.get(begin(client)).text)
    assert [name for _, name, _ in events] == ["start", "token", "done"]
    assert events[-1][2] == {"reason": "stop"}


def test_an_answer_that_ran_into_a_limit_says_so(client, answer_with, monkeypatch):
    answer_with("one", " two")
    monkeypatch.setattr(writing, "ANSWER_SECONDS", -1)
    _, name, fields = events_in(client.get(begin(client)).text)[-1]
    assert name == "error" and "too long" in fields["error"]


def test_one_answer_too_many_is_a_503(client, answer_with, monkeypatch):
    monkeypatch.setattr(in_memory, "AT_ONCE", 2)
    gate = Event()
    answer_with(gate, "one")
    places = [begin(client), begin(client)]
    refused = client.post("/answers", json={"prompt": "Hi"})
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "5")
    gate.set()
    for place in places:
        client.get(place).get_data()
    begin(client)


def test_old_answers_are_forgotten(client, answer_with, monkeypatch):
    answer_with("one")
    old = begin(client)
    client.get(old).get_data()
    monkeypatch.setattr(in_memory, "KEEP", -1)
    begin(client)
    assert client.get(old).status_code == 404


def test_an_answer_for_which_there_is_no_thread_keeps_no_place(
    client, answer_with, monkeypatch
):
    monkeypatch.setattr(in_memory, "AT_ONCE", 1)
    answer_with("one")
    with monkeypatch.context() as patch:
        patch.setattr(starting.Thread, "start", cannot_start)
        refused = client.post("/answers", json={"prompt": "Hi"})
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "5")
    assert tokens_in(client.get(begin(client)).text) == "one"


def cannot_start(_thread):
    raise RuntimeError("can't start new thread")


def test_answers_that_are_written_share_the_memory_and_give_it_back(
    client, answer_with, monkeypatch
):
    token = memory.CHUNK + memory.size_of({"token": AIMessageChunk("word").text})
    monkeypatch.setattr(writing, "room", memory.Room(5 * token))
    one_is_written, gate = Event(), Event()
    answer_with("word", "word", one_is_written.set, gate)
    first = begin(client)
    assert one_is_written.wait(LIMIT)
    model = answer_with(*["word"] * 5)
    events = events_in(client.get(begin(client)).text)
    assert [name for _, name, _ in events] == ["start", *["token"] * 3, "error"]
    assert "Too many long answers" in events[-1][2]["error"]
    assert model.closed_early
    gate.set()
    assert tokens_in(client.get(first).text) == "wordword"
    answer_with(*["word"] * 5)
    assert tokens_in(client.get(begin(client)).text) == "word" * 5


def test_the_memory_for_a_chunk_is_what_langchain_takes():
    chunks = []
    stream = PracticeModel(name="practice").stream("/slow 999999 /long 3000")
    tracemalloc.start()
    try:
        for chunk in stream:
            chunks.append({"event": "token", "token": chunk.text})
            if len(chunks) == 2000:
                break
        used, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
        stream.close()
    measured = sum(memory.CHUNK + memory.size_of(event) for event in chunks)
    assert used / 1.5 < measured < 1.5 * used


def test_without_memory_for_more_answers_a_question_is_a_503(
    client, answer_with, monkeypatch
):
    answer_with("word" * 1000)
    client.get(begin(client)).get_data()
    monkeypatch.setattr(in_memory, "MEMORY", 4000)
    refused = client.post("/answers", json={"prompt": "Hi"})
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "60")
    assert refused.json["error"].startswith("Too many answers are kept here")
    refused = client.post("/chat", json=CHAT)
    assert (refused.status_code, lesson.store.chats) == (503, {})
    monkeypatch.setattr(in_memory, "KEEP", -1)
    begin(client)


@pytest.mark.parametrize("token", ["a", "word ", "Tragödie 👋", "word " * 1000])
def test_the_memory_of_an_answer_is_measured_and_not_guessed(token):
    answer = in_memory.Answer()
    assert answer.measure() == 0
    tracemalloc.start()
    try:
        for _ in range(2):  # what was measured is not measured again
            for number in range(500):
                event = {"event": "token", "token": f"{token}{number}"}
                answer.events.append(event)
            answer.measure()
        used, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert used / 1.5 < answer.measure() < 1.5 * used


def test_some_threads_are_left_for_those_who_do_not_read(serve, answer_with):
    gate = Event()
    answer_with("one", gate)
    url = serve(readers.RoomForReaders(lesson.app, readers=2))
    place = begin_at(url, "Hello?")

    def read():
        return requests.get(place, stream=True, timeout=LIMIT)

    with read() as first, read():
        until_it_comes(b"one", first)
        refused = [read(), requests.post(f"{url}/chat", json=CHAT, timeout=LIMIT)]
        for answer in refused:
            assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
            assert answer.json()["error"].startswith("Too many are reading")
        assert lesson.store.chats == {}
        assert requests.delete(place, timeout=LIMIT).status_code == 204
    gate.set()

    def whole_text():
        """Return the answer, once there is a place. One is freed a little later."""
        end = monotonic() + LIMIT
        while monotonic() < end:
            with read() as answer:
                if answer.status_code != 503:
                    return tokens_in(answer.text)
        raise AssertionError("No reader has given its place back.")

    # Each of three readers, one more than there are places, gives its place back.
    for _ in range(3):
        assert whole_text() == "one"


def until_it_comes(what, answer):
    """Read an answer until that has come."""
    came = b""
    for piece in answer.iter_content(None):
        came += piece
        if what in came:
            return
    raise AssertionError(f"{what} did not come, but {came}")


def test_a_place_of_a_reader_comes_back_when_the_program_breaks(client):
    def breaks(_environ, _start_response):
        raise ZeroDivisionError

    room = readers.RoomForReaders(breaks, readers=1)
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            room({"REQUEST_METHOD": "GET", "PATH_INFO": "/answers/a"}, None)


def test_a_silence_has_heartbeats_which_are_no_events(client, answer_with, monkeypatch):
    monkeypatch.setattr(in_memory, "HEARTBEAT", 0.001)
    gate = Event()
    answer_with(gate, "one")
    pieces = client.get(begin(client)).iter_encoded()
    next(pieces)
    assert next(pieces) == next(pieces) == b": heartbeat\n"
    gate.set()
    assert tokens_in(b"".join(pieces).decode()) == "one"


@pytest.mark.parametrize("prompt", [None, 5, "", ["a"], [["system", "Obey"]]])
def test_it_takes_a_string_only(client, answer_with, prompt):
    model = answer_with("one")
    assert client.post("/answers", json={"prompt": prompt}).status_code == 400
    assert model.prompts == [] and lesson.store.answers == {}


# Clients that nobody here wrote


def test_httpx_sse_reads_an_answer_and_comes_back(serve, answer_with):
    answer_with("one", " two")
    url = serve(lesson.app)
    place = begin_at(url, "Hello?")

    def read(headers):
        ask = connect_sse(client, "GET", place, headers=headers)
        with ask as source:
            return [(each.id, each.event, each.json()) for each in source.iter_sse()]

    client = httpx.Client(timeout=LIMIT)
    whole = read({})
    assert [name for _, name, _ in whole] == ["start", "token", "token", "done"]
    assert read({"Last-Event-ID": whole[1][0]}) == whole[2:]
    client.close()


QUESTION = {"role": "user", "id": "m1", "parts": [{"type": "text", "text": "Hello?"}]}
CHAT = {"id": "chat-1", "messages": [QUESTION]}


def test_use_chat_reads_on_after_a_reload(node, serve, answer_with):
    gate = Event()
    model = answer_with("one", gate, " two")
    url = serve(lesson.app)
    with requests.post(f"{url}/chat", json=CHAT, stream=True, timeout=LIMIT) as page:
        assert b"start" in next(page.iter_content(None))  # and then it is closed
    # From the first piece on that reaches the new page, the model may go on.
    new = serve(changed(lesson.app, lambda piece: gate.set() or piece))
    [shown] = node("20-resume.mjs", f"{new}/chat", "chat-1")
    assert shown == {"texts": ["one two"], "error": None}
    assert model.prompts == ["Hello?"]


def test_use_chat_without_an_answer_that_is_being_written_gets_a_204(
    node, serve, client, answer_with
):
    answer_with("one")
    assert client.get("/chat/chat-1/stream").status_code == 204
    client.post("/chat", json=CHAT).get_data()
    assert client.get("/chat/chat-1/stream").status_code == 204
    [shown] = node("20-resume.mjs", f"{serve(lesson.app)}/chat", "none")
    assert shown == {"texts": [], "error": None}


@pytest.mark.parametrize(
    "body",
    [
        [],
        {},
        {"id": 5},
        {"id": "a"},
        {"id": "a", "messages": []},
        {"id": "a", "messages": [5]},
        {"id": "a", "messages": [{"parts": 5}]},
        {"id": "a", "messages": [{"parts": [{"type": "text", "text": 5}]}]},
        {"id": "a", "messages": [{"parts": [{"type": "text", "text": " "}]}]},
        {"id": "a", "messages": [{"parts": [{"type": "text", "text": "\ud83d"}]}]},
        CHAT | {"id": "\ud83d"},
        CHAT | {"id": "a" * 101},
    ],
)
def test_a_chat_that_cannot_be_answered_is_refused_and_takes_no_place(
    client, answer_with, monkeypatch, body
):
    monkeypatch.setattr(in_memory, "AT_ONCE", 1)
    model = answer_with("one")
    for _ in range(2):
        assert client.post("/chat", json=body).status_code == 400
    assert (model.prompts, lesson.store.answers, lesson.store.chats) == ([], {}, {})
    assert "one" in client.post("/chat", json=CHAT | {"id": "a" * 100}).text


# In a browser: a reload, another window, and the stop button


@pytest.fixture
def page(browser, serve):
    """Open the lesson's page in the browser, and return its address."""
    url = serve(lesson.app)
    browser.get(url)
    return url


def ask_on_page(browser, prompt="Hello?"):
    browser.find_element(By.NAME, "prompt").send_keys(prompt + "\n")


def shows(browser, selector, text):
    """Wait until an element of the page shows the text."""
    wait = WebDriverWait(browser, LIMIT)
    wait.until(lambda _: browser.find_element(By.CSS_SELECTOR, selector).text == text)


def test_a_reload_reads_on(browser, page, answer_with):
    gate = Event()
    model = answer_with("one", gate, " two")
    ask_on_page(browser)
    shows(browser, "#answer", "one")
    browser.refresh()
    shows(browser, "#answer", "one")
    gate.set()
    shows(browser, "#answer", "one two")
    assert model.prompts == ["Hello?"]
    browser.refresh()
    shows(browser, "#answer", "one two")


def test_stop_in_one_window_stops_in_another(browser, page, answer_with):
    gate = Event()
    model = answer_with("one", gate, " two", " three")
    ask_on_page(browser)
    shows(browser, "#answer", "one")
    first, address = browser.current_window_handle, browser.current_url
    browser.switch_to.new_window("tab")
    try:
        browser.get(address)
        shows(browser, "#answer", "one")
        browser.find_element(By.ID, "stop").click()
        shows(browser, "#problem", "You stopped here.")
    finally:
        browser.close()
        browser.switch_to.window(first)
    shows(browser, "#problem", "You stopped here.")
    gate.set()
    assert model.closed.wait(LIMIT) and model.closed_early


@pytest.mark.parametrize(
    ("script", "sentence"),
    [
        ([ModelRateLimitError("no")], "ask again in 5 s"),
        (["one", ModelRateLimitError("no")], "ask again in 5 s"),
    ],
)
def test_the_page_says_that_an_answer_is_not_whole(
    browser, page, answer_with, script, sentence
):
    answer_with(*script)
    ask_on_page(browser)
    WebDriverWait(browser, LIMIT).until(
        lambda _: sentence in browser.find_element(By.ID, "problem").text
    )


def test_the_page_says_that_no_machine_takes_the_question(browser, serve):
    replies = [
        Response("<h1>502 Bad Gateway</h1>", 502),  # as nginx says it
        Response('["busy"]', 503, mimetype="application/json"),
    ]

    def answer(environ, start_response):
        asks = environ["REQUEST_METHOD"] == "POST"
        app = replies.pop(0) if asks else lesson.app
        return app(environ, start_response)

    browser.get(serve(answer))
    ask_on_page(browser)
    shows(browser, "#problem", "The server answered 502: ask again in a moment.")
    ask_on_page(browser)
    shows(browser, "#problem", "The server answered 503: ask again in a moment.")
    browser.execute_script("fetch = () => Promise.reject(new TypeError())")
    ask_on_page(browser)
    sentence = "The server cannot be reached: ask again in a moment."
    shows(browser, "#problem", sentence)


def test_the_page_of_an_answer_that_is_gone_says_so(browser, page):
    browser.get(f"{page}/?answer=none")
    shows(browser, "#problem", "The answer is gone: ask again.")


# On many machines: two web machines behind nginx, two workers, one Redis


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    """Return the path of the file that all servers write to."""
    return tmp_path_factory.mktemp("log") / "servers"


@pytest.fixture(scope="module")
def machines(tmp_path_factory, log):
    """Start Redis, two workers, two web machines and nginx; return them by name."""
    folder = tmp_path_factory.mktemp("machines")
    with ExitStack() as servers:
        start = servers.enter_context
        redis = start(redis_server(folder, log))
        settings = {
            "REDIS_URL": f"redis://127.0.0.1:{redis.port}",
            "MODEL": "practice",
            "ANSWERS_AT_ONCE": 100,
            "HEARTBEAT": 1,
        }
        workers = [
            start(celery_worker(f"{NAME}.worker", log, **settings)) for _ in range(2)
        ]
        web = [start(gunicorn(f"{NAME}.app", log, **settings)) for _ in range(2)]
        ports = {8001: web[0].port, 8002: web[1].port, 8080: free_port()}
        conf = FOLDER / "nginx.conf"
        front = start(nginx(folder, conf, ports, log))
        url = f"http://127.0.0.1:{front.port}"
        yield SimpleNamespace(
            redis=redis, workers=workers, web=web, front=front, url=url
        )


@pytest.fixture
def whole(machines):
    """Return the machines, all of them up, and see to it that they are afterwards."""
    yield machines
    for server in [machines.redis, *machines.workers, *machines.web, machines.front]:
        if server.process.poll() is not None:
            server.start()


def begin_at(url, prompt):
    """Begin an answer; return where it can be read, with the server's address."""
    answer = requests.post(f"{url}/answers", json={"prompt": prompt}, timeout=LIMIT)
    assert answer.status_code == 201, answer.text
    return url + answer.headers["Location"]


class Follower:
    """A reader that comes back where its line breaks, as EventSource does."""

    def __init__(self, place):
        self.place = place
        self.last = 0
        self.events = []  # (number, name, fields)
        self.breaks = 0

    def read(self, count=10**9):
        """Read until that many events have come, or the last; come back if need be."""
        while not self.is_done() and len(self.events) < count:
            try:
                self.read_some(count)
            except requests.RequestException:
                self.breaks += 1
                assert self.breaks < 10 * LIMIT
                Event().wait(0.1)
        return self

    def read_some(self, count):
        headers = {"Last-Event-ID": str(self.last)}
        with requests.get(
            self.place, headers=headers, stream=True, timeout=LIMIT
        ) as answer:
            if answer.status_code in (502, 503, 504):
                raise requests.ConnectionError
            assert answer.status_code == 200, answer.text
            fields = {}
            for line in answer.iter_lines(1, decode_unicode=True):
                name, _, value = line.partition(": ")
                fields[name] = value
                if line == "" and "data" in fields:
                    self.last = int(fields["id"])
                    event = json.loads(fields["data"])
                    self.events.append((self.last, fields["event"], event))
                    fields = {}
                    if len(self.events) >= count:
                        return

    def is_done(self):
        return bool(self.events) and self.events[-1][1] in ("done", "error")

    def text(self):
        return "".join(each[2].get("token", "") for each in self.events)

    def has_each_once(self):
        numbers = [number for number, _, _ in self.events]
        return numbers == list(range(1, len(numbers) + 1))


def test_a_command_that_is_sent_again_adds_nothing(whole):
    """As redis-py does after a time-out, when the reply was lost, not the command."""
    store = in_redis.InRedis(f"redis://127.0.0.1:{whole.redis.port}")
    name = store.begin()
    assert store.add(name, {"event": "token", "token": "one"})
    store.numbers[name] = 1  # so that it is the same command once more
    assert store.add(name, {"event": "token", "token": "one"})
    store.end(name, {"event": "done", "reason": "stop"})
    store.end(name, {"event": "done", "reason": "again"})
    assert not store.add(name, {"event": "token", "token": "late"})
    assert list(store.read(name, 0)) == [
        (1, {"event": "start"}),
        (2, {"event": "token", "token": "one"}),
        (3, {"event": "done", "reason": "stop"}),
    ]


def test_an_answer_that_is_being_written_is_kept_during_a_silence(whole, monkeypatch):
    """However short ANSWERS_KEPT is: it says how long one is kept after its end."""
    monkeypatch.setattr(in_redis, "KEEP", 1)
    address = f"redis://127.0.0.1:{whole.redis.port}"
    store = in_redis.InRedis(address)
    name = store.begin()
    key = in_redis.key_of(name)
    with redis.Redis.from_url(address) as connection:
        assert connection.ttl(key) > in_redis.TO_BEGIN  # until a worker takes it up
        connection.expire(key, in_redis.TO_BEGIN)
        assert store.renew(name) and connection.ttl(key) > in_redis.TO_BEGIN
        store.end(name, writing.STOPPED)
        assert connection.ttl(key) <= 1


def test_an_answer_that_nobody_begins_is_given_up_and_its_model_never_asked(
    whole, monkeypatch
):
    monkeypatch.setattr(in_redis, "TO_BEGIN", 0)
    store = in_redis.InRedis(f"redis://127.0.0.1:{whole.redis.port}")
    name = store.begin()
    _, (number, event) = store.read(name, 0)
    assert (number, event["event"]) == (2, "error")
    assert event["error"].startswith("Nobody wrote this answer")
    assert not store.renew(name)  # which a worker asks before it asks the model


def test_a_writer_is_told_whether_its_answer_is_still_wanted(whole):
    store = in_redis.InRedis(f"redis://127.0.0.1:{whole.redis.port}")
    name = store.begin()
    assert store.renew(name)
    store.end(name, writing.STOPPED)
    assert not store.renew(name)
    assert not store.renew("none")


def test_redis_says_what_has_been_written_so_far(whole):
    store = in_redis.InRedis(f"redis://127.0.0.1:{whole.redis.port}")
    name = store.begin()
    store.add(name, {"event": "token", "token": "one"})
    events = [{"event": "start"}, {"event": "token", "token": "one"}]
    assert store.so_far(name) == events
    store.end(name, writing.STOPPED)
    assert store.so_far(name) == [*events, writing.STOPPED]
    with pytest.raises(limits.NoSuchAnswer):
        store.so_far("none")


def test_the_turns_solution_works_with_redis(whole, tmp_path, monkeypatch):
    folder = tmp_path / "mine"
    shutil.copytree(FOLDER, folder)
    change = (FOLDER / "turn" / "solution.diff").read_text(encoding="utf-8")
    patch = ["git", "apply", "-p0", "--recount", "-"]
    _, _, change = change.partition("\n")
    subprocess.run(patch, cwd=folder, input=change, encoding="utf-8", check=True)
    monkeypatch.setenv("REDIS_URL", f"redis://127.0.0.1:{whole.redis.port}")
    solution = load(folder, ScriptedModel())
    name = solution.store.begin()
    client = solution.app.test_client()
    place = f"/answers/{name}/text"
    solution.store.add(name, {"event": "token", "token": "one"})
    answer = client.get(place)
    assert (answer.status_code, answer.text) == (202, "one")
    solution.store.end(name, {"event": "error", "error": "No."})
    answer = client.get(place)
    assert (answer.status_code, answer.text) == (200, "one")
    assert client.get("/answers/none/text").status_code == 404


@pytest.fixture
def web(whole, monkeypatch):
    """Return the address of a web machine, and a client of its Redis."""
    url = f"http://127.0.0.1:{whole.web[0].port}"
    with redis.Redis(port=whole.redis.port) as connection:
        yield url, connection
        connection.config_set("maxmemory", 0)


def test_a_full_redis_refuses_questions_and_readers_hear_of_it(web):
    url, connection = web
    reader = Follower(begin_at(url, "/slow 10 /long 300")).read(5)
    connection.config_set("maxmemory", 1)
    refused = requests.post(f"{url}/answers", json={"prompt": "Hi"}, timeout=LIMIT)
    assert refused.status_code == 503
    assert refused.json()["error"].startswith("The answers cannot be reached")
    *events, (number, name, fields) = reader.read().events
    assert (number, name) == (events[-1][0], "error")
    assert fields["error"].startswith("The rest cannot be reached just now")
    connection.config_set("maxmemory", 0)
    # Now there is room for the end. Who comes back hears that the writer gave up.
    again = Follower(reader.place)
    again.last = number
    [(last, name, fields)] = again.read().events
    assert (last, name) == (number + 1, "error") and "stopped" in fields["error"]
    assert Follower(begin_at(url, COUNTED)).read().text() == WORDS


def test_a_redis_that_only_lets_itself_be_read_is_a_503(tmp_path, log, monkeypatch):
    monkeypatch.setattr(in_redis, "TO_BEGIN", 1)
    nobody = str(free_port())
    with redis_server(tmp_path, log) as server:
        store = in_redis.InRedis(f"redis://127.0.0.1:{server.port}")
        monkeypatch.setattr(lesson, "store", store)
        client = lesson.app.test_client()
        name = store.begin()
        store.add(name, {"event": "token", "token": "one"})
        with redis.Redis(port=server.port) as connection:
            connection.execute_command("REPLICAOF", "127.0.0.1", nobody)
        refused = [
            client.post("/answers", json={"prompt": "Hi"}),
            client.delete(f"/answers/{name}"),
        ]
        for answer in refused:
            assert answer.status_code == 503
            assert answer.json["error"].startswith("The answers cannot be reached")
        text = client.get(f"/answers/{name}").text
        assert tokens_in(text) == "one"
        number, name, fields = events_in(text)[-1]
        assert (number, name) == (2, "error") and "reload" in fields["error"]


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1:6379",
        "localhost",
        "http://127.0.0.1:6379",
        "redis://127.0.0.1:port",
        "redis://127.0.0.1:6379/answers",
        "redis://127.0.0.1:6379/5/6",
        "redis://127.0.0.1:6379/-1",
        "redis://127.0.0.1:6379?database=1",
        "redis://127.0.0.1:6379?socket_timeout=long",
        "redis://127.0.0.1:6379?protocol=5",
        "rediss://127.0.0.1:6379?ssl_cert_reqs=some",
        "redis://127.0.0.1:6379?retry=3",
        "redis://127.0.0.1:6379?encoding=latin-0",
    ],
)
def test_an_address_that_is_no_redis_stops_the_start_with_a_sentence(
    monkeypatch, address
):
    monkeypatch.setenv("REDIS_URL", address)
    with pytest.raises(SystemExit, match="REDIS_URL is not the address of a"):
        stores.choose_store()


def test_without_redis_a_question_is_refused_with_a_sentence(monkeypatch):
    monkeypatch.setattr(in_redis, "ATTEMPTS", 1)
    store = in_redis.InRedis(f"redis://127.0.0.1:{free_port()}")
    monkeypatch.setattr(lesson, "store", store)
    client = lesson.app.test_client()
    refused = client.post("/answers", json={"prompt": "Hi"}), client.get("/answers/a")
    for answer in refused:
        assert answer.status_code == 503
        assert answer.json["error"].startswith("The answers cannot be reached")


def test_a_redis_that_hangs_is_a_503_before_nginx_gives_up():
    store = in_redis.InRedis(f"redis://127.0.0.1:{free_port()}")
    how = store.redis.connection_pool.connection_kwargs
    backoff = how["retry"]._backoff
    pauses = [backoff.compute(number + 1) for number in range(in_redis.ATTEMPTS)]
    replies = (in_redis.ATTEMPTS + 1) * how["socket_timeout"]
    conf = (FOLDER / "nginx.conf").read_text(encoding="utf-8")
    [nginx_waits] = re.findall(r"proxy_read_timeout (\d+)s;", conf)
    assert how["socket_timeout"] == how["socket_connect_timeout"]
    assert sum(pauses) + replies < int(nginx_waits)
    assert how["socket_timeout"] > in_redis.LOOK / 1000


WORDS = " ".join(f"word{number}" for number in range(60))
COUNTED = f"/slow 30 /echo {WORDS}"  # two seconds


def test_an_answer_crosses_all_machines_once(whole):
    reader = Follower(begin_at(whole.url, COUNTED)).read()
    assert (reader.text(), reader.has_each_once()) == (WORDS, True)
    assert reader.events[-1][1:] == ("done", {"reason": "stop"})


def test_both_machines_know_each_answer(whole):
    place = begin_at(f"http://127.0.0.1:{whole.web[0].port}", COUNTED)
    other = place.replace(str(whole.web[0].port), str(whole.web[1].port))
    assert Follower(other).read().text() == WORDS


def test_pulling_the_plug_of_a_web_machine_loses_and_doubles_nothing(whole):
    prompt = f"/slow 8 /echo {WORDS}"
    readers = [Follower(begin_at(whole.url, prompt)) for _ in range(6)]
    threads = reading_in_threads(readers)
    for machine in whole.web:  # one after the other, so that each reader meets it
        machine.kill()
        machine.start()
    for thread in threads:
        thread.join()
    assert [reader.text() for reader in readers] == [WORDS] * 6
    assert all(reader.has_each_once() for reader in readers)
    assert sum(reader.breaks for reader in readers) >= 3


def test_a_worker_that_dies_leaves_a_broken_answer_that_is_not_begun_anew(whole):
    readers = [Follower(begin_at(whole.url, "/slow 10 /long 300")) for _ in range(8)]
    for reader in readers:
        reader.read(5)
    whole.workers[0].kill()
    whole.workers[1].kill()
    for reader in readers:
        reader.read()
        assert reader.has_each_once()
        assert reader.events[-1][1] == "error"
        assert "stopped in the middle" in reader.events[-1][2]["error"]
    whole.workers[0].start()
    assert Follower(begin_at(whole.url, COUNTED)).read().text() == WORDS
    for reader in readers:
        assert Follower(reader.place).read().events == reader.events


def test_redis_restarted_loses_no_answer(whole):
    reader = Follower(begin_at(whole.url, COUNTED)).read()
    running = Follower(begin_at(whole.url, "/slow 10 /long 60")).read(5)
    whole.redis.end()  # it writes down what it holds
    whole.redis.start()
    assert Follower(reader.place).read().events == reader.events
    running.read()
    assert running.has_each_once() and running.events[-1][1] == "done"


def test_a_stop_on_one_machine_stops_the_worker_of_another(whole):
    first, second = (f"http://127.0.0.1:{machine.port}" for machine in whole.web)
    reader = Follower(begin_at(first, "/slow 10 /long 300")).read(5)
    requests.delete(reader.place.replace(first, second), timeout=LIMIT)
    assert reader.read().events[-1][1:] == ("done", {"reason": "stopped"})
    again = Follower(reader.place).read()
    assert again.events == reader.events and len(again.events) < 300


def test_answers_at_once_are_counted_across_machines(whole):
    addresses = [f"http://127.0.0.1:{machine.port}/answers" for machine in whole.web]
    statuses = []
    places = []
    for number in range(104):
        question = {"prompt": "/slow 1 /long 200"}
        answer = requests.post(addresses[number % 2], json=question, timeout=LIMIT)
        statuses.append(answer.status_code)
        if answer.status_code == 201:
            places.append(whole.url + answer.headers["Location"])
    for place in places:
        requests.delete(place, timeout=LIMIT)
    assert (statuses.count(201), statuses.count(503)) == (100, 4)
    assert Follower(begin_at(whole.url, COUNTED)).read().text() == WORDS


def test_two_hundred_readers_get_each_event_once(whole):
    places = [begin_at(whole.url, COUNTED) for _ in range(20)]
    readers = [Follower(places[number % 20]) for number in range(200)]
    threads = [Thread(target=reader.read) for reader in readers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {reader.text() for reader in readers} == {WORDS}
    assert all(reader.has_each_once() for reader in readers)


def test_the_page_reads_on_while_web_machines_come_and_go(whole, browser):
    browser.get(whole.url)
    ask_on_page(browser, f"/slow 15 /echo {WORDS}")
    answer = browser.find_element(By.ID, "answer")
    WebDriverWait(browser, LIMIT).until(lambda _: "word9 " in answer.text)
    for machine in whole.web:
        machine.kill()
    assert "word59" not in answer.text
    for machine in whole.web:
        machine.start()
    WebDriverWait(browser, 3 * LIMIT).until(lambda _: answer.text == WORDS)


# The commands of the notes


@pytest.fixture(scope="module")
def by_the_notes(tmp_path_factory, log):
    """Start all servers by the commands of the notes; return them, by name."""
    folder = tmp_path_factory.mktemp("notes")
    [block] = re.findall(r"```sh\n(redis-server .+?)```", NOTES, re.S)
    ports = {port: free_port() for port in (6379, 8001, 8002, 8080)}
    conf = (FOLDER / "nginx.conf").read_text(encoding="utf-8")
    block = block.replace(f"lessons/{FOLDER.name}/nginx.conf", f"{folder}/nginx.conf")
    for port, instead in ports.items():
        block = block.replace(str(port), str(instead))
        conf = conf.replace(str(port), str(instead))
    (folder / "nginx.conf").write_text(conf, encoding="utf-8")
    need("redis-server")
    need("nginx")
    paths = [str(Path(sys.executable).parent), os.environ["PATH"], "/usr/sbin"]
    settings = {"PATH": os.pathsep.join(paths), "PYTHONPATH": str(ROOT)}
    redis_line, worker_line, *web_lines, nginx_line = block.splitlines()
    with ExitStack() as servers:

        def start(line, port=None):
            words = ["bash", "-c", f"exec env {line}"]
            return servers.enter_context(started(words, port, log, folder, **settings))

        first = start(redis_line, ports[6379])
        worker = start(worker_line)  # it listens on no port
        web = [
            start(line, int(re.search(r"--bind \S+:(\d+)", line)[1]))
            for line in web_lines
        ]
        front = start(nginx_line, ports[8080])
        yield SimpleNamespace(
            folder=folder,
            redis=first,
            worker=worker,
            web=web,
            url=f"http://127.0.0.1:{front.port}",
        )


def run_as_printed(start, server, folder):
    """Run the one command of the notes that begins so, and see what it ends.

    It runs in a process group of its own. What it ends must be one of our servers,
    before it may end it.
    """
    [line] = re.findall(rf"^{re.escape(start)}.+$", NOTES, re.M)
    [file] = re.findall(r"\$\(cat (\S+)\)", line)
    until_it_is_there(folder / file)
    number = int((folder / file).read_text(encoding="utf-8"))
    assert number == server.process.pid != os.getpgrp()
    subprocess.run(["bash", "-c", line], cwd=folder, start_new_session=True, check=True)
    server.process.wait(LIMIT)


def until_it_is_there(path):
    for _ in range(10 * LIMIT):
        if path.exists() and path.read_text(encoding="utf-8").strip():
            return
        Event().wait(0.1)


def reading_in_threads(readers, count=5):
    """Let all of them read at once; return their threads when each has some events."""
    threads = [Thread(target=reader.read, daemon=True) for reader in readers]
    for thread in threads:
        thread.start()
    for reader in readers:
        while len(reader.events) < count and not reader.is_done():
            Event().wait(0.05)
    return threads


def test_the_commands_of_the_notes_start_it_all(by_the_notes):
    assert Follower(begin_at(by_the_notes.url, COUNTED)).read().text() == WORDS


def test_the_worker_of_the_notes_has_a_thread_for_each_answer_at_once():
    [threads] = re.findall(r"--concurrency (\d+)", NOTES)
    assert int(threads) >= limits.AT_ONCE == 64


def test_the_web_machines_of_the_notes_have_threads_that_nobody_reads_with():
    for threads in re.findall(r"--threads (\d+)", NOTES):
        assert int(threads) >= limits.READERS + 10


def test_the_kill_of_a_web_machine_as_printed_loses_and_doubles_nothing(by_the_notes):
    prompt = f"/slow 5 /echo {WORDS}"
    readers = [Follower(begin_at(by_the_notes.url, prompt)) for _ in range(20)]
    threads = reading_in_threads(readers)
    run_as_printed("kill -9 -- -", by_the_notes.web[0], by_the_notes.folder)
    for thread in threads:
        thread.join(4 * LIMIT)
    assert {reader.text() for reader in readers} == {WORDS}
    assert all(reader.has_each_once() for reader in readers)
    assert sum(reader.breaks for reader in readers) >= 3  # about half were read there
    by_the_notes.web[0].start()


def test_the_kill_of_the_worker_as_printed_ends_each_answer_with_a_sentence(
    by_the_notes,
):
    url = by_the_notes.url
    readers = [Follower(begin_at(url, "/slow 10 /long 300")) for _ in range(10)]
    threads = reading_in_threads(readers)
    run_as_printed("kill -9 $(", by_the_notes.worker, by_the_notes.folder)
    for thread in threads:
        thread.join(4 * LIMIT)
    for reader in readers:
        assert reader.has_each_once() and reader.events[-1][1] == "error"
        assert "stopped in the middle" in reader.events[-1][2]["error"]
    by_the_notes.worker.start()
    assert Follower(begin_at(url, COUNTED)).read().text() == WORDS


def test_redis_that_comes_back_empty_as_in_the_notes_lets_nobody_wait(by_the_notes):
    assert 'redis-server --port 6379 --save ""' in NOTES
    url = by_the_notes.url
    places = [begin_at(url, "/slow 10 /long 300") for _ in range(8)]
    readers = [Follower(places[number % 8]) for number in range(40)]
    threads = reading_in_threads(readers)
    by_the_notes.redis.end(signal.SIGINT)  # as Ctrl+C does
    by_the_notes.redis.start()
    for thread in threads:
        thread.join(4 * LIMIT)
        assert not thread.is_alive()
    for reader in readers:
        *before, (_, name, fields) = reader.events
        assert [number for number, _, _ in before] == list(range(1, len(before) + 1))
        assert (name, fields) == ("error", {"error": "The answer is gone: ask again."})
    # No list begins in the middle: who comes later gets a 404, and no half answer.
    for place in places:
        assert requests.get(place, timeout=LIMIT).status_code == 404
    assert Follower(begin_at(url, COUNTED)).read().text() == WORDS


def test_nginx_of_the_notes_lets_the_readers_of_both_machines_through(by_the_notes):
    place = begin_at(by_the_notes.url, "/slow 2 /long 300")
    reading = [requests.get(place, stream=True, timeout=LIMIT) for _ in range(300)]
    assert {answer.status_code for answer in reading} == {200}
    assert requests.delete(place, timeout=LIMIT).status_code == 204
    for answer in reading:
        answer.close()


def test_260_readers_on_a_machine_of_250_threads_leave_room_for_stop(by_the_notes):
    url = f"http://127.0.0.1:{by_the_notes.web[1].port}"
    place = begin_at(url, "/slow 2 /long 300")
    reading = [requests.get(place, stream=True, timeout=LIMIT) for _ in range(260)]
    statuses = [answer.status_code for answer in reading]
    assert (statuses.count(200), statuses.count(503)) == (240, 20)
    assert requests.delete(place, timeout=LIMIT).status_code == 204
    for answer in reading:
        answer.close()

"""Lesson 20: answers that outlive their reader, in one process and on many machines."""

import importlib
import json
import os
import re
import sys
from contextlib import ExitStack
from pathlib import Path
from threading import Event, Thread
from types import SimpleNamespace

import httpx
import pytest
import requests
from httpx_sse import connect_sse
from langchain_core.exceptions import ModelRateLimitError
from langchain_core.messages import AIMessageChunk
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait
from support import LIMIT, ROOT
from support.machines import celery_worker, gunicorn, need, nginx, redis_server, started
from support.servers import changed, free_port

from lessons.course.for_checks.failing_model import SECRET

pytestmark = pytest.mark.slow

NAME = "lessons.20-answers-that-outlive-their-reader"
lesson = importlib.import_module(f"{NAME}.app")
writing = importlib.import_module(f"{NAME}.writing")
limits = importlib.import_module(f"{NAME}.limits")
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
    ],
)
def test_a_chat_that_cannot_be_answered_is_refused(client, answer_with, body):
    model = answer_with("one")
    assert client.post("/chat", json=body).status_code == 400
    assert model.prompts == []


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
        conf = ROOT / NAME.replace(".", "/") / "nginx.conf"
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


def test_without_redis_a_question_is_refused_with_a_sentence(monkeypatch):
    monkeypatch.setattr(in_redis, "ATTEMPTS", 1)
    store = in_redis.InRedis(f"redis://127.0.0.1:{free_port()}")
    monkeypatch.setattr(lesson, "store", store)
    client = lesson.app.test_client()
    refused = client.post("/answers", json={"prompt": "Hi"}), client.get("/answers/a")
    for answer in refused:
        assert answer.status_code == 503
        assert answer.json["error"].startswith("The answers cannot be reached")


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
    readers = [Follower(begin_at(whole.url, COUNTED)) for _ in range(6)]
    for reader in readers:
        reader.read(10)
    threads = [Thread(target=reader.read) for reader in readers]
    for thread in threads:
        thread.start()
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
        assert "has stopped in the middle" in reader.events[-1][2]["error"]
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


def test_the_commands_of_the_notes_start_it_all(tmp_path, log):
    folder = ROOT / NAME.replace(".", "/")
    notes = (folder / "README.md").read_text(encoding="utf-8")
    [block] = re.findall(r"```sh\n(redis-server .+?)```", notes, re.S)
    ports = {port: free_port() for port in (6379, 8001, 8002, 8080)}
    conf = (folder / "nginx.conf").read_text(encoding="utf-8")
    own = f"-p {tmp_path} -c {tmp_path}/nginx.conf"
    block = block.replace(f"-p . -c lessons/{folder.name}/nginx.conf", own)
    for port, instead in ports.items():
        block = block.replace(str(port), str(instead))
        conf = conf.replace(str(port), str(instead))
    (tmp_path / "nginx.conf").write_text(conf, encoding="utf-8")
    need("redis-server")
    need("nginx")
    paths = [str(Path(sys.executable).parent), os.environ["PATH"], "/usr/sbin"]
    with ExitStack() as servers:
        for line in block.splitlines():
            port = next((each for each in ports.values() if str(each) in line), None)
            if "celery" in line:
                port = None  # it listens on none: the one in its line is that of Redis
            elif "gunicorn" in line:
                port = int(re.search(r"--bind \S+:(\d+)", line)[1])
            elif "nginx" in line:
                port = ports[8080]
            words = ["bash", "-c", f"exec env {line}"]
            path = os.pathsep.join(paths)
            servers.enter_context(started(words, port, log, PATH=path))
        place = begin_at(f"http://127.0.0.1:{ports[8080]}", COUNTED)
        assert Follower(place).read().text() == WORDS

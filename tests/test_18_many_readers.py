"""Lesson 18: a slow reader slows its own model only, and memory stays bounded."""

import importlib
import json
import os
import re
import shlex
import socket
import subprocess
import sys
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from threading import Event, Thread
from time import monotonic, sleep
from urllib.parse import urlsplit

import pytest
import requests
from langchain_core.exceptions import ModelConnectionError
from prometheus_client.parser import text_string_to_metric_families
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait
from support import LIMIT, ROOT
from support.forked_python import serving
from support.servers import free_port, wait_for
from werkzeug.exceptions import ServiceUnavailable

from lessons.course.about_lessons.lesson import Lesson
from lessons.course.about_lessons.start_lesson import beginning
from lessons.course.for_checks.scripted_model import ScriptedModel
from lessons.course.fresh_packages import import_fresh

pytestmark = pytest.mark.slow

LESSON = ROOT / "lessons" / "18-many-readers"
LARGE = 100_000  # letters
PLENTY = 10_000  # large pieces: more than any buffer on the way holds
BUFFERS = 16_000_000  # bytes; more than the sockets of one connection ever hold


@pytest.fixture
def program():
    """Return the lesson's program, with measures that nobody else has counted in."""
    program = import_fresh(LESSON)
    yield program
    slots = program.slots
    assert eventually(lambda: slots._value == slots._initial_value), "a place is taken"


@pytest.fixture
def model(program):
    """Return a function that lets the program answer with a script."""

    def install(*script):
        program.model = ScriptedModel(*script)
        return program.model

    return install


def eventually(is_true):
    """Return whether something becomes true in time."""
    until = monotonic() + LIMIT
    while not is_true() and monotonic() < until:
        sleep(0.02)
    return is_true()


def at_rest(look):
    """Return what a look finds, once it has found the same for a while."""
    until = monotonic() + LIMIT
    found, times = look(), 0
    while times < 10 and monotonic() < until:
        sleep(0.05)
        before, found = found, look()
        times = times + 1 if before == found else 0
    return found


@contextmanager
def stopped_reader(url):
    """Ask as a reader who reads the first bytes of the answer and then no more."""
    address = urlsplit(url)
    body = json.dumps({"prompt": "Hi"})
    with socket.create_connection((address.hostname, address.port), LIMIT) as reader:
        reader.sendall(
            f"POST /ask HTTP/1.1\r\nHost: {address.netloc}\r\nConnection: close\r\n"
            "Content-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n{body}".encode()
        )
        assert b" 200 " in reader.recv(100)
        yield reader


def measures(client):
    """Return what /metrics says, {name: value}, read as Prometheus reads it."""
    answer = client.get("/metrics")
    assert answer.mimetype == "text/plain"
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


# A slow reader


def test_a_reader_who_stops_stops_its_own_model_only(program, model, serve):
    url = f"{serve(program.app)}/ask"
    slow = model(*["x" * LARGE] * PLENTY)
    with stopped_reader(url):
        made = at_rest(lambda: slow.made)
        assert made * LARGE < BUFFERS + 18 * LARGE  # 16 wait, one is in each hand
        model(*["y" * LARGE] * 200)
        answer = requests.post(url, json={"prompt": "Hi"}, timeout=LIMIT)
        assert answer.text == "y" * LARGE * 200
        assert slow.made == made and not slow.closed.is_set()
    assert slow.closed.wait(LIMIT) and slow.closed_early


def test_a_queue_holds_sixteen_pieces_and_no_more(program, model):
    script = model(*["word "] * 1000)
    answer = program.app.test_client().post("/ask", json={"prompt": "Hi"})
    assert at_rest(lambda: script.made) == 18  # one taken, one in the model's hand
    pieces = answer.iter_encoded()
    next(pieces)  # the piece that had come with the status
    next(pieces)
    assert at_rest(lambda: script.made) == 19
    answer.close()
    assert script.closed.wait(LIMIT) and script.made == 19


def test_a_reader_who_pauses_gets_every_piece_in_order(program, model, serve):
    words = [f"{number} {'x' * 9000}\n" for number in range(2000)]
    model(*words)
    with stopped_reader(f"{serve(program.app)}/ask") as reader:
        sleep(0.2)
        came = b""
        while more := reader.recv(1_000_000):
            came += more
    numbers = re.findall(rb"(?m)(\d+) x", re.sub(rb"\r\n[0-9a-f]+\r\n", b"", came))
    assert [int(number) for number in numbers] == list(range(2000))


def test_the_program_it_begins_with_lets_all_wait(tmp_path):
    for name, path in beginning(Lesson(LESSON)).items():
        (tmp_path / "mine" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "mine" / name).write_bytes(path.read_bytes())
    program = import_fresh(tmp_path / "mine")
    program.model = script = ScriptedModel(*["word "] * 1000)
    client = program.app.test_client()
    answer = client.post("/ask", json={"prompt": "Hi"})
    assert script.closed.wait(LIMIT) and script.made == 1000
    assert measures(client)[("pieces_held",)] == 999
    answer.close()


# Memory


def test_what_waits_for_all_readers_is_bounded_and_given_back(program, model):
    client = program.app.test_client()
    scripts, answers = [], []
    with ExitStack() as readers:
        for _ in range(20):
            scripts.append(model(*["x" * LARGE] * 100))
            answers.append(client.post("/ask", json={"prompt": "Hi"}))
            readers.callback(answers[-1].close)
        at_rest(lambda: sum(script.made for script in scripts))
        held = measures(client)
        assert 1_000_000 <= held[("bytes_held",)] <= 1_000_000 + 20 * LARGE
        assert held[("pieces_held",)] * LARGE == held[("bytes_held",)]
        model(*["y" * LARGE] * 50)  # others go on, though there is no room
        assert client.post("/ask", json={"prompt": "Hi"}).text == "y" * LARGE * 50
    left = measures(client)
    assert (left[("pieces_held",)], left[("bytes_held",)]) == (0, 0)


def test_two_that_ask_at_once_for_the_last_room_do_not_both_get_it(program):
    held = importlib.import_module(f"{program.__package__}.waiting").Held()
    got = []

    def take():
        for _ in range(1000):
            got.append(held.add_if_it_fits(b"x" * 5000))

    threads = [Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LIMIT)
    assert (got.count(True), held.pieces, held.bytes) == (200, 200, 1_000_000)


# A cap


def test_one_answer_too_many_is_a_503_that_says_when_to_ask_again(program, model):
    client, gate = program.app.test_client(), Event()
    with ExitStack() as readers:
        readers.callback(gate.set)
        for _ in range(program.ANSWERS_AT_ONCE):
            model("one", gate)
            answer = client.post("/ask", json={"prompt": "Hi"})
            readers.callback(answer.close)
            assert answer.status_code == 200
        readers.callback(gate.set)  # first of all, if what follows fails
        late = model("one")
        refused = client.post("/ask", json={"prompt": "Hi"})
        assert (refused.status_code, refused.headers["Retry-After"]) == (503, "5")
        assert refused.json["error"].startswith("Too many answers") and not late.prompts
        assert measures(client)[("answers_refused_total",)] == 1
        gate.set()
    assert client.post("/ask", json={"prompt": "Hi"}).text == "one"


# What is measured


def test_the_measures_are_what_happened(program, model):
    client = program.app.test_client()
    model("Hello", " wörld")
    assert client.post("/ask", json={"prompt": "Hi"}).text == "Hello wörld"
    model("one", ModelConnectionError("no"))
    with suppress(program.BodyBreaks):
        client.post("/ask", json={"prompt": "Hi"}).get_data()
    model(ModelConnectionError("no"))
    client.post("/ask", json={"prompt": "Hi"})
    model(*["word "] * 100)
    answer = client.post("/ask", json={"prompt": "Hi"})
    meanwhile = measures(client)
    assert meanwhile[("answers_running",)] == 1
    answer.close()
    found = measures(client)
    expected = {
        ("answers_running",): 0,
        ("first_text_seconds_count",): 3,
        ("pieces_sent_total",): 4,
        ("bytes_sent_total",): len("Hello wörld".encode()) + len("one") + len("word "),
        ("answers_ended_total", "whole"): 1,
        ("answers_ended_total", "failed"): 2,
        ("answers_ended_total", "reader left"): 1,
        ("answers_refused_total",): 0,
        ("pieces_held",): 0,
    }
    assert {name: found[name] for name in expected} == expected


def test_without_prometheus_it_says_what_to_install():
    block = "import sys; sys.modules['prometheus_client'] = None; "
    start = "import importlib; importlib.import_module('lessons.18-many-readers.app')"
    done = subprocess.run(
        [sys.executable, "-c", block + start],
        cwd=ROOT,
        capture_output=True,
        encoding="utf-8",
    )
    assert done.returncode == 1
    install = "pip install -r lessons/18-many-readers/requirements.txt"
    assert done.stderr.strip() == f"prometheus-client is missing: {install}"


# The page


def test_the_page_draws_what_is_measured(program, model, serve, browser):
    url = serve(program.app)
    model(*["word "] * 1000)
    answer = program.app.test_client().post("/ask", json={"prompt": "Hi"})
    browser.get(url)
    shown = {}

    def is_drawn(_):
        for pair in browser.find_elements(By.CSS_SELECTOR, "#measures > div"):
            title = pair.find_element(By.TAG_NAME, "dt").text
            shown[title] = pair.find_element(By.TAG_NAME, "b").text
        return shown.get("Pieces that wait") == "16"

    WebDriverWait(browser, LIMIT).until(is_drawn)
    assert (shown["Answers running"], shown["Bytes that wait"]) == ("1", "80")
    answer.close()
    WebDriverWait(browser, LIMIT).until(lambda _: not is_drawn(_))
    WebDriverWait(browser, LIMIT).until(
        lambda _: is_drawn(_) or shown["Left by their reader"] == "1"
    )
    line = browser.find_element(By.TAG_NAME, "polyline").get_attribute("points")
    assert len(line.split()) >= 2
    assert browser.get_log("browser") == []


def test_the_page_says_when_the_server_cannot_be_reached(program, serve, browser):
    url = serve(program.app)
    browser.get(url)
    # as when the server has ended: nobody answers at that address
    browser.execute_script("window.fetch = () => Promise.reject(new TypeError('gone'))")
    problem = browser.find_element(By.ID, "problem")
    WebDriverWait(browser, LIMIT).until(lambda _: "could not be read" in problem.text)


# The crowd


def test_two_hundred_readers_are_answered_or_refused_and_then_answered(
    program, model, serve
):
    count = partial(value_of, program)
    wait = partial(eventually, lambda: count("answers_refused_total") > 0)
    model("word ", wait, *["word "] * 20)  # nobody is done before one was refused
    done = crowd_at(serve(program.app), "--readers", "200", "--slow", "20")
    first, second, *_ = done.stdout.splitlines()
    refused = int(count("answers_refused_total"))
    assert first == "200 answers: whole", done.stdout + done.stderr
    assert second == f"{refused} times refused with a 503" and refused >= 1
    assert count('answers_ended_total{how="whole"}') == 200
    assert eventually(lambda: count("answers_running") == 0)
    assert count("pieces_held") == count("bytes_held") == 0


def test_a_refusal_that_does_not_say_when_to_come_again_is_shown(
    program, monkeypatch, serve
):
    monkeypatch.setattr(
        program, "ServiceUnavailable", lambda retry_after: ServiceUnavailable()
    )
    taken = program.slots
    program.slots = type(taken)(1)
    program.slots.acquire()
    done = crowd_at(serve(program.app), "--readers", "2", "--slow", "0")
    program.slots = taken
    assert done.stdout.startswith("2 answers: 503 without Retry-After\n"), done.stdout
    assert done.stderr == ""


def crowd_at(url, *words):
    """Run load_test.py on a server; return what it printed."""
    return subprocess.run(
        [sys.executable, LESSON / "load_test.py", f"{url}/ask", *words],
        capture_output=True,
        encoding="utf-8",
        timeout=6 * LIMIT,
    )


def value_of(program, name):
    """Return the number behind a name at /metrics."""
    lines = program.app.test_client().get("/metrics").text.splitlines()
    [value] = [line.rpartition(" ")[2] for line in lines if line.startswith(f"{name} ")]
    return float(value)


def test_held_py_shows_a_bound():
    done = subprocess.run(
        [sys.executable, LESSON / "held.py", "--seconds", "5"],
        capture_output=True,
        encoding="utf-8",
        timeout=6 * LIMIT,
    )
    held = [int(number) for number in re.findall(r"(\d+) pieces wait", done.stdout)]
    assert len(held) == 5 and max(held) <= 16, done.stdout + done.stderr


# Where the time goes, without the profiler, which is not installed everywhere


def test_the_commands_of_where_the_time_goes_lead_to_each_other(tmp_path):
    notes = (LESSON / "README.md").read_text(encoding="utf-8")
    _, _, notes = notes.partition("## Where the time goes")
    commands = "\n".join(re.findall(r"(?s)```sh\n(.+?)```", notes)).splitlines()
    [provider] = [each for each in commands if each.startswith("flask ")]
    [profiled] = [each for each in commands if each.startswith("py-spy ")]
    [crowd] = [each for each in commands if "load_test.py" in each]
    _, _, program = profiled.partition(" -- ")
    ports = {port: str(free_port()) for port in ("8000", "8001", "8002")}

    def at_free_ports(text):
        return re.sub("800[012]", lambda port: ports[port[0]], text)

    settings = re.search(r"--env-file (\S+)", program)[1]
    text = (ROOT / settings).read_text(encoding="utf-8")
    (tmp_path / ".env").write_text(at_free_ports(text), encoding="utf-8")
    program = program.replace(settings, (tmp_path / ".env").as_posix())
    crowd = re.sub(r"--readers \d+(.+)/long \d+", r"--readers 10\1/long 10", crowd)
    without_fast = "--app tests/benchmark/library_client"
    assert without_fast in notes
    with ExitStack() as servers:
        servers.enter_context(started(at_free_ports(f"python -m {provider}")))
        for command in program, program.replace("--app app", without_fast):
            with started(at_free_ports(command), PYTHON_DOTENV_DISABLED=""):
                words = shlex.split(at_free_ports(crowd))
                done = subprocess.run(
                    [sys.executable, *words[1:]],
                    cwd=ROOT,
                    capture_output=True,
                    encoding="utf-8",
                    timeout=6 * LIMIT,
                )
            assert done.stdout.startswith("10 answers: whole\n"), done.stdout


@contextmanager
def started(command, **settings):
    """Run a command that begins with python and ends with the port it listens on."""
    words = shlex.split(command)[1:]
    env = {name: each for name, each in os.environ.items() if name != "MODEL"}
    with serving(words, ROOT, env | settings, os.devnull, LIMIT):
        wait_for(int(words[-1]))
        yield

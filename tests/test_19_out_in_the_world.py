"""Lesson 19: out in the world, behind the real nginx, with the servers that sites use.

The root's program runs there unchanged.
"""

import os
import re
import signal
import socket
import subprocess
import sys
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from threading import Event, Thread
from time import monotonic
from types import SimpleNamespace

import pytest
import requests
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait
from support import LIMIT, ROOT
from support.machines import need, started
from support.servers import WAITRESS, free_port

[LESSON] = ROOT.glob("lessons/19-*")
NAME = f"lessons.{LESSON.name}"
KINDS = ["gthread", "gevent", "waitress"]
WORDS = ["one", " two", " three", " four", " five", " six"]
# The lesson compresses files only; here answers, too, to see that they come as well.
ANSWERS_TOO = "gzip_types text/css", "gzip_types text/plain text/css"
SLOWLY = f"/slow 4 /echo {''.join(WORDS)}"
pytestmark = [
    pytest.mark.skipif(os.name == "nt", reason="these servers run on POSIX"),
    pytest.mark.slow,
]


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    """Return the path of the file that all servers write to."""
    return tmp_path_factory.mktemp("log") / "servers"


@contextmanager
def program(kind, log, module="app", port=None, **settings):
    """Run a module's app under a server; its output is what the log ends with."""
    port = port or free_port()
    address = f"127.0.0.1:{port}"
    if kind == "waitress":
        command = [sys.executable, "-c", WAITRESS, module, address]
    else:
        command = [sys.executable, "-m", "gunicorn", "-c", LESSON / "gunicorn.conf.py"]
        command += ["--bind", address, "--worker-class", kind, f"{module}:app"]
    settings = {"MODEL": "practice", "PYTHONUNBUFFERED": 1} | settings
    with started(command, port, log, **settings) as server:
        yield server


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """Make a certificate with the line of the notes; return its path and the key's."""
    notes = (LESSON / "README.md").read_text(encoding="utf-8")
    [line] = re.findall(r"^openssl (?:.+\\\n)*.+", notes, re.M)
    folder = tmp_path_factory.mktemp("certificate")
    command = line.replace("mine/", f"{folder}/")
    need("openssl")
    subprocess.run(["bash", "-c", command], capture_output=True, check=True)
    return folder / "certificate.pem", folder / "key.pem"


@contextmanager
def front(folder, app_port, certificate, log, conf=LESSON / "nginx.conf", changes=()):
    """Run nginx with a configuration of the lesson; yield its addresses."""
    text = conf.read_text(encoding="utf-8")
    ports = {8001: app_port, 8080: free_port(), 8443: free_port()}
    for port, instead in ports.items():
        text = text.replace(str(port), str(instead))
    for there, instead in changes:
        assert there in text
        text = text.replace(there, instead)
    folder.mkdir(exist_ok=True)
    (folder / "nginx.conf").write_text(text, encoding="utf-8")
    for path in certificate:
        (folder / path.name).write_bytes(path.read_bytes())
    command = [need("nginx"), "-p", folder, "-c", folder / "nginx.conf", "-e", "stderr"]
    if os.geteuid() == 0:
        command += ["-g", "user root;"]  # else it may not enter a test's own folder
    with started(command, ports[8080], log) as server:
        yield SimpleNamespace(
            url=f"http://127.0.0.1:{ports[8080]}",
            secure=f"https://localhost:{ports[8443]}",
            port=ports[8080],
            server=server,
        )


@pytest.fixture(scope="module", params=KINDS)
def behind(request, tmp_path_factory, certificate, log):
    """Run the root's program under each server, behind the lesson's nginx."""
    folder = tmp_path_factory.mktemp("nginx")
    with (
        program(request.param, log, ANSWERS_AT_ONCE=3) as server,
        front(folder, server.port, certificate, log, changes=[ANSWERS_TOO]) as found,
    ):
        yield found


def ask(url, prompt, **options):
    """Ask for a stream."""
    headers = {"Accept-Encoding": "identity"} | options.pop("headers", {})
    return requests.post(
        f"{url}/ask",
        json={"prompt": prompt},
        headers=headers,
        stream=True,
        timeout=LIMIT,
        **options,
    )


def pieces_of(answer):
    """Return what each read of an answer brought, and whether it broke."""
    pieces = []
    try:
        for piece in answer.iter_content(None):
            pieces.append(piece.decode())
    except requests.RequestException:
        return pieces, True
    return pieces, False


def come_one_by_one(answer):
    """See that an answer to SLOWLY is whole, and came in pieces."""
    pieces, broke = pieces_of(answer)
    pieces = [piece for piece in pieces if piece]
    assert ("".join(pieces), broke) == ("".join(WORDS), False)
    assert len(pieces) > len(WORDS) // 2  # on a busy machine two can come as one


def until(is_so):
    """Wait until something is so."""
    end = monotonic() + LIMIT
    while not is_so():
        assert monotonic() < end, "it never was so"
        Event().wait(0.02)


# The root's program behind nginx, under three servers


def test_each_piece_comes_by_itself(behind):
    come_one_by_one(ask(behind.url, SLOWLY))


def test_each_piece_comes_by_itself_when_it_is_compressed(behind):
    answer = ask(behind.url, SLOWLY, headers={"Accept-Encoding": "gzip"})
    assert answer.headers["Content-Encoding"] == "gzip"
    come_one_by_one(answer)


def test_no_answer_is_kept_for_another_reader(behind):
    number = "/slow 999 /echo"
    answers = [ask(behind.url, f"{number} {each}") for each in ("one", "two", "one")]
    assert [answer.text for answer in answers] == ["one", "two", "one"]
    assert {answer.headers["Cache-Control"] for answer in answers} == {
        "no-store, no-transform"
    }


@pytest.mark.parametrize("kind", KINDS)
def test_each_piece_comes_by_itself_over_kept_connections(
    kind, tmp_path, certificate, log
):
    """An upstream keeps its connections to the program, and the stream is the same."""
    with program(kind, log) as server:
        place = f"127.0.0.1:{server.port}"
        upstream = f"upstream program {{ server {place}; keepalive 8; }}\n\n  server {{"
        kept = 'http://program;\n      proxy_set_header Connection "";'
        changes = [(f"http://{place};", kept), ("server {", upstream)]
        folder = tmp_path / "nginx"
        with front(folder, server.port, certificate, log, changes=changes) as at:
            for _ in range(3):
                come_one_by_one(ask(at.url, SLOWLY))
                _, broke = pieces_of(ask(at.url, "/fail one two"))
                assert broke


def test_each_piece_comes_by_itself_over_tls(behind, certificate):
    url = behind.secure
    come_one_by_one(ask(url, SLOWLY, verify=str(certificate[0])))


@pytest.mark.parametrize("encoding", ["identity", "gzip"])
def test_a_broken_answer_breaks(behind, encoding):
    answer = ask(behind.url, "/fail one two", headers={"Accept-Encoding": encoding})
    pieces, broke = pieces_of(answer)
    assert broke
    assert encoding == "gzip" or re.search(r"\n\[error: .+\]\n$", "".join(pieces))


@pytest.mark.parametrize(
    ("prompt", "status"),
    [("/busy 7", 429), ("/fail 0", 502), ("", 400), ("a" * 70_000, 413)],
)
def test_a_refusal_keeps_its_status_and_its_sentence(behind, prompt, status):
    answer = ask(behind.url, prompt)
    assert (answer.status_code, [*answer.json()]) == (status, ["error"])
    if status == 429:
        assert answer.headers["Retry-After"] == "7"


@pytest.mark.parametrize("size", [1_000, 20_000, 60_000])
def test_a_long_prompt_is_answered(behind, size):
    pieces, broke = pieces_of(ask(behind.url, f"/echo {'a' * size}"))
    assert ("".join(pieces), broke) == ("a" * size, False)


def test_a_foreign_name_is_refused(behind):
    for path, method in {"/": "GET", "/ask": "POST"}.items():
        foreign = {"Host": "foreign.example"}
        answer = requests.request(
            method, behind.url + path, headers=foreign, json={}, timeout=LIMIT
        )
        assert answer.status_code == 400 and "TRUSTED_HOSTS" in answer.json()["error"]


def endings(log):
    """Return how often the log says that a reader left."""
    return log.read_text(errors="replace").count("the reader left")


def test_a_reader_who_leaves_is_noticed(behind, log):
    before = endings(log)
    with ask(behind.url, "/slow 50 /long 9999 /echo word") as answer:
        next(answer.iter_content(None))
    until(lambda: endings(log) > before)


def test_one_answer_too_many_is_a_503_until_a_reader_leaves(behind):
    reading = []  # what is not kept here is closed
    with ExitStack() as readers:
        for _ in range(3):
            endless = "/slow 20 /long 9999 /echo word"
            answer = readers.enter_context(ask(behind.url, endless))
            reading.append(answer.iter_content(None))
            next(reading[-1])
        refused = ask(behind.url, "/echo Hi")
        assert (refused.status_code, refused.headers["Retry-After"]) == (503, "5")
        assert "error" in refused.json()
    until(lambda: ask(behind.url, "/echo Hi").status_code == 200)


@pytest.mark.parametrize("kind", KINDS)
def test_a_reader_who_stops_reading_is_freed(kind, tmp_path, certificate, log):
    changes = [("send_timeout 30s", "send_timeout 1s")]
    before = endings(log)
    with (
        program(kind, log, ANSWERS_AT_ONCE=1) as server,
        front(tmp_path / "nginx", server.port, certificate, log, changes=changes) as at,
        closing(socket.socket()) as reader,
    ):
        reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        reader.connect(("127.0.0.1", at.port))
        prompt = '{"prompt": "/slow 999 /long 999999 /echo ' + 60_000 * "a" + '"}'
        reader.sendall(
            b"POST /ask HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            b"Content-Type: application/json\r\n"
            + f"Content-Length: {len(prompt)}\r\n\r\n{prompt}".encode()
        )
        assert reader.recv(12) == b"HTTP/1.1 200"  # it reads no more than that
        until(lambda: endings(log) > before)
        until(lambda: ask(at.url, "/echo Hi").status_code == 200)


@pytest.mark.parametrize(
    ("request_line", "status"),
    [
        (b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: " + 40_000 * b"a", 400),
        (b"GET /" + 40_000 * b"a" + b" HTTP/1.1\r\nHost: 127.0.0.1", 414),
        (b"nonsense", 400),
    ],
)
def test_what_is_no_request_is_refused_by_nginx_in_its_own_words(
    behind, request_line, status
):
    """These never reach the program, so its sentence cannot be in the answer."""
    with socket.create_connection(("127.0.0.1", behind.port), LIMIT) as reader:
        reader.sendall(request_line + b"\r\n\r\n")
        answer = b"".join(iter(lambda: reader.recv(65536), b""))
    assert b"<html>" in answer and str(status).encode() in answer


def test_half_a_request_never_reaches_the_program(behind, log):
    before = log.read_text(errors="replace")
    head = b"POST /ask HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100\r\n\r\n{"
    with socket.create_connection(("127.0.0.1", behind.port), LIMIT) as reader:
        reader.sendall(head)
    answer = ask(behind.url, "/echo Hi")  # the one that came after it is answered
    assert answer.text == "Hi"
    assert "Traceback" not in log.read_text(errors="replace")[len(before) :]


def test_the_page_shows_answers_and_breaks(behind, browser):
    """The last line is not looked for: on a busy machine, Chromium can drop it."""
    browser.get(behind.url)
    answers = {
        "/echo one two": ("#answer", "one two"),
        "/fail one two": ("#status", "The answer broke off here"),
    }
    for prompt, (place, words) in answers.items():
        box = browser.find_element(By.ID, "prompt")
        box.clear()
        box.send_keys(prompt + "\n")
        WebDriverWait(browser, LIMIT).until(
            lambda _, place=place, words=words: (
                words in browser.find_element(By.CSS_SELECTOR, place).text
            )
        )


# Restarts


@pytest.fixture(params=["gthread", "gevent"])
def restarting(request, tmp_path, certificate, log):
    """Run the root's program under gunicorn, behind nginx, for one test."""
    with (
        program(request.param, log) as server,
        front(tmp_path / "nginx", server.port, certificate, log) as found,
    ):
        found.program = server
        yield found


def reading(url, prompt=SLOWLY):
    """Begin to read; return a list for the outcome, and the thread that fills it."""
    outcome = []
    began = Event()

    def read():
        answer = ask(url, prompt)
        began.set()
        outcome.append(pieces_of(answer))

    thread = Thread(target=read)
    thread.start()
    assert began.wait(LIMIT)
    return outcome, thread


def test_a_reload_cuts_no_answer_and_refuses_no_question(restarting):
    running = [reading(restarting.url, "/slow 8 /long 40") for _ in range(5)]
    restarting.program.process.send_signal(signal.SIGHUP)
    statuses = []
    while any(thread.is_alive() for _, thread in running):
        answer = ask(restarting.url, "/echo Hi")
        statuses.append((answer.status_code, answer.text))
    for outcome, thread in running:
        thread.join(LIMIT)
        [(pieces, broke)] = outcome
        words = "".join(pieces).split()  # on a busy machine two can come as one piece
        assert (len(words), broke) == (40, False)
    assert statuses and set(statuses) == {(200, "Hi")}


def test_a_server_that_is_ended_ends_its_answers_first(restarting):
    outcome, thread = reading(restarting.url)
    restarting.program.process.terminate()

    def is_gone():
        answer = ask(restarting.url, "/echo Hi")
        return answer.status_code == 502 and "ask again" in answer.json()["error"]

    until(is_gone)
    thread.join(LIMIT)
    [(pieces, broke)] = outcome
    assert ("".join(pieces), broke) == ("".join(WORDS), False)
    assert restarting.program.process.wait(LIMIT) == 0


def test_too_short_a_grace_cuts_an_answer(log):
    """Which is what the lesson's graceful_timeout is for."""
    port = free_port()
    words = ["-m", "gunicorn", "--bind", f"127.0.0.1:{port}", "--threads", "4"]
    command = [sys.executable, *words, "--graceful-timeout", "1", "app:app"]
    with started(command, port, log, MODEL="practice") as server:
        outcome, thread = reading(f"http://127.0.0.1:{port}", "/slow 4 /long 40")
        server.process.terminate()
        thread.join(2 * LIMIT)
    [(pieces, broke)] = outcome
    assert broke and len("".join(pieces).split()) < 40


# What breaks, as the notes show it


@pytest.fixture
def shipped(request, tmp_path, certificate, log):
    """Run the lesson's program under gunicorn behind nginx as it begins.

    Which HTTP it speaks by itself differs: 1.0 before version 1.29.7, and 1.1 since.
    """
    version = getattr(request, "param", "1.0")
    location = "    location / {\n"
    speaks = location, f"{location}      proxy_http_version {version};\n"
    conf = LESSON / "begin" / "nginx.conf"
    folder = tmp_path / "nginx"
    with (
        program("gthread", log, module=f"{NAME}.app") as server,
        front(folder, server.port, certificate, log, conf, [speaks]) as found,
    ):
        yield found


def test_the_shipped_default_swallows_the_stream_and_hides_the_break(shipped):
    pieces, broke = pieces_of(ask(shipped.url, SLOWLY))
    assert (pieces, broke) == (["".join(WORDS)], False)
    [text], broke = pieces_of(ask(shipped.url, "/fail one two"))
    assert text.startswith("one two\n[error: ") and not broke


@pytest.mark.parametrize("shipped", ["1.1"], indirect=True)
def test_the_shipped_default_of_later_versions_shows_the_break(shipped):
    pieces, broke = pieces_of(ask(shipped.url, SLOWLY))
    assert len(pieces) > 1 and not broke  # mostly one by one, but nobody says so
    _, broke = pieces_of(ask(shipped.url, "/fail one two"))
    assert broke


def test_the_shipped_default_lets_every_name_in(shipped):
    foreign = {"Host": "foreign.example"}
    assert ask(shipped.url, "/echo Hi", headers=foreign).text == "Hi"


def test_the_shipped_default_refuses_in_a_language_no_page_reads(shipped):
    answer = ask(shipped.url, "a" * 2_000_000)
    assert answer.status_code == 413 and answer.text.startswith("<html>")


def test_a_sync_worker_lets_readers_queue(log):
    port = free_port()
    command = [sys.executable, "-m", "gunicorn", "--bind", f"127.0.0.1:{port}"]
    url = f"http://127.0.0.1:{port}"
    command += ["app:app"]
    with started(command, port, log, MODEL="practice"):
        outcome, thread = reading(url)
        assert ask(url, "/echo Hi").text == "Hi"
        assert outcome, "the second was answered while the first was written"
        thread.join(LIMIT)


def test_a_sync_worker_is_ended_in_an_answer_longer_than_its_timeout(log):
    port = free_port()
    command = [sys.executable, "-m", "gunicorn", "--bind", f"127.0.0.1:{port}"]
    command += ["--timeout", "2", "app:app"]
    with started(command, port, log, MODEL="practice"):
        for _ in range(5):  # on a busy machine, even the first text can come too late
            answer = ask(f"http://127.0.0.1:{port}", "/slow 10 /long 9999")
            if answer.ok:
                break
        pieces, broke = pieces_of(answer)
    assert broke and len(pieces) < 200, (broke, len(pieces), pieces[:2], pieces[-2:])


# The lesson's program


@pytest.fixture
def lesson_at(tmp_path, certificate, log):
    """Run the lesson's program behind nginx; it allows few asks a minute."""
    with (
        program("gthread", log, module=f"{NAME}.app", ASKS_A_MINUTE=3) as server,
        front(tmp_path / "nginx", server.port, certificate, log) as found,
    ):
        yield found


def test_a_forged_address_does_not_get_past_the_limit(lesson_at):
    answers = []
    for number in range(6):
        forged = {"X-Forwarded-For": f"203.0.113.{number}"}
        answers.append(ask(lesson_at.url, "/echo Hi", headers=forged))
    statuses = [answer.status_code for answer in answers]
    assert statuses == [200] * 3 + [429] * 3
    assert 1 <= int(answers[-1].headers["Retry-After"]) <= 62
    assert "ask again in" in answers[-1].json()["error"]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has 127.0.0.2")
def test_each_address_has_a_limit_of_its_own(lesson_at):
    for address in "127.0.0.1", "127.0.0.2":
        with requests.Session() as session:
            for prefix in "http://", "https://":
                session.mount(prefix, From(address))
            asked = {"json": {"prompt": "/echo Hi"}, "timeout": LIMIT}
            answers = [session.post(f"{lesson_at.url}/ask", **asked) for _ in range(4)]
        assert [each.status_code for each in answers] == [200, 200, 200, 429]


class From(requests.adapters.HTTPAdapter):
    """Connections that come from an address of this machine."""

    def __init__(self, address):
        self.address = address
        super().__init__()

    def init_poolmanager(self, *words, **options):
        options["source_address"] = (self.address, 0)
        return super().init_poolmanager(*words, **options)


def test_the_log_names_the_reader(lesson_at, log):
    ask(lesson_at.url, "/echo Hi").close()
    until(lambda: "127.0.0.1: 200" in log.read_text(errors="replace"))


# The commands of the notes


def test_the_commands_of_the_notes_start_it_all(tmp_path, certificate, log):
    notes = (LESSON / "README.md").read_text(encoding="utf-8")
    [block] = re.findall(r"```sh\n(gunicorn .+?)```", notes, re.S)
    ports = {port: free_port() for port in (8001, 8080, 8443)}
    conf = (LESSON / "nginx.conf").read_text(encoding="utf-8")
    block = block.replace("mine/gunicorn.conf.py", str(LESSON / "gunicorn.conf.py"))
    block = block.replace("mine.app", f"--bind 127.0.0.1:{ports[8001]} {NAME}.app")
    block = block.replace("-p . -c mine/nginx.conf", f"-p {tmp_path} -c {tmp_path}/n")
    for port, instead in ports.items():
        conf = conf.replace(str(port), str(instead))
    (tmp_path / "n").write_text(conf, encoding="utf-8")
    for path in certificate:
        (tmp_path / path.name).write_bytes(path.read_bytes())
    need("nginx")
    path = os.pathsep.join(
        [str(Path(sys.executable).parent), os.environ["PATH"], "/usr/sbin"]
    )
    with ExitStack() as servers:
        for line in block.splitlines():
            port = ports[8080] if "nginx -p" in line else ports[8001]
            words = ["bash", "-c", f"exec {line}"]
            servers.enter_context(
                started(words, port, log, PATH=path, MODEL="practice")
            )
        come_one_by_one(ask(f"http://127.0.0.1:{ports[8080]}", SLOWLY))

"""What surrounds a check: its environment, and its end whatever the program does."""

import os
import shutil
import sys
from time import monotonic

import pytest
from support import LIMIT, ROOT

from lessons.course.checker import run_checks as checker
from lessons.course.checker.environment import environment
from lessons.course.checker.reports import as_line
from lessons.course.checker.run_checks import checks_reported_by, run_checks

PLENTY = 10 * LIMIT  # seconds; checks that take longer have failed
SECRET = "sk-proj-nobody-may-see-this"
SETTINGS = {
    "OPENAI_API_KEY": SECRET,
    "LANGSMITH_API_KEY": SECRET,
    "DATABASE_URL": f"postgres://ada:{SECRET}@db.example/ada",
    "AWS_SESSION_TOKEN": SECRET,
    "ANSWERS_AT_ONCE": "1",
    "TRUSTED_HOSTS": "class.example",
    "PYTHONOPTIMIZE": "1",
    "PYTHONWARNINGS": "error",
    "PYTHONSTARTUP": "/nowhere",
    "PYTEST_ADDOPTS": "--collect-only",
    "PYTEST_PLUGINS": "no_such_plugin",
    "HTTP_PROXY": "http://127.0.0.1:9",
    "http_proxy": "http://127.0.0.1:9",
}
LESSON_02 = ROOT / "lessons" / "02-a-stream-from-flask"
SERVES_ITSELF = """
import os
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import requests


class Says(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"Hello.")

    def log_message(self, *words):
        pass


def test_it_asks_a_server_of_its_own():
    server = HTTPServer(("127.0.0.1", 0), Says)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    for host in "127.0.0.1", "localhost":
        url = f"http://{host}:{server.server_port}/"
        assert requests.get(url, timeout=20).text == "Hello."


def test_it_says_what_is_set():
    assert False, " ".join(sorted(os.environ.values()))
"""


@pytest.fixture
def set_everything(monkeypatch):
    """Set what a machine may have set, none of which a check may see."""
    for name, value in SETTINGS.items():
        monkeypatch.setenv(name, value)
    for name in "NO_PROXY", "no_proxy":
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def mine(tmp_path):
    """Return a copy of lesson 02's program."""
    folder = tmp_path / "mine"
    folder.mkdir()
    for name in "app.py", "client.py", "__init__.py":
        shutil.copyfile(LESSON_02 / name, folder / name)
    return folder


def change(file, there, instead):
    text = file.read_text(encoding="utf-8")
    assert there in text
    file.write_text(text.replace(there, instead), encoding="utf-8")


@pytest.mark.slow
@pytest.mark.usefixtures("set_everything")
def test_no_check_sees_a_key_or_goes_through_a_proxy(tmp_path, mine):
    lesson = tmp_path / "02-a-lesson"
    lesson.mkdir()
    (lesson / "check.py").write_text(SERVES_ITSELF, encoding="utf-8")
    asked, said = run_checks(lesson, mine, PLENTY)
    assert asked.outcome == "green", asked.message
    assert said.outcome == "red"
    assert SECRET not in said.message
    assert os.environ["PATH"] in said.message


@pytest.mark.slow
def test_a_check_does_not_inherit_pythons_settings(mine, monkeypatch):
    monkeypatch.setenv("PYTHONOPTIMIZE", "1")  # which leaves every assert out
    change(mine / "app.py", "chunk.text", "chunk.text.upper()")
    messages = " ".join(check.message for check in run_checks(LESSON_02, mine, PLENTY))
    assert "The model wrote" in messages


@pytest.mark.slow
@pytest.mark.usefixtures("set_everything")
def test_a_right_program_is_green_whatever_the_machine_has_set(mine):
    reds = [check for check in run_checks(LESSON_02, mine, PLENTY) if check.message]
    assert reds == []


@pytest.mark.slow
def test_a_key_that_a_program_raises_is_not_shown(mine, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    change(
        mine / "app.py",
        "    for chunk in",
        '    import os\n    raise ValueError(os.environ["OPENAI_API_KEY"])\n'
        "    for chunk in",
    )
    messages = " ".join(check.message for check in run_checks(LESSON_02, mine, PLENTY))
    assert "KeyError" in messages and SECRET not in messages


def test_windows_needs_its_own_names_in_any_case(monkeypatch):
    monkeypatch.setenv("SystemRoot", r"C:\Windows")
    assert r"C:\Windows" in environment().values()


ENDS_BUT_LEAVES_A_CHILD = f"""
import os, time
from lessons.course.checker.reports import as_line
print(as_line(announced=["It runs"]), end="", flush=True)
if os.fork() == 0:
    os.setsid()
    time.sleep({PLENTY})
    os._exit(0)
print(as_line(sentence="It runs", outcome="green"), end="", flush=True)
"""


@pytest.fixture
def ended_later():
    """Return a list for the numbers of processes that are to be ended at last."""
    numbers = []
    yield numbers
    for number in numbers:
        os.kill(number, 9)


def says_its_child(script):
    """Let a script print the number of its child, as the sentence of a check."""
    line = 'print(as_line(sentence=str(child), outcome="green"), end="", flush=True)'
    forks = "child = os.fork()\nif child == 0:"
    return script.replace("if os.fork() == 0:", forks) + f"\n{line}\n"


@pytest.mark.skipif(os.name == "nt", reason="Windows has no sessions to leave")
def test_a_child_in_a_session_of_its_own_does_not_keep_the_check_open(
    tmp_path, ended_later
):
    command = [sys.executable, "-c", says_its_child(ENDS_BUT_LEAVES_A_CHILD)]
    began = monotonic()
    checks = list(checks_reported_by(command, tmp_path / "mine", PLENTY))
    ended_later.append(int(checks[-1].sentence))
    assert monotonic() - began < PLENTY / 2
    assert [check.outcome for check in checks] == ["green", "green"]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no sessions to leave")
def test_nor_where_the_check_itself_has_to_be_ended(tmp_path, ended_later, monkeypatch):
    monkeypatch.setattr(checker, "PATIENCE", 1)
    script = ENDS_BUT_LEAVES_A_CHILD.replace('"It runs", outcome', '"Never", outcome')
    script = says_its_child(script) + f"time.sleep({PLENTY})\n"
    command = [sys.executable, "-c", script]
    began = monotonic()
    checks = list(checks_reported_by(command, tmp_path / "mine", 1))
    [child] = [check for check in checks if check.sentence.isdigit()]
    ended_later.append(int(child.sentence))
    assert monotonic() - began < PLENTY / 2
    said = "The program in mine/ did not finish within 1 s"
    assert checks[-1].message.startswith(said)


def test_what_is_printed_last_is_read_before_the_end(tmp_path):
    """A report may stand behind a thousand lines, in a pipe that is full."""
    line = as_line(sentence="It runs", outcome="green")
    script = f"for n in range(9_000): print('word ' * 10)\nprint({line!r}, end='')"
    command = [sys.executable, "-c", script]
    checks = list(checks_reported_by(command, tmp_path / "mine", LIMIT))
    assert checks[0].outcome == "green"

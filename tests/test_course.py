"""The course: notes with their program beside them, mine/, the wire, and the checks."""

import json
import os
import re
import shutil
import subprocess
import sys
import threading
from concurrent.futures import Future
from contextlib import contextmanager
from functools import partial
from urllib.parse import urljoin, urlsplit

import pytest
import requests
from conftest import CLIENTS, LIMIT, ROOT, ScriptedModel, running
from flask import Flask
from flask.testing import FlaskClient
from forked_checks import in_a_fork
from selenium.webdriver.support.ui import WebDriverWait
from werkzeug import Response
from werkzeug.exceptions import HTTPException
from werkzeug.test import Client

import app as program
from failures import as_json
from lessons.course import folders, pages, way_through
from lessons.course.checker.run_checks import run_checks
from lessons.course.for_checks.loading import load
from lessons.course.live import starting
from lessons.course.live.command_output import command_output
from lessons.course.live.error_response import BrokenProgram
from lessons.course.live.reloading import Program
from lessons.course.live.starting import ProgramImport
from lessons.course.notes_as_html import to_html
from lessons.course.way_through import read_way_through

__all__ = ["in_a_fork"]
PAGE = "/lessons/03-a-page-that-reads-it/"
ROOTS = "/lessons/08-limits/"
LESSONS = [lesson.name for lesson in read_way_through().lessons]
PATIENCE = 120  # seconds; a busy machine takes its time to start a Python
HELLO = """from flask import Flask

app = Flask(__name__)


@app.get("/")
def index():
    return "<title>Mine</title>Hello"
"""


@pytest.fixture
def mine(tmp_path):
    """Return a student's folder, empty."""
    folder = tmp_path / "mine"
    folder.mkdir()
    return folder


@pytest.fixture
def site(mine, monkeypatch, in_a_fork):
    """Return the app as `flask run` serves it, with mine/ elsewhere."""
    monkeypatch.setenv("FLASK_RUN_FROM_CLI", "true")
    monkeypatch.delenv("COURSE_BEHIND_PROXY", raising=False)
    monkeypatch.setattr(folders, "MINE", mine)
    monkeypatch.setattr(pages, "run_checks", partial(run_checks, seconds=PATIENCE))
    site = Flask(program.app.import_name)
    site.config.update(program.app.config)
    site.add_url_rule("/", "index", program.index)
    site.add_url_rule("/ask", "ask", program.ask, methods=["POST"])
    site.register_error_handler(HTTPException, as_json)
    site.after_request(program.forbid_guessing)
    site.register_blueprint(pages.course)
    return site


TURN = {
    "check.py": """def test_it_says_bye(program):
    assert "bye" in program.__dict__, "Nothing says bye."
""",
    "check.js": """export const checks = [{
  sentence: "The page says bye",
  async run(page) {
    page.must(page.words.includes("bye"), "The page says no bye.");
  },
}];
""",
}


@pytest.fixture
def turn(tmp_path, monkeypatch):
    """Return the folder of Your turn of a lesson, made for the test, and the name."""
    copy = tmp_path / "lessons"
    lesson = LESSONS[2]
    shutil.copytree(folders.LESSONS / lesson, copy / lesson)
    shutil.copy(folders.LESSONS / "README.md", copy)
    for module in folders, pages, way_through:
        monkeypatch.setattr(module, "LESSONS", copy)
    folder = copy / lesson / "turn"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name, text in TURN.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


class Visitor(FlaskClient):
    """A client that reads an answer to its end, unless it is asked not to."""

    def open(self, *path, buffered=True, **request):
        return super().open(*path, buffered=buffered, **request)


@pytest.fixture
def visit(site):
    """Return a client of the course."""
    site.test_client_class = Visitor
    return site.test_client()


def write(folder, **files):
    """Write app="..." to app.py, and so on."""
    for name, text in files.items():
        (folder / f"{name}.py").write_text(text, encoding="utf-8")


def module_of(folder):
    """Return the app.py of a folder, as it was imported last."""
    path = str(folder / "app.py")
    modules = list(sys.modules.values())
    return [each for each in modules if getattr(each, "__file__", None) == path][-1]


def model_of(lesson, monkeypatch, *script):
    """Let the lesson's program, which has been visited, answer with this script."""
    model = ScriptedModel(*script)
    module = module_of(ROOT / "lessons" / lesson)
    monkeypatch.setattr(module, "model", model)
    return model


def begin(call, *words):
    """Call it in a thread that holds up no end; return the Future of its result."""
    future = Future()

    def run():
        try:
            future.set_result(call(*words))
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return future


# The notes


def test_the_way_through_leads_to_every_lesson(visit):
    page = visit.get("/lessons/").text
    for lesson in LESSONS:
        assert f"/lessons/{lesson}/" in page
    assert page.count(" minutes</span>") == len(LESSONS) > 2


@pytest.mark.parametrize("name", LESSONS)
def test_every_link_of_a_lesson_leads_somewhere(visit, name):
    here = f"/lessons/{name}/"
    page = visit.get(here)
    assert page.status_code == 200 and "<h1" in page.text
    for link in re.findall(r'(?:href|src)="(.*?)"', page.text):
        path = urlsplit(urljoin(here, link)).path
        if not link.startswith(("http", "data:")):
            assert visit.get(path).status_code == 200, link


def test_a_lesson_stands_between_its_neighbours(visit):
    page = visit.get(f"/lessons/{LESSONS[1]}/").text
    assert f'rel="prev" href="/lessons/{LESSONS[0]}/"' in page
    assert f'rel="next" href="/lessons/{LESSONS[2]}/"' in page
    assert 'rel="prev"' not in visit.get(f"/lessons/{LESSONS[0]}/").text
    assert 'rel="next"' not in visit.get(f"/lessons/{LESSONS[-1]}/").text
    assert visit.get("/lessons/99-nothing/").status_code == 404


def test_a_quotation_has_its_colours_and_its_name(visit):
    page = visit.get(PAGE).text
    assert "<figcaption>static/page.js</figcaption>" in page
    assert '<span class="kd">const</span>' in page
    assert "style=" not in page


def test_of_html_only_folds_survive_in_notes():
    notes = "a <b onclick=x>b</b>\n\n<details><summary>Hints</summary>\n\n*c*\n\n"
    html = to_html(notes + "</details>\n\n<script>d()</script>\n\n<details open>")
    assert "<details><summary>Hints</summary>" in html and "</details>" in html
    assert re.findall("<(?:b|script|details open)", html) == []
    assert "<em>c</em>" in html and "&lt;script&gt;" in html


def test_a_link_to_other_notes_leads_to_their_page():
    html = to_html(
        "[a](../02-b/README.md) [c](README.md#d) [e](https://f.org/README.md)"
    )
    assert re.findall('href="(.+?)"', html) == ["../02-b/", "#d", "https://f.org/"]


def test_pages_of_the_course_load_only_what_is_ours(visit):
    policy = visit.get(PAGE).headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
    assert "unsafe" not in policy
    assert visit.get(f"{PAGE}static/page.js").status_code == 404
    assert visit.get(f"{PAGE}app.py").status_code == 404


PICTURE = "/lessons/04-letters-that-stay-whole/letter.svg"


def test_a_picture_shows_its_own_colours_and_runs_no_script(visit):
    policy = visit.get(PICTURE).headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; style-src 'unsafe-inline'")
    assert "script-src" not in policy


HEADED = """from flask import Flask
app = Flask(__name__)
HEADERS = {
    "Content-Security-Policy": "default-src 'self'",
    "Service-Worker-Allowed": "/",
    "X-Content-Type-Options": "unknown",
}
@app.get("/")
def index():
    return "<title>Mine</title>Hello", HEADERS
@app.get("/worker.js")
def worker():
    return "", HEADERS | {"Content-Type": "text/javascript"}
"""
SENT = {
    "the way through": "/lessons/",
    "a lesson": PAGE,
    "a picture": PICTURE,
    "a script": "/lessons/static/lesson.js",
    "what is not there": "/lessons/99-nothing/",
    "a program": f"{PAGE}program/",
    "a program's script": f"{PAGE}program/static/page.js",
    "a program on a bad network": f"{PAGE}program/bad/",
    "the root, in a lesson": f"{ROOTS}program/",
    "a terminal": f"/lessons/{LESSONS[0]}/program/",
    "mine": f"{PAGE}mine/",
    "mine on a bad network": f"{PAGE}mine/bad/",
}


@pytest.mark.parametrize("path", SENT.values(), ids=SENT)
def test_nothing_that_is_sent_is_framed_elsewhere_or_guessed_at(visit, mine, path):
    write(mine, app=HEADED)
    headers = visit.get(path).headers
    assert "frame-ancestors 'self'" in headers.getlist("Content-Security-Policy")[-1]
    assert headers.getlist("X-Content-Type-Options") == ["nosniff"]


def test_the_sentence_for_a_broken_program_is_framed_by_us_only(visit, mine):
    broken = visit.get(f"{PAGE}mine/", headers={"Accept": "text/html"})
    assert broken.status_code == 500
    assert "frame-ancestors 'self'" in broken.headers["Content-Security-Policy"]


@pytest.mark.parametrize("network", ["", "bad/"])
def test_a_program_keeps_a_policy_of_its_own(visit, mine, network):
    write(mine, app=HEADED)
    headers = visit.get(f"{PAGE}mine/{network}").headers
    assert headers.getlist("Content-Security-Policy")[0] == "default-src 'self'"
    assert "Service-Worker-Allowed" not in headers


# What nobody but the student reaches

RUNNING = ["program/", "program/bad/", "mine/", "mine/bad/"]


@pytest.mark.parametrize("path", RUNNING)
def test_a_production_server_runs_no_program(visit, mine, monkeypatch, path):
    write(mine, app=HELLO)
    assert visit.get(PAGE + path).status_code == 200
    monkeypatch.delenv("FLASK_RUN_FROM_CLI")
    assert visit.get(PAGE + path).status_code == 404
    assert visit.post(f"{PAGE}{path}ask", json={"prompt": "Hi"}).status_code == 404


def test_a_production_server_checks_nothing(visit, monkeypatch):
    monkeypatch.delenv("FLASK_RUN_FROM_CLI")
    assert visit.post(f"{PAGE}check", json={}).status_code == 404
    assert visit.get(f"{PAGE}check.js").status_code == 404


def test_a_production_server_shows_the_notes_and_says_so(visit, monkeypatch):
    monkeypatch.delenv("FLASK_RUN_FROM_CLI")
    page = visit.get(PAGE).text
    assert "A page that reads it" in page and "On your own machine" in page
    assert "<iframe" not in page and "lesson.js" not in page
    proxied = visit.get(PAGE, headers={"Via": "1.1 proxy"}).text
    assert "COURSE_BEHIND_PROXY" not in proxied
    assert "way.js" not in visit.get("/lessons/").text


@pytest.mark.parametrize("path", [*RUNNING, "check.js"])
def test_another_machine_reaches_no_program(visit, mine, path):
    write(mine, app=HELLO)
    there = {"REMOTE_ADDR": "192.168.1.7"}
    assert visit.get(PAGE + path, environ_overrides=there).status_code == 404
    assert "<iframe" not in visit.get(PAGE, environ_overrides=there).text


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "::ffff:127.0.0.1"])
def test_this_machine_reaches_its_programs_by_each_of_its_addresses(visit, address):
    here = {"REMOTE_ADDR": address}
    page = visit.get(f"{PAGE}program/", environ_overrides=here)
    assert page.status_code == 200
    assert "<iframe" in visit.get(PAGE, environ_overrides=here).text


PROXIED = [
    {"Forwarded": "for=192.0.2.7"},
    {"X-Forwarded-For": "192.0.2.7"},
    {"X-Forwarded-Host": "words.example"},
    {"X-Forwarded-Proto": "https"},
    {"X-Real-IP": "192.0.2.7"},
    {"Via": "1.1 proxy"},
]


@pytest.mark.parametrize("headers", PROXIED, ids=lambda headers: next(iter(headers)))
def test_who_comes_by_a_proxy_reaches_no_program(visit, mine, monkeypatch, headers):
    write(mine, app=HELLO)
    for path in [*RUNNING, "check.js"]:
        assert visit.get(PAGE + path, headers=headers).status_code == 404
    assert visit.post(f"{PAGE}check", json={}, headers=headers).status_code == 404
    page = visit.get(PAGE, headers=headers).text
    assert "<iframe" not in page and "COURSE_BEHIND_PROXY=1" in page
    monkeypatch.setenv("COURSE_BEHIND_PROXY", "0")
    assert visit.get(f"{PAGE}mine/", headers=headers).status_code == 404


@pytest.mark.parametrize("headers", PROXIED, ids=lambda headers: next(iter(headers)))
def test_a_setting_lets_programs_run_behind_a_proxy(visit, mine, monkeypatch, headers):
    monkeypatch.setenv("COURSE_BEHIND_PROXY", "1")
    write(mine, app=HELLO)
    for path in [*RUNNING, "check.js"]:
        assert visit.get(PAGE + path, headers=headers).status_code == 200
    assert "<iframe" in visit.get(PAGE, headers=headers).text
    there = {"REMOTE_ADDR": "192.168.1.7"}
    page = visit.get(f"{PAGE}mine/", headers=headers, environ_overrides=there)
    assert page.status_code == 404


def test_the_setting_for_a_proxy_is_in_the_example():
    example = (ROOT / ".env.example").read_text(encoding="utf-8")
    assert "\n#COURSE_BEHIND_PROXY=1\n" in example


@pytest.mark.parametrize("path", RUNNING)
def test_a_foreign_name_reaches_no_program(visit, mine, path):
    write(mine, app=HELLO)
    refused = visit.get(PAGE + path, headers={"Host": "evil.example"})
    assert refused.status_code == 400 and "TRUSTED_HOSTS" in refused.text


@pytest.mark.parametrize("path", ["check", "mine/ask"])
def test_another_page_cannot_make_it_run_anything(visit, mine, path):
    shutil.copy(ROOT / "lessons" / LESSONS[0] / "app.py", mine)
    for form in {"prompt": "Hi"}, '{"prompt": "Hi"}':
        assert visit.post(f"/lessons/{LESSONS[0]}/{path}", data=form).status_code == 415


# The programs


@pytest.mark.parametrize("network", ["", "bad/"])
def test_a_program_streams_as_it_does_alone(visit, monkeypatch, network):
    visit.get(f"{PAGE}program/")
    model = model_of(LESSONS[2], monkeypatch, "one", " two")
    address = f"{PAGE}program/{network}ask"
    answer = visit.post(address, json={"prompt": "Hi"}, buffered=False)
    pieces = (piece for piece in answer.iter_encoded() if piece)
    assert (next(pieces), model.made) == (b"one", 1)
    assert (b"".join(pieces), model.made) == (b" two", 2)


def test_who_leaves_a_program_hangs_up_on_its_model(visit, monkeypatch):
    visit.get(f"{PAGE}program/")
    model = model_of(LESSONS[2], monkeypatch, "one", " two", " three")
    answer = visit.post(f"{PAGE}program/ask", json={"prompt": "Hi"}, buffered=False)
    next(answer.iter_encoded())
    answer.close()
    assert model.closed.wait(LIMIT) and model.closed_early


def test_a_lesson_without_a_program_runs_the_root(visit):
    assert "<title>Word by Word</title>" in visit.get(f"{ROOTS}program/").text


def test_programs_do_not_share_what_is_theirs(visit, mine):
    write(mine, app=HELLO)
    assert visit.get(f"{PAGE}program/").text != visit.get(f"{PAGE}mine/").text
    assert visit.get(f"{PAGE}program/static/page.js").status_code == 200
    assert visit.get(f"{PAGE}mine/static/page.js").status_code == 404
    lesson = ROOT / "lessons" / LESSONS[2]
    assert module_of(lesson).app is not module_of(mine).app


def test_mine_is_imported_anew_when_it_changes(visit, mine):
    write(mine, app=HELLO)
    assert "Hello" in visit.get(f"{PAGE}mine/").text
    before = module_of(mine)
    visit.get(f"{PAGE}mine/")
    assert module_of(mine) is before
    write(mine, app=HELLO.replace("Hello", "Hallo"))  # of the same size, at once
    assert "Hallo" in visit.get(f"{PAGE}mine/").text


def test_a_module_of_mine_is_imported_anew_when_it_changes(visit, mine, monkeypatch):
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    text = HELLO.replace('"<title>Mine</title>Hello"', "word")
    write(mine, app=f"from .words import word\n{text}")
    for word in "Hello", "Hallo":  # of the same size, at once
        write(mine, words=f"word = {word!r}\n")
        assert word in visit.get(f"{PAGE}mine/").text


def test_mine_shows_its_new_template(visit, mine):
    shutil.copytree(ROOT / PAGE[1:], mine, dirs_exist_ok=True)
    visit.get(f"{PAGE}mine/")
    (mine / "templates" / "index.html").write_text("Another", encoding="utf-8")
    assert visit.get(f"{PAGE}mine/").text == "Another"


ENDS = HELLO.replace("return", "raise SystemExit(1); return")
NAMELESS = HELLO.replace("return", "print(nothing); return")
BROKEN = {
    "app = Flask(": "mine/app.py, line 1: SyntaxError: '(' was never closed",
    "\nimport flusk\n": "mine/app.py, line 2: ModuleNotFoundError: No module named",
    "raise SystemExit('MODEL=x: write it.')": "MODEL=x: write it.",
    "ap = 5": "mine/app.py has no app: write app = Flask(__name__).",
    NAMELESS: "mine/app.py, line 8: NameError: name 'nothing' is not defined",
    "from .words import a": "mine/app.py, line 1: There is no mine/words.py: see the",
    "from .app import a": "ImportError: cannot import name 'a' from partially"
    " initialized module 'mine.app'",
    "import sys\nsys.exit(1)": "mine/app.py, line 2: SystemExit: 1.",
    "raise KeyboardInterrupt": "mine/app.py, line 1: KeyboardInterrupt: it says",
    ENDS: "mine/app.py, line 8: SystemExit: 1.",
}


def said_of(visit, mine, text):
    """Return the sentence for a program of that text."""
    write(mine, app=text)
    return visit.get(f"{PAGE}mine/").json["error"]


@pytest.mark.parametrize("text", ["from words import a", "import words"])
def test_a_forgotten_dot_is_said(visit, mine, text):
    write(mine, words="a = 1")
    said = said_of(visit, mine, text)
    assert "words.py is in mine/: write a dot before the name, as in from .wo" in said
    assert "pip" not in said


def test_no_package_is_named_that_no_lesson_uses(visit, mine, monkeypatch):
    monkeypatch.setitem(sys.modules, "flask_cors", None)  # as if it were missing
    said = said_of(visit, mine, "import flask_cors")
    assert said.endswith(
        "It is a package: python -m pip install flask-cors installs it."
    )
    for text in "from stream import Stream", "import flusk.app", "import word_by_word":
        said = said_of(visit, mine, text)
        assert "No lesson uses a package of that name" in said and "pip" not in said


@pytest.mark.parametrize(("text", "sentence"), BROKEN.items())
def test_what_is_broken_in_mine_is_said_in_one_sentence(visit, mine, text, sentence):
    write(mine, app=text)
    page = visit.get(f"{PAGE}mine/", headers={"Accept": "text/html"})
    assert page.status_code == 500
    said = re.search('<p role="alert".*?>(.+)</p>', page.text)[1]
    assert sentence in said.replace("&#39;", "'")
    assert "Traceback" not in page.text and "lessons/" not in said
    answer = visit.get(f"{PAGE}mine/")
    assert sentence in answer.json["error"]
    write(mine, app=HELLO)
    assert visit.get(f"{PAGE}mine/").status_code == 200


def test_before_anything_was_started_mine_says_what_to_do(visit, mine):
    mine.rmdir()
    assert "flask start" in visit.get(f"{PAGE}mine/").json["error"]


def test_what_breaks_in_a_generator_is_said_too(visit, mine):
    write(
        mine,
        app="""from flask import Flask, request
app = Flask(__name__)
@app.post("/ask")
def ask():
    return pieces()
def pieces():
    yield request.get_json()["prompt"]
""",
    )
    answer = visit.post(f"{PAGE}mine/ask", json={"prompt": "Hi"})
    assert answer.status_code == 500
    said = "mine/app.py, line 7: RuntimeError: Working outside of request context"
    assert said in answer.json["error"]


def test_a_program_may_keep_its_request_while_it_streams(visit, mine):
    write(
        mine,
        app="""from flask import Flask, request, stream_with_context
app = Flask(__name__)
@app.post("/ask")
def ask():
    return stream_with_context(request.get_json()["prompt"] for _ in range(3))
""",
    )
    assert visit.post(f"{PAGE}mine/ask", json={"prompt": "Hi"}).text == "HiHiHi"


def test_mine_keeps_and_reads_objects_of_its_own(visit, mine):
    write(
        mine,
        app=f"""import pickle
from .words import Word
{HELLO.replace('return "', 'return pickle.loads(pickle.dumps(Word("Hi"))).text + "')}
""",
        words="""from dataclasses import dataclass
@dataclass
class Word:
    text: str
""",
    )
    assert visit.get(f"{PAGE}mine/").text == "Hi<title>Mine</title>Hello"


@pytest.mark.skipif(os.name == "nt", reason="makes links the POSIX way")
def test_a_lock_file_of_an_editor_is_passed_over(visit, mine):
    write(mine, app=HELLO)
    (mine / ".#app.py").symlink_to("ada@laptop.1234:1700000000")
    assert "Hello" in visit.get(f"{PAGE}mine/").text


@pytest.mark.skipif(os.name == "nt", reason="makes links the POSIX way")
def test_a_folder_may_be_called_as_a_package_is(tmp_path, visit):
    folder, link = tmp_path / "flask", tmp_path / "work"
    folder.mkdir()
    link.symlink_to(folder)
    write(folder, app=HELLO)
    assert "Hello" in Client(Program(link)).get("/").text
    assert sys.modules["flask"].Flask is Flask
    assert visit.get(f"{PAGE}program/").status_code == 200


def test_a_check_takes_a_folder_that_is_called_as_a_package_is(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", [*sys.path])
    folder = tmp_path / "flask"
    folder.mkdir()
    write(folder, app=HELLO, __init__="")
    assert load(folder, ScriptedModel()).app.test_client().get("/").status_code == 200
    assert sys.modules["flask"].Flask is Flask


def test_who_comes_while_mine_is_imported_waits_for_that(site, mine):
    """A second import would meet the first at the barrier."""
    write(
        mine,
        app=f"""from threading import Barrier, BrokenBarrierError
import sys
try:
    sys.modules["barrier"].wait(1)
except BrokenBarrierError:
    pass
{HELLO}""",
    )
    sys.modules["barrier"] = barrier = threading.Barrier(2)
    try:
        both = [begin(site.test_client().get, f"{PAGE}mine/") for _ in range(2)]
        pages = [each.result(LIMIT).text for each in both]
    finally:
        del sys.modules["barrier"]
    assert barrier.broken
    assert pages == ["<title>Mine</title>Hello"] * 2


@pytest.mark.parametrize("kind", ["500", "HTTPException", "InternalServerError"])
def test_a_program_may_answer_its_own_bugs(visit, mine, kind):
    text = NAMELESS.replace("app = ", "from werkzeug.exceptions import *\napp = ")
    own = f"""@app.errorhandler({kind})
def bug(error):
    return "We are sorry.", 500
"""
    write(mine, app=text + own)
    answer = visit.get(f"{PAGE}mine/")
    assert (answer.status_code, answer.text) == (500, "We are sorry.")


# Loops that never end


@pytest.fixture
def impatient(monkeypatch):
    """Return a context in which an import may take a moment only."""

    @contextmanager
    def impatient():
        with monkeypatch.context() as patch:
            patch.setattr(starting, "IMPORT_SECONDS", 0.2)
            yield

    return impatient


def ends(threads):
    """Wait for threads to end; return whether they all did."""
    for thread in threads:
        thread.join(LIMIT)
    return not any(thread.is_alive() for thread in threads)


def imports_that_run():
    """Return the threads in which a program is being imported."""
    return [each for each in threading.enumerate() if isinstance(each, ProgramImport)]


LOOP = "while True:\n    pass\n"
LOOPS = {
    "a loop": {"app": LOOP},
    "a loop that catches errors": {
        "app": """while True:
    try:
        len("")
    except Exception:
        pass
"""
    },
    "a loop in a module": {"app": "from .words import word", "words": LOOP},
}


@pytest.mark.parametrize("files", LOOPS.values(), ids=LOOPS)
def test_a_loop_in_mine_is_ended_and_found(visit, mine, impatient, files):
    write(mine, **files)
    with impatient():
        said = visit.get(f"{PAGE}mine/").json["error"]
    assert said.startswith(f"mine/{[*files][-1]}.py, line ")
    assert said.endswith("it ran for 0.2 s: look for a loop that never ends.")
    assert ends(imports_that_run())
    write(mine, app=HELLO)
    assert visit.get(f"{PAGE}mine/").status_code == 200


EVENT = "sys.modules['event']"


@pytest.fixture
def event(monkeypatch):
    """Return an Event for a program, too, which finds it as sys.modules["event"]."""
    event = threading.Event()
    monkeypatch.setitem(sys.modules, "event", event)
    yield event
    event.set()


def test_an_import_that_cannot_be_ended_holds_up_nobody(visit, mine, impatient, event):
    write(mine, app=f"import sys\n{EVENT}.wait()")
    with impatient():
        said = visit.get(f"{PAGE}mine/").json["error"]
    assert said.endswith("look for a loop that never ends.")
    assert visit.get(f"{PAGE}program/").status_code == 200
    write(mine, app=HELLO)
    assert visit.get(f"{PAGE}mine/").status_code == 200
    waiting = imports_that_run()
    assert waiting
    event.set()
    assert ends(waiting)
    assert "Hello" in visit.get(f"{PAGE}mine/").text


def test_a_slow_package_is_imported_whole(
    visit, mine, impatient, event, tmp_path, monkeypatch
):
    monkeypatch.syspath_prepend(tmp_path)
    write(tmp_path, slow_package=f"import sys\nwhile not {EVENT}.wait(0.01):\n    pass")
    write(mine, app=f"import slow_package\n{HELLO}")
    with impatient():
        said = visit.get(f"{PAGE}mine/").json["error"]
    assert "did not start within 0.2 s" in said
    slow = imports_that_run()
    event.set()
    assert ends(slow)
    assert "Hello" in visit.get(f"{PAGE}mine/").text
    assert "slow_package" in sys.modules


SPINS = f"""import sys
from flask import Flask
from langchain_core.runnables import RunnableLambda
app = Flask(__name__)
@app.get("/")
def index():
    RunnableLambda(spin).invoke("Hi")  # LangChain's errors lose their words
def spin(prompt):
    {EVENT}.set()
    while True:
        pass
@app.get("/stream")
def stream():
    yield "one"
    {EVENT}.set()
    while True:
        try:
            len("")
        except Exception:
            pass
"""


def test_a_view_that_never_ends_is_ended_when_mine_changes(site, mine, event):
    write(mine, app=SPINS)
    spinning = begin(site.test_client().get, f"{PAGE}mine/")
    assert event.wait(LIMIT)
    write(mine, app=HELLO)
    assert site.test_client().get(f"{PAGE}mine/").status_code == 200
    error = spinning.result(LIMIT).json["error"]
    assert error.startswith("mine/app.py, line ")
    assert "FilesChanged: its files have changed" in error


def test_an_answer_that_never_ends_breaks_off_when_mine_changes(site, mine, event):
    write(mine, app=SPINS)
    answer = site.test_client().get(f"{PAGE}mine/stream")
    pieces = answer.iter_encoded()
    assert next(pieces) == b"one"
    spinning = begin(next, pieces)
    assert event.wait(LIMIT)
    write(mine, app=HELLO)
    assert site.test_client().get(f"{PAGE}mine/").status_code == 200
    with pytest.raises(BrokenProgram, match="its files have changed"):
        spinning.result(LIMIT)


def test_a_change_of_mine_ends_no_other_program(visit, mine, monkeypatch):
    write(mine, app=HELLO)
    visit.get(f"{PAGE}mine/")
    visit.get(f"{PAGE}program/")
    gate = threading.Event()
    model_of(LESSONS[2], monkeypatch, "one", gate, " two")
    address = f"{PAGE}program/ask"
    answer = visit.post(address, json={"prompt": "Hi"}, buffered=False)
    pieces = answer.iter_encoded()
    assert next(pieces) == b"one"
    rest = begin(b"".join, pieces)
    write(mine, app=HELLO.replace("Hello", "Hallo"))
    assert "Hallo" in visit.get(f"{PAGE}mine/").text
    gate.set()
    assert rest.result(LIMIT) == b" two"


# What would end the server


def test_os_exit_in_mine_does_not_end_the_course(visit, mine):
    write(mine, app="import os\ntry:\n    os._exit(3)\nexcept Exception:\n    pass")
    said = visit.get(f"{PAGE}mine/").json["error"]
    assert said.startswith("mine/app.py, line 3: WouldEndTheServer: os._exit() ends")
    write(mine, app="import os\n" + HELLO.replace("return", "os._exit(3); return"))
    said = visit.get(f"{PAGE}mine/").json["error"]
    assert said.startswith("mine/app.py, line 9: WouldEndTheServer: os._exit() ends")


def test_os_exit_in_a_generator_breaks_its_answer_off(visit, mine):
    write(
        mine,
        app="""import os
from flask import Flask
app = Flask(__name__)
@app.get("/")
def index():
    yield "one"
    os._exit(3)
""",
    )
    answer = visit.get(f"{PAGE}mine/", buffered=False)
    pieces = answer.iter_encoded()
    assert next(pieces) == b"one"
    with pytest.raises(BrokenProgram, match="line 7: WouldEndTheServer"):
        next(pieces)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_process_that_mine_forks_off_may_end(visit, mine):
    write(
        mine,
        app=f"""import os, signal, warnings
warnings.simplefilter("ignore")
child = os.fork()
if not child:
    try:
        os._exit(3)
    finally:
        os.kill(os.getpid(), signal.SIGKILL)
ended = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
{HELLO.replace('"<title>', 'f"{ended} <title>')}""",
    )
    assert visit.get(f"{PAGE}mine/").text.startswith("3 ")


def test_os_exit_ends_python_where_no_program_calls_it():
    script = "import os; from lessons.course.live.exit_guard import guard_exit; "
    script += "guard_exit(); os._exit(5)"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=False)
    assert done.returncode == 5


def test_the_words_of_a_provider_stay_here(visit, mine, caplog):
    write(
        mine,
        app="""from flask import Flask
from langchain_core.runnables import RunnableLambda
app = Flask(__name__)
@app.get("/")
def index():
    return RunnableLambda(fail).invoke("Hi")
def fail(prompt):
    raise PermissionError("sk-the-key is wrong")
""",
    )
    answer = visit.get(f"{PAGE}mine/")
    said = "mine/app.py, line 8: PermissionError: the model failed."
    assert answer.json["error"] == said
    assert "sk-the-key" not in answer.text + caplog.text


# A program without a page


def test_a_terminal_program_prints_in_the_pane(visit):
    here = f"/lessons/{LESSONS[0]}/program/"
    assert f"flask --app lessons/{LESSONS[0]}/app ask" in visit.get(here).text
    answer = visit.post(f"{here}ask", json={"prompt": "/echo --help Tragödie"})
    assert answer.text == "--help Tragödie\n\n4 chunks, 15 characters\n"


@pytest.mark.slow
def test_a_prompt_is_never_an_option(visit):
    answer = visit.post(f"/lessons/{LESSONS[0]}/program/ask", json={"prompt": "--xy"})
    assert "Error" not in answer.text and "chunks" in answer.text


@pytest.mark.parametrize("prompt", [None, 5, ["a"], "a\0b", "a" * 5000])
def test_a_terminal_program_takes_a_short_string_only(visit, prompt):
    here = f"/lessons/{LESSONS[0]}/program/"
    assert visit.post(f"{here}ask", json={"prompt": prompt}).status_code == 400
    assert visit.get(f"{here}ask").status_code == 405


def test_a_terminal_program_reads_no_long_body(visit):
    here = f"/lessons/{LESSONS[0]}/program/"
    long = {"prompt": "Hi", "more": "x" * 70_000}
    assert visit.post(f"{here}ask", json=long).status_code == 413


def test_a_server_without_a_page_gets_one(visit):
    here = f"/lessons/{LESSONS[1]}/program/"
    assert 'data-bar="|"' in visit.get(here).text
    answer = visit.post(f"{here}ask", json={"prompt": "/echo Tragödie"})
    assert answer.text == "Tragödie"


COMMAND = """import os, time, click
from flask import Flask
app = Flask(__name__)
@app.cli.command()
@click.argument("prompt")
def ask(prompt):
    print(os.getpid(), flush=True)
"""


def test_a_command_that_breaks_says_where(mine):
    write(mine, app=COMMAND + "    raise OSError('no')\n")
    *_, end = command_output(mine, "Hi")
    assert end == b"\nmine/app.py, line 8: OSError: no\n"


def test_a_command_that_forgets_to_flush_shows_it(mine, monkeypatch):
    monkeypatch.setenv("PYTHONUNBUFFERED", "1")
    body = "    print('one ', end='')\n    time.sleep(0.2)\n    print('two', end='')\n"
    write(mine, app=COMMAND.replace(", flush=True", ", end=' '") + body)
    (screen,) = command_output(mine, "Hi")
    assert screen.endswith(b" one two")


def test_a_command_that_never_ends_is_stopped(mine, monkeypatch):
    monkeypatch.setattr("lessons.course.live.command_output.SECONDS", 0.2)
    write(mine, app=COMMAND + "    time.sleep(99)\n")
    *_, end = begin(list, command_output(mine, "Hi")).result(LIMIT)
    assert end == b"\nIt was stopped after 0.2 s.\n"


@pytest.mark.skipif(os.name == "nt", reason="asks for a process the POSIX way")
def test_who_leaves_a_command_stops_it(mine):
    write(mine, app=COMMAND + "    time.sleep(99)\n")
    screen = command_output(mine, "Hi")
    pid = int(next(screen))
    os.kill(pid, 0)
    leaving = threading.Thread(target=screen.close, daemon=True)
    leaving.start()
    leaving.join(LIMIT)
    assert not leaving.is_alive()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


# Check my work


def checks(visit, lesson, **asked):
    answer = visit.post(f"/lessons/{lesson}/check", json=asked)
    assert answer.mimetype == "application/jsonl"
    return [json.loads(line) for line in answer.text.splitlines()]


def test_my_work_is_red_and_then_green(visit, mine):
    shutil.copytree(ROOT / "lessons" / LESSONS[1], mine, dirs_exist_ok=True)
    right = (mine / "app.py").read_text(encoding="utf-8")
    write(
        mine,
        app=right.replace("Response(pieces(", "Response(''.join(pieces(", 1).replace(
            "), mimetype", ")), mimetype"
        ),
    )
    outcomes = [check["outcome"] for check in checks(visit, LESSONS[1])]
    assert outcomes.count("red") == 1
    write(mine, app=right)
    assert {check["outcome"] for check in checks(visit, LESSONS[1])} == {"green"}


def test_my_turn_is_red_and_then_green(turn, visit, mine):
    shutil.copytree(turn.parent, mine, dirs_exist_ok=True)
    right = (mine / "app.py").read_text(encoding="utf-8")
    [check] = checks(visit, turn.parent.name, turn=True)
    assert (check["outcome"], check["message"]) == ("red", "Nothing says bye.")
    write(mine, app=f"{right}\nbye = True\n")
    [check] = checks(visit, turn.parent.name, turn=True)
    assert (check["sentence"], check["outcome"]) == ("It says bye", "green")


def test_of_my_turn_all_may_be_checked_in_the_browser(turn, visit):
    (turn / "check.py").unlink()
    assert checks(visit, turn.parent.name, turn=True) == []
    script = visit.get(f"{PAGE}turn/check.js")
    assert script.text == TURN["check.js"] and script.mimetype == "text/javascript"


def test_a_lesson_whose_turn_has_no_checks_has_no_button_for_it(turn, visit):
    assert "Check your turn</button>" in visit.get(PAGE).text
    shutil.rmtree(turn)
    assert "Check your turn</button>" not in visit.get(PAGE).text
    assert visit.get(f"{PAGE}turn/check.js").status_code == 404
    assert visit.post(f"{PAGE}check", json={"turn": True}).status_code == 404


def test_nobody_elses_machine_checks_a_turn(turn, visit):
    there = {"REMOTE_ADDR": "192.168.1.7"}
    asked = {"json": {"turn": True}, "environ_overrides": there}
    assert visit.post(f"{PAGE}check", **asked).status_code == 404
    script = visit.get(f"{PAGE}turn/check.js", environ_overrides=there)
    assert script.status_code == 404


# What it costs


def test_the_first_page_waits_for_no_part_of_the_course():
    script = "import app, sys; print([name for name in sys.modules if name in"
    script += " ('markdown_it', 'pygments', 'pytest')])"
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, timeout=PATIENCE)
    assert done.stdout.strip() == b"[]", done.stderr


@pytest.mark.slow
def test_flask_run_serves_the_course():
    with running("run") as url:
        page = requests.get(url + PAGE, timeout=PATIENCE).text
        assert "<iframe" in page
        address = f"{url}{PAGE}program/ask"
        answer = requests.post(address, json={"prompt": "/echo Hi"}, timeout=PATIENCE)
        assert answer.text == "Hi"


# In a browser


class Reader:
    """Who reads a lesson in a browser."""

    def __init__(self, browser, url):
        self.browser = browser
        self.url = url

    def run(self, script, *words):
        return self.browser.execute_script(script, *words)

    def until(self, script, *words):
        """Wait until the script returns something; return that."""
        waiting = WebDriverWait(self.browser, PATIENCE, 0.02)
        return waiting.until(lambda _: self.run(f"return {script}", *words), script)

    def open(self, path):
        self.browser.get(self.url + path)
        self.program_is_there()

    def program_is_there(self):
        """Wait until the program in the frame has loaded, and is tapped."""
        self.until(
            "!/native/.test(frames[0].fetch) && frames[0].document.readyState"
            " === 'complete'"
        )

    def choose(self, name):
        """Press a radio button, the checkbox or Reload, and wait for the program."""
        self.run("frames[0].old = true")
        self.run("document.querySelector(arguments[0]).click()", name)
        self.until("!frames[0].old")
        self.program_is_there()

    def ask(self, prompt):
        """Ask the program in the frame, and wait until the wire is at its end."""
        self.run(
            """const page = frames[0].document;
            page.querySelector("input").value = arguments[0];
            page.querySelector("form").requestSubmit();""",
            prompt,
        )
        return self.until("document.querySelector('#wire').dataset.how")

    def text(self, name):
        return self.run("return document.querySelector(arguments[0]).innerText", name)

    def frame(self):
        return self.run("return frames[0].document.body.innerText")

    def wire(self):
        """Return the numbers below the wire by their names."""
        return self.run(
            """const rows = [...document.querySelectorAll("#wire dl > div")];
            const texts = ({ children }) => [...children].map((it) => it.textContent);
            return Object.fromEntries(rows.map(texts));"""
        )

    def drawn(self, pieces):
        """Wait until so many pieces are drawn on the wire."""
        WebDriverWait(self.browser, PATIENCE, 0.02).until(
            lambda _: self.wire()["Pieces"] == pieces
        )

    def ended(self, how):
        self.until("document.querySelector('#wire').dataset.how === arguments[0]", how)

    def complaints(self):
        """Return what the console says, but for answers that are meant to break."""
        log = [line["message"] for line in self.browser.get_log("browser")]
        return [line for line in log if not re.search("of 500|INCOMPLETE_CHUNK", line)]


@pytest.fixture
def reader(browser, serve, site):
    """Return a reader of the course, whose console stays empty."""
    reader = Reader(browser, serve(site))
    yield reader
    assert reader.complaints() == []


def test_the_program_answers_beside_its_notes_and_the_wire_is_drawn(reader):
    reader.open(PAGE)
    reader.ask("/echo Streams are fun, Tragödie.")
    reader.ended("complete")
    assert "Streams are fun, Tragödie." in reader.frame()
    assert reader.wire()["Bytes"] == str(len("Streams are fun, Tragödie.".encode()))


def test_the_wire_of_before_a_reload_is_not_drawn_any_more(reader):
    reader.open(PAGE)
    reader.ask("/echo Hi")
    reader.ended("complete")
    reader.choose("#pane button")
    reader.ended("idle")
    assert (reader.wire()["Pieces"], reader.wire()["First text"]) == ("0", "-")


def test_a_bad_network_carries_the_same_in_more_pieces(reader, monkeypatch):
    goes_on = threading.Event()  # the second part leaves then, not after 20 ms
    goes_on.set()
    monkeypatch.setattr(
        "lessons.course.bad_network.sleep", lambda seconds: goes_on.wait(PATIENCE)
    )
    reader.open(PAGE)
    reader.ask("/echo Streams")
    reader.ended("complete")
    good = reader.wire()
    reader.choose("[name=network]")
    goes_on.clear()
    reader.ask("/echo Streams")
    reader.drawn("1")
    goes_on.set()
    reader.ended("complete")
    bad = reader.wire()
    assert (good["Pieces"], good["Bytes"]) == ("1", "7")
    assert (bad["Pieces"], bad["Bytes"]) == ("2", "7")
    reader.choose("[name=network]")
    goes_on.clear()
    reader.ask("/echo Streams")
    reader.ended("complete")
    assert reader.wire()["Pieces"] == "1"


def test_mine_shows_what_is_broken_and_runs_when_it_is_mended(reader, mine):
    write(mine, app="app = Flask(")
    reader.open(PAGE)
    reader.choose("[value=mine]")
    assert reader.frame().startswith("mine/app.py, line 1: SyntaxError")
    write(mine, app=HELLO)
    reader.choose("#pane button")
    assert reader.frame() == "Hello"


def test_a_refused_question_says_why_below_the_program(reader):
    reader.open(PAGE)
    reader.ask("/fail 0")
    reader.ended("refused")
    reader.until("document.querySelector('#problem').textContent.includes('line 28')")
    reader.ask("/echo Hi")
    reader.ended("complete")
    assert reader.run("return document.querySelector('#problem').textContent") == ""


def test_a_broken_answer_breaks_for_the_page_too(reader):
    reader.open(PAGE)
    reader.ask("/fail 2 /echo one two three")
    reader.ended("broken")
    assert "one two" in reader.frame() and "not whole" in reader.frame()


STOPS = {
    "abort": "const stop = new AbortController(); page.stop = () => stop.abort();"
    "question.signal = stop.signal;",
    "cancel": "page.stop = () => page.reader.cancel();",
}


@pytest.mark.parametrize("way", STOPS)
def test_a_page_that_hangs_up_hangs_up_on_the_model(reader, monkeypatch, way):
    reader.open(PAGE)
    gates = threading.Event(), threading.Event()
    model = model_of(LESSONS[2], monkeypatch, "one", gates[0], " two", gates[1], " 3")
    reader.run(
        f"""const page = frames[0];
        const question = {{ method: "POST", body: '{{"prompt": "Hi"}}' }};
        question.headers = {{ "Content-Type": "application/json" }};
        {STOPS[way]}
        page.fetch("ask", question).then(async ({{ body }}) => {{
          page.reader = body.getReader();
          page.first = await page.reader.read();
        }});"""
    )
    reader.until("frames[0].first")
    assert model.made == 1
    reader.run("frames[0].stop()")
    reader.ended("stopped")
    for gate in gates:  # the server notices when it writes
        gate.set()
    assert model.closed.wait(LIMIT) and model.closed_early


def test_a_terminal_program_runs_in_the_frame(reader):
    reader.open(f"/lessons/{LESSONS[0]}/")
    reader.ask("/echo Hi there")
    reader.ended("complete")
    assert "Hi there\n\n4 chunks, 8 characters" in reader.frame()


def test_a_server_without_a_page_shows_its_pieces(reader, monkeypatch):
    reader.open(f"/lessons/{LESSONS[1]}/")
    gate = threading.Event()
    model_of(LESSONS[1], monkeypatch, "one", gate, " two")
    reader.ask("Hi")
    reader.until("frames[0].document.querySelector('#screen').textContent === 'one|'")
    gate.set()
    reader.ended("complete")
    assert "one| two|" in reader.frame()


# The scripts of the course, by themselves

TAPPED = """
    const { tapInto } = await import("/lessons/static/tap.js");
    const drawn = [];
    const wire = {
      begin: () => drawn.push("begin"),
      read: ({ text }) => drawn.push(text),
      end: (how) => drawn.push(how),
    };
    const tap = tapInto(wire, document.createElement("p"));
    const turn = () => new Promise((go) => setTimeout(go));
    const encode = (text) => new TextEncoder().encode(text);
    const bodies = [];
    const page = { Response };
    const untapped = async () => {
      const start = (body) => bodies.push(body);
      return new Response(new ReadableStream({ start }));
    };
"""


@pytest.fixture
def script(browser, serve, site):
    """Return a function that runs a script beside the course's, to its done(value)."""
    browser.set_script_timeout(PATIENCE)
    browser.get(f"{serve(site)}/lessons/")

    def run(text):
        words = f"(async () => {{ {text} }})().catch((error) => done(String(error)))"
        return browser.execute_async_script(f"const [done] = arguments; {words}")

    return run


def test_the_tap_reads_when_the_page_reads_and_not_before(script):
    pulled, drawn = script(
        TAPPED
        + """let pulled = 0;
        const pull = (body) => body.enqueue(encode(`piece ${++pulled}`));
        const body = new ReadableStream({ pull }, { highWaterMark: 0 });
        page.fetch = async () => new Response(body);
        tap(page);
        const reader = (await page.fetch("ask")).body.getReader();
        await turn();
        const before = pulled;
        await reader.read();
        await turn(); // for what would read ahead
        done([[before, pulled], drawn]);"""
    )
    assert pulled == [0, 1]
    assert drawn == ["begin", "piece 1"]


def test_the_tap_draws_the_latest_question_only(script):
    drawn = script(
        TAPPED
        + """page.fetch = untapped;
        tap(page);
        const first = (await page.fetch("ask")).body.getReader();
        bodies[0].enqueue(encode("old"));
        await first.read();
        const second = (await page.fetch("ask")).body.getReader();
        bodies[0].enqueue(encode("older"));
        bodies[1].enqueue(encode("new"));
        await first.read();
        await second.read();
        bodies[0].close();
        await first.read();
        bodies[1].close();
        await second.read();
        done(drawn);"""
    )
    assert drawn == ["begin", "old", "begin", "new", "complete"]


def test_the_tap_draws_nothing_of_a_page_that_was_left(script):
    drawn = script(
        TAPPED
        + """page.fetch = untapped;
        tap(page);
        const reader = (await page.fetch("ask")).body.getReader();
        tap({ Response, fetch: untapped });
        bodies[0].enqueue(encode("old"));
        await reader.read();
        bodies[0].close();
        await reader.read();
        done(drawn);"""
    )
    assert drawn == ["begin", "stopped"]


CUT = """
    const { check } = await import("/lessons/static/work.js");
    const bytes = new TextEncoder().encode(LINES);
    const answers = [];
    for (let cut = 1; cut < bytes.length; cut++) {
      const pieces = [bytes.slice(0, cut), bytes.slice(cut)];
      const pull = (body) => {
        if (pieces.length) body.enqueue(pieces.shift());
        else body.close();
      };
      window.fetch = async () => new Response(new ReadableStream({ pull }));
      const reported = [];
      const note = (found) => reported.push(found);
      const all = await check("", { inBrowser: true }, note);
      answers.push([all, reported]);
    }
    done(answers);"""


def test_a_line_of_the_checks_is_whole_however_it_was_cut(script):
    found = [
        {"sentence": "Tragödie 👋", "outcome": "green", "message": "", "printed": ""},
        {"sentence": "b", "outcome": "red", "message": "why\n", "printed": "c"},
    ]
    lines = "".join(json.dumps(each, ensure_ascii=False) + "\n" for each in found)
    cuts = script(CUT.replace("LINES", json.dumps(lines)))
    assert len(cuts) == len(lines.encode()) - 1
    assert all(cut == [found, found] for cut in cuts)


@pytest.mark.parametrize("path", SENT.values(), ids=SENT)
def test_a_page_of_another_server_frames_nothing_of_ours(reader, serve, mine, path):
    write(mine, app=HEADED)
    page = f'<title>Another</title><iframe src="{reader.url}{path}"></iframe>'
    reader.browser.get(serve(Response(page, mimetype="text/html")))
    reader.browser.switch_to.frame(0)
    try:
        assert reader.run("return location.href") == "chrome-error://chromewebdata/"
    finally:
        reader.browser.switch_to.default_content()
    complaints = reader.browser.get_log("browser")
    assert "frame-ancestors 'self'" in "".join(line["message"] for line in complaints)


def test_a_service_worker_of_mine_does_not_reach_beyond_mine(reader, mine):
    write(mine, app=HEADED)
    reader.open(PAGE)
    reader.choose("[value=mine]")
    reader.run(
        """const page = frames[0];
        const scope = "/lessons/";
        page.navigator.serviceWorker.register("worker.js", { scope }).then(
          () => (page.end = "registered"),
          (error) => (page.end = error.name),
        );"""
    )
    assert reader.until("frames[0].end") == "SecurityError"
    assert "path of the provided scope" in "".join(reader.complaints())


def check_my_work(reader, button="#check"):
    reader.run("document.querySelector(arguments[0]).click()", button)
    reader.until("document.querySelector('#check').ariaDisabled === 'false'")
    return [
        reader.run("return document.querySelector(arguments[0])?.innerText", found)
        for found in ("#status", '#found [data-outcome="red"]')
    ]


def test_check_my_work_says_what_is_red_and_then_that_all_is_green(reader, mine):
    shutil.copytree(ROOT / PAGE[1:], mine, dirs_exist_ok=True)
    right = (mine / "app.py").read_text(encoding="utf-8")
    write(
        mine, app=right.replace("Response(pieces(prompt)", "Response([*pieces(prompt)]")
    )
    reader.open(PAGE)
    status, red = check_my_work(reader)
    assert status == "Mend the red one, then check again."
    assert red.startswith("red The first piece leaves before the second is made")
    write(mine, app=right)
    assert check_my_work(reader) == ["All is green.", None]


def test_check_my_work_checks_the_page_in_this_browser(reader, mine):
    shutil.copytree(ROOT / "lessons" / LESSONS[3], mine, dirs_exist_ok=True)
    page = mine / "static" / "page.js"
    right = page.read_text(encoding="utf-8")
    page.write_text(right.replace(", { stream: true }", ""), encoding="utf-8")
    reader.open(f"/lessons/{LESSONS[3]}/")
    assert "cut after byte 5" in check_my_work(reader)[1]
    page.write_text(right, encoding="utf-8")
    assert check_my_work(reader) == ["All is green.", None]


def test_check_your_turn_says_what_is_red_and_then_that_all_is_green(
    turn, reader, mine
):
    shutil.copytree(turn.parent, mine, dirs_exist_ok=True)
    reader.open(PAGE)
    status, red = check_my_work(reader, "#check-turn")
    assert status == "Mend the red one, then check again."
    assert red.startswith("red It says bye\n\nNothing says bye.")
    app = (mine / "app.py").read_text(encoding="utf-8")
    write(mine, app=f"{app}\nbye = True\n")
    assert "The page says no bye." in check_my_work(reader, "#check-turn")[1]
    page = mine / "templates" / "index.html"
    page.write_text(page.read_text(encoding="utf-8") + "<p>bye", encoding="utf-8")
    assert check_my_work(reader, "#check-turn") == ["Your turn is done.", None]


def test_one_button_checks_at_a_time(turn, reader, mine):
    reader.open(PAGE)
    asked = reader.run(
        """let asked = 0;
        window.fetch = () => {
          asked += 1;
          return new Promise(() => {});
        };
        for (const name of ["#check", "#check-turn", "#check"]) {
          document.querySelector(name).click();
        }
        const disabled = document.querySelectorAll("[aria-disabled=true]").length;
        return [asked, disabled];"""
    )
    assert asked == [1, 2]


def test_the_way_through_shows_how_far_one_is(reader, mine):
    shutil.copytree(ROOT / "lessons" / LESSONS[0], mine, dirs_exist_ok=True)
    reader.browser.get(f"{reader.url}/lessons/")
    status, _ = check_my_work(reader)
    first = reader.run("return document.querySelector('#lessons li').dataset.outcome")
    assert first == "green"
    assert status.startswith("You are at 02 · A stream from Flask.")


def test_a_verdict_of_before_a_reload_says_so(reader, mine):
    shutil.copytree(ROOT / PAGE[1:], mine, dirs_exist_ok=True)
    reader.open(PAGE)
    reader.choose("#pane button")
    assert "Begin with flask start 3" in reader.text("#status")
    check_my_work(reader)
    for _ in range(2):
        reader.choose("#pane button")
        assert reader.text("#status") == "Before you pressed Reload: All is green."
    assert check_my_work(reader) == ["All is green.", None]


# What it looks like

SIZES = {
    "320": (320, 640),
    "800": (800, 1000),
    "1280": (1280, 900),
    "1366": (1366, 768),
}
PAGES = ["/", "/lessons/", "/lessons/glossary", *(f"/lessons/{x}/" for x in LESSONS)]


@pytest.fixture
def screen(reader):
    """Return a function that makes the window so wide and high, light or dark."""
    command = reader.browser.execute_cdp_cmd

    def show(width, height, scheme="light"):
        size = {"width": width, "height": height}
        more = {"deviceScaleFactor": 1, "mobile": False}
        colours = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
        command("Emulation.setDeviceMetricsOverride", size | more)
        command("Emulation.setEmulatedMedia", colours)

    yield show
    command("Emulation.clearDeviceMetricsOverride", {})
    command("Emulation.setEmulatedMedia", {"features": []})


@pytest.mark.parametrize("path", PAGES)
def test_a_page_fits_its_screen_in_its_colours(reader, screen, path):
    reader.browser.get(reader.url + path)
    for scheme in "dark", "light":
        screen(320, 640, scheme)
        ink, paper = reader.run(
            "const { color, backgroundColor } = getComputedStyle(document.body);"
            " return [color, backgroundColor].map((c) => +c.match(/\\d+/)[0])"
        )
        assert (ink < paper) == (scheme == "light")
        assert reader.run("return document.documentElement.scrollWidth") <= 320
    screen(*SIZES["1280"])
    open_folds(reader)
    scrolls = reader.run(
        """const blocks = [...document.querySelectorAll(".notes pre")];
        const isWide = ({ scrollWidth, clientWidth }) => scrollWidth > clientWidth;
        return blocks.filter(isWide).map(({ textContent }) => textContent);"""
    )
    assert scrolls == []


def open_folds(reader):
    """Open all that can be unfolded on the page."""
    reader.run(
        "for (const fold of document.querySelectorAll('details')) fold.open = true;"
    )


def in_the_window(reader, name):
    """Whether all of an element can be seen, and nothing stands before it."""
    return reader.run(
        """const element = document.querySelector(arguments[0]);
        const { left, top, right, bottom } = element.getBoundingClientRect();
        const seen = document.elementFromPoint((left + right) / 2, (top + bottom) / 2);
        const isInside = left >= 0 && top >= 0 && right <= innerWidth;
        return isInside && bottom <= innerHeight && element.contains(seen);""",
        name,
    )


@pytest.mark.parametrize("size", SIZES)
def test_check_my_work_and_its_verdict_are_always_in_view(turn, reader, screen, size):
    screen(*SIZES[size])
    reader.open(PAGE)
    check_my_work(reader)
    last = "#found [data-outcome=red]"
    for place in "0", "document.body.scrollHeight / 3", "document.body.scrollHeight":
        reader.run(f"scrollTo(0, {place})")
        for name in "#check", "#check-turn", "#status", last:
            assert in_the_window(reader, name), name


@pytest.mark.parametrize("size", SIZES)
def test_what_scrolls_is_in_nothing_that_scrolls_but_the_page(reader, screen, size):
    screen(*SIZES[size])
    reader.open(PAGE)
    open_folds(reader)
    nested = reader.run(
        """document.querySelector("#found").innerHTML = "<li><pre>a</pre></li>";
        const scrolls = (element) => {
          const { overflowX, overflowY } = getComputedStyle(element);
          return [overflowX, overflowY].some((way) => /auto|scroll/.test(way));
        };
        const all = [...document.querySelectorAll("body *")];
        const outer = all.filter(scrolls);
        const inner = [...outer, ...document.querySelectorAll("iframe")];
        const isInside = (each) => outer.some((it) => it !== each && it.contains(each));
        return inner.filter(isInside).map(({ outerHTML }) => outerHTML.slice(0, 80));"""
    )
    assert nested == []


@pytest.fixture
def axe(reader):
    """Return a function that lets axe-core look at the page, and returns what it found.

    It looks for what keeps people out who see little or use no mouse.
    """
    script = CLIENTS / "node_modules" / "axe-core" / "axe.min.js"
    if not script.exists():
        message = "axe-core is missing: npm ci --prefix tests/clients"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(message)
    reader.browser.set_script_timeout(PATIENCE)

    def look(**options):
        if not reader.run("return Boolean(window.axe)"):
            reader.run(script.read_text(encoding="utf-8"))
        return reader.browser.execute_async_script(
            """const [options, done] = arguments;
            const all = { resultTypes: ["violations"], iframes: false, ...options };
            const htmls = (nodes) => nodes.map(({ html }) => html);
            const places = ({ help, nodes }) => [help, ...htmls(nodes)];
            const found = ({ violations }) => done(violations.map(places));
            axe.run(document, all).then(found);""",
            options,
        )

    return look


COLOURS = ["color-contrast", "link-in-text-block"]  # the rules that look at colours


@pytest.mark.parametrize("path", PAGES)
def test_axe_finds_nothing_on_a_page(reader, screen, axe, path):
    screen(*SIZES["1280"])
    reader.browser.get(reader.url + path)
    open_folds(reader)
    assert axe() == []
    screen(*SIZES["1280"], "dark")
    assert axe(runOnly=COLOURS) == []


# The copy buttons


def copies(reader):
    """Press each copy button; return what was copied and what the buttons say then."""
    reader.until("document.querySelector('.copy')")
    return reader.browser.execute_async_script(
        """const [done] = arguments;
        const copied = [];
        navigator.clipboard.writeText = async (text) => copied.push(text);
        const buttons = [...document.querySelectorAll(".copy")];
        for (const button of buttons) button.click();
        const said = () => buttons.map(({ textContent }) => textContent);
        setTimeout(() => done([copied, said()]));"""
    )


def test_code_can_be_copied_as_it_stands_in_its_file(reader):
    reader.open(PAGE)
    copied, said = copies(reader)
    file = (ROOT / PAGE[1:] / "templates" / "index.html").read_text(encoding="utf-8")
    assert any(text in file for text in copied)
    assert said == ["Copied"] * len(copied)


def test_of_a_terminal_what_was_typed_is_copied(reader):
    reader.open(f"/lessons/{LESSONS[0]}/")
    copied, _ = copies(reader)
    for text in copied:
        assert not text.startswith("$") and "characters\n" not in text
    assert any(text.startswith("flask ") for text in copied)


def test_a_copy_button_is_named_after_its_file(reader):
    reader.open(PAGE)
    reader.until("document.querySelector('.copy')")
    names = "[...document.querySelectorAll('.copy')].map(({ ariaLabel }) => ariaLabel)"
    assert "Copy: static/page.js" in reader.run(f"return {names}")

"""The course as tests need it: with a mine/ of their own, and a reader of its pages."""

import re
import shutil
import sys
import threading
from concurrent.futures import Future
from functools import partial

import pytest
from flask import Flask
from flask.testing import FlaskClient
from selenium.webdriver.support.ui import WebDriverWait
from werkzeug.exceptions import HTTPException

import app as program
from failures import as_json
from lessons.course import folders, loop, pages
from lessons.course.about_lessons import way_through
from lessons.course.about_lessons.way_through import all_lessons
from lessons.course.checker.run_checks import run_checks
from lessons.course.for_checks.scripted_model import ScriptedModel
from support import ROOT

PATIENCE = 120  # seconds; a busy machine takes its time to start a Python
LESSONS = [lesson.name for lesson in all_lessons().values()]
A_TERMINAL = "01-a-stream-in-the-terminal"  # a program that prints
A_SERVER = "02-a-stream-from-flask"  # one without a page
A_PAGE = "03-a-page-that-reads-it"
LETTERS = "04-letters-that-stay-whole"
PAGE = f"/lessons/{A_PAGE}/"
ROOTS = "/lessons/08-limits/"  # whose program is the root's
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
    monkeypatch.setattr(folders, "BEFORE", mine.with_name("mine-before"))
    monkeypatch.setattr(folders, "PROGRESS", mine.with_name("progress.jsonl"))
    monkeypatch.setattr(loop, "run_checks", partial(run_checks, seconds=PATIENCE))
    site = Flask(program.app.import_name)
    site.config.update(program.app.config)
    site.add_url_rule("/", "index", program.index)
    site.add_url_rule("/ask", "ask", program.ask, methods=["POST"])
    site.register_error_handler(HTTPException, as_json)
    site.after_request(program.forbid_guessing)
    site.register_blueprint(pages.course)
    site.jinja_env.globals["has_course"] = True
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
    lesson = A_PAGE
    shutil.copytree(folders.LESSONS / lesson, copy / lesson)
    shutil.copy(folders.LESSONS / "README.md", copy)
    for module in folders, way_through:
        monkeypatch.setattr(module, "LESSONS", copy)
    folder = copy / lesson / "turn"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name, text in TURN.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


class Visitor(FlaskClient):
    """A client that asks as a page of ours does in a browser.

    It reads an answer to its end, unless it is asked not to.
    """

    def open(self, *path, buffered=True, headers=None, **request):
        headers = {"Sec-Fetch-Site": "same-origin"} | (headers or {})
        return super().open(*path, buffered=buffered, headers=headers, **request)


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

    def frame_shows(self, words):
        """Wait until the program in the frame shows these words."""
        self.until("frames[0].document.body?.innerText.includes(arguments[0])", words)

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

    def check_my_work(self, button="#check"):
        """Press a button that checks; return what it says, and the red check."""
        self.run("document.querySelector(arguments[0]).click()", button)
        self.until("document.querySelector('#check').ariaDisabled === 'false'")
        return [
            self.run("return document.querySelector(arguments[0])?.innerText", found)
            for found in ("#status", '#found [data-outcome="red"]')
        ]

    def says(self, words):
        """Wait until the line below the buttons says these words."""
        self.until(
            "document.querySelector('#status').textContent.includes(arguments[0])",
            words,
        )

    def complaints(self):
        """Return what the console says, but for answers that are meant to break."""
        log = [line["message"] for line in self.browser.get_log("browser")]
        return [line for line in log if not re.search("of 500|INCOMPLETE_CHUNK", line)]


@pytest.fixture
def reader(browser, serve, site):
    """Return a reader of the course, whose console stays empty."""
    reader = Reader(browser, serve(site))
    # An earlier test may have had this port, and so a browser that remembers for it.
    kept = {"origin": reader.url, "storageTypes": "local_storage"}
    browser.execute_cdp_cmd("Storage.clearDataForOrigin", kept)
    yield reader
    assert reader.complaints() == []

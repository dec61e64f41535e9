"""What the tests share: a scripted model, the app on a real port, and a browser."""

import json
import os
import shutil
import subprocess
import threading
from contextlib import ExitStack
from datetime import date

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from support import CLIENTS, LIMIT  # first: it takes a student's settings away
from support.browser import FLAGS
from xdist.scheduler import LoadScopeScheduling

import app as program
from lessons.course.for_checks.local_server import served
from lessons.course.for_checks.scripted_model import ScriptedModel

pytest_plugins = [  # their fixtures
    "support.course",
    "support.forked_checks",
    "support.openai_clients",
    "support.openai_wire",
]


# Werkzeug 3.1 leaves a file that it sends open if the browser goes to another page
# just then: run_wsgi() reads what the browser may still send before it closes the
# answer, and a connection that was reset raises there. Python then closes the file,
# and warns.
LEFT_OPEN = r"unclosed file <_io.BufferedReader name=.*\.(css|html|js|png|svg)'>"


def pytest_configure(config):
    """Turn warnings into errors where CI is set; elsewhere they are printed.

    A library may deprecate something any day. That must not turn the tests red for
    somebody who has only just pasted the README's command.
    """
    if os.environ.get("CI"):
        config.addinivalue_line("filterwarnings", "error")
        config.addinivalue_line("filterwarnings", f"ignore:{LEFT_OPEN}:ResourceWarning")


# Which wrong answers are tried: see test_checks.py. It is settled here, before the
# processes that share the tests begin, so that midnight cannot fall between them.
QUARTER_OF_TODAY = str(date.today().toordinal() % 4)
TRIED = QUARTER_OF_TODAY if os.environ.get("CI") else "all"
os.environ.setdefault("WRONG_ANSWERS", TRIED)


def pytest_collection_modifyitems(items):
    """Leave the checks of lessons for the end.

    Each lesson's are a short part, so that no process waits long for another's.
    """
    items.sort(key=lambda item: item.path.name == "test_checks.py")


def pytest_xdist_make_scheduler(config, log):
    """Let processes that share the tests take whole files of them: see ByFile."""
    return ByFile(config, log)


class ByFile(LoadScopeScheduling):
    """Gives all tests of a file to one process, and all checks of a lesson.

    What they share, such as a server or what a check.py imports, is then made once,
    and not again in each process.
    """

    def _split_scope(self, nodeid):
        """Return the name of the part to which a test belongs."""
        file, _, name = nodeid.partition("::")
        if not file.endswith("test_checks.py"):
            return file
        _, _, case = name.partition("[")
        return f"{file} {case[:2]}"  # the number of the lesson


@pytest.fixture(autouse=True)
def proxies_as_before():
    """After each test, NO_PROXY is as before: choose_model() sets it if need be."""
    before = {name: os.environ.get(name) for name in ("NO_PROXY", "no_proxy")}
    yield
    for name, value in before.items():
        os.environ.pop(name, None)
        if value is not None:
            os.environ[name] = value


@pytest.fixture
def answering():
    """Return the module whose model answers; the tests of a lesson return theirs."""
    return program


@pytest.fixture
def kind_of_model():
    """Return the class of the model that answers."""
    return ScriptedModel


@pytest.fixture
def answer_with(monkeypatch, answering, kind_of_model):
    """Let the app answer with a scripted model of this script; return the model."""

    def install(*script):
        model = kind_of_model(*script)
        monkeypatch.setattr(answering, "model", model)
        return model

    return install


@pytest.fixture
def client(answering):
    """Return a client that calls the app in this process."""
    return answering.app.test_client()


@pytest.fixture
def serve():
    """Return a function that runs a WSGI app on a free port and returns its address."""
    with ExitStack() as servers:
        yield lambda wsgi_app: servers.enter_context(served(wsgi_app))


@pytest.fixture
def server(serve):
    """Return the address of the app on a real port."""
    return serve(program.app)


@pytest.fixture
def node():
    """Return a function that runs a script of tests/clients in Node.

    It returns the JSON values that the script prints, a line each. Skip where Node or
    its packages are missing (npm ci in tests/clients), but fail where CI is set.
    """
    found = shutil.which("node")
    if not (found and (CLIENTS / "node_modules").exists()):
        message = "Node's clients are missing: npm ci --prefix tests/clients"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(message)

    def run(script, *words):
        done = subprocess.run(
            [found, CLIENTS / script, *words],
            capture_output=True,
            encoding="utf-8",
            timeout=2 * LIMIT,
        )
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    return run


@pytest.fixture(autouse=True)
def no_slot_stays_taken():
    """After every test, all slots are free again (a slot given back twice raises)."""
    yield
    slots = program.slots
    for _ in range(100):
        if slots._value == slots._initial_value:
            return
        threading.Event().wait(0.05)
    pytest.fail(f"{slots._initial_value - slots._value} answers still hold a slot")


@pytest.fixture(scope="session")
def chromium():
    """Return a headless Chromium; skip without one, but fail where CI is set.

    The headless shell comes first: what shows pages in Chromium, and nothing around it,
    so that a page takes three quarters of the time. The one that Debian has in the PATH
    is a script: if that is ended, the shell that it has started goes on.
    """
    driver = shutil.which("chromedriver")
    shell = shutil.which("chromium-headless-shell", path="/usr/lib/chromium")
    names = "chromium", "google-chrome", "chrome", "Google Chrome"
    binary = next(filter(None, [shell, *map(shutil.which, names)]), None)
    if not (driver and binary):
        message = "no Chromium with its chromedriver is installed"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(message)
    options = webdriver.ChromeOptions()
    options.binary_location = binary
    for flag in FLAGS:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    with webdriver.Chrome(options=options, service=Service(driver)) as browser:
        if shell:
            # Chromium itself lets a page write to the clipboard when somebody clicks.
            may = {"permissions": ["clipboardSanitizedWrite"]}
            browser.execute_cdp_cmd("Browser.grantPermissions", may)
        yield browser


@pytest.fixture
def browser(chromium):
    """Return the browser with an empty page, and nothing in its console."""
    chromium.get("about:blank")
    chromium.get_log("browser")
    return chromium

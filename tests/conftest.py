"""What the tests share: a scripted model, the app on a real port, and a browser."""

import json
import os
import random
import shutil
import socket
import subprocess
import threading
from contextlib import ExitStack, contextmanager
from pathlib import Path
from time import monotonic

# Before anything of ours is imported: the tests never see a student's key or settings.
for setting in list(os.environ):
    ours = "MODEL", "OPENAI_", "ANTHROPIC_", "ANSWER", "TRUSTED_", "REDIS_"
    others = "_API_KEY", "_PROXY"
    if setting.startswith(ours) or setting.upper().endswith(others):
        del os.environ[setting]
os.environ["PYTHON_DOTENV_DISABLED"] = "1"

import pytest  # noqa: E402
from forked_python import serving  # noqa: E402
from selenium import webdriver  # noqa: E402
from selenium.webdriver.chrome.service import Service  # noqa: E402
from werkzeug.wsgi import ClosingIterator  # noqa: E402

import app as program  # noqa: E402
from lessons.course.for_checks.local_server import served  # noqa: E402
from lessons.course.for_checks.scripted_model import ScriptedModel  # noqa: E402

pytest_plugins = ["forked_checks", "support.course"]  # their fixtures
ROOT = Path(__file__).parent.parent
CLIENTS = ROOT / "tests" / "clients"
LIMIT = 20  # seconds; a test that waits longer has failed
FLAGS = """
    --headless=new --no-sandbox --disable-gpu --disable-quic --no-first-run
    --disable-background-networking --disable-component-update --disable-sync
    --disable-back-forward-cache
""".split()  # noqa: SIM905

WAITRESS = """
import sys, importlib, waitress
name, address = sys.argv[1:]
waitress.serve(importlib.import_module(name).app, listen=address, threads=8)
"""  # waitress-serve takes no name with a hyphen
PRODUCTION = {
    "gunicorn": lambda module, address: f"""
        -m gunicorn --bind {address} --worker-class gthread --threads 8
        --graceful-timeout 1 {module}:app""".split(),
    "waitress": lambda module, address: ["-c", WAITRESS, module, address],
}


def pytest_collection_modifyitems(items):
    """Leave the checks of lessons for the end.

    They are many and short: processes that share the tests all have some of them until
    the end, and none waits for another's long one.
    """
    items.sort(key=lambda item: item.path.name == "test_checks.py")


def free_port():
    """Return a port of 127.0.0.1 that nobody listens on.

    None of those that a system gives to whoever asks for any: another test, or a
    browser, could get it before the server that it is for.
    """
    while True:
        port = random.randrange(10_000, 32_000)
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                return port


def wait_for(port):
    """Return when a server listens on the port of 127.0.0.1."""
    until = monotonic() + 6 * LIMIT  # a busy machine takes its time
    while monotonic() < until:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        threading.Event().wait(0.01)
    raise TimeoutError(f"no server listens on port {port}")


@contextmanager
def running(*words, log=os.devnull, **settings):
    """Run `flask <words>` with these settings, as .env has them; yield its address."""
    port = free_port()
    environment = os.environ | {"FLASK_RUN_PORT": str(port)} | settings
    with serving(["-m", "flask", *words], ROOT, environment, log, LIMIT):
        wait_for(port)
        yield f"http://127.0.0.1:{port}"


@contextmanager
def production(kind, module, log=os.devnull, **settings):
    """Run a module's app under gunicorn (gthread) or waitress; yield its address."""
    port = free_port()
    words = PRODUCTION[kind](module, f"127.0.0.1:{port}")
    with serving(words, ROOT, os.environ | settings, log, LIMIT):
        wait_for(port)
        yield f"http://127.0.0.1:{port}"


class Kept(ScriptedModel):
    """A model whose streams are held on to, so that nothing closes them by chance."""

    def __init__(self, *script):
        super().__init__(*script)
        self.streams = []

    def stream(self, prompt):
        self.streams.append(super().stream(prompt))
        return self.streams[-1]


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


def changed(wsgi_app, body=None, headers=None):
    """Return a WSGI app that answers as another does, but for what a test changes.

    body(piece) returns what to send for a piece of the body, in bytes; headers(list)
    returns the headers. A test's client has to notice what was changed.
    """

    def answer(environ, start_response):
        def start(status, given, *rest):
            return start_response(status, headers(given) if headers else given, *rest)

        pieces = wsgi_app(environ, start)
        close = getattr(pieces, "close", None)
        return ClosingIterator(map(body, pieces) if body else pieces, close)

    return answer


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

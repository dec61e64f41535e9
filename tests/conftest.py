"""What the tests share: a scripted model, the app on a real port, and a browser."""

import os
import shutil
import socket
import subprocess
import sys
import threading
from contextlib import ExitStack, contextmanager
from pathlib import Path
from time import monotonic

# Before anything of ours is imported: the tests never see a student's key or settings.
for setting in list(os.environ):
    if setting.startswith(("MODEL", "OPENAI_", "ANTHROPIC_", "ANSWER", "TRUSTED_")):
        del os.environ[setting]
os.environ["PYTHON_DOTENV_DISABLED"] = "1"

import pytest  # noqa: E402
from selenium import webdriver  # noqa: E402
from selenium.webdriver.chrome.service import Service  # noqa: E402
from werkzeug.serving import make_server  # noqa: E402

import app as program  # noqa: E402
from lessons.scripted import ScriptedModel  # noqa: E402

ROOT = Path(__file__).parent.parent
LIMIT = 20  # seconds; a test that waits longer has failed
FLAGS = """
    --headless=new --no-sandbox --disable-gpu --disable-quic --no-first-run
    --disable-background-networking --disable-component-update --disable-sync
""".split()  # noqa: SIM905


def free_port():
    """Return a port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(port):
    """Return when a server listens on the port of 127.0.0.1."""
    until = monotonic() + LIMIT
    while monotonic() < until:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        threading.Event().wait(0.01)
    raise TimeoutError(f"no server listens on port {port}")


@contextmanager
def running(*words, log=subprocess.DEVNULL, **settings):
    """Run `flask <words>` with these settings, as .env has them; yield its address."""
    port = free_port()
    env = os.environ | {"FLASK_RUN_PORT": str(port)} | settings
    command = [sys.executable, "-m", "flask", *words]
    server = subprocess.Popen(command, cwd=ROOT, env=env, stdout=log, stderr=log)
    try:
        wait_for(port)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(LIMIT)


@pytest.fixture
def answer_with(monkeypatch):
    """Let the app answer with a ScriptedModel of this script; return the model."""

    def install(*script):
        model = ScriptedModel(*script)
        monkeypatch.setattr(program, "model", model)
        return model

    return install


@pytest.fixture
def client():
    """Return a client that calls the app in this process."""
    return program.app.test_client()


@pytest.fixture
def serve():
    """Return a function that runs a WSGI app on a free port and returns its address."""
    with ExitStack() as servers:

        def start(wsgi_app):
            server = make_server("127.0.0.1", 0, wsgi_app, threaded=True)
            server.daemon_threads = True
            server.block_on_close = False
            thread = threading.Thread(target=server.serve_forever, args=[0.01])
            thread.start()
            servers.callback(server.server_close)
            servers.callback(thread.join, LIMIT)
            servers.callback(server.shutdown)
            return f"http://127.0.0.1:{server.port}"

        yield start


@pytest.fixture
def server(serve):
    """Return the address of the app on a real port."""
    return serve(program.app)


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
    """Return a headless Chromium; skip without one, but fail where CI is set."""
    driver = shutil.which("chromedriver")
    binary = shutil.which("chromium") or shutil.which("google-chrome")
    if not (driver and binary):
        message = "no Chromium with its chromedriver is installed"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(message)
    options = webdriver.ChromeOptions()
    options.binary_location = binary
    for flag in FLAGS:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    with webdriver.Chrome(options=options, service=Service(driver)) as browser:
        yield browser


@pytest.fixture
def browser(chromium):
    """Return the browser with an empty page, and nothing in its console."""
    chromium.get("about:blank")
    chromium.get_log("browser")
    return chromium

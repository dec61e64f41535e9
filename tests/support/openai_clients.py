"""Clients of OpenAI's wire that nobody here wrote, and what they have to get."""

import io
import json
import os
import runpy
import shutil
import subprocess
import sys
from contextlib import redirect_stdout
from pathlib import Path

import pytest

from support import CLIENTS, LIMIT

NO_CONNECTION = (
    "The connection to the model failed: check that it is running, check the network"
    " and the address in .env, then ask again."
)


@pytest.fixture(scope="session")
def openai_1():
    """Return a folder with version 1 of the openai package, installed only once.

    Several processes may run tests at the same time: each installs it into a folder
    of its own, and the first that is ready gives its folder the lasting name.
    """
    folder = Path(sys.prefix) / "openai-1"  # git ignores the environment
    if folder.exists():
        return folder
    ours = folder.with_name(f"openai-1-of-{os.getpid()}")
    install = ["-m", "pip", "install", "-q", "--no-warn-conflicts", "--target"]
    done = subprocess.run(
        [sys.executable, *install, ours, "openai~=1.109"],
        capture_output=True,
        text=True,
    )
    if done.returncode:
        message = f"pip could not install openai~=1.109: {done.stderr[-300:]}"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(message)
    try:
        ours.rename(folder)
    except OSError:  # another process was ready first
        shutil.rmtree(ours)
    return folder


@pytest.fixture
def python(monkeypatch):
    """Return a function that runs a script of tests/clients in this Python."""

    def run(script, *words):
        monkeypatch.setattr(sys, "argv", [script, *words])
        with redirect_stdout(io.StringIO()) as printed:
            runpy.run_path(str(CLIENTS / script))
        return [json.loads(line) for line in printed.getvalue().splitlines()]

    return run


def run_with(folder, script, *words):
    """Run a script of tests/clients with the packages in a folder."""
    done = subprocess.run(
        [sys.executable, CLIENTS / script, *words],
        env=os.environ | {"PYTHONUTF8": "1", "PYTHONPATH": str(folder)},
        capture_output=True,
        encoding="utf-8",
        timeout=2 * LIMIT,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture
def clients(request):
    """Return a function that asks with the client of that name: what came, each way."""

    def ask(name, *words):
        if name == "openai 1.x for Python":
            folder = request.getfixturevalue("openai_1")
            *came, version = run_with(folder, "15-openai.py", *words)
            assert version.startswith("1.109.")
            return came
        if name == "openai for Python":
            *came, version = request.getfixturevalue("python")("15-openai.py", *words)
            assert int(version.partition(".")[0]) > 1
            return came
        kind, script = SCRIPTS[name]
        return request.getfixturevalue(kind)(script, *words)

    return ask


SCRIPTS = {
    "LangChain for Python": ("python", "15-langchain.py"),
    "openai for JavaScript": ("node", "15-openai.mjs"),
    "LangChain for JavaScript": ("node", "15-langchain.mjs"),
    "the AI SDK": ("node", "15-ai-sdk.mjs"),
}
every_client = pytest.mark.parametrize(
    "name", ["openai for Python", "openai 1.x for Python", *SCRIPTS]
)


def it_gets_all(clients, name, url, **more):
    ways = clients(name, f"{url}/v1", "Hello?")
    assert len(ways) > 1
    for came in ways:
        assert came == came | {"text": "one two", "reason": "stop"} | more
        assert "error" not in came


def it_is_refused(clients, name, url, status, words, key="sk-practice"):
    for came in clients(name, f"{url}/v1", "Hello?", key):
        assert (came["text"], came["error"]["status"]) == ("", status)
        assert words in came["error"]["message"]


def it_keeps_what_came(clients, name, url):
    came = clients(name, f"{url}/v1", "Hello?")[0]
    assert came["text"] == "one two"
    error = came.get("error", {})
    assert error.get("message") == NO_CONNECTION

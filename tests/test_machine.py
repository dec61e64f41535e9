"""What a machine says: its file types, its letters, its proxies, its Python."""

import os
import subprocess
import sys
import tomllib

import httpx
import pytest
from packaging.markers import Marker
from support import LIMIT, ROOT
from support.provider import DONE, Provider, finish
from support.servers import running

from machine import FILE_TYPES, LOOPBACK, use_no_proxy_for_this_machine
from models import choose_model

OWN_FILES = [
    path
    for place in ["static", "lessons/course/static", "lessons/*/static", "lessons/*"]
    for path in ROOT.glob(f"{place}/*.*")
]


def python(code, *words, **settings):
    """Run a text in Python, in the project's folder; return what has become of it."""
    return subprocess.run(
        [sys.executable, "-c", code, *words],
        cwd=ROOT,
        env=os.environ | settings,
        capture_output=True,
        timeout=6 * LIMIT,
    )


# File types. On Windows they come from the registry, which any program may change.

LIES = """
import mimetypes
for ending in ".js", ".mjs", ".css", ".svg", ".webp", ".html", ".json", ".png":
    mimetypes.add_type("text/plain", ending)
"""
ASK_FOR_FILES = f"""{LIES}
import app
client = app.app.test_client()
for path in "/static/page.js", "/static/style.css", "/static/icon.svg", \\
        "/lessons/static/lesson.js", "/lessons/static/course.css", \\
        "/lessons/18-many-readers/held.svg":
    print(path, client.get(path).content_type)
"""
ASK_A_LESSON = f"""{LIES}
import importlib
program = importlib.import_module("lessons.03-a-page-that-reads-it.app")
client = program.app.test_client()
for path in "/static/page.js", "/static/style.css":
    print(path, client.get(path).content_type)
"""


@pytest.mark.slow
@pytest.mark.parametrize("code", [ASK_FOR_FILES, ASK_A_LESSON], ids=["root", "lesson"])
def test_our_files_have_our_types_whatever_the_machine_says(code):
    lines = python(code).stdout.decode().splitlines()
    assert lines
    for line in lines:
        path, kind = line.split(" ", 1)
        ending = path[path.rindex(".") :]
        assert kind.startswith(FILE_TYPES[ending]), line


def test_each_kind_of_file_that_we_serve_has_a_type():
    served = {
        path.suffix for path in OWN_FILES if path.suffix in (".js", ".css", ".svg")
    }
    assert served <= FILE_TYPES.keys()


# Letters


@pytest.mark.slow
def test_a_letter_that_the_terminal_lacks_becomes_a_question_mark():
    """Git Bash with code page 1252, or a pipe on Windows, has no arrow."""
    words = ["--app", "lessons/01-a-stream-in-the-terminal/app", "ask"]
    done = subprocess.run(
        [sys.executable, "-m", "flask", *words, "/slow 999 /echo 1 → 2 é"],
        cwd=ROOT,
        env=os.environ | {"PYTHONIOENCODING": "cp1252", "PYTHONUTF8": "0"},
        capture_output=True,
        timeout=6 * LIMIT,
    )
    assert done.stdout.decode("cp1252").startswith("1 ? 2 é")
    assert b"UnicodeEncodeError" not in done.stderr


@pytest.mark.slow
def test_the_client_of_lesson_02_prints_it_with_what_its_notes_say():
    """Students write that client, and it does not import ours."""
    lesson = ROOT / "lessons" / "02-a-stream-from-flask"
    assert "`PYTHONIOENCODING` to `:replace`" in (lesson / "README.md").read_text(
        "utf-8"
    )
    with running("--app", "lessons/02-a-stream-from-flask/app", "run") as url:
        done = subprocess.run(
            [sys.executable, lesson / "client.py", f"{url}/ask", "/slow 999 /echo →"],
            env=os.environ | {"PYTHONIOENCODING": "cp1252:replace"},  # as in Git Bash
            capture_output=True,
            timeout=6 * LIMIT,
        )
    assert done.stdout.split() == [b"?|"], done.stderr


# Proxies: another machine, to which "localhost" means itself


@pytest.fixture
def proxies(monkeypatch):
    """Return a function that sets proxies in the environment, and nothing else."""
    for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"]:
        for spelling in name, name.lower():
            monkeypatch.delenv(spelling, raising=False)

    def set_them(**settings):
        for name in (
            "NO_PROXY",
            "no_proxy",
        ):  # set first, so that both are gone at the end
            monkeypatch.setenv(name, "")
            monkeypatch.delenv(name)
        for name, value in settings.items():
            monkeypatch.setenv(name, value)
        use_no_proxy_for_this_machine()
        return os.environ.get("NO_PROXY", ""), os.environ.get("no_proxy", "")

    return set_them


def test_without_a_proxy_nothing_is_changed(proxies):
    assert proxies() == ("", "")


@pytest.mark.parametrize("setting", ["HTTP_PROXY", "https_proxy", "ALL_PROXY"])
def test_no_proxy_is_asked_for_this_machine(proxies, setting):
    capital, small = proxies(**{setting: "http://proxy.example:3128"})
    assert capital == small == ",".join(LOOPBACK)


@pytest.mark.parametrize("setting", ["NO_PROXY", "no_proxy"])
def test_the_exceptions_that_are_there_stay(proxies, setting):
    others = {setting: "school.example, localhost"}
    capital, small = proxies(HTTP_PROXY="http://proxy.example:3128", **others)
    assert capital == small == "school.example,localhost,127.0.0.1,::1,0.0.0.0"


ODD = "[::1], fe80::/10,m\xfcnchen.example,10.0.0.0/8,school.example"


@pytest.mark.parametrize("setting", ["NO_PROXY", "no_proxy"])
def test_an_exception_that_clients_cannot_read_is_left_out(proxies, setting):
    """Anthropic's client would raise an InvalidURL at the first question."""
    readable = "::1,10.0.0.0/8,school.example"
    assert proxies(**{setting: ODD}) == (readable, readable)
    capital, _ = proxies(HTTP_PROXY="http://proxy.example:3128", **{setting: ODD})
    assert capital == f"{readable},localhost,127.0.0.1,0.0.0.0"
    httpx.Client().close()


def test_who_wants_no_proxy_at_all_gets_none(proxies):
    proxies(HTTP_PROXY="http://proxy.example:3128", no_proxy="*")
    assert os.environ["no_proxy"] == "*"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_model_on_this_machine_is_asked_without_the_proxy(proxies, monkeypatch, host):
    with Provider("Hello", finish("stop"), DONE) as provider:
        address = provider.url.replace("127.0.0.1", host)
        proxies(HTTP_PROXY="http://127.0.0.1:9", ALL_PROXY="http://127.0.0.1:9")
        del os.environ["NO_PROXY"], os.environ["no_proxy"]
        monkeypatch.setenv("OPENAI_BASE_URL", address)
        text = "".join(chunk.text for chunk in choose_model().stream("Hi"))
    assert text == "Hello"


OTHER_HOSTS = {  # what NO_PROXY gets, by the address of a model
    "http://127.0.0.2:11434/v1": "127.0.0.2",
    "http://Ada.localhost:11434/v1": "ada.localhost",
    "http://[::1]:11434/v1": "::1",
    "http://127.1:11434/v1": "127.1",
    "http://localhost.:11434/v1": "localhost.",
}


@pytest.mark.parametrize(("address", "host"), OTHER_HOSTS.items())
def test_so_is_one_at_another_name_of_this_machine(proxies, monkeypatch, address, host):
    proxies(HTTP_PROXY="http://127.0.0.1:9")
    monkeypatch.setenv("OPENAI_BASE_URL", address)
    choose_model()
    assert host in os.environ["NO_PROXY"].split(",")


@pytest.mark.parametrize(
    "host", ["api.example", "10.0.0.2", "127.a.example", "localhost.example", ""]
)
def test_another_machine_is_asked_by_the_proxy(proxies, host):
    proxies(HTTP_PROXY="http://127.0.0.1:9")
    use_no_proxy_for_this_machine(f"http://{host}/v1")
    assert os.environ["NO_PROXY"] == ",".join(LOOPBACK)


# Python's version

# Python 3.9, without what it lacks. Flask still runs there, so a .venv may be of it.
OLD = """
import datetime, itertools, sys
del datetime.UTC, itertools.pairwise
sys.version_info = type("Version", (tuple,), {"major": 3, "minor": 9})((3, 9, 18))
import app
"""


def test_an_older_python_gets_the_sentence_from_pip():
    """requirements.txt leads it to a folder whose build ends with the sentence."""
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    [line] = [line for line in lines if line.startswith("./")]
    folder, _, marker = line.partition(" ; ")
    assert Marker(marker).evaluate({"python_version": "3.10"})
    assert not Marker(marker).evaluate({"python_version": "3.11"})
    build = tomllib.loads((ROOT / folder / "pyproject.toml").read_text("utf-8"))
    module = build["build-system"]["build-backend"]
    done = subprocess.run(
        [sys.executable, "-c", f"import {module}"],
        cwd=ROOT / folder,
        capture_output=True,
        encoding="utf-8",
        timeout=LIMIT,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("Word by Word needs Python 3.11 or later, and")


def test_an_older_python_ends_with_one_sentence():
    done = python(OLD)
    assert done.returncode == 1
    assert done.stderr.decode().splitlines() == [
        "Word by Word needs Python 3.11 or later, and this is Python 3.9: install a"
        " newer one from python.org, delete the folder .venv, and paste the README's"
        " command again."
    ]

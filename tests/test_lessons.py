"""The lessons keep what they say: quotations, commands, servers, size and order."""

import importlib
import os
import re
import shlex
import shutil
import subprocess
import sys
import threading
from contextlib import ExitStack
from pathlib import Path

import pytest
import requests
from conftest import LIMIT, ROOT, ScriptedModel, running

LESSONS = sorted(path.parent for path in ROOT.glob("lessons/[0-9]*/README.md"))
NAMES = [lesson.name for lesson in LESSONS]
FENCE = re.compile(r'^```(\w+)(?: title="(.+?)")?\n(.*?)^```$', re.M | re.S)
every_lesson = pytest.mark.parametrize("lesson", LESSONS, ids=NAMES)


def notes(lesson):
    return (lesson / "README.md").read_text(encoding="utf-8")


def quotations(lesson):
    """Yield (title, text) for each fence with a title."""
    for _, title, text in FENCE.findall(notes(lesson)):
        if title:
            yield title, text


def program(lesson):
    """Return the files of a lesson's program that a student reads."""
    kinds = ("*.py", "static/*", "templates/*")
    files = (path for kind in kinds for path in sorted(lesson.glob(kind)))
    return [path for path in files if path.name not in ("__init__.py", "check.py")]


# 1. A fence with a title is a quotation, word for word


@every_lesson
def test_every_quotation_is_exact(lesson):
    for title, text in quotations(lesson):
        quoted = lesson / title if (lesson / title).exists() else ROOT / title
        assert text in quoted.read_text(encoding="utf-8"), (
            f"{lesson.name} quotes {title}, but no longer in its words:"
            f" copy these lines anew.\n{text}"
        )


# 2. No line unexplained


@every_lesson
def test_every_line_of_the_program_is_quoted_here_or_earlier(lesson):
    earlier = LESSONS[: LESSONS.index(lesson) + 1]
    quoted = {
        line
        for each in earlier
        for _, text in quotations(each)
        for line in text.splitlines()
    }
    for path in program(lesson):
        for line in path.read_text(encoding="utf-8").splitlines():
            assert not line.strip() or line in quoted, (
                f"{path.relative_to(ROOT)} has a line that no lesson quotes:"
                f" quote it in {lesson.name} or an earlier one.\n{line}"
            )


# 4. Commands that a lesson tells you to run are run


def console_sessions(lesson):
    """Yield (command, what the lesson says it prints) in order."""
    for language, _, text in FENCE.findall(notes(lesson)):
        if language == "console":
            for part in text.split("$ ")[1:]:
                command, _, output = part.partition("\n")
                yield command, output


@every_lesson
def test_its_commands_do_what_the_lesson_says(lesson):
    here = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    port = "8000"
    with ExitStack() as servers:
        for command, expected in console_sessions(lesson):
            words = shlex.split(command.replace("8000", port))
            if words[-1] == "run":
                url = servers.enter_context(running(*words[1:]))
                port = url.rpartition(":")[2]
                continue
            done = subprocess.run(
                [shutil.which(words[0], path=here), *words[1:]],
                cwd=ROOT,
                env=os.environ | {"PATH": here, "PYTHONUTF8": "1"},
                capture_output=True,
                encoding="utf-8",
                timeout=120,
            )
            assert done.returncode == 0, f"{command}\n{done.stderr}"
            assert not expected or done.stdout == expected, (
                f"{command} prints otherwise"
            )


# 5. Every server answers the same contract tests that fit it


def servers():
    """Return the lessons that have POST /ask, with their modules."""
    for lesson in LESSONS:
        if (lesson / "app.py").exists():
            module = importlib.import_module(f"lessons.{lesson.name}.app")
            if "ask" in module.app.view_functions:
                yield pytest.param(module, id=lesson.name)


every_server = pytest.mark.parametrize("module", list(servers()))


def ask(module, monkeypatch, *script, prompt="Hello?"):
    """Ask a lesson's server for a scripted answer; return the model and the answer."""
    model = ScriptedModel(*script)
    monkeypatch.setattr(module, "model", model)
    return model, module.app.test_client().post("/ask", json={"prompt": prompt})


@every_server
def test_its_first_piece_leaves_before_the_second_is_made(module, monkeypatch):
    model, answer = ask(module, monkeypatch, "one", " two")
    pieces = (piece for piece in answer.iter_encoded() if piece)
    assert (next(pieces), model.made) == (b"one", 1)
    assert (next(pieces), model.made) == (b" two", 2)
    answer.close()


@every_server
def test_its_first_piece_crosses_a_port_before_the_second_is_made(
    module, monkeypatch, serve
):
    gate = threading.Event()
    model = ScriptedModel("one", gate, " two")
    monkeypatch.setattr(module, "model", model)
    url = serve(module.app) + "/ask"
    with requests.post(
        url, json={"prompt": "Hi"}, stream=True, timeout=LIMIT
    ) as answer:
        pieces = answer.iter_content(None)
        assert (next(pieces), model.made) == (b"one", 1)
        gate.set()
        assert b"".join(pieces) == b" two"


@every_server
def test_its_answer_is_exact_plain_text(module, monkeypatch):
    text = ["Tragödie 👋", "\n", "    <b>indent</b>", "  two\t", "\n\n"]
    _, answer = ask(module, monkeypatch, *text)
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert answer.text == "".join(text)


@every_server
@pytest.mark.parametrize(
    "prompt", [None, 5, ["a"], [["system", "Obey"]], {"role": "system"}]
)
def test_it_takes_a_string_only(module, monkeypatch, prompt):
    model, answer = ask(module, monkeypatch, "Hello", prompt=prompt)
    assert (answer.status_code, model.prompts) == (400, [])


@every_server
def test_it_takes_json_only(module, monkeypatch):
    monkeypatch.setattr(module, "model", model := ScriptedModel("Hello"))
    client = module.app.test_client()
    assert client.post("/ask", data={"prompt": "Hi"}).status_code == 415
    assert (
        client.post("/ask", data="{", content_type="application/json").status_code
        == 400
    )
    assert client.get("/ask").status_code == 405
    assert model.prompts == []


# The shape of a lesson

PARTS = ["See it break", "The change", "Run it", "Your turn", "Next"]


@every_lesson
def test_its_parts_come_in_the_same_order_as_in_every_lesson(lesson):
    headings = re.findall("(?m)^## (.+)$", notes(lesson))
    assert [heading for heading in headings if heading in PARTS] == PARTS
    assert headings[0] == PARTS[0] and any("hy" in heading for heading in headings)
    assert re.match(rf"# {lesson.name[:2]} · .+\n\nYou will have ", notes(lesson))


@every_lesson
def test_it_can_be_read_in_one_go(lesson):
    words = len(re.sub(r"<[^>]*>", "", FENCE.sub("", notes(lesson))).split())
    assert 250 <= words <= 450, f"{lesson.name} has {words} words: 250 to 450, please"
    for path in program(lesson):
        lines = len(path.read_text(encoding="utf-8").splitlines())
        assert lines <= 60, f"{path.relative_to(ROOT)} has {lines} lines: 60, please"


@every_lesson
def test_its_program_needs_nothing_of_this_project_but_models(lesson):
    for path in program(lesson):
        imports = re.findall(
            r"(?m)^(?:from|import) (\w+)", path.read_text(encoding="utf-8")
        )
        assert not {"app", "lessons", "tests"} & set(imports)


TEXTS = [ROOT / "README.md", *sorted(ROOT.glob("lessons/**/README.md"))]


@pytest.mark.parametrize(
    "path", TEXTS, ids=[str(path.relative_to(ROOT)) for path in TEXTS]
)
def test_its_links_lead_somewhere(path):
    prose = FENCE.sub("", path.read_text(encoding="utf-8"))
    for link in re.findall(r"\]\(([^)#]+)\)", prose):
        assert link.startswith("https://") or (path.parent / link).exists(), link


def test_the_way_through_names_every_lesson_in_order():
    way = (ROOT / "lessons" / "README.md").read_text(encoding="utf-8")
    assert re.findall(r"\]\((\d\d-[\w-]+)/README\.md\)", way) == NAMES

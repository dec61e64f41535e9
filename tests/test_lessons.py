"""The lessons keep what they say: quotations, commands, servers, size and order."""

import difflib
import os
import re
import shlex
import shutil
import subprocess
import sys
import threading
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace

import pytest
import requests
from langchain_core.exceptions import (
    ModelConnectionError,
    ModelInvalidRequestError,
    ModelRateLimitError,
)
from langchain_core.messages import AIMessageChunk
from support import LIMIT, ROOT
from support.lesson_notes import FENCE, LESSONS, NAMES, every_lesson, quotations
from support.lesson_servers import (
    KEY,
    ask,
    body_of,
    path_of,
    said,
    script_for,
    servers,
    servers_since,
)
from support.servers import running

from lessons.course.about_lessons.start_lesson import beginning, program_of
from lessons.course.checker.wires import WIRES
from lessons.course.for_checks.failing_model import SECRET
from lessons.course.for_checks.scripted_model import ScriptedModel
from lessons.course.fresh_packages import import_fresh
from lessons.course.your_work.files import files_to_write


def program(lesson):
    """Return the files of a lesson's program that a student reads."""
    kinds = ("*.py", "static/*", "templates/*")
    files = (path for kind in kinds for path in sorted(lesson.folder.glob(kind)))
    return [path for path in files if path.name not in ("__init__.py", "check.py")]


# 1. A fence with a title is a quotation, word for word


@every_lesson
def test_every_quotation_is_exact(lesson):
    for title, text in quotations(lesson):
        folder = lesson.folder if lesson.has(title) else ROOT
        quoted = (folder / title).read_text(encoding="utf-8")
        assert text in quoted, (
            f"{lesson.name} quotes {title}, but no longer in its words:"
            f" copy these lines anew.\n{text}"
        )


# 2. No line unexplained: given files explain themselves


@every_lesson
def test_every_line_that_a_student_writes_is_quoted_here_or_earlier(lesson):
    earlier = LESSONS[: LESSONS.index(lesson) + 1]
    quoted = {
        line
        for each in earlier
        for _, text in quotations(each)
        for line in text.splitlines()
    }
    given = beginning(lesson)
    for path in program(lesson):
        name = path.relative_to(lesson.folder).as_posix()
        given_lines = text_of(given[name]).splitlines() if name in given else []
        for line in text_of(path).splitlines():
            assert not line.strip() or line in [*given_lines, *quoted], (
                f"{path.relative_to(ROOT)} has a line that no lesson quotes:"
                f" quote it in {lesson.name} or an earlier one.\n{line}"
            )


# What a student writes


def lines_to_write(lesson):
    """Return how many lines of each file are not what flask start gives."""
    given = beginning(lesson)
    written = {}
    for name, path in program_of(lesson).items():
        if name == "requirements.txt" or name == "__init__.py":
            continue
        before = text_of(given[name]) if name in given else ""
        differ = difflib.unified_diff(
            before.splitlines(), text_of(path).splitlines(), n=0
        )
        added = [line for line in differ if line[0] == "+" and line[:3] != "+++"]
        if added:
            written[name] = len([line for line in added if line[1:].strip()])
    return written


def text_of(path):
    return path.read_text(encoding="utf-8")


@every_lesson
def test_what_it_begins_with_is_a_package(lesson):
    assert "__init__.py" in beginning(lesson)  # from .stream import Stream needs it


@every_lesson
def test_it_asks_for_two_files_and_eighty_lines_at_most(lesson):
    written = lines_to_write(lesson)
    files = sorted(written, key=written.get, reverse=True)
    elsewhere = sum(written[name] for name in files[2:])
    assert elsewhere <= 3 and sum(written.values()) <= 80, written


# 4. Commands that a lesson tells you to run are run


def console_sessions(lesson):
    """Yield (command, what the lesson says it prints) in order."""
    for language, _, text in FENCE.findall(lesson.notes):
        if language == "console":
            for part in text.split("$ ")[1:]:
                command, _, output = part.partition("\n")
                yield command, output


@pytest.mark.slow
@every_lesson
def test_its_commands_do_what_the_lesson_says(lesson, tmp_path):
    here = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    port = "8000"
    with ExitStack() as servers:
        for command, expected in console_sessions(lesson):
            words = shlex.split(re.sub("800[01]", port, command))
            env = os.environ | {"PATH": here, "PYTHONUTF8": "1"}
            if "--env-file" in words:  # it names the server by its port, too
                place = words.index("--env-file") + 1
                text = (ROOT / words[place]).read_text(encoding="utf-8")
                words[place] = str(tmp_path / "practice.env")
                Path(words[place]).write_text(re.sub("800[01]", port, text), "utf-8")
                del env["PYTHON_DOTENV_DISABLED"]
            if words[0] == "flask" and "run" in words:
                until_port = words[1 : words.index("run") + 1]  # it gets a free one
                url = servers.enter_context(running(*until_port))
                port = url.rpartition(":")[2]
                continue
            done = subprocess.run(
                [shutil.which(words[0], path=here), *words[1:]],
                cwd=ROOT,
                env=env,
                capture_output=True,
                encoding="utf-8",
                timeout=120,
            )
            assert done.returncode == 0, f"{command}\n{done.stderr}"
            assert not expected or done.stdout == expected, (
                f"{command} prints otherwise"
            )


# 5. Every server answers the same contract tests that fit it


every_server = pytest.mark.parametrize("module", list(servers()))


@every_server
def test_its_first_piece_crosses_a_port_before_the_second_is_made(
    module, monkeypatch, serve
):
    gate = threading.Event()
    model = ScriptedModel(*script_for(module, "one", gate, " two"))
    monkeypatch.setattr(module, "model", model)
    url, question = serve(module.app) + path_of(module), body_of(module, "Hi")
    with requests.post(
        url, json=question, headers=KEY, stream=True, timeout=LIMIT
    ) as answer:
        kind = answer.headers["Content-Type"].partition(";")[0]
        pieces, came = answer.iter_content(None), b""
        while not said(came, kind):
            came += next(pieces)
        assert (said(came, kind), model.made) == ("one", 1)
        gate.set()
        assert said(came + b"".join(pieces), kind) == "one two"


@every_server
def test_its_answer_is_the_models_text_to_the_letter(module, monkeypatch):
    text = ["Tragödie 👋", "\n", "    <b>indent</b>", "  two\t", "\n\n"]
    _, answer = ask(module, monkeypatch, *text)
    assert said(answer.data, answer.mimetype) == "".join(text)
    plain = answer.mimetype == "text/plain"
    assert answer.data.isascii() or plain  # some readers decode each piece by itself


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
    client, path = module.app.test_client(), path_of(module)
    form = client.post(path, data={"prompt": "Hi"}, headers=KEY)
    assert form.status_code in (400, 415)
    torn = client.post(path, data="{", content_type="application/json", headers=KEY)
    assert torn.status_code == 400
    assert client.put(path, json={"prompt": "Hi"}, headers=KEY).status_code == 405
    assert model.prompts == []


servers_with_statuses = pytest.mark.parametrize(
    "module", servers_since("06-a-status-before-the-first-word")
)
servers_that_know_why_it_ended = pytest.mark.parametrize(
    "module", servers_since("07-an-end-you-can-trust")
)
servers_with_limits = pytest.mark.parametrize("module", servers_since("08-limits"))


@servers_with_statuses
def test_a_refusal_of_its_model_is_a_status_and_not_its_words(module, monkeypatch):
    for told, expected in {"7": "7", "0": "5", "9" * 20: "5", "soon": "5"}.items():
        error = ModelRateLimitError(SECRET)
        error.response = SimpleNamespace(headers={"retry-after": told})
        _, answer = ask(module, monkeypatch, error)
        assert (answer.status_code, answer.headers["Retry-After"]) == (429, expected)
        assert SECRET not in answer.text


@servers_with_statuses
def test_a_prompt_that_a_model_refuses_is_a_400(module, monkeypatch):
    _, answer = ask(module, monkeypatch, ModelInvalidRequestError(SECRET))
    assert answer.status_code == 400 and "sk-pr" not in answer.text


@servers_that_know_why_it_ended
def test_what_breaks_after_the_finish_reason_takes_no_text_away(module, monkeypatch):
    reason = AIMessageChunk("", response_metadata={"finish_reason": "stop"})
    late = ModelConnectionError(SECRET)
    bodies = []
    for script in ["one", " two"], ["one", " two", reason, late]:
        _, answer = ask(module, monkeypatch, *script)
        assert said(answer.data, answer.mimetype) == "one two"
        ids = 'chatcmpl-[0-9a-f]+|"created(_at)?": [0-9]+|"messageId": "[0-9a-f-]+"'
        ids += "|(resp|msg)_[A-Za-z0-9_-]+"
        bodies.append(re.sub(ids, "", answer.text))
    whole, cut = bodies
    assert cut == whole


@servers_with_limits
def test_a_body_without_a_length_that_is_too_large_is_a_413(module, serve):
    url, pieces = (
        serve(module.app) + path_of(module),
        [b'{"prompt": "'] + 5000 * [b"a" * 1000],
    )
    answer = requests.post(
        url,
        iter(pieces),
        headers=KEY | {"Content-Type": "application/json"},
        timeout=LIMIT,
    )
    assert answer.status_code == 413


# A page elsewhere can lead its own name to 127.0.0.1: under that name it gets nothing

KNOW_THEIR_NAMES = [
    "09-messages-with-a-type",
    "10-a-stream-object",
    "11-a-conversation",
    "17-any-provider",
    "21-markdown-while-it-streams",
    "22-a-form-that-fills-itself",
    "24-the-newer-wire",
]
servers_that_know_their_names = pytest.mark.parametrize(
    "module",
    [server for server in servers() if server.id in KNOW_THEIR_NAMES],
)


@servers_that_know_their_names
def test_a_foreign_name_gets_neither_the_page_nor_an_answer(module, monkeypatch):
    model = ScriptedModel("Hello")
    monkeypatch.setattr(module, "model", model)
    client, question = module.app.test_client(), body_of(module, "Hi")
    foreign = {"Host": "foreign.example"}
    page = client.get("/", headers=foreign)
    answer = client.post(path_of(module), json=question, headers=KEY | foreign)
    assert (page.status_code, answer.status_code, model.prompts) == (400, 400, [])
    assert "TRUSTED_HOSTS" in page.text and "TRUSTED_HOSTS" in answer.text


@servers_that_know_their_names
def test_a_name_in_trusted_hosts_is_served(module, monkeypatch):
    monkeypatch.setenv("TRUSTED_HOSTS", "localhost, 192.168.1.5")
    client = import_fresh(Path(module.__file__).parent).app.test_client()
    assert client.get("/", headers={"Host": "192.168.1.5:8000"}).status_code == 200
    assert client.get("/", headers={"Host": "127.0.0.1"}).status_code == 400


# The shape of a lesson

PARTS = ["See it break", "The change", "Run it", "Your turn", "Next"]


@every_lesson
def test_its_parts_come_in_the_same_order_as_in_every_lesson(lesson):
    headings = re.findall("(?m)^## (.+)$", lesson.notes)
    assert [heading for heading in headings if heading in PARTS] == PARTS
    assert headings[0] == PARTS[0] and any("hy" in heading for heading in headings)
    assert lesson.title.startswith(f"{lesson.number:02} · ")
    assert lesson.notes.startswith(f"# {lesson.title}\n\nYou will have ")


STEP = re.compile(r"(?m)^###+ (\d+)\. (.+)$")
SAME_STEPS = {  # a step, and the lessons in which a student takes it
    "A view at POST": [2, 14],
    "Log how the answer ended": [5, 7],
    "Ask again when that can help": [6, 13],
    "Send refusals that the client can read": [6, 14, 19],
    "Check that the answer is whole": [7, 22],
    "Report a failure partway through an answer": [7, 9, 14],
    "Limit the number of answers": [8, 18],
    "Say how the answer ended": [9, 14, 17, 24],
    "Say how many tokens were used": [9, 16, 17],
    "Limit the tokens": [9, 16],
    "Read lines": [9, 12],
    "Send events": [12, 15],
    "Begin the answer": [14, 24],
    "Send the text": [14, 17, 24],
}


@every_lesson
def test_its_steps_have_numbers_from_one(lesson):
    steps = STEP.findall(lesson.notes)
    assert [int(number) for number, _ in steps] == list(range(1, len(steps) + 1))
    assert steps and not re.search(r"(?m)^(#+ Step|\*\*)\d", lesson.notes)
    assert all(title[0].isupper() for _, title in steps)


@pytest.mark.parametrize(("name", "numbers"), SAME_STEPS.items())
def test_the_same_step_has_the_same_name_in_every_lesson(name, numbers):
    found = []
    for lesson in LESSONS:
        if any(title.startswith(name) for _, title in STEP.findall(lesson.notes)):
            found.append(lesson.number)
    assert found == numbers


BREAK_TWO_THINGS = [9, 10, 11, 13, 14, 22, 23]


@every_lesson
def test_it_asks_to_guess_before_it_shows_what_breaks(lesson):
    _, _, rest = lesson.notes.partition("\n## See it break\n")
    see_it_break, _, _ = rest.partition("\n## ")
    question = r"<details><summary>Guess first: [^<]+\?</summary>\n\n[^<]+</details>"
    found = len(re.findall(question, see_it_break))
    expected = 2 if lesson.number in BREAK_TWO_THINGS else 1
    assert found == expected, "fold what happens, below a question"


@every_lesson
def test_its_program_needs_nothing_of_this_project_but_models_and_failures(lesson):
    for path in program(lesson):
        imports = re.findall(
            r"(?m)^(?:from|import) (\w+)", path.read_text(encoding="utf-8")
        )
        assert not {"app", "lessons", "tests"} & set(imports)


TEXTS = [ROOT / "README.md", *sorted(ROOT.glob("lessons/**/*.md"))]


@pytest.mark.parametrize(
    "path", TEXTS, ids=[str(path.relative_to(ROOT)) for path in TEXTS]
)
def test_its_links_lead_somewhere(path):
    prose = FENCE.sub("", path.read_text(encoding="utf-8"))
    for link in re.findall(r"\]\(([^)#]+)\)", prose):
        assert link.startswith("https://") or (path.parent / link).exists(), link


def test_the_way_through_names_every_lesson_in_order():
    folders = ROOT.glob("lessons/[0-9][0-9]-*/")
    assert sorted(folder.name for folder in folders) == NAMES


def test_each_row_of_where_things_come_from_names_a_lesson_and_a_test():
    way = (ROOT / "lessons" / "SOURCES.md").read_text(encoding="utf-8")
    rows = re.findall(r"(?m)^\| .+ \| (\d\d) \| `(test_\w+)` \|$", way)
    assert len(rows) == way.count("`test_") > 60
    tests = ""
    for files in "tests/test_*.py", "lessons/*/check.py", "lessons/course/*/*.py":
        for path in ROOT.glob(files):
            tests += path.read_text(encoding="utf-8")
    for number, test in rows:
        assert any(name.startswith(number) for name in NAMES), f"no lesson {number}"
        assert f"def {test}(" in tests, f"{test} is not there: name the test that is"


WRITTEN = {".md", ".py", ".toml", ".diff", ".js", ".html", ".css", ".conf", ".env"}


def to_write(path, name):
    """Return the lines of a file that are marked with TODO, each with its place."""
    lines = enumerate(text_of(path).splitlines(), start=1)
    return [f"{name}, line {n}: {line.strip()}" for n, line in lines if "TODO" in line]


@every_lesson
def test_all_of_it_is_written(lesson):
    """The skeleton of a new lesson marks with TODO what is not."""
    missing = []
    for path in sorted(lesson.folder.rglob("*")):
        if path.suffix in WRITTEN:
            missing += to_write(path, path.relative_to(lesson.folder).as_posix())
    if int(lesson.minutes) == 0:
        missing.append("lessons/README.md: say how many minutes it takes")
    assert not missing, "\n".join([f"{lesson.name} is not written yet:", *missing])


@every_lesson
def test_a_student_writes_some_of_its_files(lesson):
    assert files_to_write(lesson), "its program is what it begins with: change it"


def test_all_of_the_way_through_is_written():
    missing = to_write(ROOT / "lessons" / "README.md", "lessons/README.md")
    assert not missing, "\n".join(missing)


@every_lesson
def test_its_settings_are_known(lesson):
    """A misspelt setting in a lesson.toml would have no effect."""
    assert set(lesson.settings) <= {"begin", "needs", "wire"}
    assert lesson.begin.program is None or lesson.begin.program < lesson.number
    assert lesson.wire in [None, *WIRES]


def test_each_wire_is_introduced_by_one_lesson():
    introduced = [lesson.wire for lesson in LESSONS if lesson.wire]
    assert sorted(introduced) == sorted(WIRES)

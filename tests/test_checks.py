"""Guard 3: what each lesson's checks say of the programs they are for."""

import shutil

import pytest
from conftest import LIMIT, ROOT

from lessons.browser import checks_in
from lessons.checking import run_checks
from lessons.commands import beginning, files_of
from lessons.scripted import ScriptedModel
from lessons.under_test import load

LESSONS = sorted(path.parent for path in ROOT.glob("lessons/[0-9]*/check.py"))
PAGES = [lesson for lesson in LESSONS if (lesson / "check.js").exists()]
WRONG = [path for lesson in LESSONS for path in sorted(lesson.glob("wrong/*.*"))]
TARGETS = {".py": "app.py", ".js": "static/page.js", ".html": "templates/index.html"}


def named(paths):
    return pytest.mark.parametrize("lesson", paths, ids=[path.name for path in paths])


def solution(lesson):
    """Return the files of a lesson's program; lesson 06 reads the one at the root."""
    return files_of(lesson if (lesson / "app.py").exists() else ROOT)


@pytest.fixture
def mine(tmp_path):
    """Return a function that puts files into a folder mine/ of its own."""

    def put(files):
        folder = tmp_path / "mine"
        for name, path in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, folder / name)
        (folder / "__init__.py").touch()
        return folder

    return put


@pytest.fixture
def check_page(chromium):
    """Return a function that runs a lesson's check.js on the program in a folder."""

    def check(lesson, folder):
        app = load(folder, ScriptedModel()).app
        return checks_in(chromium, lesson / "check.js", app, LIMIT)

    return check


def reds(checks):
    """Return the messages of the checks that are red."""
    return [check.message for check in checks if check.outcome == "red"]


@named(LESSONS)
def test_its_program_passes(lesson, mine):
    checks = list(run_checks(lesson, mine(solution(lesson))))
    assert [check for check in checks if check.outcome != "green"] == []
    assert len(checks) > 2


@named(PAGES)
def test_its_page_passes(lesson, mine, check_page):
    checks = check_page(lesson, mine(solution(lesson)))
    assert [check for check in checks if check["outcome"] != "green"] == []
    assert len(checks) > 2


@named(LESSONS)
def test_the_program_it_begins_with_fails(lesson, mine, request):
    folder = mine(beginning(lesson))
    messages = reds(run_checks(lesson, folder))
    if not messages and lesson in PAGES:
        check_page = request.getfixturevalue("check_page")
        messages = [check["message"] for check in check_page(lesson, folder)]
    assert any(messages), f"check {lesson.name} passes before the lesson is done"


@pytest.mark.parametrize(
    "wrong", WRONG, ids=[f"{path.parent.parent.name[:2]}-{path.name}" for path in WRONG]
)
def test_a_wrong_answer_gets_the_message_that_it_names(wrong, mine, request):
    lesson = wrong.parent.parent
    files = solution(lesson)
    prefix = f"{wrong.name.partition('-')[0]}{wrong.suffix}"
    target = [name for name in files if name.rpartition("/")[2] == prefix]
    folder = mine(files | {(target or [TARGETS[wrong.suffix]])[0]: wrong})
    if wrong.suffix == ".js":
        check_page = request.getfixturevalue("check_page")
        messages = [check["message"] for check in check_page(lesson, folder)]
    else:
        messages = reds(run_checks(lesson, folder))
    assert [message for message in messages if message] == [message_of(wrong)], (
        f"{wrong.relative_to(ROOT)} begins with another message than its check gives"
    )


def message_of(wrong):
    """Return what the comment at the top of a file says, as one line."""
    lines = []
    for line in wrong.read_text(encoding="utf-8").splitlines():
        if not line.startswith(("# ", "// ", "<!-- ", "/* ")):
            break
        words = line.partition(" ")[2]
        lines.append(words.removesuffix(" -->").removesuffix(" */"))
    return " ".join(lines)


# Small mistakes, one each in a program that is right, and what the check says of them

MISTAKES = [
    (
        "02 app.py",
        "Response(pieces(prompt)",
        "Response(pieces",
        "Call it: Response(piec",
    ),
    ("02 client.py", "json={", "data={", "give post() json="),
    ("02 client.py", "None, decode_unicode=True", "", "had printed \"b'S'|"),
    (
        "03 page.js",
        "await reader.read()",
        "reader.read()",
        "so write await reader.read",
    ),
    ("03 page.js", "await fetch(", "fetch(", "is an await missing?"),
    ("03 page.js", "await ask(", "ask(", "await ask(...), and set it to false"),
    (
        "03 page.js",
        "(done) return",
        "(done) retrun",
        '"The answer is not whole: retrun',
    ),
    ("03 page.js", "function ask(", "function aks(", "not whole: ask is not defined"),
    ("03 page.js", "answer.ariaBusy = ", "", "#answer is not marked as busy"),
    (
        "03 page.js",
        "`the server said ${response.status}.`",
        '"${1}"',
        "between backquotes",
    ),
    ("04 page.js", "{ stream: true }", "stream = true", "stream is not defined"),
    ("05 app.py", 'app.logger.setLevel("INFO")', "", "nothing was logged"),
    (
        "05 app.py",
        "closing(model.stream(prompt))",
        "model.stream(prompt)",
        "closing makes",
    ),
    ("05 page.js", "() => asking.abort()", "asking.abort()", "a new one for each"),
    ("06 app.py", "slots.release()", "pass", "slots.release() in finally"),
    (
        "06 app.py",
        "@app.errorhandler(http.HTTPException)",
        "",
        "http.HTTPException) can",
    ),
    ("06 app.py", "refused.retry_after =", "_ =", "nobody is told when to ask again"),
    (
        "06 app.py",
        "response.call_on_close(answer.close)",
        "pass",
        "call response.call_on",
    ),
    (
        "06 app.py",
        "chain([first], answer)",
        "answer",
        "what next() took has to be sent",
    ),
    ("06 app.py", "def refusal(", "def refuse_all(", "name 'refusal' is not defined"),
]


@pytest.mark.parametrize(("place", "there", "instead", "words"), MISTAKES)
def test_a_small_mistake_gets_a_sentence_that_helps(
    place, there, instead, words, mine, request
):
    number, name = place.split()
    [lesson] = [each for each in LESSONS if each.name.startswith(number)]
    folder = mine(solution(lesson))
    file = folder / ("static" if name.endswith(".js") else "") / name
    text = file.read_text(encoding="utf-8")
    assert there in text
    file.write_text(text.replace(there, instead, 1), encoding="utf-8")
    messages = reds(run_checks(lesson, folder))
    if not messages:
        check_page = request.getfixturevalue("check_page")
        messages = [check["message"] for check in check_page(lesson, folder)]
    assert words in "".join(messages)


@named(LESSONS)
def test_it_has_wrong_answers(lesson):
    assert 2 <= len(list(lesson.glob("wrong/*.*"))) <= 6

"""Guard 3: what each lesson's checks say of the programs they are for."""

import json
import os
import re
import shutil
import sys
from filecmp import cmp
from time import time

import pytest
from flask import Flask
from langchain_openai import ChatOpenAI
from support import LIMIT, ROOT
from support.lesson_notes import exercises_in, other_way
from support.machines import need
from support.provider import DONE, Provider, finish
from werkzeug.test import Client

from lessons.course.about_lessons.known_answers import (
    right_answers,
    solutions,
    wrong_answers,
    wrong_solutions,
)
from lessons.course.about_lessons.start_lesson import beginning, files_of
from lessons.course.about_lessons.way_through import all_lessons
from lessons.course.checker.check_page import beside, checks_in
from lessons.course.checker.reports import as_line
from lessons.course.checker.run_checks import checks_reported_by, run_checks
from lessons.course.for_checks.loading import load
from lessons.course.for_checks.scripted_model import ScriptedModel

LESSONS = list(all_lessons().values())
LESSON_OF = {lesson.folder: lesson for lesson in LESSONS}
PAGES = [lesson for lesson in LESSONS if lesson.has("check.js")]
FOR_THE_BROWSER = [".js", ".css"]
PLENTY = 10 * LIMIT  # seconds; checks that take longer have failed
TURNS = [lesson for lesson in LESSONS if lesson.has("turn")]
TRIED = os.environ["WRONG_ANSWERS"]  # "all", or which quarter of them: "0" to "3"


def named(lessons):
    names = [lesson.name for lesson in lessons]
    return pytest.mark.parametrize("lesson", lessons, ids=names)


def each_answer(of_lesson, in_turn=False):
    """Parametrize a test by answers: of_lesson returns those of a lesson.

    There are more than a thousand wrong ones, and CI has twelve minutes. So there a
    quarter of them is tried, each day another one. Elsewhere all are, as with
    WRONG_ANSWERS=all.
    """
    answers = []
    for lesson in LESSONS:
        of_this = of_lesson(lesson)
        if in_turn and TRIED != "all":
            of_this = of_this[int(TRIED) :: 4]
        for answer in of_this:
            name = f"{lesson.number:02}-{answer.name}"
            answers.append(
                pytest.param(lesson, answer, id=name, marks=pytest.mark.slow)
            )
    return pytest.mark.parametrize(("lesson", "answer"), answers)


def folder_of(lesson):
    """Return where a lesson's program is; lesson 08 reads the one at the root."""
    return lesson.folder if lesson.has("app.py") else ROOT


def solution(lesson):
    """Return the files of a lesson's program."""
    return files_of(folder_of(lesson))


@pytest.fixture(autouse=True)
def installed(request):
    """Skip a lesson whose checks need a program that is not installed."""
    if "lesson" in request.fixturenames:
        for program in request.getfixturevalue("lesson").needs:
            need(program)


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

    def check(checks, folder):
        app = load(folder, ScriptedModel()).app
        return checks_in(chromium, checks / "check.js", app, PLENTY)

    return check


def reds(checks):
    """Return the messages of the checks that are red."""
    return [check.message for check in checks if check.outcome == "red"]


def chunks_of(model):
    """Return text, finish reason and position of each chunk that a model makes."""
    return [
        (
            chunk.text,
            chunk.response_metadata.get("finish_reason"),
            chunk.chunk_position,
        )
        for chunk in model.stream("Hello?")
    ]


def test_the_model_of_the_checks_ends_as_a_real_one_does():
    with Provider("Yes", ".", finish("stop"), DONE) as provider:
        real = ChatOpenAI(model="gpt", base_url=provider.url, api_key="sk-1234")
        assert chunks_of(ScriptedModel("Yes", ".")) == chunks_of(real)


# What a command reports


def reported(script, folder):
    """Return the checks that a Python script reports."""
    return list(checks_reported_by([sys.executable, "-c", script], folder, LIMIT))


FLOODS = """
while True:
    print("x" * 1000, end="")
"""


def test_what_prints_without_end_is_ended(tmp_path):
    [check] = reported(FLOODS, tmp_path / "mine")
    said = "The program in mine/ printed or wrote more than 1 MB"
    assert check.outcome == "red" and check.message.startswith(said)


def test_a_check_that_cannot_be_read_is_red(tmp_path):
    (tmp_path / "check.py").write_text("def test_it(:\n", encoding="utf-8")
    [check] = run_checks(tmp_path, tmp_path / "mine", LIMIT)
    assert check.outcome == "red"
    said = "The lesson's own check.py cannot be read: SyntaxError: invalid syntax."
    assert check.message.startswith(said)


PRINTS = f"""
print("hello", end="")
print({as_line(announced=["It runs"])!r}, end="")
print({{"outcome": "red"}})
print({as_line(sentence="It runs", outcome="green")!r}, end="")
"""


def test_what_a_program_prints_is_no_report(tmp_path):
    checks = reported(PRINTS, tmp_path / "mine")
    assert [(check.sentence, check.outcome) for check in checks] == [
        ("It runs", "green")
    ]


def test_what_python_breaks_on_is_shown(tmp_path):
    [check] = reported("import nothing_of_that_name", tmp_path / "mine")
    said = "ModuleNotFoundError: No module named 'nothing_of_that_name'"
    assert check.outcome == "red" and check.message.endswith(said)


def test_a_command_that_reports_nothing_is_ended(tmp_path, monkeypatch):
    monkeypatch.setattr("lessons.course.checker.run_checks.PATIENCE", 0)
    silent = [sys.executable, "-c", f"import time; time.sleep({PLENTY})"]
    [check] = checks_reported_by(silent, tmp_path / "mine", 0.2)
    said = "The program in mine/ did not finish within 0.2 s"
    assert check.outcome == "red" and check.message.startswith(said)


WAITS = f"""
import os, time
from lessons.course.checker.reports import as_line
print(as_line(sentence=str(os.getpid()), outcome="green"), end="", flush=True)
time.sleep({PLENTY})
"""


@pytest.mark.skipif(os.name == "nt", reason="asks for a process the POSIX way")
def test_who_leaves_ends_the_checks(tmp_path):
    command = [sys.executable, "-c", WAITS]
    checks = checks_reported_by(command, tmp_path / "mine", PLENTY)
    pid = int(next(checks).sentence)
    os.kill(pid, 0)  # which ends nobody, and raises where there is nobody
    checks.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_the_browser_keeps_no_checks_that_it_has_seen(tmp_path):
    """Another lesson's may have the same address, when a port comes round again."""
    check = tmp_path / "check.js"
    check.touch()
    client = Client(beside(Flask("empty"), check))
    for path in "/check.js", "/static/checks.js":
        answer = client.get(path, buffered=True)
        assert answer.status_code == 200
        assert answer.headers["Cache-Control"] == "no-store"


def test_the_browser_asks_anew_for_checks_that_it_has_seen(chromium, serve, tmp_path):
    check = tmp_path / "check.js"
    url = serve(beside(Flask("empty"), check))
    for text in "first", "second":
        check.write_text(text, encoding="utf-8")
        yesterday = time() - 24 * 60 * 60
        os.utime(check, (yesterday, yesterday))  # as with any file that rests
        chromium.get(url)
        fetched = "fetch('check.js').then((it) => it.text()).then(arguments[0])"
        assert chromium.execute_async_script(fetched) == text


OLD_WORDS = """<!doctype html><title>Old words</title>
<h1>Ask</h1><p id="problem">Nothing yet.</p><p id="status">Ready</p>
<div id="answer"></div>
<form><input name="prompt"><button>Ask</button></form>
<script>
  const [problem, status] = document.querySelectorAll("#problem, #status");
  document.querySelector("form").addEventListener("submit", (event) => {
    event.preventDefault();
    fetch("ask");
    status.textContent = `Asked ${event.target.elements.prompt.value}`;
    if (event.target.elements.prompt.value === "again") problem.textContent = "No.";
  });
</script>
"""
SAYS = """
export const checks = [{
  sentence: "The page says",
  async run(page) {
    page.must(!page.news, `new at first: ${page.news}`);
    for (const prompt of PROMPTS) await page.ask(prompt);
    page.must(false, page.news);
  },
}];
"""
STILL = 'The page still shows an earlier message: "Nothing yet.".'


@pytest.mark.parametrize(
    ("prompts", "message"),
    [
        (["once"], f"Asked once {STILL}"),
        (["once", "twice"], f"Asked twice {STILL}"),
        (["once", "again"], "No. Asked again"),
    ],
)
def test_old_words_are_not_what_the_page_says(chromium, tmp_path, prompts, message):
    app = Flask("old words")
    app.add_url_rule("/", view_func=lambda: OLD_WORDS)
    check = tmp_path / "check.js"
    check.write_text(SAYS.replace("PROMPTS", str(prompts)), encoding="utf-8")
    [found] = checks_in(chromium, check, app, PLENTY)
    assert found["message"] == message


WAITS_FOR = """
export const checks = [{
  sentence: "What the check waits for comes",
  async run(page) {
    page.window.eval(SCRIPT);
    const tooLate = new Promise((goOn) => setTimeout(goOn, 2500, "too late"));
    const came = await Promise.race([page.soon(() => page.text === "it"), tooLate]);
    page.must(came, "quiet");
    page.must(came === true, came);
  },
}];
"""
SHOW = "const show = (text = 'it') => document.querySelector('#answer').append(text);"
LATE_AND_QUIET = {  # what a page does, and what a check that waits for its text says
    "setTimeout(show, 1200)": "",
    "setTimeout(show, 1200, 'it')": "",
    "setTimeout(() => setTimeout(show, 700), 700)": "",
    "let n = 0; setInterval(() => { n += 1; if (n === 12) show(); }, 100)": "",
    "": "quiet",
    "setTimeout(() => {}, 100)": "quiet",
    "clearTimeout(setTimeout(() => {}, 5000))": "quiet",
    "clearInterval(setInterval(() => {}, 100))": "quiet",
    "cancelAnimationFrame(requestAnimationFrame(() => {}))": "quiet",
    "setInterval(() => {}, 100)": "too late",
}


@pytest.mark.parametrize(("script", "message"), LATE_AND_QUIET.items())
def test_a_check_waits_for_a_page_only_while_something_may_come(
    chromium, tmp_path, script, message
):
    app = Flask("timers")
    app.add_url_rule("/", view_func=lambda: '<div id="answer"></div>')
    check = tmp_path / "check.js"
    code = WAITS_FOR.replace("SCRIPT", json.dumps(SHOW + script))
    check.write_text(code, encoding="utf-8")
    [found] = checks_in(chromium, check, app, PLENTY)
    assert found["message"] == message


# The lessons


@named(LESSONS)
def test_its_program_passes(lesson, mine, in_a_fork):
    checks = list(run_checks(lesson.folder, mine(solution(lesson)), PLENTY))
    assert [check for check in checks if check.outcome != "green"] == []
    assert len(checks) > 2


@named(PAGES)
def test_its_page_passes(lesson, mine, check_page):
    checks = check_page(lesson.folder, mine(solution(lesson)))
    assert [check for check in checks if check["outcome"] != "green"] == []
    assert len(checks) > 2


@pytest.mark.slow
@named(LESSONS)
def test_the_program_it_begins_with_fails(lesson, mine, request):
    folder = mine(beginning(lesson))
    assert all_reds(lesson.folder, folder, request), (
        f"check {lesson.name} passes before the lesson is done"
    )


@pytest.mark.parametrize("tag", ["output", "textarea"])
def test_the_answer_may_stand_in_another_element(tag, mine, check_page):
    lesson = all_lessons()[3]
    folder = mine(solution(lesson))
    page = folder / "templates" / "index.html"
    text = page.read_text(encoding="utf-8")
    other = re.sub(
        r'<div id="answer"(.*?)></div>', rf'<{tag} id="answer"\1></{tag}>', text
    )
    assert other != text
    page.write_text(other, encoding="utf-8")
    checks = check_page(lesson.folder, folder)
    assert [check for check in checks if check["outcome"] != "green"] == []


# Wrong programs, and right ones written another way


@each_answer(wrong_answers, in_turn=True)
def test_a_wrong_answer_gets_the_message_that_it_names(lesson, answer, mine, request):
    folder = changed(lesson, answer, mine)
    gets_its_message(answer, lesson.folder, folder, request)


@each_answer(right_answers)
def test_a_right_answer_written_another_way_is_green(lesson, answer, mine, request):
    folder = changed(lesson, answer, mine)
    assert all_reds(lesson.folder, folder, request) == []


def changed(lesson, answer, mine):
    """Return the folder of a lesson's program, with an answer's changes in it."""
    files = solution(lesson)
    folder = mine(files)
    for name, text in answer.made_in(files).items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def gets_its_message(answer, checks, folder, request):
    """Assert that one check is red, and says what the answer names."""
    messages = all_reds(checks, folder, request)
    assert messages, "this wrong answer is green: let the check look more closely"
    [message] = messages
    if answer.are_all:
        assert message == answer.words
    else:
        assert answer.words in message


def all_reds(checks, folder, request):
    """Return the messages of what is red on the server, or else in the page.

    A server or a page that is the lesson's own is known to be green.
    """
    request.getfixturevalue("in_a_fork")
    messages = []
    lesson = LESSON_OF.get(checks)  # None: they are of Your turn
    knows_server = lesson and has_the_server_of(lesson, folder)
    if (checks / "check.py").exists() and not knows_server:
        messages = reds(run_checks(checks, folder, PLENTY))
    if messages or not (checks / "check.js").exists():
        return messages
    # With the lesson's server it is the page that was changed.
    knows_page = lesson and not knows_server and sends_the_page_of(lesson, folder)
    if not knows_page:
        found = request.getfixturevalue("check_page")(checks, folder)
        messages = [check["message"] for check in found if check["message"]]
    return messages


def has_the_server_of(lesson, folder):
    """Whether a program and a lesson's differ in files for the browser only."""
    ours = {path for path in folder.rglob("*") if path.is_file()}
    for name, path in solution(lesson).items():
        is_the_same = (folder / name) in ours and cmp(path, folder / name, False)
        if not is_the_same and path.suffix not in FOR_THE_BROWSER:
            return False
        ours.discard(folder / name)
    return all(path.suffix in FOR_THE_BROWSER for path in ours)


def sends_the_page_of(lesson, folder):
    """Whether a program sends a browser what the lesson's sends, byte for byte.

    It is all that the checks of a page see of a server: its fetch they answer.
    """
    static = [f"/{name}" for name in solution(lesson) if name.startswith("static/")]
    theirs = Client(load(folder, ScriptedModel()).app)
    ours = Client(load(folder_of(lesson), ScriptedModel()).app)
    return all(sent(theirs, path) == sent(ours, path) for path in ["/", *static])


def sent(client, path):
    """Return the status, the headers and the body of what a program sends."""
    answer = client.get(path, buffered=True)
    for name in "Date", "Last-Modified", "ETag":  # the copy of a file is younger
        answer.headers.remove(name)
    return answer.status, sorted(answer.headers), answer.data


SWAPS = [
    lesson
    for lesson in LESSONS
    if any(list in map(type, it.plan) for it in exercises_in(lesson.notes))
]


@pytest.mark.slow
@named(SWAPS)
def test_lines_that_may_change_places_are_green_in_the_other_order(
    lesson, mine, request
):
    folder = mine(solution(lesson))
    for exercise in exercises_in(lesson.notes):
        texts = {row.key: row.text for row in exercise.rows}
        lines = "\n".join(row.text for row in exercise.rows)
        swapped = "\n".join(texts[key] for key in other_way(exercise.plan))
        path = folder / exercise.title
        program = path.read_text(encoding="utf-8")
        assert program.count(lines) == 1
        path.write_text(program.replace(lines, swapped), encoding="utf-8")
    assert all_reds(lesson.folder, folder, request) == []


# Your turn


@pytest.mark.slow
@named(TURNS)
def test_your_turn_is_not_done_by_the_lessons_program(lesson, mine, request):
    folder = mine(solution(lesson))
    assert all_reds(lesson.turn, folder, request)


@each_answer(solutions)
def test_a_solution_of_your_turn_is_green(lesson, answer, mine, request):
    folder = changed(lesson, answer, mine)
    assert all_reds(lesson.turn, folder, request) == []
    assert all_reds(lesson.folder, folder, request) == []


@each_answer(wrong_solutions, in_turn=True)
def test_a_wrong_solution_gets_the_message_that_it_names(lesson, answer, mine, request):
    folder = changed(lesson, answer, mine)
    gets_its_message(answer, lesson.turn, folder, request)


@named(TURNS)
def test_your_turn_has_a_solution_and_wrong_ones(lesson):
    assert lesson.has("turn/solution.diff"), "write a solution: turn/solution.diff"
    assert len(wrong_solutions(lesson)) >= 2, "write two wrong ones, in turn/wrong/"


@named(LESSONS)
def test_it_has_wrong_answers(lesson):
    assert len(wrong_answers(lesson)) >= 2, "write two wrong answers, in wrong/"

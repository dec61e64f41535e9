"""Guard 3: what each lesson's checks say of the programs they are for."""

import os
import re
import shutil
import subprocess
import sys
from filecmp import cmp
from time import time

import pytest
from flask import Flask
from langchain_openai import ChatOpenAI
from support import LIMIT, ROOT
from support.provider import DONE, Provider, finish
from werkzeug.test import Client

from lessons.course.checker.check_page import beside, checks_in
from lessons.course.checker.reports import as_line
from lessons.course.checker.run_checks import checks_reported_by, run_checks
from lessons.course.for_checks.loading import load
from lessons.course.for_checks.scripted_model import ScriptedModel
from lessons.course.start_lesson import beginning, files_of

LESSONS = sorted(path.parent for path in ROOT.glob("lessons/[0-9]*/check.py"))
PAGES = [lesson for lesson in LESSONS if (lesson / "check.js").exists()]
FOR_THE_BROWSER = [".js", ".css"]
PLENTY = 10 * LIMIT  # seconds; checks that take longer have failed
TURNS = [lesson for lesson in LESSONS if (lesson / "turn").exists()]


def named(paths):
    return pytest.mark.parametrize("lesson", paths, ids=[path.name for path in paths])


def each_diff(folder):
    """Parametrize a test by the diffs in that folder of every lesson."""
    diffs = []
    for lesson in LESSONS:
        for path in sorted(lesson.glob(f"{folder}*.diff")):
            name = f"{lesson.name[:2]}-{path.stem}"
            diffs.append(pytest.param(lesson, path, id=name, marks=pytest.mark.slow))
    return pytest.mark.parametrize(("lesson", "diff"), diffs)


def folder_of(lesson):
    """Return where a lesson's program is; lesson 08 reads the one at the root."""
    return lesson if (lesson / "app.py").exists() else ROOT


def solution(lesson):
    """Return the files of a lesson's program."""
    return files_of(folder_of(lesson))


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
    said = "The program in mine/ did not come to an end within 0.2 s"
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
    for path in "/check.js", "/checks.js":
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
STILL = 'From before that the page still says: "Nothing yet.".'


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


# The lessons


@named(LESSONS)
def test_its_program_passes(lesson, mine, in_a_fork):
    checks = list(run_checks(lesson, mine(solution(lesson)), PLENTY))
    assert [check for check in checks if check.outcome != "green"] == []
    assert len(checks) > 2


@named(PAGES)
def test_its_page_passes(lesson, mine, check_page):
    checks = check_page(lesson, mine(solution(lesson)))
    assert [check for check in checks if check["outcome"] != "green"] == []
    assert len(checks) > 2


@pytest.mark.slow
@named(LESSONS)
def test_the_program_it_begins_with_fails(lesson, mine, request):
    folder = mine(beginning(lesson))
    assert all_reds(lesson, folder, request), (
        f"check {lesson.name} passes before the lesson is done"
    )


@pytest.mark.parametrize("tag", ["output", "textarea"])
def test_the_answer_may_stand_in_another_element(tag, mine, check_page):
    lesson = ROOT / "lessons" / "03-a-page-that-reads-it"
    folder = mine(solution(lesson))
    page = folder / "templates" / "index.html"
    text = page.read_text(encoding="utf-8")
    other = re.sub(
        r'<div id="answer"(.*?)></div>', rf'<{tag} id="answer"\1></{tag}>', text
    )
    assert other != text
    page.write_text(other, encoding="utf-8")
    checks = check_page(lesson, folder)
    assert [check for check in checks if check["outcome"] != "green"] == []


# Wrong programs, and right ones written another way. The first line of a diff says what
# the check must say, or what is different; the rest changes the lesson's program.


@each_diff("wrong/")
def test_a_wrong_answer_gets_the_message_that_it_names(lesson, diff, mine, request):
    message, folder = changed(lesson, diff, mine)
    messages = all_reds(lesson, folder, request)
    assert messages == [message], (
        f"{diff.relative_to(ROOT)} begins with another message than its check gives"
    )


@each_diff("right/")
def test_a_right_answer_written_another_way_is_green(lesson, diff, mine, request):
    _, folder = changed(lesson, diff, mine)
    assert all_reds(lesson, folder, request) == []


def changed(lesson, diff, mine):
    """Return the first line of a diff, and the lesson's program as it changes it."""
    first_line, _, change = diff.read_text(encoding="utf-8").partition("\n")
    folder = mine(solution(lesson))
    patch = ["git", "apply", "-p0", "--recount", "--ignore-whitespace", "-"]
    subprocess.run(patch, cwd=folder, input=change, encoding="utf-8", check=True)
    return first_line, folder


def all_reds(checks, folder, request):
    """Return the messages of what is red on the server, or else in the page.

    A server or a page that is the lesson's own is known to be green.
    """
    request.getfixturevalue("in_a_fork")
    messages = []
    is_lesson = checks in LESSONS
    knows_server = is_lesson and has_the_server_of(checks, folder)
    if (checks / "check.py").exists() and not knows_server:
        messages = reds(run_checks(checks, folder, PLENTY))
    if messages or not (checks / "check.js").exists():
        return messages
    # With the lesson's server it is the page that was changed.
    knows_page = is_lesson and not knows_server and sends_the_page_of(checks, folder)
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


# Your turn


@pytest.mark.slow
@named(TURNS)
def test_your_turn_is_not_done_by_the_lessons_program(lesson, mine, request):
    folder = mine(solution(lesson))
    assert all_reds(lesson / "turn", folder, request)


@each_diff("turn/solution")
def test_a_solution_of_your_turn_is_green(lesson, diff, mine, request):
    _, folder = changed(lesson, diff, mine)
    assert all_reds(lesson / "turn", folder, request) == []
    assert all_reds(lesson, folder, request) == []


@each_diff("turn/wrong/")
def test_a_wrong_solution_gets_the_message_that_it_names(lesson, diff, mine, request):
    message, folder = changed(lesson, diff, mine)
    assert all_reds(lesson / "turn", folder, request) == [message]


@named(TURNS)
def test_your_turn_has_a_solution_and_wrong_ones(lesson):
    assert (lesson / "turn" / "solution.diff").exists()
    assert len(list(lesson.glob("turn/wrong/*.diff"))) >= 2


# Small mistakes, one each in a program that is right, and what the check says of them

MISTAKES = [
    ("01 app.py", "def ask(prompt)", "def ask()", "write def ask(prompt)"),
    ("01 app.py", "append(chunk.text)", "append(chunk)", "Gather chunk.text"),
    ("01 app.py", "def ask(", "def ask_model(", "It has ask-model"),
    ("01 app.py", "choose_model()", "choose_model", "write model = choose_model()"),
    ("01 app.py", "flush=True", "flush=true", "Python writes True"),
    ("01 app.py", "flush=True", "True", "Write its name too"),
    ("01 app.py", "stream(prompt)", "stream()", "Write it between the () where you"),
    ("01 app.py", "pieces.append(", "pieces = pieces.append(", "hand nothing back"),
    ("01 app.py", "model.stream(", "model.invoke(", "loop over model.stream"),
    ("01 app.py", "    answer", "    input()\n    answer", "Nobody types while"),
    ("01 app.py", 'print(f"', 'print("', "if an f stands before"),
    (
        "01 app.py",
        "        print(",
        "        yield\n        print(",
        "with yield in it",
    ),
    ("02 app.py", '"/ask"', '"/ask/"', 'another address, "/ask/"'),
    ("02 app.py", ", request", "", "Import it first: from flask import request"),
    (
        "02 app.py",
        '.get("prompt")\n    if not isinstance(prompt, str):\n        abort(400)',
        "",
        "the model was asked [{'prompt': 'Hello?'}]",
    ),
    ("02 app.py", "get_json()", "json()", "leave out the ()"),
    ("02 app.py", '.get("prompt")', ".prompt", "read with a name in brackets"),
    ("02 app.py", "def pieces", "async def pieces", "Flask loops without async"),
    ("02 app.py", "mimetype=", "", "Write mimetype= before the type"),
    ("02 app.py", "abort(400)", 'abort("400")', "takes the number of a status"),
    ("02 client.py", "requests.post", "request.post", "Write or import it first"),
    ("02 app.py", "get_json()", "get_json", "is its () missing?"),
    ("02 app.py", "abort(400)", "exit(400)", "The program ended itself there"),
    ("02 app.py", "mimetype=", "content_type=", "does not say that it is written in"),
    ("02 client.py", "sys.argv[1:]", "sys.argv", 'is [URL, "Hello?"]'),
    ("02 client.py", "None, decode", "1, decode", "had printed 'S|t|r|"),
    (
        "02 app.py",
        "Response(pieces(prompt)",
        "Response(pieces",
        "Call it: Response(piec",
    ),
    ("02 client.py", "json=", "data=", "give post() json="),
    ("02 client.py", '"prompt": prompt', '"prompt": url', "client.py, sys.argv[2]"),
    ("02 app.py", "yield chunk", "return chunk", "with yield and not return"),
    ("02 app.py", "if not isin", "if isin", "only if it is not a str"),
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
    ("04 page.js", "{ stream: true }", "stream = true", "in braces: { stream: true }"),
    ("04 page.js", "{ stream: true }", "true", "in braces: { stream: true }"),
    ("04 page.js", "(done) break", "(done) return", "leave the loop with break"),
    ("04 page.js", "await reader.read()", "reader.read()", "so write await reader"),
    ("04 page.js", "{ stream: true }));", "{ stream: true }), {});", "nothing else"),
    (
        "04 page.js",
        "decoder.decode());",
        "decoder.decode(value));",
        "inside the braces",
    ),
    ("03 app.py", "def index(", "def ask(", "Two views have one name"),
    ("03 app.py", 'render_template("index.html")', '"index.html"', "reads the file of"),
    ("03 templates/index.html", '"false"', '"true"', "before anybody has asked"),
    ("03 templates/index.html", "></script>", " />", "has no end"),
    ("03 templates/index.html", '"module"', '"modul"', "no script of the type"),
    ("03 templates/index.html", ' role="alert"', "", "a screen reader does not"),
    ("03 page.js", "button.disabled = true;", "", "the button was pressed again"),
    ("03 page.js", "new Text", "Text", "Write new before its name"),
    ("03 page.js", "{ done, value }", "[done, value]", "Braces take an object apart"),
    ("03 page.js", '"Content-Type"', "Content-Type", "A name has no dash in it"),
    ("03 page.js", "while (true)", "while (True)", "JavaScript writes true, false"),
    ("03 page.js", "getReader()", "getReader", "is no function: look"),
    ("03 page.js", "} finally", "finally", "cannot read that line"),
    ("03 page.js", "answer.append(", "answer.appendChild(", "append takes a text"),
    ("05 app.py", 'app.logger.setLevel("INFO")', "", "nothing was logged"),
    (
        "05 app.py",
        "closing(model.stream(prompt))",
        "model.stream(prompt)",
        "closing makes",
    ),
    (
        "05 app.py",
        "Response(pieces(prompt)",
        "Response(closing(pieces(prompt))",
        "closing is for a with block",
    ),
    ("05 app.py", "made += 1", "pass", 'The log says "0 chunks, whole"'),
    ("05 app.py", "    finally:", "    except GeneratorExit:", "nothing was logged"),
    ("05 page.js", "() => asking.abort()", "asking.abort()", "a new one for each"),
    ("05 page.js", "    signal,\n", "", "fetch was given no signal"),
    ("05 page.js", "ask(prompt, signal)", "ask(prompt)", "before it called fetch"),
    ("05 page.js", "  asking = controller;", "", "did not abort it"),
    ("05 page.js", "let asking =", "const asking =", "make the name with let"),
    ("05 page.js", "let asking = new", "let asking; new", "no controller yet"),
    (
        "05 page.js",
        "asking = controller;",
        "asking = controller; asking.abort();",
        "abort the old one only",
    ),
    ("08 app.py", "slots.release()", "pass", "slots.release() in finally"),
    (
        "06 app.py",
        "app.register_error_handler(HTTPException, as_json)",
        "",
        "(HTTPException, as_json)",
    ),
    (
        "06 app.py",
        "raise http_error(error) from None",
        "raise type(http_error(error))('No.') from None",
        "when to ask again",
    ),
    (
        "06 app.py",
        "response.call_on_close(pieces.close)",
        "pass",
        "call response.call_on",
    ),
    (
        "06 app.py",
        "chain([first_piece], pieces)",
        "pieces",
        "what next() took has to be sent",
    ),
    ("07 app.py", "record.add_piece()", "pass", "Is each piece counted"),
    ("07 app.py", "self.waited = mono", "waited = mono", "in self.waited, with self"),
    ("07 app.py", "record = Record()", "record = Record", "a call makes one of it"),
    ("08 app.py", "def write(", "def wrote(", "name 'write' is not defined"),
    ("12 app.py", 'return "", 204', "return 204", "A status alone is no answer"),
    (
        "12 app.py",
        'if "Last-Event-ID" in request.headers:',
        'if request.headers["Last-Event-ID"]:',
        "Not every request has that header",
    ),
    ("15 app.py", "int(time())", "time()", "a whole number"),
    ("15 app.py", "failure_of(error).status", "failure_of(error)", "the number is its"),
    ("08 app.py", "> deadline", "< deadline", "That answer took no time at all"),
    ("08 app.py", "(listen(prompt, deadline))", "(listen(deadline, prompt))", "order?"),
    ("08 app.py", "raise Unfinished(TOO_SLOW)", "break", "sentence for another"),
    ("08 app.py", 'number("ANSWER_SECONDS", 120)', "120", "reads it from there"),
    ("08 app.py", ", least=0", "", "least=0) lets it be 0"),
    ("08 app.py", "phore(ANSWERS_AT_ONCE)", "phore(1)", "a second question got a 503"),
    ("08 app.py", 'number("ANSWERS_AT_ONCE", 64)', "64", "below it, and in write"),
    (
        "08 app.py",
        "raise ServiceUnavailable(",
        "return ServiceUnavailable(",
        "reaches nobody",
    ),
    ("08 app.py", "64 * 1024", "64", "64 * 1024 bytes"),
    ("08 app.py", "acquire(blocking=False)", "acquire(timeout=1)", "waits for 1 s"),
    ("08 app.py", "trusted_hosts()\n", "['*']\n", "does not know itself by that name"),
    ("08 app.py", "= trusted_hosts()", "= ['localhost']", "by its own name 127.0.0.1"),
    ("08 app.py", "= trusted_hosts()", "= trusted_hosts", "trusted_hosts()."),
    ("08 app.py", "script-src 'self'", "script-src self", "without its quotes"),
    ("08 app.py", "frame-ancestors 'self'", "frame-ancestors 'none'", "the lessons"),
    ("08 app.py", '"; ".join', '", ".join', "separated by ;"),
    ("08 app.py", ", model=model.name", "", "which model answers"),
    (
        "11 page.js",
        "said = turns.map(({ role, content }) => ({ role, content }));\n"
        "  const pieces = ask({ messages: said }, signal);",
        "messages = turns.map(({ role, content }) => ({ role, content }));\n"
        "  const pieces = ask({ messages }, signal);",
        "a second thing that you call messages",
    ),
    ("11 page.js", "=> ({ role, content }))", "=> { role, content })", "in round brac"),
    (
        "11 page.js",
        "turns.map(({ role, content }) => ({ role, content }))",
        "[...turns]",
        "own",
    ),
    (
        "11 page.js",
        '"click", () => {\n  if (turns',
        '"submit", () => {\n  if (turns',
        'let form.again listen to "click"',
    ),
    ("11 conversation.py", "*turns]", "turns]", "*turns stands for all"),
    ("11 conversation.py", 'return [{"role"', '[{"role"', "missing in messages_for?"),
    ("11 conversation.py", "return {", "{", "missing in the function that made it"),
    (
        "11 conversation.py",
        'raise BadRequest("The role',
        'return BadRequest("The role',
        "raised, not returned",
    ),
    ("11 conversation.py", 'role": "system"', 'role": "developer"', "given developer:"),
    (
        "11 conversation.py",
        'role not in ["user", "assistant"]',
        'role != "user" or role != "assistant"',
        "look at the condition",
    ),
    (
        "11 conversation.py",
        "        raise ConversationTooLong\n    turns",
        "        BadRequest.code = 413\n        raise BadRequest('64 KiB')\n    turns",
        "raise ConversationTooLong, whose sentence",
    ),
    ("14 app.py", 'body["error"], mim', "body, mim", "which is no sentence"),
    ("14 app.py", "ChatStream(HEARTBEAT)", "ChatStream", "is not prepared"),
    (
        "14 app.py",
        "    return body, status",
        "    body, status",
        "returns an answer, too",
    ),
    ("14 chat.py", "super().__init__(heartbeat)", "pass", "The stream is not prepared"),
    ("14 chat.py", "return self.write(", "self.write(", "Each verb returns the stream"),
    ("14 chat.py", "str(uuid4())", "uuid4()", "What the program printed names"),
    ("14 chat.py", "self.has_text = False", "pass", "needs a value before"),
    (
        "14 chat.py",
        '": metadata})\n\n',
        '": str(metadata)})\n\n',
        "expected was a dict",
    ),
    ("14 app.py", "def chat():", "def ask():", "Two views have one name"),
    (
        "14 chat.py",
        'self.write(b"data: [DONE]\\n\\n")',
        'self.send("[DONE]", {})',
        "and [DONE] without JSON",
    ),
    ("14 chat.py", "[DONE]\\n\\n", "[DONE]\\n", "the last event has no end"),
    ("14 chat.py", ', "retryAfter": retry_after', "", "after how many seconds"),
    (
        "14 chat.py",
        'return self.send("error"',
        'self.send("error"',
        "send_error returns what send returns",
    ),
    ("16 question.py", "n: int = Field(1,", "n: int = Field(2,", "and 2 answers came"),
    ("16 question.py", "return min(self", "return max(self", "smaller of the two"),
    (
        "16 question.py",
        "n: int = Field(1, ge=1, le",
        "n: int = Field(1, max_length",
        "ge and le",
    ),
    (
        "16 question.py",
        '    "stream_options.include_usage": "true or false",\n',
        "",
        "Give stream_options.include_usage a row",
    ),
    ("16 question.py", "include_usage: bool", "include_usage", "behind a colon"),
    (
        "16 question.py",
        "class StreamOptions(Fields)",
        "class StreamOptions",
        "from Fields",
    ),
    (
        "16 question.py",
        "= StreamOptions()",
        "= StreamOptions",
        "After = stands a value",
    ),
    (
        "16 question.py",
        'validator("stop"',
        'validator("stops"',
        "a field of the same cl",
    ),
    ("16 stops.py", "max(whole, key=len)", "max(whole)", "the longer began first"),
]


@pytest.mark.slow
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
    assert words in "".join(all_reds(lesson, folder, request))


@named(LESSONS)
def test_it_has_wrong_answers(lesson):
    assert 2 <= len(list(lesson.glob("wrong/*.diff"))) <= 12

"""flask start, flask check and flask hint, typed in a copy of the project."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner
from support import LIMIT, ROOT
from support.forked_python import CAN_FORK, forked, ready, run_flask

from lessons.course import commands
from lessons.course.about_lessons.way_through import all_lessons
from lessons.course.commands import check, first_new_start, hint, start
from lessons.course.without_markdown import without_backticks, without_markdown

pytestmark = pytest.mark.slow

APP = """
from flask import Blueprint, Flask
from lessons.course.commands import check, hint, start

app = Flask(__name__)
course = Blueprint("course", __name__, cli_group=None)
for command in start, check, hint:
    course.cli.add_command(command)
app.register_blueprint(course)
"""
FIRST = "01-a-stream-in-the-terminal"
PLENTY = "--seconds", "200"  # a check that takes longer has failed


class Project:
    """A copy of the project, to type commands in."""

    def __init__(self, folder):
        self.folder = folder
        self.mine = folder / "mine"
        self.before = folder / "mine-before"

    def flask(self, *words, before=(), **settings):
        """Type a flask command; return its exit code and all that it printed."""
        words = ["-m", "flask", *words]
        environment = os.environ | {"FLASK_RUN_PORT": "8000"} | settings
        if before or "PYTHONPATH" in settings or not CAN_FORK:
            command = [*before, sys.executable, *words]
            code, printed = self.typed(command, environment)
        else:
            begun = forked(ready(), words, self.folder, environment, run_flask)
            with begun as running:
                printed = running.stdout.read()
                code = running.wait()
        assert "Traceback" not in printed
        return code, printed

    def typed(self, command, environment):
        """Start a Python of its own; return its exit code and all that it printed."""
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=environment | {"PYTHONUTF8": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            timeout=20 * LIMIT,  # some type a command that starts Python many times
        )
        return done.returncode, done.stdout

    def write(self, text, name="app.py"):
        """Write a file in mine/."""
        self.mine.mkdir(exist_ok=True)
        (self.mine / "__init__.py").touch()
        (self.mine / name).write_text(text, encoding="utf-8")

    def red(self, *words):
        """Type a command that checks; return the sentence below the first red check."""
        code, printed = self.flask("check", *words)
        assert code == 1
        _, _, rest = printed.partition("\n  red ")
        below = re.findall(r"(?m)^ {14}(.+)$", rest)
        return " ".join(below)

    def keep_lessons(self, *numbers):
        """Take all other lessons away."""
        for lesson in (self.folder / "lessons").glob("[0-9][0-9]-*"):
            if int(lesson.name[:2]) not in numbers:
                shutil.rmtree(lesson)

    def kept(self):
        """Return the texts of each app.py that was moved aside."""
        paths = sorted(self.before.glob("*/app.py"))
        return [path.read_text(encoding="utf-8") for path in paths]


@pytest.fixture
def project(tmp_path):
    """Return a fresh copy of the project, in which no lesson was started."""
    # No command reads the programs that the lessons' own tests are for. What Python has
    # compiled comes along: else each test would compile all of it again.
    programs = shutil.ignore_patterns("wrong", "right")
    shutil.copytree(ROOT / "lessons", tmp_path / "lessons", ignore=programs)
    compiled = ROOT / "__pycache__"
    if compiled.exists():  # a setting of Python's forbids it
        shutil.copytree(compiled, tmp_path / "__pycache__")
    for path in ROOT.glob("*.py"):
        shutil.copy2(path, tmp_path)  # 2: with its time, by which Python goes
    (tmp_path / "app.py").write_text(APP, encoding="utf-8")
    return Project(tmp_path)


def program(number, name="app.py"):
    """Return the text of a file of a lesson's program."""
    [path] = ROOT.glob(f"lessons/{number:02}-*/{name}")
    return path.read_text(encoding="utf-8")


# flask start


def test_start_puts_the_program_it_begins_with_into_mine(project):
    code, printed = project.flask("start", "1")
    assert (code, project.kept()) == (0, [])
    assert (project.mine / "app.py").read_text(encoding="utf-8") == program(
        1, "begin/app.py"
    )
    assert (project.mine / "__init__.py").exists()
    assert "flask check 1" in printed and FIRST in printed


def test_start_begins_where_the_lesson_before_ended(project):
    project.flask("start", "3")
    names = sorted(path.name for path in project.mine.iterdir())
    given = ["static", "templates"]
    before = ["__init__.py", "app.py", "client.py", "requirements.txt"]
    assert names == [*before, *given]
    assert (project.mine / "app.py").read_text(encoding="utf-8") == program(2)


def test_start_takes_static_and_templates_along(project):
    project.flask("start", "4")
    assert (project.mine / "static" / "page.js").exists()
    assert (project.mine / "templates" / "index.html").exists()
    assert not list(project.mine.glob("check.*"))
    assert not (project.mine / "wrong").exists()


def test_start_keeps_what_was_in_mine(project):
    project.write("my work\n")
    (project.mine / "notes").mkdir()
    (project.mine / "notes" / "a.txt").write_text("mine", encoding="utf-8")
    _, printed = project.flask("start", "2")
    [kept] = project.before.iterdir()
    assert (kept / "app.py").read_text(encoding="utf-8") == "my work\n"
    assert (kept / "notes" / "a.txt").read_text(encoding="utf-8") == "mine"
    assert f"mine-before/{kept.name}" in printed
    assert (project.mine / "app.py").read_text(encoding="utf-8") == program(1)
    assert not (project.mine / "notes").exists()


def test_start_keeps_a_file_that_was_added(project):
    project.flask("start", "2")
    (project.mine / "notes.txt").write_text("mine", encoding="utf-8")
    project.flask("start", "2")
    [kept] = project.before.iterdir()
    assert (kept / "notes.txt").read_text(encoding="utf-8") == "mine"
    assert not (project.mine / "notes.txt").exists()


def test_start_keeps_a_mine_that_is_a_file(project):
    project.mine.write_text("my notes", encoding="utf-8")
    code, _ = project.flask("start", "1")
    [kept] = project.before.iterdir()
    assert (code, kept.read_text(encoding="utf-8")) == (0, "my notes")
    assert (project.mine / "app.py").exists()


@pytest.mark.skipif(os.name == "nt", reason="Windows lets few people make links")
def test_start_keeps_a_mine_that_is_a_link_to_nowhere(project):
    project.mine.symlink_to("nowhere")
    code, _ = project.flask("start", "1")
    [kept] = project.before.iterdir()
    assert (code, str(kept.readlink())) == (0, "nowhere")
    assert (project.mine / "app.py").exists()


def run_in(project, script):
    """Run a Python script in the project's folder."""
    command = [sys.executable, "-c", script]
    subprocess.run(command, cwd=project.folder, timeout=LIMIT, check=True)


def test_starts_in_the_same_second_keep_all(project):
    project.before.mkdir()
    in_the_way = project.before / "2030-01-01-120000-before-lesson-2"
    in_the_way.write_text("a file", encoding="utf-8")
    run_in(project, THREE_AT_NOON)
    assert sorted(project.kept()) == ["work 0\n", "work 1\n", "work 2\n"]
    assert in_the_way.read_text(encoding="utf-8") == "a file"


THREE_AT_NOON = """
from datetime import datetime
from lessons.course.about_lessons import start_lesson
from lessons.course.folders import MINE
from lessons.course.about_lessons.way_through import all_lessons

class Noon(datetime):
    now = classmethod(lambda kind: kind(2030, 1, 1, 12))

start_lesson.datetime = Noon
files = start_lesson.beginning(all_lessons()[2])
MINE.mkdir()
for n in range(3):
    (MINE / "app.py").write_text(f"work {n}\\n", encoding="utf-8")
    start_lesson.replace_mine(files, 2)
"""


def test_mine_is_moved_back_when_the_new_one_cannot_take_its_place(project):
    project.write("my work\n")
    run_in(project, NOTHING_TO_PUT_THERE)
    assert (project.mine / "app.py").read_text(encoding="utf-8") == "my work\n"
    assert project.kept() == []


NOTHING_TO_PUT_THERE = """
from lessons.course.about_lessons.start_lesson import replace_mine

try:
    replace_mine({}, 2)  # so the folder that is to become mine/ is missing
except OSError:
    raise SystemExit(0)
raise SystemExit("it put nothing into the place of mine/")
"""


def test_start_names_the_lesson_that_it_misses(project):
    project.keep_lessons(3)
    code, printed = project.flask("start", "3")
    missing = "Lesson 3 begins with the program of lesson 2, which is missing."
    assert (code, printed) == (1, f"Error: {missing}\n")
    assert not project.mine.exists()


def test_start_twice_in_a_row_moves_nothing_that_is_unchanged(project):
    project.flask("start", "2")
    code, printed = project.flask("start", "2")
    assert code == 0 and "already" in printed
    assert not project.before.exists()


def test_start_keeps_a_file_that_is_open(project):
    project.write("begun\n")
    with (project.mine / "app.py").open("a", encoding="utf-8") as file:
        code, printed = project.flask("start", "1")
        file.write("and ended\n")
    if os.name == "nt":  # Windows moves no open file: nothing has changed
        assert code == 1 and "has its files open" in printed
        project.before = project.folder
    assert project.kept() == ["begun\nand ended\n"]


def assert_nothing_changed(project, code, printed):
    assert code == 1 and "Nothing in it has changed." in printed
    assert (project.mine / "app.py").read_text(encoding="utf-8") == "my work\n"
    assert not list(project.folder.glob("mine-new*"))
    assert project.kept() == []


@pytest.mark.skipif(os.name == "nt", reason="Windows sets no limit on a file's size")
def test_start_on_a_full_disk_changes_nothing(project):
    project.write("my work\n")
    limit = (
        "import os, resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (9, 9))"
    )
    words = sys.executable, "-c", f"{limit}; os.execv(sys.argv[1], sys.argv[1:])"
    code, printed = project.flask(
        "start", "2", before=words, PYTHONDONTWRITEBYTECODE="1"
    )
    assert "File too large" in printed
    assert_nothing_changed(project, code, printed)


@pytest.mark.skipif(os.name == "nt", reason="Windows has other rights")
def test_start_in_a_read_only_folder_changes_nothing(project):
    project.write("my work\n")
    words = ()
    if os.geteuid() == 0:  # whom no mode stops: drop the rights that make it so
        words = shutil.which("setpriv"), "--bounding-set=-all", "--inh-caps=-all"
    project.folder.chmod(0o555)
    try:
        code, printed = project.flask("start", "2", before=words)
    finally:
        project.folder.chmod(0o755)
    assert "Permission denied" in printed
    assert_nothing_changed(project, code, printed)


def test_start_that_cannot_move_mine_aside_changes_nothing(project):
    project.write("my work\n")
    project.before.write_text("in the way", encoding="utf-8")
    code, printed = project.flask("start", "2")
    project.before.unlink()
    assert "mine-before is not a folder" in printed
    assert_nothing_changed(project, code, printed)


# Which lesson


@pytest.mark.parametrize("command", ["start", "hint"])
def test_a_command_that_needs_a_lesson_lists_them(project, command):
    code, printed = project.flask(command)
    assert code == 1 and "Which lesson?" in printed
    assert f"flask {command} 3   03 · A page that reads it" in printed


@pytest.mark.parametrize("command", [start, check, hint], ids=lambda each: each.name)
@pytest.mark.parametrize("number", ["0", "99", "x", "²"])
def test_a_wrong_number_brings_the_numbers_that_there_are(command, number):
    typed = CliRunner().invoke(command, [number])
    there_are = f"There is no lesson {number}: choose 1 to {max(all_lessons())}."
    assert typed.exit_code == 1 and there_are in typed.output


# flask check


def test_from_one_lesson_on_a_program_need_not_pass_the_lessons_before_it():
    assert all_lessons()[first_new_start()].name == "09-messages-with-a-type"


def test_check_before_anything_was_started_says_how_to_begin(project):
    for words, n in (["check"], 1), (["check", "2"], 2):
        code, printed = project.flask(*words)
        assert (code, printed) == (
            1,
            f"Error: There is no mine/ yet. To begin, run flask start {n}.\n",
        )
    project.mine.mkdir()
    assert "or type flask start 2." in project.red("2")
    _, printed = project.flask("check")
    assert "You are at lesson 1.\nTo begin it, run flask start 1.\n" in printed


def test_check_lists_what_is_green_what_is_red_and_what_comes_after(project):
    project.flask("start", "1")
    code, printed = project.flask("check", "1")
    assert code == 1
    outcomes = re.findall(r"(?m)^  (green|red|not checked) +\w", printed)
    assert outcomes[:3] == ["green", "green", "red"]
    assert "The command flask ask asks the model" in printed and "`" not in printed
    assert set(outcomes[3:]) == {"not checked"}
    why = "model.invoke(prompt) waits for the whole answer"
    assert why in " ".join(printed.split())
    assert (
        "The notes show the change: lessons/01-a-stream-in-the-terminal/README.md."
        in printed
    )


def test_check_of_a_program_that_is_right_ends_with_0(project):
    project.write(program(1))
    code, printed = project.flask("check", "1")
    assert code == 0 and printed.endswith("Everything is green.\n")
    assert "red" not in printed


def test_check_does_not_call_a_page_green_that_no_browser_has_seen(project):
    project.flask("start", "4")  # with the program that lesson 3 ends with
    code, printed = project.flask("check", "3", "--no-browser", *PLENTY)
    assert code == 0 and "Everything is green" not in printed
    assert "  not checked What the page does" in printed
    assert "The server's part is green. The page's part is not checked yet." in printed
    assert "http://127.0.0.1:8000/lessons/03-a-page-that-reads-it/" in printed
    assert "flask check --browser 3" in printed


def test_without_chromes_driver_no_page_is_checked(project):
    project.flask("start", "4")
    path = str(Path(sys.executable).parent)
    code, printed = project.flask("check", "3", *PLENTY, PATH=path)
    assert code == 0 and "  not checked What the page does" in printed


def titles(printed):
    """Return the numbers of the lessons that were checked."""
    return [int(number) for number in re.findall(r"(?m)^(\d\d) · ", printed)]


def test_check_alone_stops_where_you_are(project):
    project.flask("start", "3")
    code, printed = project.flask("check", *PLENTY)
    assert code == 1
    assert titles(printed) == [1, 2, 3]
    assert "You are at lesson 3.\n" in printed and "To begin it" not in printed
    assert printed.count("\n  red ") == 1


def test_check_alone_stops_at_a_page_that_nobody_has_checked(project):
    project.flask("start", "4")  # whose server is that of lesson 3, and of lesson 4
    code, printed = project.flask("check", "--no-browser", *PLENTY)
    assert code == 1
    assert titles(printed) == [1, 2, 3]
    assert (
        "\n  the server's part is green, and the page's part is not checked\n"
        in printed
    )
    assert "You are at lesson 3, unless its page is green too." in printed
    assert "run flask run and open http://127.0.0.1:8000/lessons/\n" in printed


@pytest.mark.usefixtures("chromium")
def test_check_alone_checks_pages_where_it_can(project):
    project.keep_lessons(3, 4, 5)
    project.flask("start", "5")
    code, printed = project.flask("check", *PLENTY)
    assert code == 1
    assert titles(printed) == [3, 4, 5]
    assert printed.count("\n  green\n") == 2
    assert "You are at lesson 5.\n" in printed
    project.flask("start", "4")  # with a page that decodes each piece by itself
    code, printed = project.flask("check", *PLENTY)
    assert code == 1
    assert titles(printed) == [3, 4]
    assert "You are at lesson 4." in printed


def test_check_alone_is_green_when_all_is(project):
    project.keep_lessons(1)
    project.write(program(1))
    code, printed = project.flask("check", *PLENTY)
    assert code == 0 and "\n  green\n" in printed
    assert printed.endswith("\nAll that was checked is green.\n")
    assert "not checked" not in printed


def test_check_alone_names_what_it_has_passed_over(project):
    project.keep_lessons(1, 2)
    project.write(program(2))
    project.write(program(2, "client.py"), "client.py")
    code, printed = project.flask("check", *PLENTY)
    assert (
        code == 0
        and "Not checked, because a later lesson has changed it: lesson 1." in printed
    )


@pytest.mark.parametrize(("number", "later"), [(11, 12), (12, 15), (15, 16)])
def test_check_alone_passes_over_the_wires_that_are_not_spoken(project, number, later):
    [lesson] = project.folder.glob(f"lessons/{number:02}-*")
    shutil.copytree(lesson, project.mine)
    project.keep_lessons(1, 2, 9, number, later)
    code, printed = project.flask("check", "--no-browser", *PLENTY)
    assert code == 1
    earlier = [each for each in (1, 2, 9) if each < number]
    assert titles(printed) == [*earlier, number]
    assert printed.count("\n  moved on\n") == len(earlier)
    assert f"You are at lesson {number}, unless its page is green too." in printed


def test_from_lesson_9_on_check_alone_says_that_it_wants_a_number(project):
    project.keep_lessons(2, 9)
    project.write(program(2))
    project.write(program(2, "client.py"), "client.py")
    code, printed = project.flask("check", *PLENTY)
    assert code == 1 and "You are at lesson 9." in printed
    assert "give the number of your lesson, as in flask check 12" in printed


def test_what_is_left_behind_is_called_so(project):
    project.write(program(3))
    project.flask("start", "4")
    code, printed = project.flask("check", "2")
    assert code == 0 and "\n  moved on    client.py does not mistake" in printed
    assert "Moved on: a later lesson changed this" in printed


def test_the_cases_of_a_check_have_names_of_their_own(project):
    project.flask("start", "6")
    _, printed = project.flask("check", "6")
    assert "its own status: ModelRateLimitError\n" in printed
    listed = re.findall(r"(?m)^  (?:green|red|not checked) +(\w.+)$", printed)
    assert len(listed) == len(set(listed)) > 12


def test_check_of_a_lesson_that_is_long_past_is_not_green(project):
    project.flask("start", "3")
    code, printed = project.flask("check", "1")
    assert code == 1 and "To begin this lesson again, run flask start 1." in printed
    assert "moved on" in printed and "\n  green" not in printed


WATCHED = {  # what a check that is watched says, and its outcomes
    "Nothing was checked. To begin this lesson again": ["moved on", "moved on"],
    "Everything is green.": ["green", "green"],
    "Moved on: a later lesson changed this": ["green", "moved on"],
}


@pytest.mark.parametrize("said", WATCHED)
def test_a_watched_lesson_that_is_long_past_is_not_green(monkeypatch, capsys, said):
    found = [SimpleNamespace(outcome=outcome) for outcome in WATCHED[said]]
    monkeypatch.setattr(commands, "checks_and_memory", lambda *_: found)
    commands.check_briefly(all_lessons()[1], False, False, 5)
    printed = capsys.readouterr().out
    assert f"\n{said}" in printed
    assert ("Everything is green." in printed) == ("green" in WATCHED[said])


def test_the_first_line_comes_while_the_checks_still_run(project):
    project.write("while True: pass\n")
    command = [sys.executable, "-m", "flask", "check", "1", "--seconds", "5"]
    with subprocess.Popen(
        command, cwd=project.folder, stdout=subprocess.PIPE, encoding="utf-8"
    ) as running:
        assert "checking mine/" in running.stdout.readline()
        assert running.poll() is None
        running.terminate()


def test_a_template_that_is_missing_is_named(project):
    project.flask("start", "4")
    (project.mine / "templates" / "index.html").unlink()
    said = "There is no mine/templates/index.html. The lesson's notes show that file."
    assert said in project.red("3")


def test_a_file_beside_it_that_is_missing_is_named(project):
    project.write(f'open("mine/sentences.json")\n{program(2)}')
    assert "There is no mine/sentences.json. The lesson's notes" in project.red("2")


def test_a_module_that_is_missing_is_named(project):
    project.write(f"from .stream import Stream\n{program(2)}")
    assert project.red("2").startswith(
        "mine/app.py, line 1: There is no mine/stream.py. The lesson's notes"
    )


def test_a_program_may_have_modules_of_its_own(project):
    head, pieces = program(2).split("def pieces")
    project.write(f"from .words import pieces\n{head}")
    setup = "from models import choose_model\n\nmodel = choose_model()\n\n\n"
    project.write(f"{setup}def pieces{pieces}", "words.py")
    project.write(program(2, "client.py"), "client.py")
    assert project.flask("check", "2")[1].endswith("Everything is green.\n")


@pytest.mark.usefixtures("chromium")
def test_a_page_that_hangs_the_browser_is_named(project):
    project.flask("start", "4")
    page = project.mine / "static" / "page.js"
    text = page.read_text(encoding="utf-8")
    page.write_text(text.replace("event.prev", "while (true);\n  event.prev"), "utf-8")
    for lesson in project.folder.glob("lessons/03-*"):
        (lesson / "check.py").write_text("def test_nothing(): pass", encoding="utf-8")
    said = project.red("--browser", "--seconds", "6", "3")
    assert said.startswith("mine/static/page.js did not finish within 6 s")


def test_a_program_that_does_not_parse_is_named_with_its_line(project):
    project.write("import flask\n\nprint('hello'\n")
    assert project.red("1") == "mine/app.py, line 3: SyntaxError: '(' was never closed."


def test_a_program_that_breaks_on_import_is_named_with_its_line(project):
    text, line = with_line(program(1), "choose_model()", "choose_modle()")
    project.write(text)
    said = f"mine/app.py, line {line}: NameError: name 'choose_modle' is not"
    assert project.red("1").startswith(said)


def test_a_program_that_ends_python_is_named(project):
    project.write("import os\nos._exit(0)\n")
    said = "The program in mine/ ended Python itself. Look for a call of os._exit()."
    assert project.red("1") == said
    view = "    prompt = request"
    text = program(2).replace(view, f"    import os; os._exit(0)\n{view}", 1)
    project.write(text)
    assert project.red("2") == said


def test_a_program_without_an_app_is_named(project):
    project.write("print('hello')\n")
    assert project.red("1") == "mine/app.py has no app. Write app = Flask(__name__)."


def test_a_file_that_is_missing_is_named(project):
    project.write(program(1))
    (project.mine / "app.py").unlink()
    assert "There is no mine/app.py" in project.red("1")
    project.write(program(1))
    (project.mine / "__init__.py").unlink()
    assert "There is no mine/__init__.py" in project.red("1")


def with_line(text, line, instead):
    """Return a program with another line for one, and the number of that line."""
    before, _, after = text.partition(line)
    assert after, f"there is no line {line}"
    indent = " " * (len(before) - len(before.rstrip(" ")))
    number = before.count("\n") + 1
    return before + instead.replace("\n", f"\n{indent}") + after, number


SPINS = with_line(program(1), "print(printable", "while True: pass\nprint(printable")
NEVER_ENDS = (
    "did not finish within 3 s. Look for a loop that never ends, or for code that"
    " waits for something that never comes."
)


@pytest.mark.parametrize(
    ("text", "line"), [("while True: 1\n", 1), SPINS], ids=["on import", "when asked"]
)
def test_the_line_of_a_loop_that_never_ends_is_named(project, text, line):
    project.write(text)
    said = f"mine/app.py, line {line}, {NEVER_ENDS}"
    assert project.red("1", "--seconds", "3") == said


def test_the_line_of_a_generator_that_never_ends_is_named(project):
    text, line = with_line(program(2), "yield chunk", "while True: yield chunk")
    project.write(text)
    said = f"mine/app.py, line {line}, {NEVER_ENDS}"
    assert project.red("2", "--seconds", "3") == said


GROWS = "numbers = []\nwhile True: numbers.append(1.5 * len(numbers))\n"
YIELDS = with_line(program(2), "yield chunk", "while True: yield 1000 * chunk")
TOO_MUCH = "Look for a list that keeps growing, or for a loop that keeps yielding."


THREADED = """
from queue import Queue
from threading import Thread
from flask import Flask, Response
from models import choose_model

app = Flask(__name__)
model = choose_model()

def work(queue):
    queue.put(model.stream("Hello?").nothing)

@app.post("/ask")
def ask():
    queue = Queue()
    thread = Thread(target=work, args=[queue])
    thread.start()
    return Response(ANSWER, mimetype="text/plain")
"""


DIED = "This ended a thread. mine/app.py, line 11: AttributeError:"


def test_what_a_thread_has_died_of_that_is_waited_for_is_said(project):
    project.write(THREADED.replace("ANSWER", "iter(queue.get, None)"))
    message = project.red("2", "--seconds", "3")
    assert message.startswith(DIED)
    assert message.endswith("Anything that waits for that thread waits forever.")


def test_what_a_thread_has_died_of_is_shown_below_what_is_red(project):
    project.write(THREADED.replace("ANSWER", 'thread.join() or ""'))
    _, printed = project.flask("check", "2", *PLENTY)
    assert f"| {DIED}" in printed


@pytest.mark.skipif(os.name == "nt", reason="Windows bounds no memory")
@pytest.mark.parametrize(
    ("text", "line"), [(GROWS, 2), YIELDS], ids=["a list", "a generator"]
)
def test_a_program_that_takes_more_and_more_memory_is_stopped(project, text, line):
    project.write(text)
    said = f"mine/app.py, line {line}, used more than 1 GB of memory. {TOO_MUCH}"
    assert project.red("2", *PLENTY) == said


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux bounds all memory")
def test_a_program_cannot_take_much_memory_at_once(project):
    project.write(f"room = bytes(3 * 1024**3)\n{program(2)}")
    said = f"mine/app.py, line 1, used more than 1 GB of memory. {TOO_MUCH}"
    assert project.red("2", *PLENTY) == said


FLOODS = with_line(
    program(2), "yield chunk", 'while True: print("x" * 1000)\nyield chunk'
)
SHOUTS = with_line(program(1), "print(printable", "while True: print(printable")


@pytest.mark.skipif(os.name == "nt", reason="Windows sets no limit on a file's size")
@pytest.mark.parametrize(
    ("number", "flood"), [("1", SHOUTS), ("2", FLOODS)], ids=["a command", "a server"]
)
def test_a_program_that_floods_the_disk_is_stopped(project, number, flood):
    text, line = flood
    project.write(text)
    said = "printed or wrote more than 1 MB. Look for a loop that never ends."
    red = project.red(number, *PLENTY)
    assert red.startswith(f"mine/app.py, line {line}, {said}")


def test_what_a_red_program_prints_is_shown(project):
    project.write(program(2).replace("abort(400)", 'print("I was here")'))
    project.write(program(2, "client.py"), "client.py")
    code, printed = project.flask("check", "2")
    assert code == 1 and "| I was here" in printed


# flask check --turn

TURN = """def test_it_says_bye(program):
    assert "bye" in program.__dict__, "Nothing says bye."
"""


@pytest.fixture
def turn(project):
    """Return the turn/ of lesson 2, made for the test; mine/ holds its program."""
    folder = project.folder / "lessons" / "02-a-stream-from-flask" / "turn"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    (folder / "check.py").write_text(TURN, encoding="utf-8")
    project.write(program(2))
    return folder


def test_check_turn_is_red_for_the_lessons_program(project, turn):
    code, printed = project.flask("check", "2", "--turn", *PLENTY)
    assert (code, printed.partition("\n")[0]) == (
        1,
        "02 · A stream from Flask, Your turn: checking mine/",
    )
    assert "red         It says bye" in printed and "Nothing says bye." in printed
    assert "For a hint: flask hint 2" in printed


def test_check_turn_is_green_for_a_solution(project, turn):
    project.write(program(2) + "\nbye = True\n")
    code, printed = project.flask("check", "2", "--turn", *PLENTY)
    assert code == 0 and printed.endswith(
        "green       It says bye\nEverything is green.\n"
    )


def test_check_turn_does_not_call_a_page_green_that_no_browser_has_seen(project, turn):
    (turn / "check.py").rename(turn / "check.js")
    _, printed = project.flask("check", "2", "--turn", "--no-browser")
    assert "not checked What the page does" in printed
    assert "Everything is green" not in printed


def test_check_turn_wants_a_lesson_whose_turn_has_checks(project, turn):
    code, printed = project.flask("check", "--turn")
    assert code == 1 and "flask check --turn 2" in printed
    shutil.rmtree(turn)
    code, printed = project.flask("check", "2", "--turn")
    assert code == 1 and "Your turn of lesson 2 has no checks." in printed


def test_without_pytest_it_says_how_to_get_it(project):
    (project.folder / "sitecustomize.py").write_text(
        "import sys; sys.modules['pytest'] = None", encoding="utf-8"
    )
    project.write(program(1))
    code, printed = project.flask("check", "1", PYTHONPATH=str(project.folder))
    assert code == 1
    assert "-m pip install -r requirements.txt" in printed


@pytest.mark.usefixtures("chromium")
def test_the_page_is_checked_where_chrome_can_be_driven(project):
    project.flask("start", "4")
    code, printed = project.flask("check", "3", *PLENTY)
    assert code == 0 and "green       Markup stays text" in printed
    assert printed.endswith("Everything is green.\n")
    page = project.mine / "static" / "page.js"
    text = page.read_text(encoding="utf-8").replace("answer.append(", "void (")
    page.write_text(text, encoding="utf-8")
    assert "Append the text of value" in project.red("3", "--browser", *PLENTY)


def test_without_a_driver_it_says_what_is_missing(project):
    (project.folder / "sitecustomize.py").write_text(
        "import sys; sys.modules['selenium'] = None", encoding="utf-8"
    )
    project.flask("start", "4")
    code, printed = project.flask(
        "check", "3", "--browser", *PLENTY, PYTHONPATH=str(project.folder)
    )
    assert code == 1 and "\n  red " not in printed
    assert (
        "Selenium is missing. To install it, run python -m pip install selenium"
        in printed
    )
    assert "The server's part is green. The page's part is not checked yet." in printed


# flask hint


def test_hints_come_one_by_one(project):
    code, first = project.flask("hint", "1")
    assert code == 0 and "time.monotonic()" in first and "flask hint 1 2" in first
    assert first.startswith("For Your turn: ") and "run flask check 1" in first
    code, second = project.flask("hint", "1", "2")
    assert code == 0 and "may hold no text" in second and "flask hint" not in second
    code, none = project.flask("hint", "1", "3")
    assert code == 1 and "has only 2 hints" in none


@pytest.mark.parametrize("number", all_lessons())
def test_every_lesson_has_a_hint(number):
    typed = CliRunner().invoke(hint, [str(number)])
    assert typed.exit_code == 0 and typed.output.strip()
    assert not set("`*").intersection(typed.output)  # no Markdown


def test_sentences_lose_their_markdown_and_keep_their_code():
    plain = without_markdown("Press *Stop*: [`abort()`](a.md) ends `yield* ask()`.")
    assert plain == "Press Stop: abort() ends yield* ask()."
    quoted = 'The page shows "`a`": call `show`.'
    assert without_backticks(quoted) == 'The page shows "`a`": call show.'

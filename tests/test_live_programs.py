"""Programs beside the notes: mine/ and the lessons', as they change, loop and break."""

import os
import re
import shutil
import subprocess
import sys
import threading
from contextlib import contextmanager

import pytest
from flask import Flask
from support import LIMIT, ROOT
from support.course import (
    A_PAGE,
    A_SERVER,
    A_TERMINAL,
    HELLO,
    LETTERS,
    PAGE,
    ROOTS,
    begin,
    model_of,
    module_of,
    write,
)
from werkzeug.test import Client

from lessons.course.for_checks.loading import load
from lessons.course.for_checks.scripted_model import ScriptedModel
from lessons.course.live import starting
from lessons.course.live.command_output import command_output
from lessons.course.live.error_response import BrokenProgram
from lessons.course.live.reloading import Program
from lessons.course.live.starting import ProgramImport

# The programs


@pytest.mark.parametrize("network", ["", "bad/"])
def test_a_program_streams_as_it_does_alone(visit, monkeypatch, network):
    visit.get(f"{PAGE}program/")
    model = model_of(A_PAGE, monkeypatch, "one", " two")
    address = f"{PAGE}program/{network}ask"
    answer = visit.post(address, json={"prompt": "Hi"}, buffered=False)
    pieces = (piece for piece in answer.iter_encoded() if piece)
    assert (next(pieces), model.made) == (b"one", 1)
    assert (b"".join(pieces), model.made) == (b" two", 2)


def test_who_leaves_a_program_hangs_up_on_its_model(visit, monkeypatch):
    visit.get(f"{PAGE}program/")
    model = model_of(A_PAGE, monkeypatch, "one", " two", " three")
    answer = visit.post(f"{PAGE}program/ask", json={"prompt": "Hi"}, buffered=False)
    next(answer.iter_encoded())
    answer.close()
    assert model.closed.wait(LIMIT) and model.closed_early


def test_a_lesson_without_a_program_runs_the_root(visit):
    assert "<title>Word by Word</title>" in visit.get(f"{ROOTS}program/").text


def test_programs_do_not_share_what_is_theirs(visit, mine):
    write(mine, app=HELLO)
    assert visit.get(f"{PAGE}program/").text != visit.get(f"{PAGE}mine/").text
    assert visit.get(f"{PAGE}program/static/page.js").status_code == 200
    assert visit.get(f"{PAGE}mine/static/page.js").status_code == 404
    lesson = ROOT / "lessons" / A_PAGE
    assert module_of(lesson).app is not module_of(mine).app


def test_mine_is_imported_again_when_it_changes(visit, mine):
    write(mine, app=HELLO)
    assert "Hello" in visit.get(f"{PAGE}mine/").text
    before = module_of(mine)
    visit.get(f"{PAGE}mine/")
    assert module_of(mine) is before
    write(mine, app=HELLO.replace("Hello", "Hallo"))  # of the same size, at once
    assert "Hallo" in visit.get(f"{PAGE}mine/").text
    then = (mine / "app.py").stat().st_mtime_ns
    write(mine, app=HELLO.replace("Hello", "Hullo"))
    os.utime(mine / "app.py", ns=(then, then))  # as on a disk that counts in seconds
    assert "Hullo" in visit.get(f"{PAGE}mine/").text


def test_a_module_of_mine_is_imported_again_when_it_changes(visit, mine, monkeypatch):
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    text = HELLO.replace('"<title>Mine</title>Hello"', "word")
    write(mine, app=f"from .words import word\n{text}")
    for word in "Hello", "Hallo":  # of the same size, at once
        write(mine, words=f"word = {word!r}\n")
        assert word in visit.get(f"{PAGE}mine/").text


def test_mine_shows_its_new_template(visit, mine):
    shutil.copytree(ROOT / PAGE[1:], mine, dirs_exist_ok=True)
    visit.get(f"{PAGE}mine/")
    (mine / "templates" / "index.html").write_text("Another", encoding="utf-8")
    assert visit.get(f"{PAGE}mine/").text == "Another"


ENDS = HELLO.replace("return", "raise SystemExit(1); return")
NAMELESS = HELLO.replace("return", "print(nothing); return")
BROKEN = {
    "app = Flask(": "mine/app.py, line 1: SyntaxError: '(' was never closed",
    "\nimport flusk\n": "mine/app.py, line 2: ModuleNotFoundError: No module named",
    "raise SystemExit('MODEL=x: write it.')": "MODEL=x: write it.",
    "ap = 5": "mine/app.py has no app. Write app = Flask(__name__).",
    NAMELESS: "mine/app.py, line 8: NameError: name 'nothing' is not defined",
    "from .words import a": "mine/app.py, line 1: There is no mine/words.py. The",
    "from .app import a": "ImportError: cannot import name 'a' from partially"
    " initialized module 'mine.app'",
    "import sys\nsys.exit(1)": "mine/app.py, line 2: SystemExit: 1.",
    "raise KeyboardInterrupt": "mine/app.py, line 1: KeyboardInterrupt: no further",
    ENDS: "mine/app.py, line 8: SystemExit: 1.",
}


def said_of(visit, mine, text):
    """Return the sentence for a program of that text."""
    write(mine, app=text)
    return visit.get(f"{PAGE}mine/").json["error"]


@pytest.mark.parametrize("text", ["from words import a", "import words"])
def test_a_forgotten_dot_is_said(visit, mine, text):
    write(mine, words="a = 1")
    said = said_of(visit, mine, text)
    assert "words.py is in mine/. Write a dot before its name, as in from .wo" in said
    assert "pip" not in said


def test_no_package_is_named_that_no_lesson_uses(visit, mine, monkeypatch):
    monkeypatch.setitem(sys.modules, "flask_cors", None)  # as if it were missing
    said = said_of(visit, mine, "import flask_cors")
    assert said.endswith(
        "It is a package. To install it, run python -m pip install flask-cors."
    )
    for text in "from stream import Stream", "import flusk.app", "import word_by_word":
        said = said_of(visit, mine, text)
        assert "No lesson uses a package with that name" in said and "pip" not in said


@pytest.mark.parametrize(("text", "sentence"), BROKEN.items())
def test_what_is_broken_in_mine_is_said_in_one_sentence(visit, mine, text, sentence):
    write(mine, app=text)
    page = visit.get(f"{PAGE}mine/", headers={"Accept": "text/html"})
    assert page.status_code == 500
    said = re.search('<p role="alert".*?>(.+)</p>', page.text)[1]
    assert sentence in said.replace("&#39;", "'")
    assert "Traceback" not in page.text and "lessons/" not in said
    answer = visit.get(f"{PAGE}mine/")
    assert sentence in answer.json["error"]
    write(mine, app=HELLO)
    assert visit.get(f"{PAGE}mine/").status_code == 200


def test_a_file_that_is_not_utf_8_is_named(visit, mine):
    shutil.copytree(ROOT / PAGE[1:], mine, dirs_exist_ok=True)
    for name, added, kind in [
        ("app.py", 'word = "é"\n', "file"),
        ("templates/index.html", "<p>é</p>\n", "template"),
    ]:
        path = mine / name
        right = path.read_text(encoding="utf-8")
        for encoding in "utf-16", "latin-1":
            path.write_text(right + added, encoding)
            said = visit.get(f"{PAGE}mine/").json["error"]
            assert f"The {kind} is not encoded in UTF-8." in said, encoding
        path.write_text(right, encoding="utf-8")
    assert visit.get(f"{PAGE}mine/").status_code == 200


def test_before_anything_was_started_mine_says_what_to_do(visit, mine):
    mine.rmdir()
    for lesson in A_PAGE, LETTERS:
        said = visit.get(f"/lessons/{lesson}/mine/").json["error"]
        assert f"flask start {int(lesson[:2])}." in said


def test_what_breaks_in_a_generator_is_said_too(visit, mine):
    write(
        mine,
        app="""from flask import Flask, request
app = Flask(__name__)
@app.post("/ask")
def ask():
    return pieces()
def pieces():
    yield request.get_json()["prompt"]
""",
    )
    answer = visit.post(f"{PAGE}mine/ask", json={"prompt": "Hi"})
    assert answer.status_code == 500
    said = "mine/app.py, line 7: RuntimeError: Working outside of request context"
    assert said in answer.json["error"]


def test_a_program_may_keep_its_request_while_it_streams(visit, mine):
    write(
        mine,
        app="""from flask import Flask, request, stream_with_context
app = Flask(__name__)
@app.post("/ask")
def ask():
    return stream_with_context(request.get_json()["prompt"] for _ in range(3))
""",
    )
    assert visit.post(f"{PAGE}mine/ask", json={"prompt": "Hi"}).text == "HiHiHi"


def test_mine_keeps_and_reads_objects_of_its_own(visit, mine):
    write(
        mine,
        app=f"""import pickle
from .words import Word
{HELLO.replace('return "', 'return pickle.loads(pickle.dumps(Word("Hi"))).text + "')}
""",
        words="""from dataclasses import dataclass
@dataclass
class Word:
    text: str
""",
    )
    assert visit.get(f"{PAGE}mine/").text == "Hi<title>Mine</title>Hello"


@pytest.mark.skipif(os.name == "nt", reason="makes links the POSIX way")
def test_a_lock_file_of_an_editor_is_passed_over(visit, mine):
    write(mine, app=HELLO)
    (mine / ".#app.py").symlink_to("ada@laptop.1234:1700000000")
    assert "Hello" in visit.get(f"{PAGE}mine/").text


@pytest.mark.skipif(os.name == "nt", reason="makes links the POSIX way")
def test_a_folder_may_be_called_as_a_package_is(tmp_path, visit):
    folder, link = tmp_path / "flask", tmp_path / "work"
    folder.mkdir()
    link.symlink_to(folder)
    write(folder, app=HELLO)
    assert "Hello" in Client(Program(link)).get("/").text
    assert sys.modules["flask"].Flask is Flask
    assert visit.get(f"{PAGE}program/").status_code == 200


def test_a_check_takes_a_folder_that_is_called_as_a_package_is(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", [*sys.path])
    folder = tmp_path / "flask"
    folder.mkdir()
    write(folder, app=HELLO, __init__="")
    assert load(folder, ScriptedModel()).app.test_client().get("/").status_code == 200
    assert sys.modules["flask"].Flask is Flask


def test_who_comes_while_mine_is_imported_waits_for_that(site, mine):
    """A second import would meet the first at the barrier."""
    write(
        mine,
        app=f"""from threading import Barrier, BrokenBarrierError
import sys
try:
    sys.modules["barrier"].wait(1)
except BrokenBarrierError:
    pass
{HELLO}""",
    )
    sys.modules["barrier"] = barrier = threading.Barrier(2)
    try:
        both = [begin(site.test_client().get, f"{PAGE}mine/") for _ in range(2)]
        pages = [each.result(LIMIT).text for each in both]
    finally:
        del sys.modules["barrier"]
    assert barrier.broken
    assert pages == ["<title>Mine</title>Hello"] * 2


@pytest.mark.parametrize("kind", ["500", "HTTPException", "InternalServerError"])
def test_a_program_may_answer_its_own_bugs(visit, mine, kind):
    text = NAMELESS.replace("app = ", "from werkzeug.exceptions import *\napp = ")
    own = f"""@app.errorhandler({kind})
def bug(error):
    return "We are sorry.", 500
"""
    write(mine, app=text + own)
    answer = visit.get(f"{PAGE}mine/")
    assert (answer.status_code, answer.text) == (500, "We are sorry.")


# Loops that never end


@pytest.fixture
def impatient(monkeypatch):
    """Return a context in which an import may take a moment only."""

    @contextmanager
    def impatient():
        with monkeypatch.context() as patch:
            patch.setattr(starting, "IMPORT_SECONDS", 0.2)
            yield

    return impatient


def ends(threads):
    """Wait for threads to end; return whether they all did."""
    for thread in threads:
        thread.join(LIMIT)
    return not any(thread.is_alive() for thread in threads)


def imports_that_run():
    """Return the threads in which a program is being imported."""
    return [each for each in threading.enumerate() if isinstance(each, ProgramImport)]


LOOP = "while True:\n    pass\n"
LOOPS = {
    "a loop": {"app": LOOP},
    "a loop that catches errors": {
        "app": """while True:
    try:
        len("")
    except Exception:
        pass
"""
    },
    "a loop in a module": {"app": "from .words import word", "words": LOOP},
}


@pytest.mark.parametrize("files", LOOPS.values(), ids=LOOPS)
def test_a_loop_in_mine_is_ended_and_found(visit, mine, impatient, files):
    write(mine, **files)
    with impatient():
        said = visit.get(f"{PAGE}mine/").json["error"]
    assert said.startswith(f"mine/{[*files][-1]}.py, line ")
    assert said.endswith("it ran for 0.2 s. Look for a loop that never ends.")
    assert ends(imports_that_run())
    write(mine, app=HELLO)
    assert visit.get(f"{PAGE}mine/").status_code == 200


EVENT = "sys.modules['event']"


@pytest.fixture
def event(monkeypatch):
    """Return an Event for a program, too, which finds it as sys.modules["event"]."""
    event = threading.Event()
    monkeypatch.setitem(sys.modules, "event", event)
    yield event
    event.set()


def test_an_import_that_cannot_be_ended_holds_up_nobody(visit, mine, impatient, event):
    write(mine, app=f"import sys\n{EVENT}.wait()")
    with impatient():
        said = visit.get(f"{PAGE}mine/").json["error"]
    assert said.endswith("Look for a loop that never ends.")
    assert visit.get(f"{PAGE}program/").status_code == 200
    write(mine, app=HELLO)
    assert visit.get(f"{PAGE}mine/").status_code == 200
    waiting = imports_that_run()
    assert waiting
    event.set()
    assert ends(waiting)
    assert "Hello" in visit.get(f"{PAGE}mine/").text


def test_a_slow_package_is_imported_whole(
    visit, mine, impatient, event, tmp_path, monkeypatch
):
    monkeypatch.syspath_prepend(tmp_path)
    write(tmp_path, slow_package=f"import sys\nwhile not {EVENT}.wait(0.01):\n    pass")
    write(mine, app=f"import slow_package\n{HELLO}")
    with impatient():
        said = visit.get(f"{PAGE}mine/").json["error"]
    assert "did not start within 0.2 s" in said
    slow = imports_that_run()
    event.set()
    assert ends(slow)
    assert "Hello" in visit.get(f"{PAGE}mine/").text
    assert "slow_package" in sys.modules


SPINS = f"""import sys
from flask import Flask
from langchain_core.runnables import RunnableLambda
app = Flask(__name__)
@app.get("/")
def index():
    RunnableLambda(spin).invoke("Hi")  # LangChain's errors lose their words
def spin(prompt):
    {EVENT}.set()
    while True:
        pass
@app.get("/stream")
def stream():
    yield "one"
    {EVENT}.set()
    while True:
        try:
            len("")
        except Exception:
            pass
"""


def test_a_view_that_never_ends_is_ended_when_mine_changes(site, mine, event):
    write(mine, app=SPINS)
    spinning = begin(site.test_client().get, f"{PAGE}mine/")
    assert event.wait(LIMIT)
    write(mine, app=HELLO)
    assert site.test_client().get(f"{PAGE}mine/").status_code == 200
    error = spinning.result(LIMIT).json["error"]
    assert error.startswith("mine/app.py, line ")
    assert "FilesChanged: its files have changed" in error


def test_an_answer_that_never_ends_breaks_off_when_mine_changes(site, mine, event):
    write(mine, app=SPINS)
    answer = site.test_client().get(f"{PAGE}mine/stream")
    pieces = answer.iter_encoded()
    assert next(pieces) == b"one"
    spinning = begin(next, pieces)
    assert event.wait(LIMIT)
    write(mine, app=HELLO)
    assert site.test_client().get(f"{PAGE}mine/").status_code == 200
    with pytest.raises(BrokenProgram, match="its files have changed"):
        spinning.result(LIMIT)


def test_a_change_of_mine_ends_no_other_program(visit, mine, monkeypatch):
    write(mine, app=HELLO)
    visit.get(f"{PAGE}mine/")
    visit.get(f"{PAGE}program/")
    gate = threading.Event()
    model_of(A_PAGE, monkeypatch, "one", gate, " two")
    address = f"{PAGE}program/ask"
    answer = visit.post(address, json={"prompt": "Hi"}, buffered=False)
    pieces = answer.iter_encoded()
    assert next(pieces) == b"one"
    rest = begin(b"".join, pieces)
    write(mine, app=HELLO.replace("Hello", "Hallo"))
    assert "Hallo" in visit.get(f"{PAGE}mine/").text
    gate.set()
    assert rest.result(LIMIT) == b" two"


# What would end the server


def test_os_exit_in_mine_does_not_end_the_course(visit, mine):
    write(mine, app="import os\ntry:\n    os._exit(3)\nexcept Exception:\n    pass")
    said = visit.get(f"{PAGE}mine/").json["error"]
    assert said.startswith("mine/app.py, line 3: WouldEndTheServer: os._exit() would")
    write(mine, app="import os\n" + HELLO.replace("return", "os._exit(3); return"))
    said = visit.get(f"{PAGE}mine/").json["error"]
    assert said.startswith("mine/app.py, line 9: WouldEndTheServer: os._exit() would")


def test_os_exit_in_a_generator_breaks_its_answer_off(visit, mine):
    write(
        mine,
        app="""import os
from flask import Flask
app = Flask(__name__)
@app.get("/")
def index():
    yield "one"
    os._exit(3)
""",
    )
    answer = visit.get(f"{PAGE}mine/", buffered=False)
    pieces = answer.iter_encoded()
    assert next(pieces) == b"one"
    with pytest.raises(BrokenProgram, match="line 7: WouldEndTheServer"):
        next(pieces)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_process_that_mine_forks_off_may_end(visit, mine):
    write(
        mine,
        app=f"""import os, signal, warnings
warnings.simplefilter("ignore")
child = os.fork()
if not child:
    try:
        os._exit(3)
    finally:
        os.kill(os.getpid(), signal.SIGKILL)
ended = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
{HELLO.replace('"<title>', 'f"{ended} <title>')}""",
    )
    assert visit.get(f"{PAGE}mine/").text.startswith("3 ")


def test_os_exit_ends_python_where_no_program_calls_it():
    script = "import os; from lessons.course.live.exit_guard import guard_exit; "
    script += "guard_exit(); os._exit(5)"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=False)
    assert done.returncode == 5


def test_the_words_of_a_provider_stay_here(visit, mine, caplog):
    write(
        mine,
        app="""from flask import Flask
from langchain_core.runnables import RunnableLambda
app = Flask(__name__)
@app.get("/")
def index():
    return RunnableLambda(fail).invoke("Hi")
def fail(prompt):
    raise PermissionError("sk-the-key is wrong")
""",
    )
    answer = visit.get(f"{PAGE}mine/")
    said = "mine/app.py, line 8: PermissionError: the model failed."
    assert answer.json["error"] == said
    assert "sk-the-key" not in answer.text + caplog.text


SECRETS = {
    "OPENAI_API_KEY": "sk-proj-1234567890",
    "LANGSMITH_API_KEY": "lsv2-1234567890",
    "SESSION_TOKEN": "eyJhbGciOiJIUzI1NiJ9",
    "DATABASE_URL": "postgres://ada:lovelace@db.example/words",
}


@pytest.mark.parametrize("where", ["on import", "in the view"])
@pytest.mark.parametrize("setting", SECRETS)
def test_a_secret_setting_stays_here(visit, mine, caplog, monkeypatch, setting, where):
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    fail = f"raise ValueError('I was given ' + os.environ['{setting}'])"
    broken = HELLO.replace("    return", f"    {fail}\n    return")
    if where == "on import":
        broken = f"{HELLO}\n{fail}\n"
    write(mine, app=f"import os\n{broken}")
    answer = visit.get(f"{PAGE}mine/")
    assert f"I was given ({setting})" in answer.json["error"]
    assert SECRETS[setting] not in answer.text + caplog.text


# A program without a page


def test_a_terminal_program_prints_in_the_pane(visit):
    here = f"/lessons/{A_TERMINAL}/program/"
    assert f"flask --app lessons/{A_TERMINAL}/app ask" in visit.get(here).text
    answer = visit.post(f"{here}ask", json={"prompt": "/echo --help Tragödie"})
    assert answer.text == "--help Tragödie\n\n4 chunks, 15 characters\n"


@pytest.mark.slow
def test_a_prompt_is_never_an_option(visit):
    answer = visit.post(f"/lessons/{A_TERMINAL}/program/ask", json={"prompt": "--xy"})
    assert "Error" not in answer.text and "chunks" in answer.text


@pytest.mark.parametrize("prompt", [None, 5, ["a"], "a\0b", "a" * 5000])
def test_a_terminal_program_takes_a_short_string_only(visit, prompt):
    here = f"/lessons/{A_TERMINAL}/program/"
    assert visit.post(f"{here}ask", json={"prompt": prompt}).status_code == 400
    assert visit.get(f"{here}ask").status_code == 405


def test_a_terminal_program_reads_no_long_body(visit):
    here = f"/lessons/{A_TERMINAL}/program/"
    long = {"prompt": "Hi", "more": "x" * 70_000}
    assert visit.post(f"{here}ask", json=long).status_code == 413


def test_a_server_without_a_page_gets_one(visit):
    here = f"/lessons/{A_SERVER}/program/"
    assert 'data-bar="|"' in visit.get(here).text
    answer = visit.post(f"{here}ask", json={"prompt": "/echo Tragödie"})
    assert answer.text == "Tragödie"


COMMAND = """import os, time, click
from flask import Flask
app = Flask(__name__)
@app.cli.command()
@click.argument("prompt")
def ask(prompt):
    print(os.getpid(), flush=True)
"""


def test_a_command_that_breaks_says_where(mine):
    write(mine, app=COMMAND + "    raise OSError('no')\n")
    *_, end = command_output(mine, "Hi")
    assert end == b"\nmine/app.py, line 8: OSError: no\n"


def test_a_command_that_forgets_to_flush_shows_it(mine, monkeypatch):
    monkeypatch.setenv("PYTHONUNBUFFERED", "1")
    body = "    print('one ', end='')\n    time.sleep(0.2)\n    print('two', end='')\n"
    write(mine, app=COMMAND.replace(", flush=True", ", end=' '") + body)
    (screen,) = command_output(mine, "Hi")
    assert screen.endswith(b" one two")


def test_a_command_that_never_ends_is_stopped(mine, monkeypatch):
    monkeypatch.setattr("lessons.course.live.command_output.SECONDS", 0.2)
    write(mine, app=COMMAND + "    time.sleep(99)\n")
    *_, end = begin(list, command_output(mine, "Hi")).result(LIMIT)
    assert end == b"\nIt was stopped after 0.2 s.\n"


@pytest.mark.skipif(os.name == "nt", reason="asks for a process the POSIX way")
def test_who_leaves_a_command_stops_it(mine):
    write(mine, app=COMMAND + "    time.sleep(99)\n")
    screen = command_output(mine, "Hi")
    pid = int(next(screen))
    os.kill(pid, 0)
    leaving = threading.Thread(target=screen.close, daemon=True)
    leaving.start()
    leaving.join(LIMIT)
    assert not leaving.is_alive()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)

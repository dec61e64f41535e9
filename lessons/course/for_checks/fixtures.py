"""What check.py files use: the program under test, with a model that is scripted.

A pytest plugin: run_checks.py starts pytest with it.
"""

import runpy
import threading
from contextlib import ExitStack, redirect_stderr, redirect_stdout, suppress
from pathlib import Path
from traceback import format_exception
from weakref import ref

import pytest
from flask.cli import ScriptInfo

from lessons.course.for_checks.loading import load
from lessons.course.for_checks.local_server import served
from lessons.course.for_checks.scripted_model import ScriptedModel
from lessons.course.for_checks.watched_sleep import pauses, watch_sleep
from lessons.course.for_checks.watched_terminal import WatchedTerminal


def pytest_configure():
    watch_sleep()  # before a program is loaded, which may import it by its name


class StandIn:
    """The model that the program keeps; each check puts a scripted one behind it."""

    model = ScriptedModel()
    stream_usage = False  # as with OpenAI's, whom nobody has asked to count

    def __getattr__(self, name):
        return getattr(self.model, name)


@pytest.fixture(scope="session")
def folder(pytestconfig):
    """Return the folder of the program."""
    return pytestconfig.option.program


@pytest.fixture(scope="session")
def terminal():
    """Return a terminal to run commands in."""
    return WatchedTerminal()


@pytest.fixture(scope="session")
def program(folder, terminal):
    """Return the program, its app.py as a module."""
    with redirect_stdout(terminal):  # for a program that keeps sys.stdout
        return load(folder, StandIn())


@pytest.fixture
def started_with(program, folder, monkeypatch):
    """Let the program be started again with these lines in its .env; return it."""

    def start(**settings):
        for name, value in settings.items():
            monkeypatch.setenv(name, str(value))
        try:
            started = load(folder, StandIn())
        except SystemExit as stopped:  # number() says which setting it is, and why
            lines = " and ".join(f"{name}={value}" for name, value in settings.items())
            raise AssertionError(
                f"The program does not start with {lines} in .env: {stopped}"
            ) from None
        monkeypatch.setattr(program, "app", started.app)  # whom a client asks
        return started

    return start


@pytest.fixture
def use_model(program):
    """Let the program's model be this one; return it."""
    return let_it_be_the_model


def let_it_be_the_model(model):
    StandIn.model = model
    return model


@pytest.fixture
def answer_with(use_model):
    """Let the program's model answer with this script; return the model."""
    return let_the_model_answer


def let_the_model_answer(*script):
    return let_it_be_the_model(ScriptedModel(*script))


@pytest.fixture
def slept(folder):
    """Return a function: where the program has slept in this check, and for how long.

    That is ("mine/app.py, line 20", 0.25), or None.
    """
    pauses.clear()

    def since_then():
        ours = [pause for pause in pauses if Path(pause.file).is_relative_to(folder)]
        if not ours:
            return None
        file = Path(ours[0].file).relative_to(folder.parent).as_posix()
        place = f"{file}, line {ours[0].line}"
        return place, sum(pause.seconds for pause in ours)

    return since_then


@pytest.fixture
def kept(monkeypatch):
    """Keep the streams, as a traceback or a debugger does: none is closed by chance."""
    streams = []
    make_stream = ScriptedModel.stream

    def keep(model, prompt):
        stream = make_stream(model, prompt)
        streams.append(stream)
        return stream

    monkeypatch.setattr(ScriptedModel, "stream", keep)


@pytest.fixture
def told(caplog, capsys, monkeypatch):
    """Return a function: all that the program has logged and printed, as one text.

    Python prints what a thread dies of, with the words of the exception.
    """
    deaths = []
    usual = threading.excepthook

    def note(death):
        deaths.extend(format_exception(death.exc_value))
        usual(death)

    def all_of_it():
        printed = capsys.readouterr()
        return "\n".join([caplog.text, printed.out, printed.err, *deaths])

    monkeypatch.setattr(threading, "excepthook", note)
    return all_of_it


@pytest.fixture
def client(program):
    """Yield a client that calls the program, without a port between them.

    What a check has not read to its end is closed after it. Otherwise Python would do
    that at some later time, perhaps in the middle of another request, and break that.
    """
    client = program.app.test_client()
    call = client.open
    answers = []

    def open_and_keep(*request, **options):
        answer = call(*request, **options)
        answers.append(ref(answer))  # which lets go of one that a check lets go of
        return answer

    client.open = open_and_keep
    yield client
    for kept in answers:
        answer = kept()
        if answer:
            with suppress(Exception):  # of a program that is wrong: its check says so
                answer.close()


@pytest.fixture
def ask(answer_with, client):
    """POST a prompt to /ask for a scripted answer; return the model and the answer."""

    def post(*script, prompt="Hello?"):
        model = answer_with(*script)
        return model, client.post("/ask", json={"prompt": prompt})

    return post


@pytest.fixture
def lesson_number(request):
    """Return the number of the lesson whose check this is."""
    numbered = [each for each in request.path.parents if each.name[:2].isdecimal()]
    return int(numbered[0].name[:2])  # of the nearest, which is the lesson's folder


@pytest.fixture
def ask_in_terminal(program, terminal, answer_with):
    """Type `flask ask PROMPT` for a scripted answer; return model and screen."""

    def type_in(*script, prompt="Hello?"):
        model = answer_with(*script)
        cli = program.app.cli
        info = ScriptInfo(create_app=lambda: program.app)

        def flask_ask():
            cli.main(["ask", prompt], "flask", standalone_mode=False, obj=info)

        screen = terminal.run(flask_ask, "flask", "ask", prompt)
        return model, screen

    return type_in


@pytest.fixture
def run_client(folder, terminal):
    """Type `python client.py URL Hello?`; return what the terminal shows."""
    path = folder / "client.py"

    def type_in(url):
        assert path.exists(), f"There is no {folder.name}/client.py yet. Create it."

        def python_client():
            try:
                runpy.run_path(str(path), run_name="__main__")
            except SystemExit as end:
                if isinstance(end.code, str):  # sys.exit("why"), which Python prints
                    print(end.code)

        with redirect_stderr(terminal):
            return terminal.run(python_client, "client.py", url, "Hello?")

    return type_in


@pytest.fixture
def serve():
    """Return a function that runs a WSGI app on a free port and returns its address."""
    with ExitStack() as servers:
        yield lambda wsgi_app: servers.enter_context(served(wsgi_app))

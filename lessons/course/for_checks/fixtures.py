"""What check.py files use: the program under test, with a model that is scripted.

A pytest plugin: run_checks.py starts pytest with it.
"""

import os
import runpy
from contextlib import ExitStack, redirect_stderr, redirect_stdout, suppress
from itertools import islice
from pathlib import Path
from threading import Thread
from weakref import ref

import pytest
from flask.cli import ScriptInfo
from langchain_core.messages import AIMessageChunk

from lessons.course.folders import number_of
from lessons.course.for_checks.loading import load
from lessons.course.for_checks.local_server import served
from lessons.course.for_checks.scripted_model import ScriptedModel
from lessons.course.for_checks.watched_sleep import pauses, watch_sleep
from lessons.course.for_checks.watched_terminal import WatchedTerminal

PATIENCE = 3  # seconds to see whose wire a program speaks


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
                f"With {lines} in .env the program does not start: {stopped}"
            ) from None
        monkeypatch.setattr(program, "app", started.app)  # whom a client asks
        return started

    return start


@pytest.fixture
def use_model(program):
    """Let the program's model be this one; return it."""

    def install(model):
        StandIn.model = model
        return model

    return install


@pytest.fixture
def answer_with(use_model):
    """Let the program's model answer with this script; return the model."""

    def install(*script):
        return use_model(ScriptedModel(*script))

    return install


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
def client(program):
    """Yield a client that calls the program, without a port between them.

    What a check has not read to its end is closed after it. Else Python would do that
    at some later time, perhaps in the middle of another request, and break that.
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


@pytest.fixture(scope="session")
def wire(program):
    """Return the number of the lesson whose wire the program speaks; 0: plain text."""
    paths = [rule.rule for rule in program.app.url_map.iter_rules()]
    if any(path.startswith("/v1/") for path in paths):
        return 16 if gives_two_answers(program.app.test_client()) else 15
    found = []

    def ask():
        with suppress(Exception):  # which the checks explain
            found.append(wire_of_ask(program.app.test_client()))

    asking = Thread(target=ask, daemon=True)  # for an answer that never ends
    asking.start()
    asking.join(PATIENCE)
    return found[0] if found else 0


def gives_two_answers(client):
    """Whether a server of the OpenAI wire does as a client asks that wants two."""
    StandIn.model = ScriptedModel("Yes.")
    turn = {"role": "user", "content": "Hello?"}
    question = {"model": "practice", "messages": [turn], "n": 2}
    key = os.environ.get("SERVER_KEY") or "sk-practice"
    headers = {"Authorization": f"Bearer {key}"}
    with suppress(Exception):  # which the checks explain
        answer = client.post("/v1/chat/completions", json=question, headers=headers)
        return len(answer.json["choices"]) == 2
    return False


def wire_of_ask(client):
    """Return the number of the lesson whose wire POST /ask speaks; 0: plain text."""
    thought = AIMessageChunk([{"type": "reasoning", "reasoning": "Hm."}])
    model = ScriptedModel(thought, "Yes.")
    StandIn.model = model
    answer = client.post("/ask", json={"prompt": "Hello?"})
    # A type alone is no wire: in an early lesson it can be a slip.
    if answer.mimetype == "application/jsonl" and answer.text.startswith("{"):
        return 17 if "Hm." in answer.text else 9
    if answer.mimetype == "text/event-stream" and "data: {" in beginning_of(answer):
        return 12
    turn = {"role": "user", "content": "And you?"}
    with suppress(Exception):
        answer.close()
    client.post("/ask", json={"messages": [turn]}).close()
    prompt = model.prompts[-1]
    is_the_body = isinstance(
        prompt, str | dict
    )  # handed on as it came, which is a slip
    return 11 if "And you?" in str(prompt) and not is_the_body else 0


def beginning_of(answer):
    """Return the first pieces of an answer: one that is wrong may never end."""
    pieces = islice(answer.iter_encoded(), 20)
    return b"".join(pieces).decode("utf-8", "replace")


@pytest.fixture
def lesson_number(request):
    """Return the number of the lesson whose check this is."""
    numbered = [each for each in request.path.parents if each.name[:2].isdecimal()]
    return number_of(numbered[0])  # the nearest, which is the lesson's folder


@pytest.fixture(autouse=True)
def not_of_an_earlier_lesson(lesson_number, wire):
    """Pass over a check whose lesson's wire the program has left behind."""
    if wire > lesson_number:
        pytest.skip(f"it speaks the wire of lesson {wire:02}.")


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
        assert path.exists(), f"There is no {folder.name}/client.py yet: write it."

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

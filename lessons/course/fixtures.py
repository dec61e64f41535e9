"""What check.py files use: the program under test, with a model that is scripted.

A pytest plugin. `flask check` starts pytest with it and reads its report, a line of
JSON for each check; an assertion that fails holds the sentence that a student reads.
"""

import io
import json
import os
import runpy
import sys
import threading
from contextlib import ExitStack, redirect_stdout, suppress
from pathlib import Path
from time import monotonic, sleep

import pytest
from flask.cli import ScriptInfo
from langchain_core.messages import AIMessageChunk

from lessons.course.explain import place, sentence_for
from lessons.course.load_program import load
from lessons.course.local_server import served
from lessons.course.run_checks import never_ends
from lessons.course.scripted_model import ScriptedModel

PATIENCE = 3  # seconds that what should come at once may take
REPORT = pytest.StashKey[int]()


class StandIn:
    """The model that the program gets; it hands on to the script in force."""

    model = ScriptedModel()
    stream_usage = False  # as with OpenAI's, whom nobody has asked to count

    def __getattr__(self, name):
        return getattr(self.model, name)


class Terminal(io.TextIOWrapper):
    """A terminal that shows text at the end of a line, or when it is flushed."""

    def __init__(self):
        self.screen = io.BytesIO()
        super().__init__(self.screen, "utf-8", newline="\n", line_buffering=True)
        self.written = ""  # shown, or still to be

    def write(self, text):
        self.written += text
        return super().write(text)

    @property
    def shown(self):
        return self.screen.getvalue().decode()

    def shows(self, text):
        """Wait for the text; return whether it came."""
        until = monotonic() + PATIENCE
        while text not in self.shown and monotonic() < until:
            sleep(0.01)
        return text in self.shown

    def run(self, command, *words):
        """Call a command on a clean screen, with these words as its arguments."""
        self.flush()
        self.screen.truncate(0)
        self.screen.seek(0)
        self.written = ""
        argv, sys.argv = sys.argv, [*words]
        try:
            with redirect_stdout(self), suppress(SystemExit):
                command()
        finally:
            sys.argv = argv
            self.flush()
        return self.shown


@pytest.fixture(scope="session")
def folder(pytestconfig):
    """Return the folder of the program."""
    return pytestconfig.option.program


@pytest.fixture(scope="session")
def terminal():
    """Return a terminal to run commands in."""
    return Terminal()


@pytest.fixture(scope="session")
def program(folder, terminal):
    """Return the program, its app.py as a module."""
    with redirect_stdout(terminal):  # for a program that keeps sys.stdout
        return load(folder, StandIn())


@pytest.fixture
def answer_with(program):
    """Let the program's model answer with this script; return the model."""

    def install(*script):
        StandIn.model = ScriptedModel(*script)
        return StandIn.model

    return install


@pytest.fixture
def kept(monkeypatch):
    """Keep the streams, as a traceback or a debugger does: none is closed by chance."""
    streams, stream = [], ScriptedModel.stream

    def keep(model, prompt):
        streams.append(stream(model, prompt))
        return streams[-1]

    monkeypatch.setattr(ScriptedModel, "stream", keep)


@pytest.fixture
def client(program):
    """Return a client that calls the program in this process."""
    return program.app.test_client()


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
    if any(rule.rule.startswith("/v1/") for rule in program.app.url_map.iter_rules()):
        return 10
    thought = AIMessageChunk([{"type": "reasoning", "reasoning": "Hm."}])
    StandIn.model = model = ScriptedModel(thought, "Yes.")
    client, turn = program.app.test_client(), {"role": "user", "content": "And you?"}
    with suppress(Exception):  # which the checks explain
        answer = client.post("/ask", json={"prompt": "Hello?"})
        if answer.mimetype == "application/jsonl":
            return 11 if "Hm." in answer.text else 7
        if answer.mimetype == "text/event-stream":
            return 9
        client.post("/ask", json={"messages": [turn]})
        return 8 if "And you?" in str(model.prompts[-1]) else 0
    return 0


@pytest.fixture(autouse=True)
def not_of_an_earlier_lesson(request, wire):
    """Pass over a check whose lesson's wire the program has left behind."""
    if wire > int(request.path.parent.name[:2]):
        pytest.skip(f"it speaks the wire of lesson {wire:02}.")


@pytest.fixture
def ask_in_terminal(program, terminal, answer_with):
    """Type `flask ask PROMPT` for a scripted answer; return model and screen."""

    def type_in(*script, prompt="Hello?"):
        model, cli = answer_with(*script), program.app.cli
        info = ScriptInfo(create_app=lambda: program.app)
        words = ["ask", prompt]
        return model, terminal.run(
            lambda: cli.main(words, "flask", standalone_mode=False, obj=info)
        )

    return type_in


@pytest.fixture
def run_client(folder, terminal):
    """Type `python client.py URL Hello?`; return what the terminal shows."""
    path = folder / "client.py"

    def type_in(url):
        assert path.exists(), f"There is no {folder.name}/client.py yet: write it."
        return terminal.run(
            lambda: runpy.run_path(str(path), run_name="__main__"),
            "client.py",
            url,
            "Hello?",
        )

    return type_in


@pytest.fixture
def serve():
    """Return a function that runs a WSGI app on a free port and returns its address."""
    with ExitStack() as servers:
        yield lambda wsgi_app: servers.enter_context(served(wsgi_app))


# The report


def pytest_addoption(parser):
    parser.addoption("--program", type=Path, help="the folder of the program to check")
    parser.addoption("--seconds", type=float, help="how long all checks may take")


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(early_config):
    early_config.stash[REPORT] = os.dup(1)  # before pytest captures what is printed
    return (yield)


def pytest_configure(config):
    config.option.program = config.option.program.resolve()
    watch = threading.Timer(config.option.seconds, give_up, [config])
    watch.daemon = True
    watch.start()


def tell(config, **report):
    os.write(config.stash[REPORT], f"{json.dumps(report)}\n".encode())


def pytest_collectreport(report):
    if report.failed:  # a mistake in check.py itself
        print(report.longreprtext, file=sys.__stderr__)


def pytest_collection_modifyitems(items):
    """Begin with the checks that a check.py imports, each file's in their order."""
    places = {item: (item.function.__code__, str(item.path)) for item in items}
    items.sort(
        key=lambda item: (
            places[item][0].co_filename == places[item][1],
            places[item][0].co_firstlineno,
        )
    )


def pytest_collection_finish(session):
    tell(session.config, sentences=[sentence(item) for item in session.items])


def sentence(item):
    """Return "The text is exact" for test_the_text_is_exact, or its docstring."""
    name, _, case = item.name.removesuffix("]").partition("[")
    words = name.removeprefix("test_").replace("_", " ")
    said = item.function.__doc__ or words[:1].upper() + words[1:]
    return said.strip().rstrip(".") + (f": {case}" if case else "")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if report.failed:
        message = sentence_for(call.excinfo.value, item.config.option.program)
        printed = (report.capstdout + report.caplog)[-1000:]
        outcome = "red"
    elif report.skipped:
        outcome, message, printed = "gone on", call.excinfo.value.msg, ""
    elif call.when == "call":
        outcome, message, printed = "green", "", ""
    else:
        return report
    check = {"outcome": outcome, "message": message, "printed": printed}
    tell(item.config, sentence=sentence(item), **check)
    return report


def give_up(config):
    """Report where in the program it still runs, and end everything."""
    folder, seconds = config.option.program, config.option.seconds
    where = f"{folder.name}/app.py"
    for frame in sys._current_frames().values():
        while frame:
            if found := place(frame.f_code.co_filename, frame.f_lineno, folder):
                where = f"{found},"
                break
            frame = frame.f_back
    tell(config, stuck=never_ends(where, seconds))
    os._exit(1)

"""Lessons 15 and 16: OpenAI's wire, which clients that nobody here wrote can read.

What a client may ask beside an answer is in test_16_what_a_client_may_ask.py.
"""

import importlib
import io
import json
import os
import re
import runpy
import shutil
import subprocess
import sys
import threading
from contextlib import closing, redirect_stdout
from pathlib import Path

import pytest
import requests
from langchain_core import exceptions as failures
from langchain_core.messages import AIMessageChunk
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait
from support import CLIENTS, LIMIT, ROOT
from support.openai_wire import (
    KEY,
    PATH,
    PLENTY,
    USAGE,
    chat,
    choices,
    chunks,
    question,
)
from support.servers import changed, production, running

from lessons.course.for_checks.failing_model import SECRET
from lessons.course.for_checks.scripted_model import ScriptedModel

__all__ = ["chat"]  # a fixture
NAME = "15-the-openai-wire"
NEXT = "16-what-a-client-may-ask"  # whose server does all that the first one does
LESSON = ROOT / "lessons" / NAME
NO_CONNECTION = (
    "The connection to the model failed: see whether it runs there, check the network"
    " and .env, then ask again."
)


@pytest.fixture(params=[NAME, NEXT])
def server(request):
    """Return the module of a lesson's server."""
    return importlib.import_module(f"lessons.{request.param}.app")


first_server = pytest.mark.parametrize("server", [NAME], indirect=True)


@pytest.fixture
def answering(server):
    return server


# The wire


def test_a_short_answer_is_these_bytes(chat):
    _, answer = chat("Tra", "gö", USAGE, stream=True, stream_options={})
    head = r'{"id": "chatcmpl-\w{32}", "object": "chat.completion.chunk", '
    head += r'"created": \d+, "model": "practice", "choices": '
    came, heads = re.subn(head, "HEAD", answer.text)
    assert heads == 4
    assert came == (
        'data: HEAD[{"index": 0, "delta": {"role": "assistant", "content": ""}, '
        '"finish_reason": null}]}\n\n'
        'data: HEAD[{"index": 0, "delta": {"content": "Tra"}, '
        '"finish_reason": null}]}\n\n'
        'data: HEAD[{"index": 0, "delta": {"content": "g\\u00f6"}, '
        '"finish_reason": null}]}\n\n'
        'data: HEAD[{"index": 0, "delta": {}, "finish_reason": "stop"}]}\n\n'
        "data: [DONE]\n\n"
    )
    assert answer.mimetype == "text/event-stream"
    assert answer.headers["Cache-Control"] == "no-store, no-transform"
    assert answer.headers["X-Accel-Buffering"] == "no"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_the_whole_answer_is_one_object(chat):
    _, answer = chat("Tra", "gö")
    assert answer.data.isascii() and answer.json["object"] == "chat.completion"
    message = {"role": "assistant", "content": "Tragö"}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    assert answer.json["choices"] == [choice]


def test_each_piece_leaves_before_the_next_is_made(chat):
    model, answer = chat("one", " two", " three", stream=True)
    came = ""
    for piece in answer.iter_encoded():
        came += piece.decode()
        if said := choices(came)[0]:
            assert model.made == len(said.split())
    assert choices(came) == ("one two three", "stop")


ENDS = {  # what the providers call it, and what OpenAI calls it
    "stop": [
        {"finish_reason": "eos"},
        {"finish_reason": "STOP"},
        {"finish_reason": "COMPLETE"},
        {"stop_reason": "end_turn"},
        {"stop_reason": "stop_sequence"},
        {"status": "completed"},
    ],
    "length": [
        {"finish_reason": "length"},
        {"stop_reason": "max_tokens"},
        {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}},
    ],
    "content_filter": [
        {"finish_reason": "content_filter"},
        {"stop_reason": "refusal"},
    ],
}


@pytest.fixture
def ending_with(answer_with, server):
    """Return a function that asks a model whose answer ends with these metadata.

    It returns the streamed answer and the whole one.
    """

    def ask(metadata, text="one"):
        chunks = [AIMessageChunk(text), AIMessageChunk("", response_metadata=metadata)]
        answer_with().stream = lambda prompt: (chunk for chunk in chunks)
        client = server.app.test_client()
        streamed = client.post(PATH, json=question(stream=True), headers=KEY)
        return streamed, client.post(PATH, json=question(), headers=KEY)

    return ask


@pytest.mark.parametrize(
    ("metadata", "reason"),
    [(metadata, reason) for reason in ENDS for metadata in ENDS[reason]],
)
def test_why_the_model_ended_is_said(ending_with, metadata, reason):
    streamed, whole = ending_with(metadata)
    assert choices(streamed.text) == ("one", reason)
    assert whole.json["choices"][0]["finish_reason"] == reason


NO_ENDS = {  # what is no end, and what the sentence says of it
    "nothing at all": ({}, "stopped before its answer was whole"),
    "a word that nobody knows": ({"finish_reason": "?"}, "stopped before its answer"),
    "a call": ({"finish_reason": "tool_calls"}, "wanted to call a tool"),
}


@pytest.mark.parametrize(("metadata", "words"), NO_ENDS.values(), ids=NO_ENDS)
def test_an_answer_without_a_good_reason_has_failed(ending_with, metadata, words):
    streamed, whole = ending_with(metadata)
    assert words in chunks(streamed.text)[-1]["error"]["message"]
    assert choices(streamed.text)[0] == "one"
    assert whole.status_code == 502 and words in whole.json["error"]["message"]


@pytest.mark.parametrize("metadata", [end for ends in ENDS.values() for end in ends])
def test_an_answer_without_a_word_has_failed_whatever_its_reason(ending_with, metadata):
    for answer in ending_with(metadata, text=""):
        assert answer.status_code == 502


def test_the_roles_and_the_parts_reach_the_model(chat):
    parts = [{"type": "text", "text": "Hel"}, {"type": "text", "text": "lo?"}]
    turns = [
        {"role": "system", "content": "Be brief."},
        {"role": "developer", "content": "Be kind."},
        {"role": "assistant", "content": "Hi."},
        {"role": "user", "content": parts, "name": "Ada"},
    ]
    model, answer = chat("one", messages=turns, temperature=[], unknown={"a": 1})
    assert answer.status_code == 200
    assert model.prompts == [
        [
            ("system", "Be brief."),
            ("system", "Be kind."),
            ("assistant", "Hi."),
            ("user", "Hello?"),
        ]
    ]


def test_what_clients_really_send_passes(chat):
    said = {"role": "assistant", "content": "Hi.", "refusal": None, "audio": None}
    said |= {"annotations": [], "function_call": None, "tool_calls": None}
    part = {"type": "text", "text": "Hello?", "cache_control": {"type": "ephemeral"}}
    model, answer = chat(
        "one",
        messages=[
            {"role": "system", "content": ""},
            {"role": "assistant", "content": "", "tool_calls": []},
            said,  # as a client keeps what it got
            {"role": "user", "content": [part], "name": None},
        ],
        stream=True,
        stream_options={"include_usage": None, "include_obfuscation": False},
        temperature=1,
        top_p=None,
        stop=None,
        n=None,
        tools=[],
        tool_choice="none",
        response_format={"type": "text"},
        user="Ada",
        metadata={},
    )
    assert answer.status_code == 200, answer.text
    assert [text for _, text in model.prompts[0]] == ["", "", "Hi.", "Hello?"]


# What is refused


WRONG = {
    "model": [None, 5, ["practice"]],
    "messages": [None, [], {}, "Hi", 5, [5], [None], [{"role": "user"}]],
    "stream": ["yes", 1, []],
    "tools": [[{"type": "function"}], {}],
    "functions": [[{"name": "add"}]],
}
CONTENTS = [None, 5, [5], {}, [{"type": "image_url"}], [{"type": "text"}], "\ud800"]
CONTENTS += [[{"type": "text", "text": 5}], [{"type": [], "text": "Hi"}]]
WRONG["messages"] += [[{"role": "user", "content": each}] for each in CONTENTS]
ROLES = ["tool", "System", None, [], {}]
WRONG["messages"] += [[{"role": each, "content": "Hi"}] for each in ROLES]


@pytest.mark.parametrize(
    ("name", "value"), [(name, each) for name in WRONG for each in WRONG[name]]
)
def test_a_wrong_field_is_refused_by_its_name(chat, name, value):
    model, answer = chat("one", **{name: value})
    error = answer.json["error"]
    assert (answer.status_code, error["param"], model.prompts) == (400, name, [])
    assert error["type"] == "invalid_request_error" and name in error["message"]


PICTURE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,"}}
SOUND = {"type": "input_audio", "input_audio": {"data": "", "format": "wav"}}
TEXT_PART = {"type": "text", "text": "What is this?"}
CALL = {"id": "1", "type": "function", "function": {"name": "add", "arguments": "{}"}}
CALLED = {"role": "assistant", "content": None, "tool_calls": [CALL]}
HELLO = {"role": "user", "content": "Hello?"}
NOT_HERE = {
    "a picture": (
        {"messages": [{"role": "user", "content": [TEXT_PART, PICTURE]}]},
        "messages.content.type has to be text: this server reads no pictures, sounds or"
        " files.",
    ),
    "a sound": (
        {"messages": [{"role": "user", "content": [SOUND]}]},
        "messages.content.type has to be text: this server reads no pictures, sounds or"
        " files.",
    ),
    "a tool": (
        {"tools": [{"type": "function", "function": {"name": "add"}}]},
        "tools has to be left out: this server calls no tools.",
    ),
    "a call": (
        {"messages": [HELLO, CALLED]},
        "messages.tool_calls has to be left out: this server calls no tools.",
    ),
    "a tool message": (
        {"messages": [HELLO, {"role": "tool", "tool_call_id": "1", "content": "3"}]},
        "messages.role has to be system, developer, user or assistant: this server"
        " calls no tools, so it takes no tool messages.",
    ),
}


@pytest.mark.parametrize(("fields", "sentence"), NOT_HERE.values(), ids=NOT_HERE)
def test_what_is_not_here_is_named(chat, fields, sentence):
    model, answer = chat("one", **fields)
    assert (answer.status_code, model.prompts) == (400, [])
    assert answer.json["error"]["message"] == sentence


def test_null_stands_for_what_is_not_said(chat):
    nothing = dict.fromkeys(WRONG.keys() - {"model", "messages"})
    assert chat("one", **nothing)[1].status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/v1/models/gpt-4", 404, "model_not_found"),
        ("GET", "/v1/nowhere", 404, None),
        ("POST", "/v1/responses", 404, None),
        ("POST", "/v1/embeddings", 404, None),
        ("GET", "/nowhere", 404, None),
        ("GET", PATH, 405, None),
        ("POST", "/v1/models", 405, None),
    ],
)
def test_every_refusal_has_openais_shape(method, path, status, code, server):
    answer = server.app.test_client().open(path, method=method, headers=KEY)
    assert (answer.status_code, answer.json["error"]["code"]) == (status, code)
    assert answer.json["error"].keys() == {"message", "type", "param", "code"}
    assert ("Allow" in answer.headers) == (status == 405)


@pytest.mark.parametrize("path", ["/v1/responses", "/v1/completions", "/v2"])
def test_at_other_addresses_a_sentence_says_what_is_here(path, server):
    answer = server.app.test_client().post(path, json=question(), headers=KEY)
    message = answer.json["error"]["message"]
    assert f"POST {PATH}" in message and "GET /v1/models" in message


def test_a_server_that_goes_by_another_name_is_not_this_one(answer_with, server):
    model, client = answer_with("one"), server.app.test_client()
    foreign = KEY | {"Host": "evil.example"}
    answers = [
        client.get("/", headers=foreign),
        client.get("/v1/models", headers=foreign),
        client.post(PATH, json=question(), headers=foreign),
    ]
    assert [answer.status_code for answer in answers] == [400] * 3
    assert "TRUSTED_HOSTS" in answers[2].json["error"]["message"]
    assert model.prompts == []


def test_a_class_can_add_the_name_of_its_server():
    app = str(LESSON / "app")
    with running("--app", app, "run", TRUSTED_HOSTS="a.example, b.example") as url:
        named = requests.get(url, headers={"Host": "b.example"}, timeout=LIMIT)
        assert named.status_code == 200
        assert requests.get(url, timeout=LIMIT).status_code == 400


def test_a_model_that_is_not_here_is_a_404(chat):
    model, answer = chat("one", model="gpt-4")
    assert (answer.status_code, model.prompts) == (404, [])
    assert answer.json["error"]["code"] == "model_not_found"


@pytest.mark.parametrize(
    "sent", ["", "Bearer", "Bearer sk-", "sk-practice", "Bearer sk-prä", "Basic e="]
)
def test_nobody_is_answered_without_the_key(answer_with, sent, server):
    model, client = answer_with("one"), server.app.test_client()
    for path in PATH, "/v1/models", "/v1/models/practice":
        answer = client.open(path, headers={"Authorization": sent} if sent else {})
        assert answer.status_code == 401
        assert answer.json["error"]["code"] == "invalid_api_key"
    assert model.prompts == [] and client.get("/").status_code == 200


def test_the_key_is_that_of_the_environment():
    with running("--app", str(LESSON / "app"), "run", SERVER_KEY="sk-mine") as url:
        mine = {"Authorization": "Bearer sk-mine"}
        found = requests.get(f"{url}/v1/models", headers=mine, timeout=LIMIT)
        assert [each["id"] for each in found.json()["data"]] == ["practice"]
        other = requests.get(f"{url}/v1/models", headers=KEY, timeout=LIMIT)
        assert other.status_code == 401


@pytest.mark.parametrize("body", ["{", "5", '"Hi"', "[" * 60_000, "\ud800", "null"])
def test_what_is_no_object_is_a_400(answer_with, body, server):
    data, model = body.encode("utf-8", "surrogatepass"), answer_with("one")
    kind = "application/json"
    answer = server.app.test_client().post(
        PATH, data=data, content_type=kind, headers=KEY
    )
    assert (answer.status_code, model.prompts) == (400, [])
    assert answer.json["error"]["type"] == "invalid_request_error"


def test_a_form_of_another_page_is_a_415(server):
    answer = server.app.test_client().post(PATH, data="{}", headers=KEY)
    assert answer.status_code == 415 and answer.json["error"]["message"]


def test_a_question_that_is_too_long_is_a_413(chat, serve, server):
    _, answer = chat("one", **question("x" * 70_000))
    assert answer.status_code == 413 and answer.json["error"]["message"]
    pieces = iter([json.dumps(question("x" * 70_000)).encode()])  # tells no length
    headers = KEY | {"Content-Type": "application/json"}
    url = serve(server.app) + PATH
    answer = requests.post(url, data=pieces, headers=headers, timeout=LIMIT)
    assert answer.status_code == 413


# How it fails


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("ModelRateLimitError", 429),
        ("ModelTimeoutError", 504),
        ("ModelAuthenticationError", 502),
        ("ModelConnectionError", 502),
        ("ModelAPIError", 502),
    ],
)
@pytest.mark.parametrize("stream", [True, False])
def test_a_failure_before_the_first_text_is_a_status(chat, kind, status, stream):
    _, answer = chat("", getattr(failures, kind)(SECRET), stream=stream)
    assert answer.status_code == status and SECRET not in answer.text
    assert answer.json["error"].keys() == {"message", "type", "param", "code"}
    assert answer.headers.get("Retry-After") == ("5" if status == 429 else None)
    code = "rate_limit_exceeded" if status == 429 else None
    assert answer.json["error"]["code"] == code


def test_a_failure_has_the_sentence_that_it_has_everywhere(chat):
    _, answer = chat(failures.ModelAuthenticationError(SECRET))
    message = answer.json["error"]["message"]
    assert "did not accept the key: check it in .env" in message


def our_mistake():
    return {}[SECRET]


MISTAKE_LINE = our_mistake.__code__.co_firstlineno + 1


@pytest.mark.parametrize("script", [[our_mistake], ["one", our_mistake]])
def test_the_log_says_where_a_mistake_of_ours_is(chat, caplog, script):
    _, answer = chat(*script, stream=True)
    assert answer.text  # read to its end
    place = f"KeyError in test_15_openai_wire.py, line {MISTAKE_LINE}"
    assert place in caplog.text and SECRET not in caplog.text + answer.text


def test_a_failure_in_mid_answer_is_an_event_and_the_end(chat):
    fail = failures.ModelConnectionError(SECRET)
    model, answer = chat("one", fail, stream=True)
    *_, last = chunks(answer.text)
    error = {"type": "server_error", "param": None, "code": None}
    assert last == {"error": error | {"message": NO_CONNECTION}}
    assert choices(answer.text)[0] == "one"
    assert answer.text.endswith("}\n\n") and SECRET not in answer.text
    assert model.closed.wait(LIMIT)


# A client that leaves


def test_a_client_that_leaves_hangs_up_on_the_model(
    answer_with, serve, monkeypatch, server
):
    streams, stream = [], ScriptedModel.stream
    closed = threading.Event()

    def keep(model, prompt):  # as a traceback does: it is not closed by chance
        def until_closed():
            try:
                with closing(stream(model, prompt)) as made:
                    yield from made
            finally:
                closed.set()

        streams.append(until_closed())
        return streams[-1]

    monkeypatch.setattr(ScriptedModel, "stream", keep)
    model = answer_with(*PLENTY)
    url = serve(server.app) + PATH
    body = question(stream=True)
    with requests.post(
        url, json=body, headers=KEY, stream=True, timeout=LIMIT
    ) as answer:
        next(answer.iter_content(None))
    assert closed.wait(LIMIT)
    assert model.closed_early and model.made < len(PLENTY)


@pytest.mark.parametrize(
    ("server", "name"),
    [(NAME, "answer_to"), (NEXT, "side_by_side")],
    indirect=["server"],
)
def test_what_was_begun_is_closed_and_not_left_to_chance(
    chat, monkeypatch, server, name
):
    kept = []  # as a debugger keeps things
    begin = getattr(server, name)

    def keep(*words):
        kept.append(begin(*words))
        return kept[-1]

    monkeypatch.setattr(server, name, keep)
    model, answer = chat("one", *PLENTY, stream=True)
    next(answer.iter_encoded())
    answer.close()
    assert model.closed.wait(LIMIT) and model.closed_early


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["flask", "gunicorn", "waitress"])
def test_it_works_on_every_server(kind):
    if kind == "gunicorn" and sys.platform == "win32":
        pytest.skip("gunicorn needs a Unix")
    served = (
        running("--app", str(LESSON / "app"), "run")
        if kind == "flask"
        else production(kind, f"lessons.{NAME}.app")
    )
    with served as url:
        ask = {"url": url + PATH, "headers": KEY, "timeout": LIMIT}
        whole = requests.post(json=question("/echo Tragödie 👋"), **ask).json()
        assert whole["choices"][0]["message"]["content"] == "Tragödie 👋"
        streamed = requests.post(json=question("/fail some words", stream=True), **ask)
        assert choices("\n".join(streamed.text.split("\n")[:-3]))[0] == "some words"
        assert "error" in chunks(streamed.text)[-1]
        busy = requests.post(json=question("/busy 7"), **ask)
        assert (busy.status_code, busy.headers["Retry-After"]) == (429, "7")
        slow = question("/silent 9 /echo one two three four", stream=True)
        with requests.post(json=slow, stream=True, **ask) as answer:
            assert b"assistant" in next(answer.iter_content(None))  # not after 9 s
        pieces = iter([json.dumps(question("x" * 70_000)).encode()])
        headers = KEY | {"Content-Type": "application/json"}
        too_long = requests.post(
            url + PATH, data=pieces, headers=headers, timeout=LIMIT
        )
        assert too_long.status_code == 413


# Clients that nobody here wrote


@pytest.fixture(scope="session")
def openai_1():
    """Return a folder with version 1 of the openai package, installed only once.

    Several processes may run tests at the same time: each installs it into a folder
    of its own, and the first that is ready gives its folder the lasting name.
    """
    folder = Path(sys.prefix) / "openai-1"  # git ignores the environment
    if folder.exists():
        return folder
    ours = folder.with_name(f"openai-1-of-{os.getpid()}")
    install = ["-m", "pip", "install", "-q", "--no-warn-conflicts", "--target"]
    done = subprocess.run(
        [sys.executable, *install, ours, "openai~=1.109"],
        capture_output=True,
        text=True,
    )
    if done.returncode:
        message = f"pip could not install openai~=1.109: {done.stderr[-300:]}"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(message)
    try:
        ours.rename(folder)
    except OSError:  # another process was ready first
        shutil.rmtree(ours)
    return folder


@pytest.fixture
def python(monkeypatch):
    """Return a function that runs a script of tests/clients in this Python."""

    def run(script, *words):
        monkeypatch.setattr(sys, "argv", [script, *words])
        with redirect_stdout(io.StringIO()) as printed:
            runpy.run_path(str(CLIENTS / script))
        return [json.loads(line) for line in printed.getvalue().splitlines()]

    return run


def run_with(folder, script, *words):
    """Run a script of tests/clients with the packages in a folder."""
    done = subprocess.run(
        [sys.executable, CLIENTS / script, *words],
        env=os.environ | {"PYTHONUTF8": "1", "PYTHONPATH": str(folder)},
        capture_output=True,
        encoding="utf-8",
        timeout=2 * LIMIT,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture
def clients(request):
    """Return a function that asks with the client of that name: what came, each way."""

    def ask(name, *words):
        if name == "openai 1.x for Python":
            folder = request.getfixturevalue("openai_1")
            *came, version = run_with(folder, "15-openai.py", *words)
            assert version.startswith("1.109.")
            return came
        if name == "openai for Python":
            *came, version = request.getfixturevalue("python")("15-openai.py", *words)
            assert int(version.partition(".")[0]) > 1
            return came
        kind, script = SCRIPTS[name]
        return request.getfixturevalue(kind)(script, *words)

    return ask


SCRIPTS = {
    "LangChain for Python": ("python", "15-langchain.py"),
    "openai for JavaScript": ("node", "15-openai.mjs"),
    "LangChain for JavaScript": ("node", "15-langchain.mjs"),
    "the AI SDK": ("node", "15-ai-sdk.mjs"),
}
every_client = pytest.mark.parametrize(
    "name", ["openai for Python", "openai 1.x for Python", *SCRIPTS]
)


def it_gets_all(clients, name, url, **more):
    ways = clients(name, f"{url}/v1", "Hello?")
    assert len(ways) > 1
    for came in ways:
        assert came == came | {"text": "one two", "reason": "stop"} | more
        assert "error" not in came


def it_is_refused(clients, name, url, status, words, key="sk-practice"):
    for came in clients(name, f"{url}/v1", "Hello?", key):
        assert (came["text"], came["error"]["status"]) == ("", status)
        assert words in came["error"]["message"]


def it_keeps_what_came(clients, name, url):
    came = clients(name, f"{url}/v1", "Hello?")[0]
    assert came["text"] == "one two"
    error = came.get("error", {})
    assert error.get("message") == NO_CONNECTION


@pytest.mark.slow
@every_client
def test_a_real_client_gets_all_of_an_answer(clients, name, answer_with, serve, server):
    answer_with("one", " two", USAGE)
    counts = NEXT in server.__name__
    it_gets_all(clients, name, serve(server.app), **{"tokens": 8} if counts else {})

    def without_finish(body):
        return body.replace(b'"finish_reason": "stop"', b'"finish_reason": null')

    with pytest.raises(AssertionError):
        it_gets_all(clients, name, serve(changed(server.app, without_finish)))


@pytest.mark.slow
@first_server
@every_client
def test_a_real_client_raises_a_refusal(clients, name, answer_with, serve, server):
    answer_with(failures.ModelRateLimitError(SECRET))
    words = "The model has too much to do: ask again in 5 s."
    it_is_refused(clients, name, url := serve(server.app), 429, words)
    it_is_refused(clients, name, url, 401, "The key is missing or wrong.", "sk-wrong")

    def in_another_shape(body):
        return b'{"reason": "no"}'.ljust(len(body))

    with pytest.raises(AssertionError):
        other = serve(changed(server.app, in_another_shape))
        it_is_refused(clients, name, other, 429, words)


@pytest.mark.slow
@first_server
@every_client
def test_a_real_client_keeps_what_came_before_a_failure(
    clients, name, answer_with, serve, server
):
    answer_with("one", " two", failures.ModelConnectionError(SECRET))
    it_keeps_what_came(clients, name, serve(server.app))

    def in_another_shape(body):
        return body.replace(b'{"error": ', b'{"choices": [], "failure": ')

    with pytest.raises(AssertionError):
        other = serve(changed(server.app, in_another_shape))
        it_keeps_what_came(clients, name, other)


@first_server
def test_curl_shows_the_stream(answer_with, serve, server):
    if not shutil.which("curl"):
        (pytest.fail if os.environ.get("CI") else pytest.skip)("curl is missing")
    answer_with("one", " two")

    def it_shows_all(url):
        words = [f"{url}{PATH}", "-d", json.dumps(question(stream=True))]
        words += ["-H", "Authorization: Bearer sk-practice"]
        words += ["-H", "Content-Type: application/json"]
        curl = ["curl", "-sSfN", "--noproxy", "*", *words]
        shown = subprocess.run(curl, capture_output=True, text=True, timeout=LIMIT)
        assert shown.returncode == 0
        assert choices(shown.stdout) == ("one two", "stop")
        assert shown.stdout.endswith("\n\ndata: [DONE]\n\n")

    it_shows_all(serve(server.app))
    with pytest.raises(AssertionError):
        it_shows_all(serve(changed(server.app, lambda body: body[:-1])))


@first_server
def test_a_react_component_can_read_it(node, answer_with, serve, server):
    answer_with("one", " two")
    assert node("15-react.mjs", f"{serve(server.app)}/v1", "Hello?") == ["one two"]

    def two_in_one(body):
        return body.replace(b"\n\n", b" ")

    other = serve(changed(server.app, two_in_one))
    assert node("15-react.mjs", f"{other}/v1", "Hello?") != ["one two"]


# The lesson's own clients


@pytest.fixture
def run_client():
    """Return a function that runs a client of the lesson: what it wrote, to where."""

    def run(name, url, *words, **settings):
        done = subprocess.run(
            [sys.executable, LESSON / name, f"{url}/v1", *words],
            env=os.environ | {"PYTHONUTF8": "1"} | settings,
            capture_output=True,
            encoding="utf-8",
            timeout=2 * LIMIT,
        )
        return done.stdout, done.stderr

    return run


@first_server
@pytest.mark.parametrize("name", ["client.py", "client_async.py"])
def test_a_client_keeps_what_came_and_says_how_it_ended(
    answer_with, serve, name, monkeypatch, server
):
    def shown(*script):
        answer_with(*script)
        monkeypatch.setattr(sys, "argv", [name, f"{serve(server.app)}/v1", "Hi"])
        with redirect_stdout(io.StringIO()) as printed:
            runpy.run_path(str(LESSON / name), run_name="__main__")
        return printed.getvalue()

    assert re.match(r"one two\n\n\[stop\]", shown("one", " two"))
    broken = shown("one", " two", failures.ModelConnectionError(SECRET))
    assert broken.startswith(f"one two\n\n[{NO_CONNECTION}]")
    busy = shown(failures.ModelRateLimitError(SECRET))
    assert busy.strip().startswith("[The model has too much to do: ask again in 5 s.]")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-wrong")
    assert shown("one").strip().startswith("[The key is missing or wrong.]")


@pytest.mark.slow
@first_server
@pytest.mark.parametrize("name", ["client.py", "client_async.py"])
def test_a_client_works_with_openai_1_too(
    run_client, openai_1, answer_with, serve, name, server
):
    answer_with("one", " two", failures.ModelConnectionError(SECRET))
    url, folder = serve(server.app), str(openai_1)
    shown, error = run_client(name, url, "Hi", PYTHONPATH=folder)
    assert shown.startswith(f"one two\n\n[{NO_CONNECTION}]"), error


@pytest.mark.slow
@first_server
def test_client_py_prints_each_piece_as_it_comes_with_dots_before(
    answer_with, serve, server
):
    first, second = threading.Event(), threading.Event()
    answer_with(first, "one", second, " two")
    url = f"{serve(server.app)}/v1"
    command = [sys.executable, LESSON / "client.py", url, "Hi"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe) as client:
        assert client.stderr.read(2) == b".."  # while nothing has come
        first.set()
        assert client.stdout.read(3) == b"one"
        second.set()
        rest = client.stdout.read().decode()
    assert rest == " two\n\n[stop] 2 pieces, 7 characters\n"


def test_client_py_does_not_wait_for_ever(run_client, serve, tmp_path):
    client = (LESSON / "client.py").read_text("utf-8")
    assert "timeout=30" in client
    impatient = tmp_path / "client.py"
    impatient.write_text(client.replace("timeout=30", "timeout=0.5"), "utf-8")
    gate = threading.Event()

    def silent(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/event-stream")])
        yield b'data: {"choices": [{"index": 0, "delta": {"content": "one"}}]}\n\n'
        gate.wait(LIMIT)

    shown, _ = run_client(impatient, serve(silent), "Hi")
    gate.set()
    assert re.match(r"one\n\n\[Request timed out.\] 1 pieces", shown)


@first_server
def test_client_async_prints_five_pieces_at_a_time(answer_with, serve, server):
    gate = threading.Event()
    answer_with("1", "2", "3", "4", "5", "6", gate, "7")
    url = f"{serve(server.app)}/v1"
    command = [sys.executable, LESSON / "client_async.py", url, "Hi"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as client:
        assert client.stdout.read1() == b"1234"  # and the role: five
        gate.set()
        assert client.stdout.read().decode().split() == ["567", "[stop]"]


@pytest.mark.slow
def test_client_async_has_a_limit_of_its_own(run_client, serve, tmp_path):
    client = (LESSON / "client_async.py").read_text("utf-8")
    assert "asyncio.timeout(60)" in client
    impatient = tmp_path / "client_async.py"
    impatient.write_text(client.replace("(60)", "(5)"), "utf-8")
    left = threading.Event()

    def never_ends(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/event-stream")])
        while not left.wait(0.01):
            yield b'data: {"choices": [{"index": 0, "delta": {"content": "1"}}]}\n\n'

    shown, error = run_client(impatient, serve(never_ends), "Hi")
    left.set()
    assert shown.startswith("11111") and not error
    assert shown.endswith("\n\n[it took more than a minute]\n")


@pytest.mark.slow
def test_lesson_01_can_be_pointed_at_it(tmp_path):
    settings = (LESSON / "practice.env").read_text("utf-8")
    with running("--app", str(LESSON / "app"), "run") as url:
        mine = tmp_path / "practice.env"
        port = url.rpartition(":")[2]
        mine.write_text(settings.replace("8001", port), "utf-8")
        first = "lessons/01-a-stream-in-the-terminal/app"
        words = ["--env-file", str(mine), "--app", first, "ask", "/echo Tragödie 👋"]
        env = os.environ | {"PYTHONUTF8": "1"}
        del env["PYTHON_DOTENV_DISABLED"]
        done = subprocess.run(
            [sys.executable, "-m", "flask", *words],
            cwd=ROOT,
            env=env,
            capture_output=True,
            encoding="utf-8",
            timeout=2 * LIMIT,
        )
        assert done.stdout == "Tragödie 👋\n\n5 chunks, 10 characters\n", done.stderr


# What guides print, and what it does


def test_the_loop_that_many_guides_print_loses_text(node):
    assert node("15-printed-loop.mjs") == [107, 126]


# The page


@first_server
def test_the_page_shows_the_answer_and_what_came(browser, answer_with, serve, server):
    answer_with("Tra", "gö <b>", USAGE)
    browser.get(serve(server.app))
    wait = WebDriverWait(browser, LIMIT, 0.02)
    prompt = browser.find_element(By.NAME, "prompt")
    prompt.send_keys("Hello?")
    prompt.submit()
    answer = browser.find_element(By.ID, "answer")
    wait.until(lambda _: answer.get_property("textContent") == "Tragö <b>")
    wire = browser.find_element(By.ID, "wire")
    wait.until(lambda _: "[DONE]" in wire.text)
    assert wire.text.startswith('data: {"id": "chatcmpl-')
    assert browser.find_element(By.ID, "problem").text == ""
    key = browser.find_element(By.NAME, "key")
    key.clear()
    key.send_keys("sk-wrong")
    prompt.submit()
    sentence = "The answer is not whole: The key is missing or wrong."
    wait.until(lambda _: browser.find_element(By.ID, "problem").text == sentence)


CUT = {
    "length": "it reached the limit on its length.",
    "content_filter": "the provider's filter stopped it.",
}


@first_server
@pytest.mark.parametrize("reason", CUT)
def test_the_page_says_why_an_answer_is_not_whole(
    browser, answer_with, serve, reason, server
):
    end = AIMessageChunk("", response_metadata={"finish_reason": reason})
    answer_with().stream = lambda _: (chunk for chunk in [AIMessageChunk("one"), end])
    browser.get(serve(server.app))
    prompt = browser.find_element(By.NAME, "prompt")
    prompt.send_keys("Hello?")
    prompt.submit()
    problem = browser.find_element(By.ID, "problem")
    WebDriverWait(browser, LIMIT, 0.02).until(lambda _: problem.text)
    assert problem.text == f"The answer is not whole: {CUT[reason]}"
    assert browser.find_element(By.ID, "answer").text == "one"

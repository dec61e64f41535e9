"""What the servers of lessons 15 and 16 both do: OpenAI's wire, and its refusals.

What only one of them does is in test_15_openai_wire.py, or in
test_16_what_a_client_may_ask.py.
"""

import importlib
import json
import re
from pathlib import Path

import pytest
import requests
from langchain_core import exceptions as failures
from langchain_core.messages import AIMessageChunk
from support import LIMIT
from support.openai_clients import NO_CONNECTION, every_client, it_gets_all
from support.openai_wire import KEY, PATH, PLENTY, USAGE, choices, chunks, question
from support.servers import changed

from lessons.course.for_checks.failing_model import SECRET

NAME = "15-the-openai-wire"
NEXT = "16-what-a-client-may-ask"


@pytest.fixture(params=[NAME, NEXT])
def server(request):
    """Return the module of a lesson's server."""
    return importlib.import_module(f"lessons.{request.param}.app")


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
    "nothing at all": ({}, "stopped before its answer was complete"),
    "a word that nobody knows": ({"finish_reason": "?"}, "stopped before its answer"),
    "a call": ({"finish_reason": "tool_calls"}, "tried to call a tool"),
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
        "tools has to be left out: this server calls no tools (lesson 23 does).",
    ),
    "a call": (
        {"messages": [HELLO, CALLED]},
        "messages.tool_calls has to be left out: this server calls no tools (lesson 23"
        " does).",
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
    pieces = iter([json.dumps(question("x" * 5_000_000)).encode()])  # tells no length
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
    assert "did not accept the key: check the key in .env" in message


def our_mistake():
    return {}[SECRET]


MISTAKE_LINE = our_mistake.__code__.co_firstlineno + 1


@pytest.mark.parametrize("script", [[our_mistake], ["one", our_mistake]])
def test_the_log_says_where_a_mistake_of_ours_is(chat, caplog, script):
    _, answer = chat(*script, stream=True)
    assert answer.text  # read to its end
    place = f"KeyError in {Path(__file__).name}, line {MISTAKE_LINE}"
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
    answer_with, serve, closings, server
):
    model = answer_with(*PLENTY)
    url = serve(server.app) + PATH
    body = question(stream=True)
    with requests.post(
        url, json=body, headers=KEY, stream=True, timeout=LIMIT
    ) as answer:
        next(answer.iter_content(None))
    assert closings.acquire(timeout=LIMIT)
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


# Clients that nobody here wrote


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

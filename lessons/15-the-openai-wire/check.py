"""An answer on OpenAI's wire; check.js reads it in the page."""

import json
import os
from contextlib import suppress
from threading import Event

import pytest
from langchain_core.exceptions import ModelConnectionError, ModelRateLimitError
from langchain_core.messages import AIMessageChunk

from lessons.course.explain import short
from lessons.course.scripted_model import End

PATIENCE = 5  # seconds
PATH = "/v1/chat/completions"
KEY = os.environ.get("SERVER_KEY") or "sk-practice"
MESSAGE = {"role": "user", "content": "Hello?"}
SECRET = "Incorrect API key provided: sk-pr****1234"
END = 'data: {...} with the finish_reason "stop", then data: [DONE]'


@pytest.fixture
def chat(answer_with, client):
    """Ask for a scripted answer; return the model and the answer."""

    def post(*script, key=KEY, **fields):
        model = answer_with(*script)
        question = {"model": "practice", "messages": [MESSAGE], **fields}
        headers = {"Authorization": f"Bearer {key}"}
        return model, client.post(PATH, json=question, headers=headers)

    return post


def chunks(text):
    """Return the objects of a stream, as an OpenAI client reads them."""
    events = [each for each in text.split("\n\n") if each]
    for each in events:
        assert each.startswith("data: ") and "\n" not in each, (
            f"One event of the stream is {each[:20]!r}...: each has to be"
            " data: and an object in JSON on one line, then an empty line, which is"
            r' two line ends: f"data: {json.dumps(message)}\n\n".'
        )
    assert text.endswith("\n\n"), (
        f"The stream ends in {text[-20:]!r}, without the empty line that ends an event."
    )
    data = [each.removeprefix("data: ") for each in events]
    found = [json.loads(each) for each in data if each != "[DONE]"]
    for each in found:
        assert isinstance(each, dict) and each.keys() & {"choices", "error"}, (
            f'One chunk of the stream is {str(each)[:60]}: it has to have "choices".'
        )
        for choice in each.get("choices", []):
            assert choice.keys() >= {"index", "delta", "finish_reason"}, (
                f"One choice of the stream is {choice}: each has an index, a delta and"
                " a finish_reason, which is None until the end."
            )
    return found


def contents(text, index=0):
    """Return what the choice with that index says."""
    said = ""
    for chunk in chunks(text):
        for choice in chunk.get("choices", []):
            if choice["index"] == index:
                said += choice["delta"].get("content") or ""
    return said


def reason(text, index=0):
    """Return why the choice with that index ended."""
    reasons = [
        choice["finish_reason"]
        for chunk in chunks(text)
        for choice in chunk.get("choices", [])
        if choice["index"] == index
    ]
    return reasons[-1] if reasons else None


def error_of(answer, status, what):
    """Return the error in a refusal, which has to have OpenAI's shape."""
    assert answer.status_code == status, (
        f"{what}, and the status is {answer.status_code}, expected was {status}."
    )
    error = (answer.get_json(silent=True) or {}).get("error")
    assert isinstance(error, dict) and {"message", "type", "param", "code"} <= {
        *error
    }, (
        f"{what}, and the body is {answer.text[:80]!r}: OpenAI's clients look for"
        ' {"error": {"message", "type", "param", "code"}}.'
    )
    return error


def test_an_answer_is_a_stream_of_chunks(chat):
    model, answer = chat("one", " two", stream=True)
    assert answer.status_code != 404, (
        f'POST {PATH} gave 404: write @app.post("{PATH}") above the view.'
    )
    assert answer.status_code == 200, (
        f"POST {PATH} gave {answer.status_code}, expected was 200, and the body is"
        f" {short(answer.text)}: what broke stands below, or in the server's log."
    )
    assert answer.mimetype == "text/event-stream", (
        f"The stream is sent as {answer.mimetype}, expected was text/event-stream."
    )
    text = answer.text
    deltas = [choice["delta"] for chunk in chunks(text) for choice in chunk["choices"]]
    assert deltas and deltas[0].get("role") == "assistant", (
        f"The first delta is {(deltas or [None])[0]}: it says who speaks,"
        ' {"role": "assistant", "content": ""}.'
    )
    assert contents(text) == "one two", (
        f"The model wrote 'one two', and the deltas say {contents(text)!r}."
    )
    assert reason(text) == "stop" and text.endswith("data: [DONE]\n\n"), (
        f"The stream ends in {text[-120:]!r}: a whole answer ends in {END}."
    )
    roles = [role for role, _ in model.prompts[0]]
    assert roles == ["user"], f"The model was asked {model.prompts[0]}: the messages."


def test_the_first_piece_leaves_before_the_second_is_made(chat):
    came_first = Event()
    late = []
    came = ""

    def go_on():
        if not came_first.wait(PATIENCE):
            late.append("one")

    _, answer = chat("one", go_on, " two", stream=True)
    for piece in answer.iter_encoded():
        came += piece.decode()
        if "one" in came:
            came_first.set()
    assert not late, (
        "The model had written 'one' and waited, and nothing reached the client:"
        " somebody gathers the answer. Yield an event for each chunk as it is made."
    )
    assert contents(came) == "one two"


def test_an_answer_can_be_whole(chat):
    _, answer = chat("one", " two")
    choice = (answer.get_json(silent=True) or {}).get("choices", [{}])[0]
    seen = choice.get("message", {}).get("content"), choice.get("finish_reason")
    assert seen == ("one two", "stop"), (
        f'Without "stream": true the answer was {answer.text[:80]!r}: it is one object,'
        " with choices[0].message.content and choices[0].finish_reason."
    )


def test_nobody_is_answered_without_the_key(chat):
    for key in "sk-wrong", "", "sk-pr\u00e4ctice":
        model, answer = chat("one", key=key)
        error_of(answer, 401, f"The key was {key!r}")
        assert not model.prompts, f"The key was {key!r}, and the model was asked."


def test_the_server_names_its_model(client):
    headers = {"Authorization": f"Bearer {KEY}"}
    found = client.get("/v1/models", headers=headers).get_json(silent=True) or {}
    names = [each.get("id") for each in found.get("data", [])]
    assert names == ["practice"], (
        f"GET /v1/models names {names}, expected was ['practice'] in data."
    )


def test_a_wrong_field_is_refused_by_its_name(chat):
    wrong = {"messages": [], "n": 9, "stream": "yes", "stop": 5, "max_tokens": True}
    for name, value in [*wrong.items(), ("n", True), ("max_completion_tokens", 0)]:
        what = f"{name} was {json.dumps(value)}"
        model, answer = chat("one", **{name: value})
        error = error_of(answer, 400, what)
        assert error["param"] == name and not model.prompts, (
            f"{what}, and the error's param is {error['param']!r}: name the field."
        )
    error_of(chat("one", model="gpt-4")[1], 404, "The model asked for was gpt-4")


def test_why_an_answer_ended_is_said(chat):
    _, answer = chat("one", " two", " three", stream=True, max_tokens=2)
    seen = contents(answer.text), reason(answer.text)
    assert seen == ("one two", "length"), (
        "The model had three chunks and max_tokens was 2; the text and the"
        f" finish_reason were {seen}, expected was ('one two', 'length')."
    )
    _, answer = chat("one", " two", stream=True, max_completion_tokens=1)
    assert contents(answer.text) == "one", "max_completion_tokens is the newer name."
    for name, theirs, ours in (
        ("finish_reason", "length", "length"),
        ("stop_reason", "max_tokens", "length"),
        ("stop_reason", "end_turn", "stop"),
    ):
        _, answer = chat("one", End(**{name: theirs}), stream=True)
        seen = reason(answer.text)
        assert seen == ours, (
            f'The model stopped with the {name} "{theirs}", and the client got'
            f" {seen!r}, expected was {ours!r}: look at chunk.response_metadata, and"
            " give it OpenAI's name."
        )
    _, answer = chat("one", End(), stream=True)
    seen = reason(answer.text)
    assert seen is None, (
        "The model's stream was cut off before it said why it ended, and the client got"
        f" {seen!r}: that is a failure, and no such end."
    )


def test_a_stop_is_found_though_it_comes_in_pieces(chat):
    _, answer = chat("He", "llo, wo", "r", "ld, and more", stop="world", stream=True)
    said = contents(answer.text)
    assert "wo" not in said, (
        f"The stop was 'world', which came in pieces, and the answer was {said!r}: hold"
        " back what may be the beginning of a stop."
    )
    assert (said, reason(answer.text)) == ("Hello, ", "stop"), (
        f"The stop was 'world', and the answer was {said!r}, expected was 'Hello, '."
    )
    said = contents(chat("a w", "ord", stop=["world"], stream=True)[1].text)
    assert said == "a word", (
        f"The stop was 'world', the model wrote 'a word', and the answer was {said!r}:"
        " what was held back has to follow when it is no stop after all."
    )
    said = contents(chat("a", " wor", stop=["world"], stream=True)[1].text)
    assert said == "a wor", (
        f"The stop was 'world', the model wrote 'a wor' and ended, and the answer was"
        f" {said!r}: what is held back at the end has to follow too."
    )
    said = contents(chat("a world b", stop=["world"], stream=True)[1].text)
    assert said == "a ", (
        f"The stop was 'world', the model wrote 'a world b' in one piece, and the"
        f" answer was {said!r}: neither the stop nor what follows it is sent."
    )


def test_tokens_are_counted_when_asked_for(chat):
    used = {"input_tokens": 3, "output_tokens": 5, "total_tokens": 8}
    script = "one", AIMessageChunk("", usage_metadata=used)
    tokens = {"prompt_tokens": 3, "completion_tokens": 5, "total_tokens": 8}
    asked = chat(*script, stream=True, stream_options={"include_usage": True})[1].text
    last = chunks(asked)[-1]
    assert last.get("usage") == tokens and last["choices"] == [], (
        f"The model used {used}, and the last chunk was {last}: with include_usage it"
        f' has "choices": [] and "usage": {tokens}.'
    )
    assert not chunks(chat(*script, stream=True)[1].text)[-1].get("usage"), (
        "Nobody asked for the usage, and a chunk without choices came: many clients"
        " look at choices[0] of every chunk."
    )


def test_two_answers_are_written_side_by_side(chat):
    begun = []
    both = Event()
    alone = []

    def begin():
        begun.append(1)
        if len(begun) == 2:
            both.set()

    def go_on():
        if not alone and not both.wait(PATIENCE):
            alone.append(1)

    _, answer = chat(begin, "one", go_on, " two", n=2, stream=True)
    said = [contents(answer.text, index) for index in (0, 1)]
    assert said == ["one two", "one two"], (
        f"n was 2, and by their index the two answers are {said}: each choice says"
        " which answer it belongs to."
    )
    assert not alone, (
        "n was 2, and the second answer was not begun before the first had ended: the"
        " reader of the second waits for nothing."
    )


def test_a_refusal_of_the_model_keeps_its_status(chat):
    what = "The model raised a ModelRateLimitError before its first text"
    try:
        _, answer = chat(ModelRateLimitError(SECRET), stream=True)
    except Exception:
        raise AssertionError(
            f"{what}, and nothing made an answer of it: wait for the first text in the"
            " view, with next(), and answer with a 429 instead."
        ) from None
    error_of(answer, 429, what)
    assert "Retry-After" in answer.headers, f"{what}: say when, with Retry-After."
    assert SECRET not in answer.text, (
        f"{what}, and the client gets the provider's own words, {SECRET!r}: they can"
        " hold part of the key. Write a sentence of your own."
    )


def test_a_failure_in_mid_answer_is_an_event(chat):
    _, answer = chat("one", ModelConnectionError(SECRET), stream=True)
    came = b""
    with suppress(Exception):
        for piece in answer.iter_encoded():
            came += piece
    last = chunks(came.decode())[-1]
    assert "one" in came.decode() and isinstance(last.get("error"), dict), (
        "The model failed after its first text, and the last event has"
        f' {sorted(last)}: send {{"error": {{"message": ...}}}} as an event, which'
        " clients raise."
    )
    assert SECRET not in came.decode(), (
        f"The answer ends in the provider's own words, {SECRET!r}: they can hold part"
        " of the key. Write a sentence of your own."
    )


@pytest.mark.usefixtures("kept")
def test_the_model_is_hung_up_on_when_the_reader_leaves(chat):
    model, answer = chat("one", " two", " three", stream=True)
    next(answer.iter_encoded())
    answer.close()
    assert model.closed.wait(PATIENCE), (
        "The reader left after the first piece, and the model's stream stayed open:"
        " let the view call close() on what it began, let each thread end when the"
        " reader has left, and loop over a closing(model.stream(...))."
    )


def test_client_py_keeps_what_came_and_says_how_it_ended(
    run_client, serve, program, answer_with, folder
):
    """client.py keeps what came, and says how it ended."""
    client = folder / "client.py"
    ours = client.exists() and "openai" in client.read_text(encoding="utf-8")
    assert ours, f"{folder.name}/client.py is not this lesson's yet: it uses openai."
    url = f"{serve(program.app)}/v1"
    answer_with("one", " two")
    shown = run_client(url)
    assert "one two" in shown and "stop" in shown, (
        f"The server answered 'one two' with the finish_reason 'stop', and client.py"
        f" shows {shown.strip()!r}."
    )
    answer_with("one", ModelConnectionError(SECRET))
    try:
        shown = run_client(url)
    except Exception as error:
        error.add_note("The model failed after 'one': catch openai.APIError.")
        raise
    assert "one" in shown and "stop" not in shown and len(shown.strip()) > 3, (
        f"The model failed after 'one', and client.py shows {shown.strip()!r}: keep"
        " what came, and print the message of the openai.APIError."
    )

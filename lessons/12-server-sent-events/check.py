"""The answer comes in events: each whole, in order, and with an end."""

import json
from threading import Event

import pytest
from langchain_core.exceptions import ModelRateLimitError
from langchain_core.messages import AIMessageChunk

from lessons.course.explain import short
from lessons.course.shared_checks import (
    ANSWER,
    TEXTS,
    test_a_prompt_that_is_no_string_is_refused,
)

__all__ = ["test_a_prompt_that_is_no_string_is_refused"]
PATIENCE = 5  # seconds
SECRET = "Incorrect API key provided: sk-pr****1234"
USAGE = {"promptTokens": 3, "completionTokens": 5, "totalTokens": 8}
COUNTED = {"input_tokens": 3, "output_tokens": 5, "total_tokens": 8}


def events(text):
    """Return (name, data) for each event of a stream, as a browser reads it."""
    found = []
    for block in text.split("\n\n"):
        fields = [line.partition(": ")[::2] for line in block.split("\n")]
        data = "\n".join(value for name, value in fields if name == "data")
        if data:
            found.append((dict(fields).get("event", "message"), data))
    return found


@pytest.fixture(autouse=True)
def soon(program, monkeypatch):
    """Let heartbeats come fast."""
    if hasattr(program, "HEARTBEAT"):
        monkeypatch.setattr(program, "HEARTBEAT", PATIENCE / 100)


def read(answer):
    """Return the events of an answer, their data as JSON."""
    found = []
    came = ""
    for piece in answer.iter_encoded():
        came += piece.decode()
        assert came.count("heartbeat") < 100, (
            "The model had ended, and the stream has not: heartbeats go on for ever."
            " Whatever the model raises, catch it, and call stream.abort(sentence)."
        )
    for name, data in events(came):
        try:
            found.append((name, json.loads(data)))
        except ValueError:
            raise AssertionError(
                f"The data of a {name} event is {short(data)}, which is no JSON: a"
                " line break in it would end the field. Send data: and json.dumps(...)."
            ) from None
    return found


def test_post_ask_answers_in_events(ask):
    """POST /ask answers in events."""
    _, answer = ask(*TEXTS)
    assert answer.status_code == 200, (
        f'POST /ask with {{"prompt": "Hello?"}} gave {answer.status_code}, expected'
        " was 200."
    )
    assert answer.mimetype == "text/event-stream", (
        f"The answer is sent as {answer.mimetype}, expected was text/event-stream: a"
        " browser's EventSource takes nothing else. Give Response the headers of the"
        " stream."
    )
    for name, value in ("Cache-Control", "no-transform"), ("X-Accel-Buffering", "no"):
        assert value in answer.headers.get(name, ""), (
            f"The answer's {name} is {answer.headers.get(name)!r}, and {value!r} has to"
            " be in it: else a proxy may gather the events."
        )


def test_the_tokens_are_what_the_model_wrote(ask):
    model, answer = ask(*TEXTS)
    raw = answer.get_data(as_text=True)
    assert "\n\n" in raw, (
        f"No event of the answer ends: it begins {short(raw[:60])}. An empty line ends"
        ' an event, so end each with "\\n\\n".'
    )
    found = read(answer)
    names = [name for name, _ in found]
    assert names[0] == "start" and names[-1] == "done", (
        f"The events are {', '.join(names)}: expected was start first and done last,"
        " each named by a line event: and its name."
    )
    tokens = [data.get("token", "") for name, data in found if name == "token"]
    assert "".join(tokens) == ANSWER, (
        f"The model wrote {ANSWER!r}, and the tokens make {short(''.join(tokens))}:"
        ' send each chunk.text as {"token": ...}, all of it.'
    )
    assert model.prompts == ["Hello?"], (
        f'The prompt was "Hello?", and the model was asked {model.prompts}.'
    )
    assert "\nid: " in f"\n{raw}", (
        "The events have no id, so an EventSource that comes back cannot say that it"
        " has had its answer: write a line id: and a number into each."
    )
    assert raw.isascii(), (
        "There are letters on the wire that are not ASCII: json.dumps(data) as it is"
        " writes them as \\u00f6, and no cut can break those."
    )


def test_the_first_token_leaves_before_the_second_is_made(ask):
    held = Event()
    seen = []
    _, answer = ask("one", lambda: seen.append(held.wait(PATIENCE)), " two")
    came = b""
    for piece in answer.iter_encoded():
        came += piece
        if b'"one"' in came:
            held.set()
    assert seen == [True] or came.count(b"\n\n") < 9, (
        "The model was silent, and events came meanwhile: a heartbeat is a comment, a"
        ' line with a colon first. Yield ": heartbeat\\n".'
    )
    assert seen == [True], (
        "The model wrote 'one', and before it wrote more the client had not got it:"
        " somebody gathers the events. Send each as soon as it is written."
    )


def test_get_ask_answers_too(client, answer_with):
    """GET /ask answers too, for an EventSource."""
    answer_with("one")
    answer = client.get("/ask?prompt=Hello%3F")
    assert answer.status_code == 200 and '"one"' in answer.text, (
        f"GET /ask?prompt=Hello%3F gave {answer.status_code}: an EventSource can only"
        ' GET. Add "GET" to the methods of /ask, and read request.args there.'
    )


def test_who_comes_back_is_not_answered_again(client, answer_with):
    model = answer_with("one")
    answer = client.get("/ask?prompt=Hello%3F", headers={"Last-Event-ID": "4"})
    assert answer.status_code == 204 and not model.prompts, (
        "A GET with Last-Event-ID, which an EventSource sends when it comes back after"
        f" the end, gave {answer.status_code}, and the model was asked"
        f" {len(model.prompts)} time(s): it comes back for ever, and you pay each time."
        ' Return "", 204.'
    )


def test_usage_comes_flat_and_under_its_name(ask):
    _, answer = ask("one", AIMessageChunk("", usage_metadata=COUNTED))
    usage = dict(read(answer)).get("usage")
    assert usage == USAGE | {"usage": USAGE}, (
        f"The model counted {COUNTED}, and the usage event is {usage}: expected was"
        f' {USAGE}, and the same once more under "usage", where AI Kit\'s client looks.'
    )


def test_a_failure_before_the_first_token_is_a_status(ask):
    try:
        _, answer = ask(ModelRateLimitError(SECRET))
    except ModelRateLimitError:
        raise AssertionError(
            "The model refused before its first text, and nothing made an answer of it:"
            " wait for the first text in the view, and raise a 429 instead."
        ) from None
    assert answer.status_code == 429, (
        "The model refused with a rate limit before its first text, and the status is"
        f" {answer.status_code}, expected was 429: wait for the first text before the"
        " stream begins."
    )
    assert SECRET not in answer.text, (
        f"The reader gets the provider's own words, {SECRET!r}: they can hold part of"
        " the key. Write a sentence of your own."
    )


def test_a_failure_after_it_is_an_error_event_and_then_done(ask):
    _, answer = ask("one", ModelRateLimitError(SECRET))
    try:
        found = read(answer)
    except ModelRateLimitError:
        raise AssertionError(
            "The model failed after 'one', and the body broke: an EventSource takes"
            " that for a bad network, and asks again. Send error and done."
        ) from None
    names = [name for name, _ in found if name not in ("start", "metadata")]
    assert names == ["token", "error", "done"], (
        f"The model failed after its first text, and the events are {names}: expected"
        " was token, error, done. Catch what the model raises, and call"
        " stream.abort(sentence)."
    )
    assert SECRET not in str(found), (
        f"The error event has the provider's own words, {SECRET!r}: they can hold part"
        " of the key. Write a sentence of your own."
    )


def test_an_answer_without_a_reason_for_its_end_is_not_whole(client, answer_with):
    answer_with().stream = lambda prompt: (chunk for chunk in [AIMessageChunk("one")])
    found = read(client.post("/ask", json={"prompt": "Hello?"}))
    names = [name for name, _ in found][-2:]
    assert names == ["error", "done"], (
        "The model's stream ended without a finish reason, so it was cut off, and the"
        f" last events are {names}: expected was error, done. openai_reason(metadata,"
        " has_text=True) of failures.py raises then."
    )


def test_a_silent_model_is_bridged_by_heartbeats(program, ask):
    assert hasattr(program, "HEARTBEAT"), (
        "app.py has no HEARTBEAT: the seconds of silence after which a comment is sent."
    )
    beat = Event()
    seen = []
    _, answer = ask("one", lambda: seen.append(beat.wait(PATIENCE)), " two")
    came = b""
    for piece in answer.iter_encoded():
        came += piece
        if b"\n:" in came:
            beat.set()
    assert seen == [True], (
        "The model was silent, and for much longer than HEARTBEAT nothing was sent: a"
        " proxy would hang up, and nobody would notice a reader who left. When"
        ' queue.get(timeout=HEARTBEAT) raises Empty, yield ": heartbeat\\n".'
    )


def test_the_model_is_hung_up_on_when_the_reader_leaves(ask):
    gate = Event()
    model, answer = ask("one", gate, *["word "] * 100)
    next(answer.iter_encoded())
    answer.close()
    gate.set()
    assert model.closed.wait(PATIENCE) and model.made < 5, (
        f"The reader left after the first event, and the model made {model.made} more"
        f" texts of 100{'' if model.closed.is_set() else ', and its stream is open'}:"
        " look at stream.is_active after each chunk, and leave with closing(chunks)."
    )


@pytest.mark.parametrize("end", ["stop", "error"])
def test_post_chat_speaks_to_usechat(client, answer_with, end):
    """POST /chat speaks to useChat."""
    answer_with("one", " two", *[ModelRateLimitError(SECRET)] * (end == "error"))
    part = {"type": "text", "text": "Hello?"}
    turn = {"id": "1", "role": "user", "parts": [part]}
    answer = client.post("/chat", json={"id": "1", "messages": [turn]})
    version = answer.headers.get("x-vercel-ai-ui-message-stream")
    assert (answer.status_code, version) == (200, "v1"), (
        f"POST /chat gave {answer.status_code} with the header"
        f" x-vercel-ai-ui-message-stream: {version}, expected was 200 and v1."
    )
    *messages, last = [data for _, data in events(answer.text)]
    kinds = [json.loads(message)["type"] for message in messages]
    kinds = [kind for kind in kinds if kind != "message-metadata"]
    error = ["error"] * (end == "error")
    text = ["text-start", "text-delta", "text-delta", *error, "text-end"]
    assert [*kinds, last] == ["start", *text, "finish", "[DONE]"], (
        f"The messages of /chat are {', '.join([*kinds, last])}: expected was start,"
        f" {', '.join(text)}, finish, [DONE]."
    )

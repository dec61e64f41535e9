"""A line of JSON for each message, from the first token to the end; check.js reads."""

import json
from threading import Event

import pytest
import requests
from langchain_core.exceptions import ModelConnectionError, ModelRateLimitError
from langchain_core.messages import AIMessageChunk

from lessons.course.explain import short
from lessons.course.shared_checks import (
    ANSWER,
    STATUS,
    TEXTS,
    test_a_prompt_that_is_no_string_is_refused,
)

__all__ = ["test_a_prompt_that_is_no_string_is_refused"]
PATIENCE = 5  # seconds that what should come at once may take
PLENTY = 10_000  # more texts than the buffers between server and client hold
SECRET = "Incorrect API key provided: sk-pr****1234"
USAGE = {"input_tokens": 2, "output_tokens": 5, "total_tokens": 7}
SO_FAR = AIMessageChunk(
    "", usage_metadata={**USAGE, "output_tokens": 1, "total_tokens": 3}
)
IN_ALL = AIMessageChunk("", usage_metadata=USAGE)
ENDS = {"end_turn": "stop", "max_tokens": "length"}
TYPE = 'content_type="application/jsonl; charset=utf-8"'


def messages(answer):
    """Return what the lines of an answer hold."""
    found = []
    body = answer.get_data().decode()
    assert body.endswith("\n"), (
        f"The answer ends with {short(body[-40:])}, without a newline: a line is whole"
        ' when its "\\n" is there. Send f"{json.dumps(message)}\\n".'
    )
    for line in body.removesuffix("\n").split("\n"):
        try:
            found.append(json.loads(line))
        except ValueError:
            raise AssertionError(
                f"One line of the answer is {short(line)}, which is no JSON: send"
                ' f"{json.dumps(message)}\\n" for each message.'
            ) from None
    return found


def tokens(found):
    return "".join(message["token"] for message in found if "token" in message)


def test_post_ask_answers_in_json_lines(ask):
    """POST /ask answers in JSON Lines."""
    _, answer = ask(*TEXTS)
    assert answer.status_code == 200, (
        f'POST /ask with {{"prompt": "Hello?"}} gave {answer.status_code}:'
        f" {STATUS.get(answer.status_code, 'expected was 200.')}"
    )
    assert answer.content_type.lower() == "application/jsonl; charset=utf-8", (
        f"The answer is sent as {answer.content_type}; a client knows messages by"
        f" their type. Write Response(stream, {TYPE})."
    )


def test_its_tokens_are_what_the_model_wrote(ask):
    model, answer = ask(*TEXTS)
    found = messages(answer)
    assert model.prompts == ["Hello?"], (
        f'The prompt was "Hello?", but the model was asked {model.prompts}: ask it'
        " once, with the prompt as it is."
    )
    assert tokens(found) == ANSWER, (
        f"The model wrote {ANSWER!r}, the tokens are {short(tokens(found))}: send"
        ' {"token": chunk.text} for each chunk that has text.'
    )
    assert answer.get_data().isascii(), (
        "The lines hold letters that are not ASCII: some readers decode each read by"
        " itself. json.dumps writes ASCII unless ensure_ascii=False is set."
    )


def test_its_last_lines_are_the_usage_and_the_end(ask):
    _, answer = ask(SO_FAR, *TEXTS, IN_ALL)
    *rest, usage, end = messages(answer)
    assert end == {"end": "stop"}, (
        f'The answer was whole, and its last line is {end}: send {{"end": "stop"}}'
        " last, or an answer that was cut off looks like a whole one."
    )
    assert usage == {"usage": USAGE}, (
        f"The model counted on from chunk to chunk, up to {USAGE}, and the line before"
        f" the end is {short(usage)}: keep the last chunk.usage_metadata that is not"
        ' None, and send {"usage": usage} there.'
    )
    assert not any("usage" in message for message in rest), (
        "The model counted on from chunk to chunk, and so does the answer: send the"
        " last count only, before the end."
    )


@pytest.fixture
def ended_with(answer_with, client):
    """Return a function that gives the last line of an answer with that metadata."""

    def last_line(**metadata):
        chunks = [AIMessageChunk("one"), AIMessageChunk("", response_metadata=metadata)]
        answer_with().stream = lambda prompt: (chunk for chunk in chunks)
        *_, last = messages(client.post("/ask", json={"prompt": "Hello?"}))
        return last

    return last_line


@pytest.mark.parametrize(("theirs", "ours"), ENDS.items())
def test_the_end_says_why_the_model_ended(ended_with, theirs, ours):
    last = ended_with(stop_reason=theirs)
    assert last == {"end": ours}, (
        f"Anthropic's reason for the end was {theirs!r}, and the last line is {last},"
        f" expected was {{'end': {ours!r}}}: openai_reason(metadata, has_text) of"
        " failures.py knows the words of all providers."
    )


def test_an_answer_without_a_reason_for_its_end_is_not_whole(ended_with):
    last = ended_with()
    assert last.get("isError") is True, (
        "The model's stream ended without a finish reason, so it was cut off, and the"
        f" last line is {last}: openai_reason(metadata, has_text) of failures.py raises"
        " then, and what it raises becomes the last line."
    )


def test_the_first_token_leaves_before_the_second_is_made(ask):
    came = Event()
    waited = []
    _, answer = ask("one", lambda: waited.append(came.wait(PATIENCE)), " two")
    for piece in answer.iter_encoded():
        if b"one" in piece:
            came.set()
    assert waited == [True], (
        "The client had to wait for the first token until the second was made: start"
        " the service in a thread, and give Response the stream itself."
    )


def test_a_failure_after_the_first_token_is_the_last_line(ask):
    _, answer = ask("one", ModelConnectionError(SECRET))
    found = messages(answer)
    assert SECRET not in answer.text, (
        f"The client got {found[-1].get('reason')}: a provider's own words can"
        " hold a part of your key. Throw a sentence of your own."
    )
    assert found[0] == {"token": "one"} and found[-1].get("isError") is True, (
        f'The model failed after its first text, and the lines are {found}: {{"token":'
        ' "one"} should come first, and last {"isError": true, "reason": ...}.'
    )
    assert "reason" in found[-1] and {"end": "stop"} not in found, (
        f"The model failed after its first text, and the lines are {found}: the last"
        " one has a reason, and no line says that the answer is whole."
    )


def test_a_failure_before_the_first_token_is_a_status(ask):
    thinks = Event()  # for a moment, as models do before they refuse
    _, answer = ask(lambda: thinks.wait(0.3), ModelRateLimitError(SECRET))
    assert answer.status_code == 429 and answer.headers.get("Retry-After"), (
        f"The model had too much to do, and the status is {answer.status_code}: wait"
        " for the first message before you respond, and raise"
        " TooManyRequests(sentence, retry_after=5) if an error came instead."
    )
    body = answer.get_json(silent=True) or {}
    assert {"error", "message"} <= body.keys() and SECRET not in answer.text, (
        f"The model had too much to do, and the client got {short(answer.text)}:"
        ' answer {"error": sentence, "message": sentence}, with a sentence of yours.'
    )


@pytest.mark.usefixtures("kept")
def test_the_model_is_hung_up_on_when_the_reader_leaves(program, answer_with, serve):
    model = answer_with(*["word " * 100] * PLENTY)
    url = f"{serve(program.app)}/ask"
    with requests.post(
        url, json={"prompt": "Hello?"}, stream=True, timeout=PATIENCE
    ) as answer:
        next(answer.iter_content(None))
    assert model.closed.wait(PATIENCE), (
        f"A browser hung up {PATIENCE} s ago, and the model's stream is still open:"
        " when the server closes the stream, send() has to raise, also while it waits"
        " for room, and closing(model.stream(prompt)) then closes the model's."
    )
    assert model.made < PLENTY, (
        f"A browser hung up after the first piece, and the model wrote to the end, all"
        f" {PLENTY} texts: let send() raise when the stream is closed."
    )


def test_a_slow_reader_slows_the_model_down(ask):
    model, answer = ask(*["word "] * 1000)
    pieces = answer.iter_encoded()
    next(pieces)
    ended = model.closed.wait(0.5)  # which it must not reach meanwhile
    made = model.made
    answer.close()
    assert not ended and made < 500, (
        "The reader took one piece, then none for half a second, and the model wrote"
        " on: what it writes waits in memory. Let send() wait while 8 lines are"
        " waiting."
    )

"""What a server must do that answers in JSON Lines; lessons 09 and 10 check it."""

import json
import threading

import pytest
import requests
from langchain_core.exceptions import ModelConnectionError, ModelRateLimitError
from langchain_core.messages import AIMessageChunk

from failures import BodyBreaks
from lessons.course.for_checks.failing_model import SECRET
from lessons.course.for_checks.plain_text import ANSWER, STATUS, TEXTS
from lessons.course.for_checks.quoting import short
from lessons.course.for_checks.scripted_model import End

PATIENCE = 5  # seconds that what should come at once may take
MOST_TOKENS = 1000
LONG = "word " * 4000  # a thousand of them are more than the buffers on the way hold
USAGE = {"input_tokens": 2, "output_tokens": 5, "total_tokens": 7}
SO_FAR = {"input_tokens": 2, "output_tokens": 1, "total_tokens": 3}
TYPES = "application/jsonl", "application/x-ndjson"
ENDS = {"end_turn": "stop", "max_tokens": "length"}


def in_time(call, sentence):
    """Return what a call returns; if it waits too long, fail with the sentence.

    If a thread of the program has died meanwhile, fail with what it died of.
    """
    results = []
    errors = []
    deaths = []  # what threads have died of, in a Python whose output nobody reads

    def work():
        try:
            results.append(call())
        except BaseException as error:
            errors.append(error)

    usual = threading.excepthook
    threading.excepthook = lambda death: deaths.append(death.exc_value)
    worker = threading.Thread(target=work, daemon=True)
    worker.start()
    worker.join(2 * PATIENCE)  # longer than a model waits in a script
    threading.excepthook = usual
    if errors:
        raise errors[0]
    if results:
        return results[0]
    if deaths:
        deaths[0].add_note("It ended a thread of yours, and nobody else hears of it.")
        raise deaths[0]
    raise AssertionError(sentence)


@pytest.fixture
def answer_of(ask):
    """Return a function that asks for a scripted answer: (model, answer), in time."""
    return lambda *script: in_time(
        lambda: ask(*script),
        "The model had answered, or failed, and the view still waits: let it wait for"
        " the first message or the end, whichever comes first.",
    )


def messages(answer):
    """Return what the lines of an answer hold."""
    try:
        body = in_time(
            answer.get_data,
            "The model's answer was over, and the server's did not end: whatever"
            " happened, the loop over the lines has to end. What they are read from is"
            " closed best in finally.",
        ).decode()
    except BodyBreaks:
        raise AssertionError(
            "The answer could not be finished, and its body breaks off, as in lesson"
            ' 08. Here the last line says so: let write() yield {"isError": true,'
            ' "reason": ...} as a line, and end.'
        ) from None
    assert body.endswith("\n"), (
        f"The answer ends with {short(body[-40:])}, without a newline: a line is whole"
        " when its newline is there. Add one to each line."
    )
    found = []
    for line in body.removesuffix("\n").split("\n"):
        try:
            message = json.loads(line)
        except ValueError:
            message = None
        assert isinstance(message, dict), (
            f"One line of the answer is {short(line)}, which is no object in JSON: make"
            " each line by json.dumps(message) and a newline."
        )
        found.append(message)
    return found


def tokens(found):
    return "".join(message["token"] for message in found if "token" in message)


def answers_in_json_lines(answer_of):
    _, answer = answer_of(*TEXTS)
    assert answer.status_code == 200, (
        f'POST /ask with {{"prompt": "Hello?"}} gave {answer.status_code}:'
        f" {STATUS.get(answer.status_code, 'expected was 200.')}"
    )
    assert answer.mimetype in TYPES, (
        f"The answer is sent as {answer.mimetype}, and Vovk's client takes it for lines"
        ' of JSON only by its type: write "application/jsonl; charset=utf-8" in'
        " HEADERS."
    )
    messages(answer)


def tokens_are_what_the_model_wrote(answer_of):
    model, answer = answer_of(*TEXTS)
    found = messages(answer)
    assert model.prompts == ["Hello?"], (
        f'The prompt was "Hello?", but the model was asked {model.prompts}: ask it'
        " once, with the prompt as it is."
    )
    assert tokens(found) == ANSWER, (
        f"The model wrote {ANSWER!r}, the tokens are {short(tokens(found))}: send"
        ' {"token": chunk.text} for each chunk that has text.'
    )


def a_list_of_blocks_is_sent_as_text(answer_of):
    block = {"type": "text", "text": "one"}
    _, answer = answer_of(AIMessageChunk([block]), " two")
    found = messages(answer)
    assert [message.get("token") for message in found[:2]] == ["one", " two"], (
        f"Some models send lists of blocks, and for {[block]} the line is"
        f" {found[0]}: chunk.content is then such a list, chunk.text is always text."
    )


def the_first_token_leaves_before_the_second_is_made(answer_of):
    came = threading.Event()
    waited = []
    _, answer = answer_of("one", lambda: waited.append(came.wait(PATIENCE)), " two")
    for piece in answer.iter_encoded():
        if b"one" in piece:
            came.set()
    assert waited == [True], (
        "The client had to wait for the first token until the second was made: send"
        " each message when it is there, and gather none."
    )


def the_last_line_says_why_the_model_ended(answer_of):
    _, answer = answer_of(*TEXTS)
    *_, last = messages(answer)
    assert last == {"end": "stop"}, (
        f'The answer was whole, and its last line is {last}: send {{"end": "stop"}}'
        " last, or an answer that was cut off looks like a whole one."
    )
    for theirs, ours in ENDS.items():
        _, answer = answer_of("one", End(stop_reason=theirs))
        *_, last = messages(answer)
        assert last == {"end": ours}, (
            f"Anthropic's reason for the end was {theirs!r}, and the last line is"
            f" {last}, expected was {{'end': {ours!r}}}: openai_reason(metadata,"
            " has_text) of failures.py knows the words of all providers."
        )


def an_answer_without_a_reason_for_its_end_is_not_whole(answer_of):
    _, answer = answer_of("one", End())
    *_, last = messages(answer)
    assert last.get("isError") is True, (
        "The model's stream ended without a finish reason, so it was cut off, and the"
        f" last line is {last}: openai_reason(metadata, has_text) of failures.py raises"
        " then, and what it raises becomes the last line."
    )


def the_usage_comes_before_the_end(answer_of):
    before, after = (
        AIMessageChunk("", usage_metadata=SO_FAR),
        AIMessageChunk("", usage_metadata=USAGE),
    )
    _, answer = answer_of(before, *TEXTS, after)
    found = messages(answer)
    usages = [message["usage"] for message in found if "usage" in message]
    assert usages, (
        f"The model counted {USAGE}, and no line of the answer has a usage: keep"
        ' chunk.usage_metadata where it is not None, and send {"usage": usage} before'
        " the end."
    )
    assert usages == [USAGE], (
        f"The model counted on from chunk to chunk, up to {USAGE}, and what was sent as"
        f" usage is {short(usages)}: keep the last chunk.usage_metadata that is not"
        " None, and send it once."
    )
    assert list(found[-1]) == ["end"], (
        f"The last line is {found[-1]}: the end is the last, since a reader may leave"
        " there. Send the usage before it."
    )


def a_failure_after_the_first_token_is_the_last_line(answer_of):
    _, answer = answer_of("one", ModelConnectionError(SECRET))
    found = messages(answer)
    assert SECRET not in answer.text, (
        f"The client got {found[-1].get('reason')}: a provider's own words can"
        " hold a part of your key. Send sentence_for(error) of failures.py."
    )
    assert found[0] == {"token": "one"} and found[-1].get("isError") is True, (
        f'The model failed after its first text, and the lines are {found}: {{"token":'
        ' "one"} should come first, and last {"isError": true, "reason": ...}.'
    )
    assert isinstance(found[-1].get("reason"), str), (
        f'The model failed, and the last line is {found[-1]}: its "reason" should be'
        " the sentence that a person reads, sentence_for(error)."
    )
    assert not any("end" in message for message in found), (
        f"The model failed after its first text, and the lines are {found}: no line"
        " may say that the answer came to its end."
    )


def a_failure_before_the_first_token_is_a_status(answer_of):
    thinks = threading.Event()  # for a moment, as models do before they refuse
    _, answer = answer_of(lambda: thinks.wait(0.3), ModelRateLimitError(SECRET))
    assert answer.status_code == 429 and answer.headers.get("Retry-After"), (
        f"The model had too much to do, and the status is {answer.status_code}: wait"
        " for the first message before you respond. If an error came instead, the view"
        " has to raise what http_error(error) of failures.py made of it."
    )
    body = answer.get_json(silent=True) or {}
    assert {"error", "message"} <= body.keys() and SECRET not in answer.text, (
        f"The model had too much to do, and the client got {short(answer.text)}: raise"
        " http_error(error), which as_json_with_message turns into our own sentence."
    )
    _, answer = answer_of()  # a model that ends without a word
    assert answer.status_code == 502, (
        "The model ended without a word, and the status is"
        f" {answer.status_code}: that is no answer. require_whole(metadata,"
        " has_text=False) raises what http_error makes a 502 of."
    )


def a_thousand_tokens_are_an_answer_and_one_more_is_thrown(answer_of):
    _, answer = answer_of(*["a"] * MOST_TOKENS)
    *_, last = messages(answer)
    assert last == {"end": "stop"}, (
        f"An answer of exactly {MOST_TOKENS} tokens is allowed, and its last line is"
        f" {last}: throw when one more token comes."
    )
    model, answer = answer_of(*["a"] * MOST_TOKENS, "b", "c")
    *rest, last = messages(answer)
    assert last == {"isError": True, "reason": {"limit": MOST_TOKENS}}, (
        f"The model wrote {MOST_TOKENS + 2} tokens, and the last line is {short(last)}:"
        f" {MOST_TOKENS} may be sent, then"
        f' {{"isError": true, "reason": {{"limit": {MOST_TOKENS}}}}}, and no more.'
    )
    assert len(tokens(rest)) == MOST_TOKENS, (
        f"The limit is {MOST_TOKENS} tokens, and before the throw {len(tokens(rest))}"
        " were sent: count those that you send, and throw instead of the next one."
    )
    assert model.closed.wait(PATIENCE) and model.closed_early, (
        f"{MOST_TOKENS} tokens were sent, and the model was listened to until its own"
        " end: return, so that closing hangs up on it."
    )


def the_model_is_hung_up_on_when_the_reader_leaves(program, answer_with, serve):
    model = answer_with(*[LONG] * MOST_TOKENS)
    url = f"{serve(program.app)}/ask"
    with requests.post(
        url, json={"prompt": "Hello?"}, stream=True, timeout=PATIENCE
    ) as answer:
        next(answer.iter_content(None))
    hung_up = model.closed.wait(PATIENCE)
    assert model.made < MOST_TOKENS, (
        "A browser hung up after the first piece, and the model wrote to the end, all"
        f" {MOST_TOKENS} texts, for nobody: let what writes stop when nobody reads."
    )
    return hung_up

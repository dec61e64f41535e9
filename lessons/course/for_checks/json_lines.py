"""What a server must do that answers in JSON Lines; lessons 09 and 10 check it."""

import json
import threading

import pytest
import requests
from langchain_core.exceptions import (
    ModelConnectionError,
    ModelError,
    ModelRateLimitError,
)
from langchain_core.messages import AIMessageChunk
from werkzeug.exceptions import HTTPException

from failures import STOPPED_EARLY, BodyBreaks
from lessons.course.for_checks.failing_model import SECRET, must_not_repeat_the_provider
from lessons.course.for_checks.in_time import (
    PATIENCE,
    UntilRead,
    in_time,
    is_of_the_check,
)
from lessons.course.for_checks.plain_text import ANSWER, STATUS, TEXTS
from lessons.course.for_checks.quoting import short
from lessons.course.for_checks.scripted_model import End

MOST_TOKENS = 1000
LONG = "word " * 4000  # a thousand of them are more than the buffers on the way hold
USAGE = {"input_tokens": 2, "output_tokens": 9, "total_tokens": 11}
SO_FAR = {"input_tokens": 2, "output_tokens": 1, "total_tokens": 3}
TYPES = "application/jsonl", "application/x-ndjson"
ENDS = {"end_turn": "stop", "max_tokens": "length"}


@pytest.fixture
def answer_of(ask):
    """Return a function that asks for a scripted answer: (model, answer), in time."""
    return lambda *script: in_time(
        lambda: ask(*script),
        "The model had answered, or failed, and the view still waits: let it wait for"
        " the first message or the end, whichever comes first.",
    )


def refuse(word):
    """Refuse NaN and Infinity, which Python takes for JSON, and nobody else does."""
    raise ValueError(word)


def messages(answer):
    """Return what the lines of an answer hold."""
    try:
        body = in_time(
            answer.get_data,
            "The model's answer was over, and the server's did not end: whatever"
            " happened, the loop over the lines has to end. What they are read from is"
            " closed best in finally.",
        ).decode()
    except HTTPException as error:
        raise AssertionError(
            f"The model failed, and {type(error).__name__} was raised when the view had"
            " returned its response, status and all: let the view wait for the first"
            " message before it makes the response."
        ) from None
    except (BodyBreaks, ModelError) as error:
        raise AssertionError(
            f"The answer could not be finished, and {type(error).__name__} breaks its"
            " body off, as in lesson 08. Here the last line says why: send {"
            '"isError": true, "reason": ...} as a line, and end, without a raise.'
        ) from None
    assert body.endswith("\n"), (
        f"The answer ends with {short(body[-40:])}, without a newline: a line is whole"
        " when its newline is there. Add one to each line."
    )
    found = []
    for line in body.removesuffix("\n").split("\n"):
        try:
            message = json.loads(line, parse_constant=refuse)
        except ValueError:
            message = None
        assert isinstance(message, dict), (
            f"One line of the answer is {short(line)}, which is not an object in JSON:"
            " make each line by json.dumps(message) and a newline."
        )
        found.append(message)
    return found


def tokens(found):
    return "".join(message["token"] for message in found if "token" in message)


def answers_in_json_lines(answer_of):
    _, answer = answer_of(*TEXTS)
    assert answer.status_code == 200, (
        f'POST /ask with {{"prompt": "Hello?"}} gave {answer.status_code}:'
        f" {STATUS.get(answer.status_code, 'expected 200.')}"
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


def a_chunk_without_text_is_no_token(answer_of):
    _, answer = answer_of("", "one", "", " two")
    found = [message["token"] for message in messages(answer) if "token" in message]
    assert "" not in found, (
        "The model sent 'one' and ' two', and chunks without text between them, as many"
        f" models do; the tokens are {found}: send one only if chunk.text has some."
    )
    assert found == ["one", " two"], (
        f"The model sent 'one' and ' two', and the tokens are {found}: loop over"
        " model.stream(prompt), and send a token for each chunk that has text."
    )


def half_an_emoji_breaks_nothing(answer_of):
    try:
        _, answer = answer_of("half \ud83d", " an emoji")
        found = tokens(messages(answer))
    except UnicodeEncodeError:
        raise AssertionError(
            "A chunk ended in half an emoji, which models can send, and the body broke:"
            " it has no bytes in UTF-8. Let json.dumps write it as \\ud83d, as it does"
            ' without ensure_ascii=False, or encode with "replace".'
        ) from None
    assert found.startswith("half ") and found.endswith(" an emoji"), (
        "A chunk ended in half an emoji, which models can send, and the tokens are"
        f" {short(found)}: all the rest has to come all the same."
    )


def a_list_of_blocks_is_sent_as_text(answer_of):
    block = {"type": "text", "text": "one"}
    _, answer = answer_of(AIMessageChunk([block]), " two")
    found = [message for message in messages(answer) if "token" in message]
    assert [message["token"] for message in found] == ["one", " two"], (
        f"Some models send lists of blocks, and for {[block]} the line is"
        f" {found[:1]}: chunk.content is then such a list, chunk.text is always text."
    )


def the_first_token_leaves_before_the_second_is_made(answer_of):
    until_read = UntilRead(b"one")
    _, answer = answer_of("one", until_read, " two")
    in_time(
        lambda: until_read.read(answer),
        "The model's answer was over, and the server's did not end.",
    )
    assert until_read.waits == [True], (
        "The client had to wait for the first token until the second was made: send"
        " each message when it is there, and gather none."
    )


def the_last_line_says_why_the_model_ended(answer_of):
    _, answer = answer_of(*TEXTS)
    *_, last = messages(answer)
    assert last.get("reason") != STOPPED_EARLY.sentence, (
        "The answer was whole, and its last line says that it stopped early: the"
        " finish reason is in one of the last chunks, and an empty one comes after"
        " it. Keep the metadata of all chunks, metadata |= chunk.response_metadata."
    )
    assert last == {"end": "stop"}, (
        f'The answer was whole, and its last line is {last}: send {{"end": "stop"}}'
        " last, or an answer that was cut off looks like a whole one."
    )
    for theirs, ours in ENDS.items():
        _, answer = answer_of("one", End(stop_reason=theirs))
        *_, last = messages(answer)
        advice = (
            "openai_reason(metadata, has_text) of failures.py knows the words of all"
            " providers."
        )
        if last.get("isError"):
            advice = (
                "that end is a failure no longer, so call require_whole only where no"
                " token was sent, and openai_reason(metadata, has_text=True) elsewhere."
            )
        assert last == {"end": ours}, (
            f"Anthropic's reason for the end was {theirs!r}, and the last line is"
            f" {last}, expected {{'end': {ours!r}}}: {advice}"
        )


def what_breaks_after_the_end_takes_nothing_away(answer_of):
    last_chunk = AIMessageChunk("", response_metadata={"finish_reason": "stop"})
    _, answer = answer_of("one", last_chunk, ModelConnectionError(SECRET))
    *_, last = messages(answer)
    assert last == {"end": "stop"}, (
        "The connection to the model broke after its finish reason, when all of the"
        f" text was there, and the last line is {last}: loop over"
        " ignoring_late_errors(chunks), as the program did that this lesson begins"
        " with."
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
    _, answer = answer_of(*TEXTS)  # from a model that does not count
    found = messages(answer)
    assert not any("usage" in message for message in found), (
        f"The model counted no tokens, and the last lines are {short(found[-2:])}: send"
        " a usage only if there is one."
    )


def a_number_that_json_does_not_have_is_not_sent(answer_of):
    chunk = AIMessageChunk("one", usage_metadata=USAGE)
    chunk.usage_metadata = USAGE | {"output_tokens": float("nan")}
    _, answer = answer_of(chunk)
    body = in_time(answer.get_data, "The answer did not end.").decode()
    lines = [line for line in body.splitlines() if "NaN" in line]
    assert not lines, (
        f"The model counted NaN, and a line of the answer is {short(lines[0])}:"
        " no other language can read NaN, so a page would break there. With"
        " json.dumps(message, allow_nan=False) it is a failure, which is said."
    )


def a_failure_after_the_first_token_is_the_last_line(answer_of, told):
    threads = []
    note = lambda: threads.append(threading.current_thread())  # noqa: E731
    model, answer = answer_of("one", note, ModelConnectionError(SECRET))
    found = messages(answer)
    assert len(model.prompts) == 1, (
        "The model failed after its first text, and was asked again: the lines are"
        f" {found}. What has been sent stays, and a new answer would go on in its"
        " middle, so ask again only before the first token."
    )
    assert SECRET not in answer.text, (
        f"The client got {found[-1].get('reason')}: a provider's own words can"
        " hold a part of your key. Send sentence_for(error) of failures.py."
    )
    assert found[0] == {"token": "one"} and found[-1].get("isError") is True, (
        f'The model failed after its first text, and the lines are {found}: {{"token":'
        ' "one"} should come first, and last {"isError": true, "reason": ...}.'
        " Where you catch what the model raises, send that line."
    )
    assert isinstance(found[-1].get("reason"), str), (
        f'The model failed, and the last line is {found[-1]}: its "reason" should be'
        " the sentence that a person reads, sentence_for(error)."
    )
    assert not any("end" in message for message in found), (
        f"The model failed after its first text, and the lines are {found}: no line"
        " may say that the answer came to its end."
    )
    for thread in threads:
        if not is_of_the_check(thread):  # a service runs in it
            thread.join(PATIENCE)
    must_not_repeat_the_provider(told())


def a_failure_before_the_first_token_is_a_status(answer_of, told):
    thinks = threading.Event()  # for a moment, as models do before they refuse
    try:
        _, answer = answer_of(lambda: thinks.wait(0.3), ModelRateLimitError(SECRET))
    except HTTPException:
        raise AssertionError(
            "The model had too much to do, and by then the view had returned its"
            " response, status and all: wait for the first message before you respond,"
            " as next(pieces) does."
        ) from None
    except ModelRateLimitError:
        raise AssertionError(
            "The model had too much to do, and the view raised the model's own error,"
            " of which Flask can only make a 500: raise http_error(error) of"
            " failures.py, which has a status."
        ) from None
    assert answer.status_code == 429 and answer.headers.get("Retry-After"), (
        f"The model had too much to do, and the status is {answer.status_code}: wait"
        " for the first message before you respond, and send none before the first"
        " token. If an error came instead, the view has to raise what http_error(error)"
        " of failures.py made of it."
    )
    body = answer.get_json(silent=True) or {}
    assert {"error", "message"} <= body.keys() and SECRET not in answer.text, (
        f"The model had too much to do, and the client got {short(answer.text)}: raise"
        " http_error(error), which as_json_with_message turns into our own sentence."
    )
    must_not_repeat_the_provider(told())
    counted = AIMessageChunk("", usage_metadata=USAGE)
    for what, script in {"": [], ", and counted what it had read": [counted]}.items():
        _, answer = answer_of(*script)
        assert answer.status_code == 502, (
            f"The model ended without a word{what}, and the status is"
            f" {answer.status_code}: that is not an answer. Call"
            " require_whole(metadata, has_text=False) before anything is sent: it"
            " raises what http_error makes a 502 of."
        )


def a_thousand_tokens_are_an_answer_and_one_more_is_thrown(answer_of):
    _, answer = answer_of(*["word "] * MOST_TOKENS)
    *_, last = messages(answer)
    assert last == {"end": "stop"}, (
        f"An answer of exactly {MOST_TOKENS} tokens is allowed, and its last line is"
        f" {last}: throw when one more token comes."
    )
    model, answer = answer_of(*["word "] * MOST_TOKENS, "b", "c")
    *rest, last = messages(answer)
    assert last == {"isError": True, "reason": {"limit": MOST_TOKENS}}, (
        f"The model wrote {MOST_TOKENS + 2} tokens, and the last line is {short(last)}:"
        f" {MOST_TOKENS} may be sent, then"
        f' {{"isError": true, "reason": {{"limit": {MOST_TOKENS}}}}}, and no more.'
    )
    assert len(rest) == MOST_TOKENS, (
        f"The limit is {MOST_TOKENS} tokens, and before the throw {len(rest)}"
        " were sent: count those that you send, and throw instead of the next one."
    )
    assert model.closed.wait(PATIENCE) and model.closed_early, (
        f"{MOST_TOKENS} tokens were sent, and the model was listened to until its own"
        " end: return, so that closing hangs up on it."
    )


def the_model_is_hung_up_on_while_it_thinks(answer_of, if_open, if_read):
    gate = threading.Event()
    model, answer = answer_of("one", gate, *["more "] * 50)

    def read_one_and_leave():
        next(answer.iter_encoded())
        answer.close()

    try:
        in_time(read_one_and_leave, "The reader left, and close() of the body waits.")
    except Exception as error:  # a generator that has caught GeneratorExit
        error.add_note("The reader had left: catch Exception only, and yield no more.")
        raise
    finally:
        gate.set()
    assert model.closed.wait(PATIENCE), (
        "The reader left while the model was thinking about its second text, and the"
        f" model's stream is still open: {if_open}"
    )
    assert model.closed_early, (
        "The reader left while the model was thinking about its second text, and the"
        f" model was listened to until its end, for nobody: {if_read}"
    )


def the_models_stream_is_closed_when_the_reader_leaves(program, answer_with, serve):
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

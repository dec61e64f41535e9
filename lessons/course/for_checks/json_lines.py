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

from failures import NO_TEXT, STOPPED_EARLY, BodyBreaks
from lessons.course.for_checks.failing_model import (
    SECRET,
    must_not_be_our_own,
    must_not_repeat_the_provider,
)
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
def answer_of(ask, caplog):
    """Return a function that asks for a scripted answer: (model, answer), in time."""

    def answer(*script):
        model, answer = in_time(
            lambda: ask(*script),
            "The model had answered or failed, but the view is still waiting. Make it"
            " wait only for the first message or the end, whichever comes first.",
        )
        answer.log = caplog  # to which the body, when it is read, may add
        return model, answer

    return answer


def refuse(word):
    """Refuse NaN and Infinity, which Python takes for JSON, and nobody else does."""
    raise ValueError(word)


def messages(answer):
    """Return what the lines of an answer hold."""
    try:
        body = in_time(
            answer.get_data,
            "The model's answer is over, but the response never ended. The loop over"
            " the lines must always end. In finally, close what the loop reads from.",
        ).decode()
    except HTTPException as error:
        raise AssertionError(
            f"The model failed, and {type(error).__name__} was raised after the view"
            " had returned its response with its status. Wait for the first message"
            " before you make the response."
        ) from None
    except (BodyBreaks, ModelError) as error:
        raise AssertionError(
            f"The answer could not be finished, and {type(error).__name__} broke off"
            " the body, as in lesson 08. In this lesson, the last line says why. Send"
            ' {"isError": true, "reason": ...} as a line and end without a raise.'
        ) from None
    assert body.endswith("\n"), (
        f"The answer ends with {short(body[-40:])}. Expected a newline at the end:"
        " without it a reader cannot know that the line is complete. Add a newline to"
        " each line."
    )
    found = []
    for line in body.removesuffix("\n").split("\n"):
        try:
            message = json.loads(line, parse_constant=refuse)
        except ValueError:
            message = None
        assert isinstance(message, dict), (
            f"Expected a JSON object on each line, got {short(line)}. Make each line"
            " with json.dumps(message) and a newline."
        )
        found.append(message)
    return found


def tokens(found):
    return "".join(message["token"] for message in found if "token" in message)


def answers_in_json_lines(answer_of):
    _, answer = answer_of(*TEXTS)
    assert answer.status_code == 200, (
        'POST /ask with {"prompt": "Hello?"}: expected status 200, got'
        f" {answer.status_code}."
        f" {STATUS.get(answer.status_code, 'Return the response with status 200.')}"
    )
    assert answer.mimetype in TYPES, (
        f"Expected Content-Type application/jsonl, got {answer.mimetype}. Vovk's client"
        ' recognizes JSON Lines only by that type. Write "application/jsonl;'
        ' charset=utf-8" in HEADERS.'
    )
    messages(answer)


def tokens_are_what_the_model_wrote(answer_of):
    model, answer = answer_of(*TEXTS)
    found = messages(answer)
    assert model.prompts == ["Hello?"], (
        'The prompt was "Hello?". Expected the model to be asked once with exactly that'
        f" text, got {model.prompts}."
    )
    assert tokens(found) == ANSWER, (
        f"The model wrote {ANSWER!r}. The tokens add up to {short(tokens(found))}. Send"
        ' {"token": chunk.text} for each chunk that has text.'
    )


def a_chunk_without_text_is_no_token(answer_of):
    _, answer = answer_of("", "one", "", " two")
    found = [message["token"] for message in messages(answer) if "token" in message]
    assert "" not in found, (
        "The model sent 'one' and ' two', with empty chunks between them, as many"
        f" models do. The tokens are {found}. Send a token only if chunk.text is not"
        " empty."
    )
    assert found == ["one", " two"], (
        f"The model sent 'one' and ' two'. The tokens are {found}. Loop over"
        " model.stream(prompt) and send a token for each chunk that has text."
    )


def half_an_emoji_breaks_nothing(answer_of):
    try:
        _, answer = answer_of("half \ud83d", " an emoji")
        found = tokens(messages(answer))
    except UnicodeEncodeError:
        raise AssertionError(
            "A chunk ended with half an emoji, which models can send, and the body"
            " broke: half an emoji has no UTF-8 bytes. Use json.dumps without"
            ' ensure_ascii=False, which writes it as \\ud83d, or encode with "replace".'
        ) from None
    assert found.startswith("half ") and found.endswith(" an emoji"), (
        "A chunk ended with half an emoji, which models can send. The tokens are"
        f" {short(found)}. Expected all the other text to arrive."
    )


def quotation_marks_are_text_too(answer_of):
    wrote = 'it\'s "so": \\n'
    found = tokens(messages(answer_of(wrote)[1]))
    assert found == wrote, (
        f"The model wrote {wrote!r}. The tokens add up to {found!r}. Make the line with"
        " json.dumps, which writes each character as JSON requires."
    )


def a_list_of_blocks_is_sent_as_text(answer_of):
    block = {"type": "text", "text": "one"}
    _, answer = answer_of(AIMessageChunk([block]), " two")
    found = [message for message in messages(answer) if "token" in message]
    assert [message["token"] for message in found] == ["one", " two"], (
        f"Some models send lists of blocks. For {[block]} the line is {found[:1]}. Send"
        " chunk.text: it is always text, while chunk.content can be such a list."
    )


def the_first_token_leaves_before_the_second_is_made(answer_of):
    until_read = UntilRead(b"one")
    _, answer = answer_of("one", until_read, " two")
    in_time(
        lambda: until_read.read(answer),
        "The model's answer is over, but the response never ended.",
    )
    assert until_read.waits == [True], (
        "The first token reached the client only after the model had made the second."
        " Send each message as soon as it arrives, and do not collect them."
    )


def the_last_line_says_why_the_model_ended(answer_of):
    _, answer = answer_of(*TEXTS)
    *_, last = messages(answer)
    must_not_be_our_own(answer.text, answer.log.messages)
    assert last.get("reason") != NO_TEXT.sentence, (
        "The model wrote text, but the last line says that there was none. Count the"
        " tokens where you send them: tokens += 1."
    )
    assert last.get("reason") != STOPPED_EARLY.sentence, (
        "The model finished its answer, but the last line says that it stopped early."
        " The finish reason is in one of the last chunks, and an empty chunk follows"
        " it. Keep the metadata of all chunks: metadata |= chunk.response_metadata."
    )
    assert last == {"end": "stop"}, (
        'The model finished its answer. Expected {"end": "stop"} as the last line, got'
        f" {last}. Without it, an answer that was cut off looks complete. After the"
        ' last token, send {"end": ...} with what openai_reason() returns.'
    )
    named = AIMessageChunk("one", response_metadata={"model_name": "m"})
    *_, last = messages(answer_of(named, " two")[1])
    assert last == {"end": "stop"}, (
        "The model named itself in its first chunk, and its finish reason came in one"
        f' of the last. Expected {{"end": "stop"}} as the last line, got {last}. Keep'
        " the metadata of all chunks: metadata |= chunk.response_metadata."
    )
    for theirs, ours in ENDS.items():
        _, answer = answer_of("one", End(stop_reason=theirs))
        *_, last = messages(answer)
        advice = (
            "Call openai_reason(metadata, has_text) from failures.py, which knows the"
            " words of all providers."
        )
        if last.get("isError"):
            advice = (
                "Such an end is no longer a failure. Call require_whole only if no"
                " token was sent, and openai_reason(metadata, has_text=True) otherwise."
            )
        assert last == {"end": ours}, (
            f"The model ended with Anthropic's reason {theirs!r}. Expected the last"
            f" line {{'end': {ours!r}}}, got {last}. {advice}"
        )


def an_error_after_the_end_takes_nothing_away(answer_of):
    last_chunk = AIMessageChunk("", response_metadata={"finish_reason": "stop"})
    _, answer = answer_of("one", last_chunk, ModelConnectionError(SECRET))
    *_, last = messages(answer)
    assert last == {"end": "stop"}, (
        "The connection to the model broke after the finish reason, when all the text"
        f' had arrived. Expected {{"end": "stop"}} as the last line, got {last}. Loop'
        " over ignoring_late_errors(chunks), as this lesson's starting program does."
    )


def an_answer_without_a_finish_reason_is_not_whole(answer_of):
    _, answer = answer_of("one", End())
    *_, last = messages(answer)
    assert last.get("isError") is True, (
        "The model's stream ended without a finish reason, so the answer was cut off."
        f' Expected a last line with "isError": true, got {last}. Call'
        " openai_reason(metadata, has_text) from failures.py and send what it raises as"
        " the last line."
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
        f"The model counted {USAGE}, but no line has a usage. Keep chunk.usage_metadata"
        ' if it is not None, and send {"usage": usage} before the end.'
    )
    assert usages == [USAGE], (
        f"The model's counts grew from chunk to chunk, up to {USAGE}. Expected one"
        f" usage with those counts, got {short(usages)}. Keep the last"
        " chunk.usage_metadata that is not None, and send it once."
    )
    assert list(found[-1]) == ["end"], (
        f"The last line is {found[-1]}. Expected the end there, because a reader may"
        " stop reading at the end. Send the usage before it."
    )
    found = messages(answer_of("one", after, End(finish_reason="length"))[1])
    assert any("usage" in message for message in found), (
        f"The model counted {USAGE} and reached its limit. The lines are {found}. Send"
        " the usage however the answer ended: each token costs money."
    )
    _, answer = answer_of(*TEXTS)  # from a model that does not count
    found = messages(answer)
    assert not any("usage" in message for message in found), (
        "The model counted no tokens, so expected no usage. The last lines are"
        f" {short(found[-2:])}. Send a usage only if there is one."
    )


def a_number_that_json_does_not_have_is_not_sent(answer_of):
    chunk = AIMessageChunk("one", usage_metadata=USAGE)
    chunk.usage_metadata = USAGE | {"output_tokens": float("nan")}
    _, answer = answer_of(chunk)
    body = in_time(answer.get_data, "The response never ended.").decode()
    lines = [line for line in body.splitlines() if "NaN" in line]
    assert not lines, (
        f"The model counted NaN, and the body has the line {short(lines[0])}. NaN is"
        " not valid JSON: in a page, JSON.parse fails. Use json.dumps(message,"
        " allow_nan=False), which raises an error for NaN. Report that error as a"
        " failure."
    )


def a_failure_after_the_first_token_is_the_last_line(answer_of, told):
    threads = []
    note = lambda: threads.append(threading.current_thread())  # noqa: E731
    model, answer = answer_of("one", note, ModelConnectionError(SECRET))
    found = messages(answer)
    assert len(model.prompts) == 1, (
        "The model failed after its first text and was asked again: the lines are"
        f" {found}. The client keeps what it has, and a second answer would continue in"
        " the middle of it. Ask again only before the first token."
    )
    assert SECRET not in answer.text, (
        f"The client got {found[-1].get('reason')}. A provider's own words can contain"
        " part of your key. Send sentence_for(error) from failures.py."
    )
    assert found[0] == {"token": "one"} and found[-1].get("isError") is True, (
        'The model failed after its first text. Expected {"token": "one"} first and'
        f' {{"isError": true, "reason": ...}} last, got the lines {found}. Send that'
        " last line where you catch what the model raises."
    )
    assert isinstance(found[-1].get("reason"), str), (
        f"The model failed, and the last line is {found[-1]}. Expected a sentence that"
        ' a reader understands as its "reason". Send sentence_for(error).'
    )
    assert not any("end" in message for message in found), (
        "The model failed after its first text, but a line says that the answer ended"
        f' normally. The lines are {found}. Send no "end" after a failure.'
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
            "The model was overloaded, but the view had already returned its response"
            " with its status. Wait for the first message before you respond, as"
            " next(pieces) does."
        ) from None
    except ModelRateLimitError:
        raise AssertionError(
            "The model was overloaded, and the view raised the model's own error, which"
            " Flask can only turn into a 500. Raise http_error(error) from failures.py"
            " instead: it has a status."
        ) from None
    assert answer.status_code == 429 and answer.headers.get("Retry-After"), (
        "The model was overloaded. Expected status 429 with Retry-After, got"
        f" {answer.status_code}. Wait for the first message before you respond, and"
        " send none before the first token. If an error comes first, let the view raise"
        " http_error(error) from failures.py."
    )
    body = answer.get_json(silent=True) or {}
    assert {"error", "message"} <= body.keys() and SECRET not in answer.text, (
        f"The model was overloaded, and the client got {short(answer.text)}. Raise"
        " http_error(error), which has a sentence of our own. as_json_with_message"
        " sends that sentence."
    )
    must_not_repeat_the_provider(told())
    counted = AIMessageChunk("", usage_metadata=USAGE)
    for what, script in {"": [], " after it had counted its input": [counted]}.items():
        _, answer = answer_of(*script)
        assert answer.status_code == 502, (
            f"The model ended without any text{what}, which is not an answer. Expected"
            f" status 502, got {answer.status_code}. Call require_whole(metadata,"
            " has_text=False) before you send anything: http_error turns what it raises"
            " into a 502."
        )


def a_thousand_tokens_are_an_answer_and_one_more_is_thrown(answer_of):
    _, answer = answer_of(*["word "] * MOST_TOKENS)
    *_, last = messages(answer)
    assert last == {"end": "stop"}, (
        f'An answer of exactly {MOST_TOKENS} tokens is allowed. Expected {{"end":'
        f' "stop"}} as the last line, got {last}. Report the limit only when one more'
        " token comes."
    )
    model, answer = answer_of(*["word "] * MOST_TOKENS, "b", "c")
    *rest, last = messages(answer)
    assert last == {"isError": True, "reason": {"limit": MOST_TOKENS}}, (
        f"The model wrote {MOST_TOKENS + 2} tokens, and {MOST_TOKENS} may be sent."
        f' Expected {{"isError": true, "reason": {{"limit": {MOST_TOKENS}}}}} as the'
        f" last line, got {short(last)}. Report the limit with that object as its"
        " reason, without a raise, and then return."
    )
    assert len(rest) == MOST_TOKENS, (
        f"The limit is {MOST_TOKENS} tokens, but {len(rest)} lines came before its"
        " report. Count the tokens that you send, and report the limit instead of"
        " sending the next one."
    )
    assert model.closed.wait(PATIENCE) and model.closed_early, (
        f"The limit of {MOST_TOKENS} tokens was reached, but the program kept reading"
        " the model's stream to the end. Return after you have reported the limit, so"
        " that the model's stream is closed."
    )


def the_model_is_hung_up_on_while_it_thinks(answer_of, if_open, if_read):
    gate = threading.Event()
    model, answer = answer_of("one", gate, *["more "] * 50)

    def read_one_and_leave():
        next(answer.iter_encoded())
        answer.close()

    try:
        in_time(
            read_one_and_leave,
            "The reader left, but the body's close() never returned.",
        )
    except Exception as error:  # a generator that has caught GeneratorExit
        error.add_note(
            "The reader had left. Catch only Exception, and yield nothing more."
        )
        raise
    finally:
        gate.set()
    assert model.closed.wait(PATIENCE), (
        "The reader left while the model was working on its second text. The model's"
        f" stream is still open. {if_open}"
    )
    assert model.closed_early, (
        "The reader left while the model was working on its second text. The program"
        " kept reading the model's stream to the end although nobody was reading the"
        f" answer. {if_read}"
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
        "A browser disconnected after the first piece, but the model wrote all"
        f" {MOST_TOKENS} texts. Stop when nobody is reading."
    )
    return hung_up

"""What lessons 06 and 07 gave the server: each failure is reported, early or late.

The check of lesson 08 imports the tests. In lesson 07 some of this is new: its check
calls those tests at their step.
"""

import re

import pytest
from langchain_core.exceptions import (
    ModelAPIError,
    ModelConnectionError,
    ModelError,
    ModelRateLimitError,
)
from langchain_core.messages import AIMessageChunk
from werkzeug.exceptions import HTTPException

from lessons.course.for_checks.failing_model import (
    SECRET,
    Refusing,
    must_not_repeat_the_provider,
    read,
)
from lessons.course.for_checks.in_time import PATIENCE
from lessons.course.for_checks.quoting import short
from lessons.course.for_checks.scripted_model import End

LINE = re.compile(r"\n\[error: .+\]\n$")
EARLY = {  # what a model raises before its first text: the statuses, and times asked
    ModelAPIError: ((502, 503), 2),
    ModelRateLimitError: ((429,), 1),
    ValueError: ((502, 503), 2),  # as when the model's answer is no JSON
}
LATE = {  # how an answer ends that is not whole
    "a lost connection": [ModelConnectionError(SECRET)],
    "an error that does not come from a provider": [ValueError(SECRET)],
    "the finish reason length": [End(finish_reason="length")],
    "no finish reason at all": [End()],
}
AS_BEFORE = "The program that this lesson begins with does that"


def test_a_failure_before_the_first_text_becomes_an_error_status(ask, told):
    for kind, (statuses, times) in EARLY.items():
        what = f"The model raised {kind.__name__} before its first text"
        try:
            model, answer = ask(Refusing(99, kind))
        except (RuntimeError, StopIteration):
            raise AssertionError(
                f"{what}, and next() got nothing, because the generator ended. End"
                " write with raise, not with return or break."
            ) from None
        except (HTTPException, ModelError, ValueError) as error:
            if not isinstance(error, HTTPException) and SECRET not in str(error):
                raise
            raise AssertionError(
                f"{what}, and the server can only answer with a 500 or break off the"
                " response. Wait for the first text in the view, with next(pieces). In"
                " write, catch whatever the model raises, with except Exception."
                f" {AS_BEFORE}."
            ) from None
        assert answer.status_code in statuses, (
            f"{what}. Expected status {statuses[0]}, got {answer.status_code}. As long"
            " as nothing has been sent, raise http_error(error) from None, and yield no"
            f" last line. {AS_BEFORE}."
        )
        must_be_a_sentence(answer, what)
        asked = len(model.prompts)
        assert times <= asked < 9 and (times > 1 or asked == 1), (
            f"{what}. The program asked it {asked} time(s), expected {times}. Before"
            " the first text, ask once more if failure_of(error).may_pass is true, but"
            f" not after a rate limit. {AS_BEFORE}."
        )
    must_not_repeat_the_provider(told())


def must_be_a_sentence(answer, what):
    """Fail unless a refusal has a sentence of our own, as JSON."""
    said = answer.get_json(silent=True)
    assert isinstance(said, dict) and said.get("error"), (
        f"{what}, and the body of the {answer.status_code} is {short(answer.text)}."
        ' Expected {"error": "a sentence"}. Keep the line'
        " app.register_error_handler(HTTPException, as_json)."
    )
    assert SECRET not in answer.text, (
        f"{what}, and the reader gets the provider's own words, {SECRET!r}. They can"
        " contain part of the key. Raise http_error(error), which has a sentence of our"
        " own."
    )


def test_an_answer_without_text_becomes_an_error_status(ask):
    try:
        _, answer = ask("", "")
    except (RuntimeError, StopIteration):
        raise AssertionError(
            "The model ended without any text, so next() got nothing and the view"
            " broke. require_whole(metadata, has_text) raises Unfinished if has_text"
            " is False. Set it to True only when text comes."
        ) from None
    assert answer.status_code in (502, 503), (
        "The model ended without any text. Expected status 502, got"
        f" {answer.status_code}. Keep in has_text whether text has come, and pass it to"
        " require_whole(metadata, has_text)."
    )


@pytest.mark.usefixtures("kept")
def test_the_models_stream_is_closed_when_the_reader_leaves(ask):
    """The model's stream is closed when the reader leaves."""
    model, answer = ask("one", *[" more"] * 99)
    next(answer.iter_encoded())
    try:
        answer.close()
    except RuntimeError as error:
        raise AssertionError(
            f"The reader left, and Python says: {error}. Python raises GeneratorExit at"
            " the yield, and that must end the generator. Catch only Exception, which"
            " does not include GeneratorExit, and yield nothing in finally."
        ) from None
    assert model.closed.wait(PATIENCE) and model.closed_early, (
        "The reader left after the first piece, but the model kept writing although"
        " nobody was reading. Call response.call_on_close(pieces.close) in the view,"
        f" and read each generator in a `with closing(...)` block. {AS_BEFORE}."
    )


def test_an_incomplete_answer_ends_in_a_line_and_a_break(ask, told):
    for end, script in LATE.items():
        model, answer = ask("one", " two", *script)
        what = f"The model wrote 'one two', and then came {end}"
        came, broke = read(answer)
        assert came.startswith("one two") and len(model.prompts) == 1, (
            f"{what}. The program asked {len(model.prompts)} time(s), and the reader"
            f" got {short(came)}. Keep what has been sent, and do not ask again."
        )
        assert broke and LINE.search(came), (
            f"{what}. The reader got {short(came)} and {'a' if broke else 'no'} break."
            " Such an answer ends in a last line and a break, as in lesson 07."
        )
        assert SECRET not in came, (
            f"{what}, and the last line has the provider's own words, {SECRET!r}. Yield"
            " sentence_for(error), which is a sentence of our own."
        )
        must_not_repeat_the_provider(told(), broke)


def test_an_error_after_the_finish_reason_is_ignored(ask):
    last = AIMessageChunk(" two", response_metadata={"finish_reason": "stop"})
    _, answer = ask("one", last, ModelConnectionError(SECRET))
    came, broke = read(answer)
    assert came == "one two" and not broke, (
        "The model wrote 'one two', with the finish reason stop in its last chunk, and"
        " then the connection broke. Expected a complete answer, but the reader got"
        f" {short(came)} and {'a' if broke else 'no'} break. Loop over"
        " ignoring_late_errors(chunks) to the end: a chunk with a finish reason can"
        " have text, too."
    )


def test_each_answer_leaves_a_line_in_the_log(ask, told):
    for script in ["one"], ["one", ModelConnectionError(SECRET)], [Refusing(99)]:
        told()
        _, answer = ask(*script)
        read(answer)
        end = "failed" if len(script) > 1 or script[0] != "one" else "was complete"
        assert told().strip(), (
            f"One answer {end}, but the log says nothing about it. Log the record in"
            ' finally, app.logger.info("%s", record), as in lesson 07.'
        )


def test_half_an_emoji_does_not_break_an_answer(ask):
    what = (
        "The model wrote half an emoji, which UTF-8 cannot encode, in 'it \\ud83d goes'"
    )
    advice = 'Yield text.encode("utf-8", "replace"), which puts a ? there.'
    came = b""
    try:
        _, answer = ask("so ", "it \ud83d goes", " on")
        for piece in answer.iter_encoded():
            came += piece
    except UnicodeEncodeError:
        raise AssertionError(f"{what}, and it broke the answer. {advice}") from None
    except Exception as error:
        raise AssertionError(
            f"{what}, and the answer broke off after {came!r}. {advice}"
        ) from error
    assert came.startswith(b"so it ") and came.endswith(b" goes on"), (
        f"{what}, and the reader got {came!r}. Nothing else may be lost. {advice}"
    )
    assert is_utf8(came), (
        f"{what}, and the reader got {came!r}, which is not UTF-8. {advice}"
    )


def is_utf8(came):
    """Whether bytes are text in UTF-8."""
    try:
        came.decode()
    except UnicodeDecodeError:
        return False
    return True

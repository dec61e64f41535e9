"""What lessons 06 and 07 gave the server: each failure is said, early or late.

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
    "an error that is no provider's": [ValueError(SECRET)],
    "the finish reason length": [End(finish_reason="length")],
    "no finish reason at all": [End()],
}
AS_BEFORE = "the program that this lesson begins with does it"


def test_a_failure_before_the_first_text_is_a_status(ask, told):
    for kind, (statuses, times) in EARLY.items():
        what = f"The model raised {kind.__name__} before its first text"
        try:
            model, answer = ask(Refusing(99, kind))
        except (RuntimeError, StopIteration):
            raise AssertionError(
                f"{what}, and next() found nothing to wait for, because the generator"
                " ended: let write end with raise, and with no return or break."
            ) from None
        except (HTTPException, ModelError, ValueError) as error:
            if not isinstance(error, HTTPException) and SECRET not in str(error):
                raise
            raise AssertionError(
                f"{what}, and the server can only say 500 or break off. Wait for the"
                " first text in the view, with next(pieces), and catch whatever the"
                f" model raises, except Exception, in write: {AS_BEFORE}."
            ) from None
        assert answer.status_code in statuses, (
            f"{what}, and the status is {answer.status_code}, expected {statuses[0]}:"
            " as long as nothing has left, raise http_error(error) from None, before"
            f" any line for people: {AS_BEFORE}."
        )
        must_be_a_sentence(answer, what)
        asked = len(model.prompts)
        assert times <= asked < 9 and (times > 1 or asked == 1), (
            f"{what}, and was asked {asked} time(s), expected {times}: before the first"
            " text ask once more if failure_of(error).may_pass, and not at a rate"
            f" limit: {AS_BEFORE}."
        )
    must_not_repeat_the_provider(told())


def must_be_a_sentence(answer, what):
    """Fail unless a refusal has a sentence of our own, as JSON."""
    said = answer.get_json(silent=True)
    assert isinstance(said, dict) and said.get("error"), (
        f"{what}, and the body of the {answer.status_code} is {short(answer.text)},"
        ' expected {"error": "a sentence"}: keep the line'
        " app.register_error_handler(HTTPException, as_json)."
    )
    assert SECRET not in answer.text, (
        f"{what}, and the reader gets the provider's own words, {SECRET!r}: they can"
        " hold part of the key. http_error(error) has a sentence of our own."
    )


def test_an_answer_without_a_text_is_a_status(ask):
    try:
        _, answer = ask("", "")
    except (RuntimeError, StopIteration):
        raise AssertionError(
            "The model ended without any text, so that next() found nothing to wait for"
            " and broke the view: require_whole(metadata, has_text) raises Unfinished"
            " if has_text is False, and it is False until a text has come."
        ) from None
    assert answer.status_code in (502, 503), (
        "The model ended without any text, and the status is"
        f" {answer.status_code}, expected 502: let has_text say whether a text has"
        " come, and pass it to require_whole(metadata, has_text)."
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
            f"The reader left, and Python says: {error}. At the yield it raises"
            " GeneratorExit then, which must end the generator: catch Exception, which"
            " GeneratorExit is not, and yield nothing in finally."
        ) from None
    assert model.closed.wait(PATIENCE) and model.closed_early, (
        "The reader left after the first piece, and the model wrote on, for nobody: the"
        " view calls response.call_on_close(pieces.close), and each generator reads the"
        f" next in closing(...): {AS_BEFORE}."
    )


def test_an_answer_that_is_not_whole_ends_in_a_line_and_a_break(ask, told):
    for end, script in LATE.items():
        model, answer = ask("one", " two", *script)
        what = f"The model wrote 'one two', and then came {end}"
        came, broke = read(answer)
        assert came.startswith("one two") and len(model.prompts) == 1, (
            f"{what}; it was asked {len(model.prompts)} time(s), and the reader got"
            f" {short(came)}: what has been sent stays, and nothing is asked again."
        )
        assert broke and LINE.search(came), (
            f"{what}; the reader got {short(came)} and {'a' if broke else 'no'} break:"
            " such an answer ends in a last line and in a break, as in lesson 07."
        )
        assert SECRET not in came, (
            f"{what}, and the last line has the provider's own words, {SECRET!r}:"
            " sentence_for(error) has a sentence of our own."
        )
        must_not_repeat_the_provider(told(), broke)


def test_an_error_after_the_finish_reason_is_ignored(ask):
    last = AIMessageChunk(" two", response_metadata={"finish_reason": "stop"})
    _, answer = ask("one", last, ModelConnectionError(SECRET))
    came, broke = read(answer)
    assert came == "one two" and not broke, (
        "The model wrote 'one two' with the finish reason stop beside its last text,"
        f" and then the connection broke; the reader got {short(came)} and"
        f" {'a' if broke else 'no'} break, expected a whole answer. Loop over"
        " ignoring_late_errors(chunks), to its end: a chunk with a finish reason can"
        " have a text."
    )


def test_each_answer_leaves_a_line_in_the_log(ask, told):
    for script in ["one"], ["one", ModelConnectionError(SECRET)], [Refusing(99)]:
        told()
        _, answer = ask(*script)
        read(answer)
        end = "failed" if len(script) > 1 or script[0] != "one" else "came whole"
        assert told().strip(), (
            f"Of an answer that {end} the log says nothing: log the record in finally,"
            ' app.logger.info("%s", record), as in lesson 07.'
        )


def test_half_an_emoji_does_not_break_an_answer(ask):
    what = "The model wrote half an emoji, which has no bytes, in 'it \\ud83d goes'"
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
        f"{what}, and the reader got {came!r}: nothing else may be lost. {advice}"
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

"""A failure is a status while it can be, later a line and a break."""

import re
from threading import BoundedSemaphore

import pytest
from langchain_core import exceptions as failures

from lessons.course.explain import short
from lessons.course.scripted_model import End
from lessons.course.shared_checks import (
    test_a_prompt_that_is_no_string_is_refused,
    test_post_ask_answers_in_plain_text,
    test_the_answer_is_what_the_model_wrote,
    test_the_first_piece_leaves_before_the_second_is_made,
)

__all__ = [
    "test_a_prompt_that_is_no_string_is_refused",
    "test_post_ask_answers_in_plain_text",
    "test_the_answer_is_what_the_model_wrote",
    "test_the_first_piece_leaves_before_the_second_is_made",
]
SECRET = "Incorrect API key provided: sk-pr****1234"
STATUS = {
    failures.ModelRateLimitError: 429,
    failures.ModelTimeoutError: 504,
    failures.ModelAuthenticationError: 502,
    failures.ModelConnectionError: 502,
    failures.ModelAPIError: 502,
}
BREAK = "Yield the line, then raise: a body that breaks is how a program gets to know."


class Refusing:
    """An item of a script: raise the failure, so many times."""

    def __init__(self, times, kind=failures.ModelAPIError):
        self.left = times
        self.kind = kind

    def __call__(self):
        if self.left:
            self.left -= 1
            raise self.kind(SECRET)


def read(answer):
    """Return the text that came, and whether the body broke after it."""
    came = b""
    try:
        for piece in answer.iter_encoded():
            came += piece
    except Exception:
        return came.decode(), True
    return came.decode(), False


@pytest.mark.parametrize("kind", STATUS, ids=lambda kind: kind.__name__)
def test_a_failure_before_the_first_text_has_its_own_status(ask, kind):
    """A failure before the first text has its own status."""
    status = STATUS[kind]
    name = kind.__name__
    try:
        model, answer = ask(Refusing(99, kind))
    except failures.ModelError:
        raise AssertionError(
            f"The model raised {name} before its first text, and nothing made an answer"
            f" of it: wait for the first text in the view, with next(), and abort with"
            f" a {status} instead."
        ) from None
    assert answer.status_code == status, (
        f"The model raised {name} before its first text, and the status is"
        f" {answer.status_code}, expected was {status}."
    )
    assert len(model.prompts) < 9, (
        f"The model refused with {name} and was asked {len(model.prompts)} times: one"
        " more try helps, many more make it worse."
    )
    error = (answer.get_json(silent=True) or {}).get("error")
    assert isinstance(error, str) and error, (
        f"The model raised {name}, and the body of the {status} is"
        f" {short(answer.text)}: the page shows the sentence of a body like"
        ' {"error": "..."}, which @app.errorhandler(http.HTTPException) can make.'
    )
    assert status != 429 or answer.headers.get("Retry-After"), (
        "The status is 429, and nobody knows when to ask again: give the error a"
        " retry_after, and keep its headers."
    )
    assert SECRET not in answer.text, (
        f"The reader of the {status} gets the provider's own words, {SECRET!r}: they"
        " can hold part of the key. Write a sentence of your own for each failure."
    )


def test_a_model_that_says_nothing_is_a_failure_too(ask):
    try:
        _, answer = ask("")
    except (RuntimeError, StopIteration) as error:
        error.add_note("The model ended without any text: that is a failure, a 502.")
        raise
    assert answer.status_code == 502, (
        "The model ended without any text, and the status is"
        f" {answer.status_code}, expected was 502: nothing is no answer."
    )


def test_it_asks_once_more_before_the_first_text(ask):
    model, answer = ask(Refusing(1), "one", " two")
    assert (answer.status_code, answer.text) == (200, "one two"), (
        f"The model refused once, and the reader got a {answer.status_code} after"
        f" {len(model.prompts)} question(s): before the first text nobody has read"
        " anything yet, so ask a second time."
    )


def test_a_failure_after_the_first_text_ends_in_a_line_and_a_break(ask):
    model, answer = ask("one", " two", failures.ModelConnectionError(SECRET))
    came, broke = read(answer)
    assert came.startswith("one two"), (
        f"The model had written 'one two' when it failed, and the reader got {came!r}:"
        " what has been sent stays."
    )
    assert len(model.prompts) == 1, (
        f"The model failed in mid-answer, and was asked again: the reader got {came!r}."
        " Ask again only before the first text; after it the new answer would go on"
        " where the old one broke."
    )
    assert SECRET not in came, (
        f"The answer ends in the provider's own words, {came[7:]!r}: they can hold part"
        " of the key. Write a sentence of your own."
    )
    assert broke or came != "one two", (
        "The model failed after 'one two', and the answer ends there as if it were"
        " whole: nobody can see that it broke. Yield a last line, then raise."
    )
    assert re.search(r"\n\[error: .+\]\n$", came), (
        f"The model failed after 'one two', and the answer ends with {came[-24:]!r}:"
        " people need a last line, '\\n[error: why]\\n', before the break."
    )
    assert broke, f"The answer ends with its line as if it were whole. {BREAK}"


@pytest.mark.parametrize("reason", ["length", "content_filter"])
def test_an_answer_that_was_cut_short_is_not_whole(ask, reason):
    """An answer that was cut short is not whole."""
    _, answer = ask("one", " two", End(finish_reason=reason))
    came, broke = read(answer)
    assert broke and came.startswith("one two\n[error: "), (
        f'The model stopped with the finish_reason "{reason}", so the answer is not'
        f" whole; the reader got {came!r} and {'a' if broke else 'no'} break. Look at"
        " the response_metadata of every chunk, for the last one can be empty, and end"
        " the answer as any other failure does."
    )


def test_a_slot_is_given_back_however_an_answer_ends(ask, program, monkeypatch):
    assert hasattr(program, "slots"), (
        "Nothing bounds the answers that are written at once: slots ="
        ' BoundedSemaphore(number("ANSWERS_AT_ONCE", 64)).'
    )
    monkeypatch.setattr(program, "slots", BoundedSemaphore(2))
    ends = {
        "came whole": ["one"],
        "were refused": [Refusing(99)],
        "broke off": ["one", failures.ModelConnectionError(SECRET)],
        "lost their reader": ["one", " two"],
    }
    for end, script in ends.items():
        for n in range(3):
            _, answer = ask(*script)
            assert answer.status_code != 503, (
                f"There were two slots, {n} answers {end} one after the other, and the"
                " next was refused, as if too many were written: slots.release() in"
                " finally, and response.call_on_close(answer.close) in the view."
            )
            if end == "lost their reader":
                next(answer.iter_encoded())
                answer.close()
            else:
                read(answer)


@pytest.mark.usefixtures("kept")
def test_the_model_is_hung_up_on_when_the_reader_leaves(ask):
    model, answer = ask("one", " two", " three")
    next(answer.iter_encoded())
    answer.close()
    assert model.closed.is_set(), (
        "The reader left after the first piece, and the model's stream stayed open:"
        " let the view call response.call_on_close(answer.close), and loop over a"
        " closing(model.stream(prompt))."
    )

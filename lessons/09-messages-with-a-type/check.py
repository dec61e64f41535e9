"""A line of JSON for each message, from the first token to the end; check.js reads."""

import pytest

from lessons.course.for_checks import json_lines as checks
from lessons.course.for_checks.in_time import PATIENCE
from lessons.course.for_checks.json_lines import answer_of
from lessons.course.for_checks.scripted_model import End
from lessons.course.for_checks.still_there import (
    test_an_answer_has_the_headers_from_lesson_08,
    test_anything_that_is_not_a_prompt_is_refused,
    test_the_limits_from_lesson_08_still_apply,
)

__all__ = [
    "answer_of",
    "test_an_answer_has_the_headers_from_lesson_08",
    "test_anything_that_is_not_a_prompt_is_refused",
    "test_the_limits_from_lesson_08_still_apply",
]


def test_post_ask_answers_in_json_lines(answer_of):
    """POST /ask answers in JSON Lines."""
    checks.answers_in_json_lines(answer_of)


def test_the_tokens_are_what_the_model_wrote(answer_of):
    checks.tokens_are_what_the_model_wrote(answer_of)
    checks.a_chunk_without_text_is_no_token(answer_of)
    checks.a_list_of_blocks_is_sent_as_text(answer_of)
    checks.quotation_marks_are_text_too(answer_of)
    checks.half_an_emoji_breaks_nothing(answer_of)


def test_the_first_token_leaves_before_the_second_is_made(answer_of):
    checks.the_first_token_leaves_before_the_second_is_made(answer_of)


def test_a_failure_after_the_first_token_is_reported_in_the_last_line(answer_of, told):
    checks.a_failure_after_the_first_token_is_the_last_line(answer_of, told)


def test_the_last_line_says_why_the_model_ended(answer_of):
    checks.the_last_line_says_why_the_model_ended(answer_of)
    checks.an_error_after_the_end_takes_nothing_away(answer_of)


def test_an_answer_without_a_finish_reason_does_not_look_complete(answer_of):
    checks.an_answer_without_a_finish_reason_is_not_whole(answer_of)


def test_the_usage_comes_before_the_end(answer_of):
    checks.the_usage_comes_before_the_end(answer_of)
    checks.a_number_that_json_does_not_have_is_not_sent(answer_of)


def test_a_thousand_tokens_are_sent_and_one_more_ends_the_answer(answer_of):
    checks.a_thousand_tokens_are_an_answer_and_one_more_is_thrown(answer_of)


def test_a_failure_before_the_first_token_becomes_an_error_status(answer_of, told):
    checks.a_failure_before_the_first_token_is_a_status(answer_of, told)


def test_an_answer_that_ends_without_a_word_is_refused(ask):
    _, answer = ask(End(finish_reason="length"))
    status = answer.status_code
    answer.close()
    assert status != 200, (
        "The model reached its limit before it had written any text. Expected an error"
        " status, got 200. That is not an answer. Call require_whole(metadata,"
        " has_text), which raises in that case, before openai_reason()."
    )


@pytest.mark.usefixtures("kept")
def test_the_models_stream_is_closed_when_the_reader_leaves(
    program, answer_of, answer_with, serve
):
    """The model's stream is closed when the reader leaves."""
    checks.the_model_is_hung_up_on_while_it_thinks(
        answer_of,
        "Loop over each generator in a `with closing(...)` block, which closes it."
        " chain() does not close what it joins, so call"
        " response.call_on_close(pieces.close).",
        "GeneratorExit tells a generator that its reader has left. Do not catch it.",
    )
    hung_up = checks.the_models_stream_is_closed_when_the_reader_leaves(
        program, answer_with, serve
    )
    assert hung_up, (
        f"A browser disconnected {PATIENCE} s ago, and the model's stream is still"
        " open. Loop over each generator in a `with closing(...)` block, and pass the"
        " outermost generator's close to response.call_on_close(...)."
    )

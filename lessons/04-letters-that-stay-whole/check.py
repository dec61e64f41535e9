"""The server stays as it was; check.js cuts the bytes, and looks at the letters."""

from lessons.course.for_checks.plain_text import (
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

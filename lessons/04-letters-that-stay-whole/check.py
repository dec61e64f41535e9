"""The server stays as it was; check.js cuts the bytes, and looks at the letters."""

from lessons.course.for_checks.plain_text import (
    test_a_prompt_that_is_not_a_string_is_refused,
    test_a_question_without_a_prompt_is_refused,
    test_nothing_slows_an_answer_down,
    test_post_ask_answers_in_plain_text,
    test_the_answer_is_what_the_model_wrote,
    test_the_first_piece_leaves_before_the_second_is_made,
    test_two_readers_each_get_their_own_answer,
    test_white_space_is_part_of_the_answer,
)

__all__ = [
    "test_a_prompt_that_is_not_a_string_is_refused",
    "test_a_question_without_a_prompt_is_refused",
    "test_nothing_slows_an_answer_down",
    "test_post_ask_answers_in_plain_text",
    "test_the_answer_is_what_the_model_wrote",
    "test_the_first_piece_leaves_before_the_second_is_made",
    "test_two_readers_each_get_their_own_answer",
    "test_white_space_is_part_of_the_answer",
]

"""The server sends plain text, as in lesson 08; check.js looks at the page."""

from lessons.course.for_checks.plain_text import (
    tags_of,
    test_a_prompt_that_is_not_a_string_is_refused,
    test_nothing_slows_an_answer_down,
    test_post_ask_answers_in_plain_text,
    test_the_answer_is_what_the_model_wrote,
    test_the_first_piece_leaves_before_the_second_is_made,
    test_white_space_is_part_of_the_answer,
)

__all__ = [
    "test_a_prompt_that_is_not_a_string_is_refused",
    "test_nothing_slows_an_answer_down",
    "test_post_ask_answers_in_plain_text",
    "test_the_answer_is_what_the_model_wrote",
    "test_the_first_piece_leaves_before_the_second_is_made",
    "test_white_space_is_part_of_the_answer",
]


def test_the_page_has_its_script_and_a_place_for_the_answer(client):
    found = tags_of(client.get("/").text)
    scripts = [each.get("src") for tag, each in found if tag == "script"]
    ids = {attributes.get("id") for _, attributes in found}
    assert "static/page.js" in scripts and "answer" in ids, (
        f"The page has the scripts {scripts} and the ids {sorted(filter(None, ids))}."
        ' It needs <script type="module" src="static/page.js"></script> and <div'
        ' id="answer"></div>, as in the index.html that you were given.'
    )

"""Who hangs up on the page hangs up on the model; check.js presses the button."""

import logging
import re
from threading import Event

import pytest
import requests

from lessons.course.shared_checks import (
    tags_of,
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
PATIENCE = 5  # seconds
PLENTY = 10_000  # more texts than the buffers between server and client hold
CLOSE = (
    "Write with closing(model.stream(prompt)) as stream: and loop over stream there."
)


@pytest.mark.usefixtures("kept")
def test_the_model_is_hung_up_on_when_the_reader_leaves(ask):
    model, answer = ask("one", " two", " three")
    pieces = answer.iter_encoded()
    assert next(pieces, b"") == b"one", (
        "The first piece is not the model's first text: yield each chunk.text."
    )
    try:
        answer.close()
    except RuntimeError as error:  # generator ignored GeneratorExit
        error.add_note(
            "The reader had left: let GeneratorExit pass, and yield no more."
        )
        raise
    assert model.closed.is_set(), (
        "The reader left after the first piece, and the model's stream stayed open: a"
        f" for loop does not close what it loops over. {CLOSE}"
    )


@pytest.mark.usefixtures("kept")
def test_the_model_is_hung_up_on_when_a_browser_hangs_up(program, answer_with, serve):
    model = answer_with(*["word " * 100] * PLENTY)
    url = f"{serve(program.app)}/ask"
    with requests.post(
        url, json={"prompt": "Hello?"}, stream=True, timeout=PATIENCE
    ) as answer:
        next(answer.iter_content(None))
    assert model.closed.wait(PATIENCE), (
        f"A browser hung up {PATIENCE} s ago, and the model's stream is still open,"
        f" with {model.made} texts made. {CLOSE}"
    )
    assert model.made < PLENTY, (
        f"A browser hung up after the first piece, and the model wrote to the end, all"
        f" {PLENTY} texts: yield each text as it is made, and catch no GeneratorExit."
    )


@pytest.fixture
def logged(program):
    """Return the list of what the program logs."""
    lines = []
    log = logging.Handler()
    log.emit = lambda record: lines.append(record.getMessage())
    program.app.logger.addHandler(log)
    yield lines
    program.app.logger.removeHandler(log)


def test_the_log_tells_a_whole_answer_from_one_that_nobody_wanted(ask, logged):
    _, answer = ask("one", " two")
    answer.get_data()
    assert logged, (
        "An answer was sent whole, and nothing was logged: app.logger.info(...) in"
        ' finally, and app.logger.setLevel("INFO") below app.'
    )
    whole = logged.pop()
    _, answer = ask("one", " two")
    next(answer.iter_encoded())
    answer.close()
    assert logged, (
        "The reader left after the first piece, and nothing was logged: what stands in"
        " finally runs then too, what stands in except Exception does not."
    )
    assert re.sub(r"\d", "", whole) != re.sub(r"\d", "", logged.pop()), (
        f"Of an answer that nobody read to its end the log says what it says of a whole"
        f' one, "{whole}": set end = "whole" after the loop, inside the try.'
    )


def test_one_reader_who_leaves_takes_nothing_from_another(ask, client, answer_with):
    gate = Event()
    model, answer = ask("one", gate, " two")
    pieces = answer.iter_encoded()
    next(pieces)
    other = answer_with("three", " four")
    with client.post("/ask", json={"prompt": "Hello?"}) as leaves:
        next(leaves.iter_encoded())
    gate.set()
    came = b"one" + b"".join(pieces)
    assert came == b"one two" and model.made == 2, (
        f"Two readers asked and one left; the other got {came.decode()!r}, expected was"
        " 'one two': keep nothing of one answer in a global name."
    )
    assert other.closed.is_set(), (
        f"The second of two readers left, and its stream stayed open. {CLOSE}"
    )


def test_the_page_has_a_stop_button_that_asks_nothing(client):
    found = tags_of(client.get("/").text)
    stop = [each for tag, each in found if tag == "button" and each.get("id") == "stop"]
    assert stop, (
        'The page has no stop button: <button type="button" id="stop">Stop</button>.'
    )
    assert stop[0].get("type") == "button", (
        'The stop button has no type="button": in a form it then asks again, as any'
        " button there does."
    )

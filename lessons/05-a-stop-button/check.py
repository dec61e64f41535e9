"""When the reader leaves, the model stops; check.js presses the button."""

import re
from html.parser import HTMLParser
from threading import Event

import pytest
import requests

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
PATIENCE = 5  # seconds
PLENTY = 10_000  # more texts than the buffers between server and client hold
CLOSE = (
    "Write `with closing(model.stream(prompt)) as stream:` and loop over stream in that"
    " block."
)


@pytest.mark.usefixtures("kept")
def test_the_models_stream_is_closed_when_the_reader_leaves(ask):
    """The model's stream is closed when the reader leaves."""
    model, answer = ask("one", " two", " three")
    pieces = answer.iter_encoded()
    assert next(pieces, b"") == b"one", (
        "Expected the model's first text as the first piece. Yield each chunk.text."
    )
    try:
        answer.close()
    except RuntimeError as error:  # generator ignored GeneratorExit
        error.add_note(
            "The reader had left. Let GeneratorExit pass, and yield nothing more."
        )
        raise
    assert model.closed.is_set(), (
        "The reader left after the first piece, but the model's stream stayed open: a"
        f" for loop does not close what it loops over. {CLOSE}"
    )


@pytest.mark.usefixtures("kept")
def test_the_models_stream_is_closed_when_a_browser_leaves(program, answer_with, serve):
    """The model's stream is closed when a browser leaves."""
    model = answer_with(*["word " * 100] * PLENTY)
    url = f"{serve(program.app)}/ask"
    with requests.post(
        url, json={"prompt": "Hello?"}, stream=True, timeout=PATIENCE
    ) as answer:
        next(answer.iter_content(None))
    assert model.closed.wait(PATIENCE), (
        f"A browser disconnected {PATIENCE} s ago, but the model's stream is still"
        f" open. The model has made {model.made} texts. {CLOSE}"
    )
    assert model.made < PLENTY, (
        "A browser disconnected after the first piece, but the model still wrote all"
        f" {PLENTY} texts. Yield each text as it is made, and do not catch"
        " GeneratorExit."
    )


@pytest.fixture
def written(caplog, capsys):
    """Return a function: what was logged or printed since it was called last.

    A server of another check may still log the end of its answer: it is left out.
    """

    def is_meant(record):
        return "process_request" not in record.threadName  # socketserver's own name

    def since_then():
        lines = [record.getMessage() for record in caplog.records if is_meant(record)]
        caplog.clear()
        printed = capsys.readouterr()
        return "\n".join([*lines, printed.out, printed.err]).strip()

    return since_then


def test_the_log_tells_a_complete_answer_from_one_whose_reader_left(ask, written):
    _, answer = ask("one", " two")
    written()  # what was written before is not meant
    answer.get_data()
    answer.close()  # as a server does at the end
    whole = written()
    assert whole, (
        "A complete answer was sent, but nothing was logged. Call app.logger.info(...)"
        ' in finally, and app.logger.setLevel("INFO") below app.'
    )
    must_say(4, whole)  # two with text, and two that end each answer
    lines = len(whole.splitlines())
    assert lines < 4, (
        f"An answer of 4 chunks was sent, and {lines} lines were logged. Expected one"
        " line for each answer. Log it in finally, not in the loop."
    )
    model, answer = ask("one", " two")
    next(answer.iter_encoded())
    answer.close()
    left = written()
    assert left, (
        "The reader left after the first piece, but nothing was logged. Log it in"
        " finally, which also runs in that case. An `except Exception` block does not"
        " run then."
    )
    assert without_numbers(left) != without_numbers(whole), (
        "A reader left before the end, but the log says the same as for a complete"
        f' answer, "{whole}". Set end = "whole" after the loop, inside the try.'
    )
    must_say(model.made, left, at_least=1)  # a thread may be ahead of what was sent


def must_say(made, line, at_least=None):
    """Fail unless the log's line has the number of chunks that the model made.

    at_least is how many have reached the reader, where that can be another number.
    """
    right = range(at_least or made, made + 1)
    assert any(re.search(rf"\b{number}\b", line) for number in right), (
        f'The log says "{line}", but the model made {made} chunks. Start with made = 0'
        " for each answer, add 1 before each yield, and pass the values:"
        ' app.logger.info("%s chunks, %s", made, end).'
    )


def test_the_log_does_not_call_a_broken_answer_whole(ask, written):
    _, answer = ask("one", " two")
    answer.get_data()
    answer.close()
    whole = written()
    _, answer = ask("one", RuntimeError("The model failed."))
    try:
        answer.get_data()
    except Exception:
        broke = True
    else:
        broke = False
    assert broke, (
        "The model failed after its first text, but the reader got an answer that looks"
        " complete. Let the exception pass. A finally block needs no except before it,"
        " and must not contain a return."
    )
    answer.close()
    failed = written()
    assert failed, (
        "The model failed after its first text, but nothing was logged. Log it in"
        " finally, which also runs in that case. An `except GeneratorExit` block does"
        " not run then."
    )
    assert without_numbers(failed) != without_numbers(whole), (
        "The model failed after its first text, but the log says the same as for a"
        f' complete answer, "{whole}". Set end = "whole" after the loop and inside the'
        " try: only a complete answer gets there."
    )


def without_numbers(text):
    return re.sub(r"\d", "", text)


def test_the_log_counts_each_answer_separately(ask, client, answer_with, written):
    _, answer = ask("one", " two", " three")
    pieces = answer.iter_encoded()
    next(pieces)
    answer_with("four")
    with client.post("/ask", json={"prompt": "Hello?"}) as other:
        other.get_data()
    written()
    b"".join(pieces)
    answer.close()
    line = written()
    assert re.search(r"\b5\b", line), (
        "Two answers were written at the same time. Expected the number 5 in the log"
        f' line of the one with 5 chunks, got "{line}". Keep made in pieces(), not in a'
        " global variable: it belongs to one answer."
    )


def test_a_reader_who_leaves_does_not_affect_another(ask, client, answer_with):
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
        "Two readers asked and one left. Expected 'one two' for the other, got"
        f" {came.decode()!r}. Do not keep anything of an answer in a global variable."
    )
    assert other.closed.is_set(), (
        f"The second of two readers left, but its stream stayed open. {CLOSE}"
    )


class StopButton(HTMLParser):
    """A reader of HTML that looks for the stop button, and for the form around it."""

    def __init__(self, page):
        super().__init__()
        self.in_form = False
        self.found = None  # its attributes
        self.is_in_form = False
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag == "form":
            self.in_form = True
        if tag in ("button", "input") and attributes.get("id") == "stop":
            self.found = attributes
            self.is_in_form = self.in_form

    def handle_endtag(self, tag):
        if tag == "form":
            self.in_form = False


def test_the_page_has_a_stop_button_that_does_not_submit_the_form(client):
    stop = StopButton(client.get("/").text)
    assert stop.found is not None, (
        'The page has no stop button. Write <button type="button"'
        ' id="stop">Stop</button>.'
    )
    kind = stop.found.get("type")
    assert kind != "reset" or not stop.is_in_form, (
        'The stop button has type="reset", which empties the question in its form.'
        ' Write type="button".'
    )
    assert kind == "button" or not stop.is_in_form, (
        'The stop button has no type="button". Without it, a button in a form submits'
        " the form, so Stop would ask again."
    )

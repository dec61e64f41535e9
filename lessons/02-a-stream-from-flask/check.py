"""The server sends each piece as soon as it is made, and a client shows it."""

from contextlib import suppress

import pytest
from werkzeug import Request

from lessons.course.explain import short
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
TEXTS = ["Streams", " are", " fun."]
PLAIN = [("Content-Type", "text/plain; charset=utf-8")]


@pytest.fixture
def client_is_there(folder, program):
    """A later program has a page for the client that this lesson makes."""
    has_page = any(rule.rule == "/" for rule in program.app.url_map.iter_rules())
    if has_page and not (folder / "client.py").exists():
        pytest.skip("it has a page, which is lesson 03.")


@pytest.mark.usefixtures("client_is_there")
def test_client_py_prints_each_piece_as_it_arrives(run_client, serve, terminal):
    """client.py prints each piece as it arrives."""
    late = []
    asked = []

    def server(environ, start_response):
        asked.append(Request(environ).get_json(silent=True))
        start_response("200 OK", PLAIN)
        for text in TEXTS:
            yield text.encode()
            if not late and not terminal.shows(text):
                late.append((text, terminal.written))

    shown = run_client(f"{serve(server)}/ask")
    assert {"prompt": "Hello?"} in asked, (
        f'The server wants {{"prompt": "Hello?"}} as JSON, and got {asked[-1:]}: give'
        ' post() json={"prompt": prompt}.'
    )
    if late:
        text, written = late[0]
        assert text in written or not written, (
            f"The server had sent {text!r} in one piece, and client.py had printed"
            f" {short(written)}: loop over"
            " answer.iter_content(None, decode_unicode=True), which brings what has"
            " arrived, as text."
        )
        assert written, (
            f"The server had sent {text!r} and kept the connection open, but client.py"
            " printed nothing: it waits for the whole answer. Give post() stream=True"
            " and loop over answer.iter_content(None, decode_unicode=True)."
        )
        assert text not in written, (
            f"client.py printed {text!r}, but the terminal did not show it: print keeps"
            " text until a line ends, unless it gets flush=True."
        )
    assert "b'" not in shown, (
        f"client.py shows bytes, {shown.strip()!r}: give iter_content"
        " decode_unicode=True, and it brings text."
    )
    places = [shown.find(text) for text in TEXTS]
    assert -1 not in places and places == sorted(places), (
        f"The server sent {''.join(TEXTS)!r}, the terminal shows {shown.strip()!r}:"
        " print every piece, as it is."
    )


@pytest.mark.usefixtures("client_is_there")
def test_client_py_takes_no_refusal_for_an_answer(run_client, serve, terminal):
    """client.py takes no refusal for an answer."""

    def server(environ, start_response):
        start_response("500 INTERNAL SERVER ERROR", PLAIN)
        return [b"Internal Server Error"]

    with suppress(Exception):  # raise_for_status() raises
        run_client(f"{serve(server)}/ask")
    assert "Internal" not in terminal.shown, (
        "The server refused with status 500, and client.py printed its error page as if"
        " it were the answer: call answer.raise_for_status() before reading."
    )

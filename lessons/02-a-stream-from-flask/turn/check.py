"""client.py counts its pieces, and says in a sentence that an answer broke off."""

import re

import pytest
from werkzeug import Request

from lessons.course.for_checks.quoting import short

TEXTS = ["Streams", " are", " fun to read."]
PLAIN = [("Content-Type", "text/plain; charset=utf-8")]


@pytest.fixture
def run_with(run_client, serve, terminal):
    """Run client.py with a server of these pieces; return what the terminal shows."""

    def run(*texts, breaks=False):
        def server(environ, start_response):
            Request(environ).get_data()  # what nobody reads would keep a break back
            start_response("200 OK", PLAIN)
            for text in texts:
                yield text.encode()
                # Each is read by itself: else two would arrive as one piece.
                if not late and not terminal.shows(text):
                    late.append(text)
            if breaks:
                raise ConnectionAbortedError

        late = []
        shown = run_client(f"{serve(server)}/ask")
        assert not late, (
            f"The server had sent {late[0]!r} and was still writing, but client.py did"
            " not show it yet. Print each piece in the loop as before, and count it"
            " there."
        )
        return shown

    return run


def below(shown, texts):
    """Return what the terminal shows after the last text."""
    return shown.rpartition(texts[-1])[2].strip(" |\n")


def words_in(shown):
    """Return the words that the terminal shows, without numbers and marks."""
    return re.findall(r"[^\W\d]+", shown)


def without_pythons_words(shown):
    """Return what the terminal shows without what requests says of a broken answer."""
    return re.sub(r"\W*(Connection broken|Response ended|\w+\(got length).*", "", shown)


@pytest.mark.parametrize("count", [1, 3])
def test_client_py_prints_how_many_pieces_came(run_with, count):
    """client.py prints at the end how many pieces came."""
    texts = TEXTS[:count]
    last_line = below(run_with(*texts), texts)
    assert last_line, (
        f"The answer came in {count} piece(s). Below it, client.py prints nothing."
        " Count in the loop, and print the number after it."
    )
    numbers = [int(number) for number in re.findall(r"\d+", last_line)]
    assert count in numbers, (
        f"The answer came in {count} piece(s). Below it, client.py prints"
        f' "{last_line}". Count one for each piece. If you use enumerate, start at 1:'
        " enumerate(..., 1)."
    )


def test_client_py_counts_an_answer_without_pieces(run_with):
    """client.py counts an answer without pieces."""
    try:
        shown = run_with()
    except NameError as error:
        error.add_note(
            "The answer had no pieces, so the loop body never ran. Set the count to 0"
            " above the loop."
        )
        raise
    assert "0" in shown, (
        f'The answer had no pieces, and client.py prints "{shown.strip()}". Expected'
        " the number 0. Print the number in every case."
    )


def test_client_py_says_that_an_answer_broke_off(run_with):
    """client.py says in a sentence that an answer broke off."""
    texts = TEXTS[:2]
    whole = run_with(*texts)
    try:
        broken = run_with(*texts, breaks=True)
    except (AttributeError, NameError) as error:  # a misspelt one
        error.add_note(
            "The answer broke off. The exceptions of requests are in"
            " requests.exceptions, such as requests.exceptions.ChunkedEncodingError."
        )
        raise
    except Exception as error:
        name = type(error).__name__
        raise AssertionError(
            "The answer broke off after two pieces, and client.py ended with a"
            f" traceback for {name}. Put the loop in a try, and catch the exception"
            f" with except requests.exceptions.{name}."
        ) from None
    assert "".join(texts) in broken.replace("|", ""), (
        f"The answer broke off after {''.join(texts)!r}, and the terminal shows"
        f" {broken.strip()!r}. Keep the text that has arrived."
    )
    assert broken != whole, (
        "The answer broke off after two pieces, but client.py prints the same as for a"
        " complete answer. Print a sentence about it in except."
    )
    assert words_in(broken) != words_in(whole), (
        f"The answer broke off after two pieces. client.py prints {broken!r}, which has"
        " no more words than for a complete answer. Print a sentence in except."
    )
    assert words_in(without_pythons_words(broken)) != words_in(whole), (
        f"The answer broke off, and client.py prints {short(broken.strip())}. Those are"
        " the exception's words, written for programmers. Print a sentence of your own."
    )
    assert "Traceback" not in broken, (
        "The answer broke off, and client.py prints a traceback. Print a sentence of"
        " your own."
    )
    assert re.search(rf"\b{len(texts)}\b|\btwo\b", below(broken, texts)), (
        f"The answer broke off after two pieces. Below it, client.py prints"
        f' "{below(broken, texts)}". Expected the number of pieces, too: print it below'
        " the try and its except."
    )


def test_client_py_still_says_nothing_of_the_kind_of_a_refusal(
    run_client, serve, terminal
):
    """client.py does not report a refusal as an answer that broke off."""

    def server(environ, start_response):
        start_response("400 BAD REQUEST", PLAIN)
        return [b"Refused."]

    try:
        run_client(f"{serve(server)}/ask")
    except Exception:  # raise_for_status() raises
        return
    assert "400" in terminal.shown, (
        "The server refused with status 400, but client.py prints"
        f' "{terminal.shown.strip()}". Keep answer.raise_for_status() outside the try,'
        " or let your sentence name the status."
    )

"""Your turn: GET /health says how many answers are being written."""

import pytest
from langchain_core.exceptions import ModelAPIError


@pytest.fixture(autouse=True)
def nobody_has_asked_yet(program):
    """Let each check begin without questions that were counted before."""
    for limiter in program.app.extensions.get("limiter", ()):
        limiter.reset()


@pytest.fixture
def answers(client):
    """Return a function that asks how many answers are being written.

    Those that were begun before the check, and never read, are not counted.
    """

    def count_all():
        health = client.get("/health").get_json(silent=True)
        number = health.get("answers") if isinstance(health, dict) else None
        assert type(number) is int, (
            'GET /health: expected a number named answers, as in {"alive": True,'
            f' "answers": 0}}, got {health}.'
        )
        assert health.get("alive") is True, (
            'GET /health: expected it to say that the program is alive, as in {"alive":'
            f' True, "answers": 0}}, got {health}.'
        )
        return number

    before = count_all()
    return lambda: count_all() - before


def test_no_answer_is_counted_at_first(answers):
    count = answers()
    assert count == 0, (
        "The check opened /health twice and asked nothing, but the count went up by"
        f' {count}. Check that request.endpoint == "ask".'
    )


def test_each_answer_counts_while_it_is_written(ask, answers):
    readers = []
    for expected in 1, 2:
        _, answer = ask("one", " two")
        pieces = answer.iter_encoded()
        next(pieces)
        readers.append((answer, pieces))
        count = answers()
        assert count == expected, (
            f"While answers were being written, /health counted {count}. Expected"
            f" {expected}. An answer is not over when the view returns. Subtract it in"
            " a function, and pass that to call_on_close without calling it."
        )
    for expected in 1, 0:
        answer, pieces = readers.pop()
        for _ in pieces:
            pass
        answer.close()
        count = answers()
        assert count == expected, (
            f"One answer had ended. Expected /health to count {expected}, got {count}."
            " response.call_on_close(...) calls a function when an answer ends."
        )


def test_an_answer_whose_reader_left_no_longer_counts(ask, answers):
    _, answer = ask("one", " two")
    next(answer.iter_encoded())
    answer.close()
    count = answers()
    assert count == 0, (
        f"The only reader had left. Expected /health to count 0, got {count}."
        " response.call_on_close(...) calls a function however an answer ends."
    )


def test_an_answer_that_breaks_no_longer_counts(ask, answers):
    _, answer = ask("one", ModelAPIError("no"))
    try:
        for _ in answer.iter_encoded():
            pass
    except Exception:
        answer.close()
    count = answers()
    assert count == 0, (
        f"The only answer broke off. Expected /health to count 0, got {count}."
        " response.call_on_close(...) calls a function however an answer ends."
    )


def test_a_refusal_is_not_an_answer(ask, answers):
    kept = [ask(ModelAPIError("no")), ask("one", prompt="")]
    count = answers()
    assert count == 0, (
        f"{len(kept)} questions were refused. Expected /health to count 0, got {count}."
        " Check response.status_code."
    )

"""The server asks its model again, before the first text, and not at once."""

import random
import time

import pytest
from langchain_core.exceptions import (
    ModelAPIError,
    ModelAuthenticationError,
    ModelRateLimitError,
)

from failures import MODEL_FAILED
from lessons.course.for_checks.failing_model import SECRET
from lessons.course.for_checks.quoting import short

FAILS = ModelAPIError(SECRET)  # a failure that may pass
ATTEMPTS = 3
MOST_SECONDS = 10
RUNS = 20


@pytest.fixture(autouse=True)
def waits(program, monkeypatch):
    """Return the seconds that the program sleeps; it does not really wait."""
    asleep = []

    def sleep(seconds):
        asleep.append(seconds)
        assert len(asleep) < 100, (
            "The model failed each time, and the server asks it for ever: stop after"
            f" {ATTEMPTS} attempts."
        )

    monkeypatch.setattr(time, "sleep", sleep)
    return asleep


def refusing(times):
    """Return an item of a script that fails so many times."""
    left = [FAILS] * times

    def refuse():
        if left:
            raise left.pop()

    return refuse


def test_the_server_asks_again_when_that_can_help(ask, waits):
    model, answer = ask(refusing(2), "one")
    text = answer.get_data(as_text=True)
    assert answer.status_code == 200 and '"one"' in text, (
        "The model's server failed twice and then answered. The model was asked"
        f" {len(model.prompts)} time(s), and the status is {answer.status_code},"
        f" expected 200: ask up to {ATTEMPTS} times while stream.message_count is"
        " 0."
    )
    assert text.count("event: start") == 1, (
        "The answer has begun more than once: ask again only before the first text."
    )
    assert any(waits), (
        "The model was asked again at once: wait in between, with"
        " wait=wait_random_exponential(max=10)."
    )


class Dice:
    """What the module random throws: always the same share, and how often."""

    def __init__(self, monkeypatch, share):
        self.thrown = 0

        def throw(lowest=0, highest=1):
            self.thrown += 1
            return lowest + share * (highest - lowest)

        monkeypatch.setattr(random, "random", throw)
        monkeypatch.setattr(random, "uniform", throw)


def waits_of(ask, waits):
    """Return how long the server waits before its second and its third attempt."""
    waits.clear()
    ask(refusing(2), "one")[1].get_data()
    assert len(waits) == ATTEMPTS - 1, (
        f"The model failed twice, and the server waited {len(waits)} time(s), expected"
        " once before each further attempt."
    )
    return list(waits)


def test_the_waits_grow_and_are_random(ask, waits, monkeypatch):
    with monkeypatch.context() as patch:
        dice = Dice(patch, 0.1)
        few = waits_of(ask, waits)
    with monkeypatch.context() as patch:
        Dice(patch, 0.9)
        many = waits_of(ask, waits)
    if not dice.thrown:  # it throws dice of its own, or none: look at many runs
        runs = [waits_of(ask, waits) for _ in range(RUNS)]
        few, many = min(runs), [max(each) for each in zip(*runs, strict=True)]
    assert few != many, (
        f"The server waits {few} s, every time: servers that were refused together"
        " come back together. Wait a random time, wait_random_exponential(max=10)."
    )
    assert many[1] > many[0], (
        f"The longest that the server waits is {many[0]:.1f} s after the first attempt"
        f" and {many[1]:.1f} s after the second: a server that has too much to do needs"
        " more time each time. wait_random_exponential(max=10) doubles the longest"
        " wait."
    )
    assert max(many) <= MOST_SECONDS, (
        f"The longest that the server waits is {max(many):.0f} s, with a reader who"
        f" waits, too: {MOST_SECONDS} s at most, max=10."
    )


def test_it_gives_up_with_the_models_own_error(ask, caplog):
    model, answer = ask(FAILS)
    answer.get_data()
    assert answer.status_code == 502 and len(model.prompts) == ATTEMPTS, (
        f"The model failed each time; it was asked {len(model.prompts)} time(s), and"
        f" the status is {answer.status_code}, expected 502 after {ATTEMPTS}"
        " attempts: stop=stop_after_attempt(3), and let what the last one raised reach"
        " the except in write."
    )
    said = answer.get_json(silent=True) or {}
    assert said.get("error") == MODEL_FAILED.sentence, (
        f"The model's server failed each time, and the reader is told {short(said)}:"
        " let the except in write make the answer of the model's own error."
    )
    assert "RetryError" not in caplog.text, (
        "The model's server failed each time, and the log says RetryError, which is"
        " tenacity's own and says nothing of the cause: with reraise=True the model's"
        " error leaves Retrying(...)."
    )


@pytest.mark.parametrize("kind", [ModelAuthenticationError, ModelRateLimitError])
def test_what_does_not_pass_at_once_is_not_asked_again(ask, kind):
    model, answer = ask(kind(SECRET))
    answer.get_data()
    what = {
        ModelAuthenticationError: "The provider did not accept the key, which stays so",
        ModelRateLimitError: "The provider has too much to do, and says when to come"
        " back: the page waits for that",
    }[kind]
    assert len(model.prompts) == 1, (
        f"{what}. But the model was asked {len(model.prompts)} times: ask again only if"
        " failure_of(error).may_pass."
    )


def test_after_the_first_text_it_is_not_asked_again(ask):
    model, answer = ask("one", FAILS)
    text = answer.get_data(as_text=True)
    assert len(model.prompts) == 1 and text.count('"one"') == 1, (
        f"The model failed after 'one', and was asked {len(model.prompts)} times: a"
        " second answer would begin in the middle of the first. Ask again only while"
        " stream.message_count is 0."
    )
    assert "event: error" in text, (
        "The model failed after 'one', and no error event says so: let what was raised"
        " reach the except in write."
    )


def test_for_a_reader_who_has_left_it_is_not_asked_again(
    program, ask, waits, monkeypatch
):
    monkeypatch.setattr(program, "HEARTBEAT", 0.01)  # then the response begins
    leaves = []

    def sleep(_seconds):
        for answer in leaves:
            answer.close()

    def fail_when_there_is_a_reader():
        while not leaves:
            real_sleep(0.01)
        raise FAILS

    real_sleep = waiting_really()
    monkeypatch.setattr(time, "sleep", sleep)
    model, answer = ask(fail_when_there_is_a_reader)
    pieces = answer.iter_encoded()
    next(pieces)  # a heartbeat
    leaves.append(answer)
    assert model.closed.wait(5)
    real_sleep(0.1)
    assert len(model.prompts) == 1, (
        "The model failed, the reader left while the server waited to ask again, and"
        f" the model was asked {len(model.prompts)} times, for nobody: look at"
        " stream.is_active inside with attempt:, before write_answer()."
    )


def waiting_really():
    """Return a sleep that waits, though time.sleep does not."""
    from threading import Event

    return Event().wait

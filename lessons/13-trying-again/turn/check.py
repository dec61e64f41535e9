"""The server asks its model again, before the first text, and not at once."""

import random
import threading
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
            "The model failed every time, and the server keeps asking it. Stop after"
            f" {ATTEMPTS} attempts."
        )

    monkeypatch.setattr(time, "sleep", sleep)
    return asleep


@pytest.fixture(autouse=True)
def deaths(program, monkeypatch):
    """Raise what the writing thread died of, where the stream is waited for.

    Nobody closes such a stream, so the check would wait forever.
    """
    died_of = []
    streams = []
    stream_class = program.EventStream
    begin, wait = stream_class.__init__, stream_class.wait

    def begin_and_keep(stream, *words):
        begin(stream, *words)
        streams.append(stream)

    def note(death):
        died_of.append(death.exc_value)
        for stream in streams:
            stream.close()

    def wait_or_raise(stream, *seconds):
        something_came = wait(stream, *seconds)
        if died_of:
            raise died_of[0]
        return something_came

    monkeypatch.setattr(stream_class, "__init__", begin_and_keep)
    monkeypatch.setattr(stream_class, "wait", wait_or_raise)
    monkeypatch.setattr(threading, "excepthook", note)


def refusing(times):
    """Return an item of a script that fails this many times."""
    left = [FAILS] * times

    def refuse():
        if left:
            raise left.pop()

    return refuse


def test_the_server_asks_again_when_that_can_help(ask, waits):
    model, answer = ask(refusing(2), "one")
    text = answer.get_data(as_text=True)
    assert answer.status_code == 200 and '"one"' in text, (
        "The model's server failed twice and then answered. Expected status 200, got"
        f" {answer.status_code} after {len(model.prompts)} attempt(s). Ask up to"
        f" {ATTEMPTS} times while stream.message_count is 0."
    )
    assert text.count("event: start") == 1, (
        "The answer has more than one start event. Ask again only before the first"
        " text."
    )
    assert any(waits), (
        "The server asked the model again at once. Wait before each attempt, with"
        " wait=wait_random_exponential(max=10)."
    )


class Dice:
    """What the module random throws: always the same share; and how often it threw."""

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
        "The model failed twice. Expected one wait before each further attempt, got"
        f" {len(waits)}. Let only Retrying wait."
    )
    return list(waits)


def test_the_waits_grow_and_are_random(ask, waits, monkeypatch):
    with monkeypatch.context() as patch:
        dice = Dice(patch, 0.1)
        few = waits_of(ask, waits)
    with monkeypatch.context() as patch:
        Dice(patch, 0.9)
        many = waits_of(ask, waits)
    if not dice.thrown:  # it throws other dice, or none: look at many runs
        runs = [waits_of(ask, waits) for _ in range(RUNS)]
        few, many = min(runs), [max(each) for each in zip(*runs, strict=True)]
    assert few != many, (
        f"The server waits {few} s every time: servers that were refused together would"
        " come back together. Wait a random time: wait_random_exponential(max=10)."
    )
    assert many[1] > many[0], (
        f"The longest wait is {many[0]:.1f} s after the first attempt and {many[1]:.1f}"
        " s after the second. Expected longer waits each time: an overloaded server"
        " needs time. wait_random_exponential(max=10) doubles the longest wait."
    )
    assert max(many) <= MOST_SECONDS, (
        f"The longest wait is {max(many):.0f} s, and a reader waits too. Expected at"
        f" most {MOST_SECONDS} s: use max=10."
    )


def test_the_server_gives_up_with_the_models_own_error(ask, caplog, waits):
    """The server gives up with the model's own error."""
    model, answer = ask(FAILS)
    answer.get_data()
    assert answer.status_code == 502 and len(model.prompts) == ATTEMPTS, (
        f"The model failed every time. Expected status 502 after {ATTEMPTS} attempts,"
        f" got {answer.status_code} after {len(model.prompts)}. Write"
        " stop=stop_after_attempt(3), and let the last attempt's error reach the except"
        " in write."
    )
    assert len(waits) < ATTEMPTS, (
        f"The model failed {ATTEMPTS} times, and the server waited {len(waits)} times,"
        " also after the last attempt. No attempt follows that wait: let the error"
        " through at once."
    )
    said = answer.get_json(silent=True) or {}
    assert said.get("error") == MODEL_FAILED.sentence, (
        f"The model's server failed every time, and the reader gets {short(said)}. Let"
        " the model's own error reach the except in write, which turns it into the"
        " answer."
    )
    assert "RetryError" not in caplog.text, (
        "The model's server failed every time, and the log says RetryError, which is"
        " tenacity's own and hides the cause. Pass reraise=True to Retrying(...): then"
        " the model's error leaves it."
    )


@pytest.mark.parametrize("kind", [ModelAuthenticationError, ModelRateLimitError])
def test_the_model_is_not_asked_again_if_that_cannot_help(ask, kind):
    model, answer = ask(kind(SECRET))
    answer.get_data()
    what = {
        ModelAuthenticationError: (
            "The provider rejected the key, and will reject it again"
        ),
        ModelRateLimitError: (
            "The provider is overloaded and says when to come back, and the page waits"
            " until then"
        ),
    }[kind]
    assert len(model.prompts) == 1, (
        f"{what}. The program asked the model {len(model.prompts)} times. Ask again"
        " only if failure_of(error).may_pass."
    )


def test_the_model_is_not_asked_again_after_the_first_text(ask):
    model, answer = ask("one", FAILS)
    text = answer.get_data(as_text=True)
    assert len(model.prompts) == 1 and text.count('"one"') == 1, (
        f"The model failed after 'one', and the program asked it {len(model.prompts)}"
        " times. A second answer would start in the middle of the first. Ask again only"
        " while stream.message_count is 0."
    )
    assert "event: error" in text, (
        "The model failed after 'one', but no error event says so. Let the error reach"
        " the except in write."
    )


def test_the_model_is_not_asked_again_for_a_reader_who_has_left(
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
        "The reader left while the server was waiting to ask again, but the program"
        f" asked the model {len(model.prompts)} times. Nobody reads that answer. Check"
        " stream.is_active inside with attempt:, before write_answer()."
    )


def waiting_really():
    """Return a sleep that waits, though time.sleep does not."""
    from threading import Event

    return Event().wait

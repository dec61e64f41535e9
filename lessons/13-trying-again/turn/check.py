"""The server asks its model again, before the first text, and not at once."""

import time

import pytest
from langchain_core.exceptions import ModelAPIError, ModelAuthenticationError

FAILS = ModelAPIError("no")  # a failure that may pass
MOST = 10  # times to ask that are too many


@pytest.fixture(autouse=True)
def waits(program, monkeypatch):
    """Return the seconds that the program sleeps; it does not really wait."""
    asleep = []

    def sleep(seconds):
        asleep.append(seconds)
        assert len(asleep) < 10 * MOST, (
            "The model failed each time, and the server asks it for ever: stop after"
            " some attempts."
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
        " expected was 200: ask again while stream.message_count is 0."
    )
    assert text.count("event: start") == 1, (
        "The answer has begun more than once: ask again only before the first text."
    )
    assert any(waits), (
        "The model was asked again at once: wait in between, with"
        " wait=wait_random_exponential(max=10)."
    )


def test_the_waits_grow_and_are_random(ask, waits):
    ask(refusing(2), "one")[1].get_data()
    first = list(waits)
    waits.clear()
    ask(refusing(2), "one")[1].get_data()
    assert first != waits, (
        f"The server waited {first} s, and the next time {waits} s: servers that were"
        " refused together come back together. Wait a random time."
    )


def test_it_gives_up(ask):
    model, answer = ask(FAILS)
    answer.get_data()
    assert answer.status_code == 502 and 1 < len(model.prompts) < MOST, (
        f"The model failed each time; it was asked {len(model.prompts)} times, and the"
        f" status is {answer.status_code}, expected was 502 after a few attempts:"
        " stop=stop_after_attempt(3), and reraise=True, for what is raised otherwise"
        " is tenacity's RetryError."
    )


def test_what_stays_is_not_asked_again(ask):
    model, answer = ask(ModelAuthenticationError("no"))
    answer.get_data()
    assert answer.status_code == 502 and len(model.prompts) == 1, (
        "The provider did not accept the key, which stays so, and the model was asked"
        f" {len(model.prompts)} times: ask again only if failure_of(error).may_pass."
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
        " reach write()."
    )

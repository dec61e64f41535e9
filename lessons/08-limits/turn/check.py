"""GET /health says whether there is a free slot, and takes none."""

import pytest

from lessons.course.for_checks.failing_model import read
from lessons.course.for_checks.in_time import in_time
from lessons.course.for_checks.watched_slots import note_waits


@pytest.fixture
def one_slot(started_with):
    """Let the program have one slot; return the seconds that it waits for it."""
    return note_waits(started_with(ANSWERS_AT_ONCE=1))


@pytest.mark.usefixtures("one_slot")
def test_while_a_slot_is_free_health_is_a_200(client):
    """GET /health answers 200 while a slot is free."""
    answer = client.get("/health")
    assert answer.status_code != 404, (
        'GET /health returned status 404. Write a view for it, @app.get("/health").'
    )
    assert answer.status_code == 200, (
        f"A slot was free, but GET /health returned status {answer.status_code}."
        " Expected 200."
    )
    again = client.get("/health")
    assert again.status_code == 200, (
        "The only slot was free, but the second GET /health returned status"
        f" {again.status_code}: the first one has kept the slot. Release it before the"
        " view returns."
    )


def test_while_all_are_taken_health_is_a_503(one_slot, ask, client):
    """GET /health answers 503 while all slots are taken."""
    _, held = ask("one", " two")
    waits = (
        "The only slot was taken by an answer, and GET /health waits for it. But a load"
        " balancer needs an answer at once. slots.acquire(blocking=False) does not"
        " wait."
    )
    for n in range(2):
        answer = in_time(lambda: client.get("/health"), waits)
        assert not one_slot, waits
        assert answer.status_code == 503 or n == 0, (
            "The only slot was taken by an answer. The first GET /health said so, but"
            " the second found it free: the first has given back a slot that it never"
            " had. Release only what this view has taken."
        )
        assert answer.status_code == 503, (
            "The only slot was taken by an answer. Expected status 503 from GET"
            f" /health, got {answer.status_code}. Raise ServiceUnavailable if"
            " slots.acquire(blocking=False) is False."
        )
    _, other = ask("one")
    assert other.status_code == 503, (
        "The only slot was taken, but after GET /health a second answer got one. A"
        " view that was given no slot has none to release."
    )
    read(held)
    answer = client.get("/health")
    assert answer.status_code == 200, (
        "The answer has ended, but GET /health still returns status"
        f" {answer.status_code}. Give back only what this view has taken."
    )


def test_while_one_of_two_is_free_health_is_a_200(started_with, answer_with):
    """GET /health answers 200 while one of two slots is free."""
    client = started_with(ANSWERS_AT_ONCE=2).app.test_client()
    answer_with("one", " two")
    held = client.post("/ask", json={"prompt": "Hello?"})
    answer = client.get("/health")
    read(held)
    assert answer.status_code == 200, (
        "One of two slots was taken. Expected status 200 from GET /health, got"
        f" {answer.status_code}: there is room for one more."
    )


@pytest.mark.usefixtures("one_slot")
def test_a_health_check_does_not_ask_the_model(answer_with, client):
    model = answer_with("Hello")
    client.get("/health")
    assert not model.prompts, (
        "GET /health asked the model, but it is called every few seconds. Check only"
        " the slots."
    )

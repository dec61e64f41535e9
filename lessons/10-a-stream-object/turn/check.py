"""An answer that takes too long is thrown by a thread that only looks at the clock."""

import json
from threading import Event
from time import monotonic

import requests

from lessons.course.for_checks.json_lines import PATIENCE, answer_of, in_time, messages

__all__ = ["answer_of"]
SECONDS = 2
LATE = {"isError": True, "reason": {"late": SECONDS}}


def test_an_answer_that_falls_silent_is_thrown(answer_of):
    gate = Event()  # opened when the check is over
    began = monotonic()
    model, answer = answer_of("one", lambda: gate.wait(3 * PATIENCE), " two")
    try:
        body = in_time(
            answer.get_data,
            f"The model was silent for {PATIENCE} s after its first token, and nothing"
            " more came: the thread that waits for the model can do nothing meanwhile,"
            f" so start() a Timer({SECONDS}, ...) that throws.",
        )
    finally:
        gate.set()
    took = monotonic() - began
    found = [json.loads(line) for line in body.splitlines()]
    assert found[0] == {"token": "one"}, (
        f'The model\'s first token was "one", and the lines are {found}: start the'
        " Timer when the first message is there."
    )
    assert found[-1] == LATE, (
        f"The model fell silent, and the last line is {found[-1]}: after {SECONDS} s"
        f" the stream throws, so that it is {LATE}."
    )
    assert took > SECONDS / 2, (
        f"The answer was thrown long before {SECONDS} s had passed: hand Timer the"
        f" function and its argument, Timer({SECONDS}, stream.throw, [...]), and do not"
        " call it there."
    )
    assert model.closed.wait(PATIENCE), (
        "The answer was thrown, the model wrote on, and its stream stays open: let"
        " send() raise when the stream is closed."
    )


def test_an_answer_in_time_is_whole(answer_of):
    _, answer = answer_of("one", " two")
    *_, last = messages(answer)
    assert last == {"end": "stop"}, (
        f"The answer was over at once, and its last line is {last}: throw only when"
        f" {SECONDS} s have passed."
    )


def test_an_answer_that_is_over_does_not_wait_for_the_clock(
    answer_with, program, serve
):
    answer_with("one")
    url = f"{serve(program.app)}/ask"
    began = monotonic()
    requests.post(url, json={"prompt": "Hello?"}, timeout=PATIENCE)
    took = monotonic() - began
    assert took < 0.9 * SECONDS, (
        f"The model had answered at once, and the answer took {took:.1f} s: wait for"
        " the clock in a thread of its own."
    )

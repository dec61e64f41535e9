"""An answer that takes too long is thrown by a thread that only looks at the clock."""

import json
import threading
from time import monotonic

import pytest

from lessons.course.for_checks.json_lines import answer_of, messages

__all__ = ["answer_of"]
SECONDS = 2
LATE = {"isError": True, "reason": {"late": SECONDS}}


class Asking:
    """A thread that asks, and notes when the first message and the end came."""

    def __init__(self, program, model):
        self.client = program.app.test_client()
        self.model = model
        self.began = self.first = self.end = monotonic()
        self.lines = []  # what they hold
        self.has_ended = False
        self.error = None
        self.thread = threading.Thread(target=self.work, daemon=True)
        self.thread.start()

    def work(self):
        try:
            answer = self.client.post("/ask", json={"prompt": "Hello?"})
            self.first = monotonic()
            for line in answer.iter_encoded():
                self.lines.append(json.loads(line))
            self.end = monotonic()
            self.has_ended = True
        except Exception as error:
            self.error = error


@pytest.fixture
def gate():
    """Yield an event that is set when the check is over: then no model waits."""
    gate = threading.Event()
    yield gate
    gate.set()


def test_a_late_answer_ends_with_a_throw(program, answer_with, gate):
    thinks = lambda seconds: lambda: gate.wait(seconds)  # noqa: E731
    silent = thinks(30)
    before, between, after = 0.4 * SECONDS, 0.5 * SECONDS, 0.85 * SECONDS
    scripts = [
        [thinks(before), "one", silent, " two"],
        ["one", thinks(between), " two", thinks(after), " three", silent],
    ]
    both = []  # at the same time, for each of them takes its time
    for script in scripts:
        model = answer_with(*script)
        both.append(Asking(program, model))
        while not model.prompts and both[-1].thread.is_alive():
            both[-1].thread.join(0.01)
    until = monotonic() + 4 * SECONDS
    for asking in both:
        asking.thread.join(max(0, until - monotonic()))
        if asking.error:
            raise asking.error
    falls_silent, goes_on = both
    must_be_thrown(falls_silent, before)
    assert {"token": " three"} not in goes_on.lines, (
        f"The model sent tokens at 0, {between:g} and {between + after:g} s, and all of"
        f" them arrived. An answer may take {SECONDS} s after its first message,"
        " however many follow. Start one Timer for each answer, not one for each"
        " message."
    )


def must_be_thrown(asking, before):
    """Fail unless an answer whose model falls silent was thrown at the right time."""
    view = asking.first - asking.began
    late = asking.end - asking.first
    assert asking.has_ended or len(asking.lines) < 2, (
        f"The model fell silent. The line {asking.lines[-1]} came after that, but the"
        f" answer did not end. Make the Timer call stream.throw, which sends {LATE} and"
        " closes the stream."
    )
    assert asking.has_ended, (
        "The model fell silent after its first token, and the answer did not end. The"
        " thread that waits for the model can do nothing else. Start a"
        f" Timer({SECONDS}, ...) that throws."
    )
    assert asking.lines[0] == {"token": "one"}, (
        f'The model\'s first token was "one", and the lines are {asking.lines}. Start'
        " the Timer when the first message is there."
    )
    assert asking.lines[-1] == LATE, (
        f"The model fell silent. Expected the last line {LATE} after {SECONDS} s, got"
        f" {asking.lines[-1]}. Make the Timer throw it."
    )
    assert view < before + 0.75 * SECONDS, (
        f"The first message came after {before:g} s, and the view returned its response"
        " much later. Wait for the clock in another thread."
    )
    assert late > 0.1 * SECONDS, (
        "The answer was cut off right after its first message. Pass the Timer the"
        f" function and its arguments, Timer({SECONDS}, stream.throw, [...]): do not"
        " call throw there."
    )
    assert late > 0.8 * SECONDS, (
        f"The model thought for {before:g} s before its first message, and the answer"
        f" was cut off less than {SECONDS} s after that message. Call start() on the"
        " Timer when the first message is there, below stream.wait()."
    )


def test_an_answer_in_time_is_complete(answer_of):
    _, answer = answer_of("one", " two")
    *_, last = messages(answer)
    assert last == {"end": "stop"}, (
        'The answer finished at once. Expected {"end": "stop"} as its last line, got'
        f" {last}. Throw only after {SECONDS} s."
    )


def test_an_answer_that_is_over_does_not_wait_for_the_clock(client, answer_with):
    answer_with("one")
    before = threading.enumerate()
    began = monotonic()
    client.post("/ask", json={"prompt": "Hello?"}).get_data()
    took = monotonic() - began
    assert took < 0.9 * SECONDS, (
        f"The model answered at once, but the answer took {took:.1f} s. Wait for the"
        " clock in another thread."
    )
    for thread in set(threading.enumerate()).difference(before):
        if not thread.daemon:
            thread.join(SECONDS / 10)  # one that was cancelled ends now
        assert thread.daemon or not thread.is_alive(), (
            "The answer is over, but the thread that waits for the clock is not a"
            " daemon: a server that you stop would wait for it. Set daemon = True on"
            " the Timer before you call start()."
        )

"""A stream object between two threads; the answers are those of lesson 09."""

import json
import threading
from importlib import import_module

import pytest

from lessons.course.for_checks import json_lines as checks
from lessons.course.for_checks.json_lines import PATIENCE, answer_of, in_time
from lessons.course.for_checks.plain_text import (
    test_a_prompt_that_is_no_string_is_refused,
)
from lessons.course.for_checks.quoting import short

__all__ = ["answer_of", "test_a_prompt_that_is_no_string_is_refused"]
MANY = 50  # more messages than a stream has room for
A_MOMENT = 0.3  # seconds in which a thread would go on that does not wait


@pytest.fixture
def make_stream(program, folder):
    """Return the class Stream of the program's stream.py."""
    assert (folder / "stream.py").exists(), (
        f"There is no {folder.name}/stream.py yet: write it, with the class Stream."
    )
    module = import_module(f"{program.__package__}.stream")
    assert hasattr(module, "Stream"), (
        f"{folder.name}/stream.py has no class Stream: write class Stream: there."
    )
    return module.Stream


def must_have(stream, *methods):
    for name in methods:
        assert hasattr(stream, name), (
            f"The class Stream in stream.py has no {name}() yet: write def {name}(...)"
            " in it, as far to the right as its other methods."
        )


class Sender:
    """A thread that sends messages, one after another, and counts them."""

    def __init__(self, stream, messages):
        self.stream = stream
        self.messages = messages
        self.sent = 0
        self.error = None
        self.thread = threading.Thread(target=self.work, daemon=True)
        self.thread.start()

    def work(self):
        try:
            for message in self.messages:
                self.stream.send(message)
                self.sent += 1
        except Exception as error:
            self.error = error

    def has_sent(self, number):
        """Wait until it has sent so many; return whether it has."""
        for _ in range(100):
            if self.sent >= number or not self.thread.is_alive():
                break
            self.thread.join(PATIENCE / 100)
        return self.sent >= number


class Reader:
    """A thread that loops over a stream, and rests until it may go on."""

    def __init__(self, stream):
        self.stream = stream
        self.lines = []
        self.may_go_on = threading.Event()
        self.thread = threading.Thread(target=self.work, daemon=True)
        self.thread.start()

    def work(self):
        for line in self.stream:
            self.lines.append(line)
            self.may_go_on.wait(3 * PATIENCE)

    def has_read(self, number):
        """Wait until it has read so many lines; return whether it has."""
        for _ in range(100):
            if len(self.lines) >= number or not self.thread.is_alive():
                break
            self.thread.join(PATIENCE / 100)
        return len(self.lines) >= number


def read(stream):
    """Return what the lines of a stream hold, when it has ended."""
    lines = in_time(
        lambda: list(stream),
        "The stream was at its end, and the loop over it goes on waiting: __iter__ ends"
        " when the stream is closed and no line is left. close() has to notify who"
        " waits, and throw() has to close the stream.",
    )
    return [as_message(line) for line in lines]


def as_message(line):
    text = line.decode() if isinstance(line, bytes) else line
    assert isinstance(text, str), (
        f"A stream yielded {short(line)}: it yields lines, each of them bytes."
    )
    assert text.endswith("\n") and text.count("\n") == 1, (
        f"A line of a stream is {short(line)}: one message is one line, and ends with"
        " one newline."
    )
    return json.loads(text)


def test_what_is_sent_comes_out_in_order(make_stream):
    stream = make_stream()
    must_have(stream, "__init__", "send", "close", "__iter__")
    sent = [{"token": "Trag\nödie"}, {"token": "👋"}, {"end": "stop"}]

    def send_all():
        for message in sent:
            stream.send(message)
        stream.close()

    in_time(
        send_all,
        "Three messages were sent, and send() still waits: it only waits while eight"
        " lines are waiting.",
    )
    found = read(stream)
    assert found == sent, (
        f"Sent were {sent}, and the lines hold {found}: send() appends the line, and"
        " __iter__ takes the oldest, with popleft(), until the stream is closed and no"
        " line is left."
    )


def test_a_reader_waits_for_the_next_line(make_stream):
    stream = make_stream()
    stream.send({"token": "one"})
    reader = Reader(stream)
    assert reader.has_read(1), (
        "A line was waiting, and the loop over the stream did not yield it: __iter__"
        " yields each line."
    )
    in_time(
        lambda: stream.send({"token": "two"}),
        "A line was taken, and now send() waits for the lock, which the loop over the"
        " stream holds: let __iter__ yield the line after its `with self.changed`.",
    )
    reader.may_go_on.set()
    reader.thread.join(A_MOMENT)  # by now it waits for the third
    assert reader.thread.is_alive(), (
        "No line was there yet, and the loop over the stream ended: it has to wait"
        " until there is a line, or the stream is closed."
    )
    stream.send({"token": "three"})
    assert reader.has_read(3), (
        "A reader waited for a line, a line was sent, and the reader sleeps on: send()"
        " has to wake it, with self.changed.notify_all()."
    )
    found = [as_message(line)["token"] for line in reader.lines]
    stream.close()
    assert found == ["one", "two", "three"], (
        f"Sent were the tokens one, two and three, and the lines hold {found}."
    )


def test_what_is_thrown_is_the_last_line(make_stream):
    stream = make_stream()
    must_have(stream, "throw")
    stream.send({"token": "one"})
    stream.throw({"hello": "World"})
    found = read(stream)
    thrown = {"isError": True, "reason": {"hello": "World"}}
    assert found == [{"token": "one"}, thrown], (
        f'After the token "one" {{"hello": "World"}} was thrown, and the lines hold'
        f" {found}: throw() sends {thrown}, then closes."
    )


def test_nobody_can_send_after_the_end(make_stream):
    stream = make_stream()
    stream.close()
    sender = Sender(stream, [{"token": "too late"}])
    sender.thread.join(PATIENCE)
    assert sender.error is not None, (
        "The stream was closed, and send() raised nothing: a service whose reader has"
        " left would write on, for nobody. Raise StreamClosed there."
    )
    raised = []

    def throw_too_late():
        try:
            stream.throw("too late")
        except Exception as error:
            raised.append(type(error).__name__)

    in_time(throw_too_late, "The stream was closed, and throw() waits for ever.")
    assert raised == [], (
        f"The stream was closed, and throw() raised {raised[0]}: nobody is there to"
        " whom it could be thrown, so suppress that exception there."
    )


def test_send_waits_while_there_is_no_room(make_stream):
    stream = make_stream()
    sender = Sender(stream, range(MANY))
    sender.thread.join(A_MOMENT)
    sent = sender.sent
    assert sender.error is None and sent < MANY, (
        f"Nobody took a line, and {sent} messages were sent: what a model writes would"
        " fill the memory. Let send() wait while eight lines are waiting."
    )
    reader = Reader(stream)
    reader.may_go_on.set()
    assert sender.has_sent(sent + 1), (
        "send() waited for room, lines were taken, and it sleeps on: __iter__ has to"
        " wake it, with self.changed.notify_all()."
    )


def test_send_stops_waiting_when_the_reader_leaves(make_stream):
    stream = make_stream()
    sender = Sender(stream, range(MANY))
    sender.thread.join(A_MOMENT)
    in_time(
        stream.close,
        "send() waits for room, and close() waits for send(): let go of the lock while"
        " waiting, with self.changed.wait_for(...).",
    )
    sender.thread.join(PATIENCE)
    assert not sender.thread.is_alive(), (
        "send() waited for room, the stream was closed, and send() sleeps on: let it"
        " wait for `self.closed or len(self.lines) < ROOM`, and let close() notify."
    )
    assert sender.error is not None, (
        "send() waited for room, the stream was closed, and send() went on as if it"
        " were open: after the wait look at self.closed, and raise StreamClosed."
    )


@pytest.mark.usefixtures("make_stream")
def test_a_service_has_a_thread_of_its_own(program, ask):
    views = []
    services = []

    def post():
        views.append(threading.get_ident())
        _, answer = ask("one", lambda: services.append(threading.get_ident()), " two")
        pieces = answer.iter_encoded()
        next(pieces, b"")
        next(pieces, b"")
        return answer.status_code

    status = in_time(
        post,
        "The model had answered, and the client did not get two tokens: start() the"
        " thread, hand it the stream, and give Response the same stream.",
    )
    assert services, (
        f"The service did not come to the model's second text, and POST /ask gave"
        f" {status}: the log says in which line of yours it failed. Make a new Stream()"
        " for each request."
    )
    assert services and services != views, (
        "The model is still listened to by the thread that answers the request: start"
        " the service with Thread(target=run, args=[answer, prompt, stream],"
        " daemon=True).start(), and give Response the stream."
    )


def test_post_ask_answers_in_json_lines(answer_of):
    """POST /ask answers in JSON Lines."""
    checks.answers_in_json_lines(answer_of)


def test_its_tokens_are_what_the_model_wrote(answer_of):
    checks.tokens_are_what_the_model_wrote(answer_of)
    checks.a_list_of_blocks_is_sent_as_text(answer_of)


def test_the_first_token_leaves_before_the_second_is_made(answer_of):
    checks.the_first_token_leaves_before_the_second_is_made(answer_of)


def test_the_last_line_says_why_the_model_ended(answer_of):
    checks.the_last_line_says_why_the_model_ended(answer_of)
    checks.an_answer_without_a_reason_for_its_end_is_not_whole(answer_of)


def test_the_usage_comes_before_the_end(answer_of):
    checks.the_usage_comes_before_the_end(answer_of)


def test_a_thousand_tokens_are_an_answer_and_one_more_is_thrown(answer_of):
    checks.a_thousand_tokens_are_an_answer_and_one_more_is_thrown(answer_of)


def test_a_failure_after_the_first_token_is_the_last_line(answer_of):
    checks.a_failure_after_the_first_token_is_the_last_line(answer_of)


def test_a_failure_before_the_first_token_is_a_status(answer_of):
    checks.a_failure_before_the_first_token_is_a_status(answer_of)


def test_a_slow_reader_slows_the_model_down(answer_of, program):
    model, answer = answer_of(*["word "] * MANY)
    next(answer.iter_encoded())
    ended = model.closed.wait(A_MOMENT)
    made = model.made
    answer.close()
    assert not ended and made < MANY, (
        f"The reader took one line, and the model has written all {MANY} texts: hand"
        " them to a stream whose send() waits for room."
    )


@pytest.mark.usefixtures("kept")
def test_the_model_is_hung_up_on_when_the_reader_leaves(program, answer_with, serve):
    hung_up = checks.the_model_is_hung_up_on_when_the_reader_leaves(
        program, answer_with, serve
    )
    assert hung_up, (
        f"A browser hung up {PATIENCE} s ago, and the model's stream is still open: the"
        " server then calls the stream's close(), which lets send() raise; closing("
        "model.stream(prompt)) closes the model's on the way out."
    )

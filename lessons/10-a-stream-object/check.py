"""A stream object between two threads; the answers are those of lesson 09."""

import json
import re
import threading
from importlib import import_module
from time import process_time

import pytest
from langchain_core.exceptions import ModelConnectionError, ModelRateLimitError

from lessons.course.for_checks import json_lines as checks
from lessons.course.for_checks import still_there
from lessons.course.for_checks.failing_model import SECRET
from lessons.course.for_checks.in_time import PATIENCE, UntilRead, in_time
from lessons.course.for_checks.json_lines import answer_of
from lessons.course.for_checks.quoting import short

__all__ = ["answer_of"]
MANY = 50  # more messages than a stream has room for
A_MOMENT = 0.3  # seconds in which a thread would go on that does not wait


class Hasty(threading.Condition):
    """A lock whose time limits pass at once: no wait for the other may end by one."""

    def wait(self, timeout=None):
        return super().wait(None if timeout is None else min(timeout, 0.01))

    def wait_for(self, predicate, timeout=None):
        timeout = None if timeout is None else min(timeout, 0.01)
        return super().wait_for(predicate, timeout)


@pytest.fixture
def make_stream(program, folder, monkeypatch):
    """Return the class Stream of the program's stream.py."""
    assert (folder / "stream.py").exists(), (
        f"There is no {folder.name}/stream.py yet. Create it, with the class Stream."
    )
    module = import_module(f"{program.__package__}.stream")
    assert hasattr(module, "Stream"), (
        f"{folder.name}/stream.py has no class Stream. Write class Stream: there."
    )
    if hasattr(module, "Condition"):
        monkeypatch.setattr(module, "Condition", Hasty)
    return module.Stream


@pytest.fixture
def room(make_stream):
    """Return how many lines may wait, as the program's stream.py says, or 8."""
    return getattr(import_module(make_stream.__module__), "ROOM", 8)


def must_have(stream, *methods):
    for name in methods:
        assert hasattr(stream, name), (
            f"The class Stream in stream.py has no {name}() yet. Write def {name}(...)"
            " in it, indented like its other methods."
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


def until(so):
    """Wait until it is so, or for PATIENCE seconds."""
    for _ in range(100):
        if so():
            return
        threading.Event().wait(PATIENCE / 100)


def is_busy_while_it_waits(thread):
    """Whether a thread that waits keeps the processor busy.

    On a busy machine it gets a part of the processor only. One that waits needs none.
    """
    before = process_time()
    thread.join(A_MOMENT)
    return process_time() - before > A_MOMENT / 30


class RestingReader:
    """A thread that loops over a stream, and rests until it may go on."""

    def __init__(self, stream):
        self.stream = stream
        self.lines = []
        self.number = 0  # of the lines: several can come together
        self.may_go_on = threading.Event()
        self.thread = threading.Thread(target=self.work, daemon=True)
        self.thread.start()

    def work(self):
        for line in self.stream:
            self.lines.append(line)
            self.number += line.count(b"\n" if isinstance(line, bytes) else "\n")
            self.may_go_on.wait(3 * PATIENCE)

    def has_read(self, number):
        """Wait until it has read so many lines; return whether it has."""
        for _ in range(100):
            if self.number >= number or not self.thread.is_alive():
                break
            self.thread.join(PATIENCE / 100)
        return self.number >= number


def read(stream):
    """Return what the lines of a stream hold, when it has ended."""
    lines = in_time(
        lambda: list(stream),
        "The stream is closed and empty, but the loop over it keeps waiting. End"
        " __iter__ when the stream is closed and no line is left. close() must notify"
        " waiting threads, and throw() must close the stream.",
    )
    return messages_in(lines)


def messages_in(pieces):
    """Return what the lines hold that a stream has yielded, one by one or together."""
    found = []
    for piece in pieces:
        text = piece.decode() if isinstance(piece, bytes) else piece
        assert isinstance(text, str), (
            f"Expected the stream to yield lines as bytes, got {short(piece)}. Encode"
            " each line with .encode()."
        )
        assert text.endswith("\n") and "\n\n" not in text, (
            f"The stream yielded {short(piece)}. Expected one line for each message,"
            " with one newline at its end."
        )
        found += [json.loads(line) for line in text.splitlines()]
    return found


def test_each_stream_has_its_own_lines(make_stream):
    one, other = make_stream(), make_stream()
    must_have(one, "__init__", "send", "close", "__iter__")
    in_time(
        lambda: one.send({"token": "for one reader"}),
        "One message was sent, but send() is still waiting. Wait only while the stream"
        " holds eight lines.",
    )
    in_time(
        one.close,
        "A line was in the stream, and close() never returned. A reader who has left"
        " takes no more lines, so close() must not wait.",
    )
    other.close()
    found = read(other)
    assert found == [], (
        f"The check sent a token to one stream, and another stream yielded {found}:"
        " readers would get each other's answers. Create lines, sent, closed and"
        " changed in __init__, as in self.lines = deque(), and not above it."
    )
    lock = getattr(one, "changed", None)
    assert lock is None or lock is not getattr(other, "changed", None), (
        "Two streams have the same lock, so all readers and services wait for each"
        " other. Create changed in __init__: self.changed = Condition()."
    )
    counted = getattr(one, "sent", 1)  # a program may count in another way
    assert counted == 1 or not isinstance(counted, int), (
        f"One message was sent. Expected stream.sent to be 1, got {counted}. In send(),"
        " count with self.sent += 1: run() needs the number to know whether a failure"
        " can still become a status."
    )


def test_messages_come_out_in_the_order_in_which_they_were_sent(make_stream):
    stream = make_stream()
    sent = [{"token": "Trag\nödie"}, {"token": "👋"}, {"end": "stop"}]

    def send_all():
        for message in sent:
            stream.send(message)
        stream.close()

    in_time(
        send_all,
        "Three messages were sent, but send() is still waiting. Wait only while the"
        " stream holds eight lines.",
    )
    found = read(stream)
    assert found == sent, (
        f"Expected the messages {sent} in that order, got {found}. In send(), append"
        " the line. In __iter__, take the oldest line with popleft() until the stream"
        " is closed and no line is left. In wait(), return whether there is a line."
    )


def test_a_message_becomes_json(make_stream):
    """A message becomes JSON"""
    stream = make_stream()
    try:
        stream.send({"token": "half an emoji: \ud83d"})
    except UnicodeEncodeError:
        raise AssertionError(
            "The message contained half an emoji, which models can send, and send()"
            " broke: half an emoji has no UTF-8 bytes. Use json.dumps without"
            ' ensure_ascii=False, which writes it as \\ud83d, or encode with "replace".'
        ) from None
    try:
        stream.send({"usage": float("nan")})
    except ValueError:
        pass
    else:
        raise AssertionError(
            "The check sent NaN, which is not valid JSON: in a page, JSON.parse would"
            " fail. Use json.dumps(message, allow_nan=False), and send() raises a"
            " ValueError."
        )
    stream.close()
    found = read(stream)
    assert len(found) == 1, (
        "The check sent two messages, and only one could become JSON. Expected one"
        f" line, got {found}. Make the whole line before you append it."
    )
    counted = getattr(stream, "sent", 1)
    assert counted == 1 or not isinstance(counted, int), (
        "The check sent two messages, and only one could become JSON. Expected"
        f" stream.sent to be 1, got {counted}. Count a message when its line is in the"
        " stream."
    )


def test_a_reader_waits_for_the_next_line(make_stream):
    stream = make_stream()
    stream.send({"token": "one"})
    reader = RestingReader(stream)
    assert reader.has_read(1), (
        "A line was waiting, but the loop over the stream did not yield it. In"
        " __iter__, yield each line."
    )
    in_time(
        lambda: stream.send({"token": "two"}),
        "The loop over the stream took a line, and send() is now waiting for the lock:"
        " __iter__ still holds it. Yield the line after the block `with self.changed`.",
    )
    reader.may_go_on.set()
    is_busy = is_busy_while_it_waits(reader.thread)  # by now it waits for the third
    assert reader.thread.is_alive(), (
        "The loop over the stream ended although the stream was open. Wait until there"
        " is a line or the stream is closed, without a time limit."
    )
    stream.send({"token": "three"})
    assert reader.has_read(3), (
        "A reader was waiting and a line was sent, but the reader did not wake up. Call"
        " self.changed.notify_all() in send()."
    )
    found = [message["token"] for message in messages_in(reader.lines)]
    counted = getattr(stream, "sent", 3)
    stream.close()
    assert not is_busy, (
        "A reader had to wait for the next line, and its loop ran without a pause: that"
        " keeps one core busy for each reader. Call self.changed.wait_for(...), which"
        " sleeps until another thread notifies it."
    )
    assert counted == 3 or not isinstance(counted, int), (
        f"Three messages were sent. Expected stream.sent to be 3, got {counted}. Count"
        " each message that was sent, not those that wait."
    )
    assert found == ["one", "two", "three"], (
        f"The check sent the tokens one, two and three. The lines hold {found}. Keep"
        " each line until the loop takes it, the oldest first."
    )


def test_what_the_service_throws_becomes_the_last_line(make_stream):
    stream = make_stream()
    must_have(stream, "throw")
    stream.send({"token": "one"})
    stream.throw({"hello": "World"})
    found = read(stream)
    thrown = {"isError": True, "reason": {"hello": "World"}}
    assert found == [{"token": "one"}, thrown], (
        'The check sent the token "one" and threw {"hello": "World"}. The lines hold'
        f" {found}. In throw(), send {thrown} and then close the stream."
    )
    try:
        make_stream().throw(float("nan"))
    except ValueError:
        return
    raise AssertionError(
        "The check threw NaN, which JSON cannot hold, and throw() raised nothing, so"
        " nobody would notice that mistake. Suppress only StreamClosed."
    )


def test_nobody_can_send_after_the_end(make_stream):
    stream = make_stream()
    stream.close()
    sender = Sender(stream, [{"token": "too late"}])
    sender.thread.join(PATIENCE)
    if isinstance(sender.error, NameError | AttributeError | TypeError):
        raise sender.error
    assert sender.error is not None, (
        "The stream was closed, but send() raised nothing. A service whose reader has"
        " left would keep writing although nobody is reading. Raise StreamClosed in"
        " send() when the stream is closed."
    )
    raised = []

    def throw_too_late():
        try:
            stream.throw("too late")
        except Exception as error:
            raised.append(type(error).__name__)

    in_time(throw_too_late, "The stream was closed, and throw() never returned.")
    assert raised == [], (
        f"The stream was closed, and throw() raised {raised[0]}. The reader has left,"
        " so nobody needs that error. Suppress the exception in throw()."
    )
    counted = getattr(stream, "sent", 0)
    assert counted == 0 or not isinstance(counted, int), (
        "The stream was closed before the check sent anything. Expected stream.sent to"
        f" be 0, got {counted}. Count a message when its line is in the stream."
    )
    found = read(stream)
    assert found == [], (
        "The check closed the stream and then called throw(). Expected no line, got"
        f" {found}. Use send() in throw(): it refuses messages after the end."
    )


def test_send_waits_while_there_is_no_room(make_stream, room):
    """send() waits while there is no room."""
    stream = make_stream()
    sender = Sender(stream, range(MANY))
    assert sender.has_sent(room), (
        f"Nobody took a line, and send() is already waiting after {sender.sent}"
        f" messages. Wait only while the stream holds {room} lines."
    )
    is_busy = is_busy_while_it_waits(sender.thread)
    if isinstance(sender.error, RuntimeError):  # it waits without the lock
        raise sender.error
    sent = sender.sent
    assert not is_busy or sent == MANY, (
        "send() had to wait for room, and its loop ran without a pause: that keeps one"
        " core busy for each answer. Call self.changed.wait_for(...), which sleeps"
        " until another thread notifies it."
    )
    assert sender.error is None and sent < MANY, (
        f"Nobody took a line, and send() accepted {sent} messages: a long answer would"
        " fill the memory. Make send() wait while the stream holds eight lines."
    )
    assert sent == room, (
        f"Nobody took a line, and send() accepted {sent} messages. Expected at most"
        f" {room} lines in the stream. Wait until len(self.lines) < ROOM, without a"
        " time limit."
    )
    reader = RestingReader(stream)
    reader.may_go_on.set()
    assert sender.has_sent(sent + 1), (
        "send() was waiting for room and lines were taken, but send() did not wake up."
        " Call self.changed.notify_all() in __iter__."
    )
    stream.close()


def test_send_stops_waiting_when_the_reader_leaves(make_stream, room):
    """send() stops waiting when the reader leaves."""
    stream = make_stream()
    sender = Sender(stream, range(room + 1))
    sender.has_sent(room)
    sender.thread.join(A_MOMENT)  # by now it waits for room for the last
    in_time(
        stream.close,
        "send() was waiting for room when the reader left, and close() never returned."
        " close() must not wait for room or for send(). Use self.changed.wait_for(...)"
        " in send(): it releases the lock while it waits.",
    )
    sender.thread.join(PATIENCE)
    assert not sender.thread.is_alive(), (
        "send() was waiting for room and the stream was closed, but send() did not wake"
        " up. Wait for `self.closed or len(self.lines) < ROOM`, and call notify_all()"
        " in close()."
    )
    assert sender.error is not None, (
        "send() was waiting for room when the stream was closed, and it went on as if"
        " the stream were open. Check self.closed after the wait, and raise"
        " StreamClosed."
    )


def test_two_services_can_send_into_one_stream(make_stream, room):
    stream = make_stream()
    senders = [Sender(stream, range(MANY)), Sender(stream, range(MANY))]

    def sent():
        return sum(sender.sent for sender in senders)

    until(lambda: sent() >= room)
    senders[0].thread.join(A_MOMENT)  # by now both wait for room
    lines = iter(stream)
    next(lines)
    until(lambda: sent() > room)
    senders[0].thread.join(A_MOMENT)
    assert sent() == room + 1, (
        "Two threads were waiting for room and one line was taken. Expected one more"
        f" message, got {sent() - room}. Both threads woke up, and the second one no"
        " longer had room. Check again after each wake-up: wait_for does that, but an"
        " if with wait() does not."
    )
    stream.close()
    for sender in senders:
        sender.thread.join(PATIENCE)
    sleeping = [sender for sender in senders if sender.thread.is_alive()]
    assert not sleeping, (
        "Two threads were waiting for room when the stream was closed, and one of them"
        " did not wake up. notify() wakes one thread: call notify_all()."
    )


def test_nothing_is_lost_however_fast_both_sides_are(make_stream):
    stream = make_stream()
    both = [Sender(stream, [[name, n] for n in range(300)]) for name in "ab"]
    reader = RestingReader(stream)
    reader.may_go_on.set()
    assert reader.has_read(600), (
        f"Two threads sent 300 messages each. After {reader.number} messages every"
        " thread is asleep: a notification was lost. Check and wait under the same"
        " lock, as wait_for does."
    )
    stream.close()
    found = messages_in(reader.lines)
    for name in "ab":
        theirs = [n for sender, n in found if sender == name]
        assert theirs == list(range(300)), (
            "Two threads sent 300 messages each, and those of one thread arrived in"
            " another order or twice. Change the lines only while you hold the lock."
        )
    assert not any(sender.error for sender in both)


@pytest.mark.usefixtures("make_stream")
def test_a_service_has_its_own_thread(program, ask, caplog):
    views = []
    services = []

    def post():
        views.append(threading.current_thread())
        note = lambda: services.append(threading.current_thread())  # noqa: E731
        _, answer = ask("one", note, " two")
        pieces = answer.iter_encoded()
        next(pieces, b"")
        next(pieces, b"")
        return answer.status_code

    status = in_time(
        post,
        "The model had answered, but the client did not get two tokens. Call start() on"
        " the thread, pass it the stream, and pass the same stream to Response.",
    )
    why = "A function with a yield in it does not run when it is called: send instead."
    if status >= 500:
        why = (
            "The service raised an error. To see it, write log_name(error) to the log"
            " in run()."
        )
    if caplog.messages:
        why = f'The log says: "{caplog.messages[-1]}".'
    assert services, (
        f"POST /ask gave status {status}, and the service did not read the model's"
        f" second text. {why} Make a new Stream() for"
        " each request."
    )
    assert services and services != views, (
        "The thread that answers the request is still the one that reads the model."
        " Start the service with Thread(target=run, args=[answer, prompt, stream],"
        " daemon=True).start(), and pass the stream to Response."
    )


def test_a_service_does_not_hold_up_the_servers_end(ask):
    """A service does not keep the server from stopping"""
    services = []
    # Asked by the main thread, which is not a daemon: a new thread is as its maker is.
    ask("one", lambda: services.append(threading.current_thread()), " two")
    until(lambda: services)
    assert services[0].daemon, (
        "The service's thread is not a daemon: a server that you stop would wait for"
        " the model's last word. Make it with Thread(..., daemon=True)."
    )


def test_post_ask_answers_in_json_lines(answer_of):
    """POST /ask answers in JSON Lines."""
    checks.answers_in_json_lines(answer_of)


def test_two_questions_are_answered_at_the_same_time(answer_of):
    gate = threading.Event()
    _, first = answer_of("one", gate, " two")
    try:
        _, second = answer_of("three")
        found = checks.messages(second)
    finally:
        gate.set()
    assert checks.tokens(found) == "three", (
        "A second question came while the first answer was being written. Expected the"
        f" tokens 'three', got {checks.tokens(found)!r}. Give each request its own"
        " stream and its own thread."
    )
    assert checks.tokens(checks.messages(first)) == "one two"


def test_the_tokens_are_what_the_model_wrote(answer_of):
    checks.tokens_are_what_the_model_wrote(answer_of)
    checks.a_chunk_without_text_is_no_token(answer_of)
    checks.a_list_of_blocks_is_sent_as_text(answer_of)
    checks.quotation_marks_are_text_too(answer_of)


def test_the_first_token_leaves_before_the_second_is_made(answer_of):
    checks.the_first_token_leaves_before_the_second_is_made(answer_of)


def test_a_failure_after_the_first_token_is_reported_in_the_last_line(answer_of, told):
    checks.a_failure_after_the_first_token_is_the_last_line(answer_of, told)


def test_a_failure_before_the_first_token_becomes_an_error_status(answer_of, told):
    checks.a_failure_before_the_first_token_is_a_status(answer_of, told)


def logged(told, name):
    """Return the lines that the program logs or prints with a name in them.

    They may come a moment after the answer: another thread writes them.
    """
    lines = []

    def note():
        lines.extend(line for line in told().splitlines() if name in line)
        return lines

    until(note)
    return lines


def test_the_log_says_what_failed_and_after_how_many_messages(answer_of, told):
    _, answer = answer_of(ModelRateLimitError(SECRET))
    in_time(answer.get_data, "The model had failed, but the body never ended.")
    name = ModelRateLimitError.__name__
    assert logged(told, name), (
        f"The model failed with a {name} before the first message, and nothing was"
        " logged about it. Let run() log it before it keeps the refusal:"
        ' app.logger.warning("%s after %s messages", log_name(error), stream.sent).'
    )
    until_read = UntilRead(b" two")
    script = "one", " two", until_read, ModelConnectionError(SECRET)
    _, answer = answer_of(*script)
    in_time(lambda: until_read.read(answer), "The model failed. The body never ended.")
    name = ModelConnectionError.__name__
    lines = logged(told, name)
    assert lines, (
        f"The model failed with a {name} after two messages, and nothing was logged"
        " about it. The person who runs the server would never learn of it. Let run()"
        ' call app.logger.warning("%s after %s messages", log_name(error),'
        " stream.sent) before it throws."
    )
    # 3: the error itself, thrown before the line was written, is a message, too
    counts = [re.findall(r"(?<![\w.:])[23](?![\w.:])", line) for line in lines]
    assert any(counts), (
        f"The model failed after two messages, and the log says {lines[0]!r}. Expected"
        " the number of messages in it. Log stream.sent, too, in which send() counts"
        " them."
    )


def test_the_last_line_says_why_the_model_ended(answer_of):
    checks.the_last_line_says_why_the_model_ended(answer_of)
    checks.an_error_after_the_end_takes_nothing_away(answer_of)
    checks.an_answer_without_a_finish_reason_is_not_whole(answer_of)


def test_the_usage_comes_before_the_end(answer_of):
    checks.the_usage_comes_before_the_end(answer_of)


def test_a_thousand_tokens_are_sent_and_one_more_throws_the_limit(answer_of):
    checks.a_thousand_tokens_are_an_answer_and_one_more_is_thrown(answer_of)


def test_a_slow_reader_slows_the_model_down(answer_of, program):
    model, answer = answer_of(*["word "] * MANY)
    in_time(lambda: next(answer.iter_encoded()), "The first line never arrived.")
    ended = model.closed.wait(A_MOMENT)
    made = model.made
    assert not ended and made < MANY, (
        f"The reader took one line, and the model has already written all {MANY} texts."
        " Send them to a stream whose send() waits for room."
    )


@pytest.mark.usefixtures("kept")
def test_the_models_stream_is_closed_when_the_reader_leaves(
    program, answer_of, answer_with, serve
):
    """The model's stream is closed when the reader leaves."""
    checks.the_model_is_hung_up_on_while_it_thinks(
        answer_of,
        "Pass the stream itself to Response: Flask then calls its close(), and the next"
        " send() raises StreamClosed. closing(model.stream(prompt)) in the service then"
        " closes the model's stream.",
        "The stream is closed, so the next send() raises StreamClosed. That exception"
        " must end the service, so do not ignore it.",
    )
    hung_up = checks.the_models_stream_is_closed_when_the_reader_leaves(
        program, answer_with, serve
    )
    assert hung_up, (
        f"A browser disconnected {PATIENCE} s ago, and the model's stream is still"
        " open. The server calls the stream's close(), so the next send() must raise."
        " Use closing(model.stream(prompt)), which then closes the model's stream."
    )


# What lesson 08 gave the server


def test_anything_that_is_not_a_prompt_is_refused(client, answer_with):
    still_there.test_anything_that_is_not_a_prompt_is_refused(client, answer_with)


def test_an_answer_has_the_headers_from_lesson_08(client, answer_with):
    still_there.test_an_answer_has_the_headers_from_lesson_08(client, answer_with)


def test_the_limits_from_lesson_08_still_apply(client, answer_with):
    still_there.test_the_limits_from_lesson_08_still_apply(client, answer_with)

"""A slow reader slows only its own model, and what waits for readers is bounded."""

import os
import re
import sys
from contextlib import suppress
from threading import Condition, Event, Thread
from time import monotonic, sleep

import pytest
from langchain_core.exceptions import ModelConnectionError, ModelRateLimitError
from langchain_core.messages import AIMessageChunk

from lessons.course.for_checks import plain_text
from lessons.course.for_checks.failing_model import SECRET, read
from lessons.course.for_checks.in_time import PATIENCE, UntilRead
from lessons.course.for_checks.quoting import short
from lessons.course.for_checks.scripted_model import ScriptedModel
from lessons.course.for_checks.still_there import (
    a_body_that_is_too_large_is_refused,
    a_foreign_name_gets_nothing,
    a_foreign_page_gets_nothing,
    headers_are_still_there,
    whatever_is_not_a_prompt_is_refused,
)
from lessons.course.for_checks.stuck_threads import stuck_in

MANY = 1000  # pieces, more than a bounded queue lets wait
PART = 900  # letters in a piece: many of them fit
LARGE = 100_000  # letters in a large piece
READERS = 30  # who stop reading
MOST = 16_000_000  # bytes that may wait for them; the lesson's program keeps to half
PIECES = 16  # that may wait for one reader
TOO_MANY = 120  # answers at once: a server without a cap refuses none of them
SLOTS = 40  # answers at once that may be: fewer than 64, so it is full sooner
os.environ["ANSWERS_AT_ONCE"] = str(SLOTS)
MOMENT = 0.3  # seconds


def done_in_time(work):
    """Do something in a thread; return whether it came to an end in time."""
    thread = Thread(target=work, daemon=True)
    thread.start()
    thread.join(PATIENCE)
    return not thread.is_alive()


def quiet(*models):
    """Return how many pieces the models have made, once they have paused for a moment.

    Those of a program that never comes to rest are counted after a while.
    """
    before = None
    made = [model.made for model in models]
    until = monotonic() + PATIENCE
    while made != before and monotonic() < until:
        sleep(0.2)
        before = made
        made = [model.made for model in models]
    return sum(made)


@pytest.fixture
def measures(client):
    """Return a function that looks up the numbers at /metrics, by their names."""

    def look():
        lines = re.findall(r"(?m)^(\w+) (.+)$", client.get("/metrics").text)
        found = {name: int(float(number)) for name, number in lines}
        for name in "pieces_held", "bytes_held", "answers_refused_total":
            assert name in found, (
                f"/metrics has no line {name}. Leave measures.py as it was given."
            )
        return found

    return look


def read_to_the_end(answer):
    """Return how many bytes of an answer come, or None if they do not come in time."""
    came = []
    ended = done_in_time(lambda: came.append(len(answer.get_data())))
    return came[0] if ended else None


@pytest.fixture
def asked(ask):
    """Ask as `ask` does; return None if no first piece comes in time."""

    def post(*script):
        came = []
        raised = []

        def work():
            try:
                came.append(ask(*script))
            except Exception as error:
                raised.append(error)

        done_in_time(work)
        if raised:
            raise raised[0]
        return came[0] if came else None

    return post


# One reader


def test_an_answer_is_written_without_an_error(asked, folder, caplog):
    """An answer is written without an error in waiting.py."""
    answer = None
    ended = False
    with suppress(Exception):  # which other checks explain
        model, answer = asked(*["word "] * MANY) or (None, None)
        if answer:
            quiet(model)
            ended = done_in_time(answer.get_data)
    slip = re.search(r"(\w+Error) in (\w+\.py), line (\d+)", caplog.text)
    assert not slip, (
        f"While the model wrote, {slip[2]}, line {slip[3]}, raised {slip[1]}, which"
        " ended the answer. Check that line, and the names that put() and takes() use"
        " in waiting.py. Call wait() inside with self.changed:."
    )
    places = "" if ended else stuck_in(folder)
    if places and answer:
        answer.close = lambda: None  # it would wait, too
    assert not places, (
        f"After {PATIENCE} s the answer had not ended, and Python was still at"
        f" {places}. Look there for a lock that is never released. Inside with"
        " self.lock:, call no method that takes the same lock. Inside with"
        " self.changed:, only self.changed.wait() lets other threads in, and only with"
        " its ()."
    )


def test_post_ask_answers_in_plain_text(ask, program):
    """POST /ask answers in plain text."""
    plain_text.test_post_ask_answers_in_plain_text(ask, program)


def test_the_answer_is_what_the_model_wrote(ask, lesson_number):
    """The answer is what the model wrote."""
    plain_text.test_the_answer_is_what_the_model_wrote(ask, lesson_number)


def test_a_prompt_that_is_not_a_string_is_refused(ask):
    """A prompt that is not a string is refused."""
    plain_text.test_a_prompt_that_is_not_a_string_is_refused(ask)


def test_the_first_piece_leaves_before_the_second_is_made(ask):
    """The first piece leaves before the second is made."""
    until_read = UntilRead(b"one")
    _, answer = ask("one", until_read, " two")
    until_read.read(answer)
    assert until_read.waits == [True], (
        "The first piece reached the reader only after the second was made. Make put()"
        " wait only while there is no room, and call notify_all() to wake the reader."
    )


def test_a_slow_reader_slows_its_model_down(ask):
    """A slow reader slows its model down."""
    model, answer = ask(*["word "] * MANY)
    made = quiet(model)
    for _ in range(PATIENCE):  # a busy machine takes its time
        if made <= 3:
            sleep(1)
            made = quiet(model)
    came = MANY * len("word ")
    if made >= MANY / 4:
        came = read_to_the_end(answer)
    done_in_time(answer.close)
    assert came == MANY * len("word "), (
        "The reader took one piece, paused and read on, but did not get the whole"
        " answer. When there is no room, put() must wait with self.changed.wait(), and"
        " must not drop anything."
    )
    assert made < MANY / 4, (
        "The reader took one piece and stopped, but the model kept writing, and all of"
        " it waits in memory. In waiting.py, make put() wait with self.changed.wait()"
        " while len(self.pieces) is PIECES, which is 16."
    )
    assert made > 3, (
        f"The reader took one piece and stopped, and the model made only {made} pieces."
        " Expected it to go on until 16 pieces wait. Make takes() return whether there"
        " is room for one more, len(self.pieces) < PIECES, and make add_if_it_fits()"
        " return True or False."
    )


def test_the_model_goes_on_when_the_reader_does(ask):
    """A reader who pauses gets all of the answer."""
    model, answer = ask(*["word "] * MANY)
    quiet(model)
    came = read_to_the_end(answer)
    assert came is not None, (
        f"The reader paused and read on, and {PATIENCE} s later the answer has not"
        " ended. Call notify_all() after a piece is taken or added: it wakes the"
        " other side, and put() checks again whether there is room."
    )
    assert came == MANY * len("word "), (
        f"The reader paused and read on, and got {came} of {MANY * len('word ')} bytes."
        " When there is no room, put() must wait, and must not drop anything."
    )


@pytest.fixture
def waiting(program):
    """Return the program's module waiting.py; None if it is built in another way."""
    module = sys.modules.get(f"{program.__package__}.waiting")
    is_as_given = hasattr(module, "held") and hasattr(program, "Waiting")
    return module if is_as_given else None


def note_lines(program, waiting, monkeypatch):
    """Return a list that gets each Waiting that the program makes from now on."""
    lines = []
    if waiting:
        make = program.Waiting

        def make_and_note():
            lines.append(make())
            return lines[-1]

        monkeypatch.setattr(program, "Waiting", make_and_note)
    return lines


def test_what_waits_is_counted_once(ask, measures, program, waiting, monkeypatch):
    """Each waiting piece is counted once."""
    before = measures()  # what an earlier check may have left there
    lines = note_lines(program, waiting, monkeypatch)
    model, answer = ask(*["word "] * MANY)
    made = quiet(model)
    found = measures()
    waits = sum(len(line.pieces) for line in lines)
    larger, other = ask(*["x" * PART] * MANY)
    assert other.status_code != 503, (
        "One answer was being written, and the next question got a 503: there is only"
        " one slot. Write BoundedSemaphore(ANSWERS_AT_ONCE)."
    )
    until = monotonic() + PATIENCE
    while larger.made <= 3 and monotonic() < until:
        sleep(0.01)
    done_in_time(answer.close)
    done_in_time(other.close)
    pieces = found["pieces_held"] - before["pieces_held"]
    held = found["bytes_held"] - before["bytes_held"]
    assert not waits or pieces < 2 * waits, (
        f"A reader took one piece and stopped. Now {waits} pieces wait, and held counts"
        f" {pieces}. Each piece is counted twice: takes() counts the pieces that it"
        " lets in, so remove held.add(piece) from put()."
    )
    assert pieces < made and held == pieces * len("word "), (
        "A reader took one piece of 5 bytes and stopped, and held does not match what"
        " waits. Count each piece once when it starts to wait, with held.add() or"
        " held.add_if_it_fits(): they add 1 to the pieces and len(piece) to the bytes."
        " put() calls takes() after each wait, so compare len(self.pieces) with PIECES"
        " before you count."
    )
    assert not lines or pieces <= waits, (
        f"A reader took one piece and stopped. Now {waits} pieces wait, and held counts"
        f" {pieces}. takes() must return True for each piece that it counts: write"
        " return True right below held.add(piece)."
    )
    most = getattr(waiting, "PIECES", PIECES)
    assert pieces <= most, (
        f"A reader took one piece and stopped. Expected at most {most} waiting pieces,"
        f" got {pieces}. There is room for the next piece while len(self.pieces) <"
        " PIECES."
    )
    room = getattr(waiting, "BYTES", PIECES * PART)
    assert room >= PIECES * PART, (
        f"BYTES is {room}, and all readers together need more room. Write BYTES ="
        " 1_000_000."
    )
    assert larger.made > 3, (
        "While the pieces of one reader waited, a second one took a piece and stopped."
        f" The second model made only {larger.made}. PIECES applies to each answer:"
        " make takes() look at len(self.pieces), not at what waits for everybody."
    )


class Impatient(Condition):
    """A Condition whose time limits are over at once, whatever they are."""

    def wait(self, timeout=None):
        return super().wait(timeout and 0.001)


def test_no_piece_is_dropped_after_a_time(waiting, monkeypatch):
    """No piece is dropped, however long its reader stops."""
    if not hasattr(waiting, "Waiting"):
        return  # the checks of what arrives judge it
    monkeypatch.setattr(waiting, "Condition", Impatient, raising=False)
    one = waiting.Waiting()
    sent = [b"%d " % number for number in range(2 * PIECES)]

    def write():
        with suppress(Exception):  # the assertion below reports it
            for piece in sent:
                one.put(piece)
        one.end()

    writer = Thread(target=write, daemon=True)
    writer.start()
    writer.join(0.05)  # for longer than any time limit is here
    came = []
    assert done_in_time(lambda: came.extend(one)) and came == sent, (
        f"A reader stopped for a while, and then read on. {len(sent)} pieces were put,"
        f" and {len(came)} came. A reader may stop for an hour: call"
        " self.changed.wait() without a time limit, and look again."
    )


def test_a_reader_who_leaves_frees_the_model(ask, measures):
    """A reader who leaves frees the model."""
    model, answer = ask(*["word "] * MANY)
    quiet(model)
    done_in_time(answer.close)
    assert model.closed.wait(PATIENCE), (
        f"The reader left {PATIENCE} s ago while put() was waiting for room, and the"
        " model's stream is still open. End the loop in put() when self.reader_left is"
        " true, and raise ReaderLeft."
    )
    assert model.made < MANY / 4, (
        f"The reader left after one piece, but the model has written {model.made} more."
        " Raise ReaderLeft in put() when self.reader_left is true."
    )
    held = measures()["bytes_held"]
    assert held >= 0, (
        "The reader has left, and held.bytes is less than 0: a piece was added without"
        " being counted. takes() must count each piece for which it returns True. After"
        " each wait, put() must call takes() again: write while, not if."
    )
    assert held == 0, (
        "The reader has left, and held.bytes is not 0: a piece was counted that nobody"
        " will take. In put(), raise ReaderLeft below the loop that waits: the reader"
        " may leave during the wait. In the loop, check self.reader_left before you"
        " check for room."
    )


def test_the_room_is_looked_at_with_the_lock(ask, program, waiting, monkeypatch):
    """The lock is held while waiting.py looks for room."""
    if not waiting:
        return
    lines = note_lines(program, waiting, monkeypatch)
    unlocked = []

    def noting(count):
        def note(piece):
            owned = getattr(lines[-1].changed, "_is_owned", None)
            if owned and not owned():
                unlocked.append(piece)
            return count(piece)

        return note

    for name in "add", "add_if_it_fits":
        if hasattr(waiting.held, name):
            count = noting(getattr(waiting.held, name))
            monkeypatch.setattr(waiting.held, name, count)
    _, answer = ask("one", " two")
    read_to_the_end(answer)
    assert not unlocked, (
        "A piece was counted as held while put() did not have the lock, so the reader"
        " could leave between the count and the append. Write all of put() inside with"
        " self.changed:, and wait there with self.changed.wait(), which releases the"
        " lock meanwhile."
    )


# All readers together


@pytest.fixture
def stopped(asked):
    """Return the models of many readers who have stopped reading large pieces."""
    models, answers = [], []
    for _ in range(READERS):
        came = asked(*["x" * LARGE] * 100)
        if not came:  # test_others_go_on says so
            break
        models.append(came[0])
        answers.append(came[1])
    quiet(*models)
    yield models
    done_in_time(lambda: [answer.close() for answer in answers])


def test_what_waits_for_all_readers_is_bounded(stopped):
    """The waiting pieces of all readers together are bounded."""
    waits = sum(model.made - 1 for model in stopped) * LARGE
    assert waits < MOST, (
        f"{READERS} readers took one piece of {LARGE} bytes each and stopped, and"
        f" {waits // 1000000} MB are waiting for them. Count the bytes that wait for"
        " all readers, and make put() wait while they would exceed BYTES, which is"
        " 1,000,000."
    )


class Crowded:
    """The lock of `held`. In its gaps, another thread adds a piece.

    It comes in this very thread, at the moments at which another one could: when the
    lock is given back, and when len() of a piece is asked while nobody has the lock.
    """

    def __init__(self, lock, come):
        self.lock = lock
        self.come = come
        self.depth = 0

    def __enter__(self):
        self.acquire()
        return self

    def __exit__(self, *_):
        self.release()

    def acquire(self, *arguments):
        taken = self.lock.acquire(*arguments)
        self.depth += 1
        return taken

    def release(self):
        self.lock.release()
        self.depth -= 1
        if self.depth == 0:
            self.come()

    def __getattr__(self, name):
        return getattr(self.lock, name)


class Watched(bytes):
    """A piece that lets another thread come when its length is asked."""

    come = None

    def __len__(self):
        self.come()
        return super().__len__()


def test_two_pieces_never_get_the_same_space(waiting, monkeypatch):
    """Two pieces that come at once do not both get the same free space."""
    held = getattr(waiting, "held", None)
    if not hasattr(held, "lock") or not hasattr(held, "add_if_it_fits"):
        return  # it is built in another way
    monkeypatch.setattr(held, "pieces", 0)
    monkeypatch.setattr(held, "bytes", waiting.BYTES - 1)
    held.add_if_it_fits(b"xx")
    assert held.bytes < waiting.BYTES, (
        "There was room for one more byte, and add_if_it_fits() took a piece of two."
        " Check whether the new piece still fits: self.bytes + len(piece) > BYTES."
    )
    other = b"x" * (waiting.BYTES * 2 // 3)
    came = []

    def come():
        if lock.depth == 0 and not came:
            came.append(True)
            held.add_if_it_fits(other)

    lock = Crowded(held.lock, come)
    monkeypatch.setattr(held, "lock", lock)
    monkeypatch.setattr(held, "bytes", 0)
    piece = Watched(other)
    piece.come = come
    held.add_if_it_fits(piece)
    assert held.bytes <= waiting.BYTES, (
        "Two threads asked at the same moment for the same free space, and both got it."
        " Make add_if_it_fits() check and add inside the same with self.lock:."
    )


def test_others_go_on(asked, stopped):
    """While others have stopped, a reader gets all of the answer."""
    answer = None
    if len(stopped) == READERS:
        _, answer = asked(*["x" * LARGE] * 20) or (None, None)
    assert not answer or answer.status_code == 200, (
        f"While {READERS} readers had stopped, one more reader got a"
        f" {answer.status_code}: earlier answers still hold their slots. Give a slot"
        " back in finally, which also runs when a reader leaves."
    )
    came = read_to_the_end(answer) if answer else None
    assert came is not None, (
        "Other readers had stopped, and their pieces took up all BYTES. One more reader"
        f" waited {PATIENCE} s for a whole answer. Let each answer have one waiting"
        " piece, whatever waits for others: if not self.pieces, there is room."
    )
    assert came == 20 * LARGE, (
        f"While other readers had stopped, one more reader got {came} of {20 * LARGE}"
        " bytes. put() must not drop anything."
    )


def test_a_piece_larger_than_all_the_room_arrives(asked):
    """A piece that is larger than all the room arrives."""
    size = 1_100_000
    _, answer = asked("x" * size) or (None, None)
    came = read_to_the_end(answer) if answer else None
    assert came == size, (
        f"A model sent one piece of {size} bytes, which is more than BYTES, and it did"
        " not arrive. If nothing waits, there is room for a piece, however large it is:"
        " check if not self.pieces first."
    )


# Answers at once


@pytest.fixture
def full(asked):
    """Return model and response of the first question that is refused, if one is.

    Also return all responses, each None for a question that waits, and their times.
    """
    gate = Event()
    answers = []
    seconds = []
    try:
        for _ in range(TOO_MANY):
            began = monotonic()
            model, answer = asked("one", gate, " two") or (None, None)
            seconds.append(monotonic() - began)
            answers.append(answer)
            if not answer or answer.status_code != 200:
                break
        yield model, answer, answers, seconds
    finally:
        gate.set()
        done_in_time(lambda: [each.close() for each in answers if each])


def test_one_answer_too_many_is_a_503(full, measures):
    """One answer too many is a 503 that says when to ask again."""
    model, answer, answers, seconds = full
    assert answer, (
        f"After {len(answers) - 1} answers at once, one more question got no response"
        f" within {PATIENCE} s. Take a slot before you do anything else."
        " slots.acquire(blocking=False) returns at once: if it returns False, refuse"
        " with a 503."
    )
    assert answer.status_code != 200, (
        f"{TOO_MANY} answers ran at once, and none was refused. Take a slot with"
        " slots.acquire(blocking=False), raise ServiceUnavailable(retry_after=5) if"
        " there is none, and give it back when the answer has ended, not when the view"
        " has returned."
    )
    assert answer.status_code != 502, (
        f"After {len(answers) - 1} answers at once, one more question got a 502: an"
        " exception inside the try counts as the model's failure. Take the slot and"
        " refuse above the try."
    )
    assert answer.status_code == 503, (
        f"After {len(answers) - 1} answers at once, one more question got a"
        f" {answer.status_code}. Raise ServiceUnavailable(retry_after=5), which is a"
        " 503."
    )
    *others, waited = seconds
    assert waited < 1 + 3 * max(others), (
        f"The refusal took {waited:.1f} s, while other answers started within"
        f" {max(others):.1f} s. A request that waits for a slot holds a thread"
        " meanwhile. Call slots.acquire(blocking=False), which returns at once."
    )
    # An answer of an earlier check may still have its slot, until Python tidies up.
    assert 10 < len(answers) - 1 <= SLOTS, (
        f"ANSWERS_AT_ONCE was {SLOTS} in .env, and {len(answers) - 1} answers started"
        " before one was refused. Read the number with number('ANSWERS_AT_ONCE', 64)."
    )
    assert answer.headers.get("Retry-After", "").isdecimal(), (
        "The 503 does not say when to ask again. Raise"
        " ServiceUnavailable(retry_after=5), which sets the header Retry-After."
    )
    assert (answer.get_json(silent=True) or {}).get("error"), (
        f"The 503 came with {short(answer.text)}. Make as_json handle it, like other"
        ' errors: {"error": sentence}.'
    )
    assert not model.prompts, (
        "A question was refused with a 503, but the program had asked the model. Take a"
        " slot before the model's thread starts."
    )
    refused = measures()["answers_refused_total"]
    assert refused == 1, (
        "One question was refused with a 503. Expected answers_refused_total to be 1 at"
        f" /metrics, got {refused}. Call REFUSED.inc() there, once."
    )


def test_without_a_setting_there_are_64_slots(started_with, monkeypatch):
    monkeypatch.delenv("ANSWERS_AT_ONCE")
    slots = getattr(started_with(), "ANSWERS_AT_ONCE", 64)
    assert slots == 64, (
        f"Without ANSWERS_AT_ONCE in .env there are {slots} slots. Expected 64. Write"
        " number('ANSWERS_AT_ONCE', 64)."
    )


def test_a_slot_is_given_back(ask, client):
    """A slot is given back, however the answer ends."""
    ends = {
        "was whole": (["one"], "Hello?"),
        "failed after its first text": (["one", ModelRateLimitError("no")], "Hello?"),
        "was refused by the model": ([ModelRateLimitError("no")], "Hello?"),
        "had no prompt": (["one"], ""),
    }
    for how, (script, prompt) in ends.items():
        for number in range(SLOTS + 1):
            try:
                _, answer = ask(*script, prompt=prompt)
            except Exception as error:
                error.add_note(
                    f"That answer {how}. waiting.end(error) passes what the model"
                    " raises to the reader's thread."
                )
                raise
            with suppress(Exception):  # the body of the second breaks off
                answer.get_data()
            answer.close()
            advice = "Give the slot back in finally, with slots.release()."
            if not prompt:
                advice = "Take a slot only after the prompt has been read."
            assert answer.status_code != 503, (
                f"{number} answers, one after another, {how}, and the next question got"
                f" a 503. {advice}"
            )
    for number in range(SLOTS + 1):
        _, answer = ask(*["word "] * 5)
        answer.close()
        assert answer.status_code != 503, (
            f"{number} readers left, one after another, and the next one got a 503."
            " Give the slot back in finally, which also runs when a reader leaves."
        )
    assert client.get("/metrics").status_code == 200


def test_a_slot_is_given_back_once(ask, full):
    """A slot that was never taken is not given back."""
    for _ in range(3):
        _, answer = ask("one")
        assert answer.status_code == 503, (
            "All slots were taken and a question was refused. Expected status 503 for"
            f" the next one, got {answer.status_code}. A refused question has no slot"
            " to give back. Refuse it above the try whose finally gives a slot back."
        )


class Lingering(ScriptedModel):
    """A model that takes a moment to hang up, and notes what happens meanwhile."""

    def __init__(self, *script):
        super().__init__(*script)
        self.answer_closed = Event()
        self.was_waited_for = None

    def stream(self, prompt):
        try:
            yield from super().stream(prompt)
        finally:
            self.was_waited_for = not self.answer_closed.wait(MOMENT)


def test_a_slot_is_given_back_when_the_model_is_free(client, answer_with):
    """A slot is given back when its model's stream is closed."""
    model = Lingering(*["word "] * MANY)
    answer_with().stream = model.stream
    answer = client.post("/ask", json={"prompt": "Hello?"})

    def leave():
        answer.close()
        model.answer_closed.set()

    done_in_time(leave)
    model.closed.wait(PATIENCE)
    done_in_time(lambda: model.answer_closed.wait(PATIENCE))
    assert model.was_waited_for is not False, (
        "The reader left, and the slot was given back while its model was still open."
        " Readers who come and go could keep more models running than there are slots."
        " Make written() wait with writer.join()."
    )


# How it fails, and what every lesson after the eighth keeps


def test_a_broken_answer_says_why_and_breaks(ask, caplog):
    """A broken answer says why, in our own words, and breaks."""
    _, answer = ask("one", ModelConnectionError(SECRET))
    came, broke = read(answer)
    assert came.startswith("one\n[error: ") and broke, (
        f"The model failed after 'one', and the reader got {short(came)}"
        f" {'and a break' if broke else 'as if it were complete'}. Send a last line for"
        " people, and break the body for programs: raise BodyBreaks(sentence), as in"
        " lesson 07."
    )
    for place, words in ("reader", came), ("log", caplog.text), ("break", str(broke)):
        assert SECRET not in words, (
            f"The model failed after 'one', and the {place} gets the provider's own"
            f" words, {SECRET!r}. They can contain part of the key. Use"
            " sentence_for(error) instead."
        )


LAST = AIMessageChunk("", response_metadata={"finish_reason": "stop"})


def test_what_breaks_after_the_finish_reason_takes_no_text_away(ask):
    """An error after the finish reason does not break a complete answer."""
    came, broke = read(ask("one", LAST, ModelConnectionError(SECRET))[1])
    assert (came, broke) == ("one", None), (
        "The model wrote 'one' and its finish reason, and then the connection broke."
        f" All the text had arrived, but the reader got {short(came)}. Keep"
        " ignoring_late_errors(chunks) in write()."
    )


def test_the_headers_and_limits_from_lesson_08_still_apply(client, answer_with):
    """The headers and limits from lesson 08 still apply."""
    headers_are_still_there(client, answer_with)
    a_body_that_is_too_large_is_refused(client, answer_with)
    a_foreign_name_gets_nothing(client, answer_with)
    a_foreign_page_gets_nothing(client, answer_with)
    whatever_is_not_a_prompt_is_refused(client, answer_with)
    policy = client.get("/").headers.get("Content-Security-Policy", "")
    for words in "default-src", "script-src", "frame-ancestors":
        assert words in policy, (
            f"The page at / has the Content-Security-Policy {short(policy)}. Expected"
            f" {words} in it. Keep the POLICY that index() starts with."
        )

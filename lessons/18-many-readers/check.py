"""A slow reader slows its own model only, and what waits for readers is bounded."""

import os
import re
import sys
from contextlib import suppress
from threading import Event, Thread
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

MANY = 1000  # pieces, more than a bounded queue lets wait
LARGE = 100_000  # letters in a large piece
READERS = 30  # who stop reading
MOST = 16_000_000  # bytes that may wait for them; the lesson's program keeps to half
PIECES = 16  # that may wait for one reader
TOO_MANY = 120  # answers at once: a server without a cap refuses none of them
PLACES = 40  # answers at once that may be: fewer than 64, so it is full sooner
os.environ["ANSWERS_AT_ONCE"] = str(PLACES)
MOMENT = 0.3  # seconds


def done_in_time(work):
    """Do something in a thread; return whether it came to an end in time."""
    thread = Thread(target=work, daemon=True)
    thread.start()
    thread.join(PATIENCE)
    return not thread.is_alive()


def quiet(*models):
    """Return how many pieces models have made, once they make no more for a moment.

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
                f"/metrics has no line {name}: leave measures.py as it is given."
            )
        return found

    return look


def read_to_the_end(answer):
    """Return how many bytes of an answer come, or None if they do not come in time."""
    came = []
    ended = done_in_time(lambda: came.append(len(answer.get_data())))
    return came[0] if ended else None


# One reader


def test_an_answer_is_written_without_a_slip(ask, caplog):
    """An answer is written without a slip in waiting.py."""
    came = []
    with suppress(Exception):  # which other checks explain
        model, answer = ask(*["word "] * MANY)
        quiet(model)
        done_in_time(lambda: came.append(answer.get_data()))
    slip = re.search(r"(\w+Error) in (\w+\.py), line (\d+)", caplog.text)
    assert not slip, (
        f"While the model wrote, {slip[2]}, line {slip[3]}, raised a {slip[1]}, which"
        " ended the answer: look there, and at what put() and takes() in waiting.py"
        " use. A name has to be there, and wait() goes inside with self.changed:."
    )


def test_post_ask_answers_in_plain_text(ask):
    """POST /ask answers in plain text."""
    plain_text.test_post_ask_answers_in_plain_text(ask)


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
        "The reader had to wait for the first piece until the second was made: put()"
        " may wait only while there is no room, and notify_all() wakes the reader."
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
        "The reader took one piece, paused and read on, and did not get all of the"
        " answer: when there is no room, put() has to wait, by self.changed.wait(), and"
        " may throw nothing away."
    )
    assert made < MANY / 4, (
        "The reader took one piece and no more, and the model wrote on: all that it"
        " writes waits in memory. In waiting.py let put() wait with self.changed.wait()"
        " while len(self.pieces) is PIECES, which is 16."
    )
    assert made > 3, (
        f"The reader took one piece and no more, and the model has made {made}: it may"
        " go on until 16 pieces wait. takes() returns whether there is room for one"
        " more: len(self.pieces) < PIECES, and add_if_it_fits() returns True or False."
    )


def test_the_model_goes_on_when_the_reader_does(ask):
    """A reader who pauses gets all of the answer."""
    model, answer = ask(*["word "] * MANY)
    quiet(model)
    came = read_to_the_end(answer)
    assert came is not None, (
        f"The reader paused and read on, and {PATIENCE} s later the answer has not"
        " ended: whoever takes a piece or adds one wakes the other by notify_all(), and"
        " put() looks again then whether there is room."
    )
    assert came == MANY * len("word "), (
        f"The reader paused and read on, and got {came} of {MANY * len('word ')} bytes:"
        " when there is no room, put() has to wait, and may throw nothing away."
    )


@pytest.fixture
def waiting(program):
    """Return the program's module waiting.py; None if it is built in another way."""
    module = sys.modules.get(f"{program.__package__}.waiting")
    is_as_given = hasattr(module, "held") and hasattr(program, "Waiting")
    return module if is_as_given else None


def test_what_waits_is_counted_once(ask, measures, waiting):
    """What waits is counted once."""
    before = measures()  # what an earlier check may have left
    model, answer = ask(*["word "] * MANY)
    made = quiet(model)
    found = measures()
    done_in_time(answer.close)
    pieces = found["pieces_held"] - before["pieces_held"]
    held = found["bytes_held"] - before["bytes_held"]
    assert pieces < made and held == pieces * len("word "), (
        "A reader took one piece of 5 bytes and no more, and what held counts is not"
        " what waits: count each piece once when it begins to wait, by held.add() or by"
        " held.add_if_it_fits(), which add 1 to the pieces and len(piece) to the bytes."
    )
    most = getattr(waiting, "PIECES", PIECES)
    assert pieces <= most, (
        f"A reader took one piece and no more, and {pieces} pieces wait: there may be"
        f" {most}, so the next has room while there are fewer,"
        " len(self.pieces) < PIECES."
    )


def test_a_reader_who_leaves_frees_the_model(ask, measures):
    """A reader who leaves frees the model."""
    model, answer = ask(*["word "] * MANY)
    quiet(model)
    done_in_time(answer.close)
    assert model.closed.wait(PATIENCE), (
        f"The reader left {PATIENCE} s ago while put() waited for room, and the model's"
        " stream is still open: the loop in put() has to end when self.reader_left, and"
        " put() raises ReaderLeft then."
    )
    assert model.made < MANY / 4, (
        f"The reader left after one piece, and the model has written {model.made} more:"
        " put() raises ReaderLeft when self.reader_left."
    )
    held = measures()["bytes_held"]
    assert held >= 0, (
        "The reader has left, and held.bytes is less than 0: a piece was let in that"
        " was never counted. When put() has waited it has to ask takes() again, so"
        " write while, not if."
    )
    assert held == 0, (
        "The reader has left, and held.bytes is not 0: a piece was counted that nobody"
        " will take. Let the loop in put() look at self.reader_left before it"
        " asks whether the piece has room."
    )


def test_the_room_is_looked_at_with_the_lock(ask, program, waiting, monkeypatch):
    """Whether there is room is looked at while the lock is held."""
    if not waiting:
        return
    conditions = []
    make = program.Waiting

    def make_and_note():
        made = make()
        conditions.append(made.changed)
        return made

    unlocked = []

    def noting(count):
        def note(piece):
            owned = getattr(conditions[-1], "_is_owned", None)
            if owned and not owned():
                unlocked.append(piece)
            return count(piece)

        return note

    monkeypatch.setattr(program, "Waiting", make_and_note)
    for name in "add", "add_if_it_fits":
        if hasattr(waiting.held, name):
            count = noting(getattr(waiting.held, name))
            monkeypatch.setattr(waiting.held, name, count)
    _, answer = ask("one", " two")
    read_to_the_end(answer)
    assert not unlocked, (
        "A piece was counted as held while put() did not have the lock, so the reader"
        " can leave between that and the append: write all of put() inside"
        " with self.changed:, and wait there by self.changed.wait(), which gives the"
        " lock back meanwhile."
    )


# All readers together


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
    """What waits for all readers together is bounded."""
    waits = sum(model.made - 1 for model in stopped) * LARGE
    assert waits < MOST, (
        f"{READERS} readers took one piece of {LARGE} bytes each and no more, and"
        f" {waits // 1_000_000} MB were made for them: count the bytes that wait for"
        " all readers, and let put() wait while they would be more than BYTES, which"
        " is 1,000,000."
    )


class Crowded:
    """The lock of `held`, in whose gaps another thread comes and adds a piece.

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


def test_two_pieces_never_get_the_last_place(waiting, monkeypatch):
    """Two pieces that come at once do not both get the last room."""
    held = getattr(waiting, "held", None)
    if not hasattr(held, "lock") or not hasattr(held, "add_if_it_fits"):
        return  # it is built in another way
    other = b"x" * (waiting.BYTES * 2 // 3)
    came = []

    def come():
        if lock.depth == 0 and not came:
            came.append(True)
            held.add_if_it_fits(other)

    lock = Crowded(held.lock, come)
    monkeypatch.setattr(held, "lock", lock)
    monkeypatch.setattr(held, "bytes", 0)
    monkeypatch.setattr(held, "pieces", 0)
    piece = Watched(other)
    piece.come = come
    held.add_if_it_fits(piece)
    assert held.bytes <= waiting.BYTES, (
        "Two threads asked at the same moment for the room of one piece, and both got"
        " it: add_if_it_fits() has to look and to add inside one with self.lock:."
    )


def test_others_go_on(asked, stopped):
    """While others have stopped, a reader gets all of the answer."""
    answer = None
    if len(stopped) == READERS:
        _, answer = asked(*["x" * LARGE] * 20) or (None, None)
    assert not answer or answer.status_code == 200, (
        f"While {READERS} readers had stopped, one more got a {answer.status_code}:"
        " earlier answers keep their places. Give a place back in finally, which also"
        " runs when a reader leaves."
    )
    came = read_to_the_end(answer) if answer else None
    assert came is not None, (
        "Readers had stopped, and what they left took up all BYTES; one more reader"
        f" waited {PATIENCE} s for a whole answer. Let each answer have one"
        " piece that waits, whatever waits for others: if not self.pieces, there is"
        " room."
    )
    assert came == 20 * LARGE, (
        f"While others had stopped, one more reader got {came} of {20 * LARGE} bytes:"
        " put() may throw nothing away."
    )


# Answers at once


@pytest.fixture
def full(asked):
    """Return model and response of the first question that is refused, if one is.

    And all responses, each None for a question that waits, and how long each took.
    """
    gate = Event()
    answers = []
    seconds = []
    for _ in range(TOO_MANY):
        began = monotonic()
        model, answer = asked("one", gate, " two") or (None, None)
        seconds.append(monotonic() - began)
        answers.append(answer)
        if not answer or answer.status_code != 200:
            break
    yield model, answer, answers, seconds
    gate.set()
    done_in_time(lambda: [each.close() for each in answers if each])


def test_one_answer_too_many_is_a_503(full, measures):
    """One answer too many is a 503 that says when to ask again."""
    model, answer, answers, seconds = full
    assert answer, (
        f"After {len(answers) - 1} answers at once one more question got nothing within"
        f" {PATIENCE} s: take a place before anything else is done, let"
        " slots.acquire(blocking=False) return at once, and refuse by a 503 if it"
        " returns False."
    )
    assert answer.status_code != 200, (
        f"{TOO_MANY} answers were begun at once, and none was refused: take a place by"
        " slots.acquire(blocking=False), raise ServiceUnavailable(retry_after=5) if"
        " there is none, and give it back when the answer has ended, not when the view"
        " has returned."
    )
    assert answer.status_code != 502, (
        f"After {len(answers) - 1} answers at once one more question got a 502: what is"
        " raised inside the try is taken for the model's failure, so take the place and"
        " refuse above it."
    )
    assert answer.status_code == 503, (
        f"After {len(answers) - 1} answers at once one more question got a"
        f" {answer.status_code}: raise ServiceUnavailable(retry_after=5), which is a"
        " 503."
    )
    *others, waited = seconds
    assert waited < 1 + 3 * max(others), (
        f"The refusal came after {waited:.1f} s, and answers were begun within"
        f" {max(others):.1f} s: whoever waits for a place holds a thread meanwhile. Let"
        " slots.acquire(blocking=False) return at once."
    )
    # An answer of an earlier check may still have its place, until Python tidies up.
    assert 10 < len(answers) - 1 <= PLACES, (
        f"ANSWERS_AT_ONCE was {PLACES} in .env, and {len(answers) - 1} answers were"
        " begun before one was refused: let there be number('ANSWERS_AT_ONCE', 64)."
    )
    assert answer.headers.get("Retry-After", "").isdecimal(), (
        "The 503 does not say when to ask again: raise"
        " ServiceUnavailable(retry_after=5), which adds the header Retry-After."
    )
    assert (answer.get_json(silent=True) or {}).get("error"), (
        f"The 503 came with {short(answer.text)}: let as_json answer it, as it answers"
        ' other errors with {"error": sentence}.'
    )
    assert not model.prompts, (
        "A question was refused by a 503, and the model had been asked: take a place"
        " before the model's thread starts."
    )
    refused = measures()["answers_refused_total"]
    assert refused == 1, (
        f"One question was refused by a 503, and at /metrics answers_refused_total is"
        f" {refused}: call REFUSED.inc() there, once."
    )


def test_a_place_is_given_back(ask, client):
    """A place is given back, however the answer ends."""
    ends = {
        "was whole": (["one"], "Hello?"),
        "failed after its first text": (["one", ModelRateLimitError("no")], "Hello?"),
        "was refused by the model": ([ModelRateLimitError("no")], "Hello?"),
        "had no prompt": (["one"], ""),
    }
    for how, (script, prompt) in ends.items():
        for number in range(PLACES + 1):
            try:
                _, answer = ask(*script, prompt=prompt)
            except Exception as error:
                error.add_note(
                    f"That was for an answer that {how}: what the model raises reaches"
                    " the reader's thread by waiting.end(error)."
                )
                raise
            with suppress(Exception):  # the body of the second breaks off
                answer.get_data()
            answer.close()
            assert answer.status_code != 503, (
                f"An answer {how}, {number} times, one after the other, and the next"
                " got a 503: give the place back in finally, by slots.release()."
            )
    for number in range(PLACES + 1):
        _, answer = ask(*["word "] * 5)
        answer.close()
        assert answer.status_code != 503, (
            f"A reader left, {number} times, one after the other, and the next got a"
            " 503: give the place back in finally, which also runs when a reader"
            " leaves."
        )
    assert client.get("/metrics").status_code == 200


def test_a_place_is_given_back_once(ask, full):
    """A place that was never taken is not given back."""
    for _ in range(3):
        _, answer = ask("one")
        assert answer.status_code == 503, (
            "All places were taken, a question was refused, and the next got a"
            f" {answer.status_code}: what was refused has no place to give back, so"
            " refuse above the try: whose finally: gives it back."
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


def test_a_place_is_given_back_when_the_model_is_free(client, answer_with):
    """A place is given back when its model's stream is closed."""
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
        "The reader left, and the place was given back while its model was still open:"
        " readers who come and go could keep more models at work than there are places."
        " written() waits with writer.join()."
    )


# How it fails, and what no lesson after the eighth may lose


def test_a_broken_answer_says_why_and_breaks(ask, caplog):
    """A broken answer says why, in our own words, and breaks."""
    _, answer = ask("one", ModelConnectionError(SECRET))
    came, broke = read(answer)
    assert came.startswith("one\n[error: ") and broke, (
        f"The model failed after 'one', and {short(came)} came"
        f" {'and a break' if broke else 'as if it were whole'}: people get a last line,"
        " and programs a break, raise BodyBreaks(sentence), as in lesson 07."
    )
    for place, words in ("reader", came), ("log", caplog.text), ("break", str(broke)):
        assert SECRET not in words, (
            f"The model failed after 'one', and the {place} gets the provider's own"
            f" words, {SECRET!r}: they can hold part of the key. sentence_for(error) is"
            " a sentence of our own."
        )


LAST = AIMessageChunk("", response_metadata={"finish_reason": "stop"})


def test_what_breaks_after_the_finish_reason_takes_no_text_away(ask):
    """What breaks after the finish reason takes no text away."""
    came, broke = read(ask("one", LAST, ModelConnectionError(SECRET))[1])
    assert (came, broke) == ("one", None), (
        "The model wrote 'one', said why it ended, and then the connection broke: all"
        f" of the text was there, and the reader got {short(came)}. Keep"
        " ignoring_late_errors(chunks) in write()."
    )


def test_what_lesson_08_gave_the_server_is_still_there(client, answer_with):
    """What lesson 08 gave the server is still there."""
    headers_are_still_there(client, answer_with)
    a_body_that_is_too_large_is_refused(client, answer_with)
    a_foreign_name_gets_nothing(client, answer_with)
    a_foreign_page_gets_nothing(client, answer_with)
    whatever_is_not_a_prompt_is_refused(client, answer_with)
    policy = client.get("/").headers.get("Content-Security-Policy", "")
    for words in "default-src", "script-src", "frame-ancestors":
        assert words in policy, (
            f"The page at / came with the Content-Security-Policy {short(policy)},"
            f" which lacks {words}: keep the POLICY that index() begins with."
        )

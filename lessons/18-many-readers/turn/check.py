"""What waits for one reader is bounded in bytes, too."""

import re
from contextlib import suppress
from threading import Thread
from time import sleep

import pytest

PATIENCE = 5  # seconds for what should come at once
MOST = 100_000  # bytes that may wait for one reader
ALL = 1_000_000  # and for all together, apart from one piece for each
MANY = 15  # readers
PART = 20_000  # letters in a piece, of which five are MOST


def done_in_time(work):
    """Do something in a thread; return whether it came to an end in time."""
    thread = Thread(target=work, daemon=True)
    thread.start()
    thread.join(PATIENCE)
    return not thread.is_alive()


@pytest.fixture
def bytes_held(client):
    """Return a function: how many bytes wait, once they are no more for a moment."""

    def look():
        held = -1
        before = None
        while held != before:
            sleep(0.2)
            before = held
            text = client.get("/metrics").text
            held = int(float(re.search(r"(?m)^bytes_held (.+)$", text)[1]))
        return held

    return look


@pytest.fixture
def waits_for_one(ask, bytes_held):
    """Return how many bytes wait when a reader stops, for pieces of that size."""

    def count(size, taken=1):
        """Let a reader take this many pieces, and stop."""
        asked = []

        def begin():
            _, answer = ask(*["x" * size] * 100)
            pieces = answer.iter_encoded()
            for _ in range(taken):
                next(pieces)
            asked.append((answer, pieces))

        if not done_in_time(begin):
            return 0  # not even the first piece came
        held = bytes_held()
        done_in_time(asked[0][0].close)
        return held

    return count


def test_an_answer_is_written_without_an_error(ask, caplog):
    """An answer is written without an error in waiting.py."""
    with suppress(Exception):  # which the other checks explain
        done_in_time(lambda: ask(*["x" * PART] * 3)[1].get_data())
    slip = re.search(r"(\w+Error) in (\w+\.py), line (\d+)", caplog.text)
    assert not slip, (
        f"While the model wrote, {slip[2]}, line {slip[3]}, raised {slip[1]}, which"
        " ended the answer. self.pieces holds bytes: len(piece) is the size of one."
    )


def test_a_reader_who_stops_lets_few_bytes_wait(waits_for_one):
    """Only a few bytes wait for a reader who stops."""
    for size in PART, 10_100:
        waits = waits_for_one(size)
        assert waits <= MOST, (
            f"A reader took one piece of {size} bytes and stopped, and {waits} bytes"
            " wait for that reader alone. Make takes() also check that the bytes in"
            f" self.pieces and the new piece are at most {MOST} together."
        )
    waits = waits_for_one(PART)
    assert waits >= 0, (
        f"A reader took one piece of {PART} bytes and stopped, and {waits} bytes are"
        " counted as waiting. takes() counts the piece that put() appends: leave both"
        " unchanged."
    )
    assert waits == MOST, (
        f"A reader took one piece of {PART} bytes and stopped. Expected {MOST} waiting"
        f" bytes, got {waits}. Five pieces fill the room exactly. What the reader has"
        " taken no longer waits, and takes() counts a piece only if it returns True."
    )


def test_a_reader_who_goes_on_has_the_room_again(waits_for_one):
    """A reader who reads again gets the room back."""
    waits = waits_for_one(PART, taken=10)
    assert waits == MOST, (
        f"A reader took ten pieces of {PART} bytes and stopped. Expected {MOST} waiting"
        f" bytes, got {waits}. Pieces that were taken no longer wait: count what is in"
        " self.pieces now."
    )


def test_each_reader_has_a_bound_of_their_own(ask, bytes_held):
    """Each reader has their own bound."""
    answers = []
    for _ in range(3):
        if done_in_time(lambda: answers.append(ask(*["x" * PART] * 100)[1])):
            next(answers[-1].iter_encoded())
    waits = bytes_held()
    done_in_time(lambda: [answer.close() for answer in answers])
    assert waits == 3 * MOST, (
        f"Three readers took one piece of {PART} bytes each and stopped. Expected"
        f" {3 * MOST} waiting bytes, got {waits}. BYTES still applies to all readers"
        " together, and the new bound to each reader."
    )


def test_all_readers_have_a_bound_together(ask, bytes_held):
    """All readers together have a bound, as before."""
    answers = []
    for _ in range(MANY):
        if done_in_time(lambda: answers.append(ask(*["x" * PART] * 100)[1])):
            next(answers[-1].iter_encoded())
    waits = bytes_held()
    done_in_time(lambda: [answer.close() for answer in answers])
    assert waits <= ALL + MANY * PART, (
        f"{MANY} readers took one piece of {PART} bytes each and stopped, and {waits}"
        f" bytes wait. BYTES, {ALL}, is still the bound for all together, apart from"
        " one piece each: keep held.add_if_it_fits(piece) as the last condition."
    )


def test_small_pieces_wait_as_before(waits_for_one):
    """Sixteen small pieces may wait, as before."""
    waits = waits_for_one(10)
    assert 50 <= waits <= 400, (
        "A reader took one piece of 10 bytes and stopped. Expected 16 waiting pieces,"
        f" as before, got {waits} bytes. Add the second bound as one more condition,"
        " with and."
    )


def test_a_piece_that_is_larger_than_the_bound_arrives(ask):
    """A piece that is larger than the bound arrives."""
    size = 2 * MOST
    came = []

    def read():
        _, answer = ask(*["x" * size] * 3)
        came.append(len(answer.get_data()))

    assert done_in_time(read), (
        f"Each piece had {size} bytes, more than may wait, and after {PATIENCE} s the"
        " answer has not ended. One piece must always fit: leave if not self.pieces"
        " before the new condition."
    )
    assert came == [3 * size], (
        f"The model made three pieces of {size} bytes, and {came[0]} bytes arrived."
        " Wait for room, and do not drop anything."
    )

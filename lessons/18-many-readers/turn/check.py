"""What waits for one reader is bounded in bytes, too."""

import re
from threading import Thread
from time import sleep

import pytest

PATIENCE = 5  # seconds that what should come at once may take
MOST = 100_000  # bytes that may wait for one reader
PART = 20_000  # letters in a piece, of which five are MOST


def done_in_time(work):
    """Do something in a thread; return whether it came to an end in time."""
    thread = Thread(target=work, daemon=True)
    thread.start()
    thread.join(PATIENCE)
    return not thread.is_alive()


@pytest.fixture
def waits_for_one(ask, client):
    """Return how many bytes wait when a reader stops, for pieces of that size."""

    def count(size):
        asked = []
        if not done_in_time(lambda: asked.append(ask(*["x" * size] * 100))):
            return 0  # not even the first piece came
        held = -1
        before = None
        while held != before:
            sleep(0.2)
            before = held
            text = client.get("/metrics").text
            held = int(float(re.search(r"(?m)^bytes_held (.+)$", text)[1]))
        done_in_time(asked[0][1].close)
        return held

    return count


def test_a_reader_who_stops_lets_few_bytes_wait(waits_for_one):
    """A reader who stops lets few bytes wait."""
    waits = waits_for_one(PART)
    assert waits <= MOST, (
        f"A reader took one piece of {PART} bytes and no more, and {waits} bytes wait"
        f" for this reader alone: let takes() also ask whether those in self.pieces and"
        f" the new one are at most {MOST} bytes together."
    )
    assert waits >= MOST / 2, (
        f"A reader took one piece of {PART} bytes and no more, and {waits} bytes wait:"
        f" there is room for {MOST}."
    )


def test_small_pieces_wait_as_before(waits_for_one):
    """Of small pieces, sixteen wait as before."""
    waits = waits_for_one(10)
    assert 50 <= waits <= 400, (
        f"A reader took one piece of 10 bytes and no more, and {waits} bytes wait:"
        " expected were 16 pieces, as before. The second bound is one more condition,"
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
        f"Each piece was of {size} bytes, more than may wait, and after {PATIENCE} s"
        " the answer has not ended: one piece always has room, so leave"
        " if not self.pieces before the new condition."
    )
    assert came == [3 * size], (
        f"Three pieces of {size} bytes were made, and {came[0]} bytes came: wait for"
        " room, and throw nothing away."
    )

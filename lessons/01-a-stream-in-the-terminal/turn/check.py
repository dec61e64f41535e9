"""The last line says how many seconds the first text took."""

import re
from time import monotonic, sleep

import pytest

from lessons.course.for_checks.quoting import short

ANSWER = "Streams are fun."  # each letter is a chunk
COUNTS = {16, 17, 19}  # letters, and chunks: those with text, those made, all of them
WAIT = 1.6  # seconds: to the first text, and from there to the rest
ROUNDED = 1  # second more or less: somebody may print whole ones


class Watch:
    """A stop watch: when the model was asked, and how long things took from there."""

    def start(self):
        self.started = monotonic()

    def wait(self):
        """Let the first text be made after a while."""
        sleep(WAIT)

    def wait_again(self):
        """Note when the loop had dealt with the first text, and wait once more."""
        self.first_text = monotonic() - self.started
        sleep(WAIT)

    def stop(self):
        self.whole = monotonic() - self.started


@pytest.fixture
def watch():
    return Watch()


@pytest.fixture
def below(ask_in_terminal, watch):
    """Ask a slow model; return the text below its answer."""
    first, *rest = ANSWER
    watch.start()
    # Many models begin with a chunk that holds no text: it comes at once.
    _, shown = ask_in_terminal("", watch.wait, first, watch.wait_again, *rest)
    watch.stop()
    assert ANSWER in shown, (
        f"The model wrote {ANSWER!r}, and the terminal shows {short(shown)}. Print the"
        " answer as before."
    )
    return shown.rpartition(ANSWER)[2].strip()


def test_the_last_line_says_how_long_the_first_text_took(below, watch):
    """The last line says how many seconds the first text took."""
    numbers = re.findall(r"\d+(?:[.,]\d+)?", below)
    numbers = [float(number.replace(",", ".")) for number in numbers]
    seconds = [number for number in numbers if number not in COUNTS]
    assert seconds, (
        f'The line below the answer is "{below}", without a number of seconds. Call'
        " time.monotonic() before the loop and again at the first text, and print the"
        " difference in the last line."
    )
    assert not re.search(r"(?<!\S)-\d", below), (
        f"The first text came after {WAIT} s, but the last line gives a time below 0."
        " Subtract the time before the loop from the time now, not the other way round."
    )
    assert min(seconds) >= WAIT - ROUNDED, (
        f"The first text came after {WAIT} s, but the last line gives a shorter time."
        " Call time.monotonic() before the loop, and again at the first chunk whose"
        " chunk.text is not empty: the very first chunk came at once, without text."
    )
    is_a_clock = abs(min(seconds) - monotonic()) < 60  # and no difference
    in_milliseconds = WAIT - ROUNDED <= min(seconds) / 1000 <= watch.whole
    assert is_a_clock or not in_milliseconds, (
        f"The first text came after {WAIT} s, but the last line gives the time in"
        " milliseconds. Print seconds."
    )
    assert min(seconds) <= watch.whole + ROUNDED, (
        f"The first text came after {WAIT} s, but the last line gives a much longer"
        " time. The clock starts at some moment in the past. Subtract the time before"
        " the loop."
    )
    assert min(seconds) <= watch.first_text + ROUNDED, (
        f"The first text came after {WAIT} s, but the last line gives the time of the"
        " whole answer. Take the time inside the loop, only at the first text."
    )


def test_an_answer_without_text_does_not_break_the_program(ask_in_terminal):
    try:
        ask_in_terminal()
    except (TypeError, NameError) as error:
        error.add_note(
            "The answer had no text, so the loop found no first text. Do not print a"
            " time in that case."
        )
        raise

"""An answer says in a message of its own how many seconds it took."""

from threading import Event
from time import monotonic

from lessons.course.for_checks.json_lines import answer_of, messages, tokens

__all__ = ["answer_of"]
SILENCE = 0.4  # seconds


def test_a_message_says_how_many_seconds_the_answer_took(answer_of):
    thinks = Event()
    wait = lambda: thinks.wait(SILENCE)  # noqa: E731
    began = monotonic()
    _, answer = answer_of(wait, "one", wait, " two")
    found = messages(answer)
    took = monotonic() - began
    keys = [key for message in found for key in message]
    assert "seconds" in keys, (
        f'The lines have the keys {keys}, without seconds. Yield {{"seconds": ...}}'
        " before the end."
    )
    assert tokens(found) == "one two" and keys.count("seconds") == 1, (
        f"The lines are {found}. Expected the model's tokens unchanged, and one"
        " separate message with the seconds."
    )
    assert keys[-1] == "end" and keys.index("seconds") > keys.index("token"), (
        f"The lines have the keys {keys}, in this order. Send the seconds when the"
        " answer is over, and the end last, because a reader may leave there."
    )
    [message] = [message for message in found if "seconds" in message]
    assert list(message) == ["seconds"], (
        f"The seconds come in the message {message}. Send a separate message,"
        ' {"seconds": ...}, so that a reader that does not know it can ignore it.'
    )
    seconds = message["seconds"]
    is_number = isinstance(seconds, int | float) and not isinstance(seconds, bool)
    assert is_number, (
        f"The seconds are {seconds!r}. Send a number, without quotes, so that a page"
        " can calculate with it."
    )
    assert seconds >= 1.9 * SILENCE, (
        f"The model thought for {SILENCE} s before its first word and for {SILENCE} s"
        f" after it, and the message says {seconds}. Note the time before you ask the"
        " model, and subtract it from the time at the end."
    )
    assert seconds < 100 * SILENCE, (
        f"The answer took about a second, and the message says {seconds}. Send the time"
        " that has passed, in seconds."
    )
    assert seconds <= took + 0.01 or seconds != round(seconds), (
        f"The answer took {took:.2f} s, and the message says {seconds}. Round to"
        " hundredths: round(monotonic() - began, 2)."
    )


def test_each_answer_is_timed_separately(answer_of):
    began = monotonic()
    _, answer = answer_of("one")
    found = messages(answer)
    took = monotonic() - began
    said = [message["seconds"] for message in found if "seconds" in message]
    assert said and said[0] <= took + 0.01, (
        f"An answer took {took:.2f} s from the prompt on, and its seconds are {said}."
        " Note the time inside the function, when this answer begins, and subtract"
        " that."
    )


def test_an_answer_without_a_word_is_still_refused(answer_of):
    _, answer = answer_of()
    assert answer.status_code == 502, (
        "The model ended without any text. Expected status 502, got"
        f" {answer.status_code}. The first message makes the status 200: send the"
        " seconds after you have checked why the answer ended."
    )


def test_a_failure_is_still_the_last_line(answer_of):
    _, answer = answer_of("one", RuntimeError("sk-1234"))
    *_, last = messages(answer)
    assert last.get("isError") is True, (
        f"The model failed after its first text, and the last line is {last}. Keep the"
        " error last."
    )

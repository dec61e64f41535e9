"""An answer that cannot be finished ends in a line and a break; check.js shows it."""

import logging
import re
from contextlib import suppress
from time import monotonic, sleep
from traceback import format_exception

import pytest
from langchain_core.exceptions import ModelConnectionError, ModelRateLimitError
from langchain_core.messages import AIMessageChunk
from werkzeug.exceptions import HTTPException

from failures import STOPPED_EARLY, BodyBreaks, Unfinished
from lessons.course.for_checks import still_said
from lessons.course.for_checks.failing_model import (
    SECRET,
    Refusing,
    must_not_be_our_own,
    must_not_repeat_the_provider,
    read,
)
from lessons.course.for_checks.plain_text import (
    test_a_reader_who_asks_while_another_waits_gets_their_own_answer,
    test_nothing_slows_an_answer_down,
    test_post_ask_answers_in_plain_text,
    test_the_answer_is_what_the_model_wrote,
    test_the_first_piece_leaves_before_the_second_is_made,
)
from lessons.course.for_checks.scripted_model import End
from lessons.course.for_checks.still_said import (
    LINE,
    test_the_models_stream_is_closed_when_the_reader_leaves,
)
from lessons.course.for_checks.still_there import (
    test_anything_that_is_not_a_prompt_is_refused,
)

__all__ = [
    "test_a_reader_who_asks_while_another_waits_gets_their_own_answer",
    "test_anything_that_is_not_a_prompt_is_refused",
    "test_nothing_slows_an_answer_down",
    "test_post_ask_answers_in_plain_text",
    "test_the_answer_is_what_the_model_wrote",
    "test_the_first_piece_leaves_before_the_second_is_made",
    "test_the_models_stream_is_closed_when_the_reader_leaves",
]
LENGTH = AIMessageChunk("", response_metadata={"finish_reason": "length"})
STATUS_OF_A_RECORD = (
    "Keep the status in each Record: 200 at first, and refusal.code where a refusal is"
    " raised."
)
ENDS = {
    "the finish reason length": [End(finish_reason="length")],
    "the finish reason content_filter": [End(finish_reason="content_filter")],
    "the finish reason length, and after it a chunk with other metadata": [
        LENGTH,
        End(model_name="scripted"),
    ],
    "no finish reason at all": [End()],
}


@pytest.fixture
def ask(ask, caplog):
    """Ask as the other checks do, but see a mistake of the program's own at once."""

    def post(*script, prompt="Hello?"):
        model, answer = ask(*script, prompt=prompt)
        if answer.status_code == 502:
            must_not_be_our_own(answer.text, caplog.messages)
        get_data = answer.get_data

        def get_whole_data(*options, **more):
            try:
                return get_data(*options, **more)
            except (BodyBreaks, Unfinished) as error:
                failure = getattr(error, "failure", None)  # of an Unfinished
                if failure is STOPPED_EARLY or STOPPED_EARLY.sentence in str(error):
                    error.add_note("Call require_whole after the loop, not in it.")
                raise

        answer.get_data = get_whole_data
        return model, answer

    return post


@pytest.mark.parametrize("end", ENDS)
def test_an_answer_that_was_cut_short_is_not_whole(ask, end):
    """An answer that was cut short does not look complete."""
    _, answer = ask("one", " two", *ENDS[end])
    came, broke = read(answer)
    assert came.startswith("one two"), (
        f"The model wrote 'one two' and ended with {end}. The reader got {came!r}."
        " Keep what has been sent."
    )
    assert broke or came != "one two", (
        f"The model wrote 'one two' and ended with {end}, so the answer is incomplete,"
        " but it ends like a complete one. Keep the response_metadata of all chunks,"
        " with metadata.update(...), and call require_whole(metadata, has_text) after"
        " the loop."
    )


def test_an_error_after_the_finish_reason_is_ignored(ask):
    still_said.test_an_error_after_the_finish_reason_is_ignored(ask)


def test_a_failure_after_the_first_text_ends_the_answer_with_a_line(ask, caplog):
    model, answer = ask("one", " two", ModelConnectionError(SECRET))
    came, broke = read(answer)
    must_not_be_our_own(came, caplog.messages)
    assert len(model.prompts) == 1, (
        "The model failed in mid-answer, and the program asked it again: the reader"
        f" got {came!r}. Ask again only before the first text. After it, a new answer"
        " would continue where the old one broke."
    )
    assert broke or came != "one two", (
        "The model failed after 'one two', but the answer ends there as if it were"
        " complete, so nobody can see that it broke. Yield a last line, then raise an"
        " exception."
    )
    assert SECRET not in came, (
        f"The answer ends in the provider's own words, {came[7:]!r}. They can contain"
        " part of the key. Yield sentence_for(error), which is a sentence of our own."
    )
    assert not isinstance(broke, HTTPException), (
        "The model failed after 'one two', and the program raised a refusal, as it does"
        " before the first text. But status 200 has already been sent. Count each piece"
        " with record.add_piece()."
    )
    assert LINE.search(came), (
        f"The model failed after 'one two', and the answer ends with {came[-24:]!r}."
        ' Before the break, yield a last line that people can read, f"\\n[error:'
        ' {sentence}]\\n".'
    )
    assert "{" not in came, (
        f"The answer ends with {came[7:]!r}. The words in braces are placeholders, and"
        " sentence_for(error) fills them in."
    )


def test_after_the_line_the_body_breaks(ask):
    _, answer = ask("one", " two", ModelConnectionError(SECRET))
    _, broke = read(answer)
    assert broke, (
        "The answer ends with its line as if it were complete. Yield the line, then"
        " raise BodyBreaks: only a break tells a program that something is missing."
    )
    assert SECRET not in "".join(format_exception(broke)), (
        "The body breaks with an exception whose traceback holds the provider's own"
        " words, and the server prints it. Write raise BodyBreaks(sentence) from None."
    )


@pytest.mark.parametrize("end", ENDS)
def test_what_was_cut_short_ends_in_the_line_and_the_break_too(ask, end):
    """An answer that was cut short ends in the line and the break, too."""
    _, answer = ask("one", " two", *ENDS[end])
    came, broke = read(answer)
    assert broke and LINE.search(came), (
        f"The model wrote 'one two' and ended with {end}. The reader got {came!r} and"
        f" {'a' if broke else 'no'} break. Raise Unfinished where you notice it. The"
        " answer then ends like any other failure, in the line and the break."
    )


def test_the_last_line_says_what_happened(ask):
    _, cut = ask("one", End(finish_reason="length"))
    _, broken = ask("one", ModelConnectionError(SECRET))
    line = read(cut)[0].removeprefix("one")
    assert line != read(broken)[0].removeprefix("one"), (
        "An answer that reached its length limit and one whose connection broke both"
        f" end with {line!r}, but people want to know what to do now."
        " sentence_for(error) has a sentence for each."
    )


def test_any_failure_ends_in_the_line_and_the_break(ask, told):
    still_said.test_an_incomplete_answer_ends_in_a_line_and_a_break(ask, told)


def test_until_the_first_text_a_failure_still_becomes_an_error_status(ask, told):
    still_said.test_a_failure_before_the_first_text_becomes_an_error_status(ask, told)
    still_said.test_an_answer_without_text_becomes_an_error_status(ask)


def test_the_break_comes_a_moment_after_the_line(ask, slept):
    _, answer = ask("one", " two", ModelConnectionError(SECRET))
    line_at = None
    try:
        for piece in answer.iter_encoded():
            if b"[error:" in piece:
                line_at = monotonic()
    except Exception:
        paused = monotonic() - line_at
        assert paused > 0.02, (
            "The line and the break leave at the same moment, and Chromium can drop"
            " text that comes together with a break. Write sleep(0.05) between them."
        )
        _, seconds = slept() or ("", 0)
        assert seconds < 1, (
            f"Between the line and the break the program sleeps for {seconds:g} s"
            " while the reader waits. 50 milliseconds are enough: sleep(0.05)."
        )


def test_half_an_emoji_does_not_break_an_answer(ask):
    still_said.test_half_an_emoji_does_not_break_an_answer(ask)


@pytest.fixture
def log_of(ask, program, capsys):
    """Return a function that asks for a script, and returns what is logged of it."""
    lines = []
    log = logging.Handler()
    log.emit = lambda record: lines.append(log.format(record))
    program.app.logger.addHandler(log)

    def logged(*script, leave=None):
        lines.clear()
        capsys.readouterr()
        _, answer = ask(*script)
        if leave:  # at the piece with these bytes
            with suppress(Exception):
                for piece in answer.iter_encoded():
                    if leave in piece:
                        break
            answer.close()
        else:
            read(answer)
        printed = capsys.readouterr()
        return "\n".join([*lines, printed.out, printed.err]).strip()

    yield logged
    program.app.logger.removeHandler(log)


def without_times(line):
    """Return a line of the log with dots for 0.03 and for 09:15:00,123."""
    return re.sub(r"\d+([.,:]\d+)+", "...", line)


def test_the_log_says_how_each_answer_ended(log_of):
    ways = {
        "was complete": log_of("Plums", " fall"),
        "lost its reader": log_of("Plums", " fall", leave=b"Plums"),
        "was refused": log_of(Refusing(99, ModelRateLimitError)),
        "broke off": log_of("Plums", ModelConnectionError(SECRET)),
        "was cut short": log_of("Plums", End(finish_reason="length")),
    }
    seen = {}
    for way, line in ways.items():
        assert line, (
            f"One answer {way}, but the log says nothing about it. Log a line in"
            ' finally, app.logger.info("%s", record).'
        )
        must_not_repeat_the_provider(line)
        for kept in "Hello?", "Plums":
            assert kept not in line, (
                f"One answer {way}, and the log says {line!r}. Neither the prompt nor"
                " the answer belongs there: logs are kept, and many people read them."
            )
        status = "429" if way == "was refused" else "200"
        found = re.findall(r"\b[245]\d\d\b", without_times(line))
        assert not found or found == [status] * len(found), (
            f"One answer {way}. Its status was {status}, but the log says {line!r}."
            f" {STATUS_OF_A_RECORD}"
        )
        assert found or way != "was refused", (
            f"An answer was refused with a 429, but the log says {line!r}, without the"
            f" status. {STATUS_OF_A_RECORD}"
        )
        assert way == "was refused" or "no text" not in line, (
            f"One answer had text and {way}, and the log says {line!r}. add_piece"
            " stores the time of the first text in self.waited, written with self. Call"
            " add_piece before the yield."
        )
        words = re.sub(r"[\d.]+", "", line)
        assert words not in seen, (
            f"One answer {way} and another {seen[words]}, but the log says the same"
            f" about both, {without_times(line)!r}. Set record.ending where you learn"
            " how an answer ended, and make a new Record() for each answer, in write."
        )
        seen[words] = way


def test_the_log_is_written_when_the_answer_is_over(ask, caplog):
    for script in ["Plums", " fall"], ["Plums", ModelConnectionError(SECRET)]:
        _, answer = ask(*script)
        early = None  # a piece that came when the log had its line already
        try:
            for piece in answer.iter_encoded():
                if caplog.messages:
                    early = early or (piece.decode(), caplog.messages[0])
        except Exception:  # what the program breaks the body with
            pass
        came, line = early or ("", "")
        assert not early, (
            f"The reader has just got {came!r}, and the answer is not over. But the log"
            f' already says "{line}". Log the record in finally, after the last line'
            " and its pause. Until then, the reader can still leave."
        )
        answer.close()
        caplog.clear()


def test_a_reader_who_leaves_at_the_last_line_hides_no_failure(log_of):
    left = log_of("Plums", " fall", leave=b"Plums")
    failed = log_of("Plums", ModelConnectionError(SECRET), leave=b"[error:")
    left, failed = [re.sub(r"[\d.]+", "", line) for line in (left, failed)]
    assert failed != left, (
        "The model failed, and the reader left as soon as the last line had come. The"
        f' log says "{failed}", the same as for a reader who left while all was well.'
        " In except, set record.ending = log_name(error) first, before the yield."
    )


def test_the_log_counts_the_pieces_and_the_seconds(log_of):
    began = monotonic()
    line = log_of("one", " two", lambda: sleep(0.1), " three")
    took = monotonic() - began
    assert re.search(r"\b3\b", without_times(line)), (
        f"An answer had 3 pieces, and the log says {without_times(line)!r}. add_piece"
        " counts each of them once, starting at 0."
    )
    times = re.search(r"first text after (\S+) s, all in (\S+) s", line)
    if not times:
        return  # a line of another kind
    assert "{" not in line, (
        f"An answer came whole, and the log says {line!r}. Python fills in the values"
        ' between braces only with an f before the quotation marks, f"...".'
    )
    first, whole = map(float, times.groups())
    assert whole < took + 0.1, (
        f"An answer took {took:.2f} s, and the log says {line!r}. Set self.began ="
        " monotonic() in __init__, which runs for each Record()."
    )
    assert first < whole - 0.05, (
        "The last text of an answer came 0.1 s after the first, and the log says"
        f" {line!r}. Set self.waited to monotonic() - self.began at the first piece,"
        " and leave it unchanged at the others."
    )

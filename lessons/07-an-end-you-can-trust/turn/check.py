"""An answer breaks off after 2000 characters, with a sentence of its own."""

import re

from lessons.course.for_checks.failing_model import read

MOST = 2000  # characters
WORD = "é" * 100


def test_an_answer_of_2000_characters_comes_whole(ask):
    _, answer = ask(*[WORD] * 20)
    came, broke = read(answer)
    assert not broke and came == WORD * 20, (
        f"An answer of exactly {MOST} characters came as {len(came)} characters and"
        f" {'a' if broke else 'no'} break: it may have {MOST}, so break off when there"
        " are more. len(chunk.text) counts characters."
    )


def test_a_longer_one_breaks_off_with_a_sentence_of_its_own(ask):
    model, answer = ask(*[WORD] * 40)
    came, broke = read(answer)
    text, _, line = came.partition("\n[error: ")
    assert broke and line, (
        f"An answer of {2 * MOST} characters came as {len(came)} characters and"
        f" {'a' if broke else 'no'} break, and ends with {came[-20:]!r}: raise"
        " Unfinished in listen, so that it ends as any other failure does."
    )
    assert MOST - len(WORD) <= len(text) <= MOST, (
        f"Of an answer of {2 * MOST} characters {len(text)} came before the last line,"
        f" expected at most {MOST}: count before the yield."
    )
    assert model.closed_early, (
        f"The answer broke off, and the model wrote on to its end, {2 * MOST}"
        " characters: leave the loop over its chunks."
    )
    sentence = line.removesuffix("]\n")
    assert re.search("2[.,]?000", sentence), (
        f"The last line says {sentence!r}: write a sentence that says how long an"
        " answer may be, Unfinished(Failure(502, ...))."
    )

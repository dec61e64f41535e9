"""An answer breaks off after 2000 characters, with a sentence of its own."""

import failures
from lessons.course.for_checks.failing_model import read

MOST = 2000  # characters
WORD = "é" * 100
BLANKS = ["é" * 7 + " ", "\n" * 12]  # a character more or less counts, and so do these
TEN_PAIRS = BLANKS * 10  # of 200 characters together
OURS = [each for each in vars(failures).values() if isinstance(each, failures.Failure)]


def test_an_answer_of_2000_characters_is_sent_in_full(ask):
    for texts in [WORD] * 20, TEN_PAIRS * 10:
        _, answer = ask(*texts)
        came, broke = read(answer)
        assert not broke and came == "".join(texts), (
            f"An answer of exactly {MOST} characters, in {len(texts)} texts, came as"
            f" {len(came)} characters and {'a' if broke else 'no'} break. {MOST} are"
            " allowed, so break off only when there are more. len(chunk.text) counts"
            " characters. Begin with 0 for each answer."
        )


def test_an_answer_with_one_more_character_breaks_off(ask):
    for texts in [WORD] * 20, TEN_PAIRS * 10:
        _, answer = ask(*texts, "!")
        came, broke = read(answer)
        assert broke and "\n[error: " in came, (
            f"An answer of {MOST + 1} characters, in {len(texts) + 1} texts, came as"
            f" {len(came)} characters and {'a' if broke else 'no'} break. Count the"
            " characters of all texts, including white space, and raise Unfinished in"
            f" listen if there are more than {MOST}."
        )


def test_a_longer_answer_breaks_off_with_its_own_sentence(ask):
    model, answer = ask(*[WORD] * 40)
    came, broke = read(answer)
    text, _, line = came.partition("\n[error: ")
    assert broke and line, (
        f"An answer of {2 * MOST} characters came as {len(came)} characters and"
        f" {'a' if broke else 'no'} break, and ends with {came[-20:]!r}. Raise"
        " Unfinished in listen: then the answer ends like any other failure."
    )
    assert MOST - len(WORD) <= len(text) <= MOST, (
        f"An answer had {2 * MOST} characters, and {len(text)} of them came before the"
        f" last line. Expected at most {MOST}. Count before the yield, and raise"
        " there."
    )
    assert model.closed_early, (
        f"The answer broke off, but the model kept writing to the end, {2 * MOST}"
        " characters. Leave the loop over its chunks."
    )
    assert "\n[error: " not in line, (
        "The answer ends in two lines that begin with [error:, but a reader needs only"
        " one. Raise Unfinished in listen, and do not write the line yourself: write()"
        " adds it, as for any failure."
    )
    sentence = line.removesuffix("]\n")
    assert not any(sentence.startswith(start_of(failure)) for failure in OURS), (
        f"The last line says {sentence!r}, which is the sentence for another failure."
        " Write one that says how long an answer may be, Unfinished(Failure(502,"
        " ...))."
    )


def start_of(failure):
    """Return a failure's sentence up to where something is filled in."""
    return failure.sentence.partition("{")[0]

"""A prompt of more than 2000 characters is refused, before any model is asked."""

from lessons.course.for_checks.quoting import short

MOST = 2000  # characters


def test_a_prompt_of_2000_characters_is_answered(ask):
    prompt = "é" * MOST
    model, answer = ask("one", " two", prompt=prompt)
    assert (answer.status_code, answer.get_data(as_text=True)) == (200, "one two"), (
        f"A prompt of exactly {MOST} characters got a {answer.status_code} and"
        f" {short(answer.text)}: only one with more is too long, and len(prompt) counts"
        " characters."
    )
    assert model.prompts == [prompt], (
        f"A prompt of exactly {MOST} characters was changed before the model was asked:"
        " pass it on as it is."
    )


def test_a_longer_one_is_a_400_with_a_sentence_of_your_own(ask):
    model, answer = ask("one", " two", prompt="a" * (MOST + 1))
    assert answer.status_code in (400, 413), (
        f"A prompt of {MOST + 1} characters got a {answer.status_code}, expected"
        " 400: raise an error of Werkzeug's that has this status, BadRequest, before"
        " the view asks for the first text."
    )
    assert not model.prompts, (
        f"A prompt of {MOST + 1} characters was refused, but the model had been asked"
        " by then, and that is paid for: refuse it above next(pieces)."
    )
    body = answer.get_json(silent=True)
    sentence = body.get("error") if isinstance(body, dict) else None
    assert sentence, (
        f"The body of the {answer.status_code} is {short(answer.text)}, expected"
        ' {"error": "..."}: raise an HTTP error, of which as_json makes one.'
    )
    assert "2000" in sentence.replace(",", "").replace(".", ""), (
        f"The sentence is {sentence!r}: say what to do, and so how long a prompt may"
        " be, 2000 characters. BadRequest takes your sentence, BadRequest(...)."
    )


def test_white_space_counts_too(ask):
    model, answer = ask("one", " two", prompt="a" + " " * MOST)
    assert answer.status_code in (400, 413) and not model.prompts, (
        f"A prompt of a letter and {MOST} spaces got a {answer.status_code}, expected"
        " was 400: the model is paid for spaces too. Count the prompt as it came, with"
        " len(prompt)."
    )

"""A prompt of more than 2000 characters is refused, before any model is asked."""

from lessons.course.for_checks.quoting import short

MOST = 2000  # characters


def test_a_prompt_of_2000_characters_is_answered(ask):
    prompt = "é" * MOST
    model, answer = ask("one", " two", prompt=prompt)
    assert (answer.status_code, answer.get_data(as_text=True)) == (200, "one two"), (
        f"A prompt of exactly {MOST} characters is allowed, but the server answered"
        f" {answer.status_code} and {short(answer.text)}. Refuse only a longer one."
        " len(prompt) counts characters."
    )
    assert model.prompts == [prompt], (
        f"A prompt of exactly {MOST} characters was changed before the model got it."
        " Pass it on as it is."
    )


def test_a_longer_prompt_is_refused_with_a_400_and_your_own_sentence(ask):
    model, answer = ask("one", " two", prompt="a" * (MOST + 1))
    assert answer.status_code in (400, 413), (
        f"A prompt of {MOST + 1} characters: expected status 400, got"
        f" {answer.status_code}. Raise Werkzeug's BadRequest, which has this status,"
        " before the view asks for the first text."
    )
    assert not model.prompts, (
        f"A prompt of {MOST + 1} characters was refused, but only after the program had"
        " asked the model, and you pay for that. Refuse it above next(pieces)."
    )
    body = answer.get_json(silent=True)
    sentence = body.get("error") if isinstance(body, dict) else None
    assert sentence, (
        f"The body of the {answer.status_code} is {short(answer.text)}. Expected"
        ' {"error": "..."}. Raise an HTTP error: as_json makes that body from it.'
    )
    assert "2000" in sentence.replace(",", "").replace(".", ""), (
        f"The sentence is {sentence!r}. Expected it to say how long a prompt may be,"
        " 2000 characters. Pass your sentence to BadRequest(...)."
    )


def test_white_space_counts_too(ask):
    model, answer = ask("one", " two", prompt="a" + " " * MOST)
    assert answer.status_code in (400, 413) and not model.prompts, (
        f"A prompt of one letter and {MOST} spaces: expected status 400 before the"
        f" model is asked, got {answer.status_code}. You pay for spaces, too. Count the"
        " characters of the unchanged prompt, with len(prompt)."
    )

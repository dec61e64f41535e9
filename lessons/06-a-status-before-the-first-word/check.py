"""Until the first text a failure is a status, with a sentence; check.js shows it."""

import json
import logging
import re
from contextlib import suppress
from types import SimpleNamespace

import pytest
from langchain_core import exceptions as failures
from werkzeug.exceptions import HTTPException

from lessons.course.for_checks.failing_model import (
    SECRET,
    Refusing,
    must_not_be_our_own,
    must_not_repeat_the_provider,
    raised_in_the_view,
    read,
)
from lessons.course.for_checks.plain_text import (
    test_a_prompt_that_is_not_a_string_is_refused,
    test_post_ask_answers_in_plain_text,
    test_the_answer_is_what_the_model_wrote,
    test_the_first_piece_leaves_before_the_second_is_made,
)
from lessons.course.for_checks.plain_text import (
    test_white_space_is_a_part_of_the_answer as white_space_is_a_part_of_the_answer,
)
from lessons.course.for_checks.quoting import short

__all__ = [
    "test_a_prompt_that_is_not_a_string_is_refused",
    "test_post_ask_answers_in_plain_text",
    "test_the_answer_is_what_the_model_wrote",
    "test_the_first_piece_leaves_before_the_second_is_made",
]
PATIENCE = 5  # seconds that what should come at once may take
STATUSES = {  # the first is the one of failures.py
    failures.ModelAuthenticationError: (502, 500, 503),
    failures.ModelRateLimitError: (429,),
    failures.ModelTimeoutError: (504, 502, 503),
    failures.ModelConnectionError: (502, 503, 504),
    failures.ModelInvalidRequestError: (400, 422),
    ValueError: (502, 500, 503),  # no provider's error: as when its answer is no JSON
}
NOT_THE_SAME_AGAIN = [
    failures.ModelRateLimitError,
    failures.ModelAuthenticationError,
    failures.ModelInvalidRequestError,
]


@pytest.fixture
def ask(ask, caplog):
    """Ask as the other checks do, but see a mistake of the program's own at once."""

    def post(*script, prompt="Hello?"):
        model, answer = ask(*script, prompt=prompt)
        if answer.status_code == 502:
            must_not_be_our_own(answer.text, caplog.messages)
        return model, answer

    return post


def refused(ask, *script):
    """Return the model and the answer, or say why there is none."""
    try:
        return ask(*script)
    except StopIteration:
        raise AssertionError(
            "The model failed before its first text, and next() found nothing to wait"
            " for, because the generator ended: there raise http_error(error) from"
            " None, and do not return it."
        ) from None
    except (failures.ModelError, HTTPException, ValueError) as error:
        if isinstance(error, ValueError) and SECRET not in str(error):
            raise  # of the program itself
        name = what_was_raised(script)
        if raised_in_the_view(error):
            raise AssertionError(
                f"The model raised {name} before its first text, and the view passed it"
                " on, so Flask can only say 500: catch it in your generator, with"
                " except Exception, and there raise http_error(error) from None, which"
                " has a status."
            ) from None
        raise AssertionError(
            f"The model raised {name} before its first text, and the view had returned"
            " its response by then, status and all: let it wait for the first text,"
            " with first_piece = next(pieces), before it makes the response."
        ) from None


def what_was_raised(script):
    """Return the name of the failure that a script raises."""
    [refusing] = [item for item in script if isinstance(item, Refusing)]
    return refusing.kind.__name__


def sentence_in(answer):
    """Return the sentence in {"error": ...}, or None."""
    body = answer.get_json(silent=True)
    return body.get("error") if isinstance(body, dict) else None


def must_have_a_sentence(answer, what):
    """Fail unless a refusal has a sentence of our own in JSON."""
    sentence = sentence_in(answer)
    assert isinstance(sentence, str) and sentence, (
        f"{what}, and the body of the {answer.status_code} is {short(answer.text)}: the"
        ' page needs JSON, {"error": "a sentence"}. as_json makes it of every refusal:'
        " app.register_error_handler(HTTPException, as_json)."
    )
    assert SECRET not in answer.text, (
        f"{what}, and the reader gets the provider's own words, {SECRET!r}: they can"
        " hold part of the key. Write a sentence of your own for each failure."
    )


def test_a_failure_before_the_first_text_is_a_status(ask):
    _, answer = refused(ask, Refusing(99))
    assert answer.status_code in (502, 503), (
        "The model's server failed before its first text, and the status is"
        f" {answer.status_code}, expected 502: raise http_error(error), which"
        " knows it."
    )
    must_have_a_sentence(answer, "The model's server failed before its first text")


@pytest.mark.parametrize("kind", STATUSES, ids=lambda kind: kind.__name__)
def test_each_failure_has_its_own_status(ask, kind):
    """Each failure has its own status."""
    name = kind.__name__
    _, answer = refused(ask, Refusing(99, kind))
    assert answer.status_code in STATUSES[kind], (
        f"The model raised {name} before its first text, and the status is"
        f" {answer.status_code}, expected {STATUSES[kind][0]}: http_error(error)"
        " in failures.py finds the status for what a model raised."
    )
    must_have_a_sentence(answer, f"The model raised {name} before its first text")


def test_a_rate_limit_says_when_to_ask_again(ask):
    for seconds in "7", "90":
        response = SimpleNamespace(headers={"retry-after": seconds})
        limit = Refusing(99, failures.ModelRateLimitError, response)
        _, answer = refused(ask, limit)
        said = answer.headers.get("Retry-After")
        assert said, (
            f"The provider wants to be asked again after {seconds} s, and the 429 has"
            " no header Retry-After, so nobody knows when to ask again: http_error"
            " gives its error that header, and as_json sends the error's headers."
        )
        assert said == seconds, (
            f"The provider wants to be asked again after {seconds} s, and the header"
            f" Retry-After of the 429 says {said}: copy what the provider says."
        )


@pytest.mark.usefixtures("kept")
def test_the_models_stream_is_closed_when_the_reader_leaves(ask):
    model, answer = ask("one", *[" more"] * 99)
    first = next(answer.iter_encoded())
    assert first == b"one", (
        f"The model's first text was 'one', and the first piece that left is {first!r}:"
        " chain takes lists, so write chain([first_piece], pieces), with brackets."
    )
    try:
        answer.close()
    except TypeError as error:  # what call_on_close was given cannot be called
        raise AssertionError(
            f"The reader left, and what the response was to call then is no function"
            f" ({error}): write call_on_close(pieces.close), without () after close."
        ) from None
    except Exception as error:
        raise AssertionError(
            f"The reader left, and your generator raised {type(error).__name__}: to"
            " leave is no failure. except Exception does not catch GeneratorExit, and"
            " neither should you."
        ) from None
    assert model.closed.wait(PATIENCE), (
        "The reader left after the first piece, and the model's stream stayed open:"
        " chain does not close what it chains. Let the view call"
        " response.call_on_close(pieces.close)."
    )
    assert model.closed_early, (
        "The reader left after the first piece, and the model wrote on to its end, for"
        " nobody: you pay for that. Python raises GeneratorExit at the yield then; let"
        " it end your loop, and do not catch it."
    )


def test_an_empty_chunk_is_not_a_first_text(ask):
    _, answer = refused(ask, "", Refusing(99))
    assert answer.status_code != 200, (
        "The model sent a chunk without text, as many do first, and then failed; the"
        " status is 200, for an answer of nothing. Yield a chunk's text only if it is"
        " not empty: if chunk.text."
    )


def test_a_first_chunk_without_text_is_skipped(ask):
    try:
        _, answer = ask("", "one", "", " two")
        came = (answer.status_code, answer.text)
    except Exception as error:
        error.add_note("That was for a first chunk without text, and text after it.")
        raise
    assert came == (200, "one two"), (
        "The model's first chunk had no text, as with many models, and then it wrote"
        f' "one two"; the reader got a {came[0]} and {short(came[1])}. Whether there'
        " was any text is known after the loop only: raise Unfinished(NO_TEXT) there."
    )


def test_white_space_is_a_text_too(ask):
    white_space_is_a_part_of_the_answer(ask)


@pytest.mark.parametrize("script", [(), ("", "")], ids=["nothing", "empty chunks"])
def test_a_model_that_says_nothing_is_a_failure_too(ask, script):
    """A model that says nothing is a failure too."""
    advice = "After the loop over the chunks: if there was no text, raise"
    advice = f"{advice} Unfinished(NO_TEXT)."
    try:
        _, answer = ask(*script)
    except (RuntimeError, StopIteration):
        raise AssertionError(
            "The model ended without any text, so that next() found nothing to wait"
            f" for and broke the view. {advice}"
        ) from None
    except Exception as error:
        error.add_note("That was for a model that ended without any text.")
        raise
    assert answer.status_code in (502, 503), (
        "The model ended without any text, and the status is"
        f" {answer.status_code}, expected 502: nothing is no answer. {advice}"
    )


def test_it_asks_once_more_before_the_first_text(ask):
    model, answer = refused(ask, Refusing(1), "one", " two")
    assert (answer.status_code, answer.text) == (200, "one two"), (
        f"The model failed once and would answer the second time; the reader got a"
        f" {answer.status_code} and {short(answer.text)} after {len(model.prompts)}"
        " question(s). Before the first text nobody has read anything yet: ask again."
    )
    model, answer = refused(ask, Refusing(99))
    assert len(model.prompts) < 9, (
        f"The model failed again and again, and was asked {len(model.prompts)} times:"
        " one more try helps, many more make it worse."
    )


@pytest.mark.parametrize("kind", NOT_THE_SAME_AGAIN, ids=lambda kind: kind.__name__)
def test_what_asking_again_cannot_mend_is_not_asked_again(ask, kind):
    """What asking again at once cannot mend is not asked again."""
    model, _ = refused(ask, Refusing(99, kind))
    assert len(model.prompts) == 1, (
        f"The model raised {kind.__name__}, and was asked {len(model.prompts)} times:"
        " asked again at once it says the same, and a rate limit gets worse. Ask again"
        " only if failure_of(error).may_pass."
    )


def test_a_failure_after_the_first_text_breaks_the_body(ask, told):
    for failure in failures.ModelTimeoutError(SECRET), ValueError(SECRET):
        _, answer = ask("one", failure)
        came, broke = read(answer)
        assert broke, (
            f"The model raised {type(failure).__name__} after its first text, and the"
            f" answer ended as if it were whole: the reader got {short(came)}. End the"
            " except block with raise BodyBreaks(sentence_for(error)) from None: what a"
            " generator raises goes to the server, which breaks the body off."
        )
        must_not_repeat_the_provider(told(), broke)


def test_nothing_is_asked_again_after_the_first_text(ask):
    for texts in ["one", " two"], ["\n"], ["one", "\n"]:
        model, answer = ask(*texts, failures.ModelConnectionError(SECRET))
        came, _ = read(answer)
        assert came.startswith("".join(texts)), (
            f"The model had written {''.join(texts)!r} when it failed, and the reader"
            f" got {came!r}: what has been sent stays."
        )
        assert len(model.prompts) == 1, (
            f"The model had written {''.join(texts)!r} when it failed, and was asked"
            f" again: the reader got {came[:60]!r}. Ask again only before the first"
            " text; after it the new answer would go on where the old one broke."
        )


BAD_PROMPTS = {
    "a blank prompt": json.dumps({"prompt": "  \n"}),
    "no prompt": json.dumps({"question": "Hi"}),
    "a list": json.dumps(["Hi"]),
    "no JSON": '{"prompt": ',
    "half an emoji": json.dumps({"prompt": "so \ud83d"}),
}


@pytest.mark.parametrize("what", BAD_PROMPTS)
def test_a_bad_prompt_is_refused_with_a_sentence(answer_with, client, what):
    """A request without a prompt is refused with a sentence."""
    sent = BAD_PROMPTS[what]
    model = answer_with("Hello")
    advice = "failures.py's read_prompt() returns the prompt, or refuses it."
    try:
        answer = client.post("/ask", data=sent, content_type="application/json")
    except Exception as error:
        error.add_note(f"That was for a body that is {what}, {sent}. {advice}")
        raise
    assert answer.status_code in (400, 422), (
        f"The check sent {what}, {sent}, and the status is {answer.status_code},"
        f" expected 400. {advice}"
    )
    assert not model.prompts, (
        f"The check sent {what}, {sent}, and the model was asked it."
    )
    must_have_a_sentence(answer, f"The check sent {what}, {sent}")


def test_the_log_does_not_repeat_the_provider(ask, program, capsys):
    lines = []
    log = logging.Handler()
    log.emit = lambda record: lines.append(log.format(record))
    program.app.logger.addHandler(log)
    try:
        refused(ask, Refusing(99))
    finally:
        program.app.logger.removeHandler(log)
    printed = capsys.readouterr()
    logged = "\n".join([*lines, printed.out, printed.err])
    assert SECRET not in logged, (
        f"The log repeats the provider's own words, {SECRET!r}: logs are kept, and read"
        " by many. log_name(error) is what can be said: the class and the status."
    )


def test_the_log_says_how_each_answer_ended(ask, caplog):
    def line_about(*script, reads_on=True):
        caplog.clear()
        _, answer = ask(*script)
        pieces = answer.iter_encoded()
        next(pieces)
        with suppress(Exception):
            b"".join(pieces if reads_on else [])
        answer.close()
        return re.sub(r"\d", "", "\n".join(caplog.messages))

    more = [" more"] * 9
    whole = line_about("one", *more)
    assert whole, (
        "An answer was sent, and nothing was logged about it: keep the line of lesson"
        " 05, app.logger.info(...) in finally."
    )
    ends = {
        "the model failed": line_about("one", failures.ModelTimeoutError(SECRET)),
        "the reader left": line_about("one", *more, reads_on=False),
    }
    for what, line in ends.items():
        assert line != whole, (
            f'In the middle of an answer {what}, and the log says "{line}" of it, as of'
            " a whole one: ending is something else until the loop has come to its end."
        )
    failed, left = ends.values()
    assert left != failed, (
        f'A reader left, and the log says "{left}" of it, as of a model that failed:'
        " that is no mistake. except Exception does not catch GeneratorExit, and"
        " neither should you."
    )

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
    must_not_be_a_mistake,
    must_not_be_our_own,
    must_not_repeat_the_provider,
    raised_in_the_view,
    read,
)
from lessons.course.for_checks.plain_text import (
    test_a_prompt_that_is_not_a_string_is_refused,
    test_a_reader_who_asks_while_another_waits_gets_their_own_answer,
    test_post_ask_answers_in_plain_text,
    test_the_answer_is_what_the_model_wrote,
    test_the_first_piece_leaves_before_the_second_is_made,
)
from lessons.course.for_checks.plain_text import (
    test_white_space_is_part_of_the_answer as white_space_is_part_of_the_answer,
)
from lessons.course.for_checks.quoting import short

__all__ = [
    "test_a_prompt_that_is_not_a_string_is_refused",
    "test_a_reader_who_asks_while_another_waits_gets_their_own_answer",
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
        if answer.status_code == 500:
            must_not_be_a_mistake(caplog.messages)
        return model, answer

    return post


def refused(ask, *script):
    """Return the model and the answer, or say why there is none."""
    try:
        return ask(*script)
    except StopIteration:
        raise AssertionError(
            "The model failed before its first text, and the generator ended, so next()"
            " got nothing. In the generator, raise http_error(error) from None: do not"
            " return it."
        ) from None
    except (failures.ModelError, HTTPException, ValueError) as error:
        if isinstance(error, ValueError) and SECRET not in str(error):
            raise  # of the program itself
        name = what_was_raised(script)
        if raised_in_the_view(error):
            raise AssertionError(
                f"The model raised {name} before its first text, and the view let it"
                " pass, so Flask can only send a 500. Catch it in your generator with"
                " except Exception, and raise http_error(error) from None there. That"
                " error has a status."
            ) from None
        raise AssertionError(
            f"The model raised {name} before its first text, but the view had already"
            " returned its response with its status. Wait for the first text with"
            " first_piece = next(pieces) before you make the response."
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
        f"{what}, and the body of the {answer.status_code} is {short(answer.text)}. The"
        ' page needs the JSON {"error": "a sentence"}. as_json makes it from every'
        " refusal: app.register_error_handler(HTTPException, as_json)."
    )
    assert SECRET not in answer.text, (
        f"{what}, and the reader gets the provider's own words, {SECRET!r}. They can"
        " contain part of the key. Write a sentence of your own for each failure."
    )


def test_a_failure_before_the_first_text_becomes_an_error_status(ask):
    _, answer = refused(ask, Refusing(99))
    assert answer.status_code in (502, 503), (
        "The model's server failed before its first text. Expected status 502, got"
        f" {answer.status_code}. Raise http_error(error), which has that status."
    )
    must_have_a_sentence(answer, "The model's server failed before its first text")


@pytest.mark.parametrize("kind", STATUSES, ids=lambda kind: kind.__name__)
def test_each_failure_has_its_own_status(ask, kind):
    """Each failure has its own status."""
    name = kind.__name__
    _, answer = refused(ask, Refusing(99, kind))
    assert answer.status_code in STATUSES[kind], (
        f"The model raised {name} before its first text. Expected status"
        f" {STATUSES[kind][0]}, got {answer.status_code}. http_error(error) in"
        " failures.py has the status for each failure."
    )
    must_have_a_sentence(answer, f"The model raised {name} before its first text")


def test_a_rate_limit_says_when_to_ask_again(ask):
    for seconds in "7", "90":
        response = SimpleNamespace(headers={"retry-after": seconds})
        limit = Refusing(99, failures.ModelRateLimitError, response)
        _, answer = refused(ask, limit)
        said = answer.headers.get("Retry-After")
        assert said, (
            f"The provider asked to wait {seconds} s, but the 429 has no Retry-After"
            " header, so no client knows that. http_error gives its error that header,"
            " and as_json sends the error's headers."
        )
        assert said == seconds, (
            f"The provider asked to wait {seconds} s. Expected Retry-After: {seconds},"
            f" got {said}. Copy the provider's value."
        )


@pytest.mark.usefixtures("kept")
def test_the_models_stream_is_closed_when_the_reader_leaves(ask, caplog):
    """The model's stream is closed when the reader leaves."""
    model, answer = ask("one", *[" more"] * 99)
    first = next(answer.iter_encoded())
    assert first == b"one", (
        f"The model's first text was 'one', and the first piece was {first!r}. chain"
        " takes iterables, so put the text in a list: chain([first_piece], pieces)."
    )
    try:
        answer.close()
    except TypeError as error:  # what call_on_close was given cannot be called
        raise AssertionError(
            f"The reader left, but call_on_close did not get a function ({error})."
            " Write call_on_close(pieces.close), without () after close."
        ) from None
    except Exception as error:
        raise AssertionError(
            f"The reader left, and your generator raised {type(error).__name__}."
            " Leaving is not a failure. Do not catch GeneratorExit. Use `except"
            " Exception`, which does not catch it."
        ) from None
    is_closed = model.closed.wait(PATIENCE)
    assert is_closed or not caplog.messages, (
        "The reader left after the first piece. The view closed your generator, but the"
        " model's stream stayed open. Use a with block for each stream, and for each"
        " generator that reads one, as in `with closing(model.stream(prompt)) as"
        " chunks:`."
    )
    assert is_closed, (
        "The reader left after the first piece, but the model's stream stayed open:"
        " chain does not close what it joins. Call response.call_on_close(pieces.close)"
        " in the view."
    )
    assert model.closed_early, (
        "The reader left after the first piece, but the model wrote its whole answer"
        " although nobody was reading, and you pay for that. Python raises"
        " GeneratorExit at the yield. Let it end your loop: do not catch it."
    )


def test_an_empty_chunk_is_not_a_first_text(ask):
    _, answer = refused(ask, "", Refusing(99))
    assert answer.status_code != 200, (
        "The model sent an empty chunk, as many do first, and then failed. Expected an"
        " error status, got 200, although the answer has no text. Yield a chunk's text"
        " only if it is not empty: `if chunk.text:`."
    )


def test_a_first_chunk_without_text_is_skipped(ask):
    try:
        _, answer = ask("", "one", "", " two")
        came = (answer.status_code, answer.text)
    except Exception as error:
        error.add_note("The first chunk had no text, and the later ones did.")
        raise
    assert came == (200, "one two"), (
        "The model's first chunk had no text, as with many models, and then it wrote"
        f' "one two". The reader got a {came[0]} and {short(came[1])}. You know only'
        " after the loop whether there was text: raise Unfinished(NO_TEXT) there."
    )


def test_white_space_is_text_too(ask):
    white_space_is_part_of_the_answer(ask)


@pytest.mark.parametrize("script", [(), ("", "")], ids=["nothing", "empty chunks"])
def test_a_model_that_says_nothing_is_a_failure_too(ask, script):
    """An answer without text is a failure, too."""
    advice = "After the loop over the chunks: if there was no text, raise"
    advice = f"{advice} Unfinished(NO_TEXT)."
    try:
        _, answer = ask(*script)
    except (RuntimeError, StopIteration):
        raise AssertionError(
            "The model ended without any text, so next() got nothing and the view"
            f" broke. {advice}"
        ) from None
    except Exception as error:
        error.add_note("The model ended without any text.")
        raise
    assert answer.status_code in (502, 503), (
        "The model ended without any text, which is not an answer. Expected status 502,"
        f" got {answer.status_code}. {advice}"
    )


def test_before_the_first_text_the_program_asks_once_more(ask, program):
    model, answer = refused(ask, Refusing(1), "one", " two")
    assert (answer.status_code, answer.text) == (200, "one two"), (
        "The model failed once and would have answered the second time. The reader got"
        f" a {answer.status_code} and {short(answer.text)} after {len(model.prompts)}"
        " attempt(s). Ask again: before the first text, nobody has read anything."
    )
    model, answer = refused(ask, Refusing(99))
    retries = getattr(program, "MODEL_RETRIES", 1)
    assert len(model.prompts) == 1 + retries, (
        f"The model failed every time, and the program asked it {len(model.prompts)}"
        f" times. MODEL_RETRIES is {retries}, so the model should be asked"
        f" {1 + retries} times: more attempts make an overload worse. Count"
        " retries_left down from MODEL_RETRIES, and raise when it is 0."
    )


@pytest.mark.parametrize("kind", NOT_THE_SAME_AGAIN, ids=lambda kind: kind.__name__)
def test_what_asking_again_cannot_mend_is_not_asked_again(ask, kind):
    """The model is not asked again if that cannot help."""
    model, _ = refused(ask, Refusing(99, kind))
    assert len(model.prompts) == 1, (
        f"The model raised {kind.__name__}, and the program asked it"
        f" {len(model.prompts)} times. Asking again at once does not help, and makes a"
        " rate limit worse. Ask again only if failure_of(error).may_pass."
    )


def test_the_model_is_not_asked_again_after_an_answer_without_text(ask):
    model, _ = ask()
    assert len(model.prompts) == 1, (
        "The model ended without any text, and the program asked it"
        f" {len(model.prompts)} times. Its next answer would have no text either. Ask"
        " again only if failure_of(error).may_pass."
    )


def test_a_failure_after_the_first_text_breaks_the_body(ask, told):
    for failure in failures.ModelTimeoutError(SECRET), ValueError(SECRET):
        _, answer = ask("one", failure)
        came, broke = read(answer)
        assert broke, (
            f"The model raised {type(failure).__name__} after its first text, but the"
            f" answer ended as if it were complete: the reader got {short(came)}. End"
            " the except block with raise BodyBreaks(sentence_for(error)) from None."
            " The server then breaks the body off."
        )
        must_not_repeat_the_provider(told(), broke)


def test_the_model_is_not_asked_again_after_the_first_text(ask):
    for texts in ["one", " two"], ["\n"], ["one", "\n"]:
        model, answer = ask(*texts, failures.ModelConnectionError(SECRET))
        came, _ = read(answer)
        assert came.startswith("".join(texts)), (
            f"The model had written {''.join(texts)!r} when it failed, and the reader"
            f" got {came!r}. Keep the text that has been sent."
        )
        assert len(model.prompts) == 1, (
            f"The model had written {''.join(texts)!r} when it failed, and the program"
            f" asked again: the reader got {came[:60]!r}. Ask again only before the"
            " first text. After it, a new answer would continue in the middle of the"
            " old one."
        )


def test_a_broken_answer_has_no_text_but_the_models(ask):
    """A broken answer contains only the model's text."""
    _, answer = ask("one", failures.ModelTimeoutError(SECRET))
    came, _ = read(answer)
    assert came == "one", (
        f"The model failed after 'one', and the reader got {short(came)}. On this page"
        " that looks like a part of the answer. Yield nothing more, and raise"
        " BodyBreaks(sentence_for(error)) from None."
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
        error.add_note(f"The check sent {what}, {sent}. {advice}")
        raise
    assert answer.status_code in (400, 422), (
        f"The check sent {what}, {sent}. Expected status 400, got {answer.status_code}."
        f" {advice}"
    )
    assert not model.prompts, (
        f"The check sent {what}, {sent}, but the program asked the model."
    )
    must_have_a_sentence(answer, f"The check sent {what}, {sent}")


def test_the_log_does_not_repeat_the_provider(ask, program, capsys):
    """The log does not repeat the provider's words."""
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
        f"The log contains the provider's own words, {SECRET!r}. Many people read logs,"
        " and logs are kept. Log log_name(error): the class and the status."
    )


def test_the_log_says_how_each_answer_ended(ask, caplog):
    def line_about(*script, reads_on=True):
        caplog.clear()
        _, answer = ask(*script)
        pieces = answer.iter_encoded()
        next(pieces)
        too_early = "\n".join(caplog.messages)
        assert not too_early, (
            "The first piece of an answer has left, and how the answer will end is not"
            f' known yet. But the log already says "{too_early}". Log in finally, when'
            " the last piece has left."
        )
        with suppress(Exception):
            b"".join(pieces if reads_on else [])
        answer.close()
        return re.sub(r"\d", "", "\n".join(caplog.messages))

    more = [" more"] * 9
    whole = line_about("one", *more)
    assert whole, (
        "An answer was sent, but nothing was logged about it. Keep the line from lesson"
        " 05, app.logger.info(...) in finally."
    )
    ends = {
        "the model failed": line_about("one", failures.ModelTimeoutError(SECRET)),
        "the reader left": line_about("one", *more, reads_on=False),
    }
    for what, line in ends.items():
        assert line, (
            f"In the middle of an answer {what}, and the log says nothing. Log in"
            " finally, which runs however the answer ends."
        )
        assert line != whole, (
            f'In the middle of an answer {what}, but the log says "{line}", as for a'
            ' complete one. Set the ending to "whole" only when the loop has finished.'
        )
    failed, left = ends.values()
    assert left != failed, (
        f'The log says "{left}" about an answer whose reader left, and also about one'
        " whose model failed. Leaving is not a failure: set the ending to"
        " log_name(error) in `except Exception`, which does not catch GeneratorExit."
    )

"""Whatever comes, the server's time, memory and names have bounds."""

import json
from threading import BoundedSemaphore, Semaphore, Thread
from time import sleep

import pytest
from langchain_core.exceptions import ModelConnectionError

from lessons.course.failing_model import Refusing, must_not_be_our_own, read
from lessons.course.shared_checks import (
    test_a_prompt_that_is_no_string_is_refused,
    test_post_ask_answers_in_plain_text,
    test_the_answer_is_what_the_model_wrote,
    test_the_first_piece_leaves_before_the_second_is_made,
)

__all__ = [
    "test_a_prompt_that_is_no_string_is_refused",
    "test_post_ask_answers_in_plain_text",
    "test_the_answer_is_what_the_model_wrote",
    "test_the_first_piece_leaves_before_the_second_is_made",
]
PATIENCE = 5  # seconds


@pytest.fixture
def ask(ask, caplog):
    """Ask as the other checks do, but see a mistake of the program's own at once."""

    def post(*script, prompt="Hello?"):
        model, answer = ask(*script, prompt=prompt)
        if answer.status_code == 502:
            must_not_be_our_own(answer.text, caplog.messages)
        return model, answer

    return post


def a_moment():
    """Let the clock go on."""
    sleep(0.02)


@pytest.fixture
def no_time(program, monkeypatch):
    """Let every answer have taken too long from its beginning."""
    assert hasattr(program, "ANSWER_SECONDS"), (
        "Nothing bounds how long an answer may take: write ANSWER_SECONDS ="
        ' number("ANSWER_SECONDS", 120) above app.'
    )
    monkeypatch.setattr(program, "ANSWER_SECONDS", 0)


@pytest.mark.usefixtures("no_time")
def test_an_answer_that_takes_too_long_breaks_off(ask):
    model, answer = ask(*["word ", a_moment] * 20)
    came, broke = read(answer)
    is_status = answer.status_code in (502, 503, 504)
    assert is_status or (broke and model.made < 20), (
        "ANSWER_SECONDS was 0, and an answer of 20 words came to its end: set deadline"
        " = monotonic() + ANSWER_SECONDS in texts, and after each chunk raise"
        " Unfinished(TOO_SLOW) if monotonic() > deadline."
    )
    assert is_status or "\n[error: " in came, (
        f"The answer took too long, and the reader got {came!r} and a break: raise"
        " Unfinished(TOO_SLOW), so that it ends as any other failure does."
    )


@pytest.mark.usefixtures("no_time")
def test_chunks_without_text_take_time_too(ask):
    model, answer = ask(*["", a_moment] * 20, "late")
    came, _ = read(answer)
    assert answer.status_code != 200, (
        f"ANSWER_SECONDS was 0, and the model sent {model.made - 1} chunks without text"
        f" before its first word; the reader got a 200 and {came!r}. Look at the clock"
        " after each chunk, whether it has text or not."
    )


@pytest.fixture
def two_slots(program, monkeypatch):
    """Let the program have two slots; return them."""
    slots = getattr(program, "slots", None)
    assert slots, (
        "Nothing bounds the answers that are written at once: slots ="
        ' BoundedSemaphore(number("ANSWERS_AT_ONCE", 64)).'
    )
    kind = BoundedSemaphore if isinstance(slots, BoundedSemaphore) else Semaphore
    monkeypatch.setattr(program, "slots", kind(2))


def in_time(call):
    """Call it in a thread of its own; return what it returned, or None if it waits."""
    results = []
    errors = []

    def run():
        try:
            results.append(call())
        except Exception as error:
            errors.append(error)

    thread = Thread(target=run, daemon=True)
    thread.start()
    thread.join(PATIENCE)
    for error in errors:
        raise error
    return results[0] if results else None


@pytest.mark.usefixtures("two_slots")
def test_one_answer_too_many_is_refused_at_once(ask):
    held = [ask("one", " two")[1] for _ in range(2)]
    for n in range(2):
        found = in_time(lambda: ask("one", " two"))
        assert found, (
            "There are two slots, two answers are being written, and a third question"
            f" has waited for {PATIENCE} s: it has to be refused at once, with"
            " slots.acquire(blocking=False)."
        )
        model, answer = found
        if answer.status_code == 200:
            read(answer)
        assert answer.status_code != 200 or n == 0, (
            "There are two slots and two answers are being written. A third question"
            " was refused, but the fourth was answered: the third has given back a"
            " slot that it never had. Take the slot above try, not in it."
        )
        assert answer.status_code == 503, (
            "There are two slots, two answers are being written, and a third question"
            f" got a {answer.status_code}, expected was 503: if slots.acquire("
            "blocking=False) is False, raise ServiceUnavailable(retry_after=5)."
        )
        assert not model.prompts, "A question was refused, and the model was asked it."
        assert answer.headers.get("Retry-After"), (
            "The 503 has no header Retry-After, so nobody knows when to ask again:"
            " raise ServiceUnavailable(retry_after=5)."
        )
        sentence = (answer.get_json(silent=True) or {}).get("error")
        assert sentence, (
            'The 503 has no sentence: register as_json, which makes {"error": ...}.'
        )
    for answer in held:
        read(answer)


ENDS = {
    "came whole": ["one"],
    "were refused": [Refusing(99)],
    "broke off": ["one", ModelConnectionError("It broke.")],
    "lost their reader": ["one", " two"],
    "were never read": ["one", " two"],
    "were asked without a prompt": ["one"],
}


@pytest.mark.usefixtures("two_slots")
def test_a_slot_is_given_back_however_an_answer_ends(ask):
    for end, script in ENDS.items():
        for n in range(3):
            prompt = None if end == "were asked without a prompt" else "Hello?"
            _, answer = ask(*script, prompt=prompt)
            assert answer.status_code != 503, (
                f"There were two slots, {n} answers {end} one after the other, and the"
                " next was refused, as if too many were written: slots.release() in"
                " finally, and response.call_on_close(pieces.close) in the view."
            )
            if end == "lost their reader":
                next(answer.iter_encoded())
            if end in ("lost their reader", "were never read"):
                answer.close()
            else:
                read(answer)


def test_a_request_that_is_too_large_is_refused(answer_with, client):
    model = answer_with("Hello")
    sent = json.dumps({"prompt": "a" * 70_000})
    answer = client.post("/ask", data=sent, content_type="application/json")
    assert answer.status_code == 413 and not model.prompts, (
        f"A prompt of 70,000 letters got a {answer.status_code}, expected was 413:"
        ' app.config["MAX_CONTENT_LENGTH"] = 64 * 1024.'
    )


def test_a_name_that_is_not_ours_gets_nothing(answer_with, client):
    model = answer_with("Hello")
    foreign = {"Host": "evil.example"}
    answer = client.post("/ask", json={"prompt": "Hello?"}, headers=foreign)
    assert answer.status_code == 400 and not model.prompts, (
        "A browser that was led here under the name evil.example got a"
        f" {answer.status_code}, expected was 400: app.config["
        '"TRUSTED_HOSTS"] = trusted_hosts().'
    )


def test_nobody_on_the_way_keeps_or_gathers_an_answer(ask):
    _, answer = ask("one")
    for name, words in {
        "Cache-Control": ["no-store", "no-transform"],
        "X-Accel-Buffering": ["no"],
    }.items():
        value = answer.headers.get(name, "")
        for word in words:
            assert word in value, (
                f"The header {name} of an answer is {value!r}, and {word!r} is missing:"
                f' response.headers["{name}"] = "{", ".join(words)}".'
            )
    read(answer)


def test_no_browser_guesses_a_type(ask, client):
    _, answer = ask("one")
    for what, response in {
        "an answer": answer,
        "the page": client.get("/"),
        "a refusal": client.post("/ask", json={}),
    }.items():
        value = response.headers.get("X-Content-Type-Options")
        assert value == "nosniff", (
            f"The header X-Content-Type-Options of {what} is {value!r}, expected was"
            " 'nosniff': set it for each response, in a function below"
            " @app.after_request that returns the response."
        )
    read(answer)


def test_the_page_says_what_a_browser_may_do_with_it(client):
    policy = client.get("/").headers.get("Content-Security-Policy", "")
    assert policy, (
        "The page has no header Content-Security-Policy: return page, headers from the"
        " view."
    )
    rules = {}
    for rule in policy.split(";"):
        name, *values = rule.split() or [""]
        rules[name] = values
    scripts = rules.get("script-src", rules.get("default-src", ["*"]))
    bad = {"*", "'unsafe-inline'", "'unsafe-eval'", "https:", "http:", "data:"}
    assert not bad & set(scripts), (
        f"The policy of the page allows scripts from {' '.join(scripts)}: script-src"
        " 'self' allows those of this server, and none that stands in the HTML."
    )
    for name in "default-src", "base-uri", "frame-ancestors":
        assert name in rules, (
            f"The policy of the page has no {name}: without it all is allowed there."
        )

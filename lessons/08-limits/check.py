"""Whatever comes, the server's time, memory and names have bounds."""

import json
from threading import Semaphore, Thread
from time import sleep

import pytest
from langchain_core.exceptions import ModelConnectionError

import failures
from lessons.course.for_checks.failing_model import Refusing, must_not_be_our_own, read
from lessons.course.for_checks.plain_text import (
    test_a_prompt_that_is_not_a_string_is_refused,
    test_post_ask_answers_in_plain_text,
    test_the_answer_is_what_the_model_wrote,
    test_the_first_piece_leaves_before_the_second_is_made,
)

__all__ = [
    "test_a_prompt_that_is_not_a_string_is_refused",
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
    for other in failures.STOPPED_EARLY, failures.SILENT:
        assert other.sentence not in came, (
            "The answer took too long, and the reader gets the sentence for another"
            f' failure, "{other.sentence}": raise Unfinished(TOO_SLOW).'
        )


def test_a_second_try_gets_only_the_time_that_is_left(ask, program, monkeypatch):
    monkeypatch.setattr(program, "ANSWER_SECONDS", 0.5)
    fail = Refusing(1, ModelConnectionError)
    _, answer = ask(lambda: sleep(0.6) if fail.left else None, fail, "one", " two")
    came, broke = read(answer)
    assert answer.status_code != 200 or broke, (
        "ANSWER_SECONDS was 0.5, the model failed after 0.6 s, and a second try wrote"
        f" {came!r} to its end: set deadline = monotonic() + ANSWER_SECONDS once for"
        " both tries, in texts, above while True."
    )


def test_the_limits_of_time_are_settings(started_with):
    settings = {"ANSWER_SECONDS": 7, "MODEL_RETRIES": 2}
    program = started_with(**settings)
    for name, value in settings.items():
        found = getattr(program, name, None)
        assert found == value, (
            f"{name}={value} is in .env, and the program has {name} = {found!r}:"
            f' number("{name}", ...) reads it from there.'
        )
    try:
        started_with(MODEL_RETRIES=0)
    except AssertionError as error:
        advice = 'number("MODEL_RETRIES", 1, least=0) lets it be 0.'
        raise AssertionError(f"{error} {advice}") from None


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
def two_slots(started_with):
    """Let the program have two slots; return the seconds that it waits for one."""
    program = started_with(ANSWERS_AT_ONCE=2)
    waits = []
    for value in vars(program).values():
        if isinstance(value, Semaphore):
            value.acquire = noting(value.acquire, waits)
    return waits


def noting(acquire, waits):
    """Return a function that acquires, and notes for how long it may wait."""

    def acquire_and_note(blocking=True, timeout=None):
        if timeout is not None:
            waits.append(timeout)
        return acquire(blocking, timeout)

    return acquire_and_note


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
        if isinstance(error, StopIteration):
            error.add_note(
                "write is a generator: what it returns reaches nobody, so raise"
                " ServiceUnavailable(retry_after=5)."
            )
        raise error
    return results[0] if results else None


REFUSE = (
    "if slots.acquire(blocking=False) is False, raise"
    " ServiceUnavailable(retry_after=5)."
)
INSTEAD = {  # of a 503: what to try
    200: 'ANSWERS_AT_ONCE = number("ANSWERS_AT_ONCE", 64) above app, slots ='
    f" BoundedSemaphore(ANSWERS_AT_ONCE) below it, and in write, {REFUSE} Give"
    " a slot back only where the answer ends, in finally.",
    502: "inside try the refusal is taken for a failure of the model. Take the slot in"
    " write, above try.",
}


def test_one_answer_too_many_is_refused_at_once(two_slots, ask):
    held = [ask("one", " two")[1] for _ in range(2)]
    assert [answer.status_code for answer in held] == [200, 200], (
        "ANSWERS_AT_ONCE is 2, one answer is being written, and a second question got a"
        f" {held[1].status_code}: slots = BoundedSemaphore(ANSWERS_AT_ONCE)."
    )
    for n in range(2):
        found = in_time(lambda: ask("one", " two"))
        assert found, (
            "There are two slots, two answers are being written, and a third question"
            f" has waited for {PATIENCE} s: it has to be refused at once, with"
            " slots.acquire(blocking=False)."
        )
        assert not two_slots, (
            "There are two slots, and a question that finds none free waits for"
            f" {two_slots[0]} s: it has to be refused at once, with"
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
            "ANSWERS_AT_ONCE is 2, two answers are being written, and a third question"
            f" got a {answer.status_code}, expected 503:"
            f" {INSTEAD.get(answer.status_code, REFUSE)}"
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
        f"A prompt of 70,000 letters got a {answer.status_code}, expected 413:"
        ' app.config["MAX_CONTENT_LENGTH"] = 64 * 1024.'
    )
    answer = client.post("/ask", json={"prompt": "a" * 60_000})
    assert answer.status_code == 200, (
        f"A prompt of 60,000 letters got a {answer.status_code}, expected 200: 64"
        ' KiB are app.config["MAX_CONTENT_LENGTH"] = 64 * 1024 bytes.'
    )


def test_a_name_that_is_not_ours_gets_nothing(answer_with, client):
    model = answer_with("Hello")
    foreign = {"Host": "evil.example"}
    answer = client.post("/ask", json={"prompt": "Hello?"}, headers=foreign)
    assert answer.status_code == 400 and not model.prompts, (
        "A browser that was led here under the name evil.example got a"
        f" {answer.status_code}, expected 400: app.config["
        '"TRUSTED_HOSTS"] = trusted_hosts().'
    )


def test_our_own_names_are_a_setting(client, started_with):
    names = {"localhost": client, "127.0.0.1": client}
    names["class.example"] = started_with(
        TRUSTED_HOSTS="localhost,class.example"
    ).app.test_client()
    for name, asking in names.items():
        answer = asking.get("/", headers={"Host": name})
        assert answer.status_code == 200, (
            f"A browser asked the server by its own name {name}, and got a"
            f' {answer.status_code}: app.config["TRUSTED_HOSTS"] = trusted_hosts()'
            " takes the names from .env, or localhost and 127.0.0.1."
        )


def test_nobody_on_the_way_keeps_or_collects_an_answer(ask):
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
            f"The header X-Content-Type-Options of {what} is {value!r}, expected"
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
    assert "," not in policy, (
        f"The rules of the policy are separated by ; and not by a comma: {policy!r}."
    )
    rules = {}
    for rule in policy.split(";"):
        name, *values = rule.split() or [""]
        rules[name] = values
        for word in "self", "none", "unsafe-inline":
            assert word not in values, (
                f"In the policy's {name} stands {word} without its quotes, which is"
                f" then the name of a server: write '{word}'."
            )
    scripts = rules.get("script-src", rules.get("default-src", ["*"]))
    bad = {"*", "'unsafe-inline'", "'unsafe-eval'", "https:", "http:", "data:"}
    assert not bad & set(scripts), (
        f"The policy of the page allows scripts from {' '.join(scripts)}: script-src"
        " 'self' allows those of this server, and none that is written in the HTML."
    )
    for name in "default-src", "base-uri", "frame-ancestors":
        assert name in rules, (
            f"The policy of the page has no {name}: without it all is allowed there."
        )
    for name in "script-src", "style-src", "img-src", "connect-src":
        values = rules.get(name, rules["default-src"])
        assert "'none'" not in values, (
            f"The policy lets the page load nothing for {name}, and the page needs it:"
            f" write {name} 'self'."
        )
    frames = rules["frame-ancestors"]
    assert "'self'" in frames and not bad & set(frames), (
        f"The policy's frame-ancestors is {' '.join(frames)}: 'self' lets our own"
        " pages, the lessons, show this one in a frame, and no others."
    )


def test_the_page_says_which_model_answers(client):
    page = client.get("/").text
    assert "<code>scripted</code>" in page, (
        "The page does not say which model answers: the view hands the name over,"
        ' render_template("index.html", model=model.name).'
    )

"""Whatever comes, the server's time, memory and names have bounds."""

import json
import re
from contextlib import suppress
from io import BytesIO
from threading import Thread
from time import sleep

import pytest
from langchain_core.exceptions import ModelConnectionError
from langchain_core.messages import AIMessageChunk

import failures
import flask_run
from lessons.course.for_checks.failing_model import Refusing, must_not_be_our_own, read
from lessons.course.for_checks.plain_text import (
    test_post_ask_answers_in_plain_text,
    test_the_answer_is_what_the_model_wrote,
    test_the_first_piece_leaves_before_the_second_is_made,
)
from lessons.course.for_checks.scripted_model import End
from lessons.course.for_checks.still_said import (
    test_a_failure_before_the_first_text_becomes_an_error_status,
    test_an_answer_without_text_becomes_an_error_status,
    test_an_error_after_the_finish_reason_is_ignored,
    test_an_incomplete_answer_ends_in_a_line_and_a_break,
    test_each_answer_leaves_a_line_in_the_log,
    test_half_an_emoji_does_not_break_an_answer,
    test_the_models_stream_is_closed_when_the_reader_leaves,
)
from lessons.course.for_checks.still_there import (
    a_foreign_page_gets_nothing,
    test_anything_that_is_not_a_prompt_is_refused,
)
from lessons.course.for_checks.watched_slots import note_waits

__all__ = [
    "test_a_failure_before_the_first_text_becomes_an_error_status",
    "test_an_answer_without_text_becomes_an_error_status",
    "test_an_error_after_the_finish_reason_is_ignored",
    "test_an_incomplete_answer_ends_in_a_line_and_a_break",
    "test_anything_that_is_not_a_prompt_is_refused",
    "test_each_answer_leaves_a_line_in_the_log",
    "test_half_an_emoji_does_not_break_an_answer",
    "test_post_ask_answers_in_plain_text",
    "test_the_answer_is_what_the_model_wrote",
    "test_the_first_piece_leaves_before_the_second_is_made",
    "test_the_models_stream_is_closed_when_the_reader_leaves",
]
PATIENCE = 5  # seconds
OTHERS = [  # failures that are not an answer that took too long
    each
    for each in vars(failures).values()
    if isinstance(each, failures.Failure) and each is not failures.TOO_SLOW
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


def a_moment():
    """Let the clock go on."""
    sleep(0.02)


@pytest.fixture
def no_time(program, monkeypatch):
    """Let every answer have taken too long from its beginning."""
    assert hasattr(program, "ANSWER_SECONDS"), (
        "Nothing limits how long an answer may take. Write ANSWER_SECONDS ="
        ' number("ANSWER_SECONDS", 120) above app.'
    )
    monkeypatch.setattr(program, "ANSWER_SECONDS", 0)


@pytest.mark.usefixtures("no_time")
def test_an_answer_that_takes_too_long_breaks_off(ask, caplog):
    model, answer = ask(*["word ", a_moment] * 20)
    came, broke = read(answer)
    is_status = answer.status_code in (502, 503, 504)
    assert is_status or (broke and model.made < 20), (
        "ANSWER_SECONDS was 0, but an answer of 20 words was sent in full. In texts,"
        " set deadline = monotonic() + ANSWER_SECONDS, and after each chunk raise"
        " Unfinished(TOO_SLOW) if monotonic() > deadline."
    )
    assert is_status or "\n[error: " in came, (
        f"The answer took too long, and the reader got {came!r} and a break. Raise"
        " Unfinished(TOO_SLOW): then the answer ends like any other failure."
    )
    assert failures.MISTAKE.sentence not in came, (
        "The answer took too long, but what your program raised counts as a mistake in"
        " the program. Raise Unfinished(TOO_SLOW), not TOO_SLOW alone. The log says"
        f' "{caplog.messages[-1] if caplog.messages else ""}".'
    )
    for other in OTHERS:
        assert other.sentence not in came, (
            "The answer took too long, and the reader gets the sentence for another"
            f' failure, "{other.sentence}". Raise Unfinished(TOO_SLOW).'
        )


def test_the_time_limit_is_in_seconds_and_applies_until_the_end(
    ask, program, monkeypatch
):
    monkeypatch.setattr(program, "ANSWER_SECONDS", 6)
    _, answer = ask("one", lambda: sleep(0.1), " two")
    came, broke = read(answer)
    assert came == "one two" and not broke, (
        f"ANSWER_SECONDS was 6 and an answer took 0.1 s, but the reader got {came!r}."
        " The deadline is monotonic() + ANSWER_SECONDS, and both are in seconds."
    )
    monkeypatch.setattr(program, "ANSWER_SECONDS", 0.1)
    _, answer = ask("one", lambda: sleep(0.2), " two", *[" more"] * 9)
    came, broke = read(answer)
    assert answer.status_code != 200 or broke, (
        "ANSWER_SECONDS was 0.1 and a model paused for 0.2 s after its first text, but"
        f" the answer was sent in full, {came!r}. Check the clock after each chunk,"
        " including the first ones. The deadline is in seconds."
    )


def test_a_second_try_gets_only_the_time_that_is_left(ask, program, monkeypatch):
    monkeypatch.setattr(program, "ANSWER_SECONDS", 0.5)
    fail = Refusing(1, ModelConnectionError)
    _, answer = ask(lambda: sleep(0.6) if fail.left else None, fail, "one", " two")
    came, broke = read(answer)
    assert answer.status_code != 200 or broke, (
        "ANSWER_SECONDS was 0.5 and the model failed after 0.6 s, but a second try"
        f" wrote its whole answer, {came!r}. Set deadline = monotonic() +"
        " ANSWER_SECONDS once for both tries, in texts, above while True."
    )


def test_the_time_limits_are_settings(started_with):
    settings = {"ANSWER_SECONDS": 7, "MODEL_RETRIES": 2}
    defaults = {"ANSWER_SECONDS": 120, "MODEL_RETRIES": 1}
    for where, values in ("not in .env", defaults), ("in .env", settings):
        program = started_with(**(values if where == "in .env" else {}))
        for name, value in values.items():
            found = getattr(program, name, None)
            assert found == value, (
                f"{name}={value} is {where}, but the program has {name} = {found!r}."
                f' number("{name}", ...) reads it from there.'
                if where == "in .env"
                else f"{name} is {where}, and the program has {name} = {found!r}."
                f' number("{name}", {value}) would make it {value}.'
            )


def test_a_wrong_setting_stops_the_server_from_starting(started_with):
    try:
        started_with(ANSWER_SECONDS=0)
    except AssertionError:
        return  # it has ended with a sentence
    raise AssertionError(
        "With ANSWER_SECONDS=0 in .env, the program starts, although an answer then has"
        ' no time at all. number("ANSWER_SECONDS", 120) refuses such a value with a'
        " sentence."
    )


def test_a_second_try_can_be_switched_off(started_with, answer_with):
    try:
        program = started_with(MODEL_RETRIES=0)
    except AssertionError as error:
        advice = 'number("MODEL_RETRIES", 1, least=0) lets it be 0.'
        raise AssertionError(f"{error} {advice}") from None
    model = answer_with(Refusing(99))
    program.app.test_client().post("/ask", json={"prompt": "Hello?"})
    assert len(model.prompts) == 1, (
        "MODEL_RETRIES=0 is in .env and the model failed before its first text, but the"
        f" program asked it {len(model.prompts)} times. Start retries_left at"
        " MODEL_RETRIES."
    )


@pytest.mark.usefixtures("no_time")
def test_chunks_without_text_take_time_too(ask):
    model, answer = ask(*["", a_moment] * 20, "late")
    came, _ = read(answer)
    assert answer.status_code != 200, (
        f"ANSWER_SECONDS was 0, and the model sent {model.made - 1} chunks without"
        f" text before its first word. The reader got a 200 and {came!r}. Check the"
        " clock after each chunk, whether it has text or not."
    )


@pytest.mark.usefixtures("no_time")
def test_an_answer_that_is_already_complete_is_not_cut_off(ask):
    came = {}
    for reason in "stop", "length":
        end = {"finish_reason": reason}
        whole = AIMessageChunk("one two", response_metadata=end)
        _, answer = ask(whole, End(**end))
        came[reason] = read(answer)
    text, broke = came["stop"]
    assert text == "one two" and not broke, (
        "The time was up when a chunk came that had all of the text, 'one two', and the"
        f" finish reason stop. The reader got {text!r}. If finish_reason(metadata) says"
        " why the answer has ended, nothing is missing. Leave the loop with break, and"
        " do not raise an exception."
    )
    text, broke = came["length"]
    assert broke, (
        "The time was up when a chunk came with the finish reason length, so the"
        f" answer is incomplete, but the reader got {text!r} as if it were complete."
        " Leave the loop with break, so that require_whole(metadata, has_text) is"
        " called below it."
    )


@pytest.fixture
def two_slots(started_with):
    """Let the program have two slots; return the seconds that it waits for one."""
    return note_waits(started_with(ANSWERS_AT_ONCE=2))


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
                "write is a generator, so nobody gets what it returns. Raise"
                " ServiceUnavailable(retry_after=5) instead."
            )
        raise error
    return results[0] if results else None


REFUSE = (
    "If slots.acquire(blocking=False) is False, raise"
    " ServiceUnavailable(retry_after=5)."
)
INSTEAD = {  # of a 503: what to try
    200: 'Write ANSWERS_AT_ONCE = number("ANSWERS_AT_ONCE", 64) above app, and slots ='
    f" BoundedSemaphore(ANSWERS_AT_ONCE) below it. In write: {REFUSE} Give a slot"
    " back only where the answer ends, in finally.",
    502: "Inside try, the refusal counts as a failure of the model. Take the slot in"
    " write, above try.",
}


def test_one_answer_too_many_is_refused_at_once(two_slots, ask):
    held = [ask("one", " two")[1] for _ in range(2)]
    assert [answer.status_code for answer in held] == [200, 200], (
        "ANSWERS_AT_ONCE is 2 and one answer is being written, but a second question"
        f" got a {held[1].status_code}. Write slots ="
        " BoundedSemaphore(ANSWERS_AT_ONCE)."
    )
    for n in range(2):
        found = in_time(lambda: ask("one", " two"))
        assert found, (
            "There are two slots, two answers are being written, and a third question"
            f" has been waiting for {PATIENCE} s. Refuse it at once, with"
            " slots.acquire(blocking=False)."
        )
        assert not two_slots, (
            "There are two slots, and a question that finds none free waits for"
            f" {two_slots[0]} s. Refuse it at once, with"
            " slots.acquire(blocking=False)."
        )
        model, answer = found
        if answer.status_code == 200:
            read(answer)
        assert answer.status_code != 200 or n == 0, (
            "There are two slots and two answers are being written. A third question"
            " was refused, but the fourth was answered: the third has given back a"
            " slot that it never had. Take the slot above try, not inside it."
        )
        assert answer.status_code == 503, (
            "ANSWERS_AT_ONCE is 2 and two answers are being written. Expected status"
            f" 503 for a third question, got {answer.status_code}."
            f" {INSTEAD.get(answer.status_code, REFUSE)}"
        )
        assert not model.prompts, (
            "A question was refused, but the model was asked anyway. Take the slot"
            " before you ask the model."
        )
        assert answer.headers.get("Retry-After"), (
            "The 503 has no Retry-After header, so nobody knows when to ask again."
            " Raise ServiceUnavailable(retry_after=5)."
        )
        sentence = (answer.get_json(silent=True) or {}).get("error")
        assert sentence, (
            'The 503 has no sentence. Register as_json, which makes {"error": ...}.'
        )
    for answer in held:
        read(answer)


ENDS = {
    "were complete": ["one"],
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
                f"There were two slots. {n} answers {end}, one after the other, and"
                " the next was refused as if too many were being written. Call"
                " slots.release() in finally, and response.call_on_close(pieces.close)"
                " in the view."
            )
            if end == "lost their reader":
                next(answer.iter_encoded())
            if end in ("lost their reader", "were never read"):
                answer.close()
            else:
                read(answer)
        held = [ask("one", " two")[1] for _ in range(3)]
        statuses = [answer.status_code for answer in held]
        assert statuses == [200, 200, 503], (
            f"There are two slots. 3 answers {end}, and the next three got the statuses"
            f" {statuses}: a slot was given back twice. A BoundedSemaphore would raise"
            " an error. One slots.release(), in finally, is enough."
        )
        for answer in held:
            read(answer)


@pytest.mark.usefixtures("two_slots")
def test_an_answer_keeps_its_slot_until_it_is_over(ask):
    held = [ask("one", ModelConnectionError("It broke."))[1] for _ in range(2)]
    for answer in held:
        pieces = answer.iter_encoded()
        with suppress(Exception):
            while b"[error:" not in next(pieces):
                pass
    _, third = ask("one", " two")
    assert third.status_code == 503, (
        "There are two slots. Two answers have just sent their last line, and pause"
        f" before the break. A third question got a {third.status_code}, expected 503:"
        " they are not over yet. Call slots.release() in finally, after everything"
        " else."
    )
    for answer in held:
        answer.close()


MOST = 64 * 1024  # bytes of a body


def body_of(size):
    """Return the JSON of a prompt, with so many bytes."""
    letters = size - len(json.dumps({"prompt": ""}))
    return json.dumps({"prompt": "a" * letters})


def test_a_request_that_is_too_large_is_refused(answer_with, client):
    advice = 'app.config["MAX_CONTENT_LENGTH"] = 64 * 1024.'
    for size, status in {70_000: 413, 60_000: 200, MOST: 200, MOST + 1: 413}.items():
        model = answer_with("Hello")
        sent = body_of(size)
        answer = client.post("/ask", data=sent, content_type="application/json")
        answer.get_data()
        assert answer.status_code == status, (
            f"A body of {size:,} bytes: expected status {status}, got"
            f" {answer.status_code}. 64 KiB is {MOST:,} bytes: {advice}"
        )
        assert status == 200 or not model.prompts, (
            f"A body of {size:,} bytes was refused only after the model was asked."
            f" Write {advice}"
        )


class NotedBody(BytesIO):
    """A body that notes how much of it is read."""

    taken = 0

    def read(self, size=-1):
        piece = super().read(size)
        self.taken += len(piece)
        return piece

    def readinto(self, buffer):
        count = super().readinto(buffer)
        self.taken += count
        return count


def test_a_large_request_is_refused_before_it_is_read(answer_with, client):
    text = body_of(1_000_000).encode()
    ways = {
        "says its length": {"headers": {"Content-Length": str(len(text))}},
        "comes in chunks, without a length": {
            "headers": {"Transfer-Encoding": "chunked"},
            "environ_overrides": {"wsgi.input_terminated": True},
        },
    }
    for way, options in ways.items():
        answer_with("Hello")
        body = NotedBody(text)
        typed = {"content_type": "application/json"}
        answer = client.post("/ask", input_stream=body, **typed, **options)
        assert answer.status_code == 413 and body.taken < 2 * MOST, (
            f"A body of a million bytes that {way} got a {answer.status_code} after"
            f" {body.taken:,} bytes of it had been read. Expected a 413 before that."
            ' Set app.config["MAX_CONTENT_LENGTH"] = 64 * 1024: then Flask does that.'
        )


FOREIGN = ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example"]


def test_a_host_name_that_is_not_ours_is_refused(answer_with, client):
    for name in FOREIGN:
        model = answer_with("Hello")
        headers = {"Host": name}
        answers = {
            "POST /ask": client.post("/ask", json={"prompt": "Hi"}, headers=headers),
            "GET /": client.get("/", headers=headers),
        }
        for what, answer in answers.items():
            assert answer.status_code == 400 and not model.prompts, (
                f"A browser reached this server by the name {name}. Expected status 400"
                f' for {what}, got {answer.status_code}. app.config["TRUSTED_HOSTS"] ='
                " trusted_hosts() compares whole names, for all views."
            )


def test_our_own_host_names_are_a_setting(client, started_with):
    def must_answer(asking, name):
        answer = asking.get("/", headers={"Host": name})
        assert answer.status_code != 0, (
            "The second value that a view returns is a dict of headers, or a status."
            " The view of the page returned another str there: return page, headers."
        )
        assert answer.status_code == 200, (
            f"A browser asked the server by its own name {name}, and got a"
            f' {answer.status_code}. app.config["TRUSTED_HOSTS"] = trusted_hosts()'
            " takes the names from .env, or localhost and 127.0.0.1, with any port."
        )

    for name in "localhost", "127.0.0.1", "localhost:8000":
        must_answer(client, name)
    program = started_with(TRUSTED_HOSTS="localhost,class.example")
    must_answer(program.app.test_client(), "class.example")


def test_a_page_from_another_server_gets_nothing(client, answer_with):
    a_foreign_page_gets_nothing(client, answer_with)


def test_the_copied_lines_are_there(client, started_with, monkeypatch):
    patience = []

    def prepare(patience_in_seconds=None, **named):
        patience.append(named.get("patience", patience_in_seconds))

    monkeypatch.setattr(flask_run, "prepare_for_many_readers", prepare)
    started_with(ANSWER_SECONDS=7)
    assert patience == [7], (
        "ANSWER_SECONDS=7 is in .env, and prepare_for_many_readers was called with"
        f" {patience}, expected once with 7. Copy the line"
        " prepare_for_many_readers(patience=ANSWER_SECONDS), below app."
    )
    answer = client.get("/lessons/")
    assert answer.status_code != 404, (
        "GET /lessons/ returned status 404. Copy the line register_course(app), below"
        " app."
    )


def test_nothing_on_the_way_stores_or_buffers_an_answer(ask):
    _, answer = ask("one")
    for name, words in {
        "Cache-Control": ["no-store", "no-transform"],
        "X-Accel-Buffering": ["no"],
    }.items():
        value = answer.headers.get(name, "")
        for word in words:
            assert word in re.split(", *", value), (
                f"The {name} header of an answer is {value!r}, and {word!r} is"
                f' missing. Write response.headers["{name}"] ='
                f' "{", ".join(words)}".'
            )
    read(answer)


def test_no_browser_has_to_guess_the_type_of_a_response(ask, client):
    _, answer = ask("one")
    for what, response in {
        "an answer": answer,
        "the page": client.get("/"),
        "a refusal": client.post("/ask", json={}),
        "the page's script": client.get("/static/page.js"),
        "an address that is not there": client.get("/nothing"),
    }.items():
        value = response.headers.get("X-Content-Type-Options")
        assert value == "nosniff", (
            f"The X-Content-Type-Options header of {what} is {value!r}, expected"
            " 'nosniff'. Set it for each response, in a function below"
            " @app.after_request that returns the response."
        )
    read(answer)


RULES = {  # of a policy: their names
    "default-src",
    "script-src",
    "style-src",
    "img-src",
    "connect-src",
    "frame-ancestors",
    "base-uri",
    "form-action",
}


def is_another_place(word):
    """Whether a word of a policy is a place, and not 'self', 'none', or data:."""
    return not word.startswith("'") and word not in ("data:", "blob:")


def test_the_page_has_a_policy_that_says_what_it_may_load(client):
    policy = client.get("/").headers.get("Content-Security-Policy", "")
    assert policy, (
        "The page has no Content-Security-Policy header. Return both from the view:"
        " `return page, headers`."
    )
    assert "," not in policy, (
        "The rules of a policy are separated by semicolons, not by commas. The page"
        f" sends {policy!r}."
    )
    rules = {}
    for rule in policy.split(";"):
        name, *values = rule.split() or [""]
        rules[name] = values
        for word in "self", "none", "unsafe-inline":
            assert word not in values, (
                f"In the policy, {name} has {word} without quotes, so a browser takes"
                f" it for the name of a server. Write '{word}'."
            )
        for word in values:
            assert word.strip("'") not in RULES and "'" not in word[1:-1], (
                f"In the policy, {name} has the value {word}, so two rules have become"
                " one. Put a comma after each line of the list, and join the lines"
                " with '; '."
            )
    scripts = rules.get("script-src", rules.get("default-src", ["*"]))
    bad = {"*", "'unsafe-inline'", "'unsafe-eval'", "https:", "http:", "data:"}
    assert not bad & set(scripts), (
        f"The policy of the page allows scripts from {' '.join(scripts)}. With 'self',"
        " script-src allows those of this server, and none that are written into the"
        " HTML."
    )
    for name in "default-src", "base-uri", "form-action", "frame-ancestors":
        assert name in rules, (
            f"The policy of the page has no {name}. Without that rule, everything is"
            " allowed there."
        )
    for name, values in rules.items():
        others = [word for word in values if is_another_place(word)]
        assert not others, (
            f"The policy's {name} allows {' '.join(others)}. The page needs nothing"
            " from anywhere else, and a script that slips into it could send data"
            " there."
        )
    for name in "script-src", "style-src", "img-src", "connect-src":
        values = rules.get(name, rules["default-src"])
        assert "'none'" not in values, (
            f"The policy lets the page load nothing for {name}, but the page needs it."
            f" Write {name} 'self'."
        )
    frames = rules["frame-ancestors"]
    assert "'self'" in frames, (
        f"The policy's frame-ancestors is {' '.join(frames)}. With 'self', our own"
        " pages, the lessons, may show this one in a frame, and no others."
    )


def test_the_page_says_which_model_answers(client):
    page = client.get("/").text
    assert "<code>scripted</code>" in page, (
        "The page does not say which model answers. Pass the name on in the view,"
        ' render_template("index.html", model=model.name).'
    )

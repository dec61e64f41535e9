"""POST /ask keeps its contract: each row of its tables, with a scripted model."""

import json
import threading
from time import time
from types import SimpleNamespace

import pytest
import requests
from langchain_core import exceptions
from langchain_core.messages import AIMessageChunk
from support import LIMIT
from werkzeug.exceptions import HTTPException
from werkzeug.http import http_date

import app as program
import failures
import prompt
from lessons.course.for_checks.scripted_model import ScriptedModel
from practice import PracticeModel, failure

SENTENCES = [
    prompt.NO_PROMPT,
    prompt.NOT_UTF8,
    prompt.UNREADABLE,
    *prompt.REQUEST_SENTENCES.values(),
    *(
        each.sentence.format(seconds=7, server="the model")
        for each in vars(failures).values()
        if isinstance(each, failures.Failure)
    ),
]


def ask(client, prompt="Hello?", **more):
    return client.post("/ask", json={"prompt": prompt}, **more)


def is_a_sentence(answer):
    """Say whether an error body is {"error": ...} with one of our own sentences."""
    body = answer.get_json()
    said = body.pop("error")
    return not body and said in SENTENCES


def read_until_it_breaks(response):
    """Return what came of a body, and the exception that broke it, or None."""
    came = b""
    try:
        for piece in response.response:
            came += piece
    except Exception as error:
        return came.decode(), error
    finally:
        response.close()
    return came.decode(), None


# 200, the stream


def test_the_answer_is_a_stream_of_plain_text(client, answer_with):
    model = answer_with("Hello", " ", "world\n")
    answer = ask(client, "Say hello.")
    assert answer.status_code == 200
    assert answer.text == "Hello world\n"
    assert model.prompts == ["Say hello."]


def test_its_headers_let_it_through_unchanged_and_at_once(client, answer_with):
    answer_with("Hello")
    headers = ask(client).headers
    assert headers["Content-Type"] == "text/plain; charset=utf-8"
    assert headers["Cache-Control"] == "no-store, no-transform"
    assert headers["X-Accel-Buffering"] == "no"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "Content-Length" not in headers
    assert "Content-Encoding" not in headers


def test_the_first_piece_leaves_before_the_second_is_made(client, answer_with):
    model = answer_with("one", " two", " three")
    answer = ask(client)
    pieces = iter(answer.response)
    assert (next(pieces), model.made) == (b"one", 1)
    assert (next(pieces), model.made) == (b" two", 2)
    answer.close()


def test_the_first_piece_crosses_a_port_before_the_second_is_made(server, answer_with):
    gate = threading.Event()
    model = answer_with("one", gate, " two")
    with requests.post(
        f"{server}/ask", json={"prompt": "Hello?"}, stream=True, timeout=LIMIT
    ) as answer:
        pieces = answer.iter_content(None)
        assert (next(pieces), model.made) == (b"one", 1)
        gate.set()
        assert (next(pieces), model.made) == (b" two", 2)


def test_chunks_without_text_are_not_pieces(client, answer_with):
    blocks = AIMessageChunk([{"type": "text", "text": "one"}])
    answer_with("", "", blocks, "", " two")
    assert list(ask(client).response) == [b"one", b" two"]


def test_half_a_character_from_the_model_does_not_break_the_answer(client, answer_with):
    answer_with("so ", "\ud83d", " it goes")
    assert ask(client).text == "so ? it goes"


def test_other_fields_of_the_request_are_ignored(client, answer_with):
    model = answer_with("Hello")
    fields = {"prompt": "Hi", "model": "dear", "messages": [], "max_tokens": 10**6}
    assert client.post("/ask", json=fields).status_code == 200
    assert model.prompts == ["Hi"]


# Bad requests: the right status, one sentence, the model not called

JSON = "application/json"
BAD_REQUESTS = {
    "not JSON by type": (415, b'{"prompt": "Hi"}', "text/plain"),
    "a form": (415, b"prompt=Hi", "application/x-www-form-urlencoded"),
    "no type": (415, b'{"prompt": "Hi"}', None),
    "empty": (400, b"", JSON),
    "malformed": (400, b'{"prompt": ', JSON),
    "not UTF-8": (400, b'{"prompt": "\xff\xfe"}', JSON),
    "a list": (400, b'["prompt"]', JSON),
    "a string": (400, b'"prompt"', JSON),
    "null": (400, b"null", JSON),
    "no prompt": (400, b'{"question": "Hi"}', JSON),
    "a number for a prompt": (400, b'{"prompt": 5}', JSON),
    "null for a prompt": (400, b'{"prompt": null}', JSON),
    "messages for a prompt": (400, b'{"prompt": [["system", "Obey"]]}', JSON),
    "an object for a prompt": (400, b'{"prompt": {"role": "system"}}', JSON),
    "an empty prompt": (400, b'{"prompt": ""}', JSON),
    "a blank prompt": (400, '{"prompt": " \\n\\t\u3000"}'.encode(), JSON),
    "half a surrogate pair": (400, b'{"prompt": "so \\ud83d"}', JSON),
    "the other half": (400, b'{"prompt": "\\ude00 so"}', JSON),
    "nested too deep": (400, b"[" * 60_000, JSON),
    "deep inside": (400, b'{"prompt": ' + b'{"a":' * 12_000, JSON),
    "a number too long": (400, b'{"prompt": ' + b"9" * 5000 + b"}", JSON),
    "too large": (413, json.dumps({"prompt": "a" * 64 * 1024}).encode(), JSON),
}


@pytest.mark.parametrize(
    ("status", "body", "kind"), BAD_REQUESTS.values(), ids=BAD_REQUESTS
)
def test_a_bad_request_gets_its_status_and_a_sentence(
    client, answer_with, status, body, kind
):
    model = answer_with("Hello")
    answer = client.post("/ask", data=body, content_type=kind)
    assert (answer.status_code, is_a_sentence(answer)) == (status, True)
    assert model.prompts == []


def test_a_body_that_does_not_say_its_length_is_bounded_too(server, answer_with):
    model = answer_with("Hello")
    chunks = (b'{"prompt": "' if n == 0 else b"a" * 1024 for n in range(100))
    headers = {"Content-Type": JSON}
    answer = requests.post(f"{server}/ask", data=chunks, headers=headers, timeout=LIMIT)
    assert answer.status_code == 413
    assert model.prompts == []


def test_a_mistake_in_the_reading_is_not_called_the_readers(client, monkeypatch):
    """A program that subscripts a method has a bug: nobody sent a bad prompt."""
    broken = SimpleNamespace(
        get_data=lambda: b"{}", get_json=lambda: client.get["prompt"]
    )
    monkeypatch.setattr(prompt, "request", broken)
    monkeypatch.setitem(program.app.config, "PROPAGATE_EXCEPTIONS", False)
    assert ask(client).status_code == 500


def test_the_largest_prompt_is_answered(client, answer_with):
    model = answer_with("Hello")
    prompt = "a" * (64 * 1024 - len('{"prompt": ""}'))
    assert ask(client, prompt).status_code == 200
    assert model.prompts == [prompt]


@pytest.mark.parametrize("method", ["get", "put", "delete", "patch", "head"])
def test_another_method_is_told_which_is_allowed(client, answer_with, method):
    model = answer_with("Hello")
    answer = getattr(client, method)("/ask", json={"prompt": "Hi"})
    assert answer.status_code == 405
    assert set(answer.headers["Allow"].split(", ")) == {"OPTIONS", "POST"}
    assert method == "head" or is_a_sentence(answer)
    assert model.prompts == []


FOREIGN = ["evil.example", "evil.example:8000", "", "127.0.0.1.evil.example"]
FOREIGN += ["[::1", "]", "..", "localhost:\xb2"]  # no host at all


@pytest.mark.parametrize("host", FOREIGN)
def test_a_foreign_host_is_refused(client, answer_with, host):
    model = answer_with("Hello")
    answer = ask(client, headers={"Host": host})
    assert (answer.status_code, is_a_sentence(answer)) == (400, True)
    assert "TRUSTED_HOSTS" in answer.get_json()["error"]
    assert model.prompts == []


def test_a_refusal_of_a_host_says_where_the_setting_is(client, monkeypatch):
    monkeypatch.setenv("TRUSTED_HOSTS", "school.example")
    said = client.get("/", headers={"Host": "evil.example"}).get_json()["error"]
    assert "add it to TRUSTED_HOSTS in the environment, then restart" in said


def test_an_unknown_address_gets_a_sentence(client):
    answer = client.get("/nothing")
    assert (answer.status_code, is_a_sentence(answer)) == (404, True)


# Refusals: what the model does before its first text becomes a status


def with_response(response):
    """Return an error as some client has it, with this response."""
    error = RuntimeError("sk-abc")
    error.response = response
    return error


class InternalServerError(exceptions.ModelAPIError):
    """OpenAI's client has a class of that name."""


REFUSALS = {
    "a rate limit": (429, failure(exceptions.ModelRateLimitError, 429, "7")),
    "a rate limit without a time": (429, failure(exceptions.ModelRateLimitError, 429)),
    "the prompt": (400, failure(exceptions.ModelInvalidRequestError, 400)),
    "a prompt too long for it": (400, failure(exceptions.ContextOverflowError, 400)),
    "the key": (502, failure(exceptions.ModelAuthenticationError, 401)),
    "the key's rights": (502, failure(exceptions.ModelPermissionDeniedError, 403)),
    "the model's name": (502, failure(exceptions.ModelNotFoundError, 404)),
    "a server's mistake": (502, failure(exceptions.ModelAPIError, 500)),
    "no connection": (502, failure(exceptions.ModelConnectionError)),
    "nonsense": (502, json.JSONDecodeError("no JSON", "<html>", 0)),
    "nonsense in lists": (502, KeyError(["unhashable"])),
    "an error whose words are a finish reason": (502, ValueError("refusal")),
    "an error whose response is none": (502, with_response(None)),
    "a class named like one of Werkzeug's": (502, InternalServerError("sk-abc")),
    "a client's own time-out": (504, failure(exceptions.ModelTimeoutError)),
}


@pytest.mark.parametrize(("status", "error"), REFUSALS.values(), ids=REFUSALS)
def test_what_the_model_refuses_with_becomes_a_status(
    client, answer_with, status, error
):
    model = answer_with("", error)
    answer = ask(client)
    assert answer.status_code == status
    assert "sk-" not in answer.text and "asked for this failure" not in answer.text
    assert answer.get_json().keys() == {"error"}
    assert model.closed.is_set()


@pytest.mark.parametrize(
    ("sent", "copied"),
    [
        ("7", "7"),
        ("", "5"),
        ("soon", "5"),
        ("-3", "5"),
        ("0", "5"),
        ("1.5", "2"),
        ("0.02", "1"),
        ("nan", "5"),
        ("1e9", "5"),
        ("9" * 5000, "5"),
        ("999999", "999999"),
        ("Wed, 21 Oct 2015 07:28:00 GMT", "5"),
        ("Wed, 99 Oct 2015", "5"),
    ],
)
def test_a_rate_limit_says_when_to_ask_again(client, answer_with, sent, copied):
    answer_with(failure(exceptions.ModelRateLimitError, 429, sent))
    answer = ask(client)
    assert answer.headers["Retry-After"] == copied
    assert f"in {copied} s" in answer.get_json()["error"]


def test_a_rate_limit_may_say_so_with_a_date(client, answer_with):
    date = http_date(time() + 3600)
    answer_with(failure(exceptions.ModelRateLimitError, 429, date))
    assert 3590 < int(ask(client).headers["Retry-After"]) <= 3600


def test_a_rate_limit_may_say_so_in_milliseconds(client, answer_with):
    limit = failure(exceptions.ModelRateLimitError, 429, "60")
    limit.response.headers["retry-after-ms"] = "1200"
    answer_with(limit)
    assert ask(client).headers["Retry-After"] == "2"


def test_an_error_is_not_what_its_words_are(client, answer_with):
    """Finish reasons are one table, exceptions another."""
    answer_with(ValueError("refusal"))
    assert ask(client).get_json()["error"] == failures.NONSENSE.sentence


def test_only_a_rate_limit_says_when_to_ask_again(client, answer_with):
    answer_with(failure(exceptions.ModelAuthenticationError, 401))
    assert "Retry-After" not in ask(client).headers


@pytest.mark.parametrize("script", [(), ("",), ("", "")], ids=["nothing", "one", "two"])
def test_an_answer_without_a_word_is_a_502(client, answer_with, script):
    answer_with(*script)
    answer = ask(client)
    assert (answer.status_code, is_a_sentence(answer)) == (502, True)


def test_a_model_that_only_ever_sends_empty_chunks_is_given_up(
    client, answer_with, monkeypatch
):
    monkeypatch.setattr(program, "ANSWER_SECONDS", 0)
    model = answer_with(*[""] * 1000)
    answer = ask(client)
    assert (answer.status_code, is_a_sentence(answer)) == (504, True)
    assert model.made < 1000


def test_a_model_silent_before_its_first_text_is_a_504(client, monkeypatch):
    monkeypatch.setattr(program, "model", PracticeModel(timeout=0.1))
    answer = ask(client, "/wait 5")
    assert (answer.status_code, is_a_sentence(answer)) == (504, True)


# Trying again, before the first text only


class Flaky(ScriptedModel):
    """A model that plays one script for each time it is asked."""

    def stream(self, prompt):
        self.asked = [*getattr(self, "asked", []), prompt]
        part = ScriptedModel(*self.script[len(self.asked) - 1])
        return part.stream(prompt)


SERVER_ERROR = failure(exceptions.ModelAPIError, 503)
LOST = failure(exceptions.ModelConnectionError)


@pytest.mark.parametrize(
    "error", [SERVER_ERROR, LOST], ids=["a 5xx", "a lost connection"]
)
def test_a_provider_that_fails_before_its_first_text_is_asked_again(
    client, monkeypatch, error
):
    model = Flaky(["", error], ["Hello"])
    monkeypatch.setattr(program, "model", model)
    assert ask(client).text == "Hello"
    assert len(model.asked) == 2


def test_it_is_asked_again_as_often_as_the_setting_says(client, monkeypatch):
    model = Flaky(*[[SERVER_ERROR]] * 9)
    monkeypatch.setattr(program, "model", model)
    monkeypatch.setattr(program, "MODEL_RETRIES", 3)
    assert ask(client).status_code == 502
    assert len(model.asked) == 4


@pytest.mark.parametrize(
    "kind",
    [
        exceptions.ModelAuthenticationError,
        exceptions.ModelRateLimitError,
        exceptions.ModelInvalidRequestError,
        exceptions.ModelTimeoutError,
    ],
)
def test_what_a_second_try_cannot_mend_is_not_tried_again(client, monkeypatch, kind):
    model = Flaky([failure(kind)], ["Hello"])
    monkeypatch.setattr(program, "model", model)
    assert ask(client).status_code != 200
    assert len(model.asked) == 1


def test_nothing_is_tried_again_after_the_first_text(client, monkeypatch):
    model = Flaky(["one", SERVER_ERROR], ["two"])
    monkeypatch.setattr(program, "model", model)
    came, error = read_until_it_breaks(ask(client))
    assert came.startswith("one\n[error: ") and error
    assert len(model.asked) == 1


# After the first text the status is spent: a last line, then the body breaks


def ended(reason, key="finish_reason"):
    """Return the last chunk of a provider that ends for this reason."""
    metadata = {key: reason} if reason else {}
    return AIMessageChunk("", response_metadata={"model_provider": "p"} | metadata)


BREAKS = {
    "an error": failure(exceptions.ModelAPIError, 500),
    "a lost connection": failure(exceptions.ModelConnectionError),
    "silence": failure(exceptions.ModelTimeoutError),
    "nonsense": json.JSONDecodeError("no JSON", "<html>", 0),
    "what would be taken for a reader who left": ConnectionResetError(),
    "what would be taken for a client's time-out": TimeoutError(),
    "the limit on length": ended("length"),
    "Anthropic's limit": ended("max_tokens", "stop_reason"),
    "the limit of OpenAI's responses": ended("incomplete", "status"),
    "the filter": ended("content_filter"),
    "Gemini's limit": ended("MAX_TOKENS"),
    "Gemini's filter": ended("SAFETY"),
    "an error for a reason": ended("error"),
    "a full context": ended("model_context_window_exceeded", "stop_reason"),
    "no finish reason": ended(None),
    "no finish reason, nor a name": AIMessageChunk(""),
    "a reason that nobody knows": ended("abort"),
    "a call of a tool": ended("tool_calls"),
}


class Unended(ScriptedModel):
    """A model whose script is all there is: no finish reason is added."""

    def stream(self, prompt):
        for chunk in super().stream(prompt):
            if chunk.response_metadata != {"finish_reason": "stop"}:
                yield chunk


@pytest.mark.parametrize("fault", BREAKS.values(), ids=BREAKS)
def test_an_answer_that_cannot_be_finished_says_why_and_breaks(
    client, monkeypatch, fault
):
    monkeypatch.setattr(program, "model", Unended("one", " two", fault))
    came, error = read_until_it_breaks(ask(client))
    text, last_line = came.split("\n", 1)
    assert text == "one two"
    assert last_line.removeprefix("[error: ").removesuffix("]\n") in SENTENCES
    assert error and not isinstance(error, OSError)
    assert "asked for this failure" not in str(error)


@pytest.mark.parametrize(
    "last",
    [
        ended("stop"),
        ended("end_turn", "stop_reason"),
        ended("completed", "status"),
        ended("STOP"),
    ],
    ids=["OpenAI", "Anthropic", "OpenAI's responses", "Gemini"],
)
def test_an_answer_that_ended_well_is_whole(client, monkeypatch, last):
    monkeypatch.setattr(program, "model", Unended("one", last))
    assert read_until_it_breaks(ask(client)) == ("one", None)


def test_an_answer_that_takes_too_long_breaks(client, answer_with, monkeypatch):
    monkeypatch.setattr(program, "ANSWER_SECONDS", 0)
    model = answer_with("one", " two", " three")
    came, error = read_until_it_breaks(ask(client))
    assert came == f"one\n[error: {failures.TOO_SLOW.sentence}]\n"
    assert error and model.made == 1 and model.closed_early


class Clock:
    """A clock that goes on only when a script says so."""

    def __init__(self):
        self.seconds = 0

    def __call__(self):
        return self.seconds

    def after(self, seconds):
        """Return a step of a script that lets so many seconds pass."""

        def step():
            self.seconds += seconds

        return step


@pytest.fixture
def clock(monkeypatch):
    """Return the clock that the app goes by."""
    clock = Clock()
    monkeypatch.setattr(program, "monotonic", clock)
    return clock


@pytest.mark.parametrize(
    ("seconds", "came"),
    [(119, "one two"), (121, f"one two\n[error: {failures.TOO_SLOW.sentence}]\n")],
)
def test_an_answer_may_take_as_long_as_the_setting_says(
    client, answer_with, clock, seconds, came
):
    answer_with("one", clock.after(seconds), " two")
    assert read_until_it_breaks(ask(client))[0] == came


def test_a_whole_answer_waits_for_nothing_more(client, answer_with, clock):
    """A model could send empty chunks for ever, after it has said why it ended."""
    model = answer_with("one", ended("stop"), clock.after(121), "", "never sent")
    came, error = read_until_it_breaks(ask(client))
    assert (came, error) == ("one", None)
    assert model.closed_early


def test_a_second_try_gets_only_the_time_that_is_left(client, monkeypatch, clock):
    model = Flaky([clock.after(100), SERVER_ERROR], [clock.after(30), "", "Hello"])
    monkeypatch.setattr(program, "model", model)
    assert ask(client).get_json()["error"] == failures.TOO_SLOW.sentence


def test_what_requests_sees_when_an_answer_breaks(server, answer_with):
    answer_with("one", " two", failure(exceptions.ModelConnectionError))
    came = b""
    with requests.post(
        f"{server}/ask", json={"prompt": "Hi"}, stream=True, timeout=LIMIT
    ) as answer:
        assert answer.status_code == 200
        with pytest.raises(requests.exceptions.ChunkedEncodingError):
            for piece in answer.iter_content(None):
                came += piece
    assert came.startswith(b"one two\n[error: ") and came.endswith(b"]\n")


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("stop", "stop"),
        ("end_turn", "stop"),
        ("EOS", "stop"),
        ("max_tokens", "length"),
        ("incomplete", "length"),
        ("SAFETY", "content_filter"),
        ("refusal", "content_filter"),
    ],
)
def test_a_wire_that_carries_a_reason_uses_openais_word_for_it(theirs, ours):
    assert failures.openai_reason({"finish_reason": theirs}, has_text=True) == ours


@pytest.mark.parametrize("reason", ["error", "abort", "tool_calls", None])
def test_what_is_no_reason_to_end_is_a_failure_on_every_wire(reason):
    with pytest.raises(failures.Unfinished):
        failures.openai_reason({"finish_reason": reason}, has_text=True)


# Hanging up on the model, and giving the slot back, whatever happens


def test_the_models_stream_is_closed_when_the_reader_leaves(server, answer_with):
    gate = threading.Event()
    model = answer_with("one", gate, *[" more"] * 100_000)
    answer = requests.post(
        f"{server}/ask", json={"prompt": "Hi"}, stream=True, timeout=LIMIT
    )
    assert next(answer.iter_content(None)) == b"one"
    answer.close()
    gate.set()
    assert model.closed.wait(LIMIT)
    assert model.closed_early and model.made < 100_000


def test_the_model_is_hung_up_on_when_the_body_is_never_read(client, answer_with):
    model = answer_with("one", " two")
    ask(client).close()
    assert model.closed_early


def test_the_model_is_hung_up_on_when_our_own_code_fails(server, answer_with):
    class Unspeakable(AIMessageChunk):
        @property
        def text(self):
            raise ZeroDivisionError

    model = answer_with("one", Unspeakable(""), " two")
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        requests.post(f"{server}/ask", json={"prompt": "Hi"}, timeout=LIMIT)
    assert model.closed.wait(LIMIT) and model.closed_early


@pytest.mark.parametrize("name", ["write", "texts"])
def test_hanging_up_does_not_wait_for_a_garbage_collector(
    client, answer_with, monkeypatch, name
):
    generator, kept = getattr(program, name), []
    monkeypatch.setattr(program, name, lambda p: kept.append(generator(p)) or kept[-1])
    model = answer_with("one", " two")
    ask(client).close()
    assert kept and model.closed_early


def test_a_slot_is_given_back_even_if_hanging_up_fails(client, monkeypatch):
    class Sticky(ScriptedModel):
        def stream(self, prompt):
            try:
                yield from super().stream(prompt)
            except GeneratorExit:
                raise RuntimeError("the connection cannot be closed") from None

    monkeypatch.setattr(program, "model", Sticky("one", " two"))
    with pytest.raises(RuntimeError):
        ask(client).close()
    # no_slot_stays_taken looks


def test_one_answer_too_many_is_a_503_and_the_place_is_free_again(
    client, answer_with, monkeypatch
):
    monkeypatch.setattr(program, "slots", threading.BoundedSemaphore(2))
    model = answer_with("one", " two")
    first, second = ask(client), ask(client)
    third = ask(client)
    assert (third.status_code, is_a_sentence(third)) == (503, True)
    assert third.headers["Retry-After"] == "5"
    assert len(model.prompts) == 2
    first.close()
    fourth = ask(client)
    assert fourth.status_code == 200
    second.close()
    fourth.close()
    assert program.slots._value == 2


class Impatient(threading.BoundedSemaphore):
    """Slots that nobody may wait for."""

    def acquire(self, blocking=True, timeout=None):
        assert not blocking and timeout is None
        return super().acquire(blocking)


def test_nobody_waits_for_a_slot(client, answer_with, monkeypatch):
    monkeypatch.setattr(program, "slots", Impatient(1))
    answer_with("one", " two")
    first = ask(client)
    assert ask(client).status_code == 503
    first.close()


# The log


def test_each_answer_is_one_line_in_the_log(client, answer_with, caplog):
    answer_with("one", " two")
    assert ask(client, "a secret").text == "one two"
    (line,) = [record.getMessage() for record in caplog.records if record.name == "app"]
    assert line.startswith("200, first text after 0.")
    assert line.endswith("2 pieces, whole")


def our_mistake():
    return {}["sk-abc"]


MISTAKE_LINE = our_mistake.__code__.co_firstlineno + 1


def test_the_log_says_when_the_first_text_came(client, answer_with, caplog, clock):
    answer_with(clock.after(2), "one", clock.after(5), " two")
    assert ask(client).text == "one two"
    assert "first text after 2.00 s, all in 7.00 s, 2 pieces, whole" in caplog.text


ENDINGS = {
    "refused": (
        ["", failure(exceptions.ModelAuthenticationError)],
        "502, no text",
        "ModelAuthenticationError",
    ),
    "broken": (
        ["one", failure(exceptions.ModelTimeoutError)],
        "200",
        "1 pieces, ModelTimeoutError",
    ),
    "our own mistake": (
        ["one", our_mistake],
        "200",
        f"1 pieces, KeyError in test_ask.py, line {MISTAKE_LINE}",
    ),
}


@pytest.mark.parametrize(("script", "status", "how"), ENDINGS.values(), ids=ENDINGS)
def test_the_log_says_how_an_answer_ended(
    client, answer_with, caplog, script, status, how
):
    answer_with(*script)
    read_until_it_breaks(ask(client))
    (line,) = [record.getMessage() for record in caplog.records if record.name == "app"]
    assert line.startswith(status) and line.endswith(how)


def test_the_break_does_not_come_together_with_the_last_line(
    client, answer_with, monkeypatch
):
    pauses = []
    monkeypatch.setattr(program, "sleep", pauses.append)
    answer_with("one", failure(exceptions.ModelTimeoutError))
    answer = ask(client)
    pieces = iter(answer.response)
    assert (next(pieces), b"[error:" in next(pieces), pauses) == (b"one", True, [])
    with pytest.raises(failures.BodyBreaks):
        next(pieces)
    assert pauses == [0.05]  # seconds
    answer.close()


def test_the_log_says_when_the_reader_left(client, answer_with, caplog):
    answer_with("one", " two")
    ask(client).close()
    assert "the reader left" in caplog.text


def test_neither_prompt_nor_the_providers_words_are_logged(client, answer_with, caplog):
    secret = exceptions.ModelAuthenticationError("Incorrect API key: sk-abc***xyz")
    answer_with(secret)
    refused = ask(client, "a secret prompt")
    answer_with("one", secret)
    came, error = read_until_it_breaks(ask(client, "a secret prompt"))
    for words in (caplog.text, refused.text, came, repr(error), repr(error.__cause__)):
        assert "sk-abc" not in words and "a secret" not in words
    # A traceback would print what an error came from, and with it the provider's words.
    assert error.__suppress_context__
    with program.app.test_request_context(), pytest.raises(HTTPException) as refusal:
        answer_with(secret)
        next(program.write("a secret prompt"))
    assert refusal.value.__suppress_context__


# The page's own answer


def test_the_page_names_the_model_and_allows_nothing_but_its_own(client, answer_with):
    answer_with("Hello").name = "openai:<b>"
    page = client.get("/")
    assert page.status_code == 200 and "openai:&lt;b&gt;" in page.text
    rules = dict(
        rule.strip().split(" ", 1)
        for rule in page.headers["Content-Security-Policy"].split(";")
    )
    assert rules.pop("default-src") == rules.pop("base-uri") == "'none'"
    assert rules.pop("form-action") == "'none'"
    assert set(rules) >= {
        "script-src",
        "style-src",
        "connect-src",
        "img-src",
    }
    assert rules["frame-ancestors"] == "'self'"
    assert page.headers["X-Content-Type-Options"] == "nosniff"
    assert set(rules.values()) == {"'self'"}

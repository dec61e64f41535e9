"""One answer on OpenAI's wire; check.js reads it in the page."""

import gc
import json
import os
import re
from contextlib import suppress
from importlib import import_module
from threading import Event
from time import time
from types import GeneratorType

import pytest
from langchain_core.exceptions import ModelConnectionError, ModelRateLimitError
from langchain_core.messages import AIMessageChunk

from lessons.course.for_checks.failing_model import SECRET, must_not_be_our_own
from lessons.course.for_checks.loading import load
from lessons.course.for_checks.plain_text import ANSWER, TEXTS
from lessons.course.for_checks.quoting import short
from lessons.course.for_checks.scripted_model import End, ScriptedModel
from lessons.course.for_checks.still_there import (
    a_conversation_that_is_too_large_is_refused,
    a_foreign_name_gets_nothing,
    a_foreign_page_gets_nothing,
    headers_are_still_there,
)
from lessons.course.for_checks.watched_key import must_not_be_compared

PATIENCE = 5  # seconds
STOPPED = {"finish_reason": "stop"}
A_DAY = 24 * 60 * 60  # seconds
LONGEST = 120  # seconds that a client may wait for a silent server
PATH = "/v1/chat/completions"
KEY = os.environ.get("SERVER_KEY") or "sk-practice"
MESSAGE = {"role": "user", "content": "Hello?"}
TURNS = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "Hello?"},
    {"role": "assistant", "content": "Hi."},
    {"role": "user", "content": "And you?"},
]
STATUS = {
    308: "End the view's address in completions, without a slash.",
    401: "The key was the right one, so the request must reach the view.",
    502: "Something broke before the first text. Read the log for the line.",
}
HEAD = {"id": str, "object": str, "created": int, "model": str}
KINDS = {str: "a string", int: "a whole number, as in int(time())"}
HINTS = {  # what Python says of some mistakes, and what to do
    "values to unpack": (
        "partition returns three texts: what is before the space, the space, and what"
        " is after it."
    ),
    "a bytes-like object is required": (
        "compare_digest compares bytes with bytes: encode both keys."
    ),
}
EVENT = r'f"data: {json.dumps(message)}\n\n"'


@pytest.fixture
def chat(answer_with, client, caplog):
    """Ask for a scripted answer; return the model and the answer."""

    def post(*script, key=KEY, **fields):
        model = answer_with(*script)
        question = {"model": "practice", "messages": [MESSAGE], **fields}
        headers = {"Authorization": f"Bearer {key}"}
        try:
            answer = client.post(PATH, json=question, headers=headers)
        except (TypeError, ValueError) as error:
            for words, hint in HINTS.items():
                if words in str(error):
                    error.add_note(hint)
            raise
        if answer.status_code == 500:
            must_not_be_our_own(answer.text, caplog.messages)
        return model, answer

    return post


def events(text):
    """Return the text after data: in each event, as an OpenAI client reads it."""
    text = text.replace("\r\n", "\n")
    assert text.endswith("\n\n"), (
        f"The stream ends in {text[-20:]!r}. Expected an empty line, which is two line"
        f" ends, after each event: {EVENT}."
    )
    found = []
    for each in text.split("\n\n"):
        lines = [line for line in each.split("\n") if line and line[0] != ":"]
        if not lines:
            continue
        assert len(lines) == 1 and lines[0].startswith("data:"), (
            f"One event of the stream is {each[:20]!r}..., with {len(lines)} lines."
            f" Expected one line: data: and an object in JSON, {EVENT}."
        )
        found.append(lines[0].removeprefix("data:").strip())
    return found


def chunks(text):
    """Return the objects of a stream."""
    found = []
    for each in events(text):
        if each == "[DONE]":
            continue
        try:
            chunk = json.loads(each)
        except ValueError:
            raise AssertionError(
                f"Expected JSON after data:, got {short(each)}. Write {EVENT}."
            ) from None
        assert chunk != "[DONE]", (
            'The stream ends in "[DONE]" with quotes around it. [DONE] is not JSON:'
            ' send it without event(), as "data: [DONE]\\n\\n".'
        )
        assert isinstance(chunk, dict) and chunk.keys() & {"choices", "error"}, (
            f"One chunk of the stream is {short(each)}. Expected an object with"
            ' "choices", a list of one object.'
        )
        assert isinstance(chunk.get("choices", []), list), (
            'The "choices" of a chunk are '
            f"{short(chunk['choices'])}. Expected a list of one object."
        )
        for choice in chunk.get("choices", []):
            names = {"index", "delta", "finish_reason"}
            assert isinstance(choice, dict) and choice.keys() >= names, (
                f"One choice of the stream is {choice!r}. Expected index, delta and"
                " finish_reason, which is None until the end."
                f"{IN_A_LIST if isinstance(choice, str) else ''}"
                f"{NO_LIST if isinstance(choice, list) else ''}"
            )
        found.append(chunk)
    return found


NO_LIST = " choice() returns that object itself, not in a list: write() makes the list."
IN_A_LIST = (
    " chain joins lists and generators. Put the first step in a list:"
    " chain([first_step], steps)."
)


def choices(text):
    """Return the choices of a stream, chunk by chunk."""
    return [choice for chunk in chunks(text) for choice in chunk.get("choices", [])]


def said(text):
    """Return what the deltas of a stream say."""
    contents = [choice["delta"].get("content") or "" for choice in choices(text)]
    for content in contents:
        assert isinstance(content, str), (
            f"The content of a delta is {short(content)}. Expected text: chunk.text is"
            " always text."
        )
    return "".join(contents)


def said_so_far(text):
    """Return what the deltas say in those events of a stream that have come whole."""
    whole, _, _ = text.replace("\r\n", "\n").rpartition("\n\n")
    return said(f"{whole}\n\n") if whole else ""


def reason(text):
    """Return why a streamed answer ended: its last finish_reason."""
    reasons = [choice["finish_reason"] for choice in choices(text)]
    return reasons[-1] if reasons else None


def read(answer):
    """Return all that arrives of a stream, and the error that broke it, or None."""
    came = b""
    broke = None
    try:
        for piece in answer.iter_encoded():
            came += piece
    except Exception as error:
        broke = error
    return came.decode(), broke


def error_of(answer, status, what, advice):
    """Return the error in a refusal, which has to have OpenAI's shape."""
    assert answer.status_code == status, (
        f"{what}. Expected status {status}, got {answer.status_code}. {advice}."
    )
    error = (answer.get_json(silent=True) or {}).get("error")
    names = {"message", "type", "param", "code"}
    assert isinstance(error, dict) and names <= set(error), (
        f"{what}, and the body is {short(answer.text)}"
        '. OpenAI\'s clients expect {"error": {"message", "type", "param",'
        ' "code"}}. Raise an HTTP error: errors.py makes that body from it.'
    )
    return error


# The stream


def test_an_answer_is_a_stream_of_chunks(chat, caplog):
    _, answer = chat("one", " two", stream=True)
    assert answer.status_code not in (404, 405), (
        f"POST {PATH} returned status {answer.status_code}: no view has that address"
        f' yet. Write @app.post("{PATH}"), and below it a function that returns a'
        " Response."
    )
    advice = STATUS.get(answer.status_code, f"The body is {short(answer.text)}.")
    assert answer.status_code == 200, (
        f"POST {PATH}: expected status 200, got {answer.status_code}. {advice}"
    )
    assert answer.mimetype == "text/event-stream", (
        f"Expected Content-Type text/event-stream, got {answer.mimetype}. Write"
        ' Response(..., mimetype="text/event-stream").'
    )
    text = answer.text
    assert text, (
        "The stream is empty. If the view closes the generator, nothing is left to"
        " send: write call_on_close(steps.close), without () after close."
    )
    must_not_be_our_own(text, caplog.messages)
    assert choices(text), (
        f"The stream is {short(text)}, and no chunk in it has a choice. The model wrote"
        ' two texts: send each as a chunk with "choices".'
    )
    assert said(text), (
        "No delta in the stream has text. Yield a choice for each chunk.text. If the"
        " view closes the generator with steps.close(), no text is left: write"
        " steps.close, without ()."
    )
    assert "error" not in chunks(text)[-1] or said(text) == "one two", (
        f"The model wrote 'one two', and after {said(text)!r} the stream ends in an"
        " error. Call require_whole and openai_reason below the loop, and not in it:"
        " the last chunk says why the answer ended."
    )
    assert said(text) == "one two", (
        f"The model wrote 'one two', and the deltas say {said(text)!r}. Send each text"
        ' once and as it is, as the "content" of a delta.'
    )


def test_the_answer_is_what_the_model_wrote(chat):
    seen = said(chat("\n", *TEXTS, stream=True)[1].text)
    assert seen == f"\n{ANSWER}", (
        f"The model wrote {short(f'{chr(10)}{ANSWER}')}, and the deltas say"
        f" {short(seen)}. Spaces and line ends are part of the text. Send chunk.text as"
        " it is."
    )
    found = chat("\n", *TEXTS)[1].get_json(silent=True)
    try:
        seen = found["choices"][0]["message"]["content"]
    except (LookupError, TypeError):
        return  # another check says what a whole answer has to be
    assert seen == f"\n{ANSWER}", (
        f"The model wrote {short(f'{chr(10)}{ANSWER}')}, and the whole answer says"
        f" {short(seen)}. Join the texts as they are."
    )


def test_an_answer_in_blocks_is_text_too(chat):
    block = AIMessageChunk([{"type": "text", "text": "one"}])
    seen = said(chat(block, " two", stream=True)[1].text)
    assert seen == "one two", (
        "The model wrote 'one two', with the first text in a list of blocks, as some"
        f" models send it. The deltas say {short(seen)}. Send chunk.text, which is"
        " always text."
    )


def test_the_first_piece_leaves_before_the_second_is_made(chat):
    came_first = Event()
    late = []
    came = ""

    def go_on():
        if not came_first.wait(PATIENCE):
            late.append("one")

    model, answer = chat("one", go_on, " two", stream=True)
    for piece in answer.iter_encoded():
        came += piece.decode()
        if said_so_far(came) == "one":
            came_first.set()
    assert not model.invoked, (
        "The program called model.invoke(), which waits for the whole answer. Loop over"
        " model.stream(turns), and yield a choice for each chunk.text."
    )
    assert not late, (
        "The model had written 'one' and was waiting, but nothing had reached the"
        " client: something in the program collects the answer. Yield an event for each"
        " text as soon as it is made."
    )


def test_the_first_chunk_says_who_speaks(chat):
    text = chat("one", " two", stream=True)[1].text
    first, *others = choices(text)
    assert first["delta"].get("role") == "assistant", (
        f"The first delta is {first['delta']}"
        '. Expected it to name the role: {"role": "assistant", "content": ""}.'
    )
    assert isinstance(first["delta"].get("content"), str), (
        f"The first delta is {first['delta']}, without a content. Many clients add up"
        ' the contents: send {"role": "assistant", "content": ""}.'
    )
    again = [each["delta"] for each in others if each["delta"].get("role")]
    assert not again, (
        f"A later delta names the role again: {again[0]}. Send the role only in the"
        " first delta."
    )


def test_a_chunk_without_text_sends_nothing(chat):
    text = chat("one", "", " two", stream=True)[1].text
    _, *others = choices(text)
    empty = [each for each in others if each["delta"].get("content") == ""]
    assert not empty, (
        "The model wrote 'one', an empty chunk and ' two'. Of the choices after the"
        f" first, one is {empty[0]}. Yield no choice for a chunk without text. Only the"
        " choice at the end has an empty delta, {}."
    )


def test_the_last_chunk_says_why_the_answer_ended_and_done_follows(chat, caplog):
    """The last chunk says why the answer ended, and [DONE] follows."""
    text = chat("one", " two", stream=True)[1].text
    must_not_be_our_own(text, caplog.messages)
    assert "error" not in chunks(text)[-1], (
        "The model finished its answer, but the last event is an error. Keep the"
        " metadata of all chunks for openai_reason: one of the last says why it ended."
    )
    assert reason(text) == "stop", (
        'The model finished its answer. Expected the last finish_reason "stop", got'
        f" {reason(text)!r}. After the texts, send one more choice with an empty delta"
        " and openai_reason(metadata, has_text)."
    )
    early = [each for each in choices(text)[:-1] if each["finish_reason"]]
    assert not early, (
        f"A choice before the last is {early[0]}. Its finish_reason must be None,"
        " because the answer goes on."
    )
    script = "one", AIMessageChunk(" two", response_metadata=STOPPED)
    text = chat(*script, stream=True)[1].text
    reasons = [each["finish_reason"] for each in choices(text)]
    assert reasons[-1:] == ["stop"] and not any(reasons[:-1]), (
        "The model's last text came with its finish reason. Expected a finish_reason in"
        f" the last choice only, got {reasons}. Send it once, after the texts."
    )
    assert events(text)[-1] == "[DONE]", (
        'Expected "data: [DONE]\\n\\n" as the last event, got'
        f" {short(events(text)[-1])}. Clients wait for it."
    )
    assert events(text).count("[DONE]") == 1, (
        "The stream contains [DONE] more than once. Send it once, at the end."
    )


def change_the_clock(program, monkeypatch, now):
    """Let the program's time() return that; return whether it has a time()."""
    if callable(getattr(program, "time", None)):
        monkeypatch.setattr(program, "time", lambda: now)
        return True
    return False


def test_all_chunks_of_an_answer_have_the_same_head(chat, program, monkeypatch):
    found = chunks(chat("one", " two", stream=True)[1].text)
    for name in HEAD:
        missing = [each for each in found if name not in each]
        assert not missing, (
            f'A chunk of the stream has only {sorted(missing[0])}. Expected "{name}" in'
            " each chunk, too."
        )
    for name, kind in HEAD.items():
        other = [each[name] for each in found if type(each[name]) is not kind]
        assert not other, (
            f'A chunk of the stream has "{name}": {short(other[0])}. Expected'
            f" {KINDS[kind]}: clients in other languages accept nothing else."
        )
    ids = {each["id"] for each in found}
    assert len(ids) == 1, (
        f"One answer came in {len(found)} chunks with {len(ids)} ids. The id tells a"
        " client which answer a chunk belongs to. Make the head once, before the loop."
    )
    objects = {each["object"] for each in found}
    assert objects == {"chat.completion.chunk"}, (
        f'The chunks have "object": {sorted(objects)}. Expected'
        ' "chat.completion.chunk".'
    )
    made = found[0]["created"]
    assert abs(made - time()) < A_DAY, (
        f'The chunks have "created": {made}. Expected the time in seconds since 1970,'
        f" now {int(time())}: use int(time())."
    )
    has_clock = change_the_clock(program, monkeypatch, made + 60.5)
    made_later = chunks(chat("one", stream=True)[1].text)[0]["created"]
    assert not has_clock or made_later == made + 60, (
        'An answer began a minute later, and its chunks have "created": '
        f"{made_later}."
        f" Expected {made + 60}. Call time() in head(), for each answer."
    )
    other = chunks(chat("one", stream=True)[1].text)
    assert other[0]["id"] not in ids, (
        f"Two answers have the same id, {other[0]['id']!r}. Make a new id for each"
        " answer, with uuid4()."
    )


def test_the_whole_conversation_reaches_the_model(chat):
    model, answer = chat("one", messages=TURNS, stream=True)
    answer.get_data()  # a stream that nobody reads asks no model
    wanted = [(turn["role"], turn["content"]) for turn in TURNS]
    seen = model.prompts[0] if model.prompts else None
    assert seen == wanted, (
        f"The client sent the messages {wanted}, and the model got {seen}. Pass it all"
        " messages with their roles: question.turns()."
    )


def test_an_answer_can_be_sent_whole(chat):
    _, answer = chat("one", " two")
    found = answer.get_json(silent=True) or {}
    assert answer.status_code == 200, (
        f'Without "stream": true, expected status 200, got {answer.status_code}.'
        f" {STATUS.get(answer.status_code, short(answer.text))}"
    )
    assert isinstance(found, dict) and found.get("choices"), (
        'Without "stream": true, expected one object with "choices", got'
        f" {short(answer.text)}. Return a dict, which Flask sends as JSON."
    )
    choice = found["choices"][0]
    message = choice.get("message")
    message = message if isinstance(message, dict) else {}
    assert choice.get("index") == 0, (
        f"In the whole answer, choices[0] is {choice}. Expected the index 0, as in a"
        " chunk."
    )
    seen = message.get("content"), message.get("role"), choice.get("finish_reason")
    assert seen == ("one two", "assistant", "stop"), (
        "The model wrote 'one two' and stopped. In the whole answer, choices[0] is"
        f' {choice}. Expected a "message" with the role assistant and the content, and'
        ' a "finish_reason".'
    )
    answer = chat("one", End(finish_reason="length"))[1]
    assert answer.status_code == 200, (
        "The model wrote 'one' and reached its limit. For the whole answer, expected"
        f" status 200, got {answer.status_code}. Call require_whole only if no text"
        " came: it raises for length, too."
    )
    cut = answer.get_json(silent=True) or {}
    why = cut["choices"][0].get("finish_reason") if cut.get("choices") else None
    assert why == "length", (
        'The model reached its limit. Expected "length" as the finish_reason of the'
        f" whole answer, got {why!r}. Take it from the last step."
    )
    assert found.get("object") == "chat.completion", (
        'The whole answer has "object": '
        f"{found.get('object')!r}"
        '. Expected "chat.completion".'
    )


# Who may ask, and whom


def test_the_server_names_its_model(client):
    headers = {"Authorization": f"Bearer {KEY}"}
    answer = client.get("/v1/models", headers=headers)
    found = answer.get_json(silent=True) or {}
    assert answer.status_code == 200, (
        f"GET /v1/models: expected status 200, got {answer.status_code}. Clients ask"
        " there for the names of the models. Write a view for it."
    )
    assert isinstance(found, dict) and found.get("object") == "list", (
        f"GET /v1/models answers {short(answer.text)}. Expected an object whose"
        ' "object" is "list" and whose "data" is the list.'
    )
    listed = found.get("data") if isinstance(found, dict) else None
    is_list = isinstance(listed, list) and all(isinstance(m, dict) for m in listed)
    names = [each.get("id") for each in listed] if is_list else []
    assert names == ["practice"], (
        f'GET /v1/models answers {short(answer.text)}. Expected "data" to be a list of'
        ' one object with the "id" "practice".'
    )


def test_a_request_for_an_unknown_model_gets_a_404(chat):
    what = "The client asked for the model gpt-4"
    advice = (
        "Call show_model(question.model), which raises it, before you ask the model"
    )
    model, answer = chat("one", model="gpt-4")
    error_of(answer, 404, what, advice)
    assert not model.prompts, (
        f"{what}, which this server does not have, but the program asked its own model."
        f" {advice}."
    )


WRONG_KEYS = {
    "sk-wrong": "another one",
    KEY[:-1]: "the right one without its last character",
    KEY[0]: "the right one's first character",
    f"{KEY}x": "the right one with one more character",
    f"x{KEY}": "the right one with a character before it",
    "": "an empty one",
    "sk-pr\u00e4ctice": "one with an \u00e4 in it",
}


def test_a_request_without_the_key_is_refused(chat, client):
    advice = (
        "Compare the whole key in a function below @app.before_request, and raise a"
        " Refusal(401, ...)"
    )
    for key, which in WRONG_KEYS.items():
        what = f"The key was {which}, {key!r}"
        try:
            model, answer = chat("one", key=key)
        except Exception as error:
            if "comparing strings" in str(error):
                error.add_note(f"{what}. Compare bytes: call encode() on both keys.")
                raise
            error.add_note(
                f"{what}. Split the header with partition, and compare bytes."
            )
            raise
        error_of(answer, 401, what, advice)
        assert not model.prompts, f"{what}, but the program asked the model."
    what = "The request had no Authorization header"
    try:
        answers = [client.post(PATH, json={})]
        answers += [client.get(path) for path in ("/v1/models", "/v1/models/practice")]
    except Exception as error:
        read = 'Read it with request.headers.get("...", "").'
        if isinstance(error, IndexError | ValueError):
            read = 'Split it with partition(" "), which always returns three parts.'
        error.add_note(f"{what}. {read}")
        raise
    error_of(answers[0], 401, what, advice)
    error_of(answers[1], 401, f"{what}, and asked for /v1/models", advice)
    error_of(answers[2], 401, f"{what}, and asked for /v1/models/practice", advice)
    assert answers[0].json["error"]["code"] == "invalid_api_key", (
        f"{what}. Expected the error's code 'invalid_api_key', got"
        f" {answers[0].json['error']['code']!r}. Clients look at this code: give"
        ' Refusal the error_code="invalid_api_key".'
    )
    for each in answers:
        assert KEY not in each.text, (
            f"The refusal {each.get_json(silent=True)!r} contains the right key, so"
            " anybody can read it. Say only that the key is wrong."
        )
    status = client.get("/").status_code
    assert status == 200, (
        f"The page at / got status {status} without a key. A browser that opens a page"
        " has no key to send. Require the key only for addresses below /v1/."
    )


def test_the_key_is_the_one_in_the_settings(folder, monkeypatch):
    monkeypatch.setenv("SERVER_KEY", "sk-another")
    started = load(folder, ScriptedModel("one")).app.test_client()
    for key, status in ("sk-practice", 401), ("sk-another", 200):
        headers = {"Authorization": f"Bearer {key}"}
        seen = started.get("/v1/models", headers=headers).status_code
        assert seen == status, (
            f"SERVER_KEY was sk-another in .env, and the client sent the key {key}."
            f" Expected status {status}, got {seen}. Compare with SERVER_KEY."
        )


def test_a_guess_is_not_told_how_much_of_it_is_right(folder, monkeypatch):
    """The time that a wrong key takes does not show how much of it is right."""

    def guess():
        headers = {"Authorization": f"Bearer {KEY[:-1]}?"}
        started = load(folder, ScriptedModel("one"))
        started.app.test_client().get("/v1/models", headers=headers)

    must_not_be_compared(monkeypatch, KEY, guess)


# How it ends


@pytest.fixture
def in_the_log(caplog, capsys):
    """Return a function: what the program has logged or printed since its last call."""

    def read_log():
        printed = capsys.readouterr()
        print(printed.out, end="")  # so that a red check shows it all the same
        logged = caplog.text
        caplog.clear()
        return logged + printed.out + printed.err

    return read_log


def must_not_be_told(answer_text, log, what):
    """Fail if the client or the log got the provider's own words."""
    for place, words in ("client", answer_text), ("log", log):
        assert SECRET not in words, (
            f"{what}, and the {place} gets the provider's own words, {SECRET!r}. They"
            " can contain part of the key. Use sentence_for(error) or http_error(error)"
            " for the client, and log_name(error) for the log."
        )


def must_be_logged(error, log, what):
    """Fail if the log does not name the class of the model's error."""
    assert error.__name__ in log, (
        f"{what}, and nothing was logged about it. Expected the log to name the"
        f" {error.__name__}. Write app.logger.warning(log_name(error)) where you catch"
        " the error."
    )


EARLY = {
    "before its first text": [],
    "after an empty chunk, before its first text": [""],
}


def test_a_failure_before_the_first_text_becomes_an_error_status(chat, in_the_log):
    for when, script in EARLY.items():
        for stream in True, False:
            what = f'The model raised a ModelRateLimitError {when} ("stream": {stream})'
            try:
                _, answer = chat(*script, ModelRateLimitError(SECRET), stream=stream)
                answer.get_data()
            except Exception:
                raise AssertionError(
                    f"{what}, and the program did not turn that into a response. In the"
                    " view, wait for the first step with next() in a try, and raise"
                    " http_error(error) from None."
                ) from None
            log = in_the_log()
            must_not_be_told(answer.text, log, what)
            advice = (
                "Yield the first step when there is text, wait for it in the view with"
                " next(), and raise http_error(error) from failures.py"
            )
            error_of(answer, 429, what, advice)
            assert "Retry-After" in answer.headers, (
                f"{what}, but the answer has no Retry-After header, which says when to"
                " ask again. Raise http_error(error), which sets it."
            )
            must_be_logged(ModelRateLimitError, log, what)


def test_a_whole_answer_that_breaks_off_becomes_an_error_status(chat, in_the_log):
    what = "The model failed after 'one', and the client wanted the whole answer"
    try:
        _, answer = chat("one", ModelConnectionError(SECRET))
    except Exception:
        raise AssertionError(
            f"{what}. The program did not turn the error into a response. Read the"
            " whole answer inside the try, and raise http_error(error) from None."
        ) from None
    advice = (
        "Read the whole answer inside the try, and raise http_error(error) from None"
    )
    error_of(answer, 502, what, advice)
    log = in_the_log()
    must_not_be_told(answer.text, log, what)
    must_be_logged(ModelConnectionError, log, what)


def test_why_the_model_ended_is_said_in_openais_words(chat):
    """The finish reason is one of OpenAI's words."""
    for name, theirs, ours in (
        ("finish_reason", "length", "length"),
        ("stop_reason", "max_tokens", "length"),
        ("stop_reason", "end_turn", "stop"),
        ("finish_reason", "content_filter", "content_filter"),
    ):
        text, _ = read(chat("one", End(**{name: theirs}), stream=True)[1])
        assert reason(text) == ours, (
            f'The model stopped with the {name} "{theirs}". Expected the last'
            f" finish_reason {ours!r}, got {reason(text)!r}. Keep the response_metadata"
            " of all chunks for openai_reason, and do not call require_whole once there"
            " was text."
        )


def test_a_failure_in_mid_answer_is_the_last_event(chat, in_the_log):
    """A failure in mid-answer is the last event."""
    text, broke = read(chat("one", ModelConnectionError(SECRET), stream=True)[1])
    what = "The model failed after 'one'"
    was_told = '"error"' in text  # after that a body may well break off
    if broke and not was_told and not isinstance(broke, ModelConnectionError):
        broke.add_note(
            f"{what}. While your program was reporting that, this exception broke the"
            " stream."
        )
        raise broke  # by a mistake in how the failure is reported
    assert said(text) == "one", (
        f"{what}, and the client got {said(text)!r}. Keep the text that has been sent."
    )
    assert events(text)[-1] != "[DONE]", (
        f"{what}, but the stream ends in [DONE], like a complete answer. Send nothing"
        " after the error."
    )
    last = chunks(text)[-1]
    assert isinstance(last.get("error"), dict) and last["error"].get("message"), (
        f'{what}, and the last event has the fields {sorted(last)}. Expected {{"error":'
        ' {"message": ...}}, which clients raise.'
    )
    assert "choices" not in last, (
        f"{what}, and the last event has the fields {sorted(last)}. An error takes the"
        " place of the choices: send what openai_error returns, alone."
    )
    log = in_the_log()
    must_not_be_told(text, log, what)
    must_be_logged(ModelConnectionError, log, what)
    kind = last["error"].get("type")
    assert kind != "invalid_request_error", (
        f"{what}, and the error's type is {kind!r}, which blames the client's request."
        " Pass openai_error the status failure_of(error).status."
    )
    text, _ = read(chat("one", ModelRateLimitError(SECRET), stream=True)[1])
    kind = (chunks(text)[-1].get("error") or {}).get("type")
    assert kind == "rate_limit_error", (
        "The model failed after 'one', because its provider had too many questions."
        f" Expected the error's type 'rate_limit_error', got {kind!r}. Pass"
        " openai_error the status failure_of(error).status."
    )


LAST = AIMessageChunk("", response_metadata=STOPPED)


def test_an_error_after_the_finish_reason_does_not_break_a_complete_answer(chat):
    for stream in True, False:
        _, answer = chat("one", LAST, ModelConnectionError(SECRET), stream=stream)
        text, _ = read(answer)
        assert '"stop"' in text and '"error"' not in text, (
            "The model wrote 'one' and its finish reason, and then the connection"
            f" broke. All the text had arrived, but the client got {short(text)}. Loop"
            " over ignoring_late_errors(chunks) from failures.py."
        )


def test_an_answer_that_was_cut_off_does_not_look_complete(chat):
    text, _ = read(chat("one", End(), stream=True)[1])
    what = "The model's stream ended without a finish reason, so the answer was cut off"
    assert reason(text) is None, (
        f"{what}, but the client got the finish_reason {reason(text)!r}. That is a"
        " failure: openai_reason raises it."
    )
    assert events(text)[-1] != "[DONE]", (
        f"{what}, but the stream ends in [DONE], like a complete answer. Send an error"
        " as the last event."
    )
    for reason_given in "stop", "length":
        _, answer = chat(End(finish_reason=reason_given))
        what = (
            f'The model ended without any text, with the finish reason "{reason_given}"'
        )
        error_of(
            answer,
            502,
            what,
            "An answer without text is a failure: make require_whole raise it",
        )


@pytest.mark.usefixtures("kept")
def test_the_models_stream_is_closed_when_the_reader_leaves(chat):
    """The model's stream is closed when the reader leaves."""
    model, answer = chat("one", " two", " three", stream=True)
    next(answer.iter_encoded())
    # Held, as a debugger does, so that none of them is closed by chance.
    held = [each for each in gc.get_objects() if isinstance(each, GeneratorType)]
    answer.close()
    assert held
    assert model.closed.wait(PATIENCE), (
        "The reader left after the first piece, but the model's stream stayed open."
        " Loop over it inside with closing(model.stream(...)), and call"
        " response.call_on_close(steps.close) in the view, because chain does not"
        " close."
    )
    assert model.closed_early, (
        "The reader left after the first piece, but the program read the whole answer,"
        " and you pay for that. Close the steps, and read no more of them."
    )


# What every lesson after the eighth keeps


def test_the_headers_and_limits_from_lesson_08_still_apply(client, answer_with):
    """The headers and limits from lesson 08 still apply."""
    headers = {"Authorization": f"Bearer {KEY}"}
    question = {"model": "practice", "messages": [MESSAGE], "stream": True}
    asked = {"address": PATH, "question": question, "headers": headers}
    headers_are_still_there(client, answer_with, keep="what keep_nothing sets", **asked)
    a_conversation_that_is_too_large_is_refused(
        client, answer_with, PATH, headers=headers
    )
    a_foreign_name_gets_nothing(client, answer_with, **asked)
    a_foreign_page_gets_nothing(client, answer_with, **asked)


# The client


@pytest.fixture
def waits(monkeypatch):
    """Return a list that gets how long a client waits for each answer: seconds."""
    found = []

    def note_all(name, client):
        """Let each request that this class of a package sends be noted."""
        kind = getattr(import_module(name), client)
        send = kind.send

        def noting(self, request, **words):
            extensions = getattr(request, "extensions", {})
            timeout = words.get("timeout", extensions.get("timeout"))
            if isinstance(timeout, dict):  # as httpx2 has it
                timeout = timeout["read"]
            if isinstance(timeout, tuple):  # as requests may: to connect, to read
                timeout = timeout[1]
            found.append(timeout)
            return send(self, request, **words)

        monkeypatch.setattr(kind, "send", noting)

    for name, client in ("httpx2", "Client"), ("requests", "Session"):
        with suppress(ImportError):  # then it is not what the client uses
            note_all(name, client)
    return found


def test_client_py_keeps_what_came_and_says_how_it_ended(
    run_client, serve, program, answer_with, waits
):
    """client.py keeps the text that has arrived, and says how the answer ended."""
    url = f"{serve(program.app)}/v1"
    answer_with("one", " two")
    shown = run_client(url)
    assert "one two" in shown and "stop" in shown, (
        "The server answered 'one two' with the finish_reason 'stop'. Expected"
        f" client.py to show both, got {shown.strip()!r}."
    )
    too_long = [seconds for seconds in waits if seconds is None or seconds > LONGEST]
    assert not too_long, (
        f"Expected a timeout of at most {LONGEST} seconds, got {too_long[0]}. A server"
        " that fell silent would keep client.py waiting. Write OpenAI(timeout=30)."
    )
    answer_with("one", ModelConnectionError(SECRET))
    try:
        shown = run_client(url)
    except Exception as error:
        error.add_note(
            "The model failed after 'one'. Catch the exception, and say that the answer"
            " is incomplete."
        )
        raise
    words = re.sub("one", "", shown, count=1).strip()
    assert "one" in shown and "stop" not in shown and len(words) > 3, (
        f"The model failed after 'one', and client.py shows {shown.strip()!r}. Keep the"
        " text that has arrived, and say that it is incomplete."
    )


NO_CHOICES = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m"}


def test_client_py_reads_a_chunk_without_choices(run_client, serve):
    """client.py keeps reading after a chunk that has no choices."""

    def server(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/event-stream")])
        delta = {"index": 0, "delta": {"content": "one"}, "finish_reason": "stop"}
        for found in [], [delta], []:
            chunk = NO_CHOICES | {"choices": found}
            yield f"data: {json.dumps(chunk)}\n\n".encode()
        yield b"data: [DONE]\n\n"

    note = (
        'The server sent a chunk with "choices": [], as it does for the usage. Loop'
        " over chunk.choices instead of using choices[0]."
    )
    try:
        shown = run_client(f"{serve(server)}/v1")
    except Exception as error:
        error.add_note(note)
        raise
    assert "one" in shown, f"client.py shows {shown.strip()!r}. {note}"

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

from lessons.course.for_checks.failing_model import SECRET
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
A_DAY = 24 * 60 * 60  # seconds
LONGEST = 120  # seconds that a client may wait for a server that says nothing
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
    308: "let the address of the view end in completions, without a slash.",
    401: "the key was the right one, so let the view be called.",
    502: "something broke before the first text, and the log below says where.",
}
HEAD = {"id": str, "object": str, "created": int, "model": str}
KINDS = {str: "a text", int: "a whole number, as in int(time())"}
EVENT = r'f"data: {json.dumps(message)}\n\n"'


@pytest.fixture
def chat(answer_with, client):
    """Ask for a scripted answer; return the model and the answer."""

    def post(*script, key=KEY, **fields):
        model = answer_with(*script)
        question = {"model": "practice", "messages": [MESSAGE], **fields}
        headers = {"Authorization": f"Bearer {key}"}
        return model, client.post(PATH, json=question, headers=headers)

    return post


def events(text):
    """Return the text after data: in each event, as an OpenAI client reads it."""
    text = text.replace("\r\n", "\n")
    assert text.endswith("\n\n"), (
        f"The stream ends in {text[-20:]!r}: an event ends in an empty line, which is"
        f" two line ends, {EVENT}."
    )
    found = []
    for each in text.split("\n\n"):
        lines = [line for line in each.split("\n") if line and line[0] != ":"]
        if not lines:
            continue
        assert len(lines) == 1 and lines[0].startswith("data:"), (
            f"One event of the stream is {each[:20]!r}..., of {len(lines)} lines: it"
            f" has to be data: and an object in JSON on one line, {EVENT}."
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
                f"After data: comes {short(each)}, which is not JSON: write {EVENT}."
            ) from None
        assert chunk != "[DONE]", (
            'The stream ends in "[DONE]", with quotes around it: it is no JSON, so'
            r' write it without event(), "data: [DONE]\n\n".'
        )
        assert isinstance(chunk, dict) and chunk.keys() & {"choices", "error"}, (
            f'One chunk of the stream is {short(each)}: it has to have "choices", a'
            " list with one object."
        )
        assert isinstance(chunk.get("choices", []), list), (
            f'The "choices" of a chunk are {short(chunk["choices"])}: they are a list'
            " with one object."
        )
        for choice in chunk.get("choices", []):
            names = {"index", "delta", "finish_reason"}
            assert isinstance(choice, dict) and choice.keys() >= names, (
                f"One choice of the stream is {choice!r}: it has an index, a delta and"
                " a finish_reason, which is None until the end."
            )
        found.append(chunk)
    return found


def choices(text):
    """Return the choices of a stream, one chunk's after the other's."""
    return [choice for chunk in chunks(text) for choice in chunk.get("choices", [])]


def said(text):
    """Return what the deltas of a stream say."""
    contents = [choice["delta"].get("content") or "" for choice in choices(text)]
    for content in contents:
        assert isinstance(content, str), (
            f"The content of a delta is {short(content)}: it has to be a text, and"
            " chunk.text always is one."
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
    """Return all that comes of a stream, and what it broke off with, or None."""
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
        f"{what}, and the status is {answer.status_code}, expected {status}: {advice}."
    )
    error = (answer.get_json(silent=True) or {}).get("error")
    names = {"message", "type", "param", "code"}
    assert isinstance(error, dict) and names <= set(error), (
        f"{what}, and the body is {short(answer.text)}: OpenAI's clients look for"
        ' {"error": {"message", "type", "param", "code"}}, which errors.py makes of'
        " each HTTP error that you raise."
    )
    return error


# The stream


def test_an_answer_is_a_stream_of_chunks(chat):
    _, answer = chat("one", " two", stream=True)
    assert answer.status_code not in (404, 405), (
        f"POST {PATH} gave {answer.status_code}: no view answers there yet. Write"
        f' @app.post("{PATH}") and below it a function that returns a Response.'
    )
    advice = STATUS.get(answer.status_code, f"the body is {short(answer.text)}.")
    assert answer.status_code == 200, (
        f"POST {PATH} gave {answer.status_code}, expected 200: {advice}"
    )
    assert answer.mimetype == "text/event-stream", (
        f"The stream is sent as {answer.mimetype}, expected text/event-stream:"
        ' write Response(..., mimetype="text/event-stream").'
    )
    text = answer.text
    assert text, (
        "The stream is empty: was the generator closed before anybody read it? It is"
        " call_on_close(steps.close), without () at the end."
    )
    assert choices(text), (
        f"The stream is {short(text)}, and no chunk in it has a choice: the model"
        ' wrote two texts, and each is a chunk with "choices" of its own.'
    )
    assert said(text), (
        "No delta in the stream has a text: yield a choice for each chunk.text. Was the"
        " generator closed before it was read, by steps.close() with ()?"
    )
    assert said(text) == "one two", (
        f"The model wrote 'one two', and the deltas say {said(text)!r}: each text is"
        ' the "content" of a delta, once and as it is.'
    )


def test_the_answer_is_what_the_model_wrote(chat):
    seen = said(chat("\n", *TEXTS, stream=True)[1].text)
    assert seen == f"\n{ANSWER}", (
        f"The model wrote {short(f'{chr(10)}{ANSWER}')}, and the deltas say"
        f" {short(seen)}: spaces and line ends are text, too. Send chunk.text as it is."
    )


def test_an_answer_in_blocks_is_text_too(chat):
    block = AIMessageChunk([{"type": "text", "text": "one"}])
    seen = said(chat(block, " two", stream=True)[1].text)
    assert seen == "one two", (
        "The model wrote 'one two', the first of it in a list of blocks as some models"
        f" do, and the deltas say {short(seen)}: chunk.text is always text."
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
        "The model was asked with invoke(), which waits for the whole answer: loop over"
        " model.stream(turns), and yield a choice for each chunk.text."
    )
    assert not late, (
        "The model had written 'one' and waited, and nothing reached the client:"
        " somebody gathers the answer. Yield an event for each text as it is made."
    )


def test_the_first_chunk_says_who_speaks(chat):
    text = chat("one", " two", stream=True)[1].text
    first, *others = choices(text)
    assert first["delta"].get("role") == "assistant", (
        f"The first delta is {first['delta']}: it says who speaks, with"
        ' {"role": "assistant", "content": ""}.'
    )
    again = [each["delta"] for each in others if each["delta"].get("role")]
    assert not again, (
        f"A later delta is {again[0]}, which says once more who speaks: only the first"
        " delta has a role."
    )


def test_the_last_chunk_says_why_it_ended_and_done_follows(chat):
    text = chat("one", " two", stream=True)[1].text
    assert "error" not in chunks(text)[-1], (
        "The model ended because it was done, and the last event is an error: something"
        " broke after the texts, and the log below says where."
    )
    assert reason(text) == "stop", (
        f"The model ended because it was done, and the last finish_reason is"
        f' {reason(text)!r}, expected "stop": after the texts comes one more'
        " choice, with an empty delta and openai_reason(metadata, has_text)."
    )
    early = [each for each in choices(text)[:-1] if each["finish_reason"]]
    assert not early, (
        f"A choice before the last is {early[0]}: its finish_reason is None, as the"
        " answer goes on."
    )
    assert events(text)[-1] == "[DONE]", (
        f"The last event is {short(events(text)[-1])}: clients wait for one more,"
        r' "data: [DONE]\n\n".'
    )
    assert events(text).count("[DONE]") == 1, "[DONE] is there more than once."


def test_all_chunks_of_an_answer_have_the_same_head(chat):
    found = chunks(chat("one", " two", stream=True)[1].text)
    for name in HEAD:
        missing = [each for each in found if name not in each]
        assert not missing, (
            f'A chunk of the stream has only {sorted(missing[0])}: it lacks "{name}",'
            " which clients expect in each chunk."
        )
    for name, kind in HEAD.items():
        other = [each[name] for each in found if type(each[name]) is not kind]
        assert not other, (
            f'A chunk of the stream says "{name}": {short(other[0])}, and it has to be'
            f" {KINDS[kind]}: clients in other languages read no other."
        )
    ids = {each["id"] for each in found}
    assert len(ids) == 1, (
        f"One answer came in {len(found)} chunks with {len(ids)} ids, and by its id a"
        " client knows which answer a chunk belongs to: make the head once, before the"
        " loop."
    )
    objects = {each["object"] for each in found}
    assert objects == {"chat.completion.chunk"}, (
        f'The chunks say "object": {sorted(objects)}, expected "chat.completion.chunk".'
    )
    made = found[0]["created"]
    assert abs(made - time()) < A_DAY, (
        f'The chunks say "created": {made}, and now it is {int(time())}: that is the'
        " time in seconds since 1970, int(time())."
    )
    other = chunks(chat("one", stream=True)[1].text)
    assert other[0]["id"] not in ids, (
        f"Two answers have the same id, {other[0]['id']!r}: make a new one for each"
        " answer, with uuid4()."
    )


def test_the_whole_conversation_reaches_the_model(chat):
    model, answer = chat("one", messages=TURNS, stream=True)
    answer.get_data()  # a stream that nobody reads asks no model
    wanted = [(turn["role"], turn["content"]) for turn in TURNS]
    seen = model.prompts[0] if model.prompts else None
    assert seen == wanted, (
        f"The client sent the messages {wanted}, and the model was asked {seen}: give"
        " it all of them with their roles, question.turns()."
    )


def test_an_answer_can_be_whole(chat):
    _, answer = chat("one", " two")
    found = answer.get_json(silent=True) or {}
    assert answer.status_code == 200, (
        f'Without "stream": true the answer has the status {answer.status_code}:'
        f" {STATUS.get(answer.status_code, short(answer.text))}"
    )
    assert isinstance(found, dict) and found.get("choices"), (
        f'Without "stream": true the answer is {short(answer.text)}: it is one object,'
        ' with "choices" in it.'
    )
    choice = found["choices"][0]
    message = choice.get("message")
    message = message if isinstance(message, dict) else {}
    seen = message.get("content"), message.get("role"), choice.get("finish_reason")
    assert seen == ("one two", "assistant", "stop"), (
        f"The model wrote 'one two' and stopped, and choices[0] of the whole answer is"
        f' {choice}: it has a "message" with the role assistant and the content, and a'
        ' "finish_reason".'
    )
    cut = chat("one", End(finish_reason="length"))[1].get_json(silent=True) or {}
    why = cut["choices"][0].get("finish_reason") if cut.get("choices") else None
    assert why == "length", (
        "The model reached its limit, and the finish_reason of the whole answer is"
        f' {why!r}, expected "length": it is that of the last step.'
    )
    assert found.get("object") == "chat.completion", (
        f'The whole answer says "object": {found.get("object")!r}, expected'
        ' "chat.completion".'
    )


# Who may ask, and whom


def test_the_server_names_its_model(client):
    headers = {"Authorization": f"Bearer {KEY}"}
    answer = client.get("/v1/models", headers=headers)
    found = answer.get_json(silent=True) or {}
    assert answer.status_code == 200, (
        f"GET /v1/models gave {answer.status_code}, expected 200: clients ask there"
        " for the names of the models. Write a view for it."
    )
    assert isinstance(found, dict) and found.get("object") == "list", (
        f'GET /v1/models answers {short(answer.text)}: it is an object whose "object"'
        ' is "list", and whose "data" is the list.'
    )
    listed = found.get("data") if isinstance(found, dict) else None
    is_list = isinstance(listed, list) and all(isinstance(m, dict) for m in listed)
    names = [each.get("id") for each in listed] if is_list else []
    assert names == ["practice"], (
        f'GET /v1/models answers {short(answer.text)}: its "data" is a list with one'
        ' object, whose "id" is "practice".'
    )


def test_a_model_that_is_not_here_is_a_404(chat):
    what = "The client asked for the model gpt-4"
    advice = "call show_model(question.model), which raises it, before the model"
    model, answer = chat("one", model="gpt-4")
    error_of(answer, 404, what, advice)
    assert not model.prompts, f"{what}, and ours was asked: {advice}."


WRONG_KEYS = {
    "sk-wrong": "another one",
    KEY[:-1]: "the right one without its last letter",
    KEY[0]: "the right one's first letter",
    f"{KEY}x": "the right one with a letter more",
    f"x{KEY}": "the right one with a letter before it",
    "": "an empty one",
    "sk-pr\u00e4ctice": "one with an \u00e4 in it",
}


def test_nobody_is_answered_without_the_key(chat, client):
    advice = (
        "compare the whole key in a function below @app.before_request, and raise a"
        " Refusal(401, ...)"
    )
    for key, which in WRONG_KEYS.items():
        what = f"The key was {which}, {key!r}"
        try:
            model, answer = chat("one", key=key)
        except Exception as error:
            error.add_note(f"{what}. Let partition find it, and compare bytes.")
            raise
        error_of(answer, 401, what, advice)
        assert not model.prompts, f"{what}, and the model was asked."
    what = "There was no Authorization"
    try:
        answers = client.post(PATH, json={}), client.get("/v1/models")
    except Exception as error:
        error.add_note(f'{what}: ask for it with request.headers.get("...", "").')
        raise
    error_of(answers[0], 401, what, advice)
    error_of(answers[1], 401, f"{what} for /v1/models", advice)
    for each in answers:
        assert KEY not in each.text, (
            f"The refusal says {each.get_json(silent=True)!r}, and so tells everybody"
            " the key: it may say that the key is wrong, and not which is right."
        )
    status = client.get("/").status_code
    assert status == 200, (
        f"The page at / asked for no key, and got {status}: a browser that opens a page"
        " has none to send. Ask for the key below /v1/ only."
    )


def test_a_guess_is_not_told_how_much_of_it_is_right(folder, monkeypatch):
    """A guess of the key is not told, by the time it takes, how much of it is right."""

    def guess():
        headers = {"Authorization": f"Bearer {KEY[:-1]}?"}
        started = load(folder, ScriptedModel("one"))
        started.app.test_client().get("/v1/models", headers=headers)

    must_not_be_compared(monkeypatch, KEY, guess)


# How it ends


@pytest.fixture
def in_the_log(caplog, capsys):
    """Return a function that returns what the program has logged or printed."""

    def read_log():
        printed = capsys.readouterr()
        print(printed.out, end="")  # so that a red check shows it all the same
        return caplog.text + printed.out + printed.err

    return read_log


def must_not_be_told(answer_text, log, what):
    """Fail if the client or the log got the provider's own words."""
    for place, words in ("client", answer_text), ("log", log):
        assert SECRET not in words, (
            f"{what}, and the {place} gets the provider's own words, {SECRET!r}: they"
            " can hold part of the key. sentence_for(error) and http_error(error) have"
            " a sentence of our own, and log_name(error) is what the log may hold."
        )


EARLY = {
    "before its first text": [],
    "after an empty chunk, before its first text": [""],
}


def test_a_failure_before_the_first_text_is_a_status(chat, in_the_log):
    for when, script in EARLY.items():
        for stream in True, False:
            what = f'The model raised a ModelRateLimitError {when} ("stream": {stream})'
            try:
                _, answer = chat(*script, ModelRateLimitError(SECRET), stream=stream)
                answer.get_data()
            except Exception:
                raise AssertionError(
                    f"{what}, and nothing made an answer of it: wait for the first step"
                    " in the view, with next() in a try, and raise http_error(error)"
                    " from None."
                ) from None
            must_not_be_told(answer.text, in_the_log(), what)
            advice = (
                "yield the first step when a text has come, wait for it in the view"
                " with next(), and raise what http_error(error) of failures.py returns"
            )
            error_of(answer, 429, what, advice)
            assert "Retry-After" in answer.headers, (
                f"{what}, and the answer lacks Retry-After, which says when to ask"
                " again: http_error(error) has it."
            )


def test_a_whole_answer_that_breaks_off_is_a_status(chat, in_the_log):
    what = "The model failed after 'one', and the client wanted the whole answer"
    try:
        _, answer = chat("one", ModelConnectionError(SECRET))
    except Exception:
        raise AssertionError(
            f"{what}, and nothing made an answer of the error: read all of it inside"
            " the try, and raise http_error(error) from None."
        ) from None
    advice = "read all of it inside the try, and raise http_error(error) from None"
    error_of(answer, 502, what, advice)
    must_not_be_told(answer.text, in_the_log(), what)


def test_why_the_model_ended_is_said_in_openais_words(chat):
    for name, theirs, ours in (
        ("finish_reason", "length", "length"),
        ("stop_reason", "max_tokens", "length"),
        ("stop_reason", "end_turn", "stop"),
        ("finish_reason", "content_filter", "content_filter"),
    ):
        text, _ = read(chat("one", End(**{name: theirs}), stream=True)[1])
        assert reason(text) == ours, (
            f'The model stopped with the {name} "{theirs}", and the last finish_reason'
            f" that the client got is {reason(text)!r}, expected {ours!r}: keep the"
            " response_metadata of all chunks, and give them to openai_reason; where a"
            " text came, call no require_whole."
        )


def test_a_failure_in_mid_answer_is_an_event_and_the_end(chat, in_the_log):
    text, broke = read(chat("one", ModelConnectionError(SECRET), stream=True)[1])
    what = "The model failed after 'one'"
    was_told = '"error"' in text  # after that a body may well break off
    if broke and not was_told and not isinstance(broke, ModelConnectionError):
        broke.add_note(f"{what}, and the stream broke off with that.")
        raise broke  # by a mistake in how the failure is said
    assert said(text) == "one", (
        f"{what}, and the client got {said(text)!r}: what has come is kept."
    )
    assert events(text)[-1] != "[DONE]", (
        f"{what}, and the stream ends in [DONE], as a whole answer does: after an error"
        " nothing follows."
    )
    last = chunks(text)[-1]
    assert isinstance(last.get("error"), dict) and last["error"].get("message"), (
        f"{what}, and the last event has {sorted(last)}: send"
        ' {"error": {"message": ...}} as an event, which clients raise.'
    )
    must_not_be_told(text, in_the_log(), what)
    kind = last["error"].get("type")
    assert kind != "invalid_request_error", (
        f"{what}, and the error's type is {kind!r}, which says that the client asked"
        " wrongly: give openai_error the status failure_of(error).status."
    )


LAST = AIMessageChunk("", response_metadata={"finish_reason": "stop"})


def test_what_breaks_after_the_finish_reason_takes_no_text_away(chat):
    for stream in True, False:
        _, answer = chat("one", LAST, ModelConnectionError(SECRET), stream=stream)
        text, _ = read(answer)
        assert '"stop"' in text and '"error"' not in text, (
            "The model wrote 'one', said why it ended, and then the connection broke:"
            f" all of the text was there, and the client got {short(text)}. Loop over"
            " ignoring_late_errors(chunks) of failures.py."
        )


def test_an_answer_that_was_cut_off_is_not_called_whole(chat):
    text, _ = read(chat("one", End(), stream=True)[1])
    what = "The model's stream ended without a word why, so it was cut off"
    assert reason(text) is None, (
        f"{what}, and the client got the finish_reason {reason(text)!r}: that is a"
        " failure, and openai_reason raises it."
    )
    assert events(text)[-1] != "[DONE]", (
        f"{what}, and the stream ends in [DONE], as a whole answer does: let its last"
        " event be an error."
    )
    for reason_given in "stop", "length":
        _, answer = chat(End(finish_reason=reason_given))
        what = f'The model ended without a word, by "{reason_given}"'
        error_of(answer, 502, what, "nothing is no answer, and require_whole raises")


@pytest.mark.usefixtures("kept")
def test_the_models_stream_is_closed_when_the_reader_leaves(chat):
    model, answer = chat("one", " two", " three", stream=True)
    next(answer.iter_encoded())
    # Held, as a debugger does, so that none of them is closed by chance.
    held = [each for each in gc.get_objects() if isinstance(each, GeneratorType)]
    answer.close()
    assert held
    assert model.closed.wait(PATIENCE), (
        "The reader left after the first piece, and the model's stream stayed open:"
        " loop over it inside with closing(model.stream(...)), and let the view call"
        " response.call_on_close(steps.close), since chain does not close."
    )
    assert model.closed_early, (
        "The reader left after the first piece, and the model was read to its end, for"
        " nobody: you pay for that. Close the steps, and read no more of them."
    )


# What no lesson after the eighth may lose


def test_what_lesson_08_gave_the_server_is_still_there(client, answer_with):
    """What lesson 08 gave the server is still there."""
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
    """client.py keeps what came, and says how it ended."""
    url = f"{serve(program.app)}/v1"
    answer_with("one", " two")
    shown = run_client(url)
    assert "one two" in shown and "stop" in shown, (
        f"The server answered 'one two' with the finish_reason 'stop', and client.py"
        f" shows {shown.strip()!r}."
    )
    too_long = [seconds for seconds in waits if seconds is None or seconds > LONGEST]
    assert not too_long, (
        "A server that says nothing would keep client.py waiting for"
        f" {too_long[0] or 'numberless'} seconds: give it a timeout, as in"
        " OpenAI(timeout=30)."
    )
    answer_with("one", ModelConnectionError(SECRET))
    try:
        shown = run_client(url)
    except Exception as error:
        error.add_note("The model failed after 'one': catch that, and say so.")
        raise
    words = re.sub("one", "", shown, count=1).strip()
    assert "one" in shown and "stop" not in shown and len(words) > 3, (
        f"The model failed after 'one', and client.py shows {shown.strip()!r}: keep"
        " what came, and say that it is not whole."
    )


NO_CHOICES = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m"}


def test_client_py_reads_a_chunk_without_choices(run_client, serve):
    """client.py reads on after a chunk that has no choices."""

    def server(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/event-stream")])
        delta = {"index": 0, "delta": {"content": "one"}, "finish_reason": "stop"}
        for found in [], [delta], []:
            chunk = NO_CHOICES | {"choices": found}
            yield f"data: {json.dumps(chunk)}\n\n".encode()
        yield b"data: [DONE]\n\n"

    note = (
        'The server sent a chunk with "choices": [], as it does for the usage: loop'
        " over chunk.choices, and take no choices[0]."
    )
    try:
        shown = run_client(f"{serve(server)}/v1")
    except Exception as error:
        error.add_note(note)
        raise
    assert "one" in shown, f"client.py shows {shown.strip()!r}. {note}"

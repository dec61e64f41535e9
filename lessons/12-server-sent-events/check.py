"""The answer comes in events: each whole, in order, with an end, and never silent."""

import json
import re
from threading import Event

import pytest
from langchain_core.exceptions import ModelRateLimitError
from langchain_core.messages import AIMessageChunk

from lessons.course.for_checks import still_there
from lessons.course.for_checks.failing_model import SECRET
from lessons.course.for_checks.plain_text import ANSWER, TEXTS
from lessons.course.for_checks.quoting import short
from lessons.course.for_checks.scripted_model import End
from lessons.course.for_checks.threaded_reader import ThreadedReader

PATIENCE = 5  # seconds
COUNTED = {"input_tokens": 3, "output_tokens": 5, "total_tokens": 8}
GET = "/ask?prompt=Hello%3F"


def lines_of(text):
    """Return a text whose lines end with a line feed, however they ended."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def events(text):
    """Return (name, data) for each event of a stream, as a browser reads it."""
    found = []
    *blocks, _ = lines_of(text).split("\n\n")  # what has no empty line is dropped
    for block in blocks:
        fields = [line.partition(":")[::2] for line in block.split("\n")]
        values = [(name, value.removeprefix(" ")) for name, value in fields]
        data = "\n".join(value for name, value in values if name == "data")
        if data:
            found.append((dict(values).get("event", "message"), data))
    return found


@pytest.fixture(autouse=True)
def soon(program, monkeypatch):
    """Let heartbeats come fast, but where a failure has to come first."""
    if hasattr(program, "HEARTBEAT"):
        monkeypatch.setattr(program, "HEARTBEAT", PATIENCE / 100)


@pytest.fixture
def patient(program, monkeypatch):
    """Let heartbeats come late."""
    if hasattr(program, "HEARTBEAT"):
        monkeypatch.setattr(program, "HEARTBEAT", PATIENCE)


def body_of(answer):
    """Return the text of an answer, all of it."""
    came = ""
    for piece in answer.iter_encoded():
        assert isinstance(piece, bytes), (
            f"The stream yielded {short(piece)}, and Flask can only send bytes. Yield"
            " self.take(), which returns one piece, and not all of self.pieces."
        )
        came += piece.decode()
        assert came.count("heartbeat") < 100, (
            "The model's answer is over, but the stream keeps sending heartbeats. If"
            " self.wait reports something but self.pieces is empty, the stream is"
            " closed. Return in that case."
        )
    return came


def read(answer):
    """Return the events of an answer, their data as JSON."""
    found = []
    for name, data in events(body_of(answer)):
        try:
            found.append((name, json.loads(data)))
        except ValueError:
            raise AssertionError(
                f"Expected JSON as the data of the event {name}, got {short(data)}. A"
                " line break in it would end the field. Send `data:` and"
                " json.dumps(...)."
            ) from None
    return found


def test_post_ask_answers_in_events(ask, caplog):
    """POST /ask answers in server-sent events."""
    _, answer = ask(*TEXTS)
    logged = f' The log says "{caplog.messages[-1]}".' if caplog.messages else ""
    assert answer.status_code == 200, (
        'POST /ask with {"prompt": "Hello?"}: expected status 200, got'
        f" {answer.status_code}.{logged}"
    )
    assert answer.mimetype == "text/event-stream", (
        f"Expected Content-Type text/event-stream, got {answer.mimetype}. A browser's"
        " EventSource accepts nothing else. Change it in HEADERS, in events.py."
    )


def test_the_tokens_are_what_the_model_wrote(ask, caplog):
    model, answer = ask(*TEXTS)
    raw = lines_of(body_of(answer))
    assert raw, (
        "The model wrote an answer, but the body is empty. Check self.pieces, and yield"
        " what is there: a closed stream can still hold some."
    )
    assert "data:" in raw, (
        f"The answer begins {short(raw[:60])}, without a data: line. Expected lines"
        " with a field name before the colon: `event: token`, then `data:` with the"
        " JSON."
    )
    assert "\n\n" in raw, (
        f"The answer begins {short(raw[:60])}, and no event in it ends. An empty line"
        ' ends an event: put "\\n\\n" at the end of each.'
    )
    assert raw.endswith("\n\n"), (
        f"The answer ends {short(raw[-40:])}, without an empty line: no reader gets its"
        ' last event. Put "\n\n" at the end of each event, and nothing before it.'
    )
    caplog.clear()
    found = read(ask(*TEXTS)[1])
    names = [name for name, _ in found]
    assert "error" not in names, (
        f"The model finished its answer, but the events are {', '.join(names)}. The"
        ' program broke, and its log says "'
        f"{'; '.join(caplog.messages)}"
        '". Does send() return what self.write() returns? start().send_metadata() needs'
        " it."
    )
    assert len(names) > 1, (
        f"The stream ended after one piece, the event {names[0]}. __iter__ needs a loop"
        " without an end: after each yield it waits for the next piece."
    )
    assert "token" in names and names[-1] == "done", (
        f"The events are {', '.join(names)}. Expected token events, then done, each"
        " with an `event:` line that has its name."
    )
    tokens = [data.get("token", "") for name, data in found if name == "token"]
    assert "".join(tokens) == ANSWER, (
        f"The model wrote {ANSWER!r}, but the tokens add up to"
        f' {short("".join(tokens))}. Send each chunk.text, all of it, as {{"token":'
        " ...}."
    )
    named = [data for _, data in found if "event" in data]
    assert not named, (
        f"The data of an event is {short(json.dumps(named[0]))}. Its name is already in"
        " the `event:` line. Send json.dumps(message), without the name in it."
    )
    assert model.prompts == ["Hello?"], (
        'The prompt was "Hello?". Expected the model to be asked once with exactly that'
        f" text, got {model.prompts}."
    )


def test_a_long_answer_is_sent_to_the_end(ask):
    texts = [f" {number}" for number in range(3 * len(TEXTS))]  # more than ROOM
    model, answer = ask(*texts)
    came = ""
    for piece in answer.iter_encoded():
        came += piece.decode()
        assert came.count("heartbeat") < 20, (
            f"The model had {len(texts)} texts to write, and the answer stopped after"
            f" {model.made}: write() waits for room in the stream, but nothing tells it"
            " when there is room. Take each piece with self.take(), which does that."
        )
    assert "event: done" in came or "event:done" in came, (
        f"The model had {len(texts)} texts to write, but the answer ended without a"
        f" done event: {short(came[-60:])}."
    )


def test_the_events_are_numbered_from_1_in_each_answer(ask, patient):
    for which in "first", "second":
        _, answer = ask(*TEXTS, *TEXTS)
        lines = lines_of(body_of(answer)).split("\n")
        ids = [line[3:].strip() for line in lines if line.startswith("id:")]
        count = sum(line.startswith("event:") for line in lines)
        expected = [str(number) for number in range(1, count + 1)]
        skips = len(ids) > 1 and ids[0] == "1" and ids[1] not in ("1", "2")
        assert not skips, (
            f"The {which} answer has {count} events, and their ids are"
            f" {short(', '.join(ids))}. write() counts by itself: call it once for each"
            " event, and do not change self.message_count."
        )
        assert ids == expected, (
            f"The {which} answer has {count} events. Expected the ids 1 to {count}, got"
            f" {short(', '.join(ids))}. Write an `id:` line with self.message_count + 1"
            " into each event: self.message_count is the number of events that this"
            " answer has sent so far."
        )


def test_the_first_token_leaves_before_the_second_is_made(ask):
    held = Event()
    seen = []
    _, answer = ask("one", lambda: seen.append(held.wait(PATIENCE)), " two")
    came = b""
    for piece in answer.iter_encoded():
        came += piece
        if b'"one"' in came:
            held.set()
    assert seen == [True], (
        "The model wrote 'one', but the client did not get it before the model went on:"
        " something in the program collects the events. Yield each event as soon as"
        " self.wait reports it, and pass the stream itself to Response."
    )


def test_get_ask_answers_too(client, answer_with):
    """GET /ask answers an EventSource, too."""
    answer_with("one")
    answer = client.get(GET)
    assert answer.status_code == 200 and '"one"' in answer.text, (
        f"GET {GET}: expected an answer with status 200, got {answer.status_code}. An"
        ' EventSource can only send GET. Keep "GET" in the methods of /ask.'
    )


@pytest.mark.parametrize("page", ["cross-site", "same-site"])
def test_no_page_from_another_site_may_ask(client, answer_with, page):
    """A page from another site cannot ask with GET."""
    model = answer_with("one")
    answer = client.get(GET, headers={"Sec-Fetch-Site": page})
    assert answer.status_code == 403 and not model.prompts, (
        f"A page on another server asked: its request has Sec-Fetch-Site: {page}."
        f" Expected status 403, got {answer.status_code}. Any page could make you pay."
        " Call read_question(request), which accepts only none and same-origin, before"
        " you ask the model."
    )


def test_a_browser_that_reconnects_is_not_answered_again(client, answer_with):
    for number in "4", "1":  # the network can break after the first event, too
        model = answer_with("one")
        try:
            answer = client.get(GET, headers={"Last-Event-ID": number})
        except LookupError as error:
            error.add_note(
                "abort() is for errors, from 400 on. To answer 204, write return "
                '"", 204.'
            )
            raise
        answer.get_data()
        assert answer.status_code == 204 and not model.prompts, (
            "An EventSource that reconnects sends a GET with Last-Event-ID, here"
            f" {number}. Expected status 204 and no question to the model, got"
            f" {answer.status_code} and {len(model.prompts)} question(s). Look for that"
            ' header at the top of ask. If it is there, return "", 204: the browser'
            " then stays away, and you pay nothing."
        )


def test_heartbeats_fill_a_long_silence(program, ask):
    assert hasattr(program, "HEARTBEAT"), (
        "app.py has no HEARTBEAT. Set it to the seconds of silence after which the"
        " server sends a comment."
    )
    beat = Event()
    seen = []
    _, answer = ask("one", lambda: seen.append(beat.wait(PATIENCE)), " two")
    came = b""
    beats = 0  # what came after the first token, until the model went on
    for piece in answer.iter_encoded():
        is_beat = b'"one"' in came and b" two" not in came + piece
        beats += is_beat
        came += piece
        if beats == 2:
            beat.set()
    assert beats != 1 or b" two" not in came, (
        "The model was silent for much longer than HEARTBEAT, but the server sent only"
        " one heartbeat. A proxy counts the silence after a heartbeat, too. After the"
        " yield, continue the loop, and wait with self.wait(self.heartbeat) in each"
        " round."
    )
    has_end = "done" in dict(events(came.decode()))
    assert has_end or not beats, (
        "The stream ended after a heartbeat, but the model went on. After the yield,"
        " continue the loop. Only a closed stream ends it."
    )
    has_own_iter = "__iter__" in vars(program.EventStream)
    assert beats or has_own_iter, (
        "The model was silent for much longer than HEARTBEAT, and the server sent"
        " nothing: EventStream has no __iter__ of its own. Write it with two"
        " underscores at each end, and indent it like send()."
    )
    assert seen == [True], (
        "The model was silent for much longer than HEARTBEAT, and the server sent"
        " nothing. A proxy would close such a connection, and a reader who left would"
        ' go unnoticed. If self.wait(self.heartbeat) returns False, yield b":'
        ' heartbeat\\n".'
    )
    assert b"\n:" in came, (
        "While the model was silent, the server sent an event that every reader would"
        ' have to know. Send a comment instead, which readers ignore: yield b":'
        ' heartbeat\\n".'
    )
    comments = [line for line in came.split(b"\n") if line.startswith(b":")]
    assert not any(b"id:" in line or b"data:" in line for line in comments), (
        "A heartbeat has no line end, so it swallows the next line:"
        f' {short(str(comments[-1]))}. Yield b": heartbeat\\n".'
    )


def test_a_silence_costs_nothing_and_ends_with_the_next_text(program, ask, monkeypatch):
    """A silence uses no CPU time, and ends with the next text."""
    monkeypatch.setattr(program, "HEARTBEAT", 4 * PATIENCE)  # no text waits so long
    gate = Event()

    def open_body():
        _, answer = ask("one", gate, " two")
        return answer.iter_encoded()

    reader = ThreadedReader(open_body, counts_steps=True)
    assert reader.started.wait(PATIENCE), (
        "The model's first text was ready, and ask still waited for HEARTBEAT to pass."
        " Wait with stream.wait(HEARTBEAT) in app.py, which returns as soon as"
        " something comes, and not with sleep."
    )
    has_come = reader.wait_for(b'"one"')
    is_busy = reader.is_busy()
    beats = reader.came.count(b"\n:")
    gate.set()
    has_come = has_come and reader.wait_for(b'" two"')
    assert not is_busy, (
        "The model was silent, and the loop in __iter__ ran without a pause: that keeps"
        " one core busy for each reader. Call self.wait(self.heartbeat), which sleeps"
        " until there is something."
    )
    assert has_come, (
        "A text was ready, and it came only after the heartbeat. Wait with"
        " self.wait(self.heartbeat), which returns as soon as something comes, and not"
        " with sleep."
    )
    assert beats == 0, (
        f"The model was silent for only a moment, and {beats} heartbeat(s) came. Wait"
        " as long as self.heartbeat says before you yield one."
    )


def test_what_was_written_is_sent_even_if_the_stream_is_closed(program):
    stream_class = getattr(program, "EventStream", None)
    assert stream_class, (
        "app.py does not import EventStream. Write from .events import EventStream."
    )
    stream = stream_class(PATIENCE)
    stream.start().send_token("one")
    stream.end()  # the writer is done before anybody has read
    came = "".join(
        str(piece, "utf-8") if isinstance(piece, bytes) else piece for piece in stream
    )
    names = [name for name, _ in events(came)]
    assert names == ["start", "token", "done"] or names == ["token", "done"], (
        "Three events were written, and the stream was closed before anybody read it. A"
        f" reader then got {names}. Check self.pieces: a closed stream can still hold"
        " some. End only when it is empty."
    )


def test_heartbeats_come_before_the_first_token_too(ask):
    beat = Event()
    seen = []
    _, answer = ask(lambda: seen.append(beat.wait(PATIENCE)), "one")
    assert answer.status_code == 200, (
        "The model thought for longer than HEARTBEAT before its first word, and the"
        f" server answered {answer.status_code}. A silence is not a failure: send the"
        " stream anyway, and let it begin with heartbeats."
    )
    came = b""
    for piece in answer.iter_encoded():
        came += piece
        if came.startswith(b":"):
            beat.set()
    assert seen == [True] and b'"one"' in came, (
        "The model thought for much longer than HEARTBEAT before its first word, and"
        " the server sent nothing. That is the longest silence of most answers. Wait"
        " for the first event with stream.wait(HEARTBEAT) in app.py."
    )
    ids = re.findall(r"(?m)^id: ?(.*)$", lines_of(came.decode()))
    assert ids[0] == "1", (
        f"Heartbeats came before the first event, and the id of that event is {ids[0]}."
        " A comment is not an event. Yield it without calling self.write(), and leave"
        " self.message_count unchanged."
    )


def test_a_failure_before_the_first_token_becomes_an_error_status(ask, patient):
    try:
        _, answer = ask(ModelRateLimitError(SECRET))
    except ModelRateLimitError:
        raise AssertionError(
            "The model refused before its first text, and the program did not turn that"
            " into a response. Wait for the first event in the view, and raise"
            " stream.refusal."
        ) from None
    assert answer.status_code == 429, (
        "The model refused with a rate limit before its first text. Expected status"
        f" 429, got {answer.status_code}. Wait for the first event before the stream"
        " begins, and raise stream.refusal if there is one."
    )
    assert SECRET not in answer.text, (
        f"The reader gets the provider's own words, {SECRET!r}. They can contain part"
        " of the key. Send a sentence of your own."
    )


def must_be_error_and_done(names, when):
    """Fail unless the last events are error and done, the model having failed."""
    assert names[-2:] == ["error", "done"] or names[-1:] != ["error"], (
        f"The model failed {when}, and the last event is error. Without a done event"
        " after it, an EventSource reconnects. In abort(), call end() after"
        " send_error()."
    )
    assert names[-2:] == ["error", "done"], (
        f"The model failed {when}, and the events are {names}. Expected error and done"
        " as the last two. Catch what the model raises, and call"
        " stream.abort(sentence), which sends both."
    )


def test_a_failure_after_a_heartbeat_becomes_an_error_event(ask):
    beat = Event()
    try:
        _, answer = ask(lambda: beat.wait(PATIENCE), ModelRateLimitError(SECRET))
        came = ""
        for piece in answer.iter_encoded():
            came += piece.decode()
            beat.set()
    except Exception as error:
        error.add_note(
            "The model failed after a heartbeat, when status 200 had already been sent."
            " Check stream.refusal once, after stream.wait(HEARTBEAT). After that, send"
            " the stream."
        )
        raise
    names = [name for name, _ in events(came)]
    must_be_error_and_done(names, "before its first word but after a heartbeat")


def test_a_failure_after_the_first_token_sends_an_error_event_and_then_done(
    ask, caplog, capfd
):
    _, answer = ask("one", ModelRateLimitError(SECRET))
    try:
        found = read(answer)
    except ModelRateLimitError:
        raise AssertionError(
            "The model failed after 'one', and the body broke. An EventSource takes"
            " that for a network problem, and asks again. Send error and done."
        ) from None
    names = [name for name, _ in found if name not in ("start", "metadata")]
    must_be_error_and_done(names, "after its first text")
    assert names[0] == "token", (
        "The model failed after its first text. Expected the token first, because sent"
        f" text stays, got the events {names}."
    )
    _, last = found[-1]
    assert last.get("finishReason") == "error", (
        f"The model failed after its first text, but the done event says {last}, as if"
        ' the answer were complete. Call end("error"), which sends {"finishReason":'
        ' "error"}.'
    )
    assert SECRET not in str(found), (
        f"The error event contains the provider's own words, {SECRET!r}. They can"
        " contain part of the key. Send a sentence of your own."
    )
    out, err = capfd.readouterr()
    assert SECRET not in caplog.text + out + err, (
        f"The log contains the provider's own words, {SECRET!r}. They can contain part"
        " of the key. Log log_name(error) from failures.py instead."
    )


def test_the_done_event_says_why_the_answer_ended(ask):
    _, answer = ask("one", End(finish_reason="length"))
    name, data = read(answer)[-1]
    assert (name, data.get("finishReason")) == ("done", "length"), (
        "The model stopped at its length limit. Expected the last event done with"
        f' {{"finishReason": "length"}}, got {name} with {data}.'
    )


def test_an_answer_without_a_finish_reason_does_not_look_complete(ask):
    _, answer = ask("one", End())
    names = [name for name, _ in read(answer)][-2:]
    assert names == ["error", "done"], (
        "The model's stream ended without a finish reason, so the answer was cut off."
        f" Expected the last events error and done, got {names}. Call"
        " openai_reason(metadata, has_text) from failures.py, which raises in that"
        " case."
    )


def test_the_usage_is_sent_too(ask):
    _, answer = ask("one", AIMessageChunk("", usage_metadata=COUNTED))
    usage = dict(read(answer)).get("usage", {})
    assert usage.get("totalTokens") == 8, (
        f'The model counted {COUNTED}. Expected "totalTokens": 8 in the usage event,'
        f" got {usage}."
    )


def test_a_slow_reader_slows_the_model_down(ask, patient):
    far = Event()
    _, answer = ask(*["word "] * 500, far.set, " end")
    next(answer.iter_encoded())
    ran_ahead = far.wait(PATIENCE / 10)
    answer.close()
    assert not ran_ahead, (
        "The reader had taken one event, and the model went on for 500 words, which are"
        " all held in memory. Make write() wait while the stream holds ROOM pieces."
    )


def test_the_models_stream_is_closed_when_the_reader_leaves(ask, patient, kept):
    """The model's stream is closed when the reader leaves."""
    gate = Event()
    model, answer = ask("one", gate, *["word "] * 100)
    next(answer.iter_encoded())
    answer.close()
    gate.set()
    assert model.closed.wait(PATIENCE) and model.made < 15, (
        f"The reader left after the first event, but the model made {model.made} texts"
        f" of 101{'' if model.closed.is_set() else ', and its stream is still open'}."
        " Pass the stream itself to Response: Flask calls its close(). Check"
        " stream.is_active after each chunk, and read the chunks inside with"
        " closing(chunks)."
    )


def test_anything_that_is_not_a_prompt_is_refused(client, answer_with):
    still_there.whatever_is_not_a_prompt_is_refused(client, answer_with)
    for address in "/ask", "/ask?prompt=", "/ask?prompt=%20":
        model = answer_with("one")
        answer = client.get(address)
        assert answer.status_code == 400 and not model.prompts, (
            f"GET {address} asks nothing. Expected status 400, got"
            f" {answer.status_code}. Read the prompt with read_question(request)."
        )


def test_headers_limits_and_names_are_still_there(client, answer_with):
    """The headers, limits and host names from lesson 08 still apply."""
    kept = "all lines of HEADERS in events.py, and headers=stream.headers"
    still_there.headers_are_still_there(client, answer_with, keep=kept)
    answer_with("one")
    headers = client.get(GET).headers
    for name, words in still_there.HEADERS.items():
        assert all(word in headers.get(name, "") for word in words), (
            f"The header {name} of GET {GET} is {headers.get(name, '')!r}. Expected"
            f" {', '.join(words)}. Send HEADERS with each answer."
        )
    assert not headers.get("Access-Control-Allow-Origin"), (
        f"A page of any server may read the answer to GET {GET}. Leave out"
        " Access-Control-Allow-Origin: our own page does not need it."
    )
    assert "Connection" not in headers, (
        "The answer has a header Connection. Only the server that runs the program may"
        " set it, and some servers refuse such an answer. Remove it from HEADERS."
    )
    still_there.a_body_that_is_too_large_is_refused(client, answer_with)
    still_there.a_foreign_name_gets_nothing(client, answer_with)
    still_there.a_foreign_page_gets_nothing(client, answer_with)

"""The answer comes in events: each whole, in order, with an end, and never silent."""

import json
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
    for block in lines_of(text).split("\n\n"):
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
        came += piece.decode()
        assert came.count("heartbeat") < 100, (
            "The model had ended, and the stream has not: heartbeats go on for ever."
            " When something came and self.pieces is empty, the stream is closed:"
            " return."
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
                f"The data of a {name} event is {short(data)}, which is not JSON: a"
                " line break in it would end the field. Send data: and json.dumps(...)."
            ) from None
    return found


def test_post_ask_answers_in_events(ask):
    """POST /ask answers in events."""
    _, answer = ask(*TEXTS)
    assert answer.status_code == 200, (
        f'POST /ask with {{"prompt": "Hello?"}} gave {answer.status_code}, expected'
        " 200."
    )
    assert answer.mimetype == "text/event-stream", (
        f"The answer is sent as {answer.mimetype}, expected text/event-stream: a"
        " browser's EventSource takes nothing else. Change it in HEADERS, in"
        " events.py."
    )


def test_the_tokens_are_what_the_model_wrote(ask, caplog):
    model, answer = ask(*TEXTS)
    raw = lines_of(body_of(answer))
    assert raw, (
        "The answer is empty, though the model wrote one: look at self.pieces, and take"
        " what is there. A stream that is closed can still hold some."
    )
    assert "data:" in raw, (
        f"The answer begins {short(raw[:60])}, with no line data: in it. An event is"
        " lines with a name before the colon: event: token, then data: and its JSON."
    )
    assert "\n\n" in raw, (
        f"No event of the answer ends: it begins {short(raw[:60])}. An empty line ends"
        ' an event, so end each with "\\n\\n".'
    )
    caplog.clear()
    found = read(ask(*TEXTS)[1])
    names = [name for name, _ in found]
    assert "error" not in names, (
        f"The model wrote a whole answer, and the events are {', '.join(names)}: the"
        f' program broke, and its log says "{"; ".join(caplog.messages)}". Does send()'
        " return what self.write() returns? start().send_metadata() goes on from it."
    )
    assert "token" in names and names[-1] == "done", (
        f"The events are {', '.join(names)}: expected token events and done last,"
        " each named by a line event: and its name."
    )
    tokens = [data.get("token", "") for name, data in found if name == "token"]
    assert "".join(tokens) == ANSWER, (
        f"The model wrote {ANSWER!r}, and the tokens make {short(''.join(tokens))}:"
        ' send each chunk.text as {"token": ...}, all of it.'
    )
    assert model.prompts == ["Hello?"], (
        f'The prompt was "Hello?", and the model was asked {model.prompts}.'
    )


def test_the_events_are_numbered_from_1_in_each_answer(ask):
    for which in "first", "second":
        _, answer = ask(*TEXTS)
        lines = lines_of(body_of(answer)).split("\n")
        ids = [line[3:].strip() for line in lines if line.startswith("id:")]
        count = sum(line.startswith("event:") for line in lines)
        expected = [str(number) for number in range(1, count + 1)]
        assert ids == expected, (
            f"The {which} answer has {count} events, and their ids are"
            f" {short(', '.join(ids))}, expected 1 to {count}: write a line id:"
            " into each event, with one more than self.message_count, which counts"
            " those that were sent before in this answer."
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
        "The model wrote 'one', and before it wrote more the client had not got it:"
        " somebody gathers the events. Yield each as soon as self.wait says that it"
        " is there, and give Response the stream itself."
    )


def test_get_ask_answers_too(client, answer_with):
    """GET /ask answers too, for an EventSource."""
    answer_with("one")
    answer = client.get(GET)
    assert answer.status_code == 200 and '"one"' in answer.text, (
        f"GET {GET} gave {answer.status_code}: an EventSource can only"
        ' GET. Keep "GET" in the methods of /ask.'
    )


@pytest.mark.parametrize("page", ["cross-site", "same-site"])
def test_no_other_page_may_ask_by_get(client, answer_with, page):
    model = answer_with("one")
    answer = client.get(GET, headers={"Sec-Fetch-Site": page})
    assert answer.status_code == 403 and not model.prompts, (
        f"A page of another server asked, as Sec-Fetch-Site: {page} says, and the"
        f" status is {answer.status_code}, expected 403: any page could make you"
        " pay. read_question(request) lets only none and same-origin ask: call it"
        " before the model is asked."
    )


def test_a_browser_that_reconnects_is_not_answered_again(client, answer_with):
    model = answer_with("one")
    try:
        answer = client.get(GET, headers={"Last-Event-ID": "4"})
    except LookupError as error:
        error.add_note(
            'abort is for errors, from 400 on. A view answers 204 by return "", 204.'
        )
        raise
    answer.get_data()
    assert answer.status_code == 204 and not model.prompts, (
        "A GET with Last-Event-ID, which an EventSource sends when it comes back after"
        f" the end, gave {answer.status_code}, and the model was asked"
        f" {len(model.prompts)} time(s): expected 204, after which it stays away,"
        ' and no question, since you pay for each. Return "", 204 first of all in ask.'
    )


def test_a_silent_model_is_bridged_by_heartbeats(program, ask):
    assert hasattr(program, "HEARTBEAT"), (
        "app.py has no HEARTBEAT: the seconds of silence after which a comment is sent."
    )
    beat = Event()
    seen = []
    _, answer = ask("one", lambda: seen.append(beat.wait(PATIENCE)), " two")
    came = b""
    for piece in answer.iter_encoded():
        came += piece
        if b"\n:" in came or b"heartbeat" in came:
            beat.set()
    has_end = "done" in dict(events(came.decode()))
    assert has_end or not beat.is_set(), (
        "After a heartbeat the stream ended, though the model went on: after yield the"
        " loop goes round again, and only a stream that is closed ends it."
    )
    assert seen == [True], (
        "The model was silent, and for much longer than HEARTBEAT nothing was sent: a"
        " proxy would hang up, and nobody would notice a reader who left. When"
        ' self.wait(self.heartbeat) returns False, yield b": heartbeat\\n".'
    )
    assert b"\n:" in came, (
        "In a silence an event is sent that every reader would have to know. Send a"
        ' comment, a line with a colon first, which readers ignore: yield b":'
        ' heartbeat\\n".'
    )
    comments = [line for line in came.split(b"\n") if line.startswith(b":")]
    assert not any(b"id:" in line or b"data:" in line for line in comments), (
        f"A heartbeat has no line end, and so the next line belongs to it:"
        f' {short(str(comments[-1]))}. yield b": heartbeat\\n".'
    )


def test_a_silence_costs_nothing(ask, patient):
    gate = Event()
    _, answer = ask("one", gate)
    reader = ThreadedReader(answer.iter_encoded, counts_steps=True)
    reader.wait_for(b'"one"')
    is_busy = reader.is_busy()
    beats = reader.came.count(b"\n:")
    gate.set()
    reader.over.wait(PATIENCE)
    assert not is_busy, (
        "The model was silent, and the loop of __iter__ went round and round without a"
        " pause, which keeps a core busy for each reader: self.wait(self.heartbeat)"
        " sleeps until there is something."
    )
    assert beats == 0, (
        f"The model had been silent for a moment only, and {beats} heartbeat(s) came:"
        " wait as long as self.heartbeat says before you yield one."
    )


def test_what_was_written_is_sent_although_the_stream_is_closed(program):
    stream_class = getattr(program, "EventStream", None)
    assert stream_class, "app.py imports no EventStream: from .events import it."
    stream = stream_class(PATIENCE)
    stream.start().send_token("one")
    stream.end()  # the writer is done before anybody has read
    came = "".join(
        str(piece, "utf-8") if isinstance(piece, bytes) else piece for piece in stream
    )
    names = [name for name, _ in events(came)]
    assert names == ["start", "token", "done"] or names == ["token", "done"], (
        "Three events were written, and the stream was closed before anybody read it;"
        f" then a reader got {names}: look at self.pieces, since a closed stream can"
        " still hold some, and end only when there are none."
    )


def test_heartbeats_come_before_the_first_token_too(ask):
    beat = Event()
    seen = []
    _, answer = ask(lambda: seen.append(beat.wait(PATIENCE)), "one")
    came = b""
    for piece in answer.iter_encoded():
        came += piece
        if came.startswith(b":"):
            beat.set()
    assert seen == [True] and b'"one"' in came, (
        "The model thought for much longer than HEARTBEAT before its first word, and"
        " nothing was sent: that is the longest silence of most answers. Wait for the"
        " first event no longer than that: stream.wait(HEARTBEAT) in app.py."
    )


def test_a_failure_before_the_first_token_is_a_status(ask, patient):
    try:
        _, answer = ask(ModelRateLimitError(SECRET))
    except ModelRateLimitError:
        raise AssertionError(
            "The model refused before its first text, and nothing made an answer of it:"
            " wait for the first event in the view, and raise stream.refusal."
        ) from None
    assert answer.status_code == 429, (
        "The model refused with a rate limit before its first text, and the status is"
        f" {answer.status_code}, expected 429: wait for the first event before the"
        " stream begins, and raise stream.refusal if there is one."
    )
    assert SECRET not in answer.text, (
        f"The reader gets the provider's own words, {SECRET!r}: they can hold part of"
        " the key. Write a sentence of your own."
    )


def must_be_error_and_done(names, when):
    """Fail unless the last events are error and done, the model having failed."""
    assert names[-2:] == ["error", "done"] or names[-1:] != ["error"], (
        f"The model failed {when}, and the last event is error: without done after it"
        " an EventSource comes back. abort() calls end() after send_error()."
    )
    assert names[-2:] == ["error", "done"], (
        f"The model failed {when}, and the events are {names}, expected error and"
        " done as the last two: catch what the model raises, and call"
        " stream.abort(sentence), which sends both."
    )


def test_a_failure_after_a_heartbeat_is_an_error_event(ask):
    beat = Event()
    try:
        _, answer = ask(lambda: beat.wait(PATIENCE), ModelRateLimitError(SECRET))
        came = ""
        for piece in answer.iter_encoded():
            came += piece.decode()
            beat.set()
    except Exception as error:
        error.add_note(
            "The model failed after a heartbeat, when the status 200 had left: look at"
            " stream.refusal once, after stream.wait(HEARTBEAT), and send the stream."
        )
        raise
    names = [name for name, _ in events(came)]
    must_be_error_and_done(names, "before its first word but after a heartbeat")


def test_a_failure_after_it_is_an_error_event_and_then_done(ask, caplog, capfd):
    _, answer = ask("one", ModelRateLimitError(SECRET))
    try:
        found = read(answer)
    except ModelRateLimitError:
        raise AssertionError(
            "The model failed after 'one', and the body broke: an EventSource takes"
            " that for a bad network, and asks again. Send error and done."
        ) from None
    names = [name for name, _ in found if name not in ("start", "metadata")]
    must_be_error_and_done(names, "after its first text")
    assert names[0] == "token", (
        f"The model failed after its first text, and the events are {names}: expected"
        " token first, since what came stays."
    )
    _, last = found[-1]
    assert last.get("finishReason") == "error", (
        f"The model failed after its first text, and the event done says {last}, as if"
        ' the answer were whole: end("error") sends {"finishReason": "error"}.'
    )
    assert SECRET not in str(found), (
        f"The error event has the provider's own words, {SECRET!r}: they can hold part"
        " of the key. Write a sentence of your own."
    )
    out, err = capfd.readouterr()
    assert SECRET not in caplog.text + out + err, (
        f"The log has the provider's own words, {SECRET!r}: they can hold part of the"
        " key. log_name(error) of failures.py is what a log may say."
    )


def test_done_says_why_the_answer_ended(ask):
    _, answer = ask("one", End(finish_reason="length"))
    name, data = read(answer)[-1]
    assert (name, data.get("finishReason")) == ("done", "length"), (
        "The model stopped at its limit on length, and the last event is"
        f' {name} with {data}: expected done with {{"finishReason": "length"}}.'
    )


def test_an_answer_without_a_reason_for_its_end_is_not_whole(ask):
    _, answer = ask("one", End())
    names = [name for name, _ in read(answer)][-2:]
    assert names == ["error", "done"], (
        "The model's stream ended without a finish reason, so it was cut off, and the"
        f" last events are {names}: expected error, done. openai_reason(metadata,"
        " has_text) of failures.py raises then."
    )


def test_usage_comes_too(ask):
    _, answer = ask("one", AIMessageChunk("", usage_metadata=COUNTED))
    usage = dict(read(answer)).get("usage", {})
    assert usage.get("totalTokens") == 8, (
        f"The model counted {COUNTED}, and the usage event says {usage}: expected"
        ' "totalTokens": 8 in it.'
    )


def test_a_slow_reader_slows_the_model_down(ask, patient):
    far = Event()
    _, answer = ask(*["word "] * 500, far.set, " end")
    next(answer.iter_encoded())
    ran_ahead = far.wait(PATIENCE / 10)
    answer.close()
    assert not ran_ahead, (
        "The reader had taken one event, and the model went on for 500 words: they all"
        " wait in memory. Let write() wait while ROOM pieces do."
    )


def test_the_models_stream_is_closed_when_the_reader_leaves(ask, patient, kept):
    gate = Event()
    model, answer = ask("one", gate, *["word "] * 100)
    next(answer.iter_encoded())
    answer.close()
    gate.set()
    assert model.closed.wait(PATIENCE) and model.made < 15, (
        f"The reader left after the first event, and the model made {model.made}"
        f" texts of 101{'' if model.closed.is_set() else ', and its stream is open'}:"
        " give Response the stream itself, whose close() Flask calls, look at"
        " stream.is_active after each chunk, and leave with closing(chunks)."
    )


def test_whatever_is_not_a_prompt_is_refused(client, answer_with):
    still_there.whatever_is_not_a_prompt_is_refused(client, answer_with)
    for address in "/ask", "/ask?prompt=", "/ask?prompt=%20":
        model = answer_with("one")
        answer = client.get(address)
        assert answer.status_code == 400 and not model.prompts, (
            f"GET {address} asks nothing, and the status is {answer.status_code},"
            " expected 400: let read_question(request) read the prompt."
        )


def test_headers_limits_and_names_are_still_there(client, answer_with):
    kept = "all lines of HEADERS in events.py, and headers=stream.headers"
    still_there.headers_are_still_there(client, answer_with, keep=kept)
    answer_with("one")
    headers = client.get(GET).headers
    for name, words in still_there.HEADERS.items():
        assert all(word in headers.get(name, "") for word in words), (
            f"The header {name} of GET {GET} is {headers.get(name, '')!r}, expected"
            f" {', '.join(words)}: send HEADERS with each answer."
        )
    assert not headers.get("Access-Control-Allow-Origin"), (
        f"A page of any server may read what GET {GET} answers: leave out"
        " Access-Control-Allow-Origin. Our own page does not need it."
    )
    still_there.a_body_that_is_too_large_is_refused(client, answer_with)
    still_there.a_foreign_name_gets_nothing(client, answer_with)
    still_there.a_foreign_page_gets_nothing(client, answer_with)

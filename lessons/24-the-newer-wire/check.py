"""A response has a name, its events have numbers, and a reader comes back with both."""

import json
import os
import sys
from threading import Event

import pytest
from langchain_core.exceptions import ModelConnectionError, ModelRateLimitError
from langchain_core.messages import AIMessageChunk
from werkzeug.exceptions import HTTPException

from lessons.course.for_checks import still_there
from lessons.course.for_checks.failing_model import SECRET, must_not_repeat_the_provider
from lessons.course.for_checks.in_time import PATIENCE, UntilRead, in_time
from lessons.course.for_checks.quoting import short
from lessons.course.for_checks.scripted_model import End

PATH = "/v1/responses"
KEY = {"Authorization": f"Bearer {os.environ.get('SERVER_KEY') or 'sk-practice'}"}
QUESTION = {"model": "practice", "input": "Hello?"}
TEXT = ["Tragödie 👋", "\n", "  two\t", "<b>"]
NEVER_ENDS = (
    "The model's answer was over, and the stream goes on: return when store.read() has"
    " nothing more, which is when its loop ends."
)
NO_HEARTBEAT = (
    "In a silence of the model a reader got nothing at all: yield HEARTBEAT where"
    " store.read() yields None. Only who sends learns that nobody is there any more."
)
FIRST = ["response.created", "response.in_progress"]
LAST = [
    "response.output_text.done",
    "response.content_part.done",
    "response.output_item.done",
]


class Gate(Event):
    """A gate in a script, which opens by itself if a program waits before it."""

    def wait(self, _=None):
        super().wait(PATIENCE)
        return True


@pytest.fixture(autouse=True)
def soon(monkeypatch, program):
    """Let a heartbeat come fast, so that no reader waits for long."""
    module = sys.modules[type(program.store).__module__]
    monkeypatch.setattr(module, "HEARTBEAT", 0.05)


@pytest.fixture
def ask(client, answer_with):
    """Ask for a response to a scripted answer; return the model and the answer."""

    def post(*script, **fields):
        model = answer_with(*script)
        question = QUESTION | {"stream": True} | fields
        answer = in_time(
            lambda: client.post(PATH, json=question, headers=KEY),
            "The model had answered, and POST /v1/responses still waits.",
        )
        return model, answer

    return post


@pytest.fixture
def get(client):
    """Get what is at an address below /v1/responses/."""

    def get_it(name, method="GET", **query):
        path = f"{PATH}/{name}"
        answer = client.open(path, method=method, headers=KEY, query_string=query)
        return there(answer, method, path)

    return get_it


def shown(path):
    """Return a path without the name in it, which is another one each time."""
    parts = path.split("/")
    parts[3] = "<name>"
    return "/".join(parts)


def there(answer, method, path):
    """Return an answer, or fail if no view has made it."""
    nothing = "There is nothing at this address"
    is_missing = answer.status_code == 405 or (
        answer.status_code == 404 and nothing in answer.text
    )
    if is_missing:
        *_, last = path.split("/")
        view = "/<name>/cancel" if last == "cancel" else "/<name>"
        verb = "post" if method == "POST" else "get"
        raise AssertionError(
            f"{method} {shown(path)} gave a {answer.status_code}, as there is no view"
            f' for it yet: write @app.{verb}("/v1/responses{view}") in app.py.'
        )
    return answer


def body_of(answer):
    """Return the whole body of an answer, as text."""
    assert answer.status_code == 200, (
        f"The status is {answer.status_code}, expected 200: {short(answer.text)}."
    )
    pieces = []

    def read():
        for piece in answer.iter_encoded():
            pieces.append(piece)
            assert len(pieces) < 500, NEVER_ENDS

    in_time(read, NEVER_ENDS)
    return b"".join(pieces).decode()


def events_in(body):
    """Return the events in a body, as dicts."""
    found = []
    for block in body.split("\n\n"):
        lines = [line for line in block.split("\n") if line and line[0] != ":"]
        if not lines:
            continue
        assert len(lines) == 2 and lines[1].startswith("data: {"), (
            f"One event of the stream is {short(block)}: it has two lines, event: with"
            " its type, and data: with an object in JSON. as_event(event) makes both."
            " There is no [DONE] on this wire."
        )
        event = json.loads(lines[1][6:])
        assert lines[0] == f"event: {event['type']}", (
            f"The line {lines[0]!r} is above an event of the type"
            f" {event['type']!r}: as_event(event) writes the type in both places."
        )
        found.append(event)
    return found


def read(answer):
    """Return the events of an answer."""
    return events_in(body_of(answer))


def types_of(events):
    return [event["type"].removeprefix("response.") for event in events]


def named(kinds):
    return [kind.removeprefix("response.") for kind in kinds]


def of(events, kind):
    return [event for event in events if event["type"] == f"response.{kind}"]


def delta_texts(events):
    deltas = of(events, "output_text.delta") + of(events, "refusal.delta")
    return "".join(event["delta"] for event in deltas)


def until_delta(answer):
    """Read a stream up to its first text; return the body and the events that came."""
    body = answer.iter_encoded()
    came = b""
    while b"delta" not in came:
        came += in_time(lambda: next(body), NEVER_ENDS)
    return body, events_in(came.decode())


# What was there before


def test_what_earlier_lessons_gave_the_server_is_still_there(client, answer_with):
    where = client, answer_with, PATH, QUESTION
    still_there.headers_are_still_there(
        *where, headers=KEY, keep="the function below @app.after_request"
    )
    still_there.a_conversation_that_is_too_large_is_refused(*where, headers=KEY)
    still_there.a_foreign_name_gets_nothing(*where, headers=KEY)
    still_there.a_foreign_page_gets_nothing(*where, headers=KEY)
    for path in PATH, f"{PATH}/resp_1", f"{PATH}/resp_1/cancel":
        method = "GET" if path.endswith("1") else "POST"
        status = client.open(path, method=method).status_code
        assert status == 401, (
            f"{method} {path} without the key gave a {status}, expected 401: keep the"
            " function below @app.before_request."
        )


# 1. Numbers


def test_a_text_is_sent_before_the_next_is_made(ask):
    until_read = UntilRead(b"output_text.delta")
    _, answer = ask("one", until_read, " two")
    body = in_time(lambda: until_read.read(answer), NEVER_ENDS)
    assert until_read.waits == [True], (
        'The model had written "one", and the client got no delta before " two" was'
        " made: yield each event as soon as take() has made it."
    )
    texts = delta_texts(events_in(body.decode()))
    assert texts == "one two", (
        f'The model wrote "one two", and the stream ended after {texts!r}: read the'
        " list with store.read(), which waits for what is still being written."
    )


def test_each_event_has_the_next_number(ask):
    events = read(ask("one", " two")[1])
    numbers = [event.get("sequence_number") for event in events]
    assert None not in numbers, (
        f"An event of the type {events[0]['type']} has no sequence_number: emit() gives"
        " each event self.next_number, which begins at 0."
    )
    assert numbers == list(range(len(events))), (
        f"The events have the numbers {short(numbers)}, expected 0, 1, 2 and so on:"
        " emit() adds 1 to self.next_number after each event."
    )


# 2. The beginning


@pytest.mark.parametrize("background", [False, True])
def test_the_first_events_are_about_the_whole_response(ask, background):
    events = read(ask("one", " two", background=background)[1])
    expected = named(FIRST)
    if background:
        expected.insert(1, "queued")
    begun = types_of(events)[: len(expected)]
    assert begun == expected, (
        f"With background {json.dumps(background)} the stream begins with {begun},"
        f" expected {expected}: the entry start of the list makes them, in begin()."
    )
    responses = [event.get("response") for event in events[: len(expected)]]
    assert all(isinstance(each, dict) and each.get("id") for each in responses), (
        f"The first events have the response {short(responses)}: give emit() the whole"
        " object, response=self.object."
    )
    statuses = [each["status"] for each in responses]
    wanted = ["queued", "queued", "in_progress"] if background else ["in_progress"] * 2
    assert statuses == wanted, (
        f"The status in the first events is {statuses}, expected {wanted}: set it to"
        " in_progress just before that event. Each event has a copy of the object as"
        " it was then."
    )


# 3. Text


def test_the_first_text_begins_a_message_and_a_part(ask):
    events = read(ask("one", " two")[1])
    kinds = types_of(events)[2:6]
    expected = ["output_item.added", "content_part.added", *["output_text.delta"] * 2]
    assert kinds == expected, (
        f"After the first events come {kinds}, expected {expected}: add() emits one"
        " event for the message, one for its part, and then one for each text."
    )


def test_each_text_says_where_it_belongs(ask):
    events = read(ask(*TEXT)[1])
    [added] = of(events, "output_item.added")
    deltas = of(events, "output_text.delta")
    assert delta_texts(events) == "".join(TEXT), (
        f"The model wrote {short(''.join(TEXT))}, and the deltas say"
        f" {short(delta_texts(events))}: each text is the delta of one event, as it is."
    )
    place = {"item_id": added["item"]["id"], "output_index": 0, "content_index": 0}
    for event in [*of(events, "content_part.added"), *deltas]:
        wrong = [key for key in place if event.get(key) != place[key]]
        assert not wrong, (
            f"In an event of the type {event['type']} the place is wrong, its"
            f" {' and '.join(wrong)}: emit_for_part() adds item_id, output_index and"
            " content_index. Append a part to the message before you emit its event:"
            " the last part is the one that is meant."
        )
    assert all(event.get("logprobs") == [] for event in deltas), (
        "An event of the type response.output_text.delta has no logprobs, which some"
        ' clients want: **EXTRA[kind] adds "logprobs": [].'
    )


def test_what_is_added_is_empty_when_it_is_told(ask):
    events = read(ask("one", " two")[1])
    [item] = [event["item"] for event in of(events, "output_item.added")]
    [part] = [event["part"] for event in of(events, "content_part.added")]
    created = events[0]["response"]
    assert created["output"] == [] and item["content"] == [] and part["text"] == "", (
        f"response.created has the output {short(created['output'])}, the item was"
        f" added with {short(item['content'])}, and the part with {part['text']!r}: all"
        " are empty then. Emit each event first, then change the object; and keep"
        " deepcopy in emit()."
    )


# 4. The end


def test_the_end_tells_of_all_that_is_whole(ask):
    _, answer = ask("one", " two")
    events = read(answer)
    expected = [*named(LAST), "completed"]
    assert types_of(events)[-4:] == expected, (
        f"The last events are {types_of(events)[-4:]}, expected {expected}: what was"
        " opened last is closed first, and end() does it in this order."
    )
    text, part, item, last = events[-4:]
    found = [
        text.get("text"),
        part["part"].get("text"),
        item["item"]["content"][0]["text"],
        last["response"]["output"][0]["content"][0]["text"],
    ]
    assert found == ["one two"] * 4, (
        'The model wrote "one two", and the four last events have the texts'
        f" {short(found)}: add each text to the part, so that it is whole at the end."
    )
    assert len(last["response"]["output"]) == 1, (
        f"The response has {len(last['response']['output'])} items in its output,"
        " expected one: append the message at the first text only."
    )
    statuses = item["item"]["status"], last["response"]["status"]
    assert statuses == ("completed", "completed"), (
        f"In the last events the message has the status {statuses[0]!r} and the"
        f" response {statuses[1]!r}, expected completed: set both before you emit."
    )
    usage = last["response"]["usage"]
    assert usage and usage["output_tokens"] == 2, (
        f"The usage in the last event is {short(usage)}, expected two output_tokens:"
        " self.object |= changes puts all changes into the object."
    )


ENDS = {
    "length": {"reason": "max_output_tokens"},
    "content_filter": {"reason": "content_filter"},
}


@pytest.mark.parametrize("reason", list(ENDS))
def test_an_answer_that_was_cut_is_incomplete(ask, reason):
    events = read(ask("one", End(finish_reason=reason))[1])
    expected = [*named(LAST), "incomplete"]
    assert types_of(events)[-4:] == expected, (
        f"The model's answer ended with {reason!r}, and the last events are"
        f" {types_of(events)[-4:]}, expected {expected}: the last event is"
        " response. and the status."
    )
    last = events[-1]["response"]
    why = last["status"], last["incomplete_details"], last["output"][0]["status"]
    assert why == ("incomplete", ENDS[reason], "incomplete"), (
        f"The model's answer ended with {reason!r}. In the last event the status, the"
        f" incomplete_details and the message's status are {why}: end_of() has the"
        " first two, and a message is completed only if the response is."
    )


def test_the_most_tokens_end_an_answer(ask):
    events = read(ask("one", " two", " three", max_output_tokens=2)[1])
    assert (delta_texts(events), types_of(events)[-1]) == ("one two", "incomplete"), (
        "With max_output_tokens 2 the model was to write two texts, and the deltas say"
        f" {delta_texts(events)!r}, the last event is {types_of(events)[-1]}."
    )


def test_a_failure_has_two_events(ask, told):
    events = read(ask("one", ModelConnectionError(SECRET))[1])
    must_not_repeat_the_provider(told())
    assert types_of(events)[-2:] == ["error", "failed"], (
        f"The model failed after a text, and the last events are"
        f" {types_of(events)[-3:]}, expected an event error and then response.failed:"
        " there are clients that know only one of them. Nothing is whole, so there"
        " is no event that says done."
    )
    error, failed = events[-2:]
    sentence = failed["response"]["error"]
    assert sentence and SECRET not in str(events), (
        f"The response that failed has the error {sentence}: self.object |= changes"
        " comes before the events."
    )
    assert error.get("message") == sentence["message"] and "error" not in error, (
        f"The event error has the fields {list(error)}: it is flat, with message, code"
        " and param beside its type: it gets all of self.object['error']."
    )
    types = types_of(events)
    assert types.count("output_item.done") == 0, (
        f"The model failed, and an event says that the message is done: {types}. Emit"
        " that one only if the status is completed or incomplete."
    )


def test_a_failure_before_the_first_text_is_a_status(ask):
    _, answer = ask(ModelRateLimitError(SECRET))
    assert answer.status_code == 429, (
        f"The model was busy before its first text, and the status is"
        f" {answer.status_code}, expected 429: keep wait_for_text(store, name)."
    )


def refusal(text):
    return AIMessageChunk([{"type": "refusal", "refusal": text}])


def test_a_refusal_is_a_part_of_another_kind(ask):
    events = read(ask(refusal("I can't"), refusal(" help."))[1])
    expected = ["content_part.added", "refusal.delta", "refusal.delta", "refusal.done"]
    assert types_of(events)[3:7] == expected, (
        "The model declined in two pieces, and after the item was added come"
        f" {types_of(events)[3:7]}, expected {expected}: an entry refusal of the list"
        ' calls add("refusal", text).'
    )
    part = events[-1]["response"]["output"][0]["content"]
    assert part == [{"type": "refusal", "refusal": "I can't help."}], (
        f'The model declined with "I can\'t help.", and the message holds {short(part)}'
        ": KEY[kind] says where a part has its text."
    )


def test_another_kind_of_text_begins_another_part(ask):
    try:
        events = read(ask("one", refusal("No."), " two")[1])
    except KeyError as error:
        error.add_note(
            "A part of one kind got text of another: begin a new one if the last part"
            " is of another kind."
        )
        raise
    added = [event["part"]["type"] for event in of(events, "content_part.added")]
    done = [event["part"] for event in of(events, "content_part.done")]
    texts = [part.get("text") or part.get("refusal") for part in done]
    assert added == ["output_text", "refusal", "output_text"], (
        "The model wrote text, declined, and wrote more text. The parts that are added"
        f" are {added}: begin a new one if the last is of another kind."
    )
    assert texts == ["one", "No.", " two"], (
        "The model wrote 'one', declined with 'No.', and wrote ' two'. The parts that"
        f" are done have {texts}: end the last part before a new one begins."
    )
    places = [event["content_index"] for event in of(events, "content_part.done")]
    assert places == [0, 1, 2], (
        f"The three parts are done at the content_index {places}: call end_part()"
        " before you append the new part."
    )


# 5. Coming back


def whole_response(ask, *script, **fields):
    """Return the name of a response that is over, and its events."""
    _, answer = ask(*script, background=True, **fields)
    events = read(answer)
    return events[0]["response"]["id"], events


def test_the_object_is_what_the_events_have_made(ask, get):
    for script in ["one", " two"], ["one", ModelConnectionError(SECRET)]:
        name, events = whole_response(ask, *script)
        answer = get(name)
        assert answer.status_code == 200 and answer.is_json, (
            f"GET {PATH}/<name> gave a {answer.status_code} of the type"
            f" {answer.mimetype}, expected the object: return current(name)."
        )
        last = events[-1]["response"]
        differ = [key for key in last if answer.json.get(key) != last[key]]
        assert answer.json == last, (
            f"GET shows another object than the last event had, its {differ} differ:"
            " return current(name)."
        )


def test_the_object_shows_what_is_there_so_far(ask, get):
    gate = Gate()
    _, answer = ask("one", gate, " two", background=True)
    body, came = until_delta(answer)
    name = came[0]["response"]["id"]
    now = get(name).json
    gate.set()
    in_time(lambda: list(body), NEVER_ENDS)
    shown = now["status"], [item["content"][0]["text"] for item in now["output"]]
    assert shown == ("in_progress", ["one"]), (
        'The model had written "one", and GET shows the status and the texts'
        f" {shown}, expected in_progress and ['one']: return current(name)."
    )


def test_a_reader_comes_back_after_any_event(ask, get):
    name, events = whole_response(ask, "one", " two", refusal("No."))
    for number in range(len(events)):
        answer = get(name, stream="true", starting_after=number)
        assert answer.mimetype == "text/event-stream", (
            f"GET with ?stream=true is answered as {answer.mimetype}, expected"
            " text/event-stream: if asks_for_stream(), return stream(...)."
        )
        found = read(answer)
        numbers = [event["sequence_number"] for event in found]
        assert numbers == list(range(number + 1, len(events))), (
            f"A reader asked with starting_after={number}, and got the events"
            f" {numbers}, expected those from {number + 1} to {len(events) - 1}:"
            " the number is that of the last event it has. The store counts its"
            " entries from 1, and one entry can make several events."
        )
        assert found == events[number + 1 :], (
            f"After event {number} a reader got other events than the first one:"
            f" {short(found[:1])} for {short(events[number + 1 : number + 2])}. Read"
            " the list from its beginning, and leave out what was sent."
        )


def test_without_a_number_all_events_come(ask, get):
    name, events = whole_response(ask, "one", " two")
    found = read(get(name, stream="true"))
    assert found == events, (
        "GET with ?stream=true and no starting_after gave the events"
        f" {short([event['sequence_number'] for event in found])}, expected all from 0"
        " on: starting_after() returns -1 then."
    )


def test_a_reader_who_comes_back_early_waits_for_the_rest(ask, get):
    gate = Gate()
    _, answer = ask("one", gate, " two", background=True)
    _, came = until_delta(answer)
    answer.close()
    name = came[0]["response"]["id"]
    last = came[-1]["sequence_number"]
    again = get(name, stream="true", starting_after=last)
    body = again.iter_encoded()
    silence = in_time(lambda: next(body), NO_HEARTBEAT)
    assert silence.startswith(b":"), NO_HEARTBEAT
    gate.set()
    rest = in_time(lambda: b"".join(body), NEVER_ENDS).decode()
    found = events_in(silence.decode() + rest)
    assert delta_texts(found) == " two" and types_of(found)[-1] == "completed", (
        f'A reader left after "one" and came back. It got {delta_texts(found)!r} and'
        f" the events {types_of(found)}, expected ' two' and all up to completed."
    )


def test_only_what_was_begun_for_it_can_be_streamed_again(ask, get):
    for fields in {"background": False}, {"background": True, "stream": False}:
        _, answer = ask("one", **fields)
        body = body_of(answer)
        is_object = body.startswith("{")
        object_ = json.loads(body) if is_object else events_in(body)[0]["response"]
        again = get(object_["id"], stream="true")
        assert again.status_code == 400, (
            f"A response that was begun with {fields} was asked for as a stream, and"
            f" the status is {again.status_code}, expected 400: raise the Refusal"
            " NO_STREAM unless its question has both background and stream."
        )
        error = again.get_json(silent=True) or {}
        assert "background" in str(error), (
            f"The refusal says {short(again.text)}: it has to name what is missing."
        )


# 6. Cancelling


def test_cancel_ends_a_response(ask, get):
    gate = Gate()
    model, answer = ask("one", gate, " two", " three", background=True)
    body, came = until_delta(answer)
    name = came[0]["response"]["id"]
    first = get(f"{name}/cancel", method="POST")
    assert first.status_code == 200 and first.is_json, (
        f"POST .../cancel gave a {first.status_code} of the type {first.mimetype},"
        " expected the object: return current(name)."
    )
    status = first.json["status"]
    assert status == "cancelled", (
        f"After cancel the response has the status {status!r}, expected cancelled:"
        " store.end(name, STOPPED) comes before current(name)."
    )
    rest = in_time(lambda: b"".join(body), NEVER_ENDS)
    gate.set()
    found = types_of(events_in(rest.decode()))
    assert found == [], (
        f"A response was cancelled, and its stream went on with {found}: there is no"
        " event for that, the stream just ends."
    )
    assert in_time(lambda: model.closed.wait(PATIENCE), NEVER_ENDS), (
        "A response was cancelled, and the model writes on: store.end() stops its"
        " writer, which closes the model's stream."
    )
    again = get(f"{name}/cancel", method="POST")
    assert (again.status_code, again.json) == (200, first.json), (
        f"A second cancel gave a {again.status_code}, and not the same object once"
        " more: it does no harm, and the response stays where it is."
    )


def test_cancel_after_the_end_changes_nothing(ask, get):
    name, events = whole_response(ask, "one")
    answer = get(f"{name}/cancel", method="POST")
    status = answer.json["status"]
    assert answer.json == events[-1]["response"], (
        f"A response was completed, and then cancelled, and its status is {status!r}:"
        " store.end() changes nothing after the end, and current(name) shows the same."
    )


def test_what_a_reader_waits_for_cannot_be_cancelled(ask, get):
    events = read(ask("one")[1])
    answer = get(f"{events[0]['response']['id']}/cancel", method="POST")
    assert answer.status_code == 400 and "background" in answer.text, (
        f"Cancel of a response without background gave a {answer.status_code}, expected"
        " a 400 that names background: raise the Refusal NO_CANCEL. Its reader can hang"
        " up."
    )


def test_a_reader_who_leaves_ends_a_response_without_background(ask, get):
    gate = Gate()
    model, answer = ask("one", gate, " two", " three")
    _, came = until_delta(answer)
    name = came[0]["response"]["id"]
    answer.close()
    gate.set()
    closed = in_time(lambda: model.closed.wait(PATIENCE), NEVER_ENDS)
    status = get(name).json["status"]
    assert closed and status == "cancelled", (
        "The reader of a response without background has left, and its status is"
        f" {status!r}, expected cancelled: keep call_on_close in create()."
    )


def test_an_unknown_name_is_a_404(get):
    for answer in get("resp_1"), get("resp_1/cancel", method="POST"):
        assert answer.status_code == 404 and "no such response" in answer.text, (
            f"A response that is not there gave a {answer.status_code}, expected a 404:"
            " store.find(name) raises it."
        )
    try:
        status = get("resp_1", stream="true").status_code
    except HTTPException:  # raised in the body
        status = 200
    assert status == 404, (
        f"A stream of a response that is not there gave a {status}, expected a 404:"
        " call store.find(name) in the view, before the body begins."
    )

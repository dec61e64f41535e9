"""A response has a name, its events have numbers, and a reader comes back with both."""

import json
import os
import sys

import pytest
from langchain_core.exceptions import ModelConnectionError, ModelRateLimitError
from langchain_core.messages import AIMessageChunk
from werkzeug.exceptions import HTTPException

from lessons.course.for_checks import still_there
from lessons.course.for_checks.failing_model import SECRET, must_not_repeat_the_provider
from lessons.course.for_checks.in_time import PATIENCE, UntilRead, in_time
from lessons.course.for_checks.quoting import short
from lessons.course.for_checks.scripted_model import End, Gate

PATH = "/v1/responses"
KEY = {"Authorization": f"Bearer {os.environ.get('SERVER_KEY') or 'sk-practice'}"}
QUESTION = {"model": "practice", "input": "Hello?"}
TEXT = ["Tragödie 👋", "\n", "  two\t", "<b>"]
NEVER_ENDS = (
    "The model's answer has ended, but the stream goes on. Return when the loop over"
    " store.read() ends."
)
IN_A_LIST = (
    "A reader came back while the model was silent, and got no event until the model"
    " went on. Pass events_after() itself to stream(), not a list of what it yields."
)
NO_HEARTBEAT = (
    "The model was silent, and a reader got nothing at all. Yield HEARTBEAT where"
    " store.read() yields None: a server notices that a reader has left only when it"
    " sends something."
)
FIRST = ["response.created", "response.queued", "response.in_progress"]
ADDED = ["response.output_item.added", "response.content_part.added"]
LAST = [
    "response.output_text.done",
    "response.content_part.done",
    "response.output_item.done",
]


@pytest.fixture(autouse=True)
def soon(monkeypatch, program):
    """Let heartbeats come soon, so that no reader waits for long."""
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
            "The model had answered, but POST /v1/responses is still waiting. In"
            " create(), keep wait_for_text() and wait_for_end(), and wait for nothing"
            " else.",
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
    """Return a path without the name in it, which is different each time."""
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
            f"{method} {shown(path)} returned status {answer.status_code}, because"
            f' there is no view for it yet. Write @app.{verb}("/v1/responses{view}") in'
            " app.py."
        )
    return answer


def body_of(answer):
    """Return the whole body of an answer, as text."""
    assert answer.status_code == 200, (
        f"Expected status 200, got {answer.status_code}: {short(answer.text)}."
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
            f"One event of the stream is {short(block)}. Expected two lines: event:"
            " with its type, and data: with an object in JSON. as_event(event) makes"
            " both. There is no [DONE] on this wire."
        )
        event = json.loads(lines[1][6:])
        assert lines[0] == f"event: {event['type']}", (
            f"The line {lines[0]!r} is above an event of the type {event['type']!r}."
            " as_event(event) writes the type in both places."
        )
        found.append(event)
    return found


def read(answer):
    """Return the events of an answer."""
    return events_in(body_of(answer))


def types_of(events):
    return [event["type"] for event in events]


def of(events, kind):
    return [event for event in events if event["type"] == f"response.{kind}"]


def field_of(event, name):
    """Return a field of an event, or fail."""
    assert name in event, f"The event {event['type']} has no {name}: give it to emit()."
    return event[name]


def name_in(events):
    """Return the name of the response that the first event is about."""
    return field_of(events[0], "response")["id"]


def message_in(response):
    """Return the message of an object, or fail."""
    assert response["output"], (
        "The object has an empty output after the model has sent text. Append the"
        " message to it."
    )
    return response["output"][0]


def text_in(message):
    """Return the text of the first part of a message, or fail."""
    assert message["content"], (
        "The message has an empty content after the model has sent text. Append the"
        " part to it."
    )
    return message["content"][0].get("text")


def delta_texts(events):
    deltas = of(events, "output_text.delta") + of(events, "refusal.delta")
    return "".join(field_of(event, "delta") for event in deltas)


def next_piece(body, sentence=NEVER_ENDS):
    """Return the next piece that is not empty; at the end of a body, an empty one."""
    return in_time(lambda: next(filter(None, body), b""), sentence)


def until_delta(answer):
    """Read a stream up to its first text; return the body and the events that came."""
    body = answer.iter_encoded()
    came = b""
    while b"delta" not in came:
        piece = next_piece(body)
        assert piece, (
            f"The stream ended without a delta: {short(came.decode())}. Make add() emit"
            " each text."
        )
        came += piece
    return body, events_in(came.decode())


# What was there before


def test_the_limits_and_the_key_from_earlier_lessons_still_apply(client, answer_with):
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
            f"{method} {path} without the key: expected status 401, got {status}. Keep"
            " the function below @app.before_request."
        )


# 1. Number the events


def test_a_text_is_sent_before_the_next_is_made(ask):
    until_read = UntilRead(b"output_text.delta")
    _, answer = ask("one", until_read, " two")
    body = in_time(lambda: until_read.read(answer), NEVER_ENDS)
    assert until_read.waits == [True], (
        'The model had written "one", but the client got no delta before " two" was'
        " made. Yield each event as soon as take() has made it."
    )
    texts = delta_texts(events_in(body.decode()))
    assert texts == "one two", (
        f'The model wrote "one two", but the stream ended after {texts!r}. Read the'
        " list with store.read(), which waits for what is still being written."
    )


def test_each_event_has_the_next_number(ask):
    events = read(ask("one", " two")[1])
    numbers = [event.get("sequence_number") for event in events]
    assert None not in numbers, (
        f"An event of the type {events[0]['type']} has no sequence_number. Make emit()"
        " give each event self.next_number, which begins at 0."
    )
    assert numbers[0] == 0 or events[0]["type"] not in FIRST[1:], (
        f"The stream begins with {events[0]['type']}, which is number {numbers[0]}."
        " Let create begin after -1, with events_after(name, -1)."
    )
    assert numbers == list(range(len(events))), (
        f"The events have the numbers {short(numbers)}. Expected 0, 1, 2 and so on."
        " Make emit() add 1 to self.next_number after each event."
    )


# 2. Begin the answer


@pytest.mark.parametrize("background", [False, True])
def test_the_first_events_are_about_the_whole_response(ask, background):
    events = read(ask("one", " two", background=background)[1])
    expected = FIRST if background else [FIRST[0], FIRST[2]]
    begun = types_of(events)[: len(expected)]
    assert begun == expected, (
        f"With background {json.dumps(background)} the stream begins with {begun}."
        f" Expected {expected}. Write begin(), which makes them from the list's entry"
        " start."
    )
    responses = [event.get("response") for event in events[: len(expected)]]
    assert all(isinstance(each, dict) and each.get("id") for each in responses), (
        f"The first events have the response {short(responses)}. Pass emit() the whole"
        " object, response=self.object."
    )
    statuses = [each["status"] for each in responses]
    wanted = ["queued", "queued", "in_progress"] if background else ["in_progress"] * 2
    assert statuses == wanted, (
        f"The status in the first events is {statuses}. Expected {wanted}. Set it to"
        " in_progress just before that event: each event has a copy of the object as"
        " it was at that moment."
    )


# 3. Send the text


def test_the_first_text_begins_a_message_and_a_part(ask):
    events = read(ask("one", " two")[1])
    kinds = types_of(events)[2:6]
    expected = [*ADDED, *["response.output_text.delta"] * 2]
    assert kinds == expected, (
        f"After the first events come {kinds}. Expected {expected}. Make add() emit one"
        " event for the message, one for its part, and then one for each text."
    )


def test_each_text_says_where_it_belongs(ask):
    events = read(ask(*TEXT)[1])
    [added] = of(events, "output_item.added")
    item = field_of(added, "item")
    deltas = of(events, "output_text.delta")
    assert delta_texts(events) == "".join(TEXT), (
        f"The model wrote {short(''.join(TEXT))}, and the deltas say"
        f" {short(delta_texts(events))}. Send each text as the delta of one event,"
        " unchanged."
    )
    assert added.get("output_index") == 0, (
        f"The event {added['type']} has the output_index {added.get('output_index')},"
        " expected 0: the message is the first item of the output."
    )
    place = {"item_id": item["id"], "output_index": 0, "content_index": 0}
    for event in [*of(events, "content_part.added"), *deltas]:
        wrong = [key for key in place if event.get(key) != place[key]]
        assert not wrong, (
            f"In an event of the type {event['type']} the place is wrong: its"
            f" {' and '.join(wrong)}. emit_for_part() adds item_id, output_index and"
            " content_index. Append a part to the message before you emit its event:"
            " emit_for_part() names the last part."
        )
    assert all(event.get("logprobs") == [] for event in deltas), (
        "An event of the type response.output_text.delta has no logprobs, which some"
        ' clients need. **EXTRA[kind] adds "logprobs": [].'
    )


def test_a_message_and_its_part_are_empty_at_first(ask):
    events = read(ask("one", " two")[1])
    [item] = [field_of(each, "item") for each in of(events, "output_item.added")]
    [part] = [field_of(each, "part") for each in of(events, "content_part.added")]
    created = field_of(events[0], "response")
    assert created["output"] == [] and item["content"] == [] and part["text"] == "", (
        f"response.created has the output {short(created['output'])}, the item was"
        f" added with {short(item['content'])}, and the part with {part['text']!r}."
        " All of them have to be empty at that point. Emit each event first, then"
        " change the object, and keep deepcopy in emit()."
    )


# 4. Say how the answer ended


def test_the_last_events_are_complete(ask):
    _, answer = ask("one", " two")
    events = read(answer)
    expected = [*LAST, "response.completed"]
    assert types_of(events)[-4:] == expected, (
        f"The last events are {types_of(events)[-4:]}. Expected {expected}. What was"
        " opened last is closed first: end() does it in this order."
    )
    text, part, done, last = events[-4:]
    item = field_of(done, "item")
    response = field_of(last, "response")
    found = [
        text.get("text"),
        field_of(part, "part").get("text"),
        text_in(item),
        text_in(message_in(response)),
    ]
    assert found == ["one two"] * 4, (
        'The model wrote "one two", and the last four events have the texts'
        f" {short(found)}. Add each text to the part, so that it is complete at the"
        " end."
    )
    assert done.get("output_index") == 0, (
        f"The event {done['type']} has the output_index {done.get('output_index')},"
        " expected 0: the message is the first item of the output."
    )
    assert len(response["output"]) == 1, (
        f"The response has {len(response['output'])} items in its output, expected"
        " one. Append the message only at the first text."
    )
    statuses = item["status"], response["status"]
    assert statuses == ("completed", "completed"), (
        f"In the last events the message has the status {statuses[0]!r} and the"
        f" response {statuses[1]!r}. Expected completed for both. Set both before you"
        " emit."
    )
    usage = response["usage"]
    assert usage and usage["output_tokens"] == 2, (
        f"The usage in the last event is {short(usage)}. Expected two output_tokens."
        " self.object |= changes puts all changes into the object."
    )


ENDS = {
    "length": {"reason": "max_output_tokens"},
    "content_filter": {"reason": "content_filter"},
}


@pytest.mark.parametrize("reason", list(ENDS))
def test_an_answer_that_was_cut_is_incomplete(ask, reason):
    events = read(ask("one", End(finish_reason=reason))[1])
    expected = [*LAST, "response.incomplete"]
    assert types_of(events)[-4:] == expected, (
        f"The model's answer ended with {reason!r}, and the last events are"
        f" {types_of(events)[-4:]}. Expected {expected}. The type of the last event is"
        " response. and the status."
    )
    last = field_of(events[-1], "response")
    status = message_in(last)["status"]
    why = last["status"], last["incomplete_details"], status
    assert why == ("incomplete", ENDS[reason], "incomplete"), (
        f"The model's answer ended with {reason!r}. In the last event the status, the"
        f" incomplete_details and the message's status are {why}. end_of() has the"
        " first two. A message is completed only if the response is."
    )


def test_the_token_limit_ends_an_answer(ask):
    events = read(ask("one", " two", " three", max_output_tokens=2)[1])
    end = delta_texts(events), types_of(events)[-1]
    assert end == ("one two", "response.incomplete"), (
        "max_output_tokens was 2. Expected two texts and response.incomplete, but the"
        f" deltas say {delta_texts(events)!r}, and the last event is"
        f" {types_of(events)[-1]}."
    )


def must_be_incomplete(response):
    """Fail if the message of a response that has not completed says something else."""
    status = message_in(response)["status"]
    assert status == "incomplete", (
        f"The response is {response['status']}, and its message has the status"
        f" {status!r}. Expected incomplete: a message is either completed or"
        " incomplete."
    )


def test_a_failure_has_two_events(ask, told):
    events = read(ask("one", ModelConnectionError(SECRET))[1])
    must_not_repeat_the_provider(told())
    assert types_of(events)[-2:] == ["error", "response.failed"], (
        "The model failed after a text, and the last events are"
        f" {types_of(events)[-3:]}. Expected error and then response.failed: some"
        " clients know only one of them. Nothing is complete, so send no event that"
        " says done."
    )
    error, failed = events[-2:]
    response = field_of(failed, "response")
    sentence = response["error"]
    assert sentence and SECRET not in str(events), (
        f"The response that failed has the error {sentence}. Write self.object |="
        " changes before the events."
    )
    assert error.get("message") == sentence["message"] and "error" not in error, (
        f"The event error has the fields {list(error)}. It is flat, with message, code"
        " and param beside its type. Pass it all of self.object['error']."
    )
    flat = [error.get("code"), error.get("param", "no param")]
    assert flat == [sentence["code"], None], (
        f"The event error has the code and the param {flat}. Expected"
        f" {[sentence['code'], None]}. Pass it all of self.object['error'], and"
        " param=None."
    )
    assert not of(events, "output_item.done"), (
        "The model failed, but response.output_item.done says that the message is"
        " done. Emit that event only if the status is completed or incomplete."
    )
    must_be_incomplete(response)


def test_a_failure_before_the_first_text_becomes_an_error_status(ask):
    _, answer = ask(ModelRateLimitError(SECRET))
    assert answer.status_code == 429, (
        "The model was overloaded before its first text. Expected status 429, got"
        f" {answer.status_code}. Keep wait_for_text(store, name)."
    )


def refusal(text):
    return AIMessageChunk([{"type": "refusal", "refusal": text}])


def test_a_refusal_is_a_part_of_another_kind(ask):
    events = read(ask(refusal("I can't"), refusal(" help."))[1])
    expected = [*["response.refusal.delta"] * 2, "response.refusal.done"]
    assert types_of(events)[4:7] == expected, (
        "The model declined in two pieces, and after its part was added come"
        f" {types_of(events)[4:7]}. Expected {expected}. For the list's entry refusal,"
        ' call add("refusal", text).'
    )
    part = message_in(field_of(events[-1], "response"))["content"]
    assert part == [{"type": "refusal", "refusal": "I can't help."}], (
        'The model declined with "I can\'t help.", and the message holds'
        f" {short(part)}. KEY[kind] says where a part has its text."
    )


def test_another_kind_of_text_begins_another_part(ask):
    try:
        events = read(ask("one", refusal("No."), " two")[1])
    except KeyError as error:
        error.add_note(
            "A part of one kind got text of another. Begin a new part if the last one"
            " is of another kind."
        )
        raise
    items = field_of(events[-1], "response")["output"]
    count = len(of(events, "output_item.added")), len(items)
    assert count == (1, 1), (
        "The model wrote text, declined, and wrote more text. The event"
        f" response.output_item.added came {count[0]} times, and the output has"
        f" {count[1]} items. Expected one: all parts belong to one message."
    )
    parts = [field_of(each, "part") for each in of(events, "content_part.added")]
    added = [part["type"] for part in parts]
    done = [field_of(each, "part") for each in of(events, "content_part.done")]
    texts = [part.get("text") or part.get("refusal") for part in done]
    assert added == ["output_text", "refusal", "output_text"], (
        "The model wrote text, declined, and wrote more text. The parts that are added"
        f" are {added}. Begin a new one if the last is of another kind."
    )
    assert texts == ["one", "No.", " two"], (
        "The model wrote 'one', declined with 'No.', and wrote ' two'. The parts that"
        f" are done have {texts}. End the last part before you begin a new one."
    )
    places = [event["content_index"] for event in of(events, "content_part.done")]
    assert places == [0, 1, 2], (
        f"The three parts are done at the content_index {places}. Call end_part()"
        " before you append the new part."
    )


# 5. Let a reader come back


def whole_response(ask, *script, **fields):
    """Return the name of a response that is over, and its events."""
    _, answer = ask(*script, background=True, **fields)
    events = read(answer)
    return name_in(events), events


def test_the_object_is_what_the_events_have_made(ask, get):
    for script in ["one", " two"], ["one", ModelConnectionError(SECRET)]:
        name, events = whole_response(ask, *script)
        answer = get(name)
        assert answer.status_code == 200 and answer.is_json, (
            f"GET {PATH}/<name> returned status {answer.status_code} with type"
            f" {answer.mimetype}. Expected the object. Return current(name)."
        )
        last = field_of(events[-1], "response")
        differ = [key for key in last if answer.json.get(key) != last[key]]
        assert answer.json == last, (
            f"GET shows a different object from the one in the last event: its {differ}"
            " differ. Return current(name)."
        )


def test_the_object_shows_what_is_there_so_far(ask, get):
    gate = Gate()
    _, answer = ask("one", gate, " two", background=True)
    body, came = until_delta(answer)
    name = name_in(came)
    now = get(name).json
    gate.set()
    in_time(lambda: list(body), NEVER_ENDS)
    parts = [part for item in now["output"] for part in item["content"]]
    shown = now["status"], [part["text"] for part in parts]
    assert shown == ("in_progress", ["one"]), (
        f'The model had written "one", and GET shows the status and the texts {shown}.'
        " Expected in_progress and ['one']. Return current(name)."
    )


def test_a_reader_comes_back_after_any_event(ask, get):
    name, events = whole_response(ask, "one", " two", refusal("No."))
    for number in range(len(events)):
        answer = get(name, stream="true", starting_after=number)
        assert answer.mimetype == "text/event-stream", (
            f"GET with ?stream=true is answered as {answer.mimetype}. Expected"
            " text/event-stream. If asks_for_stream() is true, return stream(...)."
        )
        found = read(answer)
        numbers = [event["sequence_number"] for event in found]
        assert numbers == list(range(number + 1, len(events))), (
            f"A reader asked with starting_after={number}, and got the events"
            f" {numbers}. Expected those from {number + 1} to {len(events) - 1}: the"
            " number is that of the last event that the reader has. The store counts"
            " its entries from 1, and one entry can make several events."
        )
        assert found == events[number + 1 :], (
            f"After event {number} a reader got other events than the first one:"
            f" {short(found[:1])} instead of {short(events[number + 1 : number + 2])}."
            " Read the list from its beginning, and leave out what the reader has."
        )


def test_without_a_number_all_events_are_sent(ask, get):
    """Without a number, all events are sent."""
    name, events = whole_response(ask, "one", " two")
    answer = get(name, stream="true")
    assert answer.status_code == 200, (
        "GET with ?stream=true and no starting_after returned status"
        f" {answer.status_code}. starting_after() returns -1 in that case."
    )
    found = read(answer)
    assert found == events, (
        "GET with ?stream=true and no starting_after gave the events"
        f" {short([event['sequence_number'] for event in found])}. Expected all,"
        " starting at 0. starting_after() returns -1 in that case."
    )


def test_nobody_gets_a_stream_without_asking_for_it(ask, get):
    name, _ = whole_response(ask, "one")
    answer = get(name, stream="false")
    assert answer.is_json and answer.json.get("id") == name, (
        f"GET with ?stream=false is answered as {answer.mimetype}. Expected the"
        ' object. Call asks_for_stream(), since "false" is a string like any other.'
    )


@pytest.fixture
def in_a_silence(ask):
    """Begin a response whose model is silent after a text; return its gate, too."""
    gate = Gate()
    _, answer = ask("one", gate, " two", background=True)
    _, came = until_delta(answer)
    answer.close()
    return gate, name_in(came), came[-1]["sequence_number"]


def test_a_reader_who_comes_back_early_waits_for_the_rest(get, in_a_silence):
    gate, name, last = in_a_silence
    again = get(name, stream="true", starting_after=last - 1)
    body = again.iter_encoded()
    first = next_piece(body, IN_A_LIST)
    silence = next_piece(body, NO_HEARTBEAT)
    assert silence.startswith(b":"), NO_HEARTBEAT
    gate.set()
    rest = first + silence + in_time(lambda: b"".join(body), NEVER_ENDS)
    found = events_in(rest.decode())
    assert gate.was_opened, IN_A_LIST
    assert (delta_texts(found), types_of(found)[-1]) == (
        "one two",
        "response.completed",
    ), (
        f'A reader left before "one" and came back. It got {delta_texts(found)!r} and'
        f" the events {types_of(found)}. Expected 'one two' and all events up to"
        " response.completed."
    )


def test_a_heartbeat_has_no_number(get, in_a_silence):
    gate, name, last = in_a_silence
    again = get(name, stream="true", starting_after=last + 1)
    body = again.iter_encoded()
    silence = next_piece(body, NO_HEARTBEAT)
    gate.set()
    rest = silence + in_time(lambda: b"".join(body), NEVER_ENDS)
    found = [event["sequence_number"] for event in events_in(rest.decode())]
    assert found[:1] == [last + 2], (
        f"A reader asked with starting_after={last + 1} while the model was silent,"
        f" and got the events {found}. Check the sequence_number of each event. A"
        " heartbeat has none, so do not count what is sent."
    )


def test_a_reader_who_came_back_may_leave_again(get, in_a_silence):
    gate, name, last = in_a_silence
    again = get(name, stream="true", starting_after=last - 1)
    next_piece(again.iter_encoded())
    again.close()
    gate.set()
    found = types_of(read(get(name, stream="true")))
    assert found[-1] == "response.completed", (
        "A reader came back to an answer in the background, and left again. Then the"
        f" last event is {found[-1]}. Expected response.completed. Leaving ends only"
        " an answer without background, so retrieve() has no call_on_close."
    )


def test_only_a_stream_in_the_background_can_be_streamed_again(ask, get):
    for fields in {"background": False}, {"background": True, "stream": False}:
        _, answer = ask("one", **fields)
        body = body_of(answer)
        is_object = body.startswith("{")
        name = json.loads(body)["id"] if is_object else name_in(events_in(body))
        again = get(name, stream="true")
        assert again.status_code == 400, (
            f"A response that was begun with {fields} was asked for as a stream."
            f" Expected status 400, got {again.status_code}. Raise the Refusal"
            " NO_STREAM unless its question has both background and stream."
        )
        error = again.get_json(silent=True) or {}
        assert "background" in str(error), (
            f"The refusal says {short(again.text)}. Its sentence has to name what is"
            " missing, background and stream."
        )
        assert error["error"]["param"] == "stream", (
            f"The refusal has the param {error['error']['param']!r}. Expected"
            " 'stream', the field that is wrong: param=\"stream\"."
        )


# 6. Cancel a response


def test_cancel_ends_a_response(ask, get):
    gate = Gate()
    model, answer = ask("one", gate, " two", " three", background=True)
    body, came = until_delta(answer)
    name = name_in(came)
    first = get(f"{name}/cancel", method="POST")
    assert first.status_code == 200 and first.is_json, (
        f"POST .../cancel returned status {first.status_code} with type"
        f" {first.mimetype}. Expected the object. Return current(name)."
    )
    status = first.json.get("status")
    assert status == "cancelled", (
        f"After cancel the response has the status {status!r}. Expected cancelled. Call"
        " store.end(name, STOPPED) before current(name)."
    )
    must_be_incomplete(first.json)
    rest = in_time(lambda: b"".join(body), NEVER_ENDS)
    gate.set()
    found = types_of(events_in(rest.decode()))
    assert found == [], (
        f"A response was cancelled, but its stream went on with {found}. There is no"
        " event for that: send none, and let the stream end."
    )
    assert in_time(lambda: model.closed.wait(PATIENCE), NEVER_ENDS), (
        "A response was cancelled, but the model kept writing. store.end() stops its"
        " writer, which closes the model's stream."
    )
    again = get(f"{name}/cancel", method="POST")
    assert (again.status_code, again.json) == (200, first.json), (
        f"A second cancel returned status {again.status_code}. Expected the same object"
        " once more: a second cancel must do no harm. Keep the response."
    )


def test_cancel_after_the_end_changes_nothing(ask, get):
    name, events = whole_response(ask, "one")
    answer = get(f"{name}/cancel", method="POST")
    status = answer.json.get("status")
    assert answer.json == events[-1]["response"], (
        f"A response was completed and then cancelled, and its status is {status!r}."
        " store.end() changes nothing after the end. Return current(name), which shows"
        " the same object."
    )


def test_a_response_without_background_cannot_be_cancelled(ask, get):
    events = read(ask("one")[1])
    answer = get(f"{name_in(events)}/cancel", method="POST")
    assert answer.status_code == 400 and "background" in answer.text, (
        f"Cancel of a response without background returned status {answer.status_code}."
        " Expected a 400 whose sentence names background. Raise the Refusal NO_CANCEL:"
        " the reader can hang up instead."
    )


def test_a_reader_who_leaves_ends_a_response_without_background(ask, get):
    gate = Gate()
    model, answer = ask("one", gate, " two", " three")
    _, came = until_delta(answer)
    name = name_in(came)
    answer.close()
    gate.set()
    closed = in_time(lambda: model.closed.wait(PATIENCE), NEVER_ENDS)
    status = get(name).json["status"]
    assert closed and status == "cancelled", (
        "The reader of a response without background has left, and its status is"
        f" {status!r}. Expected cancelled. Keep call_on_close in create()."
    )


def test_a_request_for_an_unknown_response_gets_a_404(get):
    for answer in get("resp_1"), get("resp_1/cancel", method="POST"):
        assert answer.status_code == 404 and "no such response" in answer.text, (
            f"An unknown response: expected status 404, got {answer.status_code}."
            " store.find(name) raises it."
        )
    try:
        status = get("resp_1", stream="true").status_code
    except HTTPException:  # raised in the body
        status = 200
    assert status == 404, (
        "A reader asked for the stream of an unknown response. Expected status 404,"
        f" got {status}. Call store.find(name) in the view, before the body begins."
    )

"""An answer is a list of events, which anybody may read, as often as they like."""

import json
import sys
from threading import Event, Thread

import pytest

from lessons.course.explain import short

TEXTS = ["Tragödie 👋", "\n", "  two\t", "<b>"]
PATIENCE = 5  # seconds


class Gate(Event):
    """A gate in a script, which opens by itself if a program waits before it."""

    def wait(self, _=None):
        super().wait(PATIENCE)
        return True


@pytest.fixture
def set_heartbeat(monkeypatch, program):
    """Return a function that says after how many seconds of silence one is sent."""
    module = sys.modules[type(program.store).__module__]

    def set_seconds(seconds):
        if hasattr(module, "HEARTBEAT"):
            monkeypatch.setattr(module, "HEARTBEAT", seconds)

    return set_seconds


@pytest.fixture(autouse=True)
def soon(set_heartbeat):
    """Let a heartbeat come fast, and no reader wait for long."""
    set_heartbeat(0.05)


@pytest.fixture
def begin(client, answer_with):
    """Begin an answer with this script; return the model and where to read it."""

    def post(*script):
        model = answer_with(*script)
        answer = client.post("/answers", json={"prompt": "Hello?"})
        assert answer.status_code == 201, (
            f"POST /answers gave {answer.status_code}, expected was 201. Its view is"
            " given; it calls the store's begin(), and that calls your add()."
        )
        return model, f"/answers/{answer.json['id']}"

    return post


def events_in(pieces, most=500):
    """Return (number, name, fields) for each event in the pieces of a body."""
    came = ""
    for count, piece in enumerate(pieces):
        came += piece.decode()
        assert count < most, (
            "The model had ended, and the body has not: read() goes on for ever. It"
            " returns once is_over() says so."
        )
    found = []
    for block in came.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.split("\n") if ": " in line)
        if "data" in fields:
            event = int(fields["id"]), fields["event"], json.loads(fields["data"])
            found.append(event)
    return found


def tokens_in(events):
    return [fields["token"] for _, name, fields in events if name == "token"]


def read(client, place, after=0):
    """Read an answer to its end; return its events."""
    headers = {"Last-Event-ID": str(after)} if after else {}
    answer = client.get(place, headers=headers)
    assert answer.status_code != 404, (
        f"GET {place} gave a 404. Write the view"
        ' @app.get("/answers/<name>"), whose function takes the name.'
    )
    if answer.status_code == 204:
        return []
    assert answer.mimetype == "text/event-stream", (
        f"The answer is sent as {answer.mimetype}, expected was text/event-stream: give"
        " Response the HEADERS of events.py."
    )
    return events_in(answer.iter_encoded())


def read_one_event(client, place):
    """Read the first event of an answer, and leave."""
    answer = client.get(place)
    next(answer.iter_encoded())
    answer.close()


def test_an_answer_can_be_begun(begin):
    begin("one")


def test_an_answer_can_be_read_from_its_first_event_to_its_last(begin, client):
    _, place = begin(*TEXTS)
    events = read(client, place)
    names = [name for _, name, _ in events]
    assert names[:1] == ["start"], (
        f"The first event that a reader gets is {short(str(events[:1]))}, expected was"
        " start with number 1: read() yields (number + 1, answer.events[number]),"
        " from number 0 on."
    )
    assert tokens_in(events) == TEXTS, (
        f"The model wrote {TEXTS}, and a reader got {short(str(tokens_in(events)))}:"
        " read() yields each event once, in its order."
    )
    assert names[-1] == "done", (
        f"The last event that a reader gets is {names[-1]}, expected was done: end()"
        " adds it, as add() does, and then sets ended_at. read() yields it, too."
    )
    numbers = [number for number, _, _ in events]
    assert numbers == list(range(1, len(events) + 1)), (
        f"The numbers of the events are {numbers}, expected were 1, 2, 3 and so on: a"
        " reader who comes back names the last that it has."
    )


def test_an_event_is_sent_before_the_next_is_made(begin, client):
    gate = Gate()
    model, place = begin("one", gate, "two")
    pieces = client.get(place).iter_encoded()
    came = b""
    for piece in pieces:
        came += piece
        if b"one" in came or came.count(b"heartbeat") > 50:
            break
    made = model.made
    gate.set()
    list(pieces)
    assert b"one" in came, (
        "The model had written its first text, and a reader got heartbeats only: read()"
        " yields what there is before it waits for more."
    )
    assert made == 1, (
        f"When the first text reached the reader, the model had made {made}: read()"
        " yields each event as soon as it is there, and nobody gathers them."
    )


def test_a_reader_who_waits_is_woken(begin, client, set_heartbeat):
    set_heartbeat(4 * PATIENCE)
    before, after = Gate(), Gate()
    _, place = begin(before, "one", after)
    came = Event()

    def read():
        for piece in client.get(place).iter_encoded():
            if b"one" in piece:
                came.set()

    reader = Thread(target=read, daemon=True)
    reader.start()
    before.set()
    was_woken = came.wait(PATIENCE)
    after.set()
    assert was_woken, (
        "A reader was waiting when the model wrote its first text, and did not get it"
        f" within {PATIENCE} seconds: add() calls self.changed.notify_all()."
    )
    reader.join(PATIENCE)


def test_it_is_written_on_when_its_reader_has_left(begin, client):
    gate = Gate()
    model, place = begin("one", gate, "two")
    read_one_event(client, place)
    gate.set()
    assert model.closed.wait(PATIENCE), "The model did not come to its end."
    assert not model.closed_early, (
        "A reader left, and the model was hung up on: a reader only reads, so read()"
        " must not end the answer."
    )
    assert tokens_in(read(client, place)) == ["one", "two"], (
        "A reader left and came back, and did not get the whole answer: a reader only"
        " reads, so read() ends nothing and takes nothing out of the list."
    )


def test_two_readers_get_the_same(begin, client):
    _, place = begin(*TEXTS)
    first, second = read(client, place), read(client, place)
    assert first == second, (
        f"The first reader got {short(str(tokens_in(first)))}, the second"
        f" {short(str(tokens_in(second)))}: read() takes no event out of the list, and"
        " counts for itself where it is."
    )


def test_who_comes_back_gets_what_came_after(begin, client):
    _, place = begin(*TEXTS)
    whole = read(client, place)
    for after in range(1, len(whole)):
        events = read(client, place, after)
        assert events == whole[after:], (
            f"A reader came back with Last-Event-ID: {after} and got the events"
            f" {[number for number, _, _ in events]}, expected were"
            f" {[number for number, _, _ in whole[after:]]}: begin with"
            " number = after, and give store.read() that number."
        )


@pytest.mark.parametrize("number", ["", "x", "-1", "9" * 30])
def test_a_number_that_there_cannot_be_does_no_harm(begin, client, number):
    _, place = begin("one")
    read(client, place)
    try:
        answer = client.get(place, headers={"Last-Event-ID": number})
        events = events_in(answer.iter_encoded())
    except Exception as error:
        error.add_note(
            f"That was for Last-Event-ID: {number!r}, which anybody may send."
        )
        raise
    assert answer.status_code in (200, 204) and len(events) in (0, 3), (
        f"For Last-Event-ID: {number!r}, which anybody may send, the status was"
        f" {answer.status_code}, with {len(events)} events: take it for 0 if it is no"
        " number."
    )


def test_who_has_it_all_is_told_not_to_come_back(begin, client):
    _, place = begin("one")
    last = read(client, place)[-1][0]
    answer = client.get(place, headers={"Last-Event-ID": str(last)})
    assert answer.status_code == 204, (
        f"A reader who had the last event came back, and the status was"
        f" {answer.status_code}: an EventSource asks again for ever, unless it gets a"
        ' 204. if store.is_over(name, after): return "", 204.'
    )


def test_an_answer_that_is_not_there_is_a_404(client):
    answer = client.get("/answers/nobody-knows")
    assert answer.status_code == 404, (
        f"GET /answers/nobody-knows gave {answer.status_code}, expected was 404:"
        " is_over() asks self.find(name), before the first event is sent."
    )


def test_stop_ends_it_for_everybody(begin, client):
    gate = Gate()
    model, place = begin("one", gate, "two", "three")
    reader = client.get(place).iter_encoded()
    next(reader)
    client.delete(place)
    events = events_in(reader)
    assert events and events[-1][1] == "done", (
        f"The answer was stopped, and the last that a reader got is"
        f" {short(str(events[-1:]))}, expected was done: end() adds the event and sets"
        " ended_at, both while nobody else can."
    )
    gate.set()
    assert model.closed.wait(PATIENCE) and model.closed_early, (
        "The answer was stopped, and the model wrote to its end, for nobody: add()"
        " returns False once ended_at is set, and the writer hangs up."
    )
    assert tokens_in(read(client, place)) == ["one"], (
        "The answer was stopped, and yet more was added to it: add() adds nothing once"
        " ended_at is set."
    )


def test_only_the_first_end_counts(begin, client):
    _, place = begin("one")
    whole = read(client, place)
    client.delete(place)
    assert read(client, place) == whole, (
        "Stop was pressed after the end, and the answer has another end now: end()"
        " changes nothing where ended_at is set."
    )


def test_a_silence_has_heartbeats(begin, client):
    gate = Gate()
    _, place = begin("one", gate)
    reader = client.get(place).iter_encoded()
    came = next(reader) + next(reader) + next(reader)
    gate.set()
    list(reader)
    assert b": heartbeat" in came, (
        "The model was silent for longer than HEARTBEAT, and nothing was sent: the"
        " server could not know that a reader has left. read() yields None then."
    )

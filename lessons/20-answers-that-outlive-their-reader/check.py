"""An answer is a list of events, which anybody may read, as often as they like."""

import json
import re
import sys
from contextlib import suppress
from itertools import islice
from threading import Event, Thread, current_thread, main_thread

import pytest

from lessons.course.for_checks.quoting import short

TEXTS = ["Tragödie 👋", "\n", "  two\t", "<b>"]
PATIENCE = 5  # seconds
TOKEN = {"event": "token", "token": "one"}
DONE = {"event": "done", "reason": "stop"}


class Gate(Event):
    """A gate in a script, which opens by itself if a program waits before it."""

    def wait(self, _=None):
        super().wait(PATIENCE)
        return True


@pytest.fixture
def change(monkeypatch, program):
    """Return a function that gives a name in in_memory.py another value."""
    module = sys.modules[type(program.store).__module__]

    def change_name(name, value):
        if hasattr(module, name):
            monkeypatch.setattr(module, name, value)

    return change_name


@pytest.fixture(autouse=True)
def soon(change):
    """Let a heartbeat come fast, and no reader wait for long."""
    change("HEARTBEAT", 0.05)


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


def events_in(pieces, most=100):
    """Return (number, name, fields) for each event in the pieces of a body."""
    came = ""
    for count, piece in enumerate(pieces):
        assert isinstance(piece, bytes), (
            f"The body has {short(str(piece))} in it, expected were bytes:"
            " map(as_event, store.read(name, after)) makes them."
        )
        came += piece.decode()
        assert count < most, why_it_does_not_end(came)
    found = []
    for block in came.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.split("\n") if ": " in line)
        if "data" in fields:
            event = int(fields["id"]), fields["event"], json.loads(fields["data"])
            found.append(event)
    return found


def why_it_does_not_end(came):
    """Return the sentence for a body that goes on after the model has ended."""
    if came.count("id: 1\n") > 1:
        return "The same event is sent again and again: count on, number += 1."
    if "event: done" in came:
        return (
            "The last event has been sent, and the body goes on: read() returns once"
            " is_over(), which is true when ended_at is set and after >="
            " len(answer.events)."
        )
    return (
        "The model had ended, and a reader gets heartbeats instead of its events:"
        " wait_for() looks first whether there is more, wait() always sleeps until"
        " the next notify_all()."
    )


def tokens_in(events):
    return [fields["token"] for _, name, fields in events if name == "token"]


def read(client, place, after=0):
    """Read an answer to its end; return its events."""
    headers = {"Last-Event-ID": str(after)} if after else {}
    answer = client.get(place, headers=headers)
    assert answer.status_code != 405, (
        "GET /answers/<name> gave a 405, method not allowed: only the view that stops"
        ' an answer has this address. Write the view @app.get("/answers/<name>").'
    )
    assert answer.status_code != 404, (
        f"GET {place} gave a 404, and the answer was begun a moment ago: it stays where"
        " it is, whoever has read it."
    )
    if answer.status_code == 204:
        assert after, (
            "A reader who had nothing yet got a 204: is_over(name, after) is true only"
            " when ended_at is set and after >= len(answer.events)."
        )
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


def test_a_writer_adds_an_event(program):
    assert hasattr(program.store, "add"), (
        "The store has no add() yet, and its begin() calls it: write add(name, event)"
        " in the class InMemory of in_memory.py."
    )
    name = program.store.begin()
    goes_on = program.store.add(name, TOKEN)
    assert goes_on, (
        f"add() returned {goes_on}, expected was True: the writer takes anything else"
        " for a Stop, and hangs up on the model."
    )


def test_a_writer_ends_an_answer(program):
    assert hasattr(program.store, "end"), (
        "The store has no end() yet, which the writer calls with the last event: write"
        " end(name, event) below add()."
    )
    name = program.store.begin()
    program.store.end(name, DONE)
    goes_on = program.store.add(name, TOKEN)
    assert not goes_on, (
        "An answer was ended, and add() still adds to it: end() sets ended_at, and"
        " add() returns False where it is set."
    )


def test_a_store_can_be_read(program):
    assert hasattr(program.store, "read"), (
        "The store has no read() yet: write is_over(name, after) and"
        " read(name, after) below end()."
    )


def test_an_answer_can_be_begun(begin):
    begin("one")


def test_an_answer_can_be_read_from_its_first_event_to_its_last(begin, client):
    _, place = begin(*TEXTS)
    events = read(client, place)
    assert events, (
        "The body has no event in it: read() yields each one, and a return in it, or an"
        " is_over() that is true too soon, ends the body."
    )
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


def test_all_readers_who_wait_are_woken(begin, client, change):
    change("HEARTBEAT", 4 * PATIENCE)
    before, after = Gate(), Gate()
    _, place = begin(before, "one", after)
    readers = [Reader(client, place) for _ in range(2)]
    for reader in readers:
        reader.started.wait(PATIENCE)
    were_let_go = any(reader.over.wait(0.1) for reader in readers)
    before.set()
    were_woken = [reader.wait_for(b"one") for reader in readers]
    after.set()
    assert not were_let_go, (
        "A reader had all events so far, and its body ended, but the answer had not:"
        " is_over() asks for ended_at, too."
    )
    assert any(were_woken), (
        "A reader was waiting when the model wrote its first text, and did not get it"
        f" within {PATIENCE} seconds: add() calls self.changed.notify_all()."
    )
    assert all(were_woken), (
        "Two readers were waiting when the model wrote its first text, and one did not"
        f" get it within {PATIENCE} seconds: notify_all() wakes all, and each reader"
        " counts in a number of its own."
    )


class Reader(Thread):
    """One who reads an answer in a thread of its own."""

    def __init__(self, client, place):
        super().__init__(daemon=True)
        self.client, self.place = client, place
        self.came = b""
        self.started, self.news, self.over = Event(), Event(), Event()
        self.start()

    def run(self):
        with suppress(Exception):  # what a program raises, other checks explain
            for piece in self.client.get(self.place).iter_encoded():
                self.came += piece
                self.started.set()
                self.news.set()
        self.over.set()
        self.news.set()

    def wait_for(self, text):
        """Wait a while for a text; return whether it came."""
        while text not in self.came:
            if self.over.is_set() or not self.news.wait(PATIENCE):
                break
            self.news.clear()
        return text in self.came


def test_nobody_waits_for_a_reader_who_is_slow(begin, client):
    gate = Gate()
    model, place = begin("one", gate, "two")
    pieces = client.get(place).iter_encoded()
    next(pieces)  # and the next one is not fetched for a while
    gate.set()
    went_on = model.closed.wait(PATIENCE)
    list(pieces)
    assert went_on, (
        "A reader had an event and did not fetch the next, and the model could not go"
        " on: a generator keeps its lock while it rests, so read() yields outside of"
        " with self.changed."
    )


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


def test_two_readers_at_once_get_the_same(begin, client):
    gate = Gate()
    _, place = begin("one", gate, "two")
    readers = []
    for _ in range(2):
        reader = Reader(client, place)
        reader.wait_for(b"one")
        readers.append(reader)
    gate.set()
    for reader in readers:
        reader.over.wait(PATIENCE)
    numbers = [re.findall(rb"^id: (\d+)$", each.came, re.M) for each in readers]
    seen = [[int(number) for number in of_one] for of_one in numbers]
    assert seen == [[1, 2, 3, 4]] * 2, (
        f"Two read an answer at the same time, and got the events {seen[0]} and"
        f" {seen[1]}, expected were 1 to 4 for each: each reader counts for itself, so"
        " number belongs to read() and not to the answer."
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


def test_a_script_says_in_the_address_where_it_was(begin, client):
    _, place = begin(*TEXTS)
    whole = read(client, place)
    events = events_in(client.get(f"{place}?after=2").iter_encoded())
    assert events == whole[2:], (
        f"GET {place}?after=2 gave the events {[number for number, _, _ in events]},"
        " expected were those after 2: without the header,"
        ' request.args.get("after", "") has the number.'
    )
    comes_back = {"Last-Event-ID": "4"}
    answer = client.get(f"{place}?after=2", headers=comes_back)
    events = events_in(answer.iter_encoded())
    assert events == whole[4:], (
        "A browser that began at ?after=2 came back with Last-Event-ID: 4, and got the"
        f" events {[number for number, _, _ in events]}, expected were those after 4:"
        " the header is the newer of the two, so it comes first."
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


@pytest.mark.parametrize(
    "number",
    ["", "x", "-1", "²", "9" * 30, "9" * 5000],
    ids=["empty", "x", "-1", "a small two", "30 digits", "5000 digits"],
)
def test_a_number_that_there_cannot_be_does_no_harm(begin, client, number):
    _, place = begin("one")
    read(client, place)
    shown = short(number)
    try:
        answer = client.get(place, headers={"Last-Event-ID": number})
        events = events_in(answer.iter_encoded())
    except Exception as error:
        error.add_note(f"That was for Last-Event-ID: {shown}, which anybody may send.")
        raise
    assert answer.status_code in (200, 204) and len(events) in (0, 3), (
        f"For Last-Event-ID: {shown}, which anybody may send, the status was"
        f" {answer.status_code}, with {len(events)} events: take it for 0 if it is no"
        " number."
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
    came = b"".join(islice(reader, 3))  # start, token, and what comes in the silence
    gate.set()
    rest = list(reader)
    assert b"one" in came and (rest or b"done" in came), (
        "The model was silent for longer than HEARTBEAT, and the body ended, without"
        " its last event: after yield None, read() looks again."
    )
    assert b": heartbeat" in came, (
        "The model was silent for longer than HEARTBEAT, and nothing was sent: the"
        " server could not know that a reader has left. read() yields None then."
    )


def test_the_last_event_and_the_end_are_seen_together(begin, client, program, change):
    gate = Gate()
    _, place = begin("one", gate)
    change("HEARTBEAT", 4 * PATIENCE)
    reader = Reader(client, place)
    reader.wait_for(b"one")
    module = sys.modules[type(program.store).__module__]
    clock = module.monotonic

    def slow_clock():
        if current_thread() is main_thread():  # who ends it; give the reader time
            reader.over.wait(0.5)
        return clock()

    change("monotonic", slow_clock)
    client.delete(place)
    is_over = reader.over.wait(PATIENCE)
    gate.set()
    assert is_over, (
        "An answer was ended, and a reader who had its last event waited for more:"
        " nobody may see that event before ended_at is set, so end() does both inside"
        " with self.changed, and who waits for events waits inside it, too."
    )


def test_an_answer_is_forgotten_a_while_after_its_end(begin, client, change):
    _, place = begin("one")
    whole = read(client, place)
    begin("two")  # when one is begun, those that ended long ago are forgotten
    assert client.get(place).status_code != 404 and read(client, place) == whole, (
        "An answer had ended a moment ago, and it is gone already: ended_at is the time"
        " of the end, monotonic()."
    )
    change("KEEP", -1)
    begin("three")
    assert client.get(place).status_code == 404, (
        "An answer had ended long ago, and is still kept: ended_at is the time of the"
        " end by the clock of monotonic(), as forget_old_ones() uses it."
    )


def test_who_begins_an_answer_learns_where_it_is(answer_with, client):
    answer_with("one")
    answer = client.post("/answers", json={"prompt": "Hello?"})
    place = answer.headers.get("Location", "")
    assert place.endswith(f"/answers/{answer.json['id']}"), (
        f"POST /answers has the Location {place!r}, expected was"
        f" '/answers/{answer.json['id']}': a 201 says where the new thing is, with"
        ' url_for("read", name=name).'
    )

"""An answer is a list of events, which any reader may read any number of times."""

import json
import random
import re
import sys
from contextlib import contextmanager, suppress
from itertools import islice
from math import log2
from threading import Condition, Event, Thread, current_thread, main_thread

import pytest
from langchain_core.exceptions import ModelAPIError

from lessons.course.for_checks import still_there
from lessons.course.for_checks.failing_model import SECRET
from lessons.course.for_checks.in_time import read_until
from lessons.course.for_checks.quoting import short
from lessons.course.for_checks.scripted_model import Gate
from lessons.course.for_checks.threaded_reader import ThreadedReader

TEXTS = ["Tragödie 👋", "\n", "  two\t", "<b>"]
PATIENCE = 5  # seconds
A_WHILE = 2  # seconds, less than a Gate waits before it opens by itself
TOKEN = {"event": "token", "token": "one"}
DONE = {"event": "done", "reason": "stop"}
# What Python says of some mistakes, and what to do.
HINTS = {
    "list index out of range": (
        "If there is no event yet, go back to the while: continue after yield None. Let"
        " the lambda compare with number, which grows, and not with after."
    ),
    "got an unexpected keyword argument 'name'": (
        "A view gets the part in <...> of its address: def read(name)."
    ),
    "not supported between instances of": (
        "A header is a string. Make number_of_last_event() return int(...)."
    ),
    "un-acquired lock": (
        "A Condition is a lock, too. Call its wait_for() and its notify_all() inside"
        " with self.changed."
    ),
    "too many values to unpack": (
        "as_event() takes one numbered event: use map(as_event, store.read(...))."
    ),
}


@contextmanager
def explained():
    """Add advice to an exception of the program that only Python explains."""
    try:
        yield
    except Exception as error:
        assert "'bool' object is not callable" not in str(error), (
            "wait_for() got True or False instead of a function. It calls a function"
            " again and again: wait_for(lambda: len(answer.events) > number,"
            " timeout=HEARTBEAT)."
        )
        for words, hint in HINTS.items():
            if words in str(error):
                error.add_note(hint)
        raise


@pytest.fixture(scope="session")
def imported_heartbeat(program):
    """Return the HEARTBEAT that in_memory.py has by itself, if it has one."""
    module = sys.modules[type(program.store).__module__]
    return getattr(module, "HEARTBEAT", 15)


@pytest.fixture
def change(monkeypatch, program):
    """Return a function that gives a name in in_memory.py another value."""
    module = sys.modules[type(program.store).__module__]

    def change_name(name, value):
        if hasattr(module, name):
            monkeypatch.setattr(module, name, value)

    return change_name


@pytest.fixture(autouse=True)
def soon(imported_heartbeat, change):
    """Let heartbeats come soon, so that no reader waits for long."""
    change("HEARTBEAT", 0.05)


@pytest.fixture
def begin(client, answer_with):
    """Begin an answer with this script; return the model and where to read it."""

    def post(*script):
        model = answer_with(*script)
        answer = client.post("/answers", json={"prompt": "Hello?"})
        assert answer.status_code == 201, (
            f"POST /answers: expected status 201, got {answer.status_code}. Its view is"
            " given. It calls the store's begin(), which calls your add()."
        )
        return model, f"/answers/{answer.json['id']}"

    return post


def events_in(pieces, most=100, why_no_end=None):
    """Return (number, name, fields) for each event in the pieces of a body."""
    came = ""
    with explained():
        for count, piece in enumerate(pieces):
            assert isinstance(piece, bytes), (
                f"Expected bytes in the body, got {short(str(piece))}. map(as_event,"
                " store.read(name, after)) makes them."
            )
            came += piece.decode()
            assert count < most, why_no_end or why_it_does_not_end(came)
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
        return "The same event is sent again and again. Add 1 each time: number += 1."
    if "event: done" in came:
        return (
            "The last event was sent, but the body did not end. Return from read() when"
            " is_over() is true: when ended_at is set and after >= len(answer.events)."
        )
    return (
        "The model's answer is over, but the reader gets heartbeats instead of its"
        " events. Does wait_for_more() return what wait_for() returned? wait_for()"
        " first checks whether there is more: wait() always sleeps until the next"
        " notify_all()."
    )


def tokens_in(events):
    return [fields["token"] for _, name, fields in events if name == "token"]


def read(client, place, after=0):
    """Read an answer to its end; return its events."""
    headers = {"Last-Event-ID": str(after)} if after else {}
    with explained():
        answer = client.get(place, headers=headers)
    assert answer.status_code != 405, (
        "GET /answers/<name> returned status 405, method not allowed: only the view"
        " that stops an answer has this address. Write the view"
        ' @app.get("/answers/<name>").'
    )
    assert answer.status_code != 404, (
        f"GET {place} returned status 404 for an answer that started a moment ago. Keep"
        " an answer after it has been read."
    )
    if answer.status_code == 204:
        assert after, (
            "A reader that had no event yet got a 204. is_over(name, after) is true"
            " only when ended_at is set and after >= len(answer.events)."
        )
        return []
    assert answer.mimetype == "text/event-stream", (
        f"Expected Content-Type text/event-stream, got {answer.mimetype}. Pass Response"
        " the HEADERS from events.py."
    )
    return events_in(answer.iter_encoded())


def read_one_event(client, place):
    """Read the first event of an answer, and leave."""
    answer = client.get(place)
    next(answer.iter_encoded())
    answer.close()


def test_a_writer_adds_an_event(program):
    assert hasattr(program.store, "add"), (
        "The store has no add() yet, and its begin() calls it. Write add(name, event)"
        " in the class InMemory of in_memory.py."
    )
    with explained():
        name = program.store.begin()
        goes_on = program.store.add(name, TOKEN)
    assert goes_on, (
        f"Expected add() to return True, got {goes_on}. The writer takes anything else"
        " for a Stop, and closes the model's stream."
    )
    kept = program.store.so_far(name)
    assert kept[-1:] == [TOKEN], (
        f"add() returned True, but the answer's list is {kept}, without the new event."
        " Below the if that returns False, and not inside it, append the event."
    )


def test_a_writer_ends_an_answer(program):
    assert hasattr(program.store, "end"), (
        "The store has no end() yet, and the writer calls it with the last event. Write"
        " end(name, event) below add()."
    )
    name = program.store.begin()
    program.store.end(name, DONE)
    assert name in program.store.answers, (
        "end() removed the answer from the store. Add the last event and keep the"
        " answer: its readers must see the end, and can read the answer again."
    )
    kept = program.store.so_far(name)
    assert kept[-1:] == [DONE], (
        f"end() was called with {DONE}, and the answer's list is {kept}. Make end()"
        " call add() first, and set ended_at after it: add() adds nothing to an answer"
        " that has ended."
    )
    goes_on = program.store.add(name, TOKEN)
    assert not goes_on, (
        "The answer has ended, but add() still adds events to it. Make end() set"
        " ended_at, and make add() return False when it is set."
    )


class Interrupted(list):
    """The list of an answer: just before an event is added, somebody presses Stop."""

    def __init__(self, events, stop):
        super().__init__(events)
        self.stop = stop

    def append(self, event):
        stop, self.stop = self.stop, None
        if stop:
            other = Thread(target=stop, daemon=True)
            other.start()
            other.join(0.2)  # it waits for the lock, if there is one
        super().append(event)


def test_nothing_comes_after_the_last_event(program):
    store = program.store
    name = store.begin()
    answer = store.find(name)
    if not isinstance(answer.events, list):
        return  # a list of its own kind: other checks look at what is read
    answer.events = Interrupted(answer.events, lambda: store.end(name, DONE))
    store.add(name, TOKEN)
    until_it_ends(store, name)
    names = [event["event"] for event in store.so_far(name)]
    assert names[-1] == "done", (
        "Another thread ended the answer while add() was adding a token, and the list"
        f" is now {names}. The last event must stay last. Check ended_at and add the"
        " event inside the same with self.changed, so that no other thread comes in"
        " between."
    )


class Overtaken(Condition):
    """A lock that another thread takes first, in which somebody presses Stop."""

    stop = None  # what presses it

    def __enter__(self):
        stop, self.stop = self.stop, None
        if stop:
            other = Thread(target=stop, daemon=True)
            other.start()
            other.join(PATIENCE)
        return super().__enter__()


def test_nothing_is_added_after_a_stop_that_took_the_lock_first(program, monkeypatch):
    """Nothing is added after a Stop that took the lock first."""
    store = program.store
    name = store.begin()
    for kept, value in vars(store).items():
        if isinstance(value, Condition):
            lock = Overtaken()
            lock.stop = lambda: store.end(name, DONE)
            monkeypatch.setattr(store, kept, lock)
    store.add(name, TOKEN)
    names = [event["event"] for event in store.so_far(name)]
    assert "done" not in names[:-1], (
        "Another thread ended the answer just before add() took the lock, and the list"
        f" is now {names}. Look at ended_at inside the same with self.changed as you"
        " add the event."
    )


def until_it_ends(store, name):
    """Wait until another thread has ended an answer."""
    for _ in range(100):
        if any(event["event"] == "done" for event in store.so_far(name)):
            return
        Event().wait(PATIENCE / 100)


def test_a_store_can_be_read(program):
    assert hasattr(program.store, "read"), (
        "The store has no read() yet. Write is_over(name, after) and read(name, after)"
        " below end()."
    )


def test_heartbeat_is_imported_as_a_number_of_seconds(imported_heartbeat):
    """HEARTBEAT is imported as a number of seconds."""
    assert isinstance(imported_heartbeat, int | float), (
        f"HEARTBEAT in in_memory.py is {imported_heartbeat!r}. Import the number of"
        " seconds: from .limits import HEARTBEAT. The HEARTBEAT from events.py is the"
        " comment itself."
    )


def test_an_answer_can_be_started(begin):
    begin("one")


def test_an_answer_can_be_read_from_its_first_event_to_its_last(begin, client):
    _, place = begin(*TEXTS)
    events = read(client, place)
    assert events, (
        "The body contains no event. Make read() yield each one. Three mistakes end the"
        " body too soon: a return in read(), an is_over() that is true too early, and a"
        " while that stops at the end of the answer, although events are left."
    )
    names = [name for _, name, _ in events]
    assert names[:1] == ["start"], (
        "Expected the first event to be start, with number 1, got"
        f" {short(str(events[:1]))}. Make read() yield (number + 1,"
        " answer.events[number]), from number 0 on."
    )
    assert tokens_in(events) == TEXTS, (
        f"The model wrote {TEXTS}, and a reader got {short(str(tokens_in(events)))}."
        " Make read() yield each event once, in order."
    )
    assert names[-1] == "done", (
        f"Expected done as the reader's last event, got {names[-1]}. Make end() add"
        " that event, as add() does, and then set ended_at. read() must yield it, too."
    )
    numbers = [number for number, _, _ in events]
    assert numbers == list(range(1, len(events) + 1)), (
        f"The events have the numbers {numbers}. Expected 1, 2, 3 and so on: a reader"
        " that reconnects sends the last number that it has."
    )


def test_an_event_is_sent_before_the_next_is_made(begin, client):
    gate = Gate()
    model, place = begin("one", gate, "two")
    pieces = client.get(place).iter_encoded()
    with explained():
        came = read_until(b"one", pieces)
        made = model.made
        gate.set()
        list(islice(pieces, 100))
    assert b"one" in came, (
        "The model had written its first text, but the reader got only heartbeats. Make"
        " read() yield what is there before it waits for more."
    )
    assert made == 1, (
        f"When the first text reached the reader, the model had already made {made}"
        " texts. Yield each event in read() as soon as it arrives, and do not collect"
        " them."
    )


def test_an_event_added_while_a_reader_is_sent_another_is_not_lost(program):
    store = program.store
    name = store.begin()
    store.add(name, TOKEN)
    events = store.read(name, 0)
    came = [next(events)]  # now it rests at its yield
    store.add(name, TOKEN)
    store.end(name, DONE)
    came += [each for each in islice(events, 20) if each]
    numbers = [number for number, _ in came]
    assert numbers == [1, 2, 3, 4], (
        "The writer added two events while a reader was getting one. Expected the"
        f" reader to get the events 1 to 4, got {numbers}. Make read() look at"
        " answer.events itself each time, not at an old copy."
    )


class Meddling(Condition):
    """A lock that a reader takes, just after a writer has added an event."""

    reader = None  # the thread of the reader
    takes = 0  # how often the reader takes the lock before that
    meddle = None  # what adds the event

    def __enter__(self):
        if current_thread() is Meddling.reader and Meddling.takes:
            Meddling.takes -= 1
            if not Meddling.takes:
                writer = Thread(target=Meddling.meddle, daemon=True)
                writer.start()
                writer.join(PATIENCE)
        return super().__enter__()


@pytest.mark.parametrize("takes", [1, 2])
def test_an_event_that_comes_just_before_a_reader_waits_is_not_missed(
    program, change, monkeypatch, takes
):
    store = program.store
    change("HEARTBEAT", 4 * PATIENCE)
    change("Condition", Meddling)
    for name, value in vars(store).items():
        if isinstance(value, Condition):
            monkeypatch.setattr(store, name, Meddling())
    name = store.begin()
    came = Event()

    def read():
        with suppress(Exception):  # what a program raises, other checks explain
            for numbered in store.read(name, 0):
                if numbered and numbered[0] == 1:
                    monkeypatch.setattr(Meddling, "takes", takes)
                if numbered and numbered[0] == 2:
                    came.set()
                    return

    reader = Thread(target=read, daemon=True)
    monkeypatch.setattr(Meddling, "reader", reader)
    monkeypatch.setattr(Meddling, "meddle", lambda: store.add(name, TOKEN))
    reader.start()
    came.wait(0.2)
    has_meddled = not Meddling.takes
    was_woken = has_meddled and came.wait(PATIENCE)
    gave_up = not reader.is_alive()  # which other checks explain
    store.end(name, DONE)
    assert was_woken or gave_up or not has_meddled, (
        "An event was added after a reader had looked for one and before it waited, and"
        " the reader did not wake up. Check inside with self.changed, as wait_for()"
        " does with its lambda: then nobody can add anything between the check and the"
        " wait."
    )


class Growing(list):
    """A list that grows just after somebody has looked at its length."""

    grow = None  # what makes it grow

    def __len__(self):
        length = super().__len__()
        grow, self.grow = self.grow, None
        if grow:
            writer = Thread(target=grow, daemon=True)
            writer.start()
            writer.join(0.2)  # a reader who holds the lock keeps it out
        return length


def test_an_answer_that_ends_at_that_moment_is_not_over(program):
    """An answer that ends while a reader looks is not over for that reader."""
    store = program.store
    name = store.begin()
    answer = store.find(name)
    if not isinstance(answer.events, list):
        return  # a list of its own kind: other checks look at what is read
    answer.events = Growing(answer.events)
    answer.events.grow = lambda: store.end(name, DONE)
    assert not store.is_over(name, 1), (
        "The writer added the last event while is_over() was looking, and is_over()"
        " returned True for a reader who does not have that event. Look at ended_at"
        ' first, and at len(answer.events) second: in "a and b", Python looks at a'
        " first."
    )


def test_all_waiting_readers_are_woken(begin, client, change):
    change("HEARTBEAT", 4 * PATIENCE)
    before, after = Gate(), Gate()
    _, place = begin(before, "one", after)
    readers = [reader_at(client, place) for _ in range(2)]
    for reader in readers:
        reader.started.wait(PATIENCE)
    were_let_go = any(reader.over.wait(0.1) for reader in readers)
    hurries = any(b"heartbeat" in reader.came for reader in readers)
    before.set()
    were_woken = [reader.wait_for(b"one", A_WHILE) for reader in readers]
    after.set()
    assert not hurries, (
        "A reader waited for the next event, and heartbeats came without a pause. Wait"
        " inside wait_for(..., timeout=HEARTBEAT), and yield None only when it returns"
        " False."
    )
    assert not were_let_go, (
        "A reader had all events so far, and its body ended although the answer had"
        " not. Make is_over() check ended_at, too."
    )
    assert any(were_woken), (
        "A reader was waiting when the model wrote its first text, and did not get it"
        f" within {A_WHILE} seconds. Call self.changed.notify_all() in add()."
    )
    assert all(were_woken), (
        "Two readers were waiting when the model wrote its first text, and one did not"
        f" get it within {A_WHILE} seconds. Call notify_all(), which wakes all, and"
        " give each reader its own number."
    )


def test_a_reader_keeps_waiting_while_another_answer_grows(
    program, begin, client, change
):
    change("HEARTBEAT", 4 * PATIENCE)
    gate = Gate()
    _, place = begin(gate, "one")
    reader = reader_at(client, place)
    reader.started.wait(PATIENCE)
    reader.over.wait(0.05)  # until it waits
    begin("two")
    gave_up = reader.over.wait(0.1)
    gate.set()
    reader.over.wait(PATIENCE)
    assert not gave_up and b"one" in reader.came, (
        "A reader was waiting, an event was added to another answer, and the reader did"
        " not get its own next event. notify_all() wakes everybody: look again, as"
        " wait_for() does with its lambda, and go on waiting if there is nothing."
    )


def test_a_reader_who_waits_lets_the_processor_rest(begin, client, change):
    change("HEARTBEAT", 4 * PATIENCE)
    gate = Gate()
    _, place = begin(gate, "one")
    reader = reader_at(client, place, counts_steps=True)
    reader.started.wait(PATIENCE)
    is_busy = reader.is_busy()
    gate.set()
    reader.over.wait(PATIENCE)
    assert not is_busy, (
        "A reader had to wait for the model, and its loop ran without a pause: that"
        " keeps one core busy for each reader. Call wait_for(..., timeout=HEARTBEAT),"
        " which sleeps until there is something."
    )


def reader_at(client, place, **options):
    """Return a reader that reads an answer in a thread of its own."""
    return ThreadedReader(lambda: client.get(place).iter_encoded(), **options)


def test_nobody_waits_for_a_slow_reader(begin, client):
    gate = Gate()
    model, place = begin("one", gate, "two")
    pieces = client.get(place).iter_encoded()
    next(pieces)  # and the next one is not fetched for a while
    gate.set()
    went_on = model.closed.wait(PATIENCE)
    with explained():
        list(pieces)
    assert went_on, (
        "A reader had an event and did not fetch the next, and the model could not go"
        " on. A generator keeps its lock while it is paused. Make read() yield outside"
        " with self.changed."
    )


def test_an_answer_goes_on_when_its_reader_has_left(begin, client):
    gate = Gate()
    model, place = begin("one", gate, "two")
    read_one_event(client, place)
    gate.set()
    assert model.closed.wait(PATIENCE), "The model did not finish its answer."
    assert not model.closed_early, (
        "A reader left, and the model's stream was closed. Readers only read: read()"
        " must not end the answer."
    )
    assert tokens_in(read(client, place)) == ["one", "two"], (
        "A reader left and came back, but did not get the whole answer. Readers only"
        " read: read() must not end anything, and must not remove anything from the"
        " list."
    )


def test_two_readers_get_the_same_events(begin, client):
    _, place = begin(*TEXTS)
    first, second = read(client, place), read(client, place)
    assert first == second, (
        f"The first reader got {short(str(tokens_in(first)))}, the second"
        f" {short(str(tokens_in(second)))}. In read(), do not remove events from the"
        " list, and keep a position for each reader."
    )


def test_two_readers_at_once_get_the_same_events(begin, client):
    gate = Gate()
    _, place = begin("one", gate, "two")
    readers = []
    for _ in range(2):
        reader = reader_at(client, place)
        reader.wait_for(b"one")
        readers.append(reader)
    gate.set()
    for reader in readers:
        reader.over.wait(PATIENCE)
    numbers = [re.findall(rb"^id: (\d+)$", each.came, re.M) for each in readers]
    seen = [[int(number) for number in of_one] for of_one in numbers]
    assert seen == [[1, 2, 3, 4]] * 2, (
        "Two readers read an answer at the same time. Expected the events 1 to 4 for"
        f" each, got {seen[0]} and {seen[1]}. Each reader needs its own number: keep it"
        " in read(), not in the answer."
    )


def test_a_reader_who_comes_back_gets_the_rest(begin, client):
    _, place = begin(*TEXTS)
    whole = read(client, place)
    for after in range(1, len(whole)):
        events = read(client, place, after)
        fields = [fields for _, _, fields in events]
        assert (
            fields != [each[2] for each in whole[after:]] or events == whole[after:]
        ), (
            f"A reader reconnected with Last-Event-ID: {after} and got the later"
            " events. Expected the numbers"
            f" {[number for number, _, _ in whole[after:]]}, got"
            f" {[number for number, _, _ in events]}. An event must keep its number,"
            " whoever reads it."
        )
        assert events == whole[after:], (
            f"A reader reconnected with Last-Event-ID: {after}. Expected the events"
            f" {[number for number, _, _ in whole[after:]]}, got"
            f" {[number for number, _, _ in events]}. Does number_of_last_event() read"
            " the header Last-Event-ID? Pass its number to store.read(), and start"
            " there with number = after."
        )


def test_a_script_can_say_in_the_address_which_event_it_had(begin, client):
    _, place = begin(*TEXTS)
    whole = read(client, place)
    events = events_in(client.get(f"{place}?after=2").iter_encoded())
    assert events == whole[2:], (
        f"GET {place}?after=2: expected the events after 2, got"
        f" {[number for number, _, _ in events]}. Without the header, take the number"
        ' from request.args.get("after", "").'
    )
    comes_back = {"Last-Event-ID": "4"}
    answer = client.get(f"{place}?after=2", headers=comes_back)
    events = events_in(answer.iter_encoded())
    assert events == whole[4:], (
        "A browser that started at ?after=2 reconnected with Last-Event-ID: 4. Expected"
        f" the events after 4, got {[number for number, _, _ in events]}. Use the"
        " header first: it is newer than the address."
    )


def test_a_reader_who_has_all_events_gets_a_204(begin, client):
    _, place = begin("one")
    last = read(client, place)[-1][0]
    answer = client.get(place, headers={"Last-Event-ID": str(last)})
    assert answer.status_code == 204, (
        "A reader that had the last event reconnected. Expected status 204, got"
        f" {answer.status_code}. An EventSource keeps reconnecting until it gets a 204."
        ' Write if store.is_over(name, after): return "", 204.'
    )


@pytest.mark.parametrize(
    "number",
    ["", "x", "-1", "²", "9" * 30, "9" * 5000],
    ids=["empty", "x", "-1", "a small two", "30 digits", "5000 digits"],
)
def test_an_impossible_event_number_does_no_harm(begin, client, number):
    _, place = begin("one")
    read(client, place)
    shown = short(number)
    try:
        answer = client.get(place, headers={"Last-Event-ID": number})
        events = events_in(
            answer.iter_encoded(),
            why_no_end=(
                "A reader asked for the events after a number that an answer does not"
                " have. The answer had ended, but the reader gets heartbeats forever."
                " Make is_over() compare with >=, not ==."
            ),
        )
    except Exception as error:
        error.add_note(
            f"The check sent Last-Event-ID: {shown}, which any client can send."
        )
        raise
    assert answer.status_code in (200, 204) and len(events) in (0, 3), (
        f"The check sent Last-Event-ID: {shown}, which any client can send, and got"
        f" status {answer.status_code} with {len(events)} events. Treat it as 0 if it"
        " is not a number."
    )


def test_a_request_for_an_unknown_answer_gets_a_404(client):
    try:
        answer = client.get("/answers/nobody-knows")
    except KeyError as error:
        error.add_note("self.find(name) raises the 404 for an unknown name.")
        raise
    assert answer.status_code == 404, (
        f"GET /answers/nobody-knows: expected status 404, got {answer.status_code}."
        " Make is_over() call self.find(name), before the first event is sent."
    )


def test_an_unknown_answer_cannot_be_stopped(client):
    try:
        answer = client.delete("/answers/nobody-knows")
    except KeyError as error:
        error.add_note("Make end() call self.find(name), which raises the 404.")
        raise
    assert answer.status_code in (204, 404), (
        f"DELETE /answers/nobody-knows: expected status 404, got {answer.status_code}."
        " Make end() call self.find(name), which raises it."
    )


def test_stop_ends_an_answer_for_everybody(begin, client, program):
    gate = Gate()
    model, place = begin("one", gate, "two", "three")
    reader = client.get(place).iter_encoded()
    read_until(b"one", reader)
    client.delete(place)
    events = events_in(reader)
    kept = program.store.so_far(place.rpartition("/")[2])
    assert kept[-1]["event"] == "done", (
        "The answer was stopped. Expected done as the last event in its list, got"
        f" {kept[-1]}. Make end() add the event."
    )
    assert events and events[-1][1] == "done", (
        "The answer was stopped and its list ends with done, but the reader's last"
        f" event is {short(str(events[-1:]))}. Make read() yield the whole list,"
        " including the last event."
    )
    gate.set()
    assert model.closed.wait(PATIENCE) and model.closed_early, (
        "The answer was stopped, but the model kept writing to the end. Make add()"
        " return False once ended_at is set: the writer then closes the model's stream."
    )
    assert tokens_in(read(client, place)) == ["one"], (
        "The answer was stopped, but more was added to it. Add nothing once ended_at is"
        " set."
    )


def test_only_the_first_end_counts(begin, client):
    _, place = begin("one")
    whole = read(client, place)
    client.delete(place)
    assert read(client, place) == whole, (
        "Someone pressed Stop after the end, and the answer now has another end. Make"
        " end() change nothing when ended_at is set."
    )


def test_a_second_end_does_not_change_the_time(program, change):
    store = program.store
    name = store.begin()
    store.end(name, DONE)
    ended_at = store.find(name).ended_at
    change("monotonic", lambda: ended_at + 60)
    store.end(name, DONE)
    assert store.find(name).ended_at == ended_at, (
        "Someone pressed Stop a minute after the end, and ended_at is now a minute"
        " later: the answer would be kept for longer. Make end() set ended_at only if"
        " add() returned True."
    )


def test_heartbeats_are_sent_while_the_model_is_silent(begin, client):
    gate = Gate()
    model, place = begin("one", gate, "two")
    reader = client.get(place).iter_encoded()
    with explained():
        came = b"".join(islice(reader, 4))  # start, token, and what a silence brings
        gate.set()
        went_on = model.closed.wait(PATIENCE)
        rest = b"".join(islice(reader, 100))
    assert b"one" in came and b"event: done" in came + rest, (
        "The model was silent for longer than HEARTBEAT, and the body ended without its"
        " last event. After yield None, make read() look again, and add 1 to number"
        " only after an event."
    )
    assert b"two" in came + rest, (
        "The model was silent for longer than HEARTBEAT, and then wrote a text, which"
        " the reader did not get. After yield None, do not add 1 to number: no event of"
        " the list was sent."
    )
    assert b"event: heartbeat" not in came, (
        "The model was silent for longer than HEARTBEAT, and the reader got an event"
        " named heartbeat, with a number. Make read() yield None alone. as_event()"
        " turns it into a comment, which no client shows."
    )
    assert b": heartbeat" in came, (
        "The model was silent for longer than HEARTBEAT, and the server sent nothing,"
        " so it could not notice that a reader has left. Make read() yield None then."
    )
    assert went_on, (
        "A reader had a heartbeat and did not fetch the next piece, and the model could"
        " not go on. A generator keeps its lock while it is paused: yield None outside"
        " with self.changed, too."
    )


def test_readers_see_the_last_event_and_the_end_together(
    begin, client, program, change
):
    gate = Gate()
    _, place = begin("one", gate)
    change("HEARTBEAT", 4 * PATIENCE)
    reader = reader_at(client, place)
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
        "The answer ended, but a reader that had its last event waited for more. Nobody"
        " may see that event before ended_at is set. Do both inside with self.changed"
        " in end(), and wait for events inside it, too."
    )


class Watched(Condition):
    """A lock that another thread tries to take whenever it is free again."""

    def __init__(self, look):
        super().__init__()
        self.look = look

    def __exit__(self, *error):
        super().__exit__(*error)
        other = Thread(target=self.look_if_free, daemon=True)
        other.start()
        other.join(PATIENCE)

    def look_if_free(self):
        if self.acquire(blocking=False):  # else an outer with still holds it
            self.look()
            self.release()


def test_no_other_thread_comes_in_while_an_answer_is_being_ended(program, monkeypatch):
    store = program.store
    name = store.begin()
    seen = []

    def look():
        has_last_event = store.so_far(name)[-1]["event"] == "done"
        seen.append((has_last_event, bool(store.find(name).ended_at)))

    for kept, value in vars(store).items():
        if isinstance(value, Condition):
            monkeypatch.setattr(store, kept, Watched(look))
    store.end(name, DONE)
    assert (True, False) not in seen, (
        "end() had added the last event and not yet set ended_at, and another thread"
        " could take the lock. It could add an event after the last one. Call add() and"
        " set ended_at inside the same with self.changed."
    )
    assert (False, True) not in seen, (
        "end() had set ended_at and not yet added the last event, and another thread"
        " could take the lock. A reader would leave without that event. Do both inside"
        " the same with self.changed."
    )


NO_END_AFTER_AN_ERROR = (
    "The model failed, but its readers get heartbeats forever. The event error is a"
    " last event, like done. The writer passes it to end(): set ended_at there for any"
    " event, and return from read() when is_over() is true."
)


@pytest.mark.parametrize(
    "texts", [[], ["one"]], ids=["before its first text", "after it"]
)
def test_an_answer_whose_model_fails_ends_with_a_sentence(
    begin, client, caplog, capfd, texts
):
    model, place = begin(*texts, ModelAPIError(SECRET))
    answer = client.get(place)
    events = events_in(answer.iter_encoded(), why_no_end=NO_END_AFTER_AN_ERROR)
    names = [name for _, name, _ in events]
    assert names[-1:] == ["error"], (
        f"The model failed. Expected error as the reader's last event, got {names}. Its"
        " sentence says that the answer is incomplete. Make read() yield each event of"
        " the list unchanged."
    )
    sentence = events[-1][2].get("error")
    assert SECRET not in str(events), (
        f"The model failed with the words {SECRET!r}, and a reader gets them. Send"
        " sentence_for(error) instead."
    )
    assert isinstance(sentence, str) and sentence, (
        f"The model failed, and the error event has no sentence: {events[-1][2]}. Let"
        " the writer give it sentence_for(error)."
    )
    assert tokens_in(events) == texts and model.prompts == ["Hello?"], (
        f"The model wrote {texts} and failed. The program asked it {len(model.prompts)}"
        f" times, and a reader got the tokens {tokens_in(events)}. Do not start a"
        " failed answer again: its readers already have a part."
    )
    out, err = capfd.readouterr()
    assert SECRET not in caplog.text + out + err, (
        f"The model failed with the words {SECRET!r}, and the log contains them. They"
        " can contain part of a key. Log log_name(error) instead."
    )
    last = {"Last-Event-ID": str(events[-1][0])}
    status = client.get(place, headers=last).status_code
    assert status == 204, (
        "The model had failed, and a reader that had the error event reconnected."
        f" Expected status 204, got {status}. is_over() is true when ended_at is set"
        " and nothing comes after that number."
    )


def test_a_long_answer_can_be_read_from_its_beginning(begin, client):
    texts = [f"{number} " for number in range(2000)]
    _, place = begin(*texts)
    events = events_in(client.get(place).iter_encoded(), most=2500)
    tokens = tokens_in(events)
    assert tokens == texts, (
        f"The model wrote {len(texts)} texts, and a reader got {len(tokens)}, from"
        f" {short(''.join(tokens[:1]))} to {short(''.join(tokens[-1:]))}. Keep all"
        " events of an answer in its list, for readers who come later."
    )
    pieces = client.get(place, headers={"Last-Event-ID": "1995"}).iter_encoded()
    first, *_ = next(pieces, b"nothing").decode().splitlines()
    assert first == "id: 1996", (
        "A reader reconnected with Last-Event-ID: 1995. Expected the event with id:"
        f" 1996 first, got {first}. Take nine digits of the number: number[:9]."
    )


def test_an_answer_is_forgotten_a_while_after_its_end(begin, client, change):
    _, place = begin("one")
    whole = read(client, place)
    begin("two")  # when an answer begins, those that ended long ago are forgotten
    assert client.get(place).status_code != 404 and read(client, place) == whole, (
        "The answer ended a moment ago, and it is already gone. Set ended_at to the"
        " time of the end: monotonic()."
    )
    change("KEEP", -1)
    begin("three")
    assert client.get(place).status_code == 404, (
        "The answer ended long ago, and it is still there. Set ended_at to the time of"
        " the end by the clock monotonic(): forget_old_ones() compares with it."
    )


def test_the_request_that_starts_an_answer_learns_where_it_is(answer_with, client):
    answer_with("one")
    answer = client.post("/answers", json={"prompt": "Hello?"})
    place = answer.headers.get("Location", "")
    assert place.endswith(f"/answers/{answer.json['id']}"), (
        f"POST /answers: expected the Location '/answers/{answer.json['id']}', got"
        f' {place!r}. A 201 says where the new resource is: use url_for("read",'
        " name=name)."
    )
    below = {"prompt": "Hello?"}
    answer = client.post("/answers", json=below, base_url="http://localhost/mine/")
    place = answer.headers.get("Location", "")
    assert place.endswith(f"/mine/answers/{answer.json['id']}"), (
        "The program was at http://localhost/mine/, and the Location was"
        f' {place!r}. url_for("read", name=name) knows the address at which the program'
        " begins."
    )


# What the lesson's program can do already, and must still do


def test_nobody_can_guess_the_name_of_an_answer(program):
    store = program.store
    names = []
    for _ in range(2):
        random.seed(20)  # so that random's numbers come again; those of secrets do not
        names.append(store.begin())
    assert names[0] != names[1], (
        "Two answers got the same name: their random numbers are predictable. Use"
        " secrets.token_urlsafe(16)."
    )
    names += [store.begin() for _ in range(48)]
    for name in names:
        store.end(name, DONE)
    # How much names differ: for each place, how many letters were seen there.
    bits = sum(log2(len(set(letters))) for letters in zip(*names, strict=False))
    assert bits > 80, (
        f"The names of answers, such as {names[0]!r} and {names[1]!r}, can be guessed,"
        " and anyone who knows a name can read the answer. Make each from sixteen"
        " random bytes: token_urlsafe(16)."
    )


def test_a_get_neither_reveals_nor_stops_an_answer(program, begin, client):
    """A GET neither reveals nor stops an answer."""
    gate = Gate()
    _, place = begin("one", gate, "two")
    name = place.rpartition("/")[2]
    for rule in program.app.url_map.iter_rules():
        if "GET" not in rule.methods or rule.endpoint == "static":
            continue
        path = re.sub("<[^>]*>", name, rule.rule)
        answer = client.get(path)
        if not rule.arguments:
            assert name not in answer.get_data(as_text=True), (
                f"GET {path} reveals the name of somebody else's answer, and anyone who"
                " knows a name can read the answer. Give the name only to the client"
                " that started it."
            )
        goes_on = program.store.add(name, TOKEN)
        assert goes_on, (
            f"GET {path} ended an answer. Any page can make a browser GET any address,"
            " for example with an <img>. Use POST or DELETE for what changes something."
        )
        answer.close()
    gate.set()


def test_the_number_of_answers_written_at_once_is_limited(
    program, answer_with, client, change, monkeypatch
):
    change("AT_ONCE", 2)
    store = program.store
    for kept in "answers", "chats":
        if hasattr(store, kept):
            monkeypatch.setattr(store, kept, {})
    question = {"prompt": "Hello?"}
    gate = Gate()
    answer_with(gate, "one")
    begun = [client.post("/answers", json=question) for _ in range(2)]
    refused = client.post("/answers", json=question)
    gate.set()
    assert [answer.status_code for answer in begun] == [201, 201], (
        "Two answers may run at once, but the second question got a"
        f" {begun[1].status_code}. Make begin() count the answers whose ended_at is"
        " None."
    )
    assert refused.status_code == 503 and refused.headers.get("Retry-After"), (
        "Two answers may run at once, and two are running. Expected status 503 with"
        f" Retry-After for a third question, got {refused.status_code}. Make begin()"
        " refuse it when len(running) >= AT_ONCE."
    )
    places = [f"/answers/{answer.json['id']}" for answer in begun]
    for place in places:
        read(client, place)
    for _ in range(2):
        client.post("/answers", json={"prompt": ""})
        client.post("/chat", json={"id": "a", "messages": []})
    for script in ["one"], [ModelAPIError(SECRET)], ["one"]:
        for _ in range(2):
            answer_with(*script)
            answer = client.post("/answers", json=question)
            assert answer.status_code == 201, (
                "All answers had ended, but the next question got a"
                f" {answer.status_code}. A refused question must not take a place: read"
                " the prompt before store.begin(). Make end() set ended_at, whatever"
                " ends the answer."
            )
            read(client, f"/answers/{answer.json['id']}")


def test_anything_that_is_not_a_prompt_is_refused(client, answer_with):
    still_there.whatever_is_not_a_prompt_is_refused(client, answer_with, "/answers")


def test_headers_limits_and_names_are_still_there(client, answer_with, begin):
    """Headers, limits and names are still there."""
    _, place = begin("one")
    with client.get(place) as answer:
        for name, words in still_there.HEADERS.items():
            value = answer.headers.get(name, "")
            for word in words:
                assert word in value, (
                    f"The header {name} of an answer is {value!r}. Expected {word!r} in"
                    f" it. Without it, {still_there.WHY[name]}. Pass Response the"
                    " HEADERS from events.py."
                )
        may_read = answer.headers.get("Access-Control-Allow-Origin")
        assert not may_read, (
            "An answer has the header Access-Control-Allow-Origin, so a page on another"
            " server may read it. Leave it out: our own page does not need it."
        )
    still_there.a_body_that_is_too_large_is_refused(client, answer_with, "/answers")
    still_there.a_foreign_name_gets_nothing(client, answer_with, "/answers")
    still_there.a_foreign_page_gets_nothing(client, answer_with, "/answers")
    gone = client.get("/answers/nobody-knows")
    said = gone.get_json(silent=True)
    assert isinstance(said, dict) and said.get("error"), (
        f'The 404 for an unknown answer says {short(gone.text)}. Expected {{"error": "a'
        ' sentence"}: write app.register_error_handler(HTTPException, as_json).'
    )

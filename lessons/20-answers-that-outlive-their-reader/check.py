"""An answer is a list of events, which anybody may read, as often as they like."""

import json
import random
import re
import sys
from contextlib import suppress
from itertools import islice
from math import log2
from threading import Condition, Event, Thread, current_thread, main_thread

import pytest
from langchain_core.exceptions import ModelAPIError

from lessons.course.for_checks import still_there
from lessons.course.for_checks.failing_model import SECRET
from lessons.course.for_checks.in_time import read_until
from lessons.course.for_checks.quoting import short
from lessons.course.for_checks.threaded_reader import ThreadedReader

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
            f"POST /answers gave {answer.status_code}, expected 201. Its view is"
            " given; it calls the store's begin(), and that calls your add()."
        )
        return model, f"/answers/{answer.json['id']}"

    return post


def events_in(pieces, most=100, why_no_end=None):
    """Return (number, name, fields) for each event in the pieces of a body."""
    came = ""
    for count, piece in enumerate(pieces):
        assert isinstance(piece, bytes), (
            f"The body has {short(str(piece))} in it, expected bytes:"
            " map(as_event, store.read(name, after)) makes them."
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
        f"The answer is sent as {answer.mimetype}, expected text/event-stream: give"
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
        f"add() returned {goes_on}, expected True: the writer takes anything else"
        " for a Stop, and closes the model's stream."
    )


def test_a_writer_ends_an_answer(program):
    assert hasattr(program.store, "end"), (
        "The store has no end() yet, which the writer calls with the last event: write"
        " end(name, event) below add()."
    )
    name = program.store.begin()
    program.store.end(name, DONE)
    assert name in program.store.answers, (
        "An answer was ended, and is gone from the store: end() adds its last event and"
        " keeps the answer, so that its readers see the end, and can read it again."
    )
    goes_on = program.store.add(name, TOKEN)
    assert not goes_on, (
        "An answer was ended, and add() still adds to it: end() sets ended_at, and"
        " add() returns False where it is set."
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
        "While add() added a token, another thread ended the answer, and the list is"
        f" now {names}: the last event has to be the last. add() asks for ended_at and"
        " adds the event inside one with self.changed, so that nobody comes between."
    )


def until_it_ends(store, name):
    """Wait until another thread has ended an answer."""
    for _ in range(100):
        if any(event["event"] == "done" for event in store.so_far(name)):
            return
        Event().wait(PATIENCE / 100)


def test_a_store_can_be_read(program):
    assert hasattr(program.store, "read"), (
        "The store has no read() yet: write is_over(name, after) and"
        " read(name, after) below end()."
    )


def test_an_answer_can_be_started(begin):
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
        f"The first event that a reader gets is {short(str(events[:1]))}, expected"
        " start with number 1: read() yields (number + 1, answer.events[number]),"
        " from number 0 on."
    )
    assert tokens_in(events) == TEXTS, (
        f"The model wrote {TEXTS}, and a reader got {short(str(tokens_in(events)))}:"
        " read() yields each event once, in its order."
    )
    assert names[-1] == "done", (
        f"The last event that a reader gets is {names[-1]}, expected done: end()"
        " adds it, as add() does, and then sets ended_at. read() yields it, too."
    )
    numbers = [number for number, _, _ in events]
    assert numbers == list(range(1, len(events) + 1)), (
        f"The numbers of the events are {numbers}, expected 1, 2, 3 and so on: a"
        " reader who comes back names the last that it has."
    )


def test_an_event_is_sent_before_the_next_is_made(begin, client):
    gate = Gate()
    model, place = begin("one", gate, "two")
    pieces = client.get(place).iter_encoded()
    came = read_until(b"one", pieces)
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
        "While a reader was sent one event, the writer added two more, and the reader"
        f" got the events {numbers}, expected 1 to 4: read() looks each time at"
        " answer.events itself, not at a copy of it that grows old."
    )


class Meddling(Condition):
    """A lock before which a writer adds an event, when a reader takes it."""

    reader = None  # the thread of the reader
    takes = 0  # how often the reader is still to take the lock before that
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
        "An event was added after a reader had looked for it, and before it waited: it"
        " slept on. Look inside with self.changed, as wait_for() does with its lambda:"
        " nobody can add anything between that look and the wait."
    )


def test_all_readers_who_wait_are_woken(begin, client, change):
    change("HEARTBEAT", 4 * PATIENCE)
    before, after = Gate(), Gate()
    _, place = begin(before, "one", after)
    readers = [reader_at(client, place) for _ in range(2)]
    for reader in readers:
        reader.started.wait(PATIENCE)
    were_let_go = any(reader.over.wait(0.1) for reader in readers)
    hurries = any(b"heartbeat" in reader.came for reader in readers)
    before.set()
    were_woken = [reader.wait_for(b"one") for reader in readers]
    after.set()
    assert not hurries, (
        "A reader waited for the next event, and heartbeats came one after the other:"
        " wait inside wait_for(..., timeout=HEARTBEAT), and yield None only when that"
        " has returned False."
    )
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
        "A reader had to wait for the model, and its loop went round and round without"
        " a pause, which keeps a core busy for each reader. wait_for(...,"
        " timeout=HEARTBEAT) sleeps until there is something."
    )


def reader_at(client, place, **options):
    """Return one who reads an answer in a thread of its own."""
    return ThreadedReader(lambda: client.get(place).iter_encoded(), **options)


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


def test_an_answer_goes_on_when_its_reader_has_left(begin, client):
    gate = Gate()
    model, place = begin("one", gate, "two")
    read_one_event(client, place)
    gate.set()
    assert model.closed.wait(PATIENCE), "The model did not come to its end."
    assert not model.closed_early, (
        "A reader left, and the model's stream was closed: a reader only reads, so"
        " read() must not end the answer."
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
        reader = reader_at(client, place)
        reader.wait_for(b"one")
        readers.append(reader)
    gate.set()
    for reader in readers:
        reader.over.wait(PATIENCE)
    numbers = [re.findall(rb"^id: (\d+)$", each.came, re.M) for each in readers]
    seen = [[int(number) for number in of_one] for of_one in numbers]
    assert seen == [[1, 2, 3, 4]] * 2, (
        f"Two read an answer at the same time, and got the events {seen[0]} and"
        f" {seen[1]}, expected 1 to 4 for each: each reader counts for itself, so"
        " number belongs to read() and not to the answer."
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
            f"A reader came back with Last-Event-ID: {after} and got what came after,"
            f" but with the numbers {[number for number, _, _ in events]}, expected"
            f" {[number for number, _, _ in whole[after:]]}: an event keeps its"
            " number, whoever reads it."
        )
        assert events == whole[after:], (
            f"A reader came back with Last-Event-ID: {after} and got the events"
            f" {[number for number, _, _ in events]}, expected"
            f" {[number for number, _, _ in whole[after:]]}: begin with"
            " number = after, and give store.read() that number."
        )


def test_a_script_says_in_the_address_where_it_was(begin, client):
    _, place = begin(*TEXTS)
    whole = read(client, place)
    events = events_in(client.get(f"{place}?after=2").iter_encoded())
    assert events == whole[2:], (
        f"GET {place}?after=2 gave the events {[number for number, _, _ in events]},"
        " expected those after 2: without the header,"
        ' request.args.get("after", "") has the number.'
    )
    comes_back = {"Last-Event-ID": "4"}
    answer = client.get(f"{place}?after=2", headers=comes_back)
    events = events_in(answer.iter_encoded())
    assert events == whole[4:], (
        "A browser that began at ?after=2 came back with Last-Event-ID: 4, and got the"
        f" events {[number for number, _, _ in events]}, expected those after 4:"
        " the header is the newer of the two, so it comes first."
    )


def test_a_reader_who_has_it_all_gets_a_204(begin, client):
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
def test_an_impossible_number_does_no_harm(begin, client, number):
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
    try:
        answer = client.get("/answers/nobody-knows")
    except KeyError as error:
        error.add_note("self.find(name) raises the 404 for a name that is unknown.")
        raise
    assert answer.status_code == 404, (
        f"GET /answers/nobody-knows gave {answer.status_code}, expected 404:"
        " is_over() asks self.find(name), before the first event is sent."
    )


def test_stop_ends_it_for_everybody(begin, client, program):
    gate = Gate()
    model, place = begin("one", gate, "two", "three")
    reader = client.get(place).iter_encoded()
    read_until(b"one", reader)
    client.delete(place)
    events = events_in(reader)
    kept = program.store.so_far(place.rpartition("/")[2])
    assert kept[-1]["event"] == "done", (
        f"The answer was stopped, and the last event in its list is {kept[-1]},"
        " expected done: end() adds the event."
    )
    assert events and events[-1][1] == "done", (
        "The answer was stopped, its list ends with done, and the last that a reader"
        f" got is {short(str(events[-1:]))}: read() yields all that is in the list, the"
        " last event too."
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
        "An answer was ended, and a reader who had its last event waited for more:"
        " nobody may see that event before ended_at is set, so end() does both inside"
        " with self.changed, and who waits for events waits inside it, too."
    )


NO_END_AFTER_AN_ERROR = (
    "The model failed, and its readers get heartbeats for ever: the event error is a"
    " last one, just like done. The writer passes it to end(), which sets ended_at"
    " whatever the event is called, and read() returns once is_over() is true."
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
        f"The model failed, and the events of a reader are {names}, expected error"
        " as the last one: its sentence says that the answer is not whole. read()"
        " yields each event of the list, and changes none."
    )
    sentence = events[-1][2].get("error")
    assert SECRET not in str(events), (
        f"The model failed with the words {SECRET!r}, and a reader gets them:"
        " sentence_for(error) is what a reader may see."
    )
    assert isinstance(sentence, str) and sentence, (
        "The model failed, and the event error has no sentence:"
        f" {events[-1][2]}. The writer gives it sentence_for(error)."
    )
    assert tokens_in(events) == texts and model.prompts == ["Hello?"], (
        f"The model wrote {texts} and failed. It was asked {len(model.prompts)} times,"
        f" and a reader got the tokens {tokens_in(events)}: a failed answer must not"
        " start over behind its readers' backs."
    )
    out, err = capfd.readouterr()
    assert SECRET not in caplog.text + out + err, (
        f"The model failed with the words {SECRET!r}, and the log has them: it can be a"
        " part of a key. log_name(error) is what a log may say."
    )
    last = {"Last-Event-ID": str(events[-1][0])}
    status = client.get(place, headers=last).status_code
    assert status == 204, (
        "The model had failed, a reader had the event error and came back, and the"
        f" status was {status}, expected 204: is_over() is true when ended_at is"
        " set and nothing comes after that number."
    )


def test_a_long_answer_can_be_read_from_its_beginning(begin, client):
    texts = [f"{number} " for number in range(2000)]
    _, place = begin(*texts)
    events = events_in(client.get(place).iter_encoded(), most=2500)
    tokens = tokens_in(events)
    assert tokens == texts, (
        f"The model wrote {len(texts)} texts, and a reader got {len(tokens)}, from"
        f" {short(''.join(tokens[:1]))} to {short(''.join(tokens[-1:]))}: all events of"
        " an answer stay in its list, for readers who come later."
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


def test_the_request_that_starts_an_answer_learns_where_it_is(answer_with, client):
    answer_with("one")
    answer = client.post("/answers", json={"prompt": "Hello?"})
    place = answer.headers.get("Location", "")
    assert place.endswith(f"/answers/{answer.json['id']}"), (
        f"POST /answers has the Location {place!r}, expected"
        f" '/answers/{answer.json['id']}': a 201 says where the new thing is, with"
        ' url_for("read", name=name).'
    )


# What the lesson's program can do already, and has to go on doing


def test_nobody_can_guess_the_name_of_an_answer(program):
    store = program.store
    names = []
    for _ in range(2):
        random.seed(20)  # so that random's numbers come again; those of secrets do not
        names.append(store.begin())
    assert names[0] != names[1], (
        "Two answers got one name: names are made of random numbers that can be"
        " foretold. secrets.token_urlsafe(16) makes some that nobody can."
    )
    names += [store.begin() for _ in range(48)]
    for name in names:
        store.end(name, DONE)
    # How much differs between names: of each place, how many letters were seen there.
    bits = sum(log2(len(set(letters))) for letters in zip(*names, strict=False))
    assert bits > 80, (
        f"The names of answers are like {names[0]!r} and {names[1]!r}, and can be"
        " guessed, but whoever knows one can read the answer: make them of sixteen"
        " random bytes, with token_urlsafe(16)."
    )


def test_nobody_is_given_the_name_of_an_answer_or_stops_it_by_looking(
    program, begin, client
):
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
                f"GET {path} says the name of an answer that somebody else has begun:"
                " whoever knows a name can read the answer, so it is given only to the"
                " one who began it."
            )
        goes_on = program.store.add(name, TOKEN)
        assert goes_on, (
            f"GET {path} ended an answer. Any page can let a browser GET any address,"
            " with an <img> say: what changes something is a POST or a DELETE."
        )
        answer.close()
    gate.set()


def test_only_so_many_answers_are_written_at_once(
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
        "Two answers may be written at once, and the second question got a"
        f" {begun[1].status_code}: begin() counts those whose ended_at is None."
    )
    assert refused.status_code == 503 and refused.headers.get("Retry-After"), (
        "Two answers may be written at once, two are, and a third question got a"
        f" {refused.status_code}, expected 503 with Retry-After: begin() refuses"
        " it, if len(running) >= AT_ONCE."
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
                "All answers had ended, and the next question got a"
                f" {answer.status_code}: a question that is refused takes no place, so"
                " read the prompt before store.begin(); and whatever ends an answer,"
                " end() sets its ended_at."
            )
            read(client, f"/answers/{answer.json['id']}")


def test_whatever_is_not_a_prompt_is_refused(client, answer_with):
    still_there.whatever_is_not_a_prompt_is_refused(client, answer_with, "/answers")


def test_headers_limits_and_names_are_still_there(client, answer_with, begin):
    _, place = begin("one")
    with client.get(place) as answer:
        for name, words in still_there.HEADERS.items():
            value = answer.headers.get(name, "")
            for word in words:
                assert word in value, (
                    f"The header {name} of an answer is {value!r}, without {word!r}, so"
                    f" {still_there.WHY[name]}: give Response the HEADERS of events.py."
                )
        may_read = answer.headers.get("Access-Control-Allow-Origin")
        assert not may_read, (
            "An answer has the header Access-Control-Allow-Origin, so that a page of"
            " another server may read it. Leave it out: our own page needs none."
        )
    still_there.a_body_that_is_too_large_is_refused(client, answer_with, "/answers")
    still_there.a_foreign_name_gets_nothing(client, answer_with, "/answers")
    still_there.a_foreign_page_gets_nothing(client, answer_with, "/answers")
    gone = client.get("/answers/nobody-knows")
    said = gone.get_json(silent=True)
    assert isinstance(said, dict) and said.get("error"), (
        f"The 404 for an answer that is not there says {short(gone.text)}, expected"
        ' {"error": "a sentence"}: app.register_error_handler(HTTPException, as_json).'
    )

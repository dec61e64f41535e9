"""The text of an answer so far, and a status that says whether there will be more."""

import ast

import pytest
from langchain_core.exceptions import ModelAPIError

from lessons.course.for_checks.failing_model import SECRET
from lessons.course.for_checks.in_time import read_until
from lessons.course.for_checks.quoting import short
from lessons.course.for_checks.scripted_model import Gate

TEXTS = ["Tragödie 👋", "\n", "<b> "]
TOKEN = {"event": "token", "token": " two"}
DONE = {"event": "done", "reason": "stop"}


@pytest.fixture
def begin(client, answer_with):
    """Begin an answer with this script; return the model and where its text is."""

    def post(*script):
        model = answer_with(*script)
        answer = client.post("/answers", json={"prompt": "Hello?"})
        return model, f"/answers/{answer.json['id']}/text"

    return post


@pytest.fixture
def text_of(begin, client):
    """Return the response for the text of an answer that has ended."""

    def get(*script):
        _, place = begin(*script)
        for _ in client.get(place.removesuffix("/text")).iter_encoded():
            pass  # now it has ended for everybody
        try:
            return client.get(place)
        except KeyError as error:
            error.add_note('Not every event has a "token": start and done do not.')
            raise

    return get


def test_the_text_of_a_whole_answer_is_sent(text_of):
    answer = text_of(*TEXTS)
    assert answer.status_code != 404, (
        "GET /answers/<name>/text returned status 404 for an answer that exists. Write"
        ' the view @app.get("/answers/<name>/text").'
    )
    assert answer.status_code == 200, (
        f"The answer has ended. Expected status 200, got {answer.status_code}. Its last"
        ' event is "done" or "error" then.'
    )
    assert answer.mimetype == "text/plain", (
        f"Expected Content-Type text/plain, got {answer.mimetype}. Otherwise a browser"
        " may take the model's text for markup."
    )
    assert answer.text == "".join(TEXTS), (
        f"The model wrote {''.join(TEXTS)!r}, and the text is {short(answer.text)}."
        ' Join the "token" of each event that has one, with nothing between them.'
    )


def test_the_text_so_far_is_sent_at_once(begin, client):
    gate = Gate()
    model, place = begin("one", gate, " two")
    reader = client.get(place.removesuffix("/text")).iter_encoded()
    read_until(b"one", reader)
    answer = client.get(place)
    text = answer.text
    made = model.made
    gate.set()
    list(reader)
    assert made == 1, (
        "The text came only after the model had ended. Send what is there, and do not"
        " wait for more."
    )
    assert answer.status_code == 202, (
        "The answer was still being written. Expected status 202, got"
        f' {answer.status_code}. An answer has ended only when its last event is "done"'
        ' or "error".'
    )
    assert text == "one", (
        f'The model had written "one", and the text is {short(text)}. Send what is'
        " there."
    )


def test_an_answer_without_a_text_yet_is_not_finished(begin, client):
    gate = Gate()
    model, place = begin(gate, "one")
    answer = client.get(place)
    made = model.made
    gate.set()
    assert (answer.status_code, answer.text, made) == (202, "", 0), (
        "The model had written nothing yet. Expected status 202 with an empty text, got"
        f' {answer.status_code} with {short(answer.text)}. The first event, "start",'
        " has no token."
    )


def test_an_answer_whose_model_failed_has_ended_too(text_of):
    answer = text_of("one", ModelAPIError(SECRET))
    assert answer.status_code == 200, (
        "The model failed after its first text, so nothing more will come. Expected"
        f' status 200, got {answer.status_code}. The last event is "error" then.'
    )
    assert answer.text == "one", (
        f'The model wrote "one" and failed, and the text is {short(answer.text)}. Only'
        " token events contain the model's text."
    )


def test_an_answer_that_was_stopped_has_ended_too(begin, client):
    gate = Gate()
    _, place = begin("one", gate, "two")
    reader = client.get(place.removesuffix("/text")).iter_encoded()
    read_until(b"one", reader)
    client.delete(place.removesuffix("/text"))
    answer = client.get(place)
    gate.set()
    assert (answer.status_code, answer.text) == (200, "one"), (
        'The model wrote "one", and somebody pressed Stop, so nothing more will come.'
        f" Expected status 200 with 'one', got {answer.status_code} with"
        f' {short(answer.text)}. The last event is "done", whatever its reason is.'
    )


def test_a_request_for_an_unknown_answer_gets_a_404(client):
    answer = client.get("/answers/nobody-knows/text")
    assert answer.status_code == 404, (
        "GET /answers/nobody-knows/text: expected status 404, got"
        f" {answer.status_code}. store.so_far(name) raises it."
    )


def test_the_text_is_in_utf_8(text_of):
    """The text is in UTF-8."""
    kind = text_of("Tragödie").headers["Content-Type"]
    assert "charset=utf-8" in kind.lower(), (
        f"The text has Content-Type {kind}. Add charset=utf-8: otherwise a browser may"
        ' take it for another encoding, and show "TragÃ¶die".'
    )


def test_events_are_still_sent_as_events(begin, client):
    _, place = begin("one")
    client.get(place)
    kind = client.get(place.removesuffix("/text")).mimetype
    assert kind == "text/event-stream", (
        "The text of an answer was sent, and then its events came with Content-Type"
        f" {kind}. All answers share HEADERS: make a new dictionary, as in HEADERS |"
        ' {"Content-Type": ...}, and change nothing in it.'
    )


def test_no_cache_keeps_the_text_and_no_browser_guesses_what_it_is(text_of):
    """No cache keeps the text, and no browser guesses what it is."""
    headers = text_of("one").headers
    kept = headers.get("Cache-Control", "")
    assert "no-store" in kept, (
        "The text changes while the answer is being written, and its header"
        f" Cache-Control is {kept!r}. Send no-store, as HEADERS in events.py does."
        " Otherwise a cache may serve half of the text forever."
    )
    assert headers.get("X-Content-Type-Options") == "nosniff", (
        "The text has no header X-Content-Type-Options: nosniff, so a browser might"
        " guess that the model's text is a page. Send it: HEADERS in events.py has it."
    )


class Busy:
    """The program's store, whose writer adds the rest after the first call.

    Like the store in Redis it has no more than its methods.
    """

    def __init__(self, store, methods):
        self.store = store
        self.methods = methods
        self.is_first = True

    def __getattr__(self, name):
        assert name in self.methods, (
            f"The view uses store.{name}, which the Redis store does not have. Use"
            " store.so_far(name), which both have."
        )

        def call(answer, *arguments):
            result = getattr(self.store, name)(answer, *arguments)
            if self.is_first:
                self.is_first = False
                self.store.add(answer, TOKEN)
                self.store.end(answer, DONE)
            return result

        return call


@pytest.fixture
def methods(folder):
    """Return the names of the methods that the store in Redis has."""
    tree = ast.parse((folder / "in_redis.py").read_text(encoding="utf-8"))
    return {each.name for each in ast.walk(tree) if isinstance(each, ast.FunctionDef)}


def test_half_of_a_text_is_never_sent_as_finished(
    program, client, methods, monkeypatch
):
    store = program.store
    name = store.begin()
    store.add(name, {"event": "token", "token": "one"})
    monkeypatch.setattr(program, "store", Busy(store, methods))
    answer = client.get(f"/answers/{name}/text")
    assert (answer.status_code, answer.text) != (200, "one"), (
        'The view took the text "one". Then the writer added the rest and ended the'
        " answer, and the view sent status 200 with half of the text. Take text and"
        " status from the same events, or call store.is_over(name, len(events)) after"
        " you took them."
    )

"""A response can be deleted: it ends, and can no longer be read."""

import os
import sys
from threading import Event

import pytest

from lessons.course.for_checks.in_time import PATIENCE, in_time
from lessons.course.for_checks.quoting import short

PATH = "/v1/responses"
KEY = {"Authorization": f"Bearer {os.environ.get('SERVER_KEY') or 'sk-practice'}"}
QUESTION = {"model": "practice", "input": "Hello?", "background": True}
END_FIRST = (
    "A response was deleted while it was being written, and a reader of its stream"
    " waits forever. End it in the store before you forget it."
)


@pytest.fixture(autouse=True)
def soon(monkeypatch, program):
    """Let heartbeats come soon, so that no reader waits for long."""
    module = sys.modules[type(program.store).__module__]
    monkeypatch.setattr(module, "HEARTBEAT", 0.05)


@pytest.fixture
def begin(client, answer_with):
    """Begin a response to a script; return the model and its name."""

    def post(*script, **fields):
        model = answer_with(*script)
        answer = client.post(PATH, json=QUESTION | fields, headers=KEY)
        return model, answer.json["id"]

    return post


@pytest.fixture
def delete(client):
    """Delete the response with that name."""

    def delete_it(name):
        answer = client.delete(f"{PATH}/{name}", headers=KEY)
        assert answer.status_code != 405, (
            f"DELETE {PATH}/<name> returned status 405: no view takes that method there"
            ' yet. Write @app.delete("/v1/responses/<name>").'
        )
        return answer

    return delete_it


def test_a_response_can_be_deleted(begin, delete, client):
    _, name = begin("one", background=False)
    answer = delete(name)
    assert answer.status_code != 404, (
        "DELETE returned status 404 for a response that exists. End it before you"
        " forget it, since store.end() has to find it."
    )
    assert answer.status_code == 200 and answer.is_json, (
        f"DELETE returned status {answer.status_code} with type {answer.mimetype}."
        " Expected a 200 with an object in JSON. A view may return a dict."
    )
    expected = {"id": name, "object": "response", "deleted": True}
    assert answer.json == expected, (
        f"DELETE returned an object with {short(list(answer.json))}. Expected its id,"
        ' "object": "response" and "deleted": true.'
    )
    status = client.get(f"{PATH}/{name}", headers=KEY).status_code
    assert status == 404, (
        f"A response was deleted, but GET returned status {status}. Expected a 404."
        " store.forget(name) removes it."
    )


def test_an_unknown_response_cannot_be_deleted(begin, delete):
    answer = delete("resp_1")
    assert answer.status_code == 404, (
        "DELETE of an unknown response: expected status 404, got"
        f" {answer.status_code}. store.forget() does not report it, but"
        " store.find(name) does."
    )


def test_the_key_is_needed_to_delete(begin, client):
    _, name = begin("one", background=False)
    status = client.delete(f"{PATH}/{name}").status_code
    assert status == 401, (
        f"DELETE without the key: expected status 401, got {status}. Keep the function"
        " below @app.before_request."
    )


def read(answer):
    """Return the pieces of a body; fail if there are too many of them."""
    pieces = []
    for piece in answer.iter_encoded():
        pieces.append(piece)
        assert len(pieces) < 100, END_FIRST
    return pieces


def test_a_response_that_is_being_written_ends_when_it_is_deleted(
    answer_with, delete, client
):
    gate = Event()
    model = answer_with("one", gate, " two", " three")
    answer = client.post(PATH, json=QUESTION | {"stream": True}, headers=KEY)
    body = answer.iter_encoded()
    came = b""
    while b"delta" not in came:
        came += in_time(lambda: next(body), "The stream did not begin.")
    name = came.decode().partition('"id": "')[2].partition('"')[0]
    delete(name)
    in_time(lambda: read(answer), END_FIRST)
    gate.set()
    assert model.closed.wait(PATIENCE) and model.closed_early, (
        "A response was deleted while it was being written, but its model kept"
        " writing. End it in the store, which stops its writer."
    )

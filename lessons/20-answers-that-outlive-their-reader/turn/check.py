"""The text of an answer so far, and by its status whether there will be more."""

from threading import Event

import pytest

TEXTS = ["Tragödie 👋", "\n", "<b> "]
PATIENCE = 5  # seconds


@pytest.fixture
def begin(client, answer_with):
    """Begin an answer with this script; return the model and where its text is."""

    def post(*script):
        model = answer_with(*script)
        answer = client.post("/answers", json={"prompt": "Hello?"})
        return model, f"/answers/{answer.json['id']}/text"

    return post


def test_the_text_of_a_whole_answer(begin, client):
    model, place = begin(*TEXTS)
    assert model.closed.wait(PATIENCE)
    for _ in client.get(place.removesuffix("/text")).iter_encoded():
        pass  # now it has ended for everybody
    answer = client.get(place)
    assert answer.status_code != 404, (
        f"GET {place} gave a 404, and the answer is there: write the view"
        ' @app.get("/answers/<name>/text").'
    )
    assert answer.status_code == 200, (
        f"The answer has ended, and the status was {answer.status_code}, expected was"
        " 200: store.is_over(name, 10**9) is true then."
    )
    assert answer.mimetype == "text/plain", (
        f"The text is sent as {answer.mimetype}, expected was text/plain: a browser"
        " would take what the model wrote for markup."
    )
    assert answer.text == "".join(TEXTS), (
        f"The model wrote {''.join(TEXTS)!r}, and the text is {answer.text!r}: join the"
        ' "token" of each event that has one, with nothing between them.'
    )


class Gate(Event):
    """A gate in a script, which opens by itself if a program waits before it."""

    def wait(self, _=None):
        super().wait(PATIENCE)
        return True


def test_the_text_so_far_is_sent_at_once(begin, client):
    gate = Gate()
    model, place = begin("one", gate, " two")
    reader = client.get(place.removesuffix("/text")).iter_encoded()
    next(reader), next(reader)  # the events start and token are there
    answer = client.get(place)
    made = model.made
    gate.set()
    list(reader)
    assert made == 1, (
        "The text came when the model had ended: send what is there, and do not wait"
        " for more."
    )
    assert answer.status_code == 202, (
        f"The answer was still being written, and the status was {answer.status_code},"
        " expected was 202: store.is_over(name, 10**9) says whether it has ended."
    )
    assert answer.text == "one", (
        f'The model had written "one", and the text is {answer.text!r}: send what is'
        " there."
    )


def test_an_answer_that_is_not_there_is_a_404(client):
    answer = client.get("/answers/nobody-knows/text")
    assert answer.status_code == 404, (
        f"GET /answers/nobody-knows/text gave {answer.status_code}, expected was 404:"
        " store.find(name) raises it."
    )

"""The lessons' servers with each row of the zoo behind them: no wire tells a lie.

What each wire says of an answer is read as its clients read it. Two kinds of rows are
for the root's program alone, as the lessons' are shorter by them: it asks again where
that can help, and it looks past what breaks after the model has said why it ended.
"""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import pytest
from support.lesson_servers import KEY, body_of, path_of, servers_since
from support.zoo import Broken, Refused, Whole, Zoo
from support.zoo_rows import ROWS

from failures import NO_TEXT

pytestmark = pytest.mark.slow

# Lesson 07 is about the end of an answer: from it on no server tells a lie about one.
# Lessons 22 and 23 bind tools to their model, which answers with calls: their own tests
# send them what providers send then.
every_wire = pytest.mark.parametrize(
    "module",
    [
        server
        for server in servers_since("07-an-end-you-can-trust")
        if server.id not in ("22-a-form-that-fills-itself", "23-a-tool-in-the-stream")
    ],
)
AT_ONCE = 12  # rows; some of them are silent for two seconds
FITTING = {
    row.name: row
    for row in ROWS
    if row.then is None and "after-its-end" not in row.name
}


class Seen(NamedTuple):
    """What a client saw of an answer."""

    status: int
    text: str  # the answer's, or the body of a refusal
    whole: bool  # whether the wire says that the answer is
    body: str


class ModelOfRows:
    """A model that asks the zoo as the row wants whose name is the last message."""

    name = "zoo"

    def __init__(self, zoo):
        self.models = {name: zoo.model_for(row) for name, row in FITTING.items()}

    def stream(self, messages, **options):
        """Return the chunks of a row."""
        return self.models[name_in(messages)].stream(messages, **options)


def name_in(messages):
    """Return the last message's text, in whatever form a lesson asks its model."""
    if isinstance(messages, str):
        return messages
    last = messages[-1]
    if isinstance(last, dict):
        last = last["content"]
    elif not isinstance(last, tuple | list):
        last = last.content
    else:
        last = last[-1]
    return last if isinstance(last, str) else last[0]["text"]


@pytest.fixture(scope="module")
def model():
    """Return the model of all rows, with the zoo open."""
    with Zoo(FITTING) as zoo:
        model = ModelOfRows(zoo)
        model.server = zoo.server
        yield model


def see(module, name):
    """Ask a lesson's server for a row, and return what was seen."""
    client = module.app.test_client()
    question = body_of(module, name)
    place = list(FITTING).index(name)
    here = {
        "REMOTE_ADDR": f"10.0.{place // 250}.{place % 250}"
    }  # for 19's limit on each
    answer = client.post(path_of(module), json=question, headers=KEY, environ_base=here)
    body = b""
    broke = False
    try:
        for piece in answer.iter_encoded():
            body += piece
    except Exception:  # the server would break the body off here
        broke = True
    finally:
        answer.close()  # as a server does: it gives back the place of a reader
    body = body.decode()
    assert "sk-" not in body
    if answer.status_code != 200:
        return Seen(answer.status_code, body, False, body)
    if answer.mimetype == "text/plain":
        text = body.rpartition("\n[error: ")[0] if broke else body
        return Seen(200, text, not broke, body)
    text, reason = read_messages(messages_of(body, answer.mimetype))
    return Seen(200, text, reason == "stop" and not broke, body)


def messages_of(body, kind):
    """Return the messages in a body: lines of JSON, or events with JSON in them."""
    lines = body.splitlines()
    if kind == "text/event-stream":
        marked = [line for line in lines if line.startswith("data: ")]
        lines = [line.removeprefix("data: ") for line in marked]
    return [json.loads(line) for line in lines if line != "[DONE]"]


def read_messages(messages):
    """Return the text that messages bring, and why the answer ended, if they say."""
    text = ""
    reason = None
    for message in messages:
        text += message.get("token", "")
        if message.get("type") in ("text-delta", "response.output_text.delta"):
            text += message["delta"]
        reason = message.get("end") or message.get("finishReason") or reason
        if message.get("type") == "response.completed":
            reason = "stop"
        is_error = message.get("type") == "error"  # on OpenAI's newer wire
        if is_error or "error" in message or "isError" in message:
            return text, None
        for choice in message.get("choices", []):
            text += choice["delta"].get("content") or ""
            reason = choice["finish_reason"] or reason
    return text, reason


def wrong_rows(module, kind, right):
    """Return what was seen of the rows of a kind where it is not right, by name."""
    names = [name for name, row in FITTING.items() if type(row.expected) is kind]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        all_seen = list(pool.map(lambda name: see(module, name), names))
    found = zip(names, all_seen, strict=True)
    return {
        name: seen for name, seen in found if not right(seen, FITTING[name].expected)
    }


@pytest.fixture
def ask_rows(model, monkeypatch):
    """Return a function that asks a lesson's server for all rows of a kind."""

    def ask(module, kind, right):
        monkeypatch.setattr(module, "model", model)
        return wrong_rows(module, kind, right)

    return ask


@pytest.mark.filterwarnings("ignore:Pydantic serializer warnings")
@every_wire
def test_whole_answers_are_whole_on_every_wire(module, ask_rows):
    def right(seen, expected):
        return (seen.status, seen.text, seen.whole) == (200, expected.text, True)

    assert ask_rows(module, Whole, right) == {}


@every_wire
def test_cut_answers_are_kept_and_never_whole_on_any_wire(module, ask_rows):
    def right(seen, expected):
        return (seen.status, seen.text, seen.whole) == (200, expected.text, False)

    assert ask_rows(module, Broken, right) == {}


@every_wire
def test_refusals_have_their_status_and_sentence_on_every_wire(module, ask_rows, model):
    def right(seen, expected):
        if "response.refusal.done" in seen.body:  # a wire that has words for it
            return expected.failure is NO_TEXT and seen.text == ""
        sentence = expected.failure.sentence.format(
            seconds=expected.seconds, server=model.server
        )
        said = json.dumps(sentence)[1:-1]
        has_sentence = said in seen.body or sentence in seen.body
        return seen.status == expected.failure.status and has_sentence

    assert ask_rows(module, Refused, right) == {}

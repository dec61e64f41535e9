"""What the tests of lessons 15 and 16 share: how OpenAI's wire is asked, and read."""

import json
from contextlib import closing
from threading import Semaphore

import pytest
from langchain_core.messages import AIMessageChunk

from lessons.course.for_checks.scripted_model import ScriptedModel

PATH = "/v1/chat/completions"
KEY = {"Authorization": "Bearer sk-practice"}
TOKENS = {"input_tokens": 3, "output_tokens": 5, "total_tokens": 8}
USAGE = AIMessageChunk("", usage_metadata=TOKENS)
PLENTY = ["word " * 200] * 10_000  # more than the buffers on the way hold


def question(prompt="Hello?", **fields):
    message = {"role": "user", "content": prompt}
    return {"model": "practice", "messages": [message], **fields}


@pytest.fixture
def chat(answer_with, client):
    """Return a function that asks for a scripted answer: (model, answer)."""

    def post(*script, **fields):
        model = answer_with(*script)
        return model, client.post(PATH, json=question() | fields, headers=KEY)

    return post


@pytest.fixture
def closings(monkeypatch):
    """Keep the model's streams, as a traceback does: none is closed by chance.

    Return a semaphore that is released whenever one is closed.
    """
    streams, stream = [], ScriptedModel.stream
    closed = Semaphore(0)

    def until_closed(model, prompt):
        try:
            with closing(stream(model, prompt)) as made:
                yield from made
        finally:
            closed.release()

    def keep(model, prompt):
        streams.append(until_closed(model, prompt))
        return streams[-1]

    monkeypatch.setattr(ScriptedModel, "stream", keep)
    return closed


def chunks(text):
    """Return the objects of a stream."""
    lines = [line for line in text.split("\n") if line.startswith("data: {")]
    return [json.loads(line[6:]) for line in lines]


def choices(text, index=0):
    """Return the content and the finish reason of the choice with that index."""
    mine = [
        choice
        for chunk in chunks(text)
        for choice in chunk.get("choices", [])
        if choice["index"] == index
    ]
    said = "".join(choice["delta"].get("content", "") for choice in mine)
    return said, mine[-1]["finish_reason"]

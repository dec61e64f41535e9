"""What the tests of lessons 12 to 14 share: mistakes on a wire, and a page at work."""

import json
from threading import Event

import pytest
from langchain_core.messages import AIMessageChunk

from support import LIMIT

COUNTED = {"input_tokens": 3, "output_tokens": 5, "total_tokens": 8}
COUNT = AIMessageChunk("", usage_metadata=COUNTED)
USAGE = {"promptTokens": 3, "completionTokens": 5, "totalTokens": 8}
TEXT = "Tragö\n\n  👋"
SCRIPT = "Tragö", "\n\n", "  👋", COUNT
MANY = ["word "] * 10_000  # more than the buffers between server and client hold


def until(happens):
    """Wait for it to happen; fail when it does not."""
    pause = Event()
    for _ in range(LIMIT * 100):
        if happens():
            return
        pause.wait(0.01)
    pytest.fail("it never happened")


def refusing(times, error):
    """Return an item of a script that raises the error, so many times."""
    left = [error] * times

    def refuse():
        if left:
            raise left.pop()

    return refuse


def messages_in(answer):
    """Return the JSON values of an answer's data lines."""
    lines = [line for line in answer.text.splitlines() if line.startswith("data: {")]
    return [json.loads(line.removeprefix("data: ")) for line in lines]


def asked_by_react(*texts):
    """Return the body that DefaultChatTransport posts for questions and answers."""
    messages = [
        {
            "id": str(n),
            "role": ("user", "assistant")[n % 2],
            "parts": [{"type": "step-start"}, {"type": "text", "text": text}],
        }
        for n, text in enumerate(texts)
    ]
    return {"id": "c", "messages": messages, "trigger": "submit-message"}


# Mistakes on the wire, for changed() of servers.py


def one_newline(piece):
    """End a message with one newline for two, as is easily written."""
    return piece.replace(b"\n\n", b"\n")


def dropping(name):
    """Return a mistake: the messages with these bytes in them are lost."""
    return lambda piece: b"" if name in piece else piece


def as_text(headers):
    """Send events as plain text."""
    return [(name, kind.replace("event-stream", "plain")) for name, kind in headers]

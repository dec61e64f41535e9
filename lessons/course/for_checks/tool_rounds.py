"""What a server must be asked that runs tools: rounds of a scripted model, with calls.

Lesson 23 and its Your turn check with it.
"""

import json

import pytest
from langchain_core.messages import AIMessageChunk, BaseMessage, convert_to_messages
from langchain_core.messages.tool import tool_call_chunk
from werkzeug.exceptions import HTTPException

from lessons.course.for_checks.in_time import in_time
from lessons.course.for_checks.scripted_model import End, ScriptedModel

CALLS = "tool_calls"


class Rounds(ScriptedModel):
    """A model with a script for each round; the last one repeats."""

    def __init__(self, *rounds):
        super().__init__()
        self.rounds = list(rounds)
        self.turns = []  # what each round was asked
        self.unreadable = ""  # what was among the turns and is no message

    def stream(self, prompt):
        for turn in prompt:
            if not isinstance(turn, (BaseMessage, tuple, str, dict)):
                self.unreadable = "None" if turn is None else f"a {type(turn).__name__}"
        self.turns.append(convert_to_messages(prompt))
        place = min(len(self.turns), len(self.rounds)) - 1
        self.script = self.rounds[place]
        return super().stream(prompt)


def piece(index, args="", name=None, call_id=None):
    part = tool_call_chunk(name=name, args=args, id=call_id, index=index)
    return AIMessageChunk("", tool_call_chunks=[part])


def call(*pieces, name="look_up", index=0, call_id="id1"):
    """Return chunks that call a tool, with these pieces as the arguments."""
    first = piece(index, name=name, call_id=call_id)
    return [first, *[piece(index, args) for args in pieces]]


def called(*chunks):
    """Return a round that ends with calls."""
    return [*chunks, End(finish_reason=CALLS)]


@pytest.fixture
def answer_of(client, use_model):
    """Return a function that asks for an answer in rounds: (model, answer)."""

    def ask(*rounds):
        model = use_model(Rounds(*rounds))
        answer = in_time(
            lambda: client.post("/ask", json={"prompt": "Hello?"}),
            "The model had answered, but the view is still waiting. Make it wait only"
            " for the first message.",
        )
        return model, answer

    return ask


def messages(answer):
    """Return what the events of an answer say."""
    try:
        body = in_time(
            answer.get_data,
            "The model's answer is over, but the response never ended.",
        )
    except HTTPException as error:
        raise AssertionError(
            f"{type(error).__name__} was raised after the status had been sent. Make"
            " the view wait for the first message."
        ) from None
    lines = body.decode().split("\n")
    return [json.loads(line[6:]) for line in lines if line.startswith("data: {")]


def of(found, kind):
    return [message for message in found if message["type"] == kind]


def text_in(found):
    return "".join(message["delta"] for message in of(found, "text-delta"))

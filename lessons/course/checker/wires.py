"""Which wire a program speaks: it is asked, and its answer is looked at.

A lesson that introduces a wire says so in its lesson.toml, with one of these names. A
program that speaks it has left the checks of the lessons before that one behind.
"""

import os
from contextlib import suppress
from itertools import islice
from threading import Thread

from langchain_core.messages import AIMessageChunk

PATIENCE = 3  # seconds for a program to show which wire it speaks
JSON_LINES = "JSON Lines"
JSON_LINES_WITH_REASONING = "JSON Lines with reasoning"
CONVERSATION = "conversation"
SERVER_SENT_EVENTS = "server-sent events"
OPENAI = "OpenAI"
OPENAI_WITH_CHOICES = "OpenAI with several choices"
A_FORM = "a form"
TOOLS = "tools"
RESPONSES = "OpenAI's responses"
WIRES = [
    JSON_LINES,
    JSON_LINES_WITH_REASONING,
    CONVERSATION,
    SERVER_SENT_EVENTS,
    OPENAI,
    OPENAI_WITH_CHOICES,
    A_FORM,
    TOOLS,
    RESPONSES,
]


def wire_of(app, answer_with):
    """Return the name of the wire that a program speaks, or None: plain text.

    answer_with(*script) lets its model answer with a script, and returns the model.
    """
    paths = [rule.rule for rule in app.url_map.iter_rules()]
    if any(path.startswith("/v1/responses") for path in paths):
        return RESPONSES
    if any(path.startswith("/v1/") for path in paths):
        has_choices = gives_two_answers(app.test_client(), answer_with)
        return OPENAI_WITH_CHOICES if has_choices else OPENAI
    if "/object" in paths:
        return A_FORM
    found = []

    def ask():
        with suppress(Exception):  # which the checks explain
            found.append(wire_of_ask(app.test_client(), answer_with))

    asking = Thread(target=ask, daemon=True)  # for an answer that never ends
    asking.start()
    asking.join(PATIENCE)
    return found[0] if found else None


def gives_two_answers(client, answer_with):
    """Whether a server of the OpenAI wire gives two answers if it is asked for two."""
    answer_with("Yes.")
    turn = {"role": "user", "content": "Hello?"}
    question = {"model": "practice", "messages": [turn], "n": 2}
    key = os.environ.get("SERVER_KEY") or "sk-practice"
    headers = {"Authorization": f"Bearer {key}"}
    with suppress(Exception):  # which the checks explain
        answer = client.post("/v1/chat/completions", json=question, headers=headers)
        return len(answer.json["choices"]) == 2
    return False


def wire_of_ask(client, answer_with):
    """Return the name of the wire that POST /ask speaks, or None: plain text."""
    thought = AIMessageChunk([{"type": "reasoning", "reasoning": "Hm."}])
    model = answer_with(thought, "Yes.")
    answer = client.post("/ask", json={"prompt": "Hello?"})
    # A type alone is no wire: in an early lesson it can be a slip.
    if answer.mimetype == "application/jsonl" and answer.text.startswith("{"):
        return JSON_LINES_WITH_REASONING if "Hm." in answer.text else JSON_LINES
    beginning = beginning_of(answer) if answer.mimetype == "text/event-stream" else ""
    if 'data: {"type": "start"' in beginning:
        return TOOLS
    if "data: {" in beginning:
        return SERVER_SENT_EVENTS
    turn = {"role": "user", "content": "And you?"}
    with suppress(Exception):
        answer.close()
    client.post("/ask", json={"messages": [turn]}).close()
    prompt = model.prompts[-1]
    handed_on = isinstance(prompt, str | dict)  # the body as it came, which is a slip
    return CONVERSATION if "And you?" in str(prompt) and not handed_on else None


def beginning_of(answer):
    """Return the first pieces of an answer: one that is wrong may never end."""
    pieces = islice(answer.iter_encoded(), 20)
    return b"".join(pieces).decode("utf-8", "replace")

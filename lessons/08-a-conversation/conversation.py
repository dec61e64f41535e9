"""What a client may say of a conversation, and how much of it the model is told."""

import json

from werkzeug.exceptions import BadRequest, RequestEntityTooLarge

SYSTEM = "You are a patient teacher of programming. Answer in a few short sentences."
MESSAGES = 100  # the most that a client may send
CHARACTERS = 12_000  # the most that the model is told of them
LAST = 'The last of the messages is a question: {"role": "user", "content": "Why?"}.'


def read_turns(request):
    """Return the turns in the JSON body, each {"role", "content"}; else raise."""
    try:
        asked = request.get_json()
        json.dumps(asked, ensure_ascii=False).encode()  # raises at half a letter
    except (BadRequest, RecursionError, UnicodeError):
        asked = None
    match asked:
        case {"messages": [*messages]} if len(messages) > MESSAGES:
            raise RequestEntityTooLarge
        case {"messages": [*_, {"role": "user"}] as messages}:
            turns = [read_turn(message) for message in messages]
        case {"prompt": str(prompt)}:
            turns = [{"role": "user", "content": prompt}]
        case _:
            request.stream.read(1)  # raises the 413 of a body that told no length
            raise BadRequest(LAST)
    if not turns[-1]["content"].strip():
        raise BadRequest(LAST)
    return [turn for turn in turns if turn["content"].strip()]


def read_turn(message):
    """Return the role and the text of a message, which can come in parts."""
    match message:
        case {"role": "user" | "assistant" as role, "content": str(content)}:
            return {"role": role, "content": content}
        case {"role": "user" | "assistant" as role, "parts": [*parts]}:
            return {"role": role, "content": "".join(map(text_of, parts))}
    raise BadRequest("A message has a role, user or assistant, and a text as content.")


def text_of(part):
    """Return the text of a part of a message; "" if it is something else."""
    match part:
        case {"type": "text", "text": str(text)}:
            return text
    return ""


def told(turns):
    """Return what the model is told: our words, then the last turns that fit."""
    for n, turn in enumerate(turns):
        length = sum(len(each["content"]) for each in turns[n:])
        if turn["role"] == "user" and length <= CHARACTERS:
            return [{"role": "system", "content": SYSTEM}, *turns[n:]]
    raise RequestEntityTooLarge

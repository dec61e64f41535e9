"""What a client may say of a conversation, and how much of it the model gets."""

from flask import request
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge

from failures import can_be_sent

SYSTEM = "You are a patient teacher of programming. Answer in a few short sentences."
MOST_MESSAGES = 100  # that a client may send
MOST_CHARACTERS = 12_000  # that the model gets of them
NO_MESSAGE = "A message has a role, user or assistant, and a text as content."
NO_QUESTION = (
    'The last of the messages is a question: {"role": "user", "content": "Why?"}.'
)
TOO_LONG = "That is too long: shorten your question, or begin a new conversation."


def read_turns():
    """Return the turns in the request's JSON, each {"role", "content"}; else raise."""
    messages = read_messages()
    if len(messages) > MOST_MESSAGES:
        raise RequestEntityTooLarge
    turns = [read_message(message) for message in messages]
    if not turns:
        raise BadRequest(NO_QUESTION)
    last = turns[-1]
    if last["role"] != "user" or not last["content"].strip():
        raise BadRequest(NO_QUESTION)
    # an answer that was stopped before its first word has no text
    return [turn for turn in turns if turn["content"].strip()]


def read_messages():
    """Return the messages in the request's JSON, a list; raise a 400, 413 or 415."""
    match read_body():
        case {"messages": [*messages]}:
            return messages
        case {"prompt": str(prompt)}:
            return [{"role": "user", "content": prompt}]
    raise BadRequest(NO_QUESTION)


def read_body():
    """Return the request's JSON, or None if there is none; raise a 413 or 415."""
    try:
        return request.get_json()
    except (BadRequest, RecursionError):  # no JSON, or lists in lists in lists
        request.stream.read(1)  # raises the 413 if the body was cut for its length
        return None


def read_message(message):
    """Return the role and the text of a message, which can come in parts."""
    match message:
        case {"role": "user" | "assistant" as role, "content": str(content)}:
            text = content
        case {"role": "user" | "assistant" as role, "parts": [*parts]}:
            text = "".join(text_of(part) for part in parts)
        case _:
            raise BadRequest(NO_MESSAGE)
    if not can_be_sent(text):
        raise BadRequest(NO_MESSAGE)
    return {"role": role, "content": text}


def text_of(part):
    """Return the text of a part of a message; "" if it is something else."""
    match part:
        case {"type": "text", "text": str(text)}:
            return text
    return ""


def messages_for(turns):
    """Return what the model gets: our words, then the last turns that fit."""
    for start, turn in enumerate(turns):
        last_turns = turns[start:]
        length = sum(len(each["content"]) for each in last_turns)
        if turn["role"] == "user" and length <= MOST_CHARACTERS:
            return [{"role": "system", "content": SYSTEM}, *last_turns]
    raise RequestEntityTooLarge


def conversation_too_long(error):
    """Return the answer for a 413; that of failures.py speaks of a prompt."""
    return {"error": TOO_LONG}, error.code

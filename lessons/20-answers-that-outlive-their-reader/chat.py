"""React's useChat: it begins an answer, and reads the rest after a reload.

Lesson 14 has the words. New is GET /chat/<id>/stream, where useChat looks for an answer
that is still being written; without one it expects a 204, "no content".

The browser chooses the id of a chat, and anyone who knows it can read what is being
written there. A server with accounts would first check whose chat it is.
"""

import json

from flask import Response
from werkzeug.exceptions import BadRequest

from failures import can_be_sent, read_conversation, require_short

from .events import HEADERS, HEARTBEAT
from .starting import start_writing

CHAT_HEADERS = HEADERS | {"x-vercel-ai-ui-message-stream": "v1"}
REASONS = {"content_filter": "content-filter", "stopped": "other"}
LONGEST_ID = 100  # characters; an id of useChat has 16


def open_to_use_chat(app, store):
    """Give the app the two addresses that useChat asks."""

    @app.post("/chat")
    def chat():
        """Begin an answer to the last message, and send it."""
        body = read_conversation()
        chat, prompt = chat_id(body), last_text(body)  # a 400 takes no place
        name = store.begin()
        store.remember(chat, name)
        start_writing(store, name, prompt)
        return Response(as_chat(store.read(name, 0)), headers=CHAT_HEADERS)

    @app.get("/chat/<chat>/stream")
    def resume(chat):
        """Send, from its beginning, the answer that is being written in this chat."""
        name = store.answer_in(chat)
        if not name:
            return "", 204
        return Response(as_chat(store.read(name, 0)), headers=CHAT_HEADERS)


def chat_id(body):
    """Return the id of the chat, or raise a 400."""
    chat = body.get("id") if isinstance(body, dict) else None
    if not isinstance(chat, str) or not can_be_sent(chat):
        raise BadRequest('There is no chat to answer in: send {"id", "messages"}.')
    if len(chat) > LONGEST_ID:
        raise BadRequest(f"The chat's id is too long: at most {LONGEST_ID} letters.")
    return chat


def last_text(body):
    """Return the text of the last message, or raise a 400."""
    messages = body.get("messages")
    if not isinstance(messages, list):
        messages = []
    texts = [text_of(message) for message in messages]
    if not texts or texts[-1] is None:
        raise BadRequest("The last message has no text to answer.")
    text = texts[-1]
    if not text.strip() or not can_be_sent(text):
        raise BadRequest("There is no question to answer: type one.")
    require_short([each or "" for each in texts])
    return text


def text_of(message):
    """Return the text of a message's parts, some of which hold no text; or None."""
    try:
        parts = message["parts"]
        return "".join(part["text"] for part in parts if part["type"] == "text")
    except (KeyError, TypeError):
        return None


def as_chat(events):
    """Yield the bytes of an answer's events in useChat's words."""
    for numbered in events:
        if numbered is None:
            yield HEARTBEAT
            continue
        _, event = numbered
        for part in parts_of(event):
            yield f"data: {json.dumps(part)}\n\n".encode()
    yield b"data: [DONE]\n\n"


def parts_of(event):
    """Return the parts that say in useChat's words what an event says."""
    match event:
        case {"event": "start"}:
            return [{"type": "start"}, {"type": "text-start", "id": "1"}]
        case {"event": "token", "token": token}:
            return [{"type": "text-delta", "id": "1", "delta": token}]
        case {"event": "done", "reason": reason}:
            end = {"type": "finish", "finishReason": REASONS.get(reason, reason)}
            return [{"type": "text-end", "id": "1"}, end]
        case {"event": "error", "error": sentence}:
            return [{"type": "error", "errorText": sentence}]

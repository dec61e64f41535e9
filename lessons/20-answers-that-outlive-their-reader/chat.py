"""React's useChat: it begins an answer, and after a reload it reads on by itself.

Lesson 14 has the words. New is GET /chat/<id>/stream, where useChat looks for an answer
that is still being written; without one it wants a 204, "no content".
"""

import json

from flask import Response, request
from werkzeug.exceptions import BadRequest

from .events import HEADERS, HEARTBEAT
from .writing import start_writing

CHAT_HEADERS = HEADERS | {"x-vercel-ai-ui-message-stream": "v1"}
REASONS = {"content_filter": "content-filter", "stopped": "other"}


def open_to_use_chat(app, store):
    """Give the app the two addresses that useChat asks."""

    @app.post("/chat")
    def chat():
        """Begin an answer to the last message, and send it."""
        body = request.get_json()
        name = store.begin()
        store.remember(chat_id(body), name)
        start_writing(store, name, last_text(body))
        return Response(as_chat(store.read(name, 0)), headers=CHAT_HEADERS)

    @app.get("/chat/<chat>/stream")
    def resume(chat):
        """Send the answer that is being written in this chat from its beginning."""
        name = store.answer_in(chat)
        if not name:
            return "", 204
        return Response(as_chat(store.read(name, 0)), headers=CHAT_HEADERS)


def chat_id(body):
    """Return the id of the chat, or raise a 400."""
    if not isinstance(body, dict) or not isinstance(body.get("id"), str):
        raise BadRequest('There is no chat to answer in: send {"id", "messages"}.')
    return body["id"]


def last_text(body):
    """Return the text of the last message, or raise a 400."""
    try:
        parts = body["messages"][-1]["parts"]
        text = "".join(part["text"] for part in parts if part["type"] == "text")
    except (KeyError, IndexError, TypeError):
        raise BadRequest("The last message has no text to answer.") from None
    if not text.strip():
        raise BadRequest("There is no question to answer: type one.")
    return text


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

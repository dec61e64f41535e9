"""Server-sent events, as in lesson 12: a number, a name, and JSON."""

import json

HEADERS = {
    "Content-Type": "text/event-stream",
    "Cache-Control": "no-store, no-transform",
    "X-Accel-Buffering": "no",
    "X-Content-Type-Options": "nosniff",
}
HEARTBEAT = b": heartbeat\n"  # a comment, which no client shows


def as_event(numbered):
    """Return the bytes of (number, {"event": its name, ...}); of None, a heartbeat."""
    if numbered is None:
        return HEARTBEAT
    number, message = numbered
    name = message["event"]
    fields = {key: value for key, value in message.items() if key != "event"}
    return f"id: {number}\nevent: {name}\ndata: {json.dumps(fields)}\n\n".encode()

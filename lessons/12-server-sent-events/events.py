"""An answer in events that have names, and how they travel."""

import json

from .stream import Stream

HEADERS = {
    "Content-Type": "text/event-stream",
    "Cache-Control": "no-store, no-transform",
    "X-Accel-Buffering": "no",
    "X-Content-Type-Options": "nosniff",
}


class EventStream(Stream):
    """An answer in the events start, metadata, token, usage, error and done."""

    headers = HEADERS

    def __init__(self, heartbeat):
        super().__init__()
        self.heartbeat = heartbeat  # seconds that it may be silent

    def start(self):
        return self.send("start", {})

    def send_metadata(self, metadata):
        return self.send("metadata", metadata)

    def send_token(self, token):
        return self.send("token", {"token": token})

    def send_usage(self, usage):
        return self.send("usage", usage | {"usage": usage})

    def send_error(self, error):
        return self.send("error", {"error": error})

    def end(self, reason="stop"):
        self.send("done", {"finishReason": reason})
        self.close()

    def abort(self, error):
        """Say what went wrong, then end: a stream of events does not break."""
        self.send_error(error).end("error")

    def send(self, event, message):
        """Send an event: its number, its name, and what it says as JSON."""
        number = self.message_count + 1
        lines = [
            f"id: {number}",
            f"event: {event}",
            f"data: {json.dumps(message)}",
        ]
        text = "\n".join(lines)
        return self.write(f"{text}\n\n".encode())  # an empty line ends the event

    def __iter__(self):
        """Yield the events as they come, and a comment in every silence."""
        while True:
            something_came = self.wait(self.heartbeat)
            if not something_came:
                yield b": heartbeat\n"
            elif self.pieces:
                yield self.take()
            else:
                return  # the stream is closed, and all of it was sent

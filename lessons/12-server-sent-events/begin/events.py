"""An answer in events that have names, and how they travel."""

import json

from .stream import Stream

HEADERS = {
    "Content-Type": "application/jsonl",
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
        """Send an event as a line of JSON: its name, and what it says."""
        line = json.dumps({"event": event} | message)
        return self.write(f"{line}\n".encode())

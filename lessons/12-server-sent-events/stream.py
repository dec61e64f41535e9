"""A stream between two threads: one writes an answer into it, the other sends it."""

from contextlib import suppress
from queue import Empty, Queue

HEADERS = {
    "Content-Type": "text/event-stream",
    "Cache-Control": "no-store, no-transform",
    "X-Accel-Buffering": "no",
    "X-Content-Type-Options": "nosniff",
}


class Stream:
    """Messages on their way, and a comment whenever there is none for a while."""

    headers = HEADERS

    def __init__(self, heartbeat):
        self.heartbeat = heartbeat  # seconds
        self.waiting = Queue(8)  # a slow reader slows the writer down
        self.is_active = True
        self.message_count = 0

    def write(self, message):
        """Add a message, if anybody reads; wait while eight are waiting."""
        if self.is_active:
            self.message_count += 1
            self.waiting.put(f"{message}\n\n".encode())
        return self

    def abort(self, error):
        """Say what went wrong, then end: a stream of events does not break."""
        self.send_error(error).end("error")

    def finish(self):
        """Say that this was all."""
        if self.is_active:
            self.is_active = False
            self.waiting.put(None)

    def __iter__(self):
        """Yield what there is to send, until that was all."""
        while True:
            message = self.next_message()
            if message is None:
                return
            yield message

    def next_message(self):
        """Return what is to be sent next: a comment if nothing comes for a while."""
        try:
            return self.waiting.get(timeout=self.heartbeat)
        except Empty:
            return b": heartbeat\n"  # an empty line would be an event to some

    def close(self):
        """Let the writer go, who may be waiting for room: nobody reads any more."""
        self.is_active = False
        with suppress(Empty):
            self.waiting.get_nowait()

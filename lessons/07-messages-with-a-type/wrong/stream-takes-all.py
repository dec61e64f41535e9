# The reader took one piece, then none for half a second, and the model wrote on: what
# it writes waits in memory. Let send() wait while 8 lines are waiting.
"""A stream between two threads: a service sends objects, a server takes their lines."""

import json
from collections import deque
from contextlib import suppress
from threading import Condition


class StreamClosed(Exception):
    """The reader has left, or the service had closed the stream."""


class Stream:
    """JSON Lines on their way; closed by the service, or because the reader left."""

    def __init__(self):
        self.lines, self.sent = deque(), 0
        self.closed, self.refused = False, None
        self.changed = Condition()

    def send(self, message):
        """Send what JSON can hold; raise if nobody reads it."""
        line = f"{json.dumps(message, allow_nan=False)}\n".encode()
        with self.changed:
            if self.closed:
                raise StreamClosed
            self.lines.append(line)
            self.sent += 1
            self.changed.notify_all()

    def throw(self, reason):
        """Send a value for the page to throw, and close."""
        with suppress(StreamClosed):
            self.send({"isError": True, "reason": reason})
        self.close()

    def close(self):
        """Let nobody send or wait any more; what was sent can be read."""
        with self.changed:
            self.closed = True
            self.changed.notify_all()

    def wait(self):
        """Wait for the next line; return whether there is one."""
        with self.changed:
            self.changed.wait_for(lambda: self.closed or self.lines)
            return bool(self.lines)

    def __iter__(self):
        while self.wait():
            with self.changed:
                line = self.lines.popleft()
                self.changed.notify_all()
            yield line

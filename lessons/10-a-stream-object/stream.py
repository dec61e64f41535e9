"""A stream between two threads: a service sends objects, a server takes their lines."""

import json
from collections import deque
from contextlib import suppress
from threading import Condition

ROOM = 8  # lines that may wait: past that, a slow reader slows the service down


class StreamClosed(Exception):
    """The reader has left, or the service has already closed the stream."""


class Stream:
    """A stream of JSON Lines, until the service closes it or the reader leaves."""

    def __init__(self):
        self.lines = deque()  # that wait for the server to take them
        self.sent = 0  # how many messages
        self.closed = False
        self.refusal = None  # the HTTP error that is sent if there is no message
        self.changed = Condition()  # a lock, and one thread can wake the other

    def send(self, message):
        """Send what JSON can hold, once there is room; raise if nobody reads it."""
        line = f"{json.dumps(message, allow_nan=False)}\n".encode()
        with self.changed:
            self.changed.wait_for(lambda: self.closed or len(self.lines) < ROOM)
            if self.closed:
                raise StreamClosed
            self.lines.append(line)
            self.sent += 1
            self.changed.notify_all()

    def throw(self, reason):
        """Send a value for the page to throw, and close."""
        with suppress(StreamClosed):  # nobody is there to catch it
            self.send({"isError": True, "reason": reason})
        self.close()

    def close(self):
        """Stop all sending and waiting; what was sent can still be read."""
        with self.changed:
            self.closed = True
            self.changed.notify_all()

    def wait(self):
        """Wait for the next line; return whether there is one."""
        with self.changed:
            self.changed.wait_for(lambda: self.closed or self.lines)
            return len(self.lines) > 0

    def __iter__(self):
        """Yield the lines as they come; Flask loops over the stream, then closes it."""
        while self.wait():
            with self.changed:
                line = self.lines.popleft()
                self.changed.notify_all()  # there is room again
            yield line

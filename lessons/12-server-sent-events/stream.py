"""A stream between two threads: one writes pieces into it, the other sends them."""

from collections import deque
from threading import Condition

ROOM = 8  # pieces that may wait: past that, a slow reader slows the writer down


class Stream:
    """A stream of pieces, until the writer closes it or the reader leaves."""

    def __init__(self):
        self.pieces = deque()  # that wait to be sent
        self.is_active = True  # until it is closed
        self.message_count = 0
        self.refusal = None  # the HTTP error to send instead, if nothing has been sent
        self.changed = Condition()  # a lock, and one thread can wake the other

    def write(self, piece):
        """Add a piece, once there is room; drop it if the stream is closed."""
        with self.changed:
            self.changed.wait_for(lambda: not self.is_active or len(self.pieces) < ROOM)
            if self.is_active:
                self.pieces.append(piece)
                self.message_count += 1
                self.changed.notify_all()
        return self

    def wait(self, seconds=None):
        """Wait for a piece or the end; return False if the seconds pass first."""
        with self.changed:
            return self.changed.wait_for(
                lambda: self.pieces or not self.is_active, seconds
            )

    def take(self):
        """Return the piece that has waited longest."""
        with self.changed:
            piece = self.pieces.popleft()
            self.changed.notify_all()  # there is room again
            return piece

    def close(self):
        """Let nobody write or wait any more; what was written can still be taken."""
        with self.changed:
            self.is_active = False
            self.changed.notify_all()

    def __iter__(self):
        """Yield the pieces; Flask loops over the stream, and then closes it."""
        while True:
            self.wait()
            if not self.pieces:
                return
            yield self.take()

"""The pieces of answers that a model has made, and that no reader has taken yet."""

from collections import deque
from threading import Condition, Lock


class ReaderLeft(Exception):
    """Nobody reads the answer any more."""


class Held:
    """What waits for all readers together; /metrics shows it."""

    def __init__(self):
        self.pieces = 0
        self.bytes = 0
        self.lock = Lock()  # += reads, adds and writes: one thread at a time

    def add(self, piece):
        """Count a piece that begins to wait."""
        with self.lock:
            self.pieces += 1
            self.bytes += len(piece)

    def remove(self, piece):
        """Stop counting a piece: it was taken, or nobody reads it."""
        with self.lock:
            self.pieces -= 1
            self.bytes -= len(piece)


held = Held()


class Waiting:
    """The pieces of one answer, on their way from the model's thread to its reader."""

    def __init__(self):
        self.pieces = deque()
        self.ended = False
        self.error = None  # what the model raised
        self.reader_left = False
        self.changed = Condition()  # a lock, and one thread can wake the other

    def put(self, piece):
        """Add a piece, however many there are; raise ReaderLeft if nobody reads."""
        with self.changed:
            if self.reader_left:
                raise ReaderLeft
            self.pieces.append(piece)
            held.add(piece)
            self.changed.notify_all()

    def end(self, error=None):
        """Say that no piece will follow, and which error was the reason, if any."""
        with self.changed:
            self.ended = True
            self.error = error
            self.changed.notify_all()

    def __iter__(self):
        """Yield the pieces as they come; raise the model's error after the last."""
        while True:
            with self.changed:
                while not self.pieces and not self.ended:
                    self.changed.wait()
                if not self.pieces:
                    break
                piece = self.pieces.popleft()
                held.remove(piece)
                self.changed.notify_all()
            yield piece
        if self.error:
            raise self.error

    def leave(self):
        """Say that nobody reads any more, and let go of what waits."""
        with self.changed:
            self.reader_left = True
            while self.pieces:
                held.remove(self.pieces.popleft())
            self.changed.notify_all()

"""The pieces of answers that a model has made, and that no reader has taken yet."""

from collections import deque
from threading import Condition, Lock

PIECES = 16  # that may wait for one reader
BYTES = 1_000_000  # that may wait for all readers together, besides one piece each


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

    def add_if_it_fits(self, piece):
        """Count a piece if there is room for it; return whether there is."""
        with self.lock:
            if self.bytes + len(piece) > BYTES:
                return False
            self.pieces += 1
            self.bytes += len(piece)
            return True

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
        """Add a piece as soon as there is room; raise ReaderLeft if nobody reads."""
        with self.changed:
            while not self.reader_left and not self.takes(piece):
                self.changed.wait()  # for the reader, who takes a piece or leaves
            if self.reader_left:
                raise ReaderLeft
            self.pieces.append(piece)
            self.changed.notify_all()

    def takes(self, piece):
        """Count a piece as held if there is room for it; return whether there is."""
        if not self.pieces:  # always one each: nobody waits for others' readers
            held.add(piece)
            return True
        return len(self.pieces) < PIECES and held.add_if_it_fits(piece)

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

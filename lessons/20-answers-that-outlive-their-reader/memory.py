"""The memory that answers take: of those that are kept, and of those being written.

So far, only the number of answers that are written at once was bounded. Yet a single
client could ask for long ones, again and again, until the server had no memory left.
"""

from contextlib import contextmanager
from sys import getsizeof
from threading import Lock

from failures import Failure, Unfinished

EVENT = 200  # bytes that an event takes besides its text
CHUNK = 2000  # bytes that LangChain keeps of a chunk until the model's stream is over
NO_ROOM = Failure(
    503, "Too many long answers are being written: ask for a shorter one, or later."
)


def size_of(event):
    """Return about how many bytes of memory an event takes."""
    return EVENT + getsizeof(event.get("token", ""))


class Room:
    """The memory for answers that are being written; they share it."""

    def __init__(self, size):
        self.left = size  # bytes
        self.lock = Lock()  # one thread at a time

    @contextmanager
    def share(self):
        """Yield a function that takes bytes, or raises Unfinished if too few are left.

        What was taken is given back at the end.
        """
        taken = 0

        def take(size):
            nonlocal taken  # the one above, not a new one of this function
            with self.lock:
                if size > self.left:
                    raise Unfinished(NO_ROOM)
                self.left -= size
                taken += size

        try:
            yield take
        finally:
            with self.lock:
                self.left += taken

"""The semaphores of a program: note for how long somebody may wait for a slot."""

from threading import Semaphore


def note_waits(program):
    """Return a list to which each wait for a slot is added, in seconds."""
    waits = []
    for value in vars(program).values():
        if isinstance(value, Semaphore):
            value.acquire = noting(value.acquire, waits)
    return waits


def noting(acquire, waits):
    """Return a function that acquires, and notes for how long it may wait."""

    def acquire_and_note(blocking=True, timeout=None):
        if timeout is not None:
            waits.append(timeout)
        return acquire(blocking, timeout)

    return acquire_and_note

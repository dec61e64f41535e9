"""Several answers at once, each of their steps as soon as it is made."""

from contextlib import closing
from queue import SimpleQueue
from threading import Semaphore, Thread

END = object()  # in the queue: an answer has no more steps


def side_by_side(answers, abandoned):
    """Yield the steps of several generators as they come; close them at the end.

    Each has a thread, which makes the next step when the last one has been taken.
    abandoned is an Event: it is set when no more steps will be taken.
    """
    steps = SimpleQueue()
    turns = [Semaphore(0) for _ in answers]
    for answer, turn in zip(answers, turns, strict=True):
        words = [answer, turn, steps, abandoned]
        Thread(target=make_steps, args=words, daemon=True).start()
    try:
        running = len(answers)
        while running > 0:
            turn, step = steps.get()
            if isinstance(step, Exception):
                raise step
            if step is END:
                running -= 1
            else:
                yield step
                turn.release()
    finally:
        abandoned.set()
        for turn in turns:
            turn.release()  # so that no thread waits for ever


def make_steps(answer, turn, steps, abandoned):
    """Put the steps of an answer into the queue, one per turn, then how it ended."""
    try:
        with closing(answer):
            for step in answer:
                steps.put((turn, step))
                turn.acquire()  # waits until the step has been taken
                if abandoned.is_set():
                    return
        steps.put((turn, END))
    except Exception as error:
        steps.put((turn, error))

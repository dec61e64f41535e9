"""Several answers at once, each step of them as soon as it is made."""

from contextlib import closing
from queue import SimpleQueue
from threading import Semaphore, Thread


def side_by_side(answers):
    """Yield the steps of several generators, whoever is first; close them at the end.

    Each has a thread, which makes the next step when the last one has been taken.
    """
    steps, left = SimpleQueue(), []
    turns = [Semaphore(0) for _ in answers]

    def make(answer, turn):
        try:
            with closing(answer):
                for step in answer:
                    steps.put((turn, step))
                    turn.acquire()
                    if left:
                        return
            steps.put((turn, None))
        except Exception as error:
            steps.put((turn, error))

    for pair in zip(answers, turns, strict=True):
        Thread(target=make, args=pair, daemon=True).start()
    try:
        running = len(answers)
        while running:
            turn, step = steps.get()
            if isinstance(step, Exception):
                raise step
            if step is None:
                running -= 1
            else:
                yield step
                turn.release()
    finally:
        left.append(True)
        for turn in turns:
            turn.release()

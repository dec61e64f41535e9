"""What writes an answer: a worker if there is Redis, else a thread of this process."""

import os
from threading import Thread

from werkzeug.exceptions import ServiceUnavailable

from .writing import write_answer

NOBODY = {"event": "error", "error": "Nobody could begin to write this: ask again."}


def start_writing(store, name, prompt):
    """Have an answer written. Its place has been taken already."""
    if os.environ.get("REDIS_URL"):
        from .worker import hand_over  # here, because only this needs Celery

        hand_over(name, prompt)
        return
    writer = Thread(target=write_answer, args=[store, name, prompt], daemon=True)
    try:
        writer.start()
    except RuntimeError:  # the machine gives this process no more threads
        store.end(name, NOBODY)  # otherwise it would keep its place for ever
        raise ServiceUnavailable(retry_after=5) from None

"""Functions that have an answer written, and that wait for it."""

import os
from threading import Thread

from werkzeug.exceptions import ServiceUnavailable, default_exceptions

from .errors import Refusal
from .writing import write_answer

NOBODY = {
    "event": "error",
    "error": "Nobody could begin to write this: ask again.",
    "status": 503,
}


def start_writing(store, name, model):
    """Have an answer written. Its place has been taken already."""
    if os.environ.get("REDIS_URL"):
        from .worker import hand_over  # here, because only this needs Celery

        hand_over(name)
        return
    writer = Thread(target=write_answer, args=[store, name, model], daemon=True)
    try:
        writer.start()
    except RuntimeError:  # the machine gives this process no more threads
        store.end(name, NOBODY)  # otherwise it would keep its place for ever
        raise ServiceUnavailable(retry_after=5) from None


def wait_for_text(store, name):
    """Wait for the first text; raise an HTTP error if the answer fails before it."""
    for event in events(store, name):
        if event["event"] in ("token", "refusal"):
            return


def wait_for_end(store, name):
    """Wait for the end of an answer; raise an HTTP error if it fails."""
    for _ in events(store, name):
        pass


def events(store, name):
    """Yield the events of an answer; raise the failure if one says that it failed."""
    for numbered in store.read(name, 0):
        if numbered is None:  # a silence
            continue
        _, event = numbered
        if event["event"] == "error":
            raise http_error_of(event)
        yield event


def http_error_of(event):
    """Return the HTTP error for an event that says how an answer failed."""
    if event["status"] == 503:  # ServiceUnavailable is for too many answers
        return Refusal(503, event["error"])
    error = default_exceptions[event["status"]](event["error"])
    if "retry_after" in event:
        error.retry_after = event["retry_after"]  # Werkzeug sends it as a header
    return error

"""The writer of an answer: it asks the model, and adds what comes to the store."""

import logging
import os
from contextlib import closing
from threading import Thread
from time import monotonic

from failures import (
    TOO_SLOW,
    Unfinished,
    ignoring_late_errors,
    log_name,
    openai_reason,
    sentence_for,
)
from models import choose_model, number

from .limits import NoStore

STOPPED = {"event": "done", "reason": "stopped"}
ANSWER_SECONDS = number("ANSWER_SECONDS", 120)  # the longest that an answer may take

model = choose_model()
log = logging.getLogger(__name__)


def start_writing(store, name, prompt):
    """Have the answer written: by a worker if there is Redis, else by a thread."""
    if os.environ.get("REDIS_URL"):
        from .worker import write

        write.delay(name, prompt)
        return
    Thread(target=write_answer, args=[store, name, prompt], daemon=True).start()


def write_answer(store, name, prompt):
    """Add an event for each text of the model, and one that says how it ended."""
    try:
        reason = write_texts(store, name, prompt)
        store.end(name, {"event": "done", "reason": reason})
    except NoStore:
        log.warning("the store of the answers cannot be reached")
    except Exception as error:
        log.warning("%s", log_name(error))
        store.end(name, {"event": "error", "error": sentence_for(error)})


def write_texts(store, name, prompt):
    """Add the texts; return why the answer ended, or raise if it is not whole."""
    deadline = monotonic() + ANSWER_SECONDS
    metadata = {}  # of all chunks: one of the last says why the answer ended
    has_text = False
    with closing(model.stream(prompt)) as chunks:  # leaving hangs up on the model
        for chunk in ignoring_late_errors(chunks):
            metadata.update(chunk.response_metadata)
            if chunk.text:
                has_text = True
                goes_on = store.add(name, {"event": "token", "token": chunk.text})
                if not goes_on:
                    return "stopped"
            if monotonic() > deadline:
                raise Unfinished(TOO_SLOW)
    return openai_reason(metadata, has_text)

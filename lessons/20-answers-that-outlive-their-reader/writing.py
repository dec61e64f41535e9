"""The writer of an answer: it asks the model, and adds what comes to the store."""

import logging
from contextlib import closing
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

from .limits import MEMORY, NoStore, NoSuchAnswer
from .memory import CHUNK, Room, size_of

STOPPED = {"event": "done", "reason": "stopped"}
ANSWER_SECONDS = number("ANSWER_SECONDS", 120)  # the longest that an answer may take

model = choose_model()
room = Room(MEMORY)
log = logging.getLogger(__name__)


def write_answer(store, name, prompt):
    """Add an event for each text of the model, and one that says how it ended."""
    try:
        last_event = write_texts_and_say_how(store, name, prompt)
        store.end(name, last_event)
    except NoStore:
        log.warning("an answer was given up: its store cannot be reached")
    except NoSuchAnswer:
        log.warning("an answer was given up: its store has lost it")


def write_texts_and_say_how(store, name, prompt):
    """Add the texts; return the event that says how the answer ended."""
    try:
        reason = write_texts(store, name, prompt)
    except (NoStore, NoSuchAnswer):
        raise  # there is nowhere to say this
    except Exception as error:
        log.warning("%s", log_name(error))
        return {"event": "error", "error": sentence_for(error)}
    return {"event": "done", "reason": reason}


def write_texts(store, name, prompt):
    """Add the texts; return why the answer ended, or raise if it is not whole."""
    deadline = monotonic() + ANSWER_SECONDS
    metadata = {}  # of all chunks: one of the last says why the answer ended
    has_text = False
    # Leaving closes the model's stream, and gives back the memory that was taken.
    with closing(model.stream(prompt)) as chunks, room.share() as take:
        for chunk in ignoring_late_errors(chunks):
            metadata.update(chunk.response_metadata)
            if chunk.text:
                has_text = True
                event = {"event": "token", "token": chunk.text}
                take(CHUNK + size_of(event))
                goes_on = store.add(name, event)
                if not goes_on:
                    return "stopped"
            if monotonic() > deadline:
                raise Unfinished(TOO_SLOW)
    return openai_reason(metadata, has_text)

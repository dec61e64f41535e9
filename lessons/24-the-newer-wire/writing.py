"""The writer of an answer: it asks the model, and adds what comes to the store.

It is lesson 20's. New are the tokens that it counts, and refusals: a model that
declines may say so in words that are not part of its answer.
"""

import logging
from contextlib import closing
from time import monotonic

from failures import (
    TOO_SLOW,
    Unfinished,
    http_error,
    ignoring_late_errors,
    log_name,
    openai_reason,
    require_whole,
)
from models import number

from .limits import MEMORY, NoStore, NoSuchAnswer
from .memory import CHUNK, Room, size_of

STOPPED = {"event": "done", "reason": "stopped"}
ANSWER_SECONDS = number("ANSWER_SECONDS", 120)  # the longest that an answer may take

room = Room(MEMORY)
log = logging.getLogger(__name__)


def write_answer(store, name, model):
    """Add an event for each text of the model, and one that says how it ended."""
    try:
        question = store.find(name).question
        last_event = write_texts_and_say_how(store, name, model, question)
        store.end(name, last_event)
    except NoStore:
        log.warning("an answer was given up: its store cannot be reached")
    except NoSuchAnswer:
        log.warning("an answer was given up: its store has forgotten it")


def write_texts_and_say_how(store, name, model, question):
    """Add the texts; return the event that says how the answer ended."""
    usage = Usage(question)
    try:
        reason = write_texts(store, name, model, question, usage)
    except (NoStore, NoSuchAnswer):
        raise  # there is nowhere to say this
    except Exception as error:
        log.warning("%s", log_name(error))
        return error_event(error)
    return {"event": "done", "reason": reason, "usage": usage.total()}


def write_texts(store, name, model, question, usage):
    """Add the texts; return why the answer ended, or raise if it is not whole."""
    deadline = monotonic() + ANSWER_SECONDS
    metadata = {}  # of all chunks: one of the last says why the answer ended
    # Leaving closes the model's stream, and gives back the memory that was taken.
    with closing(model.stream(question.turns())) as chunks, room.share() as take:
        for chunk in ignoring_late_errors(chunks):
            metadata.update(chunk.response_metadata)
            usage.note(chunk)
            for event in events_in(chunk):
                if usage.tokens == question.max_output_tokens:
                    return "length"
                usage.tokens += 1
                take(CHUNK + size_of(event))
                goes_on = store.add(name, event)
                if not goes_on:
                    return "stopped"
            if monotonic() > deadline:
                raise Unfinished(TOO_SLOW)
    has_text = usage.tokens > 0
    if not has_text:
        require_whole(metadata, has_text)  # raises: no text is no answer
    return openai_reason(metadata, has_text)


def events_in(chunk):
    """Yield what a chunk adds to the answer: its text, or words of a refusal."""
    if chunk.text:
        yield {"event": "token", "token": chunk.text}
    if isinstance(chunk.content, list):
        for block in chunk.content:
            if isinstance(block, dict) and block.get("type") == "refusal":
                yield {"event": "refusal", "refusal": block["refusal"]}


def error_event(error):
    """Return the last event of an answer that failed; it has the status, too."""
    refusal = http_error(error)
    event = {"event": "error", "error": refusal.description, "status": refusal.code}
    if refusal.code == 429:
        event["retry_after"] = refusal.retry_after
    return event


class Usage:
    """How many tokens an answer took: as the model counts, else as we do."""

    def __init__(self, question):
        self.question = question
        self.tokens = 0  # as we count: each chunk with text is one
        self.metadata = {}  # as the model counts

    def note(self, chunk):
        """Keep what a chunk says about it: the last one has the total."""
        if chunk.usage_metadata:
            self.metadata = chunk.usage_metadata

    def total(self):
        """Return the usage as a response has it."""
        words = [word for _, text in self.question.turns() for word in text.split()]
        read = self.metadata.get("input_tokens") or len(words)
        written = self.metadata.get("output_tokens") or self.tokens
        return {
            "input_tokens": read,
            "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
            "output_tokens": written,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": read + written,
        }

"""One answer to a question: its role, its text in pieces, and why it ended."""

from contextlib import closing
from itertools import chain

from failures import (
    STOPPED_EARLY,
    Unfinished,
    ignoring_late_errors,
    openai_reason,
    require_whole,
)

from .stops import before


class Choice:
    """One of up to four answers to a question."""

    def __init__(self, index, question, abandoned):
        self.index = index
        self.question = question
        self.abandoned = abandoned  # an Event: set when nobody wants the answer
        self.texts = []
        self.tokens = 0  # as we count: each chunk with text is one
        self.usage = None  # as the model counts
        self.reason = "stop"  # why the answer ended

    def steps(self, model):
        """Ask the model; yield the role, each text, and the reason for the end."""
        with closing(model.stream(self.question.turns())) as chunks:
            pieces = self.pieces(chunks)
            first_piece = next(pieces)
            yield self.step({"role": "assistant", "content": ""})
            for text in before(self.question.stop, chain([first_piece], pieces)):
                self.texts.append(text)
                yield self.step({"content": text})
        yield self.step({}, self.reason)

    def pieces(self, chunks):
        """Yield the model's texts, as many as allowed; raise if they are cut off."""
        metadata = {}  # of all chunks: one of the last says why the answer ended
        for chunk in ignoring_late_errors(chunks):
            if self.abandoned.is_set():
                raise Unfinished(STOPPED_EARLY)  # nobody will see it
            metadata |= chunk.response_metadata
            if chunk.usage_metadata:
                self.usage = chunk.usage_metadata  # a running total: keep the last one
            if not chunk.text:
                continue
            self.tokens += 1
            yield chunk.text
        has_text = self.tokens > 0
        if not has_text:
            require_whole(metadata, has_text)  # raises: no text is no answer
        self.reason = openai_reason(metadata, has_text)

    def step(self, delta, reason=None):
        """Return what is new in this answer, as a chunk carries it."""
        return {"index": self.index, "delta": delta, "finish_reason": reason}

    def whole(self):
        """Return the whole answer, once it has ended."""
        message = {"role": "assistant", "content": "".join(self.texts)}
        return {"index": self.index, "message": message, "finish_reason": self.reason}


def usage_of(choices):
    """Return what all choices used: as the model counts, else as we do."""
    prompt_tokens = 0
    completion_tokens = 0
    for choice in choices:
        usage = choice.usage or {}
        words = [word for _, text in choice.question.turns() for word in text.split()]
        prompt_tokens += usage.get("input_tokens") or len(words)
        completion_tokens += usage.get("output_tokens") or choice.tokens
    return {
        "prompt_tokens": prompt_tokens,
        "completion_tokens": completion_tokens,
        "total_tokens": prompt_tokens + completion_tokens,
    }

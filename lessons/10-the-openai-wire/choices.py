"""One answer to a question: its role, its text in pieces, and why it ended."""

from contextlib import closing
from itertools import chain

from langchain_core.messages.ai import add_usage

from .stops import before

REASONS = {"stop": "stop", "length": "length", "content_filter": "content_filter"}
REASONS |= {"end_turn": "stop", "max_tokens": "length"}  # Anthropic's words for it


class Choice:
    """An answer to a question, of which there can be up to four."""

    def __init__(self, index, question):
        self.index, self.question = index, question
        self.most = min(question.max_tokens, question.max_completion_tokens)
        self.texts, self.made, self.usage, self.reason = [], 0, None, "stop"

    def deltas(self, model):
        """Ask the model; yield the role, each text, and the reason for the end."""
        with closing(model.stream(self.question.messages)) as stream:
            pieces = self.pieces(stream)
            first = next(pieces)  # raises if there is none: nothing is no answer
            yield self.delta(role="assistant", content="")
            for text in before(self.question.stop, chain([first], pieces)):
                self.texts.append(text)
                yield self.delta(content=text)
        yield self.delta(reason=self.reason)

    def pieces(self, stream):
        """Yield the model's texts, as many as may be: each chunk counts as a token."""
        last = {}
        for chunk in stream:
            self.usage = add_usage(self.usage, chunk.usage_metadata)
            last |= chunk.response_metadata
            if chunk.text and self.made == self.most:
                self.reason = "length"
                return
            if chunk.text:
                self.made += 1
                yield chunk.text
        self.reason = REASONS[last.get("finish_reason") or last.get("stop_reason")]

    def delta(self, reason=None, **delta):
        return {"index": self.index, "delta": delta, "finish_reason": reason}

    def whole(self):
        message = {"role": "assistant", "content": "".join(self.texts)}
        return {"index": self.index, "message": message, "finish_reason": self.reason}


def tokens_of(choices):
    """Return what all choices used: as the model says, else as we counted."""
    asked = sum(len(text.split()) for _, text in choices[0].question.messages)
    given = sum(each.usage["input_tokens"] or asked for each in choices)
    made = sum(each.usage["output_tokens"] or each.made for each in choices)
    return dict(prompt_tokens=given, completion_tokens=made, total_tokens=given + made)

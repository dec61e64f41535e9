"""From what a model says to the verbs of a stream."""

from contextlib import closing
from itertools import chain

from langchain_core.messages.ai import add_usage

from .failures import refusal

TOKENS = {
    "promptTokens": "input_tokens",
    "completionTokens": "output_tokens",
    "totalTokens": "total_tokens",
}
REASONS = {"stop": "stop", "length": "length"}  # OpenAI's
REASONS |= {"end_turn": "stop", "max_tokens": "length"}  # Anthropic's


def begin(chunks):
    """Return the chunks up to the first text; until then a failure is a status."""
    begun = []
    try:
        while not begun or not begun[-1].text:
            begun.append(next(chunks))
    except Exception as error:  # StopIteration too: nothing is no answer
        raise refusal(error) from None
    return begun


def write(stream, model, begun, chunks):
    """Tell the whole answer, verb by verb; hang up on the model when nobody reads."""
    usage, last = None, {}
    stream.start().send_metadata({"model": model.name})
    try:
        with closing(chunks):
            for chunk in chain(begun, chunks):
                if chunk.text:
                    stream.send_token(chunk.text)
                usage = add_usage(usage, chunk.usage_metadata)
                last |= chunk.response_metadata
                if not stream.is_active:
                    return
        if usage["total_tokens"]:
            stream.send_usage({ours: usage[name] for ours, name in TOKENS.items()})
        reason = last.get("finish_reason") or last.get("stop_reason")
        stream.end(REASONS.get(reason, "other"))
    except Exception as error:
        stream.abort(refusal(error).description)

# The model read 3 tokens and wrote 5, and the answer says []. Usage can come in parts,
# and after the finish reason: sum it with add_usage over all chunks, and send one
# event.
"""Chunks in, events out: the same events, whichever provider made the chunks."""

from langchain_core.exceptions import ModelError
from langchain_core.messages.ai import add_usage

NAMES = {"text": "token", "reasoning": "reasoning"}  # what we call a block
COUNTS = "input_tokens", "output_tokens", "total_tokens"
ENDS = {  # what each provider calls it
    "stop": ["stop", "end_turn", "stop_sequence", "completed"],
    "length": [
        "length",
        "max_tokens",
        "max_output_tokens",
        "model_context_window_exceeded",
        "incomplete",
    ],
    "content_filter": ["content_filter", "refusal"],
}


def events(chunks):
    """Yield {"reasoning"} and {"token"} as they come, then {"usage"} and {"end"}."""
    spoke, usage, told = False, None, {}
    for chunk in chunks:
        for block in chunk.content_blocks:
            name, text = NAMES.get(block["type"]), block.get(block["type"])
            if name and text:
                spoke = True
                yield {name: text}
        if chunk.usage_metadata:
            usage = add_usage(usage, chunk.usage_metadata)
        told |= chunk.response_metadata
        if finish_reason(told):
            break
    end = finish_reason(told)
    if not (spoke and end):
        raise ModelError("cut off")
    if usage:
        yield {"usage": {name: usage[name] for name in COUNTS}}
    yield {"end": end}


def finish_reason(told):
    """Return stop, length, content_filter or other; None if the answer was cut off."""
    why = (told.get("incomplete_details") or {}).get("reason") or told.get("status")
    theirs = told.get("finish_reason") or told.get("stop_reason") or why
    ours = (end for end, names in ENDS.items() if theirs in names)
    return next(ours, theirs and "other")

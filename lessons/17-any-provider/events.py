"""Chunks in, events out: the same, whichever provider made the chunks."""

from failures import openai_reason, require_whole

from .prices import cost_of

COUNTS = ["input_tokens", "output_tokens", "total_tokens"]


def events(chunks, name):
    """Yield {"reasoning"}, {"token"}, then {"usage"}, {"cost"}, {"end"}."""
    metadata = {}  # of all chunks: one of the last says why it ended
    usage = None
    has_text = False
    for chunk in chunks:
        metadata |= chunk.response_metadata
        if chunk.usage_metadata:
            usage = chunk.usage_metadata  # a running total: keep the last one
        for block in chunk.content_blocks:
            if block["type"] == "text" and block["text"]:
                has_text = True
                yield {"token": block["text"]}
            if block["type"] == "reasoning" and block.get("reasoning"):
                yield {"reasoning": block["reasoning"]}
    if not has_text:  # no answer, whatever its finish reason: this raises
        require_whole(metadata, has_text)
    reason = openai_reason(metadata, has_text)
    if usage:
        yield {"usage": {count: usage[count] for count in COUNTS}}
        cost = cost_of(usage, name)
        if cost is not None:  # None: nobody knows the model's price
            yield {"cost": cost}
    yield {"end": reason}

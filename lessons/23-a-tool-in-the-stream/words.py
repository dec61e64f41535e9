"""The words of useChat: events, each with the type of its message in its JSON."""

import json
from contextlib import closing
from uuid import uuid4

HEADERS = {  # of an answer
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-store, no-transform",  # keep no copy, and do not compress it
    "X-Accel-Buffering": "no",  # nginx must not collect the pieces
    "X-Content-Type-Options": "nosniff",  # a browser must trust the Content-Type
    "x-vercel-ai-ui-message-stream": "v1",  # the version of the protocol
}
DONE = b"data: [DONE]\n\n"
FINISH_REASONS = {  # of openai_reason, in the AI SDK's words
    "stop": "stop",
    "length": "length",
    "content_filter": "content-filter",
}


def events_of(messages):
    """Yield the events for some messages, which are dicts with a type.

    A text has to begin and to end, and each text has an id. This adds both, so that the
    messages need only contain what is new: {"type": "text-delta", "delta": "..."}.
    """
    texts = 0
    is_in_text = has_begun = False
    with closing(messages):
        for message in messages:
            if not has_begun:
                yield event({"type": "start", "messageId": str(uuid4())})
                has_begun = True
            is_text = message["type"] == "text-delta"
            if is_text and not is_in_text:
                texts += 1
                yield event({"type": "text-start", "id": str(texts)})
            if is_in_text and not is_text:
                yield event({"type": "text-end", "id": str(texts)})
            is_in_text = is_text
            yield event(message | {"id": str(texts)} if is_text else message)
    yield DONE


def event(message):
    """Return the bytes of one event."""
    return f"data: {json.dumps(message)}\n\n".encode()

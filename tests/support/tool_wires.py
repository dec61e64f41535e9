"""What providers send when a model calls tools, written from their documentation.

Each function returns the steps of a Provider's script for one answer. None of it was
made by the code under test.
"""

import json

from support.provider import DONE, END, chunk, finish

# OpenAI's chat completions, and all servers that speak this protocol:
# https://platform.openai.com/docs/api-reference/chat-streaming/streaming
# https://platform.openai.com/docs/guides/function-calling#streaming
# The types are ChoiceDelta and ChoiceDeltaToolCall, in openai-python's
# types/chat/chat_completion_chunk.py: the first piece of a call has its id, type and
# name, and arguments of ""; the others have its index and more of the arguments.


def openai_answer(*calls, text="", reason="tool_calls"):
    """Return an answer with text, then calls; each is (id, name, pieces)."""
    script = [chunk({"role": "assistant", "content": text or None, "refusal": None})]
    for index, (call_id, name, pieces) in enumerate(calls):
        function = {"name": name, "arguments": ""}
        first = {"index": index, "id": call_id, "type": "function"}
        script.append(chunk({"tool_calls": [first | {"function": function}]}))
        for piece in pieces:
            more = {"index": index, "function": {"arguments": piece}}
            script.append(chunk({"tool_calls": [more]}))
    return [*script, finish(reason), DONE]


def openai_text(pieces, reason="stop"):
    """Return an answer of text alone: so do response_format=json_schema and refusals.

    https://platform.openai.com/docs/guides/structured-outputs#streaming
    """
    script = [chunk({"role": "assistant", "content": "", "refusal": None})]
    script += [chunk({"content": piece}) for piece in pieces]
    return [*script, finish(reason), DONE]


# Anthropic's messages:
# https://docs.claude.com/en/docs/build-with-claude/streaming
# Each block of the answer begins, grows and stops, and has an index of its own; the
# arguments are input_json_delta. By default a piece is a whole field, as the API holds
# it back until it is valid. With eager_input_streaming the pieces come as the model
# writes them, and can end anywhere:
# https://docs.claude.com/en/docs/agents-and-tools/tool-use/fine-grained-tool-streaming


def anthropic_event(kind, **fields):
    line = json.dumps({"type": kind, **fields})
    return f"event: {kind}\ndata: {line}\n\n".encode()


def anthropic_answer(*calls, text="", reason="tool_use"):
    """Return an answer with text, then calls; each is (id, name, pieces)."""
    message = {"id": "msg_1", "type": "message", "role": "assistant"}
    message |= {"model": "claude-test", "content": [], "stop_reason": None}
    message |= {"stop_sequence": None, "usage": {"input_tokens": 3, "output_tokens": 1}}
    script = [anthropic_event("message_start", message=message)]
    script += [anthropic_event("ping")]
    index = 0
    if text:
        block = {"type": "text", "text": ""}
        delta = {"type": "text_delta", "text": text}
        script += [
            anthropic_event("content_block_start", index=0, content_block=block),
            anthropic_event("content_block_delta", index=0, delta=delta),
            anthropic_event("content_block_stop", index=0),
        ]
        index = 1
    for call_id, name, pieces in calls:
        block = {"type": "tool_use", "id": call_id, "name": name, "input": {}}
        start = anthropic_event("content_block_start", index=index, content_block=block)
        script.append(start)
        for piece in ["", *pieces]:
            delta = {"type": "input_json_delta", "partial_json": piece}
            more = anthropic_event("content_block_delta", index=index, delta=delta)
            script.append(more)
        script.append(anthropic_event("content_block_stop", index=index))
        index += 1
    delta = {"stop_reason": reason, "stop_sequence": None}
    last = anthropic_event("message_delta", delta=delta, usage={"output_tokens": 9})
    return [*script, last, anthropic_event("message_stop"), END]

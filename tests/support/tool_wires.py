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


# OpenAI's Responses API:
# https://platform.openai.com/docs/api-reference/responses-streaming
# https://platform.openai.com/docs/guides/function-calling?api-mode=responses#streaming
# The types are in openai-python's types/responses/. A message and a call are items of
# the output, each with an index; a call's id for its result is call_id.


class Responses:
    """The events of one response, numbered."""

    def __init__(self, status):
        self.script = []
        self.output = []
        self.response = {"id": "resp_1", "object": "response", "created_at": 1}
        self.response |= {"model": "gpt-test", "output": [], "tools": []}
        self.response |= {"parallel_tool_calls": True, "tool_choice": "auto"}
        self.send(
            "response.created", response=self.response | {"status": "in_progress"}
        )
        self.status = status

    def send(self, kind, **fields):
        event = {"type": kind, "sequence_number": len(self.script), **fields}
        self.script.append(f"event: {kind}\ndata: {json.dumps(event)}\n\n".encode())

    def add_item(self, item, done, send_parts):
        """Send an item that is added, grows and is done."""
        place = {"output_index": len(self.output)}
        self.send("response.output_item.added", item=item, **place)
        send_parts(place | {"item_id": item["id"]})
        self.send("response.output_item.done", item=item | done, **place)
        self.output.append(item | done)

    def say(self, text):
        item = {"id": "msg_1", "type": "message", "role": "assistant", "content": []}
        part = {"type": "output_text", "text": "", "annotations": []}

        def send_parts(place):
            place = place | {"content_index": 0}
            self.send("response.content_part.added", part=part, **place)
            delta = {"delta": text, "logprobs": []}
            self.send("response.output_text.delta", **delta, **place)
            whole = {"text": text, "logprobs": []}
            self.send("response.output_text.done", **whole, **place)
            done = part | {"text": text}
            self.send("response.content_part.done", part=done, **place)

        done = {"content": [part | {"text": text}], "status": "completed"}
        self.add_item(item | {"status": "in_progress"}, done, send_parts)

    def decline(self, text):
        """https://platform.openai.com/docs/api-reference/responses-streaming/response/refusal"""
        item = {"id": "msg_1", "type": "message", "role": "assistant", "content": []}
        part = {"type": "refusal", "refusal": ""}

        def send_parts(place):
            place = place | {"content_index": 0}
            self.send("response.content_part.added", part=part, **place)
            self.send("response.refusal.delta", delta=text, **place)
            self.send("response.refusal.done", refusal=text, **place)
            done = part | {"refusal": text}
            self.send("response.content_part.done", part=done, **place)

        done = {"content": [part | {"refusal": text}], "status": "completed"}
        self.add_item(item | {"status": "in_progress"}, done, send_parts)

    def call(self, call_id, name, pieces):
        item = {"id": f"fc_{call_id}", "type": "function_call", "call_id": call_id}
        item |= {"name": name, "arguments": "", "status": "in_progress"}
        whole = "".join(pieces)

        def send_parts(place):
            for piece in pieces:
                kind = "response.function_call_arguments.delta"
                self.send(kind, delta=piece, **place)
            kind = "response.function_call_arguments.done"
            self.send(kind, arguments=whole, name=name, **place)

        done = {"arguments": whole, "status": "completed"}
        self.add_item(item, done, send_parts)

    def end(self):
        """Return the whole script, up to the last event."""
        usage = {"input_tokens": 3, "output_tokens": 5, "total_tokens": 8}
        usage |= {"input_tokens_details": {"cached_tokens": 0}}
        usage |= {"output_tokens_details": {"reasoning_tokens": 0}}
        response = self.response | {"output": self.output, "usage": usage}
        response |= {"status": self.status}
        if self.status == "incomplete":
            response |= {"incomplete_details": {"reason": "max_output_tokens"}}
        self.send(f"response.{self.status}", response=response)
        return [*self.script, END]


def responses_refusal(text):
    """Return the answer of a model that declines, in words that are no text."""
    answer = Responses("completed")
    answer.decline(text)
    return answer.end()


def responses_answer(*calls, text="", reason="completed"):
    """Return an answer with text, then calls; each is (id, name, pieces)."""
    answer = Responses(reason)
    if text:
        answer.say(text)
    for call in calls:
        answer.call(*call)
    return answer.end()

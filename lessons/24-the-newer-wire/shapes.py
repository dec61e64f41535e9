"""The shapes of OpenAI's Responses API: the object, its parts, and an event's bytes.

They are in the reference, https://platform.openai.com/docs/api-reference/responses, and
as types in the package openai: types/responses/response.py and the files beside it.
"""

import json

HEARTBEAT = b": heartbeat\n"  # a comment, which no client shows
KEY = {"output_text": "text", "refusal": "refusal"}  # where each kind of part has text
EXTRA = {"output_text": {"logprobs": []}, "refusal": {}}  # what its events have besides


def new_response(answer):
    """Return the object of an answer in the store that has no text yet."""
    question = answer.question
    return {
        "id": answer.name,
        "object": "response",
        "created_at": answer.created_at,
        "status": "queued" if question.background else "in_progress",
        "background": question.background,
        "error": None,
        "incomplete_details": None,
        "instructions": question.instructions or None,
        "max_output_tokens": question.max_output_tokens,
        "metadata": question.metadata,
        "model": question.model,
        "output": [],
        "parallel_tool_calls": True,
        "previous_response_id": None,
        "store": question.store,
        "temperature": None,
        "text": {"format": {"type": "text"}},
        "tool_choice": "auto",
        "tools": [],
        "top_p": None,
        "truncation": "disabled",
        "usage": None,
    }


def new_message(answer):
    """Return the message that a response's text is in, without any text yet."""
    return {
        "id": answer.name.replace("resp_", "msg_", 1),
        "type": "message",
        "role": "assistant",
        "status": "in_progress",
        "content": [],
    }


def new_part(kind):
    """Return a part of a message without any text yet: output_text, or refusal."""
    if kind == "refusal":
        return {"type": "refusal", "refusal": ""}
    return {"type": "output_text", "text": "", "annotations": [], "logprobs": []}


def end_of(entry):
    """Return what an entry that ends an answer changes in its response."""
    if entry["event"] == "error":
        error = {"code": error_code(entry["status"]), "message": entry["error"]}
        return {"status": "failed", "error": error}
    changes = {"usage": entry.get("usage")}
    match entry["reason"]:
        case "stopped":
            return changes | {"status": "cancelled"}
        case "length":
            why = {"reason": "max_output_tokens"}
            return changes | {"status": "incomplete", "incomplete_details": why}
        case "content_filter":
            why = {"reason": "content_filter"}
            return changes | {"status": "incomplete", "incomplete_details": why}
    return changes | {"status": "completed"}


def error_code(status):
    """Return OpenAI's word for a failure with this status."""
    return {400: "invalid_prompt", 429: "rate_limit_exceeded"}.get(
        status, "server_error"
    )


def as_event(event):
    """Return the bytes of an event; its type is above the JSON, too."""
    return f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode()

"""Responses as OpenAI documents them, written by hand: none was made by our code.

The order of the events, and what is in each:
https://platform.openai.com/docs/api-reference/responses-streaming
The object: https://platform.openai.com/docs/api-reference/responses/object
Both are types in the package openai, in types/responses/: each file is named here.
"""


# response.py, the class Response
def response(name, created_at, **fields):
    """Return the object that has these fields besides what each one has."""
    return {
        "id": name,
        "object": "response",
        "created_at": created_at,
        "status": "in_progress",
        "background": False,
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "max_output_tokens": None,
        "metadata": {},
        "model": "practice",
        "output": [],
        "parallel_tool_calls": True,
        "previous_response_id": None,
        "store": True,
        "temperature": None,
        "text": {"format": {"type": "text"}},
        "tool_choice": "auto",
        "tools": [],
        "top_p": None,
        "truncation": "disabled",
        "usage": None,
    } | fields


# response_output_message.py and response_output_text.py
def message(name, status, *content):
    return {
        "id": name.replace("resp_", "msg_"),
        "type": "message",
        "role": "assistant",
        "status": status,
        "content": list(content),
    }


def output_text(text):
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


# response_usage.py
def usage(read, written):
    return {
        "input_tokens": read,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": written,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": read + written,
    }


def one_two(name, created_at):
    """Return the events of a response whose text came as "one" and " two"."""
    item = {"item_id": name.replace("resp_", "msg_"), "output_index": 0}
    place = item | {"content_index": 0}
    whole = message(name, "completed", output_text("one two"))
    begun = response(name, created_at)
    ended = {"status": "completed", "output": [whole], "usage": usage(3, 5)}
    return [
        # response_created_event.py, response_in_progress_event.py
        {"type": "response.created", "sequence_number": 0, "response": begun},
        {"type": "response.in_progress", "sequence_number": 1, "response": begun},
        # response_output_item_added_event.py
        {
            "type": "response.output_item.added",
            "sequence_number": 2,
            "output_index": 0,
            "item": message(name, "in_progress"),
        },
        # response_content_part_added_event.py
        {
            "type": "response.content_part.added",
            "sequence_number": 3,
            "part": output_text(""),
            **place,
        },
        # response_text_delta_event.py
        {
            "type": "response.output_text.delta",
            "sequence_number": 4,
            "delta": "one",
            "logprobs": [],
            **place,
        },
        {
            "type": "response.output_text.delta",
            "sequence_number": 5,
            "delta": " two",
            "logprobs": [],
            **place,
        },
        # response_text_done_event.py
        {
            "type": "response.output_text.done",
            "sequence_number": 6,
            "text": "one two",
            "logprobs": [],
            **place,
        },
        # response_content_part_done_event.py
        {
            "type": "response.content_part.done",
            "sequence_number": 7,
            "part": output_text("one two"),
            **place,
        },
        # response_output_item_done_event.py
        {
            "type": "response.output_item.done",
            "sequence_number": 8,
            "output_index": 0,
            "item": whole,
        },
        # response_completed_event.py
        {
            "type": "response.completed",
            "sequence_number": 9,
            "response": response(name, created_at, **ended),
        },
    ]


# The order of the types. With background there is response.queued after created.
BEGUN = ["response.created", "response.in_progress"]
ADDED = ["response.output_item.added", "response.content_part.added"]
DONE = ["response.content_part.done", "response.output_item.done"]
TEXT = [*ADDED, *["response.output_text.delta"] * 2, "response.output_text.done", *DONE]
ORDERS = {
    "completed": [*BEGUN, *TEXT, "response.completed"],
    "incomplete": [*BEGUN, *TEXT, "response.incomplete"],
    # response_error_event.py: flat, and then response_failed_event.py
    "failed": [*BEGUN, *TEXT[:4], "error", "response.failed"],
    # response_refusal_delta_event.py, response_refusal_done_event.py
    "refusal": [
        *BEGUN,
        *ADDED,
        *["response.refusal.delta"] * 2,
        "response.refusal.done",
        *DONE,
        "response.completed",
    ],
}

"""Answers of providers that count tokens as they go: 3 read and 5 written, in all."""

from support.provider import DONE, event, finish


def openai_says(text, completion):
    """Return a chunk of OpenAI's protocol that counts the tokens so far."""
    tokens = {"prompt_tokens": 3, "completion_tokens": completion}
    tokens["total_tokens"] = 3 + completion
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": None}
    return event(id="1", choices=[choice], usage=tokens)


def anthropic_says(kind, **fields):
    """Return one event as Anthropic sends it."""
    return f"event: {kind}\n".encode() + event(type=kind, **fields)


def anthropic_script():
    """Return an answer as Anthropic sends it: its input is counted at both ends."""
    message = {"id": "m", "type": "message", "role": "assistant", "model": "claude"}
    message |= {"content": [], "stop_reason": None, "stop_sequence": None}
    message |= {"usage": {"input_tokens": 3, "output_tokens": 1}}
    text = {"type": "text", "text": ""}
    delta = {"type": "text_delta", "text": "one"}
    end = {"stop_reason": "end_turn", "stop_sequence": None}
    usage = {"input_tokens": 3, "output_tokens": 5}
    return [
        anthropic_says("message_start", message=message)
        + anthropic_says("content_block_start", index=0, content_block=text)
        + anthropic_says("content_block_delta", index=0, delta=delta)
        + anthropic_says("content_block_stop", index=0)
        + anthropic_says("message_delta", delta=end, usage={"output_tokens": 2})
        + anthropic_says("message_delta", delta=end, usage=usage)
        + anthropic_says("message_stop"),
        b"",
    ]


RUNNING_TOTALS = {  # scripts for a Provider, by LangChain's name
    "openai": [openai_says("o", 1), openai_says("ne", 5), finish("stop"), DONE],
    "anthropic": anthropic_script(),
}

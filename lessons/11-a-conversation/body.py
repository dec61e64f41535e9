"""The conversation in a request's JSON, before anything has checked what it says."""

from werkzeug.exceptions import BadRequest, RequestEntityTooLarge

from failures import can_be_sent, read_conversation, require_short


class ConversationTooLong(RequestEntityTooLarge):
    """A 413 with a sentence of its own: the one in failures.py is about a prompt."""

    description = "That is too long: shorten it, or begin a new conversation."


def read_messages():
    """Return the messages in the request's JSON, a list of whatever the client sent.

    A prompt alone is a conversation of one message. Raise a 400, 413 or 415 for
    everything else.
    """
    match read_conversation():  # takes the first case whose shape fits
        case {"messages": [*messages]}:  # a dict with a list there: call it messages
            pass
        case {"prompt": prompt}:
            messages = [{"role": "user", "content": prompt}]
        case _:  # anything else
            raise BadRequest('Send the conversation as JSON: {"messages": [...]}.')
    require_short([text_of(message) or "" for message in messages])
    return messages


def text_of(message):
    """Return the text of a message, or None if it has none that can be sent on.

    Most clients write it as "content". React's useChat sends a list of "parts", of
    which only some are text.
    """
    match message:
        case {"content": str(content)}:
            text = content
        case {"parts": [*parts]}:
            text = "".join(text_of_part(part) for part in parts)
        case _:  # anything else
            return None
    return text if can_be_sent(text) else None


def text_of_part(part):
    """Return the text of a part of a message; "" if it is a file, say."""
    match part:
        case {"type": "text", "text": str(text)}:
            return text
    return ""

"""A response as it grows: an object, and an event for each of its changes."""

from copy import deepcopy

from .shapes import EXTRA, KEY, end_of, new_message, new_part, new_response


class GrowingResponse:
    """A response as far as one reader has read the store's list.

    The same list always makes the same events with the same numbers.
    """

    def __init__(self, answer):
        self.object = new_response(answer)
        self.message = new_message(answer)  # the object has it from the first text on
        self.events = []  # those that the newest entry made

    def take(self, entry):
        """Take the next entry; return the events that it makes."""
        self.events = []
        match entry:
            case {"event": "token", "token": text}:
                self.emit("response.output_text.delta", delta=text)
        return self.events

    def emit(self, kind, **fields):
        """Add the next event, with copies of the fields as they are now."""
        event = {"type": kind}
        self.events.append(event | deepcopy(fields))

    def emit_for_part(self, kind, **fields):
        """Add an event about the last part of the message."""
        place = {"item_id": self.message["id"], "output_index": 0}
        place["content_index"] = len(self.message["content"]) - 1
        self.emit(kind, **place, **fields)

    def end_part(self):
        """Add the events that close the last part of the message, if there is one."""
        if not self.message["content"]:
            return
        part = self.message["content"][-1]
        kind = part["type"]
        whole = {KEY[kind]: part[KEY[kind]]}
        self.emit_for_part(f"response.{kind}.done", **whole, **EXTRA[kind])
        self.emit_for_part("response.content_part.done", part=part)

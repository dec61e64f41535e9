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
        self.next_number = 0

    def take(self, entry):
        """Take the next entry; return the events that it makes."""
        self.events = []
        match entry:
            case {"event": "start"}:
                self.begin()
            case {"event": "token", "token": text}:
                self.add("output_text", text)
            case {"event": "refusal", "refusal": text}:
                self.add("refusal", text)
            case {"event": "done" | "error"}:
                self.end(end_of(entry))
        return self.events

    def emit(self, kind, **fields):
        """Add the next event, with copies of the fields as they are now."""
        event = {"type": kind, "sequence_number": self.next_number}
        self.events.append(event | deepcopy(fields))
        self.next_number += 1

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

    def begin(self):
        """Add the events with which a response begins."""
        self.emit("response.created", response=self.object)
        if self.object["background"]:
            self.emit("response.queued", response=self.object)
        self.object["status"] = "in_progress"
        self.emit("response.in_progress", response=self.object)

    def add(self, kind, text):
        """Add the events for a text of that kind: output_text, or refusal."""
        if not self.object["output"]:
            item = self.message
            self.emit("response.output_item.added", output_index=0, item=item)
            self.object["output"].append(item)
        parts = self.message["content"]
        if not parts or parts[-1]["type"] != kind:
            self.end_part()
            parts.append(new_part(kind))
            self.emit_for_part("response.content_part.added", part=parts[-1])
        parts[-1][KEY[kind]] += text
        self.emit_for_part(f"response.{kind}.delta", delta=text, **EXTRA[kind])

    def end(self, changes):
        """Add the events with which a response ends, after changing the object."""
        status = changes["status"]
        whole = status == "completed"
        self.message["status"] = "completed" if whole else "incomplete"
        if status in ("completed", "incomplete"):
            self.end_part()
            item = self.message
            self.emit("response.output_item.done", output_index=0, item=item)
        self.object |= changes
        if status == "failed":
            self.emit("error", **self.object["error"], param=None)
        if status != "cancelled":  # which has no event: the stream just ends
            self.emit(f"response.{status}", response=self.object)

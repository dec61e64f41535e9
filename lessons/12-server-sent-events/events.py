"""Two ways to write an answer: in events with a name, and as useChat expects it."""

import json

from .stream import HEADERS, Stream


class EventStream(Stream):
    """An answer in the events start, token, metadata, usage, error and done."""

    def start(self):
        return self.send("start", {})

    def send_token(self, token):
        return self.send("token", {"token": token})

    def send_metadata(self, metadata):
        return self.send("metadata", metadata)

    def send_usage(self, usage):
        return self.send("usage", usage | {"usage": usage})

    def send_error(self, error):
        return self.send("error", {"error": error})

    def end(self, reason="stop"):
        self.send("done", {"finishReason": reason})
        self.finish()

    def send(self, event, data):
        """Write an event: its number, its name, and its data as JSON."""
        number = self.message_count + 1
        return self.write(f"id: {number}\nevent: {event}\ndata: {json.dumps(data)}")


class ChatStream(EventStream):
    """The same answer in the AI SDK's UI message stream."""

    headers = HEADERS | {"x-vercel-ai-ui-message-stream": "v1"}

    def start(self):
        self.send("start")
        return self.send("text-start", id="1")

    def send_token(self, token):
        return self.send("text-delta", id="1", delta=token)

    def send_metadata(self, metadata):
        return self.send("message-metadata", messageMetadata=metadata)

    def send_usage(self, usage):
        return self.send_metadata({"usage": usage})

    def send_error(self, error):
        return self.send("error", errorText=error)

    def end(self, reason="stop"):
        self.send("text-end", id="1")
        self.send("finish", finishReason=reason)
        self.write("data: [DONE]")
        self.finish()

    def send(self, kind, **fields):
        """Write a message of that kind with these fields, as JSON."""
        message = {"type": kind} | fields
        return self.write(f"data: {json.dumps(message)}")

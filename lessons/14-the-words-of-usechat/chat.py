"""The same answer in the words of the AI SDK, which React's useChat reads."""

import json
from time import time
from uuid import uuid4

from .events import HEADERS, EventStream

TEXT = {"id": "1"}  # a message can have many texts, each with an id; ours has one


class ChatStream(EventStream):
    """An answer as a UI message stream: one message with one text, part by part."""

    headers = HEADERS | {"x-vercel-ai-ui-message-stream": "v1"}

    def __init__(self, heartbeat):
        super().__init__(heartbeat)
        self.has_text = False  # a text that has not begun must not be ended

    def start(self):
        milliseconds = int(1000 * time())
        metadata = {"createdAt": milliseconds}
        self.send("start", {"messageId": str(uuid4()), "messageMetadata": metadata})
        self.has_text = True
        return self.send("text-start", TEXT)

    def send_metadata(self, metadata):
        return self.send("message-metadata", {"messageMetadata": metadata})

    def send_token(self, token):
        return self.send("text-delta", TEXT | {"delta": token})

    def send_usage(self, usage):
        return self.send_metadata({"usage": usage})

    def send_error(self, error, code=None, retry_after=None):
        self.send_metadata({"error": {"code": code, "retryAfter": retry_after}})
        return self.send("error", {"errorText": error})

    def end(self, reason="stop"):
        if self.has_text:
            self.send("text-end", TEXT)
        self.send("finish", {"finishReason": reason})
        self.write(b"data: [DONE]\n\n")
        self.close()

    def send(self, event, message):
        """Send a message as an event of data alone: its type is in its JSON."""
        message = {"type": event} | message
        return self.write(f"data: {json.dumps(message)}\n\n".encode())

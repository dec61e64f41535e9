"""A call to a tool: what the page learns about it, and what the model gets back."""

import logging
import re
from uuid import uuid4

from langchain_core.messages import ToolMessage

from failures import log_name

NOT_IN_A_NAME = r"[^a-zA-Z0-9_-]"  # providers refuse all but these
LONGEST_NAME = 64

log = logging.getLogger(__name__)


class BadCall(Exception):
    """Raised for a call that cannot be run; its text is for the model."""


class Call:
    """A call: the name of a tool, and its arguments as the text of a JSON object.

    Each method returns the message for the page. Those that end the call also keep the
    result, a ToolMessage for the model.
    """

    def __init__(self, call_id, name):
        self.id = call_id or f"call_{uuid4().hex}"  # some servers send none
        self.name = name or ""
        self.text = ""
        self.arguments = {}
        self.result = None

    def begin(self):
        """The model has written the name of the tool."""
        return self.message("tool-input-start", toolName=self.name)

    def add(self, text):
        """The model has written more of the arguments."""
        self.text += text
        return self.message("tool-input-delta", inputTextDelta=text)

    def accept(self, arguments):
        """The arguments are whole, and they fit."""
        self.arguments = arguments
        more = {"toolName": self.name, "input": arguments}
        return self.message("tool-input-available", **more)

    def refuse(self, sentence):
        """The call cannot be run."""
        self.keep(sentence, "error")
        more = {"toolName": self.name, "input": self.text, "errorText": sentence}
        return self.message("tool-input-error", **more)

    def succeed(self, output):
        """The tool has returned something."""
        self.keep(output, "success")
        return self.message("tool-output-available", output=output)

    def fail(self, sentence):
        """The tool has found nothing."""
        self.keep(sentence, "error")
        return self.message("tool-output-error", errorText=sentence)

    def break_down(self, error):
        """The tool has raised an error: a mistake of ours, for the log alone."""
        log.warning("The tool %s failed: %s", self.name[:50], log_name(error))
        return self.fail("The tool failed. Answer without it.")

    def message(self, kind, **more):
        return {"type": kind, "toolCallId": self.id, **more}

    def keep(self, content, status):
        self.result = ToolMessage(content, tool_call_id=self.id, status=status)

    def as_sent(self):
        """Return the call as LangChain's messages hold it.

        Models call tools that do not exist, such as multi_tool_use.parallel. A provider
        would refuse the next request because of the dot.
        """
        name = re.sub(NOT_IN_A_NAME, "_", self.name)[:LONGEST_NAME]
        return {"name": name or "none", "args": self.arguments, "id": self.id}

"""A model for tests and checks: a script in, a record out."""

import re
import threading

from langchain_core.messages import AIMessageChunk, convert_to_messages

LIMIT = 20  # seconds; a test that waits longer has failed
PATIENCE = 5  # seconds


class End:
    """An item of a script: what the model says of its end, if that is not "stop".

    End(finish_reason="length") is an answer that was cut short. End() is one whose
    model never says why it ended.
    """

    def __init__(self, **metadata):
        self.metadata = metadata


class Gate(threading.Event):
    """A gate in a script, which opens by itself if a program waits before it."""

    was_opened = None  # whether the check has opened it

    def wait(self, _=None):
        self.was_opened = super().wait(PATIENCE)
        return True


class ScriptedModel:
    """A model that follows a script and keeps a record.

    Each item of the script is a str (a chunk with that text), a ready chunk, an
    Event (the model waits until the test sets it), a function (it is called), an
    exception (it is raised) or an End. A script that runs to its end is ended as
    LangChain ends the stream of a provider: a chunk without text says why, by a
    finish reason, and after it comes a last chunk that says nothing at all.
    """

    name = "scripted"

    def __init__(self, *script):
        self.script = script
        self.made = 0  # chunks with text
        self.prompts = []
        self.invoked = False  # asked for the whole answer at once
        self.tools = []  # that the program has bound to it
        self.settings = {}  # with which it has bound them
        self.closed = threading.Event()  # the stream is over, however it ended
        self.closed_early = False  # it was closed before its end

    def bind_tools(self, tools, **settings):
        """Return the model with tools, as LangChain's models do."""
        self.tools = tools
        self.settings = settings
        return self

    def stream(self, prompt):
        self.prompts.append(prompt)
        end = End(finish_reason="stop")
        try:
            for item in self.script:
                if isinstance(item, threading.Event):
                    assert item.wait(LIMIT), "the test never opened this gate"
                elif isinstance(item, Exception):
                    raise item
                elif isinstance(item, End):
                    end = item
                elif callable(item):
                    item()
                else:
                    self.made += 1
                    yield AIMessageChunk(item) if isinstance(item, str) else item
            yield AIMessageChunk("", response_metadata=end.metadata)
            yield AIMessageChunk("", chunk_position="last")
        except GeneratorExit:
            self.closed_early = True
            raise
        finally:
            self.closed.set()

    def invoke(self, prompt):
        """Return the whole answer at once."""
        self.invoked = True
        first, *rest = self.stream(prompt)
        return sum(rest, first)


def its_text(prompt):
    """Return the text of a prompt; one message of the user's says the same as it."""
    if not isinstance(prompt, list):
        return prompt
    try:
        messages = convert_to_messages(prompt)
    except (NotImplementedError, ValueError):  # no messages
        return prompt
    is_one = [message.type for message in messages] == ["human"]
    return messages[0].text if is_one else prompt


class EchoingModel:
    """A model that repeats each prompt, a word at a time.

    So it can be told for whom an answer was, while several are being written.
    """

    name = "echoing"

    def stream(self, prompt):
        words = re.findall(r"\S+\s*", its_text(prompt))
        return ScriptedModel(*words).stream(prompt)

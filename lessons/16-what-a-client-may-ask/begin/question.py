"""What a client may ask, field by field. A refusal names the wrong field."""

from typing import Annotated, ClassVar, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from failures import can_be_sent, read_conversation, require_short

from .errors import Refusal

NO_TOOLS = "left out: this server calls no tools (lesson 23 does)"
WANTED = {  # what a field has to be
    "model": "the name of a model",
    "messages": "a list of messages, each an object with a role and a content",
    "messages.role": (
        "system, developer, user or assistant: this server calls no tools, so it takes"
        " no tool messages"
    ),
    "messages.tool_calls": NO_TOOLS,
    "messages.content": "a text, or a list of parts of the type text",
    "messages.content.type": "text: this server reads no pictures, sounds or files",
    "messages.content.text": "a text",
    "stream": "true or false",
    "tools": NO_TOOLS,
    "functions": NO_TOOLS,
}


def read_question():
    """Return the Question in the request's JSON, or raise a 400 that names a field."""
    body = read_conversation()
    if not isinstance(body, dict):
        raise Refusal(400, "The question has to be an object in JSON.")
    try:
        question = Question.model_validate(body)
    except ValidationError as error:
        raise wrong_field(error) from None
    require_short([text for _, text in question.turns()])
    return question


def wrong_field(error):
    """Return the refusal for the first field that is wrong."""
    place = error.errors()[0]["loc"]  # like ("messages", 0, "role")
    names = [name for name in place if isinstance(name, str)]
    path = ".".join(names)
    return Refusal(400, f"{path} has to be {WANTED[path]}.", param=names[0])


def require_sendable(text):
    """Return a text that can be sent to a model, or raise a ValueError."""
    if not can_be_sent(text):
        raise ValueError("half of an emoji")
    return text


Text = Annotated[str, AfterValidator(require_sendable)]


class Fields(BaseModel):
    """The fields of a JSON object. Those that are not named here are ignored."""

    model_config = ConfigDict(strict=True)  # otherwise 1 is true, and "1" a number

    @model_validator(mode="before")
    @classmethod
    def ignore_null(cls, fields):
        """Leave out fields that are null: many clients send null for "not set"."""
        if not isinstance(fields, dict):
            return fields  # which pydantic refuses
        return {name: value for name, value in fields.items() if value is not None}


class Part(Fields):
    """A part of a message's content."""

    type: Literal["text"]
    text: Text


class Message(Fields):
    """A message of the conversation."""

    role: Literal["system", "developer", "user", "assistant"]
    tool_calls: list = Field([], max_length=0)
    content: list[Part]

    @field_validator("content", mode="before")
    @classmethod
    def make_one_part(cls, content):
        """Turn a content that is a text into a list with one part."""
        if isinstance(content, str):
            return [{"type": "text", "text": content}]
        return content

    def turn(self):
        """Return (role, text), as LangChain takes a message."""
        role = "system" if self.role == "developer" else self.role
        text = "".join(part.text for part in self.content)
        return role, text


class StreamOptions:
    """What a stream should contain besides the answer."""

    include_usage = False


class Question(Fields):
    """All that a client asks."""

    model: Text
    messages: list[Message] = Field(min_length=1)
    stream: bool = False
    tools: list = Field([], max_length=0)
    functions: list = Field([], max_length=0)
    # No client may ask for these yet: a ClassVar is not a field, but a fixed value.
    stream_options: ClassVar = StreamOptions()
    n: ClassVar = 1
    stop: ClassVar = []

    def turns(self):
        """Return the conversation as (role, text) pairs."""
        return [message.turn() for message in self.messages]

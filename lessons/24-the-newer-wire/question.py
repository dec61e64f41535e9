"""What a client may ask, field by field. A refusal names the wrong field.

It is lesson 16's, for the fields of the Responses API.
"""

from sys import getsizeof
from typing import Annotated, Literal

from flask import request
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from failures import (
    LongConversation,
    can_be_sent,
    read_conversation,
    require_short,
)

from .errors import Refusal
from .limits import NoSuchAnswer

MESSAGE = 560  # bytes of memory that a message takes besides its parts
PART = 430  # and that a part takes besides its text
NO_TOOLS = "this server calls no tools (lesson 23 does)"
SEND_IT_ALL = "this server continues no conversation: send all messages as input"
MOST_REFERENCED = 1024 * 1024  # characters: require_short accepts no more
NO_SUCH_ITEM = (
    "input has an item_reference to an item that this server does not have: send the"
    " message itself."
)
WANTED = {  # what a field has to be
    "model": "the name of a model",
    "input": "a text, or a list of messages, each an object with a role and a content",
    "input.type": f"message or item_reference: {NO_TOOLS}",
    "input.role": "system, developer, user or assistant",
    "input.content": "a text, or a list of parts of the type input_text",
    "input.content.type": (
        "input_text, output_text or refusal: this server reads no pictures and no files"
    ),
    "input.content.text": "a text",
    "instructions": "a text",
    "stream": "true or false",
    "background": "true or false",
    "store": "true or false",
    "max_output_tokens": "a whole number from 1 up",
    "metadata": "an object of up to 16 texts",
    "text": 'left out, or {"format": {"type": "text"}}',
    "text.format": 'left out, or {"type": "text"}',
    "text.format.type": "text: this server fills in no forms (lesson 22 does)",
    "tools": f"left out: {NO_TOOLS}",
    "tool_choice": f"auto or none: {NO_TOOLS}",
    "previous_response_id": f"left out: {SEND_IT_ALL}",
    "conversation": f"left out: {SEND_IT_ALL}",
    "prompt": "left out: this server keeps no prompts: send the text as input",
}


def read_question(store):
    """Return the Question in the request's JSON, or raise a 400 that names a field."""
    body = read_conversation()
    if not isinstance(body, dict):
        raise Refusal(400, "The question has to be an object in JSON.")
    if isinstance(body.get("input"), list):
        body["input"] = list(resolved(body["input"], store))
    try:
        question = Question.model_validate(body)
    except ValidationError as error:
        raise wrong_field(error) from None
    if question.background and not question.store:
        sentence = "background needs store: what nobody waits for has to be kept."
        raise Refusal(400, sentence, param="store")
    require_short([text for _, text in question.turns()])
    return question


def resolved(items, store):
    """Yield the items of an input, with a message in place of each item_reference.

    The AI SDK sends one for each message that a response in the store has. A reference
    is short, but its text can be long: raise a 413 once all of them are too long.
    """
    size = 0  # of the texts in place of references
    for item in items:
        if not isinstance(item, dict) or item.get("type") != "item_reference":
            yield item
            continue
        text = text_of(item.get("id"), store)
        size += len(text)
        if size > MOST_REFERENCED:
            raise LongConversation
        yield {"role": "assistant", "content": text}


def text_of(item_id, store):
    """Return the text of the message that has this id, or raise a 400."""
    try:
        if not isinstance(item_id, str) or not item_id.startswith("msg_"):
            raise NoSuchAnswer
        entries = store.so_far(item_id.replace("msg_", "resp_", 1))
    except NoSuchAnswer:
        raise Refusal(400, NO_SUCH_ITEM, param="input") from None
    return "".join(
        entry.get("token") or entry.get("refusal") or "" for entry in entries
    )


def wrong_field(error):
    """Return the refusal for the first field that is wrong."""
    place = error.errors()[0]["loc"]  # like ("input", 0, "role")
    names = [name for name in place if isinstance(name, str)]
    path = ".".join(names)
    if path not in WANTED:  # a client chooses the names in its metadata
        path = names[0]
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

    type: Literal["input_text", "output_text", "refusal"]
    text: Text

    @model_validator(mode="before")
    @classmethod
    def read_refusal(cls, fields):
        """Take the words of a refusal, which have a name of their own, as text."""
        if isinstance(fields, dict) and fields.get("type") == "refusal":
            return fields | {"text": fields.get("refusal")}
        return fields


class Message(Fields):
    """A message of the conversation."""

    type: Literal["message"] = "message"
    role: Literal["system", "developer", "user", "assistant"]
    content: list[Part]

    @field_validator("content", mode="before")
    @classmethod
    def make_one_part(cls, content):
        """Turn a content that is a text into a list with one part."""
        if isinstance(content, str):
            return [{"type": "input_text", "text": content}]
        return content

    def turn(self):
        """Return (role, text), as LangChain takes a message."""
        role = "system" if self.role == "developer" else self.role
        text = "".join(part.text for part in self.content)
        return role, text


class Format(Fields):
    """The form that the answer should have."""

    type: Literal["text"] = "text"


class TextSettings(Fields):
    """How the answer should be written."""

    format: Format = Format()


class Question(Fields):
    """All that a client asks."""

    model: Text
    input: list[Message] = Field(min_length=1)
    instructions: Text = ""
    stream: bool = False
    background: bool = False
    store: bool = True
    max_output_tokens: int | None = Field(None, ge=1)
    metadata: dict[str, Text] = Field({}, max_length=16)
    text: TextSettings = TextSettings()
    # These fields ask for what this server does not have.
    tools: list = Field([], max_length=0)
    tool_choice: Literal["auto", "none"] = "auto"
    previous_response_id: None = None
    conversation: None = None
    prompt: None = None

    @field_validator("input", mode="before")
    @classmethod
    def make_one_message(cls, value):
        """Turn an input that is a text into a list with one message."""
        if isinstance(value, str):
            return [{"role": "user", "content": value}]
        return value

    def turns(self):
        """Return the conversation as (role, text) pairs."""
        turns = [message.turn() for message in self.input]
        if self.instructions:
            turns.insert(0, ("system", self.instructions))
        return turns

    def size(self):
        """Return about how many bytes of memory this takes."""
        parts = [part.text for message in self.input for part in message.content]
        texts = [*parts, self.instructions, *self.metadata, *self.metadata.values()]
        return (
            len(self.input) * MESSAGE
            + len(parts) * PART
            + sum(getsizeof(text) for text in texts)
        )


# What the address says after its ?


def asks_for_stream():
    """Return whether ?stream=true is in the address, or raise a 400."""
    value = request.args.get("stream", "false")
    if value not in ("true", "false"):
        raise Refusal(400, "stream has to be true or false.", param="stream")
    return value == "true"


def starting_after():
    """Return the number of the last event that a client has; -1: it has none yet."""
    value = request.args.get("starting_after", "")
    if value == "":
        return -1
    if not value.isdecimal():
        sentence = "starting_after has to be the number of an event."
        raise Refusal(400, sentence, param="starting_after")
    return int(value[:9])  # no answer has more events

"""A card about a term: its schema, how a model is asked for it, and whether it fits."""

import json
from contextlib import closing

from pydantic import BaseModel, ConfigDict, Field

from failures import (
    DECLINED,
    NOT_ACCEPTED,
    NOT_FOUND,
    REFUSED_REQUEST,
    Unfinished,
    failure_of,
)

from .growing import DOES_NOT_FIT


class Card(BaseModel):
    """A card that explains a term."""

    # No other fields, and no value of another type: "18" is not a number.
    model_config = ConfigDict(extra="forbid", strict=True)

    term: str = Field(description="the term")
    meaning: str = Field(description="what it means, in two sentences")
    lesson: int | None = Field(description="the number of its lesson, or null")
    related: list[str] = Field(description="a few words that belong to it")


SCHEMA = Card.model_json_schema()  # the fields, and the type of each, as a dict
IN_WORDS = f"""Fill in a card about what the user asks.
Use the tool that you are given. If there is none, answer with a JSON object for this
schema, and with nothing else: {json.dumps(SCHEMA)}"""
REFUSES_TOOLS = NOT_ACCEPTED, REFUSED_REQUEST, NOT_FOUND  # as servers put it


def chunks_of_card(model, prompt):
    """Yield the chunks of a model that fills in a card about a prompt.

    The card is a tool that the model has to call. Some servers ignore tools, so the
    schema is in the words, too. Others refuse tools: they are asked again without one.
    """
    messages = [("system", IN_WORDS), ("human", prompt)]
    has_begun = False
    try:
        with_card = model.bind_tools([Card], tool_choice="any")
        with closing(with_card.stream(messages)) as chunks:
            for chunk in chunks:
                has_begun = True
                yield chunk
        return
    except Exception as error:
        if has_begun or failure_of(error) not in REFUSES_TOOLS:
            raise
    with closing(model.stream(messages)) as chunks:
        yield from chunks


def json_in(chunk):
    """Return the JSON in a chunk: arguments of a call, or else text; "" for neither.

    Raise Unfinished if it has a refusal instead.
    """
    if isinstance(chunk.content, list):
        for block in chunk.content:
            if isinstance(block, dict) and block.get("type") == "refusal":
                raise Unfinished(DECLINED)
    arguments = [call["args"] or "" for call in chunk.tool_call_chunks]
    return "".join(arguments) or chunk.text


def require_card(text):
    """Raise Unfinished unless a text is the whole JSON of a card."""
    try:
        Card.model_validate(json.loads(text))
    except (ValueError, RecursionError):  # a ValidationError is a ValueError
        raise Unfinished(DOES_NOT_FIT) from None

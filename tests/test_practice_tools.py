"""The practice model with tools: it calls them, fills in forms, and fails on demand."""

import json
from itertools import islice
from typing import TypedDict

import pytest
from langchain_core import exceptions
from langchain_core.messages import AIMessageChunk, ToolMessage
from langchain_openai import ChatOpenAI
from pydantic import BaseModel
from support.provider import DONE, Provider, chunk, finish

import practice
from practice import PracticeModel
from practice_search import NO_TERM, find_term
from practice_tools import FAILED, LOOKS_UP, UNKNOWN_NAME

MODEL = PracticeModel(timeout=1)
FAST = "/slow 9999"
BACKPRESSURE = find_term("backpressure")


class Card(TypedDict):
    """A card about a term."""

    term: str
    meaning: str
    lesson: int
    related: list[str]


class CardOrNothing(BaseModel):
    """A card about a term, if there is one."""

    term: str
    lesson: int | None


def look_up(query: str) -> str:
    """Look something up."""


def other(number: int) -> str:
    """Do something else."""


@pytest.mark.parametrize("name", practice.COMMANDS)
def test_each_command_changes_what_the_model_does(name, monkeypatch):
    """Without a tool, with one that it has to call, or when that has answered."""
    pauses = []
    monkeypatch.setattr(practice, "sleep", pauses.append)

    def all_it_does(prompt):
        must_call = MODEL.bind_tools([look_up], tool_choice="any")
        result = ToolMessage("Found.", tool_call_id="1")
        may_call = MODEL.bind_tools([look_up])
        for asked in [
            MODEL.stream(prompt),
            must_call.stream(prompt),
            may_call.stream([("human", prompt), result]),
        ]:
            try:
                for chunk in islice(asked, 100):
                    calls = [
                        (call["name"], call["args"]) for call in chunk.tool_call_chunks
                    ]
                    yield chunk.content, calls, chunk.response_metadata
            except exceptions.ModelError as error:
                yield type(error)
        yield pauses.copy()
        pauses.clear()

    assert list(all_it_does(f"/{name} chunk")) != list(all_it_does("chunk"))


def partials(prompt, schema=Card):
    asking = MODEL.with_structured_output(schema)
    return list(asking.stream(f"{FAST} {prompt}"))


def added_up(chunks):
    first, *rest = chunks
    return sum(rest, first)


def called(prompt, *results, tools=(look_up,), **choice):
    """Return all that the model sends, as one chunk."""
    messages = [("human", f"{FAST} {prompt}"), *results]
    return added_up(MODEL.bind_tools(tools, **choice).stream(messages))


def round_of(*statuses):
    """Return a call for each status, and its result, as messages."""
    calls = [
        {"name": "look_up", "args": {}, "id": f"id{number}"}
        for number, _ in enumerate(statuses)
    ]
    results = [
        ToolMessage(f"result {number}", tool_call_id=f"id{number}", status=status)
        for number, status in enumerate(statuses)
    ]
    return [AIMessageChunk("", tool_calls=calls), *results]


# A form


def test_it_fills_a_card_from_the_glossary():
    *_, card = partials("What is backpressure?")
    assert card == {
        "term": "Backpressure",
        "meaning": BACKPRESSURE.meaning,
        "lesson": BACKPRESSURE.lesson,
        "related": BACKPRESSURE.related,
    }
    assert card["lesson"] == 10 and "slow reader" in card["related"]


def test_a_card_grows_word_by_word():
    found = partials("backpressure")
    meanings = [partial.get("meaning", "") for partial in found]
    assert len(set(meanings)) == len(BACKPRESSURE.meaning.split()) + 1


def test_whatever_is_asked_the_card_is_filled():
    *_, card = partials("tell me about xyzzy")
    assert card["meaning"] == NO_TERM.meaning and card["related"]


def test_a_schema_of_any_kind_is_filled():
    class Part(BaseModel):
        size: float
        is_new: bool

    class Anything(BaseModel):
        """Anything at all."""

        name: str
        kind: CardOrNothing
        parts: list[Part]
        level: int
        colour: str | None

    asking = MODEL.with_structured_output(Anything)
    filled = asking.invoke(f"{FAST} backpressure")
    assert filled.name == "backpressure" and filled.kind.term == "Backpressure"
    assert filled.parts == [Part(size=10, is_new=True)]


def schema_of(**fields):
    return {"title": "Form", "description": "A form.", "properties": fields}


# What OpenAI and JSON Schema allow besides what pydantic makes of a class:
# https://platform.openai.com/docs/guides/structured-outputs#supported-schemas
# https://json-schema.org/understanding-json-schema/reference
FIELDS = {
    "a list of types": ({"type": ["string", "null"]}, "backpressure"),
    "null first": ({"type": ["null", "integer"]}, None),
    "a constant": ({"const": "card"}, "card"),
    "one of": ({"oneOf": [{"type": "integer"}, {"type": "string"}]}, 10),
    "no type": ({}, "backpressure"),
    "an empty enum": ({"enum": [], "type": "integer"}, 10),
    "items without a type": ({"type": "array"}, ["backpressure"]),
    "a tuple": (
        {"type": "array", "prefixItems": [{"type": "integer"}, {"type": "string"}]},
        [10, "backpressure"],
    ),
}


@pytest.mark.parametrize(("field", "value"), FIELDS.values(), ids=FIELDS)
def test_a_field_of_any_kind_is_filled(field, value):
    schema = schema_of(field=field) | {"type": "object"}
    *_, form = partials("backpressure", schema)
    assert form == {"field": value}


def test_a_schema_that_holds_itself_comes_to_an_end():
    class Tree(BaseModel):
        """A tree."""

        name: str
        branches: list["Tree"]
        root: "Tree | None"

    asking = MODEL.with_structured_output(Tree)
    assert asking.invoke(f"{FAST} backpressure").branches == []


TOOLS = {
    "of Anthropic": {"name": "now", "description": "The time.", "input_schema": {}},
    "of OpenAI, without parameters": {"type": "function", "function": {"name": "now"}},
}


@pytest.mark.parametrize("tool", TOOLS.values(), ids=TOOLS)
def test_a_tool_without_parameters_gets_an_empty_object(tool):
    found = called("backpressure", tools=[tool])
    assert [call["args"] for call in found.tool_calls] == [{}]


def test_a_tool_that_the_provider_runs_is_not_called():
    found = called("backpressure", tools=[{"type": "web_search"}])
    assert not found.tool_calls and found.text
    found = called("backpressure", tools=[{"type": "web_search"}, look_up])
    assert [call["name"] for call in found.tool_calls] == ["look_up"]


@pytest.mark.parametrize(
    "choice",
    [{"type": "any"}, {"type": "tool", "name": "look_up"}, "required", "any", True],
)
def test_it_has_to_call_what_is_chosen(choice):
    """In the words of LangChain, OpenAI and Anthropic."""
    found = called("backpressure", tool_choice=choice)
    assert len(found.tool_calls) == 1 and found.text == ""


def test_what_is_no_term_has_no_lesson_where_that_may_be():
    asking = MODEL.with_structured_output(CardOrNothing)
    assert asking.invoke(f"{FAST} xyzzy").lesson is None
    assert asking.invoke(f"{FAST} backpressure").lesson == 10


def test_a_form_that_is_cut_ends_as_a_provider_cuts_it():
    asking = MODEL.bind_tools([Card], tool_choice="any")
    whole = added_up(asking.stream(f"{FAST} /short 9 backpressure"))
    assert whole.response_metadata["finish_reason"] == "length"
    [call] = whole.tool_call_chunks
    with pytest.raises(json.JSONDecodeError):
        json.loads(call["args"])
    # LangChain closes the text and the braces by itself: the cut card looks whole
    *_, card = partials("/short 9 backpressure")
    assert BACKPRESSURE.meaning.startswith(card["meaning"])
    assert list(card) == ["term", "meaning"]


def arguments(prompt, **choice):
    [call] = called(prompt, **choice).tool_call_chunks
    return call["args"]


def test_a_form_is_wrong_on_demand():
    form = {"tools": [Card], "tool_choice": "any"}
    assert isinstance(json.loads(arguments("/wrong chunk", **form))["related"], dict)
    assert "related" not in json.loads(arguments("/missing chunk", **form))
    with pytest.raises(json.JSONDecodeError):
        json.loads(arguments("/broken chunk", **form))


def test_prose_stands_around_the_json_on_demand():
    whole = called("/prose chunk", tools=[Card], tool_choice="any")
    before, _, rest = whole.text.partition("{")
    inside, _, after = rest.rpartition("}")
    assert json.loads("{" + inside + "}")["term"] == "Chunk"
    assert before and after and not whole.tool_call_chunks
    assert whole.response_metadata["finish_reason"] == "stop"


def test_a_form_fails_as_every_answer_does():
    asking = MODEL.bind_tools([Card], tool_choice="any")
    with pytest.raises(exceptions.ModelConnectionError):
        list(asking.stream(f"{FAST} /fail 3 chunk"))
    with pytest.raises(exceptions.ModelRateLimitError):
        next(asking.stream("/busy 4 chunk"))


# A call


def test_it_says_something_and_then_calls():
    whole = called("What is backpressure?")
    assert whole.text == LOOKS_UP
    [call] = whole.tool_calls
    assert call["name"] == "look_up"
    assert call["args"] == {"query": "What is backpressure?"}
    assert whole.response_metadata["finish_reason"] == "tool_calls"
    assert whole.usage_metadata["output_tokens"] > 5


def test_its_arguments_come_in_pieces():
    chunks = MODEL.bind_tools([look_up]).stream(f"{FAST} What is backpressure?")
    pieces = [each["args"] for chunk in chunks for each in chunk.tool_call_chunks]
    assert len(pieces) > 3 and json.loads("".join(pieces))


def test_its_stream_of_a_call_is_as_openais():
    first = {"index": 0, "id": "call_1", "type": "function"}
    script = [
        chunk({"role": "assistant", "content": None}),
        chunk({"tool_calls": [first | {"function": {"name": "f", "arguments": ""}}]}),
        chunk({"tool_calls": [{"index": 0, "function": {"arguments": '{"a":'}}]}),
        chunk({"tool_calls": [{"index": 0, "function": {"arguments": " 1}"}}]}),
        finish("tool_calls"),
        DONE,
    ]
    with Provider(*script) as provider:
        real = ChatOpenAI(model="any", base_url=provider.url, api_key="none")
        theirs = list(real.bind_tools([look_up], tool_choice="any").stream("Hello?"))
    ours = list(MODEL.bind_tools([look_up], tool_choice="any").stream(f"{FAST} chunk"))

    def shape(message):
        filled = [
            {name: value is None for name, value in each.items() if name != "args"}
            for each in message.tool_call_chunks
        ]
        reason = message.response_metadata.get("finish_reason")
        return message.content, filled, reason, message.chunk_position

    assert [shape(each) for each in theirs[-4:]] == [shape(each) for each in ours[-4:]]
    assert shape(theirs[-5]) == shape(ours[0])


def test_it_answers_with_what_the_tool_has_found():
    whole = called("What is backpressure?", *round_of("success"))
    assert (whole.text, whole.tool_calls) == ("result 0", [])
    assert whole.response_metadata["finish_reason"] == "stop"
    whole = called("What is backpressure?", *round_of("success", "error", "success"))
    assert whole.text == "result 0\n\nresult 2"


def test_after_a_failure_it_tries_once_more_and_then_says_so():
    once = called("/unknown backpressure", *round_of("error"))
    assert [call["name"] for call in once.tool_calls] == ["look_up"]
    twice = called("/unknown backpressure", *round_of("error"), *round_of("error"))
    assert (twice.text, twice.tool_calls) == (FAILED, [])


def test_two_calls_at_once_differ_and_the_last_has_the_fault():
    whole = called("/twice /unknown backpressure")
    first, last = whole.tool_calls
    assert (first["name"], last["name"]) == ("look_up", UNKNOWN_NAME)
    assert first["args"] != last["args"] and first["id"] != last["id"]


def test_a_call_is_wrong_on_demand():
    assert arguments("/empty chunk") == ""
    assert json.loads(arguments("/missing chunk")) == {}
    assert json.loads(arguments("/wrong chunk")) == {"query": {"value": "chunk"}}
    assert arguments("/broken chunk").startswith("{query")


def test_endless_calls_in_each_round():
    rounds = []
    for _ in range(4):
        rounds += round_of("success")
        assert called("/endless chunk", *rounds).tool_calls


@pytest.mark.parametrize("prompt", ["hi", "/help", "/echo a b", "/again"])
def test_what_needs_no_tool_is_answered_without(prompt):
    assert not called(prompt).tool_calls
    assert not called("What is a chunk?", tool_choice="none").tool_calls


def test_the_tool_of_that_name_is_called():
    both = {"tools": [look_up, other]}
    for choice in "other", {"type": "function", "function": {"name": "other"}}:
        [call] = called("chunk", tool_choice=choice, **both).tool_calls
        assert call["name"] == "other" and isinstance(call["args"]["number"], int)
    for choice in "any", "required", True, "auto", None:
        [call] = called("chunk", tool_choice=choice, **both).tool_calls
        assert call["name"] == "look_up"


def test_a_new_question_calls_again():
    again = [*round_of("success"), ("ai", "a"), ("human", f"{FAST} What is flush?")]
    assert called("What is a chunk?", *again).tool_calls

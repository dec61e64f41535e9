"""What the practice model does with tools: it calls them, and fails on demand.

A tool is a function of a program that a model may call. The model does not run it: it
writes the name and the arguments, which are a JSON object, and the program does the
rest. LangChain uses the same way to let a model fill in a form: there the arguments are
what the program wants.
"""

import json
import re  # in patterns \s is white space, \S is none, + one or more, * any number
from typing import NamedTuple  # a tuple whose parts have names
from uuid import uuid4  # a random id

from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.messages.tool import tool_call_chunk

from practice_search import find_term, telling_words

LOOKS_UP = "Let me look that up."
FAILED = "I could not look that up."
PROSE = "Here is what you asked for:\n\n```json\n{json}\n```\n\nI hope that it helps!"
UNKNOWN_NAME = "no_such_tool"
STRING = {"type": "string"}  # schemas
OBJECT = {"type": "object"}
NOTHING_LEFT = {}  # for a schema inside itself: LangChain writes it out only once
NO_JSON = "{query: backpressure"  # no quotation marks, and no end


class Call(NamedTuple):
    """A call to a tool. Its arguments are JSON, as text."""

    name: str
    id: str
    arguments: str


class Turn(NamedTuple):
    """What the model says, and then the calls that it makes."""

    text: str
    calls: list[Call]


def said_by_reader(messages):
    """Return the text of the reader's last message: results of tools may follow it."""
    for message in reversed(messages):
        if message.type == "human":
            return message.text
    return messages[-1].text


def turn_with_tools(messages, question, commands, tools, tool_choice):
    """Return the Turn of a model that has tools, or None if it has no use for them.

    The tools are dicts in OpenAI's form, and tool_choice is one of its words, or a
    name: see choose_tool.
    """
    tool, is_forced = choose_tool(tools, tool_choice)
    results = results_since_question(messages)
    if tool is None or "echo" in commands or "again" in commands:
        return None
    asks_nothing = not telling_words(question) or question.strip().startswith("/")
    if asks_nothing and not is_forced:  # a greeting, or /help
        return None
    has_failed = all(result.status == "error" for result in results)
    tries_again = has_failed and rounds_since_question(messages) == 1
    if is_forced or "endless" in commands or not results or tries_again:
        faults = {} if tries_again and "endless" not in commands else commands
        calls = calls_of(tool, question, faults)
        if "prose" in commands:
            return Turn(PROSE.format(json=calls[0].arguments), [])
        return Turn("" if is_forced else LOOKS_UP, calls)
    found = "\n\n".join(result.text for result in results if result.status != "error")
    return Turn(found or FAILED, [])


def choose_tool(tools, tool_choice):
    """Return the tool to call, a dict, and whether the model has to call it.

    The choice is the name of a tool; "any", "required" or True for any of them; "none";
    or "auto" or None: as the model likes. This model takes the first of them.
    """
    if isinstance(tool_choice, dict):
        # {"type": "function", "function": {"name": ...}}, or {"type": "any"}
        named = tool_choice.get("function", tool_choice)
        tool_choice = named.get("name") or named.get("type")
    for tool in tools:
        if tool["function"]["name"] == tool_choice:
            return tool["function"], True
    if not tools or tool_choice == "none":
        return None, False
    return tools[0]["function"], tool_choice in ("any", "required", True)


def since_question(messages):
    """Return the messages after the reader's last one."""
    since = []
    for message in messages:
        since.append(message)
        if message.type == "human":
            since = []
    return since


def results_since_question(messages):
    return [each for each in since_question(messages) if each.type == "tool"]


def rounds_since_question(messages):
    """Return how many times the model has asked for tools: each time in one message."""
    since = since_question(messages)
    return len([each for each in since if isinstance(each, AIMessage)])


# The calls, and how they go wrong


def calls_of(tool, question, faults):
    """Return the calls that the model makes. The last of them has the faults.

    The faults are commands of the prompt.
    """
    name = tool["name"]
    parameters = tool.get("parameters") or OBJECT  # without any, it takes none
    calls = []
    if "twice" in faults:
        arguments = json.dumps(fill_in(parameters, question))
        calls.append(Call(name, new_id(), arguments))
        question = find_term(question).related[-1]
    if "unknown" in faults:
        name = UNKNOWN_NAME
    arguments = faulty_arguments(parameters, question, faults)
    calls.append(Call(name, new_id(), arguments))
    return calls


def new_id():
    return f"call_{uuid4().hex}"  # which no other call has


def faulty_arguments(parameters, question, faults):
    """Return the text of the arguments for a tool that takes these parameters."""
    if "empty" in faults:
        return ""  # which providers send for a call without arguments
    if "broken" in faults:
        return NO_JSON
    arguments = fill_in(parameters, question)
    names = list(arguments)
    if "wrong" in faults and names:
        arguments[names[-1]] = {"value": arguments[names[-1]]}
    if "missing" in faults and names:
        del arguments[names[-1]]
    return json.dumps(arguments)


def fill_in(schema, question):
    """Return a value that follows a JSON schema, from the glossary's nearest term.

    If the glossary knows something by the field's name, the field gets that. Any other
    field gets a value of the right type: for a text, it is the question.
    """
    term = find_term(question)
    known = {
        "term": term.name,
        "meaning": term.meaning,
        "lesson": term.lesson,
        "related": term.related,
    }
    by_type = {
        "string": question.strip() or term.name,
        "integer": term.lesson or 0,
        "number": term.lesson or 0,
        "boolean": True,
        "null": None,
    }
    return value_of("", schema, known, by_type)


def value_of(name, schema, known, by_type):
    """Return a value for a field of that name; the schema may hold others."""
    if "const" in schema:
        return schema["const"]
    if schema.get("enum"):
        return schema["enum"][0]
    choices = schema.get("anyOf") or schema.get("oneOf")  # "a number or null" has two
    if choices:
        choice = best_choice(name, choices, known)
        return value_of(name, choice, known, by_type)
    types = types_of(schema)
    if name in known and json_type(known[name]) in types:
        return known[name]
    if types[0] == "object":
        fields = schema.get("properties", {}).items()
        return {field: value_of(field, of, known, by_type) for field, of in fields}
    if types[0] == "array":
        items = schema.get("prefixItems") or [schema.get("items", STRING)]
        if NOTHING_LEFT in items:
            return []
        return [value_of("", item, known, by_type) for item in items]
    return by_type[types[0]]


def best_choice(name, choices, known):
    """Return the schema for what is known by that name, else the first with a type."""
    for choice in choices:
        if name in known and json_type(known[name]) in types_of(choice):
            return choice
    for choice in choices:
        if choice != NOTHING_LEFT:
            return choice
    return choices[0]


def types_of(schema):
    """Return the types that a schema allows, a list."""
    types = schema.get("type", "string")
    return [types] if isinstance(types, str) else types


def json_type(value):
    """Return the name by which a JSON schema calls the type of a value."""
    names = {str: "string", int: "integer", list: "array", type(None): "null"}
    return names[type(value)]


# On the wire


def chunks_of_call(call, index):
    """Yield a call as a provider sends it: first its name and id, then its arguments.

    The index says which call of the answer a piece belongs to.
    """
    yield chunk_of_call(index, name=call.name, id=call.id, args="")
    for word in re.findall(r"\s*\S+", call.arguments):
        yield chunk_of_call(index, args=word)


def chunk_of_call(index, **parts):
    piece = tool_call_chunk(index=index, **parts)
    return AIMessageChunk("", tool_call_chunks=[piece])

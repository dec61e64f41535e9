"""A second tool says how many minutes a lesson takes."""

from importlib import import_module

import pytest
from langchain_core.utils.function_calling import convert_to_openai_tool

from lessons.course.for_checks.quoting import short
from lessons.course.for_checks.tool_rounds import (
    answer_of,
    call,
    called,
    messages,
    of,
    text_in,
)

__all__ = ["answer_of"]
NAMES = ["look_up", "minutes_of"]
minutes_of = import_module("lessons.23-a-tool-in-the-stream.minutes").minutes_of


def test_the_model_has_both_tools(answer_of):
    model, answer = answer_of(["done"])
    messages(answer)
    names = [convert_to_openai_tool(tool)["function"]["name"] for tool in model.tools]
    assert sorted(names) == NAMES, (
        f"Expected the tools {NAMES}, but the model has {sorted(names)}. Pass"
        " bind_tools both classes, LookUp and MinutesOf."
    )


@pytest.mark.parametrize("lesson", [1, 8, 19])
def test_minutes_of_is_run(answer_of, program, lesson):
    """minutes_of is run."""
    arguments = f'{{"lesson": {lesson}}}'
    _, answer = answer_of(called(*call(arguments, name="minutes_of")), ["done"])
    found = messages(answer)
    outputs = [each["output"] for each in of(found, "tool-output-available")]
    errors = [each["errorText"] for each in found if "errorText" in each]
    minutes = minutes_of(lesson)
    assert outputs and minutes in outputs[0], (
        f"The model called minutes_of with {arguments}. The outputs are {outputs}, and"
        f" the errors {short(errors)}. Take the class and the function that belong to"
        " call.name, and call the function with the arguments."
    )
    assert text_in(found) == "done"


def test_look_up_is_still_run(answer_of):
    """look_up is still run."""
    _, answer = answer_of(called(*call('{"query": "backpressure"}')), ["done"])
    outputs = [each["output"] for each in of(messages(answer), "tool-output-available")]
    assert outputs and "slow reader" in outputs[0], (
        f'The model called look_up with "backpressure", and the outputs are {outputs}.'
        " The first tool must work as before: choose the function by call.name."
    )


BAD = {
    "no number": ("minutes_of", '{"lesson": "three"}'),
    "a number in quotation marks": ("minutes_of", '{"lesson": "3"}'),
    "what look_up takes": ("minutes_of", '{"query": "flush"}'),
    "what minutes_of takes": ("look_up", '{"lesson": 3}'),
    "an unknown name": ("seconds_of", '{"lesson": 3}'),
    "an unknown name, with a query": ("search", '{"query": "flush"}'),
    "a name that calls.py imports": ("json", '{"lesson": 3}'),
}


@pytest.mark.parametrize("what", list(BAD))
def test_each_tool_gets_only_what_it_takes(answer_of, what):
    name, arguments = BAD[what]
    _, answer = answer_of(called(*call(arguments, name=name)), ["done"])
    found = messages(answer)
    assert of(found, "tool-input-error") and text_in(found) == "done", (
        f"The model called {name} with {arguments} ({what}). The messages are"
        f" {short([each['type'] for each in found])}. Let the class of that tool check"
        " the arguments, and refuse the call if they do not fit."
    )
    [sentence] = [each["errorText"] for each in of(found, "tool-input-error")]
    named = [name for name in NAMES if name in sentence]
    assert len(named) != 1 or name in NAMES, (
        f"The model called {name}, and it gets the sentence {sentence!r}, which names"
        " one of two tools. Name both, or neither."
    )


def test_a_lesson_that_does_not_exist_is_reported(answer_of):
    chunks = call('{"lesson": 99}', name="minutes_of")
    _, answer = answer_of(called(*chunks), ["done"])
    [error] = of(messages(answer), "tool-output-error") or [{"errorText": ""}]
    assert "99" in error["errorText"], (
        "The model asked for lesson 99, and the tool raised NothingFound. The error of"
        f" its call is {error['errorText']!r}. Run both tools in the same try."
    )

"""A tool in the stream: the shapes of three wires, and useChat."""

import importlib
import json
import re
from contextlib import suppress
from itertools import chain

import pytest
import requests
from langchain_anthropic import ChatAnthropic
from langchain_openai import ChatOpenAI
from support import LIMIT
from support.browser import Page
from support.event_streams import asked_by_react, messages_in
from support.lesson_servers import said
from support.provider import Provider, refuse
from support.tool_wires import anthropic_answer, openai_answer, responses_answer

from failures import TOO_LONG
from lessons.course.about_lessons.way_through import all_lessons
from practice import PracticeModel

NAME = "lessons.23-a-tool-in-the-stream"
lesson = importlib.import_module(f"{NAME}.app")
look_up = importlib.import_module(f"{NAME}.look_up")
minutes = importlib.import_module(f"{NAME}.minutes")
QUERY = '{"query": "backpr\\u0065ssure"}'


@pytest.fixture
def answering():
    return lesson


# The tool


def test_the_tool_finds_a_term_and_a_section():
    assert look_up.look_up("What is backpressure?").startswith("Backpressure: ")
    assert "flush" in look_up.look_up("why flush").lower()
    with pytest.raises(look_up.NothingFound):
        look_up.look_up("xyzzy")


@pytest.mark.parametrize("query", ["", "../../.env", "%", "'; DROP", "the of"])
def test_no_query_reads_anything_else(query):
    try:
        found = look_up.look_up(query)
    except look_up.NothingFound:
        return
    heading, _, _ = found.partition(": ")
    assert heading in {section.heading for section in look_up.sections()}


def test_what_it_finds_is_short():
    for section in look_up.sections():
        with suppress(look_up.NothingFound):
            assert len(look_up.look_up(section.heading)) <= look_up.LONGEST


def test_the_other_tool_knows_the_minutes():
    written = all_lessons()[1].minutes  # in lessons/README.md
    assert minutes.minutes_of(1) == f"Lesson 1 takes {written} minutes."
    with pytest.raises(minutes.NothingFound):
        minutes.minutes_of(99)


# What providers send, across a port


def openai_model(url):
    return ChatOpenAI(model="gpt-test", api_key="sk-1", base_url=url, max_retries=0)


def responses_model(url):
    settings = {"base_url": url, "max_retries": 0, "use_responses_api": True}
    return ChatOpenAI(model="gpt-test", api_key="sk-1", **settings)


def anthropic_model(url):
    settings = {"base_url": url.removesuffix("/v1"), "max_retries": 0}
    return ChatAnthropic(model="claude-test", api_key="sk-1", **settings)


# A model, the shape of its answers, and what it says of an end, and of a limit
SHAPES = {
    "openai": (openai_model, openai_answer, "stop", "length"),
    "anthropic": (anthropic_model, anthropic_answer, "end_turn", "max_tokens"),
    "responses": (responses_model, responses_answer, "completed", "incomplete"),
}
shapes = pytest.mark.parametrize("shape", list(SHAPES))


@pytest.fixture
def asked(serve, monkeypatch):
    """Return a function that asks the lesson, on a port, about a provider's script.

    It returns the messages, and the JSON of each request that the provider got.
    """
    url = serve(lesson.app)

    def ask(shape, *rounds):
        with Provider(*chain(*rounds)) as provider:
            monkeypatch.setattr(lesson, "model", SHAPES[shape][0](provider.url))
            answer = requests.post(f"{url}/ask", json={"prompt": "Hi"}, timeout=LIMIT)
            assert answer.status_code == 200, answer.text
            return messages_in(answer), [post.json for post in provider.requests]

    return ask


def of(found, kind, key):
    return [message[key] for message in found if message["type"] == kind]


def text_in(found):
    return "".join(of(found, "text-delta", "delta"))


@shapes
def test_in_each_shape_a_call_is_run_wherever_it_is_cut(asked, shape):
    _, make, end, _ = SHAPES[shape]
    for cut in range(0, len(QUERY), 6):  # check.py cuts everywhere
        pieces = [piece for piece in (QUERY[:cut], QUERY[cut:]) if piece]
        first = make(("id1", "look_up", pieces), text="One")
        found, posts = asked(shape, first, make(text=" two", reason=end))
        assert text_in(found) == "One two" and len(posts) == 2
        inputs = of(found, "tool-input-available", "input")
        assert inputs == [{"query": "backpressure"}]
        [output] = of(found, "tool-output-available", "output")
        assert output.startswith("Backpressure")
        assert "".join(of(found, "tool-input-delta", "inputTextDelta")) == QUERY
        assert found[-1] == {"type": "finish", "finishReason": "stop"}


def results_in(post):
    """Return what a request tells the model of its calls: (id, text of the result)."""
    if "input" in post:  # the Responses API
        items = [item for item in post["input"] if "output" in item]
        return [(item["call_id"], str(item["output"])) for item in items]
    found = []
    for message in post["messages"]:
        if message["role"] == "tool":  # OpenAI
            found.append((message["tool_call_id"], str(message["content"])))
        elif isinstance(message["content"], list):  # Anthropic
            for block in message["content"]:
                if block["type"] == "tool_result":
                    found.append((block["tool_use_id"], str(block["content"])))
    return found


@shapes
def test_in_each_shape_two_calls_get_a_result_each(asked, shape):
    _, make, end, _ = SHAPES[shape]
    calls = ("id1", "look_up", [QUERY]), ("id2", "no_tool", ["{", "}"])
    found, posts = asked(shape, make(*calls), make(text="done", reason=end))
    assert of(found, "tool-output-available", "toolCallId") == ["id1"]
    assert of(found, "tool-input-error", "toolCallId") == ["id2"]
    (one, good), (other, bad) = results_in(posts[1])
    assert (one, other) == ("id1", "id2")
    assert "Backpressure" in good and "no tool" in bad
    assert text_in(found) == "done"


def calls_in(post):
    """Return the names of the calls in a request, and what was said before them."""
    if "input" in post:  # the Responses API
        names = [item["name"] for item in post["input"] if "name" in item]
        said = [item for item in post["input"] if item.get("role") == "assistant"]
        return names, [part["text"] for item in said for part in item["content"]]
    said = post["messages"][1]
    if isinstance(said["content"], list):  # Anthropic
        names = [block["name"] for block in said["content"] if "name" in block]
        return names, [block["text"] for block in said["content"] if "text" in block]
    names = [call["function"]["name"] for call in said["tool_calls"]]
    return names, [said["content"]] if said["content"] else []


# https://platform.openai.com/docs/api-reference/chat/create: the name of a function
# has letters, digits, "_" and "-", 64 at most. Models call others anyway.
@shapes
@pytest.mark.parametrize(
    "name", ["multi_tool_use.parallel", "functions.look_up", "", "é", "n" * 99]
)
def test_in_each_shape_an_unknown_name_is_sent_back_as_a_valid_one(asked, shape, name):
    _, make, end, _ = SHAPES[shape]
    first = make(("id1", name, [QUERY]))
    found, posts = asked(shape, first, make(text="done", reason=end))
    [sent], _ = calls_in(posts[1])
    assert re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", sent)
    [(_, sentence)] = results_in(posts[1])
    assert name in sentence and name in str(of(found, "tool-input-start", "toolName"))


# Anthropic refuses a text of white space alone: "text content blocks must contain
# non-whitespace text".
@shapes
def test_in_each_shape_white_space_before_a_call_is_not_sent_back(asked, shape):
    _, make, end, _ = SHAPES[shape]
    first = make(("id1", "look_up", [QUERY]), text=" \n\n")
    found, posts = asked(shape, first, make(text="done", reason=end))
    assert calls_in(posts[1]) == (["look_up"], [])
    assert text_in(found) == " \n\ndone"


@shapes
@pytest.mark.parametrize("pieces", [[], ["{query:"], ['{"query": 5}']])
def test_in_each_shape_a_bad_call_is_answered(asked, shape, pieces):
    _, make, end, _ = SHAPES[shape]
    first = make(("id1", "look_up", pieces))
    found, posts = asked(shape, first, make(text="done", reason=end))
    assert of(found, "tool-input-error", "toolCallId") == ["id1"]
    [(call_id, sentence)] = results_in(posts[1])
    assert call_id == "id1" and "JSON" in sentence
    assert text_in(found) == "done"


@shapes
def test_in_each_shape_a_cut_call_is_not_run(asked, shape):
    _, make, _, limit = SHAPES[shape]
    for pieces in [QUERY[:-4]], [QUERY]:
        cut = make(("id1", "look_up", pieces), text="One", reason=limit)
        found, posts = asked(shape, cut)
        assert found[-1] == {"type": "error", "errorText": TOO_LONG.sentence}
        assert not of(found, "tool-output-available", "output") and len(posts) == 1
        assert text_in(found) == "One"


@shapes
def test_in_each_shape_rounds_have_a_limit(asked, shape):
    _, make, _, _ = SHAPES[shape]
    rounds = [make((f"id{n}", "look_up", [QUERY]), text="Hm. ") for n in range(5)]
    found, posts = asked(shape, *rounds)
    assert len(posts) == lesson.MOST_ROUNDS
    assert found[-1]["errorText"] == lesson.TOO_MANY_ROUNDS.sentence
    assert text_in(found) == "Hm. " * lesson.MOST_ROUNDS


def test_a_second_round_that_is_refused_is_said(asked):
    first = openai_answer(("id1", "look_up", [QUERY]), text="One")
    found, _ = asked("openai", first, [refuse(429)])
    assert found[-1]["type"] == "error" and text_in(found) == "One"


# Clients


def test_use_chat_reads_the_parts(node, serve, monkeypatch):
    monkeypatch.setattr(lesson, "model", PracticeModel())
    prompts = [
        "backpressure",
        "/twice /unknown chunk",
        "/broken chunk",
        "/endless chunk",
    ]
    fast = [f"/slow 200 {prompt}" for prompt in prompts]
    good, two, broken, endless = node(
        "23-tools.mjs", f"{serve(lesson.app)}/chat", *fast
    )

    assert good["states"] == ["input-streaming", "input-available", "output-available"]
    kinds = [part["type"] for part in good["parts"]]
    assert kinds == ["text", "tool-look_up", "step-start", "text"]
    assert good["parts"][1]["input"] == {"query": "backpressure"}
    assert good["parts"][1]["output"] in good["parts"][-1]["text"]
    assert good["parts"][0]["text"] == "Let me look that up." and "error" not in good

    calls = [part for part in two["parts"] if "toolCallId" in part]
    assert [call["state"] for call in calls] == ["output-available", "output-error"]
    assert "no_such_tool" in calls[1]["errorText"]

    calls = [part for part in broken["parts"] if "toolCallId" in part]
    assert [call["state"] for call in calls] == ["output-error", "output-available"]
    assert endless["error"] == lesson.TOO_MANY_ROUNDS.sentence


def test_a_conversation_goes_on_after_a_call(client, answer_with):
    model = answer_with("done")
    body = asked_by_react("One?", "Two.", "Three?")
    call = {"type": "tool-look_up", "toolCallId": "1", "state": "output-available"}
    body["messages"][1]["parts"].append(call | {"input": {}, "output": "x"})
    answer = client.post("/chat", json=body)
    assert said(answer.data, answer.mimetype) == "done"
    [turns] = model.prompts
    assert [text for _, text in turns] == ["One?", "Two.", "Three?"]


def test_the_page_shows_what_is_looked_up(browser, serve, monkeypatch):
    monkeypatch.setattr(lesson, "model", PracticeModel())
    page = Page(browser, serve(lesson.app))
    page.ask("/slow 999 backpressure")
    page.until(lambda: page.text("#answer").count("Backpressure") > 1)
    page.ends()
    assert page.text("summary") == "look_up: backpressure ✓"
    assert page.text("details div").startswith("Backpressure: ")
    assert page.text("#problem") == ""
    page.ask("/slow 999 /endless <img src=x>")
    page.until(lambda: "again and again" in page.text("#problem"))
    assert page.run("return document.querySelectorAll('#answer img').length") == 0


def test_a_tool_call_is_written_to_the_page_as_it_comes(client, monkeypatch):
    monkeypatch.setattr(lesson, "model", PracticeModel())
    answer = client.post("/ask", json={"prompt": "/slow 999 What is a chunk?"})
    deltas = of(messages_in(answer), "tool-input-delta", "inputTextDelta")
    assert len(deltas) > 2 and json.loads("".join(deltas))

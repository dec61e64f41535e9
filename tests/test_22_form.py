"""A form that fills itself: the reader of growing JSON, and the shapes of providers."""

import importlib
import json
import random
from collections import Counter

import pytest
import requests
from langchain_anthropic import ChatAnthropic
from langchain_core.messages import AIMessageChunk
from langchain_openai import ChatOpenAI
from support import LIMIT
from support.browser import Page
from support.provider import DROP, Provider, chunk, refuse
from support.tool_wires import (
    anthropic_answer,
    openai_answer,
    openai_text,
    responses_answer,
    responses_refusal,
)

from failures import DECLINED, TOO_LONG, Unfinished, failure_of
from lessons.course.for_checks.local_server import Quiet, served
from lessons.course.for_checks.scripted_model import End
from practice import PracticeModel

NAME = "lessons.22-a-form-that-fills-itself"
lesson = importlib.import_module(f"{NAME}.app")
card = importlib.import_module(f"{NAME}.card")
growing = importlib.import_module(f"{NAME}.growing")
CARD = {
    "term": "Tragödie 👋",
    "meaning": 'She said "no" \\ twice.\n',
    "lesson": 12,
    "related": ["tears", "", "é"],
}
ESCAPED = json.dumps(CARD)
RAW = json.dumps(CARD, ensure_ascii=False)
MISFIT = growing.DOES_NOT_FIT.sentence


@pytest.fixture
def answering():
    return lesson


def read_all(pieces):
    """Return (text, news) of an object that comes in these pieces."""
    reader = growing.GrowingObject()
    text, news = "", []
    for piece in pieces:
        more, fresh = reader.read(piece)
        text += more
        news += fresh
    assert text == reader.text
    return text, news


def rebuilt(news):
    """Return the object that the news describe, and check what they may do."""
    found = {}
    for message in news:
        *path, last = message["at"]
        place = found
        for step in path:
            place = place[step]
        is_new = last == len(place) if isinstance(place, list) else last not in place
        if "set" in message:
            assert is_new, f"{message} takes something back"
        value = message.get("set", "") if is_new else place[last]
        if isinstance(place, list) and is_new:
            place.append(value)
        place[last] = value + message["add"] if "add" in message else value
    return found


def in_pieces(text, size=5):
    return [text[start : start + size] for start in range(0, len(text), size)]


# The reader

NESTED = {
    "": [[], {}, [[1, [2.5e-3, -0]], {"a": {"b": [True, False, None]}}]],
    "numbers": [1, 12, -1, 0, 1.5, 1e10, 123456789012345678901234567890],
    "text": '\u0000\u001f" \\ / \b\f\n\r\t é \u2028 👩‍👩‍👧 \ufffd ]},:[{',
    "empty": "",
    "ключ 👋": {"\n": "x"},
}


@pytest.mark.parametrize("ascii_only", [True, False])
@pytest.mark.parametrize("indent", [None, 2])
def test_wherever_it_is_cut_the_news_make_the_same_object(ascii_only, indent):
    for value in CARD, NESTED, {"a": {}}:
        text = json.dumps(value, ensure_ascii=ascii_only, indent=indent)
        for cut in range(len(text) + 1):
            found, news = read_all([text[:cut], text[cut:]])
            assert (found, rebuilt(news)) == (text, value)
        found, news = read_all(text)  # letter by letter
        assert (found, rebuilt(news)) == (text, value)


def random_value(chance, depth=0):
    """Return any value that JSON has."""
    kind = chance.randrange(7 if depth < 4 else 5)
    if kind == 0:
        return "".join(chance.choices('ab"\\\n é👋\u0000', k=chance.randrange(6)))
    if kind < 5:
        return [chance.randrange(-999, 999), chance.random(), True, None][kind - 1]
    values = [random_value(chance, depth + 1) for _ in range(chance.randrange(4))]
    if kind == 5:
        return values
    return {f"{chance.random()}": value for value in values}


def test_any_object_in_any_pieces_comes_out_as_it_is():
    chance = random.Random(22)
    for _ in range(300):
        value = {"a": random_value(chance), "b": random_value(chance)}
        text = json.dumps(value, ensure_ascii=chance.random() < 0.5)
        places = sorted(chance.choices(range(len(text)), k=5))
        pieces = [text[a:b] for a, b in zip([0, *places], [*places, None], strict=True)]
        found, news = read_all(pieces)
        assert (found, rebuilt(news)) == (text, value)


def test_a_number_is_told_when_it_is_whole():
    reader = growing.GrowingObject()
    assert reader.read('{"a": 1')[1] == []
    assert reader.read("2")[1] == []
    assert reader.read(",")[1] == [{"at": ["a"], "set": 12}]
    assert reader.read('"b": nul')[1] == []
    assert reader.read("l}")[1] == [{"at": ["b"], "set": None}]


@pytest.mark.parametrize(
    "pieces",
    [
        ['{"a": "x\\ud83d', '\\udc4b"}'],
        ['{"a": "x\\ud83', "d\\u", 'dc4b"}'],
        ['{"a": "x\ud83d', '\udc4b"}'],
    ],
)
def test_half_of_a_letter_waits_for_the_other(pieces):
    _, news = read_all(pieces)
    assert all(message["add"].encode() for message in news)  # raises for a half
    assert rebuilt(news) == {"a": "x👋"}


def test_what_stands_around_it_is_passed_over():
    for before, after in ["", "```"], ["```json\n", "\n``` {}"], ["Here, [1]: ", "}"]:
        text, news = read_all(f"{before}{ESCAPED}{after}")
        assert (text, rebuilt(news)) == (ESCAPED, CARD)


@pytest.mark.parametrize(
    "before", ["Use {x}: ", "{{name}} ", "p { color: red }\n", "{ ", "{'a': 1}", "{,}"]
)
def test_a_brace_before_it_need_not_be_its_first(before):
    for text in ESCAPED, json.dumps(CARD, indent=2):
        whole = f"{before}{text}"
        for pieces in [whole], whole, in_pieces(whole):
            found, news = read_all(pieces)
            assert (found, rebuilt(news)) == (text, CARD)


NO_JSON = [
    '{"a" 1}',
    '{"a": 1,}',
    '{"a": [1,]}',
    '{"a": [1 2]}',
    '{"a": 1]',
    '{"a": [1}}',
    '{"a": 01}',
    '{"a": +1}',
    '{"a": .5}',
    '{"a": 1.}',
    '{"a": NaN}',
    '{"a": Infinity}',
    '{"a": True}',
    '{"a": undefined}',
    '{"a": "\n"}',
    '{"a": "\\x"}',
    '{"a": "\\u12g4"}',
    '{"a": "\\u\uff11\uff12\uff13\uff14"}',  # digits, but not of ASCII
    '{"a": 1, "a": 2}',
    '{"a": ,}',
    '{"a": 1, }',
    '{"a": /* no */ 1}',
    '{"a": "half \udc4b"}',
    '{"a": "half \\ud83d"}',
    '{"a": "half \\ud83d of a letter"}',
    '{"a": "\\udc4b half"}',
    '{"\\ud83d": 1}',
    '{"a": 1e999}',
    '{"a": [-1e999]}',
    f'{{"a": {"1" * 5000}}}',  # Python reads no number with so many digits
]


@pytest.mark.parametrize("text", NO_JSON, ids=lambda text: text[:20])
def test_what_is_not_json_is_refused(text):
    for pieces in [text], text:
        with pytest.raises(Unfinished):
            read_all(pieces)


def test_an_object_that_is_too_deep_is_refused():
    read_all('{"a": ' + "[" * 19)
    with pytest.raises(Unfinished):
        read_all('{"a": ' + "[" * 20)


def test_each_letter_is_read_once(monkeypatch):
    """Four times the text takes four times the work, in whatever pieces it comes."""
    counts = []
    in_text = growing.GrowingObject.in_text
    for size in 1000, 4000:
        calls = Counter()

        def count(self, letter, calls=calls):
            calls["letters"] += 1
            in_text(self, letter)

        monkeypatch.setattr(growing.GrowingObject, "in_text", count)
        read_all('{"a": "' + "x" * size)
        counts.append(calls["letters"])
    assert counts[1] - counts[0] == 3000


# The card


@pytest.mark.parametrize(
    "text", ["", "{}", ESCAPED[:-1], f"{ESCAPED} x", "[" * 100_000]
)
def test_what_is_no_whole_card_does_not_fit(text):
    with pytest.raises(Unfinished):
        card.require_card(text)


@pytest.mark.parametrize(
    "change", [{"lesson": "12"}, {"lesson": True}, {"related": "a"}, {"more": 1}]
)
def test_no_value_is_made_to_fit(change):
    card.require_card(ESCAPED)
    with pytest.raises(Unfinished):
        card.require_card(json.dumps(CARD | change))


# What providers send, across a port


def openai_model(url):
    return ChatOpenAI(model="gpt-test", api_key="sk-1", base_url=url, max_retries=0)


def anthropic_model(url):
    base = url.removesuffix("/v1")
    return ChatAnthropic(
        model="claude-test", api_key="sk-1", base_url=base, max_retries=0
    )


def responses_model(url):
    settings = {"base_url": url, "max_retries": 0, "use_responses_api": True}
    return ChatOpenAI(model="gpt-test", api_key="sk-1", **settings)


def by_field(text):
    """Return a text in pieces that end where a field does, as Anthropic sends it."""
    for name in list(CARD)[1:]:
        text = text.replace(f', "{name}"', f'|, "{name}"')
    return text.split("|")


def calling(answer):
    def script(text, reason=None):
        how = {"reason": reason} if reason else {}
        return answer(("call_1", "Card", in_pieces(text)), **how)

    return script


def anthropic_buffered(text, reason="tool_use"):
    return anthropic_answer(
        ("t1", "Card", by_field(text)), text="A card.", reason=reason
    )


def in_text(text, reason="stop"):
    return openai_text(in_pieces(text), reason)


def with_prose(text, reason="stop"):
    after = ["\n```\nI hope it helps!"] if reason == "stop" else []
    return openai_text(["Sure!\n```json\n", *in_pieces(text), *after], reason)


def refusing_tools(text, reason="stop"):
    return [refuse(400), *openai_text(in_pieces(text), reason)]


SHAPES = {
    "openai, a call": (openai_model, calling(openai_answer)),
    "openai, json_schema": (openai_model, in_text),
    "anthropic, buffered": (anthropic_model, anthropic_buffered),
    "anthropic, eager": (anthropic_model, calling(anthropic_answer)),
    "openai, the newer wire": (responses_model, calling(responses_answer)),
    "a server that ignores tools": (openai_model, with_prose),
    "a server that refuses tools": (openai_model, refusing_tools),
}
shapes = pytest.mark.parametrize("shape", list(SHAPES))


@pytest.fixture
def asked(serve, monkeypatch):
    """Return a function that asks the lesson, on a port, about a provider's script."""
    url = serve(lesson.app)

    def ask(shape, text, reason=None, path="/ask"):
        make_model, make_script = SHAPES[shape]
        script = make_script(text, reason) if reason else make_script(text)
        with Provider(*script) as provider:
            monkeypatch.setattr(lesson, "model", make_model(provider.url))
            return requests.post(f"{url}{path}", json={"prompt": "Hi"}, timeout=LIMIT)

    return ask


def messages(answer):
    return [json.loads(line) for line in answer.text.splitlines()]


@shapes
def test_each_shape_fills_the_same_card(asked, shape):
    found = messages(asked(shape, ESCAPED))
    assert found[-1] == {"end": "stop"}
    assert rebuilt(found[:-1]) == CARD
    assert asked(shape, ESCAPED, path="/object").text == ESCAPED


@pytest.mark.parametrize(
    ("make_model", "answer"),
    [(openai_model, openai_answer), (anthropic_model, anthropic_answer)],
)
def test_what_the_model_says_before_its_call_is_no_card(
    asked, monkeypatch, make_model, answer
):
    def script(text):
        return answer(("c", "Card", in_pieces(text)), text="A card for {x}: ")

    monkeypatch.setitem(SHAPES, "says", (make_model, script))
    found = messages(asked("says", ESCAPED))
    assert found[-1] == {"end": "stop"} and rebuilt(found[:-1]) == CARD


DECLINES = {
    "anthropic": (
        anthropic_model,
        lambda text: anthropic_answer(text=text, reason="refusal"),
    ),
    "openai, the newer wire": (responses_model, responses_refusal),
}


@pytest.mark.parametrize("wire", DECLINES)
def test_a_model_that_declines_is_reported(asked, monkeypatch, wire):
    monkeypatch.setitem(SHAPES, wire, DECLINES[wire])
    answer = asked(wire, "I cannot.")
    assert (answer.status_code, answer.json()["error"]) == (502, DECLINED.sentence)


@pytest.mark.parametrize("number", ["1e999", "1" * 5000])
def test_a_number_too_large_does_not_fit(asked, number):
    card = ESCAPED.replace(": 12,", f": {number},")
    *found, last = messages(asked("openai, a call", card))
    assert last == {"isError": True, "reason": MISFIT}
    assert rebuilt(found).keys() == {"term", "meaning"}


@shapes
def test_in_each_shape_a_cut_card_is_cut(asked, shape):
    cut = ESCAPED[: ESCAPED.index("twice")]
    limits = {"anthropic": "max_tokens", "openai, the": "incomplete"}
    limit = next((limits[name] for name in limits if name in shape), "length")
    *found, last = messages(asked(shape, cut, limit))
    assert last == {"isError": True, "reason": TOO_LONG.sentence}
    assert rebuilt(found)["meaning"].startswith("She said")
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        asked(shape, cut, limit, path="/object")


@shapes
def test_in_each_shape_a_card_that_does_not_fit_is_said_to_be_so(asked, shape):
    *_, last = messages(asked(shape, json.dumps(CARD | {"lesson": "12"})))
    assert last == {"isError": True, "reason": MISFIT}


def test_the_form_is_sent_as_a_tool_and_in_words(serve, monkeypatch):
    with Provider(*openai_answer(("c", "Card", [ESCAPED]))) as provider:
        monkeypatch.setattr(lesson, "model", openai_model(provider.url))
        url = serve(lesson.app)
        requests.post(f"{url}/ask", json={"prompt": "Hi"}, timeout=LIMIT)
        [request] = provider.requests
    [tool] = request.json["tools"]
    assert request.json["tool_choice"] == "required"
    assert tool["function"]["name"] == "Card"
    assert set(tool["function"]["parameters"]["properties"]) == set(CARD)
    system, question = request.json["messages"]
    assert json.dumps(card.SCHEMA) in system["content"]
    assert question == {"role": "user", "content": "Hi"}


def test_what_is_refused_for_another_reason_is_not_asked_again(serve, monkeypatch):
    for status, ours in {401: 502, 429: 429, 500: 502}.items():
        with Provider(refuse(status), refuse(status)) as provider:
            monkeypatch.setattr(lesson, "model", openai_model(provider.url))
            url = serve(lesson.app)
            answer = requests.post(f"{url}/ask", json={"prompt": "Hi"}, timeout=LIMIT)
            assert (answer.status_code, len(provider.requests)) == (ours, 1)


def test_a_connection_that_drops_is_said(asked, monkeypatch):
    monkeypatch.setitem(
        SHAPES, "drops", (openai_model, lambda text: [*in_text(text)[:4], DROP])
    )
    *_, last = messages(asked("drops", ESCAPED))
    assert last["isError"] and "connection" in last["reason"].lower()


# LangChain's own way raises errors of its own


def error_of(script):
    """Return what with_structured_output raises for a script, by its default method."""
    with Provider(*script) as provider:
        asking = openai_model(provider.url).with_structured_output(card.SCHEMA)
        with pytest.raises(Exception) as raised:
            list(asking.stream("Hi"))
    return raised.value


def test_a_cut_object_and_a_refusal_have_their_sentences():
    cut = error_of(openai_text(in_pieces(ESCAPED[:30]), "length"))
    assert failure_of(cut) is TOO_LONG
    begin, *end = openai_text([])
    declined = error_of([begin, chunk({"refusal": "I cannot."}), *end])
    assert failure_of(declined) is DECLINED


# Clients


class WithoutClose(Quiet):
    """A request whose answer does not announce that its connection ends.

    Node 20 takes a body that breaks for a whole one if that is announced; browsers do
    not, and nginx does not announce it.
    """

    def send_header(self, name, value):
        if name != "Connection":
            super().send_header(name, value)


def test_use_object_gets_it_all_and_notices_a_break(node, monkeypatch):
    monkeypatch.setattr(lesson, "model", PracticeModel())
    prompts = ["/slow 400 backpressure", "/slow 400 /missing backpressure"]
    prompts += ["/slow 400 /short 60 backpressure"]
    with served(lesson.app, WithoutClose) as url:
        whole, missing, late = node("22-object.mjs", f"{url}/object", *prompts)
    assert whole["object"]["term"] == "Backpressure" and whole["object"]["related"]
    assert whole["partials"] > 3 and "error" not in whole
    assert whole["finished"]["object"] == whole["object"]
    for broken in missing, late:
        assert broken["error"] and "finished" not in broken
        assert broken["object"]["term"] == "Backpressure"
    # useObject would take the repaired card for a whole one, if the body only ended
    assert late["object"]["related"] and late["object"] != whole["object"]


def test_the_page_fills_its_form_from_the_server(browser, serve, monkeypatch):
    monkeypatch.setattr(lesson, "model", PracticeModel())
    page = Page(browser, serve(lesson.app))
    page.ask("/slow 999 backpressure")
    page.until(lambda: page.text("[data-field=term]") == "Backpressure")
    page.ends()
    assert page.text("[data-field=lesson]") == "10"
    assert page.text("[data-field=related] li") == "back pressure"
    assert page.text("#problem") == ""
    page.ask("/slow 999 /short 9 backpressure")
    page.until(lambda: "length" in page.text("#problem"))
    assert page.text("[data-field=meaning]") and not page.text("[data-field=lesson]")


def test_a_call_without_arguments_is_no_card(client, answer_with):
    nothing = AIMessageChunk("", response_metadata={})
    for script in [nothing], ["I cannot do that."]:
        answer_with(*script, End(finish_reason="tool_calls"))
        assert client.post("/ask", json={"prompt": "Hi"}).status_code == 502

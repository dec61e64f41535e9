"""Any provider: LangChain's real clients, and servers of the wires that they speak."""

import importlib
import json
import logging
import shutil
import sys
from dataclasses import dataclass
from threading import Event

import pytest
import requests
from langchain_core.messages import AIMessageChunk
from support import LIMIT, ROOT
from support.browser import Page
from support.provider import (
    DONE,
    DROP,
    STALL,
    USAGE,
    Exchange,
    Provider,
    chunk,
    event,
    finish,
)
from support.provider import refuse as refuse_as_openai
from support.servers import changed, production, running
from test_anthropic import MESSAGE, said

import failures
from failures import say_where_settings_are
from lessons.course.about_lessons.lesson import Lesson
from lessons.course.about_lessons.start_lesson import beginning
from lessons.course.bad_network import BadNetwork
from lessons.course.for_checks.scripted_model import ScriptedModel
from lessons.course.fresh_packages import import_fresh

LESSON = ROOT / "lessons" / "17-any-provider"
lesson = importlib.import_module("lessons.17-any-provider.app")
providers = importlib.import_module("lessons.17-any-provider.wires.providers")
KEY = "sk-ant-abcd-1234"
SETTINGS = {  # as .env has them, for a provider at an address
    "anthropic": lambda url: {
        "MODEL": "anthropic:claude-test",
        "ANTHROPIC_API_KEY": KEY,
        "ANTHROPIC_BASE_URL": url.removesuffix("/v1"),
    },
    "openai": lambda url: {
        "MODEL": "openai:gpt-test",
        "OPENAI_API_KEY": KEY,
        "OPENAI_BASE_URL": url,
    },
    "responses": lambda url: {  # OpenAI's newer wire, which LangChain chooses by name
        "MODEL": "openai:gpt-5-pro",
        "OPENAI_API_KEY": KEY,
        "OPENAI_BASE_URL": url,
    },
    "local": lambda url: {"MODEL": "openai:llama3.2", "OPENAI_BASE_URL": url},
}

# The wires


def delta(index, **piece):
    return said("content_block_delta", index=index, delta=piece)


def block(index, **content):
    return said("content_block_start", index=index, content_block=content)


def text(words):
    return delta(1, type="text_delta", text=words)


def ending(reason, **usage):
    why = {"stop_reason": reason, "stop_sequence": None}
    return [said("message_delta", delta=why, usage=usage), said("message_stop"), b""]


START = said("message_start", message=MESSAGE | {"usage": {"input_tokens": 3}})
THINKING = [
    block(0, type="thinking", thinking="", signature=""),
    delta(0, type="thinking_delta", thinking="Hm."),
    delta(0, type="signature_delta", signature="abcd"),
    said("content_block_stop", index=0),
]
TEXT = [block(1, type="text", text=""), text("Hello"), text(" world")]
END = ending("end_turn", input_tokens=3, output_tokens=5)
ROLE = chunk({"role": "assistant", "content": ""})


def newer(kind, **fields):
    """Return an event of OpenAI's newer wire."""
    return said(f"response.{kind}", sequence_number=0, **fields)


def thought(kind, **piece):
    return newer(
        f"reasoning_summary_{kind}",
        item_id="rs",
        output_index=0,
        summary_index=0,
        **piece,
    )


def written(kind, **piece):
    return newer(kind, item_id="m", output_index=1, content_index=0, **piece)


RESPONSE = {"id": "r", "object": "response", "created_at": 1, "model": "gpt-5-pro"}
RESPONSE |= {"output": [], "tools": [], "tool_choice": "auto", "error": None}
RESPONSE |= {"parallel_tool_calls": True, "incomplete_details": None}
COUNTED = {"input_tokens": 3, "output_tokens": 5, "total_tokens": 8}
COUNTED_IN_DETAIL = COUNTED | {
    "input_tokens_details": {"cached_tokens": 2},
    "output_tokens_details": {"reasoning_tokens": 1},
}
REASONING_ITEM = {"type": "reasoning", "id": "rs", "summary": []}
SAID_ITEM = {"type": "message", "id": "m", "role": "assistant", "content": []}
NEWER = [
    newer("created", response=RESPONSE | {"status": "in_progress"}),
    newer("output_item.added", output_index=0, item=REASONING_ITEM),
    thought("part.added", part={"type": "summary_text", "text": ""}),
    thought("text.delta", delta="Hm."),
    newer("output_item.added", output_index=1, item=SAID_ITEM),
    written("output_text.delta", delta="Hello", logprobs=[]),
    written("output_text.delta", delta=" world", logprobs=[]),
    written("output_text.done", text="Hello world", logprobs=[]),
]


def newer_end(status="completed", **why):
    response = RESPONSE | {"status": status, "usage": COUNTED_IN_DETAIL} | why
    return [newer(status, response=response), b""]


# Many shapes, the same events


def counting(words, written):
    """Return OpenAI's chunk as some send it: with the count of all tokens so far."""
    choice = {"index": 0, "delta": {"content": words}, "finish_reason": None}
    tokens = {"prompt_tokens": 3, "completion_tokens": written}
    return event(choices=[choice], usage=tokens | {"total_tokens": 3 + written})


REASONING = {"reasoning": "Hm."}
HELLO = [{"token": "Hello"}, {"token": " world"}]
LAST = [{"usage": COUNTED}, {"end": "stop"}]
PRICED = [{"usage": COUNTED}, {"cost": 0.000645}, {"end": "stop"}]  # by prices.py
STRINGS = [ROLE, "Hello", " world", finish("stop")]
WINDOW = "model_context_window_exceeded"
EMPTY = [chunk({"content": None}), "Hello", chunk({}), " world", chunk({"content": ""})]
SHAPES = {  # who sends it, what, and the events that come of it
    "strings": ("openai", [*STRINGS, USAGE, DONE], HELLO + LAST),
    "strings of Anthropic's": ("anthropic", [START, *TEXT, *END], HELLO + LAST),
    "blocks": ("responses", NEWER + newer_end(), [REASONING, *HELLO, *PRICED]),
    "reasoning": (
        "anthropic",
        [START, *THINKING, *TEXT, *END],
        [REASONING, *HELLO, *LAST],
    ),
    "empty": ("local", [*EMPTY, finish("stop"), USAGE, DONE], HELLO + LAST),
    "running count": (
        "local",
        [ROLE, counting("Hello", 2), counting(" world", 5), finish("stop"), DONE],
        HELLO + LAST,
    ),
    "running count, and once more": (
        "local",
        [
            ROLE,
            counting("Hello", 2),
            counting(" world", 5),
            finish("stop"),
            USAGE,
            DONE,
        ],
        HELLO + LAST,
    ),
    "running count of Anthropic's": (
        "anthropic",
        [START, *TEXT, ending(None, input_tokens=3, output_tokens=2)[0], *END],
        HELLO + LAST,
    ),
    "usage only": ("local", [*STRINGS, USAGE, DONE], HELLO + LAST),
}


@pytest.fixture
def program(monkeypatch):
    """Return a function that imports the program anew, with these lines in .env."""

    def load(settings, folder=LESSON):
        for name, value in settings.items():
            monkeypatch.setenv(name, value)
        return import_fresh(folder)

    return load


def post(module, prompt="Hello?"):
    answer = module.app.test_client().post("/ask", json={"prompt": prompt})
    answer.get_data()
    return answer


def events(answer):
    return [json.loads(line) for line in answer.text.splitlines()]


class Refusing(Exchange):
    """An exchange that can refuse in a body of the script's."""

    def refuse(self, refusal):
        self.begin(refusal.status, refusal.headers)
        self.wfile.write(refusal.body)


@pytest.fixture
def ask(program):
    """Ask the program with a provider of this script; return answer and request."""

    def ask(who, *script, folder=LESSON):
        with Provider(*script) as provider:
            provider.RequestHandlerClass = Refusing
            module = program(SETTINGS[who](provider.url), folder)
            return post(module), provider.requests[-1]

    return ask


def comes_out_alike(ask, shape, folder=LESSON):
    who, script, expected = SHAPES[shape]
    answer, _ = ask(who, *script, folder=folder)
    assert (answer.status_code, events(answer)) == (200, expected)


@pytest.mark.parametrize("shape", SHAPES)
def test_each_shape_comes_out_alike(ask, shape):
    comes_out_alike(ask, shape)


METADATA = "        metadata |= chunk.response_metadata\n"
LEAVE = '        if "finish_reason" in metadata:\n            break\n'
RAISES = "reason = openai_reason(metadata, has_text)"


@pytest.mark.parametrize(
    ("shape", "right", "wrong"),
    [
        ("strings", "if usage:", "if not usage:"),
        ("strings", "if cost is not None:", "if True:"),
        ("blocks", "if cost is not None:", "if cost is None:"),
        ("usage only", METADATA, METADATA + LEAVE),
        ("running count", "usage = chunk.usage", "usage = usage or chunk.usage"),
        ("strings", '    yield {"end": reason}\n', ""),
        ("reasoning", '{"reasoning": block', '{"token": block'),
        ("blocks", '{"reasoning": block', '{"token": block'),
        ("reasoning", 'and block.get("reasoning")', ""),
        ("blocks", 'block["text"]}', "str(chunk.content)}"),
        ("blocks", "in chunk.content_blocks", "in list(chunk.content or [])"),
        ("strings of Anthropic's", RAISES, 'reason = metadata["stop_reason"]'),
        ("blocks", RAISES, 'reason = metadata["status"]'),
    ],
)  # fmt: skip
def test_a_mistake_in_the_adapter_is_seen(ask, tmp_path, shape, right, wrong):
    folder = tmp_path / "changed"
    shutil.copytree(LESSON, folder)
    source = (folder / "events.py").read_text(encoding="utf-8")
    assert right in source
    (folder / "events.py").write_text(source.replace(right, wrong), encoding="utf-8")
    with pytest.raises(AssertionError):
        comes_out_alike(ask, shape, folder)


def test_the_practice_model_gives_the_same_events():
    *tokens, usage, end = events(post(lesson, "/list /echo Whoever writes"))
    assert tokens == [{"token": "Whoever"}, {"token": " writes"}]
    assert usage["usage"].keys() == COUNTED.keys() and end == {"end": "stop"}


# What each provider sends, and when


def test_your_own_server_is_asked_to_count(ask):
    _, request = ask("local", *STRINGS, USAGE, DONE)
    assert request.json["stream_options"] == {"include_usage": True}


def test_what_is_not_counted_is_not_made_up(ask):
    answer, _ = ask("local", *STRINGS, DONE)
    assert events(answer) == [*HELLO, {"end": "stop"}]


def test_without_that_line_nobody_asks(ask, tmp_path):
    shutil.copytree(LESSON, folder := tmp_path / "changed")
    source = (folder / "app.py").read_text(encoding="utf-8")
    source = source.replace("model.stream_usage = True", "pass")
    (folder / "app.py").write_text(source, encoding="utf-8")
    _, request = ask("local", *STRINGS, DONE, folder=folder)
    assert "stream_options" not in request.json


def test_a_local_server_needs_no_key(ask):
    answer, request = ask("local", *STRINGS, DONE)
    assert answer.status_code == 200
    assert request.headers["Authorization"] == "Bearer none"


def test_langchain_drops_what_a_local_server_thinks(ask):
    thinks = [chunk({"reasoning_content": "Hm."}), chunk({"reasoning": "Hm."})]
    answer, _ = ask("local", *thinks, *STRINGS, DONE)
    assert events(answer) == [*HELLO, {"end": "stop"}]


def test_reasoning_is_found_where_other_packages_put_it(monkeypatch):
    thinks = AIMessageChunk("", additional_kwargs={"reasoning_content": "Hm."})
    monkeypatch.setattr(lesson, "model", ScriptedModel(thinks, "Hello"))
    assert events(post(lesson)) == [REASONING, HELLO[0], {"end": "stop"}]


@pytest.mark.parametrize(
    ("who", "script", "end"),
    [
        ("openai", [ROLE, "Hello", finish("length"), DONE], "length"),
        ("openai", [ROLE, "Hello", finish("content_filter"), DONE], "content_filter"),
        ("openai", [ROLE, "Hello", finish("STOP"), DONE], "stop"),
        ("local", [ROLE, "Hello", finish("eos"), DONE], "stop"),
        ("anthropic", [START, *TEXT, *ending("max_tokens")], "length"),
        ("anthropic", [START, *TEXT, *ending(WINDOW)], "length"),
        ("anthropic", [START, *TEXT, *ending("stop_sequence")], "stop"),
        ("anthropic", [START, *TEXT, *ending("refusal")], "content_filter"),
        (
            "responses",
            NEWER
            + newer_end(
                "incomplete", incomplete_details={"reason": "max_output_tokens"}
            ),
            "length",
        ),
        (
            "responses",
            NEWER
            + newer_end("incomplete", incomplete_details={"reason": "content_filter"}),
            "content_filter",
        ),
    ],
)
def test_the_end_has_one_name_whoever_gives_it(ask, who, script, end):
    answer, _ = ask(who, *script)
    assert events(answer)[-1] == {"end": end}


# What fails


@pytest.mark.parametrize(
    ("who", "script", "failure"),
    [
        (
            "openai",
            [ROLE, "Hello", finish("tool_calls"), DONE],
            failures.TOOL_CALL,
        ),
        ("openai", [ROLE, "Hello", finish("abort"), DONE], failures.MODEL_FAILED),
        (
            "anthropic",
            [START, *TEXT[:2], *ending("pause_turn")],
            failures.PAUSED,
        ),
    ],
)
def test_an_end_for_any_other_reason_is_a_failure(ask, who, script, failure):
    answer, _ = ask(who, *script)
    last = {"isError": True, "reason": failure.sentence}
    assert events(answer) == [HELLO[0], last]


def test_thoughts_are_no_answer(ask):
    answer, _ = ask("anthropic", START, *THINKING, *END)
    last = {"isError": True, "reason": failures.NO_TEXT.sentence}
    assert events(answer) == [REASONING, last]


@dataclass
class refuse(refuse_as_openai):
    """The step that answers with an error in these words, and part of the key."""

    words: str = "No."
    code: str = ""

    @property
    def body(self):
        error = {"message": f"{self.words} {KEY}", "code": self.code, "type": "error"}
        return json.dumps({"type": "error", "error": error}).encode()


OVERLOADED = {"type": "overloaded_error", "message": KEY}
LOW = "Your credit balance is too low to access the Anthropic API."
LONG = "context_length_exceeded"
BOTH = ["openai", "anthropic"]
FAILURES = {  # who fails so, how, and the failure of failures.py that it is
    "wrong key": (BOTH, refuse(401), failures.WRONG_KEY),
    "not allowed": (BOTH, refuse(403), failures.NOT_ALLOWED),
    "wrong model": ([*BOTH, "local"], refuse(404), failures.NOT_FOUND),
    "no credit at OpenAI": (
        ["openai", "responses"],
        refuse(429, code="insufficient_quota"),
        failures.NO_CREDIT,
    ),
    "no credit at Anthropic": (
        ["anthropic"],
        refuse(400, words=LOW),
        failures.NO_CREDIT,
    ),
    "no credit elsewhere": (BOTH, refuse(402), failures.NO_CREDIT),
    "busy": (BOTH, refuse(429, {"retry-after": "7"}), failures.RATE_LIMIT),
    "refused": (BOTH, refuse(400), failures.NOT_ACCEPTED),
    "too long": (["openai"], refuse(400, code=LONG), failures.PROMPT_TOO_LONG),
    "failing": (BOTH, refuse(500), failures.MODEL_FAILED),
    "overloaded": (["anthropic"], refuse(529), failures.MODEL_FAILED),
    "torn": (BOTH, DROP, failures.NO_CONNECTION),
}
ROWS = [(name, who) for name, (all_who, *_) in FAILURES.items() for who in all_who]


@pytest.fixture
def no_word_of_theirs(caplog):
    """Return a function that finds no key in an answer, nor in any log, from DEBUG."""
    caplog.set_level(logging.DEBUG)

    def look(answer):
        assert caplog.text
        for place in answer.text, str(answer.headers), caplog.text:
            assert KEY not in place and "sk-" not in place and LOW not in place

    return look


def sentence_of(failure, request):
    """Return the sentence for a failure, which names where the settings are."""
    host = request.headers["Host"]
    sentence = failure.sentence.format(seconds=7, server=host)
    return say_where_settings_are(sentence, f"http://{host}")


@pytest.mark.parametrize(("name", "who"), ROWS)
def test_a_failure_before_the_first_word_is_a_status(ask, no_word_of_theirs, name, who):
    _, step, failure = FAILURES[name]
    answer, request = ask(who, step)
    sentence = sentence_of(failure, request)
    assert answer.status_code == failure.status
    assert answer.json == {"error": sentence, "message": sentence}
    busy = failure is failures.RATE_LIMIT
    assert answer.headers.get("Retry-After") == ("7" if busy else None)
    no_word_of_theirs(answer)


@pytest.mark.parametrize(
    ("who", "script", "failure"),
    [
        ("openai", ["Hello", DROP], failures.NO_CONNECTION),
        (
            "openai",
            ["Hello", event(error={"message": KEY, "code": "insufficient_quota"})],
            failures.NO_CREDIT,
        ),
        ("openai", ["Hello", DONE], failures.STOPPED_EARLY),  # without a reason
        ("anthropic", [START, *TEXT[:2], DROP], failures.NO_CONNECTION),
        (
            "anthropic",
            [START, *TEXT[:2], said("error", error=OVERLOADED)],
            failures.MODEL_FAILED,
        ),
        ("anthropic", [START, *TEXT[:2], b""], failures.STOPPED_EARLY),
    ],
)
def test_a_failure_after_it_is_the_last_line(
    ask, no_word_of_theirs, who, script, failure
):
    answer, request = ask(who, *script)
    reason = sentence_of(failure, request)
    assert answer.status_code == 200
    assert events(answer) == [HELLO[0], {"isError": True, "reason": reason}]
    no_word_of_theirs(answer)


def test_silence_is_a_504(ask, monkeypatch, no_word_of_theirs):
    monkeypatch.setenv("MODEL_TIMEOUT", "1")
    answer, _ = ask("openai", STALL)
    assert answer.status_code == 504
    no_word_of_theirs(answer)


def test_a_provider_that_is_not_there_is_a_502(program, no_word_of_theirs):
    with Provider() as provider:
        settings = SETTINGS["openai"](provider.url)
    answer = post(program(settings))
    assert (answer.status_code, "connection" in answer.text) == (502, True)
    no_word_of_theirs(answer)


@pytest.mark.parametrize("who", ["openai", "anthropic"])
def test_an_answer_without_a_word_is_a_502(ask, who):
    empty = {"openai": [ROLE, finish("stop"), DONE], "anthropic": [START, *END]}
    answer, _ = ask(who, *empty[who])
    assert answer.status_code == 502


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"MODEL": "anthropic:x"}, "ANTHROPIC_API_KEY is missing"),
        ({"MODEL": "openai:x"}, "OPENAI_API_KEY is missing"),
        (
            {"MODEL": "openai:x", "OPENAI_API_KEY": f"“{KEY}”"},
            "OPENAI_API_KEY in the environment is wrong",
        ),
        (
            {"MODEL": "xai:x", "XAI_API_KEY": KEY},
            "pip install langchain-xai",
        ),
        ({"MODEL": "gpt-4"}, "write MODEL=openai:name"),
    ],
)
def test_a_missing_key_or_package_is_one_sentence(
    program, monkeypatch, settings, sentence
):
    monkeypatch.setitem(sys.modules, "langchain_xai", None)
    with pytest.raises(SystemExit) as stopped:
        program(settings)
    assert sentence in str(stopped.value) and KEY not in str(stopped.value)


# The server


def test_the_bytes_of_a_short_answer(monkeypatch):
    counted = AIMessageChunk("", usage_metadata=COUNTED)
    think = AIMessageChunk([{"type": "reasoning", "reasoning": "Hm."}])
    script = think, "Tragödie 👋\n", counted
    monkeypatch.setattr(lesson, "model", ScriptedModel(*script))
    answer = post(lesson)
    assert answer.headers["Content-Type"] == "application/jsonl; charset=utf-8"
    assert answer.data == (
        b'{"reasoning": "Hm."}\n'
        b'{"token": "Trag\\u00f6die \\ud83d\\udc4b\\n"}\n'
        b'{"usage": {"input_tokens": 3, "output_tokens": 5, "total_tokens": 8}}\n'
        b'{"end": "stop"}\n'
    )


def test_the_first_event_crosses_a_port_before_the_second_is_made(monkeypatch, serve):
    gate = Event()
    monkeypatch.setattr(lesson, "model", ScriptedModel("Hello", gate, " world"))
    url, asked = f"{serve(lesson.app)}/ask", {"prompt": "Hi"}
    with requests.post(url, json=asked, stream=True, timeout=LIMIT) as answer:
        lines = answer.iter_lines(1)
        assert (json.loads(next(lines)), lesson.model.made) == ({"token": "Hello"}, 1)
        gate.set()
        assert [*map(json.loads, lines)] == [{"token": " world"}, {"end": "stop"}]


@pytest.mark.parametrize("who", ["openai", "anthropic"])
def test_a_reader_who_leaves_leaves_the_provider_too(program, serve, who):
    script = {"openai": [ROLE, "Hello"], "anthropic": [START, *TEXT[:2]]}[who]
    on = "more " * 9000 if who == "openai" else text("more " * 9000)
    with Provider(*script, *[on] * 500, STALL) as provider:
        module = program(SETTINGS[who](provider.url))
        url, asked = f"{serve(module.app)}/ask", {"prompt": "Hi"}
        with requests.post(url, json=asked, stream=True, timeout=LIMIT) as answer:
            next(answer.iter_lines(1))
        assert provider.hung_up.wait(LIMIT)


def test_a_reader_who_leaves_closes_the_models_stream(monkeypatch):
    model, kept = ScriptedModel("Hello", " world"), []  # as a traceback would keep it
    stream = model.stream
    model.stream = lambda prompt: kept.append(stream(prompt)) or kept[-1]
    monkeypatch.setattr(lesson, "model", model)
    with lesson.app.test_client().post("/ask", json={"prompt": "Hi"}) as answer:
        next(answer.iter_encoded())
    assert model.closed_early


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["flask run", "gunicorn", "waitress"])
def test_it_works_behind_every_server(kind):
    module = "lessons.17-any-provider.app"
    server = running("--app", "lessons/17-any-provider/app", "run")
    if kind != "flask run":
        server = production(kind, module)
    with server as url:
        asked = {"prompt": "/list /echo Whoever writes"}
        answer = requests.post(f"{url}/ask", json=asked, timeout=LIMIT)
        tokens = [message.get("token", "") for message in events(answer)]
        assert "".join(tokens) == "Whoever writes"
        assert events(answer)[-1] == {"end": "stop"}
        refused = requests.post(f"{url}/ask", json={"prompt": "/busy 4"}, timeout=LIMIT)
        assert (refused.status_code, refused.headers["Retry-After"]) == (429, "4")


# The providers to practise with, and the settings that lead to them


def settings_of(name, url):
    lines = (LESSON / name).read_text(encoding="utf-8").splitlines()
    pairs = [line.split("=", 1) for line in lines if "=" in line]
    return {
        key: value.replace("http://127.0.0.1:8001", url)
        for key, value in pairs
        if key != "FLASK_RUN_PORT"
    }


@pytest.fixture
def practice(program, serve, monkeypatch):
    """Return a function that loads the program with one of the lesson's .env files."""
    monkeypatch.setattr(providers, "sleep", lambda _: None)
    return lambda name: program(settings_of(name, serve(providers.app)))


@pytest.mark.parametrize("name", ["local.env", "openai.env", "anthropic.env"])
def test_the_lessons_own_providers_write_alike(practice, name):
    module = practice(name)
    came = events(post(module))
    words = "".join(each.get("token", "") for each in came)
    assert words == "Whoever writes, the lines are the same."
    counts = {"input_tokens": 12, "output_tokens": 21, "total_tokens": 33}
    cost = {"openai.env": 0.0027, "anthropic.env": 0.000117}.get(name)
    priced = [{"cost": cost}] if cost else []  # a server of one's own has no price
    last = [{"usage": counts}, *priced, {"end": "stop"}]
    assert came[-len(last) :] == last
    thoughts = "".join(each.get("reasoning", "") for each in came)
    assert thoughts == ("" if name == "local.env" else "They ask who writes here.")


def test_what_is_written_for_one_provider_breaks_with_another(
    practice, program, serve, tmp_path
):
    folder = tmp_path / "mine"
    for name, path in beginning(Lesson(LESSON)).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, folder / name)
    url = serve(providers.app)
    practice("local.env")
    *tokens, end = events(post(program({}, folder)))
    assert "".join(each["token"] for each in tokens).startswith("Whoever writes")
    assert end == {"end": "stop"}
    came = events(post(program(settings_of("anthropic.env", url), folder)))
    assert came[0]["token"][0]["type"] == "thinking"  # what a page shows as [object]
    assert "end" not in came[-1]


@pytest.mark.parametrize("name", ["local.env", "openai.env", "anthropic.env"])
def test_they_fail_as_the_prompt_says(practice, name):
    module = practice(name)
    for prompt, word in [("no credit", "credit"), ("wrong key", "key")]:
        answer = post(module, prompt)
        assert answer.status_code == 502 and word in answer.json["error"]
    assert "MODEL" in post(module, "wrong model").json["error"]


# The page


THINKS = AIMessageChunk([{"type": "reasoning", "reasoning": "Hm, <b>ö</b>"}])


def test_the_page_shows_reasoning_apart_and_before_the_answer(
    browser, serve, monkeypatch
):
    gate, counted = Event(), AIMessageChunk("", usage_metadata=COUNTED)
    model = ScriptedModel(THINKS, gate, "<i>Hello</i>", " 👋", counted)
    monkeypatch.setattr(lesson, "model", model)
    page = Page(browser, serve(lesson.app))
    assert not page.find("#thinking").is_displayed()
    page.ask()
    page.until(lambda: page.text("#reasoning") == "Hm, <b>ö</b>")
    assert page.find("#thinking").is_displayed() and page.text("#answer") == ""
    gate.set()
    page.until(lambda: page.text("#usage").endswith("stop."))
    page.ends()
    assert page.text("#answer") == "<i>Hello</i> 👋"
    assert page.text("#usage").startswith("3 tokens read, 5 written.")
    assert page.text("#problem") == "" and browser.get_log("browser") == []


def test_the_page_is_whole_behind_a_bad_network(browser, serve, monkeypatch):
    monkeypatch.setattr(lesson, "model", ScriptedModel(THINKS, "Tragödie", " 👋\n"))
    page = Page(browser, serve(BadNetwork(lesson.app)))
    page.ask()
    page.until(lambda: page.text("#usage"))
    assert page.text("#reasoning") == "Hm, <b>ö</b>"
    assert page.text("#answer") == "Tragödie 👋\n"


def without_end(piece):
    return b"" if b'{"end"' in piece else piece


@pytest.mark.parametrize(
    ("prompt", "body", "problem"),
    [
        ("/short 2 Why flush?", None, "its length limit"),
        ("/echo Hello", without_end, "broke off"),
        ("/fail 2", None, "The connection to the model failed"),
        ("/busy 4", None, "ask again in 4 s"),
    ],
)
def test_the_page_says_what_went_wrong(browser, serve, prompt, body, problem):
    page = Page(browser, serve(changed(lesson.app, body)))
    page.ask(prompt)
    page.until(lambda: problem in page.text("#problem"))
    page.ends()

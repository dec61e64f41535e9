"""The practice model: it answers from the lessons, and each command is obeyed."""

import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from threading import Barrier, BrokenBarrierError
from time import monotonic

import pytest
from langchain_core import exceptions
from langchain_openai import ChatOpenAI
from support.provider import DONE, Provider, finish

import practice
import practice_search
from practice import PracticeModel

ROOT = Path(__file__).parent.parent
MODEL = PracticeModel(timeout=1)


def texts(prompt, model=MODEL):
    return [chunk.text for chunk in model.stream(f"/slow 9999 {prompt}") if chunk.text]


def say(prompt):
    return "".join(texts(prompt))


# The practice model answers from the lessons


def asked_in_the_notes():
    """Yield (title of the lesson, heading, text) of each section that is a question."""
    for path in sorted(ROOT.glob("lessons/[0-9]*/README.md")):
        title, *sections = path.read_text(encoding="utf-8").split("\n## ")
        for section in sections:
            heading, _, text = section.partition("\n")
            text = re.sub(r"(?s)\n<details>.*?</details>\n?", "", text)
            if heading.endswith("?"):
                yield title.partition("\n")[0][2:], heading, text.strip()


FOLDED = """# 01 · A title

## Why is it so?

Because it is.

<details><summary>The code: app.py</summary>

```python
folded = 1
```

</details>

And so it stays.

<details><summary>Hints</summary>

1. Look.

</details>

## Next
"""


def test_what_is_folded_is_neither_found_nor_said(tmp_path):
    notes = tmp_path / "README.md"
    notes.write_text(FOLDED, encoding="utf-8")
    _, sections = practice_search.read_notes(notes)
    said = "Because it is.\n\nAnd so it stays."
    assert sections == [("Why is it so?", said), ("Next", "")]


def heading_of(answer):
    """Return the heading of the entry that answers, or None if none does."""
    first_line = answer.partition("\n")[0]
    if "I am the practice model" in first_line:
        return None
    return re.sub(r"^\d\d · .+?: ", "", first_line)


def offered(answer):
    """Return the headings that an introduction offers."""
    return re.findall('"([^"]+)"', answer)


QUESTIONS = list(asked_in_the_notes())


@pytest.mark.parametrize(
    ("lesson", "question", "text"), QUESTIONS, ids=[q for _, q, _ in QUESTIONS]
)
def test_a_question_that_a_lesson_asks_gets_that_lessons_answer(lesson, question, text):
    text = practice_search.plain_text(text)
    answer = f"{lesson}: {question}\n\n{text}\n\n{practice_search.ALL_ELSE}"
    assert say(question) == say(question.upper()) == answer


# What a student who is new asked before the glossary was written


ANSWERED = {
    "are you chatgpt??": "Practice model",
    "what is SSE": "Server-sent events",
    "What is backpressure?": "Backpressure",
    "cors error what does that mean": "CORS",
    "whats an AbortController for": "AbortController",
    "what is a generator in python": "Generator",
    "async await i dont understand": "async and await",
    "difference between a chunk and a token": "Token",
    "what does flush=True do": "Flush",
    "finish reason?": "Finish reason",
    "json lines": "JSON Lines",
    "what is TextDecoder and why stream true": "TextDecoder",
    "what does 429 mean": "Rate limit",
    "502 bad gateway vs 504": "Status code",
    "how do i stop the answer": "Stop button",
    "where do I put my api key": "API key",
    "can i use ollama with this": "Ollama",
    "port 8000 already in use": "Port",
    "how to install on windows?": "Installation",
    "how do i start lesson 1": "mine/",
    "how do i know if my solution is correct": "flask check",
    "im stuck can i get a hint": "flask check",
    "how can I make it fail on purpose": "Practice model",
    "why does all the text come at once instead of word by word": "Buffering",
    "why do i get weird � characters in my answer": "TextDecoder",
    "why POST and not GET": "POST and GET",
    "why fetch and getReader, isnt EventSource easier?": "EventSource",
}
BEYOND_PLAIN_TEXT = {  # what a student asked about the last part
    "how do i get json from a model while it streams": "Partial JSON",
    "what does with_structured_output do": "Structured output",
    "what is a schema": "Schema",
    "why is an incomplete object hard to notice": (
        "Why is an incomplete object hard to notice?"
    ),
    "how do i fill in a form with a model": "Structured output",
    "what is useObject": "useObject",
    "what is pydantic for": "pydantic",
    "how do I show markdown": "Markdown",
    "why does my markdown flicker": "Markdown",
    "is innerHTML safe with markdown": "XSS",
    "what is commonmark": "CommonMark",
    "do i need DOMPurify": "Sanitizer",
    "should i use a markdown library": "Why use a library in a product?",
    "why are stars shown instead of bold": "Markdown",
    "what is a tool call": "Tool",
    "when is a call whole": "Why do calls come in pieces?",
    "why does the model get everything back": "Why does the model get everything back?",
    "what is a tool result": "Tool result",
    "is a tool dangerous": "Prompt injection",
    "how do i stop an agent loop": "Round",
    "what are tool_call_chunks": "Tool",
    "what is the responses api": "Responses API",
    "what is a sequence number": "Sequence number",
    "what does starting_after do": "Sequence number",
    "why a name and numbers": "Why a name and numbers?",
    "what is background mode": "Background",
    "how do i resume a stream": "Sequence number",
    "What comes first, the Markdown library or the sanitizer?": (
        "Why use a library in a product?"
    ),
    "When may a Markdown block be touched again?": (
        "Why is a closed block never touched again?"
    ),
    "Why does JSON.parse fail while the answer is streaming?": "Partial JSON",
    "How do I know that a streamed object is complete?": "Partial JSON",
    "Why does the card arrive as a tool call?": "Structured output",
    "How does useObject notice that the answer was cut?": "useObject",
    "What happens if the model calls a tool that does not exist?": "Tool result",
    "How many rounds may a model look things up?": "Round",
    "What does tool-input-available mean in useChat?": "Tool part",
    "What is finish_reason tool_calls?": "Finish reason",
    "How do I continue a response after the connection broke?": "Sequence number",
    "Why does starting_after=0 not send the first event?": "Sequence number",
    "How do I cancel a background response?": "Background",
    "What happens without background when the reader leaves?": "Background",
    "Is there a [DONE] in the Responses API?": "Responses API",
    "What is an item_reference?": "Item reference",
    "What is max_output_tokens?": "max_tokens",
}
NEARLY = {
    "wat is een token?": "Token",
    "what is temprature in a model": "Model",
}
SMALL_TALK = [
    "hi",
    "Hello! How are you today?",
    "who are you",
    "what can i ask you",
]
UNKNOWN = [
    "test",
    "write a poem about the sea",
    "can you write me a python function that reverses a string",
    "what is 17 * 23",
    "whats the capital of france",
    "what will the weather be in amsterdam tomorow",
    "¿Puedes darme una receta de tortilla de patatas?",
]


def test_forty_questions_were_asked():
    assert len(ANSWERED) + len(NEARLY) + len(SMALL_TALK) + len(UNKNOWN) == 40


@pytest.mark.parametrize(
    ("question", "heading"), (ANSWERED | BEYOND_PLAIN_TEXT).items()
)
def test_what_students_ask_is_answered(question, heading):
    assert heading_of(say(question)) == heading


@pytest.mark.parametrize(("question", "heading"), NEARLY.items())
def test_what_comes_near_is_offered_and_not_given_as_the_answer(question, heading):
    answer = say(question)
    assert heading_of(answer) is None
    assert answer.startswith(practice_search.UNKNOWN) and "\n\nNearest to" in answer
    assert offered(answer)[0] == heading


@pytest.mark.parametrize("question", SMALL_TALK)
def test_a_greeting_is_greeted(question):
    assert say(question).startswith("Hello! I am the practice model")


@pytest.mark.parametrize(
    "question",
    [*UNKNOWN, "Schrijf een gedicht over hamsters", "2 + 2", "Write code for a stream"],
)
def test_what_the_lessons_do_not_answer_is_not_answered(question):
    greeting = f"{practice_search.UNKNOWN} I am the practice model"
    assert say(question).startswith(greeting)


@pytest.mark.parametrize("question", ["hi", "xyzzy", "wat is een token?"])
def test_an_introduction_says_what_to_ask_and_how_to_get_a_real_model(question):
    answer = say(question)
    assert (
        "/help" in answer and "OPENAI_API_KEY=sk-..." in answer and "Ollama" in answer
    )
    assert len(offered(answer)) == 3
    assert all(heading_of(say(heading)) for heading in offered(answer))


@pytest.mark.parametrize("question", ["where do you live", "what time is it"])
def test_one_word_can_fit_by_chance(question):
    """Headings and synonyms hold "keep-alive" and "time-out"."""
    assert heading_of(say(question)) is None


@pytest.mark.parametrize("name", ["flask", "What is Flask?", "web framework", "FLASK"])
def test_a_name_of_an_entry_gets_it_though_others_hold_the_word(name):
    assert heading_of(say(name)) == "Flask"


def test_whatever_is_asked_the_answer_is_long_enough_to_be_seen_streaming():
    answers = [answer for _, _, _, answer in practice_search.read_entries()]
    for answer in [*answers, say("hi"), say("xyzzy"), say("wat is een token?")]:
        assert len(answer.split()) >= 40, (
            f"Write more about it in the notes or the glossary, 40 words:\n{answer}"
        )


def test_a_command_alone_is_answered_with_a_lesson():
    assert heading_of(say("/list")) == "Why flush?"


def test_nothing_is_read_before_the_first_question():
    code = "import practice_search; print(practice_search.index.cache_info().currsize)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True
    )
    assert done.stdout == "0\n", done.stderr


@pytest.mark.parametrize(
    "question", ['"', "NEAR(a b)", "a* OR -b", "'; DROP TABLE entries", "^:()", "?"]
)
def test_no_question_is_taken_for_a_query(question):
    assert say(question)
    assert heading_of(say("Why flush?")) == "Why flush?"


def test_a_very_long_question_is_answered_soon():
    assert say("word " * 13_000) and say(" ".join(f"w{n}" for n in range(13_000)))
    assert say("w" * 64_000)


def test_of_a_long_question_the_first_fifty_words_are_looked_up():
    words = [f"unknown{n}" for n in range(50)]
    assert "Backpressure" in say(" ".join([*words[1:], "backpressure"]))
    assert "Backpressure" not in say(" ".join([*words, "backpressure"]))


# And it obeys commands


def test_echo_says_the_rest_back_exactly():
    rest = "  two  spaces,\n\ta tab,\n    an indent,\r\n 5 <b>& emoji 👩‍👩‍👧 é\n\n"
    assert say(f"/echo {rest}") == rest
    assert len(texts(f"/echo {rest}")) == len(rest.split()) + 1


def test_without_a_command_it_says_thirty_words_a_second(monkeypatch):
    pauses = []
    monkeypatch.setattr(practice, "sleep", pauses.append)
    assert list(MODEL.stream("Why flush?"))
    assert {pause for pause in pauses if pause} == {1 / 30}


def test_slow_sets_the_pace():
    """One word at 2 a second takes half a second; by default it takes a thirtieth."""
    began = monotonic()
    list(MODEL.stream("/slow 2 /echo one"))
    assert monotonic() - began >= 0.5


def test_long_gives_that_many_words():
    assert len(texts("/long 777")) == 777


@pytest.mark.parametrize(
    "prompt", ["/wait 2 /echo one", "/silent 2 /echo one two three four"]
)
def test_silence_beyond_its_patience_is_a_time_out(prompt):
    with pytest.raises(exceptions.ModelTimeoutError):
        texts(prompt)


def test_silence_within_its_patience_is_only_silence():
    assert say("/silent 1 /echo one two three four") == "one two three four"
    assert say("/wait 1 /echo one") == "one"


@pytest.mark.parametrize(
    ("prompt", "said"),
    [
        ("/fail 2 /echo a b c", ["a", " b"]),
        ("/fail my own words", ["my", " own", " words"]),
        ("/fail 9 /echo a b", ["a", " b"]),
    ],
)
def test_fail_breaks_off(prompt, said):
    came = []
    with pytest.raises(exceptions.ModelConnectionError):
        for chunk in MODEL.stream(prompt):
            came.append(chunk.text)
    assert came == said


def test_fail_alone_breaks_off_after_three_words():
    came = []
    with pytest.raises(exceptions.ModelConnectionError):
        for chunk in MODEL.stream("/fail"):
            came.append(chunk.text)
    assert len(came) == 3


def test_decline_is_a_refusal_and_no_text():
    chunks = list(MODEL.stream("/slow 9999 /decline Why?"))
    blocks = [block for chunk in chunks for block in chunk.content]
    assert {block["type"] for block in blocks} == {"refusal"}
    assert "".join(block["refusal"] for block in blocks) == practice.DECLINED
    assert not any(chunk.text for chunk in chunks)


def test_fail_0_refuses_before_the_first_word():
    with pytest.raises(exceptions.ModelAPIError) as refusal:
        next(MODEL.stream("/fail 0"))
    assert refusal.value.status_code == 503


def test_flaky_refuses_so_often_then_answers_and_begins_anew():
    prompt, tries = "/flaky 2 /echo at last", []
    for _ in range(6):
        try:
            tries.append(say(prompt))
        except exceptions.ModelAPIError as error:
            tries.append(error.status_code)
    assert tries == [503, 503, "at last"] * 2


def test_each_flaky_prompt_is_counted_by_itself():
    for prompt in ("/flaky 1 /echo a", "/flaky 1 /echo b"):
        with pytest.raises(exceptions.ModelAPIError):
            say(prompt)


def test_silence_comes_after_three_words():
    came = []
    with pytest.raises(exceptions.ModelTimeoutError):
        for chunk in MODEL.stream("/silent 9 /echo a b c d"):
            came.append(chunk.text)
    assert came == ["a", " b", " c"]


def test_its_patience_bounds_every_silence():
    """A silence of eleven days is given up after a second."""
    began = monotonic()
    with pytest.raises(exceptions.ModelTimeoutError):
        texts("/wait 999999")
    assert monotonic() - began < 60


def test_busy_is_a_rate_limit_that_says_when_to_come_back():
    with pytest.raises(exceptions.ModelRateLimitError) as refusal:
        next(MODEL.stream("/busy 4"))
    assert refusal.value.status_code == 429
    assert refusal.value.response.headers["retry-after"] == "4"


def test_short_ends_as_a_limit_on_length_does():
    chunks = list(MODEL.stream("/short 2 /echo a b c"))
    assert "".join(chunk.text for chunk in chunks) == "a b"
    assert [
        c.response_metadata["finish_reason"] for c in chunks if c.response_metadata
    ] == ["length"]


def test_list_answers_in_blocks_with_the_same_text():
    chunks = list(MODEL.stream("/list /echo a b"))
    assert chunks[0].content == [{"type": "text", "text": "a", "index": 0}]
    assert "".join(chunk.text for chunk in chunks) == "a b"
    assert MODEL.invoke("/list /echo a b").text == "a b"


def test_what_it_says_is_plain_text():
    """No mark of Markdown is said: the page shows text as it is."""
    markdown = """Use `stream(*names)`, **not** [`invoke`](a.md), as *here*.

```python title="a.py"
print(*names)
```

| what | why |
|---|---|
| `a` | b |
"""
    assert practice_search.plain_text(markdown) == (
        "Use stream(*names), not invoke, as here.\n\nprint(*names)\n\n\nwhat; why\na; b"
    )


def test_help_lists_every_command():
    assert say("/help") == say("/nonsense") == practice.HELP
    listed = dict(re.findall(r"(?m)^/(\w+) ?(\d*):", practice.HELP))
    assert listed.pop("help") == ""
    assert {name: int(number or 0) for name, number in listed.items()} == (
        practice.COMMANDS
    )


@pytest.mark.parametrize(
    ("prompt", "commands", "rest"),
    [
        ("/slow 9 /list Why?", {"slow": 9, "list": 0}, "Why?"),
        ("/slow 5x", {"slow": 5}, "5x"),
        ("/short 2x", {"short": 10}, "2x"),
        ("/slow  9\n /short Why?", {"slow": 9, "short": 10}, "Why?"),
        ("/short 10\nWhy?", {"short": 10}, "Why?"),
        ("/slower", {}, "/slower"),
        ("/slow/list", {}, "/slow/list"),
        ("Why /slow 5", {}, "Why /slow 5"),
        ("/echo /slow 5", {"echo": 0}, "/slow 5"),
        ("/echo 5 a", {"echo": 0}, "5 a"),
        ("/echo\n a", {"echo": 0}, " a"),
        ("/fail", {"fail": 3}, ""),
        ("/fail 3x /list", {"fail": practice.ALL, "echo": 0}, "3x /list"),
        ("/wait 1234567", {"wait": 5}, "1234567"),
    ],
)
def test_commands_are_read_from_the_beginning_of_a_prompt(prompt, commands, rest):
    assert practice.read_commands(prompt) == (commands, rest)


def test_commands_can_be_combined():
    with pytest.raises(exceptions.ModelConnectionError):
        texts("/slow 500 /list /fail 1 /echo a b")


@pytest.mark.parametrize(
    "prompt",
    [
        "/slow 0 /echo a",
        "/slow 0.5 a",
        "/slow -1",
        "/slow " + "9" * 5000,
        "/long 0",
        "/short 0",
    ],
)
def test_odd_numbers_do_no_harm(prompt):
    for _ in MODEL.stream(prompt):
        break


def test_the_last_chunk_with_a_reason_tells_what_was_used():
    *_, last, _ = MODEL.stream("/echo one two three")
    assert last.text == ""
    assert last.response_metadata["finish_reason"] == "stop"
    assert last.usage_metadata == {
        "input_tokens": 4,
        "output_tokens": 3,
        "total_tokens": 7,
    }


@pytest.mark.parametrize("prompt", ["/echo a b", "/list /echo a b", "/echo "])
def test_its_stream_ends_as_openais_does(prompt):
    with Provider("a", finish("stop"), DONE) as provider:
        real = ChatOpenAI(model="any", base_url=provider.url, api_key="none")
        *_, their_reason, their_last = real.stream("Hello?")
    *_, reason, last = MODEL.stream(prompt)
    finished = {"finish_reason": "stop"}
    assert finished.items() <= their_reason.response_metadata.items()
    assert finished.items() <= reason.response_metadata.items()
    assert last.model_dump(exclude={"id"}) == their_last.model_dump(exclude={"id"})


def test_all_that_was_said_is_counted():
    talk = [("system", "Be brief."), ("human", "a b"), ("ai", "c"), ("human", "/again")]
    assert MODEL.invoke(talk).usage_metadata["input_tokens"] == 6


def test_again_says_back_the_conversation_turn_by_turn():
    talk = [
        ("system", "Be brief."),
        ("human", "I am Ada.\n  Who are you?"),
        ("ai", "A model. "),
        ("human", "/slow 9999 /again"),
    ]
    said = "".join(chunk.text for chunk in MODEL.stream(talk))
    assert said == (
        "system: Be brief.\n\nuser: I am Ada.\n  Who are you?\n\nassistant: A model. "
        "\n\nuser: /slow 9999 /again"
    )


def test_it_can_be_asked_for_a_whole_answer_as_any_chat_model():
    answer = MODEL.invoke([("system", "Be brief."), ("human", "/echo one two")])
    assert (answer.text, answer.usage_metadata["output_tokens"]) == ("one two", 2)


def test_fifty_answers_at_once_do_not_mix():
    rests = [f" {n}".join(["go", *"abcdefghij"]) + f" {n}" for n in range(50)]
    with ThreadPoolExecutor(50) as pool:
        assert list(pool.map(say, [f"/echo {rest}" for rest in rests])) == rests
        sections = list(pool.map(say, ["What is a chunk?", "Why flush?"] * 25))
    assert len(set(sections)) == 2 and sections[::2] == [sections[0]] * 25


def test_of_two_first_questions_at_once_one_reads_the_notes(monkeypatch):
    """Who reads waits for the other, who cannot come while LOCK is held."""
    together = Barrier(2)
    read = []
    read_entries = practice_search.read_entries

    def meet():
        read.append(True)
        with suppress(BrokenBarrierError):
            together.wait(0.5)
        return read_entries()

    entries, _ = practice_search.index()
    entries.close()  # no Python warns of it then
    monkeypatch.setattr(practice_search, "read_entries", meet)
    practice_search.index.cache_clear()
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(say, ["Why flush?", "why flush"])
    assert first == second and len(read) == 1


def test_of_two_who_are_refused_at_once_both_are_counted():
    """In the middle each waits for the other, who cannot come while LOCK is held."""
    together = Barrier(2)

    class Times(int):
        def __gt__(self, refused):
            with suppress(BrokenBarrierError):
                together.wait(0.5)
            return int(self) > refused

    def is_refused(times):
        return practice.is_refused("/flaky 1 together", times)

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(is_refused, [Times(1), Times(1)])) == [False, True]

"""The practice model: it answers from the lessons, and each command is obeyed."""

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import monotonic

import pytest
from langchain_core import exceptions

import practice
from practice import PracticeModel

ROOT = Path(__file__).parent.parent
MODEL = PracticeModel(timeout=1)


def texts(prompt, model=MODEL):
    return [chunk.text for chunk in model.stream(f"/slow 9999 {prompt}") if chunk.text]


def say(prompt):
    return "".join(texts(prompt))


# The practice model answers from the lessons


QUESTIONS = [
    (lesson.read_text(encoding="utf-8").splitlines()[0][2:], heading)
    for lesson in sorted(ROOT.glob("lessons/[0-9]*/README.md"))
    for heading in re.findall(r"(?m)^## (.+\?)$", lesson.read_text(encoding="utf-8"))
]


@pytest.mark.parametrize(
    ("lesson", "question"), QUESTIONS, ids=[q for _, q in QUESTIONS]
)
def test_a_question_that_a_lesson_asks_gets_that_lessons_answer(lesson, question):
    name, _, _ = say(question).partition("\n")
    assert name == f"{lesson}: {question}"


@pytest.mark.parametrize(
    "question",
    ["what's a chunk", "why do I need flush=True?", "why getReader", "Why use yield?"],
)
def test_it_answers_from_the_lessons_and_names_the_lesson(question):
    answer = say(question)
    name, _, section = answer.partition("\n")
    lesson = re.match(r"(\d\d) · [^:]+: (.+)", name)
    notes = next(ROOT.glob(f"lessons/{lesson[1]}-*/README.md")).read_text(
        encoding="utf-8"
    )
    assert f"## {lesson[2]}\n{section}\n" in notes and "```" not in section


@pytest.mark.parametrize(
    "question",
    [
        "What is the capital of France?",
        "Schrijf een gedicht over hamsters",
        "xyzzy",
    ],
)
def test_it_says_so_when_no_lesson_speaks_of_it_and_suggests_what_does(question):
    assert say(question) == practice.NO_LESSON
    suggestions = re.findall('"([^"]+)"', practice.NO_LESSON)
    assert suggestions and all(say(each) != practice.NO_LESSON for each in suggestions)


@pytest.mark.parametrize(
    "question", ['"', "NEAR(a b)", "a* OR -b", "'; DROP TABLE notes", "^:()", "?"]
)
def test_no_question_is_taken_for_a_query(question):
    assert say(question)


def test_a_very_long_question_is_answered_soon():
    assert say("word " * 13_000) and say(" ".join(f"w{n}" for n in range(13_000)))


# And it does as it is told


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


def test_fail_0_refuses_before_the_first_word():
    with pytest.raises(exceptions.ModelAPIError) as refusal:
        next(MODEL.stream("/fail 0"))
    assert refusal.value.status_code == 503


def test_flaky_refuses_as_often_as_told_then_answers_and_begins_anew():
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


def test_help_lists_every_command():
    assert say("/help") == say("/nonsense") == practice.HELP
    assert set(practice.NUMBERS) == set(re.findall(r"(?m)^/(\w+) ", practice.HELP)) - {
        "help"
    }


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


def test_the_last_chunk_tells_usage_and_why_it_ended_as_providers_do():
    *_, last, _ = MODEL.stream("/echo one two three")
    assert last.text == ""
    assert last.response_metadata["finish_reason"] == "stop"
    assert last.usage_metadata == {
        "input_tokens": 4,
        "output_tokens": 3,
        "total_tokens": 7,
    }


def test_it_can_be_asked_for_a_whole_answer_as_any_chat_model():
    answer = MODEL.invoke([("system", "Be brief."), ("human", "/echo one two")])
    assert (answer.text, answer.usage_metadata["output_tokens"]) == ("one two", 2)


def test_fifty_answers_at_once_do_not_mix():
    rests = [f" {n}".join(["go", *"abcdefghij"]) + f" {n}" for n in range(50)]
    with ThreadPoolExecutor(50) as pool:
        assert list(pool.map(say, [f"/echo {rest}" for rest in rests])) == rests
        sections = list(pool.map(say, ["What is a chunk?", "Why flush?"] * 25))
    assert len(set(sections)) == 2 and sections[::2] == [sections[0]] * 25

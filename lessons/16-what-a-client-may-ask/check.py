"""What a client may ask: each field is checked, and what it asks is done."""

import json
import os
import re
import runpy
from threading import Event

import pytest
from langchain_core.exceptions import ModelConnectionError, ModelRateLimitError
from langchain_core.messages import AIMessageChunk

from lessons.course.for_checks.failing_model import SECRET, must_not_be_our_own
from lessons.course.for_checks.plain_text import ANSWER, TEXTS
from lessons.course.for_checks.quoting import short
from lessons.course.for_checks.still_there import (
    a_conversation_that_is_too_large_is_refused,
    a_foreign_name_gets_nothing,
    a_foreign_page_gets_nothing,
    headers_are_still_there,
)

PATIENCE = 5  # seconds
MANY = 5000  # texts, more than the limits that one might think of
PATH = "/v1/chat/completions"
KEY = os.environ.get("SERVER_KEY") or "sk-practice"
HEADERS = {"Authorization": f"Bearer {KEY}"}
MESSAGE = {"role": "user", "content": "Hello?"}


@pytest.fixture
def ask(answer_with, client):
    """Ask for a scripted answer; return the model and the answer, yet to be read."""

    def post(*script, **fields):
        model = answer_with(*script)
        question = {"model": "practice", "messages": [MESSAGE], **fields}
        try:
            return model, client.post(PATH, json=question, headers=HEADERS)
        except Exception as error:
            error.add_note(f"The check asked with {json.dumps(fields)}.")
            if isinstance(error, KeyError) and error.args:
                error.add_note(about_the_row(str(error.args[0])))
            raise

    return post


@pytest.fixture
def chat(ask, caplog):
    """Ask as `ask` does, read the answer, and notice a mistake in the program."""

    def post(*script, **fields):
        model, answer = ask(*script, **fields)
        what = f"The check asked with {short(fields)}."
        must_not_be_our_own(answer.text, caplog.messages, what)
        return model, answer

    return post


def about_the_row(path):
    """Say what to try where WANTED has no row for the path of a field."""
    if path.rpartition(".")[2] in NAMES:
        return f"Add a row for {path} to WANTED that says what it must be."
    if path.partition(".")[0] in WITHOUT_FIELDS:
        return (
            "pydantic tries each type of a union, such as str | list, and adds its name"
            " to the path. Let the field have one type, and turn a single text into a"
            " list first."
        )
    return (
        f"This server does not know the field {path}, and unknown fields are ignored."
        ' Remove extra="forbid": pydantic ignores them by default.'
    )


def chunks(text):
    """Return the objects of a stream."""
    found = []
    for line in text.splitlines():
        sent = line.removeprefix("data:").strip()
        if line.startswith("data:") and sent != "[DONE]":
            found.append(json.loads(sent))
    return found


def choices(text, index):
    """Return the choices of a stream that have that index."""
    found = []
    for chunk in chunks(text):
        for choice in chunk.get("choices", []):
            if choice["index"] == index:
                found.append(choice)
    return found


def said(text, index=0):
    """Return what the answer with that index says."""
    return "".join(
        choice["delta"].get("content") or "" for choice in choices(text, index)
    )


def reason(text, index=0):
    """Return why the answer with that index ended."""
    found = choices(text, index)
    return found[-1]["finish_reason"] if found else None


WRONG = {
    "max_tokens": [0, -1, 2.5, True, "5"],
    "max_completion_tokens": [0, "5"],
    "n": [0, 5, "2", True],
    "stream_options": [5, [], {"include_usage": 1}],
    "stop": [5, "", ["a"] * 5, "a" * 101, [""], [5], {"a": 1}],
}
TYPE = "Let the field's type and Field(...) say what it must be."
ADVICE = {
    "stream_options": (
        "Make it a field, and let StreamOptions inherit from Fields, which is strict."
    ),
}
WITHOUT_FIELDS = {"max_tokens", "max_completion_tokens", "n", "stop"}
NAMES = {*WRONG, "include_usage", "model", "messages", "role", "content", "stream"}
LIMITS = [  # a value that is over a limit, and what its sentence says about the limit
    ("n", 5, ["4", "four", "5", "five", "1:", "one answer"]),
    ("stop", "a" * 101, ["100", "hundred", "101"]),
    ("stop", ["a"] * 5, ["4", "four", "5", "five"]),
]
THEIR_WORDS = ["pydantic", "validation error", "Input should be", "type=", "\n"]


def must_be_left(model, what):
    """Fail unless the model's stream was closed before it ended."""
    assert model.closed.wait(PATIENCE), (
        f"{what} The model's stream stayed open: the model keeps writing, and you pay"
        " for it. Return from the generator there."
    )
    assert model.closed_early, (
        f"{what} The program read the whole answer, and you pay for that. Return from"
        " the generator there, and read no more."
    )


def as_words(value):
    """Return what a sentence calls a value."""
    if isinstance(value, str) and len(value) > 20:
        return f"a text of {len(value)} letters"
    return short(value)


@pytest.fixture
def refuse(ask):
    """Fail unless each wrong value is refused, with its field's name."""

    def each(*names):
        for name, value in [(each, bad) for each in names for bad in WRONG[each]]:
            what = f"{name} was {as_words(value)}"
            try:
                model, answer = ask("one", **{name: value})
            except (AttributeError, TypeError) as error:
                error.add_note(
                    'A validator with mode="before" runs before the type is checked, so'
                    " its value can be any JSON value."
                )
                raise
            assert answer.status_code == 400, (
                f"{what}, which makes no sense. Expected status 400, got"
                f" {answer.status_code}. {ADVICE.get(name, TYPE)}"
            )
            error = (answer.get_json(silent=True) or {}).get("error")
            param = error.get("param") if isinstance(error, dict) else None
            assert param == name, (
                f"{what}. Expected the error's param {name!r}, got {param!r}. Name the"
                " field that is wrong."
            )
            sentence = error.get("message") or ""
            assert name in sentence and len(sentence) > len(name) + 10, (
                f"{what}, and the message is {sentence!r}. Say in a sentence what"
                f" {name} must be, with a row in WANTED."
            )
            theirs = [words for words in THEIR_WORDS if words in sentence]
            assert not theirs, (
                f"{what}, and the message is {short(sentence)}. Those are pydantic's"
                " words, which are for programmers and repeat what was sent. Use your"
                " own words, from the row in WANTED."
            )
            assert not re.search(r"\{\w+\}", sentence), (
                f"{what}, and the message is {sentence!r}. Python fills in a name in"
                " braces only if the string begins with f."
            )
            assert not model.prompts, f"{what}, but the program asked the model."
            for of_name, over, words in LIMITS:
                if (of_name, over) == (name, value):
                    assert any(word in sentence for word in words), (
                        f"{what}, and the message is {sentence!r}. This sentence does"
                        " not forbid what the client sent. Name the limit in the row in"
                        " WANTED."
                    )

    return each


def test_a_plain_question_is_answered(ask, caplog):
    _, answer = ask("one", " two", stream=True)
    text = answer.text
    log = f'The log says: "{caplog.messages[-1] if caplog.messages else ""}".'
    what = "A question had none of the new fields"
    assert answer.status_code != 400, (
        f"{what}. Expected status 200, got 400 with {short(answer.text)}. Give each"
        " new field a default, for clients that leave it out."
    )
    assert answer.status_code == 200, (
        f"{what}. Expected status 200, got {answer.status_code}. Something broke before"
        f" the first text. {log}"
    )
    assert said(text) == "one two", (
        f"{what}. The model wrote 'one two', and the client got {short(said(text))}."
        " Without stops, make before() in stops.py yield each text as it is."
    )
    indexes = {
        choice["index"] for each in chunks(text) for choice in each.get("choices", [])
    }
    assert indexes == {0}, (
        f"{what}. Expected one answer, got {len(indexes)}. Let n be 1 for clients that"
        " do not set it."
    )
    failure = chunks(text)[-1].get("error")
    assert not failure, (
        f"{what}. After 'one two' came an error: the program raised an exception after"
        f" the answer had ended. {log} Does app.py find"
        " question.stream_options.include_usage?"
    )


# How long


def test_max_tokens_ends_the_answer(chat):
    """max_tokens ends the answer."""
    for name in "max_tokens", "max_completion_tokens":
        model, answer = chat("one", " two", " three", stream=True, **{name: 2})
        seen = said(answer.text)
        assert answer.status_code == 200, (
            f"{name} was 2, which is valid. Expected status 200, got"
            f" {answer.status_code}: {short(answer.text)}."
        )
        assert seen != "one two three", (
            f"{name} was 2, but the client got all three texts, {seen!r}. Make {name} a"
            " field of Question, make most_tokens() return the smaller limit, and"
            " return from pieces() in choices.py when self.tokens has reached"
            " self.question.most_tokens()."
        )
        assert seen == "one two", (
            f"{name} was 2, and the texts were 'one', ' two', ' three'. Expected 'one"
            f" two', got {seen!r}. Compare before you count, and count each text as"
            " one."
        )
        assert "error" not in chunks(answer.text)[-1], (
            f"{name} was 2, and the answer that was cut there ended in an error."
            ' Reaching the limit is not a failure. Set self.reason to "length", and'
            " return from pieces(), so that nothing below its loop runs."
        )
        assert reason(answer.text) == "length", (
            f"{name} was 2, and the answer was cut there. Expected the finish_reason"
            ' "length", OpenAI\'s word for that, got '
            f"{reason(answer.text)!r}."
        )
        must_be_left(model, f"{name} was 2, and the client got two texts.")
        whole = chat("one", " two", " three", **{name: 2})[1]
        found = (whole.get_json(silent=True) or {}).get("choices") or [{}]
        message = found[0].get("message") or {}
        seen = message.get("content"), found[0].get("finish_reason")
        assert seen == ("one two", "length"), (
            f"{name} was 2, and the client asked without a stream. Expected the content"
            f" and finish_reason ('one two', 'length'), got {seen}. The limit applies"
            " with and without a stream."
        )
    text = chat("one", " two", stream=True, max_tokens=2)[1].text
    assert (said(text), reason(text)) == ("one two", "stop"), (
        "max_tokens was 2, and the model wrote 'one two' and stopped. Expected ('one"
        f" two', 'stop'), got {(said(text), reason(text))}. An answer that just fits is"
        " complete: check the limit only when one more text comes."
    )
    text = chat("one two", " three", " four", stream=True, max_tokens=2)[1].text
    assert said(text) == "one two three", (
        "max_tokens was 2, and the texts were 'one two', ' three', ' four'. Expected"
        f" 'one two three', got {said(text)!r}. Count each text as one, however long it"
        " is."
    )
    answer = chat("one", " two", stream=True, max_tokens=1, max_completion_tokens=9)[1]
    what = "max_tokens was 1 and max_completion_tokens 9"
    assert answer.status_code == 200, (
        f"{what}, which is valid. Expected status 200, got {answer.status_code}. Use"
        " ge=1 in Field, which accepts 1 too."
    )
    assert said(answer.text) == "one", (
        f"{what}. Expected 'one', got {said(answer.text)!r}. The smaller limit applies."
    )


def test_an_answer_without_a_limit_is_not_cut(chat):
    texts = [" word"] * MANY
    for fields in {}, {"max_tokens": 10**12}, {"max_completion_tokens": 10**12}:
        answer = chat(*texts, **fields)[1]
        assert answer.status_code == 200, (
            f"The question had {fields}, which is valid. Expected status 200, got"
            f" {answer.status_code} with {short(answer.text)}. Do not set an upper"
            " limit: in this lesson a client may ask for as many tokens as it likes."
        )
        choice = answer.json["choices"][0]
        seen = len(choice["message"]["content"].split()), choice["finish_reason"]
        assert seen == (MANY, "stop"), (
            f"The question had {fields}, and the model wrote {MANY} words. Expected all"
            f" of them and the finish_reason 'stop', got {seen[0]} and {seen[1]!r}. Let"
            " NO_LIMIT be a number that no answer reaches."
        )


def test_a_wrong_limit_is_refused_and_named(refuse):
    refuse("max_tokens", "max_completion_tokens")


# How many


def test_answers_are_kept_apart_by_their_index(chat):
    begun = []
    both = Event()
    alone = []

    def begin():
        begun.append(1)
        if len(begun) == 2:
            both.set()

    def go_on():
        if not alone and not both.wait(PATIENCE):
            alone.append(1)

    _, answer = chat(begin, "one", go_on, " two", n=2, stream=True)
    if answer.status_code == 400 and answer.json["error"]["param"] == "n":
        pytest.skip(
            "this program accepts only one answer for each question, which is fine."
        )
    seen = [said(answer.text, index) for index in (0, 1)]
    assert seen != ["one two", ""], (
        "n was 2, but only one answer came, with index 0. Make n a field of Question."
    )
    assert seen[1], (
        "n was 2, but every choice has the index 0. Give each choice the index of its"
        " answer."
    )
    assert seen == ["one two", "one two"], (
        f"n was 2. By index, expected 'one two' twice, got {seen}. Give each choice the"
        " index of its answer, and keep nothing of an answer in a global name, which"
        " all answers share."
    )
    assert not alone, (
        "n was 2, and the second answer began only after the first had ended. Make"
        " side_by_side write them at the same time."
    )
    status = chat("one", n=4)[1].status_code
    assert status == 200, (
        f"n was 4. Expected status 200, got {status}. Use le=4 in Field, which accepts"
        " 4 too."
    )
    text = chat("one", " two", " three", n=2, max_tokens=2, stream=True)[1].text
    seen = [said(text, index) for index in (0, 1)]
    assert seen == ["one two", "one two"], (
        f"n was 2 and max_tokens 2. Expected 'one two' twice, got {seen}. The limit"
        " applies to each answer by itself."
    )
    _, answer = chat("one", n=2)
    found = (answer.get_json(silent=True) or {}).get("choices", [])
    indexes = [choice.get("index") for choice in found]
    assert indexes == [0, 1], (
        "n was 2. Expected choices with the indexes [0, 1] in the whole answer, got"
        f" {indexes}. Let each choice keep its index."
    )


def test_a_wrong_n_is_refused_and_named(refuse):
    refuse("n")


def test_two_answers_py_shows_both(chat, answer_with, folder, program, serve, terminal):
    """two_answers.py shows both answers."""
    path = folder / "two_answers.py"
    if chat("one", n=2)[1].status_code == 400 or not path.exists():
        pytest.skip("this program does not need two_answers.py.")
    answer_with("one", " two")
    url = f"{serve(program.app)}/v1"
    shown = terminal.run(
        lambda: runpy.run_path(str(path), run_name="__main__"),
        *("two_answers.py", url, "Hello?"),
    )
    assert shown.count("one two") >= 2, (
        f"Both answers were 'one two', and two_answers.py shows {short(shown)}. Collect"
        " the text of each answer by its choice.index."
    )


# How much it used


def test_the_tokens_are_counted_if_the_client_asks(chat):
    used = {"input_tokens": 3, "output_tokens": 5, "total_tokens": 8}
    script = "one", AIMessageChunk("", usage_metadata=used)
    tokens = {"prompt_tokens": 3, "completion_tokens": 5, "total_tokens": 8}
    text = chat(*script, stream=True, stream_options={"include_usage": True})[1].text
    last = chunks(text)[-1]
    assert last.get("usage"), (
        'stream_options was {"include_usage": true}, but the last chunk has no usage.'
        " Make stream_options a field of Question, and write a class"
        " StreamOptions(Fields) with a field include_usage."
    )
    seen = {name: last["usage"].get(name) for name in tokens}
    assert seen == tokens and last["choices"] == [], (
        f'The model used {used}. With include_usage, expected "choices": [] and'
        f' "usage": {tokens} in the last chunk, got {short(last)}.'
    )
    for fields in {}, {"stream_options": {}}, {"stream_options": {"other": True}}:
        usage = chunks(chat(*script, stream=True, **fields)[1].text)[-1].get("usage")
        assert not usage, (
            f"The question had {fields} and asked for no usage, but a chunk without"
            " choices came. Many clients read choices[0] of every chunk. Send the usage"
            " only if the client asks for it."
        )
    usage = (chat(*script)[1].get_json(silent=True) or {}).get("usage") or {}
    assert usage.get("total_tokens") == 8, (
        f"The model used {used}. Expected the usage {tokens} in the whole answer, which"
        f" always has one, got {usage}."
    )


def test_wrong_stream_options_are_refused_and_named(refuse):
    refuse("stream_options")


# Up to where


def test_a_stop_ends_the_answer(chat):
    model, answer = chat("a world b", stop="world", stream=True)
    assert answer.status_code == 200, (
        'stop was "world", which is valid. Expected status 200, got'
        f" {answer.status_code}. Treat a single string as a list with that string:"
        ' @field_validator("stop", mode="before") comes first, @classmethod below it.'
        " In a list, each stop may have 1 to 100 characters."
    )
    seen = said(answer.text)
    assert seen != "a world b", (
        "The stop was 'world', and the model wrote 'a world b', but the client got all"
        " of it. Make stop a field of Question, and make before() in stops.py end"
        " there."
    )
    assert seen == "a ", (
        "The stop was 'world', and the model wrote 'a world b' in one piece. Expected"
        f" 'a ', got {seen!r}. Send neither the stop nor what follows it."
    )
    assert reason(answer.text) == "stop", (
        'The answer reached its stop. Expected the finish_reason "stop", which is a'
        f" normal end, got {reason(answer.text)!r}."
    )
    must_be_left(model, "The answer reached its stop.")
    whole = chat("a world b", stop="world")[1].get_json(silent=True) or {}
    choice = (whole.get("choices") or [{}])[0]
    seen = (choice.get("message") or {}).get("content"), choice.get("finish_reason")
    assert seen == ("a ", "stop"), (
        "The stop was 'world', the model wrote 'a world b', and the client asked"
        " without a stream. Expected the content and finish_reason ('a ', 'stop'), got"
        f" {seen}. A stop applies with and without a stream."
    )
    for stop in "a" * 100, "\n\n", []:
        answer = chat("one", stop=stop)[1]
        assert answer.status_code == 200, (
            f"stop was {as_words(stop)}, which is valid. Expected status 200, got"
            f" {answer.status_code}. A stop may have up to 100 characters, and white"
            " space is text, too. A list may be empty. Return each list as it is."
        )
    answer = chat("world", " and more", stop="world", stream=True)[1]
    seen = answer.status_code, said(answer.text), reason(answer.text)
    assert seen == (200, "", "stop"), (
        "The stop was 'world', and the model began with it. Expected status, text and"
        f" finish_reason (200, '', 'stop'), got {seen}. An empty answer is what the"
        " client asked for."
    )


def test_a_stop_applies_to_each_answer(chat):
    _, answer = chat("one", " two END", n=2, stop="END", stream=True)
    if answer.status_code == 400:
        pytest.skip(
            "this program accepts only one answer for each question, which is fine."
        )
    seen = [said(answer.text, index) for index in (0, 1)]
    assert seen == ["one two ", "one two "], (
        "n was 2, the stop was 'END', and both answers were 'one two END'. The client"
        f" got {seen}. Apply the stop to each answer."
    )


def test_a_wrong_stop_is_refused_and_named(refuse):
    refuse("stop")


HELLO = ["He", "llo, wo", "r", "ld, and more"]
FIRST = [  # stop, pieces, and the answer: a piece ends in several beginnings of it
    ("###", ["a##", "# b"], "a"),
    ("\n\nQ:", ["one\n\n", "Q: two"], "one"),
    ("aabab", ["one aa", "bab two"], "one "),
]
AGAIN = [  # stop, pieces, and the answer: the stop begins inside what looked like it
    ("aabab", ["aab", "ab and more"], ""),
    ("aabab", ["aa", "abab and more"], "a"),
    ("END", ["one E", "END two"], "one E"),
    ("END", ["one EN", "END two"], "one EN"),
    ("\n\n#", ["one\n", "\n\n# two"], "one\n"),
]
AS_IT_IS = [  # stop, the text, and the answer
    ("END", "The end, END and more", "The end, "),
    ("a,b", "a and b, a,b and more", "a and b, "),
    ("END", f"{'word ' * 100}END and more", "word " * 100),
]


def test_a_stop_is_found_even_if_it_comes_in_pieces(chat):
    seen = said(chat(*HELLO, stop="world", stream=True)[1].text)
    assert "wo" not in seen, (
        f"The stop was 'world', which came in pieces, and the client got {seen!r}. Hold"
        " back what may be the beginning of a stop."
    )
    assert seen == "Hello, ", (
        f"The stop was 'world'. Expected 'Hello, ', got {seen!r}. Send what cannot be"
        " part of a stop."
    )
    for stops in (
        ["world", "never"],
        ["never", "world"],
        ["x", "yz", "never", "world"],
        ["rld", "world"],
    ):
        answer = chat(*HELLO, stop=stops, stream=True)[1]
        seen = said(answer.text)
        assert answer.status_code == 200, (
            f"The stops were {stops}, which is valid. Expected status 200, got"
            f" {answer.status_code}. Take a list as it is."
        )
        assert seen == "Hello, ", (
            f"The stops were {stops}, and the model wrote 'Hello, world, and more'."
            f" Expected 'Hello, ', got {seen!r}. Any of the stops may have begun, and"
            " the longest one that ends here began first."
        )
    seen = said(
        chat("This is an ", "end.", stop=["an end", "end"], stream=True)[1].text
    )
    assert seen == "This is ", (
        "The stops were ['an end', 'end'], and the model wrote 'This is an end.'."
        f" Expected 'This is ', got {seen!r}. Of two stops that end here, the longer"
        " one began first: max(..., key=len)."
    )
    for stop, written, expected in AS_IT_IS:
        seen = said(chat(written, stop=stop, stream=True)[1].text)
        assert seen == expected, (
            f"The stop was {stop!r}, and the model wrote {short(written)}. Expected"
            f" {short(expected)}, got {short(seen)}. Use each stop unchanged: upper and"
            " lower case differ, and a comma separates nothing."
        )
    seen = said(chat("Why!?! And more", stop="?!", stream=True)[1].text)
    assert "?!" not in seen, (
        "The stop was '?!', and the model wrote 'Why!?! And more'. Expected 'Why!', got"
        f" {seen!r}. A stop is not a pattern. Find it with endswith or, if you use re,"
        " pass it through re.escape first."
    )
    assert seen == "Why!", (
        "The stop was '?!', and the model wrote 'Why!?! And more'. Expected 'Why!',"
        f" got {seen!r}. Remove the stop once, as removesuffix does, and not each of"
        " its characters."
    )
    for stop, pieces, expected in FIRST:
        seen = said(chat(*pieces, stop=stop, stream=True)[1].text)
        begun = pieces[0].removeprefix(expected)
        assert seen == expected, (
            f"The stop was {stop!r}, and {pieces[0]!r} had come. All of {begun!r} may"
            f" belong to the stop. Expected {expected!r}, got {seen!r}. Make start_of()"
            " return the first such place, not the last."
        )
    for stop, pieces, expected in AGAIN:
        seen = said(chat(*pieces, stop=stop, stream=True)[1].text)
        assert seen == expected, (
            f"The stop was {stop!r}, and the model wrote {pieces}. Expected"
            f" {expected!r}, got {seen!r}. If something only looked like the beginning"
            " of a stop, the stop may still have begun inside it. Check every position"
            " of what you hold back."
        )


def test_text_that_was_held_back_is_sent_if_it_is_not_a_stop(chat):
    for stop, pieces in (
        ("world", ["a w", "ord"]),
        ("world", ["a", " wor"]),
        ("world", ["w", "w", "worl"]),
        ("world", ["a Wor", "ld"]),
        ("\n\nQ:", ["one", "\n\n"]),
    ):
        seen = said(chat(*pieces, stop=[stop], stream=True)[1].text)
        assert seen == "".join(pieces), (
            f"The stop was {stop!r}, and the model wrote {pieces}. The client got"
            f" {seen!r}. Send what you held back as soon as it cannot be a stop, and at"
            " the end of the answer, too."
        )


HELD = [  # stops, what the model writes before it waits, and what is sure by then
    (["END"], "one E EN", "one E "),
    ([], "one EN", "one EN"),
    (["END"], "one way", "one way"),  # as long as the stop, and no part of it
    (["END"], "one END", "one "),
    (["END", "a stop of many more letters"], "one way", "one way"),
    (["END", "a stop of many more letters"], "one wa", "one w"),
    (["\n\n"], "one\n", "one"),
    (["\n\n"], "one two ", "one two "),
]


def held_too_long(ask, stops, written, sure):
    """Return the text that the client had while the model waited; None if enough."""
    came = ""
    had = []
    is_there = Event()

    def wait():
        if not is_there.wait(PATIENCE):
            had.append(said(came))

    _, answer = ask(written, wait, "D two", stop=stops, stream=True)
    for piece in answer.iter_encoded():
        came += piece.decode()
        if said(came) == sure:
            is_there.set()
    return had[0] if had else None


def test_only_text_that_may_be_a_stop_is_held_back(ask):
    for stops, written, sure in HELD:
        had = held_too_long(ask, stops, written, sure)
        assert had is None, (
            f"The stops were {stops}, and the model had written {written!r} and was"
            f" waiting. Expected the client to have {sure!r}, got {had!r}. Hold back no"
            " more than the beginning of a stop."
        )


# What is not asked


def test_null_counts_as_a_missing_field(chat):
    for name in WRONG:
        _, answer = chat("one", **{name: None})
        assert answer.status_code == 200, (
            f"{name} was null, as many clients send for fields that they do not set."
            f" Expected status 200, got {answer.status_code}. Let the class inherit"
            " from Fields, which leaves out null."
        )


def test_a_field_that_we_do_not_know_is_ignored(chat):
    _, answer = chat("one", temperature=1, user="Ada", metadata={"a": 1})
    assert answer.status_code == 200, (
        "The client sent temperature, user and metadata, as many do. Expected status"
        f" 200, got {answer.status_code}. Ignore fields that Question does not name."
    )


# What lesson 15 gave the server


def test_the_answer_is_what_the_model_wrote(chat):
    for stops in [], ["END"], [" no such stop", "  two three"]:
        seen = said(chat("\n", *TEXTS, stop=stops, stream=True)[1].text)
        assert seen == f"\n{ANSWER}", (
            f"The model wrote {short(chr(10) + ANSWER)}, without any of the stops"
            f" {stops}. The deltas say {short(seen)}. Send every character, including"
            " spaces and line breaks."
        )


CONVERSATION = [
    ({"role": "system", "content": "Be brief."}, ("system", "Be brief.")),
    ({"role": "developer", "content": "Be kind."}, ("system", "Be kind.")),
    ({"role": "user", "content": "Hello?"}, ("user", "Hello?")),
    ({"role": "assistant", "content": "Hi."}, ("assistant", "Hi.")),
    (
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "And "},
                {"type": "text", "text": "you?"},
            ],
        },
        ("user", "And you?"),
    ),
]


def test_the_whole_conversation_reaches_the_model(chat):
    messages = [sent for sent, _ in CONVERSATION]
    wanted = [turn for _, turn in CONVERSATION]
    model, answer = chat("one", messages=messages, stream=True)
    answer.get_data()
    seen = model.prompts[0] if model.prompts else answer.text
    assert seen == wanted, (
        f"The client sent the messages {messages}. Expected the model to get {wanted},"
        f" got {seen}. Keep the turns as in lesson 15."
    )


def test_a_conversation_may_be_as_long_as_in_lesson_11(chat):
    """A conversation may be as long as in lesson 11, and no longer."""
    turn = {"role": "user", "content": "word " * 360}
    answer = chat("one", messages=[turn] * 40)[1]
    assert answer.status_code == 200, (
        "The client sent forty messages of 1.8 kB each. Expected status 200, got"
        f" {answer.status_code}. A message may have 64 KiB, and all of them together 1"
        " MiB."
    )
    for messages in [turn | {"content": "x" * 70_000}], [turn] * 700:
        model, answer = chat("one", messages=messages)
        assert answer.status_code == 413 and not model.prompts, (
            f"The client sent {len(messages)} messages of"
            f" {len(messages[0]['content'])} characters each. Expected status 413, got"
            f" {answer.status_code}. Use read_question(), which raises it with"
            " require_short() before the model is asked."
        )


REFUSED = {
    "messages": [
        [{"role": "tool", "content": "5", "tool_call_id": "1"}],
        [{"role": "root", "content": "Obey."}],
        [{"role": "user", "content": [{"type": "image_url", "image_url": {}}]}],
        [],
    ],
    "tools": [[{"type": "function", "function": {"name": "add"}}]],
}


def test_requests_that_this_server_cannot_fulfil_are_still_refused(chat):
    for name, value in [(each, bad) for each in REFUSED for bad in REFUSED[each]]:
        model, answer = chat("one", **{name: value})
        assert answer.status_code == 400 and not model.prompts, (
            f"{name} was {short(value)}. Expected status 400, got {answer.status_code}."
            " Refuse what this server cannot do, as in lesson 15: otherwise a client"
            " waits for something that never comes."
        )


def test_a_request_without_the_key_is_refused(client, answer_with):
    model = answer_with("one")
    question = {"model": "practice", "messages": [MESSAGE]}
    for key in None, "", "sk-wrong", KEY[:-1], f"{KEY}x":
        headers = {} if key is None else {"Authorization": f"Bearer {key}"}
        statuses = {
            f"POST {PATH}": client.post(PATH, json=question, headers=headers),
            "GET /v1/models": client.get("/v1/models", headers=headers),
            "GET /v1/models/practice": client.get(
                "/v1/models/practice", headers=headers
            ),
        }
        for asked, answer in statuses.items():
            sent = "no key" if key is None else f"the key {key!r}"
            assert answer.status_code == 401 and not model.prompts, (
                f"{asked} came with {sent}. Expected status 401, got"
                f" {answer.status_code}. Keep ask_for_the_key() of lesson 15 for every"
                " address below /v1/."
            )


LAST = AIMessageChunk("", response_metadata={"finish_reason": "stop"})


@pytest.mark.parametrize("n", [1, 2])
def test_a_failure_is_reported_in_a_sentence_of_our_own(chat, caplog, n):
    """A failure is a status or the last event, in a sentence of our own, for n"""
    failure = ModelConnectionError(SECRET)
    what = f"The connection to the model broke, and n was {n}"
    for script, stream, status in (
        ([ModelRateLimitError(SECRET)], True, 429),
        ([ModelRateLimitError(SECRET)], False, 429),
        (["one", failure], False, 502),
        (["one", failure], True, 200),
    ):
        _, answer = chat(*script, n=n, stream=stream)
        if answer.status_code == 400:
            pytest.skip(
                "this program accepts only one answer for each question, which is fine."
            )
        assert answer.status_code == status, (
            f'{what}. It broke after {script[:-1]}, with "stream": {stream}. Expected'
            f" status {status}, got {answer.status_code}. Let the model's errors pass"
            " through pieces(): app.py handles them."
        )
        text = answer.text
        for place, words in ("client", text), ("log", caplog.text):
            assert SECRET not in words, (
                f"{what}. The {place} gets the provider's own words, {SECRET!r}. They"
                " can contain part of the key. Let the model's errors pass through"
                " pieces(): app.py turns them into sentences."
            )
        if stream and status == 200:
            last = chunks(text)[-1]
            assert "error" in last and "[DONE]" not in text, (
                f"{what}. It broke after 'one', and the stream ends in"
                f" {short(text[-60:])}. Expected an error as the last event, without"
                " [DONE]. Let the model's errors pass through pieces(): app.py reports"
                " them."
            )


def test_an_error_after_the_finish_reason_does_not_break_a_complete_answer(chat):
    text = chat("one", LAST, ModelConnectionError(SECRET), stream=True)[1].text
    assert reason(text) == "stop" and "[DONE]" in text, (
        "The model wrote 'one' and its finish reason, and then the connection broke."
        f" All the text had arrived, but the stream ends in {short(text[-60:])}. Loop"
        " over ignoring_late_errors(chunks) in pieces(), as before."
    )


@pytest.mark.usefixtures("kept")
def test_the_models_stream_is_closed_when_the_reader_leaves(ask):
    """The model's stream is closed when the reader leaves."""
    model, answer = ask("one", " two", " three", stream=True)
    next(answer.iter_encoded())
    answer.close()
    must_be_left(model, "The reader left after the first piece.")


def test_the_headers_and_limits_from_lesson_08_still_apply(client, answer_with):
    """The headers and limits from lesson 08 still apply."""
    question = {"model": "practice", "messages": [MESSAGE], "stream": True}
    asked = {"address": PATH, "question": question, "headers": HEADERS}
    headers_are_still_there(client, answer_with, keep="what keep_nothing sets", **asked)
    a_conversation_that_is_too_large_is_refused(
        client, answer_with, PATH, headers=HEADERS
    )
    a_foreign_name_gets_nothing(client, answer_with, **asked)
    a_foreign_page_gets_nothing(client, answer_with, **asked)

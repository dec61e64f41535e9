"""What a client may ask: each field is checked, and what it asks is done."""

import json
import os
import runpy
from threading import Event

import pytest
from langchain_core.messages import AIMessageChunk

from lessons.course.for_checks.quoting import short

PATIENCE = 5  # seconds
PATH = "/v1/chat/completions"
KEY = os.environ.get("SERVER_KEY") or "sk-practice"
MESSAGE = {"role": "user", "content": "Hello?"}


@pytest.fixture
def chat(answer_with, client):
    """Ask for a scripted answer; return the model and the answer."""

    def post(*script, **fields):
        model = answer_with(*script)
        question = {"model": "practice", "messages": [MESSAGE], **fields}
        headers = {"Authorization": f"Bearer {KEY}"}
        try:
            return model, client.post(PATH, json=question, headers=headers)
        except Exception as error:
            error.add_note(f"That was for a question with {json.dumps(fields)}.")
            raise

    return post


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


@pytest.fixture
def refuse(chat):
    """Let each wrong value of these fields be refused, by the field's name."""

    def ask(*names):
        for name, value in [(each, bad) for each in names for bad in WRONG[each]]:
            what = f"{name} was {short(value)}"
            try:
                model, answer = chat("one", **{name: value})
            except KeyError as error:
                row = error.args[0] if error.args else name
                error.add_note(f"Give {row} a row in WANTED, which says what it is.")
                raise
            assert answer.status_code == 400, (
                f"{what}, which makes no sense, and the status is"
                f" {answer.status_code}, expected was 400: let the type of the field,"
                " and Field(...), say what it has to be."
            )
            error = (answer.get_json(silent=True) or {}).get("error")
            param = error.get("param") if isinstance(error, dict) else None
            assert param == name, (
                f"{what}, and the error's param is {param!r}, expected was {name!r}:"
                " name the field that is wrong."
            )
            sentence = error.get("message") or ""
            assert name in sentence and len(sentence) > len(name) + 10, (
                f"{what}, and the message is {sentence!r}: say in a sentence what"
                f" {name} has to be, with a row in WANTED."
            )
            assert not model.prompts, f"{what}, and the model was asked all the same."

    return ask


def test_a_plain_question_is_answered(chat):
    _, answer = chat("one", " two", stream=True)
    what = "A question had none of the new fields"
    assert answer.status_code != 400, (
        f"{what}, and the status is 400, with {short(answer.text)}: each new field"
        " needs a default, for who leaves it out."
    )
    assert answer.status_code == 200, (
        f"{what}, and the status is {answer.status_code}: something broke before the"
        " first text, and the log below says where."
    )
    assert said(answer.text) == "one two", (
        f"{what}, and of 'one two' the client got {short(said(answer.text))}: with no"
        " stops, before() in stops.py yields each text as it is."
    )
    indexes = {
        choice["index"]
        for each in chunks(answer.text)
        for choice in each.get("choices", [])
    }
    assert indexes == {0}, (
        f"{what}, and {len(indexes)} answers came: for who does not ask for more, n is"
        " 1."
    )
    failure = chunks(answer.text)[-1].get("error")
    assert not failure, (
        f"{what}, and after 'one two' came an error: your program raised something when"
        " the answer had ended, and the log below says where. Does app.py find"
        " question.stream_options.include_usage?"
    )


# How long


def test_max_tokens_ends_the_answer(chat):
    for name in "max_tokens", "max_completion_tokens":
        model, answer = chat("one", " two", " three", stream=True, **{name: 2})
        seen = said(answer.text)
        assert answer.status_code == 200, (
            f"{name} was 2, which is right, and the status is {answer.status_code}:"
            f" {short(answer.text)}."
        )
        assert seen != "one two three", (
            f"{name} was 2, and the client got all three texts, {seen!r}: make {name} a"
            " field of Question, let most_tokens() return the smaller of the two, and"
            " pieces() in choices.py return when self.tokens has reached it."
        )
        assert seen == "one two", (
            f"{name} was 2, and of the texts 'one', ' two', ' three' the client got"
            f" {seen!r}, expected was 'one two'."
        )
        assert reason(answer.text) == "length", (
            f"{name} was 2, and the answer, which had more to say, ended with the"
            f" finish_reason {reason(answer.text)!r}: expected was"
            ' "length", OpenAI\'s word for an answer that reached its limit.'
        )
        assert model.closed.wait(PATIENCE), (
            f"{name} was 2, and after two texts the model's stream stayed open: it"
            " writes on, and you pay for it."
        )
    text = chat("one", " two", stream=True, max_tokens=2)[1].text
    assert (said(text), reason(text)) == ("one two", "stop"), (
        "max_tokens was 2, the model wrote 'one two' and was done, and the client got"
        f" {(said(text), reason(text))}: an answer that just fits is whole, so look for"
        " the limit when one more text has come."
    )
    answer = chat("one", " two", stream=True, max_tokens=1, max_completion_tokens=9)[1]
    what = "max_tokens was 1 and max_completion_tokens 9"
    assert answer.status_code == 200, (
        f"{what}, which is right, and the status is {answer.status_code}: ge=1 in Field"
        " takes 1 too."
    )
    assert said(answer.text) == "one", (
        f"{what}, and the client got {said(answer.text)!r}: the smaller one holds."
    )


def test_a_wrong_limit_is_refused_by_its_name(refuse):
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
        pytest.skip("it refuses more answers than one, which is fair.")
    seen = [said(answer.text, index) for index in (0, 1)]
    assert seen != ["one two", ""], (
        "n was 2, and one answer came, that of index 0: make n a field of Question."
    )
    assert seen[1], (
        "n was 2, and all that came has the index 0: each choice says to which answer"
        " it belongs."
    )
    assert seen == ["one two", "one two"], (
        f"n was 2, and by their index the two answers are {seen}: each choice says"
        " which answer it belongs to."
    )
    assert not alone, (
        "n was 2, and the second answer was not begun before the first had ended: let"
        " side_by_side write them at the same time."
    )
    status = chat("one", n=4)[1].status_code
    assert status == 200, (
        f"n was 4, and the status is {status}: le=4 in Field takes 4 too."
    )
    _, answer = chat("one", n=2)
    found = (answer.get_json(silent=True) or {}).get("choices", [])
    indexes = [choice.get("index") for choice in found]
    assert indexes == [0, 1], (
        f"n was 2, and the whole answer has choices with the indexes {indexes},"
        " expected was [0, 1]."
    )


def test_a_wrong_n_is_refused_by_its_name(refuse):
    refuse("n")


def test_two_answers_py_shows_both(chat, answer_with, folder, program, serve, terminal):
    """two_answers.py shows both answers."""
    path = folder / "two_answers.py"
    if chat("one", n=2)[1].status_code == 400 or not path.exists():
        pytest.skip("it has no need of two_answers.py.")
    answer_with("one", " two")
    url = f"{serve(program.app)}/v1"
    shown = terminal.run(
        lambda: runpy.run_path(str(path), run_name="__main__"),
        *("two_answers.py", url, "Hello?"),
    )
    assert shown.count("one two") >= 2, (
        f"Both answers were 'one two', and two_answers.py shows {short(shown)}: gather"
        " each by its choice.index."
    )


# How much it used


def test_tokens_are_counted_when_asked_for(chat):
    used = {"input_tokens": 3, "output_tokens": 5, "total_tokens": 8}
    script = "one", AIMessageChunk("", usage_metadata=used)
    tokens = {"prompt_tokens": 3, "completion_tokens": 5, "total_tokens": 8}
    text = chat(*script, stream=True, stream_options={"include_usage": True})[1].text
    last = chunks(text)[-1]
    assert last.get("usage"), (
        'stream_options was {"include_usage": true}, and the last chunk has no usage:'
        " make stream_options a field of Question, and StreamOptions a class of Fields"
        " with a field include_usage."
    )
    seen = {name: last["usage"].get(name) for name in tokens}
    assert seen == tokens and last["choices"] == [], (
        f"The model used {used}, and the last chunk was {short(last)}: with"
        f' include_usage it has "choices": [] and "usage": {tokens}.'
    )
    for fields in {}, {"stream_options": {}}, {"stream_options": {"other": True}}:
        usage = chunks(chat(*script, stream=True, **fields)[1].text)[-1].get("usage")
        assert not usage, (
            f"The question had {fields}, nobody asked for the usage, and a chunk"
            " without choices came: many clients look at choices[0] of every chunk."
        )
    usage = (chat(*script)[1].get_json(silent=True) or {}).get("usage") or {}
    assert usage.get("total_tokens") == 8, (
        f"The model used {used}, and the whole answer has the usage {usage}: it always"
        f" has one, {tokens}."
    )


def test_wrong_stream_options_are_refused_by_their_name(refuse):
    refuse("stream_options")


# Up to where


def test_a_stop_ends_the_answer(chat):
    model, answer = chat("a world b", stop="world", stream=True)
    assert answer.status_code == 200, (
        'stop was "world", which is right, and the status is'
        f" {answer.status_code}: one text is taken as a list with one."
    )
    seen = said(answer.text)
    assert seen != "a world b", (
        "The stop was 'world', the model wrote 'a world b', and all of it was sent:"
        " make stop a field of Question, and let before() in stops.py end there."
    )
    assert seen == "a ", (
        f"The stop was 'world', the model wrote 'a world b' in one piece, and the"
        f" answer was {seen!r}, expected was 'a ': neither the stop nor what follows it"
        " is sent."
    )
    assert reason(answer.text) == "stop", (
        "The answer came to its stop, and ended with the finish_reason"
        f' {reason(answer.text)!r}: that is a good end, "stop".'
    )
    assert model.closed.wait(PATIENCE), (
        "The answer came to its stop, and the model's stream stayed open: let before()"
        " return there."
    )


def test_a_wrong_stop_is_refused_by_its_name(refuse):
    refuse("stop")


HELLO = ["He", "llo, wo", "r", "ld, and more"]


def test_a_stop_is_found_though_it_comes_in_pieces(chat):
    seen = said(chat(*HELLO, stop="world", stream=True)[1].text)
    assert "wo" not in seen, (
        f"The stop was 'world', which came in pieces, and the answer was {seen!r}: hold"
        " back what may be the beginning of a stop."
    )
    assert seen == "Hello, ", (
        f"The stop was 'world', and the answer was {seen!r}, expected was 'Hello, ':"
        " what cannot be a part of a stop is sent."
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
            f"The stops were {stops}, which is right, and the status is"
            f" {answer.status_code}: a list is taken as it is."
        )
        assert seen == "Hello, ", (
            f"The stops were {stops}, the model wrote 'Hello, world, and more', and"
            f" the answer was {seen!r}, expected was 'Hello, ': each of them may have"
            " begun, and the longest that ends here began first."
        )
    seen = said(
        chat("This is an ", "end.", stop=["an end", "end"], stream=True)[1].text
    )
    assert seen == "This is ", (
        "The stops were ['an end', 'end'], the model wrote 'This is an end.', and the"
        f" answer was {seen!r}, expected was 'This is ': of two that end here the"
        " longer began first, max(..., key=len)."
    )
    seen = said(chat("Why!?! And more", stop="?!", stream=True)[1].text)
    assert seen == "Why!", (
        f"The stop was '?!', the model wrote 'Why!?! And more', and the answer was"
        f" {seen!r}, expected was 'Why!': take the stop away once, as removesuffix"
        " does, and not each of its letters."
    )
    seen = said(chat("aab", "ab and more", stop="aabab", stream=True)[1].text)
    assert seen == "", (
        "The stop was 'aabab', the model wrote 'aab' and 'ab and more', and the answer"
        f" was {seen!r}, expected was '': look for a beginning of the stop at each"
        " place of what is held."
    )


def test_what_was_held_back_follows_when_it_is_no_stop(chat):
    for pieces in ["a w", "ord"], ["a", " wor"], ["w", "w", "world"[:4]]:
        seen = said(chat(*pieces, stop=["world"], stream=True)[1].text)
        assert seen == "".join(pieces), (
            f"The stop was 'world', the model wrote {pieces}, and the answer was"
            f" {seen!r}: what was held back has to follow once it is no stop after all,"
            " and at the end of the answer too."
        )


def test_only_what_may_be_a_stop_is_held_back(chat):
    came_first = Event()
    late = []
    came = ""

    def go_on():
        if not came_first.wait(PATIENCE):
            late.append(said(came))

    _, answer = chat("one E EN", go_on, "D two", stop="END", stream=True)
    for piece in answer.iter_encoded():
        came += piece.decode()
        if said(came) == "one E ":
            came_first.set()
    assert not late, (
        "The stop was 'END', the model had written 'one E EN' and waited, and the"
        f" client had {late[0]!r}, expected was 'one E ': hold back no more than what"
        " may be the beginning of a stop."
    )


# What is not asked


def test_null_stands_for_what_is_not_asked(chat):
    for name in WRONG:
        _, answer = chat("one", **{name: None})
        assert answer.status_code == 200, (
            f"{name} was null, as many clients send what is not set, and the status is"
            f" {answer.status_code}: build the class on Fields, which leaves null out."
        )


def test_a_field_that_we_do_not_know_is_ignored(chat):
    _, answer = chat("one", temperature=1, user="Ada", metadata={"a": 1})
    assert answer.status_code == 200, (
        "temperature, user and metadata were sent, as many clients do, and the status"
        f" is {answer.status_code}: fields that are not named in Question are ignored."
    )

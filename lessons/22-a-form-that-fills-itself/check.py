"""The fields of a card arrive piece by piece, and the end of the card is checked."""

import json

import pytest
from langchain_core.exceptions import (
    ModelConnectionError,
    ModelInvalidRequestError,
    ModelRateLimitError,
)
from langchain_core.messages import AIMessageChunk
from langchain_core.messages.tool import tool_call_chunk
from werkzeug.exceptions import HTTPException

from failures import NO_TEXT, STOPPED_EARLY, TOOL_CALL, BodyBreaks
from lessons.course.for_checks.failing_model import (
    SECRET,
    must_not_repeat_the_provider,
    read,
)
from lessons.course.for_checks.in_time import UntilRead, in_time
from lessons.course.for_checks.json_lines import (
    answer_of,
    messages,
    the_model_is_hung_up_on_while_it_thinks,
)
from lessons.course.for_checks.quoting import short
from lessons.course.for_checks.scripted_model import End
from lessons.course.for_checks.still_there import (
    a_foreign_name_gets_nothing,
    headers_are_still_there,
    test_anything_that_is_not_a_prompt_is_refused,
    test_the_limits_from_lesson_08_still_apply,
    whatever_is_not_a_prompt_is_refused,
)

__all__ = [
    "answer_of",
    "test_anything_that_is_not_a_prompt_is_refused",
    "test_the_limits_from_lesson_08_still_apply",
]
CARD = {
    "term": "Trag\u00f6die \U0001f44b",
    "meaning": 'She said "no" \\ twice.\n',
    "lesson": 12,
    "related": ["tears", ""],
}
TEXT = json.dumps(CARD)  # with escapes: \u00f6, \ud83d\udc4b, \"
CALL = "tool_calls"
DOES_NOT_FIT = "does not fit the form"


def call(*pieces, name="Card"):
    """Return chunks that call a tool, with these pieces as the arguments."""
    first = tool_call_chunk(name=name, args="", id="call_1", index=0)
    rest = [tool_call_chunk(args=piece, index=0) for piece in pieces]
    chunks = [AIMessageChunk("", tool_call_chunks=[each]) for each in [first, *rest]]
    for chunk in chunks:  # as LangChain's own models say in each
        chunk.response_metadata = {"model_provider": "scripted"}
    return chunks


def in_pieces(text, size=7):
    return [text[start : start + size] for start in range(0, len(text), size)]


def rebuilt(found):
    """Return the object that messages with at, add and set describe."""
    card = {}
    for message in found:
        if "at" not in message:
            continue
        *path, last = message["at"]
        place = card
        for step in path:
            if isinstance(place, dict) and step not in place:
                place[step] = []  # a list that was not set before its first item
            place = place[step]
        if isinstance(place, list) and last == len(place):
            place.append("")
        if "add" in message:
            before = place[last] if isinstance(place, list) else place.get(last, "")
            place[last] = before + message["add"]
        else:
            place[last] = message["set"]
    return card


def rebuilt_from(found):
    try:
        return rebuilt(found)
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise AssertionError(
            f"The lines are {short(found)}, and no card can be rebuilt from them"
            f" ({type(error).__name__}). Send each message in card.read()'s news as it"
            " is, in order."
        ) from None


def test_post_ask_fills_the_fields(answer_of):
    """POST /ask sends what is new in the fields."""
    _, answer = answer_of(*call(*in_pieces(TEXT)), End(finish_reason=CALL))
    assert answer.status_code != 500, (
        "A model called the tool Card with a complete card as its arguments. POST /ask"
        f" returned status 500, and says {answer.text.strip()!r}. The program's output"
        " names the line."
    )
    assert DOES_NOT_FIT not in answer.text, (
        "A model wrote a complete card, in pieces, but POST /ask says that it does not"
        " fit the form. Read what json_in(chunk) returns for each chunk, with one"
        " GrowingObject for the whole answer. Call require_card(card.text) once, after"
        " the loop."
    )
    assert STOPPED_EARLY.sentence not in answer.text, (
        "A model wrote a complete card, in pieces, and POST /ask says"
        f" {STOPPED_EARLY.sentence!r} Call require_end and require_card after the loop,"
        " and keep the metadata of all chunks: only one of the last says why it ended."
    )
    assert answer.status_code == 200, (
        "A model called the tool Card with a complete card as its arguments, and POST"
        f" /ask returned status {answer.status_code}. The arguments are in"
        " chunk.tool_call_chunks, and chunk.text is empty. Use json_in(chunk) from"
        " card.py, which reads both."
    )
    found = messages(answer)
    assert not any("token" in message or "card" in message for message in found), (
        f"The first line is {short(found[0])}. Let GrowingObject read each piece, and"
        ' send its news, {"at": ["term"], "add": "..."}.'
    )
    failed = [message["reason"] for message in found if message.get("isError")]
    assert failed != [TOOL_CALL.sentence], (
        f"The card was complete, but the last line says {failed[0]!r}. An answer that"
        ' is a call ends with "tool_calls": require_whole raises Unfinished for that,'
        " with TOOL_CALL as its failure. Here that is a normal end: let it pass."
    )
    assert rebuilt_from(found) == CARD, (
        f"The model wrote the card {CARD}, and the messages give"
        f" {short(rebuilt_from(found))}. Use one GrowingObject for the whole answer,"
        " give it each piece once, and send all of its news."
    )
    _, answer = answer_of(*call(*in_pieces(TEXT)), End(finish_reason=CALL))
    assert answer.status_code == 200 and rebuilt_from(messages(answer)) == CARD, (
        "The first answer was a complete card. The same card as the second answer gave"
        f" status {answer.status_code} and {short(answer.text)}. Do not keep anything"
        " from an earlier answer: make the GrowingObject in answer()."
    )


def test_an_answer_has_the_headers_from_lesson_08(client, answer_with):
    headers_are_still_there(client, answer_with, answer=TEXT)


def test_the_first_field_leaves_before_the_second_is_written(answer_of):
    until_read = UntilRead(b"one")
    pieces = call('{"term": "one', TEXT[TEXT.index('", "meaning"') :])
    _, answer = answer_of(*pieces[:2], until_read, pieces[2], End(finish_reason=CALL))
    in_time(
        lambda: until_read.read(answer),
        "The model's answer has ended, but the server's body never does. Let the"
        " generator end after its loop.",
    )
    assert until_read.waits == [True], (
        'The model had written {"term": "one and was still writing, but the client got'
        " nothing. Send the news of each piece at once, and do not collect them."
    )


@pytest.mark.parametrize("reason", ["stop", "end_turn", "tool_use", CALL])
def test_the_last_line_of_a_whole_card_is_its_end(answer_of, reason):
    _, answer = answer_of(*call(TEXT), End(finish_reason=reason))
    found = messages(answer)
    assert found[-1] == {"end": "stop"}, (
        f"The card was complete, with the model's finish reason {reason!r}"
        f'. Expected {{"end": "stop"}} as the last line, got {found[-1]}. A card sent'
        " as a call ends with tool_calls or tool_use, and one sent as text with stop."
    )


def test_a_card_in_the_text_is_a_card_too(answer_of):
    around = [
        "Here is the card:\n```json\n",
        *in_pieces(TEXT),
        "\n```\nI hope it helps",
    ]
    _, answer = answer_of(*around)
    assert answer.status_code == 200 and rebuilt_from(messages(answer)) == CARD, (
        "Some servers ignore tools, and their model writes the card as text, with words"
        f" around it. Expected the card, got status {answer.status_code} and"
        f" {short(answer.text)}. Let json_in(chunk) find the JSON in calls and in text,"
        " and read all pieces with one GrowingObject."
    )
    assert messages(answer)[-1] == {"end": "stop"}, (
        "The model wrote a complete card with words around it, and the last line is"
        f" {messages(answer)[-1]}. Check card.text, which is the card without those"
        " words."
    )


CUTS = {"length": "its length limit", "content_filter": "a filter", None: ""}


@pytest.mark.parametrize("reason", list(CUTS))
def test_a_card_that_was_cut_does_not_look_complete(answer_of, reason):
    cut = TEXT[: TEXT.index("twice")]
    end = End(finish_reason=reason) if reason else End()
    _, before = answer_of(*call(TEXT), End(finish_reason=CALL))
    messages(before)
    _, answer = answer_of(*call(*in_pieces(cut)), end)
    found = messages(answer)
    assert found[-1].get("isError") is True, (
        f"The card was cut after {cut[-12:]!r}, with the finish reason {reason!r}, and"
        f" the last line is {found[-1]}. A cut card looks complete once its brackets"
        " are closed. Keep metadata |= chunk.response_metadata of all chunks, pass it"
        " to require_whole, and call require_card(card.text) after that."
    )
    assert found[-1].get("reason"), (
        f"The card was cut, and the last line is {found[-1]}. Expected a sentence for"
        " people as its reason: sentence_for(error)."
    )
    assert rebuilt_from(found)["meaning"].startswith("She said"), (
        f"The card was cut, and the fields are {rebuilt_from(found)}. Keep what has"
        " been sent."
    )
    if reason == "length":
        assert "length" in found[-1]["reason"], (
            "The card was cut at the length limit, and the last line says"
            f" {found[-1]['reason']!r}. Call require_whole before require_card: it"
            " knows why the card is incomplete."
        )


UNFIT = {
    "the lesson as a string": json.dumps(CARD | {"lesson": "twelve"}),
    "no related words": json.dumps({**CARD, "related": None}),
    "a field too many": json.dumps(CARD | {"more": 1}),
    "a field too few": json.dumps({"term": "one"}),
    "no closing brace": TEXT[:-1],
}


@pytest.mark.parametrize("what", list(UNFIT))
def test_a_card_that_does_not_fit_does_not_look_complete(answer_of, what):
    _, answer = answer_of(*call(UNFIT[what]), End(finish_reason=CALL))
    found = messages(answer)
    assert found[-1].get("isError") is True and found[0].get("at"), (
        f"The model wrote a card with {what}: {short(UNFIT[what])}. The last line is"
        f" {found[-1]}. Call require_card(card.text) once after the loop: it reads the"
        " whole text, and raises Unfinished for a card that does not fit."
    )


def test_an_answer_without_a_card_becomes_an_error_status(answer_of):
    for script, sentence in (["I", " cannot."], DOES_NOT_FIT), ([], NO_TEXT.sentence):
        _, answer = answer_of(*script)
        assert answer.status_code == 502, (
            f"The model said {''.join(script)!r} and no card. Expected status 502, got"
            f" {answer.status_code}. Send nothing before the first news, and check the"
            " end before you send it."
        )
        said = answer.get_json()["error"]
        assert sentence in said, (
            f"The model wrote {''.join(script)!r}, and POST /ask says {said!r}."
            f" Expected: {sentence!r}. has_text is True if json_in(chunk) returned"
            " anything for one of the chunks, whether it is a card or not."
        )


@pytest.mark.parametrize("reason", [None, "length"])
def test_a_complete_text_is_not_always_a_complete_answer(answer_of, reason):
    end = End(finish_reason=reason) if reason else End()
    _, answer = answer_of(*call(TEXT), end)
    last = messages(answer)[-1]
    assert last.get("isError") is True, (
        f"The JSON was complete, but the model's finish reason was {reason!r}, and the"
        f" last line is {last}. After the loop, call require_end and then"
        " require_card, and keep the metadata of this answer alone."
    )


def test_the_model_is_asked_for_a_card(answer_of):
    model, answer = answer_of(*call(TEXT), End(finish_reason=CALL))
    messages(answer)
    assert model.tools, (
        "The program asked the model without a tool, so it could write anything. Call"
        " chunks_of_card(model, prompt) from card.py, which passes the tool."
    )
    try:
        model, answer = answer_of(ModelInvalidRequestError(SECRET))
        status = answer.status_code
    except Exception as error:
        raise AssertionError(
            "A server refused the tool with a 400, and then the question, and the"
            f" program broke off with a {type(error).__name__}. Catch Exception in"
            " lines(): a model can fail with any class of error."
        ) from None
    assert status == 400 and len(model.prompts) == 2, (
        "A server refused the tool with a 400. The program asked it"
        f" {len(model.prompts)} times, and the status is {status}. Call"
        " chunks_of_card(model, prompt), which asks once more, in words."
    )


def test_a_failure_becomes_the_last_line_or_an_error_status(answer_of, told):
    _, answer = answer_of(*call('{"term": "one'), ModelConnectionError(SECRET))
    found = messages(answer)
    assert found[-1].get("isError") is True and SECRET not in answer.text, (
        f"The model failed in the middle of a field, and the last line is {found[-1]}."
        ' Send {"isError": true, "reason": sentence_for(error)}.'
    )
    try:
        _, answer = answer_of(ModelRateLimitError(SECRET))
        status = answer.status_code
    except HTTPException:
        status = "one that had already been sent"
    assert status == 429, (
        f"The model was overloaded. Expected status 429, got {status}. Wait for the"
        " first line before you respond."
    )
    late = AIMessageChunk("", response_metadata={"finish_reason": CALL})
    _, answer = answer_of(*call(TEXT), late, ModelConnectionError(SECRET))
    assert messages(answer)[-1] == {"end": "stop"}, (
        "The connection broke after the finish reason, when the card was complete, and"
        f" the last line is {messages(answer)[-1]}. Loop over"
        " ignoring_late_errors(chunks)."
    )
    must_not_repeat_the_provider(told())


# The same card for useObject


@pytest.fixture
def object_of(client, answer_with):
    """Return a function that asks /object for a scripted answer."""

    def post(*script):
        answer_with(*script)
        return in_time(
            lambda: client.post("/object", json={"prompt": "Hello?"}),
            "The model had answered, but the view of /object is still waiting. Let it"
            " wait only for the first piece of text.",
        )

    return post


def test_post_object_sends_the_json_itself(object_of):
    """POST /object sends the JSON itself."""
    answer = object_of(*call(*in_pieces(TEXT)), End(finish_reason=CALL))
    assert answer.status_code == 200 and answer.mimetype == "text/plain", (
        f"POST /object: expected status 200 as text/plain, got {answer.status_code} as"
        f" {answer.mimetype}. Write a second view, and pass respond() PLAIN_TEXT."
    )
    text, error = read(answer)
    assert error is None and text == TEXT, (
        f"The model wrote {short(TEXT)}, and /object sent {short(text)} and then"
        f" {'ended' if error is None else f'broke with {type(error).__name__}'}. Yield"
        " the text of each step as it is."
    )
    text, error = read(object_of("Here it is: ", TEXT, " Good luck!"))
    assert error is None and text == TEXT, (
        f"The model wrote words around the JSON, and /object sent {short(text)}. Yield"
        " what card.read() returns first: the text of the JSON alone."
    )


@pytest.mark.parametrize("end", ["length", CALL])
def test_the_body_breaks_if_the_object_was_cut(object_of, end):
    cut = TEXT[: TEXT.index("twice")]
    answer = object_of(*call(*in_pieces(cut)), End(finish_reason=end))
    text, error = read(answer)
    assert error is not None, (
        f"The JSON was cut, with the finish reason {end!r}. /object sent"
        f" {short(text[-30:])} and ended as if that were all, and useObject closes the"
        " brackets itself and calls that complete. Break the body: raise"
        " BodyBreaks(sentence_for(error)) from None."
    )
    assert text == cut, (
        f"The JSON was cut, and /object sent {short(text)}. useObject parses JSON, so"
        " add no sentence to it."
    )


def test_a_failure_breaks_the_body_and_is_not_quoted(object_of, told):
    answer = object_of(*call('{"term": "one'), ModelConnectionError(SECRET))
    text, error = read(answer)
    assert error is not None and text == '{"term": "one', (
        f"The model failed in the middle of a field, and /object sent {short(text)} and"
        f" {'ended' if error is None else 'broke'}. Send what came, and let the body"
        " break."
    )
    logged = told()
    must_not_repeat_the_provider(logged, error)
    assert not isinstance(error, HTTPException), (
        f"The model failed in the middle of a field, and the body broke with a"
        f" {type(error).__name__}. A status cannot be sent any more: count what was"
        " sent, and raise BodyBreaks if that is more than 0."
    )
    assert ModelConnectionError.__name__ in logged, (
        "The model failed in the middle of an answer of /object, and the log says"
        " nothing. Log log_name(error), as lines() does."
    )


def test_post_object_has_the_statuses_and_limits_of_post_ask(
    client, object_of, answer_with
):
    """POST /object has the statuses, headers and limits of POST /ask."""
    try:
        answer = object_of(ModelRateLimitError(SECRET))
        status = answer.status_code
    except HTTPException:
        status = "one that had already been sent"
    except BodyBreaks:
        status = "a BodyBreaks before the first piece"
    assert status == 429, (
        f"The model was overloaded. Expected status 429 from /object, got {status}."
        " Until the first piece of text, a failure becomes a status: raise"
        " http_error(error) if nothing has been sent, and BodyBreaks only after that."
    )
    try:
        status = object_of("no card").status_code
    except BodyBreaks:
        status = "a BodyBreaks before the first piece"
    assert status == 502, (
        "The model wrote no card. Expected status 502 from /object, got"
        f" {status}. Yield text only if there is some, and count only what was sent."
    )
    whatever_is_not_a_prompt_is_refused(client, answer_with, "/object")
    headers_are_still_there(client, answer_with, "/object", answer=TEXT)
    a_foreign_name_gets_nothing(client, answer_with, "/object")


@pytest.mark.usefixtures("kept")
def test_the_models_stream_is_closed_when_the_reader_leaves(answer_of):
    """The model's stream is closed when the reader leaves."""
    the_model_is_hung_up_on_while_it_thinks(
        lambda first, *rest: answer_of(*call('{"term": "one'), *rest),
        "closing(...) closes a generator that you loop over, and respond() closes the"
        " outermost.",
        "GeneratorExit tells a generator that its reader has left. Do not catch it.",
    )

"""Chunks as LangChain makes them of each wire, and the lines that have to be alike."""

import json

import pytest
from langchain_core import exceptions
from langchain_core.messages import AIMessageChunk

from lessons.course.explain import short
from lessons.course.shared_checks import test_a_prompt_that_is_no_string_is_refused

__all__ = ["test_a_prompt_that_is_no_string_is_refused"]
KEY = "sk-practice-1234"
BLOCKS = "Loop over chunk.content_blocks: they are alike, whoever made the chunk."


def chunk(content="", provider="openai", usage=None, **metadata):
    """Return a chunk as LangChain makes it; usage: tokens read, tokens written."""
    if usage:
        names = "input_tokens", "output_tokens", "total_tokens"
        usage = dict(zip(names, (*usage, sum(usage)), strict=True))
    metadata["model_provider"] = provider
    return AIMessageChunk(content, response_metadata=metadata, usage_metadata=usage)


def thinking(words):
    return chunk([{"type": "thinking", "thinking": words, "index": 0}], "anthropic")


def block(words, provider):
    return chunk([{"type": "text", "text": words, "index": 1}], provider)


def summary(words):
    part = {"type": "summary_text", "text": words, "index": 0}
    return chunk([{"type": "reasoning", "summary": [part], "index": 0}])


USAGE = chunk(usage=(3, 5))
LAST = chunk(finish_reason="stop")
SHAPES = {  # what came, and how LangChain hands it on
    "strings": [chunk(), chunk("Hello"), chunk(" world"), LAST, USAGE],
    "blocks, as Anthropic sends them": [
        *(chunk([], "anthropic"), thinking("Hm."), thinking("")),
        *(block("Hello", "anthropic"), block(" world", "anthropic")),
        chunk([], "anthropic", (3, 5), stop_reason="end_turn"),
    ],
    "blocks, as OpenAI sends them": [
        *(chunk([]), summary(""), summary("Hm.")),
        *(block("Hello", "openai"), block(" world", "openai"), block("", "openai")),
        chunk([], usage=(3, 5), status="completed"),
    ],
}
WITH_REASONING = [name for name in SHAPES if name.startswith("blocks")]
ENDS = {"end_turn": "stop", "max_tokens": "length", "refusal": "content_filter"}


@pytest.fixture
def events(answer_with, client):
    """Let the model make these chunks and no others; return the answer's events."""

    def ask(chunks, fails=False):
        answer_with().stream = lambda prompt: (each for each in chunks)
        answer = client.post("/ask", json={"prompt": "Hello?"})
        assert answer.mimetype == "application/jsonl", (
            f"The answer is sent as {answer.mimetype} with the status"
            f" {answer.status_code}, {short(answer.text)}; expected was"
            " application/jsonl, one event of JSON a line. What broke stands below, or"
            " in the server's log."
        )
        found = [json.loads(line) for line in answer.text.splitlines()]
        assert fails or "isError" not in found[-1], (
            f"The model's stream was whole, and the last line is {found[-1]}: what"
            " broke stands below, or in the server's log."
        )
        return found

    return ask


def all_of(events, name):
    """Return the values of the events of that name."""
    return [event[name] for event in events if name in event]


@pytest.mark.parametrize("shape", SHAPES)
def test_the_tokens_are_the_text(events, shape):
    came = all_of(events(SHAPES[shape]), "token")
    assert came == ["Hello", " world"], (
        f"The model said 'Hello', then ' world', in {shape}, and the tokens are"
        f" {short(came)}. {BLOCKS} Text is what blocks of type text hold, and an empty"
        " one is no event."
    )


@pytest.mark.parametrize("shape", WITH_REASONING)
def test_reasoning_is_an_event_of_its_own(events, shape):
    came = all_of(events(SHAPES[shape]), "reasoning")
    assert came == ["Hm."], (
        f"The model thought 'Hm.' before it spoke, in {shape}, and the reasoning events"
        f" say {short(came)}, expected was ['Hm.']. {BLOCKS} Reasoning is what those of"
        " type reasoning hold."
    )


def test_reasoning_leaves_before_the_text_is_made(ask):
    thought = AIMessageChunk([{"type": "reasoning", "reasoning": "Hm."}])
    model, answer = ask(thought, "Hello")
    first = next(answer.iter_encoded(), b"")
    assert b"Hm." in first and model.made == 1, (
        f"The model thought 'Hm.' before it spoke; the first piece was {first!r}, and"
        f" {model.made} chunks were made by then: yield each event as it comes."
    )


def test_the_model_is_hung_up_on_when_the_reader_leaves(ask):
    model, answer = ask("one", " two")
    next(answer.iter_encoded(), b"")
    answer.close()
    assert model.closed.is_set(), (
        "The reader left after the first piece, and the model's stream stayed open: a"
        " chain does not close what it joins. Write response.call_on_close("
        "answer.close), and loop over the model's stream inside closing(...)."
    )


def test_tokens_are_counted_once(events):
    so_far, in_all = chunk("Hello", usage=(3, 1)), chunk(" world", usage=(3, 5))
    for chunks in [so_far, in_all, LAST], SHAPES["strings"]:
        came = all_of(events(chunks), "usage")
        counts = [(each["input_tokens"], each["output_tokens"]) for each in came]
        assert counts == [(3, 5)], (
            f"The model read 3 tokens and wrote 5, and the answer says {came}. Some"
            " providers count on from chunk to chunk, some count once, after the finish"
            " reason: keep the last usage_metadata of all chunks, and send one event."
        )


def test_usage_has_the_same_names_whoever_counts(events):
    details = {"input_token_details": {"cache_read": 2}}
    counted = chunk(usage=(3, 5))
    counted.usage_metadata |= details
    (came,) = all_of(events([chunk("Hello"), LAST, counted]), "usage")
    names = {"input_tokens", "output_tokens", "total_tokens"}
    assert set(came) == names, (
        f"The usage event holds {', '.join(came)}: each provider has details that no"
        f" other has. Send {', '.join(sorted(names))}, and no more."
    )


def test_no_usage_is_made_up(events):
    came = all_of(events([chunk("Hello"), LAST]), "usage")
    assert came == [], (
        f"The provider did not count, and the answer says {came}: send a usage event"
        " only if a chunk brought usage."
    )


@pytest.mark.parametrize(("theirs", "ours"), ENDS.items())
def test_the_end_has_one_name_for_all(events, theirs, ours):
    last = chunk("", "anthropic", stop_reason=theirs)
    *_, came = events([block("Hello", "anthropic"), last])
    assert came == {"end": ours}, (
        f"Anthropic says {theirs} where OpenAI says {ours}, and the last line is"
        f" {json.dumps(came)}, expected was {json.dumps({'end': ours})}:"
        " openai_reason of failures.py knows each provider's words."
    )


@pytest.mark.parametrize("reason", ["tool_calls", "new_next_year"])
def test_any_other_end_is_a_failure(events, reason):
    chunks = [chunk("Hello"), chunk(finish_reason=reason)]
    *_, came = events(chunks, fails=True)
    assert set(came) == {"isError", "reason"}, (
        f"The model stopped for another reason, {reason}, and the last line is"
        f" {json.dumps(came)}: that is no end of an answer. openai_reason of"
        " failures.py raises then, and what it raises becomes"
        ' {"isError": true, "reason": "..."}.'
    )


def test_an_answer_that_was_cut_off_is_not_whole(events):
    for chunks in [chunk("Hello")], [chunk(), LAST]:
        try:
            *_, came = events(chunks, fails=True)
        except AssertionError:
            continue  # a status
        assert set(came) == {"isError", "reason"}, (
            "The model's stream ended without a reason, or without any text, and the"
            f" last line is {json.dumps(came)}: raise an error unless both came, which"
            ' becomes {"isError": true, "reason": "..."}.'
        )


def test_a_server_of_ones_own_is_asked_to_count(program):
    assert program.model.stream_usage, (
        "A model of LangChain's OpenAI client has stream_usage, and with"
        " OPENAI_BASE_URL it is off: set it to True where there is one, or nobody"
        " counts the tokens."
    )


def failed(kind, words, **fields):
    """Return a provider's error, with the key in its message, as some have it."""
    error = kind(f"{words} {KEY}")
    vars(error).update(fields)
    return error


QUOTA, LOW = "You exceeded your current quota.", "Your credit balance is too low"
NO_CREDIT = {
    "OpenAI": failed(
        exceptions.ModelRateLimitError,
        QUOTA,
        code="insufficient_quota",
        status_code=429,
    ),
    "Anthropic": failed(exceptions.ModelInvalidRequestError, LOW, status_code=400),
    "other providers": failed(Exception, "Payment Required", status_code=402),
}


@pytest.mark.parametrize("who", NO_CREDIT)
def test_no_credit_is_said_and_not_to_be_tried_again(ask, who):
    _, answer = ask(NO_CREDIT[who])
    sentence = str((answer.get_json(silent=True) or {}).get("error"))
    again = " again" in sentence or "Retry-After" in answer.headers
    assert answer.status_code == 502 and "credit" in sentence and not again, (
        f"The account was empty, as {who} say it, and the client got"
        f" {answer.status_code}, {sentence!r}. Asking again does not fill it: expected"
        " was a 502 whose error names the credit."
    )


def test_a_wrong_model_names_the_setting(ask):
    class NotFound(exceptions.ModelNotFoundError):
        """As each provider's package has a class of its own."""

    _, answer = ask(failed(NotFound, "model: gpt-5000"))
    sentence = str((answer.get_json(silent=True) or {}).get("error"))
    assert answer.status_code == 502 and "MODEL" in sentence, (
        f"The provider has no such model, a 404, and the client got"
        f" {answer.status_code}, {sentence!r}: expected was a 502 whose error says to"
        " check MODEL in .env."
    )


@pytest.mark.parametrize("spoken", [[], ["Hello"]], ids=["before", "after"])
def test_the_key_is_in_no_answer_and_no_log(ask, caplog, spoken):
    """A provider's words, which can hold the key, are in no answer and in no log"""
    refused = failed(exceptions.ModelAuthenticationError, "Incorrect API key:")
    for error in [refused, *NO_CREDIT.values()]:
        _, answer = ask(*spoken, error)
        for place, words in ("answer", answer.text), ("log", caplog.text):
            assert KEY not in words, (
                f"The provider's error held the key, {KEY}, and now the {place} does:"
                " write sentences of your own, and log the name of the error only."
            )

"""Your turn: how many of the tokens were thoughts, if the provider says so."""

import json

import pytest
from langchain_core.messages import AIMessageChunk

LAST = AIMessageChunk("", response_metadata={"finish_reason": "stop"})
THOUGHT = AIMessageChunk([{"type": "reasoning", "reasoning": "Hm."}])


def counted(details):
    """Return a chunk that says what was used, with these details of it."""
    usage = {"input_tokens": 3, "output_tokens": 50, "total_tokens": 53, **details}
    return AIMessageChunk("", usage_metadata=usage)


@pytest.fixture
def events(answer_with, client):
    """Let the model make these chunks and no others; return the answer's events."""

    def ask(*chunks):
        answer_with().stream = lambda prompt: (each for each in chunks)
        answer = client.post("/ask", json={"prompt": "Hello?"})
        found = [json.loads(line) for line in answer.text.splitlines()]
        assert found and found[-1] == {"end": "stop"}, (
            "The answer was complete. Expected the end as its last event, got"
            f" {json.dumps(found[-1:])}."
        )
        return found

    return ask


def all_of(events, name):
    """Return the values of the events of that name."""
    return [event[name] for event in events if name in event]


def test_thoughts_are_counted_as_the_provider_says(events):
    for many in 42, 7, 0:
        details = {"output_token_details": {"reasoning": many, "audio": 1}}
        came = events(THOUGHT, AIMessageChunk("Yes."), LAST, counted(details))
        assert all_of(came, "thoughts") == [many], (
            'The provider says in usage["output_token_details"]["reasoning"] that'
            f" {many} of 50 tokens were thoughts. The thoughts events say"
            f" {all_of(came, 'thoughts')}"
            f'. Yield {{"thoughts": {many}}} once, after the usage. 0 is a count, too.'
        )
        names = [name for event in came for name in event]
        assert names.index("usage") < names.index("thoughts"), (
            "The thoughts came before the usage, but the page writes that place when"
            " the usage comes. Yield them after the usage."
        )


DETAILS = {
    "no details at all": {},
    "details without it": {"output_token_details": {"audio": 1}},
    "details about the tokens that were read only": {
        "input_token_details": {"cache_read": 2}
    },
}


def test_a_count_that_the_provider_does_not_send_is_not_made_up(events):
    for what, details in DETAILS.items():
        try:
            came = events(THOUGHT, AIMessageChunk("Yes."), LAST, counted(details))
        except AssertionError as error:
            raise AssertionError(
                f"The provider gave {what}, and the answer did not arrive whole. Check"
                " whether the count is there before you read it."
            ) from error
        assert all_of(came, "thoughts") == [], (
            f"The provider gave {what}, but the thoughts events say"
            f" {all_of(came, 'thoughts')}. Nobody counted thoughts, so send none."
        )


def test_without_usage_there_is_no_count(events):
    try:
        came = events(THOUGHT, AIMessageChunk("Yes."), LAST)
    except AssertionError as error:
        raise AssertionError(
            "The provider counted nothing, so the usage is None, and the answer did not"
            " arrive whole. Look for thoughts only if there is a usage."
        ) from error
    assert all_of(came, "thoughts") == [], (
        "The provider counted nothing, but the thoughts events say"
        f" {all_of(came, 'thoughts')}. Send none."
    )

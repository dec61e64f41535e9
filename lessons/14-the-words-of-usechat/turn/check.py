"""The metadata of an answer say what it cost, if anybody knows."""

import json

import pytest
from langchain_core.messages import AIMessageChunk

ASKED = {"messages": [{"role": "user", "parts": [{"type": "text", "text": "Hello?"}]}]}


@pytest.fixture
def metadata_for(client, answer_with):
    """Return what an answer's metadata say, for a model of that name and a usage."""

    def ask(name, read, written):
        counted = {
            "input_tokens": read,
            "output_tokens": written,
            "total_tokens": read + written,
        }
        model = answer_with("one", AIMessageChunk("", usage_metadata=counted))
        model.name = name
        metadata = {}
        answer = client.post("/chat", json=ASKED)
        for line in answer.get_data(as_text=True).splitlines():
            if line.startswith("data: {"):
                message = json.loads(line.removeprefix("data: "))
                assert message["type"] != "error", (
                    f"The model is called {name}, and its answer ended in an error,"
                    f" {message.get('errorText')!r}, though the model had not failed:"
                    " something in send_usage raised an exception. What the program"
                    " printed names it, and the line."
                )
                metadata |= message.get("messageMetadata") or {}
        return metadata

    return ask


@pytest.mark.parametrize(
    ("read", "written", "cost"), [(1_000_000, 0, 1), (0, 1_000_000, 2), (3, 5, 13e-6)]
)
def test_the_practice_model_has_its_price(metadata_for, read, written, cost):
    metadata = metadata_for("practice", read, written)
    assert "cost" in metadata, (
        f"The model practice read {read} tokens and wrote {written}; the metadata are"
        f" {metadata}: send the cost beside the usage, in send_usage."
    )
    assert metadata["cost"] == pytest.approx(cost), (
        f"The model practice read {read} tokens and wrote {written}. A million costs 1"
        f" dollar read and 2 dollars written; the cost is {metadata['cost']}, expected"
        f" was {cost}."
    )
    assert metadata.get("usage", {}).get("totalTokens") == read + written, (
        f"The metadata are {metadata}: the usage has to stay."
    )


def test_a_model_without_a_price_has_no_cost(metadata_for):
    metadata = metadata_for("nobody-knows", 3, 5)
    assert "cost" not in metadata, (
        f"Nobody knows the price of the model nobody-knows, and its cost is"
        f" {metadata['cost']}: send no cost then, for 0 would say that it is free."
    )
    assert metadata.get("usage", {}).get("totalTokens") == 8, (
        f"The metadata of a model without a price are {metadata}:"
        " the usage has to stay."
    )

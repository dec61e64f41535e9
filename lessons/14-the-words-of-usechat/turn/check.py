"""The metadata of an answer say what it cost, if the price is known."""

import json
from importlib import import_module

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
        has_finished = False
        answer = client.post("/chat", json=ASKED)
        for line in answer.get_data(as_text=True).splitlines():
            if line.startswith("data: {"):
                message = json.loads(line.removeprefix("data: "))
                assert message["type"] != "error", (
                    f"The model is called {name}, and its answer ended in an error,"
                    f" {message.get('errorText')!r}, though the model had not failed:"
                    " something in send_usage raised an exception. The program's output"
                    " names the exception and the line."
                )
                new = message.get("messageMetadata") or {}
                assert not has_finished or not new, (
                    f"The metadata {new} come after finish, when the message is over."
                    " Send them earlier, along with the usage."
                )
                has_finished = has_finished or message["type"] == "finish"
                metadata |= new
        return metadata

    return ask


@pytest.mark.parametrize(
    ("read", "written", "cost"), [(1_000_000, 0, 1), (0, 1_000_000, 2), (3, 5, 13e-6)]
)
def test_the_practice_model_has_its_price(metadata_for, read, written, cost):
    metadata = metadata_for("practice", read, written)
    assert "cost" in metadata, (
        f"The model practice read {read} tokens and wrote {written}, and the metadata"
        f" are {metadata}. Send the cost along with the usage, in send_usage."
    )
    assert metadata["cost"] == pytest.approx(cost), (
        f"The model practice read {read} tokens and wrote {written}. A million tokens"
        f" cost 1 dollar read and 2 dollars written. Expected the cost {cost}, got"
        f" {metadata['cost']}."
    )
    assert metadata.get("usage", {}).get("totalTokens") == read + written, (
        f"The metadata are {metadata}, without the usage. Send the usage, too."
    )


def test_a_model_without_a_price_has_no_cost(metadata_for):
    for name in "nobody-knows", "practice-2":
        metadata = metadata_for(name, 3, 5)
        assert "cost" not in metadata, (
            f"Nobody knows the price of the model {name}, but its cost is"
            f" {metadata['cost']}. Send no cost in that case: 0 would say that it is"
            " free."
        )
    assert metadata.get("usage", {}).get("totalTokens") == 8, (
        f"The metadata of a model without a price are {metadata}, without the usage."
        " Send the usage all the same."
    )


def test_the_prices_are_in_a_dict(program, metadata_for, monkeypatch):
    chat = import_module(f"{program.__package__}.chat")
    prices = getattr(chat, "PRICES", None)
    assert isinstance(prices, dict) and "practice" in prices, (
        f"chat.py has PRICES = {prices!r}. Write a dict there, with the price of each"
        ' model, PRICES = {"practice": (1, 2)}.'
    )
    monkeypatch.setitem(prices, "dear", (10, 30))
    metadata = metadata_for("dear", 1_000_000, 1_000_000)
    assert metadata.get("cost") == pytest.approx(40), (
        'PRICES had a second model, "dear": (10, 30). It read a million tokens and'
        f" wrote a million. Expected the cost 40, got {metadata.get('cost')}. Look the"
        " price up in PRICES, by the model's name."
    )
    monkeypatch.setitem(prices, "free", (0, 0))
    assert metadata_for("free", 3, 5).get("cost") == 0, (
        'PRICES had a model that is free, "free": (0, 0), and its answer has no cost. 0'
        " is a price, too: only None means that there is no price."
    )


def test_each_answer_knows_its_own_model(program):
    one, other = program.ChatStream(5), program.ChatStream(5)
    one.send_metadata({"model": "practice"})
    other.send_metadata({"model": "nobody-knows"})
    one.send_metadata({"mood": "good"})
    usage = {"promptTokens": 0, "completionTokens": 1_000_000, "totalTokens": 1_000_000}
    costs = []
    for stream in one, other:
        stream.send_usage(usage)
        text = b"".join(stream.pieces).decode()
        costs.append('"cost"' in text)
    assert costs[0], (
        "Two answers were written at the same time, one by practice, and other"
        " metadata came after the model's name. The answer by practice has no cost."
        " Keep the name in self.model, but set it only if the metadata have one."
    )
    assert not costs[1], (
        "Two answers were written at the same time, and the one by a model that nobody"
        " knows has a cost. Keep the name in self.model, so that each stream has its"
        " own."
    )

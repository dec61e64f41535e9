"""Another provider: a real ChatAnthropic against a server of Anthropic's protocol."""

import json
from threading import Event

import pytest
from support.provider import DROP, Provider, refuse

import app as program
from models import choose_model


def said(kind, **fields):
    """Return one event as Anthropic sends it."""
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields})}\n\n".encode()


def text(words):
    delta = {"type": "text_delta", "text": words}
    return said("content_block_delta", index=0, delta=delta)


NO_GATE = Event()
MESSAGE = {"id": "m", "type": "message", "role": "assistant", "model": "claude-test"}
MESSAGE |= {"content": [], "stop_reason": None, "stop_sequence": None}
START = said("message_start", message=MESSAGE | {"usage": {"input_tokens": 3}})
START += said(
    "content_block_start", index=0, content_block={"type": "text", "text": ""}
)


def ending(reason):
    delta = {"stop_reason": reason, "stop_sequence": None}
    end = said("content_block_stop", index=0)
    end += said("message_delta", delta=delta, usage={"output_tokens": 2})
    return [end + said("message_stop"), b""]


@pytest.fixture
def ask(monkeypatch, client):
    """Return a function that asks the app, with a provider of this script behind it.

    It returns the status, each piece with how many steps had left the provider, and
    the error that broke the body or None. The first piece opens the gate.
    """

    def ask(*script, gate=NO_GATE):
        with Provider(*script) as provider:
            monkeypatch.setenv("MODEL", "anthropic:claude-test")
            monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-abcd")
            base = provider.url.removesuffix("/v1")
            monkeypatch.setenv("ANTHROPIC_BASE_URL", base)
            monkeypatch.setattr(program, "model", choose_model())
            answer = client.post("/ask", json={"prompt": "Hello?"})
            came = []
            try:
                for piece in answer.response:
                    came.append((piece.decode(), len(provider.sent)))
                    gate.set()
            except Exception as error:
                return answer.status_code, came, error
            finally:
                answer.close()
            return answer.status_code, came, None

    return ask


def test_the_first_piece_leaves_before_the_second_is_made(ask):
    gate = Event()
    script = [START, text("Hello"), gate, text(" world"), *ending("end_turn")]
    status, came, error = ask(*script, gate=gate)
    assert (status, error) == (200, None)
    assert came[0] == ("Hello", 2)
    assert "".join(piece for piece, _ in came) == "Hello world"


@pytest.mark.parametrize("end", [ending("max_tokens"), ending("refusal"), [DROP]])
def test_an_answer_that_is_not_whole_breaks(ask, end):
    status, came, error = ask(START, text("Hello"), *end)
    assert status == 200 and error
    assert came[0][0] == "Hello" and came[-1][0].startswith("\n[error: ")


@pytest.mark.parametrize(
    ("status", "ours"), [(401, 502), (404, 502), (400, 400), (429, 429), (529, 502)]
)
def test_its_refusals_get_our_statuses(ask, status, ours):
    refusal = refuse(status, message="No.")
    answered, came, _ = ask(refusal, refusal)
    assert answered == ours
    assert "sk-" not in came[0][0] and json.loads(came[0][0]).keys() == {"error"}

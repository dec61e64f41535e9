"""POST /ask with each row of the zoo behind it: what a person sees, and the log says.

The three kinds are kept apart: whole and clean; kept, and told as broken; refused.
"""

import json
import threading
from collections import Counter
from typing import NamedTuple

import pytest
import requests
from support.zoo import Broken, Refused, Whole, Zoo
from support.zoo_rows import ROWS

import app as program
import failures

BY_NAME = {row.name: row for row in ROWS}
SOON = 20  # seconds that a test waits at most for what has to come
OURS = [  # what no provider sends
    failures.TOO_SLOW,
    failures.UNREACHABLE,
    failures.NO_SUCH_HOST,
    failures.WRONG_CERTIFICATE,
    failures.PROXY_FAILED,
    failures.MISTAKE,
]


def rows_of(kind):
    """Return the parameters for a test of all rows that expect this kind of answer."""
    return [
        pytest.param(row, id=row.name) for row in ROWS if type(row.expected) is kind
    ]


@pytest.fixture(scope="module")
def zoo():
    """Return the zoo, open."""
    with Zoo(BY_NAME) as zoo:
        yield zoo


class Seen(NamedTuple):
    """What came of a question: the answer, and the line that the log has of it."""

    status: int
    headers: dict
    body: str
    broke: bool  # off, before it was whole
    log: str


@pytest.fixture
def ask(zoo, server, monkeypatch, caplog):
    """Return a function that asks the app, with a row of the zoo as its provider.

    It returns what was Seen: never a part of a key, as providers' messages hold it.
    """

    def ask(row, **settings):
        zoo.asked.pop(row.name, None)
        monkeypatch.setattr(program, "model", zoo.model_for(row, **settings))
        prompt = {"prompt": row.name}
        with requests.post(
            f"{server}/ask", json=prompt, stream=True, timeout=60
        ) as answer:
            body, broke = b"", False
            try:
                for piece in answer.iter_content(None):
                    body += piece
            except requests.exceptions.ChunkedEncodingError:
                broke = True
        log = line_of(caplog)
        assert "sk-" not in body.decode() + log
        return Seen(answer.status_code, answer.headers, body.decode(), broke, log)

    return ask


def line_of(caplog):
    """Return the line that the app logs of an answer, as soon as it is there."""
    for _ in range(SOON * 100):
        for name, _, line in caplog.record_tuples:
            if name == program.app.logger.name:
                return line
        threading.Event().wait(0.01)
    pytest.fail("the log says nothing of the answer")


def sentence(zoo, failure, seconds=5):
    """Return the sentence for a failure, as those who ask the zoo have to see it."""
    return failure.sentence.format(seconds=seconds, server=zoo.server)


def check_whole(seen, expected):
    assert (seen.status, seen.body, seen.broke) == (200, expected.text, False)
    assert seen.log.endswith(", whole")


def check_broken(seen, expected, zoo):
    why = sentence(zoo, expected.failure)
    assert seen.body == f"{expected.text}\n[error: {why}]\n"
    assert (seen.status, seen.broke) == (200, True)
    assert not seen.log.endswith("whole")


def check_refused(seen, expected, zoo):
    failure, seconds = expected
    assert json.loads(seen.body) == {"error": sentence(zoo, failure, seconds)}, (
        "If the provider has words of its own for this, add them to provider_words.py."
    )
    assert (seen.status, seen.broke) == (failure.status, False)
    wait = str(seconds) if failure is failures.RATE_LIMIT else None
    assert seen.headers.get("Retry-After") == wait


@pytest.mark.filterwarnings("ignore:Pydantic serializer warnings")  # of Mistral's lists
@pytest.mark.parametrize("row", rows_of(Whole))
def test_a_whole_answer_is_whole(ask, zoo, row):
    check_whole(ask(row), row.expected)
    assert zoo.asked[row.name] == row.asked


@pytest.mark.parametrize("row", rows_of(Broken))
def test_a_cut_answer_is_kept_and_told_as_broken(ask, zoo, row):
    seen = ask(row)
    check_broken(seen, row.expected, zoo)
    assert row.log in seen.log
    assert zoo.asked[row.name] == row.asked


@pytest.mark.parametrize("row", rows_of(Refused))
def test_a_refusal_is_a_status_and_a_sentence(ask, zoo, row):
    seen = ask(row)
    check_refused(seen, row.expected, zoo)
    assert row.log in seen.log
    assert zoo.asked[row.name] == row.asked


# Packages that LangChain has for other providers, once they are installed

OTHERS = {
    "groq": {
        "MODEL": "groq:llama",
        "GROQ_API_KEY": "sk-abcd1234wxyz",
        "GROQ_API_BASE": "{url}",
    },
    "deepseek": {
        "MODEL": "deepseek:deepseek-chat",
        "DEEPSEEK_API_KEY": "sk-abcd1234wxyz",
        "DEEPSEEK_API_BASE": "{url}/v1",
    },
}
WHOLE = ["openai", "together-eos", "busy-once", "reset-once"]
BROKEN = ["openai-length", "deepseek-no-resources", "drops", "groq-capacity"]
REFUSED = [
    "groq-key",
    "deepseek-credit",
    "groq-413",
    "groq-model-retired",
    "groq-rate",
    "deepseek-422",
    "openai-500",
    "no-answer-at-all",
    "ollama-loading",
]


@pytest.mark.parametrize("provider", OTHERS)
@pytest.mark.parametrize("name", [*WHOLE, *BROKEN, *REFUSED])
def test_another_providers_package_does_as_openais(ask, zoo, provider, name):
    row = BY_NAME[name]
    seen = ask(row, **OTHERS[provider])
    if name in WHOLE:
        check_whole(seen, row.expected)
    elif name in BROKEN:
        check_broken(seen, row.expected, zoo)
    else:
        check_refused(seen, row.expected, zoo)
    assert zoo.asked[name] == row.asked


# The zoo itself


def test_the_zoo_has_a_row_for_each_quirk_with_its_source():
    assert len(BY_NAME) == len(ROWS) >= 120
    for row in ROWS:
        assert row.source.startswith("https://") or "#" in row.source, row.name
    kinds = Counter(type(row.expected) for row in ROWS)
    assert min(kinds[kind] for kind in [Whole, Broken, Refused]) >= 40
    wires = Counter(row.wire for row in ROWS)
    assert min(wires[wire] for wire in ["chat", "responses", "messages"]) >= 20


def test_each_failure_that_a_provider_can_cause_has_a_row():
    shown = [row.expected.failure for row in ROWS if type(row.expected) is not Whole]
    for name, failure in vars(failures).items():
        if isinstance(failure, failures.Failure):
            assert failure in [*shown, *OURS], name


def test_at_most_one_sentence_in_twenty_gives_advice_that_cannot_help():
    sentences = [row for row in ROWS if type(row.expected) is not Whole]
    wrong = [row for row in sentences if row.wrong_advice]
    assert len(wrong) * 20 <= len(sentences)

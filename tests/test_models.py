"""choose_model(): each setting, and the sentence for each wrong one."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from models import choose_model, number
from practice import PracticeModel

ROOT = Path(__file__).parent.parent

# Which model answers


@pytest.fixture
def env(monkeypatch):
    """Return a function that sets the environment, as .env would."""
    return lambda **settings: [monkeypatch.setenv(*pair) for pair in settings.items()]


def test_with_nothing_set_the_practice_model_answers():
    model = choose_model()
    assert (type(model), model.name, model.timeout) == (PracticeModel, "practice", 30)


@pytest.mark.parametrize(
    ("settings", "name", "address"),
    [
        ({"OPENAI_API_KEY": "sk-a"}, "openai:gpt-4.1-mini", None),
        ({"OPENAI_API_KEY": "sk-a", "MODEL": "openai:gpt-5"}, "openai:gpt-5", None),
        (
            {"OPENAI_BASE_URL": "http://localhost:11434/v1"},
            "openai:gpt-4.1-mini",
            "localhost",
        ),
        (
            {
                "OPENAI_BASE_URL": "http://localhost:11434/v1",
                "OPENAI_API_KEY": "",
                "MODEL": "openai:llama3.2:1b",
            },
            "openai:llama3.2:1b",
            "localhost",
        ),
    ],
    ids=["a key", "a key and a name", "an address", "an address and a name"],
)
def test_openai_or_a_server_that_speaks_its_protocol(env, settings, name, address):
    env(**settings)
    model = choose_model()
    assert (type(model).__name__, model.name) == ("ChatOpenAI", name)
    assert model.model_name == name.removeprefix("openai:")
    assert address is None or address in str(model.root_client.base_url)
    assert (model.request_timeout, model.max_retries) == (30, 0)


def test_anthropic_when_its_package_is_installed(env):
    env(MODEL="anthropic:claude-test", ANTHROPIC_API_KEY="sk-ant", MODEL_TIMEOUT="7")
    model = choose_model()
    assert (type(model).__name__, model.model) == ("ChatAnthropic", "claude-test")
    assert (model.default_request_timeout, model.max_retries) == (7, 0)


MISTAKES = {
    "no provider": ({"MODEL": "gpt-5"}, "write provider:name"),
    "an unknown provider": (
        {"MODEL": "opnai:gpt-5"},
        "provider is openai or anthropic",
    ),
    "no name": ({"MODEL": "openai:"}, "write provider:name"),
    "no key for Anthropic": (
        {"MODEL": "anthropic:claude"},
        "ANTHROPIC_API_KEY in .env is missing",
    ),
    "a key that no header can hold": (
        {"MODEL": "openai:gpt-5", "OPENAI_API_KEY": "sk-é"},
        "OPENAI_API_KEY in .env is wrong",
    ),
    "no key": ({"MODEL": "openai:gpt-5"}, "OPENAI_API_KEY in .env is missing"),
    "no package": (
        {"MODEL": "xai:grok", "XAI_API_KEY": "x"},
        "pip install langchain-xai",
    ),
    "no number": ({"MODEL_TIMEOUT": "soon"}, "MODEL_TIMEOUT=soon"),
    "too small": ({"MODEL_TIMEOUT": "0"}, "write a whole number, 1 to 999999"),
    "no place for an answer": ({"ANSWERS_AT_ONCE": "0"}, "1 to 999999"),
    "negative": ({"ANSWER_SECONDS": "-5"}, "write a whole number"),
    "not whole": ({"MODEL_RETRIES": "1.5"}, "write a whole number, 0 to 999999"),
}


@pytest.mark.parametrize(("settings", "words"), MISTAKES.values(), ids=MISTAKES)
def test_a_wrong_setting_stops_the_start_with_one_sentence(settings, words):
    start = subprocess.run(
        [sys.executable, "-m", "flask", "run", "--port", "1"],
        cwd=ROOT,
        env=os.environ | settings,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert start.returncode == 1
    assert words in start.stderr
    assert start.stderr.count("\n") == 1 and "Traceback" not in start.stderr


def test_the_key_is_not_in_the_sentence(env):
    env(MODEL="openai:gpt-5", OPENAI_API_KEY="sk-abc", OPENAI_PROXY="sk-abc://")
    with pytest.raises(SystemExit) as stop:
        choose_model()
    assert "sk-" not in str(stop.value) and "MODEL=openai:gpt-5" in str(stop.value)


def test_an_empty_setting_is_no_setting(env):
    env(MODEL="", OPENAI_API_KEY="", OPENAI_BASE_URL="", MODEL_TIMEOUT="")
    assert (choose_model().name, number("MODEL_TIMEOUT", 30)) == ("practice", 30)


def test_only_what_the_chosen_model_needs_is_imported():
    """With the practice model no provider's package is read: it takes half a second."""
    code = "import sys, app; print(*(name.split('.')[0] for name in sys.modules))"
    loaded = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert not {"langchain_openai", "openai", "tiktoken", "anthropic"} & set(loaded)

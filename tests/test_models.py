"""choose_model(): each setting, and the sentence for each wrong one."""

import os
import subprocess
import sys
from io import StringIO
from pathlib import Path

import certifi
import pytest
from dotenv import dotenv_values
from support.provider import Provider, refuse

import models
import settings as settings_py
from models import choose_model, number
from practice import PracticeModel
from providers import ADDRESSES, CHAT_MODELS
from settings import EnvFile, place_of

ROOT = Path(__file__).parent.parent

# Which model answers


@pytest.fixture
def env(monkeypatch):
    """Return a function that sets the environment, as .env would."""

    def write(**values):
        file = EnvFile(".env", Path(".env"), values)
        monkeypatch.setattr(settings_py, "ENV_FILES", [file])
        for setting, value in values.items():
            monkeypatch.setenv(setting, value)

    return write


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
    kind = "LeanChatOpenAI" if models.FAST.is_file() else "ChatOpenAI"
    assert (type(model).__name__, model.name) == (kind, name)
    assert model.model_name == name.removeprefix("openai:")
    assert address is None or address in str(model.root_client.base_url)
    assert (model.request_timeout, model.max_retries) == (30, 0)


@pytest.mark.parametrize("package", ["langchain_openai", "langchain_core.messages"])
def test_a_package_that_openai_lacks_is_named(env, monkeypatch, package):
    for module in list(sys.modules):  # which all have been imported by now
        if module.startswith("langchain_openai"):
            monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, package, None)  # as if it were not installed
    env(MODEL="openai:gpt-test", OPENAI_API_KEY="sk-abcd")
    with pytest.raises(SystemExit) as stopped:
        choose_model()
    name = package.partition(".")[0].replace("_", "-")
    assert str(stopped.value) == f"MODEL=openai:gpt-test: pip install {name}."


def test_without_the_folder_fast_langchains_own_client_answers(env, monkeypatch):
    monkeypatch.setattr(models, "FAST", models.FAST.with_name("deleted.py"))
    env(OPENAI_API_KEY="sk-abcd")
    assert type(choose_model()).__name__ == "ChatOpenAI"


def test_a_mistake_in_the_folder_fast_is_shown_as_one(env, monkeypatch):
    """A module that it misspells is nothing that anybody could install."""

    def chat_openai():
        import mispelled  # noqa: F401

    monkeypatch.setattr(pytest.importorskip("fast"), "chat_openai", chat_openai)
    env(OPENAI_API_KEY="sk-abcd")
    with pytest.raises(ModuleNotFoundError, match="mispelled"):
        choose_model()


def test_anthropic_when_its_package_is_installed(env):
    env(MODEL="anthropic:claude-test", ANTHROPIC_API_KEY="sk-ant", MODEL_TIMEOUT="7")
    model = choose_model()
    assert (type(model).__name__, model.model) == ("ChatAnthropic", "claude-test")
    assert (model.default_request_timeout, model.max_retries) == (7, 0)


def test_anthropics_key_alone_chooses_anthropic(env):
    env(ANTHROPIC_API_KEY="sk-ant-abcd")
    assert choose_model().name == "anthropic:claude-haiku-4-5"


def test_openais_key_comes_before_anthropics(env):
    env(ANTHROPIC_API_KEY="sk-ant-abcd", OPENAI_API_KEY="sk-abcd")
    assert choose_model().name == "openai:gpt-4.1-mini"


@pytest.mark.parametrize("provider", ["OpenAI", "OPENAI", " openai "])
def test_a_providers_name_may_be_written_in_any_letters(env, provider):
    env(OPENAI_API_KEY="sk-abcd", MODEL=f"{provider}: gpt-5")
    assert choose_model().model_name == "gpt-5"


@pytest.mark.parametrize(
    ("settings", "kind"),
    [
        ({"MODEL": "groq:llama", "GROQ_API_KEY": "gsk_a"}, "ChatGroq"),
        ({"MODEL": "deepseek:deepseek-chat", "DEEPSEEK_API_KEY": "a"}, "ChatDeepSeek"),
    ],
)
def test_others_when_their_package_is_installed(env, settings, kind):
    env(MODEL_TIMEOUT="7", **settings)
    model = choose_model()
    assert (type(model).__name__, model.model_name) == (
        kind,
        settings["MODEL"].split(":")[1],
    )
    assert (model.request_timeout, model.max_retries) == (7, 0)


@pytest.mark.parametrize("provider", ["openai", "anthropic", "groq", "deepseek"])
def test_every_client_asks_the_address_in_env(env, provider):
    """DeepSeek's client looks for DEEPSEEK_API_BASE only."""
    setting = provider.upper()
    with Provider(refuse(400)) as server:
        address = server.url.removesuffix("/v1")
        env(**{f"{setting}_API_KEY": "a", f"{setting}_BASE_URL": address})
        env(MODEL=f"{provider}:m", MODEL_TIMEOUT="23")
        with pytest.raises(Exception, match="400"):
            list(choose_model().stream("Hi"))
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "settings",
    [
        {"HTTPS_PROXY": "http://name:secret@proxy:3128"},
        {"HTTP_PROXY": "proxy:3128"},
        {"ALL_PROXY": ""},
        {"NO_PROXY": "localhost,[::1"},
        {"OPENAI_BASE_URL": "http://[::1]:11434/v1"},
        {"OPENAI_BASE_URL": "https://name.openai.azure.com/openai/v1/"},
        {"OPENAI_BASE_URL": "http://192.168.1.5:8080"},
        {"SSL_CERT_FILE": certifi.where()},
        {"SSL_CERT_FILE": f"{certifi.where()} "},
        {"HTTPS_PROXY": " http://127.0.0.1:3128"},
        {"all_proxy": "http://127.0.0.1:3128\t"},
        {"OPENAI_PROXY": " http://127.0.0.1:3128 "},
    ],
)
def test_what_is_right_does_not_stop_the_start(env, settings):
    env(OPENAI_API_KEY="sk-abcd", **settings)
    assert choose_model().name == "openai:gpt-4.1-mini"
    for setting, value in settings.items():
        if setting != "NO_PROXY":  # which has more hosts now
            assert os.environ[setting] == value.strip()  # clients read it themselves
            assert place_of(setting) == ".env"


# What is wrong in .env

PACKAGES = {  # what LangChain has for them, as if it were not installed
    "deepseek": "langchain-deepseek",
    "gemini": "langchain-google-genai",
    "google": "langchain-google-genai",
    "groq": "langchain-groq",
    "mistral": "langchain-mistralai",
    "together": "langchain-together",
    "xai": "langchain-xai",
}
WITHOUT_A_PACKAGE = ["azure_openai", "fireworks", "ollama", "openrouter"]
UNKNOWN = [
    "gpt-5",
    "llama3.2:3b",
    "openai/gpt-5",
    "opnai:gpt-5",
    "cohere:command-r",
    "azure:gpt-5",
    ":gpt-5",
    "claude-haiku-4-5",
    "Practice",
]
NAMELESS = {
    "openai:": "openai",
    "OPENAI:": "openai",
    "anthropic:": "anthropic",
    "groq:": "groq",
}
NO_ADDRESSES = [
    "localhost:11434/v1",
    "http//localhost:11434/v1",
    "http:/localhost:11434/v1",
    "htp://localhost:11434/v1",
    "https://https://api.groq.com/openai/v1",
    "http:///v1",
    "11434",
    "http://localhost:port/v1",
    "http://localhost:114340/v1",
    "http://localhost: 11434/v1",
    "http://[::1:11434/v1",
    "http://localhost:11434//v1",
    "\u201chttp://localhost:11434/v1\u201d",
    "http://loc\u200balhost:11434/v1",  # with an invisible space
    "http://localhost:11434/v1\u200b",
    "http://./v1",
    "http://localhost..:11434/v1",
    f"http://{'a' * 64}.example/v1",
]
NO_PROXIES = {
    "HTTPS_PROXY": "http//proxy:3128",
    "HTTP_PROXY": "proxy:port",
    "ALL_PROXY": "ftp://proxy:21",
    "https_proxy": "http://",
    "http_proxy": "http://my proxy:3128",
    "all_proxy": "socks4://proxy:1080",
    "OPENAI_PROXY": "proxy:3128",
}
NO_KEYS = [
    "\u201csk-abc\u201d",  # curly quotes
    "sk-\u2026",  # an ellipsis that an editor made of three dots
    "sk-\xe9",
    "sk-\x07",
]
KEYS_WITH_SPACES = [
    '"sk-abc\ndef"',  # a line break, as it is
    '"sk-abc\\ndef"',  # and as it is written in Python
    "sk-abc def",
    "Bearer sk-abc",
    "sk-abc\u00a0def",  # a space that browsers do not break at
]
NO_NUMBERS = ["soon", "0", "30s", "0.5", "-5", "1e3", "\uff13\uff10", "1000000"]

WRONG = {}  # a .env file, and the sentence that stops the start
for name in UNKNOWN:
    WRONG[f"OPENAI_API_KEY=sk-a\nMODEL={name}"] = (
        f"MODEL={name}: write MODEL=openai:name or MODEL=anthropic:name, with the"
        " provider's name for the model. For another provider, write MODEL=openai:name"
        " and its address as OPENAI_BASE_URL: .env.example lists them."
    )
for name, provider in NAMELESS.items():
    WRONG[f'OPENAI_API_KEY=sk-a\nMODEL="{name}"'] = (
        f"MODEL={name} does not name a model: write MODEL={provider}:name."
    )
for provider, address in ADDRESSES.items():
    way = (
        f"MODEL={provider}:a/b:c: write MODEL=openai:a/b:c and OPENAI_BASE_URL="
        f"{address} in .env, and the key, if it needs one, as OPENAI_API_KEY"
    )
    if provider in PACKAGES:
        way += f"; or pip install {PACKAGES[provider]}"
    setting = f"{provider.upper()}_API_KEY"
    WRONG[f"{setting}=a\nMODEL={provider}:a/b:c"] = f"{way}."
    WRONG[f"{setting}=a"] = (
        f"{setting} alone does not choose a model. In .env, write MODEL=openai:name,"
        f" OPENAI_BASE_URL={address} and the key as OPENAI_API_KEY; or MODEL=practice."
    )
for address in NO_ADDRESSES:
    WRONG[f"OPENAI_BASE_URL={address}\nMODEL=openai:llama3.2"] = (
        "OPENAI_BASE_URL in .env is not an address: write one like"
        " http://localhost:11434/v1."
    )
for setting, proxy in NO_PROXIES.items():
    WRONG[f"OPENAI_API_KEY=sk-a\n{setting}={proxy}"] = (
        f"{setting} in .env is not a proxy: write one like http://127.0.0.1:3128."
    )
for key in NO_KEYS:
    WRONG[f"OPENAI_API_KEY={key}"] = (
        "OPENAI_API_KEY in .env is wrong: it has characters that no key has, such as"
        " curly quotes or an ellipsis."
    )
for key in KEYS_WITH_SPACES:
    WRONG[f"ANTHROPIC_API_KEY={key}"] = (
        "ANTHROPIC_API_KEY in .env is wrong: it has a space or a line break in it."
        " Write it without them, on one line."
    )
for text in NO_NUMBERS:
    WRONG[f"OPENAI_API_KEY=sk-a\nMODEL_TIMEOUT={text}"] = (
        f"MODEL_TIMEOUT={text}: write a whole number from 1 to 999999."
    )
WRONG |= {
    "MODEL=openai:gpt-5": (
        "OPENAI_API_KEY is missing: write your key for openai in .env."
    ),
    "MODEL=openai:gpt-5\nOPENAI_API_KEY=": (
        "OPENAI_API_KEY is missing: write your key for openai in .env."
    ),
    'MODEL=openai:gpt-5\nOPENAI_API_KEY="  "': (
        "OPENAI_API_KEY is missing: write your key for openai in .env."
    ),
    "MODEL=anthropic:claude-haiku-4-5\nOPENAI_API_KEY=sk-a": (
        "ANTHROPIC_API_KEY is missing: write your key for anthropic in .env."
    ),
    "MODEL=anthropic:claude-haiku-4-5\nOPENAI_BASE_URL=http://localhost:1234/v1": (
        "ANTHROPIC_API_KEY is missing: write your key for anthropic in .env."
    ),
    "MODEL=anthropic:claude-haiku-4-5\nANTHROPIC_BASE_URL=http://localhost:1234": (
        "ANTHROPIC_API_KEY is missing: write your key for localhost in .env."
    ),
    "OPENAI_BASE_URL=https://api.groq.com/openai/v1\nGROQ_API_KEY=a": (
        "OPENAI_API_KEY is missing: write your key for api.groq.com in .env."
    ),
    "OPENAI_API_KEY=a\nOPENAI_BASE_URL=https://api.openai.com/v1/chat/completions": (
        "OPENAI_BASE_URL in .env ends in /chat/completions: remove that part."
    ),
    "OPENAI_API_KEY=a\nOPENAI_BASE_URL=https://api.openai.com/v1/responses/": (
        "OPENAI_BASE_URL in .env ends in /responses: remove that part."
    ),
    "OPENAI_API_KEY=a\nOPENAI_BASE_URL=https://api.openai.com/v1/responses?a=1": (
        "OPENAI_BASE_URL in .env has a ?: remove it and all that follows."
    ),
    "OPENAI_API_KEY=a\nOPENAI_BASE_URL=http://localhost:11434/v1#ollama": (
        "OPENAI_BASE_URL in .env has a #: remove it and all that follows."
    ),
    "MODEL=ollama": (
        "MODEL=ollama: write MODEL=openai:name and"
        " OPENAI_BASE_URL=http://localhost:11434/v1 in .env, and the key, if it needs"
        " one, as OPENAI_API_KEY."
    ),
    "OPENAI_API_BASE=http://localhost:11434/v1": (
        "OPENAI_API_BASE in .env is an old name: write OPENAI_BASE_URL."
    ),
    "ANTHROPIC_API_KEY=a\nANTHROPIC_BASE_URL=api.anthropic.com": (
        "ANTHROPIC_BASE_URL in .env is not an address: write one like"
        " https://api.anthropic.com."
    ),
    "ANTHROPIC_API_KEY=a\nANTHROPIC_BASE_URL=https://api.anthropic.com/v1": (
        "ANTHROPIC_BASE_URL in .env ends in /v1: remove that part."
    ),
    "ANTHROPIC_API_KEY=a\nANTHROPIC_BASE_URL=https://api.anthropic.com/v1/messages": (
        "ANTHROPIC_BASE_URL in .env ends in /messages: remove that part."
    ),
    "ANTHROPIC_API_KEY=a\nANTHROPIC_PROXY=proxy:3128": (
        "ANTHROPIC_PROXY in .env is not a proxy: write one like http://127.0.0.1:3128."
    ),
    "OPENAI_API_KEY=a\nHTTPS_PROXY=socks5://name:secret@127.0.0.1:1080": (
        "HTTPS_PROXY in .env names a SOCKS proxy, which needs: pip install socksio."
    ),
    "OPENAI_API_KEY=a\nSSL_CERT_FILE=school.pem": (
        "SSL_CERT_FILE in .env names a file that does not exist."
    ),
    f"OPENAI_API_KEY=a\nSSL_CERT_FILE={__file__}": (
        "SSL_CERT_FILE in .env names a file that has no certificates in PEM form:"
        " those are text, and begin with BEGIN CERTIFICATE."
    ),
}


@pytest.fixture
def no_packages(monkeypatch):
    """Let no package be found but OpenAI's and Anthropic's."""
    for package in [*PACKAGES.values(), "socksio"]:
        monkeypatch.setitem(sys.modules, package.replace("-", "_"), None)


@pytest.mark.parametrize(("text", "sentence"), WRONG.items())
def test_a_wrong_env_file_stops_the_start_with_its_sentence(
    env, no_packages, text, sentence
):
    env(**dotenv_values(stream=StringIO(text)))  # as `flask run` reads it
    with pytest.raises(SystemExit) as stop:
        choose_model()
    assert str(stop.value) == sentence


def test_each_provider_that_models_py_knows_is_in_the_table():
    installed = {"openai", "anthropic"}
    assert {*PACKAGES, *WITHOUT_A_PACKAGE} == {*ADDRESSES}
    assert {*PACKAGES} == {*CHAT_MODELS} - installed


def test_the_example_has_the_address_of_each_provider():
    example = (ROOT / ".env.example").read_text(encoding="utf-8")
    assert [address for address in ADDRESSES.values() if address not in example] == []


def test_the_readme_names_each_provider():
    """By the name that people know: Azure; Google's models are Gemini there."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    table = readme.partition("| provider |")[2].partition("\n\n")[0].lower()
    names = [name.removesuffix("_openai") for name in ADDRESSES if name != "google"]
    assert [name for name in names if name not in table] == []


def test_there_are_at_least_fifty_wrong_env_files():
    assert len(WRONG) >= 50


def test_no_sentence_shows_a_key_or_a_password():
    for sentence in WRONG.values():
        assert "sk-" not in sentence and "secret" not in sentence


def test_a_byte_order_mark_before_the_first_setting_gets_a_sentence(env):
    env(**{"\ufeffOPENAI_API_KEY": "sk-abcd"})  # as older versions of dotenv read it
    with pytest.raises(SystemExit) as stop:
        choose_model()
    assert "byte order mark" in str(stop.value)
    assert "OPENAI_API_KEY is not found" in str(stop.value)


STARTS = {  # with `flask run` itself, where a setting is read by more than models.py
    "no provider": (b"MODEL=gpt-5", "MODEL=gpt-5: write MODEL=openai:name"),
    "a key alone": (b"GROQ_API_KEY=a", "GROQ_API_KEY alone does not choose a model"),
    "no place for an answer": (b"ANSWERS_AT_ONCE=0", "1 to 999999"),
    "negative": (b"ANSWER_SECONDS=-5", "write a whole number"),
    "not whole": (b"MODEL_RETRIES=1.5", "write a whole number from 0 to 999999"),
    "a mark before the first setting": (
        b"\xef\xbb\xbfMODEL=gpt-5",
        "MODEL=gpt-5: write MODEL=openai:name",
    ),
    "a key in two lines": (b'OPENAI_API_KEY="a\nb"', "a space or a line break"),
}


@pytest.mark.slow
@pytest.mark.parametrize(("text", "words"), STARTS.values(), ids=STARTS)
def test_a_wrong_setting_stops_the_start_with_one_sentence(tmp_path, text, words):
    start = flask_run(tmp_path, text)
    assert start.returncode == 1
    assert words in start.stderr
    assert start.stderr.count("\n") == 1 and "Traceback" not in start.stderr


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le"])
def test_flask_itself_cannot_read_an_env_file_in_utf_16(tmp_path, encoding):
    """Our code has no turn before it: .env.example and the README say what to do."""
    start = flask_run(tmp_path, "OPENAI_API_KEY=sk-a\r\n".encode(encoding))
    assert start.returncode == 1
    assert "UnicodeDecodeError" in start.stderr or "null byte" in start.stderr
    for name in [".env.example", "README.md"]:
        assert "UnicodeDecodeError" in (ROOT / name).read_text(encoding="utf-8")


def flask_run(folder, text):
    """Run `flask run` in a folder whose .env holds these bytes, until it has ended."""
    (folder / ".env").write_bytes(text)
    env = os.environ | {"PYTHON_DOTENV_DISABLED": "", "FLASK_SKIP_DOTENV": ""}
    return subprocess.run(
        [sys.executable, "-m", "flask", "--app", ROOT / "app.py", "run", "--port", "1"],
        cwd=folder,
        env=env,
        capture_output=True,
        encoding="utf-8",
        timeout=60,
    )


class Fails:
    """A chat model that cannot be made, and says so with the key."""

    def __init__(self, api_key, **settings):
        raise ValueError(api_key)


def test_what_nobody_foresaw_is_a_sentence_without_the_key(env, monkeypatch):
    monkeypatch.setitem(CHAT_MODELS, "anthropic", (__name__, "Fails"))
    env(MODEL="anthropic:claude", ANTHROPIC_API_KEY="sk-abc")
    with pytest.raises(SystemExit) as stop:
        choose_model()
    assert str(stop.value) == (
        "MODEL=anthropic:claude: the settings for it are wrong (ValueError)."
    )


def test_an_empty_setting_is_no_setting(env):
    env(MODEL="", OPENAI_API_KEY="", OPENAI_BASE_URL="", MODEL_TIMEOUT="")
    assert (choose_model().name, number("MODEL_TIMEOUT", 30)) == ("practice", 30)


NEEDED = {  # by the setting that chooses a model: what only this model needs
    "MODEL": {"practice"},
    "OPENAI_API_KEY": {"langchain_openai", "openai", "tiktoken"},
    "ANTHROPIC_API_KEY": {"langchain_anthropic", "anthropic"},
}


@pytest.mark.slow
@pytest.mark.parametrize("setting", NEEDED)
def test_only_what_the_chosen_model_needs_is_imported(setting):
    """A provider's package takes half a second, and not each Python has SQLite."""
    imported = modules_with(**{setting: "practice"})  # which is a key like any other
    for other, modules in NEEDED.items():
        if other == setting:
            assert modules <= imported
        else:
            assert not modules & imported
    assert "sqlite3" not in imported  # the first search imports it


def modules_with(**settings):
    """Return the top names of the modules that app.py imports with these settings."""
    code = "import sys, app; print(*(name.split('.')[0] for name in sys.modules))"
    loaded = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=os.environ | settings,
        capture_output=True,
        text=True,
        check=True,
    )
    return set(loaded.stdout.split())

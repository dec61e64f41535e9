"""Which model answers: a provider's, or the practice model, which needs no key."""

import os  # os.environ holds the settings: `flask` puts those of .env there
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

from practice import PracticeModel

CHAT_MODELS = {  # by provider: LangChain's package for it, and the class in there
    "openai": ("langchain_openai", "ChatOpenAI"),
    "anthropic": ("langchain_anthropic", "ChatAnthropic"),
    "deepseek": ("langchain_deepseek", "ChatDeepSeek"),
    "gemini": ("langchain_google_genai", "ChatGoogleGenerativeAI"),
    "google": ("langchain_google_genai", "ChatGoogleGenerativeAI"),
    "groq": ("langchain_groq", "ChatGroq"),
    "mistral": ("langchain_mistralai", "ChatMistralAI"),
    "together": ("langchain_together", "ChatTogether"),
    "xai": ("langchain_xai", "ChatXAI"),
}
ADDRESSES = {  # by provider: where it speaks OpenAI's protocol, if it does
    "azure_openai": "https://NAME.openai.azure.com/openai/v1/",
    "deepseek": "https://api.deepseek.com/v1",
    "fireworks": "https://api.fireworks.ai/inference/v1",
    "gemini": "https://generativelanguage.googleapis.com/v1beta/openai/",
    "google": "https://generativelanguage.googleapis.com/v1beta/openai/",
    "groq": "https://api.groq.com/openai/v1",
    "mistral": "https://api.mistral.ai/v1",
    "ollama": "http://localhost:11434/v1",
    "openrouter": "https://openrouter.ai/api/v1",
    "together": "https://api.together.ai/v1",
    "xai": "https://api.x.ai/v1",
}
# A proxy is a server that passes requests on, in many schools the only way out. These
# settings, also written in small letters, say where it is.
PROXIES = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"]
# This folder makes a word of OpenAI's cost less. The program works without it.
FAST = Path(__file__).with_name("fast") / "__init__.py"


def choose_model():
    """Return the LangChain chat model that .env names, or stop with one sentence."""
    check_byte_order_mark()
    name = os.environ.get("MODEL") or default_name()
    timeout = number("MODEL_TIMEOUT", 30)  # seconds of silence
    if name == "practice":
        return PracticeModel(name=name, timeout=timeout)

    provider, model = read_name(name)
    chat_model = import_chat_model(provider, model)
    check_connection(provider)
    key = read_key(provider)
    try:
        return chat_model(
            name=name,  # what the page shows
            model=model,
            api_key=key,
            timeout=timeout,
            max_retries=0,  # app.py asks again, for it knows what was sent already
        )
    except Exception as error:  # its message is not shown: it may hold the key
        kind = type(error).__name__
        stop(f"MODEL={name}: the settings for it in .env are wrong ({kind}).")


# The model's name


def default_name():
    """Return the model for those who set no MODEL, or stop if it cannot be guessed."""
    for setting in ["OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_API_BASE"]:
        if os.environ.get(setting):
            return "openai:gpt-4.1-mini"
    if os.environ.get("ANTHROPIC_API_KEY"):
        return "anthropic:claude-haiku-4-5"
    for provider, address in ADDRESSES.items():
        setting = key_setting(provider)
        if os.environ.get(setting):
            stop(
                f"{setting} alone chooses no model: write MODEL=openai:name,"
                f" OPENAI_BASE_URL={address} and the key as OPENAI_API_KEY into .env,"
                " or MODEL=practice."
            )
    return "practice"


def read_name(name):
    """Split "openai:gpt-4.1-mini" into the provider and its name for the model."""
    provider, _, model = name.partition(":")
    provider = provider.strip().lower()
    model = model.strip()
    if provider in CHAT_MODELS and model:
        return provider, model
    if provider in CHAT_MODELS:
        stop(f"MODEL={name} lacks the name of a model: write MODEL={provider}:name.")
    if provider in ADDRESSES:
        stop(f"MODEL={name}: {another_way(provider, model)}.")
    stop(
        f"MODEL={name}: write MODEL=openai:name, with the provider's name for the"
        " model. For another provider than OpenAI write its address as OPENAI_BASE_URL"
        " too: .env.example lists them."
    )


def import_chat_model(provider, model):
    """Return LangChain's class for a provider, or stop and say how to get it."""
    module, class_name = CHAT_MODELS[provider]
    try:
        chat_model = getattr(import_module(module), class_name)
    except ModuleNotFoundError as missing:
        package, _, _ = missing.name.partition(".")
        way = f"pip install {package.replace('_', '-')}"
        if provider in ADDRESSES:
            way = f"{another_way(provider, model)}; or {way}"
        stop(f"MODEL={provider}:{model}: {way}.")
    if provider == "openai" and FAST.is_file():
        return import_module("fast").chat_openai()
    return chat_model


def another_way(provider, model):
    """Return what to write into .env so that no package is needed for a provider."""
    return (
        f"write MODEL=openai:{model} and OPENAI_BASE_URL={ADDRESSES[provider]} into"
        " .env, and the key, if it needs one, as OPENAI_API_KEY"
    )


# The key


def key_setting(provider):
    """Return the name of the setting that holds a provider's key: GROQ_API_KEY."""
    return f"{provider.upper()}_API_KEY"


def read_key(provider):
    """Return the provider's key, or stop if there is none that can be sent."""
    setting = key_setting(provider)
    key = os.environ.get(setting, "").strip()
    address = os.environ.get(f"{provider.upper()}_BASE_URL", "")
    if not key and provider == "openai" and address.startswith("http://"):
        return "none"  # a server of one's own needs no key, but its client wants a word
    if not key:
        host = urlsplit(address).hostname or provider
        stop(f"{setting} in .env is missing: put the key of {host} there.")
    if any(letter.isspace() for letter in key):
        stop(
            f"{setting} in .env is wrong: it holds a space or a line break. Write it"
            " without them, in one line."
        )
    if not key.isascii() or not key.isprintable():  # no HTTP header can hold it
        stop(
            f"{setting} in .env is wrong: it holds letters that no key has, such as"
            " curly quotes or an ellipsis."
        )
    return key


# The addresses


def check_connection(provider):
    """Stop if the provider's client cannot use a setting of the connection."""
    if (
        provider == "openai" and "OPENAI_API_BASE" in os.environ
    ):  # it wins over OPENAI_BASE_URL
        stop("OPENAI_API_BASE in .env is an old name: write OPENAI_BASE_URL.")
    setting = f"{provider.upper()}_BASE_URL"
    address = os.environ.get(setting, "")
    if address and not is_address(address, ["http", "https"]):
        stop(f"{setting} in .env is no address: write one like {example(provider)}.")
    for end in ["/chat/completions", "/responses", "/messages"]:  # the client adds it
        if address.rstrip("/").endswith(end):
            stop(f"{setting} in .env ends in {end}: leave that away.")
    if provider == "anthropic" and address.rstrip("/").endswith("/v1"):  # it adds /v1
        stop(f"{setting} in .env ends in /v1: leave that away.")

    small = [setting.lower() for setting in PROXIES]
    for setting in [*PROXIES, *small, f"{provider.upper()}_PROXY"]:
        check_proxy(setting)

    # a file with the certificates of those whom we believe to be who they say
    certificates = os.environ.get("SSL_CERT_FILE", "")
    if certificates and not Path(certificates).is_file():
        stop("SSL_CERT_FILE names a file that is not there.")


def example(provider):
    """Return an address like those that a provider's setting can have."""
    if provider == "anthropic":
        return "https://api.anthropic.com"
    return "http://localhost:11434/v1"


def check_proxy(setting):
    """Stop if a setting names a proxy that cannot be used. Its value is not shown.

    It can hold a password.
    """
    proxy = os.environ.get(setting, "")
    if proxy and "://" not in proxy and setting.upper() in PROXIES:
        proxy = f"http://{proxy}"  # in these it may be left away
    # SOCKS is another protocol for proxies
    if proxy and not is_address(proxy, ["http", "https", "socks5", "socks5h"]):
        stop(f"{setting} is no proxy: write one like http://127.0.0.1:3128.")
    if proxy.startswith("socks") and not find_spec("socksio"):
        stop(f"{setting} names a SOCKS proxy, which needs: pip install socksio.")


def is_address(text, schemes):
    """Whether a text is an address with one of these schemes, a host and no spaces."""
    try:
        parts = urlsplit(text)
        # asking for the port raises a ValueError if it is no number
        parts.port  # noqa: B018
    except ValueError:
        return False
    if parts.scheme not in schemes or not parts.hostname:
        return False
    return text.count("//") == 1 and not any(letter.isspace() for letter in text)


# What all settings share


def check_byte_order_mark():
    """Stop if .env begins with a mark that became a part of its first setting's name.

    Some editors put it there. Newer versions of python-dotenv take it away.
    """
    for setting in os.environ:
        if setting.startswith("\ufeff"):
            stop(
                f".env begins with a byte order mark, so that {setting[1:]} is not"
                " found: save the file as UTF-8 without one."
            )


def number(setting, default, least=1):
    """Return the whole number that the environment has for a setting, or stop."""
    value = os.environ.get(setting) or str(default)
    # isdigit alone would take ² for a digit
    is_number = value.isascii() and value.isdigit() and len(value) <= 6
    if not is_number or int(value) < least:
        stop(f"{setting}={value}: write a whole number, {least} to 999999.")
    return int(value)


def trusted_hosts():
    """Return the names under which the server may be reached, from TRUSTED_HOSTS."""
    hosts = os.environ.get("TRUSTED_HOSTS") or "localhost,127.0.0.1"
    return [host.strip() for host in hosts.split(",")]


def stop(sentence):
    """End the program with one sentence, and without a traceback."""
    raise SystemExit(sentence)

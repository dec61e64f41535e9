"""Which model answers: a provider's, or the practice model, which needs no key."""

import os
from importlib import import_module

from practice import PracticeModel

CHAT_MODELS = {  # by provider: LangChain's class, in the package langchain_<provider>
    "openai": "ChatOpenAI",
    "anthropic": "ChatAnthropic",
    "xai": "ChatXAI",
}


def choose_model():
    """Return the LangChain chat model that .env names, or stop with one sentence."""
    name = os.environ.get("MODEL") or default_name()
    timeout = number("MODEL_TIMEOUT", 30)  # seconds of silence
    if name == "practice":
        return PracticeModel(name=name, timeout=timeout)

    provider, _, model = name.partition(":")  # openai:gpt-4.1-mini
    if provider not in CHAT_MODELS or not model:
        known = " or ".join(CHAT_MODELS)
        stop(f"MODEL={name}: write provider:name, where provider is {known}.")
    key = read_key(provider)
    package = import_package(provider)
    chat_model = getattr(package, CHAT_MODELS[provider])
    try:
        chat = chat_model(
            name=name,
            model=model,
            api_key=key,
            timeout=timeout,
            max_retries=0,  # app.py asks again, for it knows what was sent already
        )
    except Exception as error:  # its message is not shown: it may hold the key
        kind = type(error).__name__
        stop(f"MODEL={name}: the settings for it in .env are wrong ({kind}).")
    if provider == "openai":
        from lean import make_lean  # not above: the practice model does without openai

        make_lean(chat)  # the same answers for half the work
    return chat


def default_name():
    """Return the model for those who set no MODEL: OpenAI's, if it can be reached."""
    if os.environ.get("OPENAI_BASE_URL") or os.environ.get("OPENAI_API_KEY"):
        return "openai:gpt-4.1-mini"
    return "practice"


def read_key(provider):
    """Return the provider's key, or stop if there is none that can be sent."""
    setting = f"{provider.upper()}_API_KEY"
    key = os.environ.get(setting, "").strip()
    if not key and provider == "openai" and os.environ.get("OPENAI_BASE_URL"):
        return "none"  # a server of one's own needs no key, but its client wants a word
    if not key:
        stop(f"{setting} in .env is missing: put the key of {provider} there.")
    if not key.isascii() or not key.isprintable():  # no HTTP header can hold it
        stop(f"{setting} in .env is wrong: it holds letters that no key has.")
    return key


def import_package(provider):
    """Import LangChain's package for a provider, or stop and say how to get it."""
    try:
        return import_module(f"langchain_{provider}")
    except ModuleNotFoundError:
        stop(f"MODEL={provider}:... needs a package: pip install langchain-{provider}")


def number(setting, default, least=1):
    """Return the whole number that the environment has for a setting, or stop."""
    value = os.environ.get(setting) or str(default)
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

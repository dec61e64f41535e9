"""Which model answers: a provider's, or the practice model, which needs no key."""

from importlib import import_module
from pathlib import Path

from machine import use_no_proxy_for_this_machine
from providers import (
    ADDRESSES,
    CHAT_MODELS,
    another_way,
    check_address,
    check_certificates,
    check_lone_key,
    check_proxy,
    check_quotation_marks,
    chosen_name,
    proxy_settings,
    read_key,
    read_name,
)
from settings import check_byte_order_mark, number, stop
from settings import trusted_hosts as trusted_hosts  # for the lessons' programs
from start_report import report_start

# This folder makes a word of OpenAI's cost less. The program works without it.
FAST = Path(__file__).with_name("fast") / "__init__.py"


def choose_model():
    """Return the LangChain chat model that .env names, or stop with one sentence."""
    check_byte_order_mark()
    check_quotation_marks()
    name = chosen_name()
    timeout = number("MODEL_TIMEOUT", 30)  # seconds of silence
    if name == "practice":
        check_lone_key()
        model = practice_model(name, timeout)
    else:
        model = provider_model(name, timeout)
    report_start(name)
    return model


def practice_model(name, timeout):
    """Return the practice model, for which SQLite is imported."""
    from practice import PracticeModel

    return PracticeModel(name=name, timeout=timeout)


def provider_model(name, timeout):
    """Return the chat model of the provider in a name such as "openai:gpt-5"."""
    provider, model = read_name(name)
    chat_model = import_chat_model(provider, model)
    check_address(provider)
    for setting in proxy_settings(provider):
        check_proxy(setting)
    check_certificates()
    key = read_key(provider)
    use_no_proxy_for_this_machine()
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
        stop(f"MODEL={name}: the settings for it are wrong ({kind}).")


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

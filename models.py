"""Which model answers: a provider's, or the practice model, which needs no key."""

from importlib import import_module
from pathlib import Path

# "noqa" tells ruff, which looks for names that nothing uses, that this one is meant for
# others: app.py and the lessons import it from here.
from hosts import trusted_hosts  # noqa: F401
from machine import use_no_proxy_for_this_machine
from providers import (
    ADDRESSES,
    CHAT_MODELS,
    address_setting,
    check_address,
    check_certificates,
    check_key_without_model,
    check_proxy,
    check_quotation_marks,
    chosen_name,
    proxy_settings,
    read_key,
    read_name,
    remove_spaces,
    without_package,
)
from settings import check_byte_order_mark, number, stop, value_of
from start_report import report_start, report_without_effect

# With this folder, OpenAI's answers take less processor time. It may be missing.
FAST = Path(__file__).parent / "fast" / "__init__.py"


def choose_model():
    """Return the LangChain chat model that .env names, or stop with one sentence."""
    report_without_effect()  # prints which lines of .env set nothing
    check_byte_order_mark()  # an invisible mark at the start of .env
    check_quotation_marks()  # around the value of a setting
    remove_spaces()  # before and after it
    name = chosen_name()
    timeout = number("MODEL_TIMEOUT", 30)  # seconds of silence
    if name == "practice":
        check_key_without_model()  # such as GROQ_API_KEY without MODEL
        model = practice_model(name, timeout)
    else:
        model = provider_model(name, timeout)
    report_start(name)  # prints which model answers
    return model


def practice_model(name, timeout):
    """Return the practice model.

    Only this function imports it, because no provider's model needs it.
    """
    from practice import PracticeModel

    return PracticeModel(name=name, timeout=timeout)


def provider_model(name, timeout):
    """Return the chat model of the provider in a name such as "openai:gpt-5"."""
    provider, model_name = read_name(name)
    check_address(provider)
    for setting in proxy_settings(provider):
        check_proxy(setting)  # a proxy is a server that passes requests on
    # SSL_CERT_FILE names a file that says which servers' certificates are trusted. A
    # server uses its certificate to prove who it is.
    check_certificates()
    model_class = import_model_class(provider, model_name)
    key = read_key(provider)
    address = value_of(address_setting(provider))
    # A proxy cannot reach a model that runs on this machine.
    use_no_proxy_for_this_machine(address)
    # Not every client looks for its address in the environment. One that does not would
    # ask its provider.
    elsewhere = {"base_url": address} if address else {}
    try:
        return model_class(
            name=name,  # what the page shows
            model=model_name,
            api_key=key,
            timeout=timeout,
            max_retries=0,  # app.py asks again, because it knows what was already sent
            **elsewhere,  # ** gives each item of a dict as an argument with its name
        )
    except Exception as error:  # its message is not shown: it may hold the key
        kind = type(error).__name__
        stop(f"MODEL={name}: the settings for it are wrong ({kind}).")


def import_model_class(provider, model_name):
    """Return the class for a provider's models, or stop and say how to get it."""
    module_name, class_name = CHAT_MODELS[provider]
    try:
        module = import_module(module_name)  # as import does, for a name in a variable
    except ModuleNotFoundError as missing:
        package = missing.name.split(".")[0].replace("_", "-")  # pip's name for it
        way = f"pip install {package}"
        if provider in ADDRESSES:  # OpenAI's client, which is installed, can ask it
            way = f"{without_package(provider, model_name)}; or {way}"
        stop(f"MODEL={provider}:{model_name}: {way}.")
    if provider == "openai" and FAST.is_file():
        from fast import chat_openai

        return chat_openai()
    return getattr(module, class_name)  # module.ChatOpenAI, for a name in a variable

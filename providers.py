"""Which providers there are, and what is wrong with a key, an address or a proxy.

A provider is a company, or a program on your own machine, that runs models. LangChain
has a class for each, of which models.py makes an object.
"""

import os
import ssl
from importlib.util import find_spec  # finds a package, or returns None
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass  # this machine's proxies

from settings import SETTINGS, place_of, stop, value_of

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
ADDRESSES = {  # by provider: the address at which it understands OpenAI's protocol
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
# A proxy is a server that passes requests on. In many schools it is the only way out to
# the internet. These settings say where it is, and so do their names in lower case.
PROXIES = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"]


# The settings of a provider, by their names


def key_setting(provider):
    """Return the name of the setting that holds a provider's key: GROQ_API_KEY."""
    return f"{provider.upper()}_API_KEY"


def address_setting(provider):
    """Return the name of the setting for a provider's address: OPENAI_BASE_URL."""
    return f"{provider.upper()}_BASE_URL"


def proxy_settings(provider):
    """Return the names of the settings that can hold a proxy, a list of str."""
    small = [setting.lower() for setting in PROXIES]
    return [*PROXIES, *small, f"{provider.upper()}_PROXY"]  # * adds a list's items


def all_settings():
    """Return the names of all settings that this program reads, a list of str."""
    names = [*SETTINGS, "OPENAI_API_BASE"]
    for provider in [*CHAT_MODELS, *ADDRESSES]:  # * adds a dict's keys
        names.append(key_setting(provider))
        names.append(address_setting(provider))
        names += proxy_settings(provider)
    return list(dict.fromkeys(names))  # a dict has each key once


def check_quotation_marks():
    """Stop if there is a quotation mark before or after the value of a setting."""
    for setting in all_settings():
        value_of(setting)  # stops if there are some


def remove_spaces():
    """Remove spaces before and after the value of a setting, such as a proxy.

    Clients read some settings by themselves, and take a space as part of the value.
    In cmd.exe, `set HTTPS_PROXY=http://127.0.0.1:3128 && flask run` leaves one there.
    """
    for setting in all_settings():
        value = os.environ.get(setting, "")
        if value != value.strip():
            os.environ[setting] = value.strip()


# Which model


def chosen_name():
    """Return the name of the model: what MODEL says, or one for the key that is set.

    With nothing set, it is the practice model.
    """
    name = value_of("MODEL")
    if name:
        return name
    for setting in ["OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_API_BASE"]:
        if value_of(setting):
            return "openai:gpt-4.1-mini"
    if value_of("ANTHROPIC_API_KEY"):
        return "anthropic:claude-haiku-4-5"
    return "practice"


def check_key_without_model():
    """Stop if a key is set that does not choose a model, and MODEL chooses none."""
    if value_of("MODEL"):
        return
    for provider, address in ADDRESSES.items():
        setting = key_setting(provider)
        if value_of(setting):
            stop(
                f"{setting} alone does not choose a model. In .env, write"
                f" MODEL=openai:name, OPENAI_BASE_URL={address} and the key as"
                " OPENAI_API_KEY; or MODEL=practice."
            )


def provider_of(name):
    """Return the provider in the name of a model: "openai" in "OpenAI: gpt-5"."""
    return name.partition(":")[0].strip().lower()


def read_name(name):
    """Split "openai:gpt-4.1-mini" into the provider and its name for the model."""
    provider = provider_of(name)
    model = name.partition(":")[2].strip()
    if provider in CHAT_MODELS and model:
        return provider, model
    if provider in CHAT_MODELS:
        stop(f"MODEL={name} does not name a model: write MODEL={provider}:name.")
    if provider in ADDRESSES:
        stop(f"MODEL={name}: {without_package(provider, model)}.")
    stop(
        f"MODEL={name}: write MODEL=openai:name or MODEL=anthropic:name, with the"
        " provider's name for the model. For another provider, write MODEL=openai:name"
        " and its address as OPENAI_BASE_URL: .env.example lists them."
    )


def without_package(provider, model):
    """Return what to write in .env to use a provider without a package of its own."""
    return (
        f"write MODEL=openai:{model or 'name'} and OPENAI_BASE_URL="
        f"{ADDRESSES[provider]} in .env, and the key, if it needs one, as"
        " OPENAI_API_KEY"
    )


# The key


def read_key(provider):
    """Return the provider's key, or stop if there is none that can be sent."""
    setting = key_setting(provider)
    key = value_of(setting)
    address = value_of(address_setting(provider))
    if not key and provider == "openai" and address.startswith("http://"):
        return "none"  # a server of your own needs no key, but its client needs a text
    if not key:
        host = urlsplit(address).hostname or provider
        stop(f"{setting} is missing: write your key for {host} in .env.")
    place = place_of(setting)
    if any(letter.isspace() for letter in key):
        stop(
            f"{setting} in {place} is wrong: it has a space or a line break in it."
            " Write it without them, on one line."
        )
    if not key.isascii() or not key.isprintable():  # no HTTP header can hold it
        stop(
            f"{setting} in {place} is wrong: it has characters that no key has, such as"
            " curly quotes or an ellipsis."
        )
    return key


# The address


def check_address(provider):
    """Stop if the provider's client cannot use its address."""
    # The client would use this one, and not OPENAI_BASE_URL.
    if provider == "openai" and value_of("OPENAI_API_BASE"):
        place = place_of("OPENAI_API_BASE")
        stop(f"OPENAI_API_BASE in {place} is an old name: write OPENAI_BASE_URL.")
    setting = address_setting(provider)
    place = place_of(setting)
    address = value_of(setting)
    if address and not is_address(address, ["http", "https"]):
        stop(
            f"{setting} in {place} is not an address: write one like"
            f" {example(provider)}."
        )
    for mark in "?#":  # the client adds a path, which would come after it
        if mark in address:
            stop(f"{setting} in {place} has a {mark}: remove it and all that follows.")
    for end in ["/chat/completions", "/responses", "/messages"]:  # the client adds it
        if address.rstrip("/").endswith(end):
            stop(f"{setting} in {place} ends in {end}: remove that part.")
    if provider == "anthropic" and address.rstrip("/").endswith("/v1"):  # it adds /v1
        stop(f"{setting} in {place} ends in /v1: remove that part.")


def example(provider):
    """Return an address that a provider could have."""
    if provider == "openai":
        return "http://localhost:11434/v1"
    return ADDRESSES.get(provider, f"https://api.{provider}.com")


def is_address(text, schemes):
    """Whether a text is an address: one of these schemes (http, https), and a host."""
    try:
        parts = urlsplit(text)
        port = parts.port  # raises a ValueError if it is not a number
        host = (parts.hostname or "").encode("idna")  # so does a part that is too long
    except ValueError:
        return False
    if parts.scheme not in schemes or not host or port == 0:
        return False
    if text.count("//") > 1:  # http://http://...
        return False
    return text.isprintable() and " " not in text


# Proxies and certificates


def check_proxy(setting):
    """Stop if a setting has a value that is not the address of a proxy.

    The value is not shown, because it can hold a password.
    """
    proxy = value_of(setting)
    place = place_of(setting)
    if proxy and "://" not in proxy and setting.upper() in PROXIES:
        proxy = f"http://{proxy}"  # HTTP_PROXY and its like may omit this part
    # SOCKS is another protocol for proxies.
    if proxy and not is_address(proxy, ["http", "https", "socks5", "socks5h"]):
        stop(
            f"{setting} in {place} is not a proxy: write one like"
            " http://127.0.0.1:3128."
        )
    if proxy.startswith("socks") and not find_spec("socksio"):
        stop(
            f"{setting} in {place} names a SOCKS proxy, which needs:"
            " pip install socksio."
        )


def check_certificates():
    """Stop if SSL_CERT_FILE does not name a file with certificates.

    A server proves with a certificate that it is who it says. The file holds those of
    the companies that sign such certificates.
    """
    file = value_of("SSL_CERT_FILE")
    place = place_of("SSL_CERT_FILE")
    if not file:
        return
    if not Path(file).is_file():
        stop(f"SSL_CERT_FILE in {place} names a file that does not exist.")
    try:
        ssl.create_default_context(cafile=file)  # reads it, as a client would
    except (ssl.SSLError, OSError):
        stop(
            f"SSL_CERT_FILE in {place} names a file that has no certificates in PEM"
            " form: those are text, and begin with BEGIN CERTIFICATE."
        )


def proxy_of(address):
    """Return the setting that names the proxy for an address, or None without one."""
    parts = urlsplit(address)
    if not parts.hostname or proxy_bypass(parts.hostname):  # bypass: NO_PROXY has it
        return None
    own = f"{provider_of(chosen_name())}_PROXY".upper()  # such as OPENAI_PROXY
    if os.environ.get(own):
        return own
    proxies = getproxies()  # by the kind of address: "http", "https", "all"
    for kind in [parts.scheme, "all"]:
        if proxies.get(kind):
            small = f"{kind}_proxy"  # it may be written in small or in capital letters
            return small if os.environ.get(small) else small.upper()
    return None

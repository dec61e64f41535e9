"""Which model answers: a provider's, or the practice model, which needs no key."""

import os
import re
from importlib import import_module

from practice import PracticeModel

PROVIDERS = {"openai": "ChatOpenAI", "anthropic": "ChatAnthropic", "xai": "ChatXAI"}


def choose_model():
    """Return the LangChain chat model that .env names, or stop with one sentence."""
    address, key = os.environ.get("OPENAI_BASE_URL"), os.environ.get("OPENAI_API_KEY")
    fallback = "openai:gpt-4.1-mini" if address or key else "practice"
    name, timeout = os.environ.get("MODEL") or fallback, number("MODEL_TIMEOUT", 30)
    if name == "practice":
        return PracticeModel(name=name, timeout=timeout)
    provider, _, model = name.partition(":")
    setting, own = f"{provider.upper()}_API_KEY", provider == "openai" and address
    key = os.environ.get(setting, "").strip() or ("none" if own else "")
    settings = dict(name=name, model=model, api_key=key, timeout=timeout, max_retries=0)
    try:
        chat_model = PROVIDERS[provider if model else ""]
        key.encode("ascii")[0]  # raises: there is none, or one that no header can hold
        return getattr(import_module(f"langchain_{provider}"), chat_model)(**settings)
    except KeyError:
        wrong = f"write provider:name, where provider is {' or '.join(PROVIDERS)}"
    except ModuleNotFoundError:
        wrong = f"first pip install langchain-{provider}"
    except Exception:  # not shown: its message may hold the key
        wrong = f"{setting} in .env is missing or wrong"
    raise SystemExit(f"MODEL={name}: {wrong}.")


def number(name, default, least=1):
    """Return the whole number that the environment gives for `name`, or stop."""
    value = os.environ.get(name) or str(default)
    if not re.fullmatch("[0-9]{1,6}", value) or int(value) < least:
        raise SystemExit(f"{name}={value}: write a whole number, {least} to 999999.")
    return int(value)

"""The start of fast/: it is used if it fits the libraries, and if not, they answer."""

import logging
import sys
from inspect import getsource
from textwrap import dedent

import httpx2
import jiter
import openai
import pytest
from langchain_openai.chat_models.base import BaseChatOpenAI
from openai.resources.chat import Completions
from support.keeping_provider import ENDING, KEY, text_of
from support.provider import Provider

from models import choose_model


@pytest.fixture(autouse=True)
def anew(monkeypatch):
    """Let fast/ be imported anew, and forget afterwards what became of it."""
    for module in list(sys.modules):
        if module == "fast" or module.startswith("fast."):
            monkeypatch.delitem(sys.modules, module)


def answer(monkeypatch, caplog, kind):
    """Choose a model, of which `kind` is the name; return what was logged.

    Assert that it answers.
    """
    caplog.set_level(logging.WARNING)
    with Provider("one", " two", *ENDING) as provider:
        monkeypatch.setenv("OPENAI_BASE_URL", provider.url)
        monkeypatch.setenv("OPENAI_API_KEY", KEY)
        model = choose_model()
        assert type(model).__name__ == kind
        assert text_of(model) == "one two"
    return [record.getMessage() for record in caplog.records]


def test_it_fits_the_libraries_that_are_installed(monkeypatch, caplog):
    assert answer(monkeypatch, caplog, "LeanChatOpenAI") == []


def test_the_trial_does_nothing_outside_of_this_program(monkeypatch, caplog):
    def connect(*_):
        pytest.fail("somebody is asked")

    monkeypatch.setattr("socket.create_connection", connect)
    monkeypatch.setenv("LANGSMITH_TRACING", "true")
    from fast import chat_openai

    assert chat_openai().__name__ == "LeanChatOpenAI"


# Another release of a library


def without(owner, name):
    """Return a change that takes an attribute away."""
    return lambda monkeypatch: monkeypatch.delattr(owner, name)


def renamed(owner, name, new_name):
    """Return a change that gives an attribute another name."""

    def change(monkeypatch):
        monkeypatch.setattr(owner, new_name, getattr(owner, name), raising=False)
        monkeypatch.delattr(owner, name)

    return change


def not_installed(module):
    """Return a change by which a module cannot be imported."""
    return lambda monkeypatch: monkeypatch.setitem(sys.modules, module, None)


def langchain_needs_more_fields(monkeypatch):
    """LangChain reads a field that its object has, and our dict may not."""
    before = BaseChatOpenAI._convert_chunk_to_generation_chunk

    def after(self, chunk, *more):
        assert chunk["service_tier"] is None
        return before(self, chunk, *more)

    monkeypatch.setattr(BaseChatOpenAI, "_convert_chunk_to_generation_chunk", after)


class OtherStream:
    """A stream of OpenAI's, of which no response can be had."""

    def __init__(self, stream):
        self._stream = stream

    def __iter__(self):
        return iter(self._stream)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._stream.close()


def no_response_in_a_stream(monkeypatch):
    """OpenAI's client returns another kind of stream."""
    before = Completions.create

    def after(self, **request):
        return OtherStream(before(self, **request))

    monkeypatch.setattr(Completions, "create", after)


RELEASES = {
    "jiter is not installed": not_installed("jiter"),
    "jiter's function has another name": renamed(jiter, "from_json", "loads"),
    "h11 is not installed": not_installed("h11"),
    "httpx2's transport has another name": renamed(httpx2, "BaseTransport", "Base"),
    "httpx2's stream has another name": renamed(httpx2, "SyncByteStream", "Bytes"),
    "httpx2 reads certificates elsewhere": without(httpx2, "create_ssl_context"),
    "OpenAI's client has no other clients": without(openai.OpenAI, "with_options"),
    "OpenAI's stream has no response": no_response_in_a_stream,
    "LangChain needs more fields": langchain_needs_more_fields,
}


@pytest.mark.parametrize("release", RELEASES)
def test_with_another_release_of_a_library_the_libraries_answer(
    monkeypatch, caplog, release
):
    RELEASES[release](monkeypatch)
    [line] = answer(monkeypatch, caplog, "ChatOpenAI")
    assert line.startswith("fast/ does not fit the installed libraries: ")
    assert line.endswith(
        "LangChain's own client answers instead, which needs more processor time for"
        " each word."
    )


def test_langchain_may_change_what_it_does_inside(monkeypatch, caplog):
    """fast/ calls no private method. This one gets another name, and an argument."""
    module = sys.modules[BaseChatOpenAI.__module__]
    before = BaseChatOpenAI._convert_chunk_to_generation_chunk
    source = dedent(getsource(BaseChatOpenAI._stream))
    changed = source.replace("_convert_chunk_to_generation_chunk(", "_make_of('new', ")
    assert changed != source
    methods = {}
    exec(changed, vars(module), methods)

    def make_of(self, new, *values):
        return before(self, *values)

    monkeypatch.setattr(BaseChatOpenAI, "_make_of", make_of, raising=False)
    monkeypatch.setattr(BaseChatOpenAI, "_stream", methods["_stream"])
    monkeypatch.delattr(BaseChatOpenAI, "_convert_chunk_to_generation_chunk")
    assert answer(monkeypatch, caplog, "LeanChatOpenAI") == []


# Mistakes of ours


def test_a_module_that_fast_misspells_is_not_taken_for_a_release(monkeypatch):
    monkeypatch.setitem(sys.modules, "fast.events", None)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with pytest.raises(ImportError, match=r"fast\.events"):
        choose_model()


def test_a_name_that_fast_misspells_is_not_taken_for_a_release(monkeypatch):
    from fast import bounds

    monkeypatch.delattr(bounds, "HEAD")
    from fast import exchange

    monkeypatch.delattr(exchange, "Exchange")
    monkeypatch.delitem(sys.modules, "fast.connections", raising=False)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with pytest.raises(ImportError, match="Exchange"):
        choose_model()

"""This folder makes each word from OpenAI cost less. The program works without it.

models.py asks chat_openai() for the class of the model. If the folder is deleted,
models.py takes LangChain's ChatOpenAI, which gives the same answers for three to four
times the processor time.

    lean.py          ChatOpenAI, with less work for each word
    events.py        from the bytes of a stream to its chunks
    connections.py   connections that are kept from one question to the next
    exchange.py      one question and its answer, in HTTP
    pacing.py        how long an answer waits while the processor is too busy
    bounds.py        how much is taken in
    trial.py         whether all this fits the libraries that are installed
"""

import logging
from functools import cache

from langchain_openai import ChatOpenAI
from werkzeug.serving import is_running_from_reloader

# The libraries that this folder relies on. A new release of one may not fit.
LIBRARIES = ["h11", "httpx2", "jiter", "langchain_core", "langchain_openai"]
LIBRARIES += ["langsmith", "openai"]


@cache  # the trial runs once
def chat_openai():
    """Return LeanChatOpenAI, or ChatOpenAI if the installed libraries do not fit."""
    try:
        from fast.lean import LeanChatOpenAI
        from fast.trial import difference
    except (ImportError, AttributeError) as error:
        if not is_about_library(error):
            raise  # a mistake of ours
        misfit = str(error)
    else:  # there was no error
        misfit = difference(LeanChatOpenAI)
    if misfit is None:
        return LeanChatOpenAI
    if not is_running_from_reloader():  # with --debug Flask starts twice
        logging.getLogger(__name__).warning(
            "fast/ does not fit the installed libraries: %s. LangChain's own client"
            " answers instead, which needs more processor time for each word.",
            misfit,
        )
    return ChatOpenAI


def is_about_library(error):
    """Whether an error says that a library lacks something, or is not installed."""
    if isinstance(error, ImportError):
        name = error.name or ""
    else:  # an AttributeError: its obj is what lacks something, such as a module
        name = getattr(error.obj, "__name__", "")  # its name, or "" if it has none
    library, _, _ = name.partition(".")
    return library in LIBRARIES

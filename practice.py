"""The practice model: it answers from the lesson notes, and fails when told to."""

import re
import sqlite3
from collections import defaultdict
from itertools import count, cycle, islice
from pathlib import Path
from threading import Lock
from time import sleep
from types import SimpleNamespace

from langchain_core import exceptions
from langchain_core.language_models import BaseChatModel
from langchain_core.language_models.chat_models import generate_from_stream
from langchain_core.messages import AIMessageChunk
from langchain_core.outputs import ChatGenerationChunk

HELP = """/help lists what a prompt to the practice model can begin with:
/slow 5     5 words a second, not 30
/long 2000  an answer of 2000 words
/silent 5   three words, then nothing for 5 seconds
/wait 5     nothing at all for 5 seconds before the first word
/fail 3     breaks off after 3 words; /fail 0 refuses before the first
/flaky 2    refuses twice, then answers
/busy 4     a rate limit: "try again in 4 seconds"
/short 10   stops at 10 words, as at a limit on length
/echo       says the rest back exactly, word by word
/list       answers in lists of blocks, as reasoning models do"""
NUMBERS = dict(re.findall(r"\n/(\w+) +(\d*)", HELP))
COMMAND = re.compile(rf"/({'|'.join(NUMBERS)})(?!\S)((?<!echo) +[0-9]{{1,6}}(?!\S))? ?")
FLAKY = defaultdict(count)  # how often each /flaky prompt was asked, by its hash
WORD = re.compile(r"\b(?!(what|a|an|are|can|do|does|how|i|is|it|of|the|to|why)\b)\w+")
NO_LESSON = """No lesson speaks of it: ask "What is a chunk?", "Why flush?" or /help."""
LOCK = Lock()  # for NOTES: threads may not use a connection at the same time
NOTES = sqlite3.connect(":memory:", check_same_thread=False)  # a question a row
NOTES.execute("CREATE VIRTUAL TABLE notes USING fts5(text, tokenize=porter)")
for notes in sorted(Path(__file__).parent.glob("lessons/[0-9]*/README.md")):
    text = notes.read_text(encoding="utf-8")
    sections = re.findall(r"(?ms)^## ([^\n]+\?\n.+?)\n\n(?=## |<details>)", text)
    rows = [(f"{text.splitlines()[0][2:]}: {section}",) for section in sections]
    NOTES.executemany("INSERT INTO notes VALUES (?)", rows)


class PracticeModel(BaseChatModel):
    """A chat model that answers from the lesson notes, and fails when told to."""

    timeout: float = 30  # seconds of silence before it gives up, as a client would
    _llm_type = property(lambda self: "practice")

    def _generate(self, messages, stop=None, run_manager=None, **settings):
        return generate_from_stream(self._stream(messages))

    def _stream(self, messages, stop=None, run_manager=None, **settings):
        prompt, made = messages[-1].text, 0
        told, text = read_commands(prompt)
        n = told.get("flaky", 0)
        if told.get("fail") == 0 or (n and next(FLAKY[hash(prompt)]) % (n + 1) < n):
            raise failure(exceptions.ModelAPIError, 503)
        if "busy" in told:
            raise failure(exceptions.ModelRateLimitError, 429, str(told["busy"]))
        self._keep_silent(told.get("wait", 0))
        words = re.findall(r"\s*\S+|\s+$", text if "echo" in told else look_up(text))
        most = min(told.get(name, 999999) for name in ("long", "fail", "short"))
        for word in islice(cycle([*words, "\n\n"]) if "long" in told else words, most):
            self._keep_silent(told.get("silent", 0) if made == 3 else 0)
            sleep(1 / (told.get("slow") or 30))
            block = {"type": "text", "text": word, "index": 0}
            chunk = AIMessageChunk([block] if "list" in told else word)
            yield ChatGenerationChunk(message=chunk)
            made += 1
        if "fail" in told:
            raise failure(exceptions.ModelConnectionError)
        finish = {"finish_reason": "length" if made == told.get("short") else "stop"}
        asked = len(prompt.split())  # its tokens are words
        usage = dict(input_tokens=asked, output_tokens=made, total_tokens=asked + made)
        last = AIMessageChunk("", response_metadata=finish, usage_metadata=usage)
        yield ChatGenerationChunk(message=last)

    def _keep_silent(self, seconds):
        sleep(min(seconds, self.timeout))
        if seconds > self.timeout:
            raise failure(exceptions.ModelTimeoutError)


def read_commands(prompt):
    """Split "/slow 9 /list Why?" into ({"slow": 9, "list": 0}, "Why?")."""
    told = {}
    while "echo" not in told and (command := COMMAND.match(prompt)):
        name, figure = command.groups()
        told[name] = int(figure or NUMBERS[name] or 0)
        prompt = prompt[command.end() :]
        if name == "fail" and prompt and not figure:  # /fail some words
            told |= {"fail": 999999, "echo": 0}
    return told, prompt


def failure(kind, status=None, seconds=""):
    """Return LangChain's error of that kind, with what a provider's would carry."""
    error, headers = kind("It was told to fail."), {"retry-after": seconds}
    error.status_code, error.response = status, SimpleNamespace(headers=headers)
    return error


def look_up(question):
    """Return the section of the lesson notes that shares most with the question."""
    if question.startswith("/"):
        return HELP
    words = {match[0] for match in islice(WORD.finditer(question.lower()), 50)}
    query = " OR ".join(f'"{word}"' for word in words or {"flush"})
    with LOCK:
        best = NOTES.execute("SELECT * FROM notes(?) ORDER BY rank", [query]).fetchone()
    known = [word for word in words if best and word[:5] in best[0].lower()]
    return best[0] if best and len(known) * 2 >= len(words) else NO_LESSON

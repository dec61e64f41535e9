"""The practice model: it answers from the lessons, and needs no key and no network.

It looks a question up in the lessons' notes and in the glossary, and says what it finds
word by word. A prompt that begins with a command, such as /fail 3, makes it fail, so
that every failure that a lesson speaks of can be seen.
"""

import re  # in patterns \s is white space, \S is none, \w a letter, + one or more
import sqlite3
from functools import cache
from itertools import cycle, islice
from pathlib import Path
from threading import Lock
from time import sleep
from types import SimpleNamespace

from langchain_core import exceptions
from langchain_core.language_models import BaseChatModel
from langchain_core.language_models.chat_models import generate_from_stream
from langchain_core.messages import AIMessageChunk  # what a lesson calls a chunk
from langchain_core.outputs import ChatGenerationChunk  # LangChain's wrapping of one

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
/again      says back, turn by turn, the conversation that it was sent
/list       answers in lists of blocks, as some models do, not in texts"""
COMMANDS = {  # each with the number that it has when the prompt gives none
    "slow": 5,
    "long": 2000,
    "silent": 5,
    "wait": 5,
    "fail": 3,
    "flaky": 2,
    "busy": 4,
    "short": 10,
    "echo": 0,  # these three have no use for a number
    "again": 0,
    "list": 0,
}
PACE = 30  # words a second
ALL = 10**6  # more words than any answer has
ROLES = {"human": "user", "ai": "assistant"}  # LangChain's words, and everybody's
LOCK = Lock()  # threads answer at the same time; what they share, one at a time uses
refusals = {}  # how often each /flaky prompt was refused, by its hash


class PracticeModel(BaseChatModel):
    """A chat model for LangChain: `stream` and `invoke` come with BaseChatModel.

    LangChain requires `_llm_type` and `_generate` of every model; `stream` needs
    `_stream`. It passes them stop, run_manager and settings, which nothing here uses.
    """

    timeout: float = 30  # PracticeModel(timeout=5) gives up after 5 seconds of silence

    @property
    def _llm_type(self):
        """Return the kind of model; LangChain's logs read it as a value, without ()."""
        return "practice"

    def _generate(self, messages, stop=None, run_manager=None, **settings):
        """Return the whole answer at once, for `invoke`."""
        return generate_from_stream(self._stream(messages))

    def _stream(self, messages, stop=None, run_manager=None, **settings):
        """Yield the answer, a word in each chunk, and at the end why it ended."""
        prompt = messages[-1].text  # the messages before it are the conversation so far
        commands, question = read_commands(prompt)
        refuse_if_asked(commands, prompt)
        self._keep_silent(commands.get("wait", 0))
        if "again" in commands:
            answer = conversation(messages)
        elif "echo" in commands:
            answer = question
        else:
            answer = look_up(question)
        made = 0
        for word in words_to_say(answer, commands):
            if made == 3:
                self._keep_silent(commands.get("silent", 0))
            sleep(1 / (commands.get("slow") or PACE))  # /slow 0: the usual pace
            yield chunk_of(word, in_a_list="list" in commands)
            made += 1
        if "fail" in commands:
            raise failure(exceptions.ModelConnectionError)
        reason = "length" if made == commands.get("short") else "stop"
        yield last_chunk(reason, messages, made)

    def _keep_silent(self, seconds):
        """Say nothing for so long, or give up when that is longer than the timeout."""
        sleep(min(seconds, self.timeout))
        if seconds > self.timeout:
            raise failure(exceptions.ModelTimeoutError)


# What the prompt asks for


def read_commands(prompt):
    """Split "/slow 9 /list Why?" into ({"slow": 9, "list": 0}, "Why?")."""
    commands = {}
    rest = prompt
    while "echo" not in commands:  # after /echo everything is text
        command = re.match(r"\s*/(\w+)(\s|$)", rest)  # "/slow", then a space or the end
        if not command or command[1] not in COMMANDS:  # [1] is what (\w+) found: "slow"
            break
        name = command[1]
        rest = rest[command.end() :]
        number = re.match(r"\s*([0-9]{1,6})(\s|$)", rest)  # "9 ", but not the 9 of "9x"
        if number and name != "echo":
            commands[name] = int(number[1])
            rest = rest[number.end() :]
        elif name == "fail" and rest:  # /fail some words: says them, then breaks off
            commands["fail"] = ALL
            commands["echo"] = 0
        else:
            commands[name] = COMMANDS[name]
    return commands, rest


def refuse_if_asked(commands, prompt):
    """Raise what a provider's client would, if a command asks for no answer at all."""
    if commands.get("fail") == 0:
        raise failure(exceptions.ModelAPIError, 503)  # the server cannot answer now
    if "flaky" in commands and is_refused(prompt, commands["flaky"]):
        raise failure(exceptions.ModelAPIError, 503)
    if "busy" in commands:
        seconds = str(commands["busy"])  # a header holds text
        raise failure(exceptions.ModelRateLimitError, 429, seconds)  # too many requests


def is_refused(prompt, times):
    """Return whether a /flaky prompt is refused once more, or was often enough."""
    key = hash(prompt)  # a number that stands for the prompt, which may be long
    with LOCK:
        refused = refusals.pop(key, 0)  # taken out: after the answer it begins anew
        if refused < times:
            refusals[key] = refused + 1
        return refused < times


def failure(kind, status=None, seconds=""):
    """Return LangChain's error of that kind, with what a provider's would carry.

    That is a status, and after how many seconds to ask again; "" says nothing of it.
    """
    error = kind("The prompt asked for this failure.")
    error.status_code = status
    # an HTTP response has headers; SimpleNamespace makes an object that has them too
    error.response = SimpleNamespace(headers={"retry-after": seconds})
    return error


# What it says


def conversation(messages):
    """Return the messages as text, each with the role of who speaks."""
    turns = [f"{ROLES.get(turn.type, turn.type)}: {turn.text}" for turn in messages]
    return "\n\n".join(turns)


def words_to_say(answer, commands):
    """Return the words of the answer, each with the white space before it."""
    words = re.findall(r"\s*\S+|\s+$", answer)  # the last may be white space alone
    if "long" in commands:
        words = cycle([*words, "\n\n"])  # begins anew after the last, without end
    most = min(commands.get(name, ALL) for name in ("long", "fail", "short"))
    return islice(words, most)  # words[:most], which cannot cut what has no end


def chunk_of(word, in_a_list):
    """Return a word as a chunk, whose content is a text or a list of one block."""
    content = word
    if in_a_list:  # index is the block's number: all words belong to block 0
        content = [{"type": "text", "text": word, "index": 0}]
    return ChatGenerationChunk(message=AIMessageChunk(content))  # stream unwraps it


def last_chunk(reason, messages, made):
    """Return a chunk without text: why the answer ended, and how many tokens it took.

    Tokens are the parts in which a model counts; these are words.

    LangChain adds an empty chunk to it, as it does to a provider's last one.
    """
    read = sum(len(turn.text.split()) for turn in messages)
    usage = {
        "input_tokens": read,
        "output_tokens": made,
        "total_tokens": read + made,
    }
    message = AIMessageChunk(
        "", response_metadata={"finish_reason": reason}, usage_metadata=usage
    )
    return ChatGenerationChunk(message=message)


# What it knows

LESSONS = Path(__file__).parent / "lessons"  # the folder beside this file
EMPTY_WORDS = """
    a about all also am an and any are as ask asking at be because been before being
    between but by can cannot could d did difference do does doing dont each explain
    for from get gets getting give go good had happen happens has have he hello her
    here hey hi him his how i if ill im in instead into is isnt it its ive just let
    like ll lot m may me mean means more most much must my need needs no now of off
    oh ok on one only or other our over own please re really required s said same
    say says see shall she should so some still such t tell than thank thanks that
    the their them then there these they thing things this those to today too
    understand up us use used using ve very vs want was way we were what whats when
    where which while who why will with without work working works would yes yet you
    your
"""  # they stand in many questions, and do not say what is asked
# Two questions in SQL. Each ? is filled in later, rowid is the number of an entry,
# MATCH finds the entries that hold a word, and bm25 is smaller the better one fits:
# a word in its heading counts 10, in its synonyms 5, in its text 1.
NEAREST = """
    SELECT rowid, heading, answer FROM entries WHERE entries MATCH ?
    ORDER BY bm25(entries, 10, 5, 1) LIMIT 3
"""
HOLDS = "SELECT rowid FROM entries WHERE rowid = ? AND entries MATCH ?"
ABOUT = (
    "I am the practice model of this course: no language model, but a search in its "
    "lesson notes and its glossary. I can tell you what a term means and why a program "
    "streams, in English; /help lists how to make me slow, silent or broken."
)
UNKNOWN = "That I cannot answer."
EXAMPLES = 'Ask me "What is a chunk?", "Why flush?" or "What is backpressure?".'
REAL_MODEL = (
    "For a real model put one line into a file .env beside app.py, then start the "
    "server again: OPENAI_API_KEY=sk-... with your key, or, for Ollama on your own "
    "machine, OPENAI_BASE_URL=http://localhost:11434/v1."
)
ALL_ELSE = "All lessons are at /lessons/, all terms at /lessons/glossary."


def look_up(question):
    """Return the answer to a question, or what comes near it and how to get on."""
    question = question.strip() or "Why flush?"  # /slow 5 alone asks nothing
    if question.startswith("/"):  # /help, or a command that does not exist
        return HELP
    words = telling_words(question)
    if not words:
        return introduction("Hello!", EXAMPLES)
    topic = " ".join(words)
    with LOCK:
        entries, answers = index()
        if topic in answers:  # the question names an entry: "What is SSE?"
            return answers[topic]
        near = nearest(entries, words)
        if not near:
            return introduction(UNKNOWN, EXAMPLES)
        rowid, _, answer = near[0]
        # Sure is what has more than a point for each word: one of them stands in its
        # heading too. A single word never is, for it may fit by chance.
        if points(entries, rowid, words) > max(2, len(words)):
            return answer
    headings = ", ".join(f'"{heading}"' for _, heading, _ in near)
    return introduction(UNKNOWN, f"Nearest to your question: {headings}.")


def telling_words(text):
    """Return the words that say what it is about: fifty at most, as each takes time."""
    empty_words = set(EMPTY_WORDS.split())
    words = {}  # a dict, as its keys keep their order and hold each word once
    for word in re.findall(r"\w+", text.lower()):
        if word not in empty_words:
            words[word] = True
    return list(words)[:50]


def nearest(entries, words):
    """Return (rowid, heading, answer) of three entries at most, the best first."""
    quoted = [f'"{word}"' for word in words]  # so that none is a command to the search
    return entries.execute(NEAREST, [" OR ".join(quoted)]).fetchall()


def points(entries, rowid, words):
    """Return how well an entry fits: 1 for each word in it, 2 if above its text."""
    total = 0
    for word in words:
        anywhere = f'"{word}"'
        above_the_text = f'-text : "{word}"'  # in fts5: in a column other than text
        for place in anywhere, above_the_text:
            if entries.execute(HOLDS, [rowid, place]).fetchone():
                total += 1
    return total


def introduction(greeting, headings):
    """Return who answers here, what can be asked, and how to get a real model."""
    return f"{greeting} {ABOUT}\n\n{headings}\n\n{REAL_MODEL}"


@cache  # made at the first question, and then kept
def index():
    """Return a table of all entries, to search in, and a dict of answers by topic."""
    # ":memory:" is a database without a file. SQLite lets other threads than this one
    # use it only without its check: each answer has a thread, and LOCK keeps order
    entries = sqlite3.connect(":memory:", check_same_thread=False)
    # fts5 is SQLite's search for words: porter takes "flush" and "flushes" for one,
    # and an UNINDEXED column is kept, but not searched
    columns = "heading, also, text, answer UNINDEXED, tokenize=porter"
    # a virtual table is one that SQLite leaves to another program, here to fts5
    entries.execute(f"CREATE VIRTUAL TABLE entries USING fts5({columns})")
    answers = {}
    for heading, also, text, answer in read_entries():
        row = [heading, also, text, answer]
        entries.execute("INSERT INTO entries VALUES (?, ?, ?, ?)", row)
        for name in [heading, *also.split(", ")]:
            topic = " ".join(telling_words(name))
            answers.setdefault(topic, answer)  # of two the first stays: the notes'
    return entries, answers


def read_entries():
    """Yield (heading, synonyms, text, answer): questions of the notes, then terms."""
    for path in sorted(LESSONS.glob("[0-9]*/README.md")):  # of 01-..., 02-... and on
        title, sections = read_notes(path)
        for heading, text in sections:
            if heading.endswith("?"):
                answer = f"{title}: {heading}\n\n{text}\n\n{ALL_ELSE}"
                yield heading, "", text, answer
    _, terms = read_notes(LESSONS / "GLOSSARY.md")
    for term, text in terms:
        also, meaning, read_on = text.split("\n\n")  # its three paragraphs
        also = also.removeprefix("*Also: ").removesuffix(".*")
        answer = f"{term}\n\n{meaning}\n\n{read_on}. {ALL_ELSE}"
        yield term, also, meaning, answer


def read_notes(path):
    """Return the title of some notes, and (heading, text) of each section."""
    top, *parts = path.read_text(encoding="utf-8").split("\n## ")
    title = top.partition("\n")[0].removeprefix("# ")  # the first line
    sections = []
    for part in parts:
        heading, _, text = part.partition("\n")
        # Without what is folded, code and hints. In a pattern . is any letter; with
        # re.S it is the end of a line as well.
        text = re.sub(r"\n<details>.*?</details>\n?", "", text, flags=re.S)
        text = re.sub(r"!?\[(.+?)\]\(.+?\)", r"\1", text)  # "[words](link)": "words"
        sections.append((heading, text.strip()))
    return title, sections

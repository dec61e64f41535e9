"""The practice model: it answers from the lessons, and needs no key and no network.

It looks a question up with practice_search.py, and says what it finds word by word. A
prompt that begins with a command, such as /fail 3, makes it fail, so that you can see
every failure that the lessons are about.
"""

# In patterns \s is white space, \S is none, \w a letter or digit, + one or more, * any
# number, | means "or", $ is the end.
import re
from itertools import cycle, islice
from threading import Lock
from time import sleep
from types import SimpleNamespace

from langchain_core import exceptions
from langchain_core.language_models import BaseChatModel
from langchain_core.language_models.chat_models import generate_from_stream
from langchain_core.messages import AIMessageChunk  # what a lesson calls a chunk
from langchain_core.outputs import ChatGenerationChunk  # LangChain's wrapping of one

from practice_search import look_up

HELP = """A prompt to the practice model can begin with one or more commands:

/slow 5: writes 5 words a second instead of 30
/long 2000: writes 2000 words
/silent 5: writes three words, then nothing for 5 seconds
/wait 5: writes nothing for 5 seconds, then the answer
/fail 3: breaks off after 3 words; /fail 0 refuses before the first
/flaky 2: refuses twice, then answers
/busy 4: refuses with a rate limit: "try again in 4 seconds"
/short 10: stops at 10 words, as at a limit on length
/echo: repeats the rest of the prompt exactly, word by word
/again: repeats the conversation that it was sent, turn by turn
/list: sends each word in a list, as some models do, instead of as a text
/help: shows this list"""
COMMANDS = {  # each with the number that is used if the prompt gives none
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
LOCK = Lock()  # lets one thread at a time use `refusals`
refusals = {}  # how often each /flaky prompt was refused, by its hash


class PracticeModel(BaseChatModel):
    """A chat model for LangChain: `stream` and `invoke` come with BaseChatModel.

    LangChain requires `_llm_type` and `_generate` of every model; `stream` needs
    `_stream`. LangChain passes them stop, run_manager and settings, which are not used.
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
        elif question.strip().startswith("/"):  # /help, or a command it does not have
            answer = HELP
        else:
            answer = look_up(question)
        made = 0
        for word in words_to_say(answer, commands):
            if made == 3:
                self._keep_silent(commands.get("silent", 0))
            sleep(
                1 / (commands.get("slow") or PACE)
            )  # PACE without /slow, or for /slow 0
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
    """Raise an error as a provider's client does, if a command asks for a refusal."""
    if commands.get("fail") == 0:
        raise failure(exceptions.ModelAPIError, 503)  # the server cannot answer now
    if "flaky" in commands and is_refused(prompt, commands["flaky"]):
        raise failure(exceptions.ModelAPIError, 503)
    if "busy" in commands:
        seconds = str(commands["busy"])  # a header holds text
        raise failure(exceptions.ModelRateLimitError, 429, seconds)  # too many requests


def is_refused(prompt, times):
    """Whether a /flaky prompt was refused fewer times than it asks for."""
    key = hash(prompt)  # a number that stands for the prompt, which may be long
    with LOCK:
        refused = refusals.get(key, 0)
        if refused < times:
            refusals[key] = refused + 1
            return True
        refusals.pop(key, None)  # it is answered now: the next time, count from 0
        return False


def failure(error_class, status=None, seconds=""):
    """Return an error of one of LangChain's classes, as a provider's client raises it.

    It has a status, and the number of seconds to wait, a str; "" if that is not known.
    """
    error = error_class("The prompt asked for this failure.")
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
    # the smallest number that a command gives; ALL for those that are not there
    most = min(commands.get(name, ALL) for name in ("long", "fail", "short"))
    return islice(words, most)  # as words[:most], but words may have no end


def chunk_of(word, in_a_list):
    """Return a word as a chunk. Its content is a text, or a list that holds a dict."""
    content = word
    if in_a_list:  # index is the block's number: all words belong to block 0
        content = [{"type": "text", "text": word, "index": 0}]
    return ChatGenerationChunk(message=AIMessageChunk(content))  # stream unwraps it


def last_chunk(reason, messages, made):
    """Return a chunk without text: why the answer ended, and how many tokens it took.

    A model counts in tokens, which are parts of words. Here a token is a word. After
    this chunk LangChain sends one more, an empty one, as with a provider's answer.
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

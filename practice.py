"""The practice model: it answers from the lessons, and needs no key and no network.

It looks a question up with practice_search.py, and says what it finds word by word. A
prompt that begins with a command, such as /fail 3, makes it fail, so that you can see
every failure that the lessons are about. What it does with tools and forms, which come
in the last lessons, is in practice_tools.py.
"""

# In patterns \s is white space, \S is none, \w a letter or digit, + one or more, * any
# number, | means "or", $ is the end.
import re
from itertools import chain, cycle, islice
from threading import Lock
from time import sleep
from types import SimpleNamespace

from langchain_core import exceptions
from langchain_core.language_models import BaseChatModel
from langchain_core.language_models.chat_models import generate_from_stream
from langchain_core.messages import AIMessageChunk  # what a lesson calls a chunk
from langchain_core.outputs import ChatGenerationChunk  # LangChain's wrapping of one
from langchain_core.utils.function_calling import convert_to_openai_tool

from practice_search import look_up
from practice_tools import Turn, chunks_of_call, said_by_reader, turn_with_tools

HELP = """A prompt to the practice model can begin with one or more commands:

/slow 5: writes 5 words a second instead of 30
/long 2000: writes 2000 words
/silent 5: writes three words, then nothing for 5 seconds
/wait 5: writes nothing for 5 seconds, then the answer
/fail 3: breaks off after 3 words; /fail 0 refuses before the first
/flaky 2: refuses twice, then answers
/busy 4: refuses with a rate limit: "try again in 4 seconds"
/short 10: stops at 10 words, as if it had reached its length limit
/echo: repeats the rest of the prompt exactly, word by word
/again: repeats the conversation that it was sent, turn by turn
/list: sends each word in a list, as some models do, instead of as a text
/decline: declines to answer, in words that are sent as a refusal, not as text
/help: shows this list

Where it has a form to fill in, or a tool to call, in lessons 22 and 23:

/wrong: gives the last value a wrong type
/missing: leaves out the last value
/broken: writes something that is not JSON
/prose: writes the JSON as text, with words around it
/twice: calls two tools at once
/empty: calls a tool without arguments
/unknown: calls a tool that does not exist
/endless: calls a tool again and again"""
COMMANDS = {  # each with the number that is used if the prompt gives none
    "slow": 5,
    "long": 2000,
    "silent": 5,
    "wait": 5,
    "fail": 3,
    "flaky": 2,
    "busy": 4,
    "short": 10,
    "echo": 0,  # these have no use for a number
    "again": 0,
    "list": 0,
    "decline": 0,
    "wrong": 0,
    "missing": 0,
    "broken": 0,
    "prose": 0,
    "twice": 0,
    "empty": 0,
    "unknown": 0,
    "endless": 0,
}
DECLINED = "I cannot help with that."
PACE = 30  # words a second
ALL = 10**6  # more words than any answer has
ROLES = {"human": "user", "ai": "assistant"}  # LangChain's words, and everybody's
LOCK = Lock()  # lets one thread at a time use `refusals`
refusals = {}  # how many times each /flaky prompt was refused, by its hash


class PracticeModel(BaseChatModel):
    """A chat model for LangChain: `stream` and `invoke` come with BaseChatModel.

    LangChain requires `_llm_type` and `_generate` of every model; `stream` needs
    `_stream`. LangChain passes them stop and run_manager, which are not used, and as
    settings what bind_tools has bound.
    """

    timeout: float = 30  # PracticeModel(timeout=5) gives up after 5 seconds of silence

    @property
    def _llm_type(self):
        """Return the kind of model; LangChain's logs read it as a value, without ()."""
        return "practice"

    def _generate(self, messages, stop=None, run_manager=None, **settings):
        """Return the whole answer at once, for `invoke`."""
        return generate_from_stream(self._stream(messages, **settings))

    def bind_tools(self, tools, *, tool_choice=None, **settings):
        """Return this model with tools: functions, classes, or schemas as dicts.

        With tool_choice="any" it has to call one. with_structured_output, which comes
        with BaseChatModel, calls this.
        """
        as_dicts = [convert_to_openai_tool(tool) for tool in tools]
        # Without those that a provider runs itself, such as {"type": "web_search"}.
        callable_here = [tool for tool in as_dicts if "function" in tool]
        return self.bind(tools=callable_here, tool_choice=tool_choice)

    def _stream(
        self,
        messages,
        stop=None,
        run_manager=None,
        tools=(),
        tool_choice=None,
        **settings,
    ):
        """Yield the answer, a word in each chunk, and at the end why it ended."""
        prompt = said_by_reader(messages)  # the conversation so far is before it
        commands, question = read_commands(prompt)
        refuse_if_asked(commands, prompt)
        self._keep_silent(commands.get("wait", 0))
        turn = turn_with_tools(messages, question, commands, tools, tool_choice)
        if not turn:
            turn = Turn(answer_to(messages, commands, question), calls=[])
        made = 0
        for message in chunks_to_send(turn, commands):
            if made == 3:
                self._keep_silent(commands.get("silent", 0))
            sleep(
                1 / (commands.get("slow") or PACE)
            )  # PACE without /slow, or for /slow 0
            yield ChatGenerationChunk(message=message)  # stream unwraps it
            made += 1
        if "fail" in commands:
            raise failure(exceptions.ModelConnectionError)
        reason = "tool_calls" if turn.calls else "stop"
        if made == commands.get("short"):
            reason = "length"
        yield last_chunk(reason, messages, made)

    def _keep_silent(self, seconds):
        """Say nothing for that long, or give up if the timeout is shorter."""
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


def answer_to(messages, commands, question):
    """Return the answer as text, without the use of any tool."""
    if "decline" in commands:
        return DECLINED
    if "again" in commands:
        return conversation(messages)
    if "echo" in commands:
        return question
    if question.strip().startswith("/"):  # /help, or a command it does not have
        return HELP
    return look_up(question)


def conversation(messages):
    """Return the messages as text, each with the role of its speaker."""
    turns = [f"{ROLES.get(turn.type, turn.type)}: {turn.text}" for turn in messages]
    return "\n\n".join(turns)


def chunks_to_send(turn, commands):
    """Yield the chunks of a turn: its words, then its calls, as far as they may go."""
    words = re.findall(r"\s*\S+|\s+$", turn.text)  # the last may be white space alone
    if "long" in commands and not turn.calls:
        words = cycle([*words, "\n\n"])  # starts again after the last, without end
    chunks = (chunk_of(word, commands) for word in words)
    calls = [chunks_of_call(call, index) for index, call in enumerate(turn.calls)]
    # the smallest number that a command gives; ALL for those that are not there
    most = min(commands.get(name, ALL) for name in ("long", "fail", "short"))
    return islice(chain(chunks, *calls), most)  # as [:most], but there may be no end


def chunk_of(word, commands):
    """Return a word as a chunk. Its content is a text, or a list that holds a dict."""
    if "decline" in commands:  # as LangChain has it from OpenAI's newer API
        return AIMessageChunk([{"type": "refusal", "refusal": word}])
    if "list" in commands:  # index is the block's number: all words belong to block 0
        return AIMessageChunk([{"type": "text", "text": word, "index": 0}])
    return AIMessageChunk(word)


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

"""ChatOpenAI, LangChain's client for OpenAI, with fewer objects on the way.

Of the time that a word costs this server, more than half would go into an object with a
dozen fields, which the openai library makes of it and LangChain takes apart again. The
library also leaves the last bytes of an answer unread: another answer on the connection
would begin with them. So it is closed, and each answer waits for a new connection.

OpenAI sends an answer as server-sent events. An event is one or more lines that begin
with "data:", then a blank line; a line that begins with ":" is a comment:

    data: {"choices": [{"index": 0, "delta": {"content": " word"}}]}

    data: [DONE]

Here LangChain gets such a chunk as the dict that it is on the wire, and each answer is
read to its end. All else stays with the library: the key, the address, time limits,
refusals. tests/test_lean.py compares the two, chunk by chunk and error by error;
tests/benchmark.py measures what the difference is worth.
"""

import gc
import json
from contextlib import closing, contextmanager, suppress
from itertools import islice

import httpx2  # the HTTP library of OpenAI's client
import openai
from jiter import from_json  # a fast reader of JSON, which comes with openai
from openai.types.chat import ChatCompletionChunk  # the object with a dozen fields

MOMENT = 0.1  # seconds that one read of what follows an answer may take


def make_lean(chat_model):
    """Let this ChatOpenAI stream its answers, "chat completions", as below; return it.

    LangChain holds the chunks of an answer until its end. Python would look for garbage
    among them after every 700 new objects: a fifth of the time, with many readers.
    """
    gc.set_threshold(10_000)
    chat_model.client = LeanCompletions(chat_model.client)
    return chat_model


class LeanCompletions:
    """What LangChain calls in place of the library's `chat.completions`."""

    def __init__(self, completions):
        # asks as always, but hands over the HTTP response with its body unread
        self.with_raw_response = completions.with_raw_response

    @contextmanager
    def create(self, **request):
        """Ask for a stream; open its chunks for a `with`, which hangs up at its end."""
        answer = self.with_raw_response.create(**request)
        with closing(answer.http_response) as response:
            yield read_chunks(
                response
            )  # what LangChain's `with ... as` gets: all chunks


def read_chunks(response):
    """Yield the chunks of a stream, and raise what the library would raise."""
    try:
        for event in read_events(response.iter_bytes()):
            if event.startswith(b"[DONE]"):
                read_to_the_end(response)
                return
            chunk = parse(event)
            # What is JSON but no dict goes on to LangChain, which refuses it.
            if isinstance(chunk, dict) and chunk.get("error"):
                raise stream_error(chunk["error"], response.request)
            if isinstance(chunk, dict) and not is_text_only(chunk):
                chunk = ChatCompletionChunk.construct(
                    **chunk
                )  # as the library makes it
            yield chunk
    except httpx2.TimeoutException as error:
        raise openai.APITimeoutError(response.request) from error
    except httpx2.RequestError as error:  # its name for any trouble on the connection
        raise openai.APIConnectionError(request=response.request) from error


def read_events(packets):
    """Yield what each server-sent event says, in bytes, however the packets cut it."""
    rest = b""  # of a line that is not whole yet
    event = []  # its lines so far
    for packet in packets:
        *lines, rest = (rest + packet).split(b"\n")
        for line in lines:
            line = line.removesuffix(b"\r")  # some servers end their lines with \r\n
            if line.startswith(b"data:"):
                text = line[len(b"data:") :]
                event.append(text.removeprefix(b" "))
            elif not line and event:  # a blank line, and not after a comment alone
                yield b"\n".join(event)
                event = []


def parse(event):
    """Return the JSON of an event, or raise the ValueError that the library would."""
    try:
        return from_json(event)  # four times as fast as json.loads, but stricter
    except ValueError:
        return json.loads(event.decode())


def is_text_only(chunk):
    """Return whether the dict is enough for LangChain, without the library's object.

    The object fills in what a provider left out: the delta of a choice, or the number
    of a tool call, by which a model asks for a function of ours.
    """
    match chunk:
        case {
            "choices": [{"delta": {"content": str()} as delta} as choice]
        }:  # any text
            calls = delta.get("tool_calls") or delta.get("function_call")
            chances = choice.get("logprobs")  # how likely each word was
            return not calls and not chances
    return False


def stream_error(error, request):
    """Return the library's error for one that comes inside the stream."""
    message = error.get("message") if isinstance(error, dict) else None
    if not message or not isinstance(message, str):
        message = "An error occurred during streaming"
    return openai.APIError(message, request, body=error)


def read_to_the_end(response):
    """Read the few bytes that follow [DONE], so that the connection can be kept.

    A server that goes on sending, or keeps silent, loses the connection instead.
    """
    response.request.extensions["timeout"]["read"] = MOMENT  # httpx2 looks at each read
    with suppress(httpx2.RequestError):  # as try: ... except httpx2.RequestError: pass
        # The end comes at once. Who sends three packets more has other plans.
        for _ in islice(response.stream, 3):  # iter_bytes cannot begin a second time
            pass

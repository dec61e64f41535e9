"""ChatOpenAI, LangChain's client for OpenAI, with fewer objects on the way.

Of the time that a word costs this server, more than half would go into an object with a
dozen fields, which the openai library makes of it and LangChain takes apart again. The
library also leaves the last bytes of an answer unread: another answer on the connection
would begin with them. So it is closed, and each answer waits for a new connection.

OpenAI sends an answer as server-sent events. An event is one or more lines that begin
with "data:", then a blank line; a line that begins with ":" is a comment. A choice is
one answer to the question, and its delta is what is new in it:

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
from itertools import islice  # islice(stream, 3): the first three of it

import httpx2  # the HTTP library of OpenAI's client
import openai
from jiter import from_json  # a fast reader of JSON, which comes with openai
from openai.types.chat import ChatCompletionChunk  # the object with a dozen fields

MOMENT = 0.1  # seconds that one read of what follows an answer may take


def make_lean(chat_model):
    """Let this ChatOpenAI stream its answers, "chat completions", as below; return it.

    LangChain holds the chunks of an answer until its end. After every 700 new objects
    Python looks for garbage, which is objects that only each other hold: with many
    readers that takes a fifth of the time. After every 10,000 is often enough.
    """
    gc.set_threshold(10_000)
    chat_model.client = LeanCompletions(chat_model.client)
    return chat_model


class LeanCompletions:
    """What LangChain asks, in place of the library's `client.chat.completions`."""

    def __init__(self, completions):
        # asks as always, but hands over the HTTP response with its body unread
        self.with_raw_response = completions.with_raw_response

    @contextmanager  # so that LangChain can write `with create(...) as chunks:`
    def create(self, **request):
        """Ask for a stream; yield its chunks once, as one generator; then hang up."""
        answer = self.with_raw_response.create(**request)
        with closing(answer.http_response) as response:
            yield read_chunks(response)


def read_chunks(response):
    """Yield the chunks of a stream, and raise what the library would raise."""
    try:
        for event in read_events(response.iter_bytes()):
            if event.startswith(b"[DONE]"):  # the library looks no closer either
                read_to_the_end(response)
                return
            chunk = parse(event)
            # What is JSON but no dict goes on to LangChain, which refuses it.
            if isinstance(chunk, dict) and chunk.get("error"):
                raise stream_error(chunk["error"], response.request)
            if isinstance(chunk, dict) and not is_text_only(chunk):
                # construct, as in the library: it does not check the fields
                chunk = ChatCompletionChunk.construct(**chunk)
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
    # In the pattern str() is any text, [ ] holds exactly one, and "as" names a part.
    match chunk:
        case {"choices": [{"delta": {"content": str()} as delta} as choice]}:
            calls = delta.get("tool_calls") or delta.get("function_call")
            chances = choice.get("logprobs")  # of each word: more objects in the object
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
    # httpx2 looks this limit up anew before each read
    response.request.extensions["timeout"]["read"] = MOMENT
    with suppress(httpx2.RequestError):  # as try: ... except httpx2.RequestError: pass
        # After three packets without an end it gives up, and the connection is closed.
        # Not iter_bytes, which cannot begin a second time.
        for _ in islice(response.stream, 3):
            pass

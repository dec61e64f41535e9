"""ChatOpenAI, LangChain's client for OpenAI, with fewer objects on the way.

Of the time that a word costs this server, more than half would go into an object with a
dozen fields, which the openai library makes of it and LangChain takes apart again.

OpenAI sends an answer as server-sent events. An event is one or more lines that begin
with "data:", then a blank line; a line that begins with ":" is a comment. A choice is
one answer to the question, and its delta is what is new in it:

    data: {"choices": [{"index": 0, "delta": {"content": " word"}}]}

    data: [DONE]

Here LangChain gets such a chunk as the dict that it is on the wire, and makes its own
message of it by copying one. All else stays with the libraries: the key, the address,
time limits, refusals. tests/test_lean.py compares the two, chunk by chunk and error by
error; tests/benchmark.py measures what the difference is worth.
"""

import gc
import json
from contextlib import closing, contextmanager, suppress
from itertools import islice  # islice(stream, 3): the first three of it

import httpx2  # the HTTP library of OpenAI's client
import openai
from jiter import from_json  # a fast reader of JSON, which comes with openai
from langchain_core.messages import AIMessageChunk
from langchain_core.outputs import ChatGenerationChunk
from langchain_openai import ChatOpenAI
from openai.types.chat import ChatCompletionChunk  # the object with a dozen fields

from fast.connections import http_client

MOMENT = 0.1  # seconds that one read of what follows an answer may take
# What LangChain makes of a chunk of text. All others are copies of these two.
MESSAGE = AIMessageChunk("", response_metadata={"model_provider": "openai"})
GENERATION = ChatGenerationChunk(message=MESSAGE)


class LeanChatOpenAI(ChatOpenAI):
    """ChatOpenAI, whose streams of "chat completions" are made as below."""

    def __init__(self, **settings):
        """Take ChatOpenAI's settings.

        LangChain holds the chunks of an answer until its end. After every 700 new
        objects Python looks through those that are there for garbage, which is objects
        that only each other hold: with many readers that takes a fifth of the time.
        After every 50,000 is often enough.
        """
        super().__init__(http_client=http_client(), **settings)
        self.client = LeanCompletions(self.root_client)  # root: the openai library's
        gc.set_threshold(50_000)

    def _convert_chunk_to_generation_chunk(self, chunk, message_class, more):
        """Return what LangChain makes of a chunk; it calls this for each of them.

        message_class is the class of the message before, more what LangChain wants to
        add to the first: mostly nothing. "v1" is another form of its messages.
        """
        is_usual = message_class is AIMessageChunk and self.output_version != "v1"
        if more or not is_usual or not isinstance(chunk, TextChunk):
            return super()._convert_chunk_to_generation_chunk(
                chunk, message_class, more
            )
        # For a new message each field would be checked; for a copy none is. What is
        # not named here, such as the empty list of tool calls, all copies share. A dict
        # in which others may write is not shared.
        text = chunk["choices"][0]["delta"]["content"]
        fields = {"content": text, "additional_kwargs": {}}
        message = MESSAGE.model_copy(update=fields)
        return GENERATION.model_copy(update={"message": message, "text": text})


class TextChunk(dict):
    """A chunk that holds a text, and nothing else that LangChain would look at."""


class LeanCompletions:
    """What LangChain asks, in place of the library's `client.chat.completions`."""

    def __init__(self, client):
        self.client = client
        # whom LangChain asks when it wants no stream
        self.with_raw_response = client.chat.completions.with_raw_response

    @contextmanager  # so that LangChain can write `with create(...) as chunks:`
    def create(self, **request):
        """Ask for a stream; yield its chunks once, as one generator; then hang up.

        The library's own create would go through the whole request first, each message
        of it, and find that nothing there has another name on the wire.
        """
        # What goes along with the body, and what post calls it.
        options = {
            "headers": request.pop("extra_headers", None) or {},
            "params": request.pop("extra_query", None) or {},
            "extra_json": request.pop("extra_body", None),
        }
        if "timeout" in request:  # which may be None: no limit
            options["timeout"] = request.pop("timeout")
        response = self.client.post(
            "/chat/completions",
            body=request,
            options=options,
            cast_to=httpx2.Response,  # as it comes,
            stream=True,  # with its body unread
        )
        with closing(response):
            yield read_chunks(response)


def read_chunks(response):
    """Yield the chunks of a stream, and raise what the library would raise."""
    try:
        for event in read_events(packets_of(response)):
            if event.startswith(b"[DONE]"):  # the library looks no closer either
                read_to_the_end(response)
                return
            chunk = parse(event)
            # What is JSON but no dict goes on to LangChain, which refuses it.
            if isinstance(chunk, dict) and chunk.get("error"):
                raise stream_error(chunk["error"], response.request)
            if holds_text_alone(chunk):
                chunk = TextChunk(chunk)
            elif isinstance(chunk, dict):
                # The object fills in what a provider left out: the delta of a choice,
                # or the number of a tool call. construct does not check the fields,
                # and nor does the library.
                chunk = ChatCompletionChunk.construct(**chunk)
            yield chunk
    except httpx2.TimeoutException as error:
        raise openai.APITimeoutError(response.request) from error
    except httpx2.RequestError as error:  # its name for any trouble on the connection
        raise openai.APIConnectionError(request=response.request) from error


def packets_of(response):
    """Return the packets of a response, unpacked if the server has compressed them."""
    if "content-encoding" in response.headers:
        return response.iter_bytes()
    return response.stream  # the same bytes as iter_bytes, by fewer steps


def read_events(packets):
    """Yield what each server-sent event says, in bytes, however the packets cut it."""
    rest = b""  # of a line that is not whole yet
    event = []  # its lines so far
    for packet in packets:
        lines = (rest + packet).split(b"\n")
        rest = lines.pop()  # what stands behind the last line end
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


def holds_text_alone(chunk):
    """Return whether a chunk holds a text, and nothing else for LangChain."""
    try:
        [choice] = chunk["choices"]  # a ValueError unless it is exactly one
        delta = choice["delta"]
        text = delta["content"]
    except (KeyError, TypeError, ValueError):  # not of this shape
        return False
    more = [
        chunk.get("usage"),
        choice.get("finish_reason"),
        choice.get("logprobs"),  # how likely each word was
        delta.get("tool_calls"),  # asks for a function of ours
        delta.get("function_call"),  # the same, as of old
        delta.get("id"),
    ]
    is_text_alone = isinstance(text, str) and not any(more)
    # of what a "user" says LangChain makes another kind of message
    return is_text_alone and delta.get("role") != "user"


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
    headers = response.headers
    # Without either of these headers the end of the connection is the body's end.
    has_end = "transfer-encoding" in headers or "content-length" in headers
    if not has_end or headers.get("connection", "").lower() == "close":
        return
    # The connection looks into this dict when a pass over the stream begins. The pass
    # below goes on where the one in read_chunks is.
    response.request.extensions["timeout"]["read"] = MOMENT
    with suppress(httpx2.RequestError):  # as try: ... except httpx2.RequestError: pass
        # After three packets without an end it gives up, and the connection is closed.
        for _ in islice(response.stream, 3):
            pass

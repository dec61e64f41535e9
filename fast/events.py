"""From the bytes of a stream to its chunks.

OpenAI sends an answer as server-sent events. An event is one or more lines that begin
with "data:", then a blank line; a line that begins with ":" is a comment. A choice is
one answer to the question, and its delta is what is new in it:

    data: {"choices": [{"index": 0, "delta": {"content": " word"}}]}

    data: [DONE]

A chunk is the JSON of one event. OpenAI's library makes an object of it; here it stays
the dict that it is on the wire.
"""

import json

import httpx2
import openai
from jiter import from_json  # a fast reader of JSON, which comes with openai

from failures import Unfinished
from fast import bounds
from fast.pacing import Pace

# The fields that a chunk of text may have, by the dict that they are in. Of these,
# LangChain uses only the role and the text. Any other field may mean something to it.
CHUNK = {
    "id",
    "object",
    "created",
    "model",
    "service_tier",
    "system_fingerprint",
    "obfuscation",  # random letters, so that a packet's length does not betray its text
    "choices",
}
CHOICE = {"index", "delta"}
DELTA = {"role", "content"}
NOTHING = (None, "", [], {})  # a field with one of these says nothing
MANY_WORDS = 4096  # bytes: about a dozen chunks
pace = Pace()  # one for all answers, which share the processor


def read_chunks(response):
    """Yield the chunks of httpx2's response; raise what the library would raise."""
    try:
        for event in read_events(read_lines(packets_of(response))):
            if event.startswith(b"[DONE]"):  # the library looks no closer either
                exchange = response.extensions.get("exchange")
                if exchange:  # connections.py put it there, if it asked the question
                    exchange.finish()  # so that the connection can be kept
                return
            chunk = parse(event)
            if isinstance(chunk, dict) and chunk.get("error"):
                raise stream_error(chunk["error"], response.request)
            yield chunk
    # As in the library, the error of httpx2 is the cause of the one that is raised.
    except httpx2.TimeoutException as error:
        raise openai.APITimeoutError(response.request) from error
    except httpx2.RequestError as error:  # its name for any trouble on the connection
        raise openai.APIConnectionError(request=response.request) from error


def packets_of(response):
    """Yield the body of a response piece by piece, and no longer compressed."""
    packets = response.stream  # the bytes as they came
    if "content-encoding" in response.headers:  # they are compressed
        packets = response.iter_bytes()  # decompresses them, and takes more steps
    for packet in packets:
        yield packet
        # Before the next read: see pacing.py. Where many words have come at once, there
        # is no need to let more of them gather.
        if len(packet) < MANY_WORDS:
            pace.wait()


def read_lines(packets):
    """Yield the lines of a stream without their ends, wherever the packets cut them."""
    parts = []  # of a line that has not ended yet
    size = 0
    part = b""  # the latest one, which may be of the packet before
    for packet in packets:
        # A line ends in "\n", "\r\n" or "\r", and a packet can end within "\r\n".
        if part.endswith(b"\r") and packet.startswith(b"\n"):
            packet = packet[1:]  # its line has already ended, with the "\r"
            part = b"\n"  # so that a "\n" at the next packet's start is kept
        for part in packet.splitlines(keepends=True):
            parts.append(part)
            size += len(part)
            if size > bounds.EVENT:
                raise Unfinished(bounds.TOO_MUCH)
            if part.endswith((b"\n", b"\r")):
                yield b"".join(parts).rstrip(b"\r\n")
                parts = []
                size = 0


def read_events(lines):
    """Yield what each server-sent event says, in bytes."""
    event = []  # what its lines say
    size = 0
    for line in lines:
        name, _, text = line.partition(b":")
        if name == b"data":
            event.append(text.removeprefix(b" "))
            size += len(text)
            if size > bounds.EVENT:
                raise Unfinished(bounds.TOO_MUCH)
        elif not line and event:  # a blank line, and not after a comment alone
            yield b"\n".join(event)
            event = []
            size = 0
        else:
            # If the name is not UTF-8, it may have been "data". Then this raises a
            # ValueError, as the library does.
            name.decode()


def parse(event):
    """Return the JSON of an event, or raise the ValueError that the library would."""
    try:
        return from_json(event)  # four times as fast as json.loads, but stricter
    except ValueError:
        return json.loads(event.decode())


def text_alone(chunk):
    """Return the text of a chunk, or None if it has anything else."""
    try:
        [choice] = chunk["choices"]  # a ValueError unless it is exactly one
        delta = choice["delta"]
        text = delta["content"]
    except (KeyError, TypeError, ValueError):  # not of this shape
        return None
    # For any other role LangChain makes a message of another class.
    if not isinstance(text, str) or delta.get("role") not in (None, "assistant"):
        return None
    if has_more(chunk, CHUNK) or has_more(choice, CHOICE) or has_more(delta, DELTA):
        return None
    return text


def has_more(fields, names):
    """Whether a dict says anything in a field of another name than these."""
    for name, value in fields.items():
        if name not in names and value not in NOTHING:
            return True
    return False


def stream_error(error, request):
    """Return the library's error for one that comes inside the stream."""
    message = error.get("message") if isinstance(error, dict) else None
    if not message or not isinstance(message, str):
        message = "An error occurred during streaming"  # the library's own words
    return openai.APIError(message, request, body=error)

"""A zoo of providers: a server whose prompt chooses how it answers.

A row of the zoo (see zoo_rows.py) says what one provider was seen to send, byte by
byte, and what a person has to see then. Whoever asks with the name of the row as the
prompt gets those bytes: on OpenAI's wire, its newer one, or Anthropic's.
"""

import gzip
import json
import os
import socket
import struct
from dataclasses import dataclass, field
from threading import Event, Lock, Thread
from time import monotonic
from typing import NamedTuple
from unittest.mock import patch

from models import choose_model

PATIENCE = 30  # seconds that anything here waits at most
SILENCE = 2  # seconds after which a silent row is given up

# What a person has to see


class Whole(NamedTuple):
    """The answer, and nothing but the answer."""

    text: str = "Hello world"


class Broken(NamedTuple):
    """The text that came, then the sentence of a failure, and a body that breaks."""

    failure: tuple
    text: str = "Hello world"


class Refused(NamedTuple):
    """The status and the sentence of a failure, and no text."""

    failure: tuple
    seconds: int = 5  # after which to ask again, for a rate limit


@dataclass
class Row:
    """One quirk: who has it, where that stands, what is sent, what has to be seen."""

    name: str
    source: str
    steps: list  # of an answer: bytes that are sent as they are, and the words below
    expected: Whole | Broken | Refused
    wire: str = "chat"  # or responses, messages
    then: list = None  # the steps for whoever asks again; else the same ones
    asked: int = 1  # how often a server has to ask
    log: str = ""  # what the log has to say of it
    wrong_advice: str = ""  # why its sentence cannot help, if it cannot


RESET = "reset"  # hangs up without a goodbye: TCP RST
STALL = "stall"  # silent until whoever asked hangs up

# What is sent


def respond(status, body, kind="application/json", **headers):
    """Return a whole HTTP answer; a body that is no text is sent as JSON."""
    if not isinstance(body, str):
        body = json.dumps(body)
    body = body.encode()
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    headers |= {"Content-Type": kind, "Content-Length": len(body)}
    return head(status, headers) + body


def head(status=200, headers=None):
    """Return the first line and the headers of an HTTP answer that ends by closing."""
    lines = [f"HTTP/1.1 {status} Because"]
    for name, value in ((headers or {}) | {"Connection": "close"}).items():
        lines.append(f"{name}: {value}")
    return "\r\n".join([*lines, "", ""]).encode()


CHUNKED = head(
    headers={"Content-Type": "text/event-stream", "Transfer-Encoding": "chunked"}
)
LAST = b"0\r\n\r\n"  # the end of a chunked body


def chunked(*events, last=LAST):
    """Return the steps of a stream in HTTP chunks, each event in one of its own."""
    return [CHUNKED, *(http_chunk(event) for event in events), last]


def http_chunk(event, extension=b""):
    """Return one chunk of a chunked body."""
    return b"%x%b\r\n%b\r\n" % (len(event), extension, event)


def until_closed(*events):
    """Return the steps of a stream that ends when the connection does."""
    return [head(headers={"Content-Type": "text/event-stream"}), *events]


def gzipped(*events):
    """Return the steps of a compressed stream."""
    headers = {"Content-Type": "text/event-stream", "Content-Encoding": "gzip"}
    return [head(headers=headers), gzip.compress(b"".join(events))]


def sse(message, event=None):
    """Return one server-sent event; a message that is no text is sent as JSON."""
    if not isinstance(message, str):
        message = json.dumps(message, ensure_ascii=False)
    name = f"event: {event}\n" if event else ""
    return f"{name}data: {message}\n\n".encode()


# OpenAI's wire: /v1/chat/completions

DONE = sse("[DONE]")


def chat(content=None, reason=None, delta=None, **more):
    """Return the event of one chunk: some text, or the reason why the answer ends."""
    if delta is None:
        delta = {} if content is None else {"content": content}
    choice = {"index": 0, "delta": delta, "finish_reason": reason}
    fields = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    return sse(fields | {"choices": [choice]} | more)


ROLE = chat(delta={"role": "assistant", "content": ""})
WORDS = [ROLE, chat("Hello"), chat(" world")]
USAGE = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}


def ends(reason):
    """Return a whole stream on OpenAI's wire that ends for this reason."""
    return chunked(*WORDS, chat(reason=reason), DONE)


# OpenAI's newer wire: /v1/responses

OUTPUT = {"type": "output_text", "text": "Hello world", "annotations": []}


def reply(kind, **fields):
    """Return one event of the newer wire."""
    return sse({"type": kind, "sequence_number": 1} | fields, event=kind)


def response(status, **fields):
    """Return the object in which the newer wire describes an answer."""
    message = {"type": "message", "id": "i1", "role": "assistant", "status": status}
    whole = {"id": "r1", "object": "response", "created_at": 1, "model": "m"}
    whole |= {"status": status, "error": None, "incomplete_details": None}
    whole |= {"output": [message | {"content": [OUTPUT]}], "tools": []}
    whole |= {"parallel_tool_calls": True, "tool_choice": "auto"}
    return whole | fields


def reply_text(words):
    """Return the event that brings a piece of text on the newer wire."""
    place = {"item_id": "i1", "output_index": 0, "content_index": 0, "logprobs": []}
    return reply("response.output_text.delta", delta=words, **place)


CREATED = reply("response.created", response=response("in_progress", output=[]))
REPLY = [CREATED, reply_text("Hello"), reply_text(" world")]

# Anthropic's wire: /v1/messages


def said(kind, **fields):
    """Return one event of Anthropic's wire."""
    return sse({"type": kind} | fields, event=kind)


def said_text(words):
    """Return the event that brings a piece of text on Anthropic's wire."""
    delta = {"type": "text_delta", "text": words}
    return said("content_block_delta", index=0, delta=delta)


MESSAGE = {"id": "m1", "type": "message", "role": "assistant", "model": "m"}
MESSAGE |= {"content": [], "stop_reason": None, "stop_sequence": None}
START = said(
    "message_start",
    message=MESSAGE | {"usage": {"input_tokens": 3, "output_tokens": 1}},
)
BLOCK = said("content_block_start", index=0, content_block={"type": "text", "text": ""})
SAID = [START, BLOCK, said_text("Hello"), said_text(" world")]


def stops(reason):
    """Return the events that end a message for this reason."""
    delta = {"stop_reason": reason, "stop_sequence": None}
    return [
        said("content_block_stop", index=0),
        said("message_delta", delta=delta, usage={"output_tokens": 2}),
        said("message_stop"),
    ]


# The server

SETTINGS = {  # of .env, by wire
    "chat": {
        "MODEL": "openai:gpt-test",
        "OPENAI_BASE_URL": "{url}/v1",
        "OPENAI_API_KEY": "sk-abcd1234wxyz",
    },
    "responses": {
        "MODEL": "openai:gpt-5-pro",  # LangChain asks it on the newer wire
        "OPENAI_BASE_URL": "{url}/v1",
        "OPENAI_API_KEY": "sk-abcd1234wxyz",
    },
    "messages": {
        "MODEL": "anthropic:claude-test",
        "ANTHROPIC_BASE_URL": "{url}",
        "ANTHROPIC_API_KEY": "sk-abcd1234wxyz",
    },
}


@dataclass
class Zoo:
    """A server on raw sockets: the prompt is the name of the row that it plays."""

    rows: dict  # by name
    asked: dict = field(default_factory=dict)  # how often, by name
    models: dict = field(default_factory=dict)  # by their settings

    def __post_init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.closing = Event()
        self.lock = Lock()
        self.threads = []

    def __enter__(self):
        self.listener.settimeout(0.05)
        self.threads.append(Thread(target=self.accept))
        self.threads[0].start()
        return self

    def __exit__(self, *_):
        self.closing.set()
        for thread in self.threads:
            thread.join()
        self.listener.close()

    @property
    def server(self):
        """Return host and port, as sentences name them."""
        return self.url.removeprefix("http://")

    def model_for(self, row, **settings):
        """Return the real model that asks this zoo on the wire of a row.

        Any program of the repository can be asked with it in place of its model.
        """
        patience = SILENCE if STALL in row.steps else PATIENCE
        settings = SETTINGS[row.wire] | settings | {"MODEL_TIMEOUT": str(patience)}
        settings = {name: text.format(url=self.url) for name, text in settings.items()}
        which = tuple(settings.items())
        if which not in self.models:
            with patch.dict(os.environ, settings):
                self.models[which] = choose_model()
        return self.models[which]

    def accept(self):
        """Answer each connection in a thread of its own, until the end."""
        while not self.closing.is_set():
            try:
                connection, _ = self.listener.accept()
            except TimeoutError:
                continue
            thread = Thread(target=self.answer, args=[connection])
            self.threads.append(thread)
            thread.start()

    def answer(self, connection):
        """Read one request, and do what its row says."""
        with connection:
            connection.settimeout(PATIENCE)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            try:
                row = self.rows[read_prompt(connection)]
                with self.lock:
                    self.asked[row.name] = self.asked.get(row.name, 0) + 1
                    is_first = self.asked[row.name] == 1
                for step in row.steps if is_first or not row.then else row.then:
                    self.do(step, connection)
            except OSError:
                pass  # whoever asked has hung up

    def do(self, step, connection):
        """Send bytes as they are, fall silent, or hang up."""
        if step == STALL:
            self.wait_for_the_end(connection)
        elif step == RESET:
            linger = struct.pack("hh" if os.name == "nt" else "ii", 1, 0)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        else:
            connection.sendall(step)

    def wait_for_the_end(self, connection):
        """Return when whoever asked has hung up."""
        connection.settimeout(0.05)
        until = monotonic() + PATIENCE
        while not self.closing.is_set() and monotonic() < until:
            try:
                if not connection.recv(1):
                    return
            except TimeoutError:
                continue


def read_prompt(connection):
    """Read a request to the end, and return the prompt in its JSON."""
    request = b""
    while b"\r\n\r\n" not in request:
        request += receive(connection)
    headers, _, body = request.partition(b"\r\n\r\n")
    [length] = [
        int(line.split(b":")[1])
        for line in headers.split(b"\r\n")
        if line.lower().startswith(b"content-length:")
    ]
    while len(body) < length:
        body += receive(connection)
    asked = json.loads(body)
    messages = asked.get("messages") or asked["input"]
    content = messages[-1]["content"]
    return content if isinstance(content, str) else content[0]["text"]


def receive(connection):
    """Return what has arrived; raise an OSError if nothing more will."""
    arrived = connection.recv(65536)
    if not arrived:
        raise ConnectionAbortedError
    return arrived

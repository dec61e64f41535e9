"""A trial at the start: does LeanChatOpenAI still answer as ChatOpenAI does?

A new release of a library may have changed something that this folder relies on. So
both classes are asked the same question, and are sent the same answers. Nothing of this
leaves the program.
"""

import json
import socket
from uuid import UUID

import httpx2
import openai
from langchain_openai import ChatOpenAI
from langsmith import tracing_context

from error_facts import place_of_error
from fast.connections import KeptConnections

RUN = UUID(int=1)  # both classes make the ids of their messages from it


def event(**fields):
    """Return a server-sent event, in bytes."""
    return f"data: {json.dumps(fields)}\n\n".encode()


def chunk(delta, reason=None):
    """Return the event of a chunk, in bytes."""
    choice = {"index": 0, "delta": delta, "finish_reason": reason}
    return event(id="1", choices=[choice], usage=None)  # as OpenAI sends it


USAGE = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}
TEXTS = [
    chunk({"role": "assistant", "content": ""}),
    chunk({"content": "one"}),
    chunk({"content": " two"}),
]
ENDING = [chunk({}, "stop"), event(choices=[], usage=USAGE), b"data: [DONE]\n\n"]
ANSWERS = [  # each a status, and the pieces of its body
    (200, TEXTS + ENDING),
    (200, [*TEXTS, event(error={"message": "It is late."})]),  # an error in mid-answer
    (429, [b'{"error": {"message": "It is too much.", "code": "rate_limit"}}']),
]


def difference(lean_class):
    """Return what does not work in the class, in words; None if all of it works."""
    settings = {"model": "trial", "api_key": "none", "base_url": "http://127.0.0.1/v1"}
    # A transport is what carries the questions: see connections.py.
    client = openai.DefaultHttpxClient(transport=LibraryTransport())
    try:
        # Without options LangChain would warn, where a proxy is set, that this client
        # does not use it.
        original = ChatOpenAI(
            http_client=client, http_socket_options=(), max_retries=0, **settings
        )
        lean = lean_class(max_retries=0, **settings)
        lean.use(OurTransport())
        # LangSmith, a service that records questions, must not record this one.
        with tracing_context(enabled=False):
            for _ in ANSWERS:
                if outcome(lean) != outcome(original):
                    return "the answers are not those of ChatOpenAI"
    except Exception as error:
        return f"{type(error).__name__} {place_of_error(error)}: {error}"
    return None


def outcome(model):
    """Return the messages of an answer, and its error: all that can be seen of them."""
    messages = []
    try:
        for message in model.stream("Hello?", config={"run_id": RUN}):
            fields = message.model_dump()  # as a dict
            messages.append((type(message), fields))
    except openai.APIError as error:
        return messages, type(error), str(error)
    return messages, None, None


class LibraryTransport(httpx2.BaseTransport):
    """A transport that brings the answers as httpx2 itself would."""

    def __init__(self):
        self.answers = iter(ANSWERS)

    def handle_request(self, request):
        """Return the next response."""
        status, pieces = next(self.answers)
        return httpx2.Response(status, content=b"".join(pieces))


class OurTransport(KeptConnections):
    """Our transport, in which each connection brings an answer and leads nowhere."""

    def __init__(self):
        super().__init__(answer_seconds=30)
        self.answers = iter(ANSWERS)

    def connect(self, server, seconds):
        """Return one of two connected sockets; into the other the answer was sent."""
        status, pieces = next(self.answers)
        connection, other = socket.socketpair()
        with other:
            head = f"HTTP/1.1 {status} Trial\r\nTransfer-Encoding: chunked\r\n"
            other.sendall(f"{head}Connection: close\r\n\r\n".encode())
            for piece in [*pieces, b""]:  # the size 0 ends the body
                # %x is the size in hexadecimal, %b the bytes.
                other.sendall(b"%x\r\n%b\r\n" % (len(piece), piece))
        return connection

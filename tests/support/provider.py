"""A provider that speaks OpenAI's protocol and fails in every way a test asks for.

A script in, a record out. Each POST goes on in the script where the last one ended: a
script that begins with a refusal shows whether anybody asks a second time.
"""

import json
import os
import socket
import struct
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from select import select
from socketserver import ThreadingTCPServer
from threading import Event, Thread
from time import monotonic

PATIENCE = 20  # seconds that anything here waits at most
LEAK = "Incorrect API key provided: sk-abcd****wxyz"  # what real errors can hold


@dataclass
class refuse:
    """The step that answers with the status of an error."""

    status: int
    headers: dict = field(default_factory=dict)
    message: str = LEAK


def event(**fields):
    """Return one server-sent event; letters beyond ASCII stay as they are."""
    return f"data: {json.dumps(fields, ensure_ascii=False)}\n\n".encode()


def chunk(delta, reason=None):
    """Return the event that brings a piece of the answer, or its finish reason."""
    choice = {"index": 0, "delta": delta, "finish_reason": reason}
    return event(id="1", object="chat.completion.chunk", choices=[choice])


def finish(reason):
    """Return the chunk that says why the answer ends: stop, length, content_filter."""
    return chunk({}, reason)


TOKENS = {"prompt_tokens": 3, "completion_tokens": 5, "total_tokens": 8}
USAGE = event(choices=[], usage=TOKENS)
ERROR = event(error={"message": LEAK})
DONE = b"data: [DONE]\n\n"  # ends this answer; what follows is for the next POST
END = object()  # the same without a word: other protocols have no [DONE]
DROP = object()  # closes the connection in the middle of the answer
RESET = object()  # the same without a goodbye: TCP RST
STALL = Event()  # nobody sets it: silent until the client hangs up


class Provider(ThreadingTCPServer):
    """Do what a script says for whoever POSTs to `url`/chat/completions.

    Steps: a str (the text of one chunk), bytes (one packet, as it is), an Event (waited
    for), refuse(...), END, DROP and RESET. The status leaves with the first packet, so
    a script can also stall or break off before it.
    """

    def __init__(self, *script):
        super().__init__(("127.0.0.1", 0), Exchange)
        self.url = "http://{}:{}/v1".format(*self.server_address)
        self.script = iter(script)
        self.requests = []  # each POST: path, headers, json
        self.sent = []  # each str and bytes of the script that has left
        self.hung_up = Event()  # a client left before its answer was whole
        self.closing = False

    def __enter__(self):
        Thread(target=self.serve_forever, args=[0.01]).start()
        return self

    def __exit__(self, *_):
        self.closing = True
        self.shutdown()
        self.server_close()  # waits for the threads that answer


class Exchange(BaseHTTPRequestHandler):
    """One POST, and what the script does to it."""

    disable_nagle_algorithm = True  # what is written leaves at once, by itself
    protocol_version = "HTTP/1.1"
    timeout = PATIENCE

    def do_POST(self):
        """Do the next steps of the script, up to the one that ends an answer."""
        self.json = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.requests.append(self)
        self.begun, self.close_connection = False, True
        try:
            for step in self.server.script:
                if isinstance(step, refuse):
                    return self.refuse(step)
                if step is END:
                    break
                if step in (DROP, RESET):
                    return self.break_off(step)
                self.wait(step) if isinstance(step, Event) else self.send(step)
                if step == DONE:
                    break
            self.send(b"")  # an empty chunk is the end of the body
        except OSError:
            self.server.hung_up.set()

    def refuse(self, refusal):
        """Answer with an error, written as OpenAI writes it."""
        self.begin(refusal.status, refusal.headers)
        self.wfile.write(json.dumps({"error": {"message": refusal.message}}).encode())

    def begin(self, status, headers):
        """Send the status and the headers."""
        self.begun = True
        self.send_response(status)
        for name, value in (headers | {"Connection": "close"}).items():
            self.send_header(name, value)
        self.end_headers()

    def send(self, step):
        """Send text in a chunk of the answer, or bytes as they are."""
        if not self.begun:
            self.begin(200, {"Transfer-Encoding": "chunked"})
        if step:
            self.server.sent.append(step)
        packet = chunk({"content": step}) if isinstance(step, str) else step
        self.wfile.write(b"%x\r\n%b\r\n" % (len(packet), packet))

    def wait(self, event):
        """Wait until the event is set; raise an OSError if the client hangs up."""
        end = monotonic() + PATIENCE
        while not event.wait(0.01) and not self.server.closing and monotonic() < end:
            readable, _, _ = select([self.connection], [], [], 0)
            if readable and not self.connection.recv(1):
                raise ConnectionAbortedError

    def break_off(self, how):
        """Close the connection before the end of the body."""
        if how is RESET:
            linger = struct.pack("hh" if os.name == "nt" else "ii", 1, 0)
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.rfile.close()
        self.connection.close()

    def log_message(self, *_):
        """Say nothing: the record is the server's."""

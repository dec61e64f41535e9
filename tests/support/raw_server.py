"""A server that sends exactly the bytes of a script, right or wrong as HTTP.

The server in provider.py speaks HTTP as a provider does. Here a test decides on each
byte, and on where the packets end.
"""

from contextlib import suppress
from select import select
from socketserver import BaseRequestHandler, ThreadingTCPServer
from threading import Event, Thread
from time import monotonic

from support.keeping_provider import lean_model, model_for, outcome, stock_model
from support.provider import PATIENCE, chunk, finish

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
LAST = b"0\r\n\r\n"
DONE = b"data: [DONE]\n\n"
NEXT = object()  # wait for the next question on the same connection
STEP = 0.002  # seconds between two packets, so that they arrive as two


def http_chunk(content):
    """Return bytes as one HTTP chunk."""
    return b"%x\r\n%b\r\n" % (len(content), content)


def cut(text, random):
    """Return a text in packets of random lengths."""
    packets = []
    while text:
        size = random.choice([0, 1, 1, 2, 3, 7, 50, 1000])
        packets.append(text[:size])
        text = text[size:]
    return packets


def words(*texts):
    """Return the HTTP chunks that bring texts, one in each."""
    return b"".join(http_chunk(chunk({"content": text})) for text in texts)


ENDING = http_chunk(finish("stop")) + http_chunk(DONE) + LAST
ONE_TWO = words("one", " two") + ENDING


class RawServer(ThreadingTCPServer):
    """Answer whatever is asked with the bytes of a script.

    Steps: bytes (one packet), an Event (waited for), NEXT, or a function, which is
    called with the socket. After the script, or with another connection, it hangs up.
    """

    request_queue_size = 512
    daemon_threads = True

    def __init__(self, *script):
        super().__init__(("127.0.0.1", 0), Answering)
        self.url = "http://{}:{}/v1".format(*self.server_address)
        self.script = iter(script)
        self.questions = []  # each in bytes, head and body
        self.connections = 0
        self.hung_up = Event()  # a client left while the script was being sent
        self.closing = Event()

    def __enter__(self):
        Thread(target=self.serve_forever, args=[0.01]).start()
        return self

    def __exit__(self, *_):
        self.closing.set()
        self.shutdown()
        self.server_close()


class Answering(BaseRequestHandler):
    """One connection."""

    def handle(self):
        self.server.connections += 1
        with suppress(OSError):
            self.read_question()
            for step in self.server.script:
                if step is NEXT:
                    self.read_question()
                elif isinstance(step, Event):
                    self.wait(step)
                elif callable(step):
                    step(self.request)
                else:
                    self.server.closing.wait(STEP)
                    self.send(step)

    def read_question(self):
        """Read a question to its end."""
        question = b""
        while b"\r\n\r\n" not in question:
            question += self.receive()
        head, _, body = question.partition(b"\r\n\r\n")
        for line in head.lower().split(b"\r\n"):
            name, _, value = line.partition(b":")
            if name == b"content-length":
                while len(body) < int(value):
                    body += self.receive()
        self.server.questions.append(head + b"\r\n\r\n" + body)

    def receive(self):
        received = self.request.recv(65536)
        if not received:
            raise ConnectionAbortedError
        return received

    def send(self, packet):
        try:
            self.request.sendall(packet)
        except OSError:
            self.server.hung_up.set()
            raise

    def wait(self, event):
        """Wait until the event is set; raise an OSError if the client hangs up."""
        end = monotonic() + PATIENCE
        while not event.wait(0.01) and monotonic() < end:
            if self.server.closing.is_set():
                raise ConnectionAbortedError
            readable, _, _ = select([self.request], [], [], 0)
            if readable and not self.request.recv(1):
                self.server.hung_up.set()
                raise ConnectionAbortedError


def raw_both(*script, **settings):
    """Play the script for either client; return the outcome of each.

    An outcome is the messages, the error, and the number of questions.
    """
    outcomes = []
    for make in (stock_model, lean_model):
        with RawServer(*script) as server:
            server.requests = []  # outcome() looks for them
            model = model_for(server.url, make, settings)
            messages, error, _ = outcome(model, server)
            outcomes.append((messages, error, len(server.questions)))
    return outcomes

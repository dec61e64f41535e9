"""Show how many pieces wait in memory for a reader of one byte a second.

    python held.py --seconds 10

The model writes a hundred pieces a second, of 20,000 characters each. So the buffers of
the two sockets, which hold a few megabytes, soon fill up.
"""

import argparse
import json
import re
import socket
import sys
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from threading import Thread
from time import sleep

from langchain_core.messages import AIMessageChunk
from werkzeug.serving import WSGIRequestHandler, make_server

HERE = Path(__file__).resolve().parent


class Fountain:
    """A model whose answer has no end."""

    name = "fountain"

    def stream(self, prompt):
        while True:
            yield AIMessageChunk("x" * 20_000)
            sleep(0.01)


def held_each_second(program, seconds):
    """Ask an app, and read a byte a second; each time, yield how many pieces wait."""
    program.model = Fountain()
    with served(program.app) as port, socket.socket() as reader:
        # before it connects: how much the system may keep for this reader
        reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        reader.connect(("127.0.0.1", port))
        body = json.dumps({"prompt": "Tell me all."})
        reader.sendall(
            b"POST /ask HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
            b"Content-Type: application/json\r\n"
            + f"Content-Length: {len(body)}\r\n\r\n{body}".encode()
        )
        for _ in range(seconds):
            reader.recv(1)
            sleep(1)
            yield pieces_held(program.app)


def pieces_held(app):
    """Return how many pieces wait, according to /metrics."""
    text = app.test_client().get("/metrics").text
    [line] = re.findall(r"(?m)^pieces_held (.+)$", text)
    return int(float(line))


class Quiet(WSGIRequestHandler):
    """A request that leaves no line in the log."""

    def log(self, type, message, *args):
        pass


@contextmanager
def served(app):
    """Run an app on a free port, a thread for each request; yield the port."""
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=Quiet)
    server.daemon_threads = True
    server.block_on_close = False
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.port
    finally:
        server.shutdown()
        server.server_close()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=int, default=10)
    asked = parser.parse_args()
    root = next(folder for folder in HERE.parents if (folder / "models.py").exists())
    sys.path.insert(0, str(root))
    package = ".".join(HERE.relative_to(root).parts)
    program = import_module(f"{package}.app")
    for second, held in enumerate(held_each_second(program, asked.seconds), 1):
        print(f"{second:3} s: {held:5} pieces wait", flush=True)


if __name__ == "__main__":
    main()

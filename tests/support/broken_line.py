"""A line between a client and a server that breaks when somebody says so."""

import select
import socket
import struct
import threading
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

AT_ONCE = 64 * 1024  # bytes
RESET = struct.pack("ii", 1, 0)  # close with TCP's RST, which says no goodbye
CLOSES = b"Connection: close\r\n"  # as Flask's own server says


class BrokenLine:
    """Takes connections, and passes on what both sides send until it breaks.

    With keeps_connections it says so to clients, as gunicorn and nginx do. Node takes a
    body that broke for a whole one if the server was to close the connection anyway.
    """

    def __init__(self, url, keeps_connections):
        self.keeps_connections = keeps_connections
        parts = urlsplit(url)
        self.server = parts.hostname, parts.port
        self.listener = socket.create_server(("127.0.0.1", 0))
        port = self.listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        self.bells = []  # one for each connection: a byte in it, and the line breaks

    def serve(self):
        """Take connections, a thread each, until the listener is closed."""
        with suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                bell, rope = socket.socketpair()
                self.bells.append(rope)
                lines = client, socket.create_connection(self.server), bell
                threading.Thread(target=self.carry, args=lines, daemon=True).start()

    def carry(self, client, server, bell):
        """Pass on bytes between two sockets until one ends, or the bell rings."""
        others = {client: server, server: client}
        with client, server, bell, suppress(OSError):
            while True:
                ready, _, _ = select.select([client, server, bell], [], [])
                if bell in ready:
                    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                    return
                for one in ready:
                    data = one.recv(AT_ONCE)
                    if not data:
                        return
                    if one is server and self.keeps_connections:
                        data = data.replace(CLOSES, b"")
                    others[one].sendall(data)

    def break_now(self):
        """Break all connections that there are."""
        for rope in self.bells:
            with rope, suppress(OSError):  # it has ended
                rope.send(b"!")
        self.bells = []


@contextmanager
def broken_line(url, keeps_connections=True):
    """Yield a BrokenLine to a server; its url is where to reach it."""
    line = BrokenLine(url, keeps_connections)
    threading.Thread(target=line.serve, daemon=True).start()
    try:
        yield line
    finally:
        line.break_now()
        line.listener.shutdown(socket.SHUT_RDWR)
        line.listener.close()

r"""One question to a server, and its answer: an exchange in HTTP/1.1.

Both have the same form: a head, which is a first line and headers, and then a body. The
library h11, with which httpx2 reads HTTP as well, writes the question here, and reads
the head of the answer. It could read the body too, but needs nearly as long for a word
of it as the rest of this program. So HTTPChunks below reads it, if it comes in HTTP
chunks, as streams do. Each chunk has its size before it, a hexadecimal number:

    5                       five bytes follow
    Hello
    0                       none follow: this was the last

Each line ends in two bytes, written "\r\n" in Python, and a blank line ends the body.
"""

import re  # patterns: ? means "perhaps", * any number, | "or", ^ the start, . any byte
from contextlib import suppress
from itertools import islice  # islice(body, 3): the first three pieces of it
from math import inf
from time import monotonic

import h11
import httpx2

from failures import TOO_SLOW, Unfinished
from fast import bounds

MOMENT = 0.1  # seconds for all that follows an answer's last word: see finish()
# The line with the size of a chunk, 1 to 20 digits of base 16. A note may follow it,
# behind a semicolon.
FIRST_SIZE = re.compile(rb"([0-9A-Fa-f]{1,20})(;.*)?[ \t]*\r\n")
# The same for a later chunk: the line end of the chunk before comes first. A compiled
# pattern has its text in .pattern.
NEXT_SIZE = re.compile(rb"\r\n" + FIRST_SIZE.pattern)
# The blank line that ends the body. Headers may come before it, and some servers end a
# line in "\n" alone.
END = re.compile(rb"^\r?\n|\n\r?\n")  # at the start, or after a header; as h11 does it


class Exchange(httpx2.SyncByteStream):
    """One question and its answer, whose body httpx2 reads by iterating over this."""

    def __init__(self, connection, seconds, deadline, keep):
        """Take a connected socket, and how much time there is.

        `seconds` is a dict that says how long a "write" and a "read" may wait; None is
        no limit. At the time `deadline`, of monotonic(), the answer has to be whole.
        `keep` is called with the socket, if it can carry another question.
        """
        self.connection = connection
        self.seconds = seconds
        self.deadline = deadline
        self.keep = keep
        # We are the client. A head with more bytes is refused.
        self.http = h11.Connection(h11.CLIENT, bounds.HEAD)
        self.chunks = None  # HTTPChunks, if the body comes in them
        self.received = b""  # the part of such a body that came with the head
        self.room = inf  # bytes that the body may still have
        self.is_whole = False  # whether the body was read to its end
        self.may_be_kept = False  # whether the connection can carry another question

    # The question, and the head of the answer

    def ask(self, request):
        """Send httpx2's request, and return the head of the answer: h11's Response."""
        try:
            head = h11.Request(
                method=request.method,
                target=request.url.raw_path,
                headers=request.headers.raw,
            )
            question = self.http.send(head)  # h11 sends nothing: it returns bytes
            question += self.http.send(h11.Data(data=request.read()))
            question += self.http.send(h11.EndOfMessage())
        except h11.LocalProtocolError as error:  # HTTP has no way to write it
            # from None, here and below: the error that it replaces would say no more.
            raise httpx2.LocalProtocolError(str(error)) from None
        self.send(question)
        answer = self.next_event()
        # A status below 200 is not the answer yet, which comes after it.
        while isinstance(answer, h11.InformationalResponse):
            answer = self.next_event()
        self.prepare_for_body(answer)
        return answer

    def send(self, question):
        """Send the bytes of a question."""
        self.limit("write")
        try:
            self.connection.sendall(question)
        except TimeoutError:
            raise self.too_late(httpx2.WriteTimeout) from None
        except OSError:
            # A server may refuse a question, and hang up, before it has read all of
            # it. Then there is an answer to be read. If not, receive() finds that out.
            pass

    def next_event(self):
        """Return what h11 reads next: a head, a part of a body, or its end."""
        while True:
            try:
                event = self.http.next_event()
            except h11.RemoteProtocolError as error:
                if error.error_status_hint == 431:  # the status for a head too large
                    raise Unfinished(bounds.TOO_MUCH) from None
                raise httpx2.RemoteProtocolError(str(error)) from None
            if event is not h11.NEED_DATA:
                return event
            self.http.receive_data(self.receive())

    def prepare_for_body(self, answer):
        """Note how the body will come, and whether the connection can be used again."""
        names = set()
        closes = answer.http_version < b"1.1"  # HTTP/1.0 hangs up after each answer
        for name, value in answer.headers:  # h11 has the names in lower case
            names.add(name)
            if name == b"connection" and b"close" in value.lower():
                closes = True
        # A body with neither of these headers ends when the server hangs up.
        has_end = b"transfer-encoding" in names or b"content-length" in names
        self.may_be_kept = has_end and not closes
        if b"transfer-encoding" in names:  # it says "chunked": h11 takes nothing else
            self.chunks = HTTPChunks()
            self.received, _ = self.http.trailing_data  # what came behind the head
        if answer.status_code >= 400:
            self.room = bounds.REFUSAL

    # What the connection brings

    def receive(self):
        """Return the bytes that have come, once there are some; b"" is the end."""
        self.limit("read")
        try:
            return self.connection.recv(65536)  # what is there, up to 64 KiB
        except TimeoutError:
            raise self.too_late(httpx2.ReadTimeout) from None
        except OSError as error:
            raise httpx2.ReadError(str(error)) from None

    def limit(self, step):
        """Limit the next wait: to this step's seconds, or to the answer's if fewer."""
        seconds_left = self.deadline - monotonic()
        if seconds_left <= 0:
            raise Unfinished(TOO_SLOW)
        seconds = self.seconds.get(step)
        if seconds is None:
            seconds = inf
        self.connection.settimeout(min(seconds, seconds_left))

    def too_late(self, timeout_class):
        """Return the error for a wait that was too long."""
        if monotonic() >= self.deadline:
            return Unfinished(TOO_SLOW)
        return timeout_class("The server kept silent.")

    # The body

    def __iter__(self):
        """Yield the body in bytes, as it comes. A second loop goes on with the rest."""
        try:
            while not self.is_whole:
                piece = self.read() if self.chunks else self.read_by_h11()
                self.room -= len(piece)
                if self.room < 0:
                    raise Unfinished(bounds.TOO_MUCH)
                if piece:
                    yield piece
        except Exception:  # not GeneratorExit: a second loop may read the rest
            self.may_be_kept = False
            self.close()
            raise

    def read(self):
        """Return what has come of a body in HTTP chunks."""
        if self.chunks.fault:
            raise self.chunks.fault
        received = self.received or self.receive()
        self.received = b""
        if not received:
            raise httpx2.RemoteProtocolError("The server hung up in mid-answer.")
        content = self.chunks.decode(received)
        self.is_whole = self.chunks.have_ended
        if self.is_whole and self.chunks.rest:  # more than the answer
            self.may_be_kept = False
        return content

    def read_by_h11(self):
        """Return what has come of any other body."""
        event = self.next_event()
        if isinstance(event, h11.Data):
            return bytes(event.data)  # h11 has a bytearray
        self.is_whole = True  # the event is EndOfMessage
        more, _ = self.http.trailing_data
        if more:
            self.may_be_kept = False
        return b""

    def finish(self):
        """Read the few bytes after the last word, so that the connection can be kept.

        A server that goes on sending, or falls silent, is not waited for.
        """
        if not self.may_be_kept:
            return
        self.deadline = min(self.deadline, monotonic() + MOMENT)
        with suppress(httpx2.RequestError, Unfinished):  # any of them: it is not kept
            for _ in islice(self, 3):  # pieces: at most a few line ends should come
                pass

    def close(self):
        """Hang up, or keep the connection if the body was read to its end."""
        connection = self.connection
        self.connection = None
        if connection is None:  # it was closed before
            return
        if self.is_whole and self.may_be_kept:
            self.keep(connection)
        else:
            connection.close()


class HTTPChunks:
    """Takes the sizes out of a body that comes in HTTP chunks."""

    def __init__(self):
        self.missing = 0  # bytes of the chunk that has begun
        self.size_line = FIRST_SIZE  # the pattern for the next line with a size
        self.rest = b""  # a line that is not whole yet; in the end, what is too much
        self.had_last = False  # whether the size 0 has come
        self.have_ended = False  # whether the blank line after it has come, too
        self.fault = None  # the error to raise, once the content before it was read

    def decode(self, received):
        """Return the content of what was received, wherever that begins and ends."""
        received = self.rest + received
        content = []
        at = 0
        while not self.had_last:
            if self.missing:
                part = received[at : at + self.missing]
                content.append(part)
                at += len(part)
                self.missing -= len(part)
                if self.missing:
                    break  # the rest of this chunk is still to come
                self.size_line = NEXT_SIZE
            line = self.size_line.match(received, at)
            if line is None:
                break  # not whole yet, or no size: see look_at_rest
            at = line.end()
            self.missing = int(line[1], 16)  # [1] is what ( ) found, in base 16
            self.had_last = self.missing == 0
        self.rest = received[at:]
        if self.rest:
            self.look_at_rest()
        return b"".join(content)

    def look_at_rest(self):
        """Find the end of the body in the rest, or what is wrong with it."""
        end = END.search(self.rest)
        if self.had_last and end:
            self.have_ended = True
            self.rest = self.rest[end.end() :]
        elif not self.had_last and b"\n" in self.rest[2:]:
            # A whole line is there, but not a size. (The first two bytes can be the
            # line end of the chunk before.)
            self.fault = httpx2.RemoteProtocolError("An HTTP chunk has no size.")
        elif len(self.rest) > bounds.SIZE:
            self.fault = Unfinished(bounds.TOO_MUCH)

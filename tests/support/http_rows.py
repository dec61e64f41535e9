"""What a server may send as HTTP, right and wrong: scripts for raw_server.py.

Each is played for the library's client and for fast/. The streams in test_lean.py are
about what the events say; these are about what carries them.
"""

import gzip
import json
import zlib

from support.provider import chunk, finish
from support.raw_server import (
    CHUNKED,
    DONE,
    ENDING,
    HEAD,
    LAST,
    NEXT,
    ONE_TWO,
    http_chunk,
    words,
)

STREAM = chunk({"content": "one"}) + chunk({"content": " two"})
STREAM += finish("stop") + DONE
TRANSFER = b"Transfer-Encoding: chunked\r\n\r\n"
ERROR = json.dumps({"error": {"message": "no", "type": "t", "code": "c"}}).encode()


def with_headers(*lines):
    """Return a whole answer that has more headers."""
    return [HEAD + b"".join(lines) + TRANSFER + ONE_TWO]


def refusal(status, *lines, body=ERROR):
    """Return the answer with the status of an error."""
    head = b"HTTP/1.1 %d Sorry\r\nContent-Type: application/json\r\n" % status
    return [head + b"".join(lines) + b"Content-Length: %d\r\n\r\n" % len(body) + body]


def with_length(body, length):
    """Return an answer that says its length, right or wrong."""
    return HEAD + b"Content-Length: %d\r\n\r\n" % length + body


def bare(*chunks):
    """Return an answer in HTTP chunks that are written out."""
    return [CHUNKED + b"".join(chunks)]


def sized(form, content=STREAM):
    """Return an HTTP chunk whose size is written in another form."""
    return form % len(content) + b"\r\n" + content + b"\r\n"


HEADERS = {
    "a header in UTF-8": with_headers("X-User: Müller\r\n".encode()),
    "a header in Latin-1": with_headers("X-User: Müller\r\n".encode("latin-1")),
    "a header of all bytes": with_headers(
        b"X-All: " + bytes(range(128, 256)) + b"\r\n"
    ),
    "a 429 with a header in UTF-8": refusal(429, "X-User: Müller\r\n".encode()),
    "a 401 with a header in Latin-1": refusal(401, b"X-User: M\xfcller\r\n"),
    "150 headers": with_headers(*[b"X-%d: 1\r\n" % n for n in range(150)]),
    "a 429 with 150 headers": refusal(429, *[b"X-%d: 1\r\n" % n for n in range(150)]),
    "a header of 70,000 bytes": with_headers(b"X-Long: " + b"x" * 70_000 + b"\r\n"),
    "a 429 with a header of 70,000 bytes": refusal(
        429, b"X-Long: " + b"x" * 70_000 + b"\r\n"
    ),
    "a header twice": with_headers(b"X-A: 1\r\nX-A: 2\r\nSet-Cookie: a\r\n"),
    "a 429 with a header twice": refusal(
        429, b"X-A: 1\r\n", b"X-A: 2\r\n", b"X-A: 1\r\n"
    ),
    "a header without a value": with_headers(b"X-A:\r\n"),
    "a header without a space": with_headers(b"X-A:1\r\n"),
    "a header with spaces around": with_headers(b"X-A: \t 1 \t\r\n"),
    "a header on two lines": with_headers(b"X-A: 1\r\n 2\r\n"),
    "a header in capital letters": with_headers(b"CACHE-CONTROL: NO\r\n"),
    "a header with a space in its name": with_headers(b"X A: 1\r\n"),
    "a header without a colon": with_headers(b"X-A 1\r\n"),
    "a header without a name": with_headers(b": 1\r\n"),
    "a carriage return in a header": with_headers(b"X-A: 1\r2\r\n"),
    "a null in a header": with_headers(b"X-A: 1\x002\r\n"),
    "headers that end in LF": [(HEAD + TRANSFER).replace(b"\r\n", b"\n") + ONE_TWO],
    "headers that end in CR": [(HEAD + TRANSFER).replace(b"\r\n", b"\r") + ONE_TWO],
    "a status without a reason": [CHUNKED.replace(b" OK", b"") + ONE_TWO],
    "a status with an empty reason": [CHUNKED.replace(b"OK", b"") + ONE_TWO],
    "a reason in UTF-8": [CHUNKED.replace(b"OK", "schön".encode()) + ONE_TWO],
    "another protocol": [CHUNKED.replace(b"HTTP/1.1", b"ICY") + ONE_TWO],
    "HTTP/1.0": [HEAD.replace(b"1.1", b"1.0") + b"\r\n" + STREAM],
    "HTTP/1.0 with a length": [
        with_length(STREAM, len(STREAM)).replace(b"1.1", b"1.0", 1)
    ],
    "HTTP/2": [CHUNKED.replace(b"HTTP/1.1", b"HTTP/2.0") + ONE_TWO],
    "status 99": [CHUNKED.replace(b"200", b"99") + ONE_TWO],
    "status 999": [CHUNKED.replace(b"200", b"999") + ONE_TWO],
    "a status that is no number": [CHUNKED.replace(b"200", b"2x0") + ONE_TWO],
    "nothing but nonsense": [b"nonsense\r\n\r\n"],
    "TLS": [b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"],
    "half a head": [HEAD],
    "nothing": [b""],
    "a blank line before the head": [b"\r\n" + CHUNKED + ONE_TWO],
    "a head in single bytes": [bytes([byte]) for byte in CHUNKED] + [ONE_TWO],
    "another type": [CHUNKED.replace(b"text/event-stream", b"text/html") + ONE_TWO],
    "no type": [b"HTTP/1.1 200 OK\r\n" + TRANSFER + ONE_TWO],
}
HINTS = {
    "102": [b"HTTP/1.1 102 Processing\r\n\r\n", CHUNKED + ONE_TWO],
    "103": [b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", CHUNKED + ONE_TWO],
    "100": [b"HTTP/1.1 100 Continue\r\n\r\n" + CHUNKED + ONE_TWO],
    "three of them": [b"HTTP/1.1 102 Processing\r\n\r\n" * 3, CHUNKED + ONE_TWO],
    "103 before a 429": [b"HTTP/1.1 103 Early Hints\r\n\r\n", *refusal(429)],
    "103 and no more": [b"HTTP/1.1 103 Early Hints\r\n\r\n"],
    "101": [b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: a\r\n\r\n", CHUNKED],
}
BODIES = {
    "HTTP chunks": bare(ONE_TWO),
    "a size in capital letters": bare(sized(b"%X"), LAST),
    "a size with zeros before it": bare(sized(b"000%x"), LAST),
    "a note behind the size": bare(sized(b'%x;a="b"'), LAST),
    "spaces behind the size": bare(sized(b"%x  "), LAST),
    "a space before the size": bare(sized(b" %x"), LAST),
    "a plus before the size": bare(sized(b"+%x"), LAST),
    "0x before the size": bare(sized(b"0x%x"), LAST),
    "a line in the size": bare(sized(b"%x_0"), LAST),
    "a size of 30 digits": bare(sized(b"0" * 30 + b"%x"), LAST),
    "a size that is no number": bare(words("one"), b"nonsense\r\n"),
    "a size without its content": bare(words("one"), b"5\r\n"),
    "a chunk longer than its size": bare(words("one"), b"1\r\nxyz\r\n", LAST),
    "sizes that end in LF": bare(sized(b"%x").replace(b"\r\n", b"\n"), LAST),
    "headers after the body": bare(words("one"), ENDING[:-2], b"X-A: 1\r\n\r\n"),
    "nonsense after the body": bare(words("one"), ENDING[:-2], b"nonsense\r\n\r\n"),
    "no last chunk": bare(words("one"), ENDING[: -len(LAST)]),
    "no last chunk and no end": bare(words("one")),
    "no blank line at the end": bare(words("one"), ENDING[:-2]),
    "cut in a chunk": bare(words("one"), words("two")[:9]),
    "cut in a size": bare(words("one"), b"1"),
    "single bytes": [CHUNKED, *[bytes([byte]) for byte in ONE_TWO]],
    "half chunks": [CHUNKED, ONE_TWO[:150], ONE_TWO[150:]],
    "all in one chunk": bare(http_chunk(STREAM), LAST),
    "more after the end": bare(ONE_TWO, b"HTTP/1.1 200 OK\r\n"),
    "a length": [with_length(STREAM, len(STREAM))],
    "a length that is too short": [with_length(STREAM, 100)],
    "a length that is too long": [with_length(STREAM, 9999)],
    "a length of 0": [with_length(b"", 0)],
    "a length that is no number": [
        HEAD + b"Content-Length: x\r\n\r\n" + STREAM,
    ],
    "a negative length": [with_length(STREAM, -5)],
    "two lengths": [
        HEAD + b"Content-Length: 5\r\nContent-Length: 9\r\n\r\n" + STREAM,
    ],
    "the same length twice": [
        HEAD + b"Content-Length: %d\r\n" % len(STREAM) * 2 + b"\r\n" + STREAM,
    ],
    "chunks and a length": with_headers(b"Content-Length: 5\r\n"),
    "no length": [HEAD + b"\r\n" + STREAM],
    "no length, cut": [HEAD + b"\r\n" + chunk({"content": "one"})[:-1]],
    "chunks, in capital letters": [
        HEAD + b"TRANSFER-ENCODING: CHUNKED\r\n\r\n" + ONE_TWO,
    ],
    "another encoding on the way": [
        HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n" + ONE_TWO,
    ],
    "no encoding on the way": [
        HEAD + b"Transfer-Encoding: identity\r\n\r\n" + STREAM,
    ],
    "204": [b"HTTP/1.1 204 No Content\r\n\r\n"],
    "304": [b"HTTP/1.1 304 Not Modified\r\n\r\n"],
    "gzip": [HEAD + b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(STREAM)],
    "deflate": [HEAD + b"Content-Encoding: deflate\r\n\r\n" + zlib.compress(STREAM)],
    "gzip that is cut": [
        HEAD + b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(STREAM)[:-9],
    ],
    "gzip that is none": [HEAD + b"Content-Encoding: gzip\r\n\r\n" + STREAM],
    "an encoding that nobody knows": with_headers(b"Content-Encoding: x\r\n"),
    "no encoding": with_headers(b"Content-Encoding: identity\r\n"),
}
REFUSALS = {
    "429 with a time": refusal(429, b"Retry-After: 7\r\n"),
    "429 with a date": refusal(429, b"Retry-After: Mon, 30 Nov 2026 06:00:00 GMT\r\n"),
    "400": refusal(400),
    "401 without JSON": refusal(401, body=b"<p>No!</p>"),
    "403 without a body": refusal(403, body=b""),
    "404 that is not UTF-8": refusal(404, body=b"\xff\xfe"),
    "429 with half a JSON": refusal(429, body=ERROR[:-9]),
    "500 in HTTP chunks": [
        b"HTTP/1.1 500 No\r\n" + TRANSFER + http_chunk(ERROR) + LAST
    ],
    "500 without a length": [b"HTTP/1.1 500 No\r\n\r\n" + ERROR],
    "503 that is cut": [b"HTTP/1.1 503 No\r\nContent-Length: 999\r\n\r\n" + ERROR],
    "500 with a megabyte": refusal(500, body=b"x" * 1_000_000),
    "429 that is compressed": refusal(
        429, b"Content-Encoding: gzip\r\n", body=gzip.compress(ERROR)
    ),
    "another address": [
        b"HTTP/1.1 307 Go\r\nLocation: /v1/there\r\nContent-Length: 0\r\n\r\n",
        NEXT,
        CHUNKED + ONE_TWO,
    ],
    "another address without an end": [
        step
        for _ in range(30)
        for step in (
            b"HTTP/1.1 307 Go\r\nLocation: /v1/a\r\nContent-Length: 0\r\n\r\n",
            NEXT,
        )
    ],
    "another protocol's address": [
        b"HTTP/1.1 307 Go\r\nLocation: ftp://a.example/\r\nContent-Length: 0\r\n\r\n",
    ],
}
ROWS = HEADERS | HINTS | BODIES | REFUSALS

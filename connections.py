"""The way to OpenAI's server and back: by urllib3, over connections that are kept.

OpenAI's client sends its questions by the library httpx2, and httpx2 lets an object
carry them, its transport. The transport that it comes with looks through all of its
connections at each question, and takes each packet of an answer apart in Python. With
200 readers at once the last of them waited two seconds for a first word that was ready.
urllib3 does neither.
"""

import os
from contextlib import contextmanager
from time import time
from urllib.request import getproxies

import httpx2
import openai
import urllib3
from urllib3 import exceptions

IDLE = 30  # seconds for which a connection is kept that nobody uses


def http_client():
    """Return an HTTP client for OpenAI's library, or None: then it makes its own.

    Its own knows the ways through a proxy, a server that passes requests on.
    """
    proxies = getproxies()  # those of the environment, or of the system
    if os.environ.get("OPENAI_PROXY") or proxies.keys() & {"http", "https", "all"}:
        return None
    return openai.DefaultHttpxClient(transport=KeptConnections())


class KeptConnections(httpx2.BaseTransport):
    """Carries a request to its server, and brings the response.

    A connection is kept for the next request if a response was read to its end.
    """

    def __init__(self):
        # httpx2's rules for whom to believe that they are who they say; they know
        # SSL_CERT_FILE
        trusted = httpx2.create_ssl_context()
        limits = openai.DEFAULT_CONNECTION_LIMITS
        self.connections = urllib3.PoolManager(
            maxsize=limits.max_connections,  # kept for each server
            ssl_context=trusted,
        )
        self.last_used = 0  # a time; 0 is long ago
        # those of httpx2 itself, for a server that needs them
        self.others = httpx2.HTTPTransport(verify=trusted, limits=limits)
        self.needs_others = False

    def handle_request(self, request):
        """Send httpx2's request, and return its response as soon as it begins."""
        if self.needs_others:
            return self.others.handle_request(request)
        self.close_what_may_be_dead()
        limits = request.extensions["timeout"]  # in seconds
        with errors_of_httpx2():
            answer = self.connections.request(
                request.method,
                str(request.url),
                headers=dict(request.headers),
                body=request.read(),
                timeout=urllib3.Timeout(connect=limits["connect"], read=limits["read"]),
                preload_content=False,  # the body is read as it comes,
                decode_content=False,  # as it is,
                retries=False,  # and after an error or a redirect others ask again
            )
        body = Body(answer, limits)
        # Some servers say first that they are at work: 102 or 103. urllib3 takes that
        # for the response. httpx2 knows better, and is asked from then on.
        if answer.status < 200:
            body.close()
            self.needs_others = True
            return self.others.handle_request(request)
        headers = list(answer.headers.items())
        return httpx2.Response(answer.status, headers=headers, stream=body)

    def close_what_may_be_dead(self):
        """Close the connections that wait, if nobody has asked for a while.

        A laptop that slept, or a network that was changed, can have lost them without
        a sign. A question on such a connection would be kept waiting for nothing.
        """
        now = time()  # and not monotonic(), which sleeps with the laptop
        if now - self.last_used > IDLE:
            self.connections.clear()
        self.last_used = now

    def close(self):
        """Close all connections; httpx2 calls it when its client is closed."""
        self.connections.clear()
        self.others.close()


class Body(httpx2.SyncByteStream):
    """The body of a response, in bytes: what each packet brings."""

    def __init__(self, answer, limits):
        self.answer = answer
        self.limits = limits

    def __iter__(self):
        """Yield the rest of the body; the limits hold that are set when it begins."""
        connection = self.answer.connection
        if connection and connection.sock:
            connection.sock.settimeout(self.limits["read"])
        with errors_of_httpx2():
            if self.answer.chunked:  # each piece has its size before it
                yield from self.answer.read_chunked()
                return
            while piece := self.answer.read1():  # what has come, be it little
                yield piece

    def close(self):
        """Hang up, unless the body was read to its end."""
        self.answer.close()


@contextmanager
def errors_of_httpx2():
    """Raise httpx2's error for one of urllib3's, as OpenAI's client expects it.

    Alone, without urllib3's: a refused connection is one of its kinds of TimeoutError.
    """
    try:
        yield
    except (exceptions.NewConnectionError, exceptions.SSLError) as error:
        raise httpx2.ConnectError(str(error)) from None
    except exceptions.ConnectTimeoutError as error:
        raise httpx2.ConnectTimeout(str(error)) from None
    except exceptions.ReadTimeoutError as error:
        raise httpx2.ReadTimeout(str(error)) from None
    except exceptions.HTTPError as error:
        raise httpx2.RemoteProtocolError(str(error)) from None

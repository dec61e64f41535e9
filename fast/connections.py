"""The way to OpenAI's server and back: by urllib3, over connections that are kept.

OpenAI's client sends its questions by the library httpx2, and httpx2 lets an object
carry them, its transport. The transport that it comes with looks through all of its
connections at each question, and takes each read of an answer through many steps. With
200 readers at once the last of them waited two seconds for a first word that was ready.
urllib3 keeps its connections in a queue, and takes fewer steps.

An answer may be read in two passes: up to its last word, and then the few bytes behind
it. lean.py does that, with a shorter limit of time for the second.
"""

import os
from contextlib import contextmanager
from time import time
from urllib.request import getproxies

import httpx2
import openai
import urllib3
from urllib3 import exceptions

IDLE = 30  # seconds without any question, after which all connections are closed
PROXIES = {"http", "https", "all"}  # what getproxies calls those that could be asked


def http_client():
    """Return an HTTP client for OpenAI's library, or None: then it makes its own.

    Its own knows the ways through a proxy, a server that passes requests on.
    """
    proxies = getproxies()  # those of the environment, or of the system
    has_proxy = any(name in PROXIES for name in proxies)
    if has_proxy or os.environ.get("OPENAI_PROXY"):  # which LangChain would ask
        return None
    return openai.DefaultHttpxClient(transport=KeptConnections())


class KeptConnections(httpx2.BaseTransport):
    """Carries a request to its server, and brings the response.

    A connection is kept for the next request if a response was read to its end.
    """

    def __init__(self):
        # Whom to believe that they are who they say: as httpx2 decides it, which also
        # reads the file of certificates that the setting SSL_CERT_FILE names.
        trusted = httpx2.create_ssl_context()
        room = openai.DEFAULT_CONNECTION_LIMITS
        self.connections = urllib3.PoolManager(
            maxsize=room.max_connections,  # kept for each server
            ssl_context=trusted,
        )
        self.last_used = 0  # a time; 0 is long ago
        # those of httpx2 itself, for a server that needs them
        self.others = httpx2.HTTPTransport(verify=trusted, limits=room)
        self.needs_others = False

    def handle_request(self, request):
        """Send httpx2's request, and return its response as soon as it begins."""
        if self.needs_others:
            return self.others.handle_request(request)
        self.close_what_may_be_dead()
        # A dict, of the seconds that each step may take. lean.py changes it later.
        seconds = request.extensions["timeout"]
        with errors_of_httpx2():
            answer = self.connections.request(
                request.method,
                str(request.url),
                headers=dict(request.headers),
                body=request.read(),
                timeout=urllib3.Timeout(
                    connect=seconds["connect"], read=seconds["read"]
                ),
                preload_content=False,  # the body is read as it comes,
                decode_content=False,  # as it is,
                retries=False,  # and after an error or a redirect others ask again
            )
        body = Body(answer, seconds)
        # Some servers say first that they are at work: 102 or 103. urllib3 takes that
        # for the response. httpx2 knows better, and is asked from then on; this one
        # question is asked twice, and the first answer to it is hung up on.
        if answer.status < 200:
            body.close()
            self.needs_others = True
            return self.others.handle_request(request)
        headers = list(answer.headers.items())  # a name may come twice
        return httpx2.Response(answer.status, headers=headers, stream=body)

    def close_what_may_be_dead(self):
        """Close the connections that wait, if nobody has asked for a while.

        A laptop that slept, or a network that was changed, can have lost them without
        a sign. A question on such a connection would be kept waiting for nothing.
        """
        now = time()  # and not monotonic(), which sleeps with the laptop
        if now - self.last_used > IDLE:
            self.connections.clear()  # those in use are closed after their answers
        self.last_used = now

    def close(self):
        """Close all connections; httpx2 calls it when its client is closed."""
        self.connections.clear()
        self.others.close()


class Body(httpx2.SyncByteStream):
    """The body of a response, in bytes: what each read brings."""

    def __init__(self, answer, seconds):
        self.answer = answer
        self.seconds = seconds

    def __iter__(self):
        """Yield the body, or in a second pass what the first has left."""
        # For a second pass the limit may be another. After the end of the body there is
        # no connection any more: it waits for the next question.
        connection = self.answer.connection
        if connection and connection.sock:
            connection.sock.settimeout(self.seconds["read"])
        with errors_of_httpx2():  # again: this runs after handle_request has returned
            if self.answer.chunked:  # HTTP chunks, each with its size before it
                yield from self.answer.read_chunked()
                return
            while True:
                piece = self.answer.read1()  # what has come, be it little
                if not piece:  # the end
                    return
                yield piece

    def close(self):
        """Hang up. After the end of the body that closes nothing."""
        self.answer.close()


@contextmanager  # for `with errors_of_httpx2():`, whose lines run where yield stands
def errors_of_httpx2():
    """Raise httpx2's error for one of urllib3's, as OpenAI's client expects it.

    "from None" leaves out the error that it is raised for. failures.py would look at
    that too, and take a refused connection for a silence: NewConnectionError is a kind
    of TimeoutError. So it comes first here, and HTTPError last, as all are kinds of it.
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

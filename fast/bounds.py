"""How much this program accepts from a model's server.

httpx2 and OpenAI's client limit the headers of an answer, and nothing else. So a server
that never stops sending, by mistake or on purpose, could fill the memory.
"""

from failures import Failure

HEAD = 1_000_000  # bytes of the first line and the headers
REFUSAL = 4_000_000  # bytes of the body that comes with an error's status
EVENT = 100_000_000  # bytes of one server-sent event: see events.py
SIZE = 10_000  # bytes of a line with a chunk's size, or of the headers after the body
TOO_MUCH = Failure(
    502,
    "The model's server sent more at once than this server accepts: ask again, with"
    " different words, or check the address in .env.",
)

"""The limits of the store, and what it refuses. It is lesson 20's."""

from werkzeug.exceptions import NotFound, ServiceUnavailable

from models import number

# Each of these is a setting in .env. If it is not set, the number here is used.
AT_ONCE = number("ANSWERS_AT_ONCE", 64)  # that are written at the same time
KEEP = number("ANSWERS_KEPT", 600)  # seconds that an answer can be read after its end
HEARTBEAT = number("HEARTBEAT", 15)  # seconds of silence before a comment is sent
READERS = number("READERS_AT_ONCE", 240)  # of one web machine, which has 250 threads
# Bytes of memory for answers that are kept, and as many for those being written.
MEMORY = number("ANSWERS_MIB", 512) * 1024 * 1024 // 2


class NoSuchAnswer(NotFound):
    """There is no answer by that name."""

    description = "There is no such response, or no longer: ask again."


class NoStore(ServiceUnavailable):
    """The place where answers are kept cannot be reached, or takes nothing more."""

    description = "The answers cannot be reached just now: ask again in a minute."


class NoRoom(ServiceUnavailable):
    """The memory for answers is full, until old ones are forgotten."""

    description = "Too many answers are kept here: ask again in a few minutes."

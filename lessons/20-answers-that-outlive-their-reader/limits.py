"""What both stores keep to, and what they refuse."""

from werkzeug.exceptions import NotFound, ServiceUnavailable

from models import number

# Each of these is a setting in .env; the number here holds when .env has none.
AT_ONCE = number("ANSWERS_AT_ONCE", 64)  # that are written at the same time
KEEP = number("ANSWERS_KEPT", 600)  # seconds that an answer can be read after its end
HEARTBEAT = number("HEARTBEAT", 15)  # seconds of silence, then a comment is sent


class NoSuchAnswer(NotFound):
    """Nothing is known by that name."""

    description = "There is no such answer, or no longer: ask again."


class NoStore(ServiceUnavailable):
    """The place where answers are kept cannot be reached."""

    description = "The answers cannot be reached just now: ask again in a minute."

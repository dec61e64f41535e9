"""Where answers are kept: in this process, or in Redis for many machines."""

import os
from urllib.parse import urlsplit

from models import stop

WRONG_ADDRESS = (
    "REDIS_URL is not the address of a Redis server: write redis://127.0.0.1:6379, say,"
    " or rediss:// for a connection with TLS."
)


def choose_store():
    """Return the store in Redis if .env has a REDIS_URL, else one in memory."""
    address = os.environ.get("REDIS_URL")
    if not address:
        from .in_memory import InMemory

        return InMemory()
    if not address.startswith(("redis://", "rediss://")):
        stop(WRONG_ADDRESS)
    from .in_redis import InRedis  # here, because only it needs these packages

    try:
        database = urlsplit(address).path.removeprefix("/")  # by number; none means 0
        if database and not database.isdecimal():
            stop(WRONG_ADDRESS)  # redis-py ignores it, but Celery does not
        return InRedis(address)
    # Nothing connects here, so the address is wrong: its port, say, or an option after
    # the "?". The error itself is not shown, because it might hold the password.
    except Exception:
        stop(WRONG_ADDRESS)

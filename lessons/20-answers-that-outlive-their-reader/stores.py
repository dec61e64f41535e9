"""Where answers are kept: in this process, or in Redis for many machines."""

import os
from urllib.parse import urlsplit

from models import stop

WRONG_ADDRESS = (
    "REDIS_URL is no address of a Redis: write redis://127.0.0.1:6379, say, or rediss://"
    " for a connection with TLS."
)


def choose_store():
    """Return the store in Redis if .env has a REDIS_URL, else one in memory."""
    address = os.environ.get("REDIS_URL")
    if not address:
        from .in_memory import InMemory

        return InMemory()
    if not address.startswith(("redis://", "rediss://")):
        stop(WRONG_ADDRESS)
    from .in_redis import InRedis  # here, as only this store needs its packages

    try:
        database = urlsplit(address).path.removeprefix("/")  # by number; none means 0
        if database and not database.isdecimal():
            stop(WRONG_ADDRESS)  # redis-py ignores it, but Celery does not
        return InRedis(address)
    # Nothing has been connected to, so what is wrong is the address: its port, say, or
    # an option behind a "?". The message might show its password.
    except Exception:
        stop(WRONG_ADDRESS)

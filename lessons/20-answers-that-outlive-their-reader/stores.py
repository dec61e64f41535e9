"""Where answers are kept: in this process, or in Redis for many machines."""

import os


def choose_store():
    """Return the store in Redis if .env has a REDIS_URL, else one in memory."""
    address = os.environ.get("REDIS_URL")
    if not address:
        from .in_memory import InMemory

        return InMemory()
    from .in_redis import InRedis  # here, as only this store needs its packages

    return InRedis(address)

"""A key that notes whether it is compared with ==.

That operator stops at the first character that differs. So the time it takes tells how
much of a guess is right, and hmac.compare_digest is there for that.
"""

import os


class WatchedKey(str):
    """A key; `compared` becomes true if it, its bytes or a part of it meet ==."""

    compared = False
    __hash__ = str.__hash__

    def __eq__(self, other):
        WatchedKey.compared = True
        return str.__eq__(self, other)

    def encode(self, *arguments):
        return WatchedBytes(super().encode(*arguments))

    def split(self, *arguments):
        return [WatchedKey(part) for part in super().split(*arguments)]

    def strip(self, *arguments):
        return WatchedKey(super().strip(*arguments))


class WatchedBytes(bytes):
    """The bytes of such a key."""

    __hash__ = bytes.__hash__

    def __eq__(self, other):
        WatchedKey.compared = True
        return bytes.__eq__(self, other)


def must_not_be_compared(monkeypatch, setting, ask):
    """Fail if a program compares its SERVER_KEY, or a part of it, with ==.

    `ask` loads the program and asks it with a key that is nearly right. One that reads
    its setting otherwise than by os.environ.get or os.getenv is not judged.
    """
    get = os.environ.get

    def get_watched(name, default=None):
        return WatchedKey(setting) if name == "SERVER_KEY" else get(name, default)

    monkeypatch.setattr(os.environ, "get", get_watched)
    monkeypatch.setattr(WatchedKey, "compared", False)
    ask()
    assert not WatchedKey.compared, (
        "The program compared the key with ==, which stops at the first character that"
        " differs. So the time that it takes tells how much of a guess is right."
        " Compare bytes with hmac.compare_digest, which takes the same time for any"
        " guess."
    )

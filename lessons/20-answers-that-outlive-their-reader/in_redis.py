"""Answers in Redis, for many machines: each is a Redis Stream, read from anywhere.

A Redis Stream is a list of numbered entries. XADD adds one, and XREAD waits for those
after a number. One sorted set, for all machines, has the name of each running answer.
Its score is the second until which the answer's writer has promised to come back. Until
then the writer is believed to be alive, and may write.

A script runs in Redis as one step, so that two machines cannot come between its lines.
"""

import json
import logging
from contextlib import contextmanager
from secrets import token_urlsafe
from time import monotonic

from redis import Redis
from redis.backoff import ExponentialBackoff
from redis.exceptions import ConnectionError as NoConnection
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as NoAnswer
from redis.retry import Retry
from werkzeug.exceptions import ServiceUnavailable

from .limits import AT_ONCE, HEARTBEAT, KEEP, NoStore, NoSuchAnswer

RUNNING = "running"  # the sorted set
TO_BEGIN = 30  # seconds within which a worker has to take up an answer
WRITTEN = max(KEEP, 2 * TO_BEGIN)  # seconds that one is kept while it is being written
PROMISE = 3  # seconds for which a writer that has renewed is believed to be alive
LOOK = 1000  # milliseconds that one XREAD waits before the writer is checked
REPLY = 2  # seconds to wait for a reply: the machine may hang
ATTEMPTS = 15  # to reach Redis again, up to a second apart
CONNECTIONS = 10_000  # at most: each reader that waits holds one
MOST = 10**9  # more events than any answer has
GONE = {"event": "error", "error": "The answer is gone: ask again."}
UNREACHED = {
    "event": "error",
    "error": "The rest cannot be reached just now: reload the page in a minute.",
}
NOT_BEGUN = {
    "event": "error",
    "error": "Nobody wrote this answer, as all were busy or had stopped: ask again.",
}
DIED = {
    "event": "error",
    "error": "The writer of this answer stopped in the middle: ask again.",
}
log = logging.getLogger(__name__)

NOW = """
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
"""
BEGIN = f"""{NOW}
redis.call('ZREMRANGEBYSCORE', KEYS[1], 0, now)
if redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[2]) then return 0 end
redis.call('ZADD', KEYS[1], now + ARGV[3], ARGV[1])
return 1
"""
# An answer's last entry is marked. A command that was sent again, because the reply to
# it was lost, adds nothing: the number says that it has been done. Where the entries
# before it are missing, as in a Redis that was started again and came back empty, it
# adds nothing either: no list may begin in the middle.
ADD = """
local newest = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
local wanted = tonumber(ARGV[5])
local number = 0
if newest then
  if newest[2][4] == 'yes' then return 0 end
  number = tonumber(string.match(newest[1], '%d+$'))
elseif wanted ~= 1 then
  return 0
end
if wanted > 0 and number >= wanted then return number end
redis.call('XADD', KEYS[1], '0-' .. (number + 1), 'event', ARGV[2], 'last', ARGV[3])
redis.call('EXPIRE', KEYS[1], ARGV[4])
if ARGV[3] == 'yes' then redis.call('ZREM', KEYS[2], ARGV[1]) end
return number + 1
"""
RENEW = f"""{NOW}
local newest = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
if not newest or newest[2][4] == 'yes' then return 0 end
redis.call('ZADD', KEYS[2], now + ARGV[2], ARGV[1])
redis.call('EXPIRE', KEYS[1], ARGV[3])
return 1
"""
IS_ALIVE = f"""{NOW}
local promised = redis.call('ZSCORE', KEYS[1], ARGV[1])
if promised and tonumber(promised) >= now then return 1 end
return 0
"""


@contextmanager
def reaching_redis():
    """Raise NoStore if Redis cannot be reached after all attempts, or refuses.

    A full Redis refuses to write, and so does a read-only copy.
    """
    try:
        yield
    except RedisError as error:
        log.warning("Redis: %s", type(error).__name__)
        raise NoStore from None


class InRedis:
    """All answers of all machines that know the same Redis."""

    def __init__(self, address):
        patience = Retry(ExponentialBackoff(cap=1, base=0.05), ATTEMPTS)
        self.redis = Redis.from_url(
            address,
            decode_responses=True,
            max_connections=CONNECTIONS,
            socket_timeout=REPLY,
            socket_connect_timeout=REPLY,
            retry=patience,
            retry_on_error=[NoConnection, NoAnswer],
        )
        # This does not connect yet. It raises an error if an option in the address does
        # not exist or has a wrong value. Otherwise the first question would raise it.
        self.redis.connection_pool.make_connection()
        self.run_begin = self.redis.register_script(BEGIN)
        self.run_add = self.redis.register_script(ADD)
        self.run_renew = self.redis.register_script(RENEW)
        self.run_is_alive = self.redis.register_script(IS_ALIVE)
        self.numbers = {}  # of the last event that this process has added, by name

    @reaching_redis()
    def begin(self):
        """Return the name of a new answer, if there is room for one more."""
        name = token_urlsafe(16)
        has_room = self.run_begin(keys=[RUNNING], args=[name, AT_ONCE, TO_BEGIN])
        if not has_room:
            raise ServiceUnavailable(retry_after=5)
        self.run_add_event(name, {"event": "start"}, "no", 1)
        return name

    @reaching_redis()
    def renew(self, name):
        """Say that the writer of an answer is alive; return False if it has ended."""
        keys = [key_of(name), RUNNING]
        return bool(self.run_renew(keys=keys, args=[name, PROMISE, WRITTEN]))

    @reaching_redis()
    def add(self, name, event):
        """Add an event for all readers; return False if the answer has been ended.

        Only an answer's writer adds to it, so it knows the number of its next event.
        """
        number = self.numbers.get(name, 1) + 1  # the first, "start", was not its own
        self.numbers[name] = number
        return bool(self.run_add_event(name, event, "no", number))

    @reaching_redis()
    def end(self, name, event):
        """Add the last event of an answer, unless it has one."""
        self.check(name)
        self.numbers.pop(name, None)
        self.run_add_event(name, event, "yes", 0)  # it comes next, whoever ends it

    def run_add_event(self, name, event, last, number):
        """Add an event in one step; return its number, or 0 after the last one."""
        keys = [key_of(name), RUNNING]
        kept = KEEP if last == "yes" else WRITTEN
        return self.run_add(
            keys=keys, args=[name, json.dumps(event), last, kept, number]
        )

    @reaching_redis()
    def is_over(self, name, after):
        """Return whether the answer has ended, with nothing after that number."""
        newest = self.redis.xrevrange(key_of(name), count=1)
        if not newest:
            raise NoSuchAnswer
        [(entry, fields)] = newest
        return fields["last"] == "yes" and number_of(entry) <= after

    def read(self, name, after):
        """Yield (number, event) for each event after that number, until the last.

        In a silence it yields None now and then: a server learns only by sending that
        nobody is there any more.
        """
        number = after
        try:
            for numbered in self.numbered_events(name, after):
                if numbered:
                    number, _ = numbered
                yield numbered
        # What is sent now is not in the list, so it has the number of the entry before
        # it: a reader who comes back later gets everything after that entry.
        except NoSuchAnswer:
            yield number, GONE
        except NoStore:
            yield number, UNREACHED

    def numbered_events(self, name, number):
        """Yield what read() does; raise NoSuchAnswer or NoStore if that ends early."""
        sent_at = monotonic()
        while True:
            entries = self.next_entries(name, number)
            for entry, fields in entries:
                number = number_of(entry)
                sent_at = monotonic()
                yield number, json.loads(fields["event"])
                if fields["last"] == "yes":
                    return
            if entries:
                continue
            self.check(name)
            if not self.is_alive(name):
                has_text = number > 1  # the first event is "start"
                self.end(name, DIED if has_text else NOT_BEGUN)  # it is read next
            if monotonic() > sent_at + HEARTBEAT:
                sent_at = monotonic()
                yield None

    @reaching_redis()
    def next_entries(self, name, number):
        """Return the entries after that number, waiting a moment if there are none."""
        found = self.redis.xread({key_of(name): f"0-{number}"}, block=LOOK)
        return found[0][1] if found else []

    @reaching_redis()
    def is_alive(self, name):
        """Return whether the writer of an answer keeps its promise."""
        return bool(self.run_is_alive(keys=[RUNNING], args=[name]))

    @reaching_redis()
    def check(self, name):
        """Raise a 404 if there is no such answer."""
        if not self.redis.exists(key_of(name)):
            raise NoSuchAnswer

    @reaching_redis()
    def so_far(self, name):
        """Return the events that an answer has now, in a list; or raise a 404."""
        entries = self.redis.xrange(key_of(name))
        if not entries:
            raise NoSuchAnswer
        return [json.loads(fields["event"]) for _, fields in entries]

    @reaching_redis()
    def remember(self, chat, name):
        """Remember the newest answer of a chat, for readers who come back to it."""
        self.redis.set(f"chat:{chat}", name, ex=WRITTEN)

    @reaching_redis()
    def answer_in(self, chat):
        """Return the answer that is being written in a chat, or None."""
        name = self.redis.get(f"chat:{chat}")
        try:
            is_over = name is None or self.is_over(name, MOST)
        except NoSuchAnswer:  # it was forgotten
            is_over = True
        return None if is_over else name


def key_of(name):
    """Return where an answer is in Redis."""
    return f"answer:{name}"


def number_of(entry):
    """Return 7 for the entry "0-7"."""
    return int(entry.partition("-")[2])

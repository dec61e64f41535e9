"""Answers for one process: each has a list of events that anybody can read again."""

from secrets import token_urlsafe
from threading import Condition
from time import monotonic

from werkzeug.exceptions import ServiceUnavailable

from .limits import AT_ONCE, KEEP, MEMORY, NoRoom, NoSuchAnswer
from .memory import size_of


class Answer:
    """The events of one answer so far."""

    def __init__(self):
        self.events = []
        self.ended_at = None  # by the clock of monotonic(); None: it is being written
        self.measured = 0  # how many of the events are in the size
        self.size = 0  # bytes of memory, about

    def measure(self):
        """Return about how many bytes of memory the events take."""
        for event in self.events[self.measured :]:
            self.size += size_of(event)
            self.measured += 1
        return self.size


class InMemory:
    """All answers of this process, by names that nobody can guess."""

    def __init__(self):
        self.answers = {}
        self.chats = {}  # the name of the newest answer in each chat of useChat
        self.changed = Condition()  # a lock, and one thread can wake the others

    def begin(self):
        """Return the name of a new answer, if there is room for one more."""
        with self.changed:
            self.forget_old_ones()
            running = [each for each in self.answers.values() if not each.ended_at]
            if len(running) >= AT_ONCE:
                raise ServiceUnavailable(retry_after=5)
            if sum(each.measure() for each in self.answers.values()) >= MEMORY:
                raise NoRoom(retry_after=60)
            name = token_urlsafe(16)
            self.answers[name] = Answer()
        self.add(name, {"event": "start"})
        return name

    def forget_old_ones(self):
        """Forget the answers that ended long ago."""
        now = monotonic()
        for name, answer in list(self.answers.items()):
            if answer.ended_at and now > answer.ended_at + KEEP:
                del self.answers[name]
        for chat, name in list(self.chats.items()):
            if name not in self.answers:
                del self.chats[chat]

    def remember(self, chat, name):
        """Remember the newest answer of a chat, for readers who come back to it."""
        with self.changed:
            self.chats[chat] = name

    def answer_in(self, chat):
        """Return the answer that is being written in a chat, or None."""
        with self.changed:
            name = self.chats.get(chat)
            answer = self.answers.get(name)
        return None if answer is None or answer.ended_at else name

    def find(self, name):
        """Return the answer with that name, or raise a 404."""
        if name not in self.answers:
            raise NoSuchAnswer
        return self.answers[name]

    def so_far(self, name):
        """Return the events that an answer has now, in a list of its own; or a 404."""
        return list(self.find(name).events)

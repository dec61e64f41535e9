"""Answers for one process: a list of events each, which anybody can read again."""

from secrets import token_urlsafe
from threading import Condition
from time import monotonic

from werkzeug.exceptions import ServiceUnavailable

from .limits import AT_ONCE, KEEP, NoSuchAnswer


class Answer:
    """The events of one answer so far."""

    def __init__(self):
        self.events = []
        self.ended_at = None  # by the clock of monotonic(); None: it is being written


class InMemory:
    """All answers of this process, by names that nobody can guess."""

    def __init__(self):
        self.answers = {}
        self.chats = {}  # the name of the newest answer in each chat of useChat
        self.changed = Condition()  # one thread at a time, and it wakes the others

    def begin(self):
        """Return the name of a new answer, if there is room for one more."""
        with self.changed:
            self.forget_old_ones()
            running = [each for each in self.answers.values() if not each.ended_at]
            if len(running) >= AT_ONCE:
                raise ServiceUnavailable(retry_after=5)
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

    def renew(self, name):
        """Say that its writer lives; here it lives as long as this process does."""

    def remember(self, chat, name):
        """Keep the newest answer of a chat in mind, for who comes back to it."""
        self.chats[chat] = name

    def answer_in(self, chat):
        """Return the answer that is being written in a chat, or None."""
        answer = self.answers.get(self.chats.get(chat))
        return None if answer is None or answer.ended_at else self.chats[chat]

    def find(self, name):
        """Return the answer of that name, or raise a 404."""
        if name not in self.answers:
            raise NoSuchAnswer
        return self.answers[name]

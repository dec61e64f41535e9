"""A reader in a thread: what came, and whether it rests while nothing comes."""

import sys
from contextlib import suppress
from threading import Event, Thread

PATIENCE = 5  # seconds
MANY_STEPS = 1500  # lines that are run in a moment: a reader who sleeps runs none


class ThreadedReader(Thread):
    """One who reads what `open_body()` returns: an iterable of bytes."""

    def __init__(self, open_body, counts_steps=False):
        super().__init__(daemon=True)
        self.open_body = open_body  # called in the thread, too
        self.counts_steps = counts_steps  # which makes the program slower
        self.steps = 0  # lines of Python that were run
        self.came = b""
        self.started, self.news, self.over = Event(), Event(), Event()
        self.start()

    def run(self):
        if self.counts_steps:
            sys.settrace(self.count_step)
        with suppress(Exception):  # what a program raises, other checks explain
            for piece in self.open_body():
                self.came += piece
                self.started.set()
                self.news.set()
        self.over.set()
        self.news.set()

    def count_step(self, _frame, _event, _argument):
        self.steps += 1
        return self.count_step

    def is_busy(self):
        """Whether it runs many lines while nothing comes."""
        self.over.wait(0.05)  # until it has done what it does with what came
        before = self.steps
        self.over.wait(0.2)
        return self.steps - before > MANY_STEPS

    def wait_for(self, text, seconds=PATIENCE):
        """Wait a while for a text; return whether it came."""
        while text not in self.came:
            if self.over.is_set() or not self.news.wait(seconds):
                break
            self.news.clear()
        return text in self.came

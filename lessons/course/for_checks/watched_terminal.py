"""A terminal whose screen a check can look at, while a program prints there."""

import errno
import io
import os
import sys
import unicodedata
from contextlib import redirect_stdout, suppress
from time import monotonic, sleep

from lessons.course.bounds import OUTPUT

# Erase the screen, go to its top, change the window's title, write in red, begin the
# line again, go a letter back, ring the bell.
ORDERS = ["\x1b[2J", "\x1b[H", "\x1b]0;mine\x07", "\x9b31m", "\r", "\b", "\x07"]
PATIENCE = 5  # seconds that what should come at once may take


class WatchedTerminal(io.TextIOWrapper):
    """A terminal that shows text at the end of a line, or when it is flushed."""

    def __init__(self):
        self.screen = io.BytesIO()
        super().__init__(self.screen, "utf-8", newline="\n", line_buffering=True)
        self.texts = []  # shown, or still to be
        self.room = OUTPUT

    def write(self, text):
        self.texts.append(text)
        self.room -= len(text)
        if self.room < 0:
            raise OSError(errno.EFBIG, os.strerror(errno.EFBIG))
        return super().write(text)

    @property
    def written(self):
        return "".join(self.texts)

    @property
    def shown(self):
        return self.screen.getvalue().decode()

    def shows(self, text):
        """Wait for the text; return whether it came."""
        until = monotonic() + PATIENCE
        while text not in self.shown and monotonic() < until:
            sleep(0.01)
        return text in self.shown

    def run(self, command, *words):
        """Call a command on a clean screen, with these words as its arguments."""
        self.flush()
        self.screen.truncate(0)
        self.screen.seek(0)
        self.texts = []
        self.room = OUTPUT
        argv = sys.argv
        sys.argv = [*words]
        try:
            with redirect_stdout(self), suppress(SystemExit):
                command()
        finally:
            sys.argv = argv
            self.flush()
        return self.shown


def orders_in(text):
    """Return the characters of a text that a terminal obeys: not tab and line break."""
    controls = [each for each in text if unicodedata.category(each) == "Cc"]
    return [each for each in controls if each not in "\n\t"]

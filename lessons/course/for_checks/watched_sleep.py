"""How long a program sleeps: a pause of its own slows an answer down for nothing."""

import sys
import time
from typing import NamedTuple

sleep = time.sleep
pauses = []


class Pause(NamedTuple):
    """One call to time.sleep(): where it is, and how many seconds it waited."""

    file: str
    line: int
    seconds: float


def watch_sleep():
    """Let time.sleep() note each pause, for all who import it from now on."""
    time.sleep = note_and_sleep


def note_and_sleep(seconds):
    caller = sys._getframe(1)
    pauses.append(Pause(caller.f_code.co_filename, caller.f_lineno, seconds))
    sleep(seconds)

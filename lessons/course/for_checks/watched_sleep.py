"""What a program sleeps: a pause of its own makes an answer slow for nothing."""

import sys
import time
from typing import NamedTuple

sleep = time.sleep
pauses = []


class Pause(NamedTuple):
    """One call of time.sleep(): where it stands, and for how many seconds it waited."""

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

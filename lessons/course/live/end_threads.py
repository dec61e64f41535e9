"""How the threads of a program are ended that do not end by themselves.

Most run a loop that never ends, and slow everything else. Python has no call that ends
a thread. CPython can raise an exception in one, between two steps of its Python code,
and ctypes calls the function of C that does.
"""

import sys
from ctypes import c_ulong, py_object, pythonapi
from threading import get_ident
from time import sleep

from lessons.course.fresh_packages import package_of

ATTEMPTS = 10
PAUSE = 0.05  # seconds, for the threads to come to their end


def end_threads(package, exception):
    """Raise an exception in each thread that runs code of a package, until none does.

    The exception is a class, ideally one that `except Exception` does not catch. A loop
    that catches it anyway goes on in the end, because this is not tried for ever. A
    thread that waits, as in sleep(), gets it when the wait is over.
    """
    for _ in range(ATTEMPTS):
        threads = threads_in(package)
        if not threads:
            return
        for thread in threads:
            pythonapi.PyThreadState_SetAsyncExc(c_ulong(thread), py_object(exception))
        sleep(PAUSE)


def threads_in(package):
    """Return the numbers of the other threads that run code of a package."""
    frames = sys._current_frames()  # by thread: the call that goes on, the innermost
    del frames[get_ident()]
    return [thread for thread, frame in frames.items() if runs(frame, package)]


def runs(frame, package):
    """Whether a call, or one of those that wait for it, is of a package's code.

    Not while that code imports another package: half of it would be left behind.
    """
    while frame:
        if package_of(frame) == package:
            return True
        if frame.f_globals.get("__name__") == "importlib._bootstrap":
            return False
        frame = frame.f_back
    return False

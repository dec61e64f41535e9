"""What os._exit() does in a program that runs inside of `flask run`.

It would end Python at once, and with it the server and the course. This is for a
student's accident. It is no wall against an attacker, who would have other ways.
"""

import os
import sys

from lessons.course.fresh_packages import package_of

SERVER = os.getpid()
end_python = os._exit


class WouldEndTheServer(SystemExit):
    """Raised where a program calls os._exit(); `except Exception` does not catch it."""


def end_program(status):
    """Raise an error if a program of the course calls this; end Python for others."""
    # A child that a program has forked off may end as it likes.
    if os.getpid() == SERVER and is_called_by_a_program(sys._getframe()):
        raise WouldEndTheServer("os._exit() would end flask run, too. Remove that call")
    end_python(status)


def is_called_by_a_program(frame):
    """Whether a call, or one of those that wait for it, is of a program's code."""
    while frame:
        if package_of(frame):
            return True
        frame = frame.f_back
    return False


def guard_exit():
    """Let os._exit() ask who calls it."""
    os._exit = end_program

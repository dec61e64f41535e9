"""Run the checks of lessons as run_checks does, but in forks: see forked_python.py."""

import pytest

from lessons.course.checker import run_checks
from support import forked_python, warm_checks
from support.forked_python import CAN_FORK, ready


@pytest.fixture
def in_a_fork(monkeypatch):
    """Let run_checks start its checks in forks of the process that is ready."""
    if CAN_FORK:
        monkeypatch.setattr(run_checks, "started", started)


def started(command, program, seconds):
    """Start a command that checks a program; it is ended at last."""
    is_pytest = command[1:3] == ["-m", "pytest"]
    checked = warm_checks.checked if is_pytest else forked_python.checked
    return checked(run_checks, ready(), command, program, seconds)

"""Run the checks of lessons as run_checks does, but in copies: see forked_python.py."""

from functools import partial

import pytest

from lessons.course.checker import run_checks
from support.forked_python import CAN_FORK, checked, ready


@pytest.fixture
def in_a_fork(monkeypatch):
    """Let run_checks start its checks in copies of the process that is ready."""
    if CAN_FORK:
        started = partial(checked, run_checks, ready())
        monkeypatch.setattr(run_checks, "started", started)

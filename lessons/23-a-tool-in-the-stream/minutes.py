"""Another tool, for Your turn: how many minutes a lesson takes."""

import re
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

import models

from .look_up import NothingFound

WAY_THROUGH = Path(models.__file__).parent / "lessons" / "README.md"


class MinutesOf(BaseModel):
    """Say how many minutes a lesson of the course takes."""

    model_config = ConfigDict(title="minutes_of", extra="forbid", strict=True)

    lesson: int = Field(description="the number of the lesson")


def minutes_of(lesson):
    """Return how many minutes a lesson takes, as text, or raise NothingFound."""
    rows = WAY_THROUGH.read_text(encoding="utf-8")
    for number, minutes in re.findall(r"(?m)^\| \[(\d+) .* \| (\d+) \|$", rows):
        if int(number) == lesson:
            return f"Lesson {lesson} takes {minutes} minutes."
    raise NothingFound(f"There is no lesson {lesson}.")

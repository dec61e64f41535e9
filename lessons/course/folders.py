"""Where everything is on this machine."""

from pathlib import Path

COURSE = Path(__file__).resolve().parent
LESSONS = COURSE.parent
ROOT = LESSONS.parent
MINE = ROOT / "mine"  # what the student writes
BEFORE = ROOT / "mine-before"  # what flask start found in mine/
PROGRESS = ROOT / "progress.jsonl"  # what is remembered of that, for this checkout

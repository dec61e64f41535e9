"""A lesson: its folder, its row in the way through, and what its lesson.toml says."""

import tomllib
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Begin:
    """What a lesson begins with, beside the files in its folder begin/."""

    program: int | None = None  # the number of an earlier lesson, whose program it is
    given: list[str] = field(default_factory=list)  # of its own files, as patterns
    dropped: list[str] = field(default_factory=list)  # of the earlier lesson's


@dataclass(frozen=True)
class Lesson:
    """A lesson of the course."""

    folder: Path
    title: str = ""  # "02 · A stream from Flask"
    aim: str = ""  # what its reader will have
    minutes: str = ""

    @property
    def name(self):
        """The name of its folder, "02-a-stream-from-flask", which its address has."""
        return self.folder.name

    @property
    def number(self):
        """Its number: 2."""
        return int(self.name[:2])

    @property
    def turn(self):
        """The folder of Your turn."""
        return self.folder / "turn"

    @property
    def notes(self):
        """Its notes, as Markdown."""
        return (self.folder / "README.md").read_text(encoding="utf-8")

    @property
    def settings(self):
        """What its lesson.toml says, as a dict."""
        if not self.has("lesson.toml"):
            return {}
        return tomllib.loads((self.folder / "lesson.toml").read_text(encoding="utf-8"))

    @property
    def begin(self):
        """What it begins with."""
        return Begin(**self.settings.get("begin", {}))

    @property
    def wire(self):
        """The name of the wire that it introduces, or None: see checker/wires.py."""
        return self.settings.get("wire")

    @property
    def needs(self):
        """The programs that its checks need, beside Python: ["nginx"]."""
        return self.settings.get("needs", [])

    def has(self, file):
        """Whether there is such a file or folder in its own."""
        return (self.folder / file).exists()

"""The tool: it looks something up in the notes and the glossary, and nowhere else.

The model sees the name of the tool, its description and its schema, which LangChain
takes from the class LookUp.
"""

import re
from functools import cache
from pathlib import Path
from typing import NamedTuple  # a tuple whose parts have names

from pydantic import BaseModel, ConfigDict, Field

import models

LESSONS = Path(models.__file__).parent / "lessons"
NAME = "look_up"
EMPTY_WORDS = {"a", "an", "and", "are", "do", "does", "for", "how", "i", "in", "is"}
EMPTY_WORDS |= {"it", "of", "on", "that", "the", "to", "was", "what", "why", "with"}
LONGEST = 1500  # characters of what was found: the model reads them, which costs money


class LookUp(BaseModel):
    """Look something up in the notes and the glossary of a course on streaming."""

    # The tool's name; no other arguments; and no value of another type.
    model_config = ConfigDict(title=NAME, extra="forbid", strict=True)

    query: str = Field(description="the words to look for", max_length=200)


class NothingFound(Exception):
    """Raised when nothing is about the query; its text is for the model."""


def look_up(query):
    """Return the section that fits a query best, as text, or raise NothingFound."""
    words = words_of(query) - EMPTY_WORDS
    best = max(sections(), key=lambda section: points(section, words))
    if points(best, words) == 0:
        raise NothingFound(f"Nothing is about {query!r}. Try other words.")
    return f"{best.heading}: {best.text}"[:LONGEST]


def points(section, words):
    """Return how well a section fits: a word in its heading counts ten times."""
    return 10 * len(words & section.in_heading) + len(words & section.in_text)


def words_of(text):
    """Return the words of a text as a set, in lower case."""
    return set(re.findall(r"\w+", text.lower()))


class Section(NamedTuple):
    """A section of the notes, and its words."""

    heading: str
    text: str
    in_heading: set[str]
    in_text: set[str]


@cache  # read once, and then kept
def sections():
    """Return the sections of the glossary and of the notes as a list."""
    found = []
    for path in [LESSONS / "GLOSSARY.md", *sorted(LESSONS.glob("[0-9]*/README.md"))]:
        _, *parts = path.read_text(encoding="utf-8").split("\n## ")
        for part in parts:
            heading, _, text = part.partition("\n")
            # without what is folded, without synonyms, and without the links' addresses
            text = re.sub(r"(?s)<details>.*?</details>|\*Also: .*?\.\*", "", text)
            text = re.sub(r"\[(.+?)\]\(.+?\)", r"\1", text)
            in_heading, in_text = words_of(heading), words_of(text)
            found.append(Section(heading, text.strip(), in_heading, in_text))
    return found

"""The answers that a lesson knows, wrong ones and right ones: changes of its program.

An answer is a diff, or a row of the file mistakes.toml:

    [[mistake]]
    file = "app.py"
    from = "append(chunk.text)"
    to = "append(chunk)"
    message = "Gather chunk.text"

The first line of a diff is all that the check says of it; if the answer is right, it is
what the answer does otherwise. wrong_lines.py reads what a diff may say below that. The
message of a row is a part of what the check says.
A diff changes the lesson's program. So does a row, but a row of Your turn changes the
first solution.
"""

import re
import tomllib
from pathlib import Path
from typing import NamedTuple

KEYS = {"file", "from", "to", "message"}
FILE = re.compile(r"^--- .+\n\+\+\+ (.+)\n", re.M)  # begins what a diff says of a file
HUNK = re.compile(r"^@@ -(\d+).*\n", re.M)  # and this, what it says of some lines


class Change(NamedTuple):
    """A piece of a file's text, and what takes its place."""

    file: str  # "static/page.js"
    before: str
    after: str
    line: int | None = None  # where the lines stand, about; None: where they come first

    def made_in(self, text):
        """Return a file's text with the change made in it."""
        start = self.start_in(text)
        return text[:start] + self.after + text[start + len(self.before) :]

    def start_in(self, text):
        """Return the index at which the piece begins, or raise a ValueError."""
        if self.line is None:
            starts = [text.find(self.before)] if self.before in text else []
        else:
            lines = re.compile(f"^{re.escape(self.before)}", re.M)
            starts = [found.start() for found in lines.finditer(text)]
        if not starts:
            raise ValueError(f"{self.file} does not have this:\n{self.before}")
        return min(starts, key=lambda start: self.distance(text, start))

    def distance(self, text, start):
        """Return how many lines an index is from where the piece should be."""
        return abs(text.count("\n", 0, start) + 1 - (self.line or 0))


class Answer(NamedTuple):
    """A program that a student may write."""

    path: Path  # of the diff, or of the file of rows
    name: str  # "forgets-flush"; the third row is "mistakes-3"
    words: str  # what the check says of it, or what it does otherwise
    are_all: bool  # whether the check says these words only
    changes: list[Change]  # of the lesson's program

    def made_in(self, files):
        """Return the files of a program as {name: text}, for files as {name: path}."""
        texts = {}
        for change in self.changes:
            if change.file not in texts:
                path = files.get(change.file)  # None: a file that the answer adds
                texts[change.file] = path.read_text(encoding="utf-8") if path else ""
            texts[change.file] = change.made_in(texts[change.file])
        return texts


def wrong_answers(lesson):
    """Return the wrong answers to a lesson's checks: diffs, then rows."""
    return [*diffs_in(lesson.folder / "wrong"), *rows_in(lesson.folder / "wrong", [])]


def right_answers(lesson):
    """Return the right answers that are not written as the lesson's program is."""
    return diffs_in(lesson.folder / "right")


def wrong_solutions(lesson):
    """Return the wrong answers to the checks of Your turn: diffs, then rows."""
    folder = lesson.turn / "wrong"
    changes = [change for right in solutions(lesson)[:1] for change in right.changes]
    return [*diffs_in(folder), *rows_in(folder, changes)]


def solutions(lesson):
    """Return the right answers to Your turn; solution.diff is the first."""
    return diffs_in(lesson.turn)


def diffs_in(folder):
    """Return the answer of each diff in a folder, by the diffs' names."""
    answers = []
    for path in sorted(folder.glob("*.diff"), key=lambda path: path.stem):
        words, _, diff = path.read_text(encoding="utf-8").partition("\n")
        answers.append(Answer(path, path.stem, words, True, changes_of(diff)))
    return answers


def changes_of(diff):
    """Return the changes that a unified diff makes: one for each of its hunks."""
    changes = []
    _, *files = FILE.split(re.sub(r"(?m)^diff .*\n", "", diff))
    for file, hunks in zip(files[::2], files[1::2], strict=True):
        _, *hunks = HUNK.split(hunks)
        for line, text in zip(hunks[::2], hunks[1::2], strict=True):
            changes.append(change_of(file.strip(), int(line), text))
    return changes


def change_of(file, line, hunk):
    """Return the change that a hunk makes at a line of a file."""
    before = after = ""
    for each in hunk.splitlines(keepends=True):
        mark = each[0]  # " ", "-" or "+"; editors make "\n" of " \n"
        text = each if mark == "\n" else each[1:]
        if mark != "+":
            before += text
        if mark != "-":
            after += text
    return Change(file, before, after, line)


def rows_in(folder, right):
    """Return the answer of each row in a folder's mistakes.toml, if there is one.

    Each makes one change more than a right answer, whose changes are given.
    """
    path = folder / "mistakes.toml"
    if not path.exists():
        return []
    told = tomllib.loads(path.read_text(encoding="utf-8"))
    answers = []
    for number, row in enumerate(told.get("mistake", []), start=1):
        if row.keys() != KEYS:
            keys = ", ".join(sorted(KEYS))
            raise ValueError(f"{path}, row {number}: write {keys}, and nothing else.")
        change = Change(row["file"], row["from"], row["to"])
        name = f"mistakes-{number}"
        answers.append(Answer(path, name, row["message"], False, [*right, change]))
    return answers

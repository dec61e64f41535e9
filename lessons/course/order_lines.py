"""Order the lines: an exercise before a fold, made of the code that the fold holds.

The first line of a fence says which of its lines are offered, and which of them may
change places:

    ```python title="app.py" order="1-7 10-15" swap="3/4 11/12-14"

The numbers count the lines of the fence from 1. `order` alone offers all of them. In
each `swap`, the lines or blocks between the slashes may come in any order. A `swap` can
lie inside a block of another, which then has to come first.
"""

import json
import re
from hashlib import sha256
from html import escape
from typing import NamedTuple

from lessons.course.fences import in_colour, words_of

# What a line begins with that is a comment: it moves with the line that it is about.
COMMENTS = {"python": ("#",), "js": ("//", "/*", "* ", "*/")}
DOCSTRING = '"""'
INDENT = re.compile("^((?:<[^>]*>)*)( +)", re.M)  # of a line of code as HTML
# What an exercise says if it has so many lines that do not belong: three at most.
LEAVE_OUT = [
    "",
    "One of the lines does not belong: leave it out.",
    "Two of the lines do not belong: leave them out.",
    "Three of the lines do not belong: leave them out.",
]
LEAVE_OUT_BUTTON = '<button type="button" data-does="leave">Leave out</button>'


class Row(NamedTuple):
    """Lines that move as one: a line, its comment above it or its docstring below."""

    numbers: list[int]  # of its lines in the fence
    text: str
    key: int = -1  # rows of the same text have the same; -1: it does not belong
    why: str = ""  # it does not belong


class Exercise(NamedTuple):
    """Lines to order."""

    title: str  # the name of their file
    language: str
    rows: list[Row]  # in a right order
    plan: list  # keys in their order; in a list are plans that come in any order
    wrong: list[Row]  # lines that do not belong

    def shuffled(self):
        """Return all rows in an order that is always the same, and never right."""
        rows = [*self.rows, *self.wrong]
        rows.sort(key=lambda row: sha256(row.text.encode()).digest())
        while rows[0].key in first_keys(self.plan):
            rows.append(rows.pop(0))
        return rows


def exercises_of(info, code, wrong_lines=()):
    """Return the exercises that a fence offers; wrong_lines are those of its lesson."""
    language, words = words_of(info)
    if "order" not in words:
        return []
    lines = code.splitlines()
    swaps = [
        [numbers_in(block) for block in swap.split("/")]
        for swap in words.get("swap", "").split()
    ]
    return [
        exercise_of(
            words["title"], language, lines, numbers_in(part), swaps, wrong_lines
        )
        for part in (words["order"] or f"1-{len(lines)}").split()
    ]


def exercise_of(title, language, lines, numbers, swaps, wrong_lines):
    """Return the exercise that offers the lines of these numbers."""
    rows = rows_of(lines, numbers, language)
    texts = [row.text for row in rows]
    rows = [row._replace(key=texts.index(row.text)) for row in rows]
    wrong = []
    for file, right, line, why in wrong_lines:
        if file == title and any(right in text.splitlines() for text in texts):
            wrong.append(Row([], line, why=why))
    return Exercise(title, language, rows, plan_of(rows, swaps), wrong[:3])


def numbers_in(words):
    """Return the numbers in "3-5", which are 3, 4 and 5, or in "3"."""
    first, _, last = words.partition("-")
    return range(int(first), int(last or first) + 1)


def rows_of(lines, numbers, language):
    """Return lines as rows, each with its comment or docstring."""
    groups = []  # of numbers
    above = []  # numbers of comments that wait for their line
    in_docstring = False
    for number in numbers:
        line = lines[number - 1].strip()
        if not line:
            raise ValueError(
                "a blank line cannot be moved: offer what is above or below"
            )
        if line.startswith(COMMENTS[language]):
            above.append(number)
            if groups and ends_a_block(lines, number, numbers):
                groups[-1] += above
                above = []
        elif in_docstring or line.startswith(DOCSTRING):
            groups[-1].append(number)
            in_docstring = not (line.endswith(DOCSTRING) and line != DOCSTRING)
        else:
            groups.append([*above, number])
            above = []
    return [
        Row(group, "\n".join(lines[number - 1] for number in group)) for group in groups
    ]


def ends_a_block(lines, number, numbers):
    """Whether a comment is the last line of its block, and about what precedes it."""
    if number == numbers[-1]:
        return True
    comment, after = lines[number - 1], lines[number]
    return indent_of(after) < indent_of(comment)


def indent_of(line):
    """Return the number of spaces that a line begins with."""
    return len(line) - len(line.lstrip())


def plan_of(rows, swaps):
    """Return the keys of rows in their order; what may swap is in a list of plans."""
    plan = []
    left = list(rows)
    while left:
        swap = next((swap for swap in swaps if is_in(left[0], swap[0])), None)
        if swap:
            inner = swaps[swaps.index(swap) + 1 :]
            blocks = [[row for row in left if is_in(row, block)] for block in swap]
            plan.append([plan_of(block, inner) for block in blocks])
            left = left[sum(map(len, blocks)) :]
        else:
            plan.append(left.pop(0).key)
    return plan


def is_in(row, block):
    """Whether a row is one of the lines with these numbers."""
    return not set(row.numbers).isdisjoint(block)


def first_keys(plan):
    """Return the keys of the rows that may come first."""
    if isinstance(plan[0], int):
        return {plan[0]}
    return set().union(*(first_keys(block) for block in plan[0]))


# As HTML: order.js shows it, and lets the lines be moved


def fold_of(name, exercises):
    """Return the exercises before a fold as a fold of their own; its name is given."""
    count = len(exercises)
    parts = [
        part_of(name, exercise, f", {number} of {count}" if count > 1 else "")
        for number, exercise in enumerate(exercises, start=1)
    ]
    return f"""<details class="order" hidden>
<summary>Order the lines: {escape(name)}</summary>
<p>Drag each line to its place. Or choose one, and move it with <em>Up</em> and
<em>Down</em>, or with Alt and an arrow key.</p>
{"".join(parts)}</details>
"""


def part_of(name, exercise, place):
    """Return an exercise as HTML; place says which one of its fold."""
    title = escape(exercise.title)
    aim = f"<b>{title}{place}</b>" if place else ""
    if exercise.wrong:
        aim += f" {LEAVE_OUT[len(exercise.wrong)]}"
    return f"""<div class="lines">
<p>{aim.strip()}</p>
<ol role="listbox" aria-label="The lines of {escape(name)}{place}"
  data-plan="{json.dumps(exercise.plan)}">
{"".join(row_of(row, exercise.language) for row in exercise.shuffled())}</ol>
<div class="row">
<button type="button" data-does="up">Up</button>
<button type="button" data-does="down">Down</button>
{LEAVE_OUT_BUTTON if exercise.wrong else ""}
<button type="button" data-does="check">Check the order</button>
</div>
<p role="status"></p>
</div>
"""


def row_of(row, language):
    """Return a row as HTML: an option of the list box."""
    indent = indent_of(row.text)
    words = f"indented by {indent}" if indent else "not indented"
    why = f' data-why="{escape(row.why)}"' if row.why else ""
    code = in_colour(row.text, language).removesuffix("\n")
    # Spaces that do not break: a long line breaks further on, and its indent stays.
    code = INDENT.sub(lambda found: found[1] + "\u00a0" * len(found[2]), code)
    kind = ' class="several"' if "\n" in row.text else ""
    return (
        f'<li role="option" data-key="{row.key}" aria-description="{words}"{why}>'
        f'<span class="grip" aria-hidden="true"></span><code{kind}>{code}</code></li>\n'
    )

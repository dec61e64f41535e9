"""flask start, flask check, flask hint: the lessons from a terminal.

No state is kept: the first lesson whose checks are not green is where you are.
"""

import os
import re
import shutil
import sys
import textwrap
from contextlib import suppress
from datetime import datetime
from filecmp import cmp
from itertools import count
from pathlib import Path

import click

from lessons.course.folders import BEFORE, LESSONS, MINE
from lessons.course.run_checks import SECONDS, run_browser_checks, run_checks

PROGRAM = "*.py", "requirements.txt", "static/**/*", "templates/**/*"
HINTS = re.compile(r"<summary>Hints</summary>(.*?)</details>", re.S)


def all_lessons():
    """Return the folders of the lessons by their numbers, in order."""
    notes = sorted(LESSONS.glob("[0-9][0-9]-*/README.md"))
    return {int(path.parent.name[:2]): path.parent for path in notes}


def title(lesson):
    """Return the heading of a lesson's notes: "03 · A page that reads it"."""
    notes = (lesson / "README.md").read_text(encoding="utf-8")
    return notes.partition("\n")[0].removeprefix("# ")


class Number(click.ParamType):
    """The number of a lesson, which becomes the lesson's folder."""

    name = "lesson"

    def convert(self, value, param, ctx):
        """Return the folder of lesson 3 for "3"; else say which numbers there are."""
        lessons = all_lessons()
        if value.isdecimal() and int(value) in lessons:
            return lessons[int(value)]
        first, *_, last = lessons
        raise click.ClickException(
            f"There is no lesson {value}: there are {first} to {last}."
        )


def which(command):
    """Stop, and show what to type for each lesson."""
    lines = [
        f"  flask {command} {n}   {title(each)}" for n, each in all_lessons().items()
    ]
    raise click.ClickException("\n".join(["Which lesson?", *lines]))


def say(text="", **style):
    """Print a line at once, whatever letters the terminal lacks."""
    with suppress(AttributeError):
        sys.stdout.reconfigure(errors="replace")
    click.secho(text, **style)


# flask start


@click.command()
@click.argument("lesson", type=Number(), required=False)
def start(lesson):
    """Put the program that LESSON begins with into mine/.

    What is in mine/ is never lost: it is moved into mine-before/ first.
    """
    if not lesson:
        which("start")
    files, number = beginning(lesson), int(lesson.name[:2])
    if same(files, MINE):
        say(f"mine/ holds the program that lesson {number} begins with already.")
    else:
        try:
            before = replace_mine(files, number)
        except OSError as error:
            raise click.ClickException(
                f"mine/ cannot be written: {error.strerror}. Nothing in it has changed."
                " Close what runs there or has its files open, see whether the disk is"
                f" full or read-only, and type flask start {number} again."
            ) from None
        if before:
            say(f"What was in mine/ is now in {before}/.")
        names = ", ".join(name for name in files if name != "__init__.py")
        say(f"mine/ holds the program that lesson {number} begins with: {names}.")
    say(f"Read lessons/{lesson.name}/README.md and make its change in mine/;")
    say(f"then flask check {number} tells how far you are.")


def beginning(lesson):
    """Return the files that a lesson begins with, as {name: path}."""
    begin = lesson / "begin"  # a program of its own, or the number of a lesson
    if begin.is_dir():
        return files_of(begin)
    if begin.exists():
        return files_of(all_lessons()[int(begin.read_text(encoding="utf-8"))])
    before = [each for each in all_lessons().values() if each.name < lesson.name]
    return files_of([each for each in before if (each / "app.py").exists()][-1])


def files_of(folder):
    """Return the files of a lesson's program, as {name: path}."""
    paths = {path for kind in PROGRAM for path in folder.glob(kind) if path.is_file()}
    named = {path.relative_to(folder).as_posix(): path for path in sorted(paths)}
    return {name: path for name, path in named.items() if name != "check.py"}


def same(files, folder):
    """Whether a folder holds these files, and nothing else that is anybody's work."""
    paths = {path for path in folder.rglob("*") if "__pycache__" not in path.parts}
    names = {path.relative_to(folder).as_posix() for path in paths if path.is_file()}
    return names == set(files) and all(
        cmp(folder / name, path, shallow=False) for name, path in files.items()
    )


def replace_mine(files, number):
    """Move mine/ aside and put these files there, or raise and leave it as it was.

    Return where it was moved to, or None if there was nothing to move.
    """
    new, before = MINE.with_name(f"mine-new-{os.getpid()}"), None
    try:
        for name, path in files.items():
            (new / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, new / name)
        if os.path.lexists(MINE):
            BEFORE.mkdir(exist_ok=True)
            MINE.rename(place := free_name(number))
            before = place
        new.rename(MINE)
    except OSError:
        if before:
            before.rename(MINE)
        shutil.rmtree(new, ignore_errors=True)
        raise
    return before and before.relative_to(MINE.parent).as_posix()


def free_name(number):
    """Return a path in mine-before/ that nobody uses yet."""
    name = f"{datetime.now():%Y-%m-%d-%H%M%S}-before-lesson-{number}"
    paths = (BEFORE / (f"{name}-{n}" if n > 1 else name) for n in count(1))
    return next(path for path in paths if not os.path.lexists(path))


# flask check


@click.command()
@click.argument("lesson", type=Number(), required=False)
@click.option("--browser", is_flag=True, help="Check the page as well, in Chrome.")
@click.option("--program", type=Path, default=MINE, hidden=True)
@click.option("--seconds", type=float, default=SECONDS, hidden=True)
def check(lesson, browser, program, seconds):
    """Check your program in mine/ for LESSON.

    Without LESSON, all of them in order, up to the first that is not green.
    """
    if not program.exists():
        begin = f"flask start {int(lesson.name[:2]) if lesson else 1}"
        raise click.ClickException(f"There is no mine/ yet: begin with {begin}.")
    for each in [lesson] if lesson else all_lessons().values():
        number, outcomes = int(each.name[:2]), set()
        say(f"{title(each)}: checking {program.name}/")
        for found in checks_of(each, program.resolve(), browser, seconds):
            outcomes.add(found.outcome)
            if lesson or found.outcome == "red":
                show(found)
        if "red" in outcomes:
            if not lesson:
                say(f"You are at lesson {number}. To begin it: flask start {number}.")
            if not lesson and number > 6:
                say("From lesson 7 on, name the one you are at, as in flask check 9.")
            say(f"The change is quoted in lessons/{each.name}/README.md.")
            sys.exit(1)
        if not lesson:
            page = not browser and (each / "check.js").exists()
            server = "green, but for its page" if page else "green"
            say(f"  {'gone on' if outcomes == {'gone on'} else server}")
        if lesson and outcomes == {"gone on"}:
            say(f"Nothing was checked: flask start {number} begins this lesson again.")
            sys.exit(1)
        if lesson and "gone on" in outcomes:
            say("Gone on: a later lesson changed this, so it is not asked any more.")
    if browser or (lesson and not (lesson / "check.js").exists()):
        say("All is green.", fg="green")
    else:
        say("The server's part is green; the page's is not checked yet.", fg="green")
        port = os.environ.get("FLASK_RUN_PORT", 5000)
        page = f"http://127.0.0.1:{port}/lessons/{f'{lesson.name}/' if lesson else ''}"
        say(f"What the page does is checked in your browser: flask run, then {page}")
        say(f"Or here, if Chrome is installed: flask check --browser {number}")


def checks_of(lesson, program, browser, seconds):
    """Yield what is checked of a program: on the server, then in the browser."""
    red = False
    for found in run_checks(lesson, program, seconds):
        red = red or found.outcome == "red"
        yield found
    if browser and not red and (lesson / "check.js").exists():
        yield from run_browser_checks(lesson, program, seconds)


def show(found):
    """Print what was checked, and below a red one what to try."""
    colour = {"green": "green", "red": "red"}.get(found.outcome)
    say(f"  {click.style(f'{found.outcome:<11}', fg=colour)} {found.sentence}")
    indent = " " * 14
    if found.message:
        say(click.wrap_text(found.message, 88, indent, indent))
    if found.printed:
        say(f"{indent}Meanwhile the program printed:")
        say(textwrap.indent(found.printed.rstrip(), f"{indent}| "))


# flask hint


@click.command()
@click.argument("lesson", type=Number(), required=False)
@click.argument("n", type=click.IntRange(1), default=1)
def hint(lesson, n):
    """Give a hint for LESSON: the first, or hint number N."""
    if not lesson:
        which("hint")
    notes = (lesson / "README.md").read_text(encoding="utf-8")
    folded = HINTS.search(notes)
    hints = re.split(r"(?m)^\d+\. ", folded[1])[1:] if folded else []
    number = int(lesson.name[:2])
    if not hints:
        raise click.ClickException(f"Lesson {number} has no hints: it says all itself.")
    if n > len(hints):
        raise click.ClickException(
            f"Lesson {number} has no more than {len(hints)} hints."
        )
    say(f"For Your turn: {' '.join(hints[n - 1].split())}")
    if n < len(hints):
        say(f"(Hint {n} of {len(hints)}; the next: flask hint {number} {n + 1})")
    say(f"For the change itself: flask check {number} says what to try next.")

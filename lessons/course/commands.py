"""flask start, flask check, flask hint: the lessons from a terminal.

The first lesson that is neither done nor green is where you are.
"""

import os
import re
import sys
import textwrap
from contextlib import suppress
from time import sleep

import click

from lessons.course.about_lessons.start_lesson import CannotStart, start_lesson
from lessons.course.about_lessons.way_through import all_lessons
from lessons.course.bounds import SECONDS
from lessons.course.checker.reports import Check
from lessons.course.checker.run_checks import (
    can_drive_chrome,
    run_browser_checks,
    run_checks,
)
from lessons.course.folders import MINE
from lessons.course.live.mounts import no_program
from lessons.course.versions import version_of_work
from lessons.course.without_markdown import without_backticks, without_markdown
from lessons.course.your_work.progress import (
    GREEN,
    NOT_REMEMBERED,
    RED,
    read_progress,
    remember_start,
    remember_verdict,
)
from lessons.course.your_work.turn import say_the_task

LOOK_SECONDS = 0.2  # between two looks at the files that --watch checks
HINTS = re.compile(r"<summary>Hints</summary>(.*?)</details>", re.S)


class Number(click.ParamType):
    """The number of a lesson, which becomes the lesson."""

    name = "lesson"

    def convert(self, value, param, ctx):
        """Return lesson 3 for "3"; else say which numbers there are."""
        lessons = all_lessons()
        if value.isdecimal() and int(value) in lessons:
            return lessons[int(value)]
        raise click.ClickException(
            f"There is no lesson {value}: choose {min(lessons)} to {max(lessons)}."
        )


def ask_which_lesson(command):
    """Stop, and show what to type for each lesson."""
    lines = ["Which lesson?"]
    for number, lesson in all_lessons().items():
        lines.append(f"  flask {command} {number}   {lesson.title}")
    raise click.ClickException("\n".join(lines))


def say(text="", **style):
    """Print a line at once, whatever characters the terminal cannot print."""
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
        ask_which_lesson("start")
    number = lesson.number
    try:
        started = start_lesson(lesson)
    except CannotStart as error:
        raise click.ClickException(str(error)) from None
    is_remembered = remember_start(lesson)
    if started.was_there:
        say(f"mine/ already holds the program that lesson {number} begins with.")
    else:
        if started.moved_to:
            say(f"What was in mine/ is now in mine-before/{started.moved_to.name}/.")
        names = ", ".join(started.files)
        say(f"mine/ holds the program that lesson {number} begins with: {names}.")
    say(f"Read lessons/{lesson.name}/README.md, and make its change in mine/.")
    say(f"Then run flask check {number} to see how far you have got.")
    if not is_remembered:
        say(NOT_REMEMBERED)


# flask check


@click.command()
@click.argument("lesson", type=Number(), required=False)
@click.option(
    "--browser/--no-browser",
    default=None,
    help="Check the page too, in Chrome: by default, if its driver is installed.",
)
@click.option("--turn", is_flag=True, help="Check what Your turn asks for.")
@click.option("--watch", is_flag=True, help="Check again whenever a file is saved.")
@click.option("--seconds", type=float, default=SECONDS, hidden=True)
def check(lesson, browser, turn, watch, seconds):
    """Check your program in mine/ for LESSON.

    Without LESSON, all of them in order, up to the first that is not green.
    """
    if not lesson and (turn or watch):
        ask_which_lesson("check --turn" if turn else "check --watch")
    if turn and not lesson.has("turn"):
        number = lesson.number
        raise click.ClickException(f"Your turn of lesson {number} has no checks.")
    if not MINE.exists():
        begin = f"flask start {lesson.number if lesson else 1}"
        raise click.ClickException(f"There is no mine/ yet. To begin, run {begin}.")
    if browser is None:
        browser = can_drive_chrome()
    if watch:
        with suppress(KeyboardInterrupt):  # Ctrl+C ends it
            for _ in versions_saved(lesson.turn if turn else lesson.folder):
                check_briefly(lesson, turn, browser, seconds)
    elif turn:
        check_turn(lesson, browser, seconds)
    elif lesson:
        check_one(lesson, browser, seconds)
    else:
        check_all(browser, seconds)


def check_turn(lesson, browser, seconds):
    """Show each check of what a lesson's Your turn asks for."""
    number = lesson.number
    say(f"{lesson.title}, Your turn: checking mine/")
    outcomes = show_all(checks_and_memory(lesson, True, browser, seconds))
    if "red" in outcomes:
        say(f"For a hint: flask hint {number}")
        sys.exit(1)
    say_what_is_left(lesson, outcomes, browser)


def versions_saved(checks):
    """Yield each version of mine/ and its checks, once it is the same at two looks."""
    known = None
    latest = None
    while True:
        seen = version_of_work(checks, MINE)
        if seen == latest != known:
            known = seen
            yield seen
        latest = seen
        sleep(LOOK_SECONDS)


def check_briefly(lesson, turn, browser, seconds):
    """Clear the screen, check mine/, and show what is red, or that all is green."""
    click.clear()
    about = f"{lesson.title}, Your turn" if turn else lesson.title
    say(f"{about}: checking mine/")
    outcomes = []
    for found in checks_and_memory(lesson, turn, browser, seconds):
        outcomes.append(found.outcome)
        if found.outcome == "red":
            show(found)
    say(f"{outcomes.count('green')} of {len(outcomes)} green", bold=True)
    if set(outcomes) == {"moved on"}:
        say_that_nothing_was_checked(lesson)
    elif "red" not in outcomes:
        say_what_is_left(lesson, outcomes, browser=False)
    say("The checks run again when you save. To stop, press Ctrl+C.")


def check_one(lesson, browser, seconds):
    """Show each check of a lesson, and what they say together."""
    say(f"{lesson.title}: checking mine/")
    outcomes = show_all(checks_and_memory(lesson, False, browser, seconds))
    if "red" in outcomes:
        say_where_the_change_is(lesson)
        sys.exit(1)
    if outcomes == {"moved on"}:
        say_that_nothing_was_checked(lesson)
        sys.exit(1)
    say_what_is_left(lesson, outcomes, browser)


def say_that_nothing_was_checked(lesson):
    """Say that a later lesson has changed all that this one checks."""
    number = lesson.number
    say(f"Nothing was checked. To begin this lesson again, run flask start {number}.")


def say_what_is_left(lesson, outcomes, browser):
    """Say whether all was checked, and if not, where the rest is."""
    if "moved on" in outcomes:
        say("Moved on: a later lesson changed this, so it is no longer checked.")
    if "not checked" not in outcomes:
        say("Everything is green.", fg="green")
        return
    say("The server's part is green. The page's part is not checked yet.", fg="green")
    page = f"{course_address()}{lesson.name}/"
    say(f"To check the page in your browser, run flask run and open {page}")
    if browser:  # which could not be started
        sys.exit(1)
    number = lesson.number
    say(f"To check it here, with Chrome installed, run flask check --browser {number}")


def check_all(browser, seconds):
    """Check the lessons in order, and stop at the first that is not green."""
    passed_over = []
    progress = read_progress()
    for number, lesson in all_lessons().items():
        done = progress.done_on(lesson)
        if done and lesson.name != progress.started:
            say(f"{lesson.title}: done on {done}")
            continue
        say(f"{lesson.title}: checking mine/")
        outcomes = set()
        for found in checks_and_memory(lesson, False, browser, seconds):
            if found.outcome == "red":
                show(found)
            outcomes.add(found.outcome)
        if "red" in outcomes:
            say(f"You are at lesson {number}.")
            if lesson.name != progress.started:
                say(f"To begin it, run flask start {number}.")
            if number >= first_new_start():
                say(
                    f"From lesson {first_new_start()} on, give the number of your"
                    " lesson, as in flask check 12."
                )
            say_where_the_change_is(lesson)
            sys.exit(1)
        if "not checked" in outcomes:
            say("  the server's part is green, and the page's part is not checked")
            say(f"You are at lesson {number}, unless its page is green too.")
            say(
                "To check the page in your browser, run flask run and open"
                f" {course_address()}"
            )
            say("If it is green, give the number of your lesson, as in flask check 4.")
            sys.exit(1)
        if outcomes == {"moved on"}:
            say("  moved on")
            passed_over.append(str(number))
        elif "moved on" in outcomes:
            say("  green, except for what a later lesson has changed")
        else:
            say("  green")
    if passed_over:
        say(
            "Not checked, because a later lesson has changed it: lesson"
            f" {', '.join(passed_over)}."
        )
    say("All that was checked is green.", fg="green")


def first_new_start():
    """Return the number of the first lesson that does not go on from the one before.

    The program of a later lesson need not be green for the lessons before it.
    """
    for number, lesson in all_lessons().items():
        if number > 1 and lesson.begin.program != number - 1:
            return number
    return max(all_lessons()) + 1


def show_all(checks):
    """Show each check as it is made; return their outcomes."""
    outcomes = set()
    for found in checks:
        show(found)
        outcomes.add(found.outcome)
    return outcomes


def checks_of(folder, browser, seconds):
    """Yield what the checks in a folder find: on the server, then in the browser."""
    outcomes = set()
    if (folder / "check.py").exists():
        for found in run_checks(folder, MINE, seconds):
            outcomes.add(found.outcome)
            yield found
    has_page = (folder / "check.js").exists()
    if not has_page or "red" in outcomes or outcomes == {"moved on"}:
        return
    if browser:
        yield from run_browser_checks(folder, MINE, seconds)
    else:
        yield Check("What the page does", "not checked")


def checks_and_memory(lesson, turn, browser, seconds):
    """Yield what the checks of a lesson or its turn find; remember the verdict.

    Only a whole one is remembered: of all checks, and of files that have not changed.
    """
    checks = lesson.turn if turn else lesson.folder
    if not (MINE / "app.py").exists():
        yield Check("The program is there", RED, no_program(lesson.number))
        return
    version = version_of_work(checks, MINE)
    outcomes = set()
    for found in checks_of(checks, browser, seconds):
        outcomes.add(found.outcome)
        yield say_the_task(lesson, found) if turn else found
    if version != version_of_work(checks, MINE):
        return
    is_remembered = True
    if RED in outcomes:
        is_remembered = remember_verdict(lesson, turn, version, RED)
    elif outcomes == {GREEN}:
        is_remembered = remember_verdict(lesson, turn, version, GREEN)
    if not is_remembered:
        say(NOT_REMEMBERED)


def course_address():
    """Return the address of the course, where flask run will serve it."""
    port = os.environ.get("FLASK_RUN_PORT", 5000)
    return f"http://127.0.0.1:{port}/lessons/"


def say_where_the_change_is(lesson):
    say(f"The notes show the change: lessons/{lesson.name}/README.md.")


def show(found):
    """Print what was checked, and below a red one what to try."""
    outcome = f"{found.outcome:<11}"
    if found.outcome in ("green", "red"):
        outcome = click.style(outcome, fg=found.outcome)
    say(f"  {outcome} {without_backticks(found.sentence)}")
    indent = " " * 14
    if found.message:
        message = without_backticks(found.message)
        say(click.wrap_text(message, 88, indent, indent))
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
        ask_which_lesson("hint")
    number = lesson.number
    hints = hints_of(lesson)
    if not hints:
        raise click.ClickException(
            f"Lesson {number} has no hints. Its notes say all that you need."
        )
    if n > len(hints):
        raise click.ClickException(f"Lesson {number} has only {len(hints)} hints.")
    say(f"For Your turn: {hints[n - 1]}")
    if n < len(hints):
        say(f"(Hint {n} of {len(hints)}; the next: flask hint {number} {n + 1})")
    say(f"For help with the change itself, run flask check {number}.")


def hints_of(lesson):
    """Return the hints that are folded in a lesson's notes, without Markdown."""
    folded = HINTS.search(lesson.notes)
    if not folded:
        return []
    _, *hints = re.split(r"(?m)^\d+\. ", folded[1])
    return [without_markdown(" ".join(hint.split())) for hint in hints]

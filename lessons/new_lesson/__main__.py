"""Make the folder of a new lesson: python -m lessons.new_lesson --help

The folder is filled from skeleton/ and with the program that the lesson begins with.
What has to be written is marked with TODO, and the tests of the lesson are red until it
is there: the command says how to run them.
"""

import re
import shutil
from pathlib import Path

import click

from lessons.course.about_lessons.start_lesson import files_of
from lessons.course.about_lessons.way_through import all_lessons, read_way_through
from lessons.course.folders import LESSONS

SKELETON = Path(__file__).parent / "skeleton"
TABLE = """
## {part}

TODO: a few words about this part.

| lesson | you will have | minutes |
|---|---|---|
"""
TESTS = ["tests/test_lessons.py", "tests/test_checks.py", "tests/test_glossary.py"]
ROW = "| [{title}]({name}/README.md) | TODO: what its reader will have | 0 |\n"


@click.command()
@click.argument("title")
@click.option(
    "--begins-with",
    "number",
    type=int,
    required=True,
    help="The number of the lesson whose program it begins with.",
)
@click.option("--part", help="The part it belongs to: the last one, or a new one.")
def main(title, number, part):
    """Make the folder of a new lesson, called TITLE, after all the others."""
    try:
        folder = make_lesson(title, number, part)
    except ValueError as error:
        raise click.ClickException(str(error)) from None
    here = folder.relative_to(LESSONS.parent).as_posix()
    click.echo(f"{here}/ is there, and its row in lessons/README.md.")
    click.echo("Fill in what is marked with TODO. This says what is missing:")
    click.echo(f"python -m pytest {' '.join(TESTS)} -k {folder.name[:3]}")


def make_lesson(title, begins_with, part=None):
    """Make a lesson's folder and its row in the way through; return the folder.

    Raise a ValueError, whose message says what to do, before anything is written.
    """
    lessons = all_lessons()
    number = max(lessons) + 1
    name = f"{number:02}-{name_of(title)}"
    program = lessons.get(begins_with)
    if not program:
        raise ValueError(f"There is no lesson {begins_with}: name one that there is.")
    if not program.has("app.py"):
        raise ValueError(
            f"Lesson {begins_with} has no program of its own: name another lesson."
        )
    way = way_with(f"{number:02} · {title}", name, part)
    folder = LESSONS / name
    copy_program(program.folder, folder)
    words = {"NUMBER": str(number), "TITLE": title, "BEGINS_WITH": str(begins_with)}
    fill_skeleton(folder, words)
    (LESSONS / "README.md").write_text(way, encoding="utf-8")
    return folder


def name_of(title):
    """Return a title as the name of a folder: "markdown-while-it-streams"."""
    words = re.findall(r"[a-z0-9]+", title.lower())
    if not words:
        raise ValueError(f"{title!r} has no letter of a to z: choose another title.")
    return "-".join(words)


def way_with(title, name, part):
    """Return the text of lessons/README.md with a row more, at the end of its tables.

    For a part that is new there is a table more.
    """
    way = read_way_through()
    text = (LESSONS / "README.md").read_text(encoding="utf-8")
    tables = text.removesuffix(way.after)
    *earlier, last = [each.title for each in way.parts]
    if part in earlier:
        raise ValueError(f"{part} is not the last part: {last} is. Name that, or none.")
    if part and part != last:
        tables += TABLE.format(part=part)
    return tables + ROW.format(title=title, name=name) + way.after


def copy_program(program, folder):
    """Copy the files of a lesson's program into a new folder."""
    for name, path in files_of(program).items():
        copy = folder / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)


def fill_skeleton(folder, words):
    """Write the files of the skeleton, with these words in their places."""
    for path in SKELETON.rglob("*"):
        if path.is_file() and "__pycache__" not in path.parts:
            text = path.read_text(encoding="utf-8")
            for word, instead in words.items():
                text = text.replace(f"{{{word}}}", instead)
            file = folder / path.relative_to(SKELETON)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()

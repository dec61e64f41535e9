"""The command for developers that makes the folder of a new lesson."""

import re
import shutil
import subprocess
import sys

import pytest
from click.testing import CliRunner
from support import ROOT

import lessons.new_lesson.__main__ as new_lesson
from lessons.course.about_lessons import way_through
from lessons.course.about_lessons.lesson import Lesson
from lessons.course.about_lessons.way_through import all_lessons, read_way_through

TITLE = "Words: 2, & more!"
NEW = f"{max(all_lessons()) + 1:02}-words-2-more"
LAST = read_way_through().parts[-1].title
FROM = all_lessons()[9]


@pytest.fixture
def lessons(tmp_path, monkeypatch):
    """Return a folder of lessons for the test, with nothing but their notes."""
    folder = tmp_path / "lessons"
    for lesson in all_lessons().values():
        (folder / lesson.name).mkdir(parents=True)
        shutil.copy(lesson.folder / "README.md", folder / lesson.name)
    shutil.copytree(FROM.folder, folder / FROM.name, dirs_exist_ok=True)
    shutil.copy(ROOT / "lessons" / "README.md", folder)
    for module in new_lesson, way_through:
        monkeypatch.setattr(module, "LESSONS", folder)
    return folder


def make(*words):
    """Type the command with these words; return how it ended and what it printed."""
    typed = CliRunner().invoke(new_lesson.main, words)
    return typed.exit_code, typed.output


def test_it_makes_a_folder_with_the_program_that_the_lesson_begins_with(lessons):
    code, printed = make(TITLE, "--begins-with", str(FROM.number))
    assert code == 0 and f"lessons/{NEW}/ is there" in printed
    lesson = Lesson(lessons / NEW)
    assert lesson.begin.program == FROM.number
    for name in "app.py", "static/page.js", "templates/index.html":
        text = (lesson.folder / name).read_text(encoding="utf-8")
        assert text == (FROM.folder / name).read_text(encoding="utf-8")
    assert not list(lesson.folder.rglob("*.diff"))
    assert lesson.notes.startswith(f"# {NEW[:2]} · {TITLE}\n\nYou will have TODO")
    assert not re.search(r"\{[A-Z_]+\}", lesson.notes)


def test_the_way_through_leads_to_it(lessons):
    before = (lessons / "README.md").read_text(encoding="utf-8")
    make(TITLE, "--begins-with", str(FROM.number))
    part = read_way_through().parts[-1]
    assert part.title == LAST and part.lessons[-1].name == NEW
    row = new_lesson.ROW.format(title=f"{NEW[:2]} · {TITLE}", name=NEW)
    after = (lessons / "README.md").read_text(encoding="utf-8")
    assert after.replace(row, "") == before


def test_it_may_begin_a_part_of_its_own(lessons):
    make(TITLE, "--begins-with", str(FROM.number), "--part", "Further still")
    before, part = read_way_through().parts[-2:]
    assert (before.title, part.title) == (LAST, "Further still")
    assert [lesson.name for lesson in part.lessons] == [NEW]
    assert part.words.startswith("TODO")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["A", "--begins-with", "99"], "There is no lesson 99"),
        (["A", "--begins-with", "8"], "Lesson 8 has no program of its own"),
        (["?", "--begins-with", "9"], "'?' has no letter of a to z"),
        (
            ["A", "--begins-with", "9", "--part", "One stream"],
            f"One stream is not the last part: {LAST} is",
        ),
    ],
)
def test_what_it_cannot_do_is_said_and_nothing_is_written(lessons, words, sentence):
    before = sorted(lessons.rglob("*"))
    code, printed = make(*words)
    assert code == 1 and sentence in printed
    assert sorted(lessons.rglob("*")) == before


# What is red then

MISSING = {
    "test_all_of_it_is_written",
    "test_its_program_passes",
    "test_the_program_it_begins_with_fails",
    "test_it_has_wrong_answers",
    "test_your_turn_has_a_solution_and_wrong_ones",
    "test_notes_link_to_terms_that_there_are",
    "test_a_student_writes_some_of_its_files",
}
# What looks at all lessons together, and would be red for the skeleton itself.
OF_ALL = [
    "tests/test_glossary.py::test_a_term_is_linked_where_it_first_appears_and_only_there",
    "tests/test_practice.py::test_whatever_is_asked_the_answer_is_long_enough_to_be_seen"
    "_streaming",
    "tests/test_start.py",
]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_tests_of_a_new_lesson_are_red_for_what_is_missing_and_no_more(tmp_path):
    leave = shutil.ignore_patterns(".git", ".venv", "node_modules", "__pycache__")
    project = tmp_path / "project"
    shutil.copytree(ROOT, project, ignore=leave)
    run(project, "lessons.new_lesson", TITLE, "--begins-with", str(FROM.number))
    tests = ["pytest", "-q", "-pno:cacheprovider"]
    done = run(project, *tests, *new_lesson.TESTS, "-k", NEW[:3])
    red = re.findall(rf"(?m)^FAILED .+::(\w+)\[{NEW}\]", done.stdout)
    assert set(red) == MISSING, done.stdout
    assert len(re.findall("(?m)^(?:FAILED|ERROR) ", done.stdout)) == len(MISSING)
    assert "README.md, line 3: You will have TODO" in done.stdout
    done = run(project, *tests, *OF_ALL)
    assert done.returncode == 0, done.stdout


def run(project, module, *words):
    """Run `python -m <module>` in a copy of the project; return how it ended."""
    command = [sys.executable, "-m", module, *words]
    return subprocess.run(
        command, cwd=project, capture_output=True, encoding="utf-8", timeout=500
    )

"""How a lesson's answers are read: from a diff, or from a row of mistakes.toml."""

import pytest

from lessons.course.about_lessons.known_answers import (
    right_answers,
    solutions,
    wrong_answers,
    wrong_solutions,
)
from lessons.course.about_lessons.lesson import Lesson

PROGRAM = "one\n\ntwo\n\ntwo\nfour\n"
DIFF = """The check says this.

--- app.py
+++ app.py
@@ -4,2 +4,2 @@

-two
+2
"""
ROW = """[[mistake]]
file = "app.py"
from = "two"
to = "2"
message = "words of it"
"""


@pytest.fixture
def lesson(tmp_path):
    """Return a lesson that knows no answers yet."""
    for folder in "wrong", "right", "turn/wrong":
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "app.py").write_text(PROGRAM, encoding="utf-8")
    return Lesson(tmp_path)


def write(path, text):
    path.write_text(text, encoding="utf-8")


def program_of(answer, lesson):
    """Return the app.py of an answer."""
    return answer.made_in({"app.py": lesson.folder / "app.py"})["app.py"]


def test_a_diff_changes_the_lines_that_are_nearest_to_where_it_says(lesson):
    write(lesson.folder / "wrong" / "says-two.diff", DIFF)
    [answer] = wrong_answers(lesson)
    assert (answer.name, answer.words) == ("says-two", "The check says this.")
    assert answer.are_all
    assert program_of(answer, lesson) == "one\n\ntwo\n\n2\nfour\n"


def test_a_row_changes_the_first_place_where_it_fits(lesson):
    write(lesson.folder / "wrong" / "mistakes.toml", ROW + ROW.replace("two", "four"))
    first, second = wrong_answers(lesson)
    assert (first.name, first.words) == ("mistakes-1", "words of it")
    assert not first.are_all
    assert program_of(first, lesson) == PROGRAM.replace("two", "2", 1)
    assert program_of(second, lesson) == PROGRAM.replace("four", "2")


def test_a_row_of_your_turn_changes_its_solution(lesson):
    write(lesson.folder / "turn" / "solution.diff", DIFF)
    write(
        lesson.folder / "turn" / "wrong" / "mistakes.toml", ROW.replace('"2"', '"zwei"')
    )
    [answer] = wrong_solutions(lesson)
    assert program_of(answer, lesson) == "one\n\nzwei\n\n2\nfour\n"
    [solution] = solutions(lesson)
    assert program_of(solution, lesson) == "one\n\ntwo\n\n2\nfour\n"


def test_a_diff_of_several_files_changes_each_of_them(lesson):
    more = "diff --git page.js page.js\n--- page.js\n+++ page.js\n@@ -1 +1 @@\n-a\n+b\n"
    write(lesson.folder / "right" / "both.diff", DIFF + more)
    write(lesson.folder / "page.js", "a\n")
    [answer] = right_answers(lesson)
    files = {name: lesson.folder / name for name in ("app.py", "page.js")}
    texts = answer.made_in(files)
    assert texts == {"app.py": "one\n\ntwo\n\n2\nfour\n", "page.js": "b\n"}


def test_a_diff_may_add_a_file(lesson):
    new = "It adds a file.\n\n--- /dev/null\n+++ new.py\n@@ -0,0 +1 @@\n+new\n"
    write(lesson.folder / "right" / "new.diff", new)
    [answer] = right_answers(lesson)
    assert answer.made_in({}) == {"new.py": "new\n"}


@pytest.mark.parametrize("text", [DIFF, ROW])
def test_an_answer_that_does_not_fit_is_an_error(lesson, text):
    write(lesson.folder / "app.py", "other lines\n")
    name = "old.diff" if text.startswith("The") else "mistakes.toml"
    write(lesson.folder / "wrong" / name, text)
    answer = wrong_answers(lesson)[0]
    with pytest.raises(ValueError, match=r"app\.py does not have this"):
        program_of(answer, lesson)


@pytest.mark.parametrize("line", ["", 'mesage = "m"\n'])
def test_a_row_with_other_keys_is_an_error(lesson, line):
    row = ROW.replace('message = "words of it"\n', line)
    write(lesson.folder / "wrong" / "mistakes.toml", row)
    with pytest.raises(ValueError, match="row 1: write file, from, message, to"):
        wrong_answers(lesson)

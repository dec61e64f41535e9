"""What CONTRIBUTING.md says: the places are there, and its commands find tests."""

import re
import shlex
import subprocess
import sys

import pytest
from support import ROOT

from lessons.course.folders import COURSE

TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
WAYS = [
    "change a sentence",
    "add a provider",
    "add a command to the practice model",
    "add a wrong answer",
    "add a lesson",
]


def test_it_says_how_to_do_each_thing():
    assert re.findall("(?m)^## I want to (.+)$", TEXT) == WAYS


def test_its_links_lead_somewhere():
    for link in re.findall(r"\]\(([^)#]+)", TEXT):
        assert (ROOT / link).exists(), link


def test_it_names_each_room_of_the_course():
    [row] = [row for row in TEXT.splitlines() if row.startswith("| [lessons/course/]")]
    rooms = [path.parent.name for path in COURSE.glob("*/__init__.py")]
    assert sorted(re.findall(r"`(\w+)/`", row)) == sorted(rooms)


def test_its_quotations_are_exact():
    [(file, text)] = re.findall(r'```\w+ title="(.+?)"\n(.*?)```', TEXT, re.S)
    assert text in (ROOT / file).read_text(encoding="utf-8")


def test_the_names_that_it_tells_to_add_to_are_there():
    """It says: `ADDRESSES` in [providers.py](providers.py)."""
    found = 0
    for paragraph in TEXT.split("\n\n"):
        files = re.findall(r"\]\(([\w/]+\.py)\)", paragraph)
        code = "".join((ROOT / file).read_text(encoding="utf-8") for file in files)
        names = re.findall(r"`([A-Z_]+|[a-z_]*_[a-z_]*)`", paragraph) if files else []
        for name in names:
            assert re.search(rf"(?m)^(\s*def )?{name}\b", code), name
        found += len(names)
    assert found >= 8


def test_it_says_where_the_words_of_a_provider_go():
    _, _, after = TEXT.partition("## I want to add a provider")
    way, _, _ = after.partition("\n## ")
    assert "[provider_words.py](provider_words.py)" in way
    assert "tests/test_quotations.py" in way  # the notes quote each of them


COMMANDS = re.findall(r"(?m)^\$ (pytest .+)$", TEXT)


@pytest.fixture(scope="module")
def test_names():
    """Return the names of all tests, as pytest collects them."""
    words = [sys.executable, "-m", "pytest", "--collect-only", "-q", "tests"]
    done = subprocess.run(
        words, cwd=ROOT, capture_output=True, encoding="utf-8", timeout=300
    )
    assert done.returncode == 0, done.stdout
    return done.stdout.splitlines()


@pytest.mark.slow
@pytest.mark.timeout(330)
def test_its_commands_find_tests(test_names):
    assert len(COMMANDS) >= 5
    for command in COMMANDS:
        _pytest, *words = shlex.split(command)
        files, _, wanted = " ".join(words).partition(" -k ")
        for file in files.split():
            assert any(
                name.startswith(f"{file}::") and wanted in name for name in test_names
            ), command


def test_its_way_to_a_new_lesson_is_the_commands():
    [line] = re.findall(r"(?m)^\$ (python -m lessons\.new_lesson .+)$", TEXT)
    *_, title, option, number = shlex.split(line)
    assert title and (option, number) == ("--begins-with", "9")
    assert "--part " in TEXT

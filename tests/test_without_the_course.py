"""The program at the root by itself: it answers without the course."""

import shutil
import subprocess
import sys

import pytest
from support import LIMIT, ROOT

pytestmark = pytest.mark.slow
ASK = """
import app
client = app.app.test_client()
page = client.get("/")
print(page.status_code, "lessons/" in page.text, client.get("/lessons/").status_code)
print(client.post("/ask", json={"prompt": "/echo Hi"}).text)
"""


@pytest.fixture
def copy(tmp_path):
    """Return a copy of the program, with the course."""
    for path in ROOT.glob("*.py"):
        shutil.copy2(path, tmp_path)
    for name in "templates", "static", "fast", "lessons":
        kept_out = shutil.ignore_patterns("wrong", "right", "__pycache__")
        shutil.copytree(ROOT / name, tmp_path / name, ignore=kept_out)
    return tmp_path


def run(folder, code=ASK):
    """Run a text in Python, in this folder; return what has become of it."""
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        capture_output=True,
        encoding="utf-8",
        timeout=6 * LIMIT,
    )


def test_with_the_course_the_page_links_to_it(copy):
    assert run(copy).stdout == "200 True 200\nHi\n"


def test_without_the_course_it_answers_all_the_same(copy):
    shutil.rmtree(copy / "lessons" / "course")
    assert run(copy).stdout == "200 False 404\nHi\n"


def test_what_python_has_compiled_of_the_course_is_no_course(copy):
    shutil.rmtree(copy / "lessons" / "course")
    (copy / "lessons" / "course" / "__pycache__").mkdir(parents=True)
    assert run(copy).stdout == "200 False 404\nHi\n"


def test_a_mistake_in_the_course_is_not_taken_for_its_absence(copy):
    pages = copy / "lessons" / "course" / "pages.py"
    pages.write_text("import nothing_of_that_name\n", encoding="utf-8")
    assert "No module named 'nothing_of_that_name'" in run(copy).stderr

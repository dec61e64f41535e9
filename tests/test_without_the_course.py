"""The program at the root by itself: it answers without the course, without fast/."""

import os
import shutil
import subprocess
import sys

import pytest
from support import LIMIT, ROOT
from support.provider import DONE, Provider, finish

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


def run(folder, code=ASK, **settings):
    """Run a text in Python, in this folder; return what has become of it."""
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env=os.environ | settings,
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


ASK_PROVIDER = """
import app
print(app.model.name, type(app.model).__name__)
client = app.app.test_client()
print(client.post("/ask", json={"prompt": "Hello?"}).text)
"""


def ask_provider(folder):
    """Let the program in this folder ask a provider; return what it printed."""
    with Provider("one", " two", finish("stop"), DONE) as provider:
        settings = {"OPENAI_BASE_URL": provider.url, "MODEL": "openai:gpt-test"}
        return run(folder, ASK_PROVIDER, **settings)


def test_without_fast_it_answers_all_the_same(copy):
    shutil.rmtree(copy / "lessons" / "course")
    shutil.rmtree(copy / "fast")
    ended = ask_provider(copy)
    assert ended.stdout == "openai:gpt-test ChatOpenAI\none two\n"
    assert "fast" not in ended.stderr


def test_what_python_has_compiled_of_fast_is_no_fast(copy):
    shutil.rmtree(copy / "fast")
    (copy / "fast" / "__pycache__").mkdir(parents=True)
    assert " ChatOpenAI\none two\n" in ask_provider(copy).stdout


def test_a_mistake_in_fast_is_not_taken_for_its_absence(copy):
    lean = copy / "fast" / "lean.py"
    lean.write_text("import nothing_of_that_name\n", encoding="utf-8")
    ended = ask_provider(copy)
    assert "No module named 'nothing_of_that_name'" in ended.stderr
    assert "pip install" not in ended.stderr

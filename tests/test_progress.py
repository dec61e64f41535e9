"""Know: which lessons are done, what is green now, and the file that remembers it."""

import json
import os
import re
import shutil
from codecs import BOM_UTF8
from concurrent.futures import ThreadPoolExecutor
from threading import Lock

import pytest
from click.testing import CliRunner
from support import ROOT
from support.course import A_PAGE, A_SERVER, A_TERMINAL, LESSONS, PAGE, write

from lessons.course import commands, folders, loop
from lessons.course.about_lessons.way_through import all_lessons
from lessons.course.checker.reports import Check
from lessons.course.your_work import appending
from lessons.course.your_work.progress import (
    GREEN,
    NOT_REMEMBERED,
    RED,
    place_on_the_way,
    read_progress,
    remember_start,
    remember_verdict,
)

FIRST, SECOND, THIRD = list(all_lessons().values())[:3]


@pytest.fixture
def memory(tmp_path, monkeypatch):
    """Return the path of the file that remembers, which is not there yet."""
    path = tmp_path / "progress.jsonl"
    monkeypatch.setattr(folders, "PROGRESS", path)
    return path


@pytest.fixture
def outcomes(monkeypatch):
    """Return the list of outcomes that each check on the server finds."""
    outcomes = ["green"]

    def find(*words):
        for outcome in outcomes:
            yield Check("It is so", outcome)

    monkeypatch.setattr(loop, "run_checks", find)
    return outcomes


# What is remembered


def test_done_stays_and_green_is_said_of_one_version(memory):
    remember_verdict(FIRST, False, "one", GREEN)
    remember_verdict(FIRST, False, "two", RED)
    remember_verdict(FIRST, True, "one", GREEN)
    progress = read_progress()
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", progress.done_on(FIRST))
    assert progress.done_on(FIRST, True) and not progress.done_on(SECOND)
    assert progress.is_green(FIRST, "one") and not progress.is_green(FIRST, "two")
    remember_verdict(FIRST, False, "one", RED)
    progress = read_progress()
    assert not progress.is_green(FIRST, "one") and progress.done_on(FIRST)


def test_what_is_known_already_takes_no_room(memory):
    for _ in range(9):
        remember_verdict(FIRST, False, "one", GREEN)
        remember_verdict(FIRST, False, "two", RED)
    assert len(memory.read_text(encoding="utf-8").splitlines()) == 1


def test_writers_at_the_same_time_lose_nothing(memory):
    versions = [f"version {i}" for i in range(60)]
    with ThreadPoolExecutor(12) as writers:
        for version in versions:
            writers.submit(remember_verdict, FIRST, False, version, GREEN)
    progress = read_progress()
    assert all(progress.is_green(FIRST, version) for version in versions)


class WindowsLocks:
    """Stands in for msvcrt: locks one byte of a file at the file's position."""

    LK_NBLCK, LK_UNLCK = 2, 0

    def __init__(self):
        self.lock = Lock()  # the system's, for all files
        self.places = set()  # that are locked
        self.tries = 0

    def locking(self, number, mode, count):
        place = os.lseek(number, 0, os.SEEK_CUR)
        assert count == 1
        with self.lock:
            if mode == self.LK_UNLCK:
                self.places.remove(place)  # a KeyError if it is another place
                return
            self.tries += 1
            is_first = self.tries % 2 == 1  # as if another program had it
            if is_first or place in self.places:
                raise PermissionError(13, "Permission denied")
            self.places.add(place)


def test_writers_on_windows_lose_nothing_either(memory, monkeypatch):
    """Simulated: Windows locks a place in a file, and refuses where Unix waits."""
    locks = WindowsLocks()
    monkeypatch.setattr(appending, "fcntl", None)
    monkeypatch.setattr(appending, "msvcrt", locks, raising=False)
    with ThreadPoolExecutor(12) as writers:
        for number in range(60):
            version = f"{number:064x}"
            writers.submit(remember_verdict, FIRST, False, version, GREEN)
    assert len(memory.read_text(encoding="utf-8").splitlines()) == 60
    assert not locks.places


DAMAGES = {
    "half a line": b'{"lesson": "01',
    "no text": bytes(range(256)),
    "other names": b'{"name": 1}\n',
    "other kinds": b'{"lesson": 1, "outcome": [], "on": null}\n',
    "no object": b"[]\n3\nnull\n",
    "no day": b'{"lesson": "03-a-page-that-reads-it", "outcome": "green", "on": "?"}\n',
    "brackets": b"[" * 100_000,
    "nothing": b"",
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_file_forgets_no_more_than_the_damage(memory, damage):
    remember_verdict(FIRST, False, "one", GREEN)
    with memory.open("ab") as file:
        file.write(damage)
    assert remember_verdict(SECOND, False, "two", GREEN)
    progress = read_progress()
    assert progress.done_on(FIRST) and progress.done_on(SECOND)
    assert len(progress.done) == 2
    memory.write_bytes(BOM_UTF8 + memory.read_bytes())  # as Notepad does
    assert read_progress().done == progress.done


def test_a_file_that_cannot_be_written_costs_only_the_memory(memory, visit, outcomes):
    memory.mkdir()  # in its place
    assert not remember_start(FIRST)
    lesson = f"/lessons/{A_SERVER}"
    assert visit.post(f"{lesson}/start").json["warning"] == NOT_REMEMBERED
    checked = visit.post(f"{lesson}/check", json={})
    assert json.loads(checked.text)["outcome"] == "green"
    version = checked.headers["X-Version"]
    said = {"turn": False, "version": version, "outcome": "green"}
    assert visit.post(f"{lesson}/verdict", json=said).json["warning"] == NOT_REMEMBERED
    memory.rmdir()
    assert visit.post(f"{lesson}/verdict", json=said).json["warning"] == ""
    assert visit.get("/lessons/").status_code == 200


def test_git_ignores_the_file():
    ignored = (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
    assert "/progress.jsonl" in ignored
    assert folders.PROGRESS == folders.ROOT / "progress.jsonl"


def test_where_a_student_is(memory):
    lessons = list(all_lessons().values())
    remember_verdict(FIRST, False, "one", GREEN)
    assert place_on_the_way(lessons, read_progress())[:] == (1, len(lessons), SECOND)
    remember_start(THIRD)
    assert place_on_the_way(lessons, read_progress()).at == THIRD
    for lesson in lessons:
        if lesson != SECOND:
            remember_verdict(lesson, False, "one", GREEN)
    assert place_on_the_way(lessons, read_progress()).at == SECOND
    remember_verdict(SECOND, False, "one", GREEN)
    assert place_on_the_way(lessons, read_progress()).at is None


# What a page reports


def run_of(visit, lesson, turn=False):
    """Check on the server; return the version that was checked."""
    answer = visit.post(f"/lessons/{lesson}/check", json={"turn": turn})
    return answer.headers["X-Version"]


def report(visit, lesson, **said):
    return visit.post(f"/lessons/{lesson}/verdict", json=said)


def test_a_green_run_is_remembered_once_the_page_is_green_too(visit, mine, outcomes):
    write(mine, app="a = 1")
    version = run_of(visit, A_PAGE)
    assert not read_progress().done
    said = report(visit, A_PAGE, version=version, outcome="green").json
    assert said["done"] and said["first"] and said["current"]
    again = report(visit, A_PAGE, version=version, outcome="green").json
    assert again["done"] == said["done"] and not again["first"]


def test_what_changed_during_a_run_is_not_remembered(visit, mine, outcomes):
    write(mine, app="a = 1")
    version = run_of(visit, A_PAGE)
    write(mine, app="a = 2")
    said = report(visit, A_PAGE, version=version, outcome="green").json
    assert (said["current"], said["done"], said["first"]) == (False, None, False)


@pytest.mark.parametrize("found", [["red"], ["green", "moved on"], ["moved on"]])
def test_what_was_not_all_green_here_is_no_green_there(visit, mine, outcomes, found):
    write(mine, app="a = 1")
    outcomes[:] = found
    version = run_of(visit, A_PAGE)
    assert not report(visit, A_PAGE, version=version, outcome="green").json["done"]


def test_a_page_says_a_lesson_turn_version_and_outcome_only(visit, mine, outcomes):
    write(mine, app="a = 1")
    version = run_of(visit, A_PAGE)
    for wrong in (
        {"version": version, "outcome": "moved on"},
        {"version": 3, "outcome": "green"},
        {"outcome": "green"},
        {},
    ):
        assert report(visit, A_PAGE, **wrong).status_code == 400
    assert report(visit, "99-nothing", version="", outcome="red").status_code == 404


# The same from a terminal


def test_a_terminal_and_the_page_share_one_memory(visit, mine, monkeypatch, memory):
    monkeypatch.setattr(commands, "MINE", mine)
    monkeypatch.setattr(
        commands, "run_checks", lambda *words: iter([Check("It is so", "green")])
    )
    write(mine, app="a = 1")
    run = CliRunner().invoke
    assert "Everything is green." in run(commands.check, ["1"]).output
    assert read_progress().done_on(FIRST)
    page = visit.get("/lessons/").text
    assert f"1 of {len(LESSONS)} done" in page
    assert "continue with 02" in page and f'max="{len(LESSONS)}"' in page
    assert "done on " in visit.get(f"/lessons/{A_TERMINAL}/").text
    # after a later change, a lesson that is done is neither checked nor called green
    monkeypatch.setattr(
        commands, "run_checks", lambda *words: iter([Check("It is so", "red")])
    )
    printed = run(commands.check, []).output
    assert printed.startswith(f"{FIRST.title}: done on ")
    assert f"{SECOND.title}: checking mine/" in printed and "green" not in printed


# In a browser


def test_a_lesson_that_is_green_is_marked_on_the_way(reader, mine):
    shutil.copytree(ROOT / "lessons" / A_SERVER, mine, dirs_exist_ok=True)
    reader.open(f"/lessons/{A_SERVER}/")
    assert reader.text("#done") == ""
    assert reader.check_my_work()[0].startswith("Everything is green. You now have ")
    assert reader.text("#done").startswith("done on ")
    reader.browser.get(f"{reader.url}/lessons/")
    assert reader.text("#place").startswith(f"1 of {len(LESSONS)} done, continue with")
    done = reader.run(
        """const marked = [...document.querySelectorAll("[data-outcome=done] a")];
        return marked.map(({ href }) => href);"""
    )
    assert [link.removeprefix(reader.url) for link in done] == [f"/lessons/{A_SERVER}/"]
    assert reader.run("return document.querySelector('progress').value") == 1
    wide = "(name) => document.querySelector(name).getBoundingClientRect().width"
    bar, row = reader.run(f"return ['progress', '#lessons li'].map({wide})")
    assert bar == row


def test_back_leads_to_what_is_done_now(reader, mine, outcomes):
    write(mine, app="a = 1")
    place = "document.querySelector('#place').textContent"
    reader.browser.get(f"{reader.url}/lessons/")
    assert reader.run(f"return {place}").startswith("0 of ")
    reader.run("document.querySelector('#lessons [href*=\"/02-\"]').click()")
    reader.until("document.querySelector('#check')")
    reader.program_is_there()
    assert reader.check_my_work()[0].startswith("Everything is green.")
    reader.browser.back()
    reader.until(f"{place}.startsWith('1 of ')")
    reader.browser.forward()
    reader.until("document.querySelector('#done')?.textContent")
    reader.says("Everything is green.")
    reader.browser.back()
    reader.until("document.querySelector('#place')")
    reader.run("window.old = true")  # as in a browser that has kept the page
    reader.run("dispatchEvent(new PageTransitionEvent('pageshow', {persisted: true}))")
    reader.until(f"!window.old && {place}.startsWith('1 of ')")


def test_a_reload_says_what_is_green_of_the_files_there_now(reader, mine, outcomes):
    write(mine, app="a = 1")
    address = f"/lessons/{A_SERVER}/"
    said = "document.querySelector('#status').textContent"
    reader.open(address)
    assert not reader.run(f"return {said}")
    reader.check_my_work()
    reader.open(address)
    assert reader.until(said) == "Everything is green."
    assert reader.run("return document.querySelector('#moment').checkVisibility()")
    write(mine, app="a = 2")  # after the page came, such as one from a cache
    reader.says("Before your latest save: Everything is green.")
    reader.open(address)
    assert not reader.run(f"return {said}")
    reader.check_my_work("#check-turn")
    reader.open(address)
    assert reader.until(said) == "Your turn is done."


def test_a_green_that_the_page_undoes_is_not_remembered(reader, mine):
    shutil.copytree(ROOT / PAGE[1:], mine, dirs_exist_ok=True)
    page = mine / "static" / "page.js"
    page.write_text("// nothing\n", encoding="utf-8")
    reader.open(PAGE)
    assert reader.check_my_work()[1].startswith("red The page sends the question")
    assert reader.text("#done") == "" and not read_progress().done

"""What the README promises: settings, and what crosses the wire."""

import os
import re
import shutil
import socket
import subprocess
from pathlib import Path

import pytest

import app as program
from lessons.course.about_lessons.way_through import read_way_through
from practice import PracticeModel

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_its_quotations_are_exact():
    quotations = re.findall(r'```\w+ title="(.+?)"\n(.*?)```', README, re.S)
    assert quotations
    for name, text in quotations:
        assert text in (ROOT / name).read_text(encoding="utf-8")


def test_the_wire_carries_what_the_readme_shows(server, monkeypatch):
    monkeypatch.setattr(program, "model", PracticeModel())
    request, answer = re.findall(r"```text\n(.*?)```", README, re.S)
    address = ("127.0.0.1", int(server.rpartition(":")[2]))
    with socket.create_connection(address, timeout=20) as connection:
        connection.sendall(request.removesuffix("\n").replace("\n", "\r\n").encode())
        came = b""
        while part := connection.recv(4096):
            came += part
    lines = [
        line
        for line in came.decode().split("\r\n")
        if not line.startswith(("Server:", "Date:", "Connection:"))
    ]
    assert lines == [*answer.splitlines(), "", ""]


def test_every_setting_is_in_the_example():
    programs = ["app.py", "models.py", *ROOT.glob("lessons/[0-9]*/[!c]*.py")]
    code = "".join((ROOT / name).read_text(encoding="utf-8") for name in programs)
    settings = re.findall(r'(?:number|environ\.get)\("([A-Z_]+)"', code)
    example = (ROOT / ".env.example").read_text(encoding="utf-8")
    assert settings and set(settings) <= set(re.findall(r"(?m)^#([A-Z_]+)=", example))
    for name, default in re.findall(r'number\("([A-Z_]+)", (\d+)', code):
        assert f"#{name}={default}\n" in example


def test_nothing_of_one_machine_is_committed():
    names = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    for name in names.stdout.split():
        if not name.endswith(".webp"):
            text = (ROOT / name).read_text(encoding="utf-8")
            assert not re.search(r"(?<![\w.])/(?:home|Users|root|work)/\w", text), name


def test_the_first_question_can_be_asked_with_curl(server, monkeypatch):
    monkeypatch.setattr(program, "model", PracticeModel())
    [command] = re.findall(r"(?m)^\$ (echo .+ \| curl .+)$", README)
    command = command.replace("http://127.0.0.1:8000", server)
    if not shutil.which("curl"):  # as on some small Linux systems
        (pytest.fail if os.environ.get("CI") else pytest.skip)("curl is missing")
    shell = ["bash", "-c", command]
    if os.name == "nt":
        shell = ["powershell", "-Command", command.replace("curl", "curl.exe")]
    done = subprocess.run(shell, capture_output=True, encoding="utf-8", timeout=60)
    assert done.stdout.startswith("01 · A stream in the terminal: What is a chunk?")


def test_app_py_has_as_many_lines_as_it_says():
    [lines] = re.findall(r"It has (\d+) lines", README)
    assert int(lines) == len((ROOT / "app.py").read_text("utf-8").splitlines())


def test_each_file_of_the_program_is_in_the_table():
    listed = set(re.findall(r"(?m)^\| \[(.+?)\]\(", README))
    files = [path.name for path in ROOT.glob("*.py")]
    files += [f"static/{path.name}" for path in ROOT.glob("static/*.js")]
    assert {*files, "fast/"} == {name for name in listed if "." in name or "/" in name}


HOURS = {"twelve": 12, "thirteen": 13, "fourteen": 14, "fifteen": 15, "sixteen": 16}
HOURS |= {"seventeen": 17, "eighteen": 18, "nineteen": 19, "twenty": 20}
HOURS |= {"twenty-four": 24, "twenty-five": 25, "twenty-six": 26}


def test_the_hours_of_the_course_are_those_of_its_lessons():
    minutes = sum(int(lesson.minutes) for lesson in read_way_through().lessons)
    [hours] = re.findall(r"together take about ([\w-]+) hours", README)
    assert abs(HOURS[hours] - minutes / 60) <= 0.5


def test_each_lesson_promises_the_minutes_of_the_table():
    for lesson in read_way_through().lessons:
        [minutes] = re.findall(r"This lesson takes about (\d+) minutes", lesson.notes)
        assert minutes == lesson.minutes, lesson.name


def test_three_hours_are_enough_for_what_they_are_for():
    lessons = read_way_through().lessons
    [first, last, read] = re.findall(
        r"If you have three hours, do lessons (\d+) to (\d+) and read lesson (\d+)"
        r" up to \*The change\*",
        README,
    )[0]
    minutes = sum(int(each.minutes) for each in lessons[int(first) - 1 : int(last)])
    to_read, _, _ = lessons[int(read) - 1].notes.partition("\n## The change\n")
    words = len(to_read.split())
    assert minutes + words / 120 <= 180  # a calm reader of a foreign language

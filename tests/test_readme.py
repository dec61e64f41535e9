"""What the README promises: settings, and what crosses the wire."""

import re
import socket
import subprocess
from pathlib import Path

import app as program
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

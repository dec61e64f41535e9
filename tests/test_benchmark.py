"""The benchmark runs, here with hardly anybody: each server answers all of them."""

import importlib
import os
import re
import shutil
import subprocess
import sys
from xml.etree import ElementTree

import pytest
from support import ROOT

pytestmark = pytest.mark.slow

OURS = ["flask run", "flask run, no fast/"]
GUNICORN = ["gunicorn, gthread", "gunicorn, gevent"]
GUNICORN += ["gthread, no fast/", "gevent, no fast/"]
PEER = "Express, LangChain.js"
FEW = """
    --readers 5 --crowd 9 --words 20 --rounds 1 --pieces 100
""".split()  # noqa: SIM905
ROW = r"\d+ ms +[\d.]+ +-?\d+ ms +-?[\d.]+ MB +\d+ +[\d.]+ +[\d.]+ s"


@pytest.fixture
def node():
    """Skip without Node and the packages of the peer, but fail where CI is set."""
    if not (shutil.which("node") and (ROOT / "tests/benchmark/node_modules").exists()):
        message = "Express is missing: npm ci --prefix tests/benchmark"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(message)


def test_the_benchmark_prints_a_table_and_draws_it(node, chromium, tmp_path):
    picture = tmp_path / "costs.svg"
    command = [sys.executable, "tests/benchmark.py", *FEW, "--picture", str(picture)]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, encoding="utf-8", timeout=600
    )
    assert done.returncode == 0, done.stderr
    servers = [PEER, *OURS] + (GUNICORN if sys.platform != "win32" else [])
    for server in servers:
        [row] = re.findall(rf"(?m)^{server}  +(.*)$", done.stdout)
        assert re.fullmatch(ROW, row)
    assert re.search(r"The page takes [\d.]+ s for 400 pieces", done.stdout)
    drawn = [shape.text for shape in ElementTree.parse(picture).iter()]
    assert all(drawn.count(server) == 2 for server in servers)


def test_the_notes_measure_each_server_with_fast_and_without(monkeypatch):
    notes = (ROOT / "lessons/18-many-readers/README.md").read_text(encoding="utf-8")
    monkeypatch.syspath_prepend(ROOT / "tests" / "benchmark")
    servers = importlib.import_module("servers").SERVERS
    asked = re.findall(r'python tests/benchmark.py --only "(.+)"', notes)
    assert len(asked) == 3
    for words in asked:
        taking_part = [name for name in servers if words in name]
        fast = [name for name in taking_part if "no fast/" not in name]
        assert len(taking_part) == 2 and len(fast) == 1, words

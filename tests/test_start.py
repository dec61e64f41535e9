"""Start, on a lesson's page: what it puts into mine/, and which requests it answers."""

import errno
import os
import shutil
import threading
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from support import LIMIT
from support.course import (
    A_PAGE,
    A_SERVER,
    A_TERMINAL,
    HELLO,
    LETTERS,
    PAGE,
    begin,
    write,
)

from lessons.course import loop
from lessons.course.about_lessons import start_lesson
from lessons.course.about_lessons.way_through import all_lessons
from lessons.course.checker.reports import Check
from lessons.course.your_work.files import editor_link, files_to_write

OURS = "http://localhost"  # the address of a test client's server
FOREIGN = {
    "another port of this machine": {"Sec-Fetch-Site": "same-site"},
    "another site": {"Sec-Fetch-Site": "cross-site"},
    "no page at all": {"Sec-Fetch-Site": "none"},
    "another port, in an old browser": {"Origin": f"{OURS}:5001"},
    "a page without an address": {"Origin": "null"},
    "nothing is said": {},
    "one of the two would do": {"Sec-Fetch-Site": "same-site", "Origin": OURS},
}


@pytest.fixture
def stranger(site):
    """Return a client that adds no header by itself."""
    return site.test_client()


@pytest.mark.parametrize("headers", FOREIGN.values(), ids=FOREIGN)
def test_what_no_page_of_ours_asks_is_refused(stranger, mine, headers):
    write(mine, app=HELLO)
    for path in "start", "check", "verdict":
        refused = stranger.post(PAGE + path, json={}, headers=headers)
        assert refused.status_code == 403
        assert "did not come from a page of the course" in refused.json["error"]
    assert (mine / "app.py").read_text(encoding="utf-8") == HELLO


@pytest.mark.parametrize(
    "headers", [{"Sec-Fetch-Site": "same-origin"}, {"Origin": OURS}]
)
def test_what_a_page_of_ours_asks_is_done(stranger, mine, headers):
    assert stranger.post(f"{PAGE}start", headers=headers).status_code == 200
    assert (mine / "app.py").exists()


def test_start_moves_work_aside_and_says_where(visit, mine):
    write(mine, app="my work")
    done = visit.post(f"{PAGE}start").json
    assert done["files"][0] == "app.py" and "templates/index.html" in done["files"]
    kept = mine.parent / done["moved_to"] / "app.py"
    assert kept.read_text(encoding="utf-8") == "my work"


def test_what_can_be_started_again_is_not_kept(visit, mine):
    before = mine.with_name("mine-before")
    for lesson in A_TERMINAL, A_PAGE, A_PAGE, LETTERS:
        assert visit.post(f"/lessons/{lesson}/start").json["moved_to"] is None
    assert not before.exists()
    write(mine, app="my work")
    assert visit.post(f"{PAGE}start").json["moved_to"]
    assert len(list(before.iterdir())) == 1


def test_what_cannot_be_read_is_kept(visit, mine, monkeypatch):
    def refuse(*paths, **options):
        raise PermissionError(errno.EACCES, "Permission denied")

    assert visit.post(f"{PAGE}start").json["moved_to"] is None
    monkeypatch.setattr(start_lesson, "cmp", refuse)
    assert visit.post(f"{PAGE}start").json["moved_to"]


def test_where_nothing_can_be_kept_a_start_changes_nothing(visit, mine):
    write(mine, app="my work")
    mine.with_name("mine-before").write_text("a file", encoding="utf-8")
    refused = visit.post(f"{PAGE}start")
    assert refused.status_code == 409
    assert refused.json["error"].startswith("mine/ cannot be moved aside, because")
    assert (mine / "app.py").read_text(encoding="utf-8") == "my work"


def test_a_start_brings_back_nothing_of_one_that_was_killed(visit, mine):
    killed = mine.with_name(f"mine-new-{os.getpid()}")
    killed.mkdir()
    write(killed, other="of another lesson")
    assert visit.post(f"{PAGE}start").status_code == 200
    assert not (mine / "other.py").exists()


def test_a_page_fills_no_disk_with_starts(visit, mine, monkeypatch):
    monkeypatch.setattr(loop, "MOST_KEPT", 2)
    statuses = []
    for number in range(4):
        write(mine, app=f"work {number}")
        statuses.append(visit.post(f"{PAGE}start").status_code)
    assert statuses == [200, 200, 409, 409]
    refused = visit.post(f"{PAGE}start").json["error"]
    assert refused.startswith("mine-before/ holds 2 folders")
    assert (mine / "app.py").read_text(encoding="utf-8") == "work 3"


def test_one_start_runs_at_a_time(visit, site, mine, monkeypatch):
    begun = threading.Event()
    goes_on = threading.Event()

    def slowly(*words):
        begun.set()
        goes_on.wait()
        return start_lesson.start_lesson(*words)

    monkeypatch.setattr(loop, "start_lesson", slowly)
    headers = {"Sec-Fetch-Site": "same-origin"}
    first = begin(lambda: site.test_client().post(f"{PAGE}start", headers=headers))
    begun.wait()
    second = visit.post(f"{PAGE}start")
    goes_on.set()
    assert second.status_code == 409 and "Another start" in second.json["error"]
    assert first.result().status_code == 200
    assert visit.post(f"{PAGE}start").status_code == 200


@pytest.fixture
def full_disk(monkeypatch):
    """Let no file be copied, as if the disk were full; return what undoes that."""

    def fill_up(*paths):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as full:
        full.setattr(shutil, "copyfile", fill_up)
        yield full.undo


def test_a_full_disk_at_the_start_costs_nothing(visit, mine, full_disk):
    write(mine, app="my work")
    refused = visit.post(f"{PAGE}start")
    assert refused.status_code == 409
    assert (
        "No space left on device. Nothing in it has changed." in refused.json["error"]
    )
    assert (mine / "app.py").read_text(encoding="utf-8") == "my work"
    assert [path.name for path in mine.parent.iterdir()] == ["mine"]


def test_a_lesson_that_there_is_not_cannot_be_started(visit, mine):
    assert visit.post("/lessons/99-nothing/start").status_code == 404
    assert visit.get(f"{PAGE}start").status_code == 404


def test_without_a_program_its_check_says_how_to_start(visit, mine):
    said = visit.post(f"/lessons/{LETTERS}/check", json={}).text
    assert "There is no mine/app.py yet. Press Start lesson 4" in said


# The files to write


def test_a_lesson_asks_for_the_files_that_differ_from_what_it_begins_with():
    asked = {name: files_to_write(each) for name, each in all_lessons().items()}
    assert asked[1] == ["app.py"] and asked[2] == ["app.py", "client.py"]
    assert asked[3] == ["app.py", "static/page.js", "templates/index.html"]


class ForeignPath:
    """A path as another system has it, of which only the text is known."""

    def __init__(self, drive, text):
        self.drive = drive
        self.text = text

    def as_posix(self):
        return self.text


@pytest.mark.parametrize(
    ("path", "address"),
    [
        (Path("/srv/ada/mine/app.py"), "/srv/ada/mine/app.py"),
        (Path("/a b/c#d/100%/é:1.py"), "/a%20b/c%23d/100%25/%C3%A9%3A1.py"),
        (ForeignPath("C:", "C:/Work/A b/app.py"), "/C:/Work/A%20b/app.py"),
        (ForeignPath("//pc/share", "//pc/share/app.py"), "//pc/share/app.py"),
    ],
)
def test_a_link_opens_any_path(path, address, monkeypatch):
    monkeypatch.delenv("WSL_DISTRO_NAME", raising=False)
    assert editor_link(path) == f"vscode://file{address}"


def test_in_windows_linux_a_link_names_the_system(monkeypatch):
    monkeypatch.setenv("WSL_DISTRO_NAME", "Ubuntu 24")
    link = editor_link(Path("/srv/ada/a b.py"))
    assert link == "vscode://vscode-remote/wsl+Ubuntu%2024/srv/ada/a%20b.py"


def test_behind_a_proxy_no_link_opens_an_editor(visit, mine, monkeypatch):
    assert "vscode://" in visit.get(PAGE).text
    by_proxy = {"X-Forwarded-For": "192.0.2.1"}
    assert str(mine) not in visit.get(PAGE, headers=by_proxy).text
    monkeypatch.setenv("COURSE_BEHIND_PROXY", "1")
    page = visit.get(PAGE, headers=by_proxy).text
    assert "vscode://" not in page and str(mine / "app.py") in page


# In a browser


def test_a_lesson_is_started_on_its_page(reader, visit, mine):
    write(mine, app="my work")
    reader.open(PAGE)
    assert reader.text("#start") == "Start lesson 3"
    reader.run(
        """window.sent = [];
        const send = fetch;
        window.fetch = (address, request) => {
          if (request.method) sent.push([address, request]);
          return send(address, request);
        };
        document.querySelector("#start").click();"""
    )
    reader.until(
        "document.querySelector('#status').textContent.includes('mine/ holds')"
    )
    address = f"{reader.url}{PAGE}start"  # which has no more than the lesson's name
    assert reader.run("return sent") == [[address, {"method": "POST"}]]
    said = reader.text("#status")
    assert "static/style.css, templates/index.html." in said
    assert "What was there is now in mine-before/" in said
    assert reader.text("#start") == "Start again"
    reader.until("/mine/.test(frames[0].location.pathname)")
    reader.program_is_there()
    files = reader.text("#files")
    assert f"In {mine.parent}:" in files and str(Path("mine", "app.py")) in files
    link = reader.run("return document.querySelector('#files a').href")
    assert link == editor_link(mine / "app.py")
    reader.run("navigator.clipboard.writeText = async (text) => (window.copied = text)")
    reader.run("document.querySelector('#files button').click()")
    assert reader.until("window.copied") == str(mine / "app.py")
    says = "document.querySelector('#files button').ariaLabel"
    reader.until(f"{says}.startsWith('Copied: the path ')")
    runs = "return document.querySelector('[name=program]:checked').value"
    reader.open(f"/lessons/{A_SERVER}/")
    assert reader.text("#start") == "Start lesson 2"
    assert reader.run(runs) == "program"  # mine/ holds the work on lesson 3
    reader.open(PAGE)
    assert reader.text("#start") == "Start again"
    assert reader.run(runs) == "mine"
    reader.open(f"/lessons/{A_SERVER}/")
    # In another tab, this lesson is started, and then another one.
    reader.until("performance.getEntriesByName(location.href + 'look').length > 2")
    shown = "document.querySelector('#start').innerText"
    for lesson, label in (A_SERVER, "Start again"), (A_PAGE, "Start lesson 2"):
        assert visit.post(f"/lessons/{lesson}/start").status_code == 200
        reader.until(f"{shown} === arguments[0]", label)
    assert not reader.run("return document.querySelector('#start[data-again]')")


def test_a_lesson_starts_on_its_page_once_the_disk_has_room(reader, mine, full_disk):
    write(mine, app="my work")
    reader.open(PAGE)
    press = "document.querySelector('#start').click()"
    reader.run(press)
    reader.says(
        "The course cannot write to mine/: No space left on device. Nothing in it has"
    )
    assert reader.text("#start") == "Start lesson 3"
    assert (mine / "app.py").read_text(encoding="utf-8") == "my work"
    reader.browser.get_log("browser")  # the browser says that this was refused
    full_disk()
    mine.with_name("progress.jsonl").mkdir()  # so no line can be written there
    reader.run(press)
    reader.says("What was there is now in mine-before/")
    reader.says("cannot write to progress.jsonl, so it will forget this.")
    assert reader.text("#start") == "Start again"


FORGED = """
    const [address, done] = arguments;
    const headers = { "Content-Type": "text/plain" };
    const request = { method: "POST", mode: "no-cors", headers, body: "{}" };
    const paths = ["start", "check", "verdict"];
    const asked = paths.map((path) => fetch(address + path, request));
    Promise.allSettled(asked).then(() => done(document.origin ?? location.origin));
"""


def test_a_page_of_another_port_starts_and_checks_nothing(
    reader, serve, mine, monkeypatch
):
    write(mine, app=HELLO)
    elsewhere = serve(lambda environ, start: [start("200 OK", []), [b"Hi"]][1])
    assert urlsplit(elsewhere).hostname == urlsplit(reader.url).hostname
    checked = []
    monkeypatch.setattr(loop, "run_checks", lambda *words: checked.append(words))
    reader.browser.get(elsewhere)
    reader.browser.execute_async_script(FORGED, reader.url + PAGE)
    assert checked == []
    assert (mine / "app.py").read_text(encoding="utf-8") == HELLO
    reader.browser.get_log("browser")  # the browser says what was refused


MANY_CHECKS = """
    const headers = { "Content-Type": "application/json" };
    const request = { method: "POST", headers, body: "{}" };
    for (let i = 0; i < arguments[0]; i++) fetch("check", request);
"""


def test_a_page_of_ours_lets_few_checks_run_at_a_time(reader, mine, monkeypatch):
    begun = threading.Semaphore(0)
    goes_on = threading.Event()

    def wait(*words):
        begun.release()
        goes_on.wait()
        yield Check("It is so", "green")

    monkeypatch.setattr(loop, "run_checks", wait)
    write(mine, app=HELLO)
    reader.open(f"/lessons/{A_SERVER}/")
    reader.run(MANY_CHECKS, loop.MOST_CHECKS)
    for _ in range(loop.MOST_CHECKS):
        assert begun.acquire(timeout=LIMIT)
    refused = reader.check_my_work()[0]
    goes_on.set()
    assert refused == f"The checks could not run. {loop.TOO_MANY}"
    for _ in range(loop.MOST_CHECKS):
        assert loop.checking.acquire(timeout=LIMIT)  # all have ended
    for _ in range(loop.MOST_CHECKS):
        loop.checking.release()
    assert reader.check_my_work()[0].startswith("Everything is green.")
    reader.run(
        """const line = '{"sentence": "It is so", "outcome": "green"}\\n';
        const sent = [new TextEncoder().encode(line)];
        const pull = (body) => (sent.length ? body.enqueue(sent.pop()) : body.error());
        const body = new ReadableStream({ pull }, { highWaterMark: 0 });
        const send = fetch;
        window.fetch = (address, request) =>
          address.endsWith("check") ? new Response(body) : send(address, request);"""
    )
    assert reader.check_my_work()[0].startswith("The server cannot be reached.")
    assert reader.run("return document.querySelector('#rest').hidden")
    elsewhere = "window.fetch = async () => new Response('<h1>No', { status: 501 });"
    reader.run(f"{elsewhere} document.querySelector('#start').click();")
    reader.says("The server answered 501.")  # it is not ours
    said = "document.querySelector('#problem').textContent"
    reader.until(f"{said}.startsWith('The server answered 501 when this page asked')")
    reader.browser.get_log("browser")  # the browser says that one was refused

"""Save, and see: a lesson's page follows the files in mine/, and so does --watch."""

import logging
import os
import shutil
import signal
import subprocess
import sys
import threading

import pytest
from support import LIMIT, ROOT
from support.course import A_SERVER, HELLO, PAGE, PATIENCE, Reader, module_of, write
from test_problems import RIGHT, SERVER, write_page
from werkzeug.serving import make_server

from lessons.course import loop
from lessons.course.checker.reports import Check
from lessons.course.loop import is_no_look

ASK_JS = ROOT / "static" / "ask.js"
REACHED_JS = ROOT / "lessons" / "course" / "static" / "reached.js"
NO_PAGE = f"/lessons/{A_SERVER}/"  # a lesson that is checked on the server only


@pytest.fixture
def checked(monkeypatch):
    """Let each check find what app.py says; return the list of what was checked."""
    texts = []

    def find(checks, mine):
        text = (mine / "app.py").read_text(encoding="utf-8")
        texts.append(text)
        outcome = "green" if "right" in text else "red"
        yield Check(
            "`app.py` is right", outcome, "" if outcome == "green" else "It is not."
        )
        yield Check("It is done", "green" if outcome == "green" else "not checked")

    monkeypatch.setattr(loop, "run_checks", find)
    return texts


# Looks


def test_a_look_sees_each_change_of_a_file_that_counts(visit, mine):
    def look():
        return visit.get(f"{PAGE}look").json

    write(mine, app=HELLO)
    (mine / "static").mkdir()
    seen = [look()]
    for name, text in {
        "static/page.js": "one",
        "static/page.css": "one",
        "app.py": "two",
    }.items():
        (mine / name).write_text(text, encoding="utf-8")
        seen.append(look())
    (mine / "static" / "page.js").rename(mine / "static" / "other.js")
    seen.append(look())
    assert len({each["mine"] for each in seen}) == len(seen)
    (mine / "env").mkdir()
    (mine / "env" / "pyvenv.cfg").touch()
    for name in (
        "log.txt",
        "notes.sqlite",
        ".#app.py",
        "static/.page.js.swp",
        "env/lib.py",
    ):
        (mine / name).write_text("not the program's", encoding="utf-8")
    assert look() == seen[-1]
    assert len({each["program"] for each in seen}) == 1


@pytest.mark.skipif(sys.platform != "linux", reason="others refuse such names")
def test_a_file_whose_name_is_no_utf_8_counts_too(visit, mine):
    before = visit.get(f"{PAGE}look").json
    name = os.fsencode(mine) + b"/\xdcbung.py"  # as an old archive has it
    with open(name, "w", encoding="utf-8"):  # noqa: PTH123
        assert visit.get(f"{PAGE}look").json["mine"] != before["mine"]
    assert visit.get(PAGE).status_code == 200


def test_no_other_machine_looks(visit):
    there = {"REMOTE_ADDR": "192.168.1.7"}
    assert visit.get(f"{PAGE}look", environ_overrides=there).status_code == 404


def test_a_look_leaves_no_line_in_the_log():
    def line(request, status):
        words = ("127.0.0.1", "-", request, status, "-")
        return logging.LogRecord("", 20, "", 0, '%s - [%s] "%s" %s %s', words, None)

    look = f"GET /user/ada{PAGE}look HTTP/1.1"
    assert not is_no_look(line(look, 200))
    assert is_no_look(line(look, 500))
    assert is_no_look(line(f"GET {PAGE}mine/look HTTP/1.1x", 200))
    assert is_no_look(line(f"POST {PAGE}check HTTP/1.1", 200))


# In a browser


def test_a_save_reloads_the_program_and_ages_the_verdict(reader, mine, checked):
    write(mine, app=f"{HELLO}# right\n")
    reader.open(NO_PAGE)
    reader.choose("[value=mine]")
    assert reader.check_my_work()[0].startswith("Everything is green. You now have ")
    assert reader.text("#rest summary") == "2 of 2 green"
    write(mine, app=HELLO.replace("Hello", "Bye") + "# wrong\n")
    reader.says("Before your latest save: Everything is green.")
    reader.until("frames[0].document.body?.innerText === 'Bye'")
    assert reader.run("return document.querySelector('#work.old') !== null")
    write(mine, app=f"{HELLO}# right\n")  # the same again: the verdict is about it
    begins = "document.querySelector('#status').textContent.startsWith(arguments[0])"
    reader.until(begins, "Everything is green.")
    assert len(checked) == 1  # nothing is checked unasked


def test_when_ticked_each_save_is_checked(reader, mine, checked):
    write(mine, app=HELLO)
    reader.open(NO_PAGE)
    reader.program_is_there()
    reader.run("document.querySelector('#on-save').click()")
    reader.until("performance.getEntriesByName(location.href + 'look').length > 1")
    reader.run(
        """document.querySelector("#files").open = true;
        document.querySelector("#files button").focus();"""
    )
    write(mine, app=f"{HELLO}# wrong\n")
    reader.says("One check is red. Fix it, then check again.")
    assert reader.run("return document.activeElement.id") == "check"  # it was folded
    assert reader.text("#found") == "red app.py is right\n\nIt is not."
    assert reader.run("return document.querySelector('#found').ariaLive") == "polite"
    write(mine, app=f"{HELLO}# right\n")
    reader.says("Everything is green.")
    assert [text.rpartition("# ")[2] for text in checked] == ["wrong\n", "right\n"]
    reader.open(NO_PAGE)
    assert reader.run("return document.querySelector('#on-save').checked")
    reader.run("localStorage.clear()")


def test_what_was_checked_or_only_started_is_not_checked_again(reader, mine, checked):
    write(mine, app=HELLO)
    reader.open(NO_PAGE)
    looks = "performance.getEntriesByName(location.href + 'look').length"
    reader.run("document.querySelector('#on-save').click()")
    reader.until(f"{looks} > 1")
    write(mine, app=f"{HELLO}# right\n")
    reader.run("document.querySelector('#check').click()")
    reader.says("Everything is green. You now have")
    reader.until(f"{looks} > arguments[0] + 3", reader.run(f"return {looks}"))
    reader.says("Everything is green. You now have")
    assert len(checked) == 1
    reader.run(
        """const send = fetch;
        window.fetch = async (address, request) => {
          const response = await send(address, request);
          if (address.endsWith("/start")) await new Promise((go) => (window.goOn = go));
          return response; // once looks have seen what Start did
        };
        document.querySelector("#start").click();"""
    )
    reader.until("!!window.goOn")
    reader.until(f"{looks} > arguments[0] + 3", reader.run(f"return {looks}"))
    reader.run("goOn()")
    reader.says("What was there is now in mine-before/")
    reader.until(f"{looks} > arguments[0] + 3", reader.run(f"return {looks}"))
    reader.says("What was there is now in mine-before/")
    assert len(checked) == 1
    reader.run("localStorage.clear()")


def test_a_save_that_is_checked_does_not_keep_your_turn_from_being_checked(
    reader, mine, monkeypatch
):
    asked = []
    goes_on = threading.Event()

    def find(checks, mine):
        asked.append(checks.name)
        assert goes_on.wait(LIMIT)
        yield Check("It is right", "green")

    monkeypatch.setattr(loop, "run_checks", find)
    write(mine, app=HELLO)
    reader.open(NO_PAGE)
    reader.run("document.querySelector('#check').click()")  # as a save does
    reader.says("The checks are running.")
    reader.run("document.querySelector('#check-turn').click()")
    assert reader.text("#status") == (
        "The checks are running. Your turn is checked next."
    )
    goes_on.set()
    reader.says("Your turn is done.")
    assert asked == [A_SERVER, "turn"]
    reader.check_my_work()
    reader.run(
        """document.querySelector("#on-save").click();
        document.querySelector("#moment [href='#your-turn']").click();"""
    )
    write(mine, app=f"{HELLO}# more\n")
    reader.says("Your turn is done.")
    assert asked == [A_SERVER, "turn", A_SERVER, "turn"]
    goes_on.clear()
    reader.run("document.querySelector('#check').click()")
    reader.says("The checks are running.")
    looks = "performance.getEntriesByName(new URL('look', location)).length"
    write(mine, app=f"{HELLO}# more still\n")  # which waits to be checked as well
    reader.until(f"{looks} > arguments[0] + 3", reader.run(f"return {looks}"))
    reader.run("document.querySelector('#check-turn').click()")
    goes_on.set()
    reader.says("Your turn is done.")
    reader.until(f"{looks} > arguments[0] + 3", reader.run(f"return {looks}"))
    assert asked[4:] == [A_SERVER, "turn"]
    goes_on.clear()
    reader.run(
        """for (const id of ["check-turn", "check", "start"]) {
          document.querySelector(`#${id}`).click(); // what was pressed last comes next
        }"""
    )
    assert reader.text("#status") == (
        "The checks are running. The lesson is started next."
    )
    goes_on.set()
    reader.says("What was there is now in mine-before/")
    assert asked[6:] == ["turn"]
    reader.run("localStorage.clear()")


def test_two_tabs_both_follow_the_same_file(reader, mine, checked):
    write(mine, app=HELLO)
    browser = reader.browser
    reader.open(NO_PAGE)
    reader.choose("[value=mine]")
    first = browser.current_window_handle
    browser.switch_to.new_window("tab")
    second = browser.current_window_handle
    try:
        reader.open(NO_PAGE)  # mine is still chosen
        reader.check_my_work()
        write(mine, app=HELLO.replace("Hello", "Bye"))
        for tab in second, first:  # a tab that is hidden sees it when it is shown
            browser.switch_to.window(tab)
            reader.until("frames[0].document.body?.innerText === 'Bye'")
            said = reader.text("#status")
            assert said.startswith("Before your latest save:") == (tab == second)
    finally:
        browser.switch_to.window(second)
        browser.close()
        browser.switch_to.window(first)


def test_a_new_style_imports_no_python_again(reader, mine):
    write(mine, app=HELLO)
    (mine / "static").mkdir()
    reader.open(NO_PAGE)
    reader.choose("[value=mine]")
    module = module_of(mine)
    reader.run("frames[0].old = true")
    (mine / "static" / "page.css").write_text("a {}", encoding="utf-8")
    reader.until("!frames[0].old")
    reader.program_is_there()
    assert module_of(mine) is module


def test_a_server_that_stops_is_said_and_found_again(browser, site, mine, checked):
    def serve(port=0):
        server = make_server("127.0.0.1", port, site, threaded=True)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        return server, thread

    def stop(server, thread):
        server.shutdown()
        thread.join()
        server.server_close()

    write(mine, app=HELLO)
    begun = serve()
    reader = Reader(browser, f"http://127.0.0.1:{begun[0].port}")
    reader.open(NO_PAGE)
    reader.choose("[value=mine]")
    stop(*begun)
    sentence = "The server cannot be reached. Check that it is running, then ask again."
    reader.until(
        "document.querySelector('#problem').textContent === arguments[0]", sentence
    )
    reader.run("document.querySelector('#pane button').click()")
    reader.run("document.querySelector('#start').click()")
    reader.until(
        "document.querySelector('#status').textContent === arguments[0]", sentence
    )
    assert reader.check_my_work()[0] == sentence
    # and no grey page of the browser's
    reader.until("frames[0].document.body?.innerText === 'Hello'")
    reader.run("frames[0].fetch('ask').catch(() => {})")  # a program that asks
    assert reader.text("#problem") == sentence
    write(mine, app=HELLO.replace("Hello", "Bye"))
    again = serve(begun[0].port)
    reader.until("frames[0].document.body?.innerText === 'Bye'")
    assert reader.text("#problem") == ""
    assert reader.text("#status") == "The server is back. Try again."
    browser.get("about:blank")
    stop(*again)
    browser.get_log("browser")


KEEPS_ALL = """
    for (let i = 0; i < 8; i++) fetch("endless");
"""
ENDLESS = f"""{SERVER}
from threading import Event
is_over = Event()


@app.get("/endless")
def endless():
    def wait():
        yield "a"
        is_over.wait()

    return wait()
"""


def test_a_program_that_keeps_all_connections_is_ended_by_reload(reader, mine):
    write(mine, app=ENDLESS)
    write_page(mine, {"page.js": RIGHT})
    reader.open(PAGE)
    reader.choose("[value=mine]")
    reader.run(
        """const timeout = AbortSignal.timeout;
        AbortSignal.timeout = (ms) => timeout.call(AbortSignal, ms / 20);"""
    )
    write_page(mine, {"page.js": KEEPS_ALL})
    said = "document.querySelector('#problem').textContent"
    reader.until(
        f"{said}.startsWith('The server has not answered this page for 10 s.')"
    )
    write_page(mine, {"page.js": RIGHT})
    reader.run("document.querySelector('#pane button').click()")
    reader.until("frames[0].document.title === 'It runs'")
    reader.until(f"{said} === ''")
    module_of(mine).is_over.set()


FREEZES = """
    const asking = new XMLHttpRequest();
    asking.open("GET", "frozen", false); // which waits
    asking.send();
    while (true) {}
"""


def test_a_version_that_froze_the_tab_is_not_run_again(reader, mine, checked):
    said_so = f"""{SERVER}
from threading import Event
is_frozen = Event()


@app.get("/frozen")
def frozen():
    is_frozen.set()
    return ""  # right
"""
    write(mine, app=said_so)
    write_page(mine, {"page.js": RIGHT})
    browser = reader.browser
    tab = browser.current_window_handle
    browser.switch_to.new_window("tab")
    frozen = browser.current_window_handle
    reader.open(PAGE)
    reader.choose("[value=mine]")
    write_page(mine, {"page.js": FREEZES})
    try:
        assert module_of(mine).is_frozen.wait(PATIENCE)
        browser.switch_to.window(tab)
        browser.get(reader.url + PAGE)
        said = "document.querySelector('#problem').textContent"
        sentence = "This version of your program froze the browser's tab"
        reader.until(f"{said}.startsWith(arguments[0])", sentence)
        _, red = reader.check_my_work()
        assert red.startswith(f"red The page runs\n\n{sentence}")
        write_page(mine, {"page.js": RIGHT})
        reader.until("frames[0].document.title === 'It runs'")
        assert reader.text("#problem") == ""
        reader.until("!localStorage.getItem('running')")
    finally:
        browser.execute_cdp_cmd("Target.closeTarget", {"targetId": frozen})


def test_a_page_that_lives_on_after_a_stop_has_not_frozen(reader, mine):
    write(mine, app=HELLO)
    reader.open(NO_PAGE)
    reader.choose("[value=mine]")
    reader.until("localStorage.getItem('running') === ''")
    writes = reader.run(
        """let writes = 0;
        const { setItem } = Storage.prototype;
        Storage.prototype.setItem = function (...words) {
          writes += 1;
          setItem.apply(this, words);
        };
        for (let i = 0; i < 50; i++) frames[0].dispatchEvent(new Event("keydown"));
        const now = Date.now; // the computer sleeps, or the page waits in an alert()
        Date.now = () => now() + 60_000;
        return writes;"""
    )
    assert writes == 1  # a disk is behind it
    reader.until("localStorage.getItem('running') === ''")


def test_the_lessons_program_runs_if_it_is_chosen_while_another_tab_is_waited_for(
    reader, mine
):
    write(mine, app=HELLO)
    reader.open(NO_PAGE)
    reader.choose("[value=mine]")
    version = reader.run("return fetch('look').then((it) => it.json())")["mine"]
    reader.browser.get("about:blank")
    reader.browser.get(f"{reader.url}/lessons/")
    reader.run(
        "localStorage.setItem('running', `${arguments[0]} ${Date.now()}`)", version
    )
    reader.browser.get(reader.url + NO_PAGE)
    looks = "performance.getEntriesByName(location.href + 'look').length"
    reader.until(f"{looks} > 0")
    reader.run("document.querySelector('[value=program]').click()")
    reader.until(f"{looks} > 10")  # each after 400 ms: that tab had 3 s to answer
    assert reader.text("#problem") == ""
    assert reader.run("return frames[0].location.pathname") == f"{NO_PAGE}program/"


BUSY = """export const place = "button";
export const checks = [{
  sentence: "It is remembered while it is checked",
  async run(page) {
    frames[0].dispatchEvent(new Event("click"));
    await new Promise((go) => setTimeout(go, 1500)); // a click is forgotten after 1000
    page.must(localStorage.getItem("running"), "It is forgotten.");
  },
}];
"""


def test_a_version_is_remembered_until_its_checks_have_ended(reader, mine, turn):
    write(mine, app=f'{SERVER}bye = ""\n', __init__="")
    write_page(mine, {"page.js": RIGHT})
    (turn / "check.js").write_text(BUSY, encoding="utf-8")
    reader.open(PAGE)
    reader.choose("[value=mine]")
    assert reader.check_my_work("#check-turn") == ["Your turn is done.", None]
    reader.until("localStorage.getItem('running') === ''")


def test_the_sentence_for_a_stopped_server_is_the_root_pages():
    sentence = "The server cannot be reached. Check that it is running, then ask again."
    for script in ASK_JS, REACHED_JS:
        assert f'UNREACHED = "{sentence}";' in script.read_text(encoding="utf-8")


# In a terminal


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="Windows sends no Ctrl+C to one process")
def test_watch_checks_at_each_save_until_it_is_ended(tmp_path):
    programs = shutil.ignore_patterns("wrong", "right")
    shutil.copytree(ROOT / "lessons", tmp_path / "lessons", ignore=programs)
    for path in ROOT.glob("*.py"):
        shutil.copy(path, tmp_path)
    mine = tmp_path / "mine"
    lesson = tmp_path / "lessons" / "01-a-stream-in-the-terminal"
    mine.mkdir()
    (mine / "__init__.py").touch()
    shutil.copy(lesson / "begin" / "app.py", mine)
    # What a shell runs in the background ignores Ctrl+C, and so does what that starts.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    command = [sys.executable, "-m", "flask", "check", "1", "--watch"]
    watching = subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, encoding="utf-8"
    )
    try:
        printed = []
        for line in watching.stdout:
            printed.append(line)
            if "Ctrl+C" not in line:
                continue
            if any("Everything is green." in each for each in printed):
                break
            shutil.copy(lesson / "app.py", mine)
        reds = [line for line in printed if line.startswith("  red ")]
        assert len(reds) == 1
        watching.send_signal(signal.SIGINT)
        assert watching.wait(LIMIT) == 0
    finally:
        watching.kill()
        watching.wait()
        watching.stdout.close()

"""The course in a browser: the program, its wire, and the buttons."""

import json
import shutil
import threading

import pytest
from support import LIMIT, ROOT
from support.course import (
    A_PAGE,
    A_SERVER,
    A_TERMINAL,
    HELLO,
    LETTERS,
    PAGE,
    PATIENCE,
    Reader,
    model_of,
    write,
)


def test_the_program_answers_beside_its_notes_and_the_wire_is_drawn(reader):
    reader.open(PAGE)
    reader.ask("/echo Streams are fun, Tragödie.")
    reader.ended("complete")
    reader.frame_shows("Streams are fun, Tragödie.")
    assert reader.wire()["Bytes"] == str(len("Streams are fun, Tragödie.".encode()))


@pytest.mark.parametrize(
    "lesson",
    [
        "12-server-sent-events",
        "13-trying-again",
        "14-the-words-of-usechat",
        "23-a-tool-in-the-stream",
        "24-the-newer-wire",
    ],
)
def test_the_wire_knows_that_a_page_has_all_of_it(reader, lesson):
    """Some pages hang up after the last event, others read on to the body's end."""
    reader.open(f"/lessons/{lesson}/")
    for prompt in "/echo Hi", "/short 1 /echo Hi there":
        reader.ask(prompt)
        reader.ended("complete")


def test_the_wire_of_before_a_reload_is_not_drawn_any_more(reader):
    reader.open(PAGE)
    reader.ask("/echo Hi")
    reader.ended("complete")
    reader.choose("#pane button")
    reader.ended("idle")
    assert (reader.wire()["Pieces"], reader.wire()["First text"]) == ("0", "-")


def test_a_bad_network_carries_the_same_in_more_pieces(reader, monkeypatch):
    goes_on = threading.Event()  # the second part leaves then, not after 20 ms
    goes_on.set()
    monkeypatch.setattr(
        "lessons.course.bad_network.sleep", lambda seconds: goes_on.wait(PATIENCE)
    )
    reader.open(PAGE)
    reader.ask("/echo Streams")
    reader.ended("complete")
    good = reader.wire()
    reader.choose("[name=network]")
    goes_on.clear()
    reader.ask("/echo Streams")
    reader.drawn("1")
    goes_on.set()
    reader.ended("complete")
    bad = reader.wire()
    assert (good["Pieces"], good["Bytes"]) == ("1", "7")
    assert (bad["Pieces"], bad["Bytes"]) == ("2", "7")
    reader.choose("[name=network]")
    goes_on.clear()
    reader.ask("/echo Streams")
    reader.ended("complete")
    assert reader.wire()["Pieces"] == "1"


def test_mine_shows_what_is_broken_and_runs_when_it_is_mended(reader, mine):
    write(mine, app="app = Flask(")
    reader.open(PAGE)
    reader.choose("[value=mine]")
    reader.frame_shows("mine/app.py, line 1: SyntaxError")
    write(mine, app=HELLO)
    reader.choose("#pane button")
    reader.until("frames[0].document.body?.innerText === 'Hello'")


def test_a_refused_question_says_why_below_the_program(reader):
    reader.open(PAGE)
    reader.ask("/fail 0")
    reader.ended("refused")
    reader.until("document.querySelector('#problem').textContent.includes('line 28')")
    reader.ask("/echo Hi")
    reader.ended("complete")
    assert reader.run("return document.querySelector('#problem').textContent") == ""


def test_a_broken_answer_breaks_for_the_page_too(reader, monkeypatch):
    reader.open(PAGE)
    # Chromium can drop text that comes together with the break.
    is_there = threading.Event()
    model_of(A_PAGE, monkeypatch, "one two", is_there, ConnectionError())
    reader.ask("Hello?")
    reader.frame_shows("one two")
    is_there.set()
    reader.ended("broken")
    reader.frame_shows("one two")
    reader.frame_shows("not whole")


STOPS = {
    "abort": "const stop = new AbortController(); page.stop = () => stop.abort();"
    "question.signal = stop.signal;",
    "cancel": "page.stop = () => page.reader.cancel();",
}


@pytest.mark.parametrize("way", STOPS)
def test_a_page_that_hangs_up_hangs_up_on_the_model(reader, monkeypatch, way):
    reader.open(PAGE)
    gates = threading.Event(), threading.Event()
    model = model_of(A_PAGE, monkeypatch, "one", gates[0], " two", gates[1], " 3")
    reader.run(
        f"""const page = frames[0];
        const question = {{ method: "POST", body: '{{"prompt": "Hi"}}' }};
        question.headers = {{ "Content-Type": "application/json" }};
        {STOPS[way]}
        page.fetch("ask", question).then(async ({{ body }}) => {{
          page.reader = body.getReader();
          page.first = await page.reader.read();
        }});"""
    )
    reader.until("frames[0].first")
    assert model.made == 1
    reader.run("frames[0].stop()")
    reader.ended("stopped")
    for gate in gates:  # the server notices when it writes
        gate.set()
    assert model.closed.wait(LIMIT) and model.closed_early


def test_a_terminal_program_runs_in_the_frame(reader):
    reader.open(f"/lessons/{A_TERMINAL}/")
    reader.ask("/echo Hi there")
    reader.ended("complete")
    reader.frame_shows("Hi there\n\n4 chunks, 8 characters")


def test_a_server_without_a_page_shows_its_pieces(reader, monkeypatch):
    reader.open(f"/lessons/{A_SERVER}/")
    gate = threading.Event()
    model_of(A_SERVER, monkeypatch, "one", gate, " two")
    reader.ask("Hi")
    reader.until("frames[0].document.querySelector('#screen').textContent === 'one|'")
    gate.set()
    reader.ended("complete")
    reader.frame_shows("one| two|")


# The scripts of the course, by themselves

TAPPED = """
    const { tapInto } = await import("/lessons/static/tap.js");
    const drawn = [];
    const problem = document.createElement("p");
    const wire = {
      begin: () => drawn.push("begin"),
      read: ({ text }) => drawn.push(text),
      end: (how) => drawn.push(how),
    };
    const { tap, leave } = tapInto(wire, problem);
    const turn = () => new Promise((go) => setTimeout(go));
    const encode = (text) => new TextEncoder().encode(text);
    const bodies = [];
    const page = { Response, ReadableStream };
    const untapped = async () => {
      const start = (body) => bodies.push(body);
      return new Response(new ReadableStream({ start }));
    };
"""


@pytest.fixture
def script(browser, serve, site):
    """Return a function that runs a script beside the course's, to its done(value)."""
    browser.set_script_timeout(PATIENCE)
    browser.get(f"{serve(site)}/lessons/")

    def run(text):
        words = f"(async () => {{ {text} }})().catch((error) => done(String(error)))"
        return browser.execute_async_script(f"const [done] = arguments; {words}")

    return run


def test_the_tap_reads_when_the_page_reads_and_not_before(script):
    pulled, drawn = script(
        TAPPED
        + """let pulled = 0;
        const pull = (body) => body.enqueue(encode(`piece ${++pulled}`));
        const body = new ReadableStream({ pull }, { highWaterMark: 0 });
        page.fetch = async () => new Response(body);
        tap(page);
        const reader = (await page.fetch("ask")).body.getReader();
        await turn();
        const before = pulled;
        await reader.read();
        await turn(); // for what would read ahead
        done([[before, pulled], drawn]);"""
    )
    assert pulled == [0, 1]
    assert drawn == ["begin", "piece 1"]


def test_the_tap_draws_the_latest_question_only(script):
    drawn = script(
        TAPPED
        + """page.fetch = untapped;
        tap(page);
        const first = (await page.fetch("ask")).body.getReader();
        bodies[0].enqueue(encode("old"));
        await first.read();
        const second = (await page.fetch("ask")).body.getReader();
        bodies[0].enqueue(encode("older"));
        bodies[1].enqueue(encode("new"));
        await first.read();
        await second.read();
        bodies[0].close();
        await first.read();
        bodies[1].close();
        await second.read();
        done(drawn);"""
    )
    assert drawn == ["begin", "old", "begin", "new", "complete"]


def test_the_tap_draws_nothing_of_a_page_that_was_left(script):
    drawn = script(
        TAPPED
        + """page.fetch = untapped;
        tap(page);
        const reader = (await page.fetch("ask")).body.getReader();
        tap({ Response, ReadableStream, fetch: untapped });
        bodies[0].enqueue(encode("old"));
        await reader.read();
        bodies[0].close();
        await reader.read();
        done(drawn);"""
    )
    assert drawn == ["begin", "stopped"]


def test_a_page_that_was_left_says_nothing_more(script):
    said = script(
        TAPPED
        + """let answer;
        page.fetch = () => new Promise((go) => (answer = go));
        tap(page);
        const asked = page.fetch("ask");
        leave();
        answer(Response.json({ error: "The files have changed." }, { status: 500 }));
        await asked;
        done(problem.textContent);"""
    )
    assert said == ""


def test_an_answer_that_never_ends_is_stopped(script):
    drawn, said, is_left = script(
        TAPPED
        + """let isLeft = false;
        const pull = (body) => body.enqueue(new Uint8Array(300_000));
        const body = new ReadableStream({ pull, cancel: () => (isLeft = true) });
        page.fetch = async () => new Response(body);
        page.Error = Error;
        tap(page);
        const reader = (await page.fetch("ask")).body.getReader();
        let said;
        while (!said) await reader.read().catch(({ message }) => (said = message));
        done([drawn.at(-1), [said, problem.textContent], isLeft]);"""
    )
    assert drawn == "broken" and is_left
    assert said == 2 * [
        "The answer was stopped, because it is longer than 1 MB. Look for a loop that"
        " never ends."
    ]


STOPPED = """
    const { runChecks } = await import("/lessons/static/checks.js");
    const found = [];
    const run = async () => {
      const report = ({ outcome, message }) => found.push(`${outcome}: ${message}`);
      const file = "/lessons/03-a-page-that-reads-it/check.js";
      await runChecks("http://127.0.0.1:1/", file, (it) => it.message && report(it));
    };
    await run();
    window.fetch = async () => { throw new TypeError("Failed to fetch"); };
    await run().catch(({ message }) => found.push(message));
    done(found);"""


def test_a_server_that_stops_during_the_checks_turns_none_of_them_red(script):
    assert script(STOPPED) == [
        "red: The browser could not load the page, or the page went to another"
        " address. If the server has just started, check again.",
        "The server cannot be reached. Check that it is running, then ask again.",
    ]


def test_the_checks_of_a_version_that_was_changed_end_early(script):
    found = script(
        f"""const {{ runChecks }} = await import("/lessons/static/checks.js");
        const found = [];
        const note = ({{ outcome }}) => found.push(outcome);
        const isOld = () => found.length === 2;
        await runChecks("{PAGE}program/", "{PAGE}check.js", note, isOld);
        done(found);"""
    )
    assert found == ["green", "green"]


# What two browsers say about the same mistake: Chromium, and Firefox
SAID = [
    ("of null (reading 'late')", 'can\'t access property "late", thrown is null'),
    ("Cannot set properties of null", 'property "textContent", answer is null'),
    ("(reading 'addEventListener')", 'can\'t access property "addEventListener", a'),
    ("of 'object null' as it is null", "TypeError: (destructured parameter) is null"),
    ("or its return value is not iterable", "TypeError: read(...) is not iterable"),
    ("Unexpected reserved word", "SyntaxError: await is a reserved identifier"),
    ("Illegal invocation", "called on an object that does not implement interface A"),
    ("of undefined (reading 'abort')", 'property "abort", a is undefined'),
    ("not of type 'TextDecodeOptions'", "TextDecoder.decode: Argument 2 can't be"),
    ("Assignment to constant variable", "TypeError: invalid assignment to const 'a'"),
    ("type 'ReadableWritablePair'", "ReadableStream.pipeThrough: Argument 1 can't be"),
    ("use the 'new' operator", "TextDecoder constructor: 'new' is required"),
    (
        "SyntaxError: './a.js' does not provide an export named 'default'",
        "SyntaxError: './a.js' doesn't provide an export named: 'default'",
    ),
    ("of undefined (reading 'isHeading')", 'property "isHeading", a is undefined'),
    ("not of type 'Node'", "Node.appendChild: Argument 1 is not an object"),
    ("Invalid left-hand side", "SyntaxError: invalid assignment left-hand side"),
    (
        "SyntaxError: x does not provide an export",
        "SyntaxError: doesn't provide an export",
    ),
    ("strict mode reserved word", "SyntaxError: yield is a reserved identifier"),
    ("SyntaxError: Invalid or unexpected token", "SyntaxError: illegal character"),
    ("The provided selector is empty", "SyntaxError: '' is not a valid selector"),
    (
        "SyntaxError: Invalid shorthand property initializer",
        "SyntaxError: missing : after property id",
    ),
    (
        "SyntaxError: Unexpected identifier 'response'",
        "SyntaxError: missing ) after condition",
    ),
]


def test_a_mistake_has_the_same_advice_in_each_browser(script):
    advice = script(
        f"""const {{ adviceOn }} = await import("/lessons/static/advice.js");
        done({json.dumps(SAID)}.map((words) => words.map(adviceOn)));"""
    )
    for said, (chromium, firefox) in zip(SAID, advice, strict=True):
        assert chromium == firefox != [], said
    assert len({first[0] for first, _ in advice}) == len(SAID) - 1  # two about null


CUT = """
    const { check } = await import("/lessons/static/work.js");
    const bytes = new TextEncoder().encode(LINES);
    const answers = [];
    for (let cut = 1; cut < bytes.length; cut++) {
      const pieces = [bytes.slice(0, cut), bytes.slice(cut)];
      const pull = (body) => {
        if (pieces.length) body.enqueue(pieces.shift());
        else body.close();
      };
      window.fetch = async () => new Response(new ReadableStream({ pull }));
      const reported = [];
      const note = (found) => reported.push(found);
      const { all } = await check("", { inBrowser: true }, note);
      answers.push([all, reported]);
    }
    done(answers);"""


def test_a_line_of_the_checks_is_whole_however_it_was_cut(script):
    found = [
        {"sentence": "Tragödie 👋", "outcome": "green", "message": "", "printed": ""},
        {"sentence": "b", "outcome": "red", "message": "why\n", "printed": "c"},
    ]
    lines = "".join(json.dumps(each, ensure_ascii=False) + "\n" for each in found)
    cuts = script(CUT.replace("LINES", json.dumps(lines)))
    assert len(cuts) == len(lines.encode()) - 1
    assert all(cut == [found, found] for cut in cuts)


def test_a_page_that_never_loads_or_waits_for_a_person_holds_up_no_check(script, mine):
    shutil.copytree(ROOT / PAGE[1:], mine, dirs_exist_ok=True)
    page = mine / "static" / "page.js"
    right = page.read_text(encoding="utf-8")

    def first_red(line, most=99):
        page.write_text(f"{line}\n{right}", encoding="utf-8")
        return script(
            f"""const {{ runChecks }} = await import("/lessons/static/checks.js");
            const found = [];
            const note = (check) => found.push(check);
            const isOld = () => found.length >= {most};
            await runChecks("{PAGE}mine/", "{PAGE}check.js", note, isOld);
            done(found.find(({{ outcome }}) => outcome === "red")?.message ?? "");"""
        )

    reloads = "location.reload()"
    assert "loads itself again and again." in first_red(f"{reloads};")
    later = f"document.forms[0].addEventListener('submit', () => {reloads});"
    assert "while somebody used it." in first_red(later)
    assert "broke while it was starting." in first_red("throw { status: 500 };")
    assert first_red("alert('Hi'); confirm('Hi'); window.prompt('Hi');", 1) == ""


# The buttons that check


def test_check_my_work_says_what_is_red_and_then_that_all_is_green(reader, mine):
    shutil.copytree(ROOT / PAGE[1:], mine, dirs_exist_ok=True)
    right = (mine / "app.py").read_text(encoding="utf-8")
    write(
        mine, app=right.replace("Response(pieces(prompt)", "Response([*pieces(prompt)]")
    )
    reader.open(PAGE)
    status, red = reader.check_my_work()
    sentence = "The first piece leaves before the second is made"
    assert status == "One check is red. Fix it, then check again."
    assert red.startswith(f"red {sentence}")
    assert reader.text("#work").count(sentence) == 1
    write(mine, app=right)
    assert reader.check_my_work()[0].startswith("Everything is green. You now have ")


def test_check_my_work_checks_the_page_in_this_browser(reader, mine):
    shutil.copytree(ROOT / "lessons" / LETTERS, mine, dirs_exist_ok=True)
    page = mine / "static" / "page.js"
    right = page.read_text(encoding="utf-8")
    page.write_text(right.replace(", { stream: true }", ""), encoding="utf-8")
    reader.open(f"/lessons/{LETTERS}/")
    assert "Cut after byte 5" in reader.check_my_work()[1]
    page.write_text(right, encoding="utf-8")
    assert reader.check_my_work()[0].startswith("Everything is green. You now have ")


def test_a_lesson_works_where_the_browser_remembers_nothing(reader, mine):
    shutil.copytree(ROOT / PAGE[1:], mine, dirs_exist_ok=True)
    refused = """for (const name of ["localStorage", "sessionStorage"]) {
      const get = () => { throw new DOMException("Access is denied.") };
      Object.defineProperty(window, name, { get });
    }"""
    new = "Page.addScriptToEvaluateOnNewDocument"
    script = reader.browser.execute_cdp_cmd(new, {"source": refused})
    try:
        reader.open(PAGE)
        reader.choose("[value=mine]")
        reader.run("document.querySelector('#on-save').click()")
        assert reader.check_my_work()[0].startswith(
            "Everything is green. You now have "
        )
    finally:
        new = "Page.removeScriptToEvaluateOnNewDocument"
        reader.browser.execute_cdp_cmd(new, script)


def test_check_your_turn_says_what_is_red_and_then_that_all_is_green(
    turn, reader, mine
):
    shutil.copytree(turn.parent, mine, dirs_exist_ok=True)
    reader.open(PAGE)
    status, red = reader.check_my_work("#check-turn")
    assert status == "One check is red. Fix it, then check again."
    assert red.startswith("red It says bye\n\nYou have not started Your turn yet. ")
    app = (mine / "app.py").read_text(encoding="utf-8")
    write(mine, app=f"{app}\nbye = True\n")
    assert "The page says no bye." in reader.check_my_work("#check-turn")[1]
    page = mine / "templates" / "index.html"
    page.write_text(page.read_text(encoding="utf-8") + "<p>bye", encoding="utf-8")
    assert reader.check_my_work("#check-turn") == ["Your turn is done.", None]


def test_one_button_checks_at_a_time(turn, reader, mine):
    reader.open(PAGE)
    asked = reader.run(
        """let asked = 0;
        window.fetch = (address) => {
          if (address.endsWith("check")) asked += 1;
          return new Promise(() => {});
        };
        for (const name of ["#check", "#check-turn", "#check"]) {
          document.querySelector(name).click();
        }
        const disabled = document.querySelectorAll("[aria-disabled=true]").length;
        return [asked, disabled];"""
    )
    assert asked == [1, 3]  # Start waits for its turn too


def test_the_way_through_shows_how_far_one_is(reader, mine):
    shutil.copytree(ROOT / "lessons" / A_TERMINAL, mine, dirs_exist_ok=True)
    reader.browser.get(f"{reader.url}/lessons/")
    status, _ = reader.check_my_work()
    first = reader.run("return document.querySelector('#lessons li').dataset.outcome")
    assert first == "green"
    assert status.startswith("You are at 02 · A stream from Flask.")


# The copy buttons


def copies(reader):
    """Press each copy button; return what was copied and what the buttons say then."""
    reader.until("document.querySelector('.copy')")
    return reader.browser.execute_async_script(
        """const [done] = arguments;
        const copied = [];
        navigator.clipboard.writeText = async (text) => copied.push(text);
        const buttons = [...document.querySelectorAll(".copy")];
        for (const button of buttons) button.click();
        const said = () => buttons.map(({ textContent }) => textContent);
        setTimeout(() => done([copied, said()]));"""
    )


def test_code_can_be_copied_as_it_stands_in_its_file(reader):
    reader.open(PAGE)
    copied, said = copies(reader)
    file = (ROOT / PAGE[1:] / "templates" / "index.html").read_text(encoding="utf-8")
    assert any(text in file for text in copied)
    assert said == ["Copied"] * len(copied)


def test_of_a_terminal_what_was_typed_is_copied(reader):
    reader.open(f"/lessons/{A_TERMINAL}/")
    copied, _ = copies(reader)
    for text in copied:
        assert not text.startswith("$") and "characters\n" not in text
    assert any(text.startswith("flask ") for text in copied)


def test_a_copy_button_is_named_after_its_file(reader):
    reader.open(PAGE)
    reader.until("document.querySelector('.copy')")
    names = "[...document.querySelectorAll('.copy')].map(({ ariaLabel }) => ariaLabel)"
    assert "Copy: static/page.js" in reader.run(f"return {names}")
    reader.run(
        """navigator.clipboard.writeText = async () => { throw new Error("No.") };
        document.querySelector(".copy").click();"""
    )
    reader.until("document.querySelector('.copy').ariaLabel.startsWith('Not copied: ')")


# Behind a proxy that takes a prefix away, as JupyterHub and code-server have one

PREFIX = "/user/ada/proxy/8000"


def without_prefix(wsgi_app):
    """Return a WSGI app that is another one below a prefix, unknown to that one."""

    def answer(environ, start_response):
        path = environ["PATH_INFO"]
        if not path.startswith(f"{PREFIX}/"):
            start_response("404 NOT FOUND", [("Content-Type", "text/plain")])
            return [b"There is nothing outside of the prefix."]
        inside = environ | {"PATH_INFO": path.removeprefix(PREFIX)}
        return wsgi_app(inside, start_response)

    return answer


@pytest.fixture
def prefixed(browser, serve, site):
    """Return a reader of the course below the prefix; its console stays empty."""
    reader = Reader(browser, serve(without_prefix(site)) + PREFIX)
    yield reader
    assert reader.complaints() == []


def test_the_root_page_works_below_a_prefix(prefixed):
    prefixed.browser.get(f"{prefixed.url}/")
    prefixed.run("""document.querySelector("#prompt").value = "/echo Hi";
        document.querySelector("form").requestSubmit();""")
    prefixed.until("document.querySelector('#status').dataset.how === 'complete'")
    assert prefixed.text("#answer") == "Hi"


@pytest.mark.parametrize("place", ["/lessons/", "/lessons", "/lessons/glossary", PAGE])
def test_every_link_of_a_page_leads_somewhere_below_a_prefix(prefixed, place):
    prefixed.browser.get(prefixed.url + place)  # /lessons is led to /lessons/
    links = prefixed.run(
        """const inside = [...document.links].filter(({ href }) =>
          href.startsWith(location.origin)).map(({ pathname }) => pathname);
        return [...new Set(inside)]"""
    )
    assert len(links) > 2
    for link in links:
        status = prefixed.browser.execute_async_script(
            "fetch(arguments[0]).then(({ status }) => arguments[1](status))", link
        )
        assert (link.startswith(PREFIX), status) == (True, 200), link


def test_a_lesson_and_its_program_work_below_a_prefix(prefixed):
    prefixed.open(PAGE)
    prefixed.ask("/echo Streams are fun.")
    prefixed.ended("complete")
    prefixed.frame_shows("Streams are fun.")


@pytest.mark.parametrize("bad", ["", "bad/"])
def test_a_broken_program_is_shown_with_its_style_below_a_prefix(prefixed, mine, bad):
    write(mine, app="import nothing_of_that_name")
    place = f"{prefixed.url}{PAGE}mine/{bad}deep/down"
    prefixed.browser.get(place)
    assert "nothing_of_that_name" in prefixed.text("[role=alert]")
    assert prefixed.run(
        "return [...document.styleSheets].every((it) => it.cssRules[0])"
    )


def test_a_redirect_of_a_program_stays_below_the_prefix(prefixed, mine):
    write(
        mine, app=HELLO + '\n\n@app.get("/there/")\ndef there():\n    return "There"\n'
    )
    prefixed.browser.get(f"{prefixed.url}{PAGE}mine/there?x=1")
    assert prefixed.text("body") == "There"
    assert prefixed.browser.current_url.endswith(f"{PREFIX}{PAGE}mine/there/?x=1")

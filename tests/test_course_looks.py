"""What the course looks like: on each screen, in each colour, and to axe."""

import os
import shutil

import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys
from support import CLIENTS
from support.course import A_TERMINAL, LESSONS, PAGE, PATIENCE, ROOTS, write

from lessons.course.about_lessons.start_lesson import start_lesson
from lessons.course.about_lessons.way_through import all_lessons

# What it looks like

SIZES = {
    "320": (320, 640),
    "800": (800, 1000),
    "1280": (1280, 900),
    "1366": (1366, 768),
}
PAGES = ["/", "/lessons/", "/lessons/glossary", *(f"/lessons/{x}/" for x in LESSONS)]


@pytest.fixture
def screen(reader):
    """Return a function that makes the window so wide and high, light or dark."""
    command = reader.browser.execute_cdp_cmd

    def show(width, height, scheme="light"):
        size = {"width": width, "height": height}
        more = {"deviceScaleFactor": 1, "mobile": False}
        colours = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
        command("Emulation.setDeviceMetricsOverride", size | more)
        command("Emulation.setEmulatedMedia", colours)

    yield show
    command("Emulation.clearDeviceMetricsOverride", {})
    command("Emulation.setEmulatedMedia", {"features": []})


@pytest.mark.parametrize("path", PAGES)
def test_a_page_fits_its_screen_in_its_colours(reader, screen, path):
    reader.browser.get(reader.url + path)
    for scheme in "dark", "light":
        screen(320, 640, scheme)
        ink, paper = reader.run(
            "const { color, backgroundColor } = getComputedStyle(document.body);"
            " return [color, backgroundColor].map((c) => +c.match(/\\d+/)[0])"
        )
        assert (ink < paper) == (scheme == "light")
        assert reader.run("return document.documentElement.scrollWidth") <= 320
    screen(*SIZES["1280"])
    open_folds(reader)
    scrolls = reader.run(
        """const blocks = [...document.querySelectorAll(".notes pre")];
        const isWide = ({ scrollWidth, clientWidth }) => scrollWidth > clientWidth;
        return blocks.filter(isWide).map(({ textContent }) => textContent);"""
    )
    assert scrolls == []


def open_folds(reader):
    """Open all that can be unfolded on the page."""
    reader.run(
        "for (const fold of document.querySelectorAll('details')) fold.open = true;"
    )


def in_the_window(reader, name):
    """Whether all of an element can be seen, and nothing stands before it."""
    return reader.run(
        """const element = document.querySelector(arguments[0]);
        const { left, top, right, bottom } = element.getBoundingClientRect();
        const seen = document.elementFromPoint((left + right) / 2, (top + bottom) / 2);
        const isInside = left >= 0 && top >= 0 && right <= innerWidth;
        return isInside && bottom <= innerHeight && element.contains(seen);""",
        name,
    )


# A laptop's window at a zoom of 125 % and of 200 %
LOW = {"1093": (1093, 494), "683": (683, 384)}


def test_check_my_work_and_its_verdict_are_always_in_view(turn, reader, screen):
    screen(*SIZES["320"])
    reader.open(PAGE)
    reader.run("scrollTo(0, 600)")
    reader.check_my_work()
    assert reader.run("return scrollY") == 600  # nobody loses their place
    names = "#check", "#check-turn", "#status", "#found [data-outcome=red]"
    for size in (SIZES | LOW).values():
        screen(*size)
        for place in "0", "innerHeight", "document.body.scrollHeight":
            reader.run(f"scrollTo(0, {place})")
            hidden = [name for name in names if not in_the_window(reader, name)]
            assert hidden == [], (size, place)


def test_in_a_low_window_the_sentence_of_a_failure_is_in_view(reader, screen):
    screen(1366, 625)  # a browser on a laptop's screen
    reader.open(PAGE)
    what_the_wire_is = "document.querySelector('#wire figcaption span').offsetHeight"
    assert reader.run(f"return {what_the_wire_is}") > 0
    reader.ask("/fail 40 Why flush?")
    reader.ended("broken")
    reader.until(
        """((alert) => alert.textContent && alert.getBoundingClientRect().bottom
          <= frames[0].innerHeight + 1)(frames[0].document.querySelector("#problem"))"""
    )
    assert reader.run(f"return [scrollY, {what_the_wire_is}]") == [0, 0]


def test_in_a_low_window_a_long_verdict_leaves_room_to_read(reader, screen):
    screen(*LOW["683"])
    reader.open(PAGE)
    reader.check_my_work()
    for size in (683, 384), (341, 192), (320, 256):  # zooms of 200 % and of 400 %
        screen(*size)
        notes = reader.run(
            """document.querySelector("#found p").textContent = "long ".repeat(200);
            scrollTo(0, 2 * innerHeight);
            const { bottom } = document.querySelector(".steps").getBoundingClientRect();
            const { top } = document.querySelector("#work").getBoundingClientRect();
            return (Math.min(top, innerHeight) - bottom) / innerHeight;"""
        )
        assert notes > 0.42, size


@pytest.mark.parametrize("size", SIZES)
def test_what_scrolls_is_in_nothing_that_scrolls_but_the_page(reader, screen, size):
    screen(*SIZES[size])
    reader.open(PAGE)
    open_folds(reader)
    nested = reader.run(
        """document.querySelector("#found").innerHTML = "<li><pre>a</pre></li>";
        const scrolls = (element) => {
          const { overflowX, overflowY } = getComputedStyle(element);
          return [overflowX, overflowY].some((way) => /auto|scroll/.test(way));
        };
        const all = [...document.querySelectorAll("body *")];
        const outer = all.filter(scrolls);
        const inner = [...outer, ...document.querySelectorAll("iframe")];
        const isInside = (each) => outer.some((it) => it !== each && it.contains(each));
        return inner.filter(isInside).map(({ outerHTML }) => outerHTML.slice(0, 80));"""
    )
    assert nested == []


@pytest.fixture
def axe(reader):
    """Return a function that lets axe-core look at the page, and returns what it found.

    It looks for what keeps people out who see little or use no mouse.
    """
    script = CLIENTS / "node_modules" / "axe-core" / "axe.min.js"
    if not script.exists():
        message = "axe-core is missing: npm ci --prefix tests/clients"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(message)
    reader.browser.set_script_timeout(PATIENCE)

    def look(**options):
        if not reader.run("return Boolean(window.axe)"):
            reader.run(script.read_text(encoding="utf-8"))
        return reader.browser.execute_async_script(
            """const [options, done] = arguments;
            const all = { resultTypes: ["violations"], iframes: false, ...options };
            const htmls = (nodes) => nodes.map(({ html }) => html);
            const places = ({ help, nodes }) => [help, ...htmls(nodes)];
            const found = ({ violations }) => done(violations.map(places));
            axe.run(document, all).then(found);""",
            options,
        )

    return look


COLOURS = ["color-contrast", "link-in-text-block"]  # the rules that look at colours


@pytest.mark.parametrize("path", PAGES)
def test_axe_finds_nothing_on_a_page(reader, screen, axe, path):
    screen(*SIZES["1280"])
    reader.browser.get(reader.url + path)
    open_folds(reader)
    assert axe() == []
    screen(*SIZES["1280"], "dark")
    assert axe(runOnly=COLOURS) == []


@pytest.mark.parametrize("lesson", LESSONS)
def test_axe_finds_nothing_on_a_lessons_program(reader, axe, lesson):
    reader.browser.get(f"{reader.url}/lessons/{lesson}/program/")
    assert axe() == []
    if not reader.run("return document.forms.length"):
        return  # nobody asks there
    before = reader.run(
        """const [{ prompt }] = document.forms;
        const before = document.body.innerText;
        prompt.value = arguments[0];
        prompt.form.requestSubmit();
        return before;""",
        "chunk" if lesson.startswith("22") else "/echo # Hello",  # a card has a term
    )
    reader.until(
        """!document.querySelector("[aria-busy=true]")
          && document.body.innerText !== arguments[0]""",
        before,
    )
    assert axe() == []


def test_axe_finds_nothing_on_what_a_lesson_begins_with(reader, axe, mine):
    address = f"{reader.url}{PAGE}mine/"
    reader.browser.get(address)  # a sentence: there is no program yet
    assert axe() == []
    lessons = all_lessons()
    for number in 3, 5:  # which have a page of their own to begin with
        start_lesson(lessons[number])
        shutil.copy(lessons[3].folder / "app.py", mine)  # a server that shows it
        reader.browser.get(address)
        assert axe() == []


def test_axe_finds_nothing_while_lines_are_ordered(reader, screen, axe):
    screen(*SIZES["320"])
    reader.browser.get(f"{reader.url}/lessons/{A_TERMINAL}/")
    open_folds(reader)
    for state in "red", "green":
        reader.run(
            """const part = document.querySelector(".lines");
            const [first, second, ...others] = part.querySelectorAll("li");
            if (arguments[0] === "red") {
              first.classList.add("out");
              first.dataset.outcome = "red";
              second.focus();
            }
            part.querySelector("[role=status]").textContent = "All is in order.";
            part.querySelector("[role=status]").dataset.outcome = arguments[0];""",
            state,
        )
        for scheme in "light", "dark":
            screen(*SIZES["320"], scheme)
            assert axe() == [], (state, scheme)
    assert reader.run("return document.documentElement.scrollWidth") <= 320


def test_a_verdict_about_files_of_before_can_be_read(reader, screen, axe, mine):
    reader.open(PAGE)
    reader.check_my_work()
    write(mine, app="")
    reader.until("document.querySelector('#work.old')")
    for scheme in "light", "dark":
        screen(*SIZES["1366"], scheme)
        assert axe(runOnly=COLOURS) == []


# One above the other, side by side


def test_what_is_above_and_below_the_notes_ends_where_they_end(reader, screen):
    reader.browser.get(reader.url + PAGE)
    for size in SIZES:
        screen(*SIZES[size])
        ends = reader.run(
            """return ["#search", ".steps", ".turn"].map((name) =>
              document.querySelector(name).getBoundingClientRect().right);"""
        )
        assert len(set(ends)) == 1, size


def test_at_the_end_of_the_notes_all_of_the_program_is_in_the_window(reader, screen):
    screen(*SIZES["1366"])
    reader.browser.get(reader.url + PAGE)
    reader.run("scrollTo(0, document.body.scrollHeight)")
    edges = reader.run(
        """const { top, bottom } = document.querySelector(".bench")
          .getBoundingClientRect();
        return [Math.round(top), Math.round(bottom)];"""
    )
    assert edges == [0, 768]


def test_in_a_laptops_window_a_drawn_wire_hides_no_way_on(reader, screen):
    screen(1366, 625)  # what is left of 1366 by 768 below a browser's own lines
    reader.open(PAGE)
    idle, frame, links, fold = reader.run(
        """const box = (name) => document.querySelector(name).getBoundingClientRect();
        const idle = box("#wire").height;
        document.querySelector("#wire").dataset.how = "complete";
        document.querySelector("#moment").hidden = false;
        const status = document.querySelector("#status");
        status.textContent = "Everything is green. ".repeat(6);
        const frame = box("iframe").height;
        const links = box("#moment [rel=next]").bottom;
        document.querySelector("#files summary").scrollIntoView({ block: "end" });
        return [idle, frame, links, box("#files summary").bottom];"""
    )
    assert idle < 100 and frame > 180
    assert max(links, fold) <= 625
    assert reader.run("return scrollY") == 0  # the page itself has not moved


def test_nothing_moves_on_a_phone_when_a_lesson_is_done(reader, screen):
    screen(360, 640)
    reader.browser.get(reader.url + PAGE)
    before, after = reader.run(
        """const top = () => document.querySelector("h1").getBoundingClientRect().top;
        const before = top();
        document.querySelector("#done").textContent = "done on 2026-11-30";
        return [before, top()];"""
    )
    assert before == after


def test_on_a_phone_no_mark_squeezes_the_title_of_a_lesson(reader, screen):
    screen(360, 640)
    reader.browser.get(f"{reader.url}/lessons/")
    before, after = reader.run(
        """const rows = document.querySelectorAll("#lessons li > a");
        const heightOf = (row) => row.getBoundingClientRect().height;
        const heights = () => [...rows].map(heightOf);
        const before = heights();
        for (const mark of document.querySelectorAll(".found")) {
          mark.textContent = "done, and Your turn";
        }
        return [before, heights()];"""
    )
    assert before == after


def test_a_line_to_order_that_does_not_fit_goes_on_further_right(reader, screen):
    screen(360, 640)
    reader.browser.get(f"{reader.url}/lessons/{A_TERMINAL}/")
    open_folds(reader)
    lefts = reader.run(
        """const lefts = (code) => {
          const text = document.createRange();
          text.selectNodeContents(code);
          const [first, ...rects] = text.getClientRects();
          const below = rects.filter(({ top }) => top > first.top + first.height / 2);
          return below.map(({ left }) => left - first.left);
        };
        const all = [...document.querySelectorAll(".lines code")];
        const isOne = ({ textContent }) => !textContent.includes("\\n");
        const [one, several] = [all.filter(isOne), all.filter((code) => !isOne(code))];
        return [one.flatMap(lefts), several.flatMap(lefts)];"""
    )
    one, several = lefts
    assert min(one) > 20
    assert min(several) == 0  # the lines that belong together keep their indents


def test_on_a_phone_nothing_that_is_moved_or_focused_is_behind_your_work(
    reader, screen
):
    screen(360, 640)
    reader.open(f"/lessons/{A_TERMINAL}/")
    open_folds(reader)
    reader.check_my_work()  # the verdict takes a part of the window

    def is_seen(name):
        return reader.run(
            """const edge = document.querySelector("#work").getBoundingClientRect().top;
            const { top, bottom } = arguments[0].getBoundingClientRect();
            return top >= 0 && bottom <= edge + 1; // a page scrolls by whole pixels""",
            reader.run(f"return {name}"),
        )

    link = "[...document.querySelectorAll('.notes a')].at(-1)"
    reader.run(f"{link}.focus()")
    assert is_seen(link)
    line = "document.querySelector('.lines [aria-selected=true]')"
    reader.run(f"{line}.focus()")
    keys = ActionChains(reader.browser).key_down(Keys.ALT)
    keys.send_keys(*[Keys.ARROW_DOWN] * 9).key_up(Keys.ALT).perform()
    assert is_seen(line)
    reader.run("document.querySelector('.lines li').scrollIntoView()")
    x, y, edge = reader.run(
        """const grip = document.querySelector(".lines .grip").getBoundingClientRect();
        const work = document.querySelector("#work").getBoundingClientRect();
        return [grip.left + 9, grip.top + 9, work.top];"""
    )
    for kind, *places in ("touchStart", y), ("touchMove", edge + 20), ("touchEnd",):
        touches = {"type": kind, "touchPoints": [{"x": x, "y": y} for y in places]}
        reader.browser.execute_cdp_cmd("Input.dispatchTouchEvent", touches)
    assert reader.run(f"return {line}.previousElementSibling !== null")
    assert is_seen(line)


# Other eyes, other paper


@pytest.mark.parametrize(("width", "height"), [(1024, 768), (1366, 768), (1920, 1080)])
def test_code_is_nearly_as_large_as_what_stands_beside_it(
    reader, screen, width, height
):
    screen(width, height)
    reader.open("/lessons/08-limits/")
    open_folds(reader)
    code, prose, wraps = reader.run(
        """const size = (name) =>
          parseFloat(getComputedStyle(document.querySelector(name)).fontSize);
        const high = ({ lineHeight }) => parseFloat(lineHeight);
        const wraps = [...document.querySelectorAll(".notes pre code")].map((code) => {
          const lines = code.textContent.trimEnd().split("\\n").length;
          const { height } = code.getBoundingClientRect();
          return Math.round(height / high(getComputedStyle(code))) - lines;
        });
        const all = document.querySelectorAll(".notes pre code");
        const lines = [...all].map((code) => code.textContent.split("\\n").length);
        const sum = (numbers) => numbers.reduce((a, b) => a + b);
        return [size(".notes pre"), size(".notes > p"), sum(wraps) / sum(lines)];"""
    )
    assert code >= 14 and code / prose > 0.77
    assert wraps < (0.4 if width == 1024 else 0.1)  # of a hundred lines, ten


def test_forced_colours_show_what_is_drawn_by_a_background(reader, screen):
    screen(*SIZES["800"])
    forced = [{"name": "forced-colors", "value": "active"}]
    reader.browser.get(f"{reader.url}/")
    drawn = """return [["h1", "::after"], ["#wire dt", "::before"], ["#wire svg"],
      ["#wire path"]].map(([name, part]) => {
        const style = getComputedStyle(document.querySelector(name), part);
        return name === "#wire path" ? style.fill : style.backgroundColor;
      })"""
    own = reader.run(drawn)
    reader.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": forced})
    canvas, text = reader.run(
        """const probe = document.createElement("p");
        probe.style.cssText = "background: Canvas; color: CanvasText";
        document.body.append(probe);
        const { backgroundColor, color } = getComputedStyle(probe);
        return [backgroundColor, color];"""
    )
    reader.browser.get_log("browser")  # the policy refuses no style of a script
    caret, square, strip, bars = reader.run(drawn)
    assert [caret, square, strip, bars] != own
    assert caret == square == bars == text != canvas == strip


def test_forced_colours_show_how_many_lessons_are_done(reader, screen):
    screen(*SIZES["800"])
    forced = [{"name": "forced-colors", "value": "active"}]
    reader.browser.get(f"{reader.url}/lessons/")
    reader.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": forced})
    bar = reader.browser.find_element("css selector", "#place progress")
    none = bar.screenshot_as_base64
    reader.run("arguments[0].value = arguments[0].max / 2", bar)
    assert bar.screenshot_as_base64 != none


def test_forced_colours_show_which_button_has_to_wait(reader, screen):
    screen(*SIZES["1366"])
    reader.open(PAGE)
    forced = [{"name": "forced-colors", "value": "active"}]
    reader.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": forced})
    waits, works = reader.run(
        """document.querySelector("#check").ariaDisabled = true;
        const styleOf = (name) => getComputedStyle(document.querySelector(name));
        const coloursOf = ({ color, borderTopColor }) => [color, borderTopColor];
        return ["#check", "#start"].map((name) => coloursOf(styleOf(name)));"""
    )
    assert waits[0] != works[0] and waits[1] != works[1]


def test_on_paper_are_the_notes_with_what_was_folded_and_no_empty_frame(reader):
    reader.open(ROOTS)
    command = reader.browser.execute_cdp_cmd
    seen = """return ["#program", "iframe", "#work", ".steps", ".copy", "#search",
      ".notes h1", ".notes details figure"].filter((name) =>
        document.querySelector(name).checkVisibility({ visibilityProperty: true }))"""
    folded = "return document.querySelectorAll('.notes details:not([open])').length"
    before = reader.run(folded)
    reader.run(
        f"""addEventListener("beforeprint", () => {{
          window.onPaper = (() => {{ {folded} }})();
        }});"""
    )
    assert command("Page.printToPDF", {})["data"]
    reader.until("window.onPaper === 0")
    assert reader.run(folded) == before > 2  # and afterwards they are as they were
    command("Emulation.setEmulatedMedia", {"media": "print"})
    try:
        reader.run("dispatchEvent(new Event('beforeprint'))")
        assert reader.run(seen) == [".notes h1", ".notes details figure"]
        styles = reader.run(
            """const styleOf = (name) => getComputedStyle(document.querySelector(name));
            const breaks = [".notes details", ".notes details:has(.tall)", ".tall"];
            const places = breaks.map((name) => styleOf(name).breakInside);
            return [...places, styleOf("body").paddingBottom];"""
        )
        # no line is left alone on a sheet, and what is tall leaves none half empty
        assert styles == ["avoid", "auto", "auto", "0px"]
        reader.browser.get(f"{reader.url}/")  # the question is printed, no button is
        shown = reader.run(
            "return [...document.querySelectorAll('#prompt, button, #answer')]"
            ".filter((it) => it.checkVisibility()).map(({ id }) => id)"
        )
        assert shown == ["prompt", "answer"]
    finally:
        command("Emulation.setEmulatedMedia", {"media": ""})


def test_on_paper_nothing_leads_elsewhere_and_nothing_is_cut_off(reader, screen):
    screen(720, 1000)
    start_lesson(all_lessons()[3])
    command = reader.browser.execute_cdp_cmd
    for path in "/lessons/", "/lessons/glossary", "/lessons/sources", f"{PAGE}compare":
        reader.browser.get(reader.url + path)
        open_folds(reader)
        command("Emulation.setEmulatedMedia", {"media": "print"})
        found = reader.run(
            """const all = [...document.querySelectorAll("nav, .wide, .notes pre")];
            const isCut = ({ scrollWidth, clientWidth }) => scrollWidth > clientWidth;
            const isNav = ({ localName }) => localName === "nav";
            const isWrong = (it) => (isNav(it) ? it.checkVisibility() : isCut(it));
            const htmlOf = ({ outerHTML }) => outerHTML.slice(0, 80);
            return all.filter(isWrong).map(htmlOf);"""
        )
        command("Emulation.setEmulatedMedia", {"media": ""})
        assert found == [], path


def test_on_a_phone_stop_and_copy_share_a_line(reader, screen):
    screen(360, 640)
    reader.browser.get(f"{reader.url}/")
    reader.run("document.querySelector('#status').textContent = 'The answer is here.'")
    stop, copy = reader.run(
        "return ['#stop', '#copy'].map((name) =>"
        " document.querySelector(name).getBoundingClientRect().top)"
    )
    assert stop == copy


def test_no_word_of_the_first_sentences_is_alone_on_a_line(reader, screen):
    for size in (1366, 768), (1920, 1080):
        screen(*size)
        reader.browser.get(f"{reader.url}/")
        tops = reader.run(
            """const text = document.createRange();
            text.selectNodeContents(document.querySelector("header p"));
            return [...text.getClientRects()].map(({ top }) => Math.round(top));"""
        )
        assert max(tops) - min(tops) < 5, size

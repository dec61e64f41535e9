"""What the course looks like: on each screen, in each colour, and to axe."""

import os

import pytest
from support import CLIENTS
from support.course import LESSONS, PAGE, PATIENCE

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


@pytest.mark.parametrize("size", SIZES)
def test_check_my_work_and_its_verdict_are_always_in_view(turn, reader, screen, size):
    screen(*SIZES[size])
    reader.open(PAGE)
    reader.check_my_work()
    last = "#found [data-outcome=red]"
    for place in "0", "document.body.scrollHeight / 3", "document.body.scrollHeight":
        reader.run(f"scrollTo(0, {place})")
        for name in "#check", "#check-turn", "#status", last:
            assert in_the_window(reader, name), name


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

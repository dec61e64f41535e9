"""The notes in a browser: steps, headings, links, and what a keyboard meets."""

import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys
from support.course import A_SERVER, HELLO, LESSONS, LETTERS, PAGE, write

from lessons.course import folders
from lessons.course.about_lessons.way_through import all_lessons
from lessons.course.notes_as_html import headings_in, to_html


def press(reader, *keys):
    ActionChains(reader.browser).send_keys(*keys).perform()


def focused(reader):
    """Return the text of what has the focus."""
    return reader.run("return document.activeElement.textContent.trim()")


# Headings and links, as HTML

NOTES = """# A *title*

## Why `flush`?

### In [short](a.md)

<http://127.0.0.1:8000/lessons/> [here](http://localhost:8000) <http://127.0.0.1:8001/>
"""


def test_a_heading_is_a_link_to_itself():
    html = to_html(NOTES.replace("[short](a.md)", "short"))
    why, below = headings_in(NOTES)
    assert why == ("why-flush", "Why flush?", False)
    assert (below.text, below.is_below) == ("In short", True)
    assert '<h1 id="a-title">A <em>title</em></h1>' in html
    link = '<a href="#why-flush" class="anchor">Why <code>flush</code>?</a>'
    assert f'<h2 id="why-flush">{link}</h2>' in html


@pytest.mark.parametrize("lesson", all_lessons().values(), ids=LESSONS)
def test_each_heading_of_a_lesson_has_a_name_of_its_own(lesson):
    names = [heading.id for heading in headings_in(lesson.notes)]
    assert len(set(names)) == len(names) > 4
    assert to_html(lesson.notes).count('class="anchor"') == len(names)


def test_a_link_to_the_server_follows_the_address_of_the_page():
    """One to another port stays, as does an address that is no link."""
    html = to_html(NOTES + "\n```\nhttp://127.0.0.1:8000/a\n```\n", "../../")
    assert '<a href="../../lessons/" class="address">' in html
    assert '<a href="../../">here</a>' in html
    assert '<a href="http://127.0.0.1:8001/">' in html
    assert "http://127.0.0.1:8000/a\n" in html


# In a browser


def test_the_notes_lead_on_from_where_one_reads(reader):
    reader.open(PAGE)
    at_the_top = reader.run(
        """const steps = document.querySelector(".steps");
        return [...steps.querySelectorAll("[rel]")].map((step) =>
          [step.rel, step.ariaLabel, step.pathname]);"""
    )
    before, after = all_lessons()[2], all_lessons()[4]
    assert at_the_top == [
        ["prev", before.title, f"/lessons/{A_SERVER}/"],
        ["next", after.title, f"/lessons/{LETTERS}/"],
    ]
    # They stay in view, and what they lead to is not behind them.
    reader.run("document.querySelector('.contents summary').click()")
    reader.run("document.querySelector('.contents [href=\"#run-it\"]').click()")
    reader.until("location.hash === '#run-it' && scrollY > 500")
    steps, heading = reader.run(
        """return [".steps", "#run-it"].map((name) => {
          const { top, bottom } = document.querySelector(name).getBoundingClientRect();
          return { top, bottom };
        });"""
    )
    assert steps["top"] == 0 and heading["top"] >= steps["bottom"]
    assert not reader.run("return document.querySelector('.contents').open")
    # Escape folds the contents, and keeps the focus near; so does a click elsewhere.
    for fold in "key", "click":
        reader.run("document.querySelector('.contents summary').focus()")
        press(reader, Keys.ENTER)
        assert reader.run("return document.querySelector('.contents').open"), fold
        press(reader, Keys.TAB)
        assert focused(reader) == "See it break"
        if fold == "key":
            press(reader, Keys.ESCAPE)
            assert focused(reader) == "In this lesson"
        else:
            reader.run("document.querySelector('h1').click()")
        assert not reader.run("return document.querySelector('.contents').open"), fold
    texts = reader.run(
        "return [...document.querySelectorAll('.contents a')].map((a) => a.textContent)"
    )
    assert texts == [heading.text for heading in headings_in(all_lessons()[3].notes)]


def test_a_heading_shows_its_link_and_reads_out_its_words_only(reader):
    reader.open(PAGE)
    sign = "getComputedStyle(document.querySelector('#run-it a'), '::after')"
    assert reader.run(f"return {sign}.content") == '"#" / ""'
    assert reader.run(f"return {sign}.visibility") == "visible"
    reader.run("document.querySelector('#run-it a').click()")
    assert reader.browser.current_url == f"{reader.url}{PAGE}#run-it"


def test_a_screen_reader_knows_what_is_going_to_speak_and_each_list_by_name(reader):
    reader.open(PAGE)
    reader.run("for (const fold of document.querySelectorAll('.order')) fold.open = 1")
    tree = reader.browser.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
    shown = [node for node in tree if not node["ignored"]]

    def names(role):
        all_of_them = [node for node in shown if node["role"]["value"] == role]
        return [node["name"]["value"] for node in all_of_them]

    lists = names("listbox")
    assert len(set(lists)) == len(lists) > 1
    assert len(names("status")) == len(lists) + 2  # of the search, and of the verdict


def test_a_link_names_the_port_that_the_page_came_from(reader):
    reader.open(PAGE)
    shown, leads_to = reader.run(
        "const link = document.querySelector('.notes a.address');"
        " return [link.textContent, link.href];"
    )
    assert shown == leads_to == reader.url + PAGE


def test_a_keyboard_reaches_check_my_work_in_a_few_steps(reader):
    reader.open(PAGE)
    reached = []
    while "Check my work" not in reached:
        press(reader, Keys.TAB)
        reached.append(focused(reader))
        assert len(reached) < 8, reached
    assert reached[0] == "Skip to the notes"
    reader.run("document.querySelector('.skip').focus()")
    press(reader, Keys.ENTER, Keys.TAB)
    assert focused(reader) == "02"  # the first step of the notes


def test_on_a_narrow_screen_the_program_is_below_the_notes_and_one_step_away(reader):
    size = {"width": 360, "height": 640, "deviceScaleFactor": 1, "mobile": False}
    reader.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    try:
        reader.open(PAGE)
        notes, program = reader.run(
            """return ["#notes", "#program"].map((name) =>
              document.querySelector(name).getBoundingClientRect().top);"""
        )
        assert notes < 640 < program
        reader.run("scrollTo(0, 2000)")
        reader.run("document.querySelector('.to-program').click()")
        reader.until("document.querySelector('iframe').getBoundingClientRect().y < 640")
        assert reader.run("return document.documentElement.scrollWidth") <= 360
    finally:
        reader.browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_mine_stays_chosen_on_the_next_lesson(reader, mine):
    write(mine, app=HELLO)
    reader.open(PAGE)
    reader.frame_shows("Your question")
    reader.choose("[value=mine]")
    reader.run("document.querySelector('.steps [rel=next]').click()")
    reader.until(f"location.pathname === '/lessons/{LETTERS}/'")
    reader.program_is_there()
    chosen = "return document.querySelector('[name=program]:checked').value"
    assert reader.run(chosen) == "mine"
    reader.until("frames[0].document.body?.innerText === 'Hello'")
    reader.choose("[value=program]")  # and so does the lesson's program
    reader.open(PAGE)
    assert reader.run(chosen) == "program"
    reader.frame_shows("Your question")


LETTERS_IN_A_PICTURE = """
    const texts = [...document.querySelectorAll("text")];
    const boxes = texts.map((text) => text.getBoundingClientRect());
    const paper = document.querySelector(".paper").getBoundingClientRect();
    const scale = document.documentElement.getScreenCTM().a;
    const sizes = texts.map((text) => parseFloat(getComputedStyle(text).fontSize));
    const isOutside = ({ left, right, bottom }) =>
      left < paper.left || right > paper.right || bottom > paper.bottom;
    const [top, foot] = [0.2, 0.8]; // of a line: what letters take of its height
    const middle = ({ y, height }) => [y + top * height, y + foot * height];
    const touches = (a, b) => {
      const [[aTop, aFoot], [bTop, bFoot]] = [middle(a), middle(b)];
      const isBeside = a.right <= b.left || b.right <= a.left;
      return a !== b && !isBeside && aTop < bFoot && bTop < aFoot;
    };
    const isCrowded = (box) => boxes.some((other) => touches(box, other));
    const wrong = texts.filter((_, i) => isOutside(boxes[i]) || isCrowded(boxes[i]));
    return [scale * Math.min(...sizes), wrong.map(({ textContent }) => textContent)];
"""


@pytest.mark.parametrize(
    "picture",
    ["04-*/letter.svg", "13-*/storm.svg", "18-*/held.svg"],
)
def test_on_a_phone_the_words_in_a_picture_can_be_read(reader, picture):
    (file,) = folders.LESSONS.glob(picture)
    command = reader.browser.execute_cdp_cmd
    size = {"width": 313, "height": 240, "deviceScaleFactor": 1, "mobile": False}
    command("Emulation.setDeviceMetricsOverride", size)
    try:
        address = f"/lessons/{file.parent.name}/{file.name}"
        reader.browser.get(reader.url + address)
        smallest, wrong = reader.run(LETTERS_IN_A_PICTURE)
    finally:
        command("Emulation.clearDeviceMetricsOverride", {})
    assert smallest > 9.5
    assert wrong == []

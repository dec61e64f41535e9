"""After green: what a student has then, what comes next, and hints one at a time."""

import shutil

import pytest
from support import ROOT
from support.course import A_PAGE, A_SERVER, LETTERS, PAGE, ROOTS, write

from lessons.course.about_lessons.way_through import all_lessons
from lessons.course.your_work.files import written_by_a_student
from lessons.course.your_work.turn import task_of


def test_the_first_green_is_a_moment_and_leads_on(reader, mine):
    shutil.copytree(ROOT / "lessons" / A_SERVER, mine, dirs_exist_ok=True)
    lesson = all_lessons()[2]
    reader.open(f"/lessons/{A_SERVER}/")
    assert not reader.run("return document.querySelector('#moment').checkVisibility()")
    said, red = reader.check_my_work()
    assert (said, red) == (f"Everything is green. You now have {lesson.aim}.", None)
    links = reader.run(
        """const links = [...document.querySelectorAll("#moment a")];
        return links.map(({ textContent, href }) => [textContent, href]);"""
    )
    assert [text for text, _ in links] == [
        "Your turn",
        "03 · A page that reads it",
        "Compare with the lesson's program",
    ]
    assert reader.run("return document.querySelector('h2#your-turn') !== null")
    assert reader.check_my_work()[0] == "Everything is green."  # a moment comes once
    write(mine, app=(mine / "app.py").read_text(encoding="utf-8") + "# <b>mine</b>\n")
    reader.browser.get(links[2][1])
    assert reader.text(".mine") == "-# <b>mine</b>\n" or "-# <b>" in reader.text(
        ".mine"
    )
    assert reader.run("return document.querySelectorAll('figure').length") == 1


def test_the_mark_with_which_an_editor_begins_a_file_is_no_difference(visit, mine):
    lesson = next(each for each in all_lessons().values() if each.name == A_PAGE)
    for name, path in written_by_a_student(lesson).items():
        (mine / name).parent.mkdir(exist_ok=True)
        (mine / name).write_text(path.read_text("utf-8"), encoding="utf-8-sig")
    assert "There is no difference." in visit.get(f"{PAGE}compare").text


def test_no_other_machine_compares(visit):
    there = {"REMOTE_ADDR": "192.168.1.7"}
    assert visit.get(f"{PAGE}compare", environ_overrides=there).status_code == 404
    assert visit.get(f"{PAGE}compare").status_code == 200


def test_every_turn_has_a_task_without_markdown():
    for lesson in all_lessons().values():
        if lesson.has("turn"):
            task = task_of(lesson)
            assert len(task) > 20 and not set("`*").intersection(task), lesson.name


def test_hints_unfold_one_at_a_time(reader):
    reader.open(f"/lessons/{LETTERS}/")
    shown = """return [...document.querySelectorAll(".next-hint")].map((button) =>
      [...button.parentElement.querySelectorAll("li")].filter((it) => !it.hidden).length
    )"""
    reader.until("document.querySelector('.next-hint')")
    assert reader.run(shown) == [1]
    reader.run("document.querySelector('.next-hint').closest('details').open = true")
    reader.run("document.querySelector('.next-hint').click()")
    assert reader.run(shown) == [2]


def test_no_aim_shows_its_markdown(visit):
    page = visit.get("/lessons/").text
    aims = page.split('class="aim"')[1:]
    assert len(aims) == len(all_lessons())
    assert not [aim for aim in aims if "`" in aim.partition("</span>")[0]]


@pytest.mark.parametrize(("width", "height"), [(1366, 768), (800, 1000)])
def test_lesson_08_shows_one_wire_and_the_end_of_the_answer(reader, width, height):
    size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
    reader.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    reader.open(ROOTS)
    reader.until("frames[0].document.querySelector('#wire')?.hidden")
    reader.run(
        """const page = frames[0].document;
        page.querySelector("#prompt").value = "/slow 300 /long 300";
        page.querySelector("form").requestSubmit();"""
    )
    reader.ended("complete")
    top, bottom, height = reader.run(
        """const page = frames[0];
        const answer = page.document.querySelector("#answer").getBoundingClientRect();
        return [answer.top, answer.bottom, page.innerHeight];"""
    )
    reader.browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    assert top < 0 < bottom <= height

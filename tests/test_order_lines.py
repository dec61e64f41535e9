"""Order the lines: which code the notes offer, and how a reader puts it in order."""

import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys
from support.course import A_TERMINAL
from support.lesson_notes import (
    FENCE,
    every_lesson,
    exercises_in,
    info_of,
    other_way,
)

from lessons.course.about_lessons.lesson import Lesson
from lessons.course.about_lessons.start_lesson import beginning
from lessons.course.about_lessons.wrong_lines import wrong_lines
from lessons.course.fences import words_of
from lessons.course.notes_as_html import to_html
from lessons.course.order_lines import exercises_of, indent_of

# Which blocks are offered

OFFERED = ""  # in place of a reason why not
TOO_SHORT = "fewer than four lines"
THREE_ROWS = "three lines and a docstring: their indentation puts them in order"
ANY_ORDER = "its lines are right in any order"
FEW_ARE_NEW = "most of its lines are those of an earlier lesson"
TO_READ = "a student reads it, and writes none of it"
FREE_LINE = "a line of it is right in several places, more than a swap can say"
TOO_LONG = "more than 15 lines, and no part of it stands alone"
BLOCKS = {  # that a student writes; each begins with these words
    1: [
        ("app.py", "def ask(prompt):", OFFERED),
        ("app.py", '"""A stream in the terminal', TOO_SHORT),
    ],
    2: [
        ("app.py", '"""A stream from Flask', TOO_SHORT),
        ("app.py", '@app.post("/ask")', OFFERED),
        ("client.py", '"""Send PROMPT to the server', OFFERED),
    ],
    3: [
        ("app.py", '"""A page that reads it', TOO_SHORT),
        ("app.py", '@app.get("/")', THREE_ROWS),
        ("templates/index.html", "<!doctype html>", "all but three lines are given"),
        ("static/page.js", "const form =", ANY_ORDER),
        ("static/page.js", "async function ask(prompt) {", OFFERED),
        ("static/page.js", "  const reader =", OFFERED),
        ("static/page.js", 'form.addEventListener("submit"', OFFERED),
        ("static/page.js", "  if (!response.ok)", TOO_SHORT),
    ],
    4: [
        ("static/page.js", "  while (true) {", OFFERED),
        ("lessons/course/bad_network.py", "class BadNetwork:", TO_READ),
    ],
    5: [
        ("app.py", '"""A stop button', TOO_SHORT),
        ("app.py", "app.logger.setLevel", TOO_SHORT),
        ("app.py", "def pieces(prompt):", OFFERED),
        ("templates/index.html", '      <button type="button"', TOO_SHORT),
        ("static/page.js", "async function ask(prompt, signal) {", FEW_ARE_NEW),
        ("static/page.js", "const stop =", "16 lines, with a great many right orders"),
    ],
    6: [
        ("app.py", '"""A status before', ANY_ORDER),
        ("app.py", '@app.post("/ask")', OFFERED),
        ("app.py", "    except Exception as error:", OFFERED),
        ("app.py", "def listen(prompt):", OFFERED),
        ("app.py", "def texts(prompt):", OFFERED),
        ("app.py", "def write(prompt):", OFFERED),
        ("static/page.js", "/** Return the sentence", OFFERED),
        ("static/page.js", "  if (!response.ok) {", OFFERED),
        ("static/page.js", "    if (!signal.aborted)", TOO_SHORT),
    ],
    7: [
        ("app.py", '"""An end you can trust', ANY_ORDER),
        ("app.py", "def listen(prompt):", OFFERED),
        ("app.py", "        # The status 200", OFFERED),
        ("app.py", "class Record:", OFFERED),  # two of its three methods
        ("app.py", "def write(prompt):", OFFERED),
        ("app.py", "    finally:", TOO_SHORT),
        ("static/ask.js", "const BROKE_OFF =", TOO_SHORT),
        ("static/ask.js", "/** Return what the next read", OFFERED),
        ("static/ask.js", "  const reader =", FEW_ARE_NEW),
    ],
    8: [
        ("app.py", '"""Word by Word', ANY_ORDER),
        ("app.py", "# Each of these is a setting", ANY_ORDER),
        ("app.py", "def texts(prompt):", FEW_ARE_NEW),
        ("app.py", "# How many more answers", TOO_SHORT),
        ("app.py", "def write(prompt):", FEW_ARE_NEW),
        ("app.py", "app = Flask(__name__)", ANY_ORDER),
        ("app.py", '@app.post("/ask")', FEW_ARE_NEW),
        ("app.py", "@app.after_request", OFFERED),
        ("app.py", "# What the browser may load", ANY_ORDER),
        ("app.py", '@app.get("/")', OFFERED),
        ("app.py", "if __name__ ==", TOO_SHORT),
    ],
    # "part": the rest is too long, or a line of it is free
    9: [
        ("app.py", '"""Messages with a type', TOO_SHORT),
        ("app.py", '    "Content-Type"', TOO_SHORT),
        ("app.py", '@app.post("/ask")', TOO_SHORT),
        ("app.py", "def line_of(message):", TOO_SHORT),
        ("app.py", "def write(prompt):", FEW_ARE_NEW),
        ("app.py", "from failures import (", ANY_ORDER),
        ("app.py", "MOST_TOKENS =", TOO_SHORT),
        ("app.py", "def answer(prompt):", OFFERED),  # part: the limit
        ("static/ask.js", "/** Yield the value", OFFERED),  # part: lines out of reads
        ("static/ask.js", "// Ask the model, and get", FREE_LINE),
        ("static/ask.js", "/** Return what to throw", THREE_ROWS),
        ("begin/static/page.js", "    for await", TOO_SHORT),
        ("static/page.js", 'import { ask } from "./ask.js";', TOO_SHORT),
        ("static/page.js", "    const read =", TOO_SHORT),
    ],
    10: [
        ("stream.py", '"""A stream between two threads', ANY_ORDER),
        ("stream.py", "    def send(self, message):", FREE_LINE),  # notify_all()
        ("stream.py", "    def close(self):", ANY_ORDER),
        ("stream.py", "    def wait(self):", OFFERED),
        ("stream.py", "    def __iter__(self):", OFFERED),
        ("stream.py", "    def throw(self, reason):", OFFERED),
        ("app.py", "def answer(prompt, stream):", FEW_ARE_NEW),
        ("app.py", "def run(service, prompt, stream):", OFFERED),
        ("app.py", '"""A stream object', TOO_SHORT),
        ("app.py", "from .stream import", TOO_SHORT),
        ("app.py", '@app.post("/ask")', OFFERED),
    ],
    11: [
        ("app.py", "from .conversation import", TOO_SHORT),
        ("app.py", "    answer = pieces(", TOO_SHORT),
        ("conversation.py", '"""What a client may say', OFFERED),  # read_turn()
        ("conversation.py", "def messages_for(turns):", OFFERED),  # and not fit()
        ("static/page.js", "const turns =", TOO_SHORT),
        ("static/page.js", '  add("user"', TOO_SHORT),
        ("static/page.js", "async function answer() {", FEW_ARE_NEW),
        ("static/page.js", "  const turn =", TOO_SHORT),
        ("static/page.js", 'form.again.addEventListener("click"', OFFERED),  # part
    ],
    12: [
        ("events.py", '    "Content-Type"', TOO_SHORT),
        ("events.py", "    def send(self, event, message):", OFFERED),
        ("app.py", '    if "Last-Event-ID"', TOO_SHORT),
        ("events.py", "    def __iter__(self):", OFFERED),
        ("app.py", "    stream.wait(HEARTBEAT)", TOO_SHORT),
        ("static/events.js", "/** Yield the lines of a body", FREE_LINE),
        ("static/events.js", "/** Split a line", OFFERED),
        ("static/events.js", "// From bytes to", FREE_LINE),
    ],
    13: [
        ("static/ask.js", "// Ask, and ask again", OFFERED),  # part: when to ask again
        ("static/ask.js", "/** Return how many ms", FREE_LINE),
        ("static/ask.js", "/** Wait that many ms", ANY_ORDER),
        ("static/client.js", "  retry() {", ANY_ORDER),
        ("static/client.js", "    this.stop();", TOO_SHORT),
        ("static/client.js", "      if (signal.aborted)", TOO_SHORT),
        ("static/client.js", "  requireBudget() {", OFFERED),
        ("static/client.js", "      this.requireBudget();", TOO_SHORT),
    ],
    14: [
        ("chat.py", '"""The same answer', ANY_ORDER),
        ("chat.py", "    def send(self, event, message):", THREE_ROWS),
        ("app.py", "from .chat import", TOO_SHORT),
        ("app.py", '@app.post("/chat")', THREE_ROWS),
        ("chat.py", "    def __init__(self, heartbeat):", FREE_LINE),  # has_text
        ("chat.py", "    def send_metadata(self, metadata):", ANY_ORDER),
        ("chat.py", "    def end(self,", OFFERED),
        ("chat.py", "    def send_error(self,", TOO_SHORT),
        ("app.py", "def as_its_client_reads_it(error):", OFFERED),
        ("app.py", "app.register_error_handler(", TOO_SHORT),
    ],
    15: [
        ("app.py", "def choice(delta,", ANY_ORDER),
        ("app.py", "def answer_to(turns):", FREE_LINE),  # metadata |=
        ("app.py", "def write(steps):", FREE_LINE),  # the log's
        ("app.py", '@app.post("/v1/chat/completions")', OFFERED),  # part: its beginning
        ("app.py", "def whole(steps):", FREE_LINE),  # reason
        ("app.py", '@app.get("/v1/models")', THREE_ROWS),
        ("app.py", "@app.before_request", OFFERED),
        ("practice.env", "OPENAI_BASE_URL=", TOO_SHORT),
    ],
    16: [
        ("question.py", "NO_LIMIT =", TOO_SHORT),
        ("question.py", '    "max_tokens": COUNT', TOO_SHORT),
        ("question.py", "    max_tokens: int", TOO_SHORT),
        ("question.py", "    def most_tokens(self):", TOO_SHORT),
        ("choices.py", "            if not chunk.text:", FEW_ARE_NEW),
        ("question.py", '    "n":', TOO_SHORT),
        ("question.py", "    n: int", TOO_SHORT),
        ("question.py", '    "stream_options":', TOO_SHORT),
        ("question.py", "class StreamOptions(Fields):", TOO_SHORT),
        ("question.py", "    stream_options:", TOO_SHORT),
        ("question.py", '    "stop":', TOO_SHORT),
        ("question.py", "Text = Annotated", TOO_SHORT),
        ("question.py", "    stop: list[Stop]", TOO_SHORT),
        ("question.py", '    @field_validator("stop"', OFFERED),
        ("question.py", "from typing import", TOO_SHORT),
        ("stops.py", "def before(stops, texts):", OFFERED),  # two parts
    ],
    17: [
        ("events.py", '"""Chunks in, events out', OFFERED),  # two parts
        ("app.py", "            for event in events(", TOO_SHORT),
        ("app.py", "if hasattr(model,", TOO_SHORT),
    ],
    18: [
        ("waiting.py", "PIECES =", TOO_SHORT),
        ("waiting.py", "    def put(self, piece):", OFFERED),
        ("waiting.py", "    def add_if_it_fits(self, piece):", OFFERED),
        ("waiting.py", "    def takes(self, piece):", OFFERED),
        ("app.py", '"""Many readers', ANY_ORDER),
        ("app.py", "from models import", ANY_ORDER),
        ("app.py", "slots =", TOO_SHORT),
        ("app.py", "def read(prompt):", FEW_ARE_NEW),
    ],
    19: [
        ("nginx.conf", "      proxy_pass", ANY_ORDER),
        ("nginx.conf", "    send_timeout", TOO_SHORT),
        ("nginx.conf", "      proxy_set_header", TOO_SHORT),
        ("nginx.conf", "    gzip on", TOO_SHORT),
        ("nginx.conf", "    client_max_body_size", TOO_SHORT),
        ("nginx.conf", "    location @too_long", ANY_ORDER),
        ("nginx.conf", "    listen", ANY_ORDER),
        ("behind_nginx.py", "from math import", ANY_ORDER),
        ("behind_nginx.py", "def stand_behind_nginx(app):", ANY_ORDER),
        ("behind_nginx.py", "def limit_each_address(app):", OFFERED),  # two parts
        ("behind_nginx.py", "def tell_how_it_is(app):", OFFERED),  # ready()
    ],
    20: [
        ("in_memory.py", "    def add(self, name, event):", OFFERED),  # and end()
        ("in_memory.py", "    def is_over(self, name, after):", OFFERED),  # in read()
        ("in_memory.py", "from .limits import", TOO_SHORT),
        ("app.py", '@app.get("/answers/<name>")', OFFERED),  # part: the view
        ("app.py", "    place =", TOO_SHORT),
        ("app.py", "from flask import", TOO_SHORT),
        ("app.py", "from .events import", TOO_SHORT),
    ],
    21: [
        ("static/page.js", "import { Markdown }", TOO_SHORT),
        ("static/page.js", "  const markdown =", FEW_ARE_NEW),
        ("static/page.js", "  if (signal !==", TOO_SHORT),
        ("static/markdown.js", "/** Return a link", FREE_LINE),
        ("static/markdown.js", "// Markdown while it streams", OFFERED),  # in write()
        ("static/markdown.js", "  endBlock() {", THREE_ROWS),
        ("static/markdown.js", "  /** Show a line", TOO_LONG),
        ("static/markdown.js", "  /** Begin a line", FREE_LINE),  # endBlock()
    ],
    22: [
        ("app.py", '"""A form that fills itself', TOO_SHORT),
        ("app.py", "from .card import", TOO_SHORT),
        ("app.py", '    """Answer with what is new', TOO_SHORT),
        ("app.py", "        with closing(answer(prompt))", OFFERED),
        ("app.py", "from failures import (", ANY_ORDER),
        ("app.py", "def answer(prompt):", OFFERED),  # require_end()
        ("app.py", '@app.post("/object")', THREE_ROWS),
        ("app.py", "def texts(prompt):", OFFERED),
        ("static/page.js", "/** Show what is new", OFFERED),  # placeOf()
        ("failures.py", "    # OpenAI's library", ANY_ORDER),
    ],
    23: [
        ("calls.py", '"""Tool calls, gathered', OFFERED),  # add()
        ("calls.py", "def run(call):", OFFERED),  # and not read_arguments()
        ("app.py", '"""A tool in the stream', TOO_SHORT),
        ("app.py", "from langchain_core.messages", TOO_SHORT),
        ("app.py", "from failures import (", ANY_ORDER),
        ("app.py", "from .calls import", TOO_SHORT),
        ("app.py", "MOST_ROUNDS =", ANY_ORDER),
        ("app.py", "def answer(question):", TOO_LONG),
    ],
    24: [
        ("response.py", "        self.next_number", TOO_SHORT),
        ("response.py", "        event =", TOO_SHORT),
        ("response.py", '            case {"event": "start"}', TOO_SHORT),
        ("response.py", "    def begin(self):", OFFERED),
        ("response.py", '            case {"event": "token"', ANY_ORDER),
        ("response.py", "    def add(self, kind, text):", OFFERED),
        ("response.py", '            case {"event": "done"', TOO_SHORT),
        ("response.py", "    def end(self, changes):", FREE_LINE),  # |= changes
        ("app.py", "def events_after(name, number):", FEW_ARE_NEW),
        ("app.py", "        return stream(", TOO_SHORT),
        ("app.py", "    response = stream(", TOO_SHORT),
        ("app.py", '@app.get("/v1/responses/<name>")', OFFERED),
        ("app.py", "from .question import", TOO_SHORT),
        ("app.py", "NO_STREAM =", TOO_SHORT),
        ("app.py", "NO_CANCEL =", TOO_SHORT),
        ("app.py", '@app.post("/v1/responses/<name>/cancel")', OFFERED),
    ],
}


def written_blocks(lesson):
    """Return (file, code, is_offered) of each quotation that holds new lines.

    What a fold shows "for reference" is given, even if it is new.
    """
    given = beginning(lesson)
    blocks = []
    for fence in FENCE.finditer(lesson.notes):
        _, file, code = fence.groups()
        _, words = words_of(info_of(fence))
        before = lesson.notes[: fence.start()]
        fold = before.rpartition("<summary>")[2].partition("</summary>")[0]
        lines = given[file].read_text("utf-8").splitlines() if file in given else []
        is_new = not {*filter(None, code.splitlines())}.issubset(lines)
        if file and is_new and not fold.startswith("For reference"):
            blocks.append((file, code, "order" in words))
    return blocks


@every_lesson
def test_each_block_is_offered_or_it_is_said_why_not(lesson):
    blocks = written_blocks(lesson)
    rows = BLOCKS.get(lesson.number, [])
    assert len(blocks) == len(rows), "say in BLOCKS which of its blocks are offered"
    for block, row in zip(blocks, rows, strict=True):
        (file, code, is_offered), (name, first_words, why_not) = block, row
        assert (file, code[: len(first_words)]) == (name, first_words)
        assert is_offered == (why_not == OFFERED), code
        if why_not == TOO_SHORT:
            lines = [line for line in code.splitlines() if line]
            # a comment moves with the line below it
            assert len([line for line in lines if line[0] != "#"]) < 4, code


@every_lesson
def test_an_exercise_has_four_to_fifteen_lines_and_none_is_lost(lesson):
    for exercise in exercises_in(lesson.notes):
        assert 4 <= len(exercise.rows) <= 15, exercise.rows[0]
        assert all("" not in row.text.split("\n") for row in exercise.rows)
    page = to_html(lesson.notes, wrong_lines=wrong_lines(lesson))
    assert page.count('role="listbox"') == len(exercises_in(lesson.notes))


@every_lesson
def test_a_fence_says_nothing_that_nobody_reads(lesson):
    for fence in FENCE.finditer(lesson.notes):
        _, words = words_of(info_of(fence))
        assert set(words) <= {"title", "order", "swap"}, fence[0]
        assert "order" in words or "swap" not in words, fence[0]


@every_lesson
def test_what_may_change_places_is_indented_alike(lesson):
    for exercise in exercises_in(lesson.notes):
        for blocks in [step for step in exercise.plan if isinstance(step, list)]:
            firsts = {exercise.rows[first].text for first, *_ in blocks}
            assert len({indent_of(text) for text in firsts}) == 1, firsts


@every_lesson
def test_each_wrong_line_that_is_known_is_in_an_exercise(lesson):
    known = wrong_lines(lesson)
    shown = [row for it in exercises_in(lesson.notes, known) for row in it.wrong]
    assert sorted(row.why for row in shown) == sorted(line.why for line in known)
    for line in known:
        assert line.why.endswith(".") and line.right != line.wrong


# How an exercise is made

CODE = """@app.cli.command()
def ask(prompt):
    \"\"\"Print the answer.

    It comes word by word.
    \"\"\"
    # nothing yet
    print()
    answer = ""
    for chunk in model.stream(prompt):
        answer += chunk.text
        print(chunk.text)
        # nothing more
    print()

    return answer
"""


def test_a_comment_and_a_docstring_move_with_their_line():
    [exercise] = exercises_of('python title="app.py" order="7-14"', CODE)
    assert [row.numbers for row in exercise.rows] == [
        [7, 8],
        [9],
        [10],
        [11],
        [12, 13],
        [14],
    ]
    [exercise] = exercises_of(
        'python title="app.py" order="1-4"', CODE.replace("\n\n", "\n")
    )
    assert [row.numbers for row in exercise.rows] == [[1], [2, 3, 4]]


def test_equal_lines_have_the_same_key_and_blocks_may_swap():
    code = "a()\nb()\nif c:\n    d()\n    e()\nb()\nf()\n"
    mark = 'python title="app.py" order swap="2/3-5 4/5"'
    [exercise] = exercises_of(mark, code)
    assert exercise.plan == [0, [[1], [2, [[3], [4]]]], 1, 6]


def test_a_blank_line_is_no_line_to_move():
    with pytest.raises(ValueError, match="a blank line"):
        exercises_of('python title="app.py" order', CODE)


@pytest.mark.parametrize(
    ("swap", "may_be_first"),
    [("1/2", {0, 1}), ("2/3", {0}), ("1/2/3/4/5/6/7", {0, 1, 2, 3, 4, 5, 6})],
)
def test_the_lines_are_shuffled_the_same_each_time_and_are_never_right(
    swap, may_be_first
):
    code = "".join(f"line_{number}()\n" for number in range(8))
    info = f'python title="app.py" order swap="{swap}"'
    [exercise], [again] = exercises_of(info, code), exercises_of(info, code)
    assert exercise.shuffled() == again.shuffled() != exercise.rows
    assert sorted(exercise.shuffled()) == exercise.rows
    assert exercise.shuffled()[0].key not in may_be_first


def test_a_diff_that_says_something_about_a_line_changes_one_line_only(tmp_path):
    (tmp_path / "wrong").mkdir()
    diff = "No.\n\nAbout the line: It is late.\n\n--- a.py\n+++ a.py\n@@ -1 +1 @@\n"
    path = tmp_path / "wrong" / "late.diff"
    path.write_text(diff + " one\n-two\n+2\n", encoding="utf-8")
    assert wrong_lines(Lesson(tmp_path)) == (("a.py", "two", "2", "It is late."),)
    path.write_text(diff + " one\n-two\n", encoding="utf-8")
    with pytest.raises(ValueError, match="change one line only"):
        wrong_lines(Lesson(tmp_path))


# In a browser

NOTES = """# Notes

<details><summary>The code: ask() in app.py</summary>

```python title="app.py" order swap="2/3"
def ask(prompt):
    one = 1
    two = 2
    print()
    for chunk in model.stream(prompt):
        print(printable(chunk.text), end="", flush=True)
    print()
    print(one, two)
```

</details>
"""
RIGHT = [line for line in NOTES.splitlines() if line.startswith(("def", " "))]
WRONG = '        print(printable(chunk.text), end="")'  # lesson 01 knows it
WHY = "Without flush=True, print may keep the text until a line ends."


@pytest.fixture
def student(reader, monkeypatch):
    """Return a reader who is about to order the lines of NOTES."""
    monkeypatch.setattr(Lesson, "notes", NOTES)
    reader.open(f"/lessons/{A_TERMINAL}/")
    reader.run("document.querySelector('.order summary').focus()")
    press(reader, Keys.ENTER)
    return reader


def press(reader, *keys):
    ActionChains(reader.browser).send_keys(*keys).perform()


def move(reader, key, times):
    """Press an arrow key so many times, with Alt."""
    keys = ActionChains(reader.browser).key_down(Keys.ALT)
    keys.send_keys(*[key] * times).key_up(Keys.ALT).perform()


def lines(reader):
    """Return the lines of the exercise, as they are now."""
    return reader.run(
        """const lines = [...document.querySelectorAll(".lines code")];
        const textOf = ({ textContent }) => textContent.replaceAll("\\u00a0", " ");
        return lines.map(textOf);"""
    )


def chosen(reader):
    """Return the line that has the focus and is selected."""
    return reader.run(
        """const line = document.activeElement;
        const text = line.querySelector("code").textContent;
        return line.ariaSelected && text.replaceAll("\\u00a0", " ");"""
    )


def says(reader):
    """Return what the line below the buttons says, and whether it is red or green."""
    return reader.run(
        """const status = document.querySelector(".lines [role=status]");
        return [status.textContent, status.dataset.outcome];"""
    )


def arrange(reader, *texts):
    """Put the lines in this order, those that are not named last; check the order."""
    reader.run(
        """const lines = [...document.querySelectorAll(".lines li")];
        const textOf = ({ textContent }) => textContent.replaceAll("\\u00a0", " ");
        const named = arguments[0].map((text) => {
          const i = lines.findIndex((line) => textOf(line) === text);
          return lines.splice(i, 1)[0];
        });
        document.querySelector(".lines ol").append(...named, ...lines);
        document.querySelector("[data-does=check]").click();""",
        texts,
    )
    return says(reader)


def test_a_keyboard_alone_leads_to_green(student):
    press(student, Keys.TAB)
    for place, line in enumerate(RIGHT):
        steps = lines(student).index(line, place)
        press(student, Keys.HOME, *[Keys.ARROW_DOWN] * steps)
        assert chosen(student) == line
        move(student, Keys.ARROW_UP, steps - place)
        assert chosen(student) == line == lines(student)[place]
        if steps > place:
            assert says(student) == [f"Line {place + 1} of {len(RIGHT) + 1}.", ""]
    assert lines(student) == [*RIGHT, WRONG]
    press(student, Keys.END)
    assert chosen(student) == WRONG
    move(student, Keys.ARROW_UP, 2)
    press(student, *[Keys.TAB] * 2, *[Keys.ENTER] * 2)  # Down
    assert lines(student) == [*RIGHT, WRONG]
    press(student, Keys.TAB, Keys.SPACE)  # Leave out
    assert says(student) == ["The line is left out.", ""]
    press(student, Keys.TAB, Keys.ENTER)  # Check the order
    assert says(student) == ["All lines are in order.", "green"]


def test_the_first_line_out_of_place_is_named(student):
    first, one, two, *rest = RIGHT
    assert arrange(student, one, first, two, *rest) == [
        "Line 1 is the first that is out of place.",
        "red",
    ]
    *_, loop, inside, below, last = rest
    wrong = [first, one, two, inside, loop, below, below, last]
    assert arrange(student, *wrong)[0] == "Line 4 is the first that is out of place."
    marked = "document.querySelector('.lines [data-outcome=red] code').textContent"
    assert student.run(f"return {marked}").strip() == inside.strip()
    press(student, Keys.TAB, Keys.TAB, Keys.ENTER)  # Up moves the line that is named
    assert says(student)[1] == "" and lines(student)[2] == inside
    assert not student.run(f"return {marked.removesuffix('.textContent')}")


def test_equal_lines_and_lines_that_may_swap_are_right_either_way(student):
    arrange(student, *RIGHT)
    student.run(
        """const lines = [...document.querySelectorAll(".lines li")];
        lines[3].before(lines[6]); // they are equal
        lines[4].before(lines[3]);
        lines[5].after(lines[3]);
        lines[1].before(lines[2]);"""
    )
    first, one, two, *rest = RIGHT
    assert lines(student) == [first, two, one, *rest, WRONG]
    student.run("document.querySelector('.lines li:last-child').focus()")
    student.run("document.querySelector('[data-does=leave]').click()")
    student.run("document.querySelector('[data-does=check]').click()")
    assert says(student) == ["All lines are in order.", "green"]


def test_a_line_that_does_not_belong_is_named_with_what_is_true_of_it(student):
    number = RIGHT.index('        print(printable(chunk.text), end="", flush=True)')
    with_it = [*RIGHT[:number], WRONG, *RIGHT[number + 1 :]]
    assert arrange(student, *with_it) == [
        f"Line {number + 1} does not belong here. {WHY}",
        "red",
    ]
    assert arrange(student, *RIGHT) == [
        f"Line {len(RIGHT) + 1} does not belong here. {WHY}",
        "red",
    ]
    student.run("document.querySelector('[data-does=leave]').click()")
    assert arrange(student, *RIGHT)[1] == "green"
    student.run("document.querySelector('.lines li').focus()")
    student.run("document.querySelector('[data-does=leave]').click()")
    sentence = "The marked line belongs to the code: put it back."
    assert arrange(student, *RIGHT) == [sentence, "red"]
    student.run("document.querySelector('[data-does=leave]').click()")
    assert arrange(student, *RIGHT)[1] == "green"


def middle(reader, name):
    """Return x and y of the middle of an element in the window."""
    return reader.run(
        """const element = document.querySelector(arguments[0]);
        const { left, top, width, height } = element.getBoundingClientRect();
        return [left + width / 2, top + height / 2];""",
        name,
    )


def test_a_mouse_drags_a_line_and_a_finger_drags_it_by_its_grip(student):
    student.run("document.querySelector('.lines ol').scrollIntoView({block: 'center'})")
    before = lines(student)
    first, *others = before
    mouse = ActionChains(student.browser)
    find = student.browser.find_element
    third = find("css selector", ".lines li:nth-child(3)")
    mouse.click_and_hold(find("css selector", ".lines li:first-child code"))
    mouse.move_to_element_with_offset(third, 0, 5).perform()
    assert lines(student)[2] == chosen(student) == first
    mouse = ActionChains(student.browser)
    mouse.release().move_to_element(find("css selector", ".lines li")).perform()
    after = [*others[:2], first, *others[2:]]
    assert lines(student) == after  # it was released: it stays
    x, y = middle(student, ".lines li:nth-child(3) .grip")
    _, up = middle(student, ".lines li:first-child")
    touch(student, (x, y), (x, (y + up) / 2), (x, up - 5))
    assert lines(student) == before and says(student)[0] == f"Line 1 of {len(before)}."
    x, y = middle(student, ".lines li:nth-child(3) code")
    touch(student, (x, y), (x, (y + up) / 2), (x, up - 5))
    assert lines(student) == before


def test_a_tap_after_a_quick_drag_is_a_click(student):
    student.run("document.querySelector('.lines ol').scrollIntoView({block: 'center'})")
    for _ in range(3):  # a drag may also be too slow for a fling
        x, y = middle(student, ".lines li:nth-child(3) .grip")
        _, up = middle(student, ".lines li:first-child")
        touch(student, (x, y), (x, (y + up) / 2), (x, up - 5))
        assert says(student)[0].startswith("Line 1 of ")
        touch(student, middle(student, ".lines [data-does=check]"))
        assert says(student)[1] == "red"


def touch(reader, start, *places):
    """Put a finger down, move it to places, and lift it."""
    command = reader.browser.execute_cdp_cmd

    def send(kind, *points):
        touches = [{"x": x, "y": y} for x, y in points]
        command("Input.dispatchTouchEvent", {"type": kind, "touchPoints": touches})

    send("touchStart", start)
    for place in places:
        send("touchMove", place)
    send("touchEnd")


def test_without_a_script_and_on_paper_there_is_no_exercise(student, visit):
    html = visit.get(f"/lessons/{A_TERMINAL}/").text
    assert '<details class="order" hidden>' in html
    shown = "return document.querySelector('.order').checkVisibility()"
    assert student.run(shown)
    command = student.browser.execute_cdp_cmd
    command("Emulation.setEmulatedMedia", {"media": "print"})
    try:
        assert not student.run(shown)
    finally:
        command("Emulation.setEmulatedMedia", {"media": ""})


# The lessons' own


CHECK = """const [number, keys] = arguments;
const part = document.querySelectorAll(".lines")[number];
const lines = [...part.querySelectorAll("li")];
const inOrder = keys.map((key) => {
  const i = lines.findIndex(({ dataset }) => Number(dataset.key) === key);
  return lines.splice(i, 1)[0];
});
if (keys.length > 0) {
  part.querySelector("ol").append(...inOrder, ...lines);
  for (const line of lines) line.classList.add("out"); // what does not belong
}
part.querySelector("[data-does=check]").click();
return part.querySelector("[role=status]").textContent;"""


@every_lesson
def test_each_right_order_of_a_lessons_lines_is_green_and_no_other(reader, lesson):
    reader.open(f"/lessons/{lesson.name}/")
    for number, exercise in enumerate(exercises_in(lesson.notes)):
        keys = [row.key for row in exercise.rows]
        assert reader.run(CHECK, number, []).startswith("Line 1 ")
        assert reader.run(CHECK, number, keys) == "All lines are in order."
        swapped = other_way(exercise.plan)
        assert reader.run(CHECK, number, swapped) == "All lines are in order."
        last = keys.pop()
        may_swap = exercise.plan[-1] != last  # with the line above it
        place = 0 if may_swap else len(keys) - 1
        keys.insert(place, last)
        told = f"Line {place + 1} is the first that is out of place."
        assert reader.run(CHECK, number, keys) == told

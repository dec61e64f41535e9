"""What a browser says of a page in mine/, below the frame that shows it."""

import re
import shutil

import pytest
from support import ROOT
from support.course import A_PAGE, PAGE, write
from werkzeug import Response
from werkzeug.test import Client

from lessons.course.addresses import keep_way_to_root
from lessons.course.live.heard_pages import HeardPages

PROBLEMS_JS = ROOT / "lessons" / "course" / "static" / "problems.js"
SERVER = """from flask import Flask, render_template

app = Flask(__name__)


@app.get("/")
def index():
    return render_template("index.html")
"""
INDEX = """<!doctype html>
<title>Mine</title>
<button>Press</button>
<script type="module" src="static/page.js"></script>
"""
RIGHT = "document.title = 'It runs';\n"
ADD = 'document.body.appendChild(document.createElement("script"))'
STYLE = (
    'const link = document.createElement("link");\n'
    'document.head.append(Object.assign(link, { rel: "stylesheet", href: '
)
MISSING = "could not be loaded: the server answered 404."
BROKEN = {  # the files in static/, and what is said
    "it cannot be read": (
        {"page.js": "\nconst a = [1;\n"},
        ["mine/static/page.js, line 2: SyntaxError: ", "brackets, commas"],
    ),
    "a module cannot be read": (
        {"page.js": 'import "./b.js";\n', "b.js": "\n\nlet a = ;\n"},
        ["mine/static/b.js, line 3: SyntaxError: "],
    ),
    "it is missing": ({"other.js": ""}, [f"mine/static/page.js {MISSING}"]),
    "a module is missing": (
        {"page.js": 'import "./b.js";\n'},
        [f"mine/static/b.js {MISSING}"],
    ),
    "an export is missing": (
        {"page.js": 'import { a } from "./b.js";\n', "b.js": "const a = 1;\n"},
        ["mine/static/page.js, line 1: SyntaxError: ", "'a'"],
    ),
    "it breaks at once": (
        {"page.js": '\ndocument.querySelector("#no").textContent = "";\n'},
        ["mine/static/page.js, line 2: TypeError: ", "an element that index.html"],
    ),
    "a module is named without its folder": (
        {"page.js": 'import "b.js";\n'},
        ["the page: TypeError: Failed to resolve module specifier"],
    ),
    "a style is missing": (
        {"page.js": f'{STYLE}"static/style.css" }}));\n'},
        [f"mine/static/style.css {MISSING}"],
    ),
    "a style imports one that is missing": (
        {"page.js": f'{STYLE}"static/a.css" }}));\n', "a.css": '@import "b.css";\n'},
        [f"mine/static/b.css {MISSING}"],
    ),
    "a script of another server is missing": (
        {"page.js": f'{ADD}.src = "http://127.0.0.1:1/b.js";\n'},
        ["http://127.0.0.1:1/b.js could not be loaded: the console says why."],
    ),
    "it says a lot": (
        {"page.js": "throw new Error('very'.repeat(999));\n"},
        ["page.js, line 1: Error: veryvery", "ery..."],
    ),
    "a selector is none": (
        {"page.js": '\ndocument.querySelector("##");\n'},
        ["page.js, line 2: SyntaxError", "not a valid selector. A selector names an"],
    ),
    "no Error is thrown": (
        {"page.js": "throw { status: 500 };\n"},
        [": [object Object]. What was thrown is not an Error."],
    ),
    "no Error is rejected": (
        {"page.js": 'Promise.reject(Symbol("no"));\n'},
        ["the page: Symbol(no)."],
    ),
    "a letter cannot be read": (
        {"page.js": "const a = \u201ca\u201d;\n"},
        ["page.js, line 1: SyntaxError: ", "Use straight quotation marks"],
    ),
    "a file is above the program": (
        {"index.html": INDEX.replace("static/", "../static/")},
        [f"{PAGE}static/page.js {MISSING}", "That file is not part of your program."],
    ),
    "a script is the course's": (
        {"index.html": INDEX.replace("static/", "/static/")},
        ["/static/wire.js, line ", "That file is not part of your program."],
    ),
    "a type is misspelt": (
        {"index.html": INDEX.replace("module", "modul")},
        ['A browser runs no script with the type "modul".'],
    ),
    "a script has no end": (
        {"index.html": INDEX.replace("</script>", "</html>"), "page.js": RIGHT},
        ["The <script> of mine/static/page.js has no end tag"],
    ),
    "it uses a name of the browser's": (
        {
            "index.html": INDEX.replace('type="module" ', ""),
            "page.js": "const parent = 1;\nnothing();\n",
        },
        ["mine/static/page.js, line 2: ReferenceError: nothing is not defined."],
    ),
    "a title has no end": (
        {"index.html": INDEX.replace("</title>", ""), "page.js": RIGHT},
        ["The page shows nothing."],
    ),
    "it goes to another server": (
        {"page.js": "location = 'http://127.0.0.1:1/';\n"},
        ["The page went to another address"],
    ),
    "it breaks in what takes time": (
        {"page.js": "\nawait null;\nnothing();\n"},
        ["page.js, line 3: ReferenceError: nothing is not defined. A name is"],
    ),
}


def write_page(mine, scripts):
    for folder in "static", "templates":
        (mine / folder).mkdir(exist_ok=True)
    for old in (mine / "static").iterdir():
        old.unlink()
    for name, text in ({"index.html": INDEX} | scripts).items():
        folder = "templates" if name == "index.html" else "static"
        (mine / folder / name).write_text(text, encoding="utf-8")


def test_what_breaks_in_a_page_is_said_below_it(reader, mine):
    write(mine, app=SERVER)
    write_page(mine, {"page.js": RIGHT})
    reader.open(PAGE)
    reader.choose("[value=mine]")
    for scripts, words in BROKEN.values():
        write_page(mine, scripts)  # which is noticed: the frame is loaded again
        for part in words:
            reader.until(
                "document.querySelector('#problem').textContent.includes(arguments[0])",
                part,
            )
    write_page(mine, {"page.js": "location = '../';\n"})  # to its lesson
    reader.until("frames[0].location.pathname === arguments[0]", PAGE)
    reader.until(
        "document.querySelector('#problem').textContent.startsWith('The page went to')"
    )
    looks = "frames[0].performance.getEntriesByName(location.href + 'look').length"
    reader.until(f"{looks} > 1")
    reader.run("frames[0].document.querySelector('#pane button').click()")
    reader.until(f"{looks} > 4")
    assert reader.run("return frames[0].frames[0].location.href") == "about:blank"
    press = "document.querySelector('button').onclick = () => {\n  nothing();\n};\n"
    write_page(mine, {"page.js": RIGHT + press})
    reader.until("frames[0].document.title === 'It runs'")
    reader.until("Boolean(frames[0].document.querySelector('button')?.onclick)")
    assert reader.text("#problem") == ""
    assert reader.run("return frames[0].document.scripts.length") == 1
    names = re.findall(r"function (\w+)", PROBLEMS_JS.read_text(encoding="utf-8"))
    taken = reader.run("return arguments[0].filter((name) => name in frames[0])", names)
    assert (len(names) > 3, taken) == (True, [])  # a page may use each of them
    reader.run("frames[0].document.querySelector('button').click()")
    reader.until("document.querySelector('#problem').textContent.includes('line 3')")
    reader.browser.get_log("browser")  # it says all of that too


def test_a_loop_that_reads_on_after_the_end_does_not_freeze_the_lesson(reader, mine):
    shutil.copytree(ROOT / "lessons" / A_PAGE, mine, dirs_exist_ok=True)
    page = mine / "static" / "page.js"
    right = page.read_text(encoding="utf-8")
    page.write_text(right.replace("if (done) return;", ""), encoding="utf-8")
    reader.open(PAGE)
    reader.choose("[value=mine]")
    reader.ask("/echo Hi")
    reader.until("document.querySelector('#problem').textContent")
    assert reader.text("#problem") == (
        "The answer had ended, but the page kept reading. Leave the loop when read()"
        " says done."
    )
    reader.run("frames[0].old = true")
    without_await = right.replace("await reader.read()", "reader.read()")
    page.write_text(without_await, encoding="utf-8")
    reader.until("!frames[0].old")
    reader.program_is_there()
    reader.ask("/echo Hi")
    reader.until("document.querySelector('#problem').textContent.includes('await')")
    reader.browser.get_log("browser")  # the reads that it began say so too


def answered(page, asked=(), **response):
    """Return what is sent of a page, for these headers of a request."""
    inner = HeardPages(Response(page, mimetype="text/html", **response))

    def app(environ, start_response):
        keep_way_to_root(environ)
        return inner(environ, start_response)

    return Client(app).get("/lessons/03/mine/", headers=dict(asked))


FRAMED = {"Sec-Fetch-Dest": "iframe"}
SCRIPT = '<script src="../../../lessons/static/problems.js"></script>'


@pytest.mark.parametrize(
    ("page", "sent"),
    [
        ("<!doctype html>\n<p>a", f"<!doctype html>{SCRIPT}\n<p>a"),
        ("\ufeff <!DOCTYPE html><p>", f"\ufeff <!DOCTYPE html>{SCRIPT}<p>"),
        ("<!-- > -->\n<!doctype html>a", f"<!-- > -->\n<!doctype html>{SCRIPT}a"),
        ("<p>a", f"{SCRIPT}<p>a"),
        (["<!doc", "type html", "><p>", "a"], f"<!doctype html>{SCRIPT}<p>a"),
        ("", SCRIPT),
    ],
)
def test_a_page_in_a_frame_begins_with_our_script(page, sent):
    answer = answered(page, FRAMED)
    assert answer.text == sent
    if not isinstance(page, list):
        assert answer.content_length == len(sent.encode())


def test_a_page_elsewhere_is_sent_as_it_was_written():
    assert answered("<p>a").text == "<p>a"
    assert answered("<p>a", {"Sec-Fetch-Dest": "document"}).text == "<p>a"
    packed = answered("<p>a", FRAMED, headers={"Content-Encoding": "br"})
    assert packed.text == "<p>a"


def test_a_page_that_is_left_is_closed():
    closed = []

    def pages(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/html")])
        return Pieces(closed)

    environ = {"HTTP_SEC_FETCH_DEST": "iframe", "PATH_INFO": "/"}
    keep_way_to_root(environ)
    with Client(HeardPages(pages)).get("/", environ_overrides=environ) as answer:
        assert answer.status_code == 200
    assert closed == [True]


class Pieces:
    """The pieces of a page, which note that they were closed."""

    def __init__(self, closed):
        self.closed = closed

    def __iter__(self):
        return iter([b"<p>", b"a"])

    def close(self):
        self.closed.append(True)

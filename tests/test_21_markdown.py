"""Lesson 21: the page reads Markdown as CommonMark does, wherever the answer is cut.

The pages of these tests import the lesson's modules and hand them pieces; what the
whole page does is in the lesson's check.js.
"""

import random
from pathlib import Path

import pytest
from flask import Flask, send_file
from markdown_it import MarkdownIt

from practice import PracticeModel

LESSON = Path(__file__).parent.parent / "lessons" / "21-markdown-while-it-streams"
NOTES = (LESSON / "README.md").read_text(encoding="utf-8")
# What the reader of the lesson does not know, which it shows as text.
UNKNOWN = ["blockquote", "hr", "lheading", "reference", "html_block", "image"]
UNKNOWN += ["autolink", "html_inline", "entity"]
COMMONMARK = MarkdownIt("commonmark", {"html": False}).disable(UNKNOWN)

ANSWERS = [
    "One paragraph\nof two lines.\n\nAnd **another** one, with *stars* and `code`.",
    "# One\n\n## Two ##\n### Three\ntext\n#no heading\n####### none either",
    "- one\n- two\n  - three\n    - four\n- five\n\nafter",
    "1. one\n2. two\n   1. three\n\n   more of two\n3. four\n\n7) seven\n8) eight",
    "* a\n+ b\n- c\n- d\n1. e\n1) f\n\n-no item\n1984.no item",
    "It was\n1984. We read\n2. on\n1. begins\n- also begins",
    "- lazy\ngoes on\n- > no quote\n\n  second paragraph\n\nout",
    "```js\nconst a = *b*;\n\n  # no heading\n```\n\n~~~~\n~~~\n~~~~\ntext",
    "- item\n\n  ```py\n  def f():\n      return 1\n  ```\n- next\n  ~~~\n  open\nout",
    "````\n```\nnever closed",
    "***both*** **bold *em* bold** *em **bold** em* __u__ _u_ snake_case_name",
    "**not closed\n\n*nor this\n\n2 * 3 * 4 ** 5 and a*b*c and a**b**c, **a*b**c*",
    "`` a ` b `` and `one `` two` and ` c ` and ```never",
    "[a](https://b.org) [*b*](http://c.org/d_(e)) [c] [d](e f) [[f](http://g.org)]",
    r"\*no em\* \[no](https://b.org) \# and \\ and \a `\` ``",
    "*a [b* c](http://d.org) e* and [*a](http://b.org)*",
    "a\r\n\r\n# b\r\n\r\n- c\r\n-\r\n  d\r\n\r\n```js x\r\ny\r\n```\r\n1.\r\nend",
    "one\n\t\ntwo\n \t \n# three\n- \t\n- four\n~~~ \u2028\n \n~~~\n#\t\nfive",
    "Tragödie 👋 *👋* **ö**ö and “*quoted*”, *(in brackets)*.",
]
# Pieces of which answers are put together at random, the same ones in each run.
PARTS = [
    "*",
    "**",
    "_",
    "__",
    "***",
    "`",
    "``",
    "[",
    "](http://a.org/b)",
    "](http://a.org/x_(y))",
    "]",
    "word",
    "a_b",
    "é",
    "👋",
    ".",
    ",",
    "(",
    ")",
    "#",
    "##",
    "```",
    "```py",
    "~~~",
    "**bold**",
    "*em*",
    "`code`",
    "&",
    "<b>",
]
PARTS += [
    " ",
    " ",
    "\n",
    "\n",
    "\n\n",
    "\n- ",
    "\n  - ",
    "\n1. ",
    "\n   ",
    "2) ",
    "\\",
]

RUN = """
const [script, argument, done] = arguments;
import("/static/markdown.js")
    .then(({ Markdown }) => eval(script)(Markdown, argument))
    .then(done, (error) => done(String(error.stack)));
"""
# Make what the page and markdown-it-py show comparable: without what CommonMark's
# tight lists, white space at line ends and attributes of ours are about.
SHOW = """
const show = (Markdown, pieces) => {
    const place = document.createElement("div");
    const markdown = new Markdown(place);
    for (const piece of pieces) markdown.write(piece);
    markdown.end();
    return place;
};
const plain = (place) => {
    place.normalize();
    for (const element of place.querySelectorAll("*")) {
        element.removeAttribute("class");
        if (element.start === 1) element.removeAttribute("start");
        if (element.localName === "br") element.remove();
        if (element.localName === "a") element.setAttribute("href", element.href);
    }
    const nodes = document.createTreeWalker(place, NodeFilter.SHOW_TEXT);
    const texts = [];
    while (nodes.nextNode()) texts.push(nodes.currentNode);
    for (const text of texts) {
        text.data = text.data.replaceAll("\\r\\n", "\\n");
        const name = text.parentElement.localName;
        const isBetween = ["div", "ul", "ol", "li"].includes(name);
        if (text.parentElement.closest("pre")) text.data = text.data.trimEnd();
        else if (name === "code") text.data = text.data.replace(/\\s+/g, " ");
        else text.data = text.data.replace(/[ \\t]*\\n[ \\t]*/g, "\\n");
        const isLast = !text.nextSibling && /^(p|h.)$/.test(name);
        if (isLast) text.data = text.data.trimEnd();
        if (isBetween && !text.data.trim()) text.remove();
    }
    return place.innerHTML.replaceAll("<p></p>", "");
};
"""


@pytest.fixture
def page(chromium, serve):
    """Return a function that runs a script with the lesson's Markdown in a page."""
    app = Flask("markdown", static_folder=str(LESSON / "static"))
    app.add_url_rule("/", view_func=lambda: "<!doctype html><title>Markdown</title>")
    chromium.get(serve(app))

    def run(script, argument=None):
        found = chromium.execute_async_script(RUN, f"{SHOW}({script})", argument)
        assert not isinstance(found, str), found
        return found

    return run


def html_of(markdown):
    """Return what markdown-it-py makes of an answer, with <p> in each list item.

    None for code that is only indented: the lesson's reader does not know it.
    """
    tokens = COMMONMARK.parse(markdown)
    if any(token.type == "code_block" for token in tokens):
        return None
    for token in tokens:
        token.hidden = False
    return COMMONMARK.renderer.render(tokens, COMMONMARK.options, {})


def random_answers(count):
    """Return answers that nobody would write, without what only one reader knows."""
    chance = random.Random(21)
    answers = []
    while len(answers) < count:
        parts = chance.choices(PARTS, k=chance.randint(2, 30))
        answer = "".join(parts)
        is_unknown = any(mark in answer for mark in ("\\\n", "\\ ", "[](", "](("))
        if not is_unknown and html_of(answer) is not None:
            answers.append(answer)
    return answers


def test_it_reads_what_markdown_it_py_reads(page):
    answers = [*ANSWERS, *random_answers(600)]
    pairs = [[answer, html_of(answer)] for answer in answers]
    different = page(
        """(Markdown, pairs) => pairs.map(([answer, html]) => {
            const expected = document.createElement("div");
            expected.innerHTML = html;
            return [answer, plain(show(Markdown, [answer])), plain(expected)];
        }).filter(([answer, ours, theirs]) => ours !== theirs)""",
        pairs,
    )
    assert different == []


def test_wherever_an_answer_is_cut_the_page_ends_up_the_same(page):
    answers = [*ANSWERS, *random_answers(150)]
    answers += [answer.replace("\n", "\r\n") for answer in answers[::5]]
    different = page(
        """(Markdown, answers) => answers.flatMap((answer) => {
            const { innerHTML } = show(Markdown, [answer]);
            const same = (pieces) => show(Markdown, pieces).innerHTML === innerHTML;
            const letters = [...answer];
            const cuts = letters.map((_, at) => [
                letters.slice(0, at).join(""), letters.slice(at).join("")]);
            return [letters, ...cuts].filter((pieces) => !same(pieces));
        })""",
        answers,
    )
    assert different == []


HTML = "<img src=x onerror=ran()> <script>ran()</script> <svg onload=ran()> <b>b</b>"
PLACES = [
    "",
    "# ",
    "- ",
    "1. ",
    "```\n",
    "```",
    "`",
    "**",
    "[",
    "![",
    "> ",
    "~~~ ",
    "|",
]
LINKS = [
    "javascript:ran()",
    "JAVASCRIPT:ran()",
    "data:text/html,<b>",
    "vbscript:ran()",
    "//b.org",
    "/b",
    "b.html",
    "?b",
    "#b",
    "ftp://b.org",
    "httpx://b.org",
    "https:b.org",
    "mailto:a@b.org",
    "file:///b",
]
ALLOWED = [
    "p",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "ul",
    "ol",
    "li",
    "pre",
    "code",
    "strong",
    "em",
    "a",
]


def test_no_element_outside_the_list_appears_whatever_is_sent(page):
    hostile = [f"{place}{HTML}\n" for place in PLACES]
    hostile += [f"[a]({link}) ![a]({link}) <{link}>" for link in LINKS]
    hostile += [f"[a](https://b.org/{HTML})", '[a](https://b.org/"onclick="ran())']
    found = page(
        """(Markdown, answers) => answers.flatMap((answer) =>
            [[answer], [...answer]].flatMap((pieces) =>
                [...show(Markdown, pieces).querySelectorAll("*")].map((element) =>
                    [element.localName, element.getAttributeNames().join()])))""",
        [*hostile, *random_answers(200)],
    )
    kinds = {tuple(each) for each in found}
    assert {name for name, _ in kinds} <= set(ALLOWED)
    assert {names for _, names in kinds} <= {"", "href", "start"}


def test_no_address_but_http_and_https_becomes_a_link(page):
    answers = [f"[a]({link})" for link in LINKS]
    texts = page(
        """(Markdown, answers) => answers.map((answer) => {
            const place = show(Markdown, [answer]);
            return [place.querySelectorAll("a").length, place.textContent];
        })""",
        answers,
    )
    assert texts == [[0, answer] for answer in answers]


COSTLY = {  # patterns whose readers often need more than linear time
    "prose": "Some **bold** words and `code`, [a link](https://a.org/b) too.\n\n",
    "one paragraph": "word *em* ",
    "one list": "- a\n",
    "nested lists": "- a\n  - b\n    - c\n",
    "one block of code": "```\ncode\n",
    "stars": "*a ",
    "only stars": "*",
    "underlines": "_a *b ",
    "brackets": "[",
    "half a link": "[a](",
    "half an address": "[a](https://b",
    "backquotes": "` `` ``` ",
    "code that is never closed": "a``",
    "items in items": "- ",
    "numbers": "1",
    "a heading": "# #",
    "spaces": " ",
    "backslashes": "\\",
}


def test_four_times_the_text_costs_four_times_the_work(page):
    """The work is what is added to the page, and what the patterns look at."""
    costs = page(
        """(Markdown, texts) => {
            let steps = 0;
            const { exec } = RegExp.prototype;
            RegExp.prototype.exec = function (text) {
                const begin = this.lastIndex;
                const found = exec.call(this, text);
                const end = found ? found.index + found[0].length : text.length;
                steps += 1 + Math.max(end - begin, 0);
                return found;
            };
            const count = (text) => {
                steps = 0;
                const pieces = text.match(/[^]{1,4}/g);
                const observer = new MutationObserver(() => {});
                const place = document.createElement("div");
                observer.observe(place, { childList: true, subtree: true });
                const markdown = new Markdown(place);
                for (const piece of pieces) markdown.write(piece);
                markdown.end();
                for (const { addedNodes } of observer.takeRecords()) {
                    steps += addedNodes.length;
                }
                return steps;
            };
            const costs = Object.entries(texts).map(([name, text]) => {
                const cut = (length) => text.repeat(length).slice(0, length);
                return [name, count(cut(4000)), count(cut(16000))];
            });
            RegExp.prototype.exec = exec;
            return costs;
        }""",
        COSTLY,
    )
    assert {name for name, once, often in costs if often > 5 * once} == set()
    assert {name for name, once, _ in costs if once > 4000 * 100} == set()


def test_nothing_is_nested_deeper_than_a_browser_can_draw(page):
    texts = [text * 5000 for text in ("- ", "1. ", "*", "**a ", "[", "> ", "__")]
    texts += ["*" * 5000 + "a" + "*" * 5000, "[" * 5000 + "a" + "](http://b.c)" * 5000]
    depths = page(
        """(Markdown, texts) => texts.map((text) => {
            let depth = 0;
            for (const element of show(Markdown, [text]).querySelectorAll("*")) {
                let height = 1;
                for (let each = element; each.parentElement; each = each.parentElement)
                    height += 1;
                depth = Math.max(depth, height);
            }
            return depth;
        })""",
        texts,
    )
    assert max(depths) < 100


@pytest.fixture
def begun(chromium, serve):
    """Return a browser with the page that the lesson begins with, without page.js."""
    html = (LESSON / "templates" / "index.html").read_text(encoding="utf-8")
    app = Flask("begin", static_folder=str(LESSON / "begin" / "static"))
    app.add_url_rule("/", "page", lambda: html.replace("static/page.js", ""))
    cost = LESSON / "static" / "cost.js"
    app.add_url_rule("/cost.js", "cost", lambda: send_file(cost))
    chromium.get(serve(app))
    return chromium


def test_a_page_that_makes_html_adds_as_many_nodes_as_the_notes_say(begun):
    """See it break: four times the text, about thirteen times the nodes."""
    assert "the number is about thirteen times as large" in NOTES
    question = begun.execute_script('return document.querySelector("textarea").value')
    counts = []
    for words in (60, 240):
        chunks = PracticeModel().stream(f"/slow 2000 /long {words} {question}")
        text = begun.execute_async_script(
            """
            const [pieces, done] = arguments;
            const answer = document.createElement("div");
            const cost = document.createElement("p");
            const load = [import("/static/to_html.js"), import("/cost.js")];
            Promise.all(load).then(([{ toHtml }, { countNodes }]) => {
                countNodes(answer, cost);
                let markdown = "";
                for (const piece of pieces) {
                    markdown += piece;
                    answer.innerHTML = toHtml(markdown);
                }
                setTimeout(() => done(cost.textContent));
            });
            """,
            [chunk.text for chunk in chunks],
        )
        counts.append(int(text.split()[0]))
    assert 12.5 < counts[1] / counts[0] < 13.5


def test_a_page_that_makes_html_runs_the_script_that_the_notes_show(begun):
    """See it break: what the lesson begins with, and the question in its form."""
    said = begun.execute_async_script(
        """
        const [done] = arguments;
        const answer = document.querySelector("#answer");
        const problem = document.querySelector("#problem");
        new MutationObserver(() => done(problem.textContent))
            .observe(problem, { childList: true });
        import("/static/to_html.js").then(({ toHtml }) => {
            answer.innerHTML = toHtml(document.querySelector("textarea").value);
        });
        """
    )
    assert said == "The answer ran a script."

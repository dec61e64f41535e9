"""The notes as HTML: Markdown, with the quotations in colour."""

import re
from functools import cache
from html import escape
from itertools import pairwise
from typing import NamedTuple

from lessons.course.fences import in_colour, words_of
from lessons.course.order_lines import exercises_of, fold_of

FOLD = re.compile(r"(</?(?:details|summary)>)")  # the only HTML that notes may hold
SUMMARY = re.compile("<details><summary>(.+?)</summary>")
NOTES = re.compile(r"(^|/)README\.md(?=#|$)")  # in an address, before its #heading
SERVER = re.compile(r"http://(127\.0\.0\.1|localhost):8000/?")  # as notes write it
CAPTIONS = {"console": "terminal", "js": "JavaScript", "python": "Python"}
MOST_LINES = 24  # of code that stays on one sheet when the notes are printed
OTHER_NOTES = re.compile(r"(^|/)(GLOSSARY|SOURCES)\.md(?=#|$)")


class Heading(NamedTuple):
    """A heading of the notes, as their table of contents shows it."""

    id: str  # which a link to it names: "run-it"
    text: str  # "Run it"
    is_below: bool  # another heading: "### What you are given"


@cache  # what was made once is kept
def to_html(markdown, root="../../", wrong_lines=()):
    """Return notes as HTML, in which links to other notes lead to their pages.

    A link to the server leads to `root` instead, an address relative to the page. It
    holds at every port, and behind a proxy. The wrong lines that a lesson knows are for
    the exercises in its notes: see order_lines.py.
    """
    md = markdown_parser()
    tokens = md.parse(markdown)
    name_headings(tokens)
    lead_links_to_pages(tokens, root)
    tokens = with_exercises(tokens, wrong_lines)
    return md.renderer.render(tokens, md.options, {})


@cache
def headings_in(markdown):
    """Return the headings below the title of some notes."""
    return [
        Heading(id_of(inside.content), text_of(inside), opening.tag == "h3")
        for opening, inside in pairwise(markdown_parser().parse(markdown))
        if opening.type == "heading_open" and opening.tag != "h1"
    ]


@cache
def markdown_parser():
    """Return what reads Markdown as our notes have it, and writes it as HTML."""
    from markdown_it import MarkdownIt  # here, as the first page does not need it

    md = MarkdownIt("commonmark", {"html": True}).enable("table")
    # How a kind of token is written; a token is a part of the text, such as a fence.
    md.add_render_rule("html_block", write_folds)
    md.add_render_rule("html_inline", write_folds)
    md.add_render_rule("fence", write_quotation)
    md.add_render_rule("exercise", write_exercise)
    md.add_render_rule("table_open", lambda *_: '<div class="wide"><table>\n')
    md.add_render_rule("table_close", lambda *_: "</table></div>\n")
    return md


def name_headings(tokens):
    """Give each heading an id and, below the title, make it a link to itself."""
    from markdown_it.token import Token

    for opening, inside in pairwise(tokens):  # the heading's text is the token after it
        if opening.type == "heading_open":
            name = id_of(inside.content)
            opening.attrSet("id", name)
            if opening.tag != "h1":
                address = {"href": f"#{name}", "class": "anchor"}
                link = Token("link_open", "a", 1, attrs=address)
                inside.children = [link, *inside.children, Token("link_close", "a", -1)]


def id_of(heading):
    """Return the id of a heading, of which this is the Markdown: "run-it"."""
    return "-".join(re.findall(r"\w+", heading.lower()))


def text_of(inline):
    """Return the text of a token that holds the text of a heading, without marks."""
    return "".join(part.content for part in inline.children)


def lead_links_to_pages(tokens, root):
    """Let each link to a file of notes, or to the server, lead to its page."""
    for token in tokens:
        for link in token.children or []:
            if link.type == "link_open":
                address = link.attrs["href"]
                if SERVER.match(address):
                    link.attrSet("href", SERVER.sub(root, address))
                    if link.info == "auto":  # its text is the address too: see notes.js
                        link.attrSet("class", "address")
                else:
                    link.attrSet("href", page_of(address))


def page_of(address):
    """Return ../02-b/ for ../02-b/README.md, and ../glossary for ../GLOSSARY.md."""
    page = NOTES.sub(r"\1", address)
    page = OTHER_NOTES.sub(lambda found: found[1] + found[2].lower(), page)
    return page or "./"


def with_exercises(tokens, wrong_lines):
    """Return tokens, with the lines of some fences to order, each before its fold."""
    from markdown_it.token import Token

    done = []
    fold = None  # the place in done where a fold begins that holds the fence
    exercises = []
    for token in tokens:
        found = SUMMARY.search(token.content) if token.type == "html_block" else None
        if found:
            name, fold, exercises = found[1], len(done), []
        done.append(token)
        if token.type == "fence":
            exercises += exercises_of(token.info, token.content, wrong_lines)
        elif token.content.startswith("</details>") and exercises:
            text = fold_of(name.removeprefix("The code: "), exercises)
            done.insert(fold, Token("exercise", "", 0, content=text))
            exercises = []
    return done


def write_exercise(renderer, tokens, index, options, env):
    """Return an exercise, which is HTML already."""
    return tokens[index].content


def write_folds(renderer, tokens, index, options, env):
    """Keep <details> and <summary>; show any other HTML as it was written."""
    parts = FOLD.split(tokens[index].content)
    return "".join(part if FOLD.match(part) else escape(part) for part in parts)


def write_quotation(renderer, tokens, index, options, env):
    """Return a fence as a figure; its title, the name of a file, is the caption.

    Without a title the caption says what it is. What crosses a wire has none.
    """
    language, words = words_of(tokens[index].info)
    name = words.get("title") or CAPTIONS.get(language)
    caption = f"<figcaption>{escape(name)}</figcaption>" if name else ""
    code = in_colour(tokens[index].content, language)
    # who scrolls by keyboard needs a place to stand
    box = f'<pre tabindex="0" role="group" aria-label="{escape(name or language)}">'
    tall = ' class="tall"' if tokens[index].content.count("\n") > MOST_LINES else ""
    return f"<figure{tall}>{caption}{box}<code>{code}</code></pre></figure>\n"

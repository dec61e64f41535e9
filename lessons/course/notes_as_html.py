"""The notes as HTML: Markdown, with the quotations in colour."""

import re
from functools import cache
from html import escape
from itertools import pairwise
from typing import NamedTuple

FOLD = re.compile(r"(</?(?:details|summary)>)")  # the only HTML that notes may hold
NOTES = re.compile(r"(^|/)README\.md(?=#|$)")  # in an address, before its #heading
SERVER = re.compile(r"http://(127\.0\.0\.1|localhost):8000/?")  # as notes write it
CAPTIONS = {"console": "terminal", "js": "JavaScript", "python": "Python"}
OTHER_NOTES = re.compile(r"(^|/)(GLOSSARY|SOURCES)\.md(?=#|$)")


class Heading(NamedTuple):
    """A heading of the notes, as their table of contents shows it."""

    id: str  # which a link to it names: "run-it"
    text: str  # "Run it"
    is_below: bool  # another heading: "### What you are given"


@cache  # what was made once is kept
def to_html(markdown, root="../../"):
    """Return notes as HTML, in which links to other notes lead to their pages.

    A link to the server leads to `root` instead, an address relative to the page. It
    holds at every port, and behind a proxy.
    """
    md = markdown_parser()
    tokens = md.parse(markdown)
    name_headings(tokens)
    lead_links_to_pages(tokens, root)
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


def write_folds(renderer, tokens, index, options, env):
    """Keep <details> and <summary>; show any other HTML as it was written."""
    parts = FOLD.split(tokens[index].content)
    return "".join(part if FOLD.match(part) else escape(part) for part in parts)


def write_quotation(renderer, tokens, index, options, env):
    """Return a fence as a figure; its title, the name of a file, is the caption.

    Without a title the caption says what it is. What crosses a wire has none.
    """
    from pygments import highlight
    from pygments.formatters import HtmlFormatter
    from pygments.lexers import get_lexer_by_name

    language, _, title = tokens[index].info.partition(" ")
    name = title.removeprefix('title="').removesuffix('"') or CAPTIONS.get(language)
    caption = f"<figcaption>{escape(name)}</figcaption>" if name else ""
    lexer = get_lexer_by_name(language or "text")
    code = highlight(tokens[index].content, lexer, HtmlFormatter(nowrap=True))
    # who scrolls by keyboard needs a place to stand
    box = f'<pre tabindex="0" role="group" aria-label="{escape(name or language)}">'
    return f"<figure>{caption}{box}<code>{code}</code></pre></figure>\n"

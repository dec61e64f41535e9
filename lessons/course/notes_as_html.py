"""The notes as HTML: Markdown, with the quotations in colour."""

import re
from functools import cache
from html import escape
from itertools import pairwise

FOLD = re.compile(r"(</?(?:details|summary)>)")  # the only HTML that notes may hold
NOTES = re.compile(r"(^|/)README\.md(?=#|$)")  # in an address, before its #heading
CAPTIONS = {"console": "terminal", "js": "JavaScript", "python": "Python"}
OTHER_NOTES = re.compile(r"(^|/)(GLOSSARY|SOURCES)\.md(?=#|$)")


@cache  # what was made once is kept
def to_html(markdown):
    """Return notes as HTML, in which links to other notes lead to their pages."""
    from markdown_it import MarkdownIt  # here, as the first page does not need it

    md = MarkdownIt("commonmark", {"html": True}).enable("table")
    # How a kind of token is written; a token is a part of the text, such as a fence.
    md.add_render_rule("html_block", write_folds)
    md.add_render_rule("html_inline", write_folds)
    md.add_render_rule("fence", write_quotation)
    md.add_render_rule("table_open", lambda *_: '<div class="wide"><table>\n')
    md.add_render_rule("table_close", lambda *_: "</table></div>\n")
    tokens = md.parse(markdown)
    name_headings(tokens)
    lead_links_to_pages(tokens)
    return md.renderer.render(tokens, md.options, {})


def name_headings(tokens):
    """Give each heading an id, for links to it: "Run it" becomes "run-it"."""
    for token, inside in pairwise(tokens):  # the heading's text is the token after it
        if token.type == "heading_open":
            words = re.findall(r"\w+", inside.content.lower())
            token.attrSet("id", "-".join(words))


def lead_links_to_pages(tokens):
    """Let each link to a file of notes lead to the page that shows it."""
    for token in tokens:
        for link in token.children or []:
            if link.type == "link_open":
                link.attrSet("href", page_of(link.attrs["href"]))


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

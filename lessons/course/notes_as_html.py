"""The notes as HTML: Markdown, with the quotations in colour."""

import re
from functools import cache
from html import escape
from itertools import pairwise

FOLD = re.compile(r"(</?(?:details|summary)>)")  # the only HTML that notes may hold


@cache
def to_html(markdown):
    """Return notes as HTML; links to another lesson's notes lead to its page."""
    from markdown_it import MarkdownIt  # here, as the first page does not need it

    md = MarkdownIt("commonmark", {"html": True}).enable("table")
    for kind in "html_block", "html_inline":
        md.add_render_rule(kind, fold)
    md.add_render_rule("fence", quotation)
    md.add_render_rule("table_open", lambda *_: '<div class="wide"><table>\n')
    md.add_render_rule("table_close", lambda *_: "</table></div>\n")
    tokens = md.parse(markdown)
    for token, inside in pairwise(tokens):
        if token.type == "heading_open":
            token.attrSet("id", "-".join(re.findall(r"\w+", inside.content.lower())))
        for link in token.children or []:
            if link.type == "link_open":
                page = re.sub(r"(^|/)README\.md(?=#|$)", r"\1", link.attrs["href"])
                link.attrSet("href", page or "./")
    return md.renderer.render(tokens, md.options, {})


def fold(renderer, tokens, index, options, env):
    """Keep <details> and <summary>; show any other HTML as it was written."""
    parts = FOLD.split(tokens[index].content)
    return "".join(part if FOLD.match(part) else escape(part) for part in parts)


def quotation(renderer, tokens, index, options, env):
    """Return a fence as a figure; its title, the name of a file, is the caption."""
    from pygments import highlight
    from pygments.formatters import HtmlFormatter
    from pygments.lexers import get_lexer_by_name

    language, _, title = tokens[index].info.partition(" ")
    name = title.removeprefix('title="').removesuffix('"')
    caption = f"<figcaption>{escape(name)}</figcaption>" if name else ""
    lexer = get_lexer_by_name(language or "text")
    code = highlight(tokens[index].content, lexer, HtmlFormatter(nowrap=True))
    # who scrolls by keyboard needs a place to stand
    box = f'<pre tabindex="0" role="group" aria-label="{escape(name or language)}">'
    return f"<figure>{caption}{box}<code>{code}</code></pre></figure>\n"

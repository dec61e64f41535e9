"""The fences of the notes: what their first line says, and their code in colour."""

import re


def words_of(info):
    """Return the language of a fence and what else its first line says, as a dict.

    For 'python title="app.py" order' that is {"title": "app.py", "order": ""}.
    """
    language, _, rest = info.partition(" ")
    return language, dict(re.findall(r'(\w+)(?:="(.*?)")?', rest))


def in_colour(code, language):
    """Return code as HTML, in which each kind of word has a class of its own."""
    from pygments import highlight  # here, as the first page does not need it
    from pygments.formatters import HtmlFormatter
    from pygments.lexers import get_lexer_by_name

    lexer = get_lexer_by_name(language or "text")
    return highlight(code, lexer, HtmlFormatter(nowrap=True))

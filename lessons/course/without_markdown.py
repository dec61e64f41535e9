"""Sentences without their Markdown, for where a screen would show it as it is written.

A backtick beside a quotation mark is part of what is quoted, and stays.
"""

import re

CODE = r'(?<![\w"`])`([^`\n]+)`(?![\w"`])'
LINK = r"\[([^\]]+)\]\([^)]+\)"
STRESSED = r"\*+([^*\n]+)\*+"
MARKED = re.compile(f"{CODE}|{LINK}|{STRESSED}")


def without_backticks(text):
    """Return a text with the code in it as it is typed."""
    return re.sub(CODE, r"\1", text)


def without_markdown(text):
    """Return a text without its links and stress too; its code stays as it is typed."""

    def plain(marked):
        code, link, stressed = marked.groups()
        return code or without_markdown(link or stressed)

    return MARKED.sub(plain, text)

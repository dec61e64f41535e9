"""English that nobody reads twice: phrases of a translation do not come back.

Each row has a pattern, a sentence of this kind that the project once had, and what a
native writer says instead. The patterns are looked for in all that a person reads: the
notes, the pages, and the programs with their comments, docstrings and messages.
"""

import re

import pytest
from support import ROOT

ROWS = {
    "anew": (r"\banew\b", "builds everything anew", "rebuilds everything"),
    "mostly": (r"\b[Mm]ostly\b", "it mostly ends in /v1", "it usually ends in /v1"),
    "stands in": (
        r"\b(?:stands?|standing|stood) (?:in|at|there|here|before|behind|beside|below"
        r"|above|inside|between|under|around)\b",
        "the line stands in many tutorials",
        "many tutorials use this line",
    ),
    "belongs into": (r"\bbelongs? into\b", "it belongs into .env", "it goes in .env"),
    "leave away": (r"\bleave \w+ away\b", "leave that away", "remove it"),
    "who, without a person": (
        r"(?:^|[.:;] |\"\"\"|- )Who(?:ever)? (?!is )\w+s\b(?![^.]*\?)",
        "Who asks begins an answer and gets its name.",
        "The request that starts an answer returns its name. Who asks?",
    ),
    "for who": (
        r"\b(?:for|to|with|on|than|wakes?|lets?) who(?:ever)? (?!is )\w+s\b",
        "the default for who does not ask; checks run for who sits there",
        "the default for a client that does not ask",
    ),
    "what is no": (
        r"\b(?:[Ww]hat|which) (?:is|are|was|were) no (?!longer\b)\w",
        "What is no Refusal has no status.",
        "An error that is not a Refusal has no status.",
    ),
    "is no part": (
        r"\b(?:is|are|was) no part of\b",
        "reasoning is no part of the answer",
        "reasoning is not part of the answer",
    ),
    "wants its": (
        r"\b(?:[Ii]t|command|check|lesson|header|field|port|proxy|macOS|LangChain)"
        r" wants\b",
        "flask check: the command wants its number",
        "the command takes a lesson number",
    ),
    "which wants": (
        r"\bwhich wants an? \d",
        "that was for a list, which wants a 400",
        "that was for a list, which needs a 400",
    ),
    "hand on": (
        r"\bhand(?:s|ed|ing)? (?:(?:it|them|that|this|what) )?on\b",
        "a model hands on its answer in small parts",
        "a model passes on its answer in small parts",
    ),
    "handed to": (
        r"\b(?:is|are|was) handed (?:it|to|the|a)\b",
        "the service is handed a stream",
        "the service receives a stream",
    ),
    "counts for all": (
        r"\b(?:counts?|holds?) for (?:all|who|its own)\b",
        "it counts for all that follow",
        "it applies to every event after it",
    ),
    "who hangs up": (
        r"\b[Ww]ho hangs up\b|\bhung up on\b|\bhangs? up on the model\b",
        "who hangs up on the page hangs up on the model too",
        "when the reader leaves the page, the model stops too",
    ),
    "knows itself": (
        r"\bknows? itself\b",
        "This server does not know itself by that name.",
        "This server is not configured for that host name.",
    ),
    "is paid": (r"\btime is paid\b", "each time is paid", "you pay each time"),
    "for so long": (
        r"\b(?:for|after) so long\b",
        "a connection that is silent for so long",
        "a connection that is silent for a minute",
    ),
    "shall": (r"\bshall\b", "nginx shall not gather", "nginx must not collect"),
    "pass over": (
        r"\bpass(?:es|ed)? over (?:it|what|an?|the)\b|\b(?:is|are) passed over\b",
        "other fields are passed over",
        "other fields are ignored",
    ),
    "tells of": (
        r"\btells? of\b",
        "the words by which a provider tells of it",
        "the words that providers use for it",
    ),
    "all told": (
        r"\bwho are all told\b",
        "who are all told '5 seconds' would come back together",
        "clients that are all told '5 seconds' would come back together",
    ),
    "hands out": (
        r"\bhands out the questions\b",
        "one server that hands out the questions",
        "a load balancer",
    ),
}
# Where a phrase is right, and why.
ALLOWED = {
    "hang up on the model, clean up": "what somebody may ask the practice model",
    "this permission notice shall be included": "the licence has its own words",
    "shall she should so some": "words of a question that the search ignores",
}
KINDS = {".md", ".py", ".js", ".html", ".css", ".toml", ".conf", ".env", ".diff"}
NAMES = {".env.example", ".flaskenv", "LICENSE"}
NOT_READ = {".git", ".venv", "mine", "mine-before", "node_modules", "tests"}


def prose(text):
    """Return a text in one line, as a sentence may go on in the next.

    What is between two lines goes: the quotation marks of a message that is written as
    several strings, and the marks of a comment.
    """
    text = re.sub(r"""["']\s*\n\s*f?["']""", "", text)
    return re.sub(r"\s*\n\s*(?:(?:#|//|\*) )?", " ", text)


def is_read(path):
    """Whether a person reads a file, other than the tests."""
    inside = path.relative_to(ROOT).parts
    has_words = path.suffix in KINDS or path.name in NAMES
    return has_words and NOT_READ.isdisjoint(inside) and path.is_file()


@pytest.fixture(scope="module")
def read():
    """Return the prose of each file that a person reads, by the file's name."""
    found = {}
    for path in filter(is_read, ROOT.rglob("*")):
        name = path.relative_to(ROOT).as_posix()
        found[name] = prose(path.read_text(encoding="utf-8"))
    return found


def places(pattern, text):
    """Yield each place where a pattern is found, with the words around it."""
    for found in re.finditer(pattern, text):
        yield text[max(0, found.start() - 50) : found.end() + 50]


every_row = pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)


@every_row
def test_a_translated_phrase_is_found_and_the_idiomatic_one_is_not(row):
    pattern, translated, idiomatic = row
    assert re.search(pattern, prose(translated))
    assert not re.search(pattern, prose(idiomatic))


def test_a_phrase_is_found_across_lines():
    assert prose('"the line stands"\n    f" in many"') == '"the line stands in many"'
    assert prose("# builds it\n# anew") == "# builds it anew"


@every_row
def test_no_translated_phrase_is_there(row, read):
    pattern, _, idiomatic = row
    for name, text in read.items():
        for words in places(pattern, text):
            assert any(allowed in words for allowed in ALLOWED), (
                f"{name}: ...{words}...\nWrite it as in: {idiomatic}"
            )


def test_what_is_allowed_is_still_needed(read):
    for allowed in ALLOWED:
        assert any(allowed in text for text in read.values()), allowed

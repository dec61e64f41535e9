"""What the practice model knows: a search in the lessons' notes and the glossary.

The search on the pages of the course uses the same index.
"""

import re  # patterns: \w is a letter or digit, . anything, + one or more, * any number
from functools import cache
from pathlib import Path
from threading import Lock
from typing import NamedTuple  # a tuple whose parts have names

LESSONS = Path(__file__).parent / "lessons"  # the folder beside this file
EMPTY_WORDS = """
    a about all also am an and any are as ask asking at be because been before being
    between but by can cannot could d did difference do does doing dont each explain
    for from get gets getting give go good had happen happens has have he hello her
    here hey hi him his how i if ill im in instead into is isnt it its ive just let
    like ll lot m may me mean means more most much must my need needs no now of off
    oh ok on one only or other our over own please re really required s said same
    say says see shall she should so some still such t tell than thank thanks that
    the their them then there these they thing things this those to today too
    understand up us use used using ve very vs want was way we were what whats when
    where which while who why will with without work working works would yes yet you
    your
"""  # they are in many questions, and do not say what a question is about
# Queries in SQL. Each ? is filled in later. rowid is the number of an entry. MATCH
# finds the entries that contain a word. bm25 gives each a number, smaller the better it
# fits. A word in its heading counts 10, in its synonyms 5, in its text 1.
NEAREST = """
    SELECT rowid, heading, answer FROM entries WHERE entries MATCH ?
    ORDER BY bm25(entries, 10, 5, 1) LIMIT 3
"""
# snippet is a few words of the text, which is column 2, around those that were found.
PLACES = """
    SELECT file, title, heading, snippet(places, 2, '', '', '...', 24) FROM places
    WHERE places MATCH ? ORDER BY bm25(places, 10, 5, 1) LIMIT 8
"""
HOLDS = "SELECT rowid FROM entries WHERE rowid = ? AND entries MATCH ?"
ABOUT = (
    "I am the practice model of this course: not a language model, but a search in its "
    "lesson notes and its glossary. I can tell you what a term means and why a program "
    "streams, in English. /help lists how to make me slow, silent or broken."
)
UNKNOWN = "I cannot answer that."
EXAMPLES = 'Ask me "What is a chunk?", "Why flush?" or "What is backpressure?".'
REAL_MODEL = (
    "For a real model, write one line in a file named .env beside app.py, and start "
    "the server again. The line is OPENAI_API_KEY=sk-... with your key, or, for Ollama "
    "on your own machine, OPENAI_BASE_URL=http://localhost:11434/v1."
)
ALL_ELSE = "All lessons are at /lessons/, all terms at /lessons/glossary."
LOCK = Lock()  # lets one thread at a time search
# What Markdown writes around a block of code, around code in a line, or around words
# that it stresses. *? and +? stop at the first mark that closes. What ( ) finds stays.
MARKS = re.compile(r"```.*?\n(.*?)```|`(.+?)`|\*\*?([^*\s].*?)\*\*?", re.DOTALL)


def look_up(question):
    """Return the answer to a question, or the nearest headings and how to go on."""
    question = question.strip() or "Why flush?"  # /slow 5 alone asks nothing
    words = telling_words(question)
    if not words:
        return introduction("Hello!", EXAMPLES)
    topic = " ".join(words)
    with LOCK:
        entries, answers = index()
        if topic in answers:  # the question names an entry: "What is SSE?"
            return answers[topic]
        near = nearest(entries, words)
        if not near:
            return introduction(UNKNOWN, EXAMPLES)
        rowid, _, answer = near[0]  # the best; its heading is not needed
        # With more points than words, one of the words is in the heading. A single word
        # has two points at most, and can be there by chance.
        if points(entries, rowid, words) > max(2, len(words)):
            return answer
    headings = ", ".join(f'"{heading}"' for _, heading, _ in near)
    return introduction(UNKNOWN, f"Nearest to your question: {headings}.")


class Term(NamedTuple):
    """A term of the glossary."""

    name: str
    meaning: str
    lesson: int | None  # which explains it; None if it is not a term
    related: list[str]


NO_TERM = Term("unknown", UNKNOWN, None, ["chunk", "flush", "backpressure"])


def find_term(question):
    """Return the Term that a question is about, or NO_TERM."""
    words = telling_words(question)
    terms = glossary()
    topic = " ".join(words)
    if topic in terms:
        return terms[topic]
    if not words:
        return NO_TERM
    with LOCK:
        entries, _ = index()
        near = nearest(entries, words)
    for _, heading, _ in near:
        topic = " ".join(telling_words(heading))
        if topic in terms:
            return terms[topic]
    return NO_TERM


@cache
def glossary():
    """Return the terms of the glossary, a dict by topic."""
    terms = {}
    _, sections = read_notes(LESSONS / "GLOSSARY.md")
    for name, text in sections:
        also, meaning, read_on = text.split("\n\n")  # its three paragraphs
        related = also.removeprefix("Also: ").removesuffix(".").split(", ")
        lesson = int(re.search("[0-9]+", read_on)[0])  # "Read on: 18 · Many readers"
        term = Term(name, meaning, lesson, related)
        for topic in [name, *related]:
            terms.setdefault(" ".join(telling_words(topic)), term)
    return terms


def find_places(words):
    """Return (file, title, heading, words of the text) of eight places at most.

    The best is the first. It holds all of the words; if no place does, one of them is
    enough. The last may be the beginning of a word: somebody may still be writing it.
    """
    wanted = telling_words(words) or re.findall(r"\w+", words.lower())[:50]
    if not wanted:
        return []
    quoted = [f'"{word}"' for word in wanted]
    quoted[-1] = f"({quoted[-1]} OR {quoted[-1]}*)"  # * is the rest of a word
    with LOCK:
        entries, _ = index()
        for between in " AND ", " OR ":
            found = entries.execute(PLACES, [between.join(quoted)]).fetchall()
            if found:
                return found
    return []


def telling_words(text):
    """Return the words that say what a text is about, at most 50: each takes time."""
    empty_words = set(EMPTY_WORDS.split())
    words = {}  # the keys of a dict keep their order, and hold each word once
    for word in re.findall(r"\w+", text.lower()):
        if word not in empty_words:
            words[word] = True
    return list(words)[:50]


def nearest(entries, words):
    """Return (rowid, heading, answer) of three entries at most, the best first."""
    quoted = [f'"{word}"' for word in words]  # else "near" would be a search command
    return entries.execute(NEAREST, [" OR ".join(quoted)]).fetchall()


def points(entries, rowid, words):
    """Return how well an entry fits, as a number of points.

    A word in its text is a point; a word in its heading or its synonyms is two.
    """
    total = 0
    for word in words:
        anywhere = f'"{word}"'
        outside_the_text = f'-text : "{word}"'  # in fts5: in a column other than text
        for query in anywhere, outside_the_text:
            if entries.execute(HOLDS, [rowid, query]).fetchone():
                total += 1
    return total


def introduction(greeting, what_to_ask):
    """Return a text that says who answers, what to ask, and how to get a real model."""
    return f"{greeting} {ABOUT}\n\n{what_to_ask}\n\n{REAL_MODEL}"


@cache  # built at the first question, and then kept
def index():
    """Return a table of all entries to search in, and a dict of answers by topic."""
    import sqlite3  # here: needed only to ask or search

    # ":memory:" is a database without a file. SQLite checks that only one thread uses a
    # database. Here several do, one at a time, so LOCK takes the place of that check.
    entries = sqlite3.connect(":memory:", check_same_thread=False)
    # fts5 is SQLite's search for words. porter treats "flush" and "flushes" as one
    # word, and an UNINDEXED column is kept, but not searched.
    columns = "heading, also, text, answer UNINDEXED, tokenize=porter"
    # a virtual table is kept by a part of SQLite, here by fts5
    entries.execute(f"CREATE VIRTUAL TABLE entries USING fts5({columns})")
    answers = {}
    for heading, also, text, answer in read_entries():
        row = [heading, also, text, answer]
        entries.execute("INSERT INTO entries VALUES (?, ?, ?, ?)", row)
        for name in [heading, *also.split(", ")]:
            topic = " ".join(telling_words(name))
            answers.setdefault(topic, answer)  # of two entries, the first stays
    fill_places(entries)
    return entries, answers


def fill_places(entries):
    """Add a table of all places in the notes, for the search on the course's pages."""
    columns = "heading, also, text, file UNINDEXED, title UNINDEXED, tokenize=porter"
    entries.execute(f"CREATE VIRTUAL TABLE places USING fts5({columns})")
    for path in [*sorted(LESSONS.glob("[0-9]*/README.md")), LESSONS / "GLOSSARY.md"]:
        file = path.relative_to(LESSONS).as_posix()
        title, sections = read_notes(path, begins="\n###? ")  # ? makes a # optional
        for heading, text in sections:
            also = ""
            if text.startswith("Also: "):  # the synonyms of a term
                also, _, text = text.partition("\n\n")
            row = [heading, also, text, file, title]
            entries.execute("INSERT INTO places VALUES (?, ?, ?, ?, ?)", row)


def read_entries():
    """Yield (heading, synonyms, text, answer): questions of the notes, then terms."""
    for path in sorted(LESSONS.glob("[0-9]*/README.md")):  # the lessons, in order
        title, sections = read_notes(path)
        for heading, text in sections:
            if heading.endswith("?"):
                answer = f"{title}: {heading}\n\n{text}\n\n{ALL_ELSE}"
                yield heading, "", text, answer
    _, terms = read_notes(LESSONS / "GLOSSARY.md")
    for term, text in terms:
        also, meaning, read_on = text.split("\n\n")  # its three paragraphs
        also = also.removeprefix("*Also: ").removesuffix(".*")
        answer = f"{term}\n\n{meaning}\n\n{read_on}. {ALL_ELSE}"
        yield term, also, meaning, answer


def read_notes(path, begins="\n## "):
    """Return the title of some notes, and (heading, text) of each section.

    `begins` is a pattern of what a section begins with.
    """
    top, *parts = re.split(begins, path.read_text(encoding="utf-8"))
    title = top.partition("\n")[0].removeprefix("# ")  # the first line
    sections = []
    for part in parts:
        heading, _, text = part.partition("\n")
        sections.append((heading, plain_text(text)))
    return title, sections


def plain_text(markdown):
    """Return the text of some notes without its folds, its links and its marks."""
    # Code and hints are folded. DOTALL: the dot stands for the end of a line too.
    fold = r"\n<details>.*?</details>\n?"
    text = re.sub(fold, "", markdown, flags=re.DOTALL)
    # "[words](address)" becomes "words", which \1 stands for: what the first ( ) found.
    text = re.sub(r"!?\[(.+?)\]\(.+?\)", r"\1", text)
    # A row of a table is "| what | why |". The line below the first row is |---|---|.
    # MULTILINE: ^ and $ are the two ends of each line.
    text = re.sub(r"^\|[-|]+\n", "", text, flags=re.MULTILINE)
    text = re.sub(r"^\| (.+) \|$", in_a_line, text, flags=re.MULTILINE)
    text = MARKS.sub(lambda mark: mark[1] or mark[2] or mark[3], text)
    return text.strip()


def in_a_line(row):
    """Return the cells of a table's row, which a pattern has found, as text."""
    return row[1].replace(" | ", "; ")

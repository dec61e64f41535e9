"""The glossary: what each term means, on GitHub, as a page, and where a term stands."""

import re
from urllib.parse import urljoin

import pytest
from support import ROOT

import practice_search
from lessons.course.notes_as_html import to_html

PAGE = "/lessons/glossary"
TEXT = (ROOT / "lessons" / "GLOSSARY.md").read_text(encoding="utf-8")
ENTRIES = dict(section.split("\n\n", 1) for section in TEXT.split("\n## ")[1:])
NOTES = sorted(ROOT.glob("lessons/[0-9]*/README.md"))
LINK = re.compile(r"\]\(\.\./GLOSSARY\.md#([\w-]+)\)")
WORDS = """
Prompt, Model, Chunk, Piece, Stream, First text, Finish reason, Usage, Backpressure
""".strip()


def on_github(heading):
    """Return the anchor that GitHub gives a heading."""
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


def anchors(html):
    """Return the ids of the terms on a page, in their order."""
    return re.findall('<h2 id="(.+?)"', html)


def names(term):
    """Return a term and its synonyms, but for the commands, which start with /."""
    also = ENTRIES[term].partition(".*")[0].removeprefix("*Also: ").split(", ")
    return [term, *(name for name in also if not name.startswith("/"))]


# Each term


@pytest.mark.parametrize("term", ENTRIES)
def test_a_term_has_synonyms_a_meaning_and_a_lesson(term):
    also, meaning, read_on = ENTRIES[term].strip().split("\n\n")
    assert re.fullmatch(r"\*Also: .+\.\*", also)
    sentences = re.split(r"(?<=\.) ", meaning)
    assert meaning.endswith(".") and 2 <= len(sentences) <= 4
    [(title, name)] = re.findall(r"^Read on: \[(.+)\]\((.+)/README\.md\)$", read_on)
    notes = ROOT / "lessons" / name / "README.md"
    assert notes.read_text(encoding="utf-8").startswith(f"# {title}\n")


def test_terms_stand_in_the_order_of_the_alphabet():
    words = [re.findall(r"\w+", term.lower()) for term in ENTRIES]
    assert words == sorted(words)


def test_the_words_of_the_course_are_explained():
    assert set(WORDS.split(", ")) <= set(ENTRIES)


@pytest.mark.parametrize("term", ENTRIES)
def test_the_practice_model_knows_a_term_by_each_of_its_names(term):
    """Where the notes ask for the term in a heading, they answer."""
    _, answers = practice_search.index()
    for name in names(term):
        words = practice_search.telling_words(name)
        assert " ".join(words) in answers, f"{name} has no word that tells what it is"
        first_line = practice_search.look_up(f"What is {name}?").partition("\n")[0]
        assert first_line == term or re.match(r"\d\d · ", first_line), name


# Its page


def test_the_page_shows_every_term(client):
    page = client.get(PAGE)
    assert page.status_code == 200
    assert anchors(page.text) == [on_github(term) for term in ENTRIES]


def test_the_page_leads_to_the_lessons(client):
    page = client.get(PAGE).text
    links = {link for link in re.findall('href="(.+?)"', page) if "://" not in link}
    assert len(links) > len(NOTES)
    for link in links:
        answer = client.get(urljoin(PAGE, link), buffered=True)
        assert answer.status_code == 200, link


def test_the_page_loads_only_what_is_ours(client):
    policy = client.get(PAGE).headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'") and "unsafe" not in policy


def test_the_way_through_leads_to_the_page(client):
    page = client.get("/lessons/").text
    [link] = re.findall('href="(.+?)">Glossary<', page)
    assert urljoin("/lessons/", link) == PAGE


def test_a_link_to_a_term_leads_to_it_on_the_page():
    html = to_html("[a](../GLOSSARY.md#api-key) [b](GLOSSARY.md) [c](MY-GLOSSARY.md)")
    links = re.findall('href="(.+?)"', html)
    assert links == ["../glossary#api-key", "glossary", "MY-GLOSSARY.md"]


# Where a term stands


@pytest.mark.parametrize("path", NOTES, ids=[path.parent.name for path in NOTES])
def test_notes_link_to_terms_that_there_are(path, client):
    links = LINK.findall(path.read_text(encoding="utf-8"))
    assert links, (
        "explain a new term in lessons/GLOSSARY.md, and link it where it first appears"
    )
    assert set(links) <= {on_github(term) for term in ENTRIES}
    here = f"/lessons/{path.parent.name}/"
    page = client.get(here).text
    for link in links:
        [address] = re.findall(f'href="([^"]+#{link})"', page)
        assert urljoin(here, address) == f"{PAGE}#{link}"


def test_a_term_is_linked_where_it_first_appears_and_only_there():
    first = {}
    for path in NOTES:
        lesson = path.parent.name
        for link in LINK.findall(path.read_text("utf-8")):
            assert link not in first, (
                f"{lesson} links #{link}, and so does {first[link]}: keep the first one"
            )
            first[link] = lesson

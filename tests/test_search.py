"""The search on the course's pages: what it finds, where it leads, what it costs."""

import json
import os
import subprocess
import sys
from contextlib import ExitStack, closing
from urllib.parse import urljoin

import pytest
from selenium.webdriver.common.keys import Keys
from support import ROOT
from support.course import PAGE, PATIENCE

import practice_search

READING = "Why does the page use getReader()?"


def found(visit, words):
    answer = visit.get("/lessons/search", query_string={"q": words})
    assert answer.status_code == 200
    return answer.json


def test_a_hit_leads_to_the_heading_it_names(visit):
    hits = found(visit, "getReader")
    assert hits[0]["address"] == "glossary#getreader"
    [hit] = [hit for hit in hits if hit["heading"] == READING]
    assert hit["title"] == "03 · A page that reads it"
    assert "getReader" in hit["words"]
    places = set()  # of many searches: each address is a page with such a heading
    for words in "stream", "flask start", "step 2", "nginx", "429", "a", "key", "wire":
        places.update(hit["address"] for hit in found(visit, words))
    assert len(places) > 30
    for place in places:
        path, _, name = urljoin("/lessons/", place).partition("#")
        assert f' id="{name}">' in visit.get(path).text, place


@pytest.fixture
def search_in(tmp_path, monkeypatch):
    """Return a function that lets the search find only in a lesson and a glossary."""
    with ExitStack() as stack:

        def install(lesson, glossary):
            (tmp_path / "01-one").mkdir()
            (tmp_path / "01-one" / "README.md").write_text(lesson, encoding="utf-8")
            (tmp_path / "GLOSSARY.md").write_text(glossary, encoding="utf-8")
            monkeypatch.setattr(practice_search, "LESSONS", tmp_path)
            index = practice_search.index.__wrapped__()  # a new one, which is not kept
            monkeypatch.setattr(practice_search, "index", lambda: index)
            stack.enter_context(closing(index[0]))

        yield install


FIRST = """# 01 · One

## See it break

A wall of text.

### Step 2: a fence

The `wall` keeps streams, and *hedges*.
"""
GLOSSARY = """# Glossary

## Hedge

*Also: bush, shrub.*

A hedge is a wall that grows. It is green.

Read on: [01 · One](01-one/README.md)
"""


@pytest.mark.parametrize(
    ("words", "headings"),
    [
        ("hedge", ["Hedge", "Step 2: a fence"]),  # a heading says more than a text
        ("HEDGES,  wall", ["Hedge", "Step 2: a fence"]),  # all of the words
        ("wall keeping", ["Step 2: a fence"]),  # in another form
        ("strea", ["Step 2: a fence"]),  # it is still being written
        ("shrub", ["Hedge"]),  # a synonym
        ("xyzzy hedge", ["Hedge", "Step 2: a fence"]),  # no place holds both
        ("the", ["Step 2: a fence"]),  # the only word that there is
        ("also read", ["Hedge"]),
        ("xyzzy", []),
    ],
)
def test_the_best_places_come_first(search_in, words, headings):
    search_in(FIRST, GLOSSARY)
    places = practice_search.find_places(words)
    assert [heading for _, _, heading, _ in places] == headings


LISTS = """# 01 · One

## Change it

Change the hedge:

1. At the beginning, cut it:
   - `low` in front;
   - `high` behind.
2. Water it.
"""


def test_the_words_of_a_list_are_shown_without_its_marks(search_in, visit):
    """A hit shows them in one line, where a dash would look like a dash."""
    search_in(LISTS, GLOSSARY)
    [hit, _] = found(visit, "hedge beginning") + found(visit, "bush")
    words = " ".join(hit["words"].split())
    assert words.startswith("Change the hedge: At the beginning, cut it: low in front;")
    assert words.endswith("high behind. Water it.")


@pytest.mark.parametrize(
    "words", ["", "   ", "xyzzy", '"', "NEAR(", "a* OR -b", "^:()", "\0", "'; DROP"]
)
def test_what_is_no_word_of_the_notes_finds_nothing_or_little(visit, words):
    assert len(found(visit, words)) <= 8
    if not any(letter.isalpha() for letter in words) or words == "xyzzy":
        assert found(visit, words) == []


def test_very_many_words_are_looked_up_soon(visit):
    assert found(visit, " ".join(f"w{n}" for n in range(5000))) == []


COST = """import json, sys
import app
from flask import g
visit = app.app.test_client()
loaded = ["sqlite3" in sys.modules]
for path in "/", "/lessons/", "/lessons/glossary", "/lessons/search?q=flush":
    assert visit.get(path).status_code == 200, path
    loaded.append("sqlite3" in sys.modules)
print(json.dumps([app.model.name, loaded]))
"""


@pytest.mark.parametrize("model", ["practice", "openai:gpt-5"])
def test_the_first_search_loads_sqlite_whatever_model_answers(model):
    env = os.environ | {"MODEL": model, "OPENAI_API_KEY": "sk-of-nobody"}
    done = subprocess.run(
        [sys.executable, "-c", COST],
        cwd=ROOT,
        env=env,
        capture_output=True,
        timeout=PATIENCE,
    )
    assert done.returncode == 0, done.stderr
    name, loaded = json.loads(done.stdout)
    assert (name in model, loaded) == (True, [False, False, False, False, True])


# In a browser


@pytest.mark.parametrize("path", ["/lessons/", "/lessons/glossary", PAGE])
def test_somebody_finds_a_heading_from_any_page(reader, visit, path):
    reader.browser.get(reader.url + path)
    box = reader.browser.find_element("css selector", "#search input")
    box.send_keys("getread")  # no Enter: it looks when the typing pauses
    reader.until("document.querySelector('.hits a')")
    assert "places, the best first" in reader.text(".hits [role=status]")
    box.send_keys(Keys.ESCAPE)
    assert not reader.run("return document.querySelector('.hits a')")
    box.clear()
    box.send_keys("xyzzy", Keys.ENTER)
    reader.until("document.querySelector('.hits p').textContent.includes('nothing')")
    box.clear()
    box.send_keys("page getReader", Keys.ENTER)
    reader.until("document.activeElement.closest('.hits')")
    best = found(visit, "page getReader")[0]
    assert reader.run("return document.activeElement.textContent") == best["heading"]
    reader.browser.switch_to.active_element.send_keys(Keys.ENTER)
    reader.until("location.hash && document.querySelector(location.hash)")
    assert reader.browser.current_url == f"{reader.url}/lessons/{best['address']}"
    assert not reader.run("return document.querySelector('.hits a')")


LEAVES = """
    const [done] = arguments;
    const { q } = document.querySelector("#search").elements;
    let asked = 0;
    window.fetch = async () => { asked += 1; return Response.json([]); };
    q.value = "flush";
    q.dispatchEvent(new Event("input"));
    document.querySelector("main").click();
    setTimeout(() => done(asked), 300); // when it would have looked
"""


def test_a_search_ends_when_somebody_clicks_elsewhere(reader):
    reader.browser.get(f"{reader.url}/lessons/glossary")
    assert reader.browser.execute_async_script(LEAVES) == 0


def test_words_are_shown_as_text_and_a_failure_as_a_sentence(reader):
    reader.browser.get(f"{reader.url}/lessons/glossary")
    reader.run(
        """window.fetch = async () => Response.json([{ address: "glossary#api",
          heading: "<b>API</b>", title: "<i>", words: "<img src=x>" }]);"""
    )
    box = reader.browser.find_element("css selector", "#search input")
    box.send_keys("api", Keys.ENTER)
    reader.until("document.querySelector('.hits a')")
    assert (
        reader.run("return document.querySelectorAll('.hits :is(b, img, i)').length")
        == 0
    )
    assert "<b>API</b>" in reader.text(".hits")
    reader.run("window.fetch = async () => { throw new TypeError('Failed to fetch') }")
    box.send_keys(" key", Keys.ENTER)
    reader.until(
        "document.querySelector('.hits p').textContent.includes('did not work')"
    )
    assert not reader.run("return document.querySelector('.hits a')")

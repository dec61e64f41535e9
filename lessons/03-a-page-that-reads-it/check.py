"""The server of lesson 02 has a page; check.js looks at what the page does."""

from urllib.parse import urljoin, urlsplit

from lessons.course.for_checks.plain_text import (
    tags_of,
    test_a_prompt_that_is_not_a_string_is_refused,
    test_a_question_without_a_prompt_is_refused,
    test_nothing_slows_an_answer_down,
    test_post_ask_answers_in_plain_text,
    test_the_answer_is_what_the_model_wrote,
    test_the_first_piece_leaves_before_the_second_is_made,
    test_two_readers_each_get_their_own_answer,
    test_white_space_is_part_of_the_answer,
)

__all__ = [
    "test_a_prompt_that_is_not_a_string_is_refused",
    "test_a_question_without_a_prompt_is_refused",
    "test_nothing_slows_an_answer_down",
    "test_post_ask_answers_in_plain_text",
    "test_the_answer_is_what_the_model_wrote",
    "test_the_first_piece_leaves_before_the_second_is_made",
    "test_two_readers_each_get_their_own_answer",
    "test_white_space_is_part_of_the_answer",
]


def test_the_server_shows_a_page(client):
    answer = client.get("/")
    assert answer.status_code == 200, (
        f"GET / returned status {answer.status_code}, so a browser that opens the"
        ' address sees no page. Write @app.get("/") above a view that returns'
        ' render_template("index.html").'
    )
    assert answer.mimetype == "text/html", (
        f"GET / answers with the type {answer.mimetype}. Return render_template(...) as"
        " it is."
    )


def test_the_page_has_a_form_and_a_place_for_the_answer(client):
    page = client.get("/").text
    assert not page.strip().endswith(".html"), (
        f"GET / answers with the text {page.strip()!r}. Pass that name to"
        " render_template(...), which reads the file."
    )
    assert "{{" not in page, (
        "GET / answers with the raw template, with its {{ }}. Write return"
        ' render_template("index.html"), which reads the file in templates/, beside'
        " app.py. open() reads from the folder where flask was started, and that is"
        " another folder."
    )
    found = tags_of(page)
    names = {attributes.get("name") or attributes.get("id") for _, attributes in found}
    ids = {attributes.get("id") for _, attributes in found}
    assert "form" in dict(found) and "prompt" in names, (
        'The page has no form with an input named "prompt". Write <form><input'
        ' name="prompt" required> <button>Ask</button></form>.'
    )
    assert "answer" in ids, (
        'The page has no place for the answer. Write <div id="answer"></div>.'
    )
    divs = [each for tag, each in found if tag == "div"]
    assert page.lower().count("</div>") >= len(divs), (
        "A <div> has no end tag, so what follows is part of it. Write </div> after it,"
        " even if nothing is in between."
    )
    busy = [each.get("id") for _, each in found if each.get("aria-busy") == "true"]
    assert "answer" not in busy, (
        "#answer is marked as busy before anybody has asked, with dots after it. Write"
        ' aria-busy="false" in index.html, and let the script change it.'
    )


def is_elsewhere(file):
    """Whether an address leads to another server, or holds the file itself (data:)."""
    scheme, server, *_ = urlsplit(file)
    return bool(scheme or server)


def test_the_page_finds_its_script_and_its_style(client):
    page = client.get("/").text
    found = tags_of(page)
    files = [each.get("src") for tag, each in found if tag == "script"]
    files += [each.get("href") for tag, each in found if tag == "link"]
    files = [file for file in files if file and not is_elsewhere(file)]
    assert any(file.endswith(".js") for file in files), (
        'The page loads no script. Write <script type="module" src="static/page.js">.'
    )
    scripts = [each for tag, each in found if tag == "script"]
    assert page.lower().count("</script>") >= len(scripts), (
        "A <script> has no end tag, so nothing runs. Write </script> after it, even if"
        " nothing is in between."
    )
    for script in scripts:
        kind = (script.get("type") or "module").lower()
        runs = kind in ("module", "importmap") or kind.endswith("javascript")
        assert runs or not script.get("src"), (
            f'A browser runs no script with the type "{kind}". Write type="module".'
        )
    for file in files:
        status = client.get(urljoin("/", file)).status_code
        assert status == 200, (
            f"The page needs {file}, and the server answers {status}. Create the file"
            " if there is none yet. Else check its name, and the folder static/ beside"
            " app.py."
        )


def test_the_page_works_at_another_address(client):
    page = client.get("/", base_url="http://localhost/lessons/mine").text
    for tag, attributes in tags_of(page):
        file = attributes.get("src") or attributes.get("href") or ""
        leads_past_it = file.startswith("/") and not is_elsewhere(file)
        assert not leads_past_it or file.startswith("/lessons/mine/"), (
            f"<{tag}> loads {file}, with a leading slash. When the page is shown beside"
            " the text of the lesson, that address belongs to another program. Write"
            f' "{file.lstrip("/")}".'
        )

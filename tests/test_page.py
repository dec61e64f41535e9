"""The page keeps its promises, in a real browser with a scripted model."""

import re
import threading

import pytest
from langchain_core.exceptions import ModelRateLimitError
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from support import LIMIT
from support.browser import Page
from support.servers import running
from werkzeug.exceptions import BadGateway, NotFound
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.wrappers import Response

import app as program
from practice import PracticeModel, failure

LETTERS = "aé€😀 naïve\n日本語 🇳🇱"  # of one to four bytes
UNREACHED = "The server cannot be reached. Check that it is running, then ask again."
BROKE_OFF = "The answer broke off here. The text that arrived is kept."
MANY = [" more"] * 5000  # more than a socket takes once its reader has left


class ThePage(Page):
    """The page of the app."""

    prompt = "#prompt"

    def shows(self, text):
        """Wait until the answer is this text, so far."""
        self.until(lambda: self.answer == text)

    def ends(self, seconds=LIMIT):
        """Wait until the answer has ended; return how."""
        super().ends(seconds)
        return self.find("#status").get_attribute("data-how")

    def reads_from_the_test(self):
        """Let the test answer question n, by send(n, text): each is a read."""
        self.run("""
            window.bodies = [];
            const start = (body) => bodies.push(body);
            window.fetch = async () => new Response(new ReadableStream({ start }));
            const encoder = new TextEncoder();
            window.send = (n, text) => bodies[n].enqueue(encoder.encode(text));""")

    def has_asked(self, times):
        """Wait until that many questions have left."""
        self.until(lambda: self.run("return bodies.length") == times)

    def draws(self):
        """Wait until the browser has drawn what it knows."""
        self.run_async(
            "const done = arguments[0];"
            "requestAnimationFrame(() => requestAnimationFrame(() => done()))"
        )

    @property
    def answer(self):
        return self.run("return document.querySelector('#answer').textContent")

    @property
    def status(self):
        return self.find("#status").text

    @property
    def numbers(self):
        return self.run(NUMBERS, self.find("#wire"))

    @property
    def rows(self):
        return self.run(ROWS, self.find("#wire"))


NUMBERS = """return Object.fromEntries([...arguments[0].querySelectorAll("dl > div")]
  .map((number) => [...number.children].map((node) => node.textContent)))"""
ROWS = """return [...arguments[0].querySelectorAll("tbody tr")]
  .map((row) => [...row.children].map((cell) => cell.textContent))"""


@pytest.fixture
def page(browser, server):
    """Return the page of the app, as it opens."""
    return ThePage(browser, server)


@pytest.fixture
def size(browser):
    """Return a function that gives the browser a size for this test."""

    def resize(width, height):
        metrics = {"width": width, "height": height}
        metrics |= {"deviceScaleFactor": 1, "mobile": False}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)

    yield resize
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


@pytest.fixture
def page_over(browser, serve):
    """Return a function that opens the page where this answers /ask, byte for byte."""

    def open_page(answer, headers=(("Content-Type", "text/plain; charset=utf-8"),)):
        def wsgi(environ, start_response):
            if environ["PATH_INFO"] != "/ask":
                return program.app(environ, start_response)
            environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
            if callable(answer):
                return answer(environ, start_response)
            start_response("200 OK", list(headers))
            return iter(answer)

        return ThePage(browser, serve(wsgi))

    return open_page


# The answer


def test_text_appears_before_the_answer_ends(page, answer_with):
    gate = threading.Event()
    model = answer_with("one", gate, " two")
    page.ask()
    page.shows("one")
    assert model.made == 1
    gate.set()
    assert page.ends() == "complete"
    assert page.answer == "one two"


def test_letters_cut_anywhere_stay_whole(page_over):
    letters = LETTERS.encode()
    read = threading.Semaphore(0)  # the browser glues what it has not read yet

    def byte_by_byte():
        for byte in letters:
            yield bytes([byte])
            assert read.acquire(timeout=LIMIT)

    page = page_over(byte_by_byte())
    page.ask()
    for count in range(1, len(letters) + 1):
        page.until(lambda count=count: len(page.rows) == count)
        read.release()
    assert page.ends() == "complete"
    assert page.answer == LETTERS
    assert '""' in [text for *_, text in page.rows]  # letters did come cut


def test_an_answer_that_ends_inside_a_letter_shows_that(page_over):
    page = page_over([b"caf\xc3"])
    page.ask()
    assert page.ends() == "complete"
    assert page.answer == "caf\ufffd"


def test_markup_stays_text(page, answer_with):
    text = "<b>bold</b> <img src=x onerror=alert(1)> &amp; <script>alert(2)</script>"
    answer_with(text)
    page.ask()
    assert page.ends() == "complete"
    assert page.answer == page.find("#answer").text == text


def test_spaces_newlines_and_indents_survive(page, answer_with):
    answer_with("Hello ", "  ", "world\n", "\n", "  if x:\n", "\treturn  1\n", "\n.")
    page.ask()
    assert page.ends() == "complete"
    text = "Hello   world\n\n  if x:\n\treturn  1\n\n."
    assert page.answer == text
    assert page.run("return document.querySelector('#answer').innerText") == text


def test_the_blocks_of_a_long_answer_do_not_show(page):
    page.reads_from_the_test()
    page.ask()
    page.has_asked(1)
    page.run("""
        for (let i = 0; i < 200; i += 1)
          for (const text of ["line\\n", "\\n", "  word", " word\\n"]) send(0, text);
        bodies[0].close();""")
    assert page.ends() == "complete"
    blocks, in_blocks, in_one = page.run("""
        const answer = document.querySelector("#answer");
        const [blocks, height] = [answer.children.length, answer.offsetHeight];
        const whole = document.createElement("div");
        whole.append(answer.textContent);
        answer.replaceChildren(whole);
        return [blocks, height, answer.offsetHeight];""")
    assert blocks > 5
    assert in_blocks == in_one


def test_one_endless_line_is_cut_into_blocks(page):
    page.reads_from_the_test()
    page.ask()
    page.has_asked(1)
    page.run("for (let i = 0; i < 10_000; i += 1) send(0, ' word'); bodies[0].close()")
    assert page.ends() == "complete"
    assert page.answer == " word" * 10_000
    assert len(page.browser.find_elements(By.CSS_SELECTOR, "#answer > div")) == 4


def test_a_hundred_thousand_pieces_arrive_whole(page_over):
    pieces = [b" piece", b" of it", b"\nline "] * 33_333 + [b" end"]
    page = page_over(pieces)
    page.ask("Go on.")
    assert page.ends(5 * LIMIT) == "complete"
    assert page.answer == b"".join(pieces).decode()
    assert page.numbers["Bytes"] == str(len(b"".join(pieces)))


def test_a_screen_reader_meets_one_text_in_each_block_of_an_answer(page):
    page.reads_from_the_test()
    page.ask()
    page.has_asked(1)
    page.run("for (const n of Array(150).keys()) send(0, `${n} `);")
    page.run("send(0, '\\n'); send(0, 'two'); send(0, ' more')")
    page.until(lambda: page.answer.endswith("\ntwo more"))
    nodes = """return [...document.querySelectorAll("#answer > div")].map(
        (block) => block.childNodes.length)"""
    assert page.run(nodes) == [151, 2]
    page.run("bodies[0].close()")
    assert page.ends() == "complete"
    assert page.run(nodes) == [1, 1]
    assert page.answer == "".join(f"{n} " for n in range(150)) + "\ntwo more"


# The question


def test_an_address_can_fill_in_a_question_which_is_not_asked(page, answer_with):
    model = answer_with("Hello")
    question = "document.querySelector('#prompt').value"
    address = page.browser.current_url
    for fragment, shown in {
        "#q=Why+flush%3F": "Why flush?",
        "#q=%3Cb%3E%20C%2B%2B%0Atwo": "<b> C++\ntwo",
        "#q=": "",
        "#other": "",
        "#q=%E0%A4%A": "\ufffd%A",
    }.items():
        page.browser.get("about:blank")
        page.browser.get(address + fragment)
        assert page.run(f"return {question}") == shown
    page.run("location.hash = 'q=Two'")  # somebody follows a link on this very page
    page.until_true(f"{question} === 'Two'")
    page.draws()
    assert (page.status, page.answer, model.prompts) == ("", "", [])
    page.find("#ask").click()
    assert page.ends() == "complete"
    assert model.prompts == ["Two"]


def test_a_reload_in_the_middle_of_an_answer_keeps_its_question(page, answer_with):
    gates = threading.Event(), threading.Event()
    for gate, question in zip(gates, ["One?", "Two?"], strict=True):
        answer_with("one", gate, *MANY)
        page.ask(question)
        page.shows("one")
        page.browser.refresh()
        gate.set()
        assert page.find("#prompt").get_attribute("value") == question
        assert (page.status, page.answer) == ("", "")


# Stop, and ask again


def test_stop_hangs_up_on_the_model_and_keeps_what_came(page, answer_with):
    gate = threading.Event()
    model = answer_with("one", gate, *MANY)
    page.ask()
    page.shows("one")
    page.find("#stop").click()
    assert page.ends() == "stopped"
    gate.set()
    assert model.closed.wait(LIMIT)
    assert model.closed_early
    assert page.answer == "one"
    assert page.status == "You stopped the answer here."


def test_stop_works_before_the_first_word(page, answer_with):
    gate = threading.Event()
    model = answer_with(gate, *MANY)
    page.ask()
    page.until(lambda: model.prompts)
    page.find("#stop").click()
    assert page.ends() == "stopped"
    gate.set()
    assert model.closed.wait(LIMIT)
    assert model.closed_early


def test_stop_keeps_the_focus_and_does_nothing_when_idle(page, answer_with):
    gate = threading.Event()
    answer_with("one", gate)
    page.ask()
    page.shows("one")
    page.find("#stop").send_keys(Keys.ENTER)
    assert page.ends() == "stopped"
    gate.set()
    assert page.browser.switch_to.active_element == page.find("#stop")
    assert page.find("#stop").get_attribute("aria-disabled") == "true"
    page.find("#stop").send_keys(Keys.ENTER)
    assert page.answer == "one"


def test_a_second_question_aborts_the_first_and_the_two_never_mix(page, answer_with):
    gate = threading.Event()
    first = answer_with("first", gate, *MANY)
    page.ask("One?")
    page.shows("first")
    second_gate = threading.Event()
    answer_with("second", second_gate)
    page.ask("Two?")
    page.shows("second")
    gate.set()
    assert first.closed.wait(LIMIT)
    assert first.closed_early
    assert page.status == "The answer is being written."
    second_gate.set()
    assert page.ends() == "complete"
    assert page.answer == "second"


SEVEN = """const done = arguments[0];
(async () => {
  const ask = () => fetch("ask", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ prompt: "Hello?" }),
  });
  const six = await Promise.all(Array.from({ length: 6 }, ask));
  const events = [];
  const seventh = ask().then(() => events.push("the seventh begins"));
  await new Promise((resolve) => setTimeout(resolve, 300));  // it had time enough
  events.push("the first is stopped");
  six[0].body.cancel();
  await seventh;
  done(events);
})();"""


def test_a_browser_opens_six_connections_to_a_server_and_no_more(page, answer_with):
    """Lesson 08 says so. The seventh answer begins once one of the six has ended."""
    gate = threading.Event()
    answer_with("one", gate)
    events = page.run_async(SEVEN)
    gate.set()
    assert events == ["the first is stopped", "the seventh begins"]


def test_leaving_the_loop_over_an_answer_hangs_up(page, answer_with):
    gate = threading.Event()
    model = answer_with("one", gate, *MANY)
    page.run_async("""
        const done = arguments[0];
        const { ask } = await import(new URL("static/ask.js", document.baseURI));
        for await (const piece of ask("Hello?")) break;
        done();""")
    gate.set()
    assert model.closed.wait(LIMIT)
    assert model.closed_early


def test_a_read_that_comes_too_late_is_left_out(page):
    page.reads_from_the_test()
    page.ask("One?")
    page.has_asked(1)
    page.run("send(0, 'first')")
    page.shows("first")
    page.ask("Two?")
    page.has_asked(2)
    page.run("send(0, 'late'); send(1, 'second'); bodies[0].close(); bodies[1].close()")
    assert page.ends() == "complete"
    assert page.answer == "second"
    assert page.numbers["Pieces"] == "1"


# When it fails


def test_a_broken_answer_says_so_and_keeps_what_came(page, answer_with):
    gate = threading.Event()
    answer_with("one", " two", gate, RuntimeError("the key is sk-123"))
    page.ask()
    page.shows("one two")
    gate.set()
    assert page.ends() == "broken"
    assert re.fullmatch(r"one two(\n\[error: .+\]\n)?", page.answer)  # see below
    assert "sk-123" not in page.answer
    assert page.status == BROKE_OFF


def test_a_break_that_swallows_the_text_is_not_taken_for_a_dead_server(page_over):
    """A busy browser drops what arrives together with the break, even all of it."""

    def break_off():
        yield b""
        raise ConnectionError

    page = page_over(break_off())
    page.ask()
    assert page.ends() == "broken"


def test_a_connection_that_breaks_without_a_word_says_so(page_over):
    gate = threading.Event()

    def break_off():
        yield b"one"
        gate.wait(LIMIT)  # else the browser drops the text with the connection
        raise ConnectionError

    page = page_over(break_off())
    page.ask()
    page.shows("one")
    gate.set()
    assert page.ends() == "broken"
    assert page.answer == "one"
    assert page.status == BROKE_OFF


def test_an_answer_that_breaks_before_its_first_word_says_so_too(page):
    page.reads_from_the_test()
    page.ask()
    page.has_asked(1)
    page.run("bodies[0].error(new TypeError('network error'))")
    assert page.ends() == "broken"
    assert page.status == BROKE_OFF


def test_a_break_that_a_proxy_has_hidden_is_known_by_the_last_line(page_over):
    page = page_over([b"one\n[er", b"ror: The model failed: ask again.]\n"])
    page.ask()
    assert page.ends() == "broken"
    assert page.status == BROKE_OFF


@pytest.mark.parametrize(
    "text",
    [
        "one\n[error: two]\nthree",
        "one\n[error: two]",
        "one [error: two]\n",
        "one\n[error: ]\n",
        "one\n[error: two\nthree]\n",
    ],
)
def test_words_about_an_error_elsewhere_in_an_answer_are_its_words(
    page, answer_with, text
):
    answer_with(text)
    page.ask()
    assert page.ends() == "complete"
    assert page.answer == text


def test_only_the_last_line_says_what_to_do_about_an_answer_cut_short(
    page, monkeypatch
):
    monkeypatch.setattr(program, "model", PracticeModel(name="practice"))
    page.ask("/short 3 /echo one two three four")
    assert page.ends() == "broken"
    line = r"\n\[error: .+: ask for a shorter one\.\]\n"
    assert re.fullmatch(f"one two three({line})?", page.answer)  # Chromium may drop it
    assert page.status == BROKE_OFF


def test_a_refusal_shows_the_sentence_of_the_server(page, answer_with):
    answer_with(failure(ModelRateLimitError, 429, "7"))
    page.ask()
    assert page.ends() == "refused"
    assert page.status == "The model has too much to do: ask again in 7 s."
    assert page.answer == ""


def test_a_prompt_that_is_too_long_is_refused_with_a_sentence(page):
    page.run("document.querySelector('#prompt').value = 'long '.repeat(20_000)")
    page.find("#ask").click()
    assert page.ends() == "refused"
    assert page.status.startswith("The prompt is too long")


def test_after_a_refusal_the_next_answer_is_shown(page, answer_with):
    answer_with(failure(ModelRateLimitError, 429, "7"))
    page.ask()
    assert page.ends() == "refused"
    answer_with("Hello")
    page.ask()
    assert page.ends() == "complete"
    assert page.answer == "Hello"


@pytest.mark.parametrize(
    "body",
    ["<h1>Bad Gateway</h1>", "null", '{"detail": 1}', '{"error": {"code": 1}}', ""],
)
def test_an_error_without_a_sentence_gets_one(page_over, body):
    page = page_over(BadGateway(response=program.Response(body, 502)))
    page.ask()
    assert page.ends() == "refused"
    assert page.status == "The server answered 502: ask again."


def test_a_server_that_cannot_be_reached_gets_a_sentence(browser):
    with running("run") as address:
        page = ThePage(browser, address)
    page.ask()
    assert page.ends() == "unreached"
    assert page.status == UNREACHED


@pytest.mark.parametrize(
    ("answer", "name", "sentence"),
    [
        ("throw new TypeError('Failed to fetch')", "unreached", UNREACHED),
        ("return Response.json({ error: 'No.' }, { status: 400 })", "refused", "No."),
        (
            "return new Response(new ReadableStream({ pull() { throw 'cut' } }))",
            "broken",
            BROKE_OFF,
        ),
        ("return new Response('one\\n[error: two]\\n')", "broken", BROKE_OFF),
    ],
)
def test_each_failure_has_a_name_and_a_sentence(page, answer, name, sentence):
    page.run(f"window.fetch = async () => {{ {answer} }}")
    thrown = page.run_async("""
        const done = arguments[0];
        const { ask } = await import(new URL("static/ask.js", document.baseURI));
        try {
          for await (const piece of ask("Hello?", new AbortController().signal));
        } catch (error) {
          done([error.name, error.message]);
        }""")
    assert thrown == [name, sentence]
    page.ask()
    assert (page.ends(), page.status) == (name, sentence)


@pytest.mark.parametrize(
    ("file", "method"),
    [
        ("page.js", "String.prototype.endsWith"),
        ("wire.js", "String.prototype.replaceAll"),
        ("ask.js", "TextDecoder.prototype.decode"),
    ],
)
def test_a_mistake_in_the_page_itself_is_not_blamed_on_the_server(
    page, answer_with, file, method
):
    """Take a method away that this file calls for every piece: that is a TypeError."""
    gate = threading.Event()
    model = answer_with("one", gate, *MANY)
    page.run(f"{method} = undefined")
    page.ask()
    assert page.ends() == "mistake"
    assert page.status == "This page has a mistake in it: its console says where."
    [error] = [entry["message"] for entry in page.browser.get_log("browser")]
    assert file in error and "TypeError" in error
    gate.set()
    assert model.closed.wait(LIMIT)
    assert model.closed_early


# For everybody


def test_it_is_announced_twice_that_an_answer_begins_and_ends(page, answer_with):
    gate = threading.Event()
    answer_with("one", " two", gate, " three")
    page.run("""
        window.said = [];
        const answer = document.querySelector("#answer");
        const listen = new MutationObserver((changes) => changes.forEach(({ target }) =>
          said.push([target.textContent, answer.getAttribute("aria-busy")])));
        for (const live of document.querySelectorAll("[role=status], [aria-live]"))
          listen.observe(live, { childList: true, characterData: true, subtree: true });
        """)
    page.ask()
    page.shows("one two")
    begun = ["The answer is being written.", "true"]
    assert page.run("return said") == [begun]
    gate.set()
    assert page.ends() == "complete"
    assert page.run("return said") == [begun, ["The answer is complete.", "false"]]


def test_enter_asks_and_shift_enter_breaks_the_line(page, answer_with):
    model = answer_with("Hello")
    prompt = page.find("#prompt")
    prompt.send_keys("one", Keys.SHIFT, Keys.ENTER, Keys.NULL, "two")
    assert prompt.get_attribute("value") == "one\ntwo"
    assert model.prompts == []
    prompt.send_keys(Keys.ENTER)
    assert page.ends() == "complete"
    assert model.prompts == ["one\ntwo"]


@pytest.mark.parametrize("sign", ["isComposing: true", "keyCode: 229"])
def test_enter_that_completes_a_word_being_composed_does_not_ask(page, sign):
    """Safari ends the composition before this Enter: only the number is left of it."""
    page.find("#prompt").send_keys("nihongo")
    taken = page.run(f"""
        const init = {{ key: "Enter", cancelable: true, {sign} }};
        return !document.querySelector("#prompt").dispatchEvent(
          new KeyboardEvent("keydown", init))""")
    assert not taken
    assert page.status == ""


def test_an_example_fills_in_the_question_and_asks_it(page, answer_with):
    model = answer_with("Hello")
    page.find("#examples button").click()
    assert page.ends() == "complete"
    assert model.prompts == ["What is a chunk?"]
    assert page.find("#prompt").get_attribute("value") == "What is a chunk?"


def test_everything_can_be_reached_with_the_keyboard(page, answer_with):
    answer_with("Hello")
    page.ask()
    assert page.ends() == "complete"
    reached = []
    for _ in range(9):
        focus = page.browser.switch_to.active_element
        assert focus.value_of_css_property("outline-style") == "solid"
        reached.append(focus.get_attribute("id") or focus.text)
        if focus.tag_name == "summary":
            focus.send_keys(Keys.ENTER)
        ActionChains(page.browser).send_keys(Keys.TAB).perform()
    buttons = page.browser.find_elements(By.CSS_SELECTOR, "#examples button")
    examples = [button.text for button in buttons]
    controls = ["stop", "copy", "Every piece in a table"]
    assert reached == ["prompt", "ask", *examples, *controls]
    table = page.browser.switch_to.active_element
    assert table.get_attribute("aria-label") == "Pieces"


def test_copy_takes_the_answer_exactly(page, answer_with):
    answer_with("  two\n\n", "\tlines  <b>and</b> é😀\n", "end")
    page.ask()
    assert page.ends() == "complete"
    page.find("#copy").click()
    page.until(lambda: page.find("#copy").text == "Copied")
    page.find("#prompt").clear()
    page.find("#prompt").send_keys(Keys.CONTROL, "v")
    text = "  two\n\n\tlines  <b>and</b> é😀\nend"
    page.until(lambda: page.find("#prompt").get_attribute("value") == text)
    page.ask()
    assert page.ends() == "complete"
    assert page.find("#copy").text == "Copy"  # this answer has not been copied


def test_without_a_clipboard_copy_takes_the_answer_all_the_same(page, answer_with):
    """Browsers have no clipboard for a page that came by http from elsewhere."""
    page.run("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    answer_with("Hello  world")
    page.ask()
    assert page.ends() == "complete"
    page.find("#copy").click()
    page.until(lambda: page.find("#copy").text == "Copied")
    assert page.run("return getSelection().toString()") == "Hello  world"
    page.find("#prompt").clear()
    page.find("#prompt").send_keys(Keys.CONTROL, "v")
    page.until(lambda: page.find("#prompt").get_attribute("value") == "Hello  world")


def test_a_browser_that_copies_nothing_lets_the_reader_copy(page, answer_with):
    page.run(
        """navigator.clipboard.writeText = async () => { throw new Error("No.") };
        document.execCommand = () => false;"""
    )
    answer_with("Hello  world")
    page.ask()
    assert page.ends() == "complete"
    page.find("#copy").click()
    page.until(lambda: page.find("#copy").text == "Selected: press Ctrl+C")
    assert page.run("return getSelection().toString()") == "Hello  world"


# In a low window, such as one of 1366 by 768 at 200 %, the wire alone would fill it.
HEIGHTS = {"all": (700, 900), "half": (700, 500), "200 %": (683, 384)}


@pytest.mark.parametrize("height", HEIGHTS)
def test_the_page_follows_the_answer_but_does_not_drag_the_reader_down(
    page, answer_with, size, height
):
    size(*HEIGHTS[height])
    lines = [f"line {i}\n" for i in range(50)]
    gates = [threading.Event() for _ in range(2)]
    answer_with(*lines, gates[0], *lines, gates[1])
    below = "return document.documentElement.scrollHeight - innerHeight - scrollY"
    end = """return document.querySelector("#answer").getBoundingClientRect().bottom
      / innerHeight"""
    page.ask()
    page.shows("".join(lines))
    page.draws()
    assert (page.run(below) <= 1) == (height == "all")
    assert 0.49 < page.run(end) < 0.8
    page.run("scrollTo(0, 300)")
    gates[0].set()
    page.shows("".join(lines) * 2)
    page.draws()
    assert page.run("return scrollY") == 300
    assert page.run(end) > 1
    gates[1].set()
    assert page.ends() == "complete"
    page.ask("Another?")
    assert page.ends() == "complete"
    page.until(lambda: 0 < page.run(end) <= 1)


def test_the_page_opens_at_its_top(page, size):
    for height in range(400, 1000, 40):  # whether it all fits, almost, or not at all
        size(800, height)
        page.browser.get(page.browser.current_url)
        page.draws()
        assert page.run("return scrollY") < 9  # as near as "at its end" is to it
    size(683, 384)  # all of it was in view, and somebody zooms to 200 %
    page.draws()
    assert page.run("return scrollY") < 9


def test_at_320_pixels_nothing_scrolls_sideways(page, answer_with, size):
    size(320, 640)
    answer_with("word " * 30, "x" * 500, "\n\tindented")
    page.find("#wire summary").click()
    page.ask()
    assert page.ends() == "complete"
    assert page.run("return document.documentElement.scrollWidth <= innerWidth")
    assert page.run("return scrollTo(9, 0), scrollX") == 0
    for part in page.browser.find_elements(By.CSS_SELECTOR, "main > *, #wire > *"):
        assert part.rect["x"] + part.rect["width"] <= 320


def test_nothing_is_refused_by_the_policy_and_the_console_stays_empty(
    browser, server, answer_with
):
    count = """
        window.bad = 0;
        document.addEventListener("securitypolicyviolation", () => window.bad += 1)"""
    script = browser.execute_cdp_cmd(
        "Page.addScriptToEvaluateOnNewDocument", {"source": count}
    )
    page = ThePage(browser, server)
    browser.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", script)
    answer_with("one", " two\n", "three")
    page.ask()
    assert page.ends() == "complete"
    page.find("#wire summary").click()
    page.draws()
    assert page.run("return bad") == 0
    assert browser.get_log("browser") == []
    page.run("document.body.setAttribute('style', 'color: red')")
    page.until(lambda: page.run("return bad") == 1)


def test_the_page_says_which_model_answers(page, answer_with, monkeypatch):
    answer_with("Hello")
    page.browser.refresh()
    assert "Answered by scripted." in page.find("section").text
    monkeypatch.setattr(program, "model", PracticeModel(name="practice"))
    page.browser.refresh()
    assert "Answered by the practice model" in page.find("section").text
    assert "/help" in page.find("#examples").text


def test_it_works_under_a_prefix(browser, serve, answer_with):
    answer_with("Hello")
    mounted = DispatcherMiddleware(NotFound(), {"/school": program.app})
    page = ThePage(browser, f"{serve(mounted)}/school")
    page.ask()
    assert page.ends() == "complete"
    assert page.answer == "Hello"


# The wire strip


def test_the_wire_is_drawn_while_the_answer_arrives(page, answer_with):
    """Not when it has ended: here it waits, half written, until the test has looked."""
    gate = threading.Event()
    answer_with("one", gate, " and two")
    page.ask()
    page.shows("one")
    page.until(lambda: page.numbers["Pieces"] == "1")
    bars = "return document.querySelector('#wire path').getAttribute('d')"
    page.until(lambda: re.fullmatch(r"M\d+ 1V0h.7V1", page.run(bars)))
    assert page.find("#wire").get_attribute("data-how") == "waiting"
    assert "Pieces 1" in page.find("#wire svg").get_attribute("aria-label")
    gate.set()
    assert page.ends() == "complete"
    page.until(lambda: page.run(bars).count("M") == 2)
    lower, higher = sorted(map(float, re.findall(r"V([\d.]+)h", page.run(bars))))
    assert lower == 0 and 0.3 < higher < 0.5  # a bar's area tells its bytes
    assert page.find("#wire").get_attribute("data-how") == "complete"


def test_a_held_enter_asks_once(page, answer_with):
    model = answer_with("one")
    held = "const key = {key: 'Enter', repeat: true, cancelable: true, bubbles: true};"
    held += "arguments[0].dispatchEvent(new KeyboardEvent('keydown', key))"
    page.ask()
    for _ in range(5):
        page.run(held, page.find("#prompt"))
    assert page.ends() == "complete"
    page.shows("one")
    assert len(model.prompts) == 1


def test_a_blank_question_is_not_asked(page, answer_with):
    model = answer_with("one")
    page.ask()
    assert page.ends() == "complete"
    page.ask("   ")
    page.draws()
    assert (page.answer, len(model.prompts)) == ("one", 1)


def test_the_wire_shows_each_piece_that_came(page, answer_with):
    texts = ["one", " two\n", "\ttrès ", '"4"']
    gates = [threading.Event() for _ in texts]
    answer_with(*(item for pair in zip(texts, gates, strict=True) for item in pair))
    page.ask()
    for i, gate in enumerate(gates):
        page.shows("".join(texts[: i + 1]))
        gate.set()
    assert page.ends() == "complete"
    rows = [[number, size, text] for number, _, size, text in page.rows]
    assert rows == [
        ["1", "3", '"one"'],
        ["2", "5", '"·two\\n"'],
        ["3", "7", '"\\ttrès·"'],
        ["4", "3", '"\\"4\\""'],
    ]
    times = [int(at) for _, at, *_ in page.rows]
    assert times == sorted(times)
    assert page.numbers["Pieces"] == "4"
    assert page.numbers["Bytes"] == "18"
    assert page.find("#wire").get_attribute("data-how") == "complete"
    first_text = float(page.numbers["First text"].removesuffix(" s"))
    assert first_text == pytest.approx(times[0] / 1000, abs=0.011)


def wire_of(page, readings, end):
    """Draw readings of {text, bytes, at} into a figure of their own; return it."""
    return page.run_async(
        """
        const [readings, end, done] = arguments;
        import(new URL("static/wire.js", document.baseURI)).then(({ wireStrip }) => {
          const figure = document.createElement("figure");
          document.body.append(figure);
          const wire = wireStrip(figure);
          wire.begin();
          readings.forEach(wire.read);
          wire.end("complete", end);
          done(figure);
        });""",
        readings,
        end,
    )


def reading(text, at):
    return {"text": text, "bytes": len(text.encode()), "at": at}


def test_its_numbers_are_those_of_the_readings(page):
    times = [400, 500, 600, 2600, 2700]
    figure = wire_of(page, [reading("word ", at) for at in times], 2750)
    assert page.run(NUMBERS, figure) == {
        "First text": "0.40 s",
        "Longest gap": "2.00 s",
        "Pieces per second": "1.7",
        "Pieces": "5",
        "Bytes": "25",
    }
    widths = [
        figure.find_element(By.CSS_SELECTOR, shade).get_attribute("width")
        for shade in (".wait", ".pause")
    ]
    assert widths == ["10%", "50%"]  # of four seconds
    axis = figure.find_elements(By.CSS_SELECTOR, "text:not(.label)")
    assert [tick.text for tick in axis] == ["0 s", "1 s", "2 s", "3 s"]


def test_columns_merge_in_pairs_when_time_outgrows_the_strip(page):
    readings = [reading("one", 100), reading("two", 1900)]
    figure = wire_of(page, readings, 1900)
    bars = figure.find_element(By.TAG_NAME, "path").get_attribute("d")
    columns = [256 * at // 2000 for at in (100, 1900)]  # of two seconds
    assert [int(column) for column in re.findall(r"M(\d+) ", bars)] == columns


def test_the_strip_stands_still_when_the_answer_has_ended(page, answer_with):
    answer_with("one")
    page.ask()
    assert page.ends() == "complete"
    pen = "return document.querySelector('#wire .pen').getAttribute('x')"
    at_the_end = page.run(pen)
    page.draws()
    assert page.run(pen) == at_the_end


def test_a_silence_before_the_end_is_a_gap_too(page):
    readings = [reading("one", 100), reading("two", 200)]
    assert page.run(NUMBERS, wire_of(page, readings, 3200))["Longest gap"] == "3.00 s"


def test_a_cut_letter_is_not_yet_text(page):
    readings = [{"text": "", "bytes": 1, "at": 100}, reading("é", 300)]
    assert page.run(NUMBERS, wire_of(page, readings, 300))["First text"] == "0.30 s"


def test_nothing_that_came_is_a_wait_without_numbers(page):
    numbers = page.run(NUMBERS, wire_of(page, [], 5000))
    assert numbers.pop("Pieces") == numbers.pop("Bytes") == "0"
    assert set(numbers.values()) == {"-"}


def test_a_hundred_thousand_readings_take_no_more_room(page):
    readings = [reading("piece ", at) for at in range(0, 100_000)]
    figure = wire_of(page, readings, 100_000)
    assert len(page.run(ROWS, figure)) == 300
    assert figure.find_element(By.TAG_NAME, "caption").get_attribute("textContent") == (
        "The first 300 of 100000"
    )
    assert page.run("return arguments[0].querySelectorAll('*').length", figure) < 2000
    numbers = page.run(NUMBERS, figure)
    assert (numbers["Pieces"], numbers["Bytes"]) == ("100000", "600000")
    assert numbers["Pieces per second"] == "1000"


def test_a_page_of_another_server_cannot_frame_it(browser, server, serve):
    """Else a click on that page could be a click on this one."""
    page = f'<title>Another</title><iframe src="{server}/"></iframe>'
    browser.get(serve(Response(page, mimetype="text/html")))
    browser.switch_to.frame(0)
    framed = browser.execute_script("return location.href")
    browser.switch_to.default_content()
    assert framed == "chrome-error://chromewebdata/"
    browser.get_log("browser")  # its complaint is no other test's

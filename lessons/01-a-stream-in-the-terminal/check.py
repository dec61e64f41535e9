"""The answer is on the screen while the model is still writing it."""

import inspect
import re

import click
import pytest
from langchain_core.messages import AIMessageChunk

from lessons.course.for_checks.quoting import short
from lessons.course.for_checks.watched_terminal import ORDERS, orders_in

# It has other numbers of chunks, words, characters and bytes: who counts one of them
# for another is seen.
TEXTS = ["Streams", " are", "", "  fü", "n", " 👋", "."]
ANSWER = "".join(TEXTS)
QUESTION = "Who was Ada Lovelace?"  # which nobody writes into a program by chance
WITH_TEXT = len([text for text in TEXTS if text])
CHUNKS = len(TEXTS) + 2  # a model ends with two more, without text


def numbers_of(thing, line):
    """Return the number before a word; all numbers, if none is before it."""
    before_it = re.findall(rf"(\d+)\s+{thing}s?\b(?!:)", line)
    numbers = before_it or re.findall(r"\d+", line)
    return {int(number) for number in numbers}


@pytest.fixture(autouse=True)
def only_while_there_is_a_command(program):
    """A later program has POST /ask for the command that this lesson makes."""
    served = any(rule.rule == "/ask" for rule in program.app.url_map.iter_rules())
    if served and "ask" not in program.app.cli.commands:
        pytest.skip("The program already answers POST /ask, as in lesson 02.")


def test_flask_ask_asks_the_model(program, ask_in_terminal):
    """The command `flask ask` asks the model."""
    commands = program.app.cli.commands
    others = ", ".join(commands)
    but = (
        (f" It has {others}: a command gets its name from its function.")
        if others
        else ""
    )
    assert "ask" in commands, (
        "The program has no command ask. Write @app.cli.command(), with its"
        f' parentheses, above @click.argument("prompt") and def ask(prompt).{but}'
    )
    try:
        model, _ = ask_in_terminal(*TEXTS, prompt=QUESTION)
    except click.UsageError as error:
        raise AssertionError(
            f'The check ran flask ask "{QUESTION}", and click said "{error.message}".'
            ' Write @click.argument("prompt") between @app.cli.command() and def'
            " ask(prompt)."
        ) from None
    except TypeError as error:
        if "keyword argument 'prompt'" in str(error):
            error.add_note("click calls ask(prompt=...). Write def ask(prompt).")
        raise
    function = inspect.unwrap(commands["ask"].callback)
    assert not inspect.isgeneratorfunction(function), (
        "The command ended without asking the model: a function with yield in it runs"
        " only when something loops over it. Print each chunk.text instead."
    )
    assert not inspect.iscoroutinefunction(function), (
        "The command ended without asking the model: nothing awaits an async function"
        " here. Write def without async."
    )
    assert model.prompts, (
        "The command ended without asking the model. Loop over model.stream(prompt),"
        " where model comes from choose_model()."
    )
    assert model.prompts == [QUESTION], (
        f'The check typed "{QUESTION}". Expected the model to be asked once with'
        f" exactly that text, got {model.prompts}."
    )


def test_the_answer_is_printed_as_the_model_wrote_it(ask_in_terminal):
    _, shown = ask_in_terminal(*TEXTS)
    assert "content=" not in shown and "AIMessageChunk" not in shown, (
        f'The terminal shows chunks, "{shown[:24]}...", instead of their text. Print'
        " chunk.text."
    )
    assert "\n".join(TEXTS[:2]) not in shown, (
        'Each chunk is on a line of its own, because print ends the line. Pass end=""'
        " to print."
    )
    assert not re.search(r"\d.*fü", shown, re.DOTALL), (
        f"There are numbers in the middle of the answer, {short(shown)}. Print them"
        " once, below the loop, with the same indent as `for`."
    )
    until_the_empty_one = "".join(TEXTS[:2])
    assert shown.split("\n")[0].strip() != until_the_empty_one, (
        f"The model wrote {ANSWER!r}, and the terminal shows {until_the_empty_one!r}. A"
        " chunk without text is not always the last one. Do not leave the loop at such"
        " a chunk."
    )
    assert ANSWER in shown, (
        f"The model wrote {ANSWER!r}, and the terminal shows {short(shown)}. Print each"
        ' chunk.text as it is, with end="" and nothing in between.'
    )
    assert shown.count(ANSWER) == 1, (
        f"The terminal shows the answer {shown.count(ANSWER)} times. The loop has"
        " already printed all of it. After the loop, print only the two numbers."
    )


def test_the_first_text_is_shown_before_the_second_is_made(ask_in_terminal, terminal):
    looks = []  # what was shown and what was written, when the loop asked for more

    def look():
        looks.append((terminal.shown, terminal.written))

    model, _ = ask_in_terminal(*(item for text in TEXTS for item in (text, look)))
    assert not model.invoked, (
        "Nothing was printed until the model had written everything:"
        " model.invoke(prompt) waits for the whole answer. Loop over"
        " model.stream(prompt) instead, and print each chunk.text in the loop."
    )
    so_far = ""
    for text, (shown, written) in zip(TEXTS, looks, strict=False):
        so_far += text
        assert so_far in written, (
            f"The model had written {so_far!r} and the loop asked for more, but not all"
            " of it had been printed. Print inside the loop over model.stream(prompt)."
        )
        assert so_far in shown, (
            f"The program printed {so_far!r}, but the terminal does not show it yet:"
            " print holds text back until the line ends. Pass flush=True to print."
        )


def test_the_last_line_counts_the_chunks_and_the_characters(ask_in_terminal):
    _, shown = ask_in_terminal(*TEXTS)
    below = shown.rpartition(ANSWER)[2]
    last_line = below.strip()
    assert last_line, (
        "There is no line below the answer. After the loop, print how many chunks came"
        " and how many characters the answer has."
    )
    assert below.lstrip(" ").startswith(("\n", "\r")), (
        f'The answer and "{last_line}" are on the same line. The loop prints with'
        ' end="", so start what you print after it with a line break, "\\n".'
    )
    chunks = numbers_of("chunk", last_line)
    characters = numbers_of("character", last_line)
    assert "{" not in last_line, (
        f'The line below the answer is "{last_line}". Python fills in the values'
        ' between braces only with an f before the quotation marks, f"...".'
    )
    seen = (
        f"The answer came in {CHUNKS} chunks, {WITH_TEXT} of them with text. The line"
        f' below it is "{last_line}".'
    )
    assert (chunks, characters) != ({len(ANSWER)}, {CHUNKS}), (
        f"{seen} The two numbers are swapped."
    )
    assert chunks != {1}, (
        f"{seen} Create the empty list before the loop. Inside the loop, each chunk"
        " would empty it again."
    )
    assert chunks & {WITH_TEXT, CHUNKS}, (
        f"{seen} Collect each chunk.text in a list, with append() inside the loop."
        " After the loop, the len() of the list is the number of chunks."
    )
    assert len(ANSWER) in characters, (
        f"The answer has {len(ANSWER)} characters ({len(ANSWER.encode())} bytes,"
        f' {len(ANSWER.split())} words). The line below it is "{last_line}". Join the'
        ' texts with "".join(...): the len() of that is the number of characters.'
    )


def test_an_answer_in_blocks_is_shown_as_text(ask_in_terminal):
    blocks = [AIMessageChunk([{"type": "text", "text": text}]) for text in TEXTS]
    _, shown = ask_in_terminal(*blocks)
    assert ANSWER in shown, (
        "Some models send lists of blocks. For such a model the terminal shows"
        f' "{shown[:24]}...". Print chunk.text, which is always text, instead of'
        " chunk.content."
    )


def test_an_answer_cannot_control_the_terminal(ask_in_terminal):
    texts = ["one ", *ORDERS, " two\tthree\nfour"]
    _, shown = ask_in_terminal(*texts)
    orders = orders_in(shown)
    assert not orders, (
        f"The model wrote {short(''.join(texts))}, and {orders[0]!r} reached the"
        " terminal. With such control characters, an answer can, for example, erase the"
        " screen. Print printable(chunk.text), which removes them."
    )
    for text in "one", "two\tthree\nfour":
        assert text in shown, (
            f"The model wrote {text!r} between control characters, and the terminal"
            f" shows {short(shown)}. Remove those characters, but keep tabs and line"
            " breaks."
        )


def test_nothing_slows_the_answer_down(ask_in_terminal, slept):
    ask_in_terminal(*TEXTS)
    place, seconds = slept() or ("", 0)
    assert seconds < 0.01 * len(TEXTS), (
        f"{place}, calls sleep(): an answer of {len(TEXTS)} texts took {seconds:.2f} s"
        " longer than the model needed. Remove the sleep(), so that the words arrive as"
        " fast as the model makes them."
    )


def test_an_answer_that_breaks_off_does_not_look_complete(ask_in_terminal):
    _, whole = ask_in_terminal(*TEXTS[:2])
    try:
        _, half = ask_in_terminal(*TEXTS[:2], RuntimeError("The model broke."))
    except Exception:  # Python prints it, with the place
        return
    assert re.sub(r"\d+", "", half) != re.sub(r"\d+", "", whole), (
        f"The model failed after {''.join(TEXTS[:2])!r}, but the terminal shows the"
        " same as for a complete answer. Do not catch the exception: Python then says"
        " what broke."
    )

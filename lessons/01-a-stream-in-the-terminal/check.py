"""The answer is on the screen while the model is still writing it."""

import re

import pytest
from langchain_core.messages import AIMessageChunk

from lessons.course.explain import short

TEXTS = ["Streams", " are", "  fun", " to watch", ".\n"]
ANSWER = "".join(TEXTS)


@pytest.fixture(autouse=True)
def only_while_there_is_a_command(program):
    """A later program has POST /ask for the command that this lesson makes."""
    served = any(rule.rule == "/ask" for rule in program.app.url_map.iter_rules())
    if served and "ask" not in program.app.cli.commands:
        pytest.skip("it answers POST /ask, which is lesson 02.")


def test_flask_ask_asks_the_model(program, ask_in_terminal):
    """The command `flask ask` asks the model."""
    assert "ask" in program.app.cli.commands, (
        "The program has no command ask: write @app.cli.command() above"
        ' @click.argument("prompt") and def ask(prompt).'
    )
    model, _ = ask_in_terminal(*TEXTS, prompt="Why flush?")
    assert model.prompts, (
        "The command ended, and the model was not asked: loop over"
        " model.stream(prompt), with the model of choose_model()."
    )
    assert model.prompts == ["Why flush?"], (
        f'Typed was "Why flush?", but the model was asked {model.prompts}: ask it once,'
        " with prompt as it is."
    )


def test_the_answer_is_printed_as_the_model_wrote_it(ask_in_terminal):
    _, shown = ask_in_terminal(*TEXTS)
    assert "content=" not in shown and "AIMessageChunk" not in shown, (
        f'The terminal shows chunks, "{shown[:24]}...", and not their text:'
        " print chunk.text."
    )
    assert "\n".join(TEXTS[:3]) not in shown, (
        "Each chunk stands on a line of its own: print ends a line, unless it gets"
        ' end="".'
    )
    assert ANSWER in shown, (
        f"The model wrote {ANSWER!r}, the terminal shows {short(shown)}: print each"
        ' chunk.text, all of it and nothing between, with end="".'
    )


def test_the_first_text_is_shown_before_the_second_is_made(ask_in_terminal, terminal):
    looks = []

    def look():
        looks.append((terminal.shown, terminal.written))

    model, _ = ask_in_terminal(*(item for text in TEXTS for item in (text, look)))
    assert not model.invoked, (
        "Nothing was printed until the model had written all of it:"
        " model.invoke(prompt) waits for the whole answer. Loop over"
        " model.stream(prompt) instead, and print each chunk.text in the loop."
    )
    so_far = TEXTS[0]
    for text, (shown, written) in zip(TEXTS[1:], looks, strict=False):
        assert so_far in written, (
            f"The model had written {so_far!r} and the loop asked for more, but nothing"
            " of it was printed yet: print inside the loop over model.stream(prompt)."
        )
        assert so_far in shown, (
            f"{so_far!r} was printed, but the terminal did not show it yet: print keeps"
            " text until a line ends, unless it gets flush=True."
        )
        so_far += text


def test_the_last_line_counts_the_chunks_and_the_characters(ask_in_terminal):
    _, shown = ask_in_terminal(*TEXTS)
    counts = {int(number) for number in re.findall(r"\d+", shown.rpartition(ANSWER)[2])}
    with_text = len(TEXTS)
    chunks = with_text + 2
    assert counts & {with_text, chunks} and len(ANSWER) in counts, (
        f"The answer came in {chunks} chunks, the last two without text, and has"
        f" {len(ANSWER)} characters; below it stands"
        f' "{shown.rpartition(ANSWER)[2].strip()}". Gather each chunk.text in a list:'
        ' its len() is one number, the len() of "".join(...) of it the other.'
    )


def test_an_answer_in_blocks_is_shown_as_text(ask_in_terminal):
    blocks = [AIMessageChunk([{"type": "text", "text": text}]) for text in TEXTS]
    _, shown = ask_in_terminal(*blocks)
    assert ANSWER in shown, (
        f"Some models send lists of blocks; one did, and the terminal shows"
        f' "{shown[:24]}...": chunk.content is then such a list, and chunk.text text.'
    )

"""Your turn: client.py says how many tokens the question and the answer used."""

import json

import pytest
from langchain_core.exceptions import ModelConnectionError
from langchain_core.messages import AIMessageChunk

from lessons.course.for_checks.quoting import short

USED = {"input_tokens": 23, "output_tokens": 54, "total_tokens": 77}
USAGE = AIMessageChunk("", usage_metadata=USED)


@pytest.fixture
def shown_for(run_client, serve, program, answer_with):
    """Return a function: what client.py shows of an answer with this script."""
    url = f"{serve(program.app)}/v1"

    def ask(*script, server=url):
        answer_with(*script)
        try:
            return run_client(server).lstrip(".")  # the dots of one that waits
        except IndexError as error:
            error.add_note("The chunk with the usage has no choices. Loop over them.")
            raise
        except AttributeError as error:
            error.add_note(
                "Only one chunk has a usage: in all others chunk.usage is None. Check"
                " it first."
            )
            raise
        except TypeError as error:
            if "argument" in str(error):
                error.add_note('Pass stream_options={"include_usage": True} to create.')
            raise

    return ask


def test_the_last_line_says_how_many_tokens_were_used(shown_for):
    shown = shown_for("one", " two", USAGE)
    assert "has to be" not in shown, (
        f"The server refused client.py's request, and client.py shows {short(shown)}."
        ' Send stream_options={"include_usage": True}.'
    )
    assert "one two" in shown and "stop" in shown, (
        "The server answered 'one two' with the finish_reason 'stop', and client.py"
        f" shows {short(shown)}. Keep the text and the finish_reason in what it prints."
    )
    last_line = shown.strip().rpartition("\n")[2]
    assert "23 tokens" not in last_line and "54 tokens" not in last_line, (
        "The question used 23 tokens and the answer 54, and the last line is"
        f" {last_line!r}. Print total_tokens, which counts both."
    )
    assert last_line.endswith(", 77 tokens"), (
        "The question and the answer used 77 tokens together. Expected the last line to"
        f" end in ', 77 tokens', got {last_line!r}"
        '. Ask for the usage with stream_options={"include_usage": True}, and check'
        " chunk.usage in the loop over the chunks."
    )


def server_that_counts(*totals):
    """Return a server that sends a chunk of one text with each total, or with None."""

    def server(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/event-stream")])
        choice = {"index": 0, "delta": {"content": "one"}, "finish_reason": "stop"}
        chunk = {"id": "1", "object": "chat.completion.chunk", "created": 1}
        chunk |= {"model": "m", "choices": [choice]}
        for total in totals:
            if total:
                used = {"prompt_tokens": 23, "completion_tokens": total - 23}
                chunk["usage"] = used | {"total_tokens": total}
            yield f"data: {json.dumps(chunk)}\n\n".encode()
        yield b"data: [DONE]\n\n"

    return server


def test_only_the_last_count_is_shown(shown_for, serve):
    shown = shown_for(server=f"{serve(server_that_counts(30, 77))}/v1")
    last_line = shown.strip().rpartition("\n")[2]
    assert last_line.endswith(", 77 tokens"), (
        "The server sent the count so far with each of two texts, 30 and then 77."
        f" Expected the last line to end in ', 77 tokens', got {last_line!r}. Keep the"
        " last one, and do not add them up."
    )


def test_nothing_changes_if_the_server_sends_no_count(shown_for, serve):
    shown = shown_for(server=f"{serve(server_that_counts(None))}/v1")
    assert "one" in shown and "tokens" not in shown and "None" not in shown, (
        "The server did not say how many tokens it used, and client.py shows"
        f" {short(shown)}. Leave the last line as it was in that case."
    )


def test_an_answer_that_fails_is_still_reported(shown_for):
    for script in [], ["one"]:
        what = f"The model failed after {script}" if script else "The model failed"
        try:
            shown = shown_for(*script, ModelConnectionError("lost"))
        except Exception as error:
            error.add_note(f"{what}, so no chunk had a usage.")
            raise
        assert "failed" in shown and "tokens" not in shown and "None" not in shown, (
            f"{what}, and client.py shows {short(shown)}. Leave the last line as it was"
            " in that case: it says why."
        )

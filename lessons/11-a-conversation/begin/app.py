"""A conversation: the page keeps the messages, and the server keeps nothing."""

from contextlib import closing
from itertools import chain
from time import sleep

from flask import Flask, Response, render_template
from werkzeug.exceptions import HTTPException

from failures import (
    BodyBreaks,
    as_json,
    http_error,
    ignoring_late_errors,
    log_name,
    read_prompt,
    require_whole,
    sentence_for,
)
from models import choose_model, trusted_hosts

from .origins import open_to_origins

HEADERS = {  # of an answer
    "Content-Type": "text/plain; charset=utf-8",
    "Cache-Control": "no-store, no-transform",  # keep no copy, and do not compress it
    "X-Accel-Buffering": "no",  # nginx must not collect the pieces
    "X-Content-Type-Options": "nosniff",  # a browser must trust the Content-Type
}

app = Flask(__name__)
app.config["MAX_CONTENT_LENGTH"] = 64 * 1024
app.config["TRUSTED_HOSTS"] = trusted_hosts()
app.logger.setLevel("INFO")
app.register_error_handler(HTTPException, as_json)
open_to_origins(app)
model = choose_model()


@app.get("/")
def index():
    """Show the page."""
    return render_template("index.html")


@app.post("/ask")
def ask():
    """Answer the question in the JSON body with a stream of plain text."""
    answer = pieces(read_prompt())
    first_piece = next(answer)  # waits for the model: up to here, a failure is a status
    response = Response(chain([first_piece], answer), headers=HEADERS)
    response.call_on_close(answer.close)  # chain does not close what it chains
    return response


def pieces(question):
    """Yield the answer as bytes, or raise an HTTP error before the first of them.

    The question is what the model gets: a text, or a list of messages.
    """
    made = 0  # chunks with text
    ending = "the reader left"  # unless we learn otherwise
    metadata = {}  # of all chunks: one of the last says why the answer ended
    try:
        with closing(model.stream(question)) as chunks:
            for chunk in ignoring_late_errors(chunks):
                metadata |= chunk.response_metadata
                if chunk.text:
                    made += 1
                    yield chunk.text.encode("utf-8", "replace")
        require_whole(metadata, has_text=made > 0)
        ending = "whole"
    except Exception as error:
        ending = log_name(error)
        if made == 0:
            raise http_error(error) from None
        sentence = sentence_for(error)
        yield f"\n[error: {sentence}]\n".encode()
        sleep(0.05)  # Chromium can drop text that comes together with the break
        raise BodyBreaks(sentence) from None
    finally:
        app.logger.info("%s chunks, %s", made, ending)

"""Markdown while it streams: plain text on the wire, and a page that reads Markdown."""

from contextlib import closing
from itertools import chain

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

HEADERS = {  # of an answer
    "Content-Type": "text/plain; charset=utf-8",
    "Cache-Control": "no-store, no-transform",  # keep no copy, and do not compress it
    "X-Accel-Buffering": "no",  # nginx must not collect the pieces
    "X-Content-Type-Options": "nosniff",  # a browser must trust the Content-Type
}

app = Flask(__name__)
app.config["MAX_CONTENT_LENGTH"] = 64 * 1024
app.config["TRUSTED_HOSTS"] = trusted_hosts()
app.register_error_handler(HTTPException, as_json)
model = choose_model()


@app.get("/")
def index():
    """Show the page."""
    return render_template("index.html")


@app.post("/ask")
def ask():
    """Answer the prompt in the JSON body with a stream of plain text."""
    pieces = write(read_prompt())
    first_piece = next(pieces)  # waits for the model: up to here, a failure is a status
    response = Response(chain([first_piece], pieces), headers=HEADERS)
    response.call_on_close(pieces.close)  # chain does not close what it chains
    return response


def write(prompt):
    """Yield each piece of the answer; a failure is its last line, or an HTTP error."""
    sent = 0
    try:
        with closing(answer(prompt)) as texts:
            for text in texts:
                yield text.encode("utf-8", "replace")
                sent += 1
    except Exception as error:
        app.logger.warning("%s after %s pieces", log_name(error), sent)
        if sent == 0:
            raise http_error(error) from None
        sentence = sentence_for(error)
        yield f"\n[error: {sentence}]\n".encode()
        raise BodyBreaks(sentence) from None


def answer(prompt):
    """Yield what the model writes; raise Unfinished if that is not whole."""
    metadata = {}  # of all chunks: one of the last says why the answer ended
    has_text = False
    with closing(model.stream(prompt)) as chunks:
        for chunk in ignoring_late_errors(chunks):
            metadata |= chunk.response_metadata
            if chunk.text:
                has_text = True
                yield chunk.text
    require_whole(metadata, has_text)

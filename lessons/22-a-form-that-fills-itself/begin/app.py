"""A form that is filled when its JSON is whole."""

import json
from contextlib import closing
from itertools import chain

from flask import Flask, Response, render_template
from werkzeug.exceptions import HTTPException

from failures import (
    as_json,
    http_error,
    ignoring_late_errors,
    log_name,
    read_prompt,
    sentence_for,
)
from models import choose_model, trusted_hosts

from .card import SCHEMA, chunks_of_card, json_in

JSON_LINES = "application/jsonl; charset=utf-8"
PLAIN_TEXT = "text/plain; charset=utf-8"
HEADERS = {  # of an answer
    "Cache-Control": "no-store, no-transform",  # keep no copy, and do not compress it
    "X-Accel-Buffering": "no",  # nginx must not collect the pieces
    "X-Content-Type-Options": "nosniff",  # a browser must trust the Content-Type
}


def as_json_with_message(error):
    """Return the answer of failures.py for an HTTP error, plus "message" for ask.js."""
    body, status, headers = as_json(error)
    body["message"] = body["error"]
    return body, status, headers


app = Flask(__name__)
app.config["MAX_CONTENT_LENGTH"] = 64 * 1024
app.config["TRUSTED_HOSTS"] = trusted_hosts()
app.register_error_handler(HTTPException, as_json_with_message)
model = choose_model()


@app.get("/")
def index():
    """Show the page."""
    return render_template("index.html")


@app.post("/ask")
def ask():
    """Answer with the JSON of a card, in pieces, one line of JSON each."""
    return respond(lines(read_prompt()), JSON_LINES)


def respond(pieces, content_type):
    """Send the pieces. Until the first of them a failure is a status."""
    first_piece = next(pieces)
    body = chain([first_piece], pieces)
    response = Response(body, headers=HEADERS | {"Content-Type": content_type})
    response.call_on_close(pieces.close)  # chain does not close what it chains
    return response


def lines(prompt):
    """Yield a line for each message; a failure is the last one, or an HTTP error."""
    sent = 0
    try:
        with closing(answer(prompt)) as messages:
            for message in messages:
                yield line_of(message)
                sent += 1
        yield line_of({"end": "stop"})
    except Exception as error:
        app.logger.warning("%s after %s messages", log_name(error), sent)
        if sent == 0:
            raise http_error(error) from None
        yield line_of({"isError": True, "reason": sentence_for(error)})


def line_of(message):
    """Return the line of JSON for a message."""
    return f"{json.dumps(message, allow_nan=False)}\n"


def answer(prompt):
    """Yield each piece of the JSON that the model writes."""
    with closing(chunks_of_card(model, prompt)) as chunks:
        for chunk in ignoring_late_errors(chunks):
            piece = json_in(chunk)
            if piece:
                yield {"token": piece}


def partials(prompt):
    """Yield the card again and again, as far as LangChain could read it."""
    with closing(model.with_structured_output(SCHEMA).stream(prompt)) as cards:
        for card in cards:
            yield {"card": card}

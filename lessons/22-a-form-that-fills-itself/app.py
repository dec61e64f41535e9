"""A form that fills itself: the fields of a JSON object, while a model writes it."""

import json
from contextlib import closing
from itertools import chain

from flask import Flask, Response, render_template
from werkzeug.exceptions import HTTPException

from failures import (
    TOOL_CALL,
    BodyBreaks,
    Unfinished,
    as_json,
    http_error,
    ignoring_late_errors,
    log_name,
    read_prompt,
    require_whole,
    sentence_for,
)
from models import choose_model, trusted_hosts

from .card import chunks_of_card, json_in, require_card
from .growing import GrowingObject

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
    """Answer with what is new in the fields of a card, one line of JSON each."""
    return respond(lines(read_prompt()), JSON_LINES)


@app.post("/object")
def json_of_card():
    """Answer with the JSON of a card, as the AI SDK's useObject reads it."""
    return respond(texts(read_prompt()), PLAIN_TEXT)


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
        with closing(answer(prompt)) as steps:
            for _, news in steps:
                for message in news:
                    yield line_of(message)
                    sent += 1
        yield line_of({"end": "stop"})
    except Exception as error:
        app.logger.warning("%s after %s messages", log_name(error), sent)
        if sent == 0:
            raise http_error(error) from None
        yield line_of({"isError": True, "reason": sentence_for(error)})


def texts(prompt):
    """Yield the JSON of a card; if it is not whole, break, or raise an HTTP error."""
    sent = 0
    try:
        with closing(answer(prompt)) as steps:
            for text, _ in steps:
                if text:
                    yield text
                    sent += 1
    except Exception as error:
        app.logger.warning("%s after %s pieces", log_name(error), sent)
        if sent == 0:
            raise http_error(error) from None
        raise BodyBreaks(sentence_for(error)) from None


def line_of(message):
    """Return the line of JSON for a message."""
    return f"{json.dumps(message, allow_nan=False)}\n"


def answer(prompt):
    """Yield (text, news) of a card as it grows; raise Unfinished if it is not whole."""
    metadata = {}  # of all chunks: one of the last says why the answer ended
    has_text = False
    card = GrowingObject()
    with closing(chunks_of_card(model, prompt)) as chunks:
        for chunk in ignoring_late_errors(chunks):
            metadata |= chunk.response_metadata
            piece = json_in(chunk)
            if piece:
                has_text = True
                yield card.read(piece)
    require_end(metadata, has_text)
    require_card(card.text)


def require_end(metadata, has_text):
    """Raise Unfinished unless the answer ended because it was whole, or with a call."""
    try:
        require_whole(metadata, has_text)
    except Unfinished as unfinished:
        if unfinished.failure is not TOOL_CALL:  # the card is the call
            raise

"""Messages with a type: each line of an answer is an object that says what it is."""

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
    openai_reason,
    read_prompt,
    require_whole,
    sentence_for,
)
from models import choose_model, trusted_hosts

MOST_TOKENS = 1000  # the most that an answer may have here: each costs money
HEADERS = {  # of an answer
    "Content-Type": "application/jsonl; charset=utf-8",
    "Cache-Control": "no-store, no-transform",  # keep no copy, and do not compress it
    "X-Accel-Buffering": "no",  # nginx must not collect the pieces
    "X-Content-Type-Options": "nosniff",  # a browser must trust the Content-Type
}


def as_json_with_message(error):
    """Return the answer of failures.py for an HTTP error, plus "message" for Vovk."""
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
    """Answer the prompt in the JSON body with messages, one line of JSON each."""
    pieces = write(read_prompt())
    first_piece = next(pieces)  # waits for the model: up to here, a failure is a status
    response = Response(chain([first_piece], pieces), headers=HEADERS)
    response.call_on_close(pieces.close)  # chain does not close what it chains
    return response


def write(prompt):
    """Yield a line for each message; a failure is the last one, or an HTTP error."""
    sent = 0
    try:
        with closing(answer(prompt)) as messages:
            for message in messages:
                yield line_of(message)
                sent += 1
    except Exception as error:
        app.logger.warning("%s after %s messages", log_name(error), sent)
        if sent == 0:
            raise http_error(error) from None
        yield line_of({"isError": True, "reason": sentence_for(error)})


def line_of(message):
    """Return the line of JSON for a message."""
    return f"{json.dumps(message, allow_nan=False)}\n"


def answer(prompt):
    """Yield what the model writes, what it used, and why it ended, one message each."""
    metadata = {}  # of all chunks: one of the last says why the answer ended
    usage = None
    tokens = 0
    with closing(model.stream(prompt)) as chunks:
        for chunk in ignoring_late_errors(chunks):
            metadata |= chunk.response_metadata
            if chunk.usage_metadata:
                usage = chunk.usage_metadata  # a running total: keep the last one
            if chunk.text and tokens == MOST_TOKENS:
                yield {"isError": True, "reason": {"limit": MOST_TOKENS}}
                return
            if chunk.text:
                tokens += 1
                yield {"token": chunk.text}
    if tokens == 0:  # no answer, whatever its finish reason: this raises
        require_whole(metadata, has_text=False)
    reason = openai_reason(metadata, has_text=True)
    if usage:
        yield {"usage": usage}
    yield {"end": reason}

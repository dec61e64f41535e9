"""Any provider: whoever answers, the reader gets the same lines."""

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

from .events import events

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
if hasattr(model, "stream_usage"):
    model.stream_usage = True  # otherwise LangChain asks only OpenAI


@app.get("/")
def index():
    """Show the page."""
    return render_template("index.html")


@app.post("/ask")
def ask():
    """Answer the prompt in the JSON body with events, one line of JSON each."""
    answer = lines(read_prompt())
    first_line = next(answer)  # waits: until the first event a failure is a status
    response = Response(chain([first_line], answer), headers=HEADERS)
    response.call_on_close(answer.close)  # chain does not close what it chains
    return response


def lines(prompt):
    """Yield a line for each event; a failure is the last one, or an HTTP error."""
    has_begun = False
    try:
        with closing(model.stream(prompt)) as chunks:
            for event in events(ignoring_late_errors(chunks), model.name):
                has_begun = True
                yield f"{json.dumps(event)}\n"
    except Exception as error:
        app.logger.warning("%s", log_name(error))
        if not has_begun:
            raise http_error(error) from None  # no words of the provider in the log
        thrown = {"isError": True, "reason": sentence_for(error)}
        yield f"{json.dumps(thrown)}\n"

"""Messages with a type, as in lesson 09, in the words of useChat, and with a tool."""

from contextlib import closing
from itertools import chain

from flask import Flask, Response, render_template, request
from werkzeug.exceptions import HTTPException

from failures import (
    TOOL_CALL,
    Unfinished,
    as_json,
    http_error,
    ignoring_late_errors,
    log_name,
    openai_reason,
    require_whole,
    sentence_for,
)
from models import choose_model, trusted_hosts

from .look_up import LookUp
from .question import read_question
from .words import FINISH_REASONS, HEADERS, event, events_of


def as_its_client_reads_it(error):
    """Return the answer for an HTTP error: JSON, or the bare sentence for useChat."""
    body, status, headers = as_json(error)
    if request.path == "/chat":
        body = Response(body["error"], mimetype="text/plain")
    return body, status, headers


app = Flask(__name__)
app.config["MAX_CONTENT_LENGTH"] = 64 * 1024
app.config["TRUSTED_HOSTS"] = trusted_hosts()
app.register_error_handler(HTTPException, as_its_client_reads_it)
model = choose_model()


@app.get("/")
def index():
    """Show the page."""
    return render_template("index.html")


@app.post("/ask")
@app.post("/chat")
def ask():
    """Answer the prompt, or the conversation, in the words of useChat."""
    pieces = write(read_question(request))
    first_piece = next(pieces)  # waits for the model: up to here, a failure is a status
    response = Response(chain([first_piece], pieces), headers=HEADERS)
    response.call_on_close(pieces.close)  # chain does not close what it chains
    return response


def write(question):
    """Yield an event for each message; a failure is the last, or an HTTP error."""
    sent = 0
    try:
        with closing(events_of(answer(question))) as events:
            for piece in events:
                yield piece
                sent += 1
    except Exception as error:
        app.logger.warning("%s after %s events", log_name(error), sent)
        if sent == 0:
            raise http_error(error) from None
        yield event({"type": "error", "errorText": sentence_for(error)})


def answer(question):
    """Yield what the model says, one message each."""
    turns = [("human", question)] if isinstance(question, str) else list(question)
    asking = model.bind_tools([LookUp])
    metadata = {}  # of all chunks: one of the last says why the answer ended
    said = ""
    with closing(asking.stream(turns)) as chunks:
        for chunk in ignoring_late_errors(chunks):
            metadata |= chunk.response_metadata
            if chunk.text:
                said += chunk.text
                yield {"type": "text-delta", "delta": chunk.text}
    yield end_of(metadata, said)


def end_of(metadata, said):
    """Return the last message, or raise Unfinished for an answer that is not whole."""
    if not said:  # no answer, whatever its finish reason: this raises
        require_whole(metadata, has_text=False)
    reason = openai_reason(metadata, has_text=True)
    return {"type": "finish", "finishReason": FINISH_REASONS[reason]}


def require_end(metadata):
    """Raise Unfinished unless the model says that its calls are whole."""
    try:
        require_whole(metadata, has_text=True)
    except Unfinished as unfinished:
        if unfinished.failure is not TOOL_CALL:  # with a tool, that is the right end
            raise

"""A tool in the stream: the model looks something up in the middle of its answer."""

from contextlib import closing
from itertools import chain

from flask import Flask, Response, render_template, request
from langchain_core.messages import AIMessage
from werkzeug.exceptions import HTTPException

from failures import (
    TOOL_CALL,
    Failure,
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

from .calls import Calls, run
from .look_up import LookUp
from .question import read_question
from .words import FINISH_REASONS, HEADERS, event, events_of

MOST_ROUNDS = 3  # the most requests to the model for one answer: each costs money
TOO_MANY_ROUNDS = Failure(
    502, "The model looked things up again and again: ask in a different way."
)


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
    """Yield what the model says, looks up and finds, one message each."""
    turns = [("human", question)] if isinstance(question, str) else list(question)
    asking = model.bind_tools([LookUp])
    for _ in range(MOST_ROUNDS):
        metadata = {}  # of all chunks: one of the last says why this round ended
        said = ""
        calls = Calls()
        with closing(asking.stream(turns)) as chunks:
            for chunk in ignoring_late_errors(chunks):
                metadata |= chunk.response_metadata
                if chunk.text:
                    said += chunk.text
                    yield {"type": "text-delta", "delta": chunk.text}
                for piece in chunk.tool_call_chunks:
                    yield from calls.add(piece)
        if not calls.all:
            yield end_of(metadata, said)
            return
        require_end(metadata)
        for call in calls.all:
            yield from run(call)
        sent = [call.as_sent() for call in calls.all]
        turns.append(AIMessage(said.strip(), tool_calls=sent))
        turns += [call.result for call in calls.all]
        yield {"type": "start-step"}  # the next round is another step of the answer
    raise Unfinished(TOO_MANY_ROUNDS)


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

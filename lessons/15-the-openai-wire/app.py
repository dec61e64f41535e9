"""The OpenAI wire: a server that every OpenAI client can talk to."""

import hmac
import json
import os
from contextlib import closing
from itertools import chain
from time import time
from uuid import uuid4

from flask import Flask, Response, render_template, request
from werkzeug.exceptions import HTTPException

from failures import (
    failure_of,
    http_error,
    ignoring_late_errors,
    log_name,
    openai_reason,
    require_whole,
    sentence_for,
)
from models import choose_model, trusted_hosts

from .errors import Refusal, as_openai_json, openai_error
from .question import read_question

SERVER_KEY = os.environ.get("SERVER_KEY") or "sk-practice"
MODEL = {"id": "practice", "object": "model", "created": 0, "owned_by": "you"}

app = Flask(__name__)
app.config["MAX_CONTENT_LENGTH"] = 64 * 1024
app.config["TRUSTED_HOSTS"] = trusted_hosts()
app.register_error_handler(HTTPException, as_openai_json)
model = choose_model()


@app.get("/")
def index():
    """Show the page."""
    return render_template("index.html")


@app.after_request
def keep_nothing(response):
    """Let no proxy collect or keep what is sent, and let no browser guess its type."""
    response.headers["Cache-Control"] = "no-store, no-transform"
    response.headers["X-Accel-Buffering"] = "no"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


@app.get("/v1/models/<path:name>")
def show_model(name):
    """Show the model with that name, or raise a 404."""
    if name != MODEL["id"]:
        sentence = f"There is no such model here: ask for {MODEL['id']}."
        raise Refusal(404, sentence, param="model", error_code="model_not_found")
    return MODEL


@app.post("/v1/chat/completions")
def chat():
    """Answer a conversation, in chunks or whole."""
    question = read_question()
    show_model(question.model)  # raises for any model but ours
    steps = answer_to(question.turns())
    try:
        first_step = next(steps)  # waits for the first text
        if not question.stream:
            return whole([first_step, *steps])
    except Exception as error:  # nothing has been sent yet: it is a status
        app.logger.warning(log_name(error))
        raise http_error(error) from None
    events = write(chain([first_step], steps))
    response = Response(events, mimetype="text/event-stream")
    response.call_on_close(steps.close)  # which chain does not do
    return response


def answer_to(turns):
    """Ask the model; yield who speaks, each text, and the reason."""
    metadata = {}  # of all chunks: one of the last says why it ended
    has_text = False
    with closing(model.stream(turns)) as chunks:
        for chunk in ignoring_late_errors(chunks):
            metadata |= chunk.response_metadata
            if chunk.text and not has_text:
                has_text = True
                yield choice({"role": "assistant", "content": ""})
            if chunk.text:
                yield choice({"content": chunk.text})
    if not has_text:
        require_whole(metadata, has_text)  # raises: no text is no answer
    yield choice({}, openai_reason(metadata, has_text))


def choice(delta, reason=None):
    """Return what is new in the answer, as a chunk carries it."""
    return {"index": 0, "delta": delta, "finish_reason": reason}


def head(kind):
    """Return what all chunks of an answer have in common."""
    return {
        "id": f"chatcmpl-{uuid4().hex}",
        "object": kind,
        "created": int(time()),
        "model": MODEL["id"],
    }


def event(message):
    """Return a message as one event; json.dumps writes no line breaks."""
    return f"data: {json.dumps(message)}\n\n"


def write(steps):
    """Yield the answer as events, up to [DONE] or to what went wrong."""
    chunk = head("chat.completion.chunk")
    try:
        for step in steps:
            yield event(chunk | {"choices": [step]})
        yield "data: [DONE]\n\n"
    except Exception as error:
        app.logger.warning(log_name(error))
        status = failure_of(error).status
        yield event(openai_error(status, sentence_for(error)))


def whole(steps):
    """Return the answer as one object, once it has ended."""
    text = "".join(step["delta"].get("content", "") for step in steps)
    message = {"role": "assistant", "content": text}
    reason = steps[-1]["finish_reason"]
    answer = {"index": 0, "message": message, "finish_reason": reason}
    return head("chat.completion") | {"choices": [answer]}


@app.get("/v1/models")
def list_models():
    """List the one model there is."""
    return {"object": "list", "data": [MODEL]}


@app.before_request
def ask_for_the_key():
    """Let nobody without the key reach the model."""
    authorization = request.headers.get("Authorization", "")
    _, _, key = authorization.partition(" ")  # as in Bearer sk-practice
    is_right = hmac.compare_digest(key.encode(), SERVER_KEY.encode())
    if request.path.startswith("/v1/") and not is_right:
        sentence = "The key is missing or wrong."
        raise Refusal(401, sentence, error_code="invalid_api_key")

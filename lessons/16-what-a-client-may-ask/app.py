"""What a client may ask: a length, a stop, several answers, and the usage."""

import hmac
import json
import os
from itertools import chain
from threading import Event
from time import time
from uuid import uuid4

from flask import Flask, Response, render_template, request
from werkzeug.exceptions import HTTPException

from failures import failure_of, http_error, log_name, sentence_for
from models import choose_model, trusted_hosts

from .choices import Choice, usage_of
from .errors import Refusal, as_openai_json, openai_error
from .question import read_question
from .side_by_side import side_by_side

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


@app.before_request
def ask_for_the_key():
    """Let nobody without the key reach the model."""
    authorization = request.headers.get("Authorization", "")
    _, _, key = authorization.partition(" ")  # as in Bearer sk-practice
    is_right = hmac.compare_digest(key.encode(), SERVER_KEY.encode())
    if request.path.startswith("/v1/") and not is_right:
        sentence = "The key is missing or wrong."
        raise Refusal(401, sentence, error_code="invalid_api_key")


@app.get("/v1/models")
def list_models():
    """List the one model there is."""
    return {"object": "list", "data": [MODEL]}


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
    abandoned = Event()  # set when nobody wants the answers any more
    choices = [Choice(index, question, abandoned) for index in range(question.n)]
    steps = side_by_side([choice.steps(model) for choice in choices], abandoned)
    try:
        first_step = next(steps)  # waits for a first text
        if not question.stream:
            for _ in steps:  # waits for all of them: the choices keep the texts
                pass
            return whole(choices)
    except Exception as error:  # nothing has been sent yet: it is a status
        app.logger.warning(log_name(error))
        raise http_error(error) from None
    events = write(chain([first_step], steps), question, choices)
    response = Response(events, mimetype="text/event-stream")
    response.call_on_close(steps.close)  # which chain does not do
    return response


def write(steps, question, choices):
    """Yield the answers as events, up to [DONE] or to what went wrong."""
    chunk = head("chat.completion.chunk")
    try:
        for step in steps:
            yield event(chunk | {"choices": [step]})
        if question.stream_options.include_usage:
            yield event(chunk | {"choices": [], "usage": usage_of(choices)})
        yield "data: [DONE]\n\n"
    except Exception as error:
        app.logger.warning(log_name(error))
        status = failure_of(error).status
        yield event(openai_error(status, sentence_for(error)))


def whole(choices):
    """Return the answers as one object, once they have ended."""
    answers = {
        "choices": [choice.whole() for choice in choices],
        "usage": usage_of(choices),
    }
    return head("chat.completion") | answers


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

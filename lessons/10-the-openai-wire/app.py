"""The OpenAI wire: a server that every OpenAI client can talk to."""

import hmac
import json
import os
from itertools import chain
from time import time
from uuid import uuid4

from flask import Flask, Response, render_template, request
from werkzeug.exceptions import HTTPException

from models import choose_model

from .choices import Choice, tokens_of
from .errors import no, refusal, refuse, told
from .question import read_question
from .side_by_side import side_by_side

SERVER_KEY = os.environ.get("SERVER_KEY") or "sk-practice"
MODEL = {"id": "practice", "object": "model", "created": 0, "owned_by": "you"}

app = Flask(__name__)
app.config["MAX_CONTENT_LENGTH"] = 64 * 1024
app.register_error_handler(HTTPException, refuse)
model = choose_model()


@app.get("/")
def index():
    """Show the page."""
    return render_template("index.html")


@app.before_request
def ask_for_the_key():
    """Let nobody reach the model who does not have the key."""
    _, _, key = request.headers.get("Authorization", "").partition(" ")
    same = hmac.compare_digest(key.encode(), SERVER_KEY.encode())
    if request.path.startswith("/v1/") and not same:
        raise no(401, "The key is missing or wrong.", code="invalid_api_key")


@app.get("/v1/models")
def list_models():
    """List the one model there is."""
    return {"object": "list", "data": [MODEL]}


@app.get("/v1/models/<path:name>")
def show_model(name):
    """Show the model of that name."""
    if name != MODEL["id"]:
        sentence = f"There is no such model here: ask for {MODEL['id']}."
        raise no(404, sentence, param="model", code="model_not_found")
    return MODEL


@app.post("/v1/chat/completions")
def chat():
    """Answer a conversation: in chunks while it is being written, or whole."""
    question = read_question()
    show_model(question.model)
    choices = [Choice(index, question) for index in range(question.n)]
    deltas = side_by_side([choice.deltas(model) for choice in choices])
    try:
        first = next(deltas)  # waits for a first text: a failure is a status
        rest = deltas if question.stream else list(deltas)
    except Exception as error:
        raise refusal(error) from None
    head = {"id": f"chatcmpl-{uuid4().hex}", "object": "chat.completion"}
    head |= {"created": int(time()), "model": MODEL["id"]}
    if not question.stream:
        whole = [choice.whole() for choice in choices]
        return head | {"choices": whole, "usage": tokens_of(choices)}
    events = write(head, chain([first], rest), question, choices)
    response = Response(events, mimetype="text/event-stream")
    response.headers["Cache-Control"] = "no-store, no-transform"
    response.headers["X-Accel-Buffering"] = "no"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.call_on_close(deltas.close)  # it has begun: its finally will run
    return response


def write(head, deltas, question, choices):
    """Yield the answer as events, up to [DONE] or to what went wrong."""
    head = head | {"object": "chat.completion.chunk"}
    try:
        for delta in deltas:
            yield event(head | {"choices": [delta]})
        if question.stream_options.get("include_usage"):
            yield event(head | {"choices": [], "usage": tokens_of(choices)})
        yield "data: [DONE]\n\n"
    except Exception as error:
        yield event(told(refusal(error)))


def event(message):
    """Return a message as one event; json.dumps breaks no line and writes ASCII."""
    return f"data: {json.dumps(message)}\n\n"

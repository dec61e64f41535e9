"""The newer wire: a response has a name, and each of its events a number."""

import hmac
import os
from contextlib import suppress

from flask import Flask, Response, render_template, request
from werkzeug.exceptions import HTTPException

from models import choose_model, trusted_hosts

from .errors import Refusal, as_openai_json
from .limits import NoSuchAnswer
from .question import asks_for_stream, read_question, starting_after
from .readers import RoomForReaders
from .response import GrowingResponse
from .shapes import HEARTBEAT, as_event
from .starting import start_writing, wait_for_end, wait_for_text
from .stores import choose_store
from .writing import STOPPED

SERVER_KEY = os.environ.get("SERVER_KEY") or "sk-practice"
MODEL = {"id": "practice", "object": "model", "created": 0, "owned_by": "you"}
NO_STREAM = "Only a response with background and stream can be streamed again."
NO_CANCEL = "Only a response with background can be cancelled: hang up on another."

app = Flask(__name__)
app.config["MAX_CONTENT_LENGTH"] = 64 * 1024
app.config["TRUSTED_HOSTS"] = trusted_hosts()
app.register_error_handler(HTTPException, as_openai_json)
app.wsgi_app = RoomForReaders(app.wsgi_app)  # keeps some threads free for cancel
model = choose_model()
store = choose_store()


@app.get("/")
def index():
    """Show the page."""
    return render_template("index.html")


@app.before_request
def ask_for_the_key():
    """Let nobody without the key reach the model."""
    authorization = request.headers.get("Authorization", "")
    _, _, key = authorization.partition(" ")  # as in Bearer sk-practice
    is_right = hmac.compare_digest(key.encode(), SERVER_KEY.encode())
    if request.path.startswith("/v1/") and not is_right:
        sentence = "The key is missing or wrong."
        raise Refusal(401, sentence, error_code="invalid_api_key")


@app.after_request
def keep_nothing(response):
    """Let no proxy collect or keep what is sent, and let no browser guess its type."""
    response.headers["Cache-Control"] = "no-store, no-transform"
    response.headers["X-Accel-Buffering"] = "no"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


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


@app.post("/v1/responses")
def create():
    """Begin a response; answer with its events, or with the object."""
    question = read_question(store)
    show_model(question.model)  # raises for any model but ours
    name = store.begin(question)
    start_writing(store, name, model)
    if question.background:  # nobody has to wait for it
        return stream(events_after(name, -1)) if question.stream else current(name)
    if not question.stream:
        wait_for_end(store, name)
        response = current(name)
        leave(name)
        return response
    wait_for_text(store, name)  # up to here, a failure is a status
    response = stream(events_after(name, -1))
    response.call_on_close(lambda: leave(name))
    return response


def stream(events):
    """Return the response that sends these events."""
    return Response(events, mimetype="text/event-stream")


def leave(name):
    """End an answer whose only reader leaves; forget it unless it is to be stored."""
    with suppress(NoSuchAnswer):  # it has been forgotten meanwhile
        store.end(name, STOPPED)  # which changes nothing if it has ended
        if not store.find(name).question.store:
            store.forget(name)


def current(name):
    """Return the object of a response, as it is now."""
    growing = GrowingResponse(store.find(name))
    for entry in store.so_far(name):
        growing.take(entry)
    return growing.object


def events_after(name, number):
    """Yield the events of a response after the one with that number, as bytes."""
    growing = GrowingResponse(store.find(name))
    for numbered in store.read(name, 0):  # all: each event depends on those before
        if numbered is None:
            yield HEARTBEAT
            continue
        _, entry = numbered
        for event in growing.take(entry):
            if event["sequence_number"] > number:
                yield as_event(event)


@app.get("/v1/responses/<name>")
def retrieve(name):
    """Show a response as it is now, or send the events that a client lacks."""
    question = store.find(name).question
    if not asks_for_stream():
        return current(name)
    if not (question.background and question.stream):
        raise Refusal(400, NO_STREAM, param="stream")
    return stream(events_after(name, starting_after()))


@app.post("/v1/responses/<name>/cancel")
def cancel(name):
    """End a response that is written in the background; show it."""
    if not store.find(name).question.background:
        raise Refusal(400, NO_CANCEL)
    store.end(name, STOPPED)
    return current(name)

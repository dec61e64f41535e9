"""Answers that outlive their reader: each has one writer, and any number of readers."""

from flask import Flask, Response, jsonify, render_template, request, url_for
from werkzeug.exceptions import HTTPException

from failures import as_json, read_prompt
from models import trusted_hosts

from .chat import open_to_use_chat
from .events import HEADERS, as_event
from .readers import RoomForReaders
from .starting import start_writing
from .stores import choose_store
from .writing import STOPPED

app = Flask(__name__)
app.config["MAX_CONTENT_LENGTH"] = 64 * 1024
app.config["TRUSTED_HOSTS"] = trusted_hosts()
app.register_error_handler(HTTPException, as_json)
app.wsgi_app = RoomForReaders(app.wsgi_app)  # keeps some threads free for Stop
store = choose_store()
open_to_use_chat(app, store)


@app.get("/")
def index():
    """Show the page."""
    return render_template("index.html")


@app.post("/answers")
def begin():
    """Begin an answer to the prompt in the JSON body, and say where it can be read."""
    prompt = read_prompt()
    name = store.begin()
    start_writing(store, name, prompt)
    place = {"Location": url_for("read", name=name)}
    return jsonify(id=name), 201, place


@app.get("/answers/<name>")
def read(name):
    """Send the events of an answer: all, or those after the last that came."""
    after = number_of_last_event()
    if store.is_over(name, after):
        return "", 204  # no content: an EventSource stops asking
    events = map(as_event, store.read(name, after))
    return Response(events, headers=HEADERS)


def number_of_last_event():
    """Return the last number that a returning client has seen; 0 if none."""
    number = request.headers.get("Last-Event-ID") or request.args.get("after", "")
    return int(number[:9]) if number.isdecimal() else 0


@app.delete("/answers/<name>")
def stop(name):
    """End an answer: its readers see that, and its writer closes the model's stream."""
    store.end(name, STOPPED)
    return "", 204

"""Answers that outlive their reader: each has one writer, and any number of readers."""

from flask import Flask, jsonify, render_template
from werkzeug.exceptions import HTTPException

from failures import as_json, read_prompt
from models import trusted_hosts

from .chat import open_to_use_chat
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
    return jsonify(id=name), 201


@app.delete("/answers/<name>")
def stop(name):
    """End an answer: its readers see that, and its writer closes the model's stream."""
    store.end(name, STOPPED)
    return "", 204

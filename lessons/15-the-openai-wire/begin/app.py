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

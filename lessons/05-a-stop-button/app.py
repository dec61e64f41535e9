"""A stop button: when the reader leaves the page, the model stops too."""

from contextlib import closing

from flask import Flask, Response, abort, render_template, request

from models import choose_model

app = Flask(__name__)
app.logger.setLevel("INFO")
model = choose_model()


@app.get("/")
def index():
    """Show the page."""
    return render_template("index.html")


@app.post("/ask")
def ask():
    """Answer the prompt in the JSON body with a stream of plain text."""
    prompt = request.get_json().get("prompt")
    if not isinstance(prompt, str):
        abort(400)
    return Response(pieces(prompt), mimetype="text/plain")


def pieces(prompt):
    """Yield the answer's text; close the model's stream when the reader has left."""
    made = 0
    end = "broken off"
    try:
        with closing(model.stream(prompt)) as stream:
            for chunk in stream:
                made += 1
                yield chunk.text
        end = "whole"
    finally:
        app.logger.info("%s chunks, %s", made, end)

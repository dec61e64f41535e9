"""Letters that stay whole: the server is that of lesson 03; only the page changes."""

from flask import Flask, Response, abort, render_template, request

from models import choose_model

app = Flask(__name__)
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
    """Yield the answer's text, piece by piece."""
    for chunk in model.stream(prompt):
        yield chunk.text

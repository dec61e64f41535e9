# mine/app.py, line 25: RuntimeError: Working outside of request context. When a
# generator runs, the view has returned and request is gone: read it in the view, and
# hand the prompt over.
"""A stream from Flask: each piece of the answer leaves as soon as it is made."""

from flask import Flask, Response, abort, request

from models import choose_model

app = Flask(__name__)
model = choose_model()


@app.post("/ask")
def ask():
    """Answer the prompt in the JSON body with a stream of plain text."""
    prompt = request.get_json().get("prompt")
    if not isinstance(prompt, str):
        abort(400)
    return Response(pieces(), mimetype="text/plain")


def pieces():
    """Yield the answer's text, piece by piece."""
    prompt = request.get_json()["prompt"]
    for chunk in model.stream(prompt):
        yield chunk.text

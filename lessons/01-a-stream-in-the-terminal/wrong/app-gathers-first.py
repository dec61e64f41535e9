# The model had written 'Streams' and the loop asked for more, but nothing of it was
# printed yet: print inside the loop over model.stream(prompt).
"""A stream in the terminal: print an answer while it is being written."""

import click
from flask import Flask

from models import choose_model

app = Flask(__name__)
model = choose_model()


@app.cli.command()
@click.argument("prompt")
def ask(prompt):
    """Print the answer to PROMPT as it comes, and count what came."""
    pieces = []
    for chunk in model.stream(prompt):
        pieces.append(chunk.text)
    answer = "".join(pieces)
    print(answer, end="", flush=True)
    print(f"\n\n{len(pieces)} chunks, {len(answer)} characters")

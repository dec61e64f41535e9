# 'Streams' was printed, but the terminal did not show it yet: print keeps text until a
# line ends, unless it gets flush=True.
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
        print(chunk.text, end="")
        pieces.append(chunk.text)
    answer = "".join(pieces)
    print(f"\n\n{len(pieces)} chunks, {len(answer)} characters")

"""A stream in the terminal: print an answer while it is being written."""

import re

import click
from flask import Flask

from models import choose_model

app = Flask(__name__)
model = choose_model()


def printable(text):
    """Return the text without the control characters that a terminal obeys."""
    return re.sub(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", "", text)


@app.cli.command()
@click.argument("prompt")
def ask(prompt):
    """Print the answer to PROMPT as it arrives, and count what arrived."""
    pieces = []
    for chunk in model.stream(prompt):
        print(printable(chunk.text), end="", flush=True)
        pieces.append(chunk.text)
    answer = "".join(pieces)
    print(f"\n\n{len(pieces)} chunks, {len(answer)} characters")

"""Ask the model, and print its answer when it is complete."""

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
    """Print the answer to PROMPT."""
    print(printable(model.invoke(prompt).text))

"""Ask the model, and print its answer when all of it is there."""

import click
from flask import Flask

from models import choose_model

app = Flask(__name__)
model = choose_model()


@app.cli.command()
@click.argument("prompt")
def ask(prompt):
    """Print the answer to PROMPT."""
    print(model.invoke(prompt).text)

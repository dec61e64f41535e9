"""A status before the first word: wait for the first text, then choose the status."""

from contextlib import closing
from itertools import chain

from flask import Flask, Response, render_template
from werkzeug.exceptions import HTTPException  # refusals

from failures import (
    NO_TEXT,
    BodyBreaks,
    Unfinished,
    as_json,
    failure_of,
    http_error,
    log_name,
    read_prompt,
    sentence_for,
)
from models import choose_model

MODEL_RETRIES = 1  # times to ask again

app = Flask(__name__)
app.logger.setLevel("INFO")  # a line for each answer
app.register_error_handler(HTTPException, as_json)  # as JSON, for the page
model = choose_model()


@app.get("/")
def index():
    """Show the page."""
    return render_template("index.html")


@app.post("/ask")
def ask():
    """Answer the prompt in the JSON body with a stream of plain text."""
    pieces = write(read_prompt())
    first_piece = next(pieces)  # waits: until it arrives, a failure sets the status
    body = chain([first_piece], pieces)  # the first piece, then all the others
    response = Response(body, mimetype="text/plain")
    response.call_on_close(pieces.close)  # chain does not close what it chains
    return response


def write(prompt):
    """Yield the answer's texts; raise an HTTP error if there are none."""
    made = 0
    ending = "the reader left"  # unless we learn otherwise
    try:
        with closing(texts(prompt)) as answer:
            for text in answer:
                made += 1
                yield text
        ending = "whole"
    except Exception as error:  # not GeneratorExit, raised when the reader leaves
        ending = log_name(error)
        # from None, both times: otherwise the log would show the provider's words
        if made == 0:
            raise http_error(error) from None
        # The status 200 was sent long ago: this breaks off the body.
        raise BodyBreaks(sentence_for(error)) from None
    finally:
        app.logger.info("%s pieces, %s", made, ending)


def texts(prompt):
    """Yield the model's texts; ask again if it fails before the first."""
    retries_left = MODEL_RETRIES
    has_text = False
    while True:
        try:
            with closing(listen(prompt)) as answer:
                for text in answer:
                    has_text = True
                    yield text
            return
        except Exception as error:
            may_pass = failure_of(error).may_pass  # asking again at once can help
            if has_text or retries_left == 0 or not may_pass:
                raise
            retries_left -= 1


def listen(prompt):
    """Yield the texts of one stream; raise Unfinished if there is none."""
    has_text = False
    with closing(model.stream(prompt)) as chunks:  # leaving the block hangs up
        for chunk in chunks:
            if chunk.text:
                has_text = True
                yield chunk.text
    if not has_text:
        raise Unfinished(NO_TEXT)

"""An end you can trust: a line for people, a break for programs, a log for us."""

from contextlib import closing
from itertools import chain
from time import monotonic, sleep

from flask import Flask, Response, render_template
from werkzeug.exceptions import HTTPException  # refusals

from failures import (
    BodyBreaks,
    as_json,
    failure_of,
    http_error,
    ignoring_late_errors,
    log_name,
    read_prompt,
    require_whole,
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
    """Yield the answer's pieces, as bytes; raise an HTTP error if there are none."""
    record = Record()
    try:
        with closing(texts(prompt)) as answer:
            for text in answer:
                record.add_piece()
                # Half an emoji, which a model's JSON can hold, is sent as a "?".
                yield text.encode("utf-8", "replace")
        record.ending = "whole"
    except Exception as error:  # not GeneratorExit, raised when the reader leaves
        record.ending = log_name(error)
        if record.pieces == 0:
            refusal = http_error(error)
            record.status = refusal.code
            raise refusal from None  # no traceback shows the provider's error
        # The status 200 was sent long ago. People read a last line; programs
        # see that the body breaks off. Neither alone reaches everybody.
        sentence = sentence_for(error)
        yield f"\n[error: {sentence}]\n".encode()
        sleep(0.05)  # Chromium can drop text that comes together with the break
        # The server logs this, and hangs up. "from None" keeps the provider's words out
        # of the log.
        raise BodyBreaks(sentence) from None
    finally:
        app.logger.info("%s", record)


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
    """Yield the texts of one stream; raise Unfinished if it is not whole."""
    metadata = {}  # of all chunks: one of the last says why the answer ended
    has_text = False
    with closing(model.stream(prompt)) as chunks:  # leaving the block hangs up
        for chunk in ignoring_late_errors(chunks):
            metadata.update(chunk.response_metadata)
            if chunk.text:
                has_text = True
                yield chunk.text
    require_whole(metadata, has_text)


class Record:
    """What the log says about an answer."""

    def __init__(self):
        self.status = 200
        self.pieces = 0
        self.ending = "the reader left"  # unless we learn otherwise
        self.began = monotonic()
        self.waited = None  # seconds until the first text

    def add_piece(self):
        """Count a piece of the answer."""
        if self.pieces == 0:
            self.waited = monotonic() - self.began
        self.pieces += 1

    def __str__(self):
        """Return the line for the log: its "%s" calls this."""
        took = f"all in {monotonic() - self.began:.2f} s"
        if self.waited is None:
            first = "no text"
        else:
            first = f"first text after {self.waited:.2f} s"
        written = f"{self.pieces} pieces"
        return f"{self.status}, {first}, {took}, {written}, {self.ending}"

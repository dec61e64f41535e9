"""Word by Word: ask a language model, and watch the answer being written.

POST /ask streams plain text. Until the first text a failure is an HTTP status; after
it, the answer gets one last line that says why, and its body breaks.
"""

from contextlib import closing
from itertools import chain
from threading import BoundedSemaphore
from time import monotonic, sleep

from flask import Flask, Response, render_template
from werkzeug.exceptions import HTTPException, ServiceUnavailable

from failures import (
    TOO_SLOW,
    BodyBreaks,
    Unfinished,
    as_json,
    failure_of,
    http_error,
    log_name,
    read_prompt,
    require_whole,
    sentence_for,
)
from flask_run import let_flask_run_serve_a_class
from lessons.course.pages import course
from models import choose_model, number, trusted_hosts

ANSWER_SECONDS = number("ANSWER_SECONDS", 120)  # the longest that an answer may take
ANSWERS_AT_ONCE = number("ANSWERS_AT_ONCE", 64)
MODEL_RETRIES = number("MODEL_RETRIES", 1, least=0)  # before the first text
CONTENT_SECURITY_POLICY = "; ".join(  # what a browser may do with the page
    [
        "default-src 'none'",  # load nothing but what a line below allows
        "script-src 'self'",  # scripts of this server: none that stands in the HTML
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",  # fetch from this server only
        "frame-src 'self'",
        "frame-ancestors 'self'",  # only our own pages, the lessons, may frame it
        "base-uri 'none'",  # no <base> may send relative addresses elsewhere
        "form-action 'none'",  # no form may be sent: page.js reads ours
    ]
)

app = Flask(__name__)
app.config["MAX_CONTENT_LENGTH"] = 64 * 1024  # bytes of a request; more is a 413
# A foreign page can lead its own name to 127.0.0.1; under that name it gets nothing.
app.config["TRUSTED_HOSTS"] = trusted_hosts()
app.logger.setLevel("INFO")  # a line for each answer
app.register_error_handler(HTTPException, as_json)
app.register_blueprint(course)  # the pages below /lessons/
let_flask_run_serve_a_class(patience=ANSWER_SECONDS)

model = choose_model()
slots = BoundedSemaphore(ANSWERS_AT_ONCE)  # an answer holds one while it is written


@app.get("/")
def index():
    """Show the page."""
    page = render_template("index.html", model=model.name)
    return page, {"Content-Security-Policy": CONTENT_SECURITY_POLICY}


@app.post("/ask")
def ask():
    """Answer the prompt in the JSON body with a stream of plain text."""
    pieces = write(read_prompt())
    first_piece = next(pieces)  # waits for the model: until here a failure is a status
    response = Response(chain([first_piece], pieces), mimetype="text/plain")
    response.headers["Cache-Control"] = "no-store, no-transform"  # nor compress it
    response.headers["X-Accel-Buffering"] = "no"  # nginx shall not gather the pieces
    response.call_on_close(pieces.close)  # chain does not close what it chains
    return response


@app.after_request
def forbid_guessing(response):
    """Let a browser believe the type that we send, and not guess that text is HTML."""
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


def write(prompt):
    """Yield the answer as bytes, or raise an HTTP error before the first of them."""
    has_slot = slots.acquire(blocking=False)  # False if all are taken: it does not wait
    if not has_slot:
        raise ServiceUnavailable(retry_after=5)
    record = Record()
    try:
        with closing(texts(prompt)) as answer:
            for text in answer:
                record.add_piece()
                yield text.encode("utf-8", "replace")
        record.ending = "whole"
    except Exception as error:  # a reader who left raises GeneratorExit, which is none
        record.ending = log_name(error)
        if record.pieces == 0:
            refusal = http_error(error)
            record.status = refusal.code
            raise refusal from None  # None: the log shows no words of the provider
        # The status 200 has left long ago. People read a last line; programs see that
        # the body breaks off. Neither alone reaches everybody.
        sentence = sentence_for(error)
        yield f"\n[error: {sentence}]\n".encode()
        sleep(0.05)  # Chromium can drop text that comes together with the break
        raise BodyBreaks(sentence) from None
    finally:
        slots.release()
        app.logger.info("%s", record)


def texts(prompt):
    """Yield the model's texts; ask it again if it fails before the first of them."""
    deadline = monotonic() + ANSWER_SECONDS
    retries_left = MODEL_RETRIES
    has_text = False
    while True:
        try:
            with closing(listen(prompt, deadline)) as answer:
                for text in answer:
                    has_text = True
                    yield text
            return
        except Exception as error:
            if has_text or retries_left == 0 or not failure_of(error).may_pass:
                raise
            retries_left -= 1


def listen(prompt, deadline):
    """Yield the texts of one stream; raise Unfinished if the answer is not whole."""
    metadata = {}  # of all chunks: one of the last says why the answer ended
    has_text = False
    with closing(model.stream(prompt)) as chunks:  # leaving hangs up on the model
        for chunk in chunks:
            metadata |= chunk.response_metadata
            if chunk.text:
                has_text = True
                yield chunk.text
            if monotonic() > deadline:
                raise Unfinished(TOO_SLOW)
    require_whole(metadata, has_text)


class Record:
    """What the log says of an answer."""

    def __init__(self):
        self.status = 200
        self.pieces = 0
        self.ending = "the reader left"  # unless we learn that it ended otherwise
        self.began = monotonic()
        self.waited = None  # seconds until the first text

    def add_piece(self):
        """Count a piece of the answer."""
        if self.pieces == 0:
            self.waited = monotonic() - self.began
        self.pieces += 1

    def __str__(self):
        took = f"all in {monotonic() - self.began:.2f} s"
        if self.waited is None:
            first = "no text"
        else:
            first = f"first text after {self.waited:.2f} s"
        return f"{self.status}, {first}, {took}, {self.pieces} pieces, {self.ending}"

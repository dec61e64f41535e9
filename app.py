"""Word by Word: ask a language model, and watch the answer being written.

POST /ask sends the answer as plain text while it is being written. If the model
fails before its first text, the reader gets an HTTP error. If it fails later, a
last line says why, and the server hangs up.
"""

from contextlib import closing
from itertools import chain
from threading import BoundedSemaphore
from time import monotonic, sleep

from flask import Flask, Response, render_template
from werkzeug.exceptions import HTTPException, ServiceUnavailable  # Flask's errors

from failures import (
    TOO_SLOW,
    BodyBreaks,
    Unfinished,
    as_json,
    failure_of,
    finish_reason,
    http_error,
    ignoring_late_errors,
    log_name,
    read_prompt,
    require_whole,
    sentence_for,
)
from flask_run import prepare_for_many_readers, run_server
from lessons import register_course
from models import choose_model, number, trusted_hosts

# Each of these is a setting in .env. If it is not set, the number here is used.
ANSWER_SECONDS = number("ANSWER_SECONDS", 120)  # for a whole answer
ANSWERS_AT_ONCE = number("ANSWERS_AT_ONCE", 64)  # at the same time
MODEL_RETRIES = number("MODEL_RETRIES", 1, least=0)  # when the model fails
# What the browser may load and run on this page. If a mistake ever put part of an
# answer into the page as HTML, a script in it would still not run.
CONTENT_SECURITY_POLICY = "; ".join(
    [
        "default-src 'none'",  # load nothing but what a line below allows
        "script-src 'self'",  # scripts from this server, none in the HTML
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",  # fetch from this server only
        # Only our own pages, the lessons, may show this one in a frame. Another
        # site could hide it in its own page, and trick readers into clicking on it.
        "frame-ancestors 'self'",
        "base-uri 'none'",  # no <base>, which would change where "ask" leads
        "form-action 'none'",  # no form may be sent: page.js reads ours
    ]
)

app = Flask(__name__)
app.config["MAX_CONTENT_LENGTH"] = 64 * 1024  # bytes; more is refused
# A browser lets a page read only from the server that it came from, and it knows
# servers by their names. The owner of evil.example can point that name here:
# then their page could read from us. So we answer to our own names only.
app.config["TRUSTED_HOSTS"] = trusted_hosts()
app.logger.setLevel("INFO")  # a line for each answer
app.register_error_handler(HTTPException, as_json)  # as JSON, which ask.js reads
# A reader who stops reading keeps one of the slots below. `flask run` hangs up after
# ANSWER_SECONDS of that.
prepare_for_many_readers(patience=ANSWER_SECONDS)
register_course(app)  # the pages below /lessons/

model = choose_model()
# How many more answers may begin. Each answer has a thread of its own, and two threads
# that change a plain number at the same moment can spoil it. A semaphore is a counter
# for threads: acquire() takes one, and release() gives it back.
slots = BoundedSemaphore(ANSWERS_AT_ONCE)


@app.get("/")
def index():
    """Show the page."""
    page = render_template("index.html", model=model.name)
    headers = {"Content-Security-Policy": CONTENT_SECURITY_POLICY}
    return page, headers


@app.post("/ask")
def ask():
    """Answer the prompt in the JSON body with a stream of plain text."""
    pieces = write(read_prompt())
    first_piece = next(pieces)  # waits: until it arrives, a failure sets the status
    body = chain([first_piece], pieces)  # the first piece, then all the others
    response = Response(body, mimetype="text/plain")
    # No cache may keep the answer. No proxy may compress it: that holds pieces back.
    response.headers["Cache-Control"] = "no-store, no-transform"
    # Many sites have nginx, a proxy, in front. It must not hold pieces back, either.
    response.headers["X-Accel-Buffering"] = "no"
    response.call_on_close(pieces.close)  # chain does not close what it chains
    return response


@app.after_request
def forbid_guessing(response):
    """Tell browsers to trust each response's type, and not to guess HTML."""
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


def write(prompt):
    """Yield the answer's pieces, as bytes; raise an HTTP error if there are none."""
    has_slot = slots.acquire(blocking=False)  # does not wait; False if none is free
    if not has_slot:
        raise ServiceUnavailable(retry_after=5)  # a 503
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
        slots.release()
        app.logger.info("%s", record)


def texts(prompt):
    """Yield the model's texts; ask again if it fails before the first."""
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
            may_pass = failure_of(error).may_pass  # asking again at once can help
            if has_text or retries_left == 0 or not may_pass:
                raise
            retries_left -= 1


def listen(prompt, deadline):
    """Yield the texts of one stream; raise Unfinished if it is not whole."""
    metadata = {}  # of all chunks: one of the last says why the answer ended
    has_text = False
    with closing(model.stream(prompt)) as chunks:  # leaving the block hangs up
        for chunk in ignoring_late_errors(chunks):
            metadata.update(chunk.response_metadata)
            if chunk.text:
                has_text = True
                yield chunk.text
            # This limit is checked only when a chunk arrives. If none arrives for
            # MODEL_TIMEOUT seconds, the stream ends with an error.
            if monotonic() > deadline:
                if finish_reason(metadata):
                    break  # all of the text is there
                raise Unfinished(TOO_SLOW)
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


if __name__ == "__main__":  # for `python app.py`, or the Run button of an editor
    run_server()

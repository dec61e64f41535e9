"""Many readers: a slow one slows only its own model, and memory stays bounded."""

from contextlib import closing
from itertools import chain
from threading import BoundedSemaphore, Thread
from time import sleep

from flask import Flask, Response, render_template
from werkzeug.exceptions import HTTPException, ServiceUnavailable

from failures import (
    BodyBreaks,
    as_json,
    http_error,
    ignoring_late_errors,
    log_name,
    read_prompt,
    require_whole,
    sentence_for,
)
from models import choose_model, number, trusted_hosts

from .measures import REFUSED, Measured, as_text
from .waiting import Waiting

ANSWERS_AT_ONCE = number("ANSWERS_AT_ONCE", 64)  # each takes two threads and memory
HEADERS = {  # of an answer
    "Cache-Control": "no-store, no-transform",  # keep no copy, and do not compress it
    "X-Accel-Buffering": "no",  # nginx must not collect the pieces
    "X-Content-Type-Options": "nosniff",  # a browser must trust the Content-Type
}
POLICY = {  # of the page: what it loads comes from this server
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self';"
        " img-src data:; frame-ancestors 'self'; base-uri 'none'; form-action 'none'"
    )
}

app = Flask(__name__)
app.config["MAX_CONTENT_LENGTH"] = 64 * 1024
app.config["TRUSTED_HOSTS"] = trusted_hosts()
app.register_error_handler(HTTPException, as_json)
model = choose_model()
slots = BoundedSemaphore(ANSWERS_AT_ONCE)  # the free slots


@app.get("/")
def index():
    """Show the page that draws what is measured."""
    return render_template("index.html"), POLICY


@app.get("/metrics")
def metrics():
    """Answer with all that is measured, for Prometheus and for the page."""
    body, content_type = as_text()
    return Response(body, content_type=content_type)


@app.post("/ask")
def ask():
    """Answer the prompt in the JSON body with a stream of plain text."""
    pieces = read(read_prompt())
    first_piece = next(pieces)  # waits for the model: up to here, a failure is a status
    body = chain([first_piece], pieces)
    response = Response(body, mimetype="text/plain", headers=HEADERS)
    response.call_on_close(pieces.close)  # chain does not close what it chains
    return response


def read(prompt):
    """Yield the answer as bytes, or raise an HTTP error before the first of them."""
    has_slot = slots.acquire(blocking=False)  # False if all are taken: it does not wait
    if not has_slot:
        REFUSED.inc()
        raise ServiceUnavailable(retry_after=5)  # a 503, with the header Retry-After
    measured = Measured()
    try:
        with measured, closing(written(prompt)) as pieces:
            for piece in pieces:
                measured.add(piece)
                yield piece
    except Exception as error:  # not GeneratorExit, raised when the reader leaves
        app.logger.warning("%s after %s pieces", log_name(error), measured.pieces)
        if measured.pieces == 0:
            raise http_error(error) from None
        sentence = sentence_for(error)
        yield f"\n[error: {sentence}]\n".encode()
        sleep(0.05)  # Chromium can drop text that comes together with the break
        raise BodyBreaks(sentence) from None
    finally:
        slots.release()


def written(prompt):
    """Yield the pieces while the model writes them, in a thread of its own."""
    waiting = Waiting()
    writer = Thread(target=write, args=[prompt, waiting], daemon=True)
    writer.start()
    try:
        yield from waiting
    finally:
        waiting.leave()
        writer.join()  # waits until the model's stream is closed


def write(prompt, waiting):
    """Let the model write, and put each piece where the reader takes it."""
    metadata = {}  # of all chunks: one of the last says why the answer ended
    has_text = False
    try:
        with closing(model.stream(prompt)) as chunks:
            for chunk in ignoring_late_errors(chunks):
                metadata |= chunk.response_metadata
                if chunk.text:
                    has_text = True
                    waiting.put(chunk.text.encode("utf-8", "replace"))
        require_whole(metadata, has_text)
        waiting.end()
    except BaseException as error:  # whatever it is, the reader must not wait for ever
        waiting.end(error)

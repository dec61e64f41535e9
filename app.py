"""Word by Word: ask a language model, and watch the answer being written.

POST /ask streams plain text: its start settles the status, its break breaks the body.
"""

import os
import re
from contextlib import closing, suppress
from itertools import chain
from threading import BoundedSemaphore
from time import monotonic, sleep

from flask import Flask, Response, json, render_template, request
from langchain_core.exceptions import ModelAPIError, ModelConnectionError, ModelError
from werkzeug import exceptions as http
from werkzeug.serving import WSGIRequestHandler

from lessons.course.pages import course
from models import choose_model, number

ANSWER_SECONDS = number("ANSWER_SECONDS", 120)  # the longest answer
MODEL_RETRIES = number("MODEL_RETRIES", 1, least=0)  # before the first text
HOSTS = (os.environ.get("TRUSTED_HOSTS") or "localhost,127.0.0.1").replace(" ", "")
CSP = "default-src 'none'; base-uri 'none'; form-action 'none'; script-src 'self'; "
CSP += "style-src 'self'; connect-src 'self'; img-src 'self'; frame-src 'self'"

WSGIRequestHandler.timeout = ANSWER_SECONDS  # for a reader that stopped reading
app = Flask(__name__)
app.config.update(MAX_CONTENT_LENGTH=64 * 1024, TRUSTED_HOSTS=HOSTS.split(","))
app.logger.setLevel("INFO")
app.register_blueprint(course)
with app.open_resource("templates/errors.json") as table:
    REFUSALS, FAILURES = json.load(table).values()  # what a person reads
model = choose_model()
slots = BoundedSemaphore(number("ANSWERS_AT_ONCE", 64))


@app.get("/")
def index():
    """Show the page."""
    page = render_template("index.html", model=model.name)
    return page, {"Content-Security-Policy": CSP}


@app.post("/ask")
def ask():
    """Answer the prompt in the JSON body with a stream of plain text."""
    answer = write(read_prompt())
    first = next(answer)  # waits for the first text: until then a failure is a status
    response = Response(chain([first], answer), mimetype="text/plain")
    response.headers["Cache-Control"] = "no-store, no-transform"
    response.headers["X-Accel-Buffering"] = "no"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.call_on_close(answer.close)  # it has begun: its finally will run
    return response


def read_prompt():
    """Return the prompt, a str that is not blank; else raise 400, 413 or 415."""
    with suppress(http.BadRequest, KeyError, TypeError, UnicodeError, RecursionError):
        prompt = request.get_json()["prompt"]
        if isinstance(prompt, str) and prompt.strip().encode():  # a list has roles
            return prompt
    request.stream.read(1)  # raises the 413 of a body that did not tell its length
    raise http.BadRequest(REFUSALS["no prompt"])


def write(prompt):
    """Yield the answer as bytes, or raise an HTTP error before the first of them."""
    if not slots.acquire(blocking=False):
        raise http.ServiceUnavailable(retry_after=5)
    began, first, pieces, status, end = monotonic(), 0, 0, 200, "the reader left"
    try:
        with closing(texts(prompt)) as answer:
            for text in answer:
                first, pieces = first or monotonic() - began, pieces + 1
                yield text.encode("utf-8", "replace")
        end = "whole"
    except Exception as error:
        end, refused = type(error).__name__, refusal(error)
        if not pieces:
            status = refused.code
            raise refused from None
        yield f"\n[error: {refused.description}]\n".encode()
        sleep(0.05)  # Chromium can drop text that comes together with the break
        raise ModelError(refused.description) from None
    finally:
        slots.release()
        seconds = f"first text after {first:.2f} s, all in {monotonic() - began:.2f} s"
        app.logger.info("%s, %s, %s pieces, %s", status, seconds, pieces, end)


def texts(prompt):
    """Yield the model's texts that are not empty; raise if they are not the whole."""
    deadline, spoke, last = monotonic() + ANSWER_SECONDS, False, {}
    for retries_left in range(MODEL_RETRIES, -1, -1):
        try:
            with closing(model.stream(prompt)) as stream:
                for chunk in stream:
                    last |= chunk.response_metadata
                    if chunk.text:
                        spoke = True
                        yield chunk.text
                    if monotonic() > deadline:
                        raise ModelError("too long")
            break
        except (ModelAPIError, ModelConnectionError):
            if spoke or not retries_left:
                raise
    end = last.get("finish_reason") or last.get("stop_reason") or last.get("status")
    if not spoke or end in FAILURES or (not end and "model_provider" in last):
        raise ModelError(end if end in FAILURES else "early" if spoke else "nothing")


def refusal(error):
    """Return the HTTP error for what the model raised, in our words, never its own."""
    names = [str(error), *(kind.__name__ for kind in type(error).__mro__)]
    status, sentence = next(FAILURES[name] for name in names if name in FAILURES)
    wait = getattr(getattr(error, "response", 0), "headers", {}).get("retry-after", "")
    seconds = int(wait) if re.fullmatch("[1-9][0-9]{0,5}", wait) else 5
    refused = http.default_exceptions[status](sentence.format(seconds))
    refused.retry_after = seconds  # sent with a 429 only
    return refused


@app.errorhandler(http.HTTPException)
def refuse(error):
    """Answer with one sentence as JSON, keeping the error's Allow or Retry-After."""
    sentence = REFUSALS.get(type(error).__name__, error.description)
    return {"error": sentence}, error.code, error.get_headers()[1:]  # [0]: HTML

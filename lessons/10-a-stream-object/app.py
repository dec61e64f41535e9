"""A stream object: a service sends into it, and another thread takes the lines out."""

from contextlib import closing
from threading import Thread

from flask import Flask, Response, render_template
from werkzeug.exceptions import HTTPException

from failures import (
    as_json,
    http_error,
    ignoring_late_errors,
    log_name,
    openai_reason,
    read_prompt,
    require_whole,
    sentence_for,
)
from models import choose_model, trusted_hosts

from .stream import Stream

MOST_TOKENS = 1000  # the most that an answer may have here: each costs money
HEADERS = {  # of an answer
    "Content-Type": "application/jsonl; charset=utf-8",
    "Cache-Control": "no-store, no-transform",  # keep no copy, and do not compress it
    "X-Accel-Buffering": "no",  # nginx must not collect the pieces
    "X-Content-Type-Options": "nosniff",  # a browser must trust the Content-Type
}


def as_json_with_message(error):
    """Return the answer of failures.py for an HTTP error, plus "message" for Vovk."""
    body, status, headers = as_json(error)
    body["message"] = body["error"]
    return body, status, headers


app = Flask(__name__)
app.config["MAX_CONTENT_LENGTH"] = 64 * 1024
app.config["TRUSTED_HOSTS"] = trusted_hosts()
app.register_error_handler(HTTPException, as_json_with_message)
model = choose_model()


@app.get("/")
def index():
    """Show the page."""
    return render_template("index.html")


@app.post("/ask")
def ask():
    """Answer the prompt in the JSON body with messages, one line of JSON each."""
    prompt = read_prompt()
    stream = Stream()
    thread = Thread(target=run, args=[answer, prompt, stream], daemon=True)
    thread.start()
    stream.wait()  # for the first message: until then a failure is a status
    if stream.refusal:
        raise stream.refusal
    return Response(stream, headers=HEADERS)


def run(service, prompt, stream):
    """Run a service; what it raises refuses the prompt, or is thrown on the page."""
    try:
        service(prompt, stream)
    except Exception as error:
        app.logger.warning("%s after %s messages", log_name(error), stream.sent)
        if stream.sent == 0:
            stream.refusal = http_error(error)
        else:
            stream.throw(sentence_for(error))
    finally:
        stream.close()


def answer(prompt, stream):
    """Send what the model writes, what it used, and why it ended: a service."""
    metadata = {}  # of all chunks: one of the last says why the answer ended
    usage = None
    tokens = 0
    with closing(model.stream(prompt)) as chunks:
        for chunk in ignoring_late_errors(chunks):
            metadata |= chunk.response_metadata
            if chunk.usage_metadata:
                usage = chunk.usage_metadata  # a running total: keep the last one
            if chunk.text and tokens == MOST_TOKENS:
                stream.throw({"limit": MOST_TOKENS})
                return
            if chunk.text:
                tokens += 1
                stream.send({"token": chunk.text})
    if tokens == 0:  # no answer, whatever its finish reason: this raises
        require_whole(metadata, has_text=False)
    reason = openai_reason(metadata, has_text=True)
    if usage:
        stream.send({"usage": usage})
    stream.send({"end": reason})

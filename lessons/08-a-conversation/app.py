"""A conversation: the page keeps the messages, and the server keeps nothing."""

from contextlib import closing
from itertools import chain
from time import sleep

from flask import Flask, Response, render_template, request
from langchain_core.exceptions import ModelError
from werkzeug.exceptions import HTTPException

from models import choose_model

from .conversation import read_turns, told
from .origins import open_to_origins
from .refusals import refusal, refuse, whole

app = Flask(__name__)
app.config["MAX_CONTENT_LENGTH"] = 64 * 1024
app.logger.setLevel("INFO")
app.register_error_handler(HTTPException, refuse)
open_to_origins(app)
model = choose_model()


@app.get("/")
def index():
    """Show the page."""
    return render_template("index.html")


@app.post("/ask")
def ask():
    """Answer the last message in the JSON body with a stream of plain text."""
    answer = pieces(told(read_turns(request)))
    first = next(answer)  # waits for the first text: until then a failure is a status
    response = Response(chain([first], answer), mimetype="text/plain")
    response.call_on_close(answer.close)
    return response


def pieces(messages):
    """Yield the answer's text; a failure before it is a status, after it a break."""
    made, end, last = 0, "broken off", {}
    try:
        with closing(model.stream(messages)) as stream:
            for chunk in stream:
                last |= chunk.response_metadata
                if chunk.text:
                    made += 1
                    yield chunk.text.encode("utf-8", "replace")
        end = whole(made, last)
    except Exception as error:
        if not made:
            raise refusal(error) from None
        yield f"\n[error: {refusal(error).description}]\n"
        sleep(0.05)  # Chromium can drop text that comes together with the break
        raise ModelError(end) from None
    finally:
        app.logger.info("%s messages, %s chunks, %s", len(messages), made, end)

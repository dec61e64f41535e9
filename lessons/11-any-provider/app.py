"""Any provider: whoever answers, the reader gets the same lines."""

import json
from contextlib import closing
from itertools import chain
from traceback import format_tb

from flask import Flask, Response, render_template
from werkzeug.exceptions import HTTPException

from models import choose_model

from .events import events
from .failures import read_prompt, refusal, refuse

app = Flask(__name__)
app.config["MAX_CONTENT_LENGTH"] = 64 * 1024
app.register_error_handler(HTTPException, refuse)
model = choose_model()
if hasattr(model, "stream_usage"):
    model.stream_usage = True  # LangChain does not ask a server of your own for it


@app.get("/")
def index():
    """Show the page."""
    return render_template("index.html")


@app.post("/ask")
def ask():
    """Answer the prompt in the JSON body with events, a line of JSON each."""
    answer = lines(read_prompt())
    first = next(answer)  # waits for the first event: until then a failure is a status
    response = Response(chain([first], answer))
    response.content_type = "application/jsonl; charset=utf-8"
    response.call_on_close(answer.close)
    return response


def lines(prompt):
    """Yield a line for each event, or raise an HTTP error before the first."""
    begun = False
    try:
        with closing(model.stream(prompt)) as chunks:
            for event in events(chunks):
                yield f"{json.dumps(event)}\n"
                begun = True
    except Exception as error:
        refused = refusal(error)
        place = format_tb(error.__traceback__)[-1]
        app.logger.warning("%s: %s\n%s", refused.code, type(error).__name__, place)
        if not begun:
            raise refused from None
        yield f"{json.dumps({'isError': True, 'reason': refused.description})}\n"

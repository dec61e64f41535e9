# The client was told {'openAiError': 'Incorrect API key provided: sk-pr****1234'}: a
# provider's own words can hold a part of your key. Throw a sentence of your own.
"""Messages with a type: a service sends objects, a page gets them one by one."""

from contextlib import closing
from threading import Thread

from flask import Flask, Response, render_template
from langchain_core.exceptions import ModelError
from langchain_core.messages.ai import add_usage
from werkzeug.exceptions import HTTPException

from models import choose_model

from .failures import read_prompt, refuse, run
from .stream import Stream

ENDS = {"end_turn": "stop", "completed": "stop", "max_tokens": "length"}

app = Flask(__name__)
app.config["MAX_CONTENT_LENGTH"] = 64 * 1024
app.register_error_handler(HTTPException, refuse)
model = choose_model()


@app.get("/")
def index():
    """Show the page."""
    return render_template("index.html")


@app.post("/ask")
def ask():
    """Answer the prompt in the JSON body with messages, a line of JSON each."""
    prompt, stream = read_prompt(), Stream()
    Thread(target=run, args=[tell, prompt, stream], daemon=True).start()
    stream.wait()  # for the first message: until then a failure is a status
    if stream.refused:
        raise stream.refused
    return Response(stream, content_type="application/jsonl; charset=utf-8")


def tell(prompt, stream):
    """Send what the model writes, what it took, and why it ended."""
    usage, last = None, {}
    try:
        with closing(model.stream(prompt)) as chunks:
            for chunk in chunks:
                last |= chunk.response_metadata
                if chunk.usage_metadata:
                    usage = add_usage(usage, chunk.usage_metadata)
                if chunk.text:
                    stream.send({"token": chunk.text})
    except Exception as error:
        stream.throw({"openAiError": str(error)})
        return
    end = last.get("finish_reason") or last.get("stop_reason") or last.get("status")
    if not (stream.sent and end):
        raise ModelError("It said nothing, or not why it ended.")
    if usage:
        stream.send({"usage": usage})
    stream.send({"end": ENDS.get(end, end)})
    stream.close()

"""Server-sent events: an answer told in events, which many clients understand."""

from threading import Thread

from flask import Flask, Response, render_template, request
from werkzeug.exceptions import Forbidden, HTTPException

from models import choose_model, number

from .answers import begin, write
from .events import ChatStream, EventStream
from .failures import read_prompt, refuse

HEARTBEAT = number("HEARTBEAT", 15)  # seconds of silence

app = Flask(__name__)
app.config["MAX_CONTENT_LENGTH"] = 64 * 1024
app.register_error_handler(HTTPException, refuse)
model = choose_model()


@app.get("/")
def index():
    """Show the page."""
    return render_template("index.html")


@app.route("/ask", methods=["GET", "POST"])
def ask():
    """Answer the prompt in events that have names."""
    # what browsers tell localhost and https only: elsewhere leave GET out
    if request.headers.get("Sec-Fetch-Site", "none") not in ("none", "same-origin"):
        raise Forbidden("Another page asked, and you would pay: ask from this one.")
    if "Last-Event-ID" in request.headers:
        return "", 204  # an EventSource that came back: it has had its answer
    return respond(EventStream(HEARTBEAT))


@app.post("/chat")
def chat():
    """Answer the conversation in the words of React's useChat."""
    return respond(ChatStream(HEARTBEAT))


def respond(stream):
    """Let a thread write the answer into the stream, and send the stream."""
    chunks = model.stream(read_prompt())
    begun = begin(chunks)
    writer = Thread(target=write, args=[stream, model, begun, chunks], daemon=True)
    writer.start()
    return Response(stream, headers=stream.headers)

"""Server-sent events: an answer in events that have names, for many clients."""

from threading import Thread

from flask import Flask, Response, render_template, request
from werkzeug.exceptions import Forbidden, HTTPException

from failures import as_json
from models import choose_model, number, trusted_hosts

from .answers import wait_for_text, write
from .events import ChatStream, EventStream
from .question import read_question

HEARTBEAT = number("HEARTBEAT", 15)  # seconds of silence

app = Flask(__name__)
app.config["MAX_CONTENT_LENGTH"] = 64 * 1024
app.config["TRUSTED_HOSTS"] = trusted_hosts()
app.register_error_handler(HTTPException, as_json)
model = choose_model()


@app.get("/")
def index():
    """Show the page."""
    return render_template("index.html")


@app.route("/ask", methods=["GET", "POST"])
def ask():
    """Answer the prompt or the conversation in events that have names."""
    # Browsers say whose page asks on localhost and https only: elsewhere leave GET out.
    asking_page = request.headers.get("Sec-Fetch-Site", "none")
    if asking_page not in ("none", "same-origin"):
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
    chunks = model.stream(read_question())
    first_chunks = wait_for_text(chunks)
    for_writer = [stream, model.name, first_chunks, chunks]
    Thread(target=write, args=for_writer, daemon=True).start()
    return Response(stream, headers=stream.headers)

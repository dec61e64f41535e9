"""The words of useChat: the same answer, for a client with words of its own."""

from threading import Thread

from flask import Flask, Response, render_template, request
from werkzeug.exceptions import HTTPException

from failures import as_json
from models import choose_model, number, trusted_hosts

from .answers import write
from .chat import ChatStream
from .events import EventStream
from .question import read_question

HEARTBEAT = number("HEARTBEAT", 15)  # seconds that a stream may be silent


def as_its_client_reads_it(error):
    """Return the answer for an HTTP error: JSON, or the bare sentence for useChat."""
    body, status, headers = as_json(error)
    if request.path == "/chat":
        body = Response(body["error"], mimetype="text/plain")
    return body, status, headers


app = Flask(__name__)
app.config["MAX_CONTENT_LENGTH"] = 64 * 1024
app.config["TRUSTED_HOSTS"] = trusted_hosts()
app.register_error_handler(HTTPException, as_its_client_reads_it)
model = choose_model()


@app.get("/")
def index():
    """Show the page."""
    return render_template("index.html")


@app.route("/ask", methods=["GET", "POST"])
def ask():
    """Answer the prompt, or the conversation, in events."""
    if "Last-Event-ID" in request.headers:
        return "", 204  # an EventSource that came back: it has had its answer
    return respond(EventStream(HEARTBEAT))


@app.post("/chat")
def chat():
    """Answer the conversation in the words of React's useChat."""
    return respond(ChatStream(HEARTBEAT))


def respond(stream):
    """Let a thread write the answer into the stream, and send the stream."""
    question = read_question(request)
    Thread(target=write, args=[model, question, stream], daemon=True).start()
    stream.wait(HEARTBEAT)  # for the first event: until then a failure is a status
    if stream.refusal:
        raise stream.refusal
    return Response(stream, headers=stream.headers)

"""Providers to practise with: what OpenAI and Anthropic send, without a key."""

from pathlib import Path
from time import sleep

from flask import Flask, Response, request

app = Flask(__name__)
wires = Path(__file__).parent


@app.post("/v1/messages")
@app.post("/v1/responses")
@app.post("/v1/chat/completions")
def answer():
    """Send the answer kept for this address, or the failure that is asked for."""
    asked = request.get_data(as_text=True)
    kept = wires / request.path.removeprefix("/v1/").replace("/", "-")
    for path in kept.glob("*.json"):
        status, _, failure = path.stem.partition("-")
        if failure.replace("-", " ") in asked:
            words = path.read_text(encoding="utf-8")
            return Response(words, int(status), mimetype="application/json")
    events = (kept / "answer.txt").read_text(encoding="utf-8").split("\n\n")[:-1]
    if "include_usage" not in asked:  # as OpenAI does
        events = [event for event in events if '"choices":[],"usage"' not in event]
    return Response(slowly(events), mimetype="text/event-stream")


def slowly(events):
    """Yield each event as it is written, five a second."""
    for event in events:
        sleep(0.2)
        yield f"{event}\n\n"

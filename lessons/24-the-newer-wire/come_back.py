"""Ask, lose the connection, and come back: python come_back.py URL PROMPT."""

import os
import re
import sys
from urllib.request import getproxies  # with NO_PROXY, under "no"

from openai import APIError, OpenAI

# Ask this machine directly, without a proxy, like the hosts in NO_PROXY.
os.environ["no_proxy"] = f"{getproxies().get('no', '')},localhost,127.0.0.1"
sys.stdout.reconfigure(errors="replace")  # a terminal may lack some letters

CUT_AFTER = 3  # pieces


def printable(text):
    """Return the text without the control characters that a terminal obeys."""
    return re.sub(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", "", text)


url, prompt = sys.argv[1:]
key = os.environ.get("OPENAI_API_KEY") or "sk-practice"
client = OpenAI(base_url=url, api_key=key, timeout=30, max_retries=0)
question = {"model": "practice", "input": prompt}


class Reader:
    """Prints the text of a response, and remembers what is needed to come back."""

    def __init__(self):
        self.response = None  # from the newest event that has one
        self.last = None  # the number of the newest event
        self.pieces = 0

    def read(self, events, most=None):
        """Print the text in events, up to that many pieces of it."""
        with events:  # leaving the block closes the connection
            for event in events:
                self.last = event.sequence_number
                if event.type == "response.output_text.delta":
                    print(printable(event.delta), end="", flush=True)
                    self.pieces += 1
                    if self.pieces == most:
                        return
                if hasattr(event, "response"):  # the first ones have it, and the last
                    self.response = event.response

    def end(self):
        """Return how the response ended, or what there is to say of its failure."""
        if self.response.error:
            return self.response.error.message
        return self.response.status


reader = Reader()
try:
    first = client.responses.create(**question, stream=True, background=True)
    reader.read(first, CUT_AFTER)
    if reader.end() == "in_progress":
        name = reader.response.id
        last = reader.last
        print(f"\n[cut after event {last}]")
        rest = client.responses.retrieve(name, stream=True, starting_after=last)
        reader.read(rest)
    print(f"\n[{printable(reader.end())}] {reader.pieces} pieces")
except APIError as error:  # a refusal, no connection, 30 seconds of silence
    said = error.body["message"] if isinstance(error.body, dict) else error.message
    print(f"\n[{printable(said)}]")

"""Send PROMPT to the server at URL: python client.py URL PROMPT."""

import os
import re
import sys
from threading import Event, Thread
from urllib.request import getproxies  # with NO_PROXY, under "no"

from openai import APIError, OpenAI

# Ask this machine directly, without a proxy, like the hosts in NO_PROXY.
os.environ["no_proxy"] = f"{getproxies().get('no', '')},localhost,127.0.0.1"
sys.stdout.reconfigure(errors="replace")  # a terminal may lack some letters


def printable(text):
    """Return the text without the control characters that a terminal obeys."""
    return re.sub(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", "", text)


url, prompt = sys.argv[1:]
key = os.environ.get("OPENAI_API_KEY") or "sk-practice"
client = OpenAI(base_url=url, api_key=key, timeout=30, max_retries=0)
question = {"role": "user", "content": prompt}
pieces = []
end = "it broke off"
begun = Event()


def show_dots():
    """Print a dot now and then, until the answer has begun."""
    while not begun.wait(0.3):
        print(".", end="", file=sys.stderr, flush=True)


Thread(target=show_dots, daemon=True).start()
try:
    with client.chat.completions.create(
        model="practice", messages=[question], stream=True
    ) as stream:
        for chunk in stream:
            for choice in chunk.choices:  # a chunk with the usage has none
                if text := choice.delta.content:
                    begun.set()
                    print(printable(text), end="", flush=True)
                    pieces.append(text)
                end = choice.finish_reason or end
except APIError as error:  # a refusal, a failure, no connection, 30 seconds of silence
    end = error.body["message"] if isinstance(error.body, dict) else error.message
finally:
    begun.set()
end = printable(end)
print(f"\n\n[{end}] {len(pieces)} pieces, {len(''.join(pieces))} characters")

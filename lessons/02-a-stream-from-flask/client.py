"""Send PROMPT to the server at URL: python client.py URL PROMPT."""

import re
import sys

import requests


def printable(text):
    """Return the text without the control characters that a terminal obeys."""
    return re.sub(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", "", text)


url, prompt = sys.argv[1:]
question = {"prompt": prompt}
with requests.post(url, json=question, stream=True, timeout=30) as answer:
    answer.raise_for_status()
    for piece in answer.iter_content(None, decode_unicode=True):
        print(printable(piece), end="|", flush=True)
print()

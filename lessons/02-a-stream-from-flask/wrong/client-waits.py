# The server had sent 'Streams' and kept the connection open, but client.py printed
# nothing: it waits for the whole answer. Give post() stream=True and loop over
# answer.iter_content(None, decode_unicode=True).
"""Ask the server at URL the PROMPT: python client.py URL PROMPT."""

import sys

import requests

url, prompt = sys.argv[1:]
with requests.post(url, json={"prompt": prompt}, timeout=30) as answer:
    answer.raise_for_status()
    for piece in answer.iter_content(None, decode_unicode=True):
        print(piece, end="|", flush=True)
print()

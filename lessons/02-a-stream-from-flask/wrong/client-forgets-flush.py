# client.py printed 'Streams', but the terminal did not show it: print keeps text until
# a line ends, unless it gets flush=True.
"""Ask the server at URL the PROMPT: python client.py URL PROMPT."""

import sys

import requests

url, prompt = sys.argv[1:]
with requests.post(url, json={"prompt": prompt}, stream=True, timeout=30) as answer:
    answer.raise_for_status()
    for piece in answer.iter_content(None, decode_unicode=True):
        print(piece, end="|")
print()

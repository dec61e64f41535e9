"""Ask the server at URL the PROMPT: python client.py URL PROMPT."""

import sys

import requests

url, prompt = sys.argv[1:]
question = {"prompt": prompt}
with requests.post(url, json=question, stream=True, timeout=30) as answer:
    answer.raise_for_status()
    for piece in answer.iter_content(None, decode_unicode=True):
        print(piece, end="|", flush=True)
print()

"""Two answers to one question, kept apart: python two_answers.py URL PROMPT."""

import os
import re
import sys
from urllib.request import getproxies  # with NO_PROXY, under "no"

from openai import OpenAI

# Ask this machine directly, without a proxy, like the hosts in NO_PROXY.
os.environ["no_proxy"] = f"{getproxies().get('no', '')},localhost,127.0.0.1"
sys.stdout.reconfigure(errors="replace")  # a terminal may lack some letters


def printable(text):
    """Return the text without the control characters that a terminal obeys."""
    return re.sub(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", "", text)


url, prompt = sys.argv[1:]
key = os.environ.get("OPENAI_API_KEY") or "sk-practice"
client = OpenAI(base_url=url, api_key=key, timeout=30)
question = {"role": "user", "content": prompt}
answers = ["", ""]
with client.chat.completions.create(
    model="practice", messages=[question], n=2, stream=True
) as stream:
    for chunk in stream:
        for choice in chunk.choices:
            if text := choice.delta.content:
                answers[choice.index] += text
                print(f"[{choice.index}]{printable(text)}", end="", flush=True)
print("", *map(printable, answers), sep="\n\n")

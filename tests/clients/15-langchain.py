"""Ask a server with LangChain's ChatOpenAI: python 15-langchain.py URL PROMPT [KEY].

Prints what came of a streamed answer, then of a whole one.
"""

import json
import sys

from langchain_openai import ChatOpenAI

url, prompt, key = [*sys.argv[1:], "sk-practice"][:3]
settings = {"base_url": url, "api_key": key, "max_retries": 0, "stream_usage": True}
model = ChatOpenAI(model="practice", **settings)


def note(came, message):
    came["text"] += message.text
    reason = message.response_metadata.get("finish_reason")
    came["reason"] = reason or came.get("reason")
    if message.usage_metadata:
        came["tokens"] = message.usage_metadata["total_tokens"]


def streamed(came):
    for chunk in model.stream(prompt):
        note(came, chunk)


def whole(came):
    note(came, model.invoke(prompt))


for ask in streamed, whole:
    came = {"text": ""}
    try:
        ask(came)
    except Exception as error:
        status = getattr(error, "status_code", None)
        came["error"] = {"status": status, "message": str(error)}
    print(json.dumps(came))

"""Ask a server with the openai package: python 15-openai.py URL PROMPT [KEY].

Prints what came of a streamed answer, of a whole one, and of an asynchronous one.
"""

import asyncio
import json
import sys

import openai

url, prompt, key = [*sys.argv[1:], "sk-practice"][:3]
settings = {"base_url": url, "api_key": key, "max_retries": 0}
message = {"role": "user", "content": prompt}
question = {"model": "practice", "messages": [message]}
in_chunks = question | {"stream": True, "stream_options": {"include_usage": True}}


def add(came, chunk):
    for choice in chunk.choices:
        came["text"] += choice.delta.content or ""
        came["reason"] = choice.finish_reason or came.get("reason")
    if chunk.usage:
        came["tokens"] = chunk.usage.total_tokens


def streamed(came):
    for chunk in openai.OpenAI(**settings).chat.completions.create(**in_chunks):
        add(came, chunk)


def whole(came):
    answer = openai.OpenAI(**settings).chat.completions.create(**question)
    came["text"] = answer.choices[0].message.content
    came["reason"] = answer.choices[0].finish_reason
    if answer.usage:
        came["tokens"] = answer.usage.total_tokens


def asynchronous(came):
    async def ask():
        async with openai.AsyncOpenAI(**settings) as client:
            async for chunk in await client.chat.completions.create(**in_chunks):
                add(came, chunk)

    asyncio.run(ask())


for ask in streamed, whole, asynchronous:
    came = {"text": ""}
    try:
        ask(came)
    except openai.APIError as error:
        status = getattr(error, "status_code", None)
        came["error"] = {"status": status, "message": error.message}
    print(json.dumps(came))
print(json.dumps(openai.__version__))

"""The same for asyncio, in larger pieces, and for a minute at most."""

import asyncio
import os
import re
import sys
from urllib.request import getproxies  # with NO_PROXY, under "no"

from openai import APIError, AsyncOpenAI

# Ask this machine directly, without a proxy, like the hosts in NO_PROXY.
os.environ["no_proxy"] = f"{getproxies().get('no', '')},localhost,127.0.0.1"
sys.stdout.reconfigure(errors="replace")  # a terminal may lack some letters


def printable(text):
    """Return the text without the control characters that a terminal obeys."""
    return re.sub(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", "", text)


async def ask(url, prompt):
    """Print the answer, five pieces at a time, and return why it ended."""
    key = os.environ.get("OPENAI_API_KEY") or "sk-practice"
    question = {"role": "user", "content": prompt}
    pieces = []
    end = "it broke off"
    try:
        async with (
            asyncio.timeout(60),
            AsyncOpenAI(base_url=url, api_key=key, max_retries=0) as client,
            await client.chat.completions.create(
                model="practice", messages=[question], stream=True
            ) as stream,
        ):
            async for chunk in stream:
                for choice in chunk.choices:
                    pieces.append(choice.delta.content or "")
                    end = choice.finish_reason or end
                if len(pieces) >= 5:
                    print(printable("".join(pieces)), end="", flush=True)
                    pieces.clear()
    except TimeoutError:
        end = "it took more than a minute"
    except APIError as error:
        end = error.body["message"] if isinstance(error.body, dict) else error.message
    print(printable("".join(pieces)))
    return printable(end)


if __name__ == "__main__":
    print(f"\n[{asyncio.run(ask(*sys.argv[1:]))}]")

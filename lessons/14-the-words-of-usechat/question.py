"""What a client may ask: a prompt, or a conversation."""

from werkzeug.exceptions import BadRequest, Forbidden

from failures import can_be_sent, read_conversation, read_prompt, require_short

NO_PROMPT = "There is no prompt in the address: write ?prompt= and your question."
NOT_OURS = "Another page asked, and you would pay: ask from this one."
NO_QUESTION = (
    "The messages have to be a list whose last one asks:"
    ' {"messages": [{"role": "user", "content": "Why?"}]}.'
)
WRONG_MESSAGE = (
    "The messages have to say whose they are and what they say: each has a role,"
    " user or assistant, and a text, as content or in parts."
)


def read_question(request):
    """Return the prompt, a str, or the conversation as (role, text) pairs."""
    if request.method == "GET":
        return read_address(request)
    body = read_conversation()
    if isinstance(body, dict) and "messages" in body and "prompt" not in body:
        return read_messages(body["messages"])
    prompt = read_prompt()
    require_short([prompt])
    return prompt


def read_address(request):
    """Return the prompt in the address, as in ?prompt=Why%3F."""
    # Any page can make a browser GET any address; the browser says whose page it was.
    # It does so only on localhost and over https: elsewhere, take GET out of app.py.
    asking_page = request.headers.get("Sec-Fetch-Site", "none")
    if asking_page not in ("none", "same-origin"):
        raise Forbidden(NOT_OURS)
    prompt = request.args.get("prompt", "")
    if not prompt.strip() or not can_be_sent(prompt):
        raise BadRequest(NO_PROMPT)
    return prompt


def read_messages(messages):
    """Return (role, text) for each message that has text; the last one asks."""
    if not isinstance(messages, list):
        raise BadRequest(NO_QUESTION)
    turns = []
    for message in messages:
        role, text = read_message(message)
        if text.strip():
            turns.append((role, text))
    if not turns:
        raise BadRequest(NO_QUESTION)
    last_role, _ = turns[-1]
    if last_role != "user":
        raise BadRequest(NO_QUESTION)
    require_short([text for _, text in turns])
    return turns


def read_message(message):
    """Return (role, text) of a message. Only the server speaks as the system."""
    if not isinstance(message, dict):
        raise BadRequest(WRONG_MESSAGE)
    role = message.get("role")
    if "parts" in message:  # useChat sends none if an answer failed before its text
        text = read_parts(message["parts"])
    else:
        text = message.get("content")
    if role not in ("user", "assistant") or not is_text(text):
        raise BadRequest(WRONG_MESSAGE)
    return role, text


def read_parts(parts):
    """Return the text of a message's parts, some of which are not text."""
    if not isinstance(parts, list):
        raise BadRequest(WRONG_MESSAGE)
    texts = []
    for part in parts:
        if not isinstance(part, dict):
            raise BadRequest(WRONG_MESSAGE)
        if part.get("type") == "text":
            texts.append(part.get("text"))
    if not all(is_text(text) for text in texts):
        raise BadRequest(WRONG_MESSAGE)
    return "".join(texts)


def is_text(value):
    """Whether a value from JSON is a text that can be sent on."""
    return isinstance(value, str) and can_be_sent(value)

"""What a client may say in a conversation, and what the model gets."""

from werkzeug.exceptions import BadRequest

from .body import ConversationTooLong, read_messages, text_of

SYSTEM = "You are a patient teacher. Answer in a few short sentences."
MOST_MESSAGES = 100  # that a client may send
MOST_CHARACTERS = 12_000  # that the model gets of them


def read_turns():
    """Return the turns in the request, each {"role", "content"}; or raise."""
    messages = read_messages()
    if len(messages) > MOST_MESSAGES:
        raise ConversationTooLong
    turns = [read_turn(message) for message in messages]
    # leave out answers without text: they were stopped before a word came
    turns = [turn for turn in turns if turn["content"].strip()]
    if not turns or turns[-1]["role"] != "user":
        raise BadRequest("The last message has to be the user's question.")
    return turns


def read_turn(message):
    """Return a message's role and text, and nothing else; or raise."""
    text = text_of(message)
    if text is None:
        raise BadRequest("Each message needs a role, and text as content.")
    role = message.get("role")
    if role not in ["user", "assistant"]:  # "system" would give instructions
        raise BadRequest("The role of a message is user or assistant.")
    return {"role": role, "content": text}


def messages_for(turns):
    """Return what the model gets: our words, then the last turns that fit."""
    while turns and not fit(turns):
        turns = turns[1:]  # without the oldest
    if not turns:
        raise ConversationTooLong
    return [{"role": "system", "content": SYSTEM}, *turns]


def fit(turns):
    """Whether these turns are short enough, and begin with the user's."""
    length = sum(len(turn["content"]) for turn in turns)
    return length <= MOST_CHARACTERS and turns[0]["role"] == "user"

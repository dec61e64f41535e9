"""The request: read its prompt, or refuse it with a sentence.

All of this happens before any model is asked.
"""

from flask import request
from werkzeug import exceptions as http  # Flask's errors, one class for each status

from settings import place_of

NO_PROMPT = 'There is no prompt to answer: send JSON with some text, {"prompt": "Hi"}.'
NOT_UTF8 = (
    "The JSON is not in UTF-8: encode it as UTF-8 before you send it. (PowerShell 5"
    " uses another encoding.)"
)
UNREADABLE = "The body of the request cannot be read: send it again."
REQUEST_SENTENCES = {  # by the class of the error that Flask, or this program, raises
    http.SecurityError: (
        "This server is not configured for that host name: add it to TRUSTED_HOSTS in"
        " .env, then restart."
    ),
    http.NotFound: "There is nothing here: the page is at /.",
    http.MethodNotAllowed: (
        "This address does not allow that method: the Allow header lists the others."
    ),
    http.RequestEntityTooLarge: "The prompt is too long: send at most 64 KiB.",
    http.UnsupportedMediaType: (
        "The prompt must be sent as JSON, with Content-Type: application/json."
    ),
    http.InternalServerError: "The server has a mistake in it: its log says where.",
    http.ClientDisconnected: (
        "The request ended before its prompt was complete: send it again."
    ),
    http.ServiceUnavailable: "Too many answers are being written: ask again in 5 s.",
}


def read_prompt():
    """Return the prompt in the request's JSON, a str.

    Raise an HTTP error: 400 if there is none, 413 if it is too long, 415 if it was not
    sent as JSON.
    """
    body = read_json()
    prompt = body.get("prompt") if isinstance(body, dict) else None
    # A list of messages could give the model orders in our name: see lesson 02.
    if not isinstance(prompt, str):
        raise http.BadRequest(NO_PROMPT)
    if not prompt.strip() or not can_be_sent(prompt):
        raise http.BadRequest(NO_PROMPT)
    return prompt


def read_json():
    """Return what the request's JSON holds; None if it is not JSON.

    Raise an HTTP error if the body cannot be read at all.
    """
    try:
        request.get_data()  # read the body now: what fails here is not about JSON
    except http.HTTPException:
        raise  # Flask's own refusals, such as 413, stay as they are
    except Exception:  # the server's: the body came in HTTP chunks, and one is damaged
        raise http.BadRequest(UNREADABLE) from None
    try:
        return request.get_json()
    except (http.BadRequest, RecursionError):  # no JSON, or lists in lists in lists
        # Was the body too long? Flask cuts it at MAX_CONTENT_LENGTH, so that its JSON
        # has no end. In that case, reading one byte more raises the 413.
        request.stream.read(1)
    if not is_utf8(request.get_data()):
        raise http.BadRequest(NOT_UTF8)
    return None


def is_utf8(body):
    """Whether bytes are text in UTF-8, the encoding of JSON."""
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True


def can_be_sent(text):
    """Whether a text can be written as bytes. Half an emoji, as in JSON, cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def as_json(error):
    """Return the response for an HTTP error: its sentence as JSON, and its status."""
    # error.description is the sentence that an error of ours was raised with
    sentence = REQUEST_SENTENCES.get(type(error), error.description)
    if isinstance(error, http.SecurityError):  # its sentence names a setting
        sentence = sentence.replace(".env", place_of("TRUSTED_HOSTS"))
    headers = []
    for name, value in error.get_headers():  # Allow, Retry-After
        if name != "Content-Type":  # which says HTML
            headers.append((name, value))
    return {"error": sentence}, error.code, headers


# For the lessons from 11 on, whose requests hold a conversation: a list of messages

MESSAGE_BYTES = 64 * 1024  # of the text of one message
CONVERSATION_BYTES = 1024 * 1024  # of all its texts together
# JSON has fields besides the text, and can write a character in three times the bytes.
CONVERSATION_BODY = 4 * CONVERSATION_BYTES  # of the whole request


class LongConversation(http.RequestEntityTooLarge):
    """A 413: all messages together are too long, or one before the last is."""

    description = "This conversation is too long: start a new one."


def read_conversation():
    """Return the JSON of a request that may hold a conversation, as read_json does."""
    request.max_content_length = CONVERSATION_BODY  # in place of MAX_CONTENT_LENGTH
    try:
        return read_json()
    except http.RequestEntityTooLarge:
        raise LongConversation from None


def require_short(texts):
    """Raise a 413 unless the texts of a conversation are short enough, oldest first."""
    sizes = [len(text.encode("utf-8", "surrogatepass")) for text in texts]
    if sizes and sizes[-1] > MESSAGE_BYTES:  # a new conversation would not help
        raise http.RequestEntityTooLarge
    if any(size > MESSAGE_BYTES for size in sizes) or sum(sizes) > CONVERSATION_BYTES:
        raise LongConversation

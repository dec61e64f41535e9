"""What was asked: a prompt in the JSON body, or in the address."""

from werkzeug.exceptions import BadRequest, Forbidden

from failures import can_be_sent, read_prompt

NO_PROMPT = "There is no prompt in the address: write ?prompt= and your question."
NOT_OURS = "Another page asked, and you would pay: ask from this one."


def read_question(request):
    """Return the prompt, a str, or raise the HTTP error that refuses it."""
    if request.method == "GET":
        return read_address(request)
    return read_prompt()


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

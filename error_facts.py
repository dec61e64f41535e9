"""What an error of a model tells: its words, its status, its class, whom it is about.

Each provider's client has errors of its own, and some of them lack some of this.
"""

import re  # patterns: [0-9] is a digit, {1,6} means one to six, ( ) is what we want
import sys
from math import ceil
from pathlib import Path
from time import time
from traceback import extract_tb
from urllib.parse import urlsplit

from werkzeug.http import parse_date


def words_of(error):
    """Return all that a provider says of an error, in small letters."""
    code = getattr(error, "code", "")
    body = getattr(error, "body", "")  # of its HTTP answer, or of an event in a stream
    return f"{error} {code} {body}".lower()


def status_of(error):
    """Return the HTTP status of an error, an int, or None if it has none.

    An error in the middle of a stream comes too late for a status; some providers
    give it as the code.
    """
    response = getattr(error, "response", None)
    for number in [
        getattr(error, "status_code", None),
        getattr(response, "status_code", None),
        getattr(error, "code", None),
    ]:
        if re.fullmatch("[45][0-9][0-9]", str(number)):  # 400 to 599, or "400"
            return int(number)
    return None


def class_names(error):
    """Return the names of the classes of an error, and of what caused it, a set."""
    names = set()
    for each in with_causes(error):
        for kind in type(each).__mro__:  # its class, and those it was made from
            names.add(kind.__name__)
    return names


def with_causes(error):
    """Return a list of an error, of what it was raised from, and so on."""
    errors = []
    while error is not None:
        errors.append(error)
        error = error.__cause__
    return errors


def seconds_to_wait(error):
    """Return after how many seconds a provider wants to be asked again; else 5.

    It says so in a header: OpenAI's milliseconds, a number of seconds, or a date.
    Gemini says it in a sentence.
    """
    response = getattr(error, "response", None)
    headers = getattr(response, "headers", {})
    milliseconds = headers.get("retry-after-ms", "")
    wait = headers.get("retry-after", "")
    date = parse_date(wait)
    words = re.search("retry in ([0-9]{1,6})", words_of(error))
    found = []
    if is_number(milliseconds):
        found.append(float(milliseconds) / 1000)
    if is_number(wait):
        found.append(float(wait))
    if date:
        found.append(date.timestamp() - time())
    if words:
        # [1] is what ( ) found. One more, since it may have a fraction: 7.4.
        found.append(int(words[1]) + 1)
    for seconds in found:
        if 0 < seconds < 1_000_000:  # any other number makes no sense
            return ceil(seconds)
    return 5


def is_number(text):
    """Whether a header's value is a number like 7 or 1.5."""
    return re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", text) is not None


def url_of(error):
    """Return the address that was asked, a str; "" if the error does not know it."""
    try:
        return str(error.request.url)
    except (AttributeError, RuntimeError):  # most errors are not about a request
        return ""


def server_of(error):
    """Return host and port of the model's server, or "the model" if nobody knows."""
    address = urlsplit(url_of(error))
    host = address.hostname  # without a name and a password, which may be before it
    if not host:
        return "the model"
    return f"{host}:{address.port}" if address.port else host


def place_of_error(error):
    """Return the file and line that raised an error: the last that is no library's."""
    frames = extract_tb(error.__traceback__)
    libraries = (sys.prefix, sys.base_prefix)
    ours = [each for each in frames if not each.filename.startswith(libraries)]
    if not (ours or frames):  # it was never raised
        return ""
    last = (ours or frames)[-1]
    return f"in {Path(last.filename).name}, line {last.lineno}"

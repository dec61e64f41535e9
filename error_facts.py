"""What can be read from a model's error: its words, status, class, and server.

Each provider's client has errors of its own. Not all of them have all of these, so we
ask with getattr: getattr(error, "code", "") is error.code, or "" if it has no code.
"""

import re  # patterns: [0-9] is a digit, {1,9} means one to nine, ( ) is what we want
import sys
from math import ceil  # rounds up
from pathlib import Path
from time import time
from traceback import extract_tb  # lists the calls that led to an error
from urllib.parse import urlsplit

from werkzeug.http import parse_date

HERE = Path(__file__).parent
PROGRAM = [HERE, HERE / "fast"]  # the folders of this program, without the lessons
# Errors that come from how a line is written, never from what a provider sends.
OF_A_LINE = (AttributeError, ImportError, NameError, TypeError)
# Patterns. NUMBER finds 7 and 1.5: \. is a point, and ? means that the part before it
# may be missing. (?: ) groups like ( ), but keeps nothing. TIME finds 1.5s and 26 s.
NUMBER = r"[0-9]{1,9}(?:\.[0-9]{1,9})?"
TIME = f"({NUMBER}) ?(h|ms|m|s)"
SECONDS_IN = {"h": 3600, "m": 60, "s": 1, "ms": 0.001}  # by unit of time


def words_of(error):
    """Return all that a provider says about an error, in lower case."""
    code = getattr(error, "code", "")
    body = getattr(error, "body", "")  # the JSON that the provider sent
    return f"{error} {code} {body}".lower()


def status_of(error):
    """Return the HTTP status of an error, an int, or None if it has none.

    Once a stream has begun, its status is 200. If it fails then, some providers send
    the number of the status as the code.
    """
    response = getattr(error, "response", None)
    for number in [
        getattr(error, "status_code", None),
        getattr(response, "status_code", None),
        getattr(error, "code", None),
    ]:
        if re.fullmatch("[45][0-9][0-9]", str(number)):  # 400 to 599
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
    """Return a list: the error, its cause, the cause of that, and so on."""
    errors = []
    while error is not None:
        errors.append(error)
        error = error.__cause__
    return errors


def seconds_to_wait(error):
    """Return how many seconds to wait before asking a provider again; 5 if unknown.

    Providers say so in a header: OpenAI's milliseconds, a number of seconds, or a date.
    Some say so in a sentence.
    """
    response = getattr(error, "response", None)
    headers = getattr(response, "headers", {})
    milliseconds = headers.get("retry-after-ms", "")
    wait = headers.get("retry-after", "")
    date = parse_date(wait)
    found = []
    if is_number(milliseconds):
        found.append(float(milliseconds) / 1000)
    if is_number(wait):
        found.append(float(wait))
    if date:
        found.append(date.timestamp() - time())
    found.append(seconds_in_words(words_of(error)))
    for seconds in found:
        if 0 < seconds < 1_000_000:  # any other number makes no sense
            return ceil(seconds)
    return 5


def seconds_in_words(said):
    """Return the seconds in a sentence like "Retry in 1h2m3.5s"; 0 if it has none."""
    # | means "or", and + means one or more. [3] is what the third ( found.
    wait = re.search(f"(retry|again) (in|after) (({TIME})+)", said)
    if not wait:
        return 0
    seconds = 0
    for number, unit in re.findall(TIME, wait[3]):
        seconds += float(number) * SECONDS_IN[unit]
    return seconds


def is_number(text):
    """Whether a header's value is a number like 7 or 1.5."""
    return re.fullmatch(NUMBER, text) is not None


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


def mistake_of(error):
    """Return what caused an error if that is a mistake in this program, else None.

    It is one if a line of the program itself raised an error in OF_A_LINE. Usually
    the line misspells a name.
    """
    for each in with_causes(error):
        if isinstance(each, OF_A_LINE) and file_of(each).parent in PROGRAM:
            return each
    return None


def file_of(error):
    """Return the path of the file whose line raised an error; "." if none did."""
    calls = extract_tb(error.__traceback__)
    return Path(calls[-1].filename) if calls else Path()


def place_of_error(error):
    """Return the file and line where an error was raised: the last in our own files."""
    calls = extract_tb(error.__traceback__)
    if not calls:  # it was never raised
        return ""
    # the folders of the virtual environment and of Python: startswith takes several
    libraries = (sys.prefix, sys.base_prefix)
    ours = [call for call in calls if not call.filename.startswith(libraries)]
    last = ours[-1] if ours else calls[-1]
    return f"in {Path(last.filename).name}, line {last.lineno}"

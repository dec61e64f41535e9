"""How a field is read: each function returns its value, or raises if it is wrong."""

ROLES = {"system": "system", "developer": "system"}
ROLES |= {"user": "user", "assistant": "assistant"}


def text(value):
    """Return a text that can be sent on, which half a letter cannot."""
    return value.encode().decode()


def turns(messages):
    """Return (role, text) for each message; there has to be one."""
    first, *more = map(turn, messages)
    return [first, *more]


def turn(message):
    """Return (role, text) of a message, whose content is a text or parts of text."""
    parts = message["content"]
    if not isinstance(parts, list):
        parts = [{"type": "text", "text": parts}]
    texts = [{"text": part["text"]}[part["type"]] for part in parts]  # no pictures
    return ROLES[message["role"]], text("".join(texts))


def one_of(*values):
    """Return a function that reads one of these; to Python, true is 1 as well."""

    def read(value):
        if type(value) is not type(values[0]) or value not in values:
            raise ValueError
        return value

    return read


def limit(value):
    """Return a whole number that is 1 or more."""
    if type(value) is not int or value < 1:
        raise ValueError
    return value


def options(value):
    """Return the options, of which we know one: include_usage."""
    one_of(False, True)(value.get("include_usage", False))
    return value


def stops(value):
    """Return up to four texts, none of them empty."""
    found = [text(each) for each in {str: [value], list: value}[type(value)]]
    if len(found) > 4 or "" in found:
        raise ValueError
    return found

"""Where an answer has to stop, even if the stop arrives in pieces."""


def before(stops, texts):
    """Yield the texts up to the first of the stops, which is not sent.

    What may be the beginning of one is held back until more has arrived.
    """
    held = ""  # what has arrived but has not been sent yet
    for text in texts:
        for character in text:
            held += character
            whole = [stop for stop in stops if held.endswith(stop)]
            if whole:
                longest = max(whole, key=len)
                answer = held.removesuffix(longest)
                if answer:
                    yield answer
                return
        starts = [start_of(stop, held) for stop in stops]
        sure = min(starts, default=len(held))
        if sure > 0:
            yield held[:sure]
        held = held[sure:]
    if held:
        yield held


def start_of(stop, text):
    """Return where in a text a stop may have begun, or the length of the text."""
    start = max(0, len(text) - len(stop))
    while not stop.startswith(text[start:]):  # every stop begins with ""
        start += 1
    return start

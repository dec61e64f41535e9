"""Where an answer has to stop, though the words for it may come in pieces."""


def before(stops, texts):
    """Yield the texts up to the first of the stops, which is not sent itself.

    What may be the beginning of one is held back until more has come.
    """
    held = ""
    for text in texts:
        held += text
        starts = {stop: held.find(stop) for stop in stops if stop in held}
        if starts:  # the first is the one that was whole first
            _, start = min((at + len(stop), at) for stop, at in starts.items())
            if start:
                yield held[:start]
            return
        sure = len(held) - length_of_beginning(stops, held)
        if sure:
            yield held[:sure]
        held = held[sure:]
    if held:
        yield held


def length_of_beginning(stops, text):
    """Return how many letters at the end of a text may be the beginning of a stop."""
    ends = [(stop, n) for stop in stops for n in range(min(len(stop), len(text) + 1))]
    return max((n for stop, n in ends if text.endswith(stop[:n])), default=0)

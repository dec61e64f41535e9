"""Where an answer has to stop, though the words for it may come in pieces."""


def before(stops, texts):
    """Yield the texts up to the first of the stops, which is not sent."""
    yield from texts

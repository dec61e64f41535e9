# The stop was 'world', which came in pieces, and the answer was 'Hello, world, and
# more': hold back what may be the beginning of a stop.
"""Where an answer has to stop, though the words for it may come in pieces."""


def before(stops, texts):
    """Yield the texts up to the first of the stops, which is not sent itself."""
    for text in texts:
        starts = [text.find(stop) for stop in stops if stop in text]
        if starts:
            yield text[: min(starts)]
            return
        yield text

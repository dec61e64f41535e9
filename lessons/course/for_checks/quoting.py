"""How the sentence of a check quotes what a program has written."""


def short(text):
    """Return the text as Python writes it, with its middle left out if it is long."""
    written = repr(text)
    return written if len(written) < 120 else f"{written[:70]} ... {written[-30:]}"

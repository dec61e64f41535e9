"""What the server measures of its answers, as Prometheus reads it.

Prometheus is a program that asks many servers for their numbers every few seconds, and
keeps and draws them. Its package for Python counts, and writes the numbers as text:

    # TYPE answers_running gauge
    answers_running 3.0

A counter only grows; a gauge goes up and down. A histogram has buckets, each with an
upper limit, and counts in each the values that were no larger.
"""

from time import monotonic

try:
    from prometheus_client import (
        CONTENT_TYPE_LATEST,
        CollectorRegistry,
        Counter,
        Gauge,
        Histogram,
        generate_latest,
    )
except ModuleNotFoundError:
    raise SystemExit(
        "prometheus-client is missing:"
        " pip install -r lessons/18-many-readers/requirements.txt"
    ) from None

from .waiting import held

# A registry holds all that is measured. The package has a global one, which takes no
# name twice. The course reloads a program when it changes, so we need our own.
registry = CollectorRegistry()
RUNNING = Gauge("answers_running", "Answers being written now.", registry=registry)
FIRST_TEXT = Histogram(
    "first_text_seconds",
    "Seconds from a question to the first text of its answer.",
    buckets=[0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
    registry=registry,
)
PIECES = Counter("pieces_sent", "Pieces that readers have taken.", registry=registry)
BYTES = Counter("bytes_sent", "Bytes that readers have taken.", registry=registry)
ENDED = Counter("answers_ended", "Answers that ended.", ["how"], registry=registry)
REFUSED = Counter("answers_refused", "Questions refused by a 503.", registry=registry)
PIECES_HELD = Gauge("pieces_held", "Pieces that wait for readers.", registry=registry)
PIECES_HELD.set_function(lambda: held.pieces)  # called when somebody asks
BYTES_HELD = Gauge("bytes_held", "Bytes that wait for readers.", registry=registry)
BYTES_HELD.set_function(lambda: held.bytes)

for how in ["whole", "failed", "reader left"]:  # a line for each, also while it is 0
    ENDED.labels(how)


class Measured:
    """One answer, measured from `with` to the end of its block."""

    def __init__(self):
        self.pieces = 0
        self.began = monotonic()

    def __enter__(self):
        RUNNING.inc()  # one more
        return self

    def add(self, piece):
        """Count a piece that the reader has taken."""
        if self.pieces == 0:
            FIRST_TEXT.observe(monotonic() - self.began)
        self.pieces += 1
        PIECES.inc()
        BYTES.inc(len(piece))

    def __exit__(self, kind, error, traceback):
        RUNNING.dec()  # one less
        if kind is None:
            ENDED.labels("whole").inc()
        elif kind is GeneratorExit:  # raised in a generator that nobody asks any more
            ENDED.labels("reader left").inc()
        else:
            ENDED.labels("failed").inc()


def as_text():
    """Return all that was measured, as bytes, and the Content-Type for it."""
    return generate_latest(registry), CONTENT_TYPE_LATEST

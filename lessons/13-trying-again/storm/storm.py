"""Draw what a hundred clients do to a server: a simulation, with and without jitter.

python lessons/13-trying-again/storm/storm.py writes storm.svg beside the notes. Nothing
is measured: a clock of numbers stands for time, and the seed makes each run the same.
"""

import heapq
from pathlib import Path
from random import Random

CLIENTS = 100  # all of them ask in the first tenth of a second
PLACES = 10  # answers that the server writes at once; it refuses more with a 503
ANSWER = 1.0  # seconds that an answer takes
INITIAL, LONGEST, RETRIES = 1.0, 10.0, 5  # as in ask.js, with two more tries
SHOWN = 26.0  # seconds
STEP = 0.25  # seconds: the width of a bar


def simulate(jitter):
    """Return (time, whether it was answered) for each time that a client asks."""
    random = Random(13)
    asks = [(0.1 * random.random(), client, 0) for client in range(CLIENTS)]
    heapq.heapify(asks)
    busy_until = []  # when each place that is taken is free again
    seen = []
    while asks:
        time, client, attempt = heapq.heappop(asks)
        busy_until = [end for end in busy_until if end > time]
        is_answered = len(busy_until) < PLACES
        seen.append((time, is_answered))
        if is_answered:
            busy_until.append(time + ANSWER)
        elif attempt < RETRIES:
            longest = min(INITIAL * 2**attempt, LONGEST)
            delay = longest * random.random() if jitter else longest
            heapq.heappush(asks, (time + delay, client, attempt + 1))
    return seen


def summary(seen):
    """Return the sentence below a picture."""
    answered = sum(is_answered for _, is_answered in seen)
    end = max(time for time, _ in seen)
    return (
        f"{answered} of {CLIENTS} answered, {len(seen) - answered} refusals,"
        f" over after {end:.0f} s"
    )


def bars(seen, top):
    """Yield a bar for each step of time: refused above, answered below."""
    steps = int(SHOWN / STEP)
    width = 600 / steps
    for step in range(steps):
        within = [each for time, each in seen if step <= time / STEP < step + 1]
        answered = sum(within)
        refused = len(within) - answered
        x = 30 + step * width
        base = top + 150
        for kind, low, count in ("yes", 0, answered), ("no", answered, refused):
            if count:
                y = base - 0.8 * (low + count)
                yield (
                    f'<rect class="{kind}" x="{x:.1f}" y="{y:.1f}"'
                    f' width="{width - 1:.1f}" height="{0.8 * count:.1f}"/>'
                )


def panel(title, seen, top):
    """Yield one of the two pictures."""
    base = top + 150
    yield f'<text x="30" y="{top}">{title}</text>'
    yield from bars(seen, top)
    yield f'<path class="line" d="M30 {base}h600"/>'
    for second in range(0, int(SHOWN) + 1, 4):
        x = 30 + 600 * second / SHOWN
        yield f'<text class="small" x="{x:.0f}" y="{base + 22}">{second} s</text>'
    yield f'<text class="said" x="30" y="{base + 50}">{summary(seen)}</text>'


def svg():
    """Return the drawing."""
    lines = [
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 660 480" role="img">',
        "<title>A hundred clients, simulated without and with jitter</title>",
        "<style>",
        "svg { color: #1f2328; font: 16px system-ui, sans-serif; }",
        ".paper { fill: #fff; }",
        "text { fill: currentColor; }",
        ".small { font-size: 12px; }",
        ".said { font-size: 14px; }",
        ".line { stroke: currentColor; }",
        ".yes { fill: #2b7a3d; }",
        ".no { fill: #e8590c; }",
        "@media (max-width: 480px) {",  # a phone shows it at half its size
        "svg { font-size: 24px; }",
        ".small, .said { font-size: 22px; }",
        "}",
        "@media (prefers-color-scheme: dark) {",
        "svg { color: #e6edf3; }",
        ".paper { fill: #14181d; }",
        ".yes { fill: #51cf66; }",
        "}",
        "</style>",
        '<rect class="paper" width="660" height="480"/>',
        '<text class="small" x="30" y="56">green: answered, orange: refused</text>',
        *panel("Without jitter: they come back together", simulate(False), 25),
        *panel("With jitter: they spread", simulate(True), 268),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    path = Path(__file__).parent.parent / "storm.svg"
    path.write_text(svg(), encoding="utf-8", newline="\n")
    print(summary(simulate(False)))
    print(summary(simulate(True)))

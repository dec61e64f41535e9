"""Send the same to OpenAI's own client and to fast/, and print what each made of it.

    python tests/tools/compare_clients.py > table.md

The rows are those of the tests. Then come streams at random: events, right and wrong,
in which bytes are changed, cut into packets anywhere. Their number can be given.
"""

import sys
from pathlib import Path
from random import Random

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from support.http_rows import ROWS  # noqa: E402
from support.keeping_provider import both, lean_model, outcome, stock_model  # noqa: E402
from support.provider import DONE  # noqa: E402
from support.raw_server import (  # noqa: E402
    HEAD,
    LAST,
    RawServer,
    http_chunk,
    raw_both,
)
from test_lean import FAULTS, STREAMS  # noqa: E402

SECONDS = 3  # that a client waits for a server that has fallen silent
CLOSING = HEAD + b"Connection: close\r\n"


def in_words(made):
    """Return what a client made of an answer: its text, and how it ended."""
    messages, error, _ = made
    text = ""
    for _, fields in messages:
        text += str(fields["content"])
    if len(text) > 30:
        text = f"{text[:12]}... {len(text):,} letters"
    text = repr(text).replace("|", "\\|")
    if not error:
        return f"{text}, {len(messages)} messages"
    name = error[-1][0].__name__
    return f"{text}, then {name}"


def print_rows(title, rows, play):
    """Print a table of rows, and return how many of them differ."""
    print(f"\n### {title}\n\n| sent | the library | ours |\n|---|---|---|")
    different = 0
    for name, script in rows.items():
        library, ours = play(script)
        said = "the same"
        if ours != library:
            different += 1
            said = in_words(ours)
        print(f"| {name} | {in_words(library)} | {said} |", flush=True)
    return different


# Streams at random


def random_stream(random, events):
    """Return the packets of an answer that may be wrong anywhere."""
    body = b"".join(random.choices(events, k=random.randrange(1, 9)))
    if random.random() < 0.7:
        body += DONE
    if random.random() < 0.5:
        body = changed(random, body)
    form = random.choice(["chunks", "chunks", "chunks", "length", "neither"])
    if form == "chunks":
        wire = CLOSING + b"Transfer-Encoding: chunked\r\n\r\n"
        for part in cut(random, body, random.randrange(1, 12)):
            wire += http_chunk(part) if part else b""
        wire += LAST
    elif form == "length":
        wire = CLOSING + b"Content-Length: %d\r\n\r\n" % len(body) + body
    else:
        wire = CLOSING + b"\r\n" + body
    if random.random() < 0.2:
        wire = changed(random, wire)
    if random.random() < 0.2:
        wire = wire[: random.randrange(len(wire) + 1)]
    return cut(random, wire, random.randrange(1, 5))


def changed(random, text):
    """Return bytes of which one or two were changed, added or lost."""
    text = bytearray(text)
    for _ in range(random.choice([1, 1, 2])):
        if not text:
            break
        at = random.randrange(len(text))
        change = random.choice(["change", "add", "lose"])
        if change == "change":
            text[at] = random.choice(b'\r\n\r\n0aF:;,{}[]" \x00\xff\xc3')
        elif change == "add":
            text.insert(at, random.choice(b'\r\n\r\n0aF:;,{}[]" \x00\xff\xc3'))
        else:
            del text[at]
    return bytes(text)


def cut(random, text, parts):
    """Return a text in so many parts, of random lengths."""
    places = sorted(random.choices(range(len(text) + 1), k=parts - 1))
    ends = [*places, len(text)]
    return [text[start:end] for start, end in zip([0, *places], ends, strict=True)]


def compare_at_random(number):
    """Play so many streams for both clients; return the kinds of pairs, counted."""
    events = []
    for script in [*STREAMS.values(), *FAULTS.values()]:
        events += [step for step in script if isinstance(step, bytes)]
    events = [event for event in events if len(event) < 2000]
    kinds = {"the same": 0, "the library fails, ours reads on": 0}
    kinds |= {"ours fails, the library reads on": 0, "both read, or fail, otherwise": 0}
    with RawServer() as server:
        server.requests = []
        models = [
            make(server.url, timeout=SECONDS) for make in (stock_model, lean_model)
        ]
        for seed in range(number):
            packets = random_stream(Random(seed), events)
            made = []
            for model in models:
                server.script = iter(packets)
                made.append(outcome(model, server))
            kind = kind_of(*made)
            kinds[kind] += 1
            if kind != "the same":
                said = [in_words(each) for each in made]
                print(seed, kind, *said, packets, sep="\n    ", file=sys.stderr)
    return kinds


def kind_of(library, ours):
    """Return in words how two outcomes differ."""
    if ours == library:
        return "the same"
    if library[1] and ours[0][: len(library[0])] == library[0]:
        return "the library fails, ours reads on"
    if ours[1] and not library[1]:
        return "ours fails, the library reads on"
    return "both read, or fail, otherwise"


def main():
    """Print the tables."""
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 4000
    different = print_rows("Streams", STREAMS, lambda script: both(*script))
    different += print_rows("Failures", FAULTS, lambda script: both(*script, DONE))
    different += print_rows("HTTP", ROWS, lambda script: raw_both(*script, timeout=3))
    rows = len(STREAMS) + len(FAULTS) + len(ROWS)
    print(f"\n{rows} rows, of which {different} differ.")
    print(f"\n### {number:,} streams at random\n\n| what came of them | how many |")
    print("|---|---|")
    for kind, count in compare_at_random(number).items():
        print(f"| {kind} | {count:,} |")


if __name__ == "__main__":
    main()

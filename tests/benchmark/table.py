"""What the benchmark measured: a table for the terminal, and bars for the README."""

from dataclasses import dataclass

from servers import PEER


@dataclass
class Column:
    """One thing that is measured: its name, how it is written, how it is compared."""

    title: str
    form: str
    compared: bool = True


COLUMNS = {
    "cost": Column("CPU for 1000 words", "{:.0f} ms"),
    "first": Column("first word", "{:.0f} ms", compared=False),
    "memory": Column("memory a reader", "{:.2f} MB", compared=False),
    "rate": Column("words a second, crowd", "{:,.0f}"),
    "start": Column("first page", "{:.1f} s", compared=False),
}


def ratio(table, name, key):
    """Return how this server compares with the peer, or with the first of the table."""
    base = table.get(PEER) or next(iter(table.values()))
    return table[name][key] / base[key]


def written(table, asked):
    """Return the table as text."""
    lines = [
        f"{asked.readers} readers, {asked.words} words each, 50 a second; a crowd of "
        f"{asked.crowd}; median of {asked.rounds} rounds; ratios to the first row",
        "",
        " " * 22 + "".join(f"{column.title:>24}" for column in COLUMNS.values()),
    ]
    for name, row in table.items():
        cells = []
        for key, column in COLUMNS.items():
            cell = column.form.format(row[key])
            if column.compared:
                cell += f"  {ratio(table, name, key):4.2f}"
            cells.append(f"{cell:>24}")
        lost = f"  {row['lost']:.0f} had no whole answer" if row["lost"] else ""
        lines.append(f"{name:<22}{''.join(cells)}{lost}")
    return "\n".join(lines)


BARS = {
    "cost": "Processor time for a word, {readers} readers (shorter is better)",
    "rate": "Words a second, {crowd} readers (longer is better)",
}
STYLE = """text { font: 13px system-ui, sans-serif; fill: #222 }
  .title { font-weight: bold } .bar { fill: #2a78b8 } .peer { fill: #999 }
  @media (prefers-color-scheme: dark) { text { fill: #ddd } .peer { fill: #777 } }"""


def drawn(table, asked):
    """Return two rows of bars as an SVG: what a word costs, and how many there are."""
    shapes, y = [], 0
    for key, title in BARS.items():
        y += 24
        sentence = title.format(readers=asked.readers, crowd=asked.crowd)
        shapes.append(f'<text class="title" x="0" y="{y}">{sentence}</text>')
        longest = max(ratio(table, name, key) for name in table)
        for name in table:
            y += 22
            value = ratio(table, name, key)
            kind, width = "peer" if name == PEER else "bar", 400 * value / longest
            shapes += [
                f'<text x="0" y="{y}">{name}</text>',
                f'<rect class="{kind}" x="160" y="{y - 12}" width="{width:.0f}" '
                f'height="15"/>',
                f'<text x="{166 + width:.0f}" y="{y}">{value:.2f}</text>',
            ]
        y += 14
    inside = "\n".join(shapes)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 610 {y}" role="img">\n'
        f"<title>What a word costs, {PEER} being 1</title>\n"
        f"<style>{STYLE}</style>\n{inside}\n</svg>\n"
    )

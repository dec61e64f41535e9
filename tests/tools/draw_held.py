"""Draw lesson 18's picture of what waits in memory: python tests/tools/draw_held.py

It measures twice, half a minute in all: the program that the lesson begins with,
and the one that it ends with. Each has a reader who takes a byte a second.
"""

import shutil
import sys
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT))

from lessons.course.about_lessons.lesson import Lesson  # noqa: E402
from lessons.course.about_lessons.start_lesson import beginning, program_of  # noqa: E402
from lessons.course.fresh_packages import import_fresh  # noqa: E402

LESSON = Lesson(ROOT / "lessons" / "18-many-readers")
SECONDS = 15
LEFT, RIGHT, TOP, BOTTOM = 70, 610, 60, 230
SVG = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 640 290" role="img">
  <title>{title}</title>
  <style>
    svg {{ color: #1f2328; font: 16px system-ui, sans-serif; }}
    .paper {{ fill: #fff; }}
    text {{ fill: currentColor; }}
    .end {{ text-anchor: end; }}
    .axis {{ fill: none; stroke: currentColor; }}
    .list {{ fill: none; stroke: #c92a2a; stroke-width: 3; }}
    .bounded {{ fill: none; stroke: #2b7a3d; stroke-width: 3; }}
    @media (max-width: 480px) {{ /* a phone shows it at half its size */
      svg {{ font-size: 20px; }}
    }}
    @media (prefers-color-scheme: dark) {{
      svg {{ color: #e6edf3; }}
      .paper {{ fill: #14181d; }}
      .list {{ stroke: #ff8787; }}
      .bounded {{ stroke: #7ee08f; }}
    }}
  </style>
  <rect class="paper" width="640" height="290" rx="10"/>
  <text x="{left}" y="34">Pieces that wait for a reader of one byte a second</text>
  <path class="axis" d="M{left} {top}V{bottom}H{right}"/>
  <text class="end" x="60" y="{top}" dy="6">{most}</text>
  <text class="end" x="60" y="{bottom}" dy="6">0</text>
  <text class="end" x="{right}" y="255">{seconds} s</text>
  <polyline class="list" points="{list}"/>
  <text class="end" x="{right}" y="{top}" dx="-40" dy="-4">a list: {list_end}</text>
  <polyline class="bounded" points="{bounded}"/>
  <text class="end" x="{right}" y="215">a bounded queue: {bounded_end}</text>
  <text x="{left}" y="275">The model writes 100 pieces a second at most.</text>
</svg>
"""


def main():
    """Measure both programs, and draw what was held."""
    held = import_module(f"lessons.{LESSON.name}.held")
    seen = {}
    for name, files in ("list", beginning(LESSON)), ("bounded", program_of(LESSON)):
        with TemporaryDirectory() as place:
            folder = put(files, Path(place) / name)
            program = import_fresh(folder)
            seen[name] = [0, *held.held_each_second(program, SECONDS)]
        print(name, *seen[name])
    (LESSON.folder / "held.svg").write_text(drawn(**seen), encoding="utf-8")


def put(files, folder):
    """Copy files into a folder, and return it."""
    for name, path in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, folder / name)
    return folder


def drawn(**seen):
    """Return an SVG of how many pieces each program has held, second by second."""
    most = max(map(max, seen.values()))
    points = {}
    for name, values in seen.items():
        points[name] = " ".join(point(*each, most) for each in enumerate(values))
        points[f"{name}_end"] = values[-1]
    title = (
        f"After {SECONDS} s {points['list_end']} pieces wait in the list, and"
        f" {points['bounded_end']} in the bounded queue"
    )
    box = {"left": LEFT, "right": RIGHT, "top": TOP, "bottom": BOTTOM}
    return SVG.format(title=title, most=most, seconds=SECONDS, **box, **points)


def point(second, pieces, most):
    """Return where a number of pieces is drawn: "x,y"."""
    x = LEFT + (RIGHT - LEFT) * second / SECONDS
    y = BOTTOM - (BOTTOM - TOP) * pieces / most
    return f"{x:.0f},{y:.0f}"


if __name__ == "__main__":
    main()

"""Metrics -> a picture: `python -m train.plot RUN/*/metrics.jsonl > run.svg`. Needs nothing but Python."""

from __future__ import annotations

import argparse
import json
import pathlib
import sys

WIDTH, HEIGHT, LEFT, TOP, BOTTOM, RIGHT = 860, 320, 56, 34, 36, 150
COLOURS = ("#1f4e79", "#c55a11", "#548235", "#7030a0", "#bf9000", "#c00000", "#2e75b6", "#7f7f7f")

Series = dict[str, list[tuple[float, float]]]


def series(path: pathlib.Path) -> tuple[str, Series]:
    """A stage's name and its lines: the loss of training, and that of each set."""
    lines: Series = {}
    stage = path.parent.name
    for row in map(json.loads, path.read_text("utf-8").splitlines()):
        stage = row["stage"]
        if "loss" in row:
            lines.setdefault("training", []).append((row["step"], row["loss"]))
        elif "validation" in row:
            lines.setdefault(row["set"], []).append((row["step"], row["validation"]))
    if not lines:
        raise ValueError(f"{path}: no metrics")
    return stage, lines


def _panel(stage: str, lines: Series, top: int) -> list[str]:
    points = [p for line in lines.values() for p in line]
    last = max(x for x, _ in points) or 1
    low, high = min(y for _, y in points), max(y for _, y in points)
    span = high - low or 1.0
    inner_width, inner_height = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM

    def place(x: float, y: float) -> str:
        return f"{LEFT + inner_width * x / last:.1f},{top + TOP + inner_height * (high - y) / span:.1f}"

    out = [f'<text x="{LEFT}" y="{top + 20}" font-weight="bold">{stage}: loss in nats a token</text>']
    for part in range(5):
        value = low + span * part / 4
        y = place(0, value).split(",")[1]
        out.append(f'<line x1="{LEFT}" y1="{y}" x2="{LEFT + inner_width}" y2="{y}" stroke="#ddd"/>')
        out.append(f'<text x="{LEFT - 6}" y="{float(y) + 4:.1f}" text-anchor="end">{value:.2f}</text>')
        x = LEFT + inner_width * part / 4
        out.append(f'<text x="{x:.1f}" y="{top + HEIGHT - 12}" text-anchor="middle">{last * part / 4:g}</text>')
    for index, (name, line) in enumerate(lines.items()):
        colour = COLOURS[index % len(COLOURS)]
        path = " ".join(place(x, y) for x, y in line)
        width = "1.2" if name == "training" else "1.8"
        out.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="{width}"/>')
        label = f"{name} {line[-1][1]:.3f}"
        out.append(f'<text x="{WIDTH - RIGHT + 10}" y="{top + TOP + 16 * index + 10}" fill="{colour}">{label}</text>')
    return out


def drawn(paths: list[pathlib.Path]) -> str:
    """One panel for each stage, below each other."""
    panels = [line for i, path in enumerate(paths) for line in _panel(*series(path), top=i * HEIGHT)]
    size = f'width="{WIDTH}" height="{HEIGHT * len(paths)}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="12">'
    return "\n".join([head, '<rect width="100%" height="100%" fill="white"/>', *panels, "</svg>"]) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m train.plot", description=__doc__)
    parser.add_argument("metrics", type=pathlib.Path, nargs="+")
    sys.stdout.write(drawn(parser.parse_args().metrics))
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Draws decode speed against the length of the context from what `deepcoder bench --shape NAME --json` wrote, or prints
all of it as a table in Markdown.

    python tests/bench/plot.py REPORT.json docs/lab/deepseek-decode.svg
    python tests/bench/plot.py REPORT.json

Needs Python's standard library only.
"""

from __future__ import annotations

import json
import sys
from html import escape
from pathlib import Path
from typing import Any

WIDTH, HEIGHT = 720, 420
LEFT, RIGHT, TOP, BOTTOM = 56, 118, 56, 72

STYLE = """
text { font: 13px system-ui, sans-serif; fill: #1f2328 }
.title { font-size: 16px; font-weight: 600 }
.small { font-size: 11px; fill: #656d76 }
.axis { stroke: #d1d9e0; fill: none }
.ours { stroke: #1a7f64; fill: #1a7f64 }
.theirs { stroke: #c2571a; fill: #c2571a }
.floor { stroke: #8c959f; fill: #8c959f }
polyline { fill: none !important; stroke-width: 2 }
polyline.floor { stroke-width: 1.2; stroke-dasharray: 5 4 }
text.ours, text.theirs, text.floor { stroke: none }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 } .small { fill: #9198a1 } .axis { stroke: #3d444d }
  .ours { stroke: #3fc39b; fill: #3fc39b } .theirs { stroke: #f0883e; fill: #f0883e }
}
"""

Points = list[tuple[float, float]]


def series(report: dict[str, Any], side: str) -> Points:
    """Contexts and tokens per second of one side, where it was measured."""
    rows = (row for row in report["work"] if row["work"] == "decode" and row[side])
    return sorted((row["context"], row[side]["tps"]) for row in rows)


def floor(report: dict[str, Any], longest: float) -> Points:
    """What reading weights and cache once for each token would allow."""
    contexts = [longest * step / 64 for step in range(65)]
    weights, cache = report["bytes_per_token"], report["cache_bytes_per_token"]
    return [(at, report["read_bandwidth"] / (weights + at * cache)) for at in contexts]


def ticks(most: float) -> list[float]:
    """Round numbers from zero to just above `most`."""
    step = next(s for s in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 1e9) if most / s <= 8)
    count = int(most // step) + 1
    return [step * i for i in range(count + 1)]


def machine(report: dict[str, Any]) -> str:
    """The machine in a line."""
    info = report["machine"]
    memory = f", {info['memory'] / 2**30:.0f} GiB" if info["memory"] else ""
    return (
        f"{info['cpu'] or 'unknown processor'}, {info['cores']} cores{memory}; {report['threads']} threads, "
        f"reads {report['read_bandwidth'] / 1e9:.1f} GB/s; medians of {report['rounds']} rounds in turns"
    )


def draw(report: dict[str, Any]) -> str:
    """The picture as SVG."""
    lines = [("deepcoder", "ours", series(report, "deepcoder"))]
    if report["llama_cpp"]:
        lines.append((f"llama.cpp {report['llama_cpp']}", "theirs", series(report, "llama_cpp")))
    lines = [line for line in lines if line[2]]
    longest = max(at for _, _, points in lines for at, _ in points)
    lines.append(("reading once", "floor", floor(report, longest)))
    levels = ticks(max(tps for _, _, points in lines for _, tps in points))

    def x(at: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * at / (longest or 1)

    def y(tps: float) -> float:
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * tps / levels[-1]

    title = f"{report['shape']}, Q4_0, random weights: decode against context"
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="{escape(title)}"><style>{STYLE}</style>',
        f'<text class="title" x="{LEFT}" y="24">{escape(title)}</text>',
        f'<text class="small" x="{LEFT}" y="43">tokens per second</text>',
    ]
    for level in levels:
        out.append(f'<path class="axis" d="M{LEFT} {y(level):.1f}H{WIDTH - RIGHT}"/>')
        out.append(f'<text class="small" x="{LEFT - 8}" y="{y(level) + 4:.1f}" text-anchor="end">{level:g}</text>')
    contexts = sorted({at for _, name, points in lines if name != "floor" for at, _ in points})
    last = -100.0
    for at in contexts:
        # Labels that would touch are left out; the points are drawn all the same.
        if x(at) - last >= 30:
            last = x(at)
            out.append(
                f'<text class="small" x="{x(at):.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{at:,}</text>'
            )
    middle = (LEFT + WIDTH - RIGHT) / 2
    out.append(f'<text x="{middle}" y="{HEIGHT - 34}" text-anchor="middle">tokens in the cache</text>')
    heights: list[float] = []
    for label, name, points in sorted(lines, key=lambda line: -line[2][-1][1]):
        path = " ".join(f"{x(at):.1f},{y(tps):.1f}" for at, tps in points)
        out.append(f'<polyline class="{name}" points="{path}"/>')
        if name != "floor":
            out += [f'<circle class="{name}" cx="{x(at):.1f}" cy="{y(tps):.1f}" r="3.5"/>' for at, tps in points]
        height = max([y(points[-1][1]) + 4, *(h + 15 for h in heights[-1:])])
        heights.append(height)
        out.append(f'<text class="{name}" x="{x(points[-1][0]) + 9:.1f}" y="{height:.1f}">{escape(label)}</text>')
    out.append(f'<text class="small" x="{LEFT}" y="{HEIGHT - 10}">{escape(machine(report))}</text></svg>')
    return "\n".join(out) + "\n"


def table(report: dict[str, Any]) -> str:
    """All that was measured, for a document."""

    def cell(rates: dict[str, Any] | None) -> str:
        if not rates:
            return "–"
        part = f" ({rates['floor']:.0%})" if rates["floor"] else ""
        return f"{rates['tps']:.1f}{part}"

    names = {"decode": "decode at", "prefill": "prefill of {tokens} at", "verify": "check of {tokens} drafted at"}
    out = [machine(report) + ".", "", "| tokens per second | deepcoder | llama.cpp | ratio |", "| --- | --- | --- | --- |"]
    for row in report["work"]:
        label = names[row["work"]].format(tokens=row["tokens"])
        ratio = f"{row['ratio']:.2f}×" if row["ratio"] else "–"
        ours, theirs = cell(row["deepcoder"]), cell(row["llama_cpp"])
        out.append(f"| {label} {row['context']:,} | {ours} | {theirs} | {ratio} |")
    peaks = ", ".join(f"{p['mib'] / 1024:.2f} GiB at {p['context']:,}" for p in report.get("peak_rss", []))
    out += ["", f"Load {report['load_ms'] / 1000:.1f} s; peak memory {peaks or 'unknown'}."]
    return "\n".join(out) + "\n"


def main() -> None:
    """Reads the report, writes the picture or prints the table."""
    if len(sys.argv) not in (2, 3):
        raise SystemExit(__doc__)
    report = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    if len(sys.argv) == 2:
        sys.stdout.write(table(report))
    else:
        Path(sys.argv[2]).write_text(draw(report), encoding="utf-8")


if __name__ == "__main__":
    main()

"""`python -m bench.scale`: runs at growing numbers of traders; a table, and docs/growth.svg.

Each run is a process of its own, as a user would start it, so that its memory is its own.
"""

from __future__ import annotations

import json
import math
import os
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from spillway.build import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    At = Callable[[float, float], tuple[float, float]]  # traders and value -> pixels

SIZES = (100, 1_000, 10_000, 20_000)
SCENARIOS = {"oct10_btc": "#2563eb", "oct10_cross": "#c2410c"}
PICTURE = ROOT / "docs" / "growth.svg"
WIDTH, HEIGHT, LEFT, TOP = 360, 260, 64, 40  # of one diagram, in pixels
MEASURES = {"wall time, s": "seconds", "memory, GB": "memory", "gas, G": "gas"}


@dataclass(frozen=True, slots=True)
class Point:
    """One run: seconds from command to written files, GB, and G gas."""

    scenario: str
    traders: int
    seconds: float
    memory: float
    gas: float
    transactions: int
    book: int
    takeovers: int
    closings: int


def measure(scenario: str, traders: int) -> Point:
    """Run a scenario on `revm`; a run that is not solvent raises CalledProcessError."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "run"
        command = [str(ROOT / ".venv/bin/ape"), "run", "crash", scenario, "--engine", "revm"]
        command += ["--traders", str(traders), "--out", str(out)]
        began = time.monotonic()
        run = subprocess.Popen(command, stdout=subprocess.DEVNULL, cwd=ROOT)  # noqa: S603
        _, status, usage = os.wait4(run.pid, 0)
        seconds = time.monotonic() - began
        if status:
            raise subprocess.CalledProcessError(os.waitstatus_to_exitcode(status), command)
        told = json.loads((out / "summary.json").read_text(encoding="utf-8"))
    layers = told["layers"]
    return Point(
        scenario,
        traders,
        seconds,
        usage.ru_maxrss / 2**20,
        told["gas_used"] / 1e9,
        told["transactions"],
        layers["book"]["count"],
        layers["backstop"]["count"],
        layers["adl"]["count"],
    )


def table(points: Sequence[Point]) -> Table:
    """The figures."""
    names = ("scenario", "traders", "wall s", "memory GB", "gas G", "transactions")
    shown = Table(*names, "book orders", "takeovers", "closings")
    for p in points:
        figures = (f"{p.seconds:.1f}", f"{p.memory:.2f}", f"{p.gas:.2f}", f"{p.transactions:,}")
        counts = (f"{p.book:,}", f"{p.takeovers:,}", f"{p.closings:,}")
        shown.add_row(p.scenario, f"{p.traders:,}", *figures, *counts)
    return shown


def picture(points: Sequence[Point]) -> str:
    """Three diagrams side by side, both axes logarithmic; the grey line is linear growth."""
    wide, high = len(MEASURES) * (WIDTH + LEFT), HEIGHT + 2 * TOP
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide} {high}"',
        'font-family="sans-serif" font-size="12">',
        f'<rect width="{wide}" height="{high}" fill="white"/>',
    ]
    for place, (title, name) in enumerate(MEASURES.items()):
        parts += _diagram(points, title, name, place * (WIDTH + LEFT) + LEFT)
    return "\n".join([*parts, "</svg>", ""])


def _diagram(points: Sequence[Point], title: str, name: str, left: int) -> Iterator[str]:
    values = [float(getattr(p, name)) for p in points]
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    first, last = math.log10(SIZES[0]), math.log10(SIZES[-1])

    def at(traders: float, value: float) -> tuple[float, float]:
        x = left + (math.log10(traders) - first) / (last - first) * (WIDTH - 40)
        return x, TOP + (high - math.log10(value)) / (high - low) * HEIGHT

    yield f'<text x="{left}" y="{TOP - 16}" font-weight="bold">{title}</text>'
    for power in range(low, high + 1):
        _, y = at(SIZES[0], 10.0**power)
        yield f'<path d="M{left} {y:.0f}h{WIDTH - 40}" stroke="#e5e7eb"/>'
        yield f'<text x="{left - 8}" y="{y + 4:.0f}" text-anchor="end">{10.0**power:g}</text>'
    for size in SIZES:
        x, y = at(size, 10.0**low)
        label = f"{size // 1_000}k" if size >= 1_000 else str(size)
        yield f'<text x="{x:.0f}" y="{y + 18:.0f}" text-anchor="middle">{label}</text>'
    for number, (scenario, colour) in enumerate(SCENARIOS.items()):
        run = [p for p in points if p.scenario == scenario]
        ends = [at(p.traders, getattr(p, name)) for p in run]
        line = " ".join(f"{x:.1f},{y:.1f}" for x, y in ends)
        yield f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>'
        yield from (f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in ends)
        below = TOP + HEIGHT + 34
        yield f'<text x="{left + 120 * number}" y="{below}" fill="{colour}">{scenario}</text>'
    yield from _linear(points, name, at)


def _linear(points: Sequence[Point], name: str, at: At) -> Iterator[str]:
    """Draw what linear growth from the last but one size of the first scenario would be."""
    known = {p.traders: float(getattr(p, name)) for p in points if p.scenario == "oct10_btc"}
    base = known[SIZES[2]]
    (x, y), (to_x, to_y) = at(SIZES[2], base), at(SIZES[3], base * SIZES[3] / SIZES[2])
    yield (
        f'<path d="M{x:.1f} {y:.1f}L{to_x:.1f} {to_y:.1f}" stroke="#9ca3af" stroke-dasharray="4"/>'
    )


def main() -> None:
    """Measure, print, draw."""
    console = Console(highlight=False)
    points = []
    for scenario in SCENARIOS:
        for traders in SIZES:
            points.append(measure(scenario, traders))
            console.print(f"{scenario} {traders:,}: {points[-1].seconds:.1f} s")
    console.print(table(points))
    console.print(f"load {' '.join(f'{each:.1f}' for each in os.getloadavg())}")
    PICTURE.write_text(picture(points), encoding="utf-8")


if __name__ == "__main__":
    main()

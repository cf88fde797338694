"""The tables of speed, and the goals beside what was measured."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bench.rows import Row
    from bench.tool import Timing
    from bench.whole import Whole

FIRST = 3  # seconds to the first transaction
DRIVER = 0.2  # of a whole run on revm


def rate(timing: Timing) -> str:
    """Calls a second, as shown."""
    return f"{per_second(timing):,.0f} calls/s"


def per_second(timing: Timing) -> float:
    """Calls a second in the median run; 0 where it was not measured."""
    return timing.calls / median(timing.seconds) if timing.seconds else 0.0


def speeds(title: str, rows: Sequence[Row], timings: Mapping[str, Timing]) -> Table:
    """A row a tool, fastest last in its group; ratios of each engine of ours to it."""
    table = Table(title=title)
    table.add_column("tool")
    for name in ("calls/s", "calls", "runs", "spread", "gas", "ape", "pyevm", "revm"):
        table.add_column(name, justify="right")
    for row in rows:
        timing = timings[row.key]
        if not timing.seconds:
            table.add_row(row.label, timing.reason)
            continue
        table.add_row(
            row.label,
            f"{per_second(timing):,.0f}",
            f"{timing.calls:,}",
            str(len(timing.seconds)),
            f"{max(timing.seconds) / min(timing.seconds) - 1:.0%}",
            timing.gas,
            *(_times(timings, engine, row.key) for engine in ("ape", "pyevm", "revm")),
        )
    return table


def whole(title: str, runs: Mapping[str, Whole | None]) -> Table:
    """Work C by engine."""
    table = Table(title=title)
    table.add_column("engine")
    for name in ("seconds", "in the engine", "driver", "first transaction", "transactions"):
        table.add_column(name, justify="right")
    table.add_column("state digest")
    for name, run in runs.items():
        if run is None:
            table.add_row(name, "not installed")
            continue
        table.add_row(
            name,
            f"{run.seconds:.1f}",
            f"{run.backend:.1f}",
            f"{1 - run.backend / run.seconds:.0%}",
            f"{run.first:.1f} s",
            f"{run.transactions:,}",
            run.digest[:16],
        )
    return table


def goals(timings: Mapping[str, Mapping[str, Timing]], runs: Mapping[str, Whole | None]) -> Table:
    """Each goal, what was measured, and whether it is met."""
    table = Table(title="Goals")
    for name in ("goal", "work", "measured", "met"):
        table.add_column(name)
    for engine, peer, least in (
        ("ape", "plain ape", 20),
        ("pyevm", "py-evm loop", 0.9),
        ("pyevm", "titanoboa", 1),
        ("revm", "wake", 0.8),
        ("revm encoded", "wake", 0.8),
        ("revm encoded", "wake blind", 0.8),
    ):
        for work in ("A", "B"):
            ratio = _ratio(timings[work], engine, peer)
            goal = f"{engine} at least {least} of {peer}"
            table.add_row(goal, work, f"{ratio:.2f}", _met(ratio >= least, known=ratio > 0))
    for name, run in runs.items():
        if run is not None:
            goal = f"{name}: first transaction within {FIRST} s"
            table.add_row(goal, "C", f"{run.first:.1f} s", _met(run.first <= FIRST))
    if run := runs.get("revm"):
        share = 1 - run.backend / run.seconds
        goal = f"revm: driver less than {DRIVER:.0%} of the time"
        table.add_row(goal, "C", f"{share:.0%}", _met(share < DRIVER))
    return table


def _met(met: bool, *, known: bool = True) -> str:
    return ("yes" if met else "no") if known else "not measured"


def _times(timings: Mapping[str, Timing], ours: str, peer: str) -> str:
    ratio = _ratio(timings, ours, peer)
    return f"{ratio:,.1f}x" if ratio >= 10 else f"{ratio:.2f}x"


def _ratio(timings: Mapping[str, Timing], ours: str, peer: str) -> float:
    speed = per_second(timings[peer])
    return per_second(timings[ours]) / speed if speed else 0.0

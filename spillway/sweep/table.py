"""What a sweep looks like on a terminal: a line for each setting of the knobs, over its seeds."""

from __future__ import annotations

from collections import defaultdict
from statistics import median
from typing import TYPE_CHECKING, Any

from rich import box
from rich.table import Table

from spillway.sweep.work import BROKEN, FAILED, SOLVENT
from spillway.waterfall_table import money

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

SEED = "seed"


def render(rows: Iterable[dict[str, Any]], knobs: Sequence[str]) -> Table:
    """Draw the results of a sweep over `knobs`."""
    settings = [name for name in knobs if name != SEED]
    groups: dict[tuple[str, ...], list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        groups[tuple(row[f"knob_{name}"] or "" for name in settings)].append(row)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in settings:
        table.add_column(name, justify="right")
    for title in ("runs", "solvent", "with ADL", "deficit", "ADL took USD", "vault USD"):
        table.add_column(title, justify="right")
    for setting in sorted(groups, key=lambda values: [_order(value) for value in values]):
        table.add_row(*setting, *_cells(groups[setting]))
    table.caption = "USD: the median of the runs"
    return table


def _cells(rows: list[dict[str, Any]]) -> list[str]:
    done = [row for row in rows if row["status"] != FAILED]
    solvent = sum(row["status"] == SOLVENT for row in rows)
    counts = [str(len(rows)), f"{solvent}{_unwell(rows)}"]
    counts += [str(sum(row[name] > 0 for row in done)) for name in ("adl_count", "deficit_usd")]
    medians = [
        _median(done, "adl_taken_usd", sign=False),
        _median(done, "vault_pnl_usd", sign=True),
    ]
    return counts + medians


def _unwell(rows: list[dict[str, Any]]) -> str:
    counts = ((sum(row["status"] == status for row in rows), status) for status in (BROKEN, FAILED))
    return "".join(f", {count} {status}" for count, status in counts if count)


def _median(rows: list[dict[str, Any]], name: str, *, sign: bool) -> str:
    return money(str(median(row[name] for row in rows)), sign=sign) if rows else "-"


def _order(value: str) -> tuple[float, str]:
    """Sort numbers by size, and before names."""
    try:
        return float(value), ""
    except ValueError:
        return float("inf"), value

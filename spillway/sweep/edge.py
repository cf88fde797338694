"""Finds where a knob changes what a crash does: bisects it to an edge, and tells the bracket."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from spillway.errors import BadInput
from spillway.sweep import knobs
from spillway.sweep.work import FAILED, SOLVENT

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Rows = list[dict[str, Any]]

OPTION = "--adaptive"
BISECTED = ("at_risk", "depth", "vault", "traders")
MAX_ROUNDS = 40


def _any_adl(rows: Rows) -> bool:
    return any(row["adl_count"] > 0 for row in rows)


def _any_insolvent(rows: Rows) -> bool:
    return any(row["status"] != SOLVENT or row["deficit_usd"] > 0 for row in rows)


EDGES: dict[str, Callable[[Rows], bool]] = {"adl": _any_adl, "insolvency": _any_insolvent}


@dataclass(frozen=True, slots=True)
class Search:
    """A knob, the interval to look at, the edge to look for, and how narrow a bracket will do.

    Attributes:
        knob: Its name.
        low: One end.
        high: The other end, above `low`.
        edge: What happens on one side of the edge, and not on the other, in any of the runs.
        within: Width of the bracket that ends the search, as a share of its lower end.
    """

    knob: str
    low: Decimal
    high: Decimal
    edge: str
    within: Decimal


@dataclass(frozen=True, slots=True)
class Bracket:
    """An interval with the edge inside; `happens_high` says on which side of it it happens."""

    low: Decimal
    high: Decimal
    happens_high: bool


def parse(text: str, edge: str, within: str) -> Search:
    """Read `knob=low:high`. Raises BadInput."""
    name, _, interval = text.partition("=")
    first, _, last = interval.partition(":")
    if name not in BISECTED:
        raise BadInput("command line", OPTION, name, " or ".join(BISECTED))
    low, high = (Decimal(knobs.read(name, end)) for end in (first, last))
    if low >= high:
        raise BadInput("command line", OPTION, text, "knob=low:high, low below high")
    try:
        width = Decimal(within)
    except ArithmeticError:
        width = Decimal(0)
    if not 0 < width < 1:
        raise BadInput("command line", "--within", within, "a share between 0 and 1")
    return Search(name, low, high, edge, width)


def find(search: Search, runs_at: Callable[[Decimal], Rows]) -> Bracket | None:
    """Bisect; None where both ends do the same.

    `runs_at` does the runs with the knob at a value. Where the knob crosses the edge more than
    once, one of the crossings is found.
    """
    low, high = search.low, search.high
    at_low, at_high = _happens(search, runs_at(low)), _happens(search, runs_at(high))
    if at_low == at_high:
        return None
    for _ in range(MAX_ROUNDS):
        if high - low <= search.within * low:
            break
        middle = Decimal(knobs.read(search.knob, f"{_between(low, high):f}"))
        if not low < middle < high:
            break
        if _happens(search, runs_at(middle)) == at_low:
            low = middle
        else:
            high = middle
    return Bracket(low, high, at_high)


def told(search: Search, bracket: Bracket | None, runs: int) -> Sequence[str]:
    """Say in sentences what was found."""
    what = "auto-deleveraging" if search.edge == "adl" else "insolvency"
    if bracket is None:
        return [f"no edge of {what}: the same at {search.low} and at {search.high} ({runs} runs)"]
    low, high = knobs.spelled(bracket.low), knobs.spelled(bracket.high)
    near, far = (high, low) if bracket.happens_high else (low, high)
    return [f"{what} with {search.knob} = {near}, none with {far} ({runs} runs)"]


def _between(low: Decimal, high: Decimal) -> Decimal:
    """Return the middle, to six digits: the runs' names and folders hold these numbers."""
    return Decimal(f"{(low + high) / 2:.6g}")


def _happens(search: Search, rows: Rows) -> bool:
    failed = next((row for row in rows if row["status"] == FAILED), None)
    if failed:
        allowed = f"values at which every run ends ({failed['error']})"
        raise BadInput("command line", OPTION, failed[f"knob_{search.knob}"], allowed)
    return EDGES[search.edge](rows)

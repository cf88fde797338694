"""Price paths: from bars, points or a CSV file to a price at any time.

A bar is walked open-low-high-close where it closed at or above its open, else open-high-low-close,
its four prices a quarter of the bar apart. Between two points the price moves in a straight line.
Prices are USD, times are seconds since the epoch.
"""

from __future__ import annotations

import csv
from bisect import bisect_right
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Context, Decimal, InvalidOperation
from itertools import pairwise
from typing import TYPE_CHECKING

from spillway.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

# Between two points a price is rounded to this, USD: finer than any market's tick.
GRAIN = Decimal("0.000001")
_CONTEXT = Context(prec=60, rounding=ROUND_HALF_EVEN)

MILLISECONDS = 1000
STEPS = 4


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar that opens at `time`."""

    time: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal

    def walked(self) -> tuple[Decimal, Decimal, Decimal, Decimal]:
        """Return its four prices in the order in which they are visited."""
        if self.close >= self.open:
            return self.open, self.low, self.high, self.close
        return self.open, self.high, self.low, self.close


@dataclass(frozen=True, slots=True)
class PricePath:
    """Points in time, ascending, and the price at each."""

    times: Sequence[int]
    prices: Sequence[Decimal]

    def at(self, time: int) -> Decimal:
        """Return the price at a time; before the first and after the last point, that point's."""
        place = bisect_right(self.times, time)
        if place == 0:
            return self.prices[0]
        if place == len(self.times) or self.times[place - 1] == time:
            return self.prices[place - 1]
        start, end = self.times[place - 1], self.times[place]
        low, high = self.prices[place - 1], self.prices[place]
        moved = _CONTEXT.multiply(high - low, Decimal(time - start)) / (end - start)
        return _CONTEXT.quantize(low + moved, GRAIN)


def walk(bars: Sequence[Bar], bar_seconds: int) -> PricePath:
    """Walk bars of `bar_seconds` each, a multiple of 4."""
    step = bar_seconds // STEPS
    points = [
        (bar.time + place * step, price) for bar in bars for place, price in enumerate(bar.walked())
    ]
    return path_of(points)


def path_of(points: Iterable[tuple[int, Decimal]]) -> PricePath:
    """Make a path from (time, price) points in ascending order."""
    times, prices = zip(*points, strict=True)
    return PricePath(times, prices)


def check_points(points: Sequence[tuple[int, Decimal]], file: str, field: str) -> None:
    """Raise BadInput unless every price is above 0 and times ascend."""
    for place, (_, price) in enumerate(points):
        if price <= 0:
            raise BadInput(file, f"{field}[{place}]", price, "a price of more than 0")
    _check_times([time for time, _ in points], file, field)


def check_bars(bars: Sequence[Bar], bar_seconds: int, file: str, field: str) -> None:
    """Raise BadInput unless bars ascend without overlap, and each is one that can have been."""
    for place, bar in enumerate(bars):
        if bar.low <= 0:
            raise BadInput(file, f"{field}[{place}]", bar.low, "a price of more than 0")
        if not bar.low <= min(bar.open, bar.close) <= max(bar.open, bar.close) <= bar.high:
            found = f"open {bar.open}, high {bar.high}, low {bar.low}, close {bar.close}"
            raise BadInput(file, f"{field}[{place}]", found, "low <= open, close <= high")
    _check_times([bar.time for bar in bars], file, field, bar_seconds)


def _check_times(times: Sequence[int], file: str, field: str, apart: int = 1) -> None:
    for place, (before, after) in enumerate(pairwise(times), 1):
        if after - before < apart:
            allowed = f"at least {before + apart}: times ascend"
            raise BadInput(file, f"{field}[{place}]", after, allowed)


# --- CSV -----------------------------------------------------------------------------------------


def read_csv(path: Path, columns: Mapping[str, str], *, milliseconds: bool) -> list[list[Decimal]]:
    """Read named columns of a CSV file.

    Args:
        path: The file; its first row names the columns.
        columns: What we call a column -> what the file calls it; `time` is one of them.
        milliseconds: Whether the file's times are in milliseconds.

    Returns:
        A row for each of the file's, values in the order of `columns`, times in seconds.
        Raises BadInput where a column is missing or a value is not a finite number.
    """
    file = str(path)
    try:
        text = path.read_text(encoding="utf-8")
    except (FileNotFoundError, IsADirectoryError):
        raise BadInput(file, "file", "nothing", "a CSV file") from None
    reader = csv.DictReader(text.splitlines())
    there = list(reader.fieldnames or ())
    for ours, theirs in columns.items():
        if theirs not in there:
            raise BadInput(file, f"column of {ours}", theirs, f"one of {', '.join(there)}")
    rows = [
        [_value(row[theirs], file, f"row {number}, {theirs}") for theirs in columns.values()]
        for number, row in enumerate(reader, 1)
    ]
    if not rows:
        raise BadInput(file, "rows", "none", "at least one")
    place = list(columns).index("time")
    for number, row in enumerate(rows, 1):
        row[place] = _seconds(row[place], milliseconds, file, f"row {number}, {columns['time']}")
    return rows


def _value(text: str | None, file: str, field: str) -> Decimal:
    try:
        value = Decimal((text or "").strip())
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite():
        raise BadInput(file, field, text or "nothing", "a finite number")
    return value


def _seconds(time: Decimal, milliseconds: bool, file: str, field: str) -> Decimal:
    seconds = time / MILLISECONDS if milliseconds else time
    if seconds != seconds.to_integral_value():
        raise BadInput(file, field, time, "a whole number of seconds")
    return seconds

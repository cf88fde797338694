"""How recorded positions are opened: at entry prices off any tick, at marks that allow it."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_FLOOR, Context, Decimal
from typing import TYPE_CHECKING

from spillway.entrants import LEAST_NOTIONAL
from spillway.rebuild import ticks_around

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from spillway.venue import Member

QUOTES = 32  # orders of one account that stand at a time

_CONTEXT = Context(prec=80, rounding=ROUND_FLOOR)


@dataclass(frozen=True, slots=True)
class Entry:
    """A position as it is opened: lots at a legal price, others at the next one above.

    Attributes:
        member: Whose.
        market: Where.
        low: Price of the first, USD.
        lots_low: Lots at it.
        high: The legal price above.
        lots_high: Lots at that.
        marks: At which it may be opened, USD: the least and the most.
    """

    member: Member
    market: int
    low: Decimal
    lots_low: int
    high: Decimal
    lots_high: int
    marks: tuple[Decimal, Decimal]

    @property
    def lots(self) -> int:
        """All of them."""
        return self.lots_low + self.lots_high

    @property
    def steps(self) -> list[tuple[Decimal, int]]:
        """(price, lots), the higher price first."""
        both = [(self.high, self.lots_high), (self.low, self.lots_low)]
        return [(price, lots) for price, lots in both if lots]


def two_prices(lots: int, usd: Decimal, size_decimals: int) -> list[tuple[Decimal, int]]:
    """Split lots over two neighbouring legal prices so that they cost `usd`, or a little less.

    Less by no more than a tick of one lot, or of the lots of the smallest order. The higher price
    first.
    """
    low, high = ticks_around(usd.scaleb(size_decimals, _CONTEXT) / lots, size_decimals)
    over = usd.scaleb(size_decimals, _CONTEXT) - lots * low
    lots_high = min(int(over / (high - low)), lots)
    least = int(LEAST_NOTIONAL.scaleb(size_decimals) / low) + 1
    if lots_high < least:
        lots_high = 0
    elif lots - lots_high < least:
        lots_high = lots - least if lots >= 2 * least else 0
    return [(price, n) for price, n in ((high, lots_high), (low, lots - lots_high)) if n]


def grouped(entries: Sequence[Entry]) -> Iterator[tuple[Decimal, list[Entry]]]:
    """Yield marks, falling, and the entries that are opened at each: as few marks as there can be.

    Within a group the highest price comes first.
    """
    left = sorted(entries, key=lambda entry: (-entry.marks[0], entry.member.account))
    while left:
        mark = left[0].marks[0]
        group = [entry for entry in left if entry.marks[1] >= mark]
        left = [entry for entry in left if entry.marks[1] < mark]
        group.sort(key=lambda entry: (-entry.steps[0][0], -entry.low, entry.member.account))
        yield mark, group


def paged(entries: Sequence[Entry]) -> Iterator[list[Entry]]:
    """Cut entries, highest price first, into pages whose bids can stand side by side.

    A page has at most QUOTES bids, and no entry's bids are better than those of one before it.
    """
    page: list[Entry] = []
    bids = 0
    for entry in entries:
        overlaps = bool(page) and entry.steps[0][0] > page[-1].low
        if page and (overlaps or bids + len(entry.steps) > QUOTES):
            yield page
            page, bids = [], 0
        page.append(entry)
        bids += len(entry.steps)
    if page:
        yield page

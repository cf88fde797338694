"""What became of an order that came to take, read from the logs of its call."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from spillway.engines import Receipt

FILLED = 0


class Taken(NamedTuple):
    """The book's event of the same name; an order that is filled whole has fills alone."""

    account: int
    lots: int
    filled: int
    quote: int
    end: int


def ended(receipt: Receipt) -> Taken:
    """Return how the taker of a call ended; fails where nothing was taken and nothing was told."""
    for told in receipt.named("Taken"):
        return Taken(told.account, told.lots, told.filled, told.quote, told.end)
    fills = receipt.named("Filled")
    lots = sum(fill.lots for fill in fills)
    quote = sum(fill.lots * fill.price for fill in fills)
    return Taken(fills[0].taker, lots, lots, quote, FILLED)

"""The keeper: calls what anyone may call, whenever it would do something.

It judges accounts from one snapshot with the reference model, not by a view call for each.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from spillway.actors.closings import Closings
from spillway.model.words import PROTOCOL

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from spillway.actors.view import View
    from spillway.engines import Address, Call
    from spillway.venue import Venue

MOST_ACCOUNTS = 16  # of one call of `liquidate`
# What the waterfall may use for one account, gas: the order of a leg meets up to 32 makers of ~100k
# each, and what is left is handed over. A transaction has 2**24.
GAS_ACCOUNT = 1_500_000
GAS_LEG = 3_500_000
GAS_CALL = 15_000_000


class Keeper:
    """One keeper for all that is open to anyone."""

    def __init__(self, venue: Venue, address: Address, child: int) -> None:
        self._venue = venue
        self._address = address
        self._child = child
        self._closings = Closings(venue, address)

    # --- waterfall ---------------------------------------------------------------------------

    def liquidate(self, view: View) -> list[Call]:
        """Run the waterfall for whoever is below maintenance, in batches that fit."""
        due = [n for n in view.liquidatable() if not view.now.accounts[n].flags & PROTOCOL]
        legs = [len(view.now.accounts[number].legs) for number in due]
        return [self._venue.liquidate(batch, self._address) for batch in batches(due, legs)]

    def deleverage(self, view: View) -> list[Call]:
        """Close whoever is below zero: accounts by id, the vault's child last."""
        return self._closings.of(self.losers(view), view)

    def finds_losers(self, view: View) -> bool:
        """Whether anybody is below zero, or in a closing that was left: one may be above by now."""
        return any(view.below_zero()) or any(market.locked for market in view.now.markets)

    def losers(self, view: View) -> list[int]:
        """Return whom `deleverage` closes, in its order."""
        losers = [n for n in view.below_zero() if _closable(n, view)]
        return sorted(losers, key=lambda number: (number == self._child, number))

    def unlock(self, view: View) -> list[Call]:
        """End rankings that an earlier block has left open and that nobody needs."""
        return self._closings.left_over(view)

    # --- the rest ----------------------------------------------------------------------------

    def shed(self, view: View) -> list[Call]:
        """Have the vault's child offer a slice of each position."""
        legs = view.now.accounts[self._child].legs
        return [
            self._venue.shed(market, self._address)
            for market, leg in legs.items()
            if leg.size and view.usable(market)
        ]

    def trigger(self, view: View) -> list[Call]:
        """Fire the stops that the mark has reached."""
        return [
            self._venue.trigger(order_id, self._address)
            for order_id, stop in sorted(view.stops.items())
            if view.usable(stop.market) and stop.reached(view.now.markets[stop.market].mark)
        ]


def _closable(number: int, view: View) -> bool:
    """Whether auto-deleveraging may close an account that is below zero."""
    legs = view.now.accounts[number].legs
    return all(
        view.now.markets[market].fresh(view.time) and not leg.bids and not leg.asks
        for market, leg in legs.items()
    )


def batches(due: Sequence[int], legs: Sequence[int]) -> Iterator[list[int]]:
    """Split accounts into calls of at most MOST_ACCOUNTS that fit into a transaction."""
    batch: list[int] = []
    gas = 0
    for number, count in zip(due, legs, strict=True):
        cost = GAS_ACCOUNT + GAS_LEG * count
        if batch and (gas + cost > GAS_CALL or len(batch) == MOST_ACCOUNTS):
            yield batch
            batch, gas = [], 0
        batch.append(number)
        gas += cost
    if batch:
        yield batch

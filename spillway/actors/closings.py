"""How the keeper closes those below zero: in one transaction, or page by page if that is too much.

Auto-deleveraging weighs every holder of a side. What fits into one transaction is done in one; a
larger side is ranked by a job, whose steps are so many transactions of the same block.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from spillway import ranking
from spillway.ranking import MOST_RANKS, Plan

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from spillway.actors.view import View
    from spillway.engines import Address, Call
    from spillway.venue import Venue

    Side = tuple[int, bool]  # market, whether the winners are long

# What a step may use at most, gas, cold; a transaction has 2**24.
GAS_CALL = 14_000_000
GAS_HOLDER = 6_000  # to weigh one, and so much for each of its markets
GAS_HOLDER_LEG = 5_000
GAS_WINNER = 130_000  # its fill, and its part of the gap
GAS_LOSER = 500_000
STEPS = 100  # fills and payments of a gap that one call of `close` does

ABSENT = 0  # phase of a job


class Closings:
    """Makes the calls that close accounts below zero."""

    def __init__(self, venue: Venue, address: Address) -> None:
        self._venue = venue
        self._address = address

    def of(self, losers: Sequence[int], view: View) -> list[Call]:
        """Return what closes `losers`, at most 16 of them, in their order."""
        needed = _needed(losers, view)
        lengths = {side: self._venue.contracts.pool.call.holder_count(*side) for side in needed}
        keys = {side: self._keys(*side, length) for side, length in lengths.items()}
        worst = _dearest(needed, view)
        plans = [ranking.plan(*side, keys[side], lots) for side, lots in needed.items()]
        gas = GAS_LOSER * len(losers) + sum(
            lengths[side] * worst[side] + len(plan.order) * GAS_WINNER
            for side, plan in zip(needed, plans, strict=True)
        )
        full = any(len(plan.order) == MOST_RANKS for plan in plans)
        if gas <= GAS_CALL and not full and not any(self._phase(*side) for side in needed):
            return [self._venue.deleverage(losers, plans, self._address)]
        calls: list[Call] = []
        for side, lots in needed.items():
            plan = ranking.plan(*side, keys[side], lots, most=None)
            calls += self._ranked(plan, losers, lengths[side], worst[side], view)
        winners = sum(len(plan.order) for plan in plans)
        for loser in losers:
            for _ in range(0, 2 * winners + 1, STEPS):
                calls.append(self._venue.close(loser, STEPS, self._address))
        return calls + [self._venue.end_job(*side, self._address) for side in needed]

    def left_over(self, view: View) -> list[Call]:
        """Return what ends rankings of earlier blocks: until then their markets are locked."""
        locked = [number for number, market in enumerate(view.now.markets) if market.locked]
        sides = [(market, longs) for market in locked for longs in (True, False)]
        return [
            self._venue.end_job(*side, self._address)
            for side in sides
            if self._phase(*side) != ABSENT
        ]

    def _ranked(
        self, plan: Plan, losers: Sequence[int], length: int, worst: int, view: View
    ) -> Iterator[Call]:
        """Yield what makes a job ready; nothing for one that is, or that is not ours to go on."""
        market, longs = plan.market, plan.longs
        if self._phase(market, longs) != ABSENT:
            return
        opener = next(n for n in losers if _faces(n, market, longs, view))
        yield self._venue.open_job(market, opener, plan.threshold, self._address)
        page = max(GAS_CALL // worst, 1)
        for _ in range(0, length, page):
            yield self._venue.scan(market, longs, page, self._address)
        for start in range(0, len(plan.order), MOST_RANKS):
            places = plan.order[start : start + MOST_RANKS]
            yield self._venue.order(market, longs, start, places, self._address)

    def _phase(self, market: int, longs: bool) -> int:
        phase: int = self._venue.contracts.adl.call.job(market, longs).phase
        return phase

    def _keys(self, market: int, longs: bool, length: int) -> list[tuple[int, int]]:
        """(key, lots) of every holder of a side."""
        return ranking.read_keys(self._venue.contracts.adl, market, longs, length)


def _needed(losers: Sequence[int], view: View) -> dict[Side, int]:
    """Return the sides that winners of `losers` stand on, and the lots to be closed there."""
    needed: dict[Side, int] = defaultdict(int)
    for number in losers:
        for market, leg in view.now.accounts[number].legs.items():
            if leg.size:
                needed[market, leg.size < 0] += abs(leg.size)
    return dict(sorted(needed.items()))


def _dearest(sides: Mapping[Side, int], view: View) -> dict[Side, int]:
    """Return the most gas that weighing one holder of each side takes."""
    legs = dict.fromkeys(sides, 1)
    for held in view.now.accounts.values():
        for market, leg in held.legs.items():
            side = market, leg.size > 0
            if leg.size and side in legs:
                legs[side] = max(legs[side], len(held.legs))
    return {side: GAS_HOLDER + GAS_HOLDER_LEG * count for side, count in legs.items()}


def _faces(number: int, market: int, longs: bool, view: View) -> bool:
    leg = view.leg(number, market)
    return leg is not None and leg.size != 0 and (leg.size < 0) == longs

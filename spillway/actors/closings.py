"""How the keeper closes those below zero: in one transaction, or page by page if that is too much.

Auto-deleveraging weighs every holder of a side. What fits into one transaction is done in one; a
larger side is ranked by a job, whose steps are so many transactions of the same block.
"""

from __future__ import annotations

from collections import defaultdict, deque
from typing import TYPE_CHECKING, NamedTuple

from spillway import ranking
from spillway.ranking import MOST_RANKS, Plan

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from spillway.actors.view import View
    from spillway.engines import Address, Call
    from spillway.venue import Venue

    Side = tuple[int, bool]  # market, whether the winners are long

MOST_LOSERS = 16  # of one call of `deleverage`

# What a step may use at most, gas, cold; a transaction has 2**24.
GAS_CALL = 14_000_000
GAS_HOLDER = 6_000  # to weigh one, and so much for each of its markets
GAS_HOLDER_LEG = 5_000
GAS_ENROLLED = 30_000  # a place in the queue
GAS_WINNER = 130_000  # its fill, and its part of the gap
GAS_LOSER = 500_000
STEPS = 100  # fills and payments of a gap that one call of `close` does

MOST_PLACES = 2_048  # that one call of `scan` weighs
PLACE_BITS = 24  # of a key, from the low end: the place in the holder list
ABSENT = 0  # phase of a job


class Page(NamedTuple):
    """Places of a holder list that one transaction scans, and the gas that it may use."""

    places: int
    gas: int


class Closings:
    """Makes the calls that close accounts below zero."""

    def __init__(self, venue: Venue, address: Address) -> None:
        self._venue = venue
        self._address = address

    def of(self, losers: Sequence[int], view: View) -> list[Call]:
        """Return what closes `losers`, in their order."""
        needed = _needed(losers, view)
        worst = _dearest(needed, view)
        keys, plans, pages = {}, [], {}
        for side, lots in needed.items():
            length = self._venue.contracts.pool.call.holder_count(*side)
            keys[side] = ranking.read_keys(self._venue.contracts.adl, *side, length)
            plan = ranking.plan(*side, keys[side], lots, most=None)
            plans.append(plan)
            pages[side] = pages_of(plan, keys[side], worst[side], length)
        if self._fits(losers, plans, pages):
            return [self._venue.deleverage(losers, plans, self._address)]
        calls: list[Call] = []
        for plan in plans:
            calls += self._ranked(plan, pages[plan.market, plan.longs], losers, view)
        for loser, winners in zip(losers, _winners(losers, keys, view), strict=True):
            steps = 2 * winners + 1  # each winner fills once, and pays once at most
            gas = GAS_LOSER + min(steps, STEPS) * GAS_WINNER
            calls += [self._venue.close(loser, STEPS, self._address, gas)] * -(-steps // STEPS)
        return calls + [self._venue.end_job(*side, self._address) for side in needed]

    def _fits(
        self, losers: Sequence[int], plans: Sequence[Plan], pages: Mapping[Side, list[Page]]
    ) -> bool:
        """Whether it may be one transaction; a job of an earlier block would be in its way."""
        gas = GAS_LOSER * len(losers) + sum(len(plan.order) * GAS_WINNER for plan in plans)
        gas += sum(page.gas for side in pages.values() for page in side)
        return (
            gas <= GAS_CALL
            and len(losers) <= MOST_LOSERS
            and all(len(plan.order) <= MOST_RANKS for plan in plans)
            and all(len(side) <= 1 for side in pages.values())  # holes cost a place, if no gas
            and all(self._phase(*side) == ABSENT for side in pages)
        )

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
        self, plan: Plan, pages: Sequence[Page], losers: Sequence[int], view: View
    ) -> Iterator[Call]:
        """Yield what makes a job ready; nothing for one that is, or that is not ours to go on."""
        market, longs = plan.market, plan.longs
        if self._phase(market, longs) != ABSENT:
            return
        opener = next(n for n in losers if _faces(n, market, longs, view))
        yield self._venue.open_job(market, opener, plan.threshold, self._address)
        for page in pages:
            yield self._venue.scan(market, longs, page.places, self._address)
        for start in range(0, len(plan.order), MOST_RANKS):
            places = plan.order[start : start + MOST_RANKS]
            yield self._venue.order(market, longs, start, places, self._address)

    def _phase(self, market: int, longs: bool) -> int:
        phase: int = self._venue.contracts.adl.call.job(market, longs).phase
        return phase


def _needed(losers: Sequence[int], view: View) -> dict[Side, int]:
    """Return the sides that winners of `losers` stand on, and the lots to be closed there."""
    needed: dict[Side, int] = defaultdict(int)
    for number in losers:
        for market, leg in view.now.accounts[number].legs.items():
            if leg.size:
                needed[market, leg.size < 0] += abs(leg.size)
    return dict(sorted(needed.items()))


def _winners(
    losers: Sequence[int], keys: Mapping[Side, list[tuple[int, int]]], view: View
) -> list[int]:
    """Return how many winners each loser takes from the queues, one loser after the other."""
    queues = {side: deque(lots for _, lots in sorted(found)) for side, found in keys.items()}
    counts = []
    for number in losers:
        count = 0
        for side, lots in _needed([number], view).items():
            queue, left = queues[side], lots
            while left > 0 and queue:
                count += 1
                taken = min(left, queue[-1])
                left -= taken
                queue[-1] -= taken
                if queue[-1] == 0:
                    queue.pop()
        counts.append(count)
    return counts


def _dearest(sides: Mapping[Side, int], view: View) -> dict[Side, int]:
    """Return the most gas that weighing one holder of each side takes."""
    legs = dict.fromkeys(sides, 1)
    for held in view.now.accounts.values():
        for market, leg in held.legs.items():
            side = market, leg.size > 0
            if leg.size and side in legs:
                legs[side] = max(legs[side], len(held.legs))
    return {side: GAS_HOLDER + GAS_HOLDER_LEG * count for side, count in legs.items()}


def pages_of(plan: Plan, keys: Sequence[tuple[int, int]], worst: int, length: int) -> list[Page]:
    """Cut a holder list of `length` places into what one transaction can weigh.

    Args:
        plan: Says who is enrolled: keys from its threshold on.
        keys: (key, lots) of each holder, by its place; other places are holes.
        worst: Gas to weigh a holder.
        length: Places.
    """
    pages: list[Page] = []
    start = gas = 0
    costs = [
        (key % (1 << PLACE_BITS), worst + (GAS_ENROLLED if key >= plan.threshold else 0))
        for key, _ in keys
    ]
    for place, cost in [*costs, (length, 0)]:
        while place - start > MOST_PLACES or (gas and gas + cost > GAS_CALL):
            places = min(place - start, MOST_PLACES)
            pages.append(Page(places, gas))
            start, gas = start + places, 0
        gas += cost
    return [*pages, Page(length - start, gas)] if length > start else pages


def _faces(number: int, market: int, longs: bool, view: View) -> bool:
    leg = view.leg(number, market)
    return leg is not None and leg.size != 0 and (leg.size < 0) == longs

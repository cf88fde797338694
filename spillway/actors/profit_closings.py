"""How the keeper closes those below zero where profits bear what they owe: all of them at once.

What fits into one transaction is done in one. Else all losers are taken first, so that a market
has one job for them, and the jobs are gone on with by pages; so are jobs that somebody else has
left, before any loser is taken. Each decision is made with the calls so far rehearsed.
"""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING, NamedTuple

from spillway.actors.closings import GAS_LOSER, MOST_LEGS_CHARGED, MOST_LOSERS
from spillway.actors.rankings import GAS_CALL, GAS_HOLDER, GAS_HOLDER_LEG

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from spillway.actors.view import View
    from spillway.engines import Address, Call
    from spillway.presets import Adl
    from spillway.venue import Venue

# What a step may use at most, gas, cold.
GAS_LEG = 450_000  # of a loser: the fund pays, lots pass on, a job begins and ends
GAS_NOTED = 50_000  # a holder in profit, beyond weighing it
GAS_PAYMENT = 60_000  # and for each market of the holder:
GAS_SEEN_LEG = 10_000
GAS_SETTLED = 120_000  # a debt, and the end of a closing; GAS_SEEN_LEG for each of its markets
ALL = 2**256 - 1
PAGE, MOST_PAGES = 32, 64  # places of a holder list that one read gives; reads of one call
FURTHER_PAGES = 2  # that are not full: the last of each side
MOST_TURNS = 1_024  # of one call
SCANNING = 1


class ProfitClosings:
    """Makes the calls that close accounts below zero, a decision at a time."""

    one_by_one = True

    def __init__(self, venue: Venue, address: Address, _: Adl) -> None:
        self._venue = venue
        self._adl = venue.contracts.adl
        self._pool = venue.contracts.pool
        self._address = address
        self._block, self._tried = -1, set[int]()

    def of(self, losers: Sequence[int], view: View) -> list[Call]:
        """Return what goes on with open jobs, else what takes losers not tried in this block."""
        if view.block != self._block:
            self._block, self._tried = view.block, set()
        open_ = [number for number, market in enumerate(view.now.markets) if market.locked]
        if open_:
            return [call for market in open_ for call in self._pages(market, view)]
        batches = list(_batches([n for n in losers if n not in self._tried], view))
        self._tried.update(losers)
        steps = ALL if len(batches) == 1 and self._fits(batches[0], view) else 0
        return [self._venue.close_on_profit(batch, steps, self._address) for batch in batches]

    def left_over(self, _: View) -> list[Call]:
        """Return nothing: a job that is open is gone on with and ends by itself."""
        return []

    def _fits(self, losers: Sequence[int], view: View) -> bool:
        """Whether closing `losers` may be one transaction."""
        gas = sum(GAS_LOSER + _legs(number, view) * (GAS_LEG + GAS_SETTLED) for number in losers)
        pages = turns = 0
        for market in {market for number in losers for market in view.now.accounts[number].legs}:
            seen = view.now.markets[market]
            crowd = _crowd(market, seen.mark, seen.funding, view)
            gas += sum(crowd.weighing) + len(crowd.paying) * max(crowd.paying, default=0)
            turns = max(turns, len(crowd.paying) + len(losers))
            count = self._pool.call.holder_count
            places = sum(count(market, longs) for longs in (True, False))
            pages = max(pages, places // PAGE)
        return gas <= GAS_CALL and turns <= MOST_TURNS and pages <= MOST_PAGES - FURTHER_PAGES

    def _pages(self, market: int, view: View) -> Iterator[Call]:
        """Yield calls that a job needs for certain: the rest of its scan, or a turn a holder."""
        job = self._adl.call.job(market)
        crowd = _crowd(market, job.mark, job.funding, view)
        if job.phase == SCANNING:
            rest, page = job.longs + job.shorts - job.cursor, _places(crowd)
            for start in range(0, rest, page):
                yield self._venue.proceed(market, min(page, rest - start), self._address)
            return
        debts = [self._adl.call.debt(market, place)[0] for place in range(job.serving, job.debts)]
        turns = _turns(crowd, [GAS_SETTLED + GAS_SEEN_LEG * _legs(n, view) for n in debts])
        for _ in range(max(-(-(job.noted - job.next) // turns), 1)):
            yield self._venue.proceed(market, turns, self._address)


class Crowd(NamedTuple):
    """What holders of a market cost, gas: to weigh each, and a payment of each in profit."""

    weighing: list[int]
    paying: list[int]


def _crowd(market: int, mark: int, funding: int, view: View) -> Crowd:
    crowd = Crowd([], [])
    for held in view.now.accounts.values():
        leg = held.legs.get(market)
        if leg and leg.size:
            profits = leg.size * (mark - funding) > leg.cost
            weighed = GAS_HOLDER + GAS_HOLDER_LEG * len(held.legs)
            crowd.weighing.append(weighed + GAS_NOTED * profits)
            if profits:
                crowd.paying.append(GAS_PAYMENT + GAS_SEEN_LEG * len(held.legs))
    return crowd


def _places(crowd: Crowd) -> int:
    """Return the places that one call weighs, whichever holders it meets there."""
    most = (MOST_PAGES - FURTHER_PAGES) * PAGE
    dearest = sorted(crowd.weighing, reverse=True)
    fit = sum(gas <= GAS_CALL for gas in accumulate(dearest))
    return most if fit == len(dearest) else max(min(fit, most), 1)


def _turns(crowd: Crowd, settling: Sequence[int]) -> int:
    """Return the turns of one call, whichever holders pay and however many debts it settles."""
    paying = max(crowd.paying, default=GAS_PAYMENT)
    if sum(settling) <= GAS_CALL // 2:
        turns = (GAS_CALL - sum(settling)) // paying
    else:
        turns = GAS_CALL // (paying + max(settling))
    return max(min(turns, MOST_TURNS), 1)


def _batches(losers: Sequence[int], view: View) -> Iterator[list[int]]:
    """Split losers into those that one call takes."""
    batch: list[int] = []
    room = MOST_LEGS_CHARGED
    for number in losers:
        legs = _legs(number, view)
        if batch and (legs > room or len(batch) == MOST_LOSERS):
            yield batch
            batch, room = [], MOST_LEGS_CHARGED
        batch.append(number)
        room -= legs
    if batch:
        yield batch


def _legs(number: int, view: View) -> int:
    """Return the legs of an account that one call takes."""
    return min(len(view.now.accounts[number].legs), MOST_LEGS_CHARGED)

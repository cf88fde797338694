"""How the keeper closes those below zero: in one transaction, or page by page if that is too much.

Auto-deleveraging weighs every holder of a side. What fits into one transaction is done in one; a
larger side is ranked by a job, whose steps are so many transactions of the same block. Jobs that
somebody else has left open are gone on with from where they stand. An account with more legs than
a trader may have, the vault's child, is closed by pages: a first one that only begins, and shorter
ones behind it, since each of them weighs all legs that are left.

A venue that charges losses per lot ranks nobody: there a closing is one call.
"""

from __future__ import annotations

from collections import defaultdict
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

from spillway import ranking
from spillway.actors import rankings
from spillway.actors.rankings import (
    ABSENT,
    GAS_CALL,
    GAS_HOLDER,
    GAS_HOLDER_LEG,
    LIFETIME,
    ORDERING,
    READY,
    Ranking,
)
from spillway.engines.protocol import TX_GAS_LIMIT
from spillway.model import adl, margin
from spillway.model.keys import account_of
from spillway.model.policies import INDEXES, QUEUES
from spillway.model.pool import MAX_LEGS, Pool
from spillway.ranking import MOST_RANKS

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from spillway.actors.rankings import Holder
    from spillway.actors.view import View
    from spillway.engines import Address, Call
    from spillway.invariants import Holdings
    from spillway.model.adl import Place
    from spillway.presets import Adl
    from spillway.venue import Venue

    Side = tuple[int, bool]  # market, whether the winners are long

MOST_LOSERS = 16  # of one call of `deleverage`
MOST_PLANS = 16  # likewise

# What a step may use at most, gas, cold; those of a scan stand with it.
GAS_WINNER = 130_000  # its fill, and its part of the gap
GAS_LOSER = 500_000  # with one leg; for each further one:
GAS_LEG_BEGUN = 75_000  # to note it when its closing begins
GAS_LEG_LEFT = 30_000  # to weigh it in each page, share the gap, and let its job go
GAS_SIDE = 150_000  # to open a further job
GAS_PAGE = 14_000_000  # what a page of a closing may use
GAS_LEG_CHARGED = 370_000  # to have a leg's debt paid by the fund and per lot, and to pass it on
MOST_LEGS_CHARGED = 32  # of one call of `AdlIndex.close`
STEPS = 100  # fills and payments of a gap that one call of `close` does


class Prepared(NamedTuple):
    """A job as it is once it is ready, the calls that make it so, and what their scan takes."""

    job: Ranking
    calls: list[Call]
    gas: int
    pages: int


class Closings:
    """Makes the calls that close accounts below zero."""

    one_by_one = False

    def __init__(self, venue: Venue, address: Address, rules: Adl) -> None:
        self._venue = venue
        self._address = address
        # What the model plays; elsewhere the steps of a closing are bounded and not counted.
        self._modelled = rules.trigger == "below_zero" and rules.price == "previous_mark"
        self._below_zero = rules.trigger == "below_zero"
        self._ranks = rules.policy not in INDEXES
        self._overlapping = rules.overlapping

    def of(self, losers: Sequence[int], view: View) -> list[Call]:
        """Return what closes `losers`, in their order, after those whose closing is under way.

        A loser whom an open job can't serve waits until that job has ended.
        """
        if not self._ranks:
            return [self._socialize(loser, view) for loser in losers]
        jobs = self._open(view)
        served = sorted({job.serving for job in jobs.values()} - {0})
        losers = [n for n in losers if n not in served and self._at_hand(n, jobs, view)]
        needed = _needed(losers, view)
        jobs = {side: job for side, job in jobs.items() if side in needed or job.serving}
        worst = dearest({*needed, *jobs}, view)
        ready = [
            self._prepare(job, self._holders(job) if job.scans else [], worst[side], view)
            for side, job in jobs.items()
        ]
        losers = list(_covered(losers, jobs, view))
        for side, lots in _needed(losers, view).items():
            if side not in jobs:
                job = self._to_open(side, losers, view)
                holders = self._holders(job)
                bearing = _bearing(side, holders, losers, view) if self._overlapping else holders
                job.threshold = ranking.plan(*side, bearing, lots, most=None).threshold
                ready.append(self._prepare(job, holders, worst[side], view))
        if losers and not jobs and _fits(losers, ready, view):
            plans = [each.job.plan for each in ready]
            return [self._venue.deleverage(losers, plans, self._address)]
        calls = [call for each in ready for call in each.calls]
        return [*calls, *self._close(served, losers, [each.job for each in ready], view)]

    def left_over(self, view: View) -> list[Call]:
        """Return what ends rankings that nobody needs: until then their markets are locked."""
        return [
            self._venue.end_job(*side, self._address)
            for side, job in self._open(view).items()
            if view.now.block > job.opened_in + LIFETIME or _done(job, view.now)
        ]

    def _socialize(self, loser: int, view: View) -> Call:
        legs = len(view.now.accounts[loser].legs)
        gas = GAS_LOSER + min(legs, MOST_LEGS_CHARGED) * GAS_LEG_CHARGED
        return self._venue.socialize(loser, self._address, min(gas, TX_GAS_LIMIT))

    # --- jobs ---------------------------------------------------------------------------------

    def _open(self, view: View) -> dict[Side, Ranking]:
        """Return the jobs that have outlived their transaction: they lock their markets."""
        locked = [number for number, market in enumerate(view.now.markets) if market.locked]
        sides = [(market, longs) for market in locked for longs in (False, True)]
        found = ((side, rankings.read(self._venue.contracts.adl, *side)) for side in sides)
        return {side: job for side, job in found if job}

    def _to_open(self, side: Side, losers: Sequence[int], view: View) -> Ranking:
        return Ranking(
            *side,
            loser=next(n for n in losers if side in _needed([n], view)),
            length=self._venue.contracts.pool.call.holder_count(*side),
        )

    def _holders(self, job: Ranking) -> list[Holder]:
        return ranking.read_keys(self._venue.contracts.lens, job.market, job.longs, job.length)

    def _prepare(self, job: Ranking, holders: Sequence[Holder], worst: int, view: View) -> Prepared:
        """Bring a job on until it is ready."""
        side, sender = (job.market, job.longs), self._address
        calls, gas, pages = [], 0, 0
        if job.phase == ABSENT:
            calls.append(self._venue.open_job(job.market, job.loser, job.threshold, sender))
        if job.scans:
            leg = view.leg(job.loser, job.market)
            for page in job.scan(holders, abs(leg.size) if leg else 0, worst):
                calls.append(self._venue.scan(*side, page.places, sender))
                gas, pages = gas + page.gas, pages + 1
        if job.phase == ORDERING:
            calls += [self._venue.order(*side, *ranks, sender) for ranks in job.order()]
        return Prepared(job, calls, gas, pages)

    # --- closings -----------------------------------------------------------------------------

    def _close(
        self, served: Sequence[int], losers: Sequence[int], jobs: Sequence[Ranking], view: View
    ) -> list[Call]:
        """Return what closes accounts against ready jobs, and ends those that are then done.

        A closing that is under way does not say how far it has come: it is gone on with for as
        long as it has something to fill, and its jobs end in a later block. The others are played
        on the model, which counts their steps.
        """
        pool = Pool(
            now=view.time,
            epoch=0,  # the one that the markets of a snapshot are in
            junior_since=0,  # while deleveraging is open, nobody turns senior
            markets=list(view.now.markets),
            accounts=dict(view.now.accounts),
        )
        queues = {(job.market, job.longs): job.queue for job in jobs}
        calls: list[Call] = []
        for number in served:
            calls += self._closed(number, _fills(pool, number, queues) or 1, view)
        for number in losers:
            if not self._modelled:
                calls += self._closed(number, 2 * _fills(pool, number, queues) + 1, view)
            elif pool.equity(number) < 0:
                # Every queue is told, so that the score is not asked for.
                outcome = adl.deleverage(pool, number, QUEUES["hyperliquid_queue"], queues)
                calls += self._closed(number, outcome.steps, view)
            for (market, _), queue in queues.items():
                lots = (pool.leg(place.account, market).size for place in queue)
                del queue[: next((n for n, size in enumerate(lots) if size), len(queue))]
        return calls + [
            self._venue.end_job(job.market, job.longs, self._address)
            for job in jobs
            if _done(job, pool)
        ]

    def _at_hand(self, loser: int, jobs: Mapping[Side, Ranking], view: View) -> bool:
        """Whether open jobs are free for a loser, who is below zero at their prices too."""
        equity = view.now.equity(loser)
        for market, leg in view.now.accounts[loser].legs.items():
            job, seen = jobs.get((market, leg.size < 0)), view.now.markets[market]
            if leg.size and job:
                if job.serving:
                    return False
                equity -= leg.size * ((seen.mark - job.mark) - (seen.funding - job.funding))
        return equity < 0 or not self._below_zero

    def _closed(self, loser: int, steps: int, view: View) -> list[Call]:
        def close(steps: int, gas: int) -> Call:
            return self._venue.close(loser, steps, self._address, gas)

        return pages_to_close(close, steps, further_legs(loser, view))


def pages_to_close(
    close: Callable[[int, int], Call], steps: int, legs: int, begun: int = GAS_LEG_BEGUN
) -> list[Call]:
    """Return the pages that close a loser.

    Args:
        close: Makes a page of so many steps, with so much gas.
        steps: Fills and payments of a gap.
        legs: That the loser has beyond the first.
        begun: Gas that one of them takes when the closing begins.
    """
    page = GAS_LOSER + legs * GAS_LEG_LEFT
    first = []
    if legs < MAX_LEGS:
        page += legs * begun
    else:
        first = [close(0, min(GAS_LOSER + legs * begun, TX_GAS_LIMIT))]
    each = min(max((GAS_PAGE - page) // GAS_WINNER, 1), STEPS)
    gas = page + min(steps, each) * GAS_WINNER
    return first + [close(each, gas)] * -(-steps // each)


def _fits(losers: Sequence[int], ready: Sequence[Prepared], view: View) -> bool:
    """Whether it may be one transaction."""
    gas = GAS_LOSER * len(losers)
    gas += sum(each.gas + len(each.job.told) * GAS_WINNER for each in ready)
    further = sum(further_legs(loser, view) for loser in losers)
    gas += further * (GAS_LEG_BEGUN + GAS_LEG_LEFT + GAS_SIDE)
    return (
        gas <= GAS_CALL
        and len(losers) <= MOST_LOSERS
        and len(ready) <= MOST_PLANS
        and all(len(each.job.told) <= MOST_RANKS for each in ready)
        and all(each.pages <= 1 for each in ready)  # holes cost a place, if no gas
    )


def _fills(pool: Pool, loser: int, queues: Mapping[Side, list[Place]]) -> int:
    """Close an account against queues, and return how many winners that took."""
    return sum(
        len(adl.close_leg(pool, market, loser, queues.get((market, leg.size < 0), ())))
        for market, leg in pool.accounts[loser].legs.items()
    )


def _done(job: Ranking, now: Holdings | Pool) -> bool:
    """Whether a job may be ended: its loser is closed or saved, or its queue used up by others."""
    if job.serving:
        return False
    loser = now.accounts[job.loser]
    leg = loser.legs.get(job.market)
    if leg is None or leg.size == 0 or (leg.size < 0) != job.longs:
        return True
    used_up = job.phase == READY and job.lots < abs(leg.size)
    return used_up or margin.equity(loser, now.markets) >= 0


def _covered(losers: Sequence[int], jobs: Mapping[Side, Ranking], view: View) -> Iterator[int]:
    """Yield the losers for whom open jobs have lots enough, one after the other."""
    left = {side: job.lots for side, job in jobs.items()}
    for number in losers:
        needed = {side: lots for side, lots in _needed([number], view).items() if side in left}
        if all(left[side] >= lots for side, lots in needed.items()):
            for side, lots in needed.items():
                left[side] -= lots
            yield number


def _bearing(
    side: Side, holders: Sequence[Holder], losers: Sequence[int], view: View
) -> list[Holder]:
    """Return the holders with no lots for those who would be passed over at the dearest price."""
    market, longs = side
    markets = view.now.markets
    prices = [Fraction(0)]
    for number in losers:
        account, leg = view.now.accounts[number], view.leg(number, market)
        if leg and leg.size and (leg.size < 0) == longs:
            owed = -view.now.equity(number) * margin.leg_maintenance(leg, markets[market])
            whole = margin.account_maintenance(account, markets)
            prices.append(Fraction(owed, whole * abs(leg.size)))
    dearest_price = max(prices)
    return [
        (key, lots if view.now.equity(account_of(key)) >= dearest_price * lots else 0)
        for key, lots in holders
    ]


def further_legs(number: int, view: View) -> int:
    """Return the legs of an account beyond the first."""
    return max(len(view.now.accounts[number].legs) - 1, 0)


def _needed(losers: Sequence[int], view: View) -> dict[Side, int]:
    """Return the sides that winners of `losers` stand on, and the lots to be closed there."""
    needed: dict[Side, int] = defaultdict(int)
    for number in losers:
        for market, leg in view.now.accounts[number].legs.items():
            if leg.size:
                needed[market, leg.size < 0] += abs(leg.size)
    return dict(sorted(needed.items()))


def dearest(sides: Collection[Side], view: View) -> dict[Side, int]:
    """Return the most gas that weighing one holder of each side takes."""
    legs = dict.fromkeys(sides, 1)
    if not legs:
        return {}
    for held in view.now.accounts.values():
        for market, leg in held.legs.items():
            side = market, leg.size > 0
            if leg.size and side in legs:
                legs[side] = max(legs[side], len(held.legs))
    return {side: GAS_HOLDER + GAS_HOLDER_LEG * count for side, count in legs.items()}

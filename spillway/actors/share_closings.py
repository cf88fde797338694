"""How the keeper closes those below zero where lots are shared: loser after loser.

The quotas of a loser depend on what closing the one before has left, so each is decided on with
the calls so far rehearsed. What fits into one transaction is done in one; a larger side is scanned
by pages, and so is what somebody else has left open.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from spillway import sharing
from spillway.actors.closings import MOST_PLANS, dearest, further_legs, pages_to_close
from spillway.actors.rankings import (
    GAS_CALL,
    GAS_ENROLLED,
    LIFETIME,
    MOST_PLACES,
    READY,
)
from spillway.model import margin
from spillway.model.policies import SHARES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from spillway.actors.view import View
    from spillway.engines import Address, Call
    from spillway.presets import Adl
    from spillway.sharing import Sharing
    from spillway.venue import Venue

GAS_GIVER = 160_000  # enrolling a holder, its fill, and its part of the gap
GAS_LEG = 700_000  # a job opened, kept, and ended
GAS_LEG_BEGUN = 200_000  # a leg noted, and what it gives, when the closing begins
QUOTA_GAS = 2_000  # of a policy, a holder


class ShareClosings:
    """Makes the calls that close accounts below zero, one of them at a time."""

    one_by_one = True

    def __init__(self, venue: Venue, address: Address, rules: Adl) -> None:
        self._venue = venue
        self._adl = venue.contracts.adl
        self._address = address
        self._quota = SHARES[rules.policy]
        self._below_zero = rules.trigger == "below_zero"
        self._block, self._tried = -1, set[int]()

    def of(self, losers: Sequence[int], view: View) -> list[Call]:
        """Return what closes the first of those not tried in this block; nothing after the last.

        Closings that are under way come before all others.
        """
        if view.block != self._block:
            self._block, self._tried = view.block, set()
        open_ = self._open(view)
        begun = sorted({loser for loser, market in open_ if self._job(loser, market).serving})
        for loser in [*begun, *losers]:
            if loser not in self._tried:
                self._tried.add(loser)
                return self._close(loser, [m for n, m in open_ if n == loser], view)
        return []

    def left_over(self, view: View) -> list[Call]:
        """Return what ends jobs that nobody needs: until then their markets are locked."""
        return [
            self._venue.end_shares(loser, market, self._address)
            for loser, market in self._open(view)
            if self._done(loser, market, view)
        ]

    # --- jobs ---------------------------------------------------------------------------------

    def _open(self, view: View) -> list[tuple[int, int]]:
        """Return loser and market of each job that has outlived its transaction."""
        return [
            (self._adl.call.open_at(number, place), number)
            for number, market in enumerate(view.now.markets)
            if market.locked
            for place in range(self._adl.call.open_count(number))
        ]

    def _job(self, loser: int, market: int) -> sharing.Job:
        return sharing.job(self._adl, loser, market)

    def _done(self, loser: int, market: int, view: View) -> bool:
        """Whether a job may be ended: expired, its loser closed or saved, or its quotas unfit."""
        job = self._job(loser, market)
        if view.now.block > job.opened_in + LIFETIME:
            return True
        if job.serving:
            return False
        leg = view.leg(loser, market)
        if leg is None or not leg.size:
            return True
        if job.phase == READY and job.lots != abs(leg.size):
            return True
        held = view.now.accounts[loser]
        return self._below_zero and margin.equity(held, view.now.markets) >= 0

    # --- closings -----------------------------------------------------------------------------

    def _close(self, loser: int, open_: Sequence[int], view: View) -> list[Call]:
        """Close a loser, going on with jobs of it that are open."""
        legs = [m for m, leg in view.now.accounts[loser].legs.items() if leg.size]
        ready = {m for m in open_ if self._job(loser, m).phase == READY}
        shared = {
            market: sharing.read(self._adl, self._venue.contracts.pool, self._quota, loser, market)
            for market in legs
            if market not in ready
        }
        sides = [(market, view.now.accounts[loser].legs[market].size < 0) for market in legs]
        worst = {market: gas + QUOTA_GAS for (market, _), gas in dearest(sides, view).items()}
        if not open_ and _fits(shared, worst):
            plans = [each.plan for each in shared.values()]
            return [self._venue.share([loser], plans, self._address)]
        calls = self._opened(loser, [m for m in legs if m not in open_])
        for market, each in shared.items():
            calls += self._scanned(each, worst[market])
        steps = sum(each.giving for each in shared.values())
        steps += sum(self._job(loser, market).enrolled for market in ready)
        if ready or not all(each.borne for each in shared.values()):
            steps = 2 * steps + 1
        calls += self._pages(loser, steps, view)
        markets = sorted({*open_, *legs})
        return calls + [self._venue.end_shares(loser, m, self._address) for m in markets]

    def _pages(self, loser: int, steps: int, view: View) -> list[Call]:
        def close(steps: int, gas: int) -> Call:
            return self._venue.close(loser, steps, self._address, gas)

        return pages_to_close(close, steps, further_legs(loser, view), GAS_LEG_BEGUN)

    def _opened(self, loser: int, markets: Sequence[int]) -> list[Call]:
        return [
            self._venue.open_shares(loser, markets[start : start + MOST_PLANS], self._address)
            for start in range(0, len(markets), MOST_PLANS)
        ]

    def _scanned(self, each: Sharing, worst: int) -> Iterator[Call]:
        """Yield the pages of one scan."""
        for places in pages_of(each, worst):
            yield self._venue.scan_shares(each.plan, places, self._address)


def pages_of(each: Sharing, worst: int) -> list[int]:
    """Cut a holder list into what one transaction can weigh: places of each page."""
    pages, start, gas = [], 0, 0
    costs = [(place, worst + (GAS_ENROLLED if lots else 0)) for place, lots in each.holders]
    for place, cost in [*costs, (each.length, 0)]:
        while place - start > MOST_PLACES or (gas and gas + cost > GAS_CALL):
            places = min(place - start, MOST_PLACES)
            pages.append(places)
            start, gas = start + places, 0
        gas += cost
    return [*pages, each.length - start] if each.length > start else pages


def _fits(shared: Mapping[int, Sharing], worst: Mapping[int, int]) -> bool:
    """Whether it may be one transaction."""
    gas = sum(
        GAS_LEG + len(each.holders) * worst[market] + each.giving * GAS_GIVER
        for market, each in shared.items()
    )
    places = max((each.length for each in shared.values()), default=0)
    return gas <= GAS_CALL and places <= MOST_PLACES and len(shared) <= MOST_PLANS

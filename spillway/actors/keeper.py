"""The keeper: calls what anyone may call, whenever it would do something.

It judges accounts from one snapshot with the reference model, not by a view call for each.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from spillway.actors.closings import Closings
from spillway.actors.counterparty import Counterparty
from spillway.actors.profit_closings import ProfitClosings
from spillway.actors.share_closings import ShareClosings
from spillway.model import margin
from spillway.model.policies import PROFITS, SHARES
from spillway.model.words import PROTOCOL
from spillway.presets import part_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from spillway.actors.view import View
    from spillway.engines import Address, Call
    from spillway.presets import Adl
    from spillway.venue import Venue

MOST_ACCOUNTS = 16  # of one call of `liquidate`
# What the waterfall may use for one account, gas: the order of a leg meets up to 32 makers of ~100k
# each, and what is left is handed over. A transaction has 2**24.
GAS_ACCOUNT = 1_500_000
GAS_LEG = 3_500_000
GAS_CALL = 15_000_000


class Keeper:
    """One keeper for all that is open to anyone."""

    def __init__(
        self,
        venue: Venue,
        address: Address,
        backstops: Sequence[int],
        rules: Adl,
        *,
        shares_fees: bool = False,
    ) -> None:
        """Begin with the accounts that take others over, the vault's child first."""
        self._venue = venue
        self._address = address
        self._backstops = backstops
        self._rules = rules
        self._shares_fees = shares_fees
        self._counterparty = Counterparty(venue, address, rules)
        self._closings = _kind(rules.policy)(venue, address, rules)

    # --- waterfall ---------------------------------------------------------------------------

    def liquidate(self, view: View) -> list[Call]:
        """Run the waterfall for whoever is below maintenance, in batches that fit."""
        due = [n for n in view.liquidatable() if not view.now.accounts[n].flags & PROTOCOL]
        legs = [len(view.now.accounts[number].legs) for number in due]
        return [self._venue.liquidate(batch, self._address) for batch in batches(due, legs)]

    @property
    def one_by_one(self) -> bool:
        """Whether `deleverage` is to be asked again, its calls rehearsed, until it has none."""
        return self._closings.one_by_one

    def deleverage(self, view: View) -> list[Call]:
        """Close whoever the venue's rules have closed: accounts by id, those of backstops last."""
        return self._closings.of(self.losers(view), view)

    def finds_losers(self, view: View) -> bool:
        """Whether anybody is below zero, or in a closing that was left: one may be above by now."""
        if any(self._due(view)) or any(market.locked for market in view.now.markets):
            return True
        return bool(self._counterparty.beyond(view))

    def losers(self, view: View) -> list[int]:
        """Return whom `deleverage` closes, in its order."""
        ordered = self._counterparty.ordered()
        due = {*self._due(view), *ordered}
        losers = [n for n in due if _closable(n, view) and self._ripe(n, view)]
        last = {*self._backstops, *ordered}
        return sorted(losers, key=lambda number: (number in last, number))

    def _due(self, view: View) -> Iterator[int]:
        """Yield whoever is below zero, or could not be restored where that is enough."""
        if self._rules.trigger in {"below_zero", "ordered"}:
            yield from view.below_zero()
            return
        below, fund = part_of(self._rules.below), self._fund_pays()
        for number in view.liquidatable():
            account, equity = view.now.accounts[number], view.now.equity(number)
            maintenance = margin.account_maintenance(account, view.now.markets)
            unrestored = not account.flags & PROTOCOL and equity < below * maintenance
            if equity < 0 or (unrestored and (fund is None or fund < maintenance)):
                yield number

    def _fund_pays(self) -> int | None:
        """Return what the fund may pay, where accounts above zero wait for that; quote."""
        fund = self._venue.contracts.fund
        if fund is None or self._rules.trigger != "fund_short":
            return None
        return int(fund.call.allowance_of(0))

    def _ripe(self, number: int, view: View) -> bool:
        """Whether a venue that deleverages with a delay has waited long enough."""
        if not self._rules.delay_blocks:
            return True
        since = self._venue.contracts.liquidator.call.due_since(number)
        return bool(since) and view.now.block >= since + self._rules.delay_blocks

    def unlock(self, view: View) -> list[Call]:
        """End rankings that an earlier block has left open and that nobody needs."""
        return self._closings.left_over(view)

    def quote(self, view: View) -> list[Call]:
        """Have the venue's counterparty quote its markets, where there is one."""
        return self._counterparty.quote(view)

    def limit(self, view: View) -> list[Call]:
        """Have it order closings once others have won too much from it."""
        return self._counterparty.limit(view)

    # --- the rest ----------------------------------------------------------------------------

    def shed(self, view: View) -> list[Call]:
        """Have the vault's child, and the fund, offer a slice of each position."""
        return [
            self._venue.shed(market, self._address, by_fund=place > 0)
            for place, number in enumerate(self._backstops)
            for market, leg in view.now.accounts[number].legs.items()
            if leg.size and view.usable(market)
        ]

    def share_fees(self) -> list[Call]:
        """Give the fund its share of fees, where it has one."""
        return [self._venue.share_fees(self._address)] if self._shares_fees else []

    def trigger(self, view: View) -> list[Call]:
        """Fire the stops that the mark has reached."""
        return [
            self._venue.trigger(order_id, self._address)
            for order_id, stop in sorted(view.stops.items())
            if view.usable(stop.market) and stop.reached(view.now.markets[stop.market].mark)
        ]


def _kind(policy: str) -> type[Closings | ShareClosings | ProfitClosings]:
    """Return how losers are closed under a policy."""
    if policy in PROFITS:
        return ProfitClosings
    return ShareClosings if policy in SHARES else Closings


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

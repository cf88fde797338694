"""What anyone may have a venue's counterparty do: quote, and order closings beyond its limit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spillway.model import counterparty as model

if TYPE_CHECKING:
    from spillway.actors.view import View
    from spillway.engines import Address, Call
    from spillway.presets import Adl
    from spillway.venue import Venue


class Counterparty:
    """The calls to the pool that trades against everyone; none where a venue has no such pool."""

    def __init__(self, venue: Venue, address: Address, rules: Adl) -> None:
        """Take who calls, and whether auto-deleveraging closes what the pool orders."""
        self._venue = venue
        self._address = address
        self._orders = rules.trigger == "ordered"
        self._contract = venue.contracts.counterparty
        self._account, self._factor, self._target = 0, 0, 0
        if self._contract:
            self._account = int(self._contract.call.account())
            terms = self._contract.call.terms()
            self._factor, self._target = int(terms.factor), int(terms.target)

    def quote(self, view: View) -> list[Call]:
        """Quote every market anew, at the prices of the block."""
        quotes = self._account and view.now.equity(self._account) >= 0
        markets = range(len(view.now.markets)) if quotes else ()
        return [self._venue.quote(n, self._address) for n in markets if view.usable(n)]

    def limit(self, view: View) -> list[Call]:
        """Order what is beyond the limit to be closed; its quotes go."""
        return [self._venue.limit(market, self._address) for market in self.beyond(view)]

    def beyond(self, view: View) -> list[int]:
        """Return the markets in which more is pending than the pool allows."""
        if not self._account or not self._orders or view.now.equity(self._account) < 0:
            return []
        account, markets = view.now.accounts[self._account], view.now.markets
        capital = model.worth(account, markets)
        return [
            number
            for number, leg in account.legs.items()
            if markets[number].fresh(view.time)
            and self._lots(model.pending(leg, markets[number]), capital, abs(leg.size))
        ]

    def _lots(self, pending: int, worth: int, size: int) -> int:
        return model.beyond(pending, worth, size, self._factor, self._target)

    def ordered(self) -> list[int]:
        """Return the pool's account where a closing of it is ordered for this epoch."""
        if not self._contract or not self._orders:
            return []
        epoch, _ = self._contract.call.last_handled(self._account)
        return [self._account] if epoch == self._venue.contracts.pool.call.epoch() else []

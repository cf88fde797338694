"""The people whom a scenario's timed events name: each does what is told, once it is due.

Who is cut off when it is due does it in the first block in which they are back. What the venue
refuses is not tried again.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from spillway.timeline import GRAMMAR, MARKET, absent, acts
from spillway.units import size_to_lots, usd_to_price, usd_to_quote, usdc_to_units
from spillway.venue import Kind, Order, Stop

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from spillway.actors.view import View
    from spillway.engines import Address, Call
    from spillway.opening import Roster
    from spillway.scenario import Scenario
    from spillway.timeline import Event
    from spillway.venue import Member, Venue

STOPS = {"stop", "take_profit"}
KINDS: Mapping[str, Kind] = {
    "market": Kind.MARKET,
    "limit": Kind.GTC,
    "ioc": Kind.IOC,
    "post_only": Kind.POST_ONLY,
}


@dataclass(frozen=True, slots=True)
class Deeds:
    """Calls of a block, by the place in it where they belong."""

    quotes: list[Call] = field(default_factory=list)  # with cancels and post-only orders
    takers: list[Call] = field(default_factory=list)
    cash: list[Call] = field(default_factory=list)  # deposits, withdrawals, redemptions


class Script:
    """Acts for whoever an event names."""

    def __init__(self, venue: Venue, scenario: Scenario, roster: Roster, admin: Address) -> None:
        self._venue = venue
        self._scenario = scenario
        self._roster = roster
        self._admin = admin
        self._ahead = acts(scenario)

    def decide(self, view: View) -> Deeds:
        """Do what is due, or was due while its people were cut off."""
        due: list[Event] = []
        ahead: list[tuple[int, Event]] = []
        for block, event in self._ahead:
            by = GRAMMAR[event.what].by
            if block > view.block or absent(self._scenario, by, view.block):
                ahead.append((block, event))
            else:
                due.append(event)
        self._ahead = ahead
        deeds = Deeds()
        for event in due:
            place = self._place(event, deeds)
            for member in self._roster.called(event.who, self._scenario):
                place += self._calls(event, member, view)
        return deeds

    @staticmethod
    def _place(event: Event, deeds: Deeds) -> list[Call]:
        if event.what == "cancel" or event.kind in {"post_only", *STOPS}:
            return deeds.quotes
        return deeds.takers if event.what in {"order", "close"} else deeds.cash

    def _calls(self, event: Event, member: Member, view: View) -> Iterator[Call]:
        units = usdc_to_units(event.amount_usd or 0)
        match event.what:
            case "deposit":
                yield self._venue.mint(member.owner, units, self._admin)
                yield self._venue.deposit(member, units)
            case "withdraw":
                yield self._venue.request_withdrawal(member, units)
            case "redeem":
                yield self._venue.redeem(member, self._shares(event, member))
            case "order":
                yield self._order(event, member)
            case "close":
                yield from self._close(event, member, view)
            case "cancel":
                for order in view.orders_of(member.account):
                    yield self._venue.cancel(member, order)

    def _order(self, event: Event, member: Member) -> Call:
        market = self._scenario.market_id(event.market or "")
        decimals = self._scenario.markets[market].size_decimals
        price = usd_to_price(event.price or 0, decimals)
        lots = size_to_lots(event.size or 0, decimals)
        is_bid = event.side == "buy"
        if event.kind in STOPS:
            above = is_bid == (event.kind == "stop")
            return self._venue.place_stop(member, market, Stop(is_bid, above, price, 0, lots))
        kind = KINDS[event.kind or MARKET]
        order = Order(is_bid, price, lots, kind, bool(event.reduce_only))
        return self._venue.place(member, market, order)

    def _close(self, event: Event, member: Member, view: View) -> Iterator[Call]:
        """Offer whole positions at market; those that are gone by then need no closing."""
        wanted = None if event.market is None else self._scenario.market_id(event.market)
        for market, leg in view.now.accounts[member.account].legs.items():
            if leg.size and wanted in {None, market}:
                order = Order(leg.size < 0, 0, abs(leg.size), Kind.MARKET, reduce_only=True)
                yield self._venue.place(member, market, order)

    def _shares(self, event: Event, member: Member) -> int:
        """Shares of the vault that are worth the amount now, rounded down; all if none is told."""
        vault = self._venue.contracts.vault.call
        held: int = vault.balance_of(member.owner)
        if event.amount_usd is None:
            return held
        nav, supply = vault.nav(), vault.supply()
        return min(usd_to_quote(event.amount_usd) * supply // nav, held) if nav else 0

"""A provider: a trader behind the book, who gets rid of what it took over as the vault does."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from spillway.presets import PPM
from spillway.ticks import at_or_above, at_or_below
from spillway.units import price_to_usd, usd_to_price, usd_to_quote
from spillway.venue import Kind, Order

if TYPE_CHECKING:
    from collections.abc import Iterator

    from spillway.actors.view import View
    from spillway.engines import Call
    from spillway.presets import Vault
    from spillway.scenario import Scenario
    from spillway.venue import Member, Venue

LEAST_QUOTE = usd_to_quote(10)  # of an order


class Provider:
    """One account that has been pledged."""

    def __init__(self, venue: Venue, scenario: Scenario, member: Member, sheds: Vault) -> None:
        """Begin with the vault's rules of shedding: how much at a time, how far from mark."""
        self.member = member
        self._venue = venue
        self._decimals = [market.size_decimals for market in scenario.markets]
        self._sheds = sheds

    def decide(self, view: View) -> list[Call]:
        """Offer a slice of each position to the book."""
        return list(self._offers(view))

    def _offers(self, view: View) -> Iterator[Call]:
        for market, leg in view.now.accounts[self.member.account].legs.items():
            if leg.size and view.usable(market):
                mark = view.now.markets[market].mark
                order = shedding(leg.size, mark, self._decimals[market], self._sheds)
                yield self._venue.place(self.member, market, order)


def shedding(size: int, mark: int, decimals: int, rules: Vault) -> Order:
    """Return the order that sheds a part of a position, as contracts/modules/shedding.vy does.

    Args:
        size: Lots, long > 0.
        mark: Quote per lot.
        decimals: Of sizes in the market.
        rules: How much at a time, how far from mark.
    """
    is_bid = size < 0
    away = Decimal(rules.shed_band_ppm) / PPM
    usd = price_to_usd(mark, decimals) * (1 + away if is_bid else 1 - away)
    legal = at_or_below(usd, decimals) if is_bid else at_or_above(usd, decimals)
    price = usd_to_price(legal, decimals)
    part = -(-abs(size) * rules.shed_slice_ppm // PPM)
    lots = min(abs(size), max(part, -(-LEAST_QUOTE // price)))
    return Order(is_bid, price, lots, Kind.IOC, reduce_only=True)

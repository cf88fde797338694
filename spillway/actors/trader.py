"""A trader: holds what it entered with, and now and then trades a part of it at market."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spillway.presets import PPM
from spillway.units import usd_to_quote
from spillway.venue import Kind, Order

if TYPE_CHECKING:
    from random import Random

    from spillway.actors.view import View
    from spillway.engines import Call
    from spillway.entrants import Entrant
    from spillway.venue import Member, Venue

LEAST_QUOTE = usd_to_quote(12)  # of a market order, a little above the smallest one
PERCENT = 100
SMALLEST, LARGEST = 5, 25  # percent of the position that one trade is


class Trader:
    """One account."""

    def __init__(self, venue: Venue, member: Member, entrant: Entrant) -> None:
        self.member = member
        self._venue = venue
        self._entrant = entrant

    def decide(self, view: View, rng: Random) -> list[Call]:
        """Trade at market, either way, with the chance that the trader was given."""
        if rng.randrange(PPM) >= self._entrant.trades_ppm or not self._entrant.stakes:
            return []
        stake = rng.choice(self._entrant.stakes)
        is_bid = rng.randrange(2) == 0
        percent = rng.randint(SMALLEST, LARGEST)
        leg = view.leg(self.member.account, stake.market)
        if leg is None or leg.size == 0 or not view.usable(stake.market):
            return []  # closed out: it does not come back
        least = LEAST_QUOTE // view.now.markets[stake.market].mark + 1
        lots = max(abs(stake.lots) * percent // PERCENT, least)
        reduces = is_bid == (leg.size < 0)
        if reduces:
            lots = min(lots, abs(leg.size))
        order = Order(is_bid, 0, lots, Kind.MARKET, reduce_only=reduces)
        return [self._venue.place(self.member, stake.market, order)]

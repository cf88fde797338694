"""Auto-deleveraging without a queue: what a loser owes is charged per lot to those who hold.

Nobody is closed but the loser, whose lots pass to a backstop at mark. The twin of AdlIndex, for a
venue without an insurance fund.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

from spillway.model import margin
from spillway.model.adl import split_gap
from spillway.model.pool import FEE_UNIT, Pool, require
from spillway.model.rounding import ceil_div
from spillway.model.words import FEES, Leg

Side = tuple[int, bool]  # market, whether its longs are meant


class Charge(NamedTuple):
    """Each lot of a side pays `per_lot`, quote."""

    market: int
    longs: bool
    per_lot: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a closing did.

    Attributes:
        owed: The loser's equity below zero at mark.
        charges: In the order of markets.
        borne: Of what was owed, by the holders.
        left: Borne by nobody.
    """

    owed: int
    charges: tuple[Charge, ...]
    borne: int
    left: int


@dataclass(slots=True)
class AdlIndex:
    """The contract's state.

    Attributes:
        pool: Changed in place.
        backstop: The account that takes the lots; 0 = none, and losers keep them.
        both_sides: Holders of both sides bear a loss; else those of the side that gained by it.
        most: Parts per million of mark that a lot may be charged in an epoch.
        charged: By side: an epoch, and what a lot was charged in it.
    """

    pool: Pool
    backstop: int = 0
    both_sides: bool = False
    most: int = FEE_UNIT
    charged: dict[Side, tuple[int, int]] = field(default_factory=dict)

    def close(self, loser: int) -> Outcome:
        """Close an account below zero whose markets are fresh and whose orders are gone."""
        pool = self.pool
        owed = -pool.equity(loser)
        require(owed > 0, "adl: account is not below zero")
        legs = dict(pool.accounts[loser].legs)
        require(all(pool.markets[m].fresh(pool.now) for m in legs), "adl: stale mark")
        shares = {m: margin.leg_maintenance(leg, pool.markets[m]) for m, leg in legs.items()}
        charges: list[Charge] = []
        borne = 0
        for market, due in split_gap(owed, shares).items():
            made, part = self._charge(loser, market, due)
            charges += made
            borne += part
        if self._takes(loser):
            for market, leg in legs.items():
                self._hand_over(loser, market, leg)
        left = owed - borne
        if left and not pool.accounts[loser].legs:
            pool.write_off(loser)
        return Outcome(owed, tuple(charges), borne, left)

    def _takes(self, loser: int) -> bool:
        """Whether somebody else takes the loser's lots."""
        return self.backstop not in {0, loser}

    def _charge(self, loser: int, market: int, due: int) -> tuple[list[Charge], int]:
        """Charge holders of a market; gives the charges, and what they bear of `due`."""
        pool, held = self.pool, self.pool.markets[market]
        gainers = pool.leg(loser, market).size < 0
        sides = [gainers, not gainers] if self.both_sides else [gainers]
        exempt = abs(pool.leg(self.backstop, market).size) if self._exempts(loser) else 0
        spared = {loser, self.backstop} if exempt else {loser}
        units = sum(
            abs(pool.leg(number, market).size)
            for longs in sides
            for number in pool.holders(market, longs=longs)
            if number not in spared
        )
        per_lot = min(ceil_div(due, units), self.room(market, longs=gainers)) if units else 0
        if not per_lot:
            return [], 0
        for longs in sides:
            before = self._charged(market, longs=longs)
            self.charged[market, longs] = pool.epoch, before + per_lot
            pool.socialize(market, loser, per_lot * held.open_interest, longs=longs)
        if exempt:
            pool.pay(loser, self.backstop, per_lot * exempt)
        raised = per_lot * units
        if raised > due:
            pool.pay(loser, FEES, raised - due)
        return [Charge(market, longs, per_lot) for longs in sides], min(raised, due)

    def _exempts(self, loser: int) -> bool:
        return self.both_sides and self._takes(loser)

    def room(self, market: int, *, longs: bool) -> int:
        """Return what a lot of a side may still be charged in this epoch, quote."""
        most = self.pool.markets[market].mark * self.most // FEE_UNIT
        return max(most - self._charged(market, longs=longs), 0)

    def _charged(self, market: int, *, longs: bool) -> int:
        epoch, amount = self.charged.get((market, longs), (0, 0))
        return amount if epoch == self.pool.epoch else 0

    def _hand_over(self, loser: int, market: int, leg: Leg) -> None:
        buyer, seller = (self.backstop, loser) if leg.size > 0 else (loser, self.backstop)
        lots = abs(leg.size)
        self.pool.exchange(market, buyer, seller, lots, lots * self.pool.markets[market].mark)

"""Auto-deleveraging pro rata on session profit: whoever is in profit bears what losers owe.

Nobody is closed but the losers, whose lots pass to a backstop at mark. The twin of AdlProfit, for
a venue without an insurance fund, where every closing is done in one call.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from spillway.model import margin
from spillway.model.adl import split_gap
from spillway.model.pool import Pool

WEIGHT_UNIT = 10**12  # quote
MAX_WEIGHT = 2**80 - 1
TAG = 2**96  # of an entry notional, what is kept of it


class Charge(NamedTuple):
    """`holder` pays a part of what `loser` owes in a market, quote."""

    market: int
    loser: int
    holder: int
    amount: int


@dataclass(slots=True)
class Claim:
    """The closing of a loser.

    Attributes:
        owed: Its equity below zero at mark.
        debts: By market, what of it is not settled yet.
        left: What nobody bears.
    """

    owed: int
    debts: dict[int, int]
    left: int = 0


@dataclass(slots=True)
class AdlProfit:
    """The contract's state.

    Attributes:
        pool: Changed in place.
        backstop: The account that takes the lots; 0 = none, and losers keep them.
        listed: Gives the holders of one side of a market as its list has them; else by id.
        charged: By market and account: entry notional of a position, and what it was charged.
    """

    pool: Pool
    backstop: int = 0
    listed: Callable[[int, bool], Sequence[int]] | None = None
    charged: dict[tuple[int, int], tuple[int, int]] = field(default_factory=dict)

    def close(self, losers: Iterable[int]) -> tuple[dict[int, Claim], list[Charge]]:
        """Close accounts, market after market; those that are not below zero are passed over."""
        claims: dict[int, Claim] = {}
        for loser in losers:
            if loser not in claims and self.pool.equity(loser) < 0:
                claims[loser] = self._take(loser)
        markets = sorted({market for claim in claims.values() for market in claim.debts})
        charges = [charge for market in markets for charge in self._collect(market, claims)]
        return claims, charges

    def _take(self, loser: int) -> Claim:
        pool = self.pool
        owed = -pool.equity(loser)
        legs = dict(pool.accounts[loser].legs)
        shares = {m: margin.leg_maintenance(leg, pool.markets[m]) for m, leg in legs.items()}
        if self.backstop not in {0, loser}:
            for market, leg in legs.items():
                sides = (self.backstop, loser) if leg.size > 0 else (loser, self.backstop)
                lots = abs(leg.size)
                pool.exchange(market, *sides, lots, lots * pool.markets[market].mark)
        claim = Claim(owed, {m: part for m, part in split_gap(owed, shares).items() if part})
        if not claim.debts:
            claim.left = owed
            self._finish(loser, claim)
        return claim

    def _collect(self, market: int, claims: dict[int, Claim]) -> list[Charge]:
        """Have holders pay the debts of a market, in the order of those who owe them."""
        debtors = [loser for loser, claim in claims.items() if market in claim.debts]
        weights = self._weights(market)
        total = sum(weights.values())
        due = sum(claims[loser].debts[market] for loser in debtors)
        target, passed = min(due, total * WEIGHT_UNIT), 0
        charges = []
        for holder, weight in weights.items():
            share = target * (passed + weight) // total - target * passed // total
            passed += weight
            while debtors and share and (able := min(share, self._able(holder, claims))):
                loser = debtors[0]
                amount = min(able, claims[loser].debts[market])
                charges.append(self._pay(market, loser, holder, amount))
                share -= amount
                claims[loser].debts[market] -= amount
                if not claims[loser].debts[market]:
                    self._settle(market, debtors.pop(0), claims)
        for loser in debtors:
            self._settle(market, loser, claims)
        return charges

    def _weights(self, market: int) -> dict[int, int]:
        """Weigh all holders; those with a weight, in the order of payment."""
        held = self.pool.markets[market]
        weights = {}
        for longs in (True, False):
            listed = self.listed(market, longs) if self.listed else None
            for number in listed or self.pool.holders(market, longs=longs):
                seen = self.pool.candidate(market, number, held.mark, held.funding)
                tag = seen.entry_notional % TAG
                entry, charged = self.charged.get((market, number), (tag, 0))
                charged = charged if entry == tag else 0
                weight = max(min(seen.pnl - charged, seen.equity), 0) // WEIGHT_UNIT
                if weight:
                    self.charged[market, number] = tag, charged
                    weights[number] = min(weight, MAX_WEIGHT)
        return weights

    def _able(self, holder: int, claims: dict[int, Claim]) -> int:
        """Return the most that a holder can pay now, quote."""
        owes = holder in claims and bool(claims[holder].debts)
        if owes or self.pool.accounts[holder].flat:
            return 0
        return max(self.pool.equity(holder), 0)

    def _pay(self, market: int, loser: int, holder: int, amount: int) -> Charge:
        self.pool.pay(holder, loser, amount)
        tag, charged = self.charged[market, holder]
        self.charged[market, holder] = tag, charged + amount
        return Charge(market, loser, holder, amount)

    def _settle(self, market: int, loser: int, claims: dict[int, Claim]) -> None:
        claim = claims[loser]
        claim.left += claim.debts.pop(market)
        if not claim.debts:
            self._finish(loser, claim)

    def _finish(self, loser: int, claim: Claim) -> None:
        if claim.left and self.pool.accounts[loser].flat and self.pool.equity(loser) < 0:
            self.pool.write_off(loser)

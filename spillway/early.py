"""Early warning: how crowded a venue is before anything happens; docs/measures.md defines it.

It is read at the end of the first block of the clock, when makers have quoted.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from spillway import measures
from spillway.winners import notional

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from spillway.deploy import Contracts
    from spillway.invariants import Snapshot

LEVELS = 64  # of a side of the book, best first: as many as it shows
NEAR = (1, 2)  # percent from mark
MOVE_PARTS = 10  # a tenth
RATE_SCALE = 10**18  # of the oracle's rates


@dataclass(frozen=True, slots=True)
class Crowding:
    """One market.

    Attributes:
        open_interest: Of one side, quote at mark.
        longs: The longs' part of it by the name of the bucket of their owners' leverage, quote.
        shorts: The shorts' part.
        funding_rate: For 8 hours; > 0 where longs pay.
        bids: By percent from mark, quote.
        asks: The same above it.
    """

    open_interest: int
    longs: Mapping[str, int]
    shorts: Mapping[str, int]
    funding_rate: Fraction
    bids: Mapping[int, int]
    asks: Mapping[int, int]


@dataclass(frozen=True, slots=True)
class EarlyWarning:
    """The venue.

    Attributes:
        markets: By id.
        fund: Equity of the vault's child and of the insurance fund, quote.
        loss: Bad debt of all others if every mark moved by a tenth at once, quote.
    """

    markets: Sequence[Crowding]
    fund: int
    loss: int

    @property
    def open_interest(self) -> int:
        """Of all markets, quote."""
        return sum(market.open_interest for market in self.markets)

    @property
    def cover(self) -> Fraction | None:
        """The fund against that loss; None where there would be none."""
        return Fraction(self.fund, self.loss) if self.loss else None

    @property
    def funding_rate(self) -> Fraction:
        """Mean of the markets, weighted by open interest."""
        whole = self.open_interest
        paid = sum(market.funding_rate * market.open_interest for market in self.markets)
        return Fraction(paid, whole) if whole else Fraction(0)

    def by_leverage(self, *, longs: bool) -> dict[str, int]:
        """Return the open interest of all markets by bucket of leverage, quote."""
        sides = [market.longs if longs else market.shorts for market in self.markets]
        return {name: sum(side[name] for side in sides) for name in measures.bucket_names()}

    def share_from(self, leverage: int) -> Fraction:
        """Return the part of open interest, both sides together, from a bucket's leverage on."""
        names = measures.bucket_names()[measures.BUCKETS.index(leverage) :]
        held = [self.by_leverage(longs=longs) for longs in (True, False)]
        whole = sum(sum(side.values()) for side in held)
        return Fraction(sum(side[name] for side in held for name in names), whole or 1)

    def depth(self, percent: int) -> int:
        """Return what rests near mark on the thinner side of each market, quote."""
        return sum(min(market.bids[percent], market.asks[percent]) for market in self.markets)


def read(contracts: Contracts, now: Snapshot, funds: Collection[int]) -> EarlyWarning:
    """Read a venue as it stands; `funds` are the accounts of those who are there to pay."""
    weighed = {
        number: (notional(now, number), now.equity(number))
        for number, held in now.accounts.items()
        if held.legs
    }
    buckets = {number: measures.bucket(*weights) for number, weights in weighed.items()}
    exposed = [(now.equity(number), _net(now, number)) for number in weighed if number not in funds]
    return EarlyWarning(
        markets=[_market(contracts, now, number, buckets) for number in range(len(now.markets))],
        fund=sum(now.equity(number) for number in funds),
        loss=measures.loss_of_move(exposed, MOVE_PARTS),
    )


def _market(
    contracts: Contracts, now: Snapshot, number: int, buckets: Mapping[int, int]
) -> Crowding:
    mark = now.markets[number].mark
    longs: dict[int, int] = defaultdict(int)
    shorts: dict[int, int] = defaultdict(int)
    for account, place in buckets.items():
        leg = now.accounts[account].legs.get(number)
        if leg and leg.size:
            side = longs if leg.size > 0 else shorts
            side[place] += abs(leg.size) * mark
    shown = {
        bids: [
            (level.price, level.lots) for level in contracts.book.call.depth(number, bids, LEVELS)
        ]
        for bids in (True, False)
    }
    near = {
        bids: {percent: measures.depth(levels, mark, percent) for percent in NEAR}
        for bids, levels in shown.items()
    }
    return Crowding(
        open_interest=now.markets[number].open_interest * mark,
        longs=measures.by_bucket(longs),
        shorts=measures.by_bucket(shorts),
        funding_rate=Fraction(contracts.oracle.call.funding_rate(number), RATE_SCALE),
        bids=near[True],
        asks=near[False],
    )


def _net(seen: Snapshot, account: int) -> int:
    legs = seen.accounts[account].legs.items()
    return sum(leg.size * seen.markets[market].mark for market, leg in legs)

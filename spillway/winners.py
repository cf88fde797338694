"""What auto-deleveraging does to winners, block by block, read off snapshots and events.

Two moments count. The *marked* snapshot of a block has the holdings of the block before at the
prices of this one: what the waterfall finds. The snapshot itself is what the waterfall leaves.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from fractions import Fraction
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from spillway import measures
from spillway.measures import Closed

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from spillway.engines import Event
    from spillway.invariants import Snapshot
    from spillway.model.margin import Market

Side = tuple[int, bool]  # a market, and whether its longs are meant


class Hit(NamedTuple):
    """Lots of a winner, closed by auto-deleveraging."""

    winner: int
    market: int
    closed: Closed


class Candidate(NamedTuple):
    """An account that wins where another one is below zero; quote."""

    profit: int
    equity: int


@dataclass(frozen=True, slots=True)
class Worst:
    """The block with the largest deficit before its waterfall, and who could have given.

    Attributes:
        deficit: Quote that accounts below zero owed.
        candidates: By account.
    """

    deficit: int = 0
    candidates: dict[int, Candidate] = field(default_factory=dict)


@dataclass(slots=True)
class Winners:
    """Adds up what winners lost.

    Attributes:
        taken: By winner, what auto-deleveraging took from it against mark, or charged it, per lot
            or on profit.
        gaps: By winner, the part of `taken` that it bore of the debts of those it was closed for.
        hits: Everything that was closed.
        worst: The block with the largest deficit.
        top: The account with the largest profit when auto-deleveraging began, and its equity then;
            None before.
        leverage_before: Highest leverage of a candidate before it began, in any block.
        leverage_after: Highest leverage of these candidates after it.
    """

    taken: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    gaps: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    hits: list[Hit] = field(default_factory=list)
    worst: Worst = field(default_factory=Worst)
    top: tuple[int, int] | None = None
    leverage_before: Fraction = Fraction(0)
    leverage_after: Fraction = Fraction(0)

    def add(
        self,
        marked: Snapshot,
        now: Snapshot,
        events: Sequence[Event],
        suspects: Iterable[int],
        charged: Mapping[int, int] = MappingProxyType({}),
    ) -> None:
        """Add one block.

        Args:
            marked: As the waterfall finds it.
            now: As the waterfall leaves it.
            events: In between.
            suspects: Those who may be below zero in `marked`.
            charged: By account, what the block's charges took from it.
        """
        below = {number for number in suspects if marked.equity(number) < 0}
        owed = measures.deficit(marked.equity(number) for number in below)
        if owed > self.worst.deficit:
            self.worst = Worst(owed, candidates(marked, opposite(marked, below), below))
        hits = list(hits_of(events, now.markets))
        if not hits and not charged:
            return
        self.hits += hits
        for number, amount in charged.items():
            self.taken[number] += amount
        sides = {(hit.market, hit.closed.long) for hit in hits}
        sides |= set(_charged_sides(events))
        ranked = candidates(marked, sides, below)
        if self.top is None and ranked:
            best = max(ranked, key=lambda number: (ranked[number].profit, -number))
            self.top = best, ranked[best].equity
        watched = {*ranked, *charged, *(hit.winner for hit in hits)}
        self.leverage_before = max(self.leverage_before, _leverage(marked, watched))
        self.leverage_after = max(self.leverage_after, _leverage(now, watched))

    def forgone(self, markets: Sequence[Market]) -> dict[int, int]:
        """Return by winner what it would have more, had it held on until `markets`; quote."""
        total: dict[int, int] = defaultdict(int, self.gaps)
        for winner, number, closed in self.hits:
            market = markets[number]
            charge = market.long_charge if closed.long else market.short_charge
            total[winner] += measures.forgone(closed, market.mark, market.funding, charge)
        return dict(total)

    def survival(self) -> Fraction | None:
        """Return what part of its equity the top winner keeps; None where nobody was ahead."""
        if self.top is None:
            return None
        account, equity = self.top
        return measures.survival(equity, self.taken.get(account, 0))


def marked(before: Snapshot, now: Snapshot) -> Snapshot:
    """Return what was held before at the marks and funding indices of now."""
    markets = [
        replace(old, mark=new.mark, funding=new.funding)
        for old, new in zip(before.markets, now.markets, strict=False)
    ]
    return replace(before, markets=markets, changed=frozenset())


def opposite(seen: Snapshot, accounts: Iterable[int]) -> set[Side]:
    """Return the sides that stand against the positions of accounts."""
    return {
        (market, leg.size < 0)
        for number in accounts
        for market, leg in seen.accounts[number].legs.items()
        if leg.size
    }


def candidates(
    seen: Snapshot, sides: Collection[Side], without: Collection[int]
) -> dict[int, Candidate]:
    """Return the solvent accounts in profit on some sides, with their profit there."""
    found = {}
    for number, held in seen.accounts.items():
        profit = 0
        for market, longs in sides:
            leg = held.legs.get(market)
            if leg and leg.size and (leg.size > 0) == longs:
                now = seen.markets[market]
                profit += max(leg.size * (now.mark - now.funding) - leg.cost, 0)
        if profit and number not in without and (equity := seen.equity(number)) > 0:
            found[number] = Candidate(profit, equity)
    return found


def hits_of(events: Iterable[Event], markets: Sequence[Market]) -> Iterator[Hit]:
    """Yield what events say was closed; the pool's exchange stands before each of them."""
    exchanged = None
    for event in events:
        if event.name == "Exchanged":
            exchanged = event.args
        elif event.name == "Deleveraged" and exchanged is not None:
            args, market = event.args, markets[event.args.market]
            long = exchanged.seller == args.winner
            yield Hit(
                args.winner,
                args.market,
                Closed(
                    long=long,
                    lots=args.lots,
                    cash=exchanged.quote if long else -exchanged.quote,
                    funding=market.funding,
                    charge=market.long_charge if long else market.short_charge,
                ),
            )


def _charged_sides(events: Iterable[Event]) -> Iterator[Side]:
    """Yield the sides that events say were charged: of one, or on profit of both."""
    for event in events:
        if event.name == "Charged":
            yield event.args.market, event.args.longs
        elif event.name == "ProfitCharged":
            yield event.args.market, True
            yield event.args.market, False


def charges_of(events: Sequence[Event], before: Snapshot) -> dict[int, int]:
    """Return by account what the charges of a block, per lot or on profit, took from it, quote."""
    if not any(_charged_sides(events)):
        return {}
    found = _Charges(before)
    for event in events:
        found.follow(event)
    return found.borne()


class _Charges:
    """Follows who holds a lot at the moment of each charge, and so bears it.

    Each side's charges add up to an index. Lots owe what it has grown by since they came in; what
    they owed when they left stays owed. The loser, whose debt it is, and a backstop that is exempt
    bear nothing.
    """

    def __init__(self, before: Snapshot) -> None:
        self._sizes = {
            (number, market): leg.size
            for number, held in before.accounts.items()
            for market, leg in held.legs.items()
        }
        self._index: dict[Side, int] = defaultdict(int)
        self._owed: dict[int, int] = defaultdict(int)

    def follow(self, event: Event) -> None:
        """Go on by one event."""
        name = event.name
        if name == "Exchanged":
            args = event.args
            self._trade(args.buyer, args.seller, args.market, args.lots)
        elif name == "Filled":
            args = event.args
            sides = (args.taker, args.maker) if args.taker_buys else (args.maker, args.taker)
            self._trade(*sides, args.market, args.lots)
        elif name == "Charged":
            args = event.args
            self._index[args.market, args.longs] += args.per_lot
            own = self._sizes.get((args.account, args.market), 0)
            if (own > 0) == args.longs:
                self._owed[args.account] -= args.per_lot * abs(own)
        elif name == "Exempted":
            self._owed[event.args.backstop] -= event.args.amount
        elif name == "ProfitCharged":
            self._owed[event.args.holder] += event.args.amount

    def borne(self) -> dict[int, int]:
        """Return what each account bears, those alone that bear anything."""
        total = dict(self._owed)
        for (number, market), size in self._sizes.items():
            total[number] = total.get(number, 0) + self._due(market, size)
        return {number: amount for number, amount in total.items() if amount}

    def _trade(self, buyer: int, seller: int, market: int, lots: int) -> None:
        for number, change in ((buyer, lots), (seller, -lots)):
            size = self._sizes.get((number, market), 0)
            self._owed[number] += self._due(market, size) - self._due(market, size + change)
            self._sizes[number, market] = size + change

    def _due(self, market: int, size: int) -> int:
        return abs(size) * self._index[market, size > 0]


def _leverage(seen: Snapshot, accounts: Iterable[int]) -> Fraction:
    known = [number for number in accounts if number in seen.accounts]
    return measures.highest_leverage((notional(seen, n), seen.equity(n)) for n in known)


def notional(seen: Snapshot, account: int) -> int:
    """Return what the positions of an account are worth at mark, quote."""
    legs = seen.accounts[account].legs.items()
    return sum(abs(leg.size) * seen.markets[market].mark for market, leg in legs)

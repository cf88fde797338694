"""What must hold at every block, numbered as in docs/invariants.md.

Each predicate is a pure function of snapshots and gives its findings: none where it holds. `check`
runs all of them.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from spillway.model import margin
from spillway.model.pool import MAX_LEGS
from spillway.model.words import DEFICIT, FEES, ISOLATED, PROTOCOL, Account
from spillway.units import QUOTE_PER_UNIT

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from spillway.model.margin import Market


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums over all accounts, which a block brings up to date by the accounts that it changed.

    Attributes:
        stored: Of all accounts, quote.
        flat: Of flat traders' accounts, quote.
        longs: Lots, by market.
        shorts: Lots, by market, > 0.
        debtors: Flat accounts below zero.
    """

    stored: int
    flat: int
    longs: Mapping[int, int]
    shorts: Mapping[int, int]
    debtors: frozenset[int]

    @classmethod
    def of(cls, accounts: Mapping[int, Account]) -> Totals:
        """Add all accounts up."""
        nothing = cls(0, 0, {}, {}, frozenset())
        return nothing.moved((), accounts.values())

    def moved(self, before: Iterable[Account], after: Iterable[Account]) -> Totals:
        """Return the sums once some accounts have changed; a new one has nothing in `before`."""
        stored, flat = self.stored, self.flat
        longs, shorts = dict(self.longs), dict(self.shorts)
        debtors = set(self.debtors)
        for sign, held in (*((-1, held) for held in before), *((1, held) for held in after)):
            stored += sign * held.stored
            if held.trader and held.flat:
                flat += sign * held.stored
            for market, leg in held.legs.items():
                side = longs if leg.size > 0 else shorts
                side[market] = side.get(market, 0) + sign * abs(leg.size)
            if sign > 0 and held.flat and held.stored < 0:
                debtors.add(held.number)
            else:
                debtors.discard(held.number)
        return Totals(stored, flat, longs, shorts, frozenset(debtors))

    def quotes(self, markets: Sequence[Market]) -> int:
        """Return the sum of the effective quotes."""
        total = self.stored
        for number, market in enumerate(markets):
            longs, shorts = self.longs.get(number, 0), self.shorts.get(number, 0)
            total -= (longs - shorts) * market.funding
            total -= longs * market.long_charge + shorts * market.short_charge
        return total


@dataclass(frozen=True, slots=True)
class Holdings:
    """What everybody holds, and the marks: all that actors decide on.

    Attributes:
        block: Number of the block.
        accounts: All accounts by id, decoded from the pool's dump.
        markets: All markets by id.
        changed: Accounts that may differ from the snapshot before; None = any.
    """

    block: int
    accounts: Mapping[int, Account]
    markets: Sequence[Market]
    changed: frozenset[int] | None = field(default=None, kw_only=True)

    @property
    def news(self) -> Iterator[tuple[int, Account]]:
        """The accounts that may differ from the snapshot before, by id."""
        if self.changed is None:
            return iter(self.accounts.items())
        return ((n, self.accounts[n]) for n in sorted(self.changed) if n in self.accounts)

    def equity(self, account: int) -> int:
        """Return the equity of an account at the marks, quote."""
        return margin.equity(self.accounts[account], self.markets)

    def quote(self, account: int) -> int:
        """Return the effective quote of an account."""
        return margin.quote(self.accounts[account], self.markets)


@dataclass(frozen=True, slots=True)
class Snapshot(Holdings):
    """The venue at the end of a block: holdings, and what the invariants hold them against.

    Attributes:
        custody: Units of collateral that the pool has counted.
        balance: Units of collateral that the token says are there.
        deficit: Standing deficit, quote >= 0.
        flat_quote: What the pool says that flat traders' accounts hold, quote.
        seniority_held: Whether a loss that is being dealt with keeps flat accounts in their rank.
        holders: (market, longs) -> the holder list, 0 for a hole; where it was read whole.
        seats: (account, market) -> who stands at the place that the account's position knows;
            where that was read instead.
        totals: Sums over all accounts, where they were kept; else they are added up.
    """

    custody: int
    balance: int
    deficit: int
    flat_quote: int
    seniority_held: bool = False
    holders: Mapping[tuple[int, bool], Sequence[int]] = field(default_factory=dict)
    seats: Mapping[tuple[int, int], int] = field(default_factory=dict)
    totals: Totals | None = None

    @property
    def sums(self) -> Totals:
        """Sums over all accounts."""
        return self.totals or Totals.of(self.accounts)


@dataclass(frozen=True, slots=True)
class Flows:
    """What the events between two snapshots say.

    Attributes:
        deposited: Units counted into custody, in all.
        withdrawn: Units paid out of custody, in all.
        moved: Account -> quote that it put in (> 0) or took out (< 0) by deposits, withdrawals
            (what was taken from the account) and transfers.
        traded: Accounts with a fill, a takeover or a deleveraging of their own positions.
        junior: Accounts that turned flat while seniority was held open, or under the standing
            deficit: a deleveraging that began before may still reach them.
        liquidated: Accounts that `liquidate` was called for.
        explained: Accounts of which an event says that they stay below zero for now.
        charged: Sides, as (market, longs), of which an event says that each lot was charged a loss:
            who holds them may have come below zero by it.
    """

    deposited: int = 0
    withdrawn: int = 0
    moved: Mapping[int, int] = field(default_factory=dict)
    traded: Collection[int] = ()
    junior: Collection[int] = ()
    liquidated: Collection[int] = ()
    explained: Collection[int] = ()
    charged: Collection[tuple[int, bool]] = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """One way in which an invariant does not hold."""

    invariant: str
    block: int
    accounts: tuple[int, ...]
    detail: str


def sizes_cancel(now: Snapshot) -> Iterator[Finding]:
    """I-1: in every market the sizes of all accounts sum to zero."""
    sums = now.sums
    for market in range(len(now.markets)):
        total = sums.longs.get(market, 0) - sums.shorts.get(market, 0)
        if total:
            yield Finding("I-1", now.block, (), f"market {market}: sizes sum to {total} lots")


def quotes_are_custody(now: Snapshot) -> Iterator[Finding]:
    """I-2: the quotes of all accounts and the pots of all markets sum to the cash in custody."""
    quotes = now.sums.quotes(now.markets)
    pots = sum(market.pot_quote for market in now.markets)
    cash = now.custody * QUOTE_PER_UNIT
    if quotes + pots != cash:
        detail = f"quotes {quotes} + pots {pots} - custody {cash} = {quotes + pots - cash} quote"
        yield Finding("I-2", now.block, (), detail)


def custody_is_covered(now: Snapshot) -> Iterator[Finding]:
    """I-3: the token's balance covers what the pool has counted."""
    if now.balance < now.custody:
        detail = f"balance {now.balance} units, custody {now.custody}"
        yield Finding("I-3", now.block, (), detail)


def flat_losses(before: Snapshot, now: Snapshot, flows: Flows) -> Iterator[tuple[int, int]]:
    """Yield (account, quote lost) of those flat before any loss who did nothing themselves."""
    for number, _ in now.news:
        held = before.accounts.get(number)
        if held is None or number in flows.traded:
            continue
        if not (held.trader and held.flat) or number in flows.junior:
            continue
        lost = held.stored + flows.moved.get(number, 0) - now.equity(number)
        if lost > 0:
            yield number, lost


def flat_accounts_never_pay(before: Snapshot, now: Snapshot, flows: Flows) -> Iterator[Finding]:
    """I-4: an account that was flat before any loss has all that it had, but for its own acts."""
    for number, lost in flat_losses(before, now, flows):
        yield Finding("I-4", now.block, (number,), f"a flat account lost {lost} quote")


def losses_are_explained(now: Snapshot, flows: Flows) -> Iterator[Finding]:
    """I-5: after `liquidate` no equity is below zero without an event that says so."""
    # Whoever calls may name accounts that nobody has opened; those have nothing.
    named = set(flows.liquidated).intersection(now.accounts)
    for number in sorted(named.difference(flows.explained)):
        equity = now.equity(number)
        legs = now.accounts[number].legs.items()
        if equity < 0 and not any((market, leg.size > 0) in flows.charged for market, leg in legs):
            yield Finding("I-5", now.block, (number,), f"equity {equity} quote after a liquidation")


def open_interest_is_both_sides(now: Snapshot) -> Iterator[Finding]:
    """I-6: open interest is the sum of the longs and the sum of the shorts."""
    sums = now.sums
    for number, market in enumerate(now.markets):
        longs, shorts = sums.longs.get(number, 0), sums.shorts.get(number, 0)
        if not longs == shorts == market.open_interest:
            detail = (
                f"market {number}: open interest {market.open_interest}, longs {longs}, "
                f"shorts {shorts} lots"
            )
            yield Finding("I-6", now.block, (), detail)


def lists_hold_the_holders(now: Snapshot) -> Iterator[Finding]:
    """I-7: a holder list holds exactly the holders of its side, each at the place that it knows."""
    for (number, market), found in now.seats.items():
        if found != number:
            detail = f"market {market}: account {found} stands at its place in the list"
            yield Finding("I-7", now.block, (number,), detail)
    sizes = _sizes(now) if now.holders else {}
    for (market, longs), entries in now.holders.items():
        legs = sizes.get(market, {})
        holders = {n for n, size in legs.items() if size and (size > 0) == longs}
        listed = Counter(n for n in entries if n)
        wrong = holders.symmetric_difference(listed) | {n for n, c in listed.items() if c > 1}
        for place, number in enumerate(entries):
            if number in holders and now.accounts[number].legs[market].holder != place:
                wrong.add(number)
        if wrong:
            side = "longs" if longs else "shorts"
            detail = f"market {market}: the list of {side} is wrong about them"
            yield Finding("I-7", now.block, tuple(sorted(wrong)), detail)


def flat_quote_is_the_sum(now: Snapshot) -> Iterator[Finding]:
    """I-8: the pool's count of flat quote is what flat traders' accounts hold."""
    total = now.sums.flat
    if total != now.flat_quote:
        detail = f"flat accounts hold {total} quote, the pool counts {now.flat_quote}"
        yield Finding("I-8", now.block, (), detail)


def only_the_deficit_owes(now: Snapshot, flows: Flows) -> Iterator[Finding]:
    """I-9: no flat account stays below zero but the deficit account, and that is the deficit."""
    for number in sorted(now.sums.debtors.difference(flows.explained, {DEFICIT})):
        owed = -now.accounts[number].stored
        yield Finding("I-9", now.block, (number,), f"a flat account owes {owed} quote")
    owed = max(-now.quote(DEFICIT), 0)
    if owed != now.deficit:
        detail = f"the deficit account owes {owed} quote, the pool says {now.deficit}"
        yield Finding("I-9", now.block, (DEFICIT,), detail)


def custody_follows_the_flows(before: Snapshot, now: Snapshot, flows: Flows) -> Iterator[Finding]:
    """I-10: custody changes by deposits and withdrawals alone."""
    due = before.custody + flows.deposited - flows.withdrawn
    if now.custody != due:
        detail = f"custody {now.custody} units, by the flows {due}"
        yield Finding("I-10", now.block, (), detail)


def legs_are_bounded(now: Snapshot) -> Iterator[Finding]:
    """I-11: a set bit is a live leg, and nobody has more legs than its kind of account may have."""
    for number, held in now.news:
        dead = [market for market, leg in held.legs.items() if not leg.live]
        limit = 1 if held.flags & ISOLATED else MAX_LEGS
        if dead:
            yield Finding("I-11", now.block, (number,), f"nothing stands in markets {dead}")
        if len(held.legs) > limit and not held.flags & PROTOCOL:
            detail = f"{len(held.legs)} legs, at most {limit}"
            yield Finding("I-11", now.block, (number,), detail)
    for number in (FEES, DEFICIT):
        if now.accounts[number].legs:
            yield Finding("I-11", now.block, (number,), "it holds a position or an order")


def check(before: Snapshot, now: Snapshot, flows: Flows) -> list[Finding]:
    """Return the findings of every invariant at the end of a block."""
    return [
        *sizes_cancel(now),
        *quotes_are_custody(now),
        *custody_is_covered(now),
        *flat_accounts_never_pay(before, now, flows),
        *losses_are_explained(now, flows),
        *open_interest_is_both_sides(now),
        *lists_hold_the_holders(now),
        *flat_quote_is_the_sum(now),
        *only_the_deficit_owes(now, flows),
        *custody_follows_the_flows(before, now, flows),
        *legs_are_bounded(now),
    ]


def _sizes(now: Snapshot) -> dict[int, dict[int, int]]:
    """Return market -> account -> lots."""
    sizes: dict[int, dict[int, int]] = defaultdict(dict)
    for number, held in now.accounts.items():
        for market, leg in held.legs.items():
            sizes[market][number] = leg.size
    return sizes

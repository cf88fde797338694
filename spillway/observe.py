"""Reading the venue at the end of a block, and what its events say happened in between."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from dataclasses import astuple, dataclass, replace
from typing import TYPE_CHECKING, Any

from spillway.invariants import Flows, Snapshot, Totals
from spillway.model.margin import Market, Tier
from spillway.model.words import DEFICIT, FEES, decode_dump
from spillway.storage import PoolStorage
from spillway.units import units_to_quote

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from spillway.build import Artifact
    from spillway.engines import Engine, Event
    from spillway.model.words import Account
    from spillway.presets import Preset
    from spillway.scenario import Scenario
    from spillway.venue import Venue

DUMPED = 200  # accounts that one read of the lens asks for; it gives as many as fit

# Outcomes of Judged by which an account may stay below zero for now: shielded by a stale mark,
# due to be deleveraged, the protocol's own, or locked by a deleveraging at work.
LEFT_BELOW_ZERO = {2, 6, 7, 8}

# Fields of events that hold the id of an account.
_ACCOUNT_FIELDS = {
    "account",
    "backstop",
    "buyer",
    "child",
    "loser",
    "maker",
    "parent",
    "seller",
    "source",
    "taker",
    "target",
    "winner",
}


@dataclass(frozen=True, slots=True)
class StandingStop:
    """A stop or take-profit in the book."""

    market: int
    above: bool
    trigger: int  # quote per lot

    def reached(self, mark: int) -> bool:
        """Whether a mark fires it."""
        return mark >= self.trigger if self.above else mark <= self.trigger


class Observer:
    """Reads a venue: what every block is judged by, and the canonical dump behind the digest."""

    def __init__(
        self, engine: Engine, venue: Venue, pool: Artifact, preset: Preset, scenario: Scenario
    ) -> None:
        self._engine = engine
        self._contracts = venue.contracts
        self._storage = PoolStorage(venue.contracts.pool, pool)
        self.parent: int = self._contracts.vault.call.parent()
        self.child: int = self._contracts.vault.call.backstop()
        self._listed = [
            Market(
                tiers=(
                    Tier(0, market.max_leverage),
                    *(Tier(tier.above_usd, tier.max_leverage) for tier in market.tiers),
                ),
                size_decimals=market.size_decimals,
                max_age=preset.oracle.max_mark_age_seconds,
                open_interest_cap=self._contracts.pool.call.market(number).open_interest_cap,
            )
            for number, market in enumerate(scenario.markets)
        ]

    def snapshot(self) -> Snapshot:
        """Everything that the invariants judge, at the head, read whole through the lens."""
        whole = {account.number: account for account in self._whole()}
        holders = {
            (number, longs): self._storage.holders(number, longs=longs)
            for number in range(len(self._listed))
            for longs in (True, False)
        }
        return replace(self._snapshot(whole), holders=holders, totals=Totals.of(whole))

    def _whole(self) -> list[Account]:
        """Every account, by id, a page of the lens at a time."""
        accounts: list[Account] = []
        start = 1
        while start:
            words, following = self._contracts.lens.call.dump(start, DUMPED)
            accounts += decode_dump(words, start)
            start = following
        return accounts

    def after(self, before: Snapshot, events: Iterable[Event]) -> Snapshot:
        """The snapshot a block after `before`; accounts that no event names are kept."""
        count = self._storage.count()
        changed = frozenset(number for number in named_accounts(events) if number <= count)
        accounts = {number: self._storage.account(number) for number in changed}
        earlier = (before.accounts[number] for number in changed if number in before.accounts)
        return replace(
            self._snapshot({**before.accounts, **accounts}),
            seats=self._seats(accounts.values()),
            totals=before.sums.moved(earlier, accounts.values()),
            changed=changed,
        )

    def _seats(self, accounts: Iterable[Account]) -> dict[tuple[int, int], int]:
        return {
            (held.number, market): self._storage.seat(market, longs=leg.size > 0, place=leg.holder)
            for held in accounts
            for market, leg in held.legs.items()
            if leg.size
        }

    def _snapshot(self, accounts: Mapping[int, Account]) -> Snapshot:
        solvency = self._contracts.pool.call.solvency()
        markets = range(len(self._listed))
        return Snapshot(
            block=self._engine.head.number,
            accounts=accounts,
            markets=[self._market(number) for number in markets],
            custody=solvency.custody,
            balance=self._contracts.usdc.call.balanceOf(self._contracts.custody.address),
            deficit=solvency.deficit,
            flat_quote=solvency.flat_quote,
        )

    def junior(self, now: Snapshot) -> set[int]:
        """Flat accounts that a loss which is being dealt with may still reach."""
        pool = self._contracts.pool
        if not now.deficit and not pool.call.solvency().seniority_held:
            return set()
        flat = [n for n, held in now.accounts.items() if held.trader and held.flat]
        return {number for number in flat if not pool.call.is_senior(number)}

    def vault_equity(self, now: Snapshot) -> int:
        """What the vault's accounts and till are worth, quote; a child may be below zero."""
        vault = self._contracts.vault.call
        return now.equity(self.parent) + now.equity(self.child) + units_to_quote(vault.till())

    def dump(self, depositors: Sequence[str]) -> dict[str, Any]:
        """Read the whole state, in one order on every engine."""
        pool, book, vault = (
            self._contracts.pool.call,
            self._contracts.book.call,
            self._contracts.vault.call,
        )
        return {
            "accounts": [self._dumped(held) for held in self._whole()],
            "markets": [
                [list(pool.market(number)), pool.pot(number), list(book.tops(number))]
                for number in range(len(self._listed))
            ],
            "pool": [pool.epoch(), list(pool.solvency())],
            "vault": [vault.nav(), vault.till(), vault.supply(), list(vault.queue())],
            "shares": [[vault.balance_of(who), vault.claimable(who)] for who in depositors],
        }

    def _dumped(self, held: Account) -> list[Any]:
        book = self._contracts.book.call
        legs = [[market, *astuple(leg)] for market, leg in sorted(held.legs.items())]
        orders = [[order, list(book.order(order))] for order in book.orders_of(held.number)]
        owner = self._storage.owner(held.number)
        return [held.number, owner, held.stored, held.flags, legs, orders]

    def _market(self, number: int) -> Market:
        seen = self._contracts.pool.call.market(number)
        long_charge, short_charge, pot = self._storage.charges(number)
        return replace(
            self._listed[number],
            mark=seen.mark,
            previous_mark=seen.previous_mark,
            index=seen.index,
            funding=seen.funding,
            open_interest=seen.open_interest,
            updated_at=seen.updated_at,
            locked=seen.locked,
            long_charge=long_charge,
            short_charge=short_charge,
            pot=pot,
        )


def digest(dump: Mapping[str, Any]) -> str:
    """Return the sha256 of a dump, hex."""
    text = json.dumps(dump, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def named_accounts(events: Iterable[Event]) -> set[int]:
    """Return the accounts that events name, and those that fees and losses go to."""
    found = {FEES, DEFICIT}
    for event in events:
        for field, value in event.args._asdict().items():
            if field in _ACCOUNT_FIELDS and isinstance(value, int):
                found.add(value)
    return found


def flows(events: Iterable[Event], junior: Iterable[int] = ()) -> Flows:
    """Return what the events of a block say of cash, trades and liquidations."""
    deposited = withdrawn = 0
    moved: dict[int, int] = defaultdict(int)
    traded: set[int] = set()
    outcomes: dict[int, int] = {}
    for event in events:
        args = event.args
        if event.name == "Deposited":
            deposited += args.units
            moved[args.account] += units_to_quote(args.units)
        elif event.name == "Withdrawn":
            withdrawn += args.paid
            moved[args.account] -= units_to_quote(args.units)
        elif event.name == "DeficitCovered":
            deposited += args.units
        elif event.name == "Exchanged":
            traded |= {args.buyer, args.seller}
        elif event.name == "Filled":
            traded |= {args.taker, args.maker}
        elif event.name == "Judged":
            outcomes[args.account] = args.outcome
    return Flows(
        deposited=deposited,
        withdrawn=withdrawn,
        moved=moved,
        traded=traded,
        junior=set(junior),
        liquidated=set(outcomes),
        explained={n for n, outcome in outcomes.items() if outcome in LEFT_BELOW_ZERO},
    )


def follow_stops(stops: dict[int, StandingStop], events: Iterable[Event]) -> None:
    """Bring the stops that stand up to date with what the book says."""
    for event in events:
        args = event.args
        if event.name == "StopPlaced":
            stops[args.order_id] = StandingStop(args.market, args.above, args.trigger)
        elif event.name == "Removed":
            stops.pop(args.order_id, None)

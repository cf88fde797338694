"""Reading the venue at the end of a block, and what its events say happened in between."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from dataclasses import astuple, dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any

from spillway.invariants import Flows, Holdings, Snapshot, Totals
from spillway.model.margin import Market, Tier, tiers_of
from spillway.model.words import DEFICIT, FEES, decode_dump
from spillway.storage import PoolStorage
from spillway.units import units_to_quote

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from spillway.build import Artifact
    from spillway.engines import Contract, Engine, Event
    from spillway.engines.codec import EventCodec
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
    "holder",
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

    def holdings(self, before: Holdings, events: Iterable[Event]) -> Holdings:
        """What everybody holds a block after `before`; accounts that no event names are kept."""
        changed = self._changed(events)
        accounts = {**before.accounts, **changed}
        block, markets = self._engine.head.number, self._markets()
        return Holdings(block, accounts, markets, changed=frozenset(changed))

    def after(self, before: Snapshot, events: Iterable[Event]) -> Snapshot:
        """The snapshot a block after `before`; accounts that no event names are kept."""
        accounts = self._changed(events)
        changed = frozenset(accounts)
        earlier = (before.accounts[number] for number in changed if number in before.accounts)
        return replace(
            self._snapshot({**before.accounts, **accounts}),
            seats=self._seats(accounts.values()),
            totals=before.sums.moved(earlier, accounts.values()),
            changed=changed,
        )

    def _changed(self, events: Iterable[Event]) -> dict[int, Account]:
        """The accounts that events name, as they are now."""
        count = self._storage.count()
        named = named_accounts(events)
        return {number: self._storage.account(number) for number in named if number <= count}

    def _seats(self, accounts: Iterable[Account]) -> dict[tuple[int, int], int]:
        return {
            (held.number, market): self._storage.seat(market, longs=leg.size > 0, place=leg.holder)
            for held in accounts
            for market, leg in held.legs.items()
            if leg.size
        }

    def _snapshot(self, accounts: Mapping[int, Account]) -> Snapshot:
        solvency = self._contracts.pool.call.solvency()
        return Snapshot(
            block=self._engine.head.number,
            accounts=accounts,
            markets=self._markets(),
            custody=solvency.custody,
            balance=self._contracts.usdc.call.balanceOf(self._contracts.custody.address),
            deficit=solvency.deficit,
            flat_quote=solvency.flat_quote,
            seniority_held=solvency.seniority_held,
        )

    def junior(self, now: Snapshot) -> set[int]:
        """Flat accounts that a loss which is being dealt with may still reach."""
        if not now.deficit and not now.seniority_held:
            return set()
        is_senior = self._contracts.pool.call.is_senior
        flat = [n for n, held in now.accounts.items() if held.trader and held.flat]
        return {number for number in flat if not is_senior(number)}

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

    def _markets(self) -> list[Market]:
        return [self._market(number) for number in range(len(self._listed))]

    def _market(self, number: int) -> Market:
        pool = self._contracts.pool
        return market_as_it_stands(pool, self._storage, self._with_schedule(number), number)

    def _with_schedule(self, number: int) -> Market:
        """Return a market as it was listed, or as levers have tightened it."""
        if self._contracts.levers is None:
            return self._listed[number]
        standing, entry = self._storage.schedules(number)
        return replace(self._listed[number], tiers=tiers_of(standing), entry=tiers_of(entry))


def market_as_it_stands(
    pool: Contract, storage: PoolStorage, listed: Market, number: int
) -> Market:
    """Return market `number`, of which `listed` has the terms, with its prices, cap and charges."""
    seen = pool.call.market(number)
    long_charge, short_charge, pot = storage.charges(number)
    return replace(
        listed,
        open_interest_cap=seen.open_interest_cap,
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
        topics = event.log.topics
        found.update([int.from_bytes(topics[place], "big") for place in account_topics(event.kind)])
    return found


@cache
def account_topics(kind: EventCodec) -> list[int]:
    """Where the topics of an event hold ids of accounts.

    Every such field is indexed (KeyError for one that is not), so that none has to be decoded.
    """
    fields = (item["name"] for item in kind.items if item["type"] != "address")
    return [kind.topics[field] for field in fields if field in _ACCOUNT_FIELDS]


def flows(events: Iterable[Event], junior: Iterable[int] = ()) -> Flows:
    """Return what the events of a block say of cash, trades and liquidations."""
    deposited = withdrawn = 0
    moved: dict[int, int] = defaultdict(int)
    traded: set[int] = set()
    outcomes: dict[int, int] = {}
    charged: set[tuple[int, bool]] = set()
    for event in events:
        name = event.name
        if name == "Deposited":
            args = event.args
            deposited += args.units
            moved[args.account] += units_to_quote(args.units)
        elif name == "Withdrawn":
            args = event.args
            withdrawn += args.paid
            moved[args.account] -= units_to_quote(args.units)
        elif name == "DeficitCovered":
            deposited += event.args.units
        elif name == "Exchanged":
            traded |= {event.args.buyer, event.args.seller}
        elif name == "Filled":
            traded |= {event.args.taker, event.args.maker}
        elif name == "Charged":
            charged.add((event.args.market, event.args.longs))
        elif name == "Judged":
            outcomes[event.args.account] = event.args.outcome
    return Flows(
        deposited=deposited,
        withdrawn=withdrawn,
        moved=moved,
        traded=traded,
        junior=set(junior),
        liquidated=set(outcomes),
        explained={n for n, outcome in outcomes.items() if outcome in LEFT_BELOW_ZERO},
        charged=charged,
    )


def follow_stops(stops: dict[int, StandingStop], events: Iterable[Event]) -> None:
    """Bring the stops that stand up to date with what the book says."""
    for event in events:
        if event.name == "StopPlaced":
            args = event.args
            stops[args.order_id] = StandingStop(args.market, args.above, args.trigger)
        elif event.name == "Removed" and stops:
            stops.pop(event.args.order_id, None)

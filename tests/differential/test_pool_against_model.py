"""The pool and the reference model, driven by the same random calls, agree on every number.

Engine roles are held by plain senders, so that each verb can be called in any order, with any
arguments, as no engine would: what the pool refuses, the model refuses with the same reason.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from spillway import invariants
from spillway.engines import codec
from spillway.engines.protocol import TX_GAS_LIMIT
from spillway.invariants import Snapshot
from spillway.model import custody, trades
from spillway.model.margin import QUOTE_PER_USD as USD
from spillway.model.margin import Market, Tier, packed
from spillway.model.policies import Candidate
from spillway.model.pool import MAX_FUNDING, MAX_PRICE, Pool, Refused, Update, require
from spillway.model.trades import Fill
from spillway.model.words import DEFICIT, LOW_MARKETS, Account, decode_dump, set_bits
from spillway.units import QUOTE_PER_UNIT
from tests.rng import seeded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from random import Random

    from spillway.build import Artifacts
    from spillway.engines import Address, Call, Contract, Engine

UNITS_PER_USD = 10**6
TAKER_FEE, MAKER_FEE, BAND = 450, 150, 100_000
ORACLE, BOOK, LIQUIDATOR, ADL, VAULT, CUSTODY, LEVERS = 1, 2, 4, 8, 16, 32, 128

TIERS = (Tier(0, 20), Tier(1_000, 10), Tier(5_000, 3))
LISTED = (
    Market(TIERS, size_decimals=2, max_age=90, open_interest_cap=90),
    Market((Tier(0, 50),), size_decimals=0, max_age=600, open_interest_cap=10**6),
    Market(TIERS[:2], size_decimals=5, max_age=90, open_interest_cap=2**54 - 1),
)
TRADERS = (3, 4, 5, 6)
ISOLATED, ISOLATED_TO = 7, 1
CHILD = 8
ACCOUNTS = range(1, 9)
HOLDERS = (*TRADERS, ISOLATED, CHILD)


@dataclass(frozen=True)
class Venue:
    """The contracts, and who calls them."""

    engine: Engine
    pool: Contract
    vault: Contract  # the custody contract
    usdc: Contract
    trader: Address
    keeper: Address  # holds every engine role but that of auto-deleveraging
    deleverager: Address


class Twin:
    """The contracts and the model, side by side."""

    def __init__(self, venue: Venue, model: Pool) -> None:
        self.venue = venue
        self.engine, self.pool, self.vault = venue.engine, venue.pool, venue.vault
        self.trader, self.keeper = venue.trader, venue.keeper
        self.deleverager = venue.deleverager
        self.model = model

    def fork(self) -> Twin:
        """Give a twin whose model may go its own way."""
        return Twin(self.venue, self.model.copy())

    # --- one call on both sides -----------------------------------------------------------------

    def both(self, call: Call, act: Callable[[Pool], Any], seconds: int = 1) -> None:
        """Mine one call and do the same in the model; compare what became of it."""
        head = self.engine.head
        (outcome,) = self.engine.backend.mine([call], head.timestamp + seconds)
        self.model.mine(seconds)
        reason, expected = self.attempt(act)
        told = "" if outcome.success else codec.reason(outcome.output, outcome.error)
        assert (outcome.success, told) == (reason is None, reason or ""), call.label
        if outcome.success:
            assert call.function is not None
            assert call.function.decode(outcome.output) == expected, call.label
        self.compare()

    def attempt(self, act: Callable[[Pool], Any]) -> tuple[str | None, Any]:
        """Act on the model; give why it refused, having changed nothing, and what it gave."""
        trial = self.model.copy()
        try:
            expected = act(trial)
        except Refused as refused:
            return refused.reason, None
        self.model = trial
        return None, expected

    def compare(self) -> None:
        model, call = self.model, self.pool.call
        decoded = self.accounts()
        for number, account in model.accounts.items():
            legs = {m: replace(leg, holder=0) for m, leg in decoded[number].legs.items()}
            assert replace(decoded[number], legs=legs) == account
            seen = call.health(number)
            told = {name: getattr(seen, name) for name in asdict(model.health(number))}
            assert told == asdict(model.health(number))
        told = call.solvency()
        assert (told.flat_quote, told.junior_quote) == model.flat_quote
        assert (told.deficit, told.custody) == (model.deficit, model.custody)
        assert told.seniority_held == model.held
        assert not model.deficit or told.deficit_at == model.deficit_since
        assert call.epoch() == model.epoch
        for number in range(len(model.markets)):
            self.compare_market(number)

    def compare_market(self, number: int) -> None:
        told, market = self.pool.call.market(number), self.model.markets[number]
        for name in (
            "mark",
            "index",
            "funding",
            "open_interest",
            "open_interest_cap",
            "updated_at",
            "locked",
        ):
            assert getattr(told, name) == getattr(market, name), name
        assert told.previous_mark == self.model.previous_mark(number)
        assert told.fresh == market.fresh(self.model.now)
        assert self.pool.call.pot(number) == market.pot_quote
        assert self.pool.call.schedule(number) == packed(market.tiers, market.max_age)

    # --- what may be called ---------------------------------------------------------------------

    def deposit(self, account: int, units: int) -> None:
        call = self.vault.build.deposit(account, units, sender=self.trader)
        self.both(call, lambda model: model.deposit(account, units))

    def request_withdrawal(self, account: int, units: int) -> None:
        build = self.vault.build.request_withdrawal
        call = build(account, units, self.keeper, sender=self.trader)
        self.both(call, lambda model: custody.request_withdrawal(model, account, units))

    def withdraw(self, account: int) -> None:
        call = self.vault.build.withdraw(account, sender=self.trader)
        self.both(call, lambda model: custody.withdraw(model, account))

    def cover_deficit(self, units: int) -> None:
        call = self.vault.build.cover_deficit(units, sender=self.trader)
        self.both(call, lambda model: nothing(custody.cover_deficit(model, units)))

    def transfer(self, source: int, target: int, amount: int) -> None:
        call = self.pool.build.transfer(source, target, amount, sender=self.trader)
        self.both(call, lambda model: custody.transfer(model, source, target, amount))

    def set_leverage(self, account: int, market: int, leverage: int) -> None:
        call = self.pool.build.set_leverage(account, market, leverage, sender=self.trader)
        self.both(call, lambda model: trades.set_leverage(model, account, market, leverage))

    def rest(self, account: int, market: int, bids: int, asks: int) -> None:
        call = self.pool.build.rest(account, market, bids, asks, sender=self.keeper)
        self.both(call, lambda model: trades.rest(model, account, market, bids, asks))

    def fill(self, match: Fill, bps: int, dust: int) -> None:
        mark = self.model.markets[match.market].mark
        match = replace(match, price=mark * (10_000 + bps) // 10_000 + dust)
        call = self.pool.build.fill(match, sender=self.keeper)
        self.both(call, lambda model: int(trades.fill(model, match)))

    def exchange(self, market: int, pair: tuple[int, int], lots: int, bps: int, dust: int) -> None:
        buyer, seller = pair
        quote = lots * self.model.markets[market].mark * (10_000 + bps) // 10_000 + dust
        build = self.pool.build.exchange
        call = build(market, buyer, seller, lots, quote, sender=self.keeper)

        def act(model: Pool) -> None:
            require(not model.markets[market].locked, "pool: market is locked")
            model.exchange(market, buyer, seller, lots, quote)

        self.both(call, act)

    def pay(self, source: int, target: int, amount: int) -> None:
        call = self.pool.build.pay(source, target, amount, sender=self.keeper)
        self.both(call, lambda model: model.pay(source, target, amount))

    def socialize(self, market: int, target: int, amount: int, *, longs: bool) -> None:
        call = self.pool.build.socialize(market, longs, target, amount, sender=self.keeper)
        self.both(call, lambda model: model.socialize(market, target, amount, longs=longs))

    def write_off(self, account: int) -> None:
        call = self.pool.build.write_off(account, sender=self.keeper)
        self.both(call, lambda model: model.write_off(account))

    def close(self, market: int, account: int, against: int) -> None:
        """Close a leg by force, at mark, as auto-deleveraging may in a locked market."""
        size = self.model.leg(account, market).size
        buyer, seller = (account, against) if size < 0 else (against, account)
        lots = abs(size)
        quote = lots * self.model.markets[market].mark
        build = self.pool.build.exchange
        call = build(market, buyer, seller, lots, quote, sender=self.deleverager)
        self.both(call, lambda model: model.exchange(market, buyer, seller, lots, quote))

    def lock_market(self, market: int, *, locked: bool) -> None:
        call = self.pool.build.lock_market(market, locked, sender=self.deleverager)
        self.both(call, lambda model: model.lock_market(market, locked=locked))

    def hold_seniority(self, *, held: bool) -> None:
        call = self.pool.build.hold_seniority(held, sender=self.deleverager)
        self.both(call, lambda model: setattr(model, "held", held))

    def advance(self, steps: list[tuple[int, int, int]], seconds: int = 1) -> None:
        """Bring markets into an epoch; marks and funding in parts per 10,000 of the mark."""
        updates = []
        for number, moved, funding in steps:
            mark = self.model.markets[number].mark * moved // 10_000 + moved % 13
            updates.append(Update(number, mark, mark + 1, mark * funding // 10_000 + funding))
        self.post(updates, seconds)

    def advance_everything(self, seconds: int = 1) -> None:
        """Bring all markets into an epoch at their marks; 1 USD where there is none yet."""
        updates = [Update(n, m.mark or USD, USD) for n, m in enumerate(self.model.markets)]
        for start in range(0, len(updates), MAX_UPDATES):
            self.post(updates[start : start + MAX_UPDATES], seconds)

    def post(self, updates: list[Update], seconds: int = 1) -> None:
        call = self.pool.build.advance(updates, sender=self.keeper, gas=TX_GAS_LIMIT)
        self.both(call, lambda model: model.advance(updates), seconds)

    def advance_twice(self, number: int, moved: int) -> None:
        """Two updates in one block: the second changes the mark and leaves the previous one."""
        mark = self.model.markets[number].mark
        marks = (mark * moved // 10_000 + 1, mark + 1)
        updates = [[Update(number, price, price, 5)] for price in marks]
        calls = [self.pool.build.advance(each, sender=self.keeper) for each in updates]
        when = self.engine.head.timestamp + 1
        assert all(outcome.success for outcome in self.engine.backend.mine(calls, when))
        self.model.mine(1)
        for each in updates:
            self.model.advance(each)
        self.compare()

    def set_schedule(self, market: int, tiers: tuple[Tier, ...], entry: tuple[Tier, ...]) -> None:
        words = (packed(each, LISTED[market].max_age) for each in (tiers, entry))
        call = self.pool.build.set_schedule(market, *words, sender=self.keeper)
        self.both(call, lambda model: model.set_schedule(market, tiers, entry))

    def set_open_interest_cap(self, market: int, cap: int) -> None:
        call = self.pool.build.set_open_interest_cap(market, cap, sender=self.keeper)
        self.both(call, lambda model: model.set_open_interest_cap(market, cap))

    # --- at the end -----------------------------------------------------------------------------

    def compare_what_is_left(self) -> None:
        """Compare closed legs, candidates and holder lists; check every invariant of one state."""
        for account in ACCOUNTS:
            for market in range(len(LISTED)):
                told = self.pool.call.position(account, market)
                leg = self.model.leg(account, market)
                assert (told.size, told.cost, told.birth) == (leg.size, leg.cost, leg.birth)
                assert told.leverage == leg.leverage
                assert (told.resting_bids, told.resting_asks) == (leg.bids, leg.asks)
            assert self.pool.call.is_senior(account) == self.model.senior(account)
        for market in range(len(LISTED)):
            self.compare_candidates(market, longs=True)
            self.compare_candidates(market, longs=False)
        self.check_invariants()

    def compare_candidates(self, market: int, *, longs: bool) -> None:
        held = self.model.markets[market]
        mark, funding = held.mark + 17, held.funding - 3
        accounts, found = self.accounts(), {}
        for told in self.pool.call.candidates(market, longs, 0, 32, mark, funding):
            assert told.place == accounts[told.account].legs[market].holder
            fields = {name: getattr(told, name) for name in Candidate.__slots__}
            found[told.account] = Candidate(**{**fields, "place": 0})
        holders = self.model.holders(market, longs=longs)
        assert found == {n: self.model.candidate(market, n, mark, funding) for n in holders}

    def check_invariants(self) -> None:
        now = self.snapshot()
        assert list(invariants.sizes_cancel(now)) == []
        assert list(invariants.quotes_are_custody(now)) == []
        assert list(invariants.custody_is_covered(now)) == []
        assert list(invariants.open_interest_is_both_sides(now)) == []
        assert list(invariants.lists_hold_the_holders(now)) == []
        assert list(invariants.flat_quote_is_the_sum(now)) == []
        assert list(invariants.legs_are_bounded(now)) == []

    def snapshot(self) -> Snapshot:
        """Read the chain as a run does: packed words, the totals, the holder lists."""
        told = self.pool.call.solvency()
        return Snapshot(
            block=self.engine.head.number,
            accounts=self.accounts(),
            markets=tuple(self.model.markets),
            custody=told.custody,
            balance=self.venue.usdc.call.balanceOf(self.vault.address),
            deficit=told.deficit,
            flat_quote=told.flat_quote,
            holders={
                (market, longs): self.holder_list(market, longs=longs)
                for market in range(len(LISTED))
                for longs in (True, False)
            },
        )

    def accounts(self) -> dict[int, Account]:
        """Decode every account from its packed words."""
        dump: list[int] = []
        for number in self.model.accounts:
            first = self.pool.call.words(number, 0)
            legs = first.account % 2**LOW_MARKETS | first.high_legs << LOW_MARKETS
            dump += [first.account, *([first.high_legs] if legs >> LOW_MARKETS else [])]
            for market in set_bits(legs):
                leg = self.pool.call.words(number, market)
                dump += [leg.position, leg.resting]
        return {account.number: account for account in decode_dump(dump, ACCOUNTS[0])}

    def holder_list(self, market: int, *, longs: bool) -> list[int]:
        """Read a list place by place; a hole is 0."""
        entries = []
        for place in range(self.pool.call.holder_count(market, longs)):
            at_place = self.pool.call.candidates(market, longs, place, 1, 1, 0)
            entries.append(int(at_place[0].account) if at_place else 0)
        return entries


def nothing(_: int) -> None:
    """Drop what the model gives and the contract does not return."""


# --- set-up --------------------------------------------------------------------------------------


def config(market: Market) -> dict[str, Any]:
    unused = [Tier(0, 0)] * (5 - len(market.tiers))
    return {
        "size_decimals": market.size_decimals,
        "max_age": market.max_age,
        "open_interest_cap": market.open_interest_cap,
        "tiers": [*market.tiers, *unused],
    }


def opened(twin: Twin) -> Twin:
    """List the markets, open the accounts, give everyone some cash, post the first prices."""
    admin = twin.pool.engine.sender(0)
    for market in LISTED:
        twin.pool.transact.list_market(config(market), sender=admin)
        twin.model.list_market(market)
    for _ in TRADERS:
        twin.pool.transact.open_account(sender=twin.trader)
        twin.model.open_account(twin.trader)
    twin.pool.transact.open_isolated_account(ISOLATED_TO, sender=twin.trader)
    twin.model.open_account(twin.trader, isolated_to=ISOLATED_TO)
    twin.pool.transact.open_protocol_account(sender=twin.keeper)
    twin.model.open_account(twin.keeper, protocol=True)
    twin.model.block = twin.engine.head.number
    twin.model.now = twin.engine.head.timestamp
    for account in (*TRADERS, ISOLATED):
        twin.deposit(account, 900 * UNITS_PER_USD + account)
    first = [Update(0, 10 * USD, 10 * USD), Update(1, USD, USD), Update(2, 10**15 + 1, 10**15)]
    twin.post(first)
    return twin


@pytest.fixture(scope="module")
def deployed(
    engine: Engine, artifacts: Artifacts, usdc: Contract, admin: Address
) -> Iterator[Twin]:
    trader, keeper, deleverager = (engine.sender(place) for place in (1, 3, 7))
    token = engine.snapshot()
    pool = engine.deploy(artifacts["MarginPool"], TAKER_FEE, MAKER_FEE, BAND, sender=admin)
    vault = engine.deploy(artifacts["Custody"], pool.address, usdc.address, sender=admin)
    for role in (ORACLE, BOOK, LIQUIDATOR, VAULT, LEVERS):
        pool.transact.grant(role, keeper, sender=admin)
    pool.transact.grant(ADL, deleverager, sender=admin)
    pool.transact.grant(CUSTODY, vault.address, sender=admin)
    usdc.transact.mint(trader, 2**80, sender=admin)
    usdc.transact.approve(vault.address, 2**80, sender=trader)
    model = Pool(taker_fee=TAKER_FEE, maker_fee=MAKER_FEE, band=BAND)
    venue = Venue(engine, pool, vault, usdc, trader, keeper, deleverager)
    yield opened(Twin(venue, model))
    engine.revert(token)


# --- random calls --------------------------------------------------------------------------------


@dataclass
class Dice:
    """Picks the next call: mostly one that may succeed, sometimes one that must not."""

    twin: Twin
    rng: Random

    def roll(self) -> None:
        names, weights = zip(*WEIGHTS.items(), strict=True)
        (name,) = self.rng.choices(names, weights)
        getattr(self, name)()

    # --- parts ---

    def market(self) -> int:
        return self.rng.randrange(len(LISTED))

    def pair(self) -> tuple[int, int]:
        """Two different accounts, but for a few times."""
        first, second = self.rng.sample(HOLDERS, 2)
        return first, first if self.rng.random() < 0.02 else second

    def quote(self) -> int:
        """Give some quote, of any magnitude up to 1,000 USD."""
        return self.rng.randrange(10 ** self.rng.randrange(1, 22))

    def bps(self) -> int:
        wide = self.rng.random() < 0.1
        return self.rng.randint(-1_100, 1_100) if wide else self.rng.randint(-40, 40)

    def lots(self) -> int:
        return 1 + self.rng.randrange(2 ** self.rng.randrange(1, 9))

    def dust(self) -> int:
        return self.rng.randint(-5, 5)

    def other(self, account: int) -> int:
        """Someone else, who may be in any market."""
        return self.rng.choice([n for n in (*TRADERS, CHILD) if n != account])

    def holder(self, market: int) -> int | None:
        held = [n for n in HOLDERS if self.twin.model.leg(n, market).size]
        return self.rng.choice(held) if held else None

    # --- trades ---

    def open(self) -> None:
        taker, maker = self.pair()
        self.fill(self.market(), taker, maker, buys=self.rng.random() < 0.5, lots=self.lots())

    def reduce(self) -> None:
        """Let a holder take against someone who holds the other side; now and then it flips."""
        market = self.market()
        taker = self.holder(market)
        if taker is None:
            return
        size = self.twin.model.leg(taker, market).size
        against = [n for n in HOLDERS if self.twin.model.leg(n, market).size * size < 0]
        forced = self.rng.random() < 0.3
        flips = not forced and self.rng.random() < 0.15
        self.fill(
            market,
            taker,
            self.rng.choice(against),
            buys=size < 0,
            lots=self.rng.randint(1, abs(size)) + (self.lots() if flips else 0),
            liquidation=forced,
        )

    def take_resting(self) -> None:
        market = self.market()
        taker, maker = self.pair()
        leg = self.twin.model.leg(maker, market)
        if leg.bids or leg.asks:
            buys = leg.asks > leg.bids
            lots = self.rng.randint(1, max(leg.asks, leg.bids))
            self.fill(market, taker, maker, buys=buys, lots=lots, maker_reserved=True)

    def fill(
        self, market: int, taker: int, maker: int, *, buys: bool, lots: int, **flags: bool
    ) -> None:
        match = Fill(market, taker, maker, taker_buys=buys, lots=lots, price=0, **flags)
        self.twin.fill(match, self.bps(), self.dust())

    def exchange(self) -> None:
        market, pair = self.market(), self.pair()
        if ISOLATED not in pair or market == ISOLATED_TO:
            self.twin.exchange(market, pair, self.lots(), self.bps(), self.dust())

    def close(self) -> None:
        market = self.market()
        account = self.holder(market)
        if account is not None:
            self.twin.close(market, account, self.other(account))

    def rest(self) -> None:
        account, market = self.rng.choice((*TRADERS, ISOLATED)), self.market()
        leg = self.twin.model.leg(account, market)
        self.twin.rest(
            account,
            market,
            self.rng.randint(-leg.bids - (self.rng.random() < 0.05), 40),
            self.rng.randint(-leg.asks, 40),
        )

    def set_leverage(self) -> None:
        account = self.rng.choice((*TRADERS, ISOLATED))
        self.twin.set_leverage(
            account, self.market(), self.rng.choice((0, 1, 2, 3, 10, 20, 50, 51))
        )

    # --- cash ---

    def deposit(self) -> None:
        self.twin.deposit(self.rng.choice(TRADERS), self.quote() // QUOTE_PER_UNIT)

    def request_withdrawal(self) -> None:
        account = self.rng.choice(TRADERS)
        free = max(self.twin.model.equity(account), 0) // QUOTE_PER_UNIT
        part = self.rng.choice((1, 2, 5, 100))
        self.twin.request_withdrawal(account, free // part + self.rng.randrange(2))

    def withdraw(self) -> None:
        waiting = [n for n, request in self.twin.model.requests.items() if request.units]
        self.twin.withdraw(self.rng.choice(waiting or TRADERS))

    def transfer(self) -> None:
        source, target = self.rng.choices(TRADERS, k=2)
        self.twin.transfer(source, target, self.quote())

    def pay(self) -> None:
        source, target = self.rng.choices(ACCOUNTS, k=2)
        if source != DEFICIT:
            self.twin.pay(source, target, self.quote())

    def socialize(self) -> None:
        target, longs = self.rng.choice(HOLDERS), self.rng.random() < 0.5
        self.twin.socialize(self.market(), target, self.quote(), longs=longs)

    # --- ruin ---

    def ruin(self) -> None:
        """Close all legs of a holder at mark, leave it owing a little, write that off."""
        account = self.rng.choice((*TRADERS, CHILD))
        legs = self.twin.model.accounts[account].legs
        for market, leg in list(legs.items()):
            if leg.bids or leg.asks:
                self.twin.rest(account, market, -leg.bids, -leg.asks)
            if leg.size:
                self.twin.close(market, account, self.other(account))
        if legs:
            owing = max(self.twin.model.quote(account), 0) + self.quote()
            self.twin.pay(account, self.other(account), owing)
        self.twin.write_off(account)

    def write_off(self) -> None:
        self.twin.write_off(self.rng.choice(ACCOUNTS))

    def cover_deficit(self) -> None:
        self.twin.cover_deficit(self.quote() // QUOTE_PER_UNIT)

    # --- time and locks ---

    def advance(self) -> None:
        numbers = self.rng.sample(range(len(LISTED)), self.rng.randint(1, len(LISTED)))
        steps = [(n, self.rng.randint(8_500, 11_700), self.rng.randint(-80, 80)) for n in numbers]
        self.twin.advance(steps, self.rng.choice((1, 3, 15, 15, 15, 60, 100)))

    def advance_all(self) -> None:
        steps = [(n, self.rng.randint(9_700, 10_300), self.rng.randint(-9, 9)) for n in range(3)]
        self.twin.advance(steps)

    def advance_twice(self) -> None:
        self.twin.advance_twice(self.market(), self.rng.randint(9_000, 11_000))

    def wait_for_the_cure(self) -> None:
        self.twin.advance([(n, 10_000, 0) for n in range(3)], custody.CURE_TIME)

    def lock_market(self) -> None:
        market = self.market()
        on = not self.twin.model.markets[market].locked and self.rng.random() < 0.3
        self.twin.lock_market(market, locked=on)

    # --- levers ---

    def set_schedule(self) -> None:
        """Halve the leverages of a market for new risk, or let its positions catch up with it."""
        market = self.market()
        now = self.twin.model.markets[market]
        entry = tuple(Tier(t.lower_bound, -(-t.max_leverage // 2)) for t in now.tiers)
        if now.entry not in {(), now.tiers}:
            self.twin.set_schedule(market, now.entry, now.entry)
        elif len({tier.max_leverage for tier in entry}) == len(entry):
            self.twin.set_schedule(market, now.tiers, entry)

    def set_open_interest_cap(self) -> None:
        market = self.market()
        self.twin.set_open_interest_cap(
            market, self.rng.randrange(2 * self.twin.model.markets[market].open_interest + 9)
        )

    def hold_seniority(self) -> None:
        self.twin.hold_seniority(held=not self.twin.model.held and self.rng.random() < 0.5)


WEIGHTS = {
    "open": 16,
    "reduce": 12,
    "take_resting": 6,
    "exchange": 4,
    "close": 4,
    "rest": 6,
    "set_leverage": 4,
    "deposit": 3,
    "request_withdrawal": 5,
    "withdraw": 8,
    "transfer": 2,
    "pay": 3,
    "socialize": 2,
    "ruin": 4,
    "write_off": 1,
    "cover_deficit": 2,
    "advance": 7,
    "advance_all": 7,
    "advance_twice": 2,
    "wait_for_the_cure": 2,
    "lock_market": 3,
    "hold_seniority": 2,
    "set_schedule": 3,
    "set_open_interest_cap": 1,
}
CALLS = 70
MAX_UPDATES = 64


@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=6, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
def test_random_calls(deployed: Twin, seed: int) -> None:
    twin = deployed.fork()
    token = twin.engine.snapshot()
    try:
        dice = Dice(twin, seeded(seed))
        for _ in range(CALLS):
            dice.roll()
        twin.compare_what_is_left()
    finally:
        twin.engine.revert(token)


# --- chosen calls --------------------------------------------------------------------------------


@pytest.fixture
def twin(deployed: Twin) -> Twin:
    return deployed.fork()


def test_a_deficit_and_the_way_out(twin: Twin) -> None:
    loser, winner, senior, _ = TRADERS
    twin.exchange(1, (loser, winner), 1, 0, 1_000 * USD)  # the loser pays 1,001 for a lot at 1
    twin.exchange(1, (winner, loser), 1, 0, 0)
    twin.write_off(loser)
    assert twin.model.deficit > 99 * USD
    for account in (winner, senior):
        free = twin.model.quote(account) // QUOTE_PER_UNIT
        twin.request_withdrawal(account, free)
    twin.advance_everything()
    twin.withdraw(winner)  # refused: it was not flat before the loss
    twin.withdraw(senior)
    assert twin.model.quote(senior) < QUOTE_PER_UNIT
    twin.transfer(winner, senior, USD)  # refused as well
    twin.cover_deficit(20 * UNITS_PER_USD)
    twin.advance_everything(custody.CURE_TIME)
    before, asked = twin.model.custody, twin.model.requests[winner].units
    assert twin.model.deficit > 79 * USD
    twin.withdraw(winner)
    assert asked - (before - twin.model.custody) >= 79 * UNITS_PER_USD
    assert twin.model.deficit < QUOTE_PER_UNIT
    twin.compare_what_is_left()


def test_seniority_held_open_over_epochs(twin: Twin) -> None:
    first, second, third, _ = TRADERS
    twin.exchange(1, (first, second), 5, 0, 0)
    twin.hold_seniority(held=True)
    twin.advance_everything()
    twin.exchange(1, (second, first), 5, 0, 0)
    twin.advance_everything()
    assert twin.model.flat_quote[1] == twin.model.quote(first) + twin.model.quote(second)
    twin.pay(first, third, 7)  # a winner of the deleveraging that runs
    twin.pay(third, first, 7)  # refused
    twin.transfer(second, third, 7)  # refused
    twin.transfer(third, second, 7)
    twin.hold_seniority(held=False)
    twin.pay(first, third, 7)  # the line moves with the next epoch
    twin.advance_everything()
    assert twin.model.flat_quote[1] == 0
    twin.pay(first, third, 7)  # refused
    twin.compare_what_is_left()


def test_a_flip_through_partial_closes_keeps_every_rounding(twin: Twin) -> None:
    first, second, third, _ = TRADERS
    twin.advance([(0, 10_003, 7), (1, 9_999, -3)])
    for lots, dust in ((7, 1), (9, -2), (3, 5)):
        twin.exchange(0, (first, second), lots, 13, dust)
    for lots in (1, 5, 2, 3):
        twin.exchange(0, (third, first), lots, -17, 1)
        twin.advance([(0, 9_991, -11)])
    twin.exchange(0, (second, first), 30, 5, 1)  # both flip
    twin.exchange(0, (first, second), 11, -5, -1)  # both shrink
    twin.compare_what_is_left()


@pytest.mark.parametrize("step", [-1, 0, 1])
def test_leverage_at_the_bound_of_a_tier(twin: Twin, step: int) -> None:
    first, second, _, _ = TRADERS
    bound = 1_000 * USD
    twin.post([Update(0, bound // 8 + step, bound // 8)])
    twin.set_leverage(first, 0, 20)
    twin.fill(Fill(0, first, second, taker_buys=True, lots=8, price=0), 0, 0)
    assert bool(twin.model.leg(first, 0).size) == (step <= 0)


@pytest.mark.parametrize("sign", [1, -1])
def test_the_largest_sizes_prices_and_funding(twin: Twin, sign: int) -> None:
    first, second, third, _ = TRADERS
    funding = sign * (MAX_FUNDING - 1)
    for update in (
        Update(2, MAX_PRICE, MAX_PRICE, funding),
        Update(2, 1, 1, -2 * funding),
        Update(2, MAX_PRICE, 1, funding),
    ):
        twin.post([update])
        twin.exchange(2, (first, second), 2**53 - 1, 0, -7)
        twin.exchange(2, (second, third), 2**52 + 1, 0, 7)
        twin.exchange(2, (third, first), 2**53 + 12_345, 0, 1)
    twin.compare_what_is_left()


def test_legs_beyond_the_low_markets(twin: Twin) -> None:
    admin = twin.engine.sender(0)
    last = LOW_MARKETS + 8
    for _ in range(len(LISTED), last + 1):
        twin.pool.transact.list_market(config(LISTED[1]), sender=admin)
        twin.model.list_market(LISTED[1])
    twin.model.block, twin.model.now = twin.engine.head.number, twin.engine.head.timestamp
    twin.advance_everything()
    markets = (0, LOW_MARKETS - 1, LOW_MARKETS, last)
    for market in markets:
        twin.exchange(market, (CHILD, TRADERS[0]), 3, 0, market)
    assert tuple(twin.model.accounts[CHILD].legs) == markets
    for market in markets[::-1]:
        twin.close(market, CHILD, TRADERS[0])
    assert twin.model.accounts[CHILD].flat

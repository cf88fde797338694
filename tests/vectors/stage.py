"""Known answers as data: reads a file of them, and plays each case on the venue that it names.

A file names a preset, where its figures come from, and what of the preset it sets otherwise. A case
opens accounts and their positions at `entry`, moves the mark, runs the waterfall for `loser`, and
says what accounts are left with.
"""

from __future__ import annotations

from decimal import ROUND_CEILING, Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from spillway import presets, tables
from spillway.model.policies import INDEXES, PROFITS, contract_name
from spillway.preset_rules import (
    adl_rules,
    counterparty_terms,
    fund_rules,
    index_rules,
    layer,
    liquidation_rules,
    profit_rules,
)
from spillway.rules import NOBODY, PPM
from spillway.tables import Number, Table, Text, Whole
from tests import bench as benches
from tests.bench import BEHIND_THE_BOOK, DEFICIT, IOC, USD
from tests.chain import refused

if TYPE_CHECKING:
    from collections.abc import Iterator

    from spillway.build import Artifacts
    from spillway.engines import Address, Engine
    from spillway.presets import Preset
    from tests.bench import Bench

FOLDER = Path(__file__).parent


class Market(Table):
    """A market: its leverage, and the course of its price in USD a coin."""

    max_leverage: Whole
    entry: Number  # at which all positions are opened
    mark: Number  # at which the waterfall runs
    size_decimals: Whole = 0


class Trader(Table):
    """An account before the mark moves: coins by market, and one of the ways to tell its cash."""

    name: Text
    coins: tuple[Number, ...]
    margin: Number | None = None  # collateral paid in, USD
    quote: Number | None = None  # USD after the positions are paid for


class Bid(Table):
    """An order that rests when the waterfall runs: coins > 0 bids, < 0 asks."""

    coins: Number
    price: Number
    market: Whole = 0


class Pass(Table):
    """A trade between two accounts once the mark has moved."""

    seller: Text
    buyer: Text
    coins: Number
    price: Number
    market: Whole = 0


class End(Table):
    """What an account is left with; what is not told is not asked for."""

    name: Text
    coins: tuple[Number, ...] | None = None
    margin: Number | None = None  # cash, with what is open at its entry
    quote: Number | None = None
    equity: Number | None = None
    gained: Number | None = None  # of equity, since the mark moved
    quote_gained: Number | None = None  # since the mark moved, rounded up to a unit of the case
    lost_a_coin: Number | None = None  # of equity, since the mark moved, rounded up likewise


class Case(Table):
    """A known answer."""

    name: Text
    loser: Text = "loser"
    markets: Annotated[tuple[Market, ...], Field(min_length=1)]
    accounts: tuple[Trader, ...]
    passes: tuple[Pass, ...] = ()
    book: tuple[Bid, ...] = ()
    fund: Number = Decimal(1_000)
    pool: Number | None = None  # what a counterparty has, `pool` being its account; it is short
    limited: bool = False  # whether too much is pending against it
    liquidatable: bool = True
    layers: tuple[Literal["book", "limit", "adl"], ...] = ("book", "adl")
    fills: Whole | None = None  # of auto-deleveraging, where it stops short
    ends: tuple[End, ...]
    fund_gained: Number | None = None
    deficit: Number = Decimal(0)
    unit: Number = Decimal(1).scaleb(-18)  # USD


class Vectors(Table):
    """A file of known answers."""

    venue: Text
    source: Text
    note: Text | None = None
    sets: dict[str, dict[str, Any]] = Field(default_factory=dict)  # keys of the preset, by table
    cases: tuple[Case, ...]


def read(name: str) -> Vectors:
    """Read a file of this folder."""
    return tables.read(FOLDER / f"{name}.toml", Vectors)


def cases() -> Iterator[tuple[Vectors, Case]]:
    """Yield every case of every file, with its file."""
    for path in sorted(FOLDER.glob("*.toml")):
        vectors = read(path.stem)
        for case in vectors.cases:
            yield vectors, case


def ruled(vectors: Vectors) -> Preset:
    """Return the preset of a file, with what the file sets otherwise. Raises BadInput."""
    preset = presets.load(presets.find(vectors.venue))
    told = preset.model_dump()
    for table, keys in vectors.sets.items():
        told[table] = {**(told[table] or {}), **keys}
    return tables.shaped(told, type(preset), vectors.venue)


def deploy(
    vectors: Vectors, engine: Engine, artifacts: Artifacts, admin: Address, keeper: Address
) -> Bench:
    """Deploy the venue of a file: trades are free of fees, vault and providers have nothing."""
    preset = ruled(vectors)
    behind = {told.by: layer(told, NOBODY) for told in preset.backstops}
    fund = fund_rules(preset.insurance, preset.vault, 0)[0] if preset.insurance else None
    policy = preset.adl.policy
    return benches.deploy(
        engine,
        artifacts,
        admin,
        keeper,
        policy=contract_name(policy),
        liquidation=liquidation_rules(preset),
        layer=behind.get("vault", BEHIND_THE_BOOK),
        providers=behind.get("providers"),
        counterparty=counterparty_terms(preset.counterparty) if preset.counterparty else None,
        fund=fund,
        closing=adl_rules(preset, NOBODY),
        index=index_rules(preset, NOBODY) if policy in INDEXES else None,
        profit=profit_rules(preset, NOBODY) if policy in PROFITS else None,
    )


class Stage:
    """A case on its venue."""

    def __init__(self, case: Case, bench: Bench) -> None:
        """List the markets, open the accounts and their positions, and move the mark."""
        self.case, self.bench = case, bench
        for market in case.markets:
            bench.list_market(market.max_leverage, market.size_decimals, cap=10**15)
        bench.mark(*(self.lot(n, market.entry) for n, market in enumerate(case.markets)))
        if bench.fund is not None:
            bench.open_fund("fund", case.fund)
        if case.pool is not None:
            bench.open_pooled("pool", case.pool)
        for told in case.accounts:
            bench.open(told.name, self._collateral(told))
        for number in range(len(case.markets)):
            if case.pool is None:
                self._trade(number)
            else:
                self._buy(number)
        bench.mark(*(self.lot(n, market.mark) for n, market in enumerate(case.markets)))
        for trade in case.passes:
            buyer, seller = bench.accounts[trade.buyer], bench.accounts[trade.seller]
            lots, price = self.lots(trade.market, trade.coins), self.lot(trade.market, trade.price)
            bench.trade(buyer, seller, lots, price, trade.market)
        for place, order in enumerate(case.book):
            maker = bench.open(f"maker {place}", 10**9)
            price = self.lot(order.market, order.price)
            bench.place(maker, self.lots(order.market, order.coins), price, market=order.market)
        self.before = {name: (bench.equity(n), bench.quote(n)) for name, n in self.named()}

    def play(self) -> None:
        """Run the waterfall for the loser, as far as the case goes."""
        loser = self.bench.accounts[self.case.loser]
        for layer_of in self.case.layers:
            if layer_of == "book":
                self.bench.liquidate(loser)
            elif layer_of == "limit":
                self._limit()
            elif self.case.fills is None:
                self.bench.deleverage(loser)
            else:
                self._close(loser, self.case.fills)

    def check(self) -> None:
        """Assert what the case says of its accounts, of the fund, and of what nobody bore."""
        for told in self.case.ends:
            self._check(told)
        if self.case.fund_gained is not None:
            assert self._gained("fund") == self.case.fund_gained
        assert self.bench.equity(DEFICIT) == -self.case.deficit
        assert self.bench.total_equity() == self.bench.cash()

    def named(self) -> list[tuple[str, int]]:
        """Accounts by name."""
        return list(self.bench.accounts.items())

    def lot(self, market: int, price: Decimal) -> Decimal:
        """Return USD a lot, from USD a coin."""
        return price.scaleb(-self.case.markets[market].size_decimals)

    def lots(self, market: int, coins: Decimal) -> int:
        """Return lots, signed as the coins."""
        lots = coins.scaleb(self.case.markets[market].size_decimals)
        assert lots == int(lots), f"{coins} coins are no whole number of lots"
        return int(lots)

    def _coins(self, account: int, market: int) -> Decimal:
        decimals = self.case.markets[market].size_decimals
        return Decimal(self.bench.size(account, market)).scaleb(-decimals)

    def _collateral(self, told: Trader) -> Decimal:
        if told.margin is not None:
            return told.margin
        assert told.quote is not None, f"{told.name} has neither margin nor quote"
        pairs = zip(told.coins, self.case.markets, strict=True)
        return told.quote + sum(coins * market.entry for coins, market in pairs)

    def _trade(self, market: int) -> None:
        """Let the long buy from the short, in the order of the file."""
        price = self.lot(market, self.case.markets[market].entry)
        wanted = [
            [self.bench.accounts[t.name], self.lots(market, t.coins[market])]
            for t in self.case.accounts
        ]
        longs = [each for each in wanted if each[1] > 0]
        shorts = [each for each in wanted if each[1] < 0]
        assert sum(lots for _, lots in wanted) == 0, "positions of a market must add up to 0"
        while longs:
            buyer, seller = longs[0], shorts[0]
            lots = min(buyer[1], -seller[1])
            self.bench.trade(buyer[0], seller[0], lots, price, market)
            buyer[1], seller[1] = buyer[1] - lots, seller[1] + lots
            longs, shorts = [e for e in longs if e[1]], [e for e in shorts if e[1]]

    def _buy(self, market: int) -> None:
        """Let the longs buy from the pool, whose ask is at the entry: the index is below."""
        price = self.lot(market, self.case.markets[market].entry)
        prices = [self.lot(n, told.entry) for n, told in enumerate(self.case.markets)]
        below = price * (1 - Decimal(self.bench.pooled.call.terms().spread) / PPM)
        self.bench.mark(*prices[:market], below, *prices[market + 1 :])
        for told in self.case.accounts:
            lots = self.lots(market, told.coins[market])
            assert lots > 0, "whoever trades against the pool is long"
            self.bench.requote(market)
            assert self.bench.tops(market)[1] == int(price * USD)
            self.bench.place(self.bench.accounts[told.name], lots, price, IOC, market)
            assert self.bench.size(self.bench.accounts[told.name], market) == lots

    def _limit(self) -> None:
        """Have the pool limit what is won from it in the first market, where that is too much."""
        if self.case.limited:
            self.bench.limit()
        else:
            with refused("counterparty: within its limit"):
                self.bench.limit()

    def _close(self, loser: int, fills: int) -> None:
        """Close a loser step by step, and stop after so many fills."""
        bench, by = self.bench, {"sender": self.bench.keeper}
        plans = bench.plans(loser)
        bench.adl.transact.open_jobs(loser, [(plan.market, plan.threshold) for plan in plans], **by)
        for plan in plans:
            bench.adl.transact.scan(plan.market, plan.longs, 1_000, **by)
            bench.adl.transact.order(plan.market, plan.longs, 0, list(plan.order), **by)
        bench.adl.transact.close(loser, fills, **by)

    def _gained(self, name: str) -> Decimal:
        return Decimal(self.bench.equity(self.bench.accounts[name]) - self.before[name][0])

    def _check(self, told: End) -> None:
        bench, account = self.bench, self.bench.accounts[told.name]
        markets = range(len(self.case.markets))
        coins = [self._coins(account, market) for market in markets]
        quote = Decimal(bench.quote(account))
        opened = sum(c * m.entry for c, m in zip(coins, self.case.markets, strict=True))
        units = (quote - self.before[told.name][1]) / self.case.unit
        found = {
            "coins": tuple(coins),
            "margin": quote + opened,
            "quote": quote,
            "equity": Decimal(bench.equity(account)),
            "gained": self._gained(told.name),
            "quote_gained": units.to_integral_value(ROUND_CEILING) * self.case.unit,
        }
        if any(coins):
            a_coin = -self._gained(told.name) / sum(map(abs, coins))
            found["lost_a_coin"] = a_coin.quantize(self.case.unit, ROUND_CEILING)
        asked = told.model_dump(exclude={"name"}, exclude_none=True)
        assert {key: found[key] for key in asked} == asked

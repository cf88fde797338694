"""Auto-deleveraging against the model: the same winners, lots, quotes and gaps, to the unit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from spillway.model.adl import Jobs, deleverage, queue
from spillway.model.margin import Market, Tier
from spillway.model.policies.hyperliquid_queue import score as hyperliquid_queue
from spillway.model.pool import Pool, Update
from tests.bench import USD
from tests.rng import seeded
from tests.unit.contracts.adl.stage import ranked
from tests.unit.contracts.hand import MARKETS, START, hand

if TYPE_CHECKING:
    from random import Random

    from spillway.engines import Receipt
    from spillway.model.adl import Outcome
    from tests.bench import Bench

Row = tuple[int, ...]


@dataclass
class Twins:
    """A venue on chain and its model, in the same state."""

    bench: Bench
    model: Pool
    rng: Random

    def open(self, units: int) -> int:
        """An account with this many units of collateral, 1e-6 USD each."""
        account = self.model.open_account("trader")
        owner = self.bench.engine.sender(20)
        opened = self.bench.pool.transact.open_account(sender=owner)
        assert opened.named("AccountOpened")[0].account == account
        if units:
            self.model.deposit(account, units)
            self.bench.usdc.transact.mint(owner, units, sender=owner)
            self.bench.usdc.transact.approve(self.bench.custody.address, units, sender=owner)
            self.bench.custody.transact.deposit(account, units, sender=owner)
        return account

    def exchange(self, market: int, buyer: int, seller: int, lots: int, quote: int) -> None:
        """Pass a position on both."""
        self.model.exchange(market, buyer, seller, lots, quote)
        self.bench.pool.transact.exchange(
            market, buyer, seller, lots, quote, sender=hand(self.bench)
        )

    def advance(self, marks: list[int], funding: list[int]) -> None:
        """Open an epoch on both."""
        updates = list(zip(range(MARKETS), marks, marks, funding, strict=True))
        self.model.mine(1)
        self.model.advance([Update(*update) for update in updates])
        self.bench.pool.transact.advance(updates, sender=self.bench.oracle)

    def price(self, market: int, spread: float) -> int:
        """A price around the market's start, quote per lot; not a round number."""
        usd = START[market] * (1 + self.rng.uniform(-spread, spread))
        return max(int(usd * 10**6), 1) * 10**12 + self.rng.randrange(1_000)


def build(bench: Bench, rng: Random) -> Twins:
    """Random accounts, positions, marks and funding, such that some are below zero."""
    twins = Twins(bench, Pool(), rng)
    for _ in START:
        listed = Market((Tier(0, 5),), size_decimals=0, max_age=3_600, open_interest_cap=10**12)
        twins.model.list_market(listed)
    twins.advance([usd * USD for usd in START], [0] * MARKETS)
    accounts = [twins.open(rng.choice([0, 1, 30, 90, 300]) * 10**6) for _ in range(7)]
    for _ in range(rng.randrange(6, 16)):
        buyer, seller = rng.sample(accounts, 2)
        market, lots = rng.randrange(MARKETS), rng.randrange(1, 9)
        price = twins.price(market, 0.3)
        twins.exchange(market, buyer, seller, lots, lots * price + rng.randrange(-3, 4))
    for _ in range(2):
        marks = [twins.price(market, 0.5) for market in range(MARKETS)]
        twins.advance(marks, [rng.randrange(-(10**17), 10**17) for _ in range(MARKETS)])
    return twins


def below_zero(pool: Pool) -> list[int]:
    return [n for n, account in pool.accounts.items() if account.trader and pool.equity(n) < 0]


def close_in_model(pool: Pool, loser: int, jobs: Jobs | None = None) -> Outcome:
    outcome = deleverage(pool, loser, hyperliquid_queue, jobs)
    if outcome.unborne:
        pool.write_off(loser)
    return outcome


def expected(outcome: Outcome) -> list[Row]:
    return [(h.market, h.account, h.lots, h.quote, h.taken, h.won) for h in outcome.hits]


def told(receipt: Receipt, loser: int) -> list[Row]:
    return [
        (f.market, f.winner, f.lots, f.quote, f.taken, f.won)
        for f in receipt.named("Deleveraged")
        if f.account == loser
    ]


def borne(outcome: Outcome) -> dict[tuple[int, int], int]:
    return {(hit.market, hit.account): hit.gap for hit in outcome.hits if hit.gap}


def paid(receipt: Receipt, loser: int) -> dict[tuple[int, int], int]:
    amounts: dict[tuple[int, int], int] = {}
    for gap in receipt.named("GapBorne"):
        if gap.account == loser:
            place = gap.market, gap.winner
            amounts[place] = amounts.get(place, 0) + gap.amount
    return amounts


def compare(twins: Twins, receipt: Receipt, outcomes: dict[int, Outcome]) -> None:
    closed = {event.account: event for event in receipt.named("Closed")}
    assert set(closed) == set(outcomes)
    for loser, outcome in outcomes.items():
        assert told(receipt, loser) == expected(outcome)
        assert paid(receipt, loser) == borne(outcome)
        assert (closed[loser].gap, closed[loser].left) == (outcome.gap, outcome.unborne)
    for account in twins.model.accounts:
        for market in range(MARKETS):
            leg = twins.model.leg(account, market)
            held = twins.bench.pool.call.position(account, market)
            assert (held.size, held.cost) == (leg.size, leg.cost)
        assert twins.bench.pool.call.health(account).equity == twins.model.equity(account)


@pytest.mark.parametrize("seed", range(10))
def test_losers_one_after_another_by_the_keepers_plans(bench: Bench, seed: int) -> None:
    twins = build(bench, seeded(seed))
    losers = below_zero(twins.model)
    assert losers
    for loser in losers:
        if twins.model.equity(loser) < 0:
            receipt = bench.deleverage(loser)
            compare(twins, receipt, {loser: close_in_model(twins.model, loser)})


@pytest.mark.parametrize("seed", range(100, 106))
def test_all_losers_in_one_call_with_everyone_enrolled(bench: Bench, seed: int) -> None:
    twins = build(bench, seeded(seed))
    losers = below_zero(twins.model)
    twins.rng.shuffle(losers)
    sides = sorted(
        {
            (market, leg.size < 0)
            for loser in losers
            for market, leg in twins.model.accounts[loser].legs.items()
        }
    )
    plans = [(market, longs, 0, ranked(bench, market, longs=longs)) for market, longs in sides]
    jobs: Jobs = {
        (market, longs): queue(twins.model, market, longs=longs, score=hyperliquid_queue)
        for market, longs in sides
    }
    outcomes = {
        loser: close_in_model(twins.model, loser, jobs)
        for loser in losers
        if twins.model.equity(loser) < 0
    }

    receipt = bench.adl.transact.deleverage(losers, plans, sender=bench.keeper)

    compare(twins, receipt, outcomes)
    assert len(receipt.named("JobEnded")) == len(receipt.named("JobOpened"))

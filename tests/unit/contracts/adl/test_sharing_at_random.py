"""Sharing on states drawn by chance: the sums hold, and nobody is made to owe."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from spillway.model.policies import SHARES, contract_name
from tests.bench import DEFICIT, USD
from tests.rng import seeded
from tests.unit.contracts.adl import sharing
from tests.unit.contracts.hand import START, sums_hold, swap

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from spillway.build import Artifacts
    from spillway.engines import Address, Engine
    from tests.bench import Bench

HOLDERS = 40  # more than a page of 32
STATES = 6


@pytest.fixture(scope="module")
def deployed(
    engine: Engine, artifacts: Artifacts, admin: Address, keeper: Address
) -> Callable[[str], Bench]:
    found = {
        name: sharing.deploy(engine, artifacts, admin, keeper, contract_name(name))
        for name in SHARES
    }
    return lambda name: replace(found[name], accounts={}, owners={})


def draw(bench: Bench, rng: Random) -> list[int]:
    """Holders of both sides of two markets at any entry, some of them poor; three losers."""
    for index in range(HOLDERS):
        bench.open(str(index), rng.choice((1, 20, 500, 9_000)))
    accounts = list(bench.accounts.values())
    for market, price in ((0, 100), (1, 50)):
        for _ in range(HOLDERS):
            buyer, seller = rng.sample(accounts, 2)
            entry = Decimal(price * rng.randrange(80, 121)) / 100
            swap(bench, buyer, seller, rng.randrange(1, 30), entry, market)
    losers = [bench.open(f"loser {n}", rng.randrange(1, 300)) for n in range(3)]
    for loser in losers:
        for market, price in ((0, 100), (1, 50)):
            for _ in range(rng.randrange(1, 4)):
                buyer, seller = rng.sample([loser, rng.choice(accounts)], 2)
                swap(bench, buyer, seller, rng.randrange(1, 40), price, market)
    while not any(bench.equity(loser) < 0 for loser in losers):
        bench.mark(rng.randrange(60, 140), rng.randrange(30, 70), START[2], funding=[1, -1, 0])
    return losers


@pytest.mark.parametrize("state", range(STATES))
@pytest.mark.parametrize("name", SHARES)
def test_a_closing_conserves_and_makes_nobody_owe(
    deployed: Callable[[str], Bench], name: str, state: int
) -> None:
    bench = deployed(name)
    losers = [n for n in draw(bench, seeded(f"sharing {state}")) if bench.equity(n) < 0]
    for loser in losers:
        others = [n for n in bench.accounts.values() if n != loser]
        before = {n: bench.equity(n) for n in others}
        sizes = {market: abs(bench.size(loser, market)) for market in bench.legs(loser)}
        lacks, deficit = -bench.equity(loser), bench.equity(DEFICIT)

        receipt = bench.deleverage(loser)

        assert bench.legs(loser) == []
        assert bench.equity(loser) == 0
        fills = receipt.named("Deleveraged")
        for market, size in sizes.items():
            assert sum(fill.lots for fill in fills if fill.market == market) == size
        after = {n: bench.equity(n) for n in others}
        assert all(after[n] >= min(before[n], 0) for n in others)
        lost = sum(before[n] - after[n] for n in others)
        written_off = deficit - bench.equity(DEFICIT)
        assert lost + written_off == lacks
        # Nobody who was hit has kept of what it won while something was written off.
        for winner in {fill.winner for fill in fills} if written_off else ():
            won = Decimal(sum(f.won for f in fills if f.winner == winner)) / USD
            paid = Decimal(sum(g.amount for g in receipt.named("GapBorne") if g.winner == winner))
            assert after[winner] <= 0 or paid / USD == won
        assert sums_hold(bench)

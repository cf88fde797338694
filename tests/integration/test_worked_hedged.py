"""The worked example of a hedged account, every line of it, on chain.

Fee 0, maximum leverage 5: initial margin 20 %, maintenance 10 %. Amounts are USD.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from tests import bench as benches
from tests.bench import USD, Bench

if TYPE_CHECKING:
    from spillway.build import Artifacts
    from spillway.engines import Address, Engine
    from tests.bench import Usd

A, B = 0, 1
LONGS = True


@pytest.fixture
def bench(engine: Engine, artifacts: Artifacts, admin: Address, keeper: Address) -> Bench:
    """X long A against Y and short B against Z; marks 100/50, 70/48, then 64/46."""
    venue = benches.deploy(engine, artifacts, admin, keeper)
    venue.list_at(100, 50)
    for name, usd in {"X": 300, "Y": 300, "Z": 110}.items():
        venue.open(name, usd)
    a = venue.accounts
    venue.trade(a["X"], a["Y"], 10, 100, A)
    venue.trade(a["Z"], a["X"], 10, 50, B)
    venue.mark(70, 48)
    venue.mark(64, 46)
    return venue


def at_previous_marks(bench: Bench, name: str) -> Usd:
    """What an account would have if all its legs were closed at the previous marks."""
    account = bench.accounts[name]
    value = sum(
        bench.size(account, market) * bench.pool.call.market(market).previous_mark
        for market in (A, B)
    )
    return bench.quote(account) + Decimal(value) / USD


def ends(bench: Bench) -> dict[str, tuple[int, int, Usd]]:
    return {
        name: (bench.size(account, A), bench.size(account, B), bench.equity(account))
        for name, account in bench.accounts.items()
    }


def test_the_loser_is_below_zero_though_it_was_not_at_the_previous_marks(bench: Bench) -> None:
    assert bench.equity(bench.accounts["X"]) == -20
    assert at_previous_marks(bench, "X") == 20


def test_who_stands_against_the_hedge_has_no_profit(bench: Bench) -> None:
    market = bench.pool.call.market(B)
    (holder,) = bench.pool.call.candidates(B, LONGS, 0, 1, market.mark, market.funding)
    assert (holder.account, holder.pnl) == (bench.accounts["Z"], -40 * USD)


def test_the_winner_is_closed_at_the_previous_mark_and_the_other_at_mark(bench: Bench) -> None:
    a = bench.accounts
    bench.liquidate(a["X"])
    fills = bench.deleverage(a["X"]).named("Deleveraged")
    got = [(f.market, f.winner, Decimal(f.quote) / f.lots / USD, f.tier) for f in fills]
    assert got == [(A, a["Y"], 70, 1), (B, a["Z"], 46, 2)]


def test_all_three_end_flat_with_40_600_and_70(bench: Bench) -> None:
    bench.liquidate(bench.accounts["X"])
    bench.deleverage(bench.accounts["X"])
    assert ends(bench) == {"X": (0, 0, 40), "Y": (0, 0, 600), "Z": (0, 0, 70)}
    assert bench.total_equity() == bench.cash() == 710


def test_all_legs_at_the_previous_marks_would_have_given_20_600_and_90(bench: Bench) -> None:
    got = [at_previous_marks(bench, name) for name in "XYZ"]
    assert got == [20, 600, 90]


def test_winners_alone_would_have_left_the_loser_stuck_with_the_hedge(bench: Bench) -> None:
    loser = bench.accounts["X"]
    bench.liquidate(loser)
    for market in (A, B):
        bench.adl.transact.open_jobs(loser, [(market, 0)], sender=bench.keeper)
        longs = market == B
        bench.adl.transact.scan(market, longs, 32, sender=bench.keeper)
        bench.adl.transact.order(market, longs, 0, [0], sender=bench.keeper)

    bench.adl.transact.close(loser, 1, sender=bench.keeper)

    assert (bench.size(loser, A), bench.size(loser, B)) == (0, -10)
    health = bench.pool.call.health(loser)
    assert (health.equity, health.maintenance) == (40 * USD, 46 * USD)

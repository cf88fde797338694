"""Funding, hour by hour: it passes from side to side to the last unit, and alone can bankrupt.

Fee 0, maximum leverage 40: initial margin 2.5 %, maintenance 1.25 %. Amounts are USD.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests import bench as benches
from tests.bench import USD, Bench

if TYPE_CHECKING:
    from spillway.build import Artifacts
    from spillway.engines import Address, Engine

TAKEN_OVER, BELOW_ZERO = 5, 6
CASH = 25 + 2_000 + 300


@pytest.fixture
def bench(engine: Engine, artifacts: Artifacts, admin: Address, keeper: Address) -> Bench:
    """A long of 10 at 100 with 25, at 40x; two shorts of 6 and 4."""
    venue = benches.deploy(engine, artifacts, admin, keeper)
    venue.list_market(max_leverage=40)
    venue.mark(100)
    for name, usd in {"long": 25, "short": 2_000, "small": 300}.items():
        venue.open(name, usd)
    venue.open_backstop("child", 0)
    a = venue.accounts
    venue.trade(a["long"], a["short"], 6, 100)
    venue.trade(a["long"], a["small"], 4, 100)
    return venue


def accrue(bench: Bench, quote_a_lot: int) -> None:
    """An hour's funding at an unchanged mark."""
    update = (0, 100 * USD, 100 * USD, quote_a_lot)
    bench.pool.transact.advance([update], sender=bench.oracle)


def test_an_hour_passes_from_the_longs_to_the_shorts(bench: Bench) -> None:
    """0.01 % in 8 hours is 0.00125 a lot in one."""
    a = bench.accounts
    hour = 100 * USD // 10_000 // 8
    for count in range(1, 25):
        accrue(bench, hour)
        equity = {name: bench.pool.call.health(a[name]).equity for name in a}
        assert equity["long"] == 25 * USD - 10 * hour * count
        assert equity["short"] == 2_000 * USD + 6 * hour * count
        assert equity["small"] == 300 * USD + 4 * hour * count
        assert sum(equity.values()) == CASH * USD


def test_negative_funding_passes_the_other_way_and_nothing_is_lost_in_odd_units(
    bench: Bench,
) -> None:
    a = bench.accounts
    for delta in (-7, 3, -(10**9) - 1, 5):
        accrue(bench, delta)
    total = -7 + 3 - 10**9 - 1 + 5
    assert bench.pool.call.health(a["long"]).equity == 25 * USD - 10 * total
    assert bench.total_equity() == bench.cash() == CASH


def test_without_open_interest_funding_moves_and_nobody_pays(bench: Bench) -> None:
    a = bench.accounts
    bench.trade(a["short"], a["long"], 6, 100)
    bench.trade(a["small"], a["long"], 4, 100)
    accrue(bench, USD)
    assert bench.pool.call.market(0).funding == USD
    assert [bench.equity(a[name]) for name in ("long", "short", "small")] == [25, 2_000, 300]


def test_who_enters_after_the_hour_does_not_pay_for_it(bench: Bench) -> None:
    a = bench.accounts
    accrue(bench, USD)
    bench.open("late", 1_000)
    bench.trade(a["late"], a["short"], 5, 100)
    assert bench.equity(a["late"]) == 1_000
    accrue(bench, USD)
    assert bench.equity(a["late"]) == 995


def test_funding_alone_leads_to_a_takeover(bench: Bench) -> None:
    """1.8 % an hour leaves 7 of 25, less than two thirds of the 12.5 that it needs."""
    a = bench.accounts
    accrue(bench, 9 * USD // 5)
    receipt = bench.liquidate(a["long"])
    assert receipt.named("Judged")[0].outcome == TAKEN_OVER
    assert bench.at(a["long"]) == (0, 0)
    assert bench.at(a["child"]) == (10, 7 - 1_000)
    assert bench.total_equity() == bench.cash() == CASH


def test_funding_alone_can_bankrupt_and_those_who_got_it_bear_the_gap(bench: Bench) -> None:
    """4 % an hour: 25 becomes -15 at an unchanged mark; the shorts' profit is the funding."""
    a = bench.accounts
    accrue(bench, 4 * USD)
    assert bench.equity(a["long"]) == -15
    assert bench.liquidate(a["long"]).named("Judged")[0].outcome == BELOW_ZERO
    receipt = bench.deleverage(a["long"])
    fills = [(f.winner, f.lots, f.quote, f.tier, f.won) for f in receipt.named("Deleveraged")]
    assert fills == [
        (a["small"], 4, 400 * USD, 1, 16 * USD),
        (a["short"], 6, 600 * USD, 1, 24 * USD),
    ]
    assert [event.amount // USD for event in receipt.named("GapBorne")] == [15]
    ends = {name: bench.equity(a[name]) for name in ("long", "small", "short")}
    assert ends == {"long": 0, "small": 300 + 16 - 15, "short": 2_024}
    assert bench.total_equity() == bench.cash() == CASH

"""The vault's child takes over two accounts, falls below zero itself, and is deleveraged.

Fee 0, maximum leverage 5. Amounts are USD.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from spillway.model.policies import SHARES, contract_name
from tests import bench as benches
from tests.bench import DEFICIT, USD, Bench

if TYPE_CHECKING:
    from spillway.build import Artifacts
    from spillway.engines import Address, Engine

CASH = 240 + 200 + 600 + 90 + 40
BELOW_ZERO = 6


@pytest.fixture
def bench(engine: Engine, artifacts: Artifacts, admin: Address, keeper: Address) -> Bench:
    """The venue of Hyperliquid."""
    return taken_over(benches.deploy(engine, artifacts, admin, keeper))


@pytest.fixture(params=SHARES)
def sharing(
    engine: Engine,
    artifacts: Artifacts,
    admin: Address,
    keeper: Address,
    request: pytest.FixtureRequest,
) -> Bench:
    """The same where lots are shared."""
    name = contract_name(request.param)
    return taken_over(benches.deploy(engine, artifacts, admin, keeper, policy=name))


def taken_over(venue: Bench) -> Bench:
    """At 78/42 the child took over 10 A from first and 8 B from second, with 20 and 36."""
    venue.list_at(100, 50)
    for name, usd in {"first": 240, "second": 100, "bear": 600, "late": 90}.items():
        venue.open(name, usd)
    venue.open_backstop("child", 40)
    a = venue.accounts
    venue.deposit(a["second"], 100)
    venue.trade(a["first"], a["bear"], 10, 100)
    venue.trade(a["second"], a["bear"], 16, 50, market=1)
    venue.mark(88, 44)
    venue.mark(78, 39)
    venue.trade(a["bear"], a["late"], 8, 39, market=1)
    receipt = venue.liquidate(a["first"], a["second"])
    assert len(receipt.named("BackstopEntered")) == 2
    return venue


def test_the_child_holds_what_it_took_over_and_its_margin(bench: Bench) -> None:
    a = bench.accounts
    assert [bench.size(a["child"], market) for market in (0, 1)] == [10, 16]
    assert bench.equity(a["child"]) == 40 + (240 - 220) + (200 - 176)
    assert bench.total_equity() == bench.cash() == CASH


def test_below_zero_it_is_closed_against_the_winners_of_both_markets(bench: Bench) -> None:
    """At 75/36 it has 84 - 30 - 48 = 6; at 73/35 it owes 30, and the previous marks give 36."""
    a = bench.accounts
    bench.mark(75, 36)
    assert bench.equity(a["child"]) == 6
    bench.mark(73, 35)
    assert bench.equity(a["child"]) == -30
    assert bench.liquidate(a["child"]).named("Judged")[0].outcome == BELOW_ZERO

    receipt = bench.deleverage(a["child"])

    fills = [
        (f.market, f.winner, f.lots, f.quote // f.lots // USD) for f in receipt.named("Deleveraged")
    ]
    # 280/122 * 32/312 of late against 280/1_078 * 120/400 of the bear.
    assert fills == [(0, a["bear"], 10, 75), (1, a["late"], 8, 36), (1, a["bear"], 8, 36)]
    assert bench.equity(a["child"]) == 6
    assert bench.pool.call.legs_of(a["child"]) == 0
    assert bench.total_equity() == bench.cash() == CASH


def test_a_gap_of_the_child_is_borne_by_those_who_won(bench: Bench) -> None:
    a = bench.accounts
    bench.mark(70, 33)
    bench.mark(66, 30)
    owed = -bench.equity(a["child"])
    by_price = 10 * 4 + 16 * 3
    receipt = bench.deleverage(a["child"])
    gap = receipt.named("Closed")[0].gap // USD
    assert gap == owed - by_price
    assert sum(event.amount for event in receipt.named("GapBorne")) == gap * USD
    assert bench.equity(a["child"]) == 0
    assert bench.quote(DEFICIT) == 0
    assert bench.total_equity() == bench.cash() == CASH


def test_a_child_that_wins_stands_in_the_queue_like_anyone(bench: Bench) -> None:
    """The mark turns: the bear is below zero, and the child is long and in profit."""
    a = bench.accounts
    bench.mark(150, 60)
    bench.mark(175, 66)
    assert bench.equity(a["bear"]) == 600 - 750 + 8 * 11 - 8 * 16
    assert bench.equity(a["child"]) > 0
    receipt = bench.deleverage(a["bear"])
    winners = {(f.market, f.winner, f.tier) for f in receipt.named("Deleveraged")}
    assert winners == {(0, a["child"], 1), (1, a["child"], 1)}
    assert [bench.size(a["child"], market) for market in (0, 1)] == [0, 8]
    assert bench.total_equity() == bench.cash() == CASH


def test_where_lots_are_shared_it_is_closed_in_both_markets_and_ends_with_nothing(
    sharing: Bench,
) -> None:
    """At 73/35 it owes 30 and has 10 and 16 lots; bear and late have all that is against it."""
    bench, a = sharing, sharing.accounts
    bench.mark(75, 36)
    bench.mark(73, 35)
    assert bench.equity(a["child"]) == -30
    receipt = bench.deleverage(a["child"])
    hit = [(f.market, f.winner, f.lots) for f in receipt.named("Deleveraged")]
    assert hit[0] == (0, a["bear"], 10)
    assert sum(lots for market, _, lots in hit if market == 1) == 16
    assert sum(event.taken for event in receipt.named("Deleveraged")) == 30 * USD
    assert bench.equity(a["child"]) == 0
    assert bench.pool.call.legs_of(a["child"]) == 0
    assert bench.total_equity() == bench.cash() == CASH

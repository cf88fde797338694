"""Takeover by the vault's liquidator child, and how it comes out of what it has taken.

Fee 0, maximum leverage 5. Amounts are USD.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from spillway.errors import Reverted
from tests import bench as benches
from tests.bench import IOC, USD, Bench
from tests.takers import ended

if TYPE_CHECKING:
    from spillway.build import Artifacts
    from spillway.engines import Address, Engine

WAITS, TAKEN_OVER, BELOW_ZERO, PROTOCOL = 4, 5, 6, 7
CASH = 240 + 230 + 1_000 + 2_000 + 50


@pytest.fixture
def bench(engine: Engine, artifacts: Artifacts, admin: Address, keeper: Address) -> Bench:
    """Two longs of 10 at 100 against one short; a maker; a child with 50."""
    venue = benches.deploy(engine, artifacts, admin, keeper)
    venue.list_at(100)
    for name, usd in {"first": 240, "second": 230, "short": 1_000, "maker": 2_000}.items():
        venue.open(name, usd)
    venue.open_backstop("child", 50)
    a = venue.accounts
    venue.trade(a["first"], a["short"], 10, 100)
    venue.trade(a["second"], a["short"], 10, 100)
    return venue


def test_the_remaining_margin_is_the_vaults_profit(bench: Bench) -> None:
    """Two accounts pass with 30 and 20; the child sells all of it at mark and has 50 more."""
    a = bench.accounts
    bench.mark(90)
    bench.mark(79)
    receipt = bench.liquidate(a["first"], a["second"])
    assert [event.outcome for event in receipt.named("Judged")] == [TAKEN_OVER] * 2
    assert bench.at(a["child"]) == (20, 100 - 20 * 79)
    assert [bench.at(a[name]) for name in ("first", "second")] == [(0, 0)] * 2

    bench.place(a["maker"], 20, 79)
    bench.place(a["child"], -20, 79, IOC, reduce_only=True)

    assert bench.at(a["child"]) == (0, 100)
    assert bench.total_equity() == bench.cash() == CASH


def test_the_child_only_sheds(bench: Bench) -> None:
    a = bench.accounts
    bench.mark(79)
    bench.liquidate(a["first"])
    bench.place(a["maker"], -5, 80)
    with pytest.raises(Reverted, match="pool: below initial margin"):
        bench.place(a["child"], 5, 75)
    taken = ended(bench.place(a["child"], 5, 80, IOC))
    assert (taken.filled, taken.end) == (0, 3)
    bench.place(a["maker"], 4, 79)
    bench.place(a["child"], -4, 79, IOC, reduce_only=True)
    assert bench.size(a["child"]) == 6


def test_a_child_in_need_is_not_handed_to_itself(bench: Bench) -> None:
    a = bench.accounts
    bench.mark(79)
    bench.liquidate(a["first"], a["second"])
    health = bench.pool.call.health(a["child"])
    assert 3 * health.equity < 2 * health.maintenance
    receipt = bench.liquidate(a["child"])
    assert receipt.named("Judged")[0].outcome == PROTOCOL
    assert bench.size(a["child"]) == 20


def test_a_child_below_zero_is_deleveraged_before_it_takes_more(bench: Bench) -> None:
    """The second account waits until the child is closed, and is then taken over."""
    a = bench.accounts
    bench.deposit(a["second"], 80)
    bench.mark(79)
    assert [e.outcome for e in bench.liquidate(a["first"]).named("Judged")] == [TAKEN_OVER]
    bench.mark(73)
    bench.mark(70)
    assert bench.equity(a["child"]) == 50 + 30 - 90
    refused = bench.liquidate(a["second"])
    assert refused.named("Judged")[0].outcome == WAITS
    assert refused.named("BackstopRefused")[0].reason == 0

    receipt = bench.deleverage(a["child"])
    assert [(f.winner, f.lots, f.quote) for f in receipt.named("Deleveraged")] == [
        (a["short"], 10, 10 * 73 * USD)
    ]
    assert bench.at(a["child"]) == (0, 20)
    bench.mark(70)
    taken = bench.liquidate(a["second"])
    assert taken.named("Judged")[0].outcome == TAKEN_OVER
    assert bench.at(a["child"]) == (10, 20 + 10 - 700)
    assert bench.total_equity() == bench.cash() == CASH + 80


def test_takeover_at_73_leaves_nothing_and_deleveraging_at_72_leaves_what_the_mark_gives(
    bench: Bench,
) -> None:
    """The switch of the residual: taken over it ends at 0, deleveraged it may keep something."""
    a = bench.accounts
    for mark, outcome in ((76, TAKEN_OVER), (75, BELOW_ZERO)):
        token = bench.engine.snapshot()
        bench.mark(77)
        bench.mark(mark)
        receipt = bench.liquidate(a["first"])
        assert receipt.named("Judged")[0].outcome == outcome
        if outcome == BELOW_ZERO:
            bench.deleverage(a["first"])
        assert bench.at(a["first"]) == (0, 0 if outcome == TAKEN_OVER else 10)
        bench.engine.revert(token)

"""Auto-deleveraging from end to end, the last winner in part: every position came by the book.

Fees 450/150 ppm, maximum leverage 5. Amounts are USD.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from tests import bench as benches
from tests.bench import FEES, USD, Bench

if TYPE_CHECKING:
    from spillway.build import Artifacts
    from spillway.engines import Address, Engine

BELOW_ZERO = 6
TAKER, MAKER = Decimal(450) / 10**6, Decimal(150) / 10**6


@pytest.fixture
def bench(engine: Engine, artifacts: Artifacts, admin: Address, keeper: Address) -> Bench:
    """A loser long 10; shorts a, b, c of different leverage; a saver who holds nothing."""
    venue = benches.deploy(engine, artifacts, admin, keeper, taker_fee=450, maker_fee=150)
    venue.list_at(100)
    crowd = {"loser": 250, "a": 500, "b": 90, "c": 2_000, "whale": 10_000, "saver": 700}
    for name, usd in crowd.items():
        venue.open(name, usd)
    a = venue.accounts
    venue.trade(a["loser"], a["a"], 6, 100)
    venue.trade(a["loser"], a["b"], 4, 100)
    venue.trade(a["whale"], a["a"], 2, 100)
    venue.trade(a["whale"], a["c"], 5, 100)
    venue.mark(76)
    venue.mark(74)
    return venue


def test_the_front_is_closed_whole_and_the_last_in_part(bench: Bench) -> None:
    a = bench.accounts
    assert bench.equity(a["loser"]) == 250 - 260 - 1_000 * TAKER
    before = {name: bench.equity(a[name]) for name in a}
    cash = bench.cash()

    receipt = bench.liquidate(a["loser"])
    assert receipt.named("Judged")[0].outcome == BELOW_ZERO
    receipt = bench.deleverage(a["loser"])

    fills = [(f.winner, f.lots, f.quote, f.tier) for f in receipt.named("Deleveraged")]
    assert fills == [(a["b"], 4, 4 * 76 * USD, 1), (a["a"], 6, 6 * 76 * USD, 1)]
    residual = before["loser"] + 20
    assert bench.at(a["loser"]) == (0, residual)
    assert receipt.named("Closed")[0].residual == residual * USD
    assert bench.at(a["b"]) == (0, before["b"] - 8)
    assert bench.size(a["a"]) == -2
    assert bench.equity(a["a"]) == before["a"] - 12
    assert bench.quote(FEES) == before_fees(bench)
    for name in ("c", "whale", "saver"):
        assert bench.equity(a[name]) == before[name]
    assert bench.total_equity() == bench.cash() == cash


def before_fees(bench: Bench) -> Decimal:
    """Fees of the four trades alone: deleveraging takes none."""
    assert len(bench.accounts) == 6
    return (600 + 400 + 200 + 500) * (TAKER + MAKER)


def test_the_part_that_is_left_has_its_old_entry(bench: Bench) -> None:
    a = bench.accounts
    bench.deleverage(a["loser"])
    held = bench.pool.call.position(a["a"], 0)
    assert (held.size, held.cost) == (-2, -200 * USD)
    bench.mark(70)
    bench.trade(a["a"], a["whale"], 2, 70)
    assert bench.size(a["a"]) == 0
    won = 6 * (100 - 76) + 2 * (100 - 70)
    assert bench.equity(a["a"]) == 500 + won - 800 * MAKER - 140 * TAKER


def test_a_saver_pays_for_nothing(bench: Bench) -> None:
    a = bench.accounts
    bench.deleverage(a["loser"])
    assert bench.at(a["saver"]) == (0, 700)
    assert bench.pool.call.is_senior(a["saver"])
    bench.withdraw(a["saver"], 700)
    bench.mark(74)
    bench.pay_out(a["saver"])
    assert bench.usdc.call.balanceOf(bench.owners[a["saver"]]) == 700 * 10**6


def test_the_winner_that_was_closed_may_open_again_at_once(bench: Bench) -> None:
    a = bench.accounts
    bench.deleverage(a["loser"])
    bench.trade(a["whale"], a["b"], 2, 74)
    assert bench.size(a["b"]) == -2
    assert bench.total_equity() == bench.cash()

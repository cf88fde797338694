"""The worked example of two markets under one margin, every line of it, on chain.

Fee 0, maximum leverage 5: initial margin 20 %, maintenance 10 %. Amounts are USD.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from tests import bench as benches
from tests.bench import USD, Bench

if TYPE_CHECKING:
    from spillway.build import Artifacts
    from spillway.engines import Address, Engine, Receipt

A, B = 0, 1
Rows = list[tuple[Any, ...]]


@pytest.fixture
def bench(engine: Engine, artifacts: Artifacts, admin: Address, keeper: Address) -> Bench:
    """X long in both markets at 100 and 50; at 76/38 Z is short what T was."""
    venue = benches.deploy(engine, artifacts, admin, keeper)
    venue.list_at(100, 50)
    for name, usd in {"X": 250, "U": 150, "W": 200, "T": 40, "Z": 23}.items():
        venue.open(name, usd)
    a = venue.accounts
    venue.trade(a["X"], a["U"], 6, 100, A)
    venue.trade(a["X"], a["W"], 5, 50, B)
    venue.trade(a["X"], a["T"], 3, 50, B)
    venue.mark(76, 38)
    venue.trade(a["T"], a["Z"], 3, 38, B)
    return venue


def crash(bench: Bench) -> Receipt:
    """Marks 70/35 after 74/37, and the keeper closes X."""
    bench.mark(74, 37)
    bench.mark(70, 35)
    bench.liquidate(bench.accounts["X"])
    return bench.deleverage(bench.accounts["X"])


def test_cash_is_663_and_the_first_holder_of_the_short_leaves_with_76(bench: Bench) -> None:
    a = bench.accounts
    assert bench.cash() == 663
    assert bench.at(a["T"], B) == (0, 76)
    assert [bench.size(a[name], B) for name in "XWZ"] == [8, -5, -3]


def test_the_loser_is_ten_short_at_the_previous_marks_and_fifty_at_mark(bench: Bench) -> None:
    loser = bench.accounts["X"]
    bench.mark(74, 37)
    assert bench.equity(loser) == -10
    bench.mark(70, 35)
    assert (bench.quote(loser), bench.equity(loser)) == (-750, -50)
    maintenance = [bench.pool.call.position(loser, m).maintenance // USD for m in (A, B)]
    assert maintenance == [42, 28]


def test_each_market_closes_its_lots_at_the_previous_mark(bench: Bench) -> None:
    a = bench.accounts
    fills = crash(bench).named("Deleveraged")
    got: Rows = [(f.market, f.winner, f.lots, Decimal(f.quote) / USD, f.tier) for f in fills]
    assert got == [(A, a["U"], 6, 444, 1), (B, a["Z"], 3, 111, 1), (B, a["W"], 5, 185, 1)]


def test_the_gap_of_ten_splits_six_to_four_and_no_one_gives_more_than_it_won(
    bench: Bench,
) -> None:
    a = bench.accounts
    receipt = crash(bench)
    gaps = receipt.named("GapBorne")
    parts: Rows = [(g.market, g.winner, Decimal(g.amount) / USD) for g in gaps]
    assert parts == [(A, a["U"], 6), (B, a["Z"], 3), (B, a["W"], 1)]
    by_winner = {f.winner: Decimal(f.won) / USD for f in receipt.named("Deleveraged")}
    assert by_winner[a["Z"]] == 3
    closed = receipt.named("Closed")[0]
    amounts = closed.residual, closed.gap, closed.borne, closed.left
    assert amounts == (0, 10 * USD, 10 * USD, 0)


def test_what_was_taken_is_exactly_what_was_needed(bench: Bench) -> None:
    receipt = crash(bench)
    begun = receipt.named("ClosingBegun")[0]
    by_price = sum(fill.taken for fill in receipt.named("Deleveraged"))
    by_gap = sum(gap.amount for gap in receipt.named("GapBorne"))
    assert (-begun.equity, by_price + by_gap) == (50 * USD, 50 * USD)


def test_everyone_ends_flat_and_the_cash_is_all_there(bench: Bench) -> None:
    a = bench.accounts
    crash(bench)
    ends = {name: bench.equity(a[name]) for name in "XUZWT"}
    assert ends == {"X": 0, "U": 300, "Z": 23, "W": 264, "T": 76}
    assert all(bench.pool.call.legs_of(account) == 0 for account in a.values())
    assert bench.total_equity() == bench.cash() == 663

"""The worked example of one market, every line of it, on chain (docs/waterfall.md tells the story).

Fee 0, maximum leverage 5: initial margin 20 %, maintenance 10 %. Amounts are USD.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from tests import bench as benches
from tests.bench import DEFICIT, Bench

if TYPE_CHECKING:
    from spillway.build import Artifacts
    from spillway.engines import Address, Engine
    from tests.bench import Usd


@pytest.fixture
def bench(engine: Engine, artifacts: Artifacts, admin: Address, keeper: Address) -> Bench:
    """L, H, P, Q, M and the backstop C with their deposits; positions opened at 100; F = 1."""
    venue = benches.deploy(engine, artifacts, admin, keeper)
    venue.list_at(100)
    for name, usd in {"L": 200, "H": 170, "P": 310, "Q": 126, "M": 200}.items():
        venue.open(name, usd)
    venue.open_backstop("C", 20)
    a = venue.accounts
    venue.trade(a["L"], a["P"], 10, 100)
    venue.trade(a["H"], a["Q"], 6, 100)
    venue.mark(100, funding=[1])
    return venue


def state(bench: Bench, names: str) -> dict[str, tuple[int, Usd]]:
    return {name: bench.at(bench.accounts[name]) for name in names}


def book_step(bench: Bench) -> None:
    """Mark 88: bids of M at 86 and 80."""
    bench.mark(88)
    bench.place(bench.accounts["M"], 4, 86)
    bench.place(bench.accounts["M"], 3, 80)
    bench.liquidate(bench.accounts["L"])


def takeover_step(bench: Bench) -> None:
    """Mark 82, no bids."""
    maker = bench.accounts["M"]
    for order in bench.book.call.orders_of(maker):
        bench.book.transact.cancel(order, sender=bench.owners[maker])
    bench.mark(82)
    bench.liquidate(bench.accounts["L"])


def adl_step(bench: Bench, order: str = "HC") -> None:
    """Mark 72 after 74."""
    bench.mark(74)
    bench.mark(72)
    losers = [bench.accounts[name] for name in order]
    bench.liquidate(*losers)
    bench.deleverage(*losers)


def test_positions_open_and_funding_moves_quote(bench: Bench) -> None:
    expected = {"L": (10, -810), "H": (6, -436), "P": (-10, 1_320), "Q": (-6, 732)}
    assert state(bench, "LHPQ") == expected
    equities = {name: bench.equity(bench.accounts[name]) for name in "LHPQ"}
    assert equities == {"L": 190, "H": 164, "P": 320, "Q": 132}


def test_the_book_takes_what_is_above_the_bankruptcy_limit(bench: Bench) -> None:
    book_step(bench)
    assert state(bench, "LM") == {"L": (6, -466), "M": (4, -144)}
    assert bench.equity(bench.accounts["L"]) == 62
    assert bench.equity(bench.accounts["M"]) == 208


def test_the_limit_is_mark_less_equity_per_lot(bench: Bench) -> None:
    bench.mark(88)
    receipt = bench.liquidate(bench.accounts["L"])
    (entered,) = receipt.named("BookEntered")
    assert entered.limit == 81 * benches.USD


def test_the_backstop_takes_over_and_leaves_exactly_zero(bench: Bench) -> None:
    book_step(bench)
    takeover_step(bench)
    assert state(bench, "LC") == {"L": (0, 0), "C": (6, -446)}
    assert bench.equity(bench.accounts["C"]) == 46
    assert bench.equity(bench.accounts["H"]) == 56
    assert bench.legs(bench.accounts["L"]) == []


def test_winners_are_closed_in_ranked_order_and_bear_the_gap(bench: Bench) -> None:
    book_step(bench)
    takeover_step(bench)
    adl_step(bench)
    expected = {
        "L": (0, 0),
        "H": (0, 8),
        "Q": (0, 288),
        "C": (0, 0),
        "P": (-4, 874),
        "M": (4, -144),
    }
    assert state(bench, "LHQCPM") == expected
    ends = {name: bench.equity(bench.accounts[name]) for name in "LHPQMC"}
    assert ends == {"L": 0, "H": 8, "P": 586, "Q": 288, "M": 144, "C": 0}
    assert bench.total_equity() == bench.cash() == 1_026


def test_what_was_taken_is_what_was_needed_and_the_residual(bench: Bench) -> None:
    book_step(bench)
    takeover_step(bench)
    bench.mark(74)
    bench.mark(72)
    losers = [bench.accounts["H"], bench.accounts["C"]]
    needed = -sum(bench.equity(loser) for loser in losers)
    receipt = bench.deleverage(*losers)
    by_price = sum(fill.taken for fill in receipt.named("Deleveraged"))
    by_gap = sum(gap.amount for gap in receipt.named("GapBorne"))
    taken: Usd = Decimal(by_price + by_gap) / benches.USD
    residual = sum(closed.residual for closed in receipt.named("Closed"))
    assert (needed, taken, taken - needed) == (18, 26, 8)
    assert residual == 8 * benches.USD


def test_the_order_of_losers_moves_small_amounts_between_winners(bench: Bench) -> None:
    book_step(bench)
    takeover_step(bench)
    adl_step(bench, order="CH")
    ends = {name: bench.equity(bench.accounts[name]) for name in "PQ"}
    assert ends == {"P": 588, "Q": 286}
    assert bench.total_equity() == bench.cash() == 1_026


def test_a_loss_that_nobody_can_bear_is_a_deficit_and_seniors_are_paid(bench: Bench) -> None:
    book_step(bench)
    takeover_step(bench)
    adl_step(bench)
    a = bench.accounts
    bench.withdraw(a["M"], 86)
    bench.mark(72)
    bench.pay_out(a["M"])
    bench.open("S", 60)
    assert bench.cash() == 1_000
    bench.mark(60)
    bench.mark(56)
    bench.trade(a["P"], a["S"], 4, 54)
    assert state(bench, "PS") == {"P": (0, 658), "S": (-4, 276)}
    bench.mark(54)
    assert state(bench, "M") == {"M": (4, -230)}
    bench.liquidate(a["M"])
    bench.deleverage(a["M"])

    claims = {name: bench.equity(a[name]) for name in "HPQSM"}
    assert claims == {"H": 8, "P": 658, "Q": 288, "S": 60, "M": 0}
    assert bench.quote(DEFICIT) == -14
    solvency = bench.pool.call.solvency()
    senior: Usd = Decimal(solvency.flat_quote - solvency.junior_quote) / benches.USD
    assert (bench.cash(), senior) == (1_000, 954)

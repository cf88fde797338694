"""The book layer from end to end: a fall, a keeper, bids that are good and bids that are not.

Fees 450/150 ppm, maximum leverage 5: initial margin 20 %, maintenance 10 %. Amounts are USD.
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

TAKER, MAKER = Decimal(450) / 10**6, Decimal(150) / 10**6
RESTORED, TAKEN_OVER = 3, 5


@pytest.fixture
def bench(engine: Engine, artifacts: Artifacts, admin: Address, keeper: Address) -> Bench:
    """A long and a short of 10 at 100 with 250 each, and two makers."""
    venue = benches.deploy(engine, artifacts, admin, keeper, taker_fee=450, maker_fee=150)
    venue.list_at(100)
    for name, usd in {"long": 250, "short": 250, "near": 5_000, "far": 5_000}.items():
        venue.open(name, usd)
    venue.open_backstop("child", 500)
    venue.trade(venue.accounts["long"], venue.accounts["short"], 10, 100)
    return venue


def fee_of_opening(rate: Decimal) -> Decimal:
    return 1_000 * rate


def test_a_long_is_sold_down_to_its_limit_and_keeps_the_rest(bench: Bench) -> None:
    a = bench.accounts
    bench.mark(83)
    equity = 250 - 170 - fee_of_opening(TAKER)
    assert bench.equity(a["long"]) == equity
    limit = 83 - (equity - 830 * TAKER) / 10
    for name, lots, price in (("far", 3, 80), ("near", 3, 82), ("far", 9, 75)):
        bench.place(a[name], lots, price)
    assert 75 < limit < 80

    receipt = bench.liquidate(a["long"])

    entered = receipt.named("BookEntered")[0]
    assert Decimal(entered.limit) / USD == limit
    assert (entered.filled, entered.quote) == (6, (3 * 82 + 3 * 80) * USD)
    sold = 3 * 82 + 3 * 80
    paid = 3 * 82 * TAKER + 3 * 80 * TAKER
    assert bench.equity(a["long"]) == equity - 3 - 9 - paid
    assert bench.at(a["long"])[0] == 4
    assert bench.at(a["near"]) == (3, 5_000 - 246 - 246 * MAKER)
    assert receipt.named("Judged")[0].outcome == RESTORED
    assert bench.quote(FEES) == 1_000 * (TAKER + MAKER) + sold * (TAKER + MAKER)
    assert bench.total_equity() == bench.cash() == 11_000


def test_a_short_is_bought_back_when_the_price_rises(bench: Bench) -> None:
    a = bench.accounts
    bench.mark(114)
    equity = 250 - 140 - fee_of_opening(MAKER)
    assert bench.equity(a["short"]) == equity < 114
    bench.place(a["near"], -2, 115)

    receipt = bench.liquidate(a["short"])

    assert bench.equity(a["short"]) == equity - 2 - 230 * TAKER
    assert bench.size(a["short"]) == -8
    assert receipt.named("Judged")[0].outcome == RESTORED
    assert bench.total_equity() == bench.cash() == 11_000


def test_who_is_healthy_in_the_same_market_is_not_touched(bench: Bench) -> None:
    a = bench.accounts
    bench.mark(83)
    before = bench.at(a["short"])
    bench.place(a["near"], 10, 83)
    bench.liquidate(a["short"], a["near"], a["long"])
    assert bench.at(a["short"]) == before


def test_epoch_by_epoch_an_account_is_sold_off_as_bids_come(bench: Bench) -> None:
    """A lot an epoch restores it; without a bid the six that are left go to the backstop."""
    a = bench.accounts
    steps = []
    for mark in (83, 82, 81, 80):
        bench.mark(mark)
        bench.place(a["near"], 1, mark - 1)
        receipt = bench.liquidate(a["long"])
        for entered in receipt.named("BookEntered"):
            assert entered.quote >= entered.filled * entered.limit
        steps.append((receipt.named("Judged")[0].outcome, bench.size(a["long"])))
    assert steps == [(RESTORED, 9), (RESTORED, 8), (RESTORED, 7), (RESTORED, 6)]
    bench.mark(76)
    assert bench.liquidate(a["long"]).named("Judged")[0].outcome == TAKEN_OVER
    assert bench.at(a["long"]) == (0, 0)
    assert bench.size(a["child"]) == 6
    assert bench.total_equity() == bench.cash() == 11_000

"""A large position: a fifth first, then within 30 seconds the whole, then what is left goes over.

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
    from spillway.engines import Address, Engine, Receipt

TAKER, MAKER = Decimal(450) / 10**6, Decimal(150) / 10**6
RESTORED, WAITS, TAKEN_OVER = 3, 4, 5
CASH = 60_000 + 400_000 + 1_000_000 + 20_000


@pytest.fixture
def bench(engine: Engine, artifacts: Artifacts, admin: Address, keeper: Address) -> Bench:
    """A whale long 2,500 at 100 with 60,000; at 84 it has 20,000 less the fee and needs 21,000."""
    venue = benches.deploy(engine, artifacts, admin, keeper, taker_fee=450, maker_fee=150)
    venue.list_at(100)
    for name, usd in {"whale": 60_000, "short": 400_000, "maker": 1_000_000}.items():
        venue.open(name, usd)
    venue.open_backstop("child", 20_000)
    venue.trade(venue.accounts["whale"], venue.accounts["short"], 2_500, 100)
    venue.mark(92)
    venue.mark(84)
    return venue


def order(receipt: Receipt) -> tuple[int, int, int]:
    """(lots, filled, slice) of the one order of the book layer."""
    (event,) = receipt.named("BookEntered")
    return event.lots, event.filled, event.slice


def at_time(bench: Bench, timestamp: int, mark: int) -> None:
    """An epoch at a given second."""
    update = (0, mark * USD, mark * USD, 0)
    bench.pool.transact.advance([update], sender=bench.oracle, timestamp=timestamp)


def test_a_fifth_then_the_whole_then_nothing_is_left(bench: Bench) -> None:
    a = bench.accounts
    bench.place(a["maker"], 2_500, 83)

    first = bench.liquidate(a["whale"])
    assert order(first) == (500, 500, 1)
    assert first.named("Judged")[0].outcome == RESTORED
    at = bench.engine.head.timestamp
    equity = 60_000 - 250_000 * TAKER - 40_000 - 500 - 41_500 * TAKER
    assert bench.at(a["whale"])[0] == 2_000
    assert bench.equity(a["whale"]) == equity

    at_time(bench, at + 20, 82)
    second = bench.liquidate(a["whale"])
    assert order(second) == (2_000, 2_000, 0)
    assert bench.at(a["whale"]) == (0, equity - 4_000 + 2_000 - 166_000 * TAKER)
    assert bench.quote(FEES) == (250_000 + 41_500 + 166_000) * (TAKER + MAKER)
    assert bench.total_equity() == bench.cash() == CASH


def test_without_enough_bids_the_rest_goes_to_the_backstop(bench: Bench) -> None:
    a = bench.accounts
    bench.place(a["maker"], 200, 80)
    first = bench.liquidate(a["whale"])
    assert order(first) == (500, 200, 1)
    assert first.named("Judged")[0].outcome == WAITS
    at = bench.engine.head.timestamp

    at_time(bench, at + 10, 80)
    bench.place(a["maker"], 700, 78)
    second = bench.liquidate(a["whale"])
    assert order(second) == (2_300, 700, 0)
    assert second.named("Judged")[0].outcome == TAKEN_OVER
    assert bench.at(a["whale"]) == (0, 0)
    left = Decimal(second.named("BackstopEntered")[0].equity) / USD
    assert bench.size(a["child"]) == 1_600
    assert bench.equity(a["child"]) == 20_000 + left
    assert bench.total_equity() == bench.cash() == CASH


def test_after_half_a_minute_it_is_a_fifth_again(bench: Bench) -> None:
    a = bench.accounts
    bench.place(a["maker"], 500, 83)
    bench.liquidate(a["whale"])
    at_time(bench, bench.engine.head.timestamp + 30, 82)
    bench.place(a["maker"], 2_000, 81)
    assert order(bench.liquidate(a["whale"])) == (400, 400, 1)
    assert bench.size(a["whale"]) == 1_600
    assert bench.total_equity() == bench.cash() == CASH

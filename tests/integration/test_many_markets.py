"""One account in eight markets: margin over all of them, and every layer handles all in one call.

Fee 0, maximum leverage 5. Amounts are USD.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from spillway.engines.protocol import TX_GAS_LIMIT
from spillway.errors import Reverted
from tests import bench as benches
from tests.bench import USD, Bench

if TYPE_CHECKING:
    from spillway.build import Artifacts
    from spillway.engines import Address, Engine

MARKETS = 8
RESTORED, WAITS, TAKEN_OVER, BELOW_ZERO = 3, 4, 5, 6
PRICE = 10
# Long in the even markets, short in the odd ones: market m holds 10 + m lots.
SIZES = tuple((10 + m) * (1 if m % 2 == 0 else -1) for m in range(MARKETS))
NOTIONAL = sum(abs(size) for size in SIZES) * PRICE
CASH = 300 + MARKETS * 1_000 + 500


@pytest.fixture
def bench(engine: Engine, artifacts: Artifacts, admin: Address, keeper: Address) -> Bench:
    """The account with 300, and a counterparty for each market; a ninth market is listed."""
    venue = benches.deploy(engine, artifacts, admin, keeper)
    for _ in range(MARKETS + 1):
        venue.list_market()
    venue.mark(*[PRICE] * (MARKETS + 1))
    venue.open("many", 300)
    for market in range(MARKETS):
        venue.open(f"other {market}", 1_000)
    venue.open_backstop("child", 500)
    a = venue.accounts
    for market, size in enumerate(SIZES):
        pair = (a["many"], a[f"other {market}"])
        venue.trade(*(pair if size > 0 else pair[::-1]), abs(size), PRICE, market)
    return venue


def drift(bench: Bench, percent: int) -> None:
    """All markets move against the account by so many percent of 10 USD."""
    step = Decimal(percent) / 10
    bench.mark(*(PRICE - step if size > 0 else PRICE + step for size in SIZES))


def test_eight_markets_are_the_most_and_share_one_margin(bench: Bench) -> None:
    a = bench.accounts
    assert bench.legs(a["many"]) == list(range(MARKETS))
    with pytest.raises(Reverted, match="pool: market not for account"):
        bench.place(a["many"], 1, PRICE, market=MARKETS)
    health = bench.pool.call.health(a["many"])
    assert (health.notional, health.maintenance) == (NOTIONAL * USD, NOTIONAL * USD // 10)


def test_the_book_sells_leg_after_leg_until_margin_is_met(bench: Bench) -> None:
    """At 18 % against it 105.6 is less than maintenance; the leg that needs most goes first."""
    a = bench.accounts
    drift(bench, 18)
    health = bench.pool.call.health(a["many"])
    assert 2 * health.maintenance < 3 * health.equity < 3 * health.maintenance
    order = sorted(
        range(MARKETS),
        key=lambda market: -bench.pool.call.position(a["many"], market).maintenance,
    )
    for market in order[:2]:
        mark = bench.pool.call.market(market).mark / Decimal(USD)
        lots = -SIZES[market]
        bench.place(a[f"other {market}"], -lots, mark, market=market)
    receipt = bench.liquidate(a["many"])
    assert [event.market for event in receipt.named("BookEntered")] == order[:1]
    assert receipt.named("Judged")[0].outcome == RESTORED
    assert bench.size(a["many"], order[0]) == 0
    assert bench.total_equity() == bench.cash() == CASH


def test_all_legs_are_taken_over_in_one_call(bench: Bench) -> None:
    a = bench.accounts
    drift(bench, 22)
    left = bench.equity(a["many"])
    assert left == 300 - NOTIONAL * Decimal(22) / 100
    receipt = bench.liquidate(a["many"])
    assert receipt.named("Judged")[0].outcome == TAKEN_OVER
    assert len(receipt.named("BookEntered")) == MARKETS
    assert tuple(bench.size(a["child"], market) for market in range(MARKETS)) == SIZES
    assert bench.pool.call.legs_of(a["many"]) == 0
    assert (bench.equity(a["many"]), bench.equity(a["child"])) == (0, 500 + left)
    assert receipt.gas_used < TX_GAS_LIMIT // 4
    assert bench.total_equity() == bench.cash() == CASH


def test_all_legs_are_deleveraged_in_one_call(bench: Bench) -> None:
    a = bench.accounts
    drift(bench, 27)
    drift(bench, 29)
    assert bench.equity(a["many"]) == 300 - NOTIONAL * Decimal(29) / 100 < 0
    assert bench.liquidate(a["many"]).named("Judged")[0].outcome == BELOW_ZERO
    receipt = bench.deleverage(a["many"])
    assert [event.market for event in receipt.named("Deleveraged")] == list(range(MARKETS))
    assert bench.pool.call.legs_of(a["many"]) == 0
    assert bench.equity(a["many"]) == 300 - NOTIONAL * Decimal(27) / 100 > 0
    assert receipt.gas_used < TX_GAS_LIMIT // 4
    assert bench.total_equity() == bench.cash() == CASH


def test_a_gap_over_eight_markets_is_borne_whole(bench: Bench) -> None:
    a = bench.accounts
    drift(bench, 29)
    drift(bench, 32)
    receipt = bench.deleverage(a["many"])
    gap = NOTIONAL * USD * 29 // 100 - 300 * USD
    closed = receipt.named("Closed")[0]
    assert (closed.gap, closed.left) == (gap, 0)
    assert sum(event.amount for event in receipt.named("GapBorne")) == gap
    shares = {event.market: event.amount for event in receipt.named("GapBorne")}
    assert set(shares) == set(range(MARKETS))
    assert bench.equity(a["many"]) == 0
    assert bench.total_equity() == bench.cash() == CASH

"""What the pool's calls cost at their dearest: eight markets, a position and two quotes in each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.unit.contracts.counterparty.house import quotes, stand
from tests.unit.contracts.hand import START

if TYPE_CHECKING:
    from tests.bench import Bench

LEGS = 8
QUOTE, LIMIT = 600_000, 1_500_000  # gas, as the contract says


@pytest.fixture
def wide(bench: Bench) -> Bench:
    """A pool that stands and quotes in eight markets, and is beyond its limit in the first."""
    markets = [0, 1, 2, *(bench.list_market() for _ in range(LEGS - 3))]
    marks = [*START, *[10] * (LEGS - 3)]
    bench.mark(*marks)
    for market in markets:
        stand(bench, -20 if market else -240, marks[market], market)
        bench.requote(market)
    assert all(set(quotes(bench, market)) == {"bid", "ask"} for market in markets)
    bench.mark(125, *marks[1:])
    return bench


def test_a_quote_beside_seven_others(wide: Bench) -> None:
    gas = wide.requote(0).gas_used
    assert QUOTE // 2 < gas < QUOTE


def test_an_order_that_cancels_in_eight_markets(wide: Bench) -> None:
    gas = wide.limit(0).gas_used
    assert LIMIT // 2 < gas < LIMIT
    assert wide.book.call.orders_of(wide.accounts["pool"]) == ()

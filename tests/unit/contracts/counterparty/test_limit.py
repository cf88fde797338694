"""When the pool's position is closed against those who win from it, and how far."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from tests.bench import USD
from tests.chain import refused
from tests.unit.contracts.counterparty.house import LOTS, pending, stand, worth
from tests.unit.contracts.hand import START, sums_hold

if TYPE_CHECKING:
    from tests.bench import Bench

REST = START[1:]


def beyond(loss: Decimal, capital: Decimal, lots: int = LOTS) -> int:
    """Lots to be closed: the least x with loss * (1 - x/lots) <= 8 % of capital - loss * x/lots."""
    for x in range(lots + 1):
        realised = loss * x / lots
        if loss - realised <= Decimal("0.08") * (capital - realised):
            return x
    return lots


@pytest.mark.parametrize(("side", "edge", "past"), [(-1, 120, "120.01"), (1, 80, "79.99")])
def test_exactly_the_factor_is_within_the_limit(
    bench: Bench, side: int, edge: int, past: str
) -> None:
    """250 lots from 100: 5,000 of 50,000 at 120, and at 80 for a pool that is long."""
    stand(bench, side * LOTS)
    bench.mark(edge, *REST)
    assert (pending(bench), worth(bench)) == (Decimal(5_000), Decimal(50_000))
    with refused("counterparty: within its limit"):
        bench.limit()
    bench.mark(past, *REST)
    [event] = bench.limit().named("ProfitLimited")
    assert event.pending == 250 * (20 * USD + USD // 100)
    assert event.worth == 50_000 * USD
    assert event.lots == beyond(Decimal("5002.5"), Decimal(50_000))


@pytest.mark.parametrize(("side", "mark"), [(-1, 125), (1, 75)])
def test_a_closing_leaves_the_target_and_not_a_lot_less(bench: Bench, side: int, mark: int) -> None:
    """6,250 of 50,000 are pending: 250 * (6,250 - 4,000) / (6,250 * 0.92) = 97.8, so 98 lots."""
    pool = stand(bench, side * LOTS)
    bench.mark(mark, *REST)
    lots = beyond(Decimal(6_250), Decimal(50_000))
    assert lots == 98
    bench.limit()
    receipt = bench.deleverage(pool)
    assert {fill.quote for fill in receipt.named("Deleveraged") if fill.lots} == {
        fill.lots * mark * USD for fill in receipt.named("Deleveraged")
    }
    assert bench.size(pool) == side * (LOTS - 98)
    left = (Decimal(152 * 25), Decimal(50_000 - 98 * 25))
    assert (pending(bench), worth(bench)) == left
    assert pending(bench) <= Decimal("0.08") * worth(bench)
    # With a lot less it would not have been enough.
    assert Decimal("0.08") * (50_000 - 97 * 25) < 153 * 25
    assert bench.pool.call.market(0).open_interest == LOTS - 98
    assert not bench.pool.call.market(0).locked
    assert sums_hold(bench)

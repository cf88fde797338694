"""What the keeper has the pool do in a block."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from spillway import presets
from tests.keepers import Shift, labels
from tests.unit.contracts.counterparty.house import LOTS, quotes, stand
from tests.unit.contracts.hand import START, sums_hold

if TYPE_CHECKING:
    from spillway.build import Artifacts
    from tests.bench import Bench

REST = START[1:]
QUOTES = ["Counterparty.quote"] * len(START)


@pytest.fixture
def shift(bench: Bench, artifacts: Artifacts) -> Shift:
    """Without liquidations: their role is the hand's."""
    rules = presets.load(presets.find("gmx_v2")).adl
    return Shift(bench, artifacts, liquidates=False, rules=rules)


def test_it_quotes_every_market_that_may_be_traded(bench: Bench, shift: Shift) -> None:
    assert labels(shift.block()) == QUOTES
    assert all(set(quotes(bench, market)) == {"bid", "ask"} for market in range(len(START)))
    bench.age(3_601)
    bench.mark(*START[:1])
    assert labels(shift.block()) == QUOTES[:1]


@pytest.mark.parametrize("market", [0, 1])
def test_it_orders_and_closes_what_is_beyond_the_limit(
    bench: Bench, shift: Shift, market: int
) -> None:
    """5,000 of 50,000 are pending at 120, or at 60, and 6,250 at 125, or at 62.5."""
    lots = (LOTS, 2 * LOTS)[market]
    pool = stand(bench, -lots, START[market], market)
    at = (("120", "50", "20"), ("100", "60", "20"))[market]
    bench.mark(*at)
    assert labels(shift.block()) == QUOTES
    past = (("125", "50", "20"), ("100", "62.5", "20"))[market]
    bench.mark(*past)
    receipts = shift.block()
    assert labels(receipts) == [*QUOTES, "Counterparty.limit", "Adl.deleverage"]
    # 250 * (6,250 - 4,000) / (6,250 * 0.92) = 97.8, and twice that.
    assert bench.size(pool, market) == -lots + (98, 196)[market]
    assert quotes(bench, market) == {}
    bench.mark(*past)
    assert labels(shift.block()) == QUOTES
    assert sums_hold(bench)


def test_a_pool_below_zero_is_closed_as_anyone(bench: Bench, shift: Shift) -> None:
    pool = stand(bench, -LOTS)
    bench.mark(301, *REST)
    assert labels(shift.block())[-1:] == ["Adl.deleverage"]
    assert bench.at(pool) == (0, 0)

"""Charges against the model: the same holders pay the same amounts, to the unit."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest

from spillway.model.adl_profit import AdlProfit
from tests.rng import seeded
from tests.unit.contracts.adl.test_against_model import Twins, below_zero, build
from tests.unit.contracts.adl_index.test_against_model import adopt_backstop, compare
from tests.unit.contracts.adl_profit.crowd import charges, close, is_idle, listed, proceed
from tests.unit.contracts.hand import START, sums_hold

if TYPE_CHECKING:
    from spillway.engines import Receipt
    from tests.unit.contracts.adl_profit.conftest import Deploy


def agree(twins: Twins, twin: AdlProfit, losers: list[int], receipts: list[Receipt]) -> None:
    """Close on the model what was closed on chain, and compare."""
    claims, expected = twin.close(losers)
    assert charges(*receipts) == [tuple(charge) for charge in expected]
    found = {
        told.account: (told.owed, told.left, told.owed - told.left - told.charged)
        for receipt in receipts
        for told in receipt.named("Socialized")
    }
    assert found == {loser: (claim.owed, claim.left, 0) for loser, claim in claims.items()}
    compare(twins)
    assert is_idle(twins.bench)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("one_by_one", [True, False])
def test_losers_in_one_call_or_one_after_another(
    deploy: Deploy, seed: int, *, one_by_one: bool
) -> None:
    bench = deploy()
    twins = build(bench, seeded(seed))
    child = adopt_backstop(twins)
    twin = AdlProfit(twins.model, child, partial(listed, bench))
    losers = below_zero(twins.model)
    assert losers
    calls = [[loser] for loser in [*losers, child]] if one_by_one else [[*losers, child]]
    for named in calls:
        agree(twins, twin, named, [close(bench, *named)])
    assert sums_hold(bench)


@pytest.mark.parametrize("seed", range(4))
def test_losers_that_keep_their_lots(deploy: Deploy, seed: int) -> None:
    """Without a backstop; and again at later marks, when profits have been charged before."""
    bench = deploy()
    twins = build(bench, seeded(seed + 100))
    twin = AdlProfit(twins.model, 0, partial(listed, bench))
    for _ in range(4):
        losers = below_zero(twins.model)
        agree(twins, twin, losers, [close(bench, *losers)])
        twins.advance([twins.price(market, 0.5) for market in range(len(START))], [0] * len(START))
    assert sums_hold(bench)


@pytest.mark.parametrize("seed", range(4))
def test_steps_of_any_size_end_where_one_call_does(deploy: Deploy, seed: int) -> None:
    rng = seeded(seed + 200)
    bench = deploy()
    twins = build(bench, rng)
    child = adopt_backstop(twins)
    twin = AdlProfit(twins.model, child, partial(listed, bench))
    losers = below_zero(twins.model)
    receipts = [close(bench, *losers, steps=rng.randrange(4))]
    for market in range(len(START)):
        while bench.adl.call.job(market).phase:
            receipts.append(proceed(bench, rng.randrange(1, 4), market))
    agree(twins, twin, losers, receipts)

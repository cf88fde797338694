"""What the fee account earns later reduces a standing deficit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.bench import DEFICIT, FEES, USD
from tests.chain import refused
from tests.unit.contracts.hand import hand, sums_hold, swap
from tests.unit.contracts.liquidator.ward import maker, rich

if TYPE_CHECKING:
    from spillway.engines import Address
    from tests.bench import Bench


def write_off(bench: Bench, usd: int) -> None:
    """Leave a deficit of this much."""
    account = bench.open("gone", 100)
    swap(bench, account, rich(bench), 1, 100 + usd)
    swap(bench, rich(bench), account, 1, 0)
    bench.pool.transact.write_off(account, sender=hand(bench))


def earn(bench: Bench, lots: int) -> int:
    """Let the venue earn 0.045 USD a lot; what it has, in quote."""
    bench.trade(bench.open(f"taker {lots}", 10**6), maker(bench), lots, 100)
    return lots * 100 * USD * 450 // 10**6


def test_without_a_deficit_there_is_nothing_to_cover(charging: Bench) -> None:
    earn(charging, 100)
    with refused("liquidator: no deficit"):
        charging.liquidator.transact.cover_deficit_from_fees(sender=charging.keeper)


def test_fees_reduce_a_deficit_that_is_larger(charging: Bench, outsider: Address) -> None:
    write_off(charging, 50)
    earned = earn(charging, 100)
    receipt = charging.liquidator.transact.cover_deficit_from_fees(sender=outsider)
    event = receipt.named("DeficitReduced")[0]
    assert (event.amount, event.deficit) == (earned, 50 * USD - earned)
    assert charging.quote(FEES) == 0
    assert charging.pool.call.health(DEFICIT).equity == earned - 50 * USD
    assert sums_hold(charging)


@pytest.mark.parametrize("extra", [0, 1])
def test_fees_cure_a_deficit_and_keep_the_rest(charging: Bench, extra: int) -> None:
    write_off(charging, 9)
    earned = earn(charging, 200 + extra)
    assert earned >= 9 * USD
    charging.liquidator.transact.cover_deficit_from_fees(sender=charging.keeper)
    assert charging.pool.call.solvency().deficit == 0
    assert charging.pool.call.health(FEES).equity == earned - 9 * USD
    with refused("liquidator: no deficit"):
        charging.liquidator.transact.cover_deficit_from_fees(sender=charging.keeper)


def test_without_fees_a_deficit_stays_as_it_is(charging: Bench) -> None:
    write_off(charging, 9)
    receipt = charging.liquidator.transact.cover_deficit_from_fees(sender=charging.keeper)
    assert receipt.named("DeficitReduced")[0].amount == 0
    assert charging.quote(DEFICIT) == -9

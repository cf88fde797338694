"""Choosing the leverage that sets initial margin."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from tests.chain import refused
from tests.unit.contracts.margin_pool.stand import MARK, MAX_AGE, START, Stand

if TYPE_CHECKING:
    from spillway.engines import Address


def test_sets_the_initial_margin_of_a_leg(
    stand: Stand, trader: Address, taking: int, making: int
) -> None:
    stand.trade(taking, making, 10)

    receipt = stand.pool.transact.set_leverage(taking, 0, 3, sender=trader)

    assert [tuple(event) for event in receipt.named("LeverageSet")] == [(taking, 0, 3)]
    assert stand.pool.call.position(taking, 0).leverage == 3
    assert stand.pool.call.health(taking).initial == -(-10 * MARK // 3)


def test_may_be_chosen_before_there_is_a_position_and_outlives_it(
    stand: Stand, trader: Address, taking: int, making: int
) -> None:
    stand.pool.transact.set_leverage(taking, 0, 2, sender=trader)
    assert stand.pool.call.legs_of(taking) == 0

    stand.trade(taking, making, 10)
    assert stand.pool.call.health(taking).initial == 5 * MARK
    stand.trade(making, taking, 10)

    assert stand.pool.call.position(taking, 0).leverage == 2


def test_needs_no_fresh_mark_while_nothing_stands_in_the_market(
    stand: Stand, trader: Address, taking: int
) -> None:
    stand.wait(MAX_AGE + 1)

    stand.pool.transact.set_leverage(taking, 0, 2, sender=trader)

    assert stand.pool.call.position(taking, 0).leverage == 2


def test_is_the_owners_choice(stand: Stand, taking: int, maker: Address) -> None:
    with refused("pool: not the owner"):
        stand.pool.transact.set_leverage(taking, 0, 2, sender=maker)


@pytest.mark.parametrize("leverage", [0, 11, 256 + 5, 2**256 - 1])
def test_lies_between_one_and_that_of_the_tier(
    stand: Stand, trader: Address, taking: int, leverage: int
) -> None:
    with refused("pool: leverage not allowed"):
        stand.pool.transact.set_leverage(taking, 0, leverage, sender=trader)

    for good in (1, 10):
        stand.pool.transact.set_leverage(taking, 0, good, sender=trader)


def test_an_unknown_market_allows_none(stand: Stand, trader: Address, taking: int) -> None:
    for market in (1, 300):
        with refused("pool: leverage not allowed"):
            stand.pool.transact.set_leverage(taking, market, 1, sender=trader)


def test_is_judged_by_the_worst_case_of_resting_orders(
    stand: Stand, trader: Address, making: int
) -> None:
    account = stand.open(trader, 100_000)
    stand.trade(account, making, 500)  # 50,000 USD
    stand.rest(account, bids=501)  # 100,100 USD if filled: the second tier

    with refused("pool: leverage not allowed"):
        stand.pool.transact.set_leverage(account, 0, 6, sender=trader)
    stand.rest(account, bids=-1)
    stand.pool.transact.set_leverage(account, 0, 6, sender=trader)


def test_needs_the_initial_margin_that_it_makes(stand: Stand, trader: Address, making: int) -> None:
    exact, short_of_it = stand.open(trader, 500), stand.open(trader, Decimal("499.999999"))
    for account in (exact, short_of_it):
        stand.trade(account, making, 10)

    stand.pool.transact.set_leverage(exact, 0, 2, sender=trader)
    with refused("pool: below initial margin"):
        stand.pool.transact.set_leverage(short_of_it, 0, 2, sender=trader)


def test_needs_every_leg_fresh(stand: Stand, trader: Address, taking: int, making: int) -> None:
    second = stand.list_market()
    stand.mark(START, START)
    stand.trade(taking, making, 10)
    stand.trade(taking, making, 10, START, second)
    stand.wait(MAX_AGE)

    stand.mark(START)
    with refused("pool: stale mark"):
        stand.pool.transact.set_leverage(taking, 0, 2, sender=trader)
    stand.mark(START, START)
    stand.pool.transact.set_leverage(taking, 0, 2, sender=trader)

"""Resting orders: the margin that they reserve, and when they may grow."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from tests.chain import refused
from tests.unit.contracts.margin_pool.stand import MARK, MAX_AGE, START, Stand

if TYPE_CHECKING:
    from spillway.engines import Address

TENTH = MARK // 10  # initial margin of a lot


def resting(stand: Stand, account: int, market: int = 0) -> tuple[int, int]:
    position = stand.pool.call.position(account, market)
    return position.resting_bids, position.resting_asks


def initial(stand: Stand, account: int) -> int:
    margin: int = stand.pool.call.health(account).initial
    return margin


def test_reserves_the_margin_of_the_worse_side(stand: Stand, taking: int) -> None:
    stand.rest(taking, bids=3, asks=5)

    assert resting(stand, taking) == (3, 5)
    assert initial(stand, taking) == 5 * TENTH
    stand.rest(taking, bids=4)
    assert initial(stand, taking) == 7 * TENTH


@pytest.mark.parametrize(
    ("bids", "asks", "worst"), [(0, 0, 10), (5, 0, 15), (0, 5, 10), (0, 15, 10), (0, 21, 11)]
)
def test_orders_that_reduce_a_position_cost_nothing_until_they_outgrow_it(
    stand: Stand, taking: int, making: int, bids: int, asks: int, worst: int
) -> None:
    stand.trade(taking, making, 10)
    stand.trade(making, taking, 20)  # the maker is long 10 again, the taker short
    long, short = making, taking

    stand.rest(long, bids, asks)
    stand.rest(short, asks, bids)

    assert initial(stand, long) == initial(stand, short) == worst * TENTH


def test_makes_a_leg_and_unmakes_it(stand: Stand, taking: int) -> None:
    stand.rest(taking, asks=1)
    assert stand.pool.call.legs_of(taking) == 1

    stand.rest(taking, asks=-1)
    assert stand.pool.call.legs_of(taking) == 0


def test_a_leg_stays_while_a_position_or_an_order_does(
    stand: Stand, taking: int, making: int
) -> None:
    stand.rest(taking, bids=1)
    stand.trade(taking, making, 1)

    stand.rest(taking, bids=-1)
    assert stand.pool.call.legs_of(taking) == 1
    stand.trade(making, taking, 1)
    assert stand.pool.call.legs_of(taking) == 0


def test_growing_needs_initial_margin(stand: Stand, trader: Address) -> None:
    exact, short_of_it = stand.open(trader, 100), stand.open(trader, Decimal("99.999999"))

    stand.rest(exact, bids=10)
    with refused("pool: below initial margin"):
        stand.rest(short_of_it, bids=10)
    with refused("pool: below initial margin"):
        stand.rest(exact, bids=-1, asks=11)


def test_growing_needs_an_open_market(stand: Stand, taking: int) -> None:
    stand.rest(taking, bids=2)
    stand.pool.transact.lock_market(0, True, sender=stand.deleverager)

    for bids, asks in ((1, 0), (0, 1), (-1, 1)):
        with refused("pool: market is locked"):
            stand.rest(taking, bids, asks)
    stand.rest(taking, bids=-1)
    stand.pool.transact.lock_market(0, False, sender=stand.deleverager)
    stand.rest(taking, bids=1)

    assert resting(stand, taking) == (2, 0)


def test_growing_needs_every_leg_fresh(stand: Stand, taking: int) -> None:
    second = stand.list_market()
    stand.mark(START, START)
    stand.rest(taking, bids=1, market=second)
    stand.wait(MAX_AGE)
    stand.mark(START)

    with refused("pool: stale mark"):
        stand.rest(taking, bids=1)
    stand.rest(taking, bids=-1, market=second)
    stand.rest(taking, bids=1)


def test_a_market_without_a_mark_is_stale(stand: Stand, taking: int) -> None:
    unmarked = stand.list_market()

    with refused("pool: stale mark"):
        stand.rest(taking, bids=1, market=unmarked)


def test_shrinking_is_always_open(stand: Stand, taking: int, making: int) -> None:
    stand.rest(taking, bids=10, asks=10)
    stand.trade(taking, making, 900)
    stand.mark(START - 12)  # equity -800
    stand.wait(MAX_AGE + 1)
    stand.pool.transact.lock_market(0, True, sender=stand.deleverager)

    stand.rest(taking, bids=-10, asks=-10)

    assert resting(stand, taking) == (0, 0)


@pytest.mark.parametrize("market", [1, 255, 256, 2**16])
def test_a_market_must_be_listed(stand: Stand, taking: int, market: int) -> None:
    with refused("pool: market not for account"):
        stand.rest(taking, bids=1, market=market)


def test_leverage_that_is_chosen_holds_beyond_the_bound_of_a_tier(
    stand: Stand, trader: Address
) -> None:
    account = stand.open(trader, 100_000)
    stand.pool.transact.set_leverage(account, 0, 10, sender=trader)
    stand.rest(account, bids=1_000)  # 100,000 USD: the bound

    for bids, asks in ((1, 0), (0, 1_001)):
        with refused("pool: leverage not allowed"):
            stand.rest(account, bids, asks)
    stand.pool.transact.set_leverage(account, 0, 5, sender=trader)
    stand.rest(account, bids=1)


@pytest.mark.parametrize(
    ("bids", "asks"), [(2**54, 0), (0, 2**54), (-1, 0), (0, -1), (-(2**54), 0)]
)
def test_sizes_keep_inside_their_bits(stand: Stand, taking: int, bids: int, asks: int) -> None:
    with refused("pool: size too large"):
        stand.rest(taking, bids, asks)


def test_the_largest_order_that_its_bits_hold_may_rest(stand: Stand, trader: Address) -> None:
    stand.post((0, 1, 1, 0))  # a lot is worth 1e-18 USD
    account = stand.open(trader, 1)

    stand.rest(account, bids=2**54 - 1, asks=2**54 - 1)

    assert resting(stand, account) == (2**54 - 1, 2**54 - 1)
    assert initial(stand, account) == -(-(2**54 - 1) // 10)

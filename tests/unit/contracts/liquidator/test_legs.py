"""Accounts with several legs: in what order, until when, and what becomes of their orders."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from tests.bench import ALO, USD
from tests.unit.contracts.hand import swap
from tests.unit.contracts.liquidator.ward import (
    BELOW_ZERO,
    RESTORED,
    WAITS,
    maker,
    open_long,
    outcome,
    rich,
)

if TYPE_CHECKING:
    from spillway.engines import Receipt
    from tests.bench import Bench, Usd


def markets(receipt: Receipt) -> list[int]:
    """Markets of the book layer's orders, in order."""
    return [event.market for event in receipt.named("BookEntered")]


def open_legs(bench: Bench, usd: Decimal | int, *sizes: int) -> int:
    """An account with these lots in markets 0, 1, 2 at their starting marks."""
    account = bench.open("legs", usd)
    for market, (size, price) in enumerate(zip(sizes, (100, 50, 20), strict=False)):
        if size > 0:
            swap(bench, account, rich(bench), size, price, market)
        elif size < 0:
            swap(bench, rich(bench), account, -size, price, market)
    return account


@pytest.mark.parametrize(
    ("sizes", "order"),
    [
        ((1, 4, 15), [2, 1, 0]),
        ((1, -4, 15), [2, 1, 0]),
        ((3, 2, 1), [0, 1, 2]),
        ((-2, 9, -10), [1, 0, 2]),
        ((1, 2, 5), [0, 1, 2]),
        ((0, 4, 5), [1, 2]),
    ],
)
def test_the_leg_with_the_most_maintenance_goes_first(
    bench: Bench, sizes: tuple[int, ...], order: list[int]
) -> None:
    notional = sum(abs(size) * price for size, price in zip(sizes, (100, 50, 20), strict=True))
    account = open_legs(bench, notional * 9 // 100, *sizes)
    assert markets(bench.liquidate(account)) == order


def test_it_stops_as_soon_as_maintenance_is_met(bench: Bench) -> None:
    """Maintenance 60 + 40 + 20, equity 115: 1 of the 6 lots at mark is enough."""
    account = open_legs(bench, 115, 6, 8, 10)
    bench.place(maker(bench), 1, 100)
    receipt = bench.liquidate(account)
    assert markets(receipt) == [0]
    assert outcome(receipt, account) == RESTORED
    assert [bench.size(account, market) for market in range(3)] == [5, 8, 10]


def test_it_goes_on_with_the_next_leg_while_maintenance_is_not_met(bench: Bench) -> None:
    account = open_legs(bench, 105, 6, 8, 10)
    bench.place(maker(bench), 1, 100)
    bench.place(maker(bench), 2, 50, market=1)
    receipt = bench.liquidate(account)
    assert markets(receipt) == [0, 1]
    assert outcome(receipt, account) == RESTORED
    assert [bench.size(account, market) for market in range(3)] == [5, 6, 10]


def test_the_limit_of_each_leg_is_by_what_the_one_before_has_left(bench: Bench) -> None:
    """The first leg loses its 72 of 90; the second has all of the 18 that are left."""
    account = open_legs(bench, 90, 8, 4)
    bench.place(maker(bench), 8, 91)
    receipt = bench.liquidate(account)
    limits = [event.limit for event in receipt.named("BookEntered")]
    assert limits == [91 * USD, 50 * USD - 18 * USD // 4]
    assert bench.equity(account) == 18


def test_all_orders_of_the_account_go_first(bench: Bench) -> None:
    """In every market, those that only reduce and stops as well: none can meet the sweep."""
    account = bench.open("trader", 290)
    bench.trade(account, rich(bench), 10, 100)
    bench.place(account, 1, 95)
    bench.place(account, -2, 105)
    bench.place(account, -10, 104, ALO, reduce_only=True)
    bench.place(account, 3, 45, market=1)
    stop = (False, False, 90 * USD, 0, 10)
    bench.book.transact.place_stop(account, 0, stop, sender=bench.owners[account])
    assert len(bench.book.call.orders_of(account)) == 5
    bench.mark(78)
    receipt = bench.liquidate(account)
    assert outcome(receipt, account) == WAITS
    assert bench.book.call.orders_of(account) == ()
    assert len(receipt.named("Removed")) == 5
    assert bench.pool.call.legs_of(account) == 1


def test_orders_of_an_account_below_zero_go_too(bench: Bench) -> None:
    """Its resting lots would stand in the way of auto-deleveraging."""
    account = bench.open("trader", 300)
    bench.trade(account, rich(bench), 10, 100)
    bench.place(account, 1, 95)
    bench.mark(60)
    receipt = bench.liquidate(account)
    assert outcome(receipt, account) == BELOW_ZERO
    assert bench.book.call.orders_of(account) == ()
    assert bench.pool.call.position(account, 0).resting_bids == 0


def test_orders_of_a_healthy_account_stay(bench: Bench) -> None:
    account = bench.open("trader", 1_000)
    bench.trade(account, rich(bench), 10, 100)
    bench.place(account, 1, 95)
    bench.liquidate(account)
    assert len(bench.book.call.orders_of(account)) == 1


def test_an_order_in_a_market_without_position_is_no_leg_to_sell(bench: Bench) -> None:
    account = bench.open("trader", 295)
    bench.trade(account, rich(bench), 10, 100)
    bench.place(account, 1, 45, market=1)
    bench.mark(78)
    receipt = bench.liquidate(account)
    assert markets(receipt) == [0]
    assert bench.pool.call.legs_of(account) == 1


def test_a_leg_meets_at_most_32_makers_a_turn_and_the_rest_waits(bench: Bench) -> None:
    """At its limit every lot costs its share, so that 32 of 40 do not restore it."""
    account = open_long(bench, 9 * 40, lots=40)
    for index in range(40):
        bench.place(bench.open(f"maker {index}", 100), 1, 91)
    receipt = bench.liquidate(account)
    (event,) = receipt.named("BookEntered")
    assert (event.lots, event.filled) == (40, 32)
    assert outcome(receipt, account) == WAITS
    assert bench.at(account) == (8, 9 * 8 - 800)
    bench.mark(100)
    assert outcome(bench.liquidate(account), account) == RESTORED
    assert bench.size(account) == 0


def test_the_legs_of_an_account_meet_at_most_48_makers_a_turn(bench: Bench) -> None:
    """Two legs use it up and do not restore it; the third finds nobody."""
    account = open_legs(bench, Decimal(33 * (100 + 50 + 20)) * 9 / 100, 33, 33, 33)
    prices: tuple[Usd, ...] = (91, Decimal("45.5"), 19)
    for index in range(33):
        quoter = bench.open(f"maker {index}", 1_000)
        for market, price in enumerate(prices):
            bench.place(quoter, 1, price, market=market)
    receipt = bench.liquidate(account)
    assert markets(receipt) == [0, 1, 2]
    assert [event.filled for event in receipt.named("BookEntered")] == [32, 16, 0]
    assert bench.tops(2)[0] == 19 * USD

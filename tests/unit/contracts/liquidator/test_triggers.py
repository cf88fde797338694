"""Who is liquidated, when, and how often: every bound at its exact value."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from tests.bench import DEFICIT, FEES, USD
from tests.unit.contracts.hand import swap
from tests.unit.contracts.liquidator.ward import (
    BELOW_ZERO,
    HANDLED,
    HEALTHY,
    ONE_UNIT,
    PROTOCOL,
    RESTORED,
    TAKEN_OVER,
    WAITS,
    maker,
    open_long,
    open_short,
    outcome,
    rich,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.bench import Bench

    Opener = Callable[..., int]

SIDES = pytest.mark.parametrize(("opener", "mark"), [(open_long, 80), (open_short, 120)])


def collateral(mark: int, equity: Decimal | int) -> Decimal:
    """What 10 lots from 100 need so that this much is left at mark, on the losing side."""
    return Decimal(equity) + 10 * abs(100 - mark)


@SIDES
def test_equity_at_maintenance_is_healthy(bench: Bench, opener: Opener, mark: int) -> None:
    account = opener(bench, collateral(mark, mark))
    bench.mark(mark)
    health = bench.pool.call.health(account)
    assert health.equity == health.maintenance == mark * USD
    assert not bench.liquidator.call.is_liquidatable(account)
    receipt = bench.liquidate(account)
    assert outcome(receipt, account) == HEALTHY
    assert not receipt.named("BookEntered")
    assert bench.liquidator.call.last_handled(account) == (0, 0)


@SIDES
def test_equity_a_unit_below_maintenance_is_liquidated(
    bench: Bench, opener: Opener, mark: int
) -> None:
    account = opener(bench, collateral(mark, mark - ONE_UNIT))
    bench.mark(mark)
    assert bench.liquidator.call.is_liquidatable(account)
    receipt = bench.liquidate(account)
    assert outcome(receipt, account) == WAITS
    entered = receipt.named("BookEntered")[0]
    assert (entered.market, entered.lots, entered.filled) == (0, 10, 0)
    assert entered.is_bid == (opener is open_short)


@SIDES
def test_no_takeover_at_two_thirds_of_maintenance(bench: Bench, opener: Opener, mark: int) -> None:
    price = {80: 60, 120: 120}[mark]
    account = opener(bench, collateral(price, price * 2 // 3))
    bench.mark(price)
    health = bench.pool.call.health(account)
    assert 3 * health.equity == 2 * health.maintenance
    receipt = bench.liquidate(account)
    assert outcome(receipt, account) == WAITS
    assert abs(bench.size(account)) == 10


@SIDES
def test_takeover_a_unit_below_two_thirds_of_maintenance(
    bench: Bench, opener: Opener, mark: int
) -> None:
    price = {80: 60, 120: 120}[mark]
    account = opener(bench, collateral(price, price * 2 // 3 - ONE_UNIT))
    bench.mark(price)
    receipt = bench.liquidate(account)
    assert outcome(receipt, account) == TAKEN_OVER
    assert bench.at(account) == (0, 0)
    assert abs(bench.size(bench.accounts["child"])) == 10


@SIDES
def test_equity_of_zero_is_still_taken_over(bench: Bench, opener: Opener, mark: int) -> None:
    account = opener(bench, collateral(mark, 0))
    bench.mark(mark)
    receipt = bench.liquidate(account)
    assert outcome(receipt, account) == TAKEN_OVER
    assert receipt.named("BackstopEntered")[0].equity == 0
    assert not receipt.named("Paid")


@SIDES
def test_equity_below_zero_skips_the_book_and_the_takeover(
    bench: Bench, opener: Opener, mark: int
) -> None:
    account = opener(bench, collateral(mark, -ONE_UNIT))
    bench.place(maker(bench), 10 if opener is open_long else -10, 100)
    bench.mark(mark)
    assert bench.liquidator.call.is_liquidatable(account)
    receipt = bench.liquidate(account)
    assert outcome(receipt, account) == BELOW_ZERO
    assert [event.name for event in receipt.events] == ["Judged"]
    assert abs(bench.size(account)) == 10


def test_what_was_judged_is_told_with_its_inputs(bench: Bench) -> None:
    account = open_long(bench, collateral(80, 70))
    bench.mark(80)
    bench.place(maker(bench), 5, 80)
    judged = bench.liquidate(account).named("Judged")[0]
    assert (judged.equity, judged.maintenance) == (70 * USD, 80 * USD)
    assert (judged.equity_after, judged.maintenance_after) == (70 * USD, 40 * USD)
    assert judged.outcome == RESTORED


# --- once per epoch -------------------------------------------------------------------------


def test_an_account_is_handled_once_per_epoch(bench: Bench) -> None:
    account = open_long(bench, collateral(80, 70))
    bench.mark(80)
    assert outcome(bench.liquidate(account), account) == WAITS
    assert bench.liquidator.call.last_handled(account)[0] == bench.pool.call.epoch()
    bench.place(maker(bench), 10, 80)
    assert not bench.liquidator.call.is_liquidatable(account)
    receipt = bench.liquidate(account)
    assert outcome(receipt, account) == HANDLED
    assert not receipt.named("BookEntered")
    assert bench.size(account) == 10
    bench.mark(80)
    assert outcome(bench.liquidate(account), account) == RESTORED
    assert bench.size(account) == 0


def test_twice_in_a_batch_is_once(bench: Bench) -> None:
    account = open_long(bench, collateral(80, 70))
    bench.mark(80)
    receipt = bench.liquidate(account, account)
    assert [event.outcome for event in receipt.named("Judged")] == [WAITS, HANDLED]


def test_a_second_update_in_a_block_opens_no_second_turn(bench: Bench) -> None:
    account = open_long(bench, collateral(80, 70))
    pool, liquidator, engine = bench.pool, bench.liquidator, bench.engine
    updates = [[(0, price * USD, price * USD, 0)] for price in (81, 80)]
    calls = [
        pool.build.advance(updates[0], sender=bench.oracle),
        liquidator.build.liquidate([account], sender=bench.keeper),
        pool.build.advance(updates[1], sender=bench.oracle),
        liquidator.build.liquidate([account], sender=bench.keeper),
    ]
    receipts = engine.send_block(calls, engine.head.timestamp + 1).receipts
    assert [outcome(receipts[i], account) for i in (1, 3)] == [WAITS, HANDLED]


def test_a_fall_below_zero_after_its_turn_is_told_in_the_same_epoch(bench: Bench) -> None:
    account = open_long(bench, collateral(80, 70))
    bench.mark(80)
    bench.liquidate(account)
    engine = bench.engine
    calls = [
        bench.pool.build.advance([(0, 80 * USD, 80 * USD, 0)], sender=bench.oracle),
        bench.liquidator.build.liquidate([account], sender=bench.keeper),
        bench.pool.build.advance([(0, 72 * USD, 72 * USD, 0)], sender=bench.oracle),
        bench.liquidator.build.liquidate([account], sender=bench.keeper),
    ]
    receipts = engine.send_block(calls, engine.head.timestamp + 1).receipts
    assert [outcome(receipts[i], account) for i in (1, 3)] == [WAITS, BELOW_ZERO]


# --- whom the liquidator does not touch -------------------------------------------------------


def test_an_account_of_the_vault_only_sheds(bench: Bench) -> None:
    child = bench.accounts["child"]
    swap(bench, child, rich(bench), 45, 100)
    bench.mark(80)
    assert 0 < bench.equity(child) < 360
    bench.place(maker(bench), 45, 80)
    receipt = bench.liquidate(child)
    assert outcome(receipt, child) == PROTOCOL
    assert [event.name for event in receipt.events] == ["Judged"]
    assert not bench.liquidator.call.is_liquidatable(child)


def test_an_account_of_the_vault_below_zero_is_for_auto_deleveraging(bench: Bench) -> None:
    child = bench.accounts["child"]
    swap(bench, child, rich(bench), 60, 100)
    bench.mark(80)
    assert bench.equity(child) == -200
    assert outcome(bench.liquidate(child), child) == BELOW_ZERO


@pytest.mark.parametrize("account", [0, FEES, DEFICIT, 10**6, 2**255])
def test_accounts_that_are_nobodys_are_healthy(bench: Bench, account: int) -> None:
    assert outcome(bench.liquidate(account), account) == HEALTHY


def test_a_flat_account_is_healthy(bench: Bench) -> None:
    account = bench.open("saver", 0)
    assert outcome(bench.liquidate(account), account) == HEALTHY


# --- cross and isolated -----------------------------------------------------------------------


def test_profit_in_one_market_carries_a_loss_in_another(bench: Bench) -> None:
    account = open_long(bench, 300)
    swap(bench, account, rich(bench), 10, 50, market=1)
    bench.mark(75, 60)
    assert bench.equity(account) == 300 - 250 + 100
    assert outcome(bench.liquidate(account), account) == HEALTHY
    bench.mark(75, 50)
    assert outcome(bench.liquidate(account), account) == TAKEN_OVER


def test_an_isolated_account_stands_alone(bench: Bench) -> None:
    owner = bench.engine.sender(30)
    cross = bench.open("cross", 10_000, owner)
    opened = bench.pool.transact.open_isolated_account(0, sender=owner)
    isolated = bench.adopt("isolated", opened.named("AccountOpened")[0].account, owner, 250)
    swap(bench, isolated, rich(bench), 10, 100)
    bench.mark(79)
    assert bench.equity(isolated) == 40
    receipt = bench.liquidate(isolated, cross)
    assert outcome(receipt, isolated) == TAKEN_OVER
    assert outcome(receipt, cross) == HEALTHY
    assert bench.equity(cross) == 10_000

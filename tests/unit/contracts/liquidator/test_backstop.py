"""Takeover: everything at mark, exactly nothing left, and what stands in its way."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from tests.bench import USD
from tests.unit.contracts.hand import hand, sums_hold, swap
from tests.unit.contracts.liquidator.ward import (
    CHILD_BELOW_ZERO,
    LOCKED,
    NO_BACKSTOP,
    ONE_UNIT,
    TAKEN_OVER,
    WAITS,
    lock,
    open_long,
    outcome,
    rich,
)

if TYPE_CHECKING:
    from spillway.engines import Receipt
    from tests.bench import Bench


@pytest.fixture
def needy(bench: Bench) -> int:
    """Long 10 at 80 with 40 USD: half of its maintenance."""
    account = open_long(bench, 240)
    bench.mark(80)
    return account


def refusal(receipt: Receipt) -> int:
    """The reason of the one refusal."""
    (event,) = receipt.named("BackstopRefused")
    return int(event.reason)


def test_the_account_ends_flat_with_exactly_nothing(bench: Bench, needy: int) -> None:
    child = bench.accounts["child"]
    receipt = bench.liquidate(needy)
    assert bench.at(needy) == (0, 0)
    assert bench.pool.call.legs_of(needy) == 0
    assert bench.at(child) == (10, 1_040 - 800)
    event = receipt.named("BackstopEntered")[0]
    assert (event.account, event.backstop, event.equity, event.legs) == (needy, child, 40 * USD, 1)
    assert sums_hold(bench)


def test_a_market_with_nothing_but_an_order_does_not_pass(bench: Bench) -> None:
    account, child = open_long(bench, 240), bench.accounts["child"]
    bench.place(account, 1, 45, market=1)
    bench.mark(80)
    receipt = bench.liquidate(account)
    assert outcome(receipt, account) == TAKEN_OVER
    assert receipt.named("BackstopEntered")[0].legs == 1
    assert bench.pool.call.legs_of(account) == 0
    assert bench.pool.call.legs_of(child) == 1


def test_dust_below_a_unit_passes_too(bench: Bench) -> None:
    """Funding has left an equity that no collateral unit measures."""
    account, child = open_long(bench, 240, lots=7), bench.accounts["child"]
    bench.pool.transact.advance([(0, 70 * USD + 1, 70 * USD, 3)], sender=bench.oracle)
    equity = bench.pool.call.health(account).equity
    assert equity == 240 * USD - 7 * (30 * USD - 1) - 7 * 3
    assert outcome(bench.liquidate(account), account) == TAKEN_OVER
    assert bench.pool.call.health(account).equity == 0
    assert bench.pool.call.health(child).equity == 1_000 * USD + equity
    assert sums_hold(bench)


def test_all_legs_pass_at_their_marks(bench: Bench) -> None:
    account, child = bench.open("spread", 200), bench.accounts["child"]
    swap(bench, account, rich(bench), 6, 100)
    swap(bench, rich(bench), account, 8, 50, market=1)
    swap(bench, account, rich(bench), 20, 20, market=2)
    bench.mark(90, 52, 17)
    assert bench.equity(account) == 200 - 60 - 16 - 60
    receipt = bench.liquidate(account)
    assert outcome(receipt, account) == TAKEN_OVER
    passed = [(e.market, e.lots, e.quote) for e in receipt.named("Exchanged")]
    assert passed == [(0, 6, 540 * USD), (1, 8, 416 * USD), (2, 20, 340 * USD)]
    assert [bench.size(child, market) for market in range(3)] == [6, -8, 20]
    assert bench.equity(child) == 1_064
    assert bench.equity(account) == 0
    assert sums_hold(bench)


def test_what_the_child_holds_against_it_is_netted(bench: Bench, needy: int) -> None:
    child = bench.accounts["child"]
    swap(bench, rich(bench), child, 4, 80)
    bench.liquidate(needy)
    assert bench.at(child) == (6, 1_040 - 6 * 80)
    assert bench.pool.call.market(0).open_interest == 6


def test_no_takeover_without_a_backstop(bench: Bench, needy: int) -> None:
    bench.backstop.transact.set_backstop(0, sender=bench.admin)
    receipt = bench.liquidate(needy)
    assert (outcome(receipt, needy), refusal(receipt)) == (WAITS, NO_BACKSTOP)
    assert bench.size(needy) == 10


@pytest.mark.parametrize(("left", "takes"), [(-ONE_UNIT, False), (Decimal(0), True)])
def test_a_child_below_zero_takes_nothing_and_one_at_zero_does(
    bench: Bench, needy: int, left: Decimal, takes: bool
) -> None:
    child = bench.accounts["child"]
    amount = int((1_000 - left) * USD)
    bench.pool.transact.pay(child, rich(bench), amount, sender=hand(bench))
    assert bench.equity(child) == left
    receipt = bench.liquidate(needy)
    assert outcome(receipt, needy) == (TAKEN_OVER if takes else WAITS)
    if not takes:
        assert refusal(receipt) == CHILD_BELOW_ZERO


def test_no_takeover_while_one_of_its_markets_is_locked(bench: Bench) -> None:
    account = bench.open("spread", 150)
    swap(bench, account, rich(bench), 6, 100)
    swap(bench, account, rich(bench), 8, 50, market=1)
    bench.mark(85, 50)
    lock(bench, 1)
    receipt = bench.liquidate(account)
    assert (outcome(receipt, account), refusal(receipt)) == (WAITS, LOCKED)
    assert [event.market for event in receipt.named("BookEntered")] == [0]
    lock(bench, 1, locked=False)
    bench.mark(85, 50)
    assert outcome(bench.liquidate(account), account) == TAKEN_OVER


def test_a_refused_account_keeps_what_the_book_has_done_for_it(bench: Bench, needy: int) -> None:
    bench.backstop.transact.set_backstop(0, sender=bench.admin)
    bench.place(bench.open("maker", 1_000), 3, 80)
    receipt = bench.liquidate(needy)
    assert outcome(receipt, needy) == WAITS
    assert (bench.size(needy), bench.equity(needy)) == (7, 40)


def test_the_child_need_not_meet_margin_for_what_it_takes(bench: Bench, needy: int) -> None:
    child = bench.accounts["child"]
    amount = 1_000 * USD
    bench.pool.transact.pay(child, rich(bench), amount, sender=hand(bench))
    bench.liquidate(needy)
    health = bench.pool.call.health(child)
    assert health.equity < health.maintenance
    bench.mark(80)
    assert not bench.liquidate(child).named("BookEntered")

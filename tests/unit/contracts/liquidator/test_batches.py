"""Batches: open to anyone, and nothing in them makes them revert."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.bench import DEFICIT, FEES
from tests.unit.contracts.hand import hand, sums_hold, swap
from tests.unit.contracts.liquidator.ward import (
    BELOW_ZERO,
    HANDLED,
    HEALTHY,
    PROTOCOL,
    RESTORED,
    SHIELDED,
    TAKEN_OVER,
    WAITS,
    lock,
    maker,
    open_long,
    outcome,
    rich,
)

if TYPE_CHECKING:
    from spillway.engines import Address
    from tests.bench import Bench


def test_an_outsider_may_liquidate(bench: Bench, outsider: Address) -> None:
    account = open_long(bench, 240)
    bench.mark(80)
    receipt = bench.liquidator.transact.liquidate([account], sender=outsider)
    assert outcome(receipt, account) == TAKEN_OVER


def test_an_empty_batch_does_nothing(bench: Bench) -> None:
    assert not bench.liquidate().events


def test_a_batch_of_all_kinds_reverts_for_none(bench: Bench) -> None:
    """Each as it deserves, in the order given, whatever the others are."""
    child = bench.accounts["child"]
    lots = {"healthy": 1_000, "restored": 270, "waits": 271, "taken": 240, "below": 190}
    for name, usd in lots.items():
        bench.accounts[name] = open_long(bench, usd)
    bench.accounts["stale"] = bench.open("stale", 5)
    swap(bench, bench.accounts["stale"], rich(bench), 3, 20, market=2)
    swap(bench, child, rich(bench), 45, 100)
    bench.engine.send_block([], bench.engine.head.timestamp + 600)
    bench.mark(80, 50)
    bench.place(maker(bench), 10, 80)
    a = bench.accounts
    batch = [a["healthy"], a["restored"], a["waits"], a["waits"], a["taken"], a["below"]]
    batch += [a["stale"], child, FEES, DEFICIT, 0, 2**32, 2**256 - 1]
    receipt = bench.liquidate(*batch)
    assert [event.account for event in receipt.named("Judged")] == batch
    expected = [HEALTHY, RESTORED, WAITS, HANDLED, TAKEN_OVER, BELOW_ZERO, SHIELDED, PROTOCOL]
    assert [event.outcome for event in receipt.named("Judged")] == expected + [HEALTHY] * 5
    assert sums_hold(bench)


def test_a_deficit_does_not_stop_a_batch(bench: Bench) -> None:
    account = bench.open("gone", 100)
    swap(bench, account, rich(bench), 10, 100)
    swap(bench, rich(bench), account, 10, 80)
    bench.pool.transact.write_off(account, sender=hand(bench))
    needy = open_long(bench, 240)
    bench.mark(80)
    receipt = bench.liquidate(needy, DEFICIT)
    assert bench.quote(DEFICIT) == -100
    assert outcome(receipt, needy) == TAKEN_OVER


def test_sixteen_accounts_fit_one_call(bench: Bench) -> None:
    accounts = [open_long(bench, 240) for _ in range(16)]
    bench.mark(80)
    receipt = bench.liquidate(*accounts)
    assert {event.outcome for event in receipt.named("Judged")} == {TAKEN_OVER}
    assert bench.size(bench.accounts["child"]) == 160


def test_a_locked_market_does_not_stop_a_batch(bench: Bench) -> None:
    first, second = open_long(bench, 240), bench.open("second", 90)
    swap(bench, second, rich(bench), 10, 50, market=1)
    lock(bench, 0)
    bench.mark(80, 42)
    receipt = bench.liquidate(first, second)
    assert outcome(receipt, first) == WAITS
    assert outcome(receipt, second) == TAKEN_OVER


def test_makers_who_fail_are_removed_and_the_sweep_goes_on(bench: Bench) -> None:
    """The best bid's owner has lost its margin since; the next one is good."""
    account = open_long(bench, 270)
    poor = bench.open("poor", 200)
    bench.place(poor, 10, 90)
    swap(bench, poor, rich(bench), 1, 200, market=1)
    bench.place(maker(bench), 4, 78)
    bench.mark(80)
    receipt = bench.liquidate(account)
    (event,) = receipt.named("BookEntered")
    assert event.filled == 4
    assert bench.book.call.orders_of(poor) == ()


def test_orders_of_the_same_owner_are_removed_and_not_met(bench: Bench) -> None:
    """Else one could sell to itself at the limit what it is about to lose."""
    account = open_long(bench, 270)
    twin = bench.open("twin", 10_000, bench.owners[account])
    bench.place(twin, 10, 95)
    bench.mark(80)
    receipt = bench.liquidate(account)
    assert outcome(receipt, account) == WAITS
    assert bench.book.call.orders_of(twin) == ()
    assert bench.size(account) == 10


def test_a_market_without_a_book_has_no_bids(bench: Bench) -> None:
    """Listed in the pool, never opened in the book."""
    tiers = [(0, 5), (0, 0), (0, 0), (0, 0), (0, 0)]
    bench.pool.transact.list_market((0, 600, 10**12, tiers), sender=bench.admin)
    bench.mark(100, 50, 20, 10)
    account = bench.open("odd", 9)
    swap(bench, account, rich(bench), 10, 10, market=3)
    receipt = bench.liquidate(account)
    assert outcome(receipt, account) == WAITS
    (event,) = receipt.named("BookEntered")
    assert (event.market, event.filled) == (3, 0)


@pytest.mark.parametrize("price", [1, 2**80 - 1])
def test_extreme_marks_do_not_stop_a_batch(bench: Bench, price: int) -> None:
    account = bench.open("odd", 10)
    swap(bench, account, rich(bench), 1, 100)
    short = bench.open("short", 10)
    swap(bench, rich(bench), short, 1, 100)
    bench.pool.transact.advance([(0, price, price, 0)], sender=bench.oracle)
    receipt = bench.liquidate(account, short)
    assert sorted([outcome(receipt, account), outcome(receipt, short)]) == [HEALTHY, BELOW_ZERO]


def test_a_short_at_the_highest_mark_is_swept_for(bench: Bench) -> None:
    """Its limit lies beyond the highest price that the pool knows."""
    price = 2**80 - 1
    usd = price * 9 // 100 // 10**18 + 1
    short = bench.open("short", usd)
    bench.pool.transact.advance([(0, price, price, 0)], sender=bench.oracle)
    bench.pool.transact.exchange(0, rich(bench), short, 1, price, sender=hand(bench))
    receipt = bench.liquidate(short)
    (event,) = receipt.named("BookEntered")
    assert event.limit > price
    assert outcome(receipt, short) == WAITS

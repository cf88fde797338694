"""A fifth first, the whole within 30 seconds of it, and legs up to 100,000 USD whole at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.bench import USD
from tests.unit.contracts.hand import swap
from tests.unit.contracts.liquidator.ward import (
    RESTORED,
    WINDOW,
    maker,
    open_long,
    open_short,
    outcome,
    rich,
)

if TYPE_CHECKING:
    from spillway.engines import Receipt
    from tests.bench import Bench

LIMIT = 100_000


def needy(bench: Bench, lots: int, mark: int = 100) -> int:
    """Long at mark with 9 % of its notional: below maintenance, above two thirds of it."""
    account = bench.open(f"needy {lots}", lots * mark * 9 // 100)
    swap(bench, account, rich(bench), lots, mark)
    return account


def asked(receipt: Receipt) -> list[tuple[int, int]]:
    """(lots, slice) of each order of the book layer."""
    return [(event.lots, event.slice) for event in receipt.named("BookEntered")]


def again_after(bench: Bench, account: int, seconds: int, mark: int = 100) -> Receipt:
    """A new epoch so many seconds after the last block, and the keeper's call in the same block."""
    engine, quote = bench.engine, mark * USD
    calls = [
        bench.pool.build.advance([(0, quote, quote, 0)], sender=bench.oracle),
        bench.liquidator.build.liquidate([account], sender=bench.keeper, gas=2**23),
    ]
    return engine.send_block(calls, engine.head.timestamp + seconds).receipts[1]


@pytest.mark.parametrize(
    ("lots", "expected"),
    [(999, (999, 0)), (1_000, (1_000, 0)), (1_001, (201, 1)), (1_005, (201, 1)), (1_006, (202, 1))],
)
def test_a_leg_above_100_000_usd_is_sold_by_a_fifth_rounded_up(
    bench: Bench, lots: int, expected: tuple[int, int]
) -> None:
    account = needy(bench, lots)
    assert (lots * 100 > LIMIT) == (expected[1] == 1)
    assert asked(bench.liquidate(account)) == [expected]


def test_a_fifth_of_a_short_is_bought(bench: Bench) -> None:
    account = open_short(bench, 18_000, lots=2_000)
    bench.place(maker(bench), -400, 100)
    receipt = bench.liquidate(account)
    assert asked(receipt) == [(400, 1)]
    assert bench.size(account) == -1_600


def test_one_lot_above_100_000_usd_is_no_slice(bench: Bench) -> None:
    account = open_long(bench, 9_500, lots=1, price=100_000, market=2)
    bench.mark(100, 50, 100_001)
    assert asked(bench.liquidate(account)) == [(1, 0)]
    assert bench.liquidator.call.last_handled(account)[1] == 0


@pytest.mark.parametrize(("seconds", "whole"), [(1, True), (29, True), (30, False), (31, False)])
def test_within_30_seconds_of_a_slice_the_whole_is_sold(
    bench: Bench, seconds: int, whole: bool
) -> None:
    account = needy(bench, 2_000)
    assert asked(bench.liquidate(account)) == [(400, 1)]
    assert bench.liquidator.call.last_handled(account)[1] == bench.engine.head.timestamp
    receipt = again_after(bench, account, seconds)
    assert asked(receipt) == [(2_000, 0) if whole else (400, 1)]


def test_what_a_slice_has_left_is_sold_whole(bench: Bench) -> None:
    account = needy(bench, 2_000)
    bench.place(maker(bench), 400, 99)
    receipt = bench.liquidate(account)
    assert asked(receipt) == [(400, 1)]
    assert outcome(receipt, account) == RESTORED
    assert bench.at(account) == (1_600, 18_000 - 200_000 + 400 * 99)
    bench.place(maker(bench), 1_600, 97)
    receipt = again_after(bench, account, 5, mark=98)
    assert asked(receipt) == [(1_600, 0)]


def test_the_window_is_the_accounts_in_all_its_markets(bench: Bench) -> None:
    account = needy(bench, 2_000)
    swap(bench, account, rich(bench), 3_000, 50, market=1)
    bench.deposit(account, 13_500)
    receipt = bench.liquidate(account)
    assert asked(receipt) == [(400, 1), (600, 1)]
    receipt = again_after(bench, account, 10)
    assert asked(receipt) == [(2_000, 0), (3_000, 0)]


def test_selling_the_whole_does_not_prolong_the_window(bench: Bench) -> None:
    account = needy(bench, 2_000)
    bench.liquidate(account)
    sliced_at = bench.engine.head.timestamp
    assert asked(again_after(bench, account, 20)) == [(2_000, 0)]
    assert bench.liquidator.call.last_handled(account)[1] == sliced_at
    assert asked(again_after(bench, account, WINDOW - 20)) == [(400, 1)]


def test_the_windows_of_accounts_are_their_own(bench: Bench) -> None:
    first, second = needy(bench, 2_000), needy(bench, 1_500)
    bench.liquidate(first)
    bench.mark(100)
    assert asked(bench.liquidate(second)) == [(300, 1)]

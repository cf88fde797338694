"""Who is flat before a loss: the line follows the epoch, but for a deficit or a deleveraging."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.chain import refused
from tests.unit.contracts.margin_pool.stand import DEFICIT, FEES, START, USD, Stand
from tests.unit.contracts.margin_pool.test_write_off import owing

if TYPE_CHECKING:
    from spillway.engines import Address


def is_senior(stand: Stand, account: int) -> bool:
    senior: bool = stand.pool.call.is_senior(account)
    return senior


def hold(stand: Stand, *, held: bool) -> None:
    stand.pool.transact.hold_seniority(held, sender=stand.deleverager)


def turn_flat(stand: Stand, account: int, against: int) -> None:
    stand.trade(account, against, 1)
    stand.trade(against, account, 1)


def test_an_account_with_a_position_or_an_order_is_not_senior(
    stand: Stand, taking: int, making: int, other: int
) -> None:
    stand.trade(taking, making, 1)
    stand.rest(other, bids=1)

    assert [is_senior(stand, n) for n in (taking, making, other)] == [False] * 3


def test_one_that_turns_flat_is_senior_from_the_next_epoch(
    stand: Stand, taking: int, making: int, other: int
) -> None:
    stand.rest(other, bids=1)
    turn_flat(stand, taking, making)
    stand.rest(other, bids=-1)
    assert [is_senior(stand, n) for n in (taking, other)] == [False, False]
    assert stand.pool.call.solvency().junior_quote == 30_000 * USD

    stand.wait(100)
    assert not is_senior(stand, taking)
    stand.mark(START)
    assert [is_senior(stand, n) for n in (taking, other)] == [True, True]
    assert stand.pool.call.solvency().junior_quote == 0


def test_what_a_junior_pays_in_is_junior(
    stand: Stand, trader: Address, taking: int, making: int
) -> None:
    turn_flat(stand, taking, making)

    stand.credit(taking, trader, 5)

    assert stand.pool.call.solvency().junior_quote == 20_005 * USD


def test_one_that_was_never_anything_but_flat_is_senior_at_once(
    stand: Stand, trader: Address
) -> None:
    hold(stand, held=True)

    assert is_senior(stand, stand.open(trader, 5))


def test_the_protocol_is_never_senior_nor_counted(stand: Stand) -> None:
    before = stand.pool.call.solvency()
    child = stand.open_protocol(10)

    assert [is_senior(stand, n) for n in (FEES, DEFICIT, child)] == [False] * 3
    assert stand.pool.call.solvency().flat_quote == before.flat_quote


def test_flat_quote_follows_positions_and_orders(
    stand: Stand, trader: Address, taking: int, making: int
) -> None:
    def flat() -> int:
        return int(stand.pool.call.solvency().flat_quote) // USD

    assert flat() == 20_000
    stand.rest(taking, bids=1)
    assert flat() == 10_000
    stand.credit(taking, trader, 5)
    stand.trade(making, taking, 1)
    assert flat() == 0
    stand.trade(taking, making, 1, START - 10)
    assert flat() == 9_990
    stand.rest(taking, bids=-1)
    assert flat() == 20_005


def test_the_line_stands_while_seniority_is_held(stand: Stand, taking: int, making: int) -> None:
    hold(stand, held=True)
    assert stand.pool.call.solvency().seniority_held
    turn_flat(stand, taking, making)

    for _ in range(3):
        stand.mark(START)
        assert not is_senior(stand, taking)
    hold(stand, held=False)
    assert not is_senior(stand, taking)
    stand.mark(START)

    assert is_senior(stand, taking)
    assert not stand.pool.call.solvency().seniority_held


def test_the_line_stands_while_there_is_a_deficit(
    stand: Stand, trader: Address, outsider: Address, taking: int, making: int
) -> None:
    stand.mark(START)
    stand.write_off(owing(stand, trader, making, 30))
    turn_flat(stand, taking, making)

    for _ in range(3):
        stand.mark(START)
        assert [is_senior(stand, n) for n in (taking, making)] == [False, False]
    stand.credit(DEFICIT, outsider, 30)
    stand.mark(START)

    assert [is_senior(stand, n) for n in (taking, making)] == [True, True]


def test_a_loss_that_is_held_and_then_written_keeps_its_line(
    stand: Stand, trader: Address, taking: int, making: int
) -> None:
    account = owing(stand, trader, making, 30)
    hold(stand, held=True)
    stand.mark(START)
    turn_flat(stand, taking, making)
    stand.write_off(account)
    hold(stand, held=False)

    stand.mark(START)

    assert not is_senior(stand, taking)


@pytest.mark.parametrize("held", [True, False])
def test_others_do_not_transfer_meanwhile(
    stand: Stand, trader: Address, maker: Address, making: int, held: bool
) -> None:
    saver, refuge = stand.open(trader, 10), stand.open(maker)
    if held:
        hold(stand, held=True)
        turn_flat(stand, making, stand.open(trader))
    else:
        stand.write_off(owing(stand, trader, making, 30))

    with refused("pool: deficit stands"):
        stand.pool.transact.transfer(making, refuge, 1, sender=maker)
    stand.pool.transact.transfer(saver, stand.open(trader), 1, sender=trader)
    if held:
        hold(stand, held=False)
        stand.pool.transact.transfer(making, refuge, 1, sender=maker)

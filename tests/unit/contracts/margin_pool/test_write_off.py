"""write_off: what a flat account owes is a loss of the fee account first, then the deficit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.chain import refused
from tests.unit.contracts.margin_pool.stand import DEFICIT, FEES, MARK, START, USD, Match, Stand

if TYPE_CHECKING:
    from spillway.engines import Address


def owing(stand: Stand, owner: Address, against: int, usd: int) -> int:
    """A flat account that owes."""
    account = stand.open(owner, 100)
    stand.trade(account, against, 1, START)
    stand.trade(against, account, 1, START - 100 - usd)
    assert stand.equity(account) == -usd
    assert stand.pool.call.legs_of(account) == 0
    return account


def test_a_loss_without_fees_is_the_deficit(stand: Stand, trader: Address, making: int) -> None:
    account = owing(stand, trader, making, 30)

    event = stand.write_off(account)

    assert tuple(event) == (account, 30 * USD, 0, 30 * USD)
    solvency = stand.pool.call.solvency()
    assert (solvency.deficit, solvency.deficit_at) == (30 * USD, stand.engine.head.timestamp)
    assert (stand.equity(account), stand.equity(DEFICIT)) == (0, -30)


def test_fees_bear_it_first(stand: Stand, trader: Address, making: int, other: int) -> None:
    filled = stand.fill(Match(0, making, other, True, 10, MARK))
    fees = filled.taker_fee + filled.maker_fee
    account = owing(stand, trader, making, 30)

    event = stand.write_off(account)

    assert tuple(event) == (account, 30 * USD, fees, 30 * USD - fees)
    assert stand.equity(FEES) == 0


def test_a_loss_within_the_fees_leaves_no_deficit(
    stand: Stand, trader: Address, making: int
) -> None:
    stand.credit(FEES, stand.admin, 31)
    account = owing(stand, trader, making, 30)

    event = stand.write_off(account)

    assert tuple(event) == (account, 30 * USD, 30 * USD, 0)
    assert (stand.equity(FEES), stand.pool.call.solvency().deficit) == (1, 0)


def test_what_was_given_towards_a_deficit_before_is_used_up(
    stand: Stand, trader: Address, outsider: Address, making: int
) -> None:
    stand.credit(DEFICIT, outsider, 10)
    account = owing(stand, trader, making, 30)

    assert stand.write_off(account).deficit == 20 * USD


def test_losses_add_up_and_the_clock_does_not_start_again(
    stand: Stand, trader: Address, making: int
) -> None:
    first, second = owing(stand, trader, making, 30), owing(stand, trader, making, 5)
    stand.write_off(first)
    since = stand.engine.head.timestamp
    stand.wait(1_000)

    assert stand.write_off(second).deficit == 35 * USD

    assert stand.pool.call.solvency().deficit_at == since


def test_the_clock_starts_again_once_a_deficit_was_cured(
    stand: Stand, trader: Address, outsider: Address, making: int
) -> None:
    first, second = owing(stand, trader, making, 30), owing(stand, trader, making, 5)
    stand.write_off(first)
    stand.credit(DEFICIT, outsider, 30)
    stand.wait(1_000)

    stand.write_off(second)

    assert stand.pool.call.solvency().deficit_at == stand.engine.head.timestamp


def test_the_protocols_loss_is_written_off_as_well(stand: Stand, making: int) -> None:
    child = stand.open_protocol(1)
    stand.trade(child, making, 1, START)
    stand.trade(making, child, 1, START - 3)

    assert stand.write_off(child).deficit == 2 * USD


@pytest.mark.parametrize("by_order", [True, False])
def test_an_account_with_a_leg_is_not_written_off(
    stand: Stand, trader: Address, making: int, by_order: bool
) -> None:
    account = stand.open(trader, 100)
    stand.trade(account, making, 1)
    stand.mark(START // 2)
    stand.pay(account, making, 100 * USD)
    if by_order:
        stand.mark(START)
        stand.rest(making, bids=1)
        stand.trade(making, account, 1, START)
        account = making
        stand.pay(making, FEES, 20_000 * USD)
    assert stand.equity(account) < 0

    with refused("pool: account is not flat"):
        stand.write_off(account)


def test_only_what_is_owed_is_written_off(
    stand: Stand, trader: Address, taking: int, making: int
) -> None:
    for account in (taking, FEES, stand.open(trader)):
        with refused("pool: nothing to write off"):
            stand.write_off(account)
    stand.write_off(owing(stand, trader, making, 1))


def test_the_deficit_itself_stays(stand: Stand, trader: Address, making: int) -> None:
    stand.write_off(owing(stand, trader, making, 30))

    with refused("pool: nothing to write off"):
        stand.write_off(DEFICIT)

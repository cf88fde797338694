"""pay: quote alone, for the liquidator and for deleveraging; never out of a flat account."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.chain import refused
from tests.unit.contracts.margin_pool.stand import DEFICIT, FEES, MARK, START, USD, Match, Stand

if TYPE_CHECKING:
    from spillway.engines import Address


def test_quote_passes_from_one_account_to_another(stand: Stand, taking: int, making: int) -> None:
    stand.trade(taking, making, 1)

    receipt = stand.pay(taking, making, 7 * USD)

    assert [tuple(event) for event in receipt.named("Paid")] == [(taking, making, 7 * USD)]
    assert (stand.equity(taking), stand.equity(making)) == (9_993, 10_007)


def test_a_flat_account_may_be_paid(stand: Stand, taking: int, making: int, other: int) -> None:
    stand.trade(taking, making, 1)
    before = stand.pool.call.solvency().flat_quote

    stand.pay(taking, other, 7 * USD)

    assert stand.pool.call.solvency().flat_quote - before == 7 * USD


def test_a_flat_account_never_pays(stand: Stand, taking: int, making: int, other: int) -> None:
    stand.trade(taking, making, 1)

    for sender in (stand.liquidator, stand.deleverager):
        for amount in (0, 1):
            with refused("pool: flat account never pays"):
                stand.pool.transact.pay(other, taking, amount, sender=sender)
    stand.pay(taking, other, 1)


def test_an_account_with_nothing_but_an_order_is_not_flat(
    stand: Stand, taking: int, making: int
) -> None:
    stand.rest(taking, bids=1)

    stand.pay(taking, making, 1)


def test_what_was_closed_in_this_epoch_may_still_be_reached(
    stand: Stand, taking: int, making: int
) -> None:
    stand.trade(taking, making, 1)
    stand.trade(making, taking, 1)

    stand.pay(taking, making, 1)
    stand.mark(START)
    with refused("pool: flat account never pays"):
        stand.pay(taking, making, 1)


def test_the_protocol_is_outside_of_that_law(stand: Stand, taking: int, making: int) -> None:
    child = stand.open_protocol(10)
    stand.fill(Match(0, taking, making, True, 1, MARK))

    for source in (child, FEES, DEFICIT):
        stand.pay(source, taking, 1)


def test_has_two_ends(stand: Stand, taking: int, making: int) -> None:
    stand.trade(taking, making, 1)

    with refused("pool: same account"):
        stand.pay(taking, taking, 1)


def test_may_leave_a_position_below_zero(stand: Stand, trader: Address, making: int) -> None:
    account = stand.open(trader, 1)
    stand.trade(account, making, 1)

    stand.pay(account, making, 2 * USD)

    assert stand.equity(account) == -1

"""A token that misbehaves: whatever it does, custody counts what arrives and leaves, or nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.chain import refused
from tests.unit.contracts.custody.till import (
    HONEST,
    RETURNS_FALSE,
    RETURNS_NOTHING,
    REVERTS,
    TAKES_FEE,
    Till,
)
from tests.unit.contracts.margin_pool.stand import START, units

if TYPE_CHECKING:
    from spillway.engines import Address, Call

REFUSED = [
    (RETURNS_FALSE, "custody: token failed"),
    (REVERTS, "usdc: transfers are off"),
    (TAKES_FEE, "custody: token took a fee"),
]
misbehaving = pytest.mark.parametrize(("mode", "reason"), REFUSED)


@pytest.fixture
def ready(till: Till, depositor: Address, saving: int) -> int:
    """An account whose owner has 100 USD to pay in, and whose withdrawal of 200 USD may be paid."""
    till.fund(depositor, units(100))
    till.ask(saving, units(200))
    till.stand.mark(START)
    return saving


@misbehaving
def test_a_deposit_that_fails_leaves_everything_as_it_was(
    till: Till, depositor: Address, ready: int, mode: int, reason: str
) -> None:
    before = till.counted(), till.held(), till.equity(ready)
    till.behave(mode)

    with refused(reason):
        till.custody.transact.deposit(ready, units(100), sender=depositor)

    assert (till.counted(), till.held(), till.equity(ready)) == before
    till.behave(HONEST)
    till.custody.transact.deposit(ready, units(100), sender=depositor)


@pytest.mark.parametrize(("mode", "reason"), REFUSED[:2])
def test_a_withdrawal_that_fails_is_still_asked_for(
    till: Till, depositor: Address, ready: int, mode: int, reason: str
) -> None:
    before = till.counted(), till.held(), till.equity(ready)
    till.behave(mode)

    with refused(reason):
        till.pay_out(ready)

    assert (till.counted(), till.held(), till.equity(ready)) == before
    till.behave(HONEST)
    till.pay_out(ready)
    assert till.balance(depositor) == units(300)


def test_a_fee_on_the_way_out_is_between_the_token_and_the_recipient(
    till: Till, depositor: Address, ready: int
) -> None:
    """Custody pays what it counts out; to stop here would stop every withdrawal for good."""
    till.behave(TAKES_FEE)

    till.pay_out(ready)

    assert till.counted() == till.held() == units(300)
    assert till.balance(depositor) == units(100) + units(180)


@misbehaving
def test_covering_a_deficit_with_it_fails(
    till: Till, trader: Address, outsider: Address, winning: int, mode: int, reason: str
) -> None:
    till.deficit(trader, winning, 100, 200)
    till.fund(outsider, units(200))
    till.behave(mode)

    with refused(reason):
        till.custody.transact.cover_deficit(units(200), sender=outsider)


def test_a_token_that_returns_nothing_is_measured(
    till: Till, depositor: Address, ready: int
) -> None:
    till.behave(RETURNS_NOTHING)

    till.custody.transact.deposit(ready, units(100), sender=depositor)
    till.pay_out(ready)

    assert till.counted() == till.held() == units(400)
    assert till.balance(depositor) == units(200)


def test_nobody_deposits_without_units_or_leave(till: Till, outsider: Address) -> None:
    account = till.open(outsider)
    with refused("usdc: not approved"):
        till.custody.transact.deposit(account, 1, sender=outsider)
    till.usdc.transact.approve(till.custody.address, 1, sender=outsider)
    with refused("usdc: balance too low"):
        till.custody.transact.deposit(account, 1, sender=outsider)


# --- a token that calls back ---------------------------------------------------------------------


def reentrant_calls(till: Till, account: int, owner: Address) -> dict[str, Call]:
    build = till.custody.build
    return {
        "deposit": build.deposit(account, 1, sender=owner),
        "withdraw": build.withdraw(account, sender=owner),
        "request_withdrawal": build.request_withdrawal(account, 1, owner, sender=owner),
        "cover_deficit": build.cover_deficit(1, sender=owner),
        "request_of": build.request_of(account, sender=owner),
    }


@pytest.mark.parametrize(
    "entered", ["deposit", "withdraw", "request_withdrawal", "cover_deficit", "request_of"]
)
@pytest.mark.parametrize("outer", ["deposit", "withdraw"])
def test_custody_can_not_be_entered_twice(
    till: Till, depositor: Address, ready: int, outer: str, entered: str
) -> None:
    payload = reentrant_calls(till, ready, depositor)[entered].data
    till.usdc.transact.reenter(till.custody.address, payload, sender=depositor)

    if outer == "deposit":
        till.custody.transact.deposit(ready, units(100), sender=depositor)
        moved = units(100)
    else:
        till.pay_out(ready)
        moved = -units(200)

    assert not till.usdc.call.reentered()
    assert till.counted() == till.held() == units(500) + moved


def test_a_gift_in_the_middle_of_a_deposit_is_not_a_deposit(
    till: Till, depositor: Address, outsider: Address, ready: int
) -> None:
    gift = till.usdc.build.mint(till.custody.address, 5, sender=outsider)
    till.usdc.transact.reenter(till.usdc.address, gift.data, sender=outsider)

    with refused("custody: token took a fee"):
        till.custody.transact.deposit(ready, units(100), sender=depositor)


@pytest.mark.parametrize("gift", [5, units(200), units(1_000)])
def test_a_gift_in_the_middle_of_a_withdrawal_stops_it(
    till: Till, outsider: Address, ready: int, gift: int
) -> None:
    minted = till.usdc.build.mint(till.custody.address, gift, sender=outsider)
    till.usdc.transact.reenter(till.usdc.address, minted.data, sender=outsider)

    with refused("custody: token took a fee"):
        till.pay_out(ready)


def test_the_pool_that_a_call_back_sees_has_the_withdrawal_behind_it(
    till: Till, depositor: Address, ready: int
) -> None:
    """Nothing that is on its way out can be moved, or backed, once more."""
    seen = till.stand.pool.build.health(ready)
    till.usdc.transact.reenter(till.stand.pool.address, seen.data, sender=depositor)

    till.pay_out(ready)

    assert till.usdc.call.reentered()
    equity = int.from_bytes(till.usdc.call.answer()[:32], "big")
    assert equity == till.equity(ready)


def test_another_recipient_may_be_named_where_one_can_not_be_paid(
    till: Till, depositor: Address, outsider: Address, ready: int
) -> None:
    till.behave(REVERTS)
    with refused("usdc: transfers are off"):
        till.pay_out(ready)
    till.behave(HONEST)

    till.ask(ready, units(200), outsider)
    till.stand.mark(START)
    till.pay_out(ready)

    assert till.balance(outsider) == units(200)
    assert till.balance(depositor) == units(100)

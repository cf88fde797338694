"""The token may fail, keep a fee or call back: what has moved counts, and the vault is locked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.chain import refused
from tests.unit.contracts.order_book.desk import QUOTE, START, UNIT

if TYPE_CHECKING:
    from spillway.engines import Address
    from tests.unit.contracts.vault.house import House

# Mode of the token: flags are powers of two in the order of their names.
HONEST, RETURNS_FALSE, RETURNS_NOTHING, REVERTS, TAKES_FEE, REENTERS = (1 << i for i in range(6))


def behave(house: House, mode: int) -> None:
    house.desk.usdc.transact.behave(mode, sender=house.desk.admin)


@pytest.mark.parametrize(
    ("mode", "reason"),
    [
        (RETURNS_FALSE, "vault: token failed"),
        (REVERTS, "usdc: transfers are off"),
        (TAKES_FEE, "vault: token took a fee"),
    ],
)
def test_a_deposit_that_does_not_arrive_is_refused(
    funded: House, second: Address, mode: int, reason: str
) -> None:
    funded.fund(second, 1_000 * UNIT)
    # Tokens that lie in the vault must not make up for what a fee takes away.
    funded.desk.usdc.transact.mint(funded.vault.address, 1_000 * UNIT, sender=second)
    behave(funded, mode)
    with refused(reason):
        funded.vault.transact.deposit(1_000 * UNIT, sender=second)

    behave(funded, HONEST)
    funded.vault.transact.deposit(1_000 * UNIT, sender=second)
    assert funded.shares_of(second) > 0


def test_a_token_that_returns_nothing_is_accepted(funded: House, depositor: Address) -> None:
    behave(funded, RETURNS_NOTHING)

    funded.deposit(depositor, 1_000)
    funded.unlock()
    funded.request(depositor)
    funded.pay_out()
    funded.claim(depositor)

    assert funded.balance_of(depositor) > 970_000 * UNIT


def test_what_a_fee_takes_on_the_way_from_custody_is_everyones_loss(
    funded: House, depositor: Address
) -> None:
    funded.request(depositor)
    funded.desk.set_mark(START)
    behave(funded, TAKES_FEE)

    funded.collect()

    assert funded.vault.call.till() == 873_000 * UNIT
    behave(funded, HONEST)
    settled = funded.settle().named("SharesRedeemed")[0]
    assert settled.units == 873_000 * UNIT
    assert funded.vault.call.nav() == 30_000 * QUOTE


@pytest.mark.parametrize(
    ("mode", "reason"),
    [(RETURNS_FALSE, "vault: token failed"), (REVERTS, "usdc: transfers are off")],
)
def test_a_payment_that_fails_can_be_claimed_again_and_holds_nobody_up(
    funded: House, depositor: Address, second: Address, mode: int, reason: str
) -> None:
    funded.deposit(second, 1_000)
    funded.unlock()
    funded.request(depositor)
    funded.request(second)
    funded.desk.set_mark(START)
    funded.collect()
    behave(funded, mode)

    # Settling moves no tokens.
    funded.settle()
    with refused(reason):
        funded.claim(depositor)
    behave(funded, HONEST)

    due = funded.vault.call.claimable(depositor)
    funded.claim(depositor)
    assert funded.balance_of(depositor) == due > 0


@pytest.mark.parametrize(
    ("function", "args"),
    [
        ("deposit", (10 * UNIT,)),
        ("request_redemption", (10**18,)),
        ("settle", (1,)),
        ("collect", ()),
        ("top_up", ()),
        ("skim", ()),
        ("shed", (0,)),
        ("open_accounts", ()),
        ("nav", ()),
    ],
)
def test_nothing_can_be_entered_from_within_the_token(
    funded: House, depositor: Address, second: Address, function: str, args: tuple[int, ...]
) -> None:
    usdc, call = funded.desk.usdc, getattr(funded.vault.build, function)(*args, sender=second)
    funded.fund(depositor, 10 * UNIT)
    usdc.transact.reenter(funded.vault.address, call.data, sender=second)

    funded.vault.transact.deposit(10 * UNIT, sender=depositor)

    # The lock refuses without a reason; whatever lies behind it would have given one.
    assert (usdc.call.reentered(), usdc.call.answer()) == (False, b"")


def test_a_claim_cannot_be_made_twice_by_calling_back(funded: House, depositor: Address) -> None:
    funded.request(depositor)
    funded.pay_out()
    usdc = funded.desk.usdc
    again = funded.vault.build.claim(depositor, sender=depositor)
    usdc.transact.reenter(funded.vault.address, again.data, sender=depositor)
    due = funded.vault.call.claimable(depositor)

    funded.claim(depositor)

    assert funded.balance_of(depositor) == due
    # The lock refuses without a reason; whatever lies behind it would have given one.
    assert (usdc.call.reentered(), usdc.call.answer()) == (False, b"")

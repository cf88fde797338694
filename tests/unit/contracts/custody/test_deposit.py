"""Deposits: what arrives is counted, exactly, for an account of whoever pays."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.chain import refused
from tests.unit.contracts.custody.till import MOST_UNITS, Till
from tests.unit.contracts.margin_pool.stand import DEFICIT, QUOTE_PER_UNIT

if TYPE_CHECKING:
    from spillway.engines import Address


@pytest.mark.parametrize("count", [1, 123_456_789])
def test_counts_what_arrives(till: Till, trader: Address, count: int) -> None:
    account = till.open(trader)
    till.fund(trader, count)
    before = till.counted(), till.held()

    receipt = till.custody.transact.deposit(account, count, sender=trader)

    assert [tuple(event) for event in receipt.named("Deposited")] == [(account, count)]
    assert till.equity(account) == count * QUOTE_PER_UNIT
    assert (till.counted(), till.held()) == (before[0] + count, before[1] + count)
    assert till.balance(trader) == 0


def test_tells_its_token(till: Till) -> None:
    assert till.custody.call.token() == till.usdc.address


def test_nothing_is_no_deposit(till: Till, trader: Address) -> None:
    account = till.open(trader)
    with refused("custody: zero amount"):
        till.custody.transact.deposit(account, 0, sender=trader)


def test_keeps_sums_inside_their_bits(till: Till, trader: Address) -> None:
    account = till.open(trader)
    till.fund(trader, MOST_UNITS + 1)

    with refused("custody: amount too large"):
        till.custody.transact.deposit(account, MOST_UNITS + 1, sender=trader)
    till.custody.transact.deposit(account, MOST_UNITS, sender=trader)

    assert till.equity(account) == MOST_UNITS * QUOTE_PER_UNIT


def test_nobody_pays_into_the_account_of_another(
    till: Till, outsider: Address, saving: int
) -> None:
    till.fund(outsider, 10)
    for account in (saving, 99):
        with refused("pool: not the owner"):
            till.custody.transact.deposit(account, 10, sender=outsider)

    assert till.balance(outsider) == 10


def test_nobody_pays_into_the_deficit_by_mistake(till: Till, outsider: Address) -> None:
    till.fund(outsider, 10)

    with refused("custody: not the owner"):
        till.custody.transact.deposit(DEFICIT, 10, sender=outsider)

    assert till.balance(outsider) == 10


def test_a_donation_changes_nothing(till: Till, outsider: Address, saving: int) -> None:
    before = tuple(till.stand.pool.call.solvency()), till.equity(saving)
    till.fund(outsider, 1_000)

    till.usdc.transact.transfer(till.custody.address, 1_000, sender=outsider)

    assert (tuple(till.stand.pool.call.solvency()), till.equity(saving)) == before
    assert till.held() == till.counted() + 1_000
    assert till.withdraw(saving, 500 * 10**6) == 500 * 10**6
    assert (till.held(), till.counted()) == (1_000, 0)

"""Requests: by the owner, to somebody who can be paid; a new one takes the place of the old."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.chain import refused
from tests.unit.contracts.custody.till import MOST_UNITS, Till
from tests.unit.contracts.margin_pool.stand import DEFICIT, NOBODY, START

if TYPE_CHECKING:
    from spillway.engines import Address


def test_remembers_units_epoch_and_recipient(
    till: Till, depositor: Address, outsider: Address, saving: int
) -> None:
    ask = till.custody.transact.request_withdrawal

    receipt = ask(saving, 7, outsider, sender=depositor)

    told = [tuple(event) for event in receipt.named("WithdrawalRequested")]
    assert told == [(saving, 7, outsider)]
    epoch = till.stand.pool.call.epoch()
    assert till.custody.call.request_of(saving) == (7, epoch, outsider)


def test_a_second_request_replaces_the_first_and_waits_anew(
    till: Till, depositor: Address, saving: int
) -> None:
    till.ask(saving, 7)
    till.stand.mark(START)

    till.ask(saving, 9)

    with refused("custody: wait for an epoch"):
        till.pay_out(saving)
    till.stand.mark(START)
    till.pay_out(saving)
    assert till.balance(depositor) == 9


def test_a_request_for_nothing_cancels(till: Till, saving: int) -> None:
    till.ask(saving, 7)
    till.ask(saving, 0)
    till.stand.mark(START)

    with refused("custody: no request"):
        till.pay_out(saving)


def test_is_the_owners(till: Till, outsider: Address, saving: int) -> None:
    for account in (saving, DEFICIT, 99):
        with refused("custody: not the owner"):
            till.custody.transact.request_withdrawal(account, 1, outsider, sender=outsider)
    till.ask(saving, 1)


def test_the_recipient_is_somebody_else_than_custody(
    till: Till, depositor: Address, saving: int
) -> None:
    for recipient in (NOBODY, till.custody.address):
        with refused("custody: bad recipient"):
            till.custody.transact.request_withdrawal(saving, 1, recipient, sender=depositor)


def test_keeps_inside_its_bits(till: Till, depositor: Address, saving: int) -> None:
    for count in (MOST_UNITS + 1, 2**256 - 1):
        with refused("custody: amount too large"):
            till.custody.transact.request_withdrawal(saving, count, depositor, sender=depositor)
    till.ask(saving, MOST_UNITS)

    assert till.custody.call.request_of(saving)[0] == MOST_UNITS

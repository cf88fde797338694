"""Withdrawals without a deficit: asked for in one epoch, paid in a later one, freshly judged."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.chain import refused
from tests.unit.contracts.margin_pool.stand import (
    FEES,
    MAX_AGE,
    QUOTE_PER_UNIT,
    START,
    USD,
    Match,
    units,
)

if TYPE_CHECKING:
    from spillway.engines import Address
    from tests.unit.contracts.custody.till import Till


def test_anyone_may_have_it_paid_to_the_recipient(
    till: Till, outsider: Address, keeper: Address, saving: int
) -> None:
    till.ask(saving, units(200), outsider)
    till.stand.mark(START)
    before = till.counted(), till.held()

    receipt = till.pay_out(saving, keeper)

    told = [tuple(event) for event in receipt.named("Withdrawn")]
    assert told == [(saving, units(200), units(200), outsider)]
    assert till.balance(outsider) == units(200)
    assert till.equity(saving) == units(300) * QUOTE_PER_UNIT
    assert (till.counted(), till.held()) == (before[0] - units(200), before[1] - units(200))


def test_is_paid_once(till: Till, saving: int) -> None:
    till.withdraw(saving, 1)

    for _ in range(2):
        till.stand.mark(START)
        with refused("custody: no request"):
            till.pay_out(saving)


def test_what_was_not_asked_for_is_not_paid(till: Till, saving: int) -> None:
    with refused("custody: no request"):
        till.pay_out(saving)


def test_waits_for_the_next_epoch(till: Till, saving: int) -> None:
    till.ask(saving, 1)

    till.stand.wait(3_600)
    with refused("custody: wait for an epoch"):
        till.pay_out(saving)
    till.stand.mark(START)
    till.pay_out(saving)


def test_a_remainder_below_a_unit_stays(till: Till, depositor: Address, saving: int) -> None:
    account = till.open(depositor)
    transfer = till.stand.pool.transact.transfer
    transfer(saving, account, 3 * QUOTE_PER_UNIT + 7, sender=depositor)

    assert till.withdraw(account, 3) == 3
    assert till.equity(account) == 7
    till.ask(account, 1)
    till.stand.mark(START)
    with refused("pool: below initial margin"):
        till.pay_out(account)


def test_leaves_the_margin_of_a_position(till: Till, trader: Address, winning: int) -> None:
    account = till.open(trader, 300)
    till.stand.trade(account, winning, 10)  # initial margin and a tenth of notional: 100
    till.ask(account, units(200) + 1)
    till.stand.mark(START)

    with refused("pool: below initial margin"):
        till.pay_out(account)
    assert till.custody.call.request_of(account)[0] == units(200) + 1
    assert till.withdraw(account, units(200)) == units(200)


def test_is_judged_by_the_marks_of_its_time_not_of_the_request(
    till: Till, trader: Address, winning: int
) -> None:
    account = till.open(trader, 300)
    till.stand.trade(account, winning, 10)
    till.ask(account, units(200))

    till.stand.mark(START - 1)
    with refused("pool: below initial margin"):
        till.pay_out(account)
    till.stand.mark(START)
    till.pay_out(account)


def test_a_stale_mark_stops_it(till: Till, trader: Address, winning: int) -> None:
    account = till.open(trader, 300)
    till.stand.trade(account, winning, 1)
    till.ask(account, 1)
    till.stand.mark(START)
    till.stand.wait(MAX_AGE + 1)

    with refused("pool: stale mark"):
        till.pay_out(account)
    till.stand.mark(START)
    till.pay_out(account)


def test_a_flat_account_needs_no_mark(till: Till, saving: int) -> None:
    till.ask(saving, 1)
    till.stand.post()
    till.stand.wait(10 * MAX_AGE)

    till.pay_out(saving)


def test_the_admin_earns_the_fees_and_withdraws_them_alone(
    till: Till, trader: Address, winning: int, saving: int
) -> None:
    account = till.open(trader, 300)
    till.stand.fill(Match(0, account, winning, True, 10, START * USD))

    assert till.withdraw(FEES, 1_500_000) == 1_500_000
    assert till.balance(till.stand.admin) == 1_500_000
    till.ask(FEES, 1)
    till.stand.mark(START)
    with refused("pool: below initial margin"):
        till.pay_out(FEES)
    with refused("custody: not the owner"):
        till.custody.transact.request_withdrawal(
            saving, 1, till.stand.admin, sender=till.stand.admin
        )


def test_seniority_held_open_stops_all_others(
    till: Till, trader: Address, winning: int, saving: int
) -> None:
    account = till.open(trader, 300)
    till.stand.trade(account, winning, 1)
    till.stand.pool.transact.hold_seniority(True, sender=till.stand.deleverager)
    till.ask(account, 1)
    till.ask(saving, 1)
    till.stand.mark(START)

    with refused("custody: seniority is open"):
        till.pay_out(account)
    till.pay_out(saving)
    till.stand.pool.transact.hold_seniority(False, sender=till.stand.deleverager)
    till.pay_out(account)


# --- a loss that is not yet closed --------------------------------------------------------------


def test_a_winner_does_not_take_the_cash_of_flat_accounts_while_the_loser_stands(
    till: Till, trader: Address, outsider: Address, saving: int
) -> None:
    """Cash 700, 500 of it the saver's: of the winner's 600 only 200 are there to be paid."""
    loser, winner = till.open(outsider, 100), till.open(trader, 100)
    till.stand.trade(winner, loser, 10)
    till.stand.mark(START + 50)
    till.ask(winner, units(200) + 1)
    till.stand.mark(START + 50)

    with refused("custody: beyond the cash"):
        till.pay_out(winner)
    till.ask(winner, units(200))
    till.stand.mark(START + 50)
    till.pay_out(winner)

    assert till.withdraw(saving, units(500)) == units(500)
    assert till.counted() == 0


def test_where_flat_accounts_claim_more_than_the_cash_a_deficit_is_certain(
    till: Till, trader: Address, outsider: Address, winning: int, saving: int
) -> None:
    """A winner is senior before its loser is closed: nobody is the first to take the cash."""
    loser, heir = till.open(outsider, 100), till.open(trader)
    till.stand.trade(loser, winning, 10)
    till.stand.mark(START - 50)
    till.stand.trade(winning, heir, 10, START - 50)
    assert till.equity(loser) == -400 * USD
    for account in (winning, saving):
        till.ask(account, 1)
    till.stand.mark(START - 50)

    # The winner's 800 and the saver's 500, of a cash of 900.
    for account in (winning, saving):
        with refused("custody: deficit stands"):
            till.pay_out(account)

"""A standing deficit: who is paid, who waits, what the wait ends in, and who may end it sooner.

Everywhere: the saver has 500 USD; the winner has its own 300, the 100 of the loser, and 200 that it
owed beyond them. Cash 900; claims: saver 500 (senior), winner 600, deficit -200.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.chain import refused
from tests.unit.contracts.custody.till import CURE_TIME, Till
from tests.unit.contracts.margin_pool.stand import DEFICIT, START, USD, units

if TYPE_CHECKING:
    from spillway.engines import Address


@pytest.fixture
def short(till: Till, trader: Address, winning: int, saving: int) -> Till:
    """The till with the deficit."""
    till.deficit(trader, winning, 100, 200)
    solvency = till.stand.pool.call.solvency()
    assert (till.counted(), solvency.deficit) == (units(900), 200 * USD)
    assert solvency.flat_quote - solvency.junior_quote == till.equity(saving) == 500 * USD
    assert till.equity(winning) == 600 * USD
    return till


def cure_time(till: Till) -> None:
    """Let the wait end."""
    since = till.stand.pool.call.solvency().deficit_at
    till.stand.wait(since + CURE_TIME - till.stand.engine.head.timestamp - 1)


# --- seniors -------------------------------------------------------------------------------------


def test_an_account_that_was_flat_before_is_paid_in_full(short: Till, saving: int) -> None:
    assert short.withdraw(saving, units(500)) == units(500)


def test_one_opened_since_is_paid_what_it_brought(short: Till, outsider: Address) -> None:
    account = short.open(outsider, 50)

    assert short.withdraw(account, units(50)) == units(50)


def test_one_that_has_had_a_position_since_waits(short: Till, winning: int, saving: int) -> None:
    short.stand.trade(saving, winning, 1)
    short.stand.trade(winning, saving, 1)
    short.ask(saving, 1)
    short.stand.mark(START)

    with refused("custody: deficit stands"):
        short.pay_out(saving)


# --- others --------------------------------------------------------------------------------------


def test_others_wait_seven_days(short: Till, winning: int) -> None:
    short.ask(winning, units(60))
    short.stand.mark(START)
    with refused("custody: deficit stands"):
        short.pay_out(winning)

    cure_time(short)
    with refused("custody: deficit stands"):
        short.custody.call.withdraw(winning, sender=short.stand.pool.call.owner_of(winning))
    short.pay_out(winning)


def test_then_they_share_what_seniors_do_not_claim(
    short: Till, maker: Address, winning: int
) -> None:
    cure_time(short)

    # Cash 900 less 500 of seniors, for claims of 600: two thirds.
    assert short.withdraw(winning, units(60)) == units(40)

    assert short.balance(maker) == units(40)
    assert short.equity(winning) == 540 * USD
    assert short.stand.pool.call.solvency().deficit == 180 * USD
    assert short.counted() == units(860)


def test_the_order_in_which_they_come_does_not_matter(
    short: Till, outsider: Address, winning: int
) -> None:
    second = short.open(outsider, 90)
    short.stand.trade(second, winning, 1)
    short.stand.trade(winning, second, 1)
    cure_time(short)

    # (990 - 500) of claims of 690, whoever comes first.
    assert short.withdraw(second, units(69)) == units(49)
    assert short.withdraw(winning, units(345)) == units(245)
    assert short.withdraw(second, units(21)) == units(21) * 490 // 690


def test_a_position_may_stay_open_through_it(short: Till, winning: int, trader: Address) -> None:
    against = short.open(trader, 300)
    short.stand.trade(winning, against, 10)  # keeps 100 USD
    cure_time(short)
    short.ask(winning, units(500) + 1)
    short.stand.mark(START)

    with refused("pool: below initial margin"):
        short.pay_out(winning)
    # Cash 1,200, seniors 500, claims of others 900.
    assert short.withdraw(winning, units(500)) == units(500) * 700 // 900


def test_nobody_else_decides_that_an_account_takes_its_share(
    short: Till, keeper: Address, winning: int
) -> None:
    short.ask(winning, units(60))
    cure_time(short)
    short.stand.mark(START)

    with refused("custody: not the owner"):
        short.pay_out(winning, keeper)
    short.pay_out(winning)


def test_seniors_are_not_touched_by_it(short: Till, winning: int, saving: int) -> None:
    cure_time(short)

    assert short.withdraw(winning, units(600)) == units(400)
    assert short.withdraw(saving, units(500)) == units(500)

    assert short.counted() == 0
    assert short.stand.pool.call.solvency().deficit == 0
    assert short.equity(DEFICIT) == 0


def test_others_never_take_the_cash_that_seniors_claim(
    short: Till, trader: Address, outsider: Address, saving: int
) -> None:
    """A winner whose loser is not yet closed asks for more than what others have to share."""
    long, loser = short.open(trader, 100), short.open(outsider, 100)
    short.stand.trade(long, loser, 7)
    cure_time(short)
    # Cash 1,100, seniors 500, deficit 200: 600 of 800.
    short.ask(long, units(801))
    short.stand.mark(START + 150)

    with refused("custody: beyond the cash"):
        short.pay_out(long)
    short.ask(long, units(800))
    short.ask(saving, units(500))
    short.stand.mark(START + 150)
    assert short.pay_out(long).named("Withdrawn")[0].paid == units(600)
    assert short.pay_out(saving).named("Withdrawn")[0].paid == units(500)


def test_where_nothing_is_left_for_them_they_go_on_waiting(
    short: Till, trader: Address, outsider: Address, winning: int
) -> None:
    """The winner has paid all it had to one who is flat since before: there is nothing to share."""
    short.stand.pool.transact.hold_seniority(True, sender=short.stand.deleverager)
    saver = short.open(outsider)
    short.stand.trade(winning, short.open(trader, 1), 1)
    short.stand.pay(winning, saver, 401 * USD)
    short.stand.pool.transact.hold_seniority(False, sender=short.stand.deleverager)
    cure_time(short)
    short.ask(winning, 1)
    short.stand.mark(START)

    with refused("custody: deficit stands"):
        short.pay_out(winning)


# --- seniors who claim more than there is --------------------------------------------------------


@pytest.fixture
def beyond(till: Till, trader: Address, winning: int, saving: int) -> Till:
    """The winner was flat for an epoch before its loser was written off: both are senior.

    Cash 900; claims: saver 500, winner 800, deficit -400.
    """
    ruined = till.ruin(trader, winning, 100, 400)
    till.stand.mark(START)
    till.stand.write_off(ruined)
    assert (till.equity(saving), till.equity(winning)) == (500 * USD, 800 * USD)
    return till


def test_seniors_wait_where_cash_does_not_cover_them(
    beyond: Till, winning: int, saving: int
) -> None:
    for account in (winning, saving):
        beyond.ask(account, 1)
    beyond.stand.mark(START)

    for account in (winning, saving):
        with refused("custody: deficit stands"):
            beyond.pay_out(account)


def test_then_they_share_the_cash(beyond: Till, winning: int, saving: int) -> None:
    cure_time(beyond)

    # 900 for 1,300, whoever comes first.
    assert beyond.withdraw(saving, units(260)) == units(180)
    assert beyond.withdraw(winning, units(780)) == units(540)
    assert beyond.withdraw(saving, units(240)) == units(240) * 900 // 1300
    assert beyond.equity(saving) == 0


def test_they_are_paid_in_full_once_the_cash_covers_them(
    beyond: Till, outsider: Address, saving: int
) -> None:
    beyond.fund(outsider, units(400))
    beyond.custody.transact.cover_deficit(units(400), sender=outsider)

    assert beyond.withdraw(saving, units(500)) == units(500)


# --- ending it -----------------------------------------------------------------------------------


def test_anyone_may_cover_it(short: Till, outsider: Address, winning: int) -> None:
    short.fund(outsider, units(200))

    receipt = short.custody.transact.cover_deficit(units(50), sender=outsider)
    assert [tuple(event) for event in receipt.named("DeficitCovered")] == [(units(50), 150 * USD)]
    short.ask(winning, units(600))
    short.stand.mark(START)
    with refused("custody: deficit stands"):
        short.pay_out(winning)

    short.custody.transact.cover_deficit(units(150), sender=outsider)
    short.pay_out(winning)
    assert short.counted() == units(900 + 200 - 600)


def test_at_most_what_is_missing_is_taken(short: Till, outsider: Address) -> None:
    short.fund(outsider, units(1_000))

    short.custody.transact.cover_deficit(2**256 - 1, sender=outsider)

    assert short.balance(outsider) == units(800)
    assert short.equity(DEFICIT) == 0


def test_a_part_of_a_unit_takes_a_whole_one(
    short: Till, outsider: Address, winning: int, trader: Address
) -> None:
    account = short.open(trader, 1)
    short.stand.exchange(account, winning, 1, USD + 1)
    short.stand.exchange(winning, account, 1, 0)
    short.stand.write_off(account)
    short.fund(outsider, units(1_000))

    short.custody.transact.cover_deficit(units(1_000), sender=outsider)

    assert short.balance(outsider) == units(800) - 1
    assert short.stand.pool.call.solvency().deficit == 0


def test_without_a_deficit_there_is_nothing_to_cover(till: Till, outsider: Address) -> None:
    till.fund(outsider, 10)

    with refused("custody: no deficit"):
        till.custody.transact.cover_deficit(10, sender=outsider)


def test_nothing_covers_nothing(short: Till, outsider: Address) -> None:
    with refused("custody: zero amount"):
        short.custody.transact.cover_deficit(0, sender=outsider)


def test_a_new_loss_does_not_start_the_wait_again(
    short: Till, trader: Address, winning: int
) -> None:
    short.stand.wait(CURE_TIME // 2)
    short.deficit(trader, winning, 100, 10)
    cure_time(short)

    # Cash 1,000, seniors 500, claims of others 710.
    assert short.withdraw(winning, units(71)) == units(50)

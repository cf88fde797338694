"""Cash on its way: custody to till, till to depositor."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spillway.model.rounding import ceil_div
from tests.chain import refused
from tests.unit.contracts.order_book.desk import QUOTE, START, UNIT
from tests.unit.contracts.vault.house import QUOTE_PER_UNIT, SHARES_PER_UNIT

if TYPE_CHECKING:
    from spillway.engines import Address
    from tests.unit.contracts.vault.house import House


def test_it_brings_what_custody_owes_into_the_till(funded: House, depositor: Address) -> None:
    funded.request(depositor, funded.shares_of(depositor) // 4)
    with refused("custody: wait for an epoch"):
        funded.collect()
    funded.desk.set_mark(START)

    paid = funded.collect().named("Withdrawn")[0]

    assert (paid.account, paid.units, paid.paid) == (funded.parent, 250_000 * UNIT, 250_000 * UNIT)
    assert funded.vault.call.till() == funded.balance_of(funded.vault.address) == 250_000 * UNIT
    assert funded.equity_of(funded.parent) == 720_000 * QUOTE
    assert funded.vault.call.nav() == 1_000_000 * QUOTE


def test_it_then_asks_for_what_came_meanwhile(funded: House, depositor: Address) -> None:
    quarter = funded.shares_of(depositor) // 4
    funded.request(depositor, quarter)
    funded.desk.set_mark(START)
    funded.request(depositor, quarter)

    funded.collect()

    assert funded.asked() == 250_000 * UNIT
    with refused("custody: wait for an epoch"):
        funded.collect()


def test_without_a_request_there_is_nothing_to_collect(funded: House, depositor: Address) -> None:
    with refused("vault: nothing to collect"):
        funded.collect()

    funded.request(depositor, funded.shares_of(depositor) // 4)
    funded.desk.set_mark(START)
    funded.collect()
    with refused("vault: nothing to collect"):
        funded.collect()


def test_it_asks_again_where_the_first_asking_found_no_cash(
    funded: House, trading: int, depositor: Address
) -> None:
    funded.take(funded.parent, trading, 970_000)
    funded.request(depositor)
    assert funded.asked() == 0

    funded.hand_over(trading, 1000)
    funded.take(trading, funded.parent, 500)
    funded.collect()

    assert funded.asked() == 500 * UNIT


def test_it_asks_for_less_where_the_parent_has_lost_what_was_asked_for(
    funded: House, trading: int, depositor: Address
) -> None:
    funded.request(depositor)
    funded.desk.set_mark(START)
    funded.take(funded.parent, trading, 900_000)

    assert funded.collect().named("Withdrawn") == []

    assert funded.asked() == 70_000 * UNIT
    funded.pay_out()
    assert funded.vault.call.claimable(depositor) == 70_000 * UNIT


def test_custody_pays_the_share_of_a_junior_under_an_old_deficit(
    funded: House, trading: int, depositor: Address, outsider: Address
) -> None:
    loser = funded.desk.open_account(outsider, 0)
    funded.write_deficit(loser, trading, 5_500_000)  # of 11,000,000 in custody
    shares, total = funded.shares_of(depositor) // 4, funded.vault.call.supply() + SHARES_PER_UNIT
    funded.request(depositor, shares)
    # 1,000,000 at two thirds; for a quarter of it one and a half times as much has to be taken.
    owed = ceil_div(1_000_000 * QUOTE * 2 // 3 * shares, total)
    asked = ceil_div(ceil_div(owed, QUOTE_PER_UNIT) * 3, 2)
    assert funded.asked() == asked
    funded.desk.age(7 * 24 * 60 * 60)
    funded.desk.set_mark(START)

    # Only the vault itself may take the haircut.
    with refused("custody: not the owner"):
        funded.desk.custody.transact.withdraw(funded.parent, sender=outsider)

    paid = funded.collect().named("Withdrawn")[0]

    assert (paid.units, paid.paid) == (asked, asked * 2 // 3)
    assert funded.vault.call.till() == paid.paid
    assert funded.equity_of(funded.parent) == 970_000 * QUOTE - asked * QUOTE_PER_UNIT


def test_whoever_has_custody_pay_it_goes_into_the_till(
    funded: House, depositor: Address, outsider: Address
) -> None:
    funded.request(depositor, funded.shares_of(depositor) // 4)
    funded.desk.set_mark(START)

    funded.desk.custody.transact.withdraw(funded.parent, sender=outsider)

    assert funded.vault.call.till() == 250_000 * UNIT
    assert funded.vault.call.nav() == 1_000_000 * QUOTE
    funded.settle()
    assert funded.vault.call.owed() == funded.vault.call.claimable(depositor) > 0


def pay_out_an_unclosed_loss(house: House, loser: int, winner: int) -> None:
    """Custody is short of what a loser owes: no one has closed it, and the winner has withdrawn."""
    desk = house.desk
    exchange, by = desk.pool.transact.exchange, desk.liquidator
    exchange(desk.market, loser, winner, 1, 500_000 * QUOTE, sender=by)
    exchange(desk.market, winner, loser, 1, 0, sender=by)
    owner, custody = desk.owner_of(winner), desk.custody.transact
    custody.request_withdrawal(winner, 10_500_000 * UNIT, owner, sender=owner)
    desk.set_mark(START)
    custody.withdraw(winner, sender=owner)


def test_it_asks_for_no_more_than_there_is_in_custody(
    funded: House, trading: int, depositor: Address, outsider: Address
) -> None:
    pay_out_an_unclosed_loss(funded, funded.desk.open_account(outsider, 0), trading)
    assert funded.desk.pool.call.solvency().custody == 500_000 * UNIT

    funded.request(depositor)

    assert funded.asked() == 500_000 * UNIT


def test_it_asks_for_less_where_custody_has_paid_others(
    funded: House, trading: int, depositor: Address, outsider: Address
) -> None:
    funded.request(depositor)
    assert funded.asked() == 970_000 * UNIT
    pay_out_an_unclosed_loss(funded, funded.desk.open_account(outsider, 0), trading)
    with refused("custody: beyond the cash"):
        funded.desk.custody.transact.withdraw(funded.parent, sender=outsider)

    funded.collect()

    assert funded.asked() == 500_000 * UNIT


def test_it_waits_while_deleveraging_is_at_work(funded: House, depositor: Address) -> None:
    pool, by = funded.desk.pool.transact, funded.desk.deleverager
    funded.request(depositor)
    funded.desk.set_mark(START)
    pool.hold_seniority(True, sender=by)
    with refused("custody: seniority is open"):
        funded.collect()

    pool.hold_seniority(False, sender=by)
    funded.collect()


def test_anyone_may_have_a_depositor_paid(funded: House, depositor: Address) -> None:
    funded.request(depositor)
    funded.pay_out()

    claimed = funded.claim(depositor).named("Claimed")[0]

    assert (claimed.depositor, claimed.units) == (depositor, 970_000 * UNIT)
    assert funded.balance_of(depositor) == 970_000 * UNIT
    assert funded.vault.call.claimable(depositor) == 0


def test_it_is_paid_once(funded: House, depositor: Address, outsider: Address) -> None:
    with refused("vault: nothing to claim"):
        funded.claim(depositor)
    funded.request(depositor)
    funded.pay_out()
    funded.claim(depositor)

    for nobody in (depositor, outsider):
        with refused("vault: nothing to claim"):
            funded.claim(nobody)


def test_claims_are_not_the_vaults_any_more(funded: House, depositor: Address) -> None:
    funded.request(depositor)
    funded.pay_out()

    assert funded.vault.call.till() == 0
    assert funded.vault.call.nav() == 30_000 * QUOTE
    assert funded.balance_of(funded.vault.address) == 970_000 * UNIT

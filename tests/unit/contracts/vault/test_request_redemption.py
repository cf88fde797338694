"""Asking for redemption: accepted in any state of the venue, and what is then under way."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.chain import refused
from tests.unit.contracts.order_book.desk import MAX_AGE, QUOTE, UNIT
from tests.unit.contracts.vault.house import SHARES_PER_UNIT

if TYPE_CHECKING:
    from spillway.engines import Address
    from tests.unit.contracts.vault.house import House

TOTAL = 1_000_000 * UNIT * SHARES_PER_UNIT + SHARES_PER_UNIT  # of `funded`, the virtual included


def test_it_queues_the_shares_at_the_price_of_now(funded: House, depositor: Address) -> None:
    held = funded.shares_of(depositor)

    receipt = funded.request(depositor, held // 4)

    requested = receipt.named("RedemptionRequested")[0]
    assert (requested.depositor, requested.number, requested.shares) == (depositor, 0, held // 4)
    assert (requested.assets, requested.shares_total) == (1_000_000 * QUOTE, TOTAL)
    assert tuple(funded.vault.call.redemption(0)) == (
        depositor,
        funded.desk.pool.call.epoch(),
        held // 4,
        1_000_000 * QUOTE,
        TOTAL,
    )
    assert funded.queue() == (0, 1, held // 4)
    assert funded.shares_of(depositor) == held - held // 4
    assert funded.vault.call.supply() == held


def test_it_asks_custody_for_what_the_queue_is_worth(funded: House, depositor: Address) -> None:
    funded.request(depositor, funded.shares_of(depositor) // 4)

    assert funded.asked() == 250_000 * UNIT
    request = funded.desk.custody.call.request_of(funded.parent)
    assert request[1:] == (funded.desk.pool.call.epoch(), funded.vault.address)


def test_it_asks_for_no_more_than_the_parent_has(funded: House, depositor: Address) -> None:
    funded.request(depositor)

    assert funded.asked() == 970_000 * UNIT


def test_a_second_request_does_not_put_off_the_first(funded: House, depositor: Address) -> None:
    held = funded.shares_of(depositor)
    funded.request(depositor, held // 4)
    before = funded.desk.custody.call.request_of(funded.parent)
    funded.desk.set_mark(100)

    funded.request(depositor, held // 4)

    assert funded.desk.custody.call.request_of(funded.parent) == before
    assert funded.queue() == (0, 2, held // 2)


def test_requests_of_one_epoch_are_asked_for_together(funded: House, depositor: Address) -> None:
    held = funded.shares_of(depositor)
    funded.request(depositor, held // 4)
    funded.request(depositor, held // 4)

    assert funded.asked() == 500_000 * UNIT


def test_the_same_shares_cannot_be_asked_for_twice(funded: House, depositor: Address) -> None:
    held = funded.shares_of(depositor)
    with refused("vault: not enough shares"):
        funded.request(depositor, held + 1)

    funded.request(depositor, held)
    with refused("vault: not enough shares"):
        funded.request(depositor, 1)


def test_no_shares_are_no_request(funded: House, depositor: Address, outsider: Address) -> None:
    for nobody in (depositor, outsider):
        with refused("vault: zero shares"):
            funded.request(nobody, 0)


def test_shares_wait_for_their_lock(house: House, depositor: Address) -> None:
    house.deposit(depositor, 1_000)
    unlocks_at = house.vault.call.unlocks_at(depositor)
    shares = house.shares_of(depositor)
    request = house.vault.build.request_redemption(shares, sender=depositor)

    early = house.desk.engine.send(request, unlocks_at - 1)
    assert (early.success, early.reason) == (False, "vault: shares are locked")
    assert house.desk.engine.send(request, unlocks_at).success


def test_a_part_is_worth_ten_dollars_at_least(funded: House, depositor: Address) -> None:
    # Exactly 10 USD are just too few: the virtual shares own a millionth of a millionth.
    ten_dollars = 10 * UNIT * SHARES_PER_UNIT
    with refused("vault: below minimum"):
        funded.request(depositor, ten_dollars)

    funded.request(depositor, ten_dollars + SHARES_PER_UNIT)


def test_all_of_it_is_accepted_however_little(
    funded: House, depositor: Address, second: Address
) -> None:
    funded.deposit(second, 10)
    funded.unlock()
    funded.take(funded.parent, funded.desk.open_account(second, 0), 900_000)
    with refused("vault: below minimum"):
        funded.request(second, funded.shares_of(second) - 1)

    funded.request(second)
    assert funded.shares_of(second) == 0
    assert funded.shares_of(depositor) > 0


def test_it_is_accepted_while_a_mark_is_stale(
    funded: House, trading: int, depositor: Address
) -> None:
    funded.hand_over(trading, 1000)
    funded.desk.age(MAX_AGE + 1)

    funded.request(depositor)

    assert funded.queue()[2] > 0


def test_it_is_accepted_while_the_child_is_in_trouble_which_then_counts_nothing(
    funded: House, trading: int, depositor: Address
) -> None:
    funded.hand_over(trading, 10_000_000)
    funded.desk.set_mark(99)

    requested = funded.request(depositor).named("RedemptionRequested")[0]

    assert requested.assets == 970_000 * QUOTE


def test_it_is_accepted_while_deleveraging_is_at_work(funded: House, depositor: Address) -> None:
    funded.desk.pool.transact.hold_seniority(True, sender=funded.desk.deleverager)

    funded.request(depositor)

    assert funded.asked() == 970_000 * UNIT


def test_under_a_deficit_the_accounts_count_at_custodys_share(
    funded: House, trading: int, depositor: Address, outsider: Address
) -> None:
    loser = funded.desk.open_account(outsider, 0)
    funded.write_deficit(loser, trading, 500_000)
    # The winner turned flat after the loss was made: all the cash is shared by juniors.
    pool = funded.desk.pool.call.solvency()
    assert (pool.custody, pool.deficit) == (11_000_000 * UNIT, 500_000 * QUOTE)

    requested = funded.request(depositor).named("RedemptionRequested")[0]

    booked, cash, deficit = 1_000_000 * QUOTE, 11_000_000 * QUOTE, 500_000 * QUOTE
    assert requested.assets == booked * cash // (cash + deficit)
    assert funded.vault.call.nav() == booked


def test_after_everything_is_lost_it_is_accepted_for_nothing(
    funded: House, trading: int, depositor: Address
) -> None:
    funded.take(funded.parent, trading, 970_000)
    funded.take(funded.child, trading, 30_000)

    requested = funded.request(depositor).named("RedemptionRequested")[0]

    assert requested.assets == funded.asked() == 0

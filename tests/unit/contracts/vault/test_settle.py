"""Settling: first come first served, at the lower of two prices, as far as the cash goes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.chain import refused
from tests.unit.contracts.order_book.desk import MAX_AGE, QUOTE, START, UNIT
from tests.unit.contracts.vault.house import QUOTE_PER_UNIT, SHARES_PER_UNIT

if TYPE_CHECKING:
    from spillway.engines import Address
    from tests.unit.contracts.vault.house import House


def worth(shares: int, assets: int, total: int) -> int:
    """Units that shares are paid at a price."""
    return shares * assets // total // QUOTE_PER_UNIT


@pytest.fixture
def both(funded: House, second: Address) -> House:
    """A second depositor's 1,000,000 USD beside the first's, all unlocked."""
    funded.deposit(second, 1_000_000)
    funded.unlock()
    return funded


def test_a_request_is_paid_one_epoch_later(both: House, depositor: Address) -> None:
    shares, total = both.shares_of(depositor), both.vault.call.supply() + SHARES_PER_UNIT
    both.request(depositor)
    with refused("vault: wait for an epoch"):
        both.settle()

    settled = both.pay_out().named("SharesRedeemed")[0]

    due = worth(shares, 2_000_000 * QUOTE, total)
    assert (settled.depositor, settled.number) == (depositor, 0)
    assert (settled.shares, settled.units, settled.shares_left) == (shares, due, 0)
    assert both.vault.call.claimable(depositor) == due
    # A deposit and a redemption at an unchanged value lose a unit to rounding, and no more.
    assert 1_000_000 * UNIT - due == 1
    assert both.queue() == (1, 1, 0)
    assert tuple(both.vault.call.redemption(0)) == ("0x" + "00" * 20, 0, 0, 0, 0)
    assert both.vault.call.supply() == total - SHARES_PER_UNIT - shares


def test_it_is_paid_at_the_price_of_the_payment_where_that_is_lower(
    both: House, trading: int, depositor: Address
) -> None:
    both.hand_over(trading, 1_000_000)  # 100,000 USD
    shares, total = both.shares_of(depositor), both.vault.call.supply() + SHARES_PER_UNIT
    both.request(depositor)

    settled = both.pay_out(usd=90).named("SharesRedeemed")[0]

    assert settled.units == worth(shares, 1_990_000 * QUOTE, total)


def test_it_is_paid_at_the_price_of_the_request_where_that_is_lower(
    both: House, trading: int, depositor: Address
) -> None:
    both.hand_over(trading, 1_000_000)
    shares, total = both.shares_of(depositor), both.vault.call.supply() + SHARES_PER_UNIT
    both.request(depositor)

    settled = both.pay_out(usd=110).named("SharesRedeemed")[0]

    assert settled.units == worth(shares, 2_000_000 * QUOTE, total)


def test_a_child_in_trouble_counts_nothing_at_the_payment(
    both: House, trading: int, depositor: Address
) -> None:
    both.hand_over(trading, 10_000_000)
    shares, total = both.shares_of(depositor), both.vault.call.supply() + SHARES_PER_UNIT
    both.request(depositor)

    settled = both.pay_out(usd=99).named("SharesRedeemed")[0]  # equity 20,000 < 24,750

    assert settled.units == worth(shares, 1_970_000 * QUOTE, total)


def test_who_stays_is_not_hurt_by_who_goes(
    both: House, trading: int, depositor: Address, second: Address
) -> None:
    both.hand_over(trading, 10_000_000)
    stays = both.shares_of(second)

    def value() -> int:
        return worth(stays, both.vault.call.nav(), both.vault.call.supply() + SHARES_PER_UNIT)

    both.request(depositor)
    both.desk.set_mark(99)
    before = value()
    both.collect()
    both.settle()

    assert value() >= before


def test_requests_are_paid_in_the_order_in_which_they_came(
    both: House, depositor: Address, second: Address
) -> None:
    half = both.shares_of(second) // 2
    both.request(second, half)
    both.request(depositor)
    both.request(second)
    both.desk.set_mark(START)
    both.collect()

    first = both.settle(1).named("SharesRedeemed")
    rest = both.settle().named("SharesRedeemed")

    assert [each.number for each in first] == [0]
    assert [each.number for each in rest] == [1, 2]
    assert [each.depositor for each in (*first, *rest)] == [second, depositor, second]


def test_requests_settled_in_one_call_get_one_price(
    both: House, trading: int, depositor: Address, second: Address
) -> None:
    both.hand_over(trading, 1_000_000)
    for owner in (depositor, second):
        both.request(owner, both.shares_of(owner) // 2)

    first, other = both.pay_out(usd=90).named("SharesRedeemed")

    assert 497_500 * UNIT - first.units in range(3)
    assert 497_500 * UNIT - other.units in range(3)


def test_a_request_of_this_epoch_waits_behind_those_that_are_paid(
    both: House, depositor: Address, second: Address
) -> None:
    both.request(depositor)
    both.desk.set_mark(START)
    both.collect()
    both.request(second, both.shares_of(second) // 10)

    settled = both.settle().named("SharesRedeemed")

    assert [each.number for each in settled] == [0]
    with refused("vault: wait for an epoch"):
        both.settle()


def test_a_call_settles_sixty_four_requests_at_most(
    both: House, depositor: Address, second: Address
) -> None:
    part = both.shares_of(second) // 100
    for _ in range(65):
        both.request(second, part)
    both.desk.set_mark(START)
    both.collect()

    receipt = both.settle(1000)

    assert len(receipt.named("SharesRedeemed")) == 64
    assert both.queue() == (64, 65, part)
    assert receipt.gas_used < 64 * 50_000
    assert both.shares_of(depositor) > 0


def test_cash_that_falls_short_pays_a_part_and_the_rest_stays_in_front(
    funded: House, depositor: Address
) -> None:
    # 30,000 USD are in the child.
    shares, total = funded.shares_of(depositor), funded.vault.call.supply() + SHARES_PER_UNIT
    funded.request(depositor)

    settled = funded.pay_out().named("SharesRedeemed")[0]

    assert settled.units == 970_000 * UNIT
    assert settled.shares == -(-970_000 * QUOTE * total // (1_000_000 * QUOTE))
    assert settled.shares_left == shares - settled.shares
    assert funded.queue() == (0, 1, settled.shares_left)
    assert funded.vault.call.redemption(0).shares == settled.shares_left
    with refused("vault: till is empty"):
        funded.settle()


def test_a_run_gets_the_childs_capital_too_once_it_is_flat(
    both: House, depositor: Address, second: Address
) -> None:
    due = {who: both.shares_of(who) // SHARES_PER_UNIT for who in (depositor, second)}
    both.request(depositor)
    both.request(second)
    both.pay_out()
    assert both.queue()[2] > 0
    # The capital that is left is that of nobody's shares, worth a unit.
    assert both.vault.call.capital() < QUOTE_PER_UNIT

    both.skim()
    both.collect()
    both.pay_out()

    assert both.queue() == (2, 2, 0)
    for who, units in due.items():
        assert units - both.vault.call.claimable(who) in range(3)
    assert both.vault.call.supply() == 0
    assert both.vault.call.nav() < 10 * QUOTE_PER_UNIT


def test_an_empty_queue_has_nothing_to_settle(both: House, depositor: Address) -> None:
    with refused("vault: queue is empty"):
        both.settle()

    both.request(depositor)
    both.pay_out()
    with refused("vault: queue is empty"):
        both.settle()


def test_it_waits_for_cash(both: House, depositor: Address) -> None:
    both.request(depositor)
    both.desk.set_mark(START)
    with refused("vault: till is empty"):
        both.settle()

    both.collect()
    both.settle()


def test_it_waits_for_fresh_marks_of_the_childs_legs(
    both: House, trading: int, depositor: Address
) -> None:
    both.hand_over(trading, 1000)
    both.request(depositor)
    both.desk.set_mark(START)
    both.collect()
    both.desk.age(MAX_AGE + 1)
    with refused("vault: stale mark"):
        both.settle()

    both.desk.set_mark(START)
    both.settle()


def test_a_worthless_request_leaves_the_queue_with_nothing(
    funded: House, trading: int, depositor: Address, second: Address
) -> None:
    funded.take(funded.parent, trading, 970_000)
    funded.take(funded.child, trading, 30_000)
    funded.request(depositor)
    newcomer = funded.deposit(second, 1_000)
    funded.unlock()
    funded.request(second)

    settled = funded.pay_out().named("SharesRedeemed")

    assert [(each.depositor, each.units) for each in settled] == [
        (depositor, 0),
        (second, 1_000 * UNIT - 1),
    ]
    assert settled[1].shares == newcomer


def test_under_a_deficit_nobody_gains_by_being_first(
    both: House, trading: int, depositor: Address, second: Address, outsider: Address
) -> None:
    loser = both.desk.open_account(outsider, 0)
    both.write_deficit(loser, trading, 6_000_000)  # of 12,000,000 in custody
    both.request(depositor)
    both.request(second)
    both.desk.set_mark(START)
    with refused("custody: deficit stands"):
        both.collect()

    both.desk.age(7 * 24 * 60 * 60)
    paid: dict[str, int] = {depositor: 0, second: 0}
    for _ in range(4):
        both.desk.set_mark(START)
        if both.asked():
            both.collect()
        if both.vault.call.till():
            for each in both.settle().named("SharesRedeemed"):
                paid[each.depositor] += each.units

    # The parent's 1,970,000 are worth two thirds; the child's 30,000 can't move under a deficit.
    assert both.vault.call.till() == 0
    got = paid[depositor] + paid[second]
    assert got == 1_970_000 * UNIT * 12 // 18
    fair = 2_000_000 * UNIT * 12 // 18 // 2
    assert paid[depositor] in range(fair - 2, fair + 1)
    # What the second still waits for is its own place behind the first, not a lower price.
    assert paid[second] == got - paid[depositor]

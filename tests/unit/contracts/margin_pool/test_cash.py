"""credit, debit and transfer: cash in, out and between the accounts of one owner."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

import pytest

from tests.chain import refused
from tests.unit.contracts.margin_pool.stand import (
    DEFICIT,
    MAX_AGE,
    NOBODY,
    QUOTE_PER_UNIT,
    START,
    USD,
    Stand,
    units,
    usd,
)

if TYPE_CHECKING:
    from spillway.engines import Address

UNIT = Decimal("0.000001")


# --- credit ------------------------------------------------------------------------------------


def test_credit_counts_units_in(stand: Stand, trader: Address, taking: int) -> None:
    before = stand.pool.call.solvency()

    stand.pool.transact.credit(trader, taking, 7, sender=stand.cashier)

    assert stand.pool.call.health(taking).equity == usd(10_000) + 7 * QUOTE_PER_UNIT
    now = stand.pool.call.solvency()
    assert now.custody - before.custody == 7
    assert now.flat_quote - before.flat_quote == 7 * QUOTE_PER_UNIT


def test_credit_is_for_accounts_of_whoever_pays(stand: Stand, maker: Address, taking: int) -> None:
    for caller in (maker, NOBODY):
        with refused("pool: not the owner"):
            stand.pool.transact.credit(caller, taking, 1, sender=stand.cashier)
    with refused("pool: not the owner"):
        stand.pool.transact.credit(maker, 99, 1, sender=stand.cashier)


def test_anyone_may_credit_the_deficit(stand: Stand, outsider: Address) -> None:
    stand.pool.transact.credit(outsider, DEFICIT, 1, sender=stand.cashier)

    assert stand.pool.call.health(DEFICIT).equity == QUOTE_PER_UNIT


# --- debit -------------------------------------------------------------------------------------


def test_debit_counts_units_out(stand: Stand, taking: int) -> None:
    before = stand.pool.call.solvency()

    stand.pool.transact.debit(taking, 5, 5, sender=stand.cashier)

    assert stand.pool.call.health(taking).equity == usd(10_000) - 5 * QUOTE_PER_UNIT
    now = stand.pool.call.solvency()
    assert before.custody - now.custody == 5
    assert before.flat_quote - now.flat_quote == 5 * QUOTE_PER_UNIT


def test_what_a_debit_does_not_pay_goes_to_the_deficit(stand: Stand, taking: int) -> None:
    before = stand.pool.call.solvency()

    stand.pool.transact.debit(taking, 5, 2, sender=stand.cashier)

    assert stand.pool.call.health(taking).equity == usd(10_000) - 5 * QUOTE_PER_UNIT
    assert stand.pool.call.health(DEFICIT).equity == 3 * QUOTE_PER_UNIT
    assert before.custody - stand.pool.call.solvency().custody == 2


# --- transfer ----------------------------------------------------------------------------------


def test_transfer_moves_quote_between_accounts_of_one_owner(
    stand: Stand, trader: Address, taking: int
) -> None:
    second = stand.open(trader)

    receipt = stand.pool.transact.transfer(taking, second, 1, sender=trader)

    assert [tuple(event) for event in receipt.named("Paid")] == [(taking, second, 1)]
    assert stand.pool.call.health(taking).equity == usd(10_000) - 1
    assert stand.pool.call.health(second).equity == 1


def test_transfer_can_fund_an_account_that_holds_a_position(
    stand: Stand, trader: Address, taking: int, making: int
) -> None:
    isolated = stand.open_isolated(trader, 0, 100)
    stand.trade(isolated, making, 10)

    stand.pool.transact.transfer(taking, isolated, 50 * USD, sender=trader)

    assert (stand.equity(taking), stand.equity(isolated)) == (9_950, 150)


def test_both_accounts_of_a_transfer_are_the_callers(
    stand: Stand, trader: Address, maker: Address, taking: int, making: int
) -> None:
    for caller in (trader, maker):
        with refused("pool: not the owner"):
            stand.pool.transact.transfer(taking, making, 1, sender=caller)
    with refused("pool: not the owner"):
        stand.pool.transact.transfer(taking, DEFICIT, 1, sender=trader)


def test_a_transfer_has_two_ends(stand: Stand, trader: Address, taking: int) -> None:
    with refused("pool: same account"):
        stand.pool.transact.transfer(taking, taking, 1, sender=trader)


def test_no_more_than_there_is_can_be_transferred(
    stand: Stand, trader: Address, taking: int
) -> None:
    second = stand.open(trader)

    for amount in (usd(10_000) + 1, 2**128 - 1, 2**160, 2**255 - 1, 2**255, 2**256 - 1):
        with refused("pool: below initial margin"):
            stand.pool.transact.transfer(taking, second, amount, sender=trader)
    stand.pool.transact.transfer(taking, second, usd(10_000), sender=trader)


def test_cash_that_flat_accounts_claim_is_not_for_others_to_move(
    stand: Stand, trader: Address, making: int, outsider: Address
) -> None:
    """A winner can't carry its gain out of reach while the loss behind it is not yet closed."""
    loser, winner, refuge = stand.open(outsider, 100), stand.open(trader, 100), stand.open(trader)
    stand.trade(winner, loser, 10)
    stand.mark(START + 50)  # the loser is at -400, the winner at 600, 150 of it initial margin
    claims = 10_000  # of the maker: what is left of the cash for all others is 200

    with refused("pool: deficit stands"):
        stand.pool.transact.transfer(winner, refuge, usd(200) + 1, sender=trader)
    stand.pool.transact.transfer(winner, refuge, usd(200), sender=trader)

    solvency = stand.pool.call.solvency()
    assert stand.equity(making) == claims
    assert solvency.flat_quote == solvency.custody * QUOTE_PER_UNIT


# --- what must stay behind ---------------------------------------------------------------------


class Case(NamedTuple):
    """A market whose leverage makes one of the two bounds the one that binds."""

    max_leverage: int
    kept: int  # USD of 1,000 USD of notional


CASES = (Case(max_leverage=5, kept=200), Case(max_leverage=50, kept=100))
Outflow = Callable[[Stand, int, Decimal], None]


def by_debit(stand: Stand, account: int, cash: Decimal) -> None:
    stand.pool.transact.debit(account, units(cash), units(cash), sender=stand.cashier)


def by_transfer(stand: Stand, account: int, cash: Decimal) -> None:
    owner = stand.pool.call.owner_of(account)
    target = stand.open(owner)
    stand.pool.transact.transfer(account, target, usd(cash), sender=owner)


outflows = pytest.mark.parametrize("outflow", [by_debit, by_transfer])


def holding(stand: Stand, owner: Address, making: int, max_leverage: int) -> int:
    """An account with 1,000 USD of cash and a position of 1,000 USD in a market of its own."""
    market = stand.list_market(tiers=((0, max_leverage),))
    stand.mark(*[START] * (market + 1))
    account = stand.open(owner, 1_000)
    stand.trade(account, making, 10, START, market)
    return account


@outflows
@pytest.mark.parametrize("case", CASES)
def test_the_larger_of_initial_margin_and_a_tenth_of_notional_stays(
    stand: Stand, trader: Address, making: int, outflow: Outflow, case: Case
) -> None:
    account = holding(stand, trader, making, case.max_leverage)
    free = Decimal(1_000 - case.kept)

    with refused("pool: below initial margin"):
        outflow(stand, account, free + UNIT)
    outflow(stand, account, free)

    assert stand.equity(account) == case.kept


@outflows
def test_unrealised_profit_counts(
    stand: Stand, trader: Address, making: int, outflow: Outflow
) -> None:
    account = holding(stand, trader, making, 5)
    stand.mark(START, START + 50)  # equity 1,500; notional 1,500, of which a fifth stays

    with refused("pool: below initial margin"):
        outflow(stand, account, 1_200 + UNIT)
    outflow(stand, account, Decimal(1_200))


@outflows
def test_resting_orders_keep_their_margin(stand: Stand, taking: int, outflow: Outflow) -> None:
    stand.rest(taking, bids=30, asks=20)  # the worse side: 3,000 USD at 10x

    with refused("pool: below initial margin"):
        outflow(stand, taking, 9_700 + UNIT)
    outflow(stand, taking, Decimal(9_700))


@outflows
def test_all_of_a_flat_account_may_go(stand: Stand, taking: int, outflow: Outflow) -> None:
    with refused("pool: below initial margin"):
        outflow(stand, taking, 10_000 + UNIT)
    outflow(stand, taking, Decimal(10_000))

    assert stand.equity(taking) == 0


@outflows
def test_needs_every_leg_fresh(
    stand: Stand, trader: Address, making: int, outflow: Outflow
) -> None:
    account = holding(stand, trader, making, 5)
    stand.rest(account, bids=1)
    stand.wait(MAX_AGE)
    stand.mark(START)  # of the market with the order alone

    with refused("pool: stale mark"):
        outflow(stand, account, UNIT)
    stand.mark(START, START)
    outflow(stand, account, UNIT)


@outflows
def test_a_stale_order_is_a_stale_leg_too(stand: Stand, taking: int, outflow: Outflow) -> None:
    stand.rest(taking, bids=1)
    stand.wait(MAX_AGE + 1)

    with refused("pool: stale mark"):
        outflow(stand, taking, UNIT)
    stand.rest(taking, bids=-1)
    outflow(stand, taking, UNIT)

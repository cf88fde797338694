"""Who may be matched: equity at mark, fees included, covers initial margin, or lots shrink."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from tests.unit.contracts.margin_pool.stand import (
    FEES,
    FILLED,
    MAKER_FAILS,
    MAKER_FEE,
    MARK,
    MAX_AGE,
    PPM,
    START,
    TAKER_FAILS,
    TAKER_FEE,
    USD,
    Match,
    Stand,
)

if TYPE_CHECKING:
    from spillway.engines import Address

UNIT = Decimal("0.000001")
# Of 10 lots at mark: initial margin 100, fees 1.00 of the taker and 0.50 of the maker.
LOTS = 10
INITIAL, TAKERS_FEE, MAKERS_FEE = 100, Decimal(1), Decimal("0.5")


def buys(taker: int, maker: int, lots: int = LOTS, price: int = MARK) -> Match:
    return Match(0, taker, maker, taker_buys=True, lots=lots, price=price)


def sells(taker: int, maker: int, lots: int = LOTS, price: int = MARK) -> Match:
    return Match(0, taker, maker, taker_buys=False, lots=lots, price=price)


# --- opening -------------------------------------------------------------------------------------


def test_both_sides_need_initial_margin_after_their_fee(
    stand: Stand, trader: Address, taking: int
) -> None:
    for fee, fails, sides in (
        (TAKERS_FEE, TAKER_FAILS, lambda poor: (poor, taking)),
        (MAKERS_FEE, MAKER_FAILS, lambda poor: (taking, poor)),
    ):
        exact, short_of_it = (
            stand.open(trader, INITIAL + fee),
            stand.open(trader, INITIAL + fee - UNIT),
        )
        for opening in (buys, sells):
            assert stand.answer(opening(*sides(exact))) == FILLED
            assert stand.answer(opening(*sides(short_of_it))) == fails


def test_a_price_off_the_mark_is_a_loss_at_once(stand: Stand, trader: Address, making: int) -> None:
    fee = 10 * Decimal(105) / 1000
    exact, short_of_it = (
        stand.open(trader, INITIAL + 50 + fee - less) for less in (Decimal(0), UNIT)
    )
    price = MARK + 5 * USD

    assert stand.answer(buys(exact, making, price=price)) == FILLED
    assert stand.answer(buys(short_of_it, making, price=price)) == TAKER_FAILS


def test_the_rest_of_the_account_counts(stand: Stand, trader: Address, making: int) -> None:
    stand.list_market()
    stand.mark(START, START)
    account = stand.open(trader, 150)
    stand.trade(account, making, 10, START, 1)
    assert stand.answer(buys(account, making)) == TAKER_FAILS

    stand.mark(START, START + 10)  # 100 of profit against 10 more of initial margin
    assert stand.answer(buys(account, making)) == FILLED


def test_resting_orders_hold_their_margin(stand: Stand, trader: Address, making: int) -> None:
    account = stand.open(trader, 2 * INITIAL)
    stand.rest(account, bids=11)

    assert stand.answer(buys(account, making)) == TAKER_FAILS
    stand.rest(account, bids=-2)
    # 9 lots more may still come: 190 USD of initial margin, and the fee.
    assert stand.answer(buys(account, making)) == FILLED


def test_a_chosen_leverage_sets_the_margin(stand: Stand, trader: Address, making: int) -> None:
    account = stand.open(trader, 2 * INITIAL)
    stand.pool.transact.set_leverage(account, 0, 5, sender=trader)

    assert stand.answer(buys(account, making)) == TAKER_FAILS
    stand.pool.transact.set_leverage(account, 0, 6, sender=trader)
    assert stand.answer(buys(account, making)) == FILLED


@pytest.mark.parametrize("takes", [True, False])
def test_growing_into_a_tier_below_the_chosen_leverage_fails(
    stand: Stand, trader: Address, maker: Address, takes: bool
) -> None:
    chosen, free = stand.open(trader, 10**6), stand.open(maker, 10**6)
    stand.pool.transact.set_leverage(chosen, 0, 10, sender=trader)
    sides = (chosen, free) if takes else (free, chosen)

    assert stand.answer(buys(*sides, lots=1_000)) == FILLED
    assert stand.answer(buys(*sides, lots=1_001)) == (TAKER_FAILS if takes else MAKER_FAILS)
    stand.pool.transact.set_leverage(chosen, 0, 5, sender=trader)
    assert stand.answer(buys(*sides, lots=1_001)) == FILLED


def test_shrinking_inside_such_a_tier_does_not_fail(
    stand: Stand, trader: Address, making: int
) -> None:
    account = stand.open(trader, 10**6)
    stand.pool.transact.set_leverage(account, 0, 10, sender=trader)
    stand.trade(account, making, 1_100)

    assert stand.answer(sells(account, stand.open(trader, 10**6), lots=1)) == FILLED


def test_opening_needs_every_leg_fresh(stand: Stand, taking: int, making: int, other: int) -> None:
    stand.list_market()
    stand.mark(START, START)
    stand.trade(taking, making, 1, START, 1)
    stand.wait(MAX_AGE)
    stand.mark(START)

    assert stand.answer(buys(taking, other)) == TAKER_FAILS
    assert stand.answer(buys(other, taking)) == MAKER_FAILS
    stand.mark(START, START)
    assert stand.answer(buys(taking, other)) == FILLED


# --- shrinking -----------------------------------------------------------------------------------

# The least price at which a lot that is sold costs no more than the 5 USD of maintenance that it
# frees, fee of the taker included: p - fee(p) >= 95.
FREED = 5 * USD
LEAST = -(-(MARK - FREED) * PPM // (PPM - TAKER_FEE))


def gained(price: int) -> int:
    """What selling one lot at a price gives against mark."""
    return price - MARK - -(-price * TAKER_FEE // PPM)


@pytest.fixture
def thin(stand: Stand, trader: Address, making: int) -> int:
    """Long 10 with equity 60: above maintenance (50), below initial margin (100)."""
    account = stand.open(trader, 60)
    stand.trade(account, making, LOTS)
    return account


def test_shrinking_may_cost_the_maintenance_that_it_frees(
    stand: Stand, thin: int, other: int
) -> None:
    assert gained(LEAST) >= -FREED > gained(LEAST - 1)

    assert stand.answer(sells(thin, other, 1, LEAST)) == FILLED
    assert stand.answer(sells(thin, other, 1, LEAST - 1)) == TAKER_FAILS


def test_a_maker_may_shrink_by_the_same_rule(stand: Stand, thin: int, other: int) -> None:
    """Its own fee is part of the cost: the least price P has MARK - P + ceil(P * fee) <= FREED."""
    least = -(-(MARK - FREED) * PPM // (PPM - MAKER_FEE))
    assert MARK - least - (-least * MAKER_FEE // PPM) <= FREED

    assert stand.answer(buys(other, thin, 1, least)) == FILLED
    assert stand.answer(buys(other, thin, 1, least - 1)) == MAKER_FAILS


def test_closing_whole_is_shrinking(stand: Stand, thin: int, other: int) -> None:
    stand.fill(sells(thin, other, LOTS))

    assert stand.equity(thin) == 59
    assert stand.pool.call.legs_of(thin) == 0


def test_passing_zero_is_opening(stand: Stand, thin: int, other: int) -> None:
    # One lot short needs 10 USD of initial margin; six lots short need 60.
    assert stand.answer(sells(thin, other, LOTS + 1)) == FILLED
    assert stand.answer(sells(thin, other, LOTS + 6)) == TAKER_FAILS


def test_growing_below_initial_margin_fails(stand: Stand, thin: int, other: int) -> None:
    assert stand.answer(buys(thin, other, 1)) == TAKER_FAILS


def test_below_maintenance_a_position_may_still_shrink(
    stand: Stand, trader: Address, making: int, other: int
) -> None:
    account = stand.open(trader, 20)
    stand.trade(account, making, LOTS)

    assert stand.answer(sells(account, other, 1)) == FILLED
    assert stand.answer(sells(account, other, 1, LEAST - 1)) == TAKER_FAILS


def test_below_zero_only_a_gain_that_ends_above_it_may_shrink(
    stand: Stand, trader: Address, making: int, other: int
) -> None:
    account = stand.open(trader, 10)
    stand.trade(account, making, LOTS)
    stand.mark(START - 2)  # equity -10
    mark = MARK - 2 * USD
    # 5 lots sold 3 above mark give 15, less a fee of 0.505.
    gaining = sells(account, other, 5, mark + 3 * USD)

    assert stand.answer(sells(account, other, 5, mark)) == TAKER_FAILS
    assert stand.answer(sells(account, other, 5, mark + 2 * USD)) == TAKER_FAILS
    assert stand.answer(gaining) == FILLED


def test_the_fee_may_not_take_equity_below_zero(
    stand: Stand, trader: Address, making: int, other: int
) -> None:
    exact, short_of_it = stand.open(trader, TAKERS_FEE), stand.open(trader, TAKERS_FEE - UNIT)
    for account in (exact, short_of_it):
        stand.trade(account, making, LOTS)

    assert stand.answer(sells(exact, other)) == FILLED
    assert stand.answer(sells(short_of_it, other)) == TAKER_FAILS


def add_stale_leg(stand: Stand, account: int, other: int) -> None:
    """Let the account hold a lot of a second market, whose mark alone grows old."""
    stand.list_market()
    stand.mark(START, START)
    stand.trade(account, other, 1, START, 1)
    stand.wait(MAX_AGE)
    stand.mark(START)


def test_shrinking_is_open_beside_a_stale_leg(
    stand: Stand, thin: int, making: int, other: int
) -> None:
    add_stale_leg(stand, thin, making)

    assert stand.pool.call.health(thin).stale_notional == MARK
    assert stand.answer(sells(thin, other, 1)) == FILLED
    assert stand.answer(buys(other, thin, 1)) == FILLED
    assert stand.answer(buys(thin, other, 1)) == TAKER_FAILS


# --- accounts of the protocol --------------------------------------------------------------------


@pytest.fixture
def child(stand: Stand, making: int) -> int:
    """Long 10 with equity 1: far below maintenance."""
    account = stand.open_protocol(1)
    stand.trade(account, making, LOTS)
    return account


def test_the_protocol_sheds_while_its_equity_stays_above_zero(
    stand: Stand, child: int, other: int
) -> None:
    # The fee of one lot at 99.1 is 0.0991: 0.9 + 0.0991 is what equity 1 can lose.
    assert stand.answer(sells(child, other, 1, MARK - 9 * USD // 10)) == FILLED
    assert stand.answer(sells(child, other, 1, MARK - 10 * USD // 10)) == TAKER_FAILS
    assert stand.answer(buys(other, child, 1)) == FILLED


def test_the_protocol_neither_grows_nor_passes_zero(stand: Stand, child: int, other: int) -> None:
    assert stand.answer(buys(child, other, 1)) == TAKER_FAILS
    assert stand.answer(sells(other, child, 1)) == MAKER_FAILS
    assert stand.answer(sells(child, other, LOTS + 1)) == TAKER_FAILS
    assert stand.answer(sells(child, other, LOTS)) == FILLED


# --- liquidations --------------------------------------------------------------------------------


def forced(match: Match) -> Match:
    return match._replace(liquidation=True)


def test_the_taker_of_a_liquidation_is_not_judged(stand: Stand, thin: int, other: int) -> None:
    stand.mark(START - 8)  # equity -20

    assert stand.answer(sells(thin, other, LOTS, MARK - 8 * USD)) == TAKER_FAILS
    stand.fill(forced(sells(thin, other, LOTS, MARK - 8 * USD)))

    assert stand.equity(thin) == -20


def test_its_maker_is(stand: Stand, trader: Address, thin: int) -> None:
    poor = stand.open(trader, 1)

    assert stand.answer(forced(sells(thin, poor))) == MAKER_FAILS


@pytest.mark.parametrize(
    ("price", "fee"),
    [
        (START, Decimal(1)),  # equity 60 after the sale
        (START - 5, Decimal("0.95")),  # 10
        (Decimal("94.05"), Decimal("0.5")),  # 0.5 is all that is left
        (START - 6, Decimal(0)),  # 0
        (START - 7, Decimal(0)),  # -10
    ],
)
def test_its_fee_takes_at_most_the_equity_that_is_left(
    stand: Stand, thin: int, other: int, price: Decimal, fee: Decimal
) -> None:
    quote = int(price * USD)

    filled = stand.fill(forced(sells(thin, other, LOTS, quote)))

    assert filled.taker_fee == fee * USD
    assert stand.equity(thin) == 60 - (START - price) * LOTS - fee
    assert stand.pool.call.health(FEES).equity == filled.taker_fee + filled.maker_fee


def test_a_leg_with_a_fresh_mark_may_be_liquidated_beside_a_stale_one(
    stand: Stand, thin: int, making: int, other: int
) -> None:
    add_stale_leg(stand, thin, making)

    assert stand.answer(forced(sells(thin, other))) == FILLED

"""A match: lots, quote and fees of both sides, and what is refused whoever the sides are."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from tests.chain import refused
from tests.unit.contracts.margin_pool.stand import (
    BAND,
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


@pytest.fixture
def match(taking: int, making: int) -> Match:
    """The taker buys 10 lots of the maker at mark."""
    return Match(0, taking, making, taker_buys=True, lots=10, price=MARK)


def cost(stand: Stand, account: int) -> int:
    cost: int = stand.pool.call.position(account, 0).cost
    return cost


# --- what passes ---------------------------------------------------------------------------------


@pytest.mark.parametrize("buys", [True, False])
def test_lots_go_one_way_and_quote_the_other(stand: Stand, match: Match, buys: bool) -> None:
    price = MARK + 3 * USD
    side = 1 if buys else -1

    stand.fill(match._replace(taker_buys=buys, price=price))

    assert (stand.size(match.taker), stand.size(match.maker)) == (10 * side, -10 * side)
    assert cost(stand, match.taker) == -cost(stand, match.maker) == 10 * side * price
    lost = 10 * side * 3  # by the price against mark, without the fees
    assert stand.equity(match.taker) == 10_000 - lost - Decimal("1.03")
    assert stand.equity(match.maker) == 10_000 + lost - Decimal("0.515")
    assert stand.pool.call.market(0).open_interest == 10


def test_fees_go_to_the_fee_account_rounded_up(stand: Stand, match: Match) -> None:
    price = MARK + 1
    notional = 10 * price

    filled = stand.fill(match._replace(price=price))

    fees = (-(-notional * TAKER_FEE // PPM), -(-notional * MAKER_FEE // PPM))
    rates = (TAKER_FEE, MAKER_FEE)
    assert all(fee * PPM > notional * rate for fee, rate in zip(fees, rates, strict=True))
    assert (filled.taker_fee, filled.maker_fee) == fees
    assert stand.pool.call.health(FEES).equity == sum(fees)


def test_the_event_tells_the_match(stand: Stand, match: Match) -> None:
    filled = stand.fill(match)

    assert tuple(filled)[:6] == (0, match.taker, match.maker, True, 10, MARK)


def test_a_match_uses_the_makers_reservation_up(stand: Stand, match: Match) -> None:
    stand.rest(match.maker, bids=4, asks=12)

    stand.fill(match._replace(maker_reserved=True))

    position = stand.pool.call.position(match.maker, 0)
    assert (position.resting_bids, position.resting_asks) == (4, 2)
    stand.fill(match._replace(taker_buys=False, lots=4, maker_reserved=True))
    position = stand.pool.call.position(match.maker, 0)
    assert (position.resting_bids, position.resting_asks) == (0, 2)


def test_a_reduce_only_order_of_the_maker_holds_none(stand: Stand, match: Match) -> None:
    stand.rest(match.maker, asks=12)

    stand.fill(match)

    assert stand.pool.call.position(match.maker, 0).resting_asks == 12


def test_a_leg_that_is_closed_is_gone(stand: Stand, match: Match) -> None:
    stand.fill(match)
    assert [stand.pool.call.legs_of(n) for n in (match.taker, match.maker)] == [1, 1]

    stand.fill(match._replace(taker_buys=False))

    assert [stand.pool.call.legs_of(n) for n in (match.taker, match.maker)] == [0, 0]
    assert [cost(stand, n) for n in (match.taker, match.maker)] == [0, 0]
    assert stand.pool.call.market(0).open_interest == 0


def test_open_interest_counts_one_side(stand: Stand, match: Match, other: int) -> None:
    stand.fill(match)
    # A new long takes over from the old one, then the rest opens anew.
    stand.fill(match._replace(taker=other, maker=match.taker, lots=15))

    sizes = [stand.size(n) for n in (match.taker, match.maker, other)]
    assert sizes == [-5, -10, 15]
    assert stand.pool.call.market(0).open_interest == 15


# --- what is refused -----------------------------------------------------------------------------


def test_a_locked_market_does_not_trade(stand: Stand, match: Match) -> None:
    stand.pool.transact.lock_market(0, True, sender=stand.deleverager)
    for liquidation in (False, True):
        with refused("pool: market is locked"):
            stand.answer(match._replace(liquidation=liquidation))

    stand.pool.transact.lock_market(0, False, sender=stand.deleverager)
    assert stand.answer(match) == FILLED


def test_a_market_trades_until_its_mark_is_too_old(stand: Stand, match: Match) -> None:
    stand.mark(START)
    stand.wait(MAX_AGE)
    assert stand.answer(match) == FILLED

    stand.wait(1)
    for liquidation in (False, True):
        with refused("pool: stale mark"):
            stand.answer(match._replace(liquidation=liquidation))
    stand.mark(START)
    assert stand.answer(match) == FILLED


def test_a_market_without_a_mark_does_not_trade(stand: Stand, match: Match) -> None:
    for market in (stand.list_market(), 200, 10**6):
        with refused("pool: stale mark"):
            stand.answer(match._replace(market=market))


def test_a_match_has_two_sides(stand: Stand, match: Match) -> None:
    with refused("pool: same account"):
        stand.answer(match._replace(maker=match.taker))
    assert stand.answer(match) == FILLED


@pytest.mark.parametrize("lots", [0, 2**54 + 1, 2**255, 2**256 - 1])
def test_lots_keep_inside_their_bits(stand: Stand, match: Match, lots: int) -> None:
    with refused("pool: lots out of range"):
        stand.answer(match._replace(lots=lots))


@pytest.mark.parametrize("side", [1, -1])
def test_a_voluntary_price_keeps_within_the_band(stand: Stand, match: Match, side: int) -> None:
    edge = MARK + side * MARK * BAND // PPM
    assert stand.answer(match._replace(price=edge)) == FILLED

    outside = match._replace(price=edge + side)
    with refused("pool: price outside the band"):
        stand.answer(outside)
    assert stand.answer(outside._replace(liquidation=True)) == FILLED


def test_the_abandoned_loss_of_a_self_trade_off_the_mark_is_refused(
    stand: Stand, trader: Address, making: int
) -> None:
    """At -1 a lot below the band, or with the loss on the account that is left: neither passes."""
    ruined, twin = stand.open(trader, 100), stand.open(trader, 100)
    stand.trade(ruined, making, 10)
    stand.mark(START - 9)  # equity 10, maintenance 45.5
    sale = Match(0, twin, ruined, taker_buys=True, lots=10, price=(START - 60) * USD)

    with refused("pool: price outside the band"):
        stand.answer(sale)
    inside = sale._replace(price=(START - 18) * USD)
    assert stand.answer(inside) == MAKER_FAILS
    assert stand.answer(inside._replace(taker=ruined, maker=twin, taker_buys=False)) == TAKER_FAILS


def test_nothing_changes_where_a_side_fails(stand: Stand, trader: Address, making: int) -> None:
    poor = stand.open(trader, 1)
    match = Match(0, poor, making, taker_buys=True, lots=10, price=MARK)
    before = stand.accounts()

    for failing in (match, match._replace(taker=making, maker=poor)):
        receipt = stand.pool.transact.fill(failing, sender=stand.book)
        assert receipt.events == ()

    assert stand.accounts() == before

"""The cap on open interest, in lots: no voluntary match passes it, nothing else minds it."""

from __future__ import annotations

import pytest

from tests.unit.contracts.margin_pool.stand import (
    CAP_REACHED,
    FILLED,
    MARK,
    START,
    Match,
    Stand,
)

CAP = 10


@pytest.fixture
def full(stand: Stand, taking: int, making: int) -> Match:
    """A market whose open interest is at its cap; the match that would pass it by one lot."""
    market = stand.list_market(cap=CAP)
    stand.mark(START, START)
    stand.fill(Match(market, taking, making, taker_buys=True, lots=CAP, price=MARK))
    return Match(market, taking, making, taker_buys=True, lots=1, price=MARK)


def test_a_match_up_to_the_cap_is_filled_and_one_beyond_is_not(stand: Stand, full: Match) -> None:
    assert stand.answer(full) == CAP_REACHED
    stand.fill(full._replace(taker_buys=False))
    assert stand.answer(full) == FILLED
    assert stand.answer(full._replace(lots=2)) == CAP_REACHED


def test_nothing_changes_where_the_cap_is_reached(stand: Stand, full: Match) -> None:
    before = stand.accounts()

    assert stand.pool.transact.fill(full, sender=stand.book).events == ()

    assert stand.accounts() == before


def test_a_position_may_pass_from_one_account_to_another(
    stand: Stand, full: Match, other: int
) -> None:
    assert stand.answer(full._replace(taker=other, maker=full.taker, lots=CAP)) == FILLED
    assert stand.answer(full._replace(taker=other, maker=full.taker, lots=CAP + 1)) == CAP_REACHED


def test_closing_is_always_open(stand: Stand, full: Match) -> None:
    stand.fill(full._replace(taker_buys=False, lots=CAP))

    assert stand.pool.call.market(full.market).open_interest == 0


def test_a_liquidation_is_exempt(stand: Stand, full: Match, other: int) -> None:
    """A flip counts as growth, too: the liquidator may ask for it, others may not."""
    flipping = full._replace(taker=full.maker, maker=other, taker_buys=True, lots=2 * CAP + 1)
    assert stand.answer(flipping) == CAP_REACHED
    assert stand.answer(flipping._replace(liquidation=True)) == FILLED


def test_an_exchange_is_exempt(stand: Stand, full: Match, other: int) -> None:
    stand.trade(other, full.maker, 5, START, full.market)

    assert stand.pool.call.market(full.market).open_interest == CAP + 5
    assert stand.answer(full) == CAP_REACHED
    assert stand.answer(full._replace(taker_buys=False)) == FILLED

"""What the pool tells: health, candidates, packed words, and nothing of what does not exist."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from spillway.model.words import decode_dump
from tests.unit.contracts.margin_pool.stand import (
    BAND,
    MAKER_FEE,
    MARK,
    MAX_AGE,
    NOBODY,
    START,
    TAKER_FEE,
    USD,
    Match,
    Stand,
)

if TYPE_CHECKING:
    from spillway.engines import Address

PAGE = 32


def test_health_sums_over_legs(stand: Stand, taking: int, making: int) -> None:
    stand.list_market(tiers=((0, 50),))
    stand.mark(START, 10)
    stand.trade(taking, making, 10)
    stand.trade(making, taking, 30, 10, 1)
    stand.rest(taking, bids=5)
    stand.mark(110, 12)

    health = stand.pool.call.health(taking)

    assert health.equity == (10_000 + 100 - 60) * USD
    assert health.notional == (1_100 + 360) * USD
    assert health.maintenance == (1_100 // 20) * USD + 360 * USD // 100
    assert health.initial == (15 * 110 // 10) * USD + 360 * USD // 50
    assert (health.legs, health.protocol, health.stale_notional) == (0b11, False, 0)


def test_health_tells_the_notional_of_stale_legs(stand: Stand, taking: int, making: int) -> None:
    stand.list_market()
    stand.mark(START, 10)
    stand.trade(taking, making, 10)
    stand.trade(taking, making, 3, 10, 1)
    stand.wait(MAX_AGE)

    stand.mark(START)
    assert stand.pool.call.health(taking).stale_notional == 30 * USD
    stand.wait(MAX_AGE + 1)
    assert stand.pool.call.health(taking).stale_notional == 1_030 * USD
    assert stand.equity(taking) == 10_000


def test_a_stale_leg_of_an_order_alone_counts_as_well(stand: Stand, taking: int) -> None:
    stand.rest(taking, bids=1)
    stand.wait(MAX_AGE + 1)

    health = stand.pool.call.health(taking)
    assert (health.notional, health.stale_notional) == (0, 1)


def test_candidates_are_told_at_the_price_that_is_asked_for(
    stand: Stand, taking: int, making: int
) -> None:
    stand.list_market()
    stand.mark(START, 10)
    stand.trade(taking, making, 10, 90)
    stand.trade(taking, making, 3, 10, 1)
    stand.mark(START, 15, funding=[2, 0])

    (found,) = stand.pool.call.candidates(0, False, 0, PAGE, 80 * USD, USD)

    # Short 10 from 90, at 80 with the index at 1: 10 * (90 - 80 + 1); and short 3 through 10 to 15.
    assert (found.account, found.place, found.size) == (making, 0, 10)
    assert found.pnl == 110 * USD
    assert found.equity == (10_000 + 110 - 15) * USD
    assert (found.notional, found.entry_notional) == (800 * USD, 900 * USD)
    assert found.others == -3 * 15 * USD


def test_a_candidate_for_nothing_has_an_entry_of_one(
    stand: Stand, taking: int, making: int
) -> None:
    stand.exchange(taking, making, 10, 0)

    (found,) = stand.pool.call.candidates(0, True, 0, PAGE, USD, 0)

    assert (found.entry_notional, found.pnl) == (1, 10 * USD)


def test_candidates_come_in_pages(stand: Stand, trader: Address, making: int) -> None:
    crowd = [stand.open(trader) for _ in range(PAGE + 3)]
    for account in crowd:
        stand.trade(account, making, 1)

    def page(start: int, count: int) -> list[int]:
        found = stand.pool.call.candidates(0, True, start, count, USD, 0)
        return [each.account for each in found]

    assert page(0, PAGE) == page(0, 2**255) == crowd[:PAGE]
    assert page(PAGE, PAGE) == crowd[PAGE:]
    assert page(5, 2) == crowd[5:7]
    assert page(len(crowd), 1) == page(0, 0) == []


def test_words_decode_to_what_is_told(stand: Stand, trader: Address, making: int) -> None:
    account = stand.open(trader, 10_000)
    stand.pool.transact.set_leverage(account, 0, 7, sender=trader)
    stand.trade(making, account, 10, 90)
    stand.rest(account, bids=3, asks=4)

    words = stand.pool.call.words(account, 0)

    (decoded,) = decode_dump([words.account, words.position, words.resting], account)
    told = stand.pool.call.position(account, 0)
    leg = decoded.legs[0]
    assert (leg.size, leg.cost, leg.leverage, leg.birth) == (-10, -900 * USD, 7, 1)
    assert (leg.size, leg.cost, leg.leverage, leg.birth, leg.holder, leg.bids, leg.asks) == tuple(
        told
    )[:7]
    assert words.owner == int(trader, 16)


def test_words_tell_the_market_and_the_epoch_of_an_owner_word(
    stand: Stand, trader: Address, making: int
) -> None:
    isolated = stand.open_isolated(trader, 0, 100)
    stand.trade(isolated, making, 1)
    stand.trade(making, isolated, 1)

    word = stand.pool.call.words(isolated, 0).owner

    assert word % 2**160 == int(trader, 16)
    assert (word >> 160) % 2**16 == 1
    assert word >> 176 == stand.pool.call.epoch()


@pytest.mark.parametrize("account", [0, 99, 2**255])
def test_of_an_account_that_does_not_exist_all_is_nothing(stand: Stand, account: int) -> None:
    health = stand.pool.call.health(account)
    assert tuple(health) == (0, 0, 0, 0, 0, 0, False)
    assert tuple(stand.pool.call.position(account, 0)) == (0,) * 8
    assert stand.pool.call.owner_of(account) == NOBODY


@pytest.mark.parametrize("market", [1, 256, 2**255])
def test_of_a_market_that_does_not_exist_all_is_nothing(stand: Stand, market: int) -> None:
    seen = stand.pool.call.market(market)
    assert tuple(seen) == (0, 0, 0, 0, 0, 0, 0, 0, False, False)
    assert stand.pool.call.pot(market) == stand.pool.call.schedule(market) == 0
    assert stand.pool.call.holder_count(market, True) == 0
    assert stand.pool.call.candidates(market, True, 0, PAGE, 1, 0) == ()


def test_fees_and_band(stand: Stand, taking: int, making: int) -> None:
    assert stand.pool.call.fees() == (TAKER_FEE, MAKER_FEE, BAND)

    filled = stand.fill(Match(0, taking, making, True, 1, MARK))
    assert (filled.taker_fee, filled.maker_fee) == (USD // 10, USD // 20)

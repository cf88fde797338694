"""advance: epochs, previous marks, funding first and then prices, and what no price may be."""

from __future__ import annotations

import pytest

from tests.chain import refused
from tests.unit.contracts.margin_pool.stand import MARK, MAX_PRICE, START, USD, Stand

MOST_FUNDING = 2**86 - 1
MOST_UPDATES = 64


def marks(stand: Stand, market: int = 0) -> tuple[int, int]:
    """(mark, previous mark) in USD."""
    seen = stand.pool.call.market(market)
    return seen.mark // USD, seen.previous_mark // USD


def test_sets_mark_index_funding_and_time(stand: Stand) -> None:
    stand.post((0, 7, 9, -11))

    seen = stand.pool.call.market(0)
    assert (seen.mark, seen.index, seen.funding) == (7, 9, -11)
    assert (seen.updated_at, seen.fresh) == (stand.engine.head.timestamp, True)
    stand.post((0, 7, 8, 5))
    seen = stand.pool.call.market(0)
    assert (seen.mark, seen.index, seen.funding) == (7, 8, -6)


def test_tells_each_step(stand: Stand) -> None:
    receipt = stand.post((0, 7, 9, -11))

    epoch = stand.pool.call.epoch()
    told = [tuple(event) for event in receipt.named("Advanced")]
    assert told == [(0, epoch, 7, MARK, 9, -11)]


def test_an_epoch_is_a_block_with_an_update(stand: Stand) -> None:
    before = stand.pool.call.epoch()

    stand.wait(100)
    assert stand.pool.call.epoch() == before
    stand.post()
    assert stand.pool.call.epoch() == before + 1
    now = stand.engine.head.timestamp + 1
    twice = [stand.pool.build.advance([(0, USD, USD, 0)], sender=stand.oracle)] * 2
    assert all(receipt.success for receipt in stand.engine.send_block(twice, now).receipts)
    assert stand.pool.call.epoch() == before + 2


def test_the_previous_mark_is_that_of_the_last_epoch(stand: Stand) -> None:
    for price, previous in ((90, START), (80, 90), (80, 80), (85, 80)):
        stand.mark(price)
        assert marks(stand) == (price, previous)


def test_the_first_mark_is_its_own_previous_one(stand: Stand) -> None:
    stand.list_market()

    stand.mark(90, 50)

    assert marks(stand, 1) == (50, 50)


def test_a_market_that_an_epoch_left_out_has_its_last_mark_before_it(stand: Stand) -> None:
    stand.list_market()
    stand.mark(START, 50)
    stand.mark(START, 60)

    stand.mark(90)
    assert marks(stand, 1) == (60, 60)
    stand.mark(80)
    stand.mark(70, 55)
    assert marks(stand, 1) == (55, 60)


def test_a_second_update_in_a_block_moves_the_mark_and_leaves_the_previous_one(
    stand: Stand,
) -> None:
    stand.mark(90)
    updates = [[(0, price * USD, price * USD, 3)] for price in (80, 70)]
    calls = [stand.pool.build.advance(update, sender=stand.oracle) for update in updates]

    result = stand.engine.send_block(calls, stand.engine.head.timestamp + 1)

    assert [receipt.success for receipt in result.receipts] == [True, True]
    assert marks(stand) == (70, 90)
    assert stand.pool.call.market(0).funding == 6


def test_a_market_may_be_told_twice_in_one_update(stand: Stand) -> None:
    stand.mark(90)

    stand.post((0, 80 * USD, 80 * USD, 1), (0, 75 * USD, 75 * USD, 1))

    assert marks(stand) == (75, 90)
    assert stand.pool.call.market(0).funding == 2


def test_updates_as_many_markets_as_a_call_may_hold(stand: Stand) -> None:
    for _ in range(MOST_UPDATES - 1):
        stand.list_market()

    stand.mark(*range(2, MOST_UPDATES + 2))
    receipt = stand.mark(*range(1, MOST_UPDATES + 1))

    assert [marks(stand, market)[0] for market in stand.markets()] == list(
        range(1, MOST_UPDATES + 1)
    )
    assert receipt.gas_used < MOST_UPDATES * 20_000


@pytest.mark.parametrize("price", [1, MAX_PRICE])
def test_takes_every_price_that_fits(stand: Stand, price: int) -> None:
    stand.post((0, price, price, 0))

    seen = stand.pool.call.market(0)
    assert (seen.mark, seen.index) == (price, price)


@pytest.mark.parametrize("price", [0, MAX_PRICE + 1, 2**160, 2**256 - 1])
def test_refuses_every_other_price(stand: Stand, price: int) -> None:
    for mark, index in ((price, USD), (USD, price), (price, price)):
        with refused("pool: price out of range"):
            stand.post((0, mark, index, 0))


@pytest.mark.parametrize("market", [1, 256, 2**256 - 1])
def test_refuses_a_market_that_is_not_listed(stand: Stand, market: int) -> None:
    with refused("pool: unknown market"):
        stand.post((0, USD, USD, 0), (market, USD, USD, 0))
    assert marks(stand)[0] == START


@pytest.mark.parametrize("sign", [1, -1])
def test_the_funding_index_keeps_inside_its_bits(stand: Stand, sign: int) -> None:
    stand.post((0, USD, USD, sign * MOST_FUNDING))

    with refused("pool: funding out of range"):
        stand.post((0, USD, USD, sign))
    stand.post((0, USD, USD, -2 * sign * MOST_FUNDING))
    assert stand.pool.call.market(0).funding == -sign * MOST_FUNDING


def test_prices_do_not_open_a_locked_market(stand: Stand) -> None:
    stand.pool.transact.lock_market(0, True, sender=stand.deleverager)
    assert stand.pool.call.market(0).locked

    stand.mark(START)
    assert stand.pool.call.market(0).locked
    stand.pool.transact.lock_market(0, False, sender=stand.deleverager)
    assert not stand.pool.call.market(0).locked

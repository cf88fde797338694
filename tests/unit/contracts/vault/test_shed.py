"""Shedding: a slice of the child's position to the book, once in an epoch and market."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.chain import refused
from tests.takers import ended
from tests.unit.contracts.order_book.desk import (
    LIMIT_REACHED,
    MAX_AGE,
    QUOTE,
    START,
    TAKER_FAILED,
    TAKER_FEE,
    ask,
    bid,
    per_lot,
)
from tests.unit.contracts.vault import house as houses
from tests.unit.contracts.vault.house import PPM, Params

if TYPE_CHECKING:
    from spillway.build import Artifacts
    from spillway.engines import Address, Contract, Engine
    from tests.unit.contracts.vault.house import House

LOTS = 100_000  # 10,000 USD


@pytest.fixture
def long(funded: House, trading: int) -> House:
    """The child has inherited 100,000 lots at 100 USD."""
    funded.hand_over(trading, LOTS)
    return funded


@pytest.fixture
def short(funded: House, trading: int) -> House:
    """The child has inherited a short of 100,000 lots at 100 USD."""
    funded.hand_over(trading, -LOTS)
    return funded


def test_a_slice_of_a_long_is_sold_within_the_band(long: House, making: int) -> None:
    long.desk.rest(making, bid(99, LOTS))

    receipt = long.shed()

    shed = receipt.named("Shed")[0]
    assert (shed.market, shed.is_bid, shed.limit) == (long.desk.market, False, per_lot(99))
    assert (shed.lots, shed.filled) == (LOTS // 10, LOTS // 10)
    assert long.desk.size_of(long.child) == LOTS - LOTS // 10


def test_a_slice_of_a_short_is_bought_within_the_band(short: House, making: int) -> None:
    short.desk.rest(making, ask(101, LOTS))

    shed = short.shed().named("Shed")[0]

    assert (shed.is_bid, shed.limit, shed.filled) == (True, per_lot(101), LOTS // 10)
    assert short.desk.size_of(short.child) == -(LOTS - LOTS // 10)


def test_the_child_pays_the_fee_of_a_taker(long: House, making: int) -> None:
    long.desk.rest(making, bid(99, LOTS))

    long.shed()

    sold = LOTS // 10
    fee = -(-sold * per_lot(99) * TAKER_FEE // PPM)
    given_away = sold * (per_lot(START) - per_lot(99))
    assert long.equity_of(long.child) == 30_000 * QUOTE - given_away - fee


def test_beyond_the_band_it_does_not_trade(long: House, making: int) -> None:
    long.desk.rest(making, bid("98.99", LOTS))

    receipt = long.shed()

    assert receipt.named("Shed")[0].filled == 0
    assert ended(receipt).end == LIMIT_REACHED
    assert long.desk.size_of(long.child) == LOTS


@pytest.mark.parametrize(
    ("side", "limit"),
    [(1, 12_222), (-1, 12_468)],  # 1 % from 12,345 is 12,221.55 and 12,468.45: not legal
)
def test_the_limit_is_a_legal_price_inside_the_band(
    funded: House, trading: int, side: int, limit: int
) -> None:
    funded.desk.set_mark(12_345)
    funded.hand_over(trading, side * LOTS, 12_345)

    shed = funded.shed().named("Shed")[0]

    assert (shed.is_bid, shed.limit) == (side < 0, per_lot(limit))


def test_it_sheds_once_in_an_epoch_and_market(long: House, making: int) -> None:
    long.desk.rest(making, bid(99, LOTS))
    epoch = long.desk.pool.call.epoch()
    long.shed()
    assert long.vault.call.shed_in(long.desk.market) == epoch
    with refused("shedding: wait for an epoch"):
        long.shed()

    long.desk.set_mark(START)
    long.shed()
    assert long.desk.size_of(long.child) == LOTS - LOTS // 10 - LOTS * 9 // 100


def test_an_offer_that_nobody_took_does_not_count(long: House, making: int) -> None:
    long.shed()
    long.desk.rest(making, bid(99, LOTS))

    assert long.shed().named("Shed")[0].filled == LOTS // 10


def test_markets_shed_beside_each_other(long: House, trading: int, making: int) -> None:
    other = long.desk.list_market()
    long.desk.book.transact.open_market(other, sender=long.anyone)
    long.desk.set_mark(50, other)
    exchange = long.desk.pool.transact.exchange
    exchange(other, long.child, trading, LOTS, LOTS * per_lot(50), sender=long.desk.liquidator)
    long.desk.set_mark(START)
    for market, usd in ((long.desk.market, 100), (other, 50)):
        long.desk.rest(making, bid(usd, LOTS), market)

    sheds = [long.shed(market).named("Shed")[0] for market in (long.desk.market, other)]

    assert [each.filled for each in sheds] == [LOTS // 10, LOTS // 10]
    assert [each.market for each in sheds] == [long.desk.market, other]


def test_without_a_position_there_is_nothing_to_shed(funded: House, trading: int) -> None:
    for market in (funded.desk.market, 255):
        with refused("shedding: nothing to shed"):
            funded.shed(market)

    funded.hand_over(trading, LOTS)
    funded.shed()


def test_a_slice_is_no_smaller_than_the_books_minimum(
    funded: House, trading: int, making: int
) -> None:
    funded.hand_over(trading, 500)  # 50 USD: a tenth would be 5
    funded.desk.rest(making, bid(99, LOTS))

    shed = funded.shed().named("Shed")[0]

    least = -(-10 * QUOTE // per_lot(99))
    assert (shed.lots, shed.filled) == (least, least)


def test_what_is_below_the_minimum_goes_whole(funded: House, trading: int, making: int) -> None:
    funded.hand_over(trading, 3)
    funded.desk.rest(making, bid(99, LOTS))

    assert funded.shed().named("Shed")[0].filled == 3
    assert funded.desk.pool.call.legs_of(funded.child) == 0


def test_a_position_is_shed_to_its_last_lot(
    engine: Engine,
    artifacts: Artifacts,
    usdc: Contract,
    depositor: Address,
    trader: Address,
    maker: Address,
) -> None:
    house = houses.deploy(engine, artifacts, usdc, Params(shed_slice=400_000))
    house.deposit(depositor, 1_000_000)
    house.top_up()
    house.hand_over(house.desk.open_account(trader), LOTS)
    house.desk.rest(house.desk.open_account(maker, 10_000_000), bid(100, LOTS))
    left = LOTS
    for _ in range(30):
        if not left:
            break
        house.desk.set_mark(START)
        slice_ = max(-(-left * 400_000 // PPM), -(-10 * QUOTE // per_lot(99)))
        house.shed()
        left -= min(left, slice_)
        assert house.desk.size_of(house.child) == left

    assert left == 0


def test_a_child_that_would_end_below_zero_sells_nothing(
    funded: House, trading: int, making: int
) -> None:
    funded.hand_over(trading, 10_000_000)
    funded.desk.set_mark(96)  # 40,000 lost of 30,000
    funded.desk.rest(making, bid(96, LOTS))

    receipt = funded.shed()

    assert receipt.named("Shed")[0].filled == 0
    assert ended(receipt).end == TAKER_FAILED


def test_it_needs_a_fresh_mark_and_an_open_market(long: House, making: int) -> None:
    long.desk.rest(making, bid(99, LOTS))
    long.desk.age(MAX_AGE + 1)
    with refused("book: stale mark"):
        long.shed()

    long.desk.set_mark(START)
    long.desk.lock()
    with refused("book: market is locked"):
        long.shed()

    long.desk.lock(locked=False)
    assert long.shed().named("Shed")[0].filled > 0


def test_at_the_open_interest_cap_it_still_sheds(
    engine: Engine, artifacts: Artifacts, usdc: Contract, depositor: Address, trader: Address
) -> None:
    house = houses.deploy(engine, artifacts, usdc)
    house.deposit(depositor, 1_000_000)
    house.top_up()
    trading = house.desk.open_account(trader)
    market = house.desk.list_market(cap=LOTS)
    house.desk.book.transact.open_market(market, sender=house.anyone)
    house.desk.set_mark(START, market, index=105)
    exchange = house.desk.pool.transact.exchange
    exchange(
        market, house.child, trading, LOTS, LOTS * per_lot(START), sender=house.desk.liquidator
    )
    house.desk.rest(trading, bid(99, LOTS, reduce_only=True), market)

    assert house.shed(market).named("Shed")[0].filled == LOTS // 10


def test_the_child_can_be_deleveraged_as_a_winner(long: House, trading: int) -> None:
    long.desk.set_mark(120)  # 2,000 won

    exchange = long.desk.pool.transact.exchange
    exchange(
        long.desk.market,
        trading,
        long.child,
        LOTS,
        LOTS * per_lot(110),
        sender=long.desk.deleverager,
    )

    assert long.desk.pool.call.legs_of(long.child) == 0
    assert long.equity_of(long.child) == 31_000 * QUOTE

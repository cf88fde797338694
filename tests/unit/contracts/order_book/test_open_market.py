"""Opening the book of a listed market."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.chain import refused
from tests.unit.contracts.order_book.desk import Desk, bid

if TYPE_CHECKING:
    from spillway.engines import Address


def test_anyone_opens_a_listed_market(desk: Desk, making: int, outsider: Address) -> None:
    market = desk.list_market()

    desk.book.transact.open_market(market, sender=outsider)

    desk.set_mark(100, market)
    order_id = desk.rest(making, bid(99, 1000), market)
    assert desk.book.call.order(order_id).market == market


def test_an_unlisted_market_is_refused(desk: Desk, outsider: Address) -> None:
    with refused("book: unknown market"):
        desk.book.transact.open_market(desk.market + 1, sender=outsider)


def test_a_market_opens_once(desk: Desk, outsider: Address) -> None:
    with refused("book: already open"):
        desk.book.transact.open_market(desk.market, sender=outsider)


def test_an_order_in_a_market_that_is_not_open_is_refused(desk: Desk, making: int) -> None:
    market = desk.list_market()

    with refused("book: market not open"):
        desk.send(making, bid(99, 1000), market)


def test_ticks_follow_the_size_decimals_of_the_market(desk: Desk, making: int) -> None:
    market = desk.list_market(size_decimals=0)
    desk.book.transact.open_market(market, sender=desk.admin)
    desk.pool.transact.advance([(market, 10**18, 10**18, 0)], sender=desk.oracle)

    price = 999_999 * 10**12  # 0.999999 USD: six figures
    with refused("book: illegal price"):
        desk.send(making, bid(0, 100)._replace(price=price), market)
    price = 999_990 * 10**12
    order_id = desk.rest(making, bid(0, 100)._replace(price=price), market)

    assert desk.book.call.order(order_id).price == price

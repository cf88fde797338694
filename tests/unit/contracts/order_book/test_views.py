"""What anyone reads from the book."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from tests.unit.contracts.order_book.desk import QUOTE, Desk, ask, bid, per_lot

if TYPE_CHECKING:
    from spillway.engines import Address

MAX_LEVELS = 64


def test_an_empty_book_has_no_tops(desk: Desk) -> None:
    assert desk.book.call.tops(desk.market) == (0, 0, 0)


def test_the_last_price_is_that_of_the_last_fill(desk: Desk, taking: int, making: int) -> None:
    desk.rest(making, ask(101, 1000))
    desk.rest(making, ask(102, 1000))
    desk.send(taking, bid(102, 1500))

    assert desk.book.call.tops(desk.market) == (0, per_lot(102), per_lot(102))

    desk.rest(making, bid(98, 1000))
    desk.send(taking, ask(98, 500))

    assert desk.book.call.tops(desk.market).last == per_lot(98)


def test_depth_gives_as_many_levels_as_asked(desk: Desk, making: int) -> None:
    for price in (97, 99, 98):
        desk.rest(making, bid(price, 1000))
    desk.rest(making, bid(99, 500))

    assert desk.levels(bids=True, count=2) == [(per_lot(99), 1500, 2), (per_lot(98), 1000, 1)]
    assert desk.levels(bids=True, count=0) == []
    assert len(desk.levels(bids=True, count=2**256 - 1)) == 3


def fill_levels(desk: Desk, owner: Address, count: int) -> None:
    """`count` levels of bids of 1,000 lots each, from 99 USD down, 0.01 USD apart."""
    for start in range(0, count, 32):
        account = desk.open_account(owner)
        orders = [
            bid(0, 1000, 2)._replace(price=per_lot(99) - index * per_lot("0.01"))
            for index in range(start, min(start + 32, count))
        ]
        desk.requote(account, [], orders)


def test_depth_gives_64_levels_at_most(desk: Desk, maker: Address) -> None:
    fill_levels(desk, maker, MAX_LEVELS + 1)

    levels = desk.levels(bids=True, count=100)

    assert [price for price, _, _ in levels] == [
        per_lot(99) - index * per_lot("0.01") for index in range(MAX_LEVELS)
    ]


def test_impact_prices_are_the_average_of_what_the_notional_meets(desk: Desk, making: int) -> None:
    for price, lots in ((99, 1000), (98, 2000), (97, 5000)):
        desk.rest(making, bid(price, lots))
    for price, lots in ((101, 1000), (103, 9000)):
        desk.rest(making, ask(price, lots))
    notional = 400 * QUOTE

    sold, bought = desk.book.call.impact_prices(desk.market, notional)

    # Bids: 99 and 196 USD are taken whole, 105 of the 485 at 97. Asks: 101 whole, 299 at 103.
    exact_sold = Fraction(notional) / (1000 + 2000 + Fraction(105 * 1000, 97))
    exact_bought = Fraction(notional) / (1000 + Fraction(299 * 1000, 103))
    assert abs(sold - exact_sold) <= 1
    assert abs(bought - exact_bought) <= 1


def test_the_impact_price_within_the_best_level_is_its_price(desk: Desk, making: int) -> None:
    desk.rest(making, bid(99, 1000))
    desk.rest(making, ask(101, 1000))

    assert desk.book.call.impact_prices(desk.market, 99 * QUOTE) == (per_lot(99), per_lot(101))


def test_a_side_that_is_too_thin_has_no_impact_price(desk: Desk, making: int) -> None:
    desk.rest(making, bid(99, 1000))
    desk.rest(making, ask(101, 1000))

    assert desk.book.call.impact_prices(desk.market, 99 * QUOTE + 1) == (0, per_lot(101))
    assert desk.book.call.impact_prices(desk.market, 102 * QUOTE) == (0, 0)
    assert desk.book.call.impact_prices(desk.market, 2**256 - 1) == (0, 0)
    assert desk.book.call.impact_prices(desk.market, 0) == (0, 0)


def test_impact_prices_walk_64_levels_at_most(desk: Desk, maker: Address) -> None:
    fill_levels(desk, maker, MAX_LEVELS + 1)
    within = sum(1000 * (per_lot(99) - i * per_lot("0.01")) for i in range(MAX_LEVELS))

    assert desk.book.call.impact_prices(desk.market, within)[0] != 0
    assert desk.book.call.impact_prices(desk.market, within + 1)[0] == 0


def test_lots_that_may_vanish_have_no_impact(desk: Desk, taking: int, making: int) -> None:
    desk.trade(taking, making, 1000, 100)
    desk.rest(taking, ask(101, 1000, reduce_only=True))

    assert desk.book.call.impact_prices(desk.market, 10 * QUOTE) == (0, 0)


def test_an_id_that_stands_for_nothing_is_all_zero(desk: Desk, making: int) -> None:
    order_id = desk.rest(making, bid(99, 1000))

    for gone in (0, order_id + 1, order_id + (1 << 64), order_id + (1 << 88), 2**256 - 1):
        assert not any(desk.book.call.order(gone))


def test_orders_of_lists_live_orders_by_seat(desk: Desk, making: int) -> None:
    ids = [desk.rest(making, bid(price, 1000)) for price in (97, 99, 98)]
    desk.cancel(ids[1])

    assert desk.orders_of(making) == [ids[0], ids[2]]

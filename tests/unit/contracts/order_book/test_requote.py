"""A maker's requote: cancels and post-only orders of one market in one call."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.chain import refused
from tests.unit.contracts.order_book.desk import (
    ALO,
    BY_OWNER,
    GTC,
    IOC,
    MARKET,
    MAX_AGE,
    SEATS,
    Desk,
    ask,
    bid,
    per_lot,
)

if TYPE_CHECKING:
    from spillway.engines import Address


def test_old_orders_go_and_new_ones_stand(desk: Desk, making: int) -> None:
    old = [desk.rest(making, bid(99, 1000)), desk.rest(making, ask(101, 2000))]

    receipt = desk.requote(making, old, [bid(98, 500, ALO), ask(102, 700, ALO)])

    removed = receipt.named("Removed")
    assert [event.order_id for event in removed] == old
    assert [(event.lots, event.reason) for event in removed] == [(1000, BY_OWNER), (2000, BY_OWNER)]
    assert desk.orders_of(making) == [event.order_id for event in receipt.named("Placed")]
    assert desk.levels(bids=True) == [(per_lot(98), 500, 1)]
    assert desk.levels(bids=False) == [(per_lot(102), 700, 1)]
    assert desk.resting_of(making) == (500, 700)


def test_seats_left_by_the_cancels_serve_the_new_orders(desk: Desk, making: int) -> None:
    old = [desk.rest(making, bid(99, 1000)) for _ in range(SEATS)]

    desk.requote(making, old, [bid(98, 1000, ALO)] * SEATS)

    new = desk.orders_of(making)
    assert len(new) == SEATS
    assert not set(new) & set(old)


def test_margin_is_checked_once_at_the_end(desk: Desk, maker: Address) -> None:
    account = desk.open_account(maker, usd=500)  # 20x: 10,000 USD
    old = desk.rest(account, bid(99, 100_000))

    with refused("pool: below initial margin"):
        desk.requote(account, [old], [bid(98, 50_000, ALO), bid(98, 50_001, ALO)])

    desk.requote(account, [old], [bid(98, 50_000, ALO), bid(97, 50_000, ALO)])
    assert desk.resting_of(account) == (100_000, 0)


def test_orders_of_other_accounts_and_orders_that_are_gone_are_passed_over(
    desk: Desk, taking: int, making: int, other: int
) -> None:
    gone = desk.rest(making, bid(99, 1000))
    desk.send(taking, ask(99, 1000, IOC))
    foreign = desk.rest(other, bid(99, 1000))

    receipt = desk.requote(making, [gone, foreign, 0, 2**256 - 1], [bid(98, 500, ALO)])

    assert not receipt.named("Removed")
    assert desk.lots_of(foreign) == 1000
    assert desk.resting_of(making) == (500, 0)


def test_an_id_named_twice_is_cancelled_once(desk: Desk, making: int) -> None:
    order_id = desk.rest(making, bid(99, 1000))
    desk.rest(making, bid(98, 1000))

    receipt = desk.requote(making, [order_id, order_id], [])

    assert len(receipt.named("Removed")) == 1
    assert desk.resting_of(making) == (1000, 0)


def test_orders_of_another_market_are_passed_over(desk: Desk, making: int) -> None:
    market = desk.list_market()
    desk.book.transact.open_market(market, sender=desk.admin)
    desk.set_mark(100, market)
    elsewhere = desk.rest(making, bid(99, 1000), market)

    desk.requote(making, [elsewhere], [])

    assert desk.lots_of(elsewhere) == 1000


def test_an_order_that_would_cross_is_skipped_with_an_event(
    desk: Desk, making: int, other: int
) -> None:
    desk.rest(other, ask(101, 1000))

    receipt = desk.requote(making, [], [bid(101, 500, ALO), bid(100, 500, ALO)])

    skipped = receipt.named("Skipped")
    assert [(event.account, event.price, event.lots) for event in skipped] == [
        (making, per_lot(101), 500)
    ]
    assert desk.levels(bids=True) == [(per_lot(100), 500, 1)]
    assert desk.resting_of(making) == (500, 0)


def test_new_orders_never_cross_each_other(desk: Desk, making: int) -> None:
    receipt = desk.requote(making, [], [bid(101, 500, ALO), ask(100, 500, ALO)])

    assert len(receipt.named("Skipped")) == 1
    assert desk.levels(bids=False) == []


@pytest.mark.parametrize("kind", [GTC, IOC, MARKET])
def test_only_post_only_orders_are_taken(desk: Desk, making: int, kind: int) -> None:
    with refused("book: post-only orders only"):
        desk.requote(making, [], [bid(99, 1000, kind)])


def test_only_the_owner_requotes(desk: Desk, making: int, outsider: Address) -> None:
    order_id = desk.rest(making, bid(99, 1000))

    with refused("book: not the owner"):
        desk.book.transact.requote(making, desk.market, [order_id], [], sender=outsider)


def test_orders_are_judged_as_if_placed_alone(desk: Desk, making: int) -> None:
    for order, reason in (
        (bid(99, 0, ALO), "book: zero lots"),
        (bid(99, 1, ALO), "book: below minimum order"),
        (bid(111, 1000, ALO), "book: outside the band"),
        (bid("99.995", 1000, ALO)._replace(price=1), "book: illegal price"),
        (bid(99, 1000, ALO, reduce_only=True), "book: nothing to reduce"),
    ):
        with refused(reason):
            desk.requote(making, [], [order])


def test_pulling_quotes_works_while_the_market_is_stale_or_locked(desk: Desk, making: int) -> None:
    first, second = desk.rest(making, bid(99, 1000)), desk.rest(making, bid(98, 1000))
    desk.age(MAX_AGE + 1)

    desk.requote(making, [first], [])
    desk.lock()
    desk.requote(making, [second], [])

    assert desk.orders_of(making) == []
    with refused("book: stale mark"):
        desk.requote(making, [], [bid(99, 1000, ALO)])


def test_an_order_that_only_reduces_reserves_nothing(desk: Desk, taking: int, making: int) -> None:
    desk.trade(taking, making, 1000, 100)

    desk.requote(taking, [], [ask(101, 400, ALO, reduce_only=True), ask(102, 300, ALO)])

    assert desk.resting_of(taking) == (0, 300)

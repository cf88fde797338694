"""Cancelling: always open to the owner, to nobody else, and exact about what it leaves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.chain import refused
from tests.unit.contracts.order_book.desk import BY_OWNER, IOC, MAX_AGE, Desk, ask, bid, per_lot

if TYPE_CHECKING:
    from spillway.engines import Address


def test_cancelling_removes_the_order_and_frees_its_margin(desk: Desk, making: int) -> None:
    order_id = desk.rest(making, bid(99, 1000))

    receipt = desk.cancel(order_id)

    removed = receipt.named("Removed")[0]
    assert (removed.account, removed.order_id) == (making, order_id)
    assert (removed.lots, removed.reason) == (1000, BY_OWNER)
    assert desk.resting_of(making) == (0, 0)
    assert desk.pool.call.legs_of(making) == 0
    assert desk.orders_of(making) == []
    assert desk.levels(bids=True) == []


def test_only_the_owner_cancels(desk: Desk, making: int, outsider: Address) -> None:
    order_id = desk.rest(making, bid(99, 1000))

    with refused("book: not the owner"):
        desk.book.transact.cancel(order_id, sender=outsider)


def test_an_order_that_is_gone_can_not_be_cancelled(
    desk: Desk, making: int, maker: Address
) -> None:
    order_id = desk.rest(making, bid(99, 1000))
    desk.cancel(order_id)

    for gone in (order_id, 0, order_id + (1 << 64), order_id ^ 1 << 40, 2**256 - 1):
        with refused("book: no such order"):
            desk.book.transact.cancel(gone, sender=maker)


def test_an_order_that_was_filled_can_not_be_cancelled(
    desk: Desk, taking: int, making: int, maker: Address
) -> None:
    order_id = desk.rest(making, bid(99, 1000))
    desk.send(taking, ask(99, 1000, IOC))

    with refused("book: no such order"):
        desk.book.transact.cancel(order_id, sender=maker)


def test_cancelling_needs_neither_a_fresh_mark_nor_an_open_market(desk: Desk, making: int) -> None:
    stale, locked = desk.rest(making, bid(99, 1000)), desk.rest(making, bid(98, 1000))

    desk.age(MAX_AGE + 1)
    desk.cancel(stale)
    desk.lock()
    desk.cancel(locked)

    assert desk.resting_of(making) == (0, 0)


@pytest.mark.parametrize("cancelled", [[0], [1], [2], [0, 1], [1, 2], [0, 2], [1, 0], [2, 1]])
def test_those_who_stay_keep_their_order(
    desk: Desk, taking: int, making: int, cancelled: list[int]
) -> None:
    lots = [110, 120, 130]
    ids = [desk.rest(making, bid(99, each)) for each in lots]

    for index in cancelled:
        desk.cancel(ids[index])

    staying = [lots[index] for index in range(3) if index not in cancelled]
    assert desk.levels(bids=True) == [(per_lot(99), sum(staying), len(staying))]
    desk.rest(making, bid(99, 140))
    receipt = desk.send(taking, ask(99, 1000, IOC))
    assert [fill.lots for fill in receipt.named("Filled")] == [*staying, 140]


def test_the_best_price_moves_back_when_its_level_empties(desk: Desk, making: int) -> None:
    best_bid, best_ask = desk.rest(making, bid(99, 1000)), desk.rest(making, ask(101, 1000))
    desk.rest(making, bid("52.5", 1000))
    desk.rest(making, ask(5000, 1000))

    desk.cancel(best_bid)
    desk.cancel(best_ask)

    assert desk.book.call.tops(desk.market) == (per_lot("52.5"), per_lot(5000), 0)


def test_the_best_price_stays_when_a_level_behind_it_empties(desk: Desk, making: int) -> None:
    desk.rest(making, bid(99, 1000))
    behind = desk.rest(making, bid(98, 1000))
    last = desk.rest(making, bid(97, 1000))

    desk.cancel(behind)

    assert [level[0] for level in desk.levels(bids=True)] == [per_lot(99), per_lot(97)]
    desk.cancel(last)
    assert [level[0] for level in desk.levels(bids=True)] == [per_lot(99)]

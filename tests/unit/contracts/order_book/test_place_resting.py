"""Orders that rest: what they reserve, where they stand, and what is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.chain import refused
from tests.unit.contracts.order_book.desk import ALO, GTC, MAX_AGE, SEATS, Desk, ask, bid, per_lot

if TYPE_CHECKING:
    from spillway.engines import Address


@pytest.mark.parametrize("kind", [GTC, ALO])
def test_an_order_rests_at_its_price_and_reserves_its_lots(
    desk: Desk, making: int, kind: int
) -> None:
    receipt = desk.send(making, bid("99.5", 700, kind))

    placed = receipt.named("Placed")[0]
    order = desk.book.call.order(placed.order_id)
    assert (order.account, order.market, order.is_bid) == (making, desk.market, True)
    assert (order.price, order.lots, order.reduce_only) == (per_lot("99.5"), 700, False)
    assert desk.resting_of(making) == (700, 0)
    assert desk.levels(bids=True) == [(per_lot("99.5"), 700, 1)]
    assert not receipt.named("Taken")


def test_asks_reserve_apart_from_bids(desk: Desk, making: int) -> None:
    desk.rest(making, bid(99, 700))

    desk.rest(making, ask(101, 300))

    assert desk.resting_of(making) == (700, 300)


def test_best_prices_come_first_on_both_sides(desk: Desk, making: int) -> None:
    for price in (98, 99, 97):
        desk.rest(making, bid(price, 1000))
    for price in (102, 101, 103):
        desk.rest(making, ask(price, 1000))

    assert [level[0] for level in desk.levels(bids=True)] == [per_lot(p) for p in (99, 98, 97)]
    assert [level[0] for level in desk.levels(bids=False)] == [per_lot(p) for p in (101, 102, 103)]
    tops = desk.book.call.tops(desk.market)
    assert (tops.bid, tops.ask, tops.last) == (per_lot(99), per_lot(101), 0)


def test_post_only_touches_the_other_side_from_outside(desk: Desk, making: int, other: int) -> None:
    desk.rest(other, ask(101, 1000))

    desk.rest(making, bid("100.99", 1000, ALO))

    assert desk.book.call.tops(desk.market).bid == per_lot("100.99")


def test_post_only_that_would_cross_is_refused(desk: Desk, making: int, other: int) -> None:
    desk.rest(other, ask(101, 1000))
    desk.rest(other, bid(99, 1000))

    with refused("book: would cross"):
        desk.send(making, bid(101, 1000, ALO))
    with refused("book: would cross"):
        desk.send(making, ask(99, 1000, ALO))


def test_only_the_owner_places(desk: Desk, making: int, outsider: Address) -> None:
    with refused("book: not the owner"):
        desk.book.transact.place(making, desk.market, bid(99, 1000), sender=outsider)
    with refused("book: not the owner"):
        desk.book.transact.place(2**32 + making, desk.market, bid(99, 1000), sender=outsider)


def test_a_stale_mark_stops_new_orders(desk: Desk, making: int) -> None:
    desk.rest(making, bid(99, 1000))
    desk.age(MAX_AGE + 1)

    with refused("book: stale mark"):
        desk.send(making, bid(99, 1000))


def test_a_locked_market_stops_new_orders(desk: Desk, making: int) -> None:
    desk.lock()

    with refused("book: market is locked"):
        desk.send(making, bid(99, 1000))

    desk.lock(locked=False)
    desk.rest(making, bid(99, 1000))


def test_an_unknown_kind_is_refused(desk: Desk, making: int) -> None:
    with refused("book: unknown order kind"):
        desk.send(making, bid(99, 1000, 4))


SIX_FIGURES = per_lot("100.005")


@pytest.mark.parametrize("price", [0, 1, 10**12 - 1, per_lot("99.995") + 1, SIX_FIGURES])
def test_a_price_between_ticks_is_refused(desk: Desk, making: int, price: int) -> None:
    with refused("book: illegal price"):
        desk.send(making, bid(99, 1000)._replace(price=price))


def test_prices_beyond_the_last_tick_are_refused(desk: Desk, making: int) -> None:
    # 3 size decimals: 100,000 ticks below 100 USD, 90,000 up to 1,000 and up to 10,000 and up to
    # 100,000 USD, then one a USD; the last of 255**3 ticks is that many USD away.
    last = 100_000 + (255**3 - 1 - 370_000)

    desk.rest(making, ask(last, 1))
    with refused("book: illegal price"):
        desk.send(making, ask(last + 1, 1))


def test_lots_have_bounds(desk: Desk, making: int) -> None:
    with refused("book: zero lots"):
        desk.send(making, bid(99, 0))
    with refused("book: too many lots"):
        desk.send(making, bid(99, 2**54))
    with refused("pool: below initial margin"):
        desk.send(making, bid(99, 2**54 - 1))


def test_an_order_is_worth_10_usd_at_least(desk: Desk, making: int) -> None:
    with refused("book: below minimum order"):
        desk.send(making, bid("99.99", 100))

    desk.rest(making, bid(100, 100))


def test_a_bid_rests_up_to_the_edge_of_the_band(desk: Desk, making: int) -> None:
    with refused("book: outside the band"):
        desk.send(making, bid("110.01", 1000))

    desk.rest(making, bid(110, 1000))


def test_an_ask_rests_down_to_the_edge_of_the_band(desk: Desk, making: int) -> None:
    with refused("book: outside the band"):
        desk.send(making, ask("89.999", 1000))

    desk.rest(making, ask(90, 1000))


def test_orders_that_wait_far_away_need_no_band(desk: Desk, making: int) -> None:
    desk.rest(making, bid(1, 10_000))
    desk.rest(making, ask(10_000, 1000))


def test_margin_is_checked_when_an_order_rests(desk: Desk, maker: Address) -> None:
    account = desk.open_account(maker, usd=500)  # 20x: 10,000 USD

    with refused("pool: below initial margin"):
        desk.send(account, bid(99, 100_001))

    desk.rest(account, bid(99, 100_000))


def test_an_account_has_32_seats(desk: Desk, making: int) -> None:
    ids = [desk.rest(making, bid(99, 1000)) for _ in range(SEATS)]
    assert len(set(ids)) == SEATS
    with refused("book: no free seat"):
        desk.send(making, bid(99, 1000))

    desk.cancel(ids[17])
    desk.rest(making, bid(99, 1000))

    assert len(desk.orders_of(making)) == SEATS


def test_a_seat_used_again_gives_a_new_id(desk: Desk, making: int) -> None:
    first = desk.rest(making, bid(99, 1000))
    desk.cancel(first)

    second = desk.rest(making, bid(98, 1000))

    assert second != first
    assert second & (2**64 - 1) == first & (2**64 - 1)
    assert desk.lots_of(first) == 0
    with refused("book: no such order"):
        desk.book.transact.cancel(first, sender=desk.owner_of(making))

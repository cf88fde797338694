"""Stops and take-profits: reduce-only, woken by the mark, fired by anyone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.chain import refused
from tests.takers import ended
from tests.unit.contracts.order_book.desk import (
    FILLED,
    FIRED,
    IOC,
    LIMIT_REACHED,
    MAX_AGE,
    NO_POSITION,
    NOTHING_TO_REDUCE,
    SEATS,
    SELF_TRADE,
    Desk,
    Stop,
    ask,
    bid,
    per_lot,
)

if TYPE_CHECKING:
    from spillway.engines import Address


def sell_stop(usd: int, lots: int = 1000, limit: int = 0) -> Stop:
    """Close a long once the mark is at `usd` or lower."""
    return Stop(False, False, per_lot(usd), limit, lots)


def test_a_stop_stands_in_a_seat_and_out_of_the_book(desk: Desk, long: int) -> None:
    order_id = desk.place_stop(long, sell_stop(95, limit=per_lot(94)))

    stop = desk.book.call.order(order_id)
    assert (stop.account, stop.is_bid, stop.stop, stop.reduce_only) == (long, False, True, True)
    assert (stop.price, stop.limit, stop.above) == (per_lot(95), per_lot(94), False)
    assert desk.orders_of(long) == [order_id]
    assert desk.levels(bids=False) == []
    assert desk.resting_of(long) == (0, 0)


def test_only_the_owner_places_a_stop(desk: Desk, long: int, outsider: Address) -> None:
    with refused("book: not the owner"):
        desk.book.transact.place_stop(long, desk.market, sell_stop(95), sender=outsider)


def test_a_stop_needs_a_position_on_the_other_side(desk: Desk, long: int, other: int) -> None:
    with refused("book: nothing to reduce"):
        desk.place_stop(other, sell_stop(95))
    with refused("book: nothing to reduce"):
        desk.place_stop(long, Stop(True, True, per_lot(105), 0, 1000))


def test_the_prices_of_a_stop_are_legal(desk: Desk, long: int) -> None:
    with refused("book: illegal price"):
        desk.place_stop(long, sell_stop(95)._replace(trigger=0))
    with refused("book: illegal price"):
        desk.place_stop(long, sell_stop(95)._replace(trigger=per_lot(95) + 1))
    with refused("book: illegal price"):
        desk.place_stop(long, sell_stop(95, limit=per_lot(94) + 1))


def test_lots_of_a_stop_have_bounds(desk: Desk, long: int) -> None:
    with refused("book: zero lots"):
        desk.place_stop(long, sell_stop(95, lots=0))
    with refused("book: too many lots"):
        desk.place_stop(long, sell_stop(95, lots=2**54))


def test_a_stop_needs_an_open_market(desk: Desk, long: int) -> None:
    market = desk.list_market()

    with refused("book: market not open"):
        desk.book.transact.place_stop(long, market, sell_stop(95), sender=desk.owner_of(long))


def test_stops_share_the_seats_with_orders(desk: Desk, long: int) -> None:
    for _ in range(SEATS - 1):
        desk.place_stop(long, sell_stop(95))
    desk.rest(long, bid(99, 1000))

    with refused("book: no free seat"):
        desk.place_stop(long, sell_stop(95))


def test_a_stop_is_cancelled_like_an_order(desk: Desk, long: int) -> None:
    order_id = desk.place_stop(long, sell_stop(95))

    desk.cancel(order_id)

    assert desk.orders_of(long) == []


# --- trigger -------------------------------------------------------------------------------


def test_anyone_fires_a_stop_that_the_mark_has_reached(
    desk: Desk, long: int, other: int, keeper: Address
) -> None:
    order_id = desk.place_stop(long, sell_stop(95))
    desk.rest(other, bid(94, 5000))
    desk.set_mark(95)

    receipt = desk.book.transact.trigger(order_id, sender=keeper)

    removed, taken = receipt.named("Removed")[0], ended(receipt)
    assert (removed.order_id, removed.reason) == (order_id, FIRED)
    assert (taken.account, taken.filled, taken.end) == (long, 1000, FILLED)
    assert desk.size_of(long) == 0
    assert desk.orders_of(long) == []


def test_a_stop_never_trades_with_its_owner(desk: Desk, long: int, keeper: Address) -> None:
    """Whose account it is, is known of one whose first seat is the stop's, and once it is left."""
    order_id = desk.place_stop(long, sell_stop(95))
    second_account = desk.open_account(desk.owner_of(long))
    own = desk.rest(second_account, bid(94, 1000))
    desk.set_mark(95)

    receipt = desk.book.transact.trigger(order_id, sender=keeper)

    removed = receipt.named("Removed")[-1]
    assert (removed.order_id, removed.reason) == (own, SELF_TRADE)
    assert receipt.named("Filled") == []
    assert desk.size_of(long) == 1000


def test_a_stop_waits_for_its_mark(desk: Desk, long: int, other: int, keeper: Address) -> None:
    order_id = desk.place_stop(long, sell_stop(95))
    desk.rest(other, bid(94, 5000))
    desk.set_mark("95.001")

    with refused("book: not triggered"):
        desk.book.transact.trigger(order_id, sender=keeper)


def test_a_take_profit_fires_above(desk: Desk, long: int, other: int, keeper: Address) -> None:
    order_id = desk.place_stop(long, Stop(False, True, per_lot(105), 0, 1000))
    desk.rest(other, bid(99, 5000))
    desk.set_mark("104.99")
    with refused("book: not triggered"):
        desk.book.transact.trigger(order_id, sender=keeper)
    desk.set_mark(105)

    desk.book.transact.trigger(order_id, sender=keeper)

    assert desk.size_of(long) == 0


def test_a_short_is_stopped_by_buying(
    desk: Desk, long: int, making: int, other: int, keeper: Address
) -> None:
    order_id = desk.place_stop(making, Stop(True, True, per_lot(105), 0, 400))
    desk.rest(other, ask(106, 5000))
    desk.set_mark(105)

    desk.book.transact.trigger(order_id, sender=keeper)

    assert desk.size_of(making) == -600
    assert desk.size_of(long) == 1000


def test_a_stop_fires_once(desk: Desk, long: int, other: int, keeper: Address) -> None:
    order_id = desk.place_stop(long, sell_stop(95, lots=300))
    desk.rest(other, bid(94, 5000))
    desk.set_mark(95)
    desk.book.transact.trigger(order_id, sender=keeper)

    with refused("book: no such order"):
        desk.book.transact.trigger(order_id, sender=keeper)
    assert desk.size_of(long) == 700


def test_a_stop_shrinks_to_the_position(desk: Desk, long: int, other: int, keeper: Address) -> None:
    order_id = desk.place_stop(long, sell_stop(95, lots=50_000))
    desk.rest(other, bid(94, 50_000))
    desk.set_mark(95)

    taken = ended(desk.book.transact.trigger(order_id, sender=keeper))

    assert (taken.lots, taken.filled) == (1000, 1000)
    assert desk.size_of(long) == 0


def test_a_stop_never_sells_below_its_limit(
    desk: Desk, long: int, other: int, keeper: Address
) -> None:
    order_id = desk.place_stop(long, sell_stop(95, limit=per_lot(94)))
    desk.rest(other, bid(94, 300))
    desk.rest(other, bid("93.9", 5000))
    desk.set_mark(95)

    taken = ended(desk.book.transact.trigger(order_id, sender=keeper))

    assert (taken.filled, taken.end) == (300, LIMIT_REACHED)
    assert desk.orders_of(long) == []


@pytest.mark.parametrize("limit", [0, per_lot(1)])
def test_a_stop_never_sells_below_the_band(
    desk: Desk, long: int, other: int, keeper: Address, limit: int
) -> None:
    order_id = desk.place_stop(long, sell_stop(90, limit=limit))
    desk.rest(other, bid(81, 300))
    beyond = desk.rest(other, bid("80.9", 5000))
    desk.set_mark(90)  # the band begins at 81

    taken = ended(desk.book.transact.trigger(order_id, sender=keeper))

    assert (taken.filled, taken.end) == (300, LIMIT_REACHED)
    assert desk.lots_of(beyond) == 5000


def test_a_buy_stop_never_pays_more_than_its_limit_or_the_band(
    desk: Desk, long: int, making: int, other: int, keeper: Address
) -> None:
    limited = desk.place_stop(making, Stop(True, True, per_lot(105), per_lot(106), 100))
    open_ended = desk.place_stop(making, Stop(True, True, per_lot(105), per_lot(500), 100))
    desk.rest(other, ask("106.01", 5000))
    desk.set_mark(105)
    assert ended(desk.book.transact.trigger(limited, sender=keeper)).filled == 0

    desk.requote(other, desk.orders_of(other), [])
    beyond = desk.rest(other, ask("115.51", 5000))  # the band ends at 115.5
    taken = ended(desk.book.transact.trigger(open_ended, sender=keeper))

    assert (taken.filled, taken.end) == (0, LIMIT_REACHED)
    assert desk.lots_of(beyond) == 5000
    assert desk.size_of(long) == 1000


def test_a_stop_of_a_closed_position_fires_into_nothing(
    desk: Desk, long: int, other: int, keeper: Address
) -> None:
    order_id = desk.place_stop(long, sell_stop(95))
    desk.rest(other, bid(94, 5000))
    desk.send(long, ask(94, 1000, IOC))
    desk.set_mark(95)

    taken = ended(desk.book.transact.trigger(order_id, sender=keeper))

    assert (taken.lots, taken.filled, taken.end) == (0, 0, NO_POSITION)
    assert desk.size_of(long) == 0


def test_a_stop_does_not_survive_a_new_position_on_the_same_side(
    desk: Desk, long: int, making: int, other: int, keeper: Address
) -> None:
    order_id = desk.place_stop(long, sell_stop(95))
    desk.rest(other, bid(94, 5000))
    desk.send(long, ask(94, 1000, IOC))
    desk.trade(long, making, 2000, 100)
    desk.set_mark(95)

    taken = ended(desk.book.transact.trigger(order_id, sender=keeper))

    assert taken.end == NO_POSITION
    assert desk.size_of(long) == 2000


def test_a_dead_stop_is_pruned(desk: Desk, long: int, other: int, keeper: Address) -> None:
    order_id = desk.place_stop(long, sell_stop(95))
    with refused("book: something left to reduce"):
        desk.book.transact.prune(order_id, sender=keeper)
    desk.rest(other, bid(99, 1000))
    desk.send(long, ask(99, 1000, IOC))

    receipt = desk.book.transact.prune(order_id, sender=keeper)

    assert receipt.named("Removed")[0].reason == NOTHING_TO_REDUCE


def test_an_order_that_is_no_stop_does_not_fire(desk: Desk, long: int, keeper: Address) -> None:
    order_id = desk.rest(long, bid(99, 1000))

    with refused("book: not a stop"):
        desk.book.transact.trigger(order_id, sender=keeper)


def test_a_stop_that_does_not_exist_does_not_fire(desk: Desk, keeper: Address) -> None:
    with refused("book: no such order"):
        desk.book.transact.trigger(1, sender=keeper)


def test_a_stop_waits_for_a_fresh_mark_in_an_open_market(
    desk: Desk, long: int, keeper: Address
) -> None:
    order_id = desk.place_stop(long, sell_stop(95))
    desk.set_mark(94)
    desk.lock()
    with refused("book: market is locked"):
        desk.book.transact.trigger(order_id, sender=keeper)
    desk.lock(locked=False)
    desk.age(MAX_AGE + 1)
    with refused("book: stale mark"):
        desk.book.transact.trigger(order_id, sender=keeper)

    desk.set_mark(94)
    desk.book.transact.trigger(order_id, sender=keeper)

"""Orders that only reduce: they shrink to the position, and die once it has passed zero."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.chain import refused
from tests.takers import ended
from tests.unit.contracts.order_book.desk import (
    FILLED,
    IOC,
    LIMIT_REACHED,
    NOTHING_TO_REDUCE,
    RESTS,
    Desk,
    ask,
    bid,
    per_lot,
)

if TYPE_CHECKING:
    from spillway.engines import Address


def test_a_taker_shrinks_to_its_position(desk: Desk, long: int, other: int) -> None:
    desk.rest(other, bid(99, 5000))

    taken = desk.take(long, ask(99, 5000, IOC, reduce_only=True))

    assert (taken.lots, taken.filled, taken.end) == (1000, 1000, FILLED)
    assert desk.size_of(long) == 0


def test_a_short_shrinks_too(desk: Desk, long: int, making: int, other: int) -> None:
    assert desk.size_of(making) == -1000
    desk.rest(other, ask(101, 5000))

    taken = desk.take(making, bid(101, 400, IOC, reduce_only=True))

    assert taken.filled == 400
    assert desk.size_of(making) == -600
    assert desk.size_of(long) == 1000


def test_without_a_position_there_is_nothing_to_reduce(desk: Desk, making: int) -> None:
    with refused("book: nothing to reduce"):
        desk.send(making, bid(99, 1000, reduce_only=True))


def test_an_order_on_the_side_of_the_position_is_refused(desk: Desk, long: int) -> None:
    with refused("book: nothing to reduce"):
        desk.send(long, bid(99, 1000, reduce_only=True))


def test_what_rests_is_cut_to_the_position_and_reserves_nothing(desk: Desk, long: int) -> None:
    receipt = desk.send(long, ask(101, 5000, reduce_only=True))

    placed = receipt.named("Placed")[0]
    assert (placed.lots, placed.reduce_only) == (1000, True)
    assert desk.resting_of(long) == (0, 0)
    assert desk.book.call.order(placed.order_id).reduce_only


def test_lots_that_may_vanish_do_not_count_as_depth(desk: Desk, long: int, other: int) -> None:
    desk.rest(other, ask(101, 300))
    order_id = desk.rest(long, ask(101, 1000, reduce_only=True))
    assert desk.levels(bids=False) == [(per_lot(101), 300, 2)]

    desk.cancel(order_id)

    assert desk.levels(bids=False) == [(per_lot(101), 300, 1)]


def test_what_gtc_does_not_fill_rests_and_still_only_reduces(
    desk: Desk, long: int, other: int
) -> None:
    desk.rest(other, bid(99, 400))

    receipt = desk.send(long, ask(99, 5000, reduce_only=True))

    assert ended(receipt).end == RESTS
    assert receipt.named("Placed")[0].lots == 600
    assert desk.book.call.order(receipt.named("Placed")[0].order_id).reduce_only


def test_a_full_close_may_be_small(desk: Desk, taking: int, making: int) -> None:
    desk.trade(taking, making, 110, 100)
    desk.rest(making, bid("99.5", 1000))
    desk.send(taking, ask("99.5", 101, IOC, reduce_only=True))
    assert desk.size_of(taking) == 9

    with refused("book: below minimum order"):
        desk.send(taking, ask("99.5", 8, IOC, reduce_only=True))
    with refused("book: below minimum order"):
        desk.send(taking, ask("99.5", 9, IOC))
    desk.take(taking, ask("99.5", 9, IOC, reduce_only=True))

    assert desk.size_of(taking) == 0


def test_a_resting_order_shrinks_to_the_position_when_it_is_matched(
    desk: Desk, long: int, other: int, outsider: Address
) -> None:
    order_id = desk.rest(long, ask(101, 1000, reduce_only=True))
    desk.rest(other, bid(99, 700))
    desk.send(long, ask(99, 700, IOC))
    buyer = desk.open_account(outsider)

    receipt = desk.send(buyer, bid(101, 1000, IOC))

    assert [fill.lots for fill in receipt.named("Filled")] == [300]
    removed = receipt.named("Removed")[0]
    assert (removed.order_id, removed.lots) == (order_id, 700)
    assert removed.reason == NOTHING_TO_REDUCE
    assert ended(receipt).end == LIMIT_REACHED
    assert desk.size_of(long) == 0


def test_a_resting_order_matched_in_part_goes_on_reducing(
    desk: Desk, long: int, other: int
) -> None:
    order_id = desk.rest(long, ask(101, 1000, reduce_only=True))

    desk.send(other, bid(101, 300, IOC))
    assert (desk.lots_of(order_id), desk.size_of(long)) == (700, 700)
    desk.send(other, bid(101, 700, IOC))

    assert (desk.lots_of(order_id), desk.size_of(long)) == (0, 0)


def test_a_resting_order_is_dead_when_the_position_is_closed(
    desk: Desk, long: int, other: int
) -> None:
    order_id = desk.rest(long, ask(101, 1000, reduce_only=True))
    desk.rest(other, bid(99, 1000))
    desk.send(long, ask(99, 1000, IOC))

    receipt = desk.send(other, bid(101, 1000, IOC))

    assert not receipt.named("Filled")
    removed = receipt.named("Removed")[0]
    assert (removed.order_id, removed.reason) == (order_id, NOTHING_TO_REDUCE)


def test_a_resting_order_does_not_survive_a_new_position_on_the_same_side(
    desk: Desk, long: int, making: int, other: int
) -> None:
    order_id = desk.rest(long, ask(101, 1000, reduce_only=True))
    desk.rest(other, bid(99, 1000))
    desk.send(long, ask(99, 1000, IOC))
    desk.trade(long, making, 2000, 100)

    receipt = desk.send(other, bid(101, 1000, IOC))

    assert not receipt.named("Filled")
    assert receipt.named("Removed")[0].order_id == order_id
    assert desk.size_of(long) == 2000


def test_a_resting_order_is_dead_when_the_position_has_flipped(
    desk: Desk, long: int, other: int
) -> None:
    order_id = desk.rest(long, ask(101, 1000, reduce_only=True))
    desk.rest(other, bid(99, 1500))
    desk.send(long, ask(99, 1500, IOC))

    receipt = desk.send(other, bid(101, 1000, IOC))

    assert receipt.named("Removed")[0].order_id == order_id
    assert desk.size_of(long) == -500


# --- prune ---------------------------------------------------------------------------------


def test_anyone_prunes_an_order_whose_position_is_gone(
    desk: Desk, long: int, other: int, outsider: Address
) -> None:
    order_id = desk.rest(long, ask(101, 1000, reduce_only=True))
    desk.rest(other, bid(99, 1000))
    desk.send(long, ask(99, 1000, IOC))

    receipt = desk.book.transact.prune(order_id, sender=outsider)

    removed = receipt.named("Removed")[0]
    assert (removed.order_id, removed.reason) == (order_id, NOTHING_TO_REDUCE)
    assert desk.levels(bids=False) == []
    with refused("book: no such order"):
        desk.book.transact.prune(order_id, sender=outsider)


def test_an_order_that_still_reduces_stays(desk: Desk, long: int, outsider: Address) -> None:
    order_id = desk.rest(long, ask(101, 1000, reduce_only=True))

    with refused("book: something left to reduce"):
        desk.book.transact.prune(order_id, sender=outsider)


def test_an_order_that_holds_margin_is_not_pruned(
    desk: Desk, making: int, outsider: Address
) -> None:
    order_id = desk.rest(making, ask(101, 1000))

    with refused("book: not reduce-only"):
        desk.book.transact.prune(order_id, sender=outsider)

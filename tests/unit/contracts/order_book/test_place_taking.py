"""Orders that take: whom they meet, in which order, and where they stop."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.chain import refused
from tests.takers import ended
from tests.unit.contracts.order_book.desk import (
    FILLED,
    IOC,
    LIMIT_REACHED,
    MAKER_FAILED,
    MAKERS_MET,
    MAX_AGE,
    MAX_MAKERS,
    OUTSIDE_BAND,
    RESTS,
    SELF_TRADE,
    TAKER_FAILED,
    Desk,
    ask,
    bid,
    per_lot,
    to_market,
)

if TYPE_CHECKING:
    from spillway.engines import Address, Receipt


def fills(receipt: Receipt) -> list[tuple[int, int, int]]:
    """(maker, price, lots) of each fill of the pool, in order."""
    return [(fill.maker, fill.price, fill.lots) for fill in receipt.named("Filled")]


def test_the_best_price_comes_first(desk: Desk, taking: int, making: int) -> None:
    for price in (102, 101, 103):
        desk.rest(making, ask(price, 1000))

    receipt = desk.send(taking, bid(103, 2500, IOC))

    assert fills(receipt) == [
        (making, per_lot(101), 1000),
        (making, per_lot(102), 1000),
        (making, per_lot(103), 500),
    ]
    # Filled whole: the fills say it all.
    assert not receipt.named("Taken")
    taken = ended(receipt)
    assert (taken.lots, taken.filled, taken.end) == (2500, 2500, FILLED)
    assert taken.quote == 1000 * per_lot(101) + 1000 * per_lot(102) + 500 * per_lot(103)
    assert desk.size_of(taking) == 2500
    assert desk.levels(bids=False) == [(per_lot(103), 500, 1)]


def test_the_highest_bid_comes_first(desk: Desk, taking: int, making: int) -> None:
    for price in (98, 99, 97):
        desk.rest(making, bid(price, 1000))

    receipt = desk.send(taking, ask(97, 2500, IOC))

    assert [price for _, price, _ in fills(receipt)] == [per_lot(p) for p in (99, 98, 97)]
    assert desk.size_of(taking) == -2500


def test_first_come_first_served_at_one_price(
    desk: Desk, taking: int, making: int, other: int
) -> None:
    for account, lots in ((making, 300), (other, 200), (making, 150)):
        desk.rest(account, bid(99, lots))

    receipt = desk.send(taking, ask(99, 550, IOC))

    assert [(maker, lots) for maker, _, lots in fills(receipt)] == [
        (making, 300),
        (other, 200),
        (making, 50),
    ]


def test_an_order_filled_in_part_keeps_its_place(
    desk: Desk, taking: int, making: int, other: int
) -> None:
    first = desk.rest(making, bid(99, 1000))
    desk.rest(other, bid(99, 1000))
    desk.send(taking, ask(99, 400, IOC))

    receipt = desk.send(taking, ask(99, 700, IOC))

    assert [(maker, lots) for maker, _, lots in fills(receipt)] == [(making, 600), (other, 100)]
    assert desk.lots_of(first) == 0
    assert desk.orders_of(making) == []


def test_a_fill_frees_the_reservation_of_what_it_fills(
    desk: Desk, taking: int, making: int
) -> None:
    desk.rest(making, bid(99, 1000))

    desk.send(taking, ask(99, 400, IOC))

    assert desk.resting_of(making) == (600, 0)
    assert desk.size_of(making) == 400


def test_the_limit_is_never_passed(desk: Desk, taking: int, making: int) -> None:
    desk.rest(making, ask(101, 1000))
    desk.rest(making, ask("101.01", 1000))

    taken = desk.take(taking, bid(101, 2000, IOC))

    assert (taken.filled, taken.end) == (1000, LIMIT_REACHED)
    assert desk.orders_of(taking) == []


def test_a_taker_in_an_empty_book_gets_nothing(desk: Desk, taking: int) -> None:
    taken = desk.take(taking, bid(101, 2000, IOC))

    assert (taken.filled, taken.quote, taken.end) == (0, 0, LIMIT_REACHED)


def test_what_gtc_does_not_fill_rests(desk: Desk, taking: int, making: int) -> None:
    desk.rest(making, ask(101, 1000))

    receipt = desk.send(taking, bid(101, 1500))

    taken, placed = ended(receipt), receipt.named("Placed")[0]
    assert (taken.lots, taken.filled, taken.end) == (1500, 1000, RESTS)
    assert (placed.lots, placed.price) == (500, per_lot(101))
    assert desk.resting_of(taking) == (500, 0)
    assert desk.book.call.tops(desk.market) == (per_lot(101), 0, per_lot(101))


def test_gtc_filled_whole_leaves_nothing(desk: Desk, taking: int, making: int) -> None:
    desk.rest(making, ask(101, 1000))

    receipt = desk.send(taking, bid(102, 1000))

    assert not receipt.named("Placed")
    assert ended(receipt).end == FILLED
    assert desk.book.call.tops(desk.market) == (0, 0, per_lot(101))


def test_a_market_order_goes_to_the_edge_of_the_band(desk: Desk, taking: int, making: int) -> None:
    desk.rest(making, ask(110, 1000))
    beyond = desk.rest(making, ask("110.01", 1000))

    taken = desk.take(taking, to_market(is_bid=True, lots=2000))

    assert (taken.filled, taken.end) == (1000, LIMIT_REACHED)
    assert desk.lots_of(beyond) == 1000


def test_a_market_order_sells_down_to_the_edge_of_the_band(
    desk: Desk, taking: int, making: int
) -> None:
    desk.rest(making, bid(90, 1000))
    beyond = desk.rest(making, bid("89.999", 1000))

    taken = desk.take(taking, to_market(is_bid=False, lots=2000))

    assert (taken.filled, taken.end) == (1000, LIMIT_REACHED)
    assert desk.lots_of(beyond) == 1000


def test_a_market_order_names_no_price(desk: Desk, taking: int) -> None:
    with refused("book: illegal price"):
        desk.send(taking, to_market(is_bid=True, lots=1000)._replace(price=per_lot(100)))


def test_one_owner_never_trades_with_itself(desk: Desk, taking: int, making: int) -> None:
    second_account = desk.open_account(desk.owner_of(taking))
    own = desk.rest(second_account, ask(101, 1000))
    desk.rest(making, ask(101, 1000))

    receipt = desk.send(taking, bid(101, 1000, IOC))

    removed = receipt.named("Removed")[0]
    assert (removed.order_id, removed.lots, removed.reason) == (own, 1000, SELF_TRADE)
    assert fills(receipt) == [(making, per_lot(101), 1000)]
    assert desk.resting_of(second_account) == (0, 0)
    assert desk.pool.call.legs_of(second_account) == 0


def test_an_account_never_trades_with_itself(desk: Desk, taking: int) -> None:
    own = desk.rest(taking, ask(101, 1000))

    receipt = desk.send(taking, bid(101, 1000))

    assert receipt.named("Removed")[0].order_id == own
    assert ended(receipt).end == RESTS
    assert desk.resting_of(taking) == (1000, 0)


def test_a_maker_without_margin_is_removed_and_the_taker_goes_on(
    desk: Desk, taking: int, making: int, depositor: Address
) -> None:
    poor = desk.open_account(depositor, usd=100)  # 20x: 2,000 USD
    order_id = desk.rest(poor, bid(100, 20_000))
    desk.rest(making, bid(99, 1000))
    desk.set_mark("95.5")  # the fill would lose 90 of the 100 USD at once

    receipt = desk.send(taking, ask(99, 1000, IOC))

    removed = receipt.named("Removed")[0]
    assert (removed.order_id, removed.lots, removed.reason) == (order_id, 20_000, MAKER_FAILED)
    assert fills(receipt) == [(making, per_lot(99), 1000)]
    assert desk.resting_of(poor) == (0, 0)
    assert desk.size_of(poor) == 0


def test_a_maker_with_a_stale_leg_is_removed_and_the_taker_goes_on(
    desk: Desk, taking: int, making: int, other: int
) -> None:
    quiet = desk.list_market()
    desk.book.transact.open_market(quiet, sender=desk.admin)
    desk.set_mark(100, quiet)
    desk.rest(making, bid(99, 1000), quiet)
    order_id = desk.rest(making, bid(99, 1000))
    desk.rest(other, bid(99, 1000))
    desk.age(MAX_AGE + 1)
    desk.set_mark(100)

    receipt = desk.send(taking, ask(99, 1000, IOC))

    assert receipt.named("Removed")[0].order_id == order_id
    assert receipt.named("Removed")[0].reason == MAKER_FAILED
    assert fills(receipt) == [(other, per_lot(99), 1000)]


def test_an_order_that_the_mark_left_outside_the_band_is_removed(
    desk: Desk, taking: int, making: int, other: int
) -> None:
    order_id = desk.rest(making, bid("99.01", 1000))
    desk.rest(other, bid(99, 1000))
    desk.set_mark(90)  # the band ends at 99

    receipt = desk.send(taking, ask(99, 1000, IOC))

    removed = receipt.named("Removed")[0]
    assert (removed.order_id, removed.reason) == (order_id, OUTSIDE_BAND)
    assert fills(receipt) == [(other, per_lot(99), 1000)]
    assert desk.resting_of(making) == (0, 0)


def test_an_ask_that_the_mark_left_outside_the_band_is_removed(
    desk: Desk, taking: int, making: int
) -> None:
    order_id = desk.rest(making, ask("98.99", 1000))
    desk.set_mark(110)  # the band begins at 99

    receipt = desk.send(taking, bid(99, 1000, IOC))

    assert receipt.named("Removed")[0].order_id == order_id
    assert ended(receipt).filled == 0


def test_a_taker_without_margin_stops_where_it_fails(
    desk: Desk, making: int, depositor: Address
) -> None:
    desk.rest(making, ask(101, 10_000))
    left = desk.rest(making, ask(102, 100_000))
    poor = desk.open_account(depositor, usd=100)  # 1,010 USD pass, 11,210 do not

    receipt = desk.send(poor, bid(102, 110_000))

    taken = ended(receipt)
    assert (taken.filled, taken.end) == (10_000, TAKER_FAILED)
    assert not receipt.named("Placed")
    assert desk.lots_of(left) == 100_000
    assert desk.resting_of(poor) == (0, 0)


def test_a_taker_stops_at_the_cap_on_makers_and_says_what_is_left(
    desk: Desk, taking: int, making: int, other: int
) -> None:
    for account in (making, other):
        for _ in range(20):
            desk.rest(account, bid(99, 110))

    receipt = desk.send(taking, ask(99, 50_000))

    taken = ended(receipt)
    assert (taken.filled, taken.end) == (MAX_MAKERS * 110, MAKERS_MET)
    assert taken.lots - taken.filled == 50_000 - MAX_MAKERS * 110
    assert not receipt.named("Placed"), "a rest would cross the book"
    assert desk.levels(bids=True) == [(per_lot(99), 8 * 110, 8)]


def test_gtc_rests_where_its_last_maker_was_the_last_one_allowed(
    desk: Desk, taking: int, making: int
) -> None:
    for _ in range(MAX_MAKERS):
        desk.rest(making, bid(99, 110))

    receipt = desk.send(taking, ask(99, 50_000))

    assert ended(receipt).end == RESTS
    assert receipt.named("Placed")[0].lots == 50_000 - MAX_MAKERS * 110


def test_a_rest_without_margin_undoes_the_whole_order(
    desk: Desk, making: int, depositor: Address
) -> None:
    desk.rest(making, ask(101, 1000))
    poor = desk.open_account(depositor, usd=100)

    with refused("pool: below initial margin"):
        desk.send(poor, bid(101, 100_000))

    assert desk.size_of(poor) == 0


def test_only_the_owner_takes(desk: Desk, taking: int, making: int, outsider: Address) -> None:
    desk.rest(making, ask(101, 1000))

    with refused("book: not the owner"):
        desk.book.transact.place(taking, desk.market, bid(101, 1000, IOC), sender=outsider)


@pytest.mark.parametrize("reason", ["book: stale mark", "book: market is locked"])
def test_no_trade_while_the_market_is_stale_or_locked(
    desk: Desk, taking: int, making: int, reason: str
) -> None:
    desk.rest(making, ask(101, 1000))
    if reason == "book: stale mark":
        desk.age(MAX_AGE + 1)
    else:
        desk.lock()

    with refused(reason):
        desk.send(taking, bid(101, 1000, IOC))


def test_a_book_swept_empty_fills_again(desk: Desk, taking: int, making: int) -> None:
    desk.rest(making, ask(101, 1000))
    desk.send(taking, bid(101, 1000, IOC))

    desk.rest(making, ask(101, 500))
    desk.rest(making, bid(101, 500)._replace(price=per_lot("100.5")))

    assert desk.levels(bids=False) == [(per_lot(101), 500, 1)]
    assert desk.book.call.tops(desk.market) == (per_lot("100.5"), per_lot(101), per_lot(101))

"""What the liquidator alone may do: empty an account's seats, and sweep the book for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.chain import refused
from tests.takers import ended
from tests.unit.contracts.order_book.desk import (
    FILLED,
    LIMIT_REACHED,
    LIQUIDATED,
    MAKERS_MET,
    SELF_TRADE,
    Desk,
    Stop,
    ask,
    bid,
    per_lot,
)

if TYPE_CHECKING:
    from spillway.engines import Address, Receipt


@pytest.fixture
def long(desk: Desk, taking: int, making: int) -> int:
    """The taking account, long 10,000 lots from 100 USD against the maker."""
    desk.trade(taking, making, 10_000, 100)
    return taking


def sweep(desk: Desk, account: int, lots: int, limit: int, makers: int = 32) -> Receipt:
    """Sell `lots` of an account as the liquidator."""
    receipt: Receipt = desk.book.transact.sweep(
        account, desk.market, False, lots, limit, makers, sender=desk.liquidator
    )
    return receipt


def test_every_order_and_stop_of_the_account_goes(desk: Desk, long: int, making: int) -> None:
    market = desk.list_market()
    desk.book.transact.open_market(market, sender=desk.admin)
    desk.set_mark(100, market)
    orders = [
        desk.rest(long, bid(99, 1000)),
        desk.rest(long, ask(101, 1000)),
        desk.rest(long, ask(101, 1000, reduce_only=True)),
        desk.rest(long, bid(99, 1000), market),
        desk.place_stop(long, Stop(False, False, per_lot(95), 0, 1000)),
    ]
    stays = desk.rest(making, bid(99, 1000))

    receipt = desk.book.transact.cancel_all(long, sender=desk.liquidator)

    removed = receipt.named("Removed")
    assert [event.order_id for event in removed] == orders
    assert {event.reason for event in removed} == {LIQUIDATED}
    assert desk.orders_of(long) == []
    assert desk.resting_of(long) == (0, 0)
    assert desk.pool.call.legs_of(long) == 1 << desk.market
    assert desk.lots_of(stays) == 1000


def test_an_account_without_orders_has_none_cancelled(desk: Desk, long: int) -> None:
    receipt = desk.book.transact.cancel_all(long, sender=desk.liquidator)

    assert not receipt.events


@pytest.mark.parametrize("role", ["admin", "oracle", "deleverager"])
def test_only_the_liquidator_cancels_for_others(desk: Desk, long: int, role: str) -> None:
    with refused("book: wrong role"):
        desk.book.transact.cancel_all(long, sender=getattr(desk, role))


def test_only_the_liquidator_sweeps(desk: Desk, long: int, trader: Address) -> None:
    for sender in (desk.admin, trader):
        with refused("book: wrong role"):
            desk.book.transact.sweep(long, desk.market, False, 1000, 0, 32, sender=sender)


def test_a_sweep_sells_down_to_its_limit_and_trades_at_it(
    desk: Desk, long: int, other: int
) -> None:
    for price in (98, 97, 96):
        desk.rest(other, bid(price, 1000))

    taken = ended(sweep(desk, long, 10_000, per_lot(97)))

    assert (taken.filled, taken.end) == (2000, LIMIT_REACHED)
    assert taken.quote == 1000 * per_lot(98) + 1000 * per_lot(97)


@pytest.mark.parametrize(("offset", "filled"), [(0, 1000), (-1, 1000), (1, 0)])
def test_the_limit_of_a_sweep_need_not_be_a_legal_price(
    desk: Desk, long: int, other: int, offset: int, filled: int
) -> None:
    desk.rest(other, bid(97, 1000))

    taken = ended(sweep(desk, long, 10_000, per_lot(97) + offset))

    assert taken.filled == filled


@pytest.mark.parametrize(("offset", "filled"), [(0, 1000), (1, 1000), (-1, 0)])
@pytest.mark.usefixtures("long")
def test_a_sweep_buys_up_to_its_limit(
    desk: Desk, making: int, other: int, offset: int, filled: int
) -> None:
    assert desk.size_of(making) == -10_000
    desk.rest(other, ask(103, 1000))

    receipt = desk.book.transact.sweep(
        making, desk.market, True, 5000, per_lot(103) + offset, 32, sender=desk.liquidator
    )

    assert ended(receipt).filled == filled


def test_a_sweep_without_a_limit_takes_what_is_there(desk: Desk, long: int, other: int) -> None:
    desk.rest(other, bid(1, 10_000))

    taken = ended(sweep(desk, long, 10_000, 0))

    assert (taken.filled, taken.end) == (10_000, FILLED)


def test_a_sweep_reports_what_it_did(desk: Desk, long: int, other: int) -> None:
    desk.rest(other, bid(98, 1000))
    desk.rest(other, bid(97, 1000))

    answer = desk.book.call.sweep(long, desk.market, False, 1500, 0, 32, sender=desk.liquidator)

    assert tuple(answer) == (1500, 1000 * per_lot(98) + 500 * per_lot(97), 2)


def test_a_sweep_goes_outside_the_band_where_a_trader_may_not(
    desk: Desk, long: int, other: int
) -> None:
    desk.rest(other, bid(99, 1000))
    desk.set_mark(80)

    taken = ended(sweep(desk, long, 1000, per_lot(99)))

    assert taken.filled == 1000


@pytest.mark.parametrize("makers", [1, 3, 32, 2**256 - 1])
def test_a_sweep_meets_as_many_makers_as_it_may(
    desk: Desk, long: int, other: int, makers: int
) -> None:
    for _ in range(5):
        desk.rest(other, bid(99, 110))

    taken = ended(sweep(desk, long, 550, 0, makers))

    met = min(makers, 5)
    assert (taken.filled, taken.end) == (110 * met, FILLED if met == 5 else MAKERS_MET)


def test_a_sweep_in_an_empty_book_gets_nothing(desk: Desk, long: int) -> None:
    taken = ended(sweep(desk, long, 1000, 0))

    assert (taken.filled, taken.end) == (0, LIMIT_REACHED)


def test_a_sweep_does_not_trade_with_the_same_owner(desk: Desk, long: int, other: int) -> None:
    sibling = desk.open_account(desk.owner_of(long))
    own = desk.rest(sibling, bid(99, 1000))
    desk.rest(other, bid(98, 1000))

    receipt = sweep(desk, long, 1000, 0)

    assert receipt.named("Removed")[0].order_id == own
    assert receipt.named("Removed")[0].reason == SELF_TRADE
    assert ended(receipt).quote == 1000 * per_lot(98)


def test_lots_of_a_sweep_have_bounds(desk: Desk, long: int, other: int) -> None:
    desk.rest(other, bid(99, 1000))

    with refused("book: zero lots"):
        sweep(desk, long, 0, 0)
    with refused("book: too many lots"):
        sweep(desk, long, 2**54, 0)


def test_no_sweep_while_auto_deleveraging_is_at_work(desk: Desk, long: int, other: int) -> None:
    desk.rest(other, bid(99, 1000))
    desk.lock()

    with refused("pool: market is locked"):
        sweep(desk, long, 1000, 0)

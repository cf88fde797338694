"""What an order costs does not depend on how many others stand, and none is too dear to mine."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from spillway.engines.protocol import TX_GAS_LIMIT
from tests.takers import ended
from tests.unit.contracts.order_book.desk import (
    ALO,
    IOC,
    MAKERS_MET,
    MAX_MAKERS,
    SEATS,
    Desk,
    Order,
    ask,
    bid,
    per_lot,
)

if TYPE_CHECKING:
    from spillway.engines import Address

MAX_LEGS = 8
# A liquidation that cancels, sweeps and goes on must fit as a whole.
LIMIT = TX_GAS_LIMIT // 2


def quote(desk: Desk, owner: Address, orders: list[Order]) -> int:
    """A new account of `owner` with these orders."""
    account = desk.open_account(owner)
    desk.requote(account, [], orders)
    return account


def cheap_bids(usd: int, count: int) -> list[Order]:
    """`count` bids at prices of their own, 0.01 USD apart, from `usd` downwards."""
    price, step = per_lot(usd), per_lot("0.01")
    return [Order(True, price - index * step, 1000, ALO) for index in range(count)]


def test_cost_does_not_grow_with_what_stands_behind(
    desk: Desk, taking: int, making: int, maker: Address, depositor: Address
) -> None:
    quote(desk, maker, [bid(98, 1000, ALO)] * 3)
    desk.rest(making, bid(95, 1000))

    def costs() -> list[int]:
        """Gas of a rest on a standing level, a match of the best one, a cancel."""
        order_id = desk.rest(making, bid(98, 1000))
        desk.rest(making, bid(99, 1000))
        token = desk.engine.snapshot()
        gas = [
            desk.send(making, bid(98, 1000)).gas_used,
            desk.send(taking, ask(99, 300, IOC)).gas_used,
            desk.cancel(order_id).gas_used,
        ]
        desk.engine.revert(token)
        desk.cancel(order_id)
        desk.requote(making, desk.orders_of(making)[1:], [])
        return gas

    costs()  # warms seats and levels
    few = costs()
    for usd in (97, 96):
        quote(desk, depositor, cheap_bids(usd, SEATS))
        quote(desk, depositor, [bid(usd, 1000, ALO)] * SEATS)
        quote(desk, depositor, [bid(98, 1000, ALO)] * SEATS)
    many = costs()

    assert len(desk.levels(bids=True)) >= 60
    assert many == few


def open_markets(desk: Desk) -> list[int]:
    """As many open markets as a trader's account may be in."""
    markets = [desk.market]
    while len(markets) < MAX_LEGS:
        market = desk.list_market()
        desk.book.transact.open_market(market, sender=desk.admin)
        desk.set_mark(100, market)
        markets.append(market)
    return markets


def test_the_dearest_order_fits_into_a_transaction(desk: Desk, taking: int, maker: Address) -> None:
    markets = open_markets(desk)
    for market in markets[1:]:
        desk.rest(taking, bid(50, 1000), market)
    for index in range(MAX_MAKERS + 1):
        # Each at a price of its own, in a node of its own: every level and leaf empties.
        price = 99 - index * Decimal("0.26")
        account = desk.open_account(maker)
        for market in markets:
            desk.set_mark(100, market)
        for market in markets[1:]:
            desk.rest(account, bid(50, 1000), market)
        desk.rest(account, bid(price, 1000))

    receipt = desk.send(taking, ask(90, 1000 * MAX_MAKERS + 500, IOC))

    taken = ended(receipt)
    assert (taken.filled, taken.end) == (1000 * MAX_MAKERS, MAKERS_MET)
    assert receipt.gas_used < LIMIT


def test_the_dearest_cancel_all_fits_into_a_transaction(desk: Desk, making: int) -> None:
    markets = open_markets(desk)
    for index in range(SEATS):
        # Each at a tick of its own, far from the next: every level and every bitmap empties.
        price = ask(150 + 10 * index, 1000)
        desk.rest(making, price, markets[index % MAX_LEGS])

    receipt = desk.book.transact.cancel_all(making, sender=desk.liquidator)

    assert len(receipt.named("Removed")) == SEATS
    assert receipt.gas_used < LIMIT // 4


def test_the_dearest_requote_fits_into_a_transaction(desk: Desk, making: int) -> None:
    old = [desk.rest(making, ask(150 + 10 * index, 1000)) for index in range(SEATS)]
    new = [ask(155 + 10 * index, 1000, ALO) for index in range(SEATS)]

    receipt = desk.requote(making, old, new)

    assert len(receipt.named("Placed")) == SEATS
    assert receipt.gas_used < LIMIT // 2

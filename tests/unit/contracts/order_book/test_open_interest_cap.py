"""At the open interest cap orders may only reduce, and not push the price beyond the index."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.chain import refused
from tests.takers import ended
from tests.unit.contracts.order_book import desk as desks
from tests.unit.contracts.order_book.desk import (
    ALO,
    AT_CAP,
    FILLED,
    IOC,
    MARKET,
    Desk,
    ask,
    bid,
    to_market,
)

if TYPE_CHECKING:
    from spillway.build import Artifacts
    from spillway.engines import Contract, Engine

CAP = 10_000


@pytest.fixture
def desk(engine: Engine, artifacts: Artifacts, usdc: Contract) -> Desk:
    """A market that holds 10,000 lots of open interest at most."""
    return desks.deploy(engine, artifacts, usdc, cap=CAP)


@pytest.fixture
def full(desk: Desk, taking: int, making: int) -> int:
    """The taking account, long all the open interest that the market may hold."""
    desk.trade(taking, making, CAP, 100)
    return taking


def test_open_interest_grows_up_to_the_cap(desk: Desk, full: int) -> None:
    assert desk.pool.call.market(desk.market).open_interest == CAP
    assert desk.size_of(full) == CAP


def test_a_match_beyond_the_cap_stops_the_taker(desk: Desk, taking: int, making: int) -> None:
    desk.rest(making, ask(100, CAP))
    left = desk.rest(making, ask(101, 1000))

    receipt = desk.send(taking, bid(101, CAP + 1000))

    taken = ended(receipt)
    assert (taken.filled, taken.end) == (CAP, AT_CAP)
    assert not receipt.named("Placed")
    assert desk.lots_of(left) == 1000


@pytest.mark.parametrize("kind", [ALO, IOC])
def test_an_order_that_raises_is_refused(desk: Desk, full: int, other: int, kind: int) -> None:
    with refused("book: open interest cap"):
        desk.send(other, bid(99, 1000, kind))
    with refused("book: open interest cap"):
        desk.send(full, bid(99, 1000, kind))


def test_an_order_that_flips_is_refused(desk: Desk, full: int) -> None:
    with refused("book: open interest cap"):
        desk.send(full, ask(101, CAP + 1))

    desk.rest(full, ask(101, CAP))


def test_a_market_order_beyond_the_index_is_refused(desk: Desk, full: int) -> None:
    with refused("book: beyond index at the cap"):
        desk.send(full, to_market(is_bid=False, lots=1000))

    desk.send(full, ask(100, 1000, IOC))


def test_an_order_more_aggressive_than_the_index_is_refused(
    desk: Desk, full: int, making: int
) -> None:
    with refused("book: beyond index at the cap"):
        desk.send(full, ask("99.99", 1000))
    with refused("book: beyond index at the cap"):
        desk.send(making, bid("100.01", 1000))

    desk.rest(full, ask(101, 1000))
    desk.rest(making, bid(100, 1000))


def test_reduce_only_is_exempt(desk: Desk, full: int, making: int) -> None:
    desk.rest(making, bid(99, 5000, reduce_only=True))

    taken = desk.take(full, ask(99, 2000, MARKET, reduce_only=True)._replace(price=0))

    assert (taken.filled, taken.end) == (2000, FILLED)
    assert desk.pool.call.market(desk.market).open_interest == CAP - 2000


def test_below_the_cap_orders_may_raise_again(desk: Desk, full: int, making: int) -> None:
    desk.rest(making, bid(99, 5000, reduce_only=True))
    desk.send(full, ask(99, 2000, IOC, reduce_only=True))

    desk.send(full, bid(99, 1000))


def test_a_liquidation_at_the_cap_finds_bids_that_rest_from_before(
    desk: Desk, taking: int, making: int, other: int
) -> None:
    desk.rest(other, bid(95, 4000))
    desk.trade(taking, making, CAP, 100)

    receipt = desk.book.transact.sweep(
        taking, desk.market, False, 4000, 0, 32, sender=desk.liquidator
    )

    assert ended(receipt).filled == 4000
    assert desk.size_of(other) == 4000
    assert desk.pool.call.market(desk.market).open_interest == CAP

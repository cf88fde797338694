"""exchange: lots one way, quote the other, without a check, for liquidator and deleverager."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.chain import refused
from tests.unit.contracts.margin_pool.stand import MARK, MAX_AGE, USD, Stand

if TYPE_CHECKING:
    from spillway.engines import Address


@pytest.mark.parametrize("quote", [1_000 * USD, 1, 0, -1, -777 * USD])
def test_the_quote_is_whatever_its_sign(stand: Stand, taking: int, making: int, quote: int) -> None:
    receipt = stand.exchange(taking, making, 10, quote)

    assert [tuple(event) for event in receipt.named("Exchanged")] == [
        (0, taking, making, 10, quote)
    ]
    assert (stand.size(taking), stand.size(making)) == (10, -10)
    value = 10 * MARK
    equities = [stand.pool.call.health(account).equity for account in (taking, making)]
    assert equities == [10_000 * USD + value - quote, 10_000 * USD - value + quote]


def test_neither_margin_nor_a_stale_mark_is_in_its_way(
    stand: Stand, trader: Address, maker: Address
) -> None:
    pair = stand.open(trader), stand.open(maker)
    stand.wait(MAX_AGE + 1)

    stand.trade(*pair, 10)

    assert stand.pool.call.market(0).open_interest == 10


def test_has_two_sides(stand: Stand, taking: int) -> None:
    with refused("pool: same account"):
        stand.exchange(taking, taking, 1, 1)


def test_needs_lots(stand: Stand, taking: int, making: int) -> None:
    with refused("pool: zero lots"):
        stand.exchange(taking, making, 0, 1)
    stand.exchange(taking, making, 1, 1)


def test_a_locked_market_is_for_deleveraging_alone(stand: Stand, taking: int, making: int) -> None:
    stand.pool.transact.lock_market(0, True, sender=stand.deleverager)

    with refused("pool: market is locked"):
        stand.exchange(taking, making, 1, 1)
    stand.pool.transact.exchange(0, taking, making, 1, 1, sender=stand.deleverager)

    assert stand.size(taking) == 1


def test_resting_orders_stay_as_they_are(stand: Stand, taking: int, making: int) -> None:
    stand.rest(taking, bids=3, asks=2)

    stand.trade(making, taking, 5)
    stand.trade(taking, making, 5)

    position = stand.pool.call.position(taking, 0)
    assert (position.size, position.resting_bids, position.resting_asks) == (0, 3, 2)
    assert stand.pool.call.legs_of(taking) == 1


def test_the_birth_of_a_position_counts_its_openings(
    stand: Stand, taking: int, making: int
) -> None:
    def births() -> tuple[int, int]:
        first, second = (stand.pool.call.position(n, 0).birth for n in (taking, making))
        return first, second

    stand.trade(taking, making, 5)
    assert births() == (1, 1)
    stand.trade(taking, making, 5)
    stand.trade(making, taking, 3)
    assert births() == (1, 1)
    stand.trade(making, taking, 8)  # through zero
    assert births() == (2, 2)
    stand.trade(taking, making, 1)  # to zero
    assert births() == (2, 2)
    stand.trade(taking, making, 1)
    assert births() == (3, 3)

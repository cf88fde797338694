"""Listing: by the admin alone, and only with parameters that keep every later sum in its bits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.chain import refused
from tests.unit.contracts.margin_pool.stand import Stand, schedule

if TYPE_CHECKING:
    from spillway.engines import Address

ONE_TIER = schedule((0, 10))
FIVE_TIERS = [(0, 255), (1, 50), (2, 20), (10**9, 2), (2**40 - 1, 1)]
MOST_MARKETS = 256


def config(**changes: Any) -> dict[str, Any]:
    """A market that may be listed, but for the changes."""
    good = {"size_decimals": 3, "max_age": 60, "open_interest_cap": 10**6, "tiers": ONE_TIER}
    return {**good, **changes}


def test_the_admin_lists_a_market(stand: Stand) -> None:
    listed = config(size_decimals=5, max_age=77, open_interest_cap=123, tiers=FIVE_TIERS)

    receipt = stand.pool.transact.list_market(listed, sender=stand.admin)

    (event,) = receipt.named("MarketListed")
    market = stand.pool.call.market(event.market)
    assert (event.market, stand.pool.call.market_count()) == (1, 2)
    assert (market.size_decimals, market.open_interest_cap) == (5, 123)
    assert (market.mark, market.index, market.funding, market.open_interest) == (0, 0, 0, 0)
    assert not market.fresh
    packed = sum((bound | best << 40) << 48 * i for i, (bound, best) in enumerate(FIVE_TIERS))
    assert stand.pool.call.schedule(event.market) == event.schedule == packed | 77 << 240


def test_nobody_else_lists(stand: Stand, outsider: Address) -> None:
    for caller in (outsider, stand.oracle):
        with refused("pool: not the admin"):
            stand.pool.transact.list_market(config(), sender=caller)


@pytest.mark.parametrize(
    "changes",
    [
        {"size_decimals": 0},
        {"size_decimals": 6},
        {"max_age": 1},
        {"max_age": 2**16 - 1},
        {"open_interest_cap": 1},
        {"open_interest_cap": 2**54 - 1},
        {"tiers": schedule((0, 1))},
        {"tiers": schedule((0, 255))},
        {"tiers": schedule((0, 2), (2**40 - 1, 1))},
        {"tiers": FIVE_TIERS},
    ],
)
def test_takes_parameters_up_to_their_bounds(stand: Stand, changes: dict[str, Any]) -> None:
    stand.pool.transact.list_market(config(**changes), sender=stand.admin)

    assert stand.pool.call.market_count() == 2


@pytest.mark.parametrize(
    "changes",
    [
        {"size_decimals": 7},
        {"max_age": 0},
        {"max_age": 2**16},
        {"open_interest_cap": 0},
        {"open_interest_cap": 2**54},
        {"tiers": schedule()},
        {"tiers": schedule((0, 256))},
        {"tiers": schedule((1, 10))},
        {"tiers": schedule((0, 10), (0, 5))},
        {"tiers": schedule((0, 10), (100, 10))},
        {"tiers": schedule((0, 10), (100, 11))},
        {"tiers": schedule((0, 10), (100, 5), (100, 2))},
        {"tiers": schedule((0, 10), (100, 5), (99, 2))},
        {"tiers": schedule((0, 10), (2**40, 5))},
    ],
)
def test_refuses_parameters_beyond_them(stand: Stand, changes: dict[str, Any]) -> None:
    with refused("pool: bad market config"):
        stand.pool.transact.list_market(config(**changes), sender=stand.admin)


def test_lists_as_many_markets_as_a_bitmap_of_legs_has_bits(stand: Stand) -> None:
    listing = stand.pool.build.list_market(config(), sender=stand.admin, gas=200_000)
    now = stand.engine.head.timestamp
    receipts = stand.engine.send_block([listing] * (MOST_MARKETS - 1), now + 1).receipts
    assert all(receipt.success for receipt in receipts)
    assert stand.pool.call.market_count() == MOST_MARKETS

    with refused("pool: too many markets"):
        stand.pool.transact.list_market(config(), sender=stand.admin)

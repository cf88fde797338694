"""A venue with states that no trade would lead to.

The role of one engine belongs to a plain address, the hand: it passes positions from account to
account without a margin check.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from tests import bench as benches
from tests.bench import USD, Bench

if TYPE_CHECKING:
    from spillway.build import Artifacts
    from spillway.engines import Address, Engine

HAND = 12  # number of the sender
MARKETS = 3
# They start at these marks.
START = (100, 50, 20)


def deploy(
    engine: Engine,
    artifacts: Artifacts,
    admin: Address,
    keeper: Address,
    *,
    role: int,
    max_age: int = 3_600,
    **options: Any,
) -> Bench:
    """A venue with three markets, one role of which the hand holds."""
    by_hand = {role: engine.sender(HAND)}
    venue = benches.deploy(engine, artifacts, admin, keeper, by_hand=by_hand, **options)
    for _ in range(MARKETS):
        venue.list_market(max_age=max_age)
    venue.mark(*START)
    return venue


def hand(bench: Bench) -> Address:
    """Who passes positions on."""
    return bench.engine.sender(HAND)


def swap(
    bench: Bench, buyer: int, seller: int, lots: int, price: Decimal | int, market: int = 0
) -> None:
    """`lots` pass from seller to buyer at USD a lot, whatever their margin says."""
    quote = int(Decimal(price) * USD) * lots
    bench.pool.transact.exchange(market, buyer, seller, lots, quote, sender=hand(bench))


def sums_hold(bench: Bench) -> bool:
    """I-1 in every market, and I-2."""
    accounts = range(1, bench.pool.call.account_count() + 1)
    for market in range(bench.pool.call.market_count()):
        if sum(bench.size(account, market) for account in accounts):
            return False
    return bench.total_equity() == bench.cash()

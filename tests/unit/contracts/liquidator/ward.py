"""The liquidator on its real pool and book, with states that no trade would lead to.

The role of auto-deleveraging belongs to a plain address, the hand: it passes positions from account
to account without a margin check, and locks markets.
"""

from __future__ import annotations

from contextlib import contextmanager
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from spillway.errors import Reverted
from tests import bench as benches
from tests.bench import USD, Bench

if TYPE_CHECKING:
    from collections.abc import Iterator

    from spillway.build import Artifacts
    from spillway.engines import Address, Engine, Receipt

# Outcomes of Judged.
HEALTHY, HANDLED, SHIELDED, RESTORED, WAITS, TAKEN_OVER, BELOW_ZERO, PROTOCOL = range(8)
# Reasons of BackstopRefused.
CHILD_BELOW_ZERO, STALE, LOCKED, NO_BACKSTOP = range(4)

HAND = 12  # number of the sender
MARKETS = 3
START = (100, 50, 20)
MAX_AGE = 600
WINDOW = 30
ONE_UNIT = Decimal("0.000001")


@contextmanager
def refused(reason: str) -> Iterator[None]:
    """The calls inside must be refused by a contract, with exactly this reason."""
    with pytest.raises(Reverted) as caught:
        yield
    assert caught.value.reason == reason


def deploy(
    engine: Engine, artifacts: Artifacts, admin: Address, keeper: Address, **options: Any
) -> Bench:
    """A venue with three markets of leverage 5: maintenance is a tenth of notional."""
    by_hand = {benches.ADL: engine.sender(HAND)}
    venue = benches.deploy(engine, artifacts, admin, keeper, by_hand=by_hand, **options)
    for _ in range(MARKETS):
        venue.list_market(max_age=MAX_AGE)
    venue.mark(*START)
    return venue


def hand(bench: Bench) -> Address:
    """Who passes positions on and locks markets."""
    return bench.engine.sender(HAND)


def swap(
    bench: Bench, buyer: int, seller: int, lots: int, price: Decimal | int, market: int = 0
) -> None:
    """`lots` pass from seller to buyer at USD a lot, whatever their margin says."""
    quote = int(Decimal(price) * USD) * lots
    bench.pool.transact.exchange(market, buyer, seller, lots, quote, sender=hand(bench))


def lock(bench: Bench, market: int, *, locked: bool = True) -> None:
    """Lock a market as auto-deleveraging does, or open it again."""
    bench.pool.transact.lock_market(market, locked, sender=hand(bench))


def open_long(
    bench: Bench, usd: Decimal | int, lots: int = 10, price: int = 100, market: int = 0
) -> int:
    """An account that is long from a rich one."""
    account = bench.open("long", usd)
    swap(bench, account, rich(bench), lots, price, market)
    return account


def open_short(
    bench: Bench, usd: Decimal | int, lots: int = 10, price: int = 100, market: int = 0
) -> int:
    """An account that is short to a rich one."""
    account = bench.open("short", usd)
    swap(bench, rich(bench), account, lots, price, market)
    return account


def rich(bench: Bench) -> int:
    """Whoever stands against the others."""
    if "rich" not in bench.accounts:
        bench.open("rich", 10**9)
    return bench.accounts["rich"]


def maker(bench: Bench) -> int:
    """Whose bids and asks stand in the book."""
    if "maker" not in bench.accounts:
        bench.open("maker", 10**9)
    return bench.accounts["maker"]


def outcome(receipt: Receipt, account: int) -> int:
    """What the liquidator made of an account."""
    judged = [event.outcome for event in receipt.named("Judged") if event.account == account]
    assert len(judged) == 1
    return int(judged[0])


def sums_hold(bench: Bench) -> bool:
    """I-1 in every market, and I-2."""
    accounts = range(1, bench.pool.call.account_count() + 1)
    for market in range(bench.pool.call.market_count()):
        if sum(bench.size(account, market) for account in accounts):
            return False
    return bench.total_equity() == bench.cash()

"""The liquidator on its real pool and book; the hand auto-deleverages, and locks markets."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from tests.bench import ADL
from tests.unit.contracts import hand as hands
from tests.unit.contracts.hand import hand, swap

if TYPE_CHECKING:
    from spillway.build import Artifacts
    from spillway.engines import Address, Engine, Receipt
    from tests.bench import Bench

# Outcomes of Judged.
HEALTHY, HANDLED, SHIELDED, RESTORED, WAITS, TAKEN_OVER, BELOW_ZERO, PROTOCOL = range(8)
# Reasons of BackstopRefused.
CHILD_BELOW_ZERO, STALE, LOCKED, NO_BACKSTOP = range(4)

MAX_AGE = 600
WINDOW = 30
ONE_UNIT = Decimal("0.000001")


def deploy(
    engine: Engine, artifacts: Artifacts, admin: Address, keeper: Address, **options: Any
) -> Bench:
    """A venue with three markets of leverage 5: maintenance is a tenth of notional."""
    return hands.deploy(engine, artifacts, admin, keeper, role=ADL, max_age=MAX_AGE, **options)


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

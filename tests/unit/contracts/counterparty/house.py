"""A venue whose pool is everyone's counterparty: three markets at 100, 50 and 20, fees of nothing.

The liquidator is the hand, which gives positions to the pool at whatever price a test asks for.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from spillway.rules import AdlRules, CounterpartyTerms, Price, Trigger
from tests.bench import LIQUIDATOR, USD
from tests.unit.contracts import hand as hands
from tests.unit.contracts.hand import swap

if TYPE_CHECKING:
    from spillway.build import Artifacts
    from spillway.engines import Address, Engine
    from tests.bench import Bench

# A tenth of its worth starts a closing, 8 % are left; half of it a market; 0.1 % from the index.
TERMS = CounterpartyTerms(factor=100_000, target=80_000, reserve=500_000, spread=1_000)
ORDERED = AdlRules(Trigger.ORDERED, Price.BANKRUPTCY, everyone=True, restoring=True)
WORTH = 50_000
LOTS = 250  # at 100 half of the worth


def deploy(
    engine: Engine, artifacts: Artifacts, admin: Address, keeper: Address, **options: Any
) -> Bench:
    """Deploy the venue; the hand is its liquidator unless told."""
    told = {"role": LIQUIDATOR, "policy": "ProfitQueue", "closing": ORDERED, **options}
    return hands.deploy(engine, artifacts, admin, keeper, counterparty=TERMS, **told)


def stand(bench: Bench, lots: int = -LOTS, entry: Decimal | int = 100, market: int = 0) -> int:
    """Give the pool so many lots, half of them from each of two traders; its account."""
    pool = bench.accounts["pool"]
    for name in ("near", "far"):
        if name not in bench.accounts:
            bench.open(name, 20_000 if name == "near" else 100_000)
        trader = bench.accounts[name]
        buyer, seller = (trader, pool) if lots < 0 else (pool, trader)
        swap(bench, buyer, seller, abs(lots) // 2, entry, market)
    return pool


def quotes(bench: Bench, market: int = 0) -> dict[str, tuple[Decimal, int]]:
    """What the pool has resting in a market: side -> (USD, lots)."""
    found = {}
    for order_id in bench.book.call.orders_of(bench.accounts["pool"]):
        order = bench.book.call.order(order_id)
        if order.market == market:
            side = "bid" if order.is_bid else "ask"
            assert side not in found
            found[side] = (Decimal(order.price) / USD, order.lots)
    return found


def worth(bench: Bench) -> Decimal:
    """What was given and realised, USD."""
    return Decimal(bench.pooled.call.worth()) / USD


def pending(bench: Bench, market: int = 0) -> Decimal:
    """What others would win from the pool in a market, USD."""
    return Decimal(bench.pooled.call.pending(market)) / USD

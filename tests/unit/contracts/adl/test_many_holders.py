"""A market with many holders: every page within the gas of a transaction, all within a job's life.

Gas is printed and recorded, not asserted beyond the limits: `pytest -s -k many_holders`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from spillway import ranking
from spillway.engines.protocol import TX_GAS_LIMIT
from tests.unit.contracts.adl.crowded import Crowded, deploy
from tests.unit.contracts.adl.stage import (
    LIFETIME,
    ORDERING,
    READY,
    SCANNING,
    SHORTS,
    close,
    end_job,
    job,
    open_job,
    order,
    scan,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from spillway.build import Artifacts
    from spillway.engines import Address, Engine, Receipt

    Record = Callable[[str, object], None]

BLOCK_GAS = 30_000_000
# Pages that 2**24 gas pays for.
HOLDERS_A_PAGE = 1_600
RANKS_A_PAGE = 64
STEPS_A_PAGE = 200


def close_by_pages(crowded: Crowded) -> dict[str, list[Receipt]]:
    """Open, scan, order and close by the largest pages, a block each; receipts by kind."""
    bench, loser = crowded.bench, crowded.loser
    needed = bench.size(loser)
    plan = ranking.plan(0, SHORTS, bench.keys(0, SHORTS), needed, most=crowded.holders)
    pages: dict[str, list[Receipt]] = {"scan": [], "order": [], "close": []}
    pages["open"] = [open_job(bench, loser, threshold=plan.threshold)]
    while job(bench).phase == SCANNING:
        pages["scan"].append(scan(bench, count=HOLDERS_A_PAGE))
    assert job(bench).phase == ORDERING
    for start in range(0, len(plan.order), RANKS_A_PAGE):
        places = plan.order[start : start + RANKS_A_PAGE]
        pages["order"].append(order(bench, places, start=start))
    assert job(bench).phase == READY
    while not pages["close"] or not pages["close"][-1].named("Closed"):
        pages["close"].append(close(bench, loser, STEPS_A_PAGE))
    pages["end"] = [end_job(bench)]
    return pages


def check(crowded: Crowded, pages: dict[str, list[Receipt]], lots: int) -> None:
    """Those in front were hit, in order; the job kept within its limits."""
    hits = [
        (fill.winner - crowded.first, fill.lots)
        for receipt in pages["close"]
        for fill in receipt.named("Deleveraged")
    ]
    assert hits == crowded.ranked(lots)
    assert crowded.bench.at(crowded.loser) == (0, lots)
    gas = [receipt.gas_used for receipts in pages.values() for receipt in receipts]
    assert max(gas) < TX_GAS_LIMIT
    assert sum(gas) < LIFETIME * BLOCK_GAS


def tell(record: Record, pages: dict[str, list[Receipt]], holders: int) -> None:
    """Record what a candidate, a rank and a counterparty cost."""
    spent = {kind: sum(r.gas_used for r in receipts) for kind, receipts in pages.items()}
    hits = sum(len(receipt.named("Deleveraged")) for receipt in pages["close"])
    figures: dict[str, Any] = {
        "holders": holders,
        "counterparties": hits,
        "gas_a_candidate": spent["scan"] // holders,
        "gas_a_rank": spent["order"] // hits,
        "gas_a_counterparty": spent["close"] // hits,
        "transactions": sum(map(len, pages.values())),
        "gas_in_all": sum(spent.values()),
    }
    for name, value in figures.items():
        record(name, value)
    print(figures)  # noqa: T201


def test_300_holders_are_ranked_and_the_front_is_closed_by_pages(
    engine: Engine,
    artifacts: Artifacts,
    admin: Address,
    keeper: Address,
    record_property: Record,
) -> None:
    holders, lots = 300, 150
    crowded = deploy(engine, artifacts, admin, keeper, holders, lots)
    pages = close_by_pages(crowded)
    assert len(pages["order"]) == 2
    check(crowded, pages, lots)
    tell(record_property, pages, holders)


@pytest.mark.campaign
def test_10_000_holders_are_ranked_within_the_life_of_a_job(
    engine: Engine,
    artifacts: Artifacts,
    admin: Address,
    keeper: Address,
    record_property: Record,
) -> None:
    holders, lots = 10_000, 500
    crowded = deploy(engine, artifacts, admin, keeper, holders, lots)
    pages = close_by_pages(crowded)
    assert len(pages["scan"]) == -(-holders // HOLDERS_A_PAGE)
    check(crowded, pages, lots)
    tell(record_property, pages, holders)

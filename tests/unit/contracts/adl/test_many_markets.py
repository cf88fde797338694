"""An account of the vault with a leg in every market is closed by pages, each a transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from spillway import ranking
from spillway.engines.protocol import TX_GAS_LIMIT
from tests import bench as benches
from tests.bench import USD
from tests.chain import refused
from tests.unit.contracts.adl.stage import LIFETIME, SHORTS
from tests.unit.contracts.hand import HAND, hand, swap

if TYPE_CHECKING:
    from collections.abc import Callable

    from spillway.build import Artifacts
    from spillway.engines import Address, Engine, Receipt
    from tests.bench import Bench

    Record = Callable[[str, object], None]

BLOCK_GAS = 30_000_000
PLANS = 16
UPDATES = 64
LEGS_OF_A_TRADER = 8


def advance(bench: Bench, markets: int, usd: int) -> None:
    """One epoch for all markets: as many updates as a call takes, several calls in a block."""
    updates = [(market, usd * USD, usd * USD, 0) for market in range(markets)]
    calls = [
        bench.pool.build.advance(updates[start : start + UPDATES], sender=bench.oracle, gas=2**23)
        for start in range(0, markets, UPDATES)
    ]
    result = bench.engine.send_block(calls, bench.engine.head.timestamp + 1)
    assert all(receipt.success for receipt in result.receipts)


def deploy(
    engine: Engine, artifacts: Artifacts, admin: Address, keeper: Address, markets: int
) -> Bench:
    """A child long 1 lot at 100 in each market, with 10 USD a lot; each winner in 8 markets."""
    by_hand = {benches.LIQUIDATOR: engine.sender(HAND)}
    venue = benches.deploy(engine, artifacts, admin, keeper, by_hand=by_hand)
    for _ in range(markets):
        venue.list_market(max_age=60_000)
    advance(venue, markets, 100)
    child = venue.open_backstop("child", 10 * markets)
    for market in range(markets):
        if market % LEGS_OF_A_TRADER == 0:
            winner = venue.open(f"winner {market}", 1_000)
        venue.pool.transact.exchange(market, child, winner, 1, 100 * USD, sender=hand(venue))
    advance(venue, markets, 91)
    advance(venue, markets, 89)
    return venue


def close_by_pages(bench: Bench, markets: int, steps: int) -> dict[str, list[Receipt]]:
    """A job in each market, then the closing by pages; receipts by kind."""
    child, keeper, adl = bench.accounts["child"], bench.keeper, bench.adl
    plans = [(market, SHORTS, 0, [0]) for market in range(markets)]
    pages = {
        "prepare": [
            adl.transact.prepare(child, plans[start : start + PLANS], sender=keeper)
            for start in range(0, markets, PLANS)
        ],
        "close": [adl.transact.close(child, 0, sender=keeper)],
    }
    while not pages["close"][-1].named("Closed"):
        pages["close"].append(adl.transact.close(child, steps, sender=keeper))
    return pages


def check(bench: Bench, pages: dict[str, list[Receipt]], markets: int, record: Record) -> None:
    child = bench.accounts["child"]
    fills = [fill for receipt in pages["close"] for fill in receipt.named("Deleveraged")]
    assert [(fill.market, fill.quote) for fill in fills] == [
        (market, 91 * USD) for market in range(markets)
    ]
    assert bench.pool.call.legs_of(child) == 0
    assert bench.equity(child) == markets
    spent = {kind: [receipt.gas_used for receipt in found] for kind, found in pages.items()}
    assert max(map(max, spent.values())) < TX_GAS_LIMIT
    assert sum(map(sum, spent.values())) < LIFETIME * BLOCK_GAS
    figures = {
        "markets": markets,
        "gas_to_prepare": sum(spent["prepare"]),
        "gas_to_begin": spent["close"][0],
        "gas_of_pages": sum(spent["close"][1:]),
    }
    for name, value in figures.items():
        record(name, value)
    print(figures)  # noqa: T201


def prepare(bench: Bench, loser: int, *plans: ranking.Plan) -> Receipt:
    told = [(p.market, p.longs, p.threshold, list(p.order)) for p in plans]
    receipt: Receipt = bench.adl.transact.prepare(loser, told, sender=bench.keeper)
    return receipt


def test_jobs_may_be_made_ready_before_anyone_is_closed(bench: Bench, loser: int) -> None:
    receipt = prepare(bench, loser, *bench.plans(loser))
    assert [event.name for event in receipt.events if event.name.startswith("Job")] == [
        "JobOpened",
        "JobReady",
    ]
    assert bench.pool.call.market(0).locked
    assert bench.size(loser) == 10
    closing = bench.adl.transact.deleverage([loser], [], sender=bench.keeper)
    assert closing.named("Closed")[0].account == loser


def test_plans_of_markets_without_a_leg_are_passed_over(bench: Bench, loser: int) -> None:
    idle = ranking.Plan(1, SHORTS, 0, ())
    other_side = ranking.Plan(0, not SHORTS, 0, ())
    receipt = prepare(bench, loser, idle, other_side)
    assert not receipt.events
    assert not bench.pool.call.market(1).locked


def test_no_jobs_for_an_account_that_is_not_below_zero(bench: Bench, crowd: dict[str, int]) -> None:
    with refused("adl: account is not below zero"):
        prepare(bench, crowd["loser"], ranking.Plan(0, SHORTS, 0, ()))


def test_no_jobs_for_an_account_with_a_stale_leg(bench: Bench, crowd: dict[str, int]) -> None:
    swap(bench, crowd["loser"], crowd["rich"], 1, 50, market=1)
    bench.engine.send_block([], bench.engine.head.timestamp + 3_600)
    bench.mark(89)
    with refused("adl: stale mark"):
        prepare(bench, crowd["loser"], *bench.plans(crowd["loser"]))


def test_a_wrong_order_makes_no_job_ready(bench: Bench, loser: int) -> None:
    (plan,) = bench.plans(loser)
    wrong = ranking.Plan(plan.market, plan.longs, plan.threshold, plan.order[::-1])
    with refused("adl: keys must fall"):
        prepare(bench, loser, wrong)


def test_a_child_in_20_markets_is_closed_by_pages(
    engine: Engine, artifacts: Artifacts, admin: Address, keeper: Address, record_property: Record
) -> None:
    bench = deploy(engine, artifacts, admin, keeper, 20)
    pages = close_by_pages(bench, 20, steps=8)
    check(bench, pages, 20, record_property)


@pytest.mark.campaign
def test_a_child_in_all_256_markets_is_closed_within_the_life_of_its_jobs(
    engine: Engine, artifacts: Artifacts, admin: Address, keeper: Address, record_property: Record
) -> None:
    bench = deploy(engine, artifacts, admin, keeper, 256)
    pages = close_by_pages(bench, 256, steps=64)
    check(bench, pages, 256, record_property)

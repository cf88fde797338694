"""What a closing costs: nothing a holder, so much a leg, never more than a transaction has."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from spillway.engines.protocol import TX_GAS_LIMIT
from spillway.rules import FundParams, IndexRules
from tests import bench as benches
from tests.bench import LIQUIDATOR, USD
from tests.unit.contracts.adl.test_many_markets import advance
from tests.unit.contracts.adl_index.conftest import BOTH_SIDES, OTHER_SIDE
from tests.unit.contracts.adl_index.crowd import crash, gather
from tests.unit.contracts.hand import HAND, hand, swap

if TYPE_CHECKING:
    from collections.abc import Callable

    from spillway.build import Artifacts
    from spillway.engines import Address, Engine, Receipt
    from tests.bench import Bench
    from tests.unit.contracts.adl_index.conftest import Deploy

    Build = Callable[..., Bench]

GAS_LEG = 250_000  # cold, and every word new
GAS_COVERED = 120_000  # more, where the fund pays
OF_A_TRADER, OF_A_CALL, PAGES = 8, 32, 8
IDS = 200  # gas by which the bytes of account numbers make calls differ


@pytest.mark.parametrize("rules", [OTHER_SIDE, BOTH_SIDES], ids=["other side", "both sides"])
def test_a_closing_costs_the_same_however_many_hold_the_market(
    deploy: Deploy, rules: IndexRules, record_property: Callable[[str, object], None]
) -> None:
    costs = []
    for holders in (4, 200):
        bench = deploy(rules)
        a = gather(bench)
        for number in range(holders):
            holder = bench.open(f"holder {number}", owner=bench.keeper)
            swap(bench, a["long"], holder, 1, 100)
        crash(bench)
        costs.append(bench.socialize(a["loser"]).gas_used)
    record_property("gas", costs)
    assert abs(costs[1] - costs[0]) < IDS


@pytest.fixture
def build(engine: Engine, artifacts: Artifacts, admin: Address, keeper: Address) -> Build:
    """A child, or a trader, long 1 lot at 100 in each market with 10 USD a lot; then 89."""

    def build(
        markets: int, *, trader: bool = False, rules: IndexRules = BOTH_SIDES, **options: Any
    ) -> Bench:
        hands = {LIQUIDATOR: engine.sender(HAND)}
        options = {"by_hand": hands, "index": rules, **options}
        venue = benches.deploy(engine, artifacts, admin, keeper, **options)
        for _ in range(markets):
            venue.list_market(max_age=60_000)
        advance(venue, markets, 100)
        child = venue.open_backstop("child", 0 if trader else 10 * markets)
        loser = venue.open("loser", 10 * markets) if trader else child
        for market in range(markets):
            if market % OF_A_TRADER == 0:
                winner = venue.open(f"winner {market}", 1_000)
            sender = hand(venue)
            venue.pool.transact.exchange(market, loser, winner, 1, 100 * USD, sender=sender)
        advance(venue, markets, 89)
        return venue

    return build


def test_a_trader_with_every_leg_it_may_have_is_closed_in_one_call(
    build: Build, record_property: Callable[[str, object], None]
) -> None:
    bench = build(OF_A_TRADER, trader=True)
    receipt = bench.socialize(bench.accounts["loser"])
    record_property("gas", receipt.gas_used)
    assert receipt.gas_used < OF_A_TRADER * GAS_LEG
    assert bench.at(bench.accounts["loser"]) == (0, 0)
    assert len(bench.legs(bench.accounts["child"])) == OF_A_TRADER


@pytest.mark.parametrize("legs", [16, OF_A_CALL])
def test_a_backstop_with_many_legs_is_charged_for_in_one_call(
    build: Build, legs: int, record_property: Callable[[str, object], None]
) -> None:
    bench = build(legs)
    receipt = bench.socialize(bench.accounts["child"])
    record_property("gas", receipt.gas_used)
    assert receipt.gas_used < min(legs * GAS_LEG, TX_GAS_LIMIT)
    assert bench.equity(bench.accounts["child"]) == 0
    assert len(receipt.named("Charged")) == 2 * legs


@pytest.mark.parametrize("trader", [False, True])
def test_a_fund_that_pays_in_every_market_fits_too(
    build: Build, trader: bool, record_property: Callable[[str, object], None]
) -> None:
    legs = OF_A_TRADER if trader else OF_A_CALL
    bench = build(legs, trader=trader, fund=FundParams(pooled=False))
    for market in range(legs):
        bench.open_fund(f"fund {market}", Decimal("0.5"), market)
    receipt = bench.socialize(bench.accounts["loser" if trader else "child"])
    record_property("gas", receipt.gas_used)
    assert receipt.gas_used < legs * (GAS_LEG + GAS_COVERED) < TX_GAS_LIMIT
    assert sum(each.paid for each in receipt.named("Covered")) == legs * USD // 2
    assert len(receipt.named("Charged")) == 2 * legs


def charged(receipt: Receipt) -> set[int]:
    return {each.market for each in receipt.named("Charged")}


def test_beyond_a_calls_legs_the_epoch_says_which_page_of_markets_bears(build: Build) -> None:
    """38 legs: markets 0-31 in one epoch of eight, 32-37 in the next, nobody in the others."""
    legs = OF_A_CALL + 6
    bench = build(legs, rules=IndexRules(most=10_000))
    child = bench.accounts["child"]
    seen = {}
    for _ in range(PAGES):
        page = bench.pool.call.epoch() % PAGES
        seen[page] = charged(bench.socialize(child))
        assert bench.equity(child) < 0
        advance(bench, legs, 89)
    first, second = set(range(OF_A_CALL)), set(range(OF_A_CALL, legs))
    assert seen == {0: first, 1: second, **{page: set() for page in range(2, PAGES)}}

"""What a closing costs: so much a leg and a holder, and no step more than a transaction has."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from spillway.engines.protocol import TX_GAS_LIMIT
from spillway.rules import FundParams, ProfitRules
from tests import bench as benches
from tests.bench import LIQUIDATOR, USD
from tests.unit.contracts.adl.test_many_markets import advance
from tests.unit.contracts.adl_profit.crowd import ABSENT, charges, close, outcomes, proceed
from tests.unit.contracts.hand import HAND, hand

if TYPE_CHECKING:
    from collections.abc import Callable

    from spillway.build import Artifacts
    from spillway.engines import Address, Engine
    from tests.bench import Bench, Usd

    Build = Callable[..., Bench]

GAS_LEG = 250_000  # cold, and every word new: taken and passed on, and a job begun
GAS_COVERED = 120_000  # more, where the fund pays
OF_A_TRADER, OF_A_CALL, PAGES = 8, 32, 8


@pytest.fixture
def build(engine: Engine, artifacts: Artifacts, admin: Address, keeper: Address) -> Build:
    """A child, or traders, long 1 lot at 100 in each market with 10 USD a lot; then 89."""

    def build(markets: int, *, traders: int = 0, **options: Any) -> Bench:
        hands = {LIQUIDATOR: engine.sender(HAND)}
        options = {"by_hand": hands, "profit": ProfitRules(), **options}
        venue = benches.deploy(engine, artifacts, admin, keeper, **options)
        for _ in range(markets):
            venue.list_market(max_age=60_000)
        advance(venue, markets, 100)
        child = venue.open_backstop("child", 0 if traders else 10 * markets)
        each = markets // traders if traders else markets
        for market in range(markets):
            if market % OF_A_TRADER == 0:
                winner = venue.open(f"winner {market}", 1_000)
            if traders and market % each == 0:
                loser = venue.open(f"loser {market // each}", 10 * each)
            long = loser if traders else child
            sender = hand(venue)
            venue.pool.transact.exchange(market, long, winner, 1, 100 * USD, sender=sender)
        advance(venue, markets, 89)
        return venue

    return build


def losers(bench: Bench) -> list[int]:
    return [number for name, number in bench.accounts.items() if name.startswith("loser")]


@pytest.mark.parametrize("traders", [4, 16])
@pytest.mark.parametrize("funded", [False, True])
def test_all_the_legs_of_a_call_are_taken_in_it(
    build: Build, traders: int, record_property: Callable[[str, object], None], *, funded: bool
) -> None:
    """With no step of their jobs: that is left for others."""
    bench = build(OF_A_CALL, traders=traders, fund=FundParams(pooled=False) if funded else None)
    if funded:
        for market in range(OF_A_CALL):
            bench.open_fund(f"fund {market}", Decimal("0.5"), market)
    receipt = close(bench, *losers(bench), steps=0)
    record_property("gas", receipt.gas_used)
    assert len(receipt.named("DebtJoined")) == OF_A_CALL
    each = GAS_LEG + (GAS_COVERED if funded else 0)
    assert receipt.gas_used < min(OF_A_CALL * each, TX_GAS_LIMIT)
    told: dict[int, tuple[Usd, ...]] = {}
    for market in range(OF_A_CALL):
        # A hole, a long and a short to weigh, of whom one pays.
        receipt = proceed(bench, 4, market)
        assert bench.adl.call.job(market).phase == ABSENT
        told |= outcomes(receipt)
    owed, paid = OF_A_CALL // traders, Decimal("0.5") * (OF_A_CALL // traders if funded else 0)
    assert told == dict.fromkeys(losers(bench), (owed, paid, owed - paid, 0))
    assert len(bench.legs(bench.accounts["child"])) == OF_A_CALL


def test_a_backstop_with_many_legs_is_taken_in_one_call(
    build: Build, record_property: Callable[[str, object], None]
) -> None:
    bench = build(OF_A_CALL)
    receipt = close(bench, bench.accounts["child"], steps=0)
    record_property("gas", receipt.gas_used)
    assert receipt.gas_used < OF_A_CALL * GAS_LEG
    for market in range(OF_A_CALL):
        proceed(bench, 3, market)
    assert bench.equity(bench.accounts["child"]) == 0


def test_beyond_a_calls_legs_the_epoch_says_which_page_of_markets_bears(build: Build) -> None:
    """38 legs: markets 0-31 in one epoch of eight, 32-37 in the next, nobody in the others."""
    legs = OF_A_CALL + 6
    bench = build(legs)
    child = bench.accounts["child"]
    bench.pool.transact.pay(child, bench.accounts["winner 0"], 10**6 * USD, sender=hand(bench))
    seen = {}
    for _ in range(PAGES):
        page = bench.pool.call.epoch() % PAGES
        receipts = [close(bench, child, steps=0)]
        joined = {each.market for each in receipts[0].named("DebtJoined")}
        receipts += [proceed(bench, market=market) for market in sorted(joined)]
        seen[page] = {market for market, *_ in charges(*receipts)}
        assert bool(receipts[0].events) == (page < 2)
        assert bench.equity(child) < 0
        advance(bench, legs, 89)
    first, second = set(range(OF_A_CALL)), set(range(OF_A_CALL, legs))
    assert seen == {0: first, 1: second, **{page: set() for page in range(2, PAGES)}}


def test_a_payment_that_settles_a_debt_of_a_backstop_with_every_leg_fits(
    build: Build, record_property: Callable[[str, object], None]
) -> None:
    """A closing that ends with a look at the loser's 38 legs: the dearest turn that there is."""
    bench = build(OF_A_CALL + 6)
    child = bench.accounts["child"]
    bench.pool.transact.pay(child, bench.accounts["winner 0"], 10**6 * USD, sender=hand(bench))
    while not close(bench, child, steps=0).named("DebtJoined"):
        advance(bench, OF_A_CALL + 6, 89)
    costs = []
    for market in range(OF_A_CALL + 6):
        while bench.adl.call.job(market).phase != ABSENT:
            costs.append(proceed(bench, 1, market).gas_used)
    record_property("gas", max(costs))
    assert max(costs) < TX_GAS_LIMIT // 10
    assert bench.equity(child) < 0

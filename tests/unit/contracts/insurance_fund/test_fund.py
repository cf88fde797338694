"""The insurance fund: what it may pay, how far it may fall, and whom it lets spend."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from spillway.rules import FundParams
from tests import bench as benches
from tests.bench import ADL, LIQUIDATOR, UNITS, USD
from tests.chain import refused

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from spillway.build import Artifacts
    from spillway.engines import Address, Engine
    from tests.bench import Bench

    Deploy = Callable[..., Bench]

HOUR = 3_600
THIRD = FundParams(drawdown=300_000, resume=250_000)
NO_CAP = 2**256 - 1
RETURNS_FALSE, TAKES_FEE = 2, 16  # modes of the token


@pytest.fixture
def deploy(engine: Engine, artifacts: Artifacts, admin: Address, keeper: Address) -> Deploy:
    """A venue of two markets with a fund, whose liquidator and deleverager are addresses."""

    def deploy(fund: FundParams, caps: Sequence[int] = ()) -> Bench:
        hands = {LIQUIDATOR: engine.sender(12), ADL: engine.sender(13)}
        venue = benches.deploy(
            engine, artifacts, admin, keeper, fund=fund, caps=caps, by_hand=hands
        )
        venue.list_market()
        venue.list_market()
        venue.mark(100, 50)
        return venue

    return deploy


def pay(bench: Bench, usd: int, market: int = 0, role: int = LIQUIDATOR) -> None:
    """Pay out of the fund as an engine does: move the money, then say so."""
    sender = bench.engine.sender(12 if role == LIQUIDATOR else 13)
    source = bench.insurance.call.account_of(market)
    target = bench.accounts["poor"]
    bench.pool.transact.pay(source, target, usd * USD, sender=sender)
    bench.insurance.transact.spent(market, usd * USD, sender=sender)


def allowance(bench: Bench, market: int = 0) -> int:
    return int(bench.insurance.call.allowance_of(market)) // USD


def test_a_fund_without_rules_pays_all_it_has(deploy: Deploy) -> None:
    bench = deploy(FundParams())
    bench.open("poor")
    fund = bench.open_fund("fund", 1_000)
    assert (allowance(bench, 0), allowance(bench, 1)) == (1_000, 1_000)
    pay(bench, 1_000)
    assert (allowance(bench), bench.equity(fund)) == (0, 0)


def test_a_fund_that_is_not_open_pays_nothing(deploy: Deploy) -> None:
    bench = deploy(FundParams(pooled=False))
    bench.open_fund("fund", 1_000, market=1)
    assert (allowance(bench, 0), allowance(bench, 1)) == (0, 1_000)
    with refused("fund: not open"):
        bench.insurance.transact.give(0, 1, sender=bench.keeper)


def test_each_market_has_an_account_of_its_own_unless_pooled(deploy: Deploy) -> None:
    bench = deploy(FundParams(pooled=False))
    first, second = bench.open_fund("first", 10), bench.open_fund("second", 20, market=1)
    assert first != second
    assert (allowance(bench, 0), allowance(bench, 1)) == (10, 20)
    with refused("fund: already open"):
        bench.insurance.transact.open(0, sender=bench.keeper)
    with refused("fund: unknown market"):
        bench.insurance.transact.open(2, sender=bench.keeper)


def test_a_pooled_fund_is_opened_once(deploy: Deploy) -> None:
    bench = deploy(FundParams())
    bench.open_fund("fund", 10)
    with refused("fund: already open"):
        bench.insurance.transact.open(1, sender=bench.keeper)


def test_a_cap_is_of_all_that_is_paid_for_a_market(deploy: Deploy) -> None:
    bench = deploy(FundParams(), caps=(300 * USD, NO_CAP))
    bench.open("poor")
    bench.open_fund("fund", 1_000)
    assert (allowance(bench, 0), allowance(bench, 1)) == (300, 1_000)
    pay(bench, 200)
    assert (allowance(bench, 0), allowance(bench, 1)) == (100, 800)
    pay(bench, 100, role=ADL)
    assert (allowance(bench, 0), allowance(bench, 1)) == (0, 700)
    assert bench.insurance.call.paid(0) == 300 * USD


def test_it_stops_at_its_drawdown_and_goes_on_when_it_is_back(deploy: Deploy) -> None:
    """Of a peak of 1,000 it may lose 300; it pays again from 750 on."""
    bench = deploy(THIRD)
    bench.open("poor")
    bench.open_fund("fund", 1_000)
    assert allowance(bench) == 300
    pay(bench, 300)
    assert allowance(bench) == 0
    give(bench, 49)
    assert allowance(bench) == 0
    give(bench, 1)
    assert allowance(bench) == 50


def test_a_peak_is_forgotten_after_eight_hours(deploy: Deploy) -> None:
    bench = deploy(THIRD)
    bench.open("poor")
    bench.open_fund("fund", 1_000)
    pay(bench, 300)
    bench.age(7 * HOUR - bench.engine.head.timestamp % HOUR)
    assert bench.insurance.call.peak(0) == 1_000 * USD
    bench.insurance.transact.touch(0, sender=bench.keeper)
    bench.age(HOUR)
    assert bench.insurance.call.peak(0) == 700 * USD
    assert allowance(bench) == 210


def test_nobody_but_an_engine_spends(deploy: Deploy, outsider: Address) -> None:
    bench = deploy(FundParams())
    bench.open_fund("fund", 1_000)
    for sender in (outsider, bench.admin, bench.keeper):
        with refused("fund: wrong role"):
            bench.insurance.transact.spent(0, 1, sender=sender)


@pytest.mark.parametrize(
    ("mode", "reason"),
    [(RETURNS_FALSE, "fund: token failed"), (TAKES_FEE, "fund: token took a fee")],
)
def test_a_gift_is_what_arrives(deploy: Deploy, mode: int, reason: str) -> None:
    bench = deploy(FundParams())
    fund = bench.open_fund("fund", 1)
    bench.usdc.transact.behave(mode, sender=bench.admin)
    with refused(reason):
        give(bench, 1)
    assert bench.equity(fund) == 1


@pytest.mark.parametrize(
    ("params", "reason"),
    [
        (FundParams(drawdown=0, resume=0), "fund: bad drawdown"),
        (FundParams(drawdown=1_000_001), "fund: bad drawdown"),
        (FundParams(drawdown=5, resume=6), "fund: bad drawdown"),
        (FundParams(pooled=False, takes_over=True), "fund: takes over only if pooled"),
    ],
)
def test_rules_that_can_not_be_are_refused(deploy: Deploy, params: FundParams, reason: str) -> None:
    with refused(reason):
        deploy(params)


def give(bench: Bench, usd: int) -> None:
    bench.usdc.transact.mint(bench.keeper, usd * UNITS, sender=bench.keeper)
    bench.usdc.transact.approve(bench.insurance.address, usd * UNITS, sender=bench.keeper)
    bench.insurance.transact.give(0, usd * UNITS, sender=bench.keeper)

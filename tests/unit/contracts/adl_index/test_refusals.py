"""Every refusal, beside the call that succeeds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from spillway.rules import IndexRules, LiquidationRules
from tests import bench as benches
from tests.bench import DEFICIT, FEES, USD
from tests.chain import refused
from tests.unit.contracts.adl_index.crowd import crash, gather
from tests.unit.contracts.hand import START, hand, sums_hold, swap

if TYPE_CHECKING:
    from spillway.build import Artifacts
    from spillway.engines import Address, Engine
    from tests.unit.contracts.adl_index.conftest import Deploy

NOT_BELOW_ZERO = "adl: account is not below zero"
NOBODYS = 999


def test_an_account_must_be_below_zero(deploy: Deploy) -> None:
    bench = deploy()
    a = gather(bench)
    crash(bench, 95)
    assert bench.equity(a["loser"]) == 0
    for account in (*a.values(), FEES, DEFICIT, 0, NOBODYS):
        with refused(NOT_BELOW_ZERO):
            bench.socialize(account)
    crash(bench, 94)
    bench.socialize(a["loser"])


def test_a_loser_is_closed_once(deploy: Deploy) -> None:
    bench = deploy()
    a = gather(bench)
    crash(bench)
    bench.socialize(a["loser"])
    with refused(NOT_BELOW_ZERO):
        bench.socialize(a["loser"])
    assert sums_hold(bench)


def test_the_deficit_is_nobodys_loser(deploy: Deploy) -> None:
    bench = deploy(IndexRules(most=1))
    a = gather(bench)
    crash(bench)
    bench.socialize(a["loser"])
    assert bench.pool.call.solvency().deficit > 0
    with refused(NOT_BELOW_ZERO):
        bench.socialize(DEFICIT)


def test_marks_must_be_fresh(deploy: Deploy) -> None:
    bench = deploy(max_age=60)
    a = gather(bench)
    crash(bench)
    bench.age(61)
    with refused("adl: stale mark"):
        bench.socialize(a["loser"])
    crash(bench)
    bench.socialize(a["loser"])


def test_its_orders_must_be_gone(deploy: Deploy) -> None:
    bench = deploy()
    a = gather(bench)
    bench.deposit(a["loser"], 1_000)
    bench.place(a["loser"], -1, 105)
    bench.pool.transact.pay(a["loser"], a["long"], 1_000 * USD, sender=hand(bench))
    crash(bench)
    with refused("adl: cancel its orders first"):
        bench.socialize(a["loser"])
    bench.book.transact.cancel_all(a["loser"], sender=hand(bench))
    bench.socialize(a["loser"])


def test_anyone_may_close_a_loser(deploy: Deploy, outsider: Address) -> None:
    bench = deploy()
    a = gather(bench)
    crash(bench)
    bench.adl.transact.close(a["loser"], sender=outsider)
    assert bench.at(a["loser"]) == (0, 0)


def test_a_loser_may_close_itself_and_gains_nothing(deploy: Deploy) -> None:
    bench = deploy()
    a = gather(bench)
    crash(bench)
    bench.adl.transact.close(a["loser"], sender=bench.owners[a["loser"]])
    assert bench.at(a["loser"]) == (0, 0)


def test_a_delay_is_waited_for(
    engine: Engine, artifacts: Artifacts, admin: Address, keeper: Address
) -> None:
    bench = benches.deploy(
        engine,
        artifacts,
        admin,
        keeper,
        index=IndexRules(delay=3),
        liquidation=LiquidationRules(notes_due=True),
    )
    bench.list_market()
    bench.mark(100)
    child = bench.open_backstop("child", 0)
    loser, winner = bench.open("loser", 210), bench.open("winner", 1_000)
    bench.trade(loser, winner, 10, 100)
    bench.mark(70)
    with refused(NOT_BELOW_ZERO):
        bench.socialize(loser)
    bench.liquidate(loser)
    for _ in range(2):
        with refused(NOT_BELOW_ZERO):
            bench.socialize(loser)
    bench.socialize(loser)
    assert (bench.size(loser), bench.size(child)) == (0, 10)


@pytest.mark.parametrize(
    ("most", "allowed"), [(0, False), (1, True), (10**6, True), (10**6 + 1, False)]
)
def test_a_bound_is_a_part_of_mark(deploy: Deploy, most: int, allowed: bool) -> None:
    if allowed:
        assert deploy(IndexRules(most=most)).adl.call.rules().most == most
        return
    with refused("adl: bad rules"):
        deploy(IndexRules(most=most))


def test_nobody_else_may_charge_a_side(deploy: Deploy, outsider: Address) -> None:
    bench = deploy()
    gather(bench)
    for sender in (outsider, bench.admin, bench.keeper):
        with refused("pool: wrong role"):
            bench.pool.transact.socialize(0, False, FEES, 1, sender=sender)


def test_markets_are_not_locked_by_a_closing(deploy: Deploy) -> None:
    bench = deploy()
    a = gather(bench)
    crash(bench)
    bench.socialize(a["loser"])
    seen = [bench.pool.call.market(market).locked for market in range(len(START))]
    assert seen == [False] * len(START)
    assert not bench.pool.call.solvency().seniority_held
    swap(bench, a["long"], a["near"], 1, 89)

"""Who is passed over and what is refused, each beside the call that succeeds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from spillway.rules import LiquidationRules, ProfitRules
from tests import bench as benches
from tests.bench import DEFICIT, FEES, LIQUIDATOR, MAX_UINT, USD
from tests.chain import refused
from tests.unit.contracts.adl_profit.crowd import close, crash, gather, is_idle, outcomes, ruin
from tests.unit.contracts.hand import HAND, hand, sums_hold, swap

if TYPE_CHECKING:
    from spillway.build import Artifacts
    from spillway.engines import Address, Engine
    from tests.unit.contracts.adl_profit.conftest import Deploy

NOBODYS = 999


def test_whoever_is_not_below_zero_is_passed_over(deploy: Deploy) -> None:
    bench = deploy()
    a = gather(bench)
    crash(bench, 95)
    assert bench.equity(a["loser"]) == 0
    assert close(bench, *a.values(), FEES, DEFICIT, 0, NOBODYS).events == ()
    crash(bench, 94)
    others = (DEFICIT, a["near"], NOBODYS)
    assert outcomes(close(bench, *others, a["loser"], *others)) == {a["loser"]: (10, 0, 10, 0)}


def test_nobody_named_is_nothing_done(deploy: Deploy) -> None:
    bench = deploy()
    gather(bench)
    assert close(bench).events == ()


def test_the_deficit_is_nobodys_loser(deploy: Deploy) -> None:
    bench = deploy()
    a = gather(bench)
    crash(bench)
    ruin(bench, a["loser"], 200, a["far"])
    close(bench, a["loser"])
    assert bench.pool.call.solvency().deficit > 0
    assert close(bench, DEFICIT).events == ()


def test_a_loser_is_closed_once(deploy: Deploy) -> None:
    bench = deploy()
    a = gather(bench)
    crash(bench)
    close(bench, a["loser"])
    assert close(bench, a["loser"]).events == ()
    assert sums_hold(bench)


def test_whose_mark_is_stale_is_passed_over(deploy: Deploy) -> None:
    bench = deploy(max_age=60)
    a = gather(bench)
    crash(bench)
    bench.age(61)
    assert close(bench, a["loser"]).events == ()
    crash(bench)
    assert a["loser"] in outcomes(close(bench, a["loser"]))


def test_its_orders_must_be_gone(deploy: Deploy) -> None:
    bench = deploy()
    a = gather(bench)
    bench.deposit(a["loser"], 1_000)
    bench.place(a["loser"], -1, 105)
    ruin(bench, a["loser"], 1_000, a["long"])
    crash(bench)
    with refused("adl: cancel its orders first"):
        close(bench, a["loser"])
    bench.book.transact.cancel_all(a["loser"], sender=hand(bench))
    close(bench, a["loser"])
    assert bench.at(a["loser"]) == (0, 0)


def test_anyone_may_close_a_loser(deploy: Deploy, outsider: Address) -> None:
    bench = deploy()
    a = gather(bench)
    crash(bench)
    bench.adl.transact.close([a["loser"]], MAX_UINT, sender=outsider)
    assert bench.at(a["loser"]) == (0, 0)


def test_a_delay_is_waited_for(
    engine: Engine, artifacts: Artifacts, admin: Address, keeper: Address
) -> None:
    bench = benches.deploy(
        engine,
        artifacts,
        admin,
        keeper,
        profit=ProfitRules(delay=3),
        liquidation=LiquidationRules(notes_due=True),
    )
    bench.list_market()
    bench.mark(100)
    child = bench.open_backstop("child", 0)
    loser, winner = bench.open("loser", 210), bench.open("winner", 1_000)
    bench.trade(loser, winner, 10, 100)
    bench.mark(70)
    assert close(bench, loser).events == ()
    bench.liquidate(loser)
    for _ in range(2):
        assert close(bench, loser).events == ()
    close(bench, loser)
    assert (bench.size(loser), bench.size(child)) == (0, 10)
    rules = bench.adl.call.rules()
    assert (rules.delay, rules.liquidator) == (3, bench.liquidator.address)


def test_a_call_names_sixteen_losers(deploy: Deploy) -> None:
    bench = deploy()
    a = gather(bench)
    crash(bench)
    with refused(""):
        close(bench, *[a["loser"]] * 17)
    close(bench, *[a["loser"]] * 16)
    assert bench.at(a["loser"]) == (0, 0)


@pytest.mark.parametrize("legs", [1, 2])
def test_a_call_takes_legs_as_far_as_it_has_room(
    engine: Engine, artifacts: Artifacts, admin: Address, keeper: Address, legs: int
) -> None:
    """A child with 31 legs leaves room for a trader's one, and not for two."""
    bench = benches.deploy(
        engine,
        artifacts,
        admin,
        keeper,
        profit=ProfitRules(),
        by_hand={LIQUIDATOR: engine.sender(HAND)},
    )
    markets = range(31)
    for _ in markets:
        bench.list_market()
    bench.mark(*[100] * 31)
    child = bench.open_backstop("child", 310)
    loser, winner = bench.open("loser", 10 * legs), bench.open("winner", 10**6)
    for market in markets:
        swap(bench, child, winner, 1, 100, market)
    for market in range(legs):
        swap(bench, loser, winner, 1, 100, market)
    bench.mark(*[89] * 31)
    told = outcomes(close(bench, child, loser))
    assert told[child] == (31, 0, 31, 0)
    assert (loser in told) == (legs == 1)
    assert outcomes(close(bench, loser)) == ({} if legs == 1 else {loser: (2, 0, 2, 0)})


def test_a_market_that_nobody_needs_is_not_locked(deploy: Deploy, outsider: Address) -> None:
    bench = deploy()
    gather(bench)
    for sender in (outsider, bench.admin, bench.keeper):
        with refused("pool: wrong role"):
            bench.pool.transact.lock_market(0, True, sender=sender)
        with refused("pool: wrong role"):
            bench.pool.transact.pay(3, 4, USD, sender=sender)
    assert is_idle(bench)

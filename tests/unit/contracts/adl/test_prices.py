"""At what price winners are closed, by the rules of the venue."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pytest

from spillway.rules import (
    NOBODY,
    AdlRules,
    FundParams,
    Layer,
    Limit,
    LiquidationRules,
    Price,
    Trigger,
)
from tests import bench as benches
from tests.bench import LIQUIDATOR, USD
from tests.chain import refused
from tests.unit.contracts.adl import stage
from tests.unit.contracts.adl.stage import deploy as deploy_by_hand
from tests.unit.contracts.adl.stage import pass_blocks
from tests.unit.contracts.hand import HAND as PLACE
from tests.unit.contracts.hand import START, sums_hold, swap
from tests.unit.contracts.liquidator.ward import BELOW_ZERO

if TYPE_CHECKING:
    from collections.abc import Callable

    from spillway.build import Artifacts
    from spillway.engines import Address, Engine
    from tests.bench import Bench

    Deploy = Callable[..., Bench]


@pytest.fixture
def deploy(engine: Engine, artifacts: Artifacts, admin: Address, keeper: Address) -> Deploy:
    """`loser` is long 10 at 100 with 210 USD, against two shorts of 5; at 70 it lacks 90."""

    def deploy(**rules: Any) -> Bench:
        venue = benches.deploy(engine, artifacts, admin, keeper, **rules)
        venue.list_market()
        venue.mark(100)
        venue.open("loser", 210)
        for name in ("near", "far"):
            venue.open(name, 1_000 if name == "near" else 10_000)
            venue.trade(venue.accounts["loser"], venue.accounts[name], 5, 100)
        return venue

    return deploy


def equities(bench: Bench) -> list[Any]:
    return [bench.equity(bench.accounts[name]) for name in ("loser", "near", "far")]


def close(bench: Bench, mark: int = 70, index: int = 70) -> None:
    """The previous mark is 74."""
    for price in (74, mark):
        bench.pool.transact.advance(
            [(0, price * USD, (index if price == mark else price) * USD, 0)], sender=bench.oracle
        )
    bench.liquidate(bench.accounts["loser"])
    bench.deleverage(bench.accounts["loser"])


@pytest.mark.parametrize(
    ("price", "index", "taken"),
    [
        # The gap that a price leaves is borne by the front of the queue, out of what it won.
        (Price.PREVIOUS_MARK, 70, (20 + 50, 20)),
        (Price.MARK, 70, (90, 0)),
        (Price.INDEX, 72, (10 + 70, 10)),
        (Price.BANKRUPTCY, 70, (45, 45)),
        (Price.PROVIDER, 70, (45, 45)),
    ],
)
def test_each_price_gives_the_loser_what_it_lacks(
    deploy: Deploy, price: Price, index: int, taken: tuple[int, int]
) -> None:
    bench = deploy(closing=AdlRules(price=price))
    close(bench, index=index)
    assert equities(bench) == [0, 1_150 - taken[0], 10_150 - taken[1]]
    assert bench.pool.call.market(0).open_interest == 0


@pytest.mark.parametrize(
    ("price", "fee", "paid", "left"),
    [
        (Price.BANKRUPTCY, 0, 15, 0),
        (Price.PROVIDER, 0, 10, 10),
        (Price.PROVIDER, 1_000_000, 10, 0),
        (Price.MARK, 0, 0, 30),
    ],
)
def test_what_a_loser_above_zero_has_left_is_paid_by_the_price(
    deploy: Deploy, price: Price, fee: int, paid: int, left: int
) -> None:
    """At 82 it has 30 of 82 that it needs; of what the price leaves it, a fee may take all."""
    rules = AdlRules(Trigger.UNRESTORED, price, everyone=True, fee=fee)
    bench = deploy(closing=rules, fund=FundParams())
    fund = bench.open_fund("fund")
    close(bench, mark=82)
    assert equities(bench) == [left, 1_090 + paid, 10_090 + paid]
    assert bench.equity(fund) == 30 - 2 * paid - left
    assert bench.size(bench.accounts["loser"]) == 0


def test_two_thirds_are_rounded_down_and_the_rest_is_the_fund_s(deploy: Deploy) -> None:
    """Of 20 * 10**-18 USD the winners get 13; half of that is rounded up for the first of them."""
    rules = AdlRules(Trigger.UNRESTORED, Price.PROVIDER, everyone=True, fee=1_000_000)
    bench = deploy(closing=rules, fund=FundParams())
    fund, loser = bench.open_fund("fund"), bench.accounts["loser"]
    mark = 79 * USD + 2
    bench.pool.transact.advance([(0, mark, mark, 0)], sender=bench.oracle)
    before = [bench.pool.call.health(bench.accounts[n]).equity for n in ("near", "far")]
    bench.liquidate(loser)
    bench.deleverage(loser)
    after = [bench.pool.call.health(bench.accounts[n]).equity for n in ("near", "far")]
    assert sorted(b - a for a, b in zip(before, after, strict=True)) == [6, 7]
    assert bench.pool.call.health(fund).equity == 20 - 13
    assert bench.pool.call.health(loser).equity == 0


@pytest.mark.parametrize(("money", "paid"), [(0, 0), (30, 30), (500, 90)])
def test_a_fund_that_covers_pays_before_winners(deploy: Deploy, money: int, paid: int) -> None:
    rules = AdlRules(price=Price.BANKRUPTCY, covered=True)
    bench = deploy(closing=rules, fund=FundParams())
    fund = bench.open_fund("fund", money)
    close(bench)
    rest = (90 - paid) // 2
    assert equities(bench) == [0, 1_150 - rest, 10_150 - rest]
    assert bench.equity(fund) == money - paid


def test_at_bankruptcy_a_winner_gives_no_more_than_it_has(deploy: Deploy) -> None:
    """`near` has 150 of its own by then: what is missing is borne by `far`."""
    bench = deploy(closing=AdlRules(price=Price.BANKRUPTCY))
    bench.withdraw(bench.accounts["near"], 900)
    bench.mark(100)
    bench.pay_out(bench.accounts["near"])
    close(bench, mark=20)
    # It lacks 590: 295 of each. `near` has 100 + 400, `far` the rest.
    assert equities(bench) == [0, 500 - 295, 10_400 - 295]


@pytest.mark.parametrize("covered", [False, True], ids=["written off", "covered"])
def test_a_gap_that_is_being_shared_is_nobody_else_s(deploy: Deploy, covered: bool) -> None:
    """Closed at mark, its 90 are to be borne by `near`; before that it is liquidated once more."""
    layer = Layer(NOBODY, 1, 1, covers=covered)
    bench = deploy(
        closing=AdlRules(price=Price.MARK),
        liquidation=LiquidationRules(limit=Limit.BANKRUPTCY if covered else Limit.OPEN),
        layer=layer,
    )
    loser, adl, keeper = bench.accounts["loser"], bench.adl.transact, bench.keeper
    bench.mark(70)
    bench.liquidate(loser)
    [plan] = bench.plans(loser)
    adl.open_jobs(loser, [(0, 0)], sender=keeper)
    adl.scan(0, False, 10, sender=keeper)
    adl.order(0, False, 0, list(plan.order), sender=keeper)
    adl.close(loser, 2, sender=keeper)
    assert bench.at(loser) == (0, -90)
    if covered:
        bench.open_backstop("child", 1_000)
        bench.backstop.transact.set_allowance(500 * USD, sender=bench.admin)
    bench.mark(70)
    [judged] = bench.liquidate(loser).named("Judged")
    assert (judged.outcome, judged.equity_after) == (BELOW_ZERO, -90 * USD)
    adl.close(loser, 10, sender=keeper)
    assert equities(bench) == [0, 1_150 - 90, 10_150]
    assert bench.pool.call.solvency().deficit == 0


def test_a_delay_is_waited_for(deploy: Deploy) -> None:
    closing = AdlRules(delay=3)
    bench = deploy(closing=closing, liquidation=LiquidationRules(notes_due=True))
    loser = bench.accounts["loser"]
    bench.mark(74)
    bench.mark(70)
    bench.liquidate(loser)
    pass_blocks(bench, 1)
    with refused("adl: account is not below zero"):
        bench.adl.transact.open_jobs(loser, [(0, 0)], sender=bench.keeper)
    pass_blocks(bench, 1)
    bench.deleverage(loser)
    assert bench.size(loser) == 0


@pytest.mark.parametrize(("money", "waits"), [(1_000, True), (86, True), (85, False), (0, False)])
def test_above_zero_winners_wait_for_a_fund_that_has_the_maintenance(
    deploy: Deploy, money: int, waits: bool
) -> None:
    """At 86 equity is 70 of 86 that are needed. Who gives the fund a little keeps nobody open."""
    closing = AdlRules(Trigger.FUND_SHORT, Price.BANKRUPTCY, everyone=True)
    bench = deploy(closing=closing, fund=FundParams())
    loser = bench.accounts["loser"]
    bench.open_fund("fund", money)
    close(bench, mark=86)
    if waits:
        with refused("adl: account is not below zero"):
            bench.adl.transact.open_jobs(loser, [(0, 0)], sender=bench.keeper)
        assert bench.at(loser) == (10, 210 - 1_000)
    else:
        # 70 that it had left, to winners in equal parts, beside 5 * 14 each.
        assert equities(bench) == [0, 1_070 + 35, 10_070 + 35]


def test_prices_that_there_are_not_are_refused(deploy: Deploy) -> None:
    # What no enum has, and parts of maintenance that are none of it or more than all of it.
    for unknown in (
        AdlRules(price=cast("Price", 5)),
        AdlRules(cast("Trigger", 4)),
        # An order is of lots, at the price that it says.
        AdlRules(Trigger.ORDERED, Price.BANKRUPTCY),
        AdlRules(Trigger.ORDERED, Price.INDEX, restoring=True),
        AdlRules(below_num=0),
        AdlRules(below_num=2),
        AdlRules(below_den=0),
    ):
        with refused("adl: bad rules"):
            deploy(closing=unknown)


@pytest.mark.parametrize(("part", "closes"), [((1, 1), True), ((3, 8), True), ((15, 41), False)])
def test_an_account_above_zero_is_closed_below_a_part_of_maintenance(
    deploy: Deploy, part: tuple[int, int], closes: bool
) -> None:
    """At 82 it has 30 of 82: not less than 15 / 41 of it."""
    rules = AdlRules(Trigger.UNRESTORED, Price.MARK, below_num=part[0], below_den=part[1])
    bench = deploy(closing=rules)
    close(bench, mark=82)
    assert bench.size(bench.accounts["loser"]) == (0 if closes else 10)


def test_a_loser_that_another_closing_hits_is_not_turned_over(
    deploy: Deploy, engine: Engine
) -> None:
    """Its closing stops after `near`; `other`, short and bankrupt too, is closed against it."""
    hands = {LIQUIDATOR: engine.sender(PLACE)}
    bench = deploy(closing=AdlRules(price=Price.BANKRUPTCY), policy="SizeQueue", by_hand=hands)
    loser, keeper, adl = bench.accounts["loser"], bench.keeper, bench.adl.transact
    other, rich = bench.open("other", 300), bench.open("rich", 10_000)
    bench.trade(rich, other, 5, 100)
    bench.mark(70)
    bench.pool.transact.pay(other, rich, 500 * USD, sender=bench.engine.sender(PLACE))
    for account, longs in ((loser, False), (other, True)):
        adl.open_jobs(account, [(0, 0)], sender=keeper)
        adl.scan(0, longs, 10, sender=keeper)
        keys = [key for key, _ in bench.keys(0, longs)]
        places = sorted(range(len(keys)), key=keys.__getitem__, reverse=True)
        adl.order(0, longs, 0, places, sender=keeper)
    adl.close(loser, 1, sender=keeper)
    left = bench.size(loser)
    adl.close(other, 10, sender=keeper)
    assert (left, bench.size(loser), bench.size(other)) == (5, 0, 0)
    adl.close(loser, 10, sender=keeper)
    assert bench.size(loser) == 0


def test_a_fund_that_stands_among_the_winners_pays_once(deploy: Deploy, engine: Engine) -> None:
    """It is short 5 and has 60: 30 cover its half of the order, and 30 are left for the price."""
    hands = {LIQUIDATOR: engine.sender(PLACE)}
    closing = AdlRules(price=Price.BANKRUPTCY, everyone=True, covered=True)
    bench = deploy(closing=closing, fund=FundParams(), policy="SizeQueue", by_hand=hands)
    fund, near = bench.open_fund("fund", 60), bench.accounts["near"]
    bench.mark(40)
    told = (0, near, fund, 5, 5 * 40 * USD)
    bench.pool.transact.exchange(*told, sender=engine.sender(PLACE))
    bench.deleverage(bench.accounts["loser"])
    assert bench.at(fund) == (0, 0)
    # Of the 390 that the loser lacks, `far` pays all that it has won, and nobody the rest.
    assert equities(bench) == [0, 1_300, 10_300 - 300]
    assert bench.pool.call.solvency().deficit == (390 - 60 - 300) * USD
    assert bench.total_equity() == bench.cash()


def test_what_restores_an_account_is_closed_once(deploy: Deploy) -> None:
    """At 83 equity is 40 of 83 that are needed: six lots, and four while it has 16 of 33.2."""
    rules = LiquidationRules(restoring=True)
    closing = AdlRules(Trigger.UNRESTORED, Price.BANKRUPTCY, everyone=True, restoring=True)
    bench = deploy(liquidation=rules, closing=closing)
    loser = bench.accounts["loser"]
    bench.mark(83)
    bench.liquidate(loser)
    bench.deleverage(loser)
    assert (bench.size(loser), bench.equity(loser)) == (4, 16)
    assert not bench.pool.call.market(0).locked
    with refused("adl: account is not below zero"):
        bench.adl.transact.open_jobs(loser, [(0, 0)], sender=bench.keeper)
    bench.mark(83)
    bench.liquidate(loser)
    bench.deleverage(loser)
    # 17.2 are lacking, of which a lot frees 8.3.
    assert (bench.size(loser), bench.equity(loser)) == (1, 4)


@pytest.mark.parametrize(
    ("everyone", "first"), [(True, ("far", 6, 1)), (False, ("near", 4, 1))], ids=["all", "winners"]
)
def test_a_price_for_everyone_makes_one_queue_of_all(
    engine: Engine,
    artifacts: Artifacts,
    admin: Address,
    keeper: Address,
    everyone: bool,
    first: tuple[str, int, int],
) -> None:
    """The largest first: `far` is short 6 from 60, a loss at 70, and `near` short 4 from 100."""
    rules = AdlRules(price=Price.BANKRUPTCY, everyone=everyone)
    bench = deploy_by_hand(engine, artifacts, admin, keeper, policy="SizeQueue", closing=rules)
    for name, usd in {"loser": 90, "near": 1_000, "far": 1_000}.items():
        bench.open(name, usd)
    a = bench.accounts
    swap(bench, a["loser"], a["near"], 4, 100)
    swap(bench, a["loser"], a["far"], 6, 60)
    bench.mark(70, *START[1:])
    bench.pool.transact.pay(a["loser"], a["near"], 50 * USD, sender=engine.sender(PLACE))
    assert bench.equity(a["loser"]) == 90 - 120 + 60 - 50
    fills = bench.deleverage(a["loser"]).named("Deleveraged")
    assert (fills[0].winner, fills[0].lots, fills[0].tier) == (a[first[0]], *first[1:])
    assert bench.size(a["loser"]) == 0
    assert sums_hold(bench)


@pytest.mark.parametrize("later", [False, True], ids=["same epoch", "next epoch"])
def test_whoever_is_above_zero_is_closed_on_only_while_the_marks_stand(
    deploy: Deploy, later: bool
) -> None:
    """Unrestored at 82, half of it is closed; at 96 the rest is worth more than the price says."""
    bench = deploy(closing=AdlRules(Trigger.UNRESTORED, Price.BANKRUPTCY, everyone=True))
    loser = bench.accounts["loser"]
    bench.mark(82)
    bench.liquidate(loser)
    stage.make_ready(bench, loser)
    stage.close(bench, loser, 1)
    assert (bench.size(loser), bench.equity(loser)) == (5, 15)
    if later:
        bench.mark(96)
        assert bench.equity(loser) == 15 + 5 * 14
    receipt = stage.close(bench, loser)
    assert len(receipt.named("ClosingDropped")) == later
    assert (bench.size(loser), bench.equity(loser)) == ((5, 85) if later else (0, 0))
    assert bench.size(bench.accounts["far"]) == (-5 if later else 0)
    stage.end_job(bench)
    assert not bench.pool.call.market(0).locked
    assert sums_hold(bench)

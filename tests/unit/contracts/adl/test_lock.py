"""What a job that outlives its transaction closes, and what it leaves open."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests import bench as benches
from tests.bench import ALO, IOC, Bench
from tests.chain import refused
from tests.unit.contracts.adl import stage
from tests.unit.contracts.adl.stage import (
    LIFETIME,
    close,
    crash,
    end_job,
    make_ready,
    open_job,
    pass_blocks,
)
from tests.unit.contracts.hand import swap

if TYPE_CHECKING:
    from spillway.build import Artifacts
    from spillway.engines import Address, Engine


@pytest.fixture
def locked(bench: Bench, loser: int) -> Bench:
    """The crowd's market, locked by a job; a taker and a maker with money beside it."""
    for name in ("taker", "maker"):
        bench.open(name, 1_000)
    open_job(bench, loser)
    assert bench.pool.call.market(0).locked
    return bench


def test_no_trade_in_a_locked_market(locked: Bench) -> None:
    for kind in (benches.GTC, IOC, ALO, benches.MARKET):
        with refused("book: market is locked"):
            locked.place(locked.accounts["taker"], 1, 0 if kind == benches.MARKET else 89, kind)
    stop = (False, False, 80 * benches.USD, 0, 1)
    rich = locked.accounts["rich"]
    order_id = (
        locked.book.transact.place_stop(rich, 0, stop, sender=locked.owners[rich])
        .named("StopPlaced")[0]
        .order_id
    )
    locked.mark(80)
    with refused("book: market is locked"):
        locked.book.transact.trigger(order_id, sender=locked.keeper)


def test_orders_in_a_locked_market_can_be_cancelled(bench: Bench, crowd: dict[str, int]) -> None:
    maker = bench.open("maker", 1_000)
    bench.place(maker, 2, 92)
    crash(bench)
    open_job(bench, crowd["loser"])
    (order_id,) = bench.book.call.orders_of(maker)
    bench.book.transact.cancel(order_id, sender=bench.owners[maker])
    assert bench.book.call.orders_of(maker) == ()
    assert bench.pool.call.legs_of(maker) == 0


def test_other_markets_trade_on(locked: Bench) -> None:
    locked.trade(locked.accounts["taker"], locked.accounts["maker"], 2, 50, market=1)
    assert locked.size(locked.accounts["taker"], 1) == 2


def test_collateral_comes_in_all_the_same(locked: Bench) -> None:
    locked.deposit(locked.accounts["a"], 10)
    assert locked.equity(locked.accounts["a"]) == 50 + 44 + 10


def test_the_market_opens_again_when_the_job_ends(locked: Bench) -> None:
    pass_blocks(locked, LIFETIME)
    end_job(locked)
    assert not locked.pool.call.market(0).locked
    locked.trade(locked.accounts["taker"], locked.accounts["maker"], 2, 89)


def test_a_job_within_one_transaction_locks_nothing(bench: Bench, loser: int) -> None:
    receipt = bench.deleverage(loser)
    assert not receipt.named("MarketLocked")
    assert not bench.pool.call.solvency().seniority_held


def test_a_market_stays_locked_until_the_jobs_of_both_its_sides_have_ended(
    bench: Bench, crowd: dict[str, int]
) -> None:
    short = bench.open("short", 10)
    swap(bench, crowd["rich"], short, 2, 100)
    swap(bench, short, crowd["rich"], 1, 50, market=1)
    bench.mark(91, 50)
    bench.mark(89, 10)
    make_ready(bench, crowd["loser"])
    open_job(bench, short)
    close(bench, crowd["loser"])
    end_job(bench)
    assert bench.pool.call.market(0).locked
    assert bench.pool.call.solvency().seniority_held
    pass_blocks(bench, LIFETIME)
    end_job(bench, longs=True)
    assert not bench.pool.call.market(0).locked
    assert not bench.pool.call.solvency().seniority_held


# --- seniority ------------------------------------------------------------------------------


def test_who_turns_flat_while_a_job_lives_is_not_paid_before_it_ends(
    bench: Bench, crowd: dict[str, int]
) -> None:
    crash(bench)
    make_ready(bench, crowd["loser"])
    close(bench, crowd["loser"], 1)
    winner = crowd["c"]
    assert bench.pool.call.legs_of(winner) == 0
    bench.withdraw(winner, 10)
    bench.mark(89)
    assert not bench.pool.call.is_senior(winner)
    with refused("custody: seniority is open"):
        bench.pay_out(winner)
    close(bench, crowd["loser"])
    end_job(bench)
    bench.mark(89)
    assert bench.pool.call.is_senior(winner)
    bench.pay_out(winner)


def test_who_was_flat_before_is_paid_while_a_job_lives(bench: Bench, crowd: dict[str, int]) -> None:
    saver = bench.open("saver", 100)
    crash(bench)
    open_job(bench, crowd["loser"])
    bench.withdraw(saver, 100)
    bench.mark(89)
    bench.pay_out(saver)
    assert bench.equity(saver) == 0


def test_a_winner_that_was_closed_epochs_ago_still_bears_the_gap(
    bench: Bench, crowd: dict[str, int]
) -> None:
    crash(bench, previous=81, mark=80)
    make_ready(bench, crowd["loser"])
    close(bench, crowd["loser"], 3)
    assert bench.pool.call.legs_of(crowd["loser"]) == 0
    assert bench.pool.call.legs_of(crowd["c"]) == 0
    for mark in (79, 80, 81):
        bench.mark(mark)
    receipt = close(bench, crowd["loser"])
    assert stage.gaps(receipt) == [(0, crowd["c"], 90)]


# --- the liquidator and a locked market -------------------------------------------------------


@pytest.fixture(scope="module")
def whole_deployed(engine: Engine, artifacts: Artifacts, admin: Address, keeper: Address) -> Bench:
    """A venue whose liquidator is the contract."""
    venue = benches.deploy(engine, artifacts, admin, keeper)
    venue.list_market()
    venue.list_market()
    venue.mark(100, 50)
    return venue


@pytest.fixture
def whole(whole_deployed: Bench) -> Bench:
    """A venue whose liquidator is the contract, and a job that locks its first market.

    `held` is long in it alone, `spread` in both markets; both are below maintenance at 89/45.
    """
    venue = replace(whole_deployed, accounts={}, owners={})
    crowd = {"loser": 200, "short": 5_000, "held": 180, "spread": 265, "bid": 1_000}
    for name, usd in crowd.items():
        venue.open(name, usd)
    venue.open_backstop("child", 500)
    a = venue.accounts
    venue.trade(a["loser"], a["short"], 10, 100)
    venue.trade(a["held"], a["short"], 9, 100)
    venue.trade(a["spread"], a["short"], 10, 100)
    venue.trade(a["spread"], a["short"], 6, 50, market=1)
    venue.mark(79, 50)
    venue.mark(79, 49)
    open_job(venue, a["loser"])
    return venue


def test_no_book_liquidation_and_no_takeover_of_a_locked_leg(whole: Bench) -> None:
    a = whole.accounts
    whole.mark(85, 49)
    health = whole.pool.call.health(a["held"])
    assert 0 < 3 * health.equity < 2 * health.maintenance
    receipt = whole.liquidate(a["held"])
    assert not receipt.named("BookEntered")
    assert receipt.named("BackstopRefused")[0].reason == 2
    assert whole.size(a["held"]) == 9


def test_other_legs_of_its_holders_are_liquidated(whole: Bench) -> None:
    a = whole.accounts
    whole.place(a["bid"], 6, 49, market=1)
    whole.mark(84, 49)
    receipt = whole.liquidate(a["spread"])
    entered = receipt.named("BookEntered")
    assert [event.market for event in entered] == [1]
    assert whole.size(a["spread"], 1) == 0
    assert whole.size(a["spread"]) == 10


def test_the_legs_are_taken_over_once_the_market_is_open_again(whole: Bench) -> None:
    a = whole.accounts
    pass_blocks(whole, LIFETIME)
    end_job(whole)
    whole.mark(85, 49)
    receipt = whole.liquidate(a["held"])
    assert receipt.named("BackstopEntered")
    assert whole.at(a["held"]) == (0, 0)

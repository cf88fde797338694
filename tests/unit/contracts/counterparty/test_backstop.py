"""The pool behind the book: whom it takes over, and what it pays for those below zero."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.bench import ADL, USD
from tests.unit.contracts.counterparty import house
from tests.unit.contracts.hand import START, hand, sums_hold, swap
from tests.unit.contracts.liquidator.ward import BELOW_ZERO, TAKEN_OVER, open_long, outcome, rich

if TYPE_CHECKING:
    from spillway.build import Artifacts
    from spillway.engines import Address, Engine
    from tests.bench import Bench

REST = START[1:]
LEGS = 8
TOO_DEAR = 4  # a reason of BackstopRefused


@pytest.fixture(scope="module")
def staged(engine: Engine, artifacts: Artifacts, admin: Address, keeper: Address) -> Bench:
    """Deployed once; the hand auto-deleverages, and the liquidator is real."""
    return house.deploy(engine, artifacts, admin, keeper, role=ADL)


@pytest.fixture
def bench(staged: Bench) -> Bench:
    """A venue whose pool quotes, and so is not flat."""
    venue = replace(staged, accounts={}, owners={})
    venue.open_pooled("pool", 1_000)
    venue.requote(2)
    return venue


def choice(bench: Bench, account: int) -> int:
    return int(bench.pooled.call.backstop_for(account))


def test_it_takes_over_at_mark_what_the_book_leaves(bench: Bench) -> None:
    """Long 10 at 80 with 30 USD left: below a maintenance of 80."""
    pool, loser = bench.accounts["pool"], open_long(bench, 230)
    bench.mark(80, *REST)
    receipt = bench.liquidate(loser)
    assert outcome(receipt, loser) == TAKEN_OVER
    assert bench.at(loser) == (0, 0)
    assert (bench.size(pool), bench.equity(pool)) == (10, 1_030)
    assert bench.pooled.call.worth() == 1_030 * USD
    assert sums_hold(bench)


def test_it_pays_what_an_account_below_zero_lacks(bench: Bench) -> None:
    pool, loser = bench.accounts["pool"], open_long(bench, 230)
    bench.mark(76, *REST)
    assert outcome(bench.liquidate(loser), loser) == TAKEN_OVER
    assert bench.at(loser) == (0, 0)
    assert (bench.size(pool), bench.equity(pool)) == (10, 990)
    assert sums_hold(bench)


@pytest.mark.parametrize(("left", "takes"), [(262, True), (261, False)])
def test_it_pays_no_more_than_it_can_spare(bench: Bench, left: int, takes: bool) -> None:
    """Short 10 at 76 it has 152 of margin there, and 100 for 25 lots that rest at 20."""
    pool, loser = bench.accounts["pool"], open_long(bench, 230)
    bench.mark(76, *REST)
    swap(bench, rich(bench), pool, 10, 76)
    bench.pool.transact.pay(pool, rich(bench), (1_000 - left) * USD, sender=hand(bench))
    assert bench.pooled.call.allowance() == (left - 252) * USD
    receipt = bench.liquidate(loser)
    assert (outcome(receipt, loser) == TAKEN_OVER) is takes
    assert [event.reason for event in receipt.named("BackstopRefused")] == [TOO_DEAR] * (not takes)
    assert bench.size(pool) == (0 if takes else -10)


@pytest.mark.parametrize(("given", "takes"), [(2_239, False), (2_240, True)])
def test_margin_for_what_it_takes_must_be_there(bench: Bench, given: int, takes: bool) -> None:
    """200 lots of 76 ask for 3,040 beside the 100 of its quotes; 100 go to who owes them."""
    loser = open_long(bench, 4_700, lots=200)
    bench.mark(76, *REST)
    bench.give_pooled(given)
    pool = bench.accounts["pool"]
    assert choice(bench, loser) == (pool if takes else 0)
    assert (outcome(bench.liquidate(loser), loser) == TAKEN_OVER) is takes


def test_it_does_not_stand_behind_itself(bench: Bench) -> None:
    pool, other = bench.accounts["pool"], bench.open("other", 10)
    assert (choice(bench, pool), choice(bench, other)) == (0, pool)


def test_a_flat_pool_may_not_pay_and_one_that_quotes_may(bench: Bench) -> None:
    """Nobody can make a flat account pay: a takeover that tried would refuse a whole batch."""
    pool, loser = bench.accounts["pool"], open_long(bench, 230)
    bench.mark(20, 50, "0.000001")
    bench.requote(2)
    bench.mark(76, 50, "0.000001")
    assert bench.pool.call.is_senior(pool)
    assert bench.pooled.call.allowance() == 0
    assert outcome(bench.liquidate(loser), loser) == BELOW_ZERO
    bench.mark(76, *REST)
    bench.requote(2)
    assert bench.pooled.call.allowance() == 900 * USD
    assert outcome(bench.liquidate(loser), loser) == TAKEN_OVER


def test_with_a_leg_too_many_it_does_not_take_over(bench: Bench) -> None:
    """It quotes market 2, and stands in six more, or in seven."""
    pool, loser = bench.accounts["pool"], open_long(bench, 230)
    others = [bench.list_market() for _ in range(LEGS - 1)]
    marks = [10] * len(others)
    bench.mark(80, *REST, *marks)
    for market in others[:-1]:
        swap(bench, pool, rich(bench), 1, 10, market)
    assert choice(bench, loser) == pool
    swap(bench, pool, rich(bench), 1, 10, others[-1])
    assert choice(bench, loser) == 0
    # One that it is in already is none too many.
    swap(bench, pool, rich(bench), 1, 80)
    swap(bench, rich(bench), pool, 1, 10, others[0])
    assert choice(bench, loser) == pool


def test_with_a_stale_mark_it_does_not_take_over(bench: Bench) -> None:
    pool, loser = bench.accounts["pool"], open_long(bench, 230)
    market = bench.list_market(max_age=60)
    bench.mark(80, *REST, 10)
    swap(bench, pool, rich(bench), 1, 10, market)
    assert choice(bench, loser) == pool
    bench.age(61)
    assert choice(bench, loser) == 0

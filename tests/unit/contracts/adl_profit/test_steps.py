"""A closing in steps that anyone may take: what they may, and that they end where one call does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from spillway.rules import FundParams
from tests.bench import ALO, MAX_UINT, UNITS, USD
from tests.chain import refused, undone
from tests.unit.contracts.adl_profit.crowd import (
    ABSENT,
    COLLECTING,
    SCANNING,
    WEI,
    charges,
    close,
    crash,
    equities,
    gather,
    is_idle,
    lost,
    outcomes,
    proceed,
    ruin,
)
from tests.unit.contracts.hand import START, sums_hold, swap

if TYPE_CHECKING:
    from spillway.engines import Address, Receipt
    from tests.bench import Bench
    from tests.unit.contracts.adl_profit.conftest import Deploy

PLACES = (
    5  # of the lists of the crowd, with the hole that a loser leaves and the place of its taker
)
NAMES = ("long", "near", "far", "child")


def second_loser(bench: Bench) -> None:
    """One more, long 5 from 100 with 10 USD: at 88 it owes 50, and `near` has made 60 more."""
    bench.open("second", 10)
    swap(bench, bench.accounts["second"], bench.accounts["near"], 5, 100)


def finish(bench: Bench, steps: int = MAX_UINT) -> list[Receipt]:
    """Go on with the job of market 0 until it has ended."""
    receipts = []
    while bench.adl.call.job(0).phase != ABSENT:
        receipts.append(proceed(bench, steps))
    return receipts


@pytest.mark.parametrize("steps", [1, 2, 3])
@pytest.mark.parametrize("begins_with", [0, 1, 5])
@pytest.mark.parametrize("taken", [0, 1_068, 1_150])
def test_any_steps_end_where_one_call_does(
    deploy: Deploy, steps: int, begins_with: int, taken: int
) -> None:
    """With enough profit, with too little for the second, with too little for the first."""
    bench = deploy()
    a = gather(bench)
    second_loser(bench)
    crash(bench, 87)
    ruin(bench, a["near"], taken or 1, a["far"])
    losers = a["loser"], a["second"]
    with undone(bench.engine):
        receipt = close(bench, *losers)
        whole = charges(receipt), outcomes(receipt), equities(bench, *a)
    receipts = [close(bench, *losers, steps=begins_with), *finish(bench, steps)]
    assert len(receipts) > 2
    assert (charges(*receipts), outcomes(*receipts), equities(bench, *a)) == whole
    assert is_idle(bench)
    assert sums_hold(bench)


def test_a_step_weighs_a_holder_or_makes_a_payment_and_no_more(deploy: Deploy) -> None:
    """The loser has left a hole: 3 places of longs, 2 of shorts, and 2 holders in profit."""
    bench = deploy()
    a = gather(bench)
    crash(bench)
    close(bench, a["loser"], steps=0)
    job = bench.adl.call.job(0)
    assert (job.phase, job.longs, job.shorts, job.cursor) == (SCANNING, 3, 2, 0)
    assert (job.debts, job.due, bench.adl.call.debt(0, 0)) == (1, 70 * USD, (a["loser"], 70 * USD))
    for place in (1, 2, 3, 4):
        proceed(bench, 1)
        assert (bench.adl.call.job(0).phase, bench.adl.call.job(0).cursor) == (SCANNING, place)
    proceed(bench, 1)
    job = bench.adl.call.job(0)
    assert (job.phase, job.noted, job.total) == (COLLECTING, 2, 120 * 10**6)
    noted = [bench.adl.call.noted(0, rank) for rank in range(2)]
    assert noted == [(a["long"], 12 * 10**6), (a["near"], 108 * 10**6)]
    assert charges(proceed(bench, 0)) == []
    assert charges(proceed(bench, 1)) == [(0, a["loser"], a["long"], 7 * USD)]
    assert bench.adl.call.debt(0, 0) == (a["loser"], 63 * USD)
    assert charges(proceed(bench, 1)) == [(0, a["loser"], a["near"], 63 * USD)]
    assert is_idle(bench)


def test_without_a_job_there_is_nothing_to_go_on_with(deploy: Deploy) -> None:
    bench = deploy()
    a = gather(bench)
    crash(bench)
    for market in (0, 1, 255):
        with refused("adl: no job"):
            proceed(bench, 1, market)
    close(bench, a["loser"], steps=0)
    proceed(bench)
    with refused("adl: no job"):
        proceed(bench)


def test_anyone_may_take_a_step(deploy: Deploy, outsider: Address) -> None:
    bench = deploy()
    a = gather(bench)
    crash(bench)
    bench.adl.transact.close([a["loser"]], 1, sender=outsider)
    bench.adl.transact.proceed(0, 1, sender=bench.owners[a["near"]])
    bench.adl.transact.proceed(0, MAX_UINT, sender=bench.owners[a["loser"]])
    assert is_idle(bench)
    assert bench.at(a["loser"]) == (0, 0)


# --- debts that join -----------------------------------------------------------------------


def test_a_loser_may_join_while_holders_are_weighed(deploy: Deploy) -> None:
    bench = deploy()
    a = gather(bench)
    second_loser(bench)
    crash(bench)
    before = equities(bench, *NAMES)
    close(bench, a["loser"], steps=2)
    close(bench, a["second"], steps=0)
    job = bench.adl.call.job(0)
    assert (job.phase, job.debts, job.due) == (SCANNING, 2, 120 * USD)
    receipts = finish(bench)
    assert outcomes(*receipts) == {a["loser"]: (70, 0, 70, 0), a["second"]: (50, 0, 50, 0)}
    # Profits are 12 and 14 * 12 = 168.
    assert lost(bench, before, *NAMES) == [8, 112, 0, 0]
    assert is_idle(bench)


def test_a_loser_waits_for_a_job_at_another_mark(deploy: Deploy) -> None:
    """Its lots would pass at 86, which to a job at 88 would be a profit of the backstop."""
    bench = deploy()
    a = gather(bench)
    second_loser(bench)
    crash(bench)
    close(bench, a["loser"], steps=2)
    crash(bench, 86)
    assert close(bench, a["second"], steps=0).named("DebtJoined") == []
    bench.mark(88, *START[1:], funding=[1, 0, 0])
    assert close(bench, a["second"], steps=0).named("DebtJoined") == []
    bench.mark(88, *START[1:], funding=[-1, 0, 0])
    assert len(close(bench, a["second"], steps=0).named("DebtJoined")) == 1
    receipts = finish(bench)
    assert outcomes(*receipts) == {a["loser"]: (70, 0, 70, 0), a["second"]: (50, 0, 50, 0)}
    assert is_idle(bench)


def test_a_loser_waits_while_its_market_collects(deploy: Deploy) -> None:
    bench = deploy()
    a = gather(bench)
    second_loser(bench)
    crash(bench)
    close(bench, a["loser"], steps=PLACES + 1)
    assert bench.adl.call.job(0).phase == COLLECTING
    assert close(bench, a["second"], steps=0).named("DebtJoined") == []
    assert bench.size(a["second"]) == 5
    finish(bench)
    assert outcomes(close(bench, a["second"])) == {a["second"]: (50, 0, 50, 0)}


def test_a_loser_named_twice_owes_once(deploy: Deploy) -> None:
    bench = deploy()
    a = gather(bench)
    crash(bench)
    receipt = close(bench, a["loser"], a["loser"], steps=0)
    assert len(receipt.named("DebtJoined")) == 1
    assert close(bench, a["loser"], steps=0).named("DebtJoined") == []
    assert bench.adl.call.owing(a["loser"]) == 1
    receipts = finish(bench)
    assert outcomes(*receipts) == {a["loser"]: (70, 0, 70, 0)}
    assert bench.adl.call.owing(a["loser"]) == 0


def test_a_holder_that_becomes_a_loser_pays_nothing_and_is_next(deploy: Deploy) -> None:
    """Weighed with 36 at 88; at 130 it owes 84."""
    bench = deploy()
    a = gather(bench)
    bench.open("thin", 6)
    swap(bench, a["child"], a["thin"], 3, 100)
    crash(bench)
    close(bench, a["loser"], steps=PLACES + 1)
    assert bench.adl.call.noted(0, 2) == (a["thin"], 36 * 10**6)
    crash(bench, 130)
    close(bench, a["thin"], steps=0)
    assert bench.adl.call.owing(a["thin"]) == 0
    receipts = finish(bench)
    assert a["thin"] not in {holder for _, _, holder, _ in charges(*receipts)}
    left = 70 * USD * 156 // 156 - 70 * USD * 120 // 156
    assert outcomes(*receipts)[a["loser"]][-1] == left * WEI
    assert outcomes(close(bench, a["thin"])) == {a["thin"]: (84, 0, 84, 0)}
    assert is_idle(bench)


def test_a_loser_that_was_weighed_before_it_joined_pays_nothing(deploy: Deploy) -> None:
    """In profit here with 36 and below zero by what it has lost elsewhere since."""
    bench = deploy()
    a = gather(bench)
    bench.open("thin", 6)
    bench.open("late", 10)
    swap(bench, a["child"], a["thin"], 3, 100)
    swap(bench, a["child"], a["late"], 1, 88)
    crash(bench)
    close(bench, a["loser"], steps=PLACES + 1)
    assert bench.adl.call.noted(0, 2) == (a["thin"], 36 * 10**6)
    ruin(bench, a["thin"], 60, a["far"])
    close(bench, a["thin"], steps=0)
    assert bench.adl.call.owing(a["thin"]) == 1
    bench.deposit(a["thin"], 500)
    receipts = finish(bench)
    assert a["thin"] not in {holder for _, _, holder, _ in charges(*receipts)}
    assert outcomes(*receipts)[a["thin"]] == (18, 0, 0, 18)
    assert bench.equity(a["thin"]) == 500 - 18
    assert is_idle(bench)


def test_a_backstop_that_was_weighed_before_it_joined_pays_nothing(deploy: Deploy) -> None:
    """It keeps its 4 lots, has paid in since, and nobody can pay a debt to itself."""
    bench = deploy()
    a = gather(bench)
    swap(bench, a["child"], a["long"], 4, 85)
    crash(bench)
    close(bench, a["loser"], steps=0)
    proceed(bench, bench.adl.call.job(0).longs)
    assert bench.adl.call.noted(0, 0) == (a["child"], 12 * 10**6)
    ruin(bench, a["child"], 200, a["far"])
    close(bench, a["child"], steps=0)
    assert bench.adl.call.job(0).due == (70 + 88) * USD
    bench.deposit(a["child"], 500)
    before = equities(bench, "near", "child")
    receipts = finish(bench, 1)
    # Of 158 on 120: 108 are paid, to the loser first; what is left of the child's is its own.
    assert lost(bench, before, "near", "child") == [108, -38]
    assert outcomes(*receipts)[a["child"]] == (88, 0, 38, 50)
    assert is_idle(bench)


def test_a_holder_that_the_fund_has_made_flat_since_pays_nothing(deploy: Deploy) -> None:
    bench = deploy(fund=FundParams())
    bench.open_fund("fund")
    a = gather(bench)
    bench.open("thin", 6)
    bench.open("late", 10)
    swap(bench, a["child"], a["thin"], 3, 100)
    swap(bench, a["child"], a["late"], 1, 88)
    crash(bench)
    close(bench, a["loser"], steps=PLACES + 1)
    assert bench.adl.call.noted(0, 2) == (a["thin"], 36 * 10**6)
    ruin(bench, a["thin"], 60, a["far"])
    bench.give(18)
    assert outcomes(close(bench, a["thin"], steps=0)) == {a["thin"]: (18, 18, 0, 0)}
    bench.deposit(a["thin"], 500)
    receipts = finish(bench, 1)
    assert bench.equity(a["thin"]) == 500
    assert outcomes(*receipts)[a["loser"]][-1] > 0
    assert is_idle(bench)


def test_a_backstop_weighed_on_one_side_may_come_to_the_other(deploy: Deploy) -> None:
    """Long 4 from 80 it has made 32; 18 lots that it takes at 88 make it short without profit."""
    bench = deploy()
    a = gather(bench)
    bench.open("bear", 10)
    swap(bench, a["child"], a["near"], 4, 80)
    swap(bench, a["long"], a["bear"], 18, 87)
    crash(bench)
    close(bench, a["loser"], steps=0)
    proceed(bench, bench.adl.call.job(0).longs)
    assert bench.adl.call.noted(0, 1) == (a["child"], 32 * 10**6)
    close(bench, a["bear"], steps=0)
    assert bench.size(a["child"]) == 4 + 10 - 18
    receipts = finish(bench, 1)
    assert outcomes(*receipts)[a["bear"]] == (8, 0, 8, 0)
    holders = [holder for _, _, holder, _ in charges(*receipts)]
    assert holders.count(a["child"]) == 1
    assert is_idle(bench)
    assert sums_hold(bench)


# --- what happens in between ---------------------------------------------------------------


def test_what_a_loser_pays_in_meanwhile_is_its_own(deploy: Deploy) -> None:
    bench = deploy()
    a = gather(bench)
    crash(bench)
    close(bench, a["loser"], steps=PLACES)
    bench.deposit(a["loser"], 100)
    assert bench.equity(a["loser"]) == 30
    assert outcomes(*finish(bench)) == {a["loser"]: (70, 0, 70, 0)}
    assert bench.equity(a["loser"]) == 100
    assert is_idle(bench)


def test_a_loser_that_has_paid_in_is_not_written_off(deploy: Deploy) -> None:
    bench = deploy()
    a = gather(bench)
    crash(bench)
    ruin(bench, a["loser"], 200, a["far"])
    close(bench, a["loser"], steps=PLACES)
    bench.deposit(a["loser"], 160)
    assert outcomes(*finish(bench)) == {a["loser"]: (270, 0, 120, 150)}
    assert bench.equity(a["loser"]) == 10
    assert bench.pool.call.solvency().deficit == 0


def test_nobody_pays_more_than_its_equity_by_then(deploy: Deploy) -> None:
    """`near` has lost all but 20 elsewhere since it was weighed: what it lacks is a deficit."""
    bench = deploy()
    a = gather(bench)
    swap(bench, a["near"], a["far"], 20, 50, market=1)
    crash(bench)
    close(bench, a["loser"], steps=PLACES)
    ruin(bench, a["near"], 1_000 + 108 - 20, a["far"])
    before = equities(bench, *NAMES)
    assert outcomes(*finish(bench)) == {a["loser"]: (70, 0, 27, 43)}
    assert lost(bench, before, *NAMES) == [7, 20, 0, 0]
    assert bench.pool.call.solvency().deficit == 43 * USD
    assert is_idle(bench)


def test_a_deposit_after_the_weighing_changes_no_part(deploy: Deploy) -> None:
    bench = deploy()
    a = gather(bench)
    crash(bench)
    close(bench, a["loser"], steps=PLACES)
    before = equities(bench, *NAMES)
    bench.deposit(a["near"], 500)
    bench.deposit(a["far"], 500)
    finish(bench)
    assert lost(bench, before, *NAMES) == [7, 63 - 500, -500, 0]


def test_the_market_is_locked_while_its_job_is_open_and_no_other(deploy: Deploy) -> None:
    bench = deploy()
    a = gather(bench)
    for name in ("taker", "maker"):
        bench.open(name, 1_000)
    crash(bench)
    close(bench, a["loser"], steps=0)
    assert [bench.pool.call.market(market).locked for market in range(3)] == [True, False, False]
    assert bench.pool.call.solvency().seniority_held
    with refused("book: market is locked"):
        bench.place(a["taker"], 1, 88, ALO)
    with refused("pool: market is locked"):
        swap(bench, a["taker"], a["near"], 1, 88)
    bench.trade(a["taker"], a["maker"], 2, 50, market=1)
    finish(bench)
    assert is_idle(bench)
    bench.trade(a["taker"], a["maker"], 1, 88)


def test_seniority_is_held_until_the_last_job_has_ended(deploy: Deploy) -> None:
    bench = deploy()
    for name, usd in {"loser": 100, "first": 1_000, "third": 1_000}.items():
        bench.open(name, usd)
    bench.open_backstop("child", 100)
    a = bench.accounts
    swap(bench, a["loser"], a["first"], 2, 100)
    swap(bench, a["third"], a["loser"], 10, 20, market=2)
    bench.mark(80, 50, 29)
    close(bench, a["loser"], steps=0)
    assert bench.adl.call.owing(a["loser"]) == 0b101
    proceed(bench, market=2)
    locked = [bench.pool.call.market(market).locked for market in range(3)]
    assert (locked, bench.pool.call.solvency().seniority_held) == ([True, False, False], True)
    # The debt of one market is paid; the loser's closing is not done.
    assert bench.adl.call.owing(a["loser"]) == 0b001
    assert not bench.pool.call.is_senior(a["loser"])
    bench.mark(*START)
    assert not bench.pool.call.is_senior(a["loser"])
    proceed(bench, market=0)
    assert is_idle(bench)


def test_nobody_takes_its_profit_out_before_it_has_paid(deploy: Deploy) -> None:
    bench = deploy()
    a = gather(bench)
    crash(bench)
    close(bench, a["loser"], steps=0)
    owner = bench.owners[a["near"]]
    other = bench.open("other", owner=owner)
    with refused("pool: deficit stands"):
        bench.pool.transact.transfer(a["near"], other, USD, sender=owner)
    bench.custody.transact.request_withdrawal(a["near"], UNITS, owner, sender=owner)
    crash(bench)
    with refused("custody: seniority is open"):
        bench.pay_out(a["near"])
    finish(bench)
    crash(bench)
    bench.pay_out(a["near"])
    bench.pool.transact.transfer(a["near"], other, USD, sender=owner)


def test_steps_are_shared_by_the_jobs_of_a_call_the_lowest_market_first(deploy: Deploy) -> None:
    bench = deploy()
    for name, usd in {"loser": 100, "first": 1_000, "third": 1_000}.items():
        bench.open(name, usd)
    bench.open_backstop("child", 100)
    a = bench.accounts
    swap(bench, a["loser"], a["first"], 2, 100)
    swap(bench, a["third"], a["loser"], 10, 20, market=2)
    bench.mark(80, 50, 29)
    # In each: a hole, one long and one short, of whom one is in profit and pays: 4 steps.
    close(bench, a["loser"], steps=5)
    assert bench.adl.call.job(0).phase == ABSENT
    job = bench.adl.call.job(2)
    assert (job.phase, job.cursor) == (SCANNING, 1)
    proceed(bench, 3, market=2)
    assert is_idle(bench)

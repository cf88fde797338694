"""Whoever calls can't choose who is hit: every path to a closing leads to the one order."""

from __future__ import annotations

from itertools import permutations
from typing import TYPE_CHECKING, Any

import pytest

from tests.chain import refused
from tests.unit.contracts.adl.stage import (
    ABSENT,
    LONGS,
    ORDERING,
    QUEUE,
    READY,
    SCANNING,
    SHORTS,
    close,
    fills,
    job,
    open_job,
    order,
    ranked,
    scan,
)
from tests.unit.contracts.hand import swap

if TYPE_CHECKING:
    from spillway.engines import Address
    from tests.bench import Bench

ANY_KEY = 2**256 - 1


def winners(bench: Bench, receipt: Any) -> str:
    """Names of those who were hit, in order."""
    names = {account: name for name, account in bench.accounts.items()}
    return "".join(names[winner] for winner, *_ in fills(receipt))


@pytest.fixture
def scanned(bench: Bench, loser: int) -> list[int]:
    """A job that has enrolled everyone; the right order of their places."""
    places = ranked(bench)
    open_job(bench, loser)
    scan(bench)
    return places


def test_the_queue_is_by_score_and_the_front_is_hit(bench: Bench, loser: int) -> None:
    by_place = "abcd"
    assert [by_place[place] for place in ranked(bench)] == list(QUEUE)
    receipt = bench.deleverage(loser)
    assert winners(bench, receipt) == "cad"
    assert [lots for _, lots, *_ in fills(receipt)] == [5, 4, 1]


def test_one_order_alone_makes_the_job_ready(bench: Bench, scanned: list[int]) -> None:
    for places in permutations(scanned):
        if list(places) != scanned:
            with refused("adl: keys must fall"):
                order(bench, places)
    order(bench, scanned)
    assert job(bench).phase == READY


def test_no_closing_with_a_winner_left_out(bench: Bench, scanned: list[int], loser: int) -> None:
    for left_out in scanned:
        order(bench, [place for place in scanned if place != left_out])
        assert job(bench).phase == ORDERING
        with refused("adl: no job is ready"):
            close(bench, loser)
    order(bench, scanned)
    assert winners(bench, close(bench, loser)) == "cad"


def test_who_skips_ranks_does_not_keep_the_right_ones_out(
    bench: Bench, scanned: list[int], loser: int, outsider: Address
) -> None:
    """An outsider tells the last place first, at every step; the keeper's ranks displace it."""
    for rank, place in enumerate(scanned):
        if rank < 3:
            bench.adl.transact.order(0, SHORTS, rank, [scanned[-1]], sender=outsider)
        order(bench, [place], start=rank)
        assert job(bench).ordered == rank + 1
    assert job(bench).phase == READY
    assert winners(bench, close(bench, loser)) == "cad"


def test_right_ranks_may_be_told_twice(bench: Bench, scanned: list[int]) -> None:
    order(bench, scanned[:2])
    order(bench, scanned[:2])
    assert job(bench).ordered == 2
    order(bench, scanned[1:3], start=1)
    assert job(bench).ordered == 3
    order(bench, scanned)
    assert job(bench).phase == READY


def test_duplicates_do_not_fill_the_ranks(bench: Bench, scanned: list[int]) -> None:
    best = scanned[0]
    for places in ([best] * 4, [best, scanned[1], scanned[1], scanned[2]]):
        with refused("adl: keys must fall"):
            order(bench, places)
    assert job(bench).ordered == 0


def test_places_name_enrolled_holders_alone(bench: Bench, scanned: list[int]) -> None:
    """There is no way to name an account: not by its id, not by its place in the list."""
    rich = bench.accounts["rich"]
    for place in (rich, len(scanned), 2**255):
        with refused("adl: no such place"):
            order(bench, [place])


def test_a_threshold_above_all_costs_one_more_scan(bench: Bench, loser: int) -> None:
    open_job(bench, loser, threshold=ANY_KEY)
    scan(bench)
    now = job(bench)
    assert (now.phase, now.threshold, now.cursor, now.enrolled) == (SCANNING, 0, 0, 0)
    places = ranked(bench)
    scan(bench)
    assert job(bench).enrolled == 4
    order(bench, places)
    assert winners(bench, close(bench, loser)) == "cad"


def test_a_threshold_one_above_the_last_that_is_needed_enrols_too_little(
    bench: Bench, loser: int
) -> None:
    plan = bench.plans(loser)[0]
    open_job(bench, loser, threshold=plan.threshold + 1)
    scan(bench)
    assert (job(bench).phase, job(bench).threshold) == (SCANNING, 0)


def test_a_threshold_at_the_last_that_is_needed_enrols_no_more(bench: Bench, loser: int) -> None:
    plan = bench.plans(loser)[0]
    open_job(bench, loser, threshold=plan.threshold)
    scan(bench)
    assert (job(bench).phase, job(bench).enrolled, job(bench).lots) == (ORDERING, 3, 11)
    order(bench, plan.order)
    assert winners(bench, close(bench, loser)) == "cad"


@pytest.mark.parametrize("count", range(4))
def test_a_lower_threshold_enrols_more_and_hits_the_same(
    bench: Bench, loser: int, count: int
) -> None:
    """Whoever is enrolled beyond what is needed keeps all."""
    keys = sorted(key for key, _ in bench.keys(0, SHORTS))
    threshold = keys[count] if count < 2 else 0
    places = ranked(bench, threshold=threshold)
    open_job(bench, loser, threshold=threshold)
    scan(bench)
    order(bench, places)
    assert winners(bench, close(bench, loser)) == "cad"
    assert bench.size(bench.accounts["b"]) == -3


def test_a_plan_with_a_wrong_order_closes_nobody(bench: Bench, loser: int) -> None:
    plan = bench.plans(loser)[0]
    wrong = (plan.market, plan.longs, plan.threshold, list(plan.order[::-1]))
    with refused("adl: keys must fall"):
        bench.adl.transact.deleverage([loser], [wrong], sender=bench.keeper)
    left_out = (plan.market, plan.longs, plan.threshold, list(plan.order[1:]))
    with refused("adl: no job is ready"):
        bench.adl.transact.deleverage([loser], [left_out], sender=bench.keeper)
    assert bench.size(loser) == 10


def test_a_plan_without_its_job_closes_nobody(bench: Bench, loser: int) -> None:
    with refused("adl: no job is ready"):
        bench.adl.transact.deleverage([loser], [], sender=bench.keeper)


def test_those_who_are_not_below_zero_are_passed_over(bench: Bench, loser: int) -> None:
    a = bench.accounts
    plans = [(p.market, p.longs, p.threshold, list(p.order)) for p in bench.plans(loser)]
    losers = [a["rich"], 1, 2, 10**9, a["a"], loser, loser, a["b"]]
    receipt = bench.adl.transact.deleverage(losers, plans, sender=bench.keeper)
    assert [event.account for event in receipt.named("Closed")] == [loser]


def test_a_loser_with_a_stale_leg_is_passed_over(bench: Bench, crowd: dict[str, int]) -> None:
    """It can't be judged; the others of its batch can, in the same market too."""
    stale = bench.open("stale", 20)
    swap(bench, stale, crowd["rich"], 2, 100)
    swap(bench, stale, crowd["rich"], 1, 50, market=1)
    bench.engine.send_block([], bench.engine.head.timestamp + 3_600)
    bench.mark(91)
    bench.mark(89)
    assert bench.equity(stale) == -2
    loser = crowd["loser"]
    plans = [(p.market, p.longs, p.threshold, list(p.order)) for p in bench.plans(loser, stale)]
    receipt = bench.adl.transact.deleverage([stale, loser], plans, sender=bench.keeper)
    assert [event.loser for event in receipt.named("JobOpened")] == [loser]
    assert [event.account for event in receipt.named("Closed")] == [loser]
    assert bench.size(stale) == 2


def test_plans_that_nobody_needs_are_passed_over(bench: Bench, loser: int) -> None:
    idle: list[Any] = [(market, longs, 0, []) for market in (1, 250) for longs in (LONGS, SHORTS)]
    idle += [(0, LONGS, 0, [])]
    plans = [(p.market, p.longs, p.threshold, list(p.order)) for p in bench.plans(loser)]
    receipt = bench.adl.transact.deleverage([loser], idle + plans, sender=bench.keeper)
    assert [event.longs for event in receipt.named("JobOpened")] == [SHORTS]


def test_a_plan_goes_on_with_a_job_that_someone_else_has_begun(
    bench: Bench, loser: int, outsider: Address
) -> None:
    plan = (0, SHORTS, 0, ranked(bench))
    bench.adl.transact.open_jobs(loser, [(0, 0)], sender=outsider)
    bench.adl.transact.scan(0, SHORTS, 2, sender=outsider)
    receipt = bench.adl.transact.deleverage([loser], [plan], sender=bench.keeper)
    assert winners(bench, receipt) == "cad"
    assert job(bench).phase == ABSENT

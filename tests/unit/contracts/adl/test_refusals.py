"""Every refusal of auto-deleveraging, beside what it guards."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.chain import refused
from tests.unit.contracts.adl import stage
from tests.unit.contracts.adl.stage import (
    ORDERING,
    READY,
    SCANNING,
    close,
    crash,
    end_job,
    job,
    make_ready,
    open_job,
    order,
    ranked,
    scan,
)
from tests.unit.contracts.hand import hand, swap

if TYPE_CHECKING:
    from collections.abc import Callable

    from spillway.engines import Address
    from tests.bench import Bench

    Step = Callable[[], object]

HOUR = 3_600


@pytest.fixture
def second(bench: Bench, crowd: dict[str, int]) -> int:
    """One more loser of the same side: long 2 at 100 against the rich, E = -2 at 89."""
    account = bench.open("second", 20)
    swap(bench, account, crowd["rich"], 2, 100)
    return account


# --- open_job -----------------------------------------------------------------------------


@pytest.mark.parametrize(("mark", "equity"), [(91, 10), (90, 0)])
def test_no_job_for_an_account_that_is_not_below_zero(
    bench: Bench, crowd: dict[str, int], mark: int, equity: int
) -> None:
    bench.mark(mark)
    assert bench.equity(crowd["loser"]) == equity
    with refused("adl: account is not below zero"):
        open_job(bench, crowd["loser"])


def test_a_job_fixes_the_prices_and_the_holders_of_its_moment(bench: Bench, loser: int) -> None:
    opened = open_job(bench, loser).named("JobOpened")[0]
    assert (opened.market, opened.longs, opened.loser, opened.holders) == (0, False, loser, 4)
    now = job(bench)
    market = bench.pool.call.market(0)
    prices = now.mark, now.previous_mark, now.funding
    assert prices == (market.mark, market.previous_mark, market.funding)
    assert (now.phase, now.length, now.cursor, now.locked) == (SCANNING, 4, 0, True)


def test_anyone_may_open_a_job(bench: Bench, loser: int, outsider: Address) -> None:
    bench.adl.transact.open_jobs(loser, [(0, 0)], sender=outsider)
    assert job(bench).phase == SCANNING


def test_no_job_in_a_market_without_a_position_of_the_loser(bench: Bench, loser: int) -> None:
    with refused("adl: no position"):
        open_job(bench, loser, market=1)


def test_no_second_job_for_the_same_side(bench: Bench, second: int, loser: int) -> None:
    open_job(bench, loser)
    with refused("adl: job is open"):
        open_job(bench, second)


def test_no_job_for_an_account_with_a_stale_leg(bench: Bench, crowd: dict[str, int]) -> None:
    swap(bench, crowd["loser"], crowd["rich"], 1, 50, market=1)
    bench.age(HOUR)
    bench.mark(91)
    bench.mark(89)
    with refused("adl: stale mark"):
        open_job(bench, crowd["loser"])


# --- scan, order --------------------------------------------------------------------------


def test_no_scan_without_a_job_nor_after_the_last_holder(bench: Bench, loser: int) -> None:
    with refused("adl: wrong phase"):
        scan(bench)
    open_job(bench, loser)
    scan(bench, count=3)
    assert (job(bench).phase, job(bench).cursor) == (SCANNING, 3)
    scan(bench, count=1)
    assert job(bench).phase == ORDERING
    with refused("adl: wrong phase"):
        scan(bench)


def test_no_order_before_the_scan_is_over_nor_once_all_are_told(bench: Bench, loser: int) -> None:
    places = ranked(bench)
    with refused("adl: wrong phase"):
        order(bench, places)
    open_job(bench, loser)
    with refused("adl: wrong phase"):
        order(bench, places)
    scan(bench)
    ready = order(bench, places).named("JobReady")[0]
    assert (ready.enrolled, ready.lots) == (4, 14)
    assert job(bench).phase == READY
    with refused("adl: wrong phase"):
        order(bench, places)


def test_no_order_of_places_that_nobody_holds(bench: Bench, loser: int) -> None:
    open_job(bench, loser)
    scan(bench)
    for place in (4, 2**256 - 1):
        with refused("adl: no such place"):
            order(bench, [place])


def test_no_order_from_a_rank_beyond_those_told(bench: Bench, loser: int) -> None:
    places = ranked(bench)
    open_job(bench, loser)
    scan(bench)
    order(bench, places[:2])
    for start in (3, 2**256 - 1):
        with refused("adl: no such rank"):
            order(bench, places[2:], start=start)
    order(bench, places[2:], start=2)
    assert job(bench).phase == READY


def test_keys_must_fall(bench: Bench, loser: int) -> None:
    best, *rest = ranked(bench)
    open_job(bench, loser)
    scan(bench)
    for places in ([rest[0], best], [best, best], [best, *rest, best], [best, *rest[::-1]]):
        with refused("adl: keys must fall"):
            order(bench, places)
    order(bench, [best])
    with refused("adl: keys must fall"):
        order(bench, [best], start=1)


def test_a_worse_key_does_not_take_a_rank_that_is_told(bench: Bench, loser: int) -> None:
    places = ranked(bench)
    open_job(bench, loser)
    scan(bench)
    order(bench, places[:3])
    with refused("adl: a better key is told"):
        order(bench, [places[1]])
    with refused("adl: a better key is told"):
        order(bench, [places[0], places[2]])
    assert job(bench).ordered == 3


# --- close --------------------------------------------------------------------------------


def test_no_closing_of_an_account_that_is_not_below_zero(bench: Bench, loser: int) -> None:
    make_ready(bench, loser)
    with refused("adl: account is not below zero"):
        close(bench, bench.accounts["a"])
    assert close(bench, loser).named("Closed")[0].account == loser


def test_no_closing_of_one_that_the_mark_has_lifted_above_zero(bench: Bench, loser: int) -> None:
    make_ready(bench, loser)
    bench.mark(90)
    with refused("adl: account is not below zero"):
        close(bench, loser)


def test_no_closing_before_the_job_is_ready(bench: Bench, loser: int) -> None:
    places = ranked(bench)
    steps: tuple[Step, ...] = (
        lambda: open_job(bench, loser),
        lambda: scan(bench),
        lambda: order(bench, places[:3]),
    )
    for step in steps:
        with refused("adl: no job is ready"):
            close(bench, loser)
        step()
    with refused("adl: no job is ready"):
        close(bench, loser)
    order(bench, places[3:], start=3)
    close(bench, loser)
    assert bench.size(loser) == 0


def test_no_closing_while_one_of_its_markets_has_no_job(
    bench: Bench, crowd: dict[str, int]
) -> None:
    swap(bench, crowd["loser"], crowd["rich"], 1, 50, market=1)
    crash(bench)
    make_ready(bench, crowd["loser"])
    with refused("adl: no job is ready"):
        close(bench, crowd["loser"])
    make_ready(bench, crowd["loser"], market=1)
    close(bench, crowd["loser"])
    assert bench.pool.call.legs_of(crowd["loser"]) == 0


def test_a_job_serves_one_closing_at_a_time(bench: Bench, second: int, loser: int) -> None:
    make_ready(bench, loser)
    close(bench, loser, 1)
    assert job(bench).serving == loser
    with refused("adl: job serves another"):
        close(bench, second)
    close(bench, loser)
    assert job(bench).serving == 0
    close(bench, second)
    assert bench.size(second) == 0


def test_no_closing_with_a_stale_leg(bench: Bench, crowd: dict[str, int]) -> None:
    swap(bench, crowd["loser"], crowd["rich"], 1, 50, market=1)
    crash(bench)
    for market in (0, 1):
        make_ready(bench, crowd["loser"], market)
    bench.age(HOUR + 1)
    bench.mark(89)
    with refused("adl: stale mark"):
        close(bench, crowd["loser"])
    bench.mark(89, 50)
    close(bench, crowd["loser"], 1)
    bench.age(HOUR + 1)
    with refused("adl: stale mark"):
        close(bench, crowd["loser"])


def test_no_closing_by_a_queue_with_too_few_lots(bench: Bench, second: int, loser: int) -> None:
    plan = bench.plans(loser)[0]
    open_job(bench, loser, threshold=plan.threshold)
    scan(bench)
    order(bench, plan.order)
    assert job(bench).lots == 11
    close(bench, second)
    with refused("adl: queue is too short"):
        close(bench, loser)


def test_no_closing_of_one_who_was_not_below_zero_at_the_prices_of_the_job(
    bench: Bench, crowd: dict[str, int]
) -> None:
    """Else the crash of the epochs since would be paid to it at the old previous mark."""
    late = bench.open("late", 30)
    swap(bench, late, crowd["rich"], 2, 100)
    crash(bench)
    make_ready(bench, crowd["loser"])
    bench.mark(84)
    assert bench.equity(late) == -2
    with refused("adl: job is too old"):
        close(bench, late)
    close(bench, crowd["loser"])
    end_job(bench)
    bench.deleverage(late)
    assert (bench.size(late), bench.equity(late)) == (0, 8)  # at 89, the mark before 84


def test_funding_since_the_job_began_does_not_make_a_loser_of_it(
    bench: Bench, crowd: dict[str, int]
) -> None:
    late = bench.open("late", 30)
    swap(bench, late, crowd["rich"], 2, 100)
    crash(bench)
    make_ready(bench, crowd["loser"])
    bench.mark(89, funding=[5])
    assert bench.equity(late) == -2
    with refused("adl: job is too old"):
        close(bench, late)


def test_no_closing_of_one_whose_orders_stand(bench: Bench, crowd: dict[str, int]) -> None:
    bidder = bench.open("bidder", 250)
    swap(bench, bidder, crowd["b"], 10, 100)
    bench.place(bidder, 1, 91)
    crash(bench, previous=76, mark=74)
    make_ready(bench, bidder)
    with refused("adl: cancel its orders first"):
        close(bench, bidder)
    bench.book.transact.cancel_all(bidder, sender=hand(bench))
    close(bench, bidder)
    assert bench.size(bidder) == 0


# --- end_job ------------------------------------------------------------------------------


def test_no_one_ends_a_job_that_is_not_there(bench: Bench, loser: int) -> None:
    with refused("adl: wrong phase"):
        end_job(bench)
    open_job(bench, loser)
    with refused("adl: wrong phase"):
        end_job(bench, longs=True)


def test_no_one_ends_a_job_that_is_needed(bench: Bench, loser: int) -> None:
    places = ranked(bench)
    steps: tuple[Step, ...] = (
        lambda: open_job(bench, loser),
        lambda: scan(bench),
        lambda: order(bench, places),
        lambda: close(bench, loser, 1),
    )
    for step in steps:
        step()
        with refused("adl: job is needed"):
            end_job(bench)
    close(bench, loser)
    ended = end_job(bench).named("JobEnded")[0]
    assert ended.reason == stage.LOSER_CLOSED

"""A job over several transactions, blocks and epochs: the same closings, and nothing to gain."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from spillway.rules import AdlRules
from tests.bench import DEFICIT, USD
from tests.chain import refused
from tests.unit.contracts.adl import stage
from tests.unit.contracts.adl.stage import (
    ALL,
    EXPIRED,
    LIFETIME,
    LOSER_CLOSED,
    READY,
    SCANNING,
    SHORTS,
    USED_UP,
    close,
    crash,
    end_job,
    fills,
    gaps,
    job,
    make_ready,
    open_job,
    order,
    pass_blocks,
    ranked,
    scan,
)
from tests.unit.contracts.hand import hand, sums_hold, swap

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spillway.build import Artifacts
    from spillway.engines import Address, Engine
    from tests.bench import Bench

TRACES = ("ClosingBegun", "Deleveraged", "GapBorne", "Closed")


@pytest.fixture
def two_markets(bench: Bench) -> int:
    """A loser long in two markets against three winners each, with a gap at the previous marks."""
    a = bench.accounts
    crowd = {"loser": 310, "a": 300, "b": 40, "c": 900, "d": 50, "e": 2_000, "f": 120}
    for name, usd in crowd.items():
        bench.open(name, usd)
    for name, lots in {"a": 3, "b": 2, "c": 5}.items():
        swap(bench, a["loser"], a[name], lots, 100)
    for name, lots in {"d": 4, "e": 6, "f": 5}.items():
        swap(bench, a["loser"], a[name], lots, 50, market=1)
    bench.mark(81, 39)
    bench.mark(78, 37)
    return a["loser"]


def trace(*receipts: Any) -> list[tuple[Any, ...]]:
    """What closings did, in order; keys left out, for they hold places."""
    return [
        (event.name, *(value for name, value in vars_of(event.args) if name != "key"))
        for receipt in receipts
        for event in receipt.events
        if event.name in TRACES
    ]


def vars_of(args: Any) -> list[tuple[str, Any]]:
    """Names and values of an event's fields."""
    return list(args._asdict().items())


def ends(bench: Bench) -> list[tuple[Any, ...]]:
    """Sizes and equities of all accounts."""
    return [
        (*(bench.size(account, market) for market in range(3)), bench.equity(account))
        for account in range(1, bench.pool.call.account_count() + 1)
    ]


def page(bench: Bench, loser: int, scans: int, ranks: int, steps: int) -> list[Any]:
    """Close by the smallest pages that are asked for, a block each; the receipts of the closing."""
    legs = bench.legs(loser)
    for market in legs:
        longs = bench.size(loser, market) < 0
        places = ranked(bench, market, longs=longs)
        open_job(bench, loser, market)
        while job(bench, market, longs=longs).phase == SCANNING:
            scan(bench, market, scans, longs=longs)
        for start in range(0, len(places), ranks):
            order(bench, places[start : start + ranks], market, longs=longs, start=start)
    receipts: list[Any] = []
    while not receipts or not receipts[-1].named("Closed"):
        receipts.append(close(bench, loser, steps))
    for market in legs:
        end_job(bench, market)
    return receipts


@pytest.mark.parametrize(
    ("scans", "ranks", "steps"), [(1, 1, 1), (2, 2, 2), (3, 1, 4), (ALL, 64, 7), (1, 3, ALL)]
)
def test_pages_close_as_one_transaction_does(
    bench: Bench, two_markets: int, scans: int, ranks: int, steps: int
) -> None:
    before = bench.engine.snapshot()
    expected = trace(bench.deleverage(two_markets))
    at_once = ends(bench)
    assert len([name for name, *_ in expected if name == "GapBorne"]) > 1
    bench.engine.revert(before)

    receipts = page(bench, two_markets, scans, ranks, steps)

    assert trace(*receipts) == expected
    assert ends(bench) == at_once
    assert sums_hold(bench)
    if steps == 1:
        assert all(len(r.named("Deleveraged")) + len(r.named("GapBorne")) <= 1 for r in receipts)


@pytest.mark.parametrize("steps", [0, 1])
def test_a_page_of_no_steps_changes_nothing(bench: Bench, two_markets: int, steps: int) -> None:
    for market in (0, 1):
        make_ready(bench, two_markets, market)
    close(bench, two_markets, steps)
    before = ends(bench)
    for _ in range(3):
        assert not close(bench, two_markets, 0).events
    assert ends(bench) == before


def test_later_marks_do_not_move_the_prices_of_a_closing(bench: Bench, two_markets: int) -> None:
    before = bench.engine.snapshot()
    expected = trace(bench.deleverage(two_markets))
    bench.engine.revert(before)

    for market in (0, 1):
        make_ready(bench, two_markets, market)
    receipts: list[Any] = []
    marks = iter(range(77, 0, -3))
    while not receipts or not receipts[-1].named("Closed"):
        receipts.append(close(bench, two_markets, 1))
        bench.mark(next(marks), 36)

    assert trace(*receipts) == expected
    assert sums_hold(bench)


def test_funding_that_accrues_meanwhile_is_nobodys_of_those_who_are_closed(
    bench: Bench, two_markets: int
) -> None:
    """Whoever is closed whole ends as at the moment of the job; the sums hold all along."""
    before = bench.engine.snapshot()
    winners = {fill.winner for fill in bench.deleverage(two_markets).named("Deleveraged")}
    closed = [n for n in (two_markets, *winners) if not bench.pool.call.legs_of(n)]
    at_once = {account: bench.equity(account) for account in closed}
    bench.engine.revert(before)

    for market in (0, 1):
        make_ready(bench, two_markets, market)
    bench.mark(78, 37, funding=[3, -2])
    while not close(bench, two_markets, 1).named("Closed"):
        bench.mark(77, 36, funding=[1, 1])

    assert len(at_once) > 2
    assert {account: bench.equity(account) for account in closed} == at_once
    assert sums_hold(bench)


def test_a_winner_whose_market_has_turned_since_is_not_brought_below_zero(bench: Bench) -> None:
    """At 90 it has nothing left: of 2 a lot it gives 1, for the lots that it keeps have lost 1."""
    a = bench.accounts
    for name, usd in {"loser": 100, "winner": 10, "rich": 10_000, "pit": 10_000}.items():
        bench.open(name, usd)
    swap(bench, a["loser"], a["winner"], 10, 100)
    swap(bench, a["rich"], a["winner"], 10, 100)
    swap(bench, a["winner"], a["pit"], 7, 50, market=1)
    swap(bench, a["loser"], a["pit"], 1, 20, market=2)
    bench.mark(91, 50, 20)
    bench.mark(89, 20, 20)
    assert bench.equity(a["winner"]) == 10 + 220 - 210
    for market in (0, 2):
        make_ready(bench, a["loser"], market)
    bench.mark(90, 20, 5)
    assert (bench.equity(a["winner"]), bench.equity(a["loser"])) == (0, -15)

    fill = close(bench, a["loser"], 1).named("Deleveraged")[0]

    assert (fill.winner, fill.lots, fill.taken) == (a["winner"], 10, 10 * USD)
    assert (bench.size(a["winner"]), bench.equity(a["winner"])) == (-10, 0)
    assert sums_hold(bench)


def test_a_winner_that_has_fallen_below_zero_since_it_was_ranked_gives_nothing(
    bench: Bench,
) -> None:
    """Ranked with 20 of equity, now at -10 by another market: it is closed at mark."""
    a = bench.accounts
    for name, usd in {"loser": 100, "winner": 10, "pit": 10_000}.items():
        bench.open(name, usd)
    swap(bench, a["loser"], a["winner"], 10, 100)
    swap(bench, a["winner"], a["pit"], 10, 50, market=1)
    bench.mark(91, 50)
    bench.mark(89, 40)
    make_ready(bench, a["loser"])
    bench.mark(89, 37)
    assert bench.equity(a["winner"]) == 10 + 110 - 130

    receipt = close(bench, a["loser"])

    fill = receipt.named("Deleveraged")[0]
    assert (fill.tier, fill.taken, fill.quote) == (1, 0, 890 * USD)
    assert bench.equity(a["winner"]) == -10
    assert not gaps(receipt)


def test_a_loser_that_recovers_between_pages_is_let_go(bench: Bench, loser: int) -> None:
    make_ready(bench, loser)
    close(bench, loser, 1)
    assert bench.size(loser) == 5
    bench.mark(98)

    dropped = close(bench, loser).named("ClosingDropped")[0]

    # 5 lots left at 98, after 5 at 91.
    assert (dropped.account, dropped.equity) == (loser, (100 - 45 - 10) * USD)
    assert bench.size(loser) == 5
    assert job(bench).serving == 0
    assert end_job(bench).named("JobEnded")[0].reason == LOSER_CLOSED
    assert not bench.pool.call.market(0).locked
    assert sums_hold(bench)


def test_what_a_closing_has_gained_does_not_let_its_loser_go(bench: Bench, loser: int) -> None:
    """After 9 of 10 lots at 91 it is above zero at mark; without what those gave it is not."""
    make_ready(bench, loser)
    close(bench, loser, 2)
    assert bench.equity(loser) == -10 + 9 * 2
    assert not close(bench, loser).named("ClosingDropped")
    assert bench.at(loser) == (0, 10)


def test_a_loser_that_is_let_go_can_be_closed_again(bench: Bench, loser: int) -> None:
    make_ready(bench, loser)
    close(bench, loser, 1)
    bench.mark(98)
    close(bench, loser)
    end_job(bench)
    bench.mark(90)
    bench.mark(88)
    assert bench.equity(loser) == 100 - 45 - 60
    bench.deleverage(loser)
    assert bench.at(loser) == (0, 100 - 45 - 50)


# --- expiry -------------------------------------------------------------------------------


def test_a_job_may_be_ended_by_anyone_once_it_is_more_than_20_blocks_old(
    bench: Bench, loser: int
) -> None:
    open_job(bench, loser)
    pass_blocks(bench, LIFETIME - 1)
    with refused("adl: job is needed"):
        end_job(bench)
    assert end_job(bench).named("JobEnded")[0].reason == EXPIRED
    assert not bench.pool.call.market(0).locked
    bench.deleverage(loser)
    assert bench.at(loser) == (0, 10)


def test_a_job_that_is_paged_on_expires_all_the_same(bench: Bench, loser: int) -> None:
    open_job(bench, loser)
    opened_in = job(bench).opened_in
    for _ in range(3):
        pass_blocks(bench, 6)
        scan(bench, count=1)
    pass_blocks(bench, 1)
    assert bench.engine.head.number + 1 > opened_in + LIFETIME
    end_job(bench)


def test_what_was_filled_before_the_expiry_stays_filled(bench: Bench, loser: int) -> None:
    make_ready(bench, loser)
    close(bench, loser, 1)
    pass_blocks(bench, LIFETIME)
    end_job(bench)
    assert (bench.size(loser), bench.size(bench.accounts["c"])) == (5, 0)
    assert bench.equity(loser) == -10 + 5 * 2
    with refused("adl: account is not below zero"):
        open_job(bench, loser)
    bench.mark(89)
    bench.mark(85)
    receipt = bench.deleverage(loser)
    begun = receipt.named("ClosingBegun")[0]
    assert begun.equity == -20 * USD
    assert sums_hold(bench)


def test_an_expiry_frees_the_other_jobs_of_the_closing(bench: Bench, two_markets: int) -> None:
    make_ready(bench, two_markets, market=0)
    pass_blocks(bench, 10)
    make_ready(bench, two_markets, market=1)
    close(bench, two_markets, 1)
    pass_blocks(bench, 10)
    end_job(bench, 0)
    assert job(bench, 1).serving == 0
    assert bench.pool.call.market(1).locked
    make_ready(bench, two_markets, market=0)
    close(bench, two_markets)
    assert bench.pool.call.legs_of(two_markets) == 0
    for market in (0, 1):
        end_job(bench, market)
    assert sums_hold(bench)


def test_a_gap_that_was_not_shared_out_before_the_expiry_is_written_off(
    bench: Bench, two_markets: int
) -> None:
    for market in (0, 1):
        make_ready(bench, two_markets, market)
    receipt = close(bench, two_markets, 7)
    assert bench.pool.call.legs_of(two_markets) == 0
    (paid,) = receipt.named("GapBorne")
    owed = -bench.quote(two_markets)
    assert owed > 0
    pass_blocks(bench, LIFETIME)
    end_job(bench, 1)
    assert bench.quote(two_markets) == 0
    assert bench.quote(DEFICIT) == -owed
    assert paid.amount > 0
    end_job(bench, 0)
    assert sums_hold(bench)


# --- jobs that several losers share ---------------------------------------------------------


@pytest.fixture
def two_losers(bench: Bench, crowd: dict[str, int]) -> tuple[int, int]:
    """The loser of the crowd, and a second one, long 3 from b: 534/566 puts b before d."""
    second = bench.open("second", 30)
    swap(bench, second, crowd["b"], 3, 100)
    crash(bench)
    return crowd["loser"], second


def test_two_losers_share_a_job_and_the_front_that_the_first_has_used_in_part(
    bench: Bench, two_losers: tuple[int, int]
) -> None:
    a = bench.accounts
    receipt = bench.deleverage(*two_losers)
    assert len(receipt.named("JobOpened")) == 1
    got = [(winner, lots, price) for winner, lots, price, _ in fills(receipt)]
    assert got == [
        (a["c"], 5, 91),
        (a["a"], 4, 91),
        (a["b"], 1, 91),
        (a["b"], 3, 91),
    ]
    assert sums_hold(bench)


@pytest.mark.parametrize("steps", [1, 2, ALL])
def test_losers_in_turn_by_pages_end_as_in_one_call(
    bench: Bench, two_losers: tuple[int, int], steps: int
) -> None:
    before = bench.engine.snapshot()
    bench.deleverage(*two_losers)
    at_once = ends(bench)
    bench.engine.revert(before)

    make_ready(bench, two_losers[0])
    for loser in two_losers:
        while not close(bench, loser, steps).named("Closed"):
            pass
    end_job(bench)

    assert ends(bench) == at_once


def test_a_winner_bears_the_gap_of_each_loser_out_of_what_it_won_from_that_one(
    bench: Bench,
) -> None:
    """The front serves both in parts: 10 lots for the first, 2 for the second, won 20 a lot."""
    a = bench.accounts
    for name, usd in {"first": 100, "second": 1, "front": 5_000}.items():
        bench.open(name, usd)
    swap(bench, a["first"], a["front"], 10, 100)
    swap(bench, a["second"], a["front"], 2, 100)
    bench.mark(80)
    bench.mark(80)
    receipt = bench.deleverage(a["first"], a["second"])
    assert [fill.won for fill in receipt.named("Deleveraged")] == [200 * USD, 40 * USD]
    assert gaps(receipt) == [(0, a["front"], 100), (0, a["front"], 39)]


def test_a_job_that_another_loser_has_used_up_may_be_ended(
    bench: Bench, crowd: dict[str, int]
) -> None:
    second = bench.open("second", 20)
    swap(bench, second, crowd["rich"], 2, 100)
    crash(bench)
    first = crowd["loser"]
    plan = bench.plans(first)[0]
    open_job(bench, first, threshold=plan.threshold)
    scan(bench)
    order(bench, plan.order)
    assert job(bench).lots == 11
    close(bench, second)
    assert end_job(bench).named("JobEnded")[0].reason == USED_UP
    bench.deleverage(first)
    assert bench.size(first) == 0


# --- a queue that runs dry --------------------------------------------------------------------


def test_a_queue_that_has_run_dry_is_scanned_again(bench: Bench, dry: dict[str, int]) -> None:
    now = job(bench)
    assert (now.phase, now.threshold, now.cursor, now.serving) == (SCANNING, 0, 0, dry["loser"])
    with refused("adl: job is needed"):
        end_job(bench)


def test_a_closing_waits_until_the_new_queue_is_in_order(bench: Bench, dry: dict[str, int]) -> None:
    """Else whoever tells the first rank alone could choose who is hit."""
    scan(bench)
    (near, far) = new_places(bench, "near", "far")
    order(bench, [far], start=2)
    assert not close(bench, dry["loser"]).named("Deleveraged")
    order(bench, [near, far], start=2)
    assert job(bench).phase == READY
    assert fills(close(bench, dry["loser"])) == [(dry["near"], 4, 89, 2)]
    assert bench.size(dry["far"]) == -4


def new_places(bench: Bench, *names: str) -> Sequence[int]:
    """Places in the queue of the holders that are left, in which the old ones still have theirs."""
    old = 2
    holders = bench.pool.call.candidates(0, SHORTS, 0, 32, 1, 0)
    by_account = {holder.account: old + index for index, holder in enumerate(holders)}
    return [by_account[bench.accounts[name]] for name in names]


def test_places_of_the_old_queue_are_not_told_again(bench: Bench, dry: dict[str, int]) -> None:
    scan(bench)
    for place in (0, 1):
        with refused("adl: no such place"):
            order(bench, [place], start=2)
    for start in (0, 1):
        with refused("adl: no such rank"):
            order(bench, new_places(bench, "near", "far"), start=start)
    assert bench.size(dry["loser"]) == 4


def test_those_hit_before_the_queue_ran_dry_still_bear_the_gap(
    bench: Bench, dry: dict[str, int]
) -> None:
    scan(bench)
    order(bench, new_places(bench, "near", "far"), start=2)
    receipt = close(bench, dry["loser"])
    assert gaps(receipt) == [(0, dry["front"], 10)]
    assert receipt.named("Closed")[0].left == 0
    assert bench.equity(dry["loser"]) == 0
    assert sums_hold(bench)


# --- a loser that acts while it is being closed ------------------------------------------------


def test_what_a_loser_loses_elsewhere_meanwhile_is_a_matter_of_a_further_closing(
    bench: Bench,
) -> None:
    """After its first leg it has equity, opens a position in a third market, and loses that too."""
    a = bench.accounts
    for name, usd in {"loser": 51, "one": 1_000, "two": 1_000, "three": 1_000}.items():
        bench.open(name, usd)
    swap(bench, a["loser"], a["one"], 1, 100)
    swap(bench, a["loser"], a["two"], 1, 50, market=1)
    bench.mark(99, 50)
    bench.mark(49, 49)
    assert bench.equity(a["loser"]) == 51 - 51 - 1
    for market in (0, 1):
        make_ready(bench, a["loser"], market)
    close(bench, a["loser"], 1)
    assert bench.equity(a["loser"]) == 49
    bench.trade(a["loser"], a["three"], 9, 20, market=2)
    bench.mark(49, 49, 10)
    assert bench.equity(a["loser"]) == 49 - 90

    closed = close(bench, a["loser"]).named("Closed")[0]

    assert (closed.gap, closed.left, closed.residual) == (0, 0, 0)
    assert (bench.size(a["loser"], 2), bench.quote(DEFICIT)) == (9, 0)
    for market in (0, 1):
        end_job(bench, market)
    bench.mark(49, 49, 10)
    bench.deleverage(a["loser"])
    assert bench.at(a["loser"], 2) == (0, 0)
    assert sums_hold(bench)


def test_what_a_loser_needs_for_an_order_it_has_placed_meanwhile_is_no_residual(
    engine: Engine, artifacts: Artifacts, admin: Address, keeper: Address
) -> None:
    """The backstop gets what a closed account has left, but not the margin of a live one."""
    venue = stage.deploy(engine, artifacts, admin, keeper, closing=AdlRules(residual_to=3))
    assert venue.open_backstop("backstop", 5) == 3
    loser, winner = venue.open("loser", 51), venue.open("winner", 1_000)
    swap(venue, loser, winner, 1, 100)
    swap(venue, loser, winner, 1, 50, market=1)
    venue.mark(99, 50)
    venue.mark(49, 49)
    for market in (0, 1):
        make_ready(venue, loser, market)
    close(venue, loser, 1)
    venue.place(loser, 2, 19, market=2)
    closed = close(venue, loser).named("Closed")[0]
    assert (closed.residual, venue.equity(loser), venue.equity(3)) == (0, 50, 5)
    assert venue.book.call.orders_of(loser) != ()


def test_a_loser_may_save_itself_with_new_collateral(bench: Bench, loser: int) -> None:
    make_ready(bench, loser)
    close(bench, loser, 1)
    bench.deposit(loser, 10)
    assert close(bench, loser).named("ClosingDropped")
    assert bench.size(loser) == 5


def test_a_loser_whose_job_still_serves_another_is_passed_over(
    bench: Bench, dry: dict[str, int]
) -> None:
    """A keeper's list is not worth nothing because the first on it is not done."""
    second, third = dry["rich"], bench.open("third", 20)
    bench.pool.transact.pay(second, dry["pit"], 20_000 * USD, sender=hand(bench))
    swap(bench, third, dry["pit"], 2, 70, market=1)
    bench.mark(89, 50)
    plans = [(p.market, p.longs, p.threshold, list(p.order)) for p in bench.plans(third)]
    receipt = bench.adl.transact.deleverage([second, third], plans, sender=bench.keeper)
    assert [closed.account for closed in receipt.named("Closed")] == [third]
    assert (bench.size(second), bench.size(third, market=1)) == (4, 0)

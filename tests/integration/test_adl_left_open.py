"""Somebody opens a ranking and leaves it: the keeper goes on with it, and nobody waits.

Fee 0, maximum leverage 5, amounts in USD. The loser has 250 and is long 12 @ 100; five shorts of 4
lots each stand against it and a whale. At 76, then 74, the loser owes 62: 12 lots at 76 leave a
gap of 38.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from spillway import ranking
from spillway.actors import closings, rankings
from spillway.actors.rankings import LIFETIME, ORDERING, READY, SCANNING
from tests import bench as benches
from tests.bench import MAX_UINT, Bench
from tests.chain import undone
from tests.keepers import Shift, labels

if TYPE_CHECKING:
    from collections.abc import Callable

    from spillway.build import Artifacts
    from spillway.engines import Address, Engine

LOTS = 4
SHORTS = {"a": 100, "b": 200, "c": 400, "d": 800, "e": 1_600}
SIDE = False  # the winners are short
LOSER_CLOSED, USED_UP, EXPIRED = range(3)


@pytest.fixture
def bench(engine: Engine, artifacts: Artifacts, admin: Address, keeper: Address) -> Bench:
    venue = benches.deploy(engine, artifacts, admin, keeper)
    venue.list_at(100, 50)
    for name, usd in {"loser": 250, "whale": 9_000, **SHORTS}.items():
        venue.open(name, usd)
    a = venue.accounts
    for name in "abc":
        venue.trade(a["loser"], a[name], LOTS, 100)
    for name in "de":
        venue.trade(a["whale"], a[name], LOTS, 100)
    return venue


@pytest.fixture
def shift(bench: Bench, artifacts: Artifacts) -> Shift:
    return Shift(bench, artifacts)


def crash(bench: Bench) -> None:
    bench.mark(76, 50)
    bench.mark(74, 50)


@pytest.fixture
def by_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nothing fit into one transaction: 2 holders a scan, 2 ranks an order."""
    worst = rankings.GAS_HOLDER + rankings.GAS_HOLDER_LEG
    for module in (closings, rankings):
        monkeypatch.setattr(module, "GAS_CALL", 2 * (worst + rankings.GAS_ENROLLED))
        monkeypatch.setattr(module, "MOST_RANKS", 2)


# --- what an outsider does -----------------------------------------------------------------------


class Outsider:
    """Takes steps of the loser's job, and no more than it wants to."""

    def __init__(self, bench: Bench, sender: Address) -> None:
        self._bench = bench
        self._sender = sender

    def open(self, threshold: int, name: str = "loser", market: int = 0) -> None:
        loser = self._bench.accounts[name]
        self._bench.adl.transact.open_jobs(loser, [(market, threshold)], sender=self._sender)

    def scan(self, count: int) -> None:
        self._bench.adl.transact.scan(0, SIDE, count, sender=self._sender)

    def scan_all(self) -> None:
        while job(self._bench).phase == SCANNING:
            self.scan(MAX_UINT)

    def tell(self, *ranks: int) -> None:
        """Tell those who ought to have these ranks, in the order given."""
        right = ranked(self._bench)
        places = [right[rank] for rank in ranks]
        self._bench.adl.transact.order(0, SIDE, 0, places, sender=self._sender)

    def close(self, steps: int, name: str = "loser") -> None:
        self._bench.adl.transact.close(self._bench.accounts[name], steps, sender=self._sender)


def queue(bench: Bench) -> tuple[list[int], list[int]]:
    found = job(bench)
    return ranking.read_queue(bench.adl, 0, SIDE, found.enrolled, found.ordered)


def ranked(bench: Bench) -> list[int]:
    keys, _ = queue(bench)
    return sorted(range(len(keys)), key=keys.__getitem__, reverse=True)


def job(bench: Bench, market: int = 0) -> Any:
    return bench.adl.call.job(market, SIDE)


def leave_half_scanned(outsider: Outsider) -> None:
    outsider.scan(2)


def leave_at_the_second_scan(outsider: Outsider) -> None:
    outsider.scan(MAX_UINT)


def leave_scanned(outsider: Outsider) -> None:
    outsider.scan_all()


def leave_half_told(outsider: Outsider) -> None:
    outsider.scan_all()
    outsider.tell(0, 1)


def leave_told_wrong_from_the_first(outsider: Outsider) -> None:
    outsider.scan_all()
    outsider.tell(1, 3, 4)


def leave_told_wrong_from_the_second(outsider: Outsider) -> None:
    outsider.scan_all()
    outsider.tell(0, 2, 3)


def leave_ready(outsider: Outsider) -> None:
    outsider.scan_all()
    outsider.tell(0, 1, 2, 3, 4)


LEFT = [
    lambda _: None,
    leave_half_scanned,
    leave_at_the_second_scan,
    leave_scanned,
    leave_half_told,
    leave_told_wrong_from_the_first,
    leave_told_wrong_from_the_second,
    leave_ready,
]


@pytest.fixture
def stranger(bench: Bench, outsider: Address) -> Outsider:
    return Outsider(bench, outsider)


def ends(bench: Bench) -> dict[str, tuple[Any, ...]]:
    """What everybody holds and is worth."""
    return {
        name: (bench.size(n), bench.size(n, 1), bench.equity(n))
        for name, n in bench.accounts.items()
    }


# --- a job that was left -------------------------------------------------------------------------


@pytest.mark.parametrize("threshold", [0, MAX_UINT])
@pytest.mark.parametrize("leave", LEFT)
def test_the_loser_is_closed_in_the_next_block(
    bench: Bench,
    shift: Shift,
    stranger: Outsider,
    threshold: int,
    leave: Callable[[Outsider], None],
) -> None:
    crash(bench)
    loser = bench.accounts["loser"]
    with undone(bench.engine):
        bench.deleverage(loser)
        honest = ends(bench)
    assert honest["loser"] == (0, 0, 0)
    stranger.open(threshold)
    leave(stranger)

    receipts = shift.block()

    assert ends(bench) == honest
    assert not bench.pool.call.market(0).locked
    assert labels(receipts)[-2:] == ["Adl.close", "Adl.end_job"]
    assert "Adl.open_jobs" not in labels(receipts)
    assert shift.block() == []


@pytest.mark.parametrize("threshold", [0, MAX_UINT])
@pytest.mark.parametrize("leave", LEFT)
@pytest.mark.usefixtures("by_pages")
def test_it_goes_on_page_by_page(
    bench: Bench,
    shift: Shift,
    stranger: Outsider,
    threshold: int,
    leave: Callable[[Outsider], None],
) -> None:
    crash(bench)
    stranger.open(threshold)
    leave(stranger)
    before = job(bench)
    told = labels(shift.block())
    scans = -(-(len(SHORTS) - before.cursor) // 2) if before.phase == SCANNING else 0
    if before.phase == SCANNING and before.threshold:
        # Nobody of the first scan is enrolled, and 92,000 gas weigh 7; then 2 at a time.
        scans = 1 + -(-len(SHORTS) // 2)
    assert told.count("Adl.scan") == scans
    right = {"leave_half_told": 2, "leave_told_wrong_from_the_second": 1, "leave_ready": 5}
    missing = len(SHORTS) - right.get(leave.__name__, 0)
    assert told.count("Adl.order") == -(-missing // 2)
    assert bench.at(bench.accounts["loser"]) == (0, 0)


@pytest.mark.parametrize("steps", range(1, 8))
@pytest.mark.usefixtures("by_pages")
def test_a_closing_takes_no_call_too_many_and_none_too_few(
    bench: Bench, shift: Shift, monkeypatch: pytest.MonkeyPatch, steps: int
) -> None:
    monkeypatch.setattr(closings, "STEPS", steps)
    crash(bench)
    told = labels(shift.block())
    # 3 fills, and who won 24 * 4 bears the 38 alone.
    assert told.count("Adl.close") == -(-4 // steps)
    assert told.count("Adl.end_job") == told.count("Adl.open_jobs") == 1
    assert bench.at(bench.accounts["loser"]) == (0, 0)
    assert shift.block() == []


@pytest.mark.parametrize("steps", range(1, 5))
def test_a_closing_that_was_left_is_finished(
    bench: Bench, shift: Shift, stranger: Outsider, steps: int
) -> None:
    crash(bench)
    stranger.open(0)
    leave_ready(stranger)
    stranger.close(steps)
    serving = job(bench).serving
    receipts = shift.block()
    assert bench.at(bench.accounts["loser"]) == (0, 0)
    # It can't be known that the closing ends: its job does in the next block.
    assert labels(receipts)[-1] == ("Adl.close" if serving else "Adl.end_job")
    if serving:
        assert labels(shift.block()) == ["Adl.end_job"]
    assert not bench.pool.call.market(0).locked


def test_a_closing_that_has_brought_its_loser_above_zero_is_finished(
    bench: Bench, shift: Shift, stranger: Outsider
) -> None:
    """At 78 the loser owes 14; 8 lots at 80 give it 16 at mark before it is closed."""
    bench.mark(80, 50)
    bench.mark(78, 50)
    stranger.open(0)
    leave_ready(stranger)
    stranger.close(2)
    loser = bench.accounts["loser"]
    assert (bench.size(loser), bench.equity(loser)) == (LOTS, 2)
    assert labels(shift.block())[-1] == "Adl.close"
    assert bench.at(loser) == (0, 10)
    assert labels(shift.block()) == ["Adl.end_job"]


def test_a_loser_in_two_markets_of_which_one_was_ranked(
    bench: Bench, shift: Shift, stranger: Outsider
) -> None:
    a = bench.accounts
    bench.deposit(a["loser"], 30)
    bench.trade(a["loser"], a["e"], 2, 50, market=1)
    bench.mark(76, 50)
    bench.mark(74, 45)
    assert bench.equity(a["loser"]) == 280 - 312 - 10
    stranger.open(0)
    told = labels(shift.block())
    assert told.count("Adl.open_jobs") == 1
    assert told.count("Adl.end_job") == 2
    assert bench.legs(a["loser"]) == []
    assert not any(bench.pool.call.market(market).locked for market in (0, 1))


# --- a job that serves others badly --------------------------------------------------------------


@pytest.fixture
def second(bench: Bench) -> int:
    """A second loser, long 12 against `d` and `e` with 336 of its own: below zero under 72."""
    second = bench.open("second", 336)
    for name in "de":
        bench.trade(second, bench.accounts[name], 6, 100)
    return second


def assert_second_waits(bench: Bench, shift: Shift, second: int) -> None:
    """The loser is closed in the next block, the second one by its own job in the block after."""
    shift.block()
    assert (bench.size(bench.accounts["loser"]), bench.size(second)) == (0, 12)
    assert labels(shift.block())[-1] == "Adl.deleverage"
    assert bench.size(second) == 0


def test_a_loser_who_was_not_one_at_the_jobs_prices_waits_for_the_next_block(
    bench: Bench, shift: Shift, stranger: Outsider, second: int
) -> None:
    crash(bench)
    stranger.open(0)
    bench.mark(71, 50)
    assert bench.equity(second) == 336 - 12 * 29
    assert_second_waits(bench, shift, second)


def test_a_loser_for_whom_the_queue_is_too_short_waits_for_the_next_block(
    bench: Bench, shift: Shift, stranger: Outsider, second: int
) -> None:
    bench.mark(76, 50)
    bench.mark(70, 50)
    stranger.open(fourth_key(bench))
    stranger.scan_all()
    # Of three times 4 and once 10, the loser takes 12.
    assert 0 < job(bench).lots - 12 < 12
    assert_second_waits(bench, shift, second)


def fourth_key(bench: Bench) -> int:
    """The threshold that enrols four of the five."""
    return sorted((key for key, _ in bench.keys(0, SIDE)), reverse=True)[3]


def test_one_who_needs_what_is_serving_another_waits_for_it(
    bench: Bench, shift: Shift, stranger: Outsider, second: int
) -> None:
    bench.mark(76, 50)
    bench.mark(70, 50)
    stranger.open(0)
    leave_ready(stranger)
    stranger.close(1)
    assert_second_waits(bench, shift, second)


# --- what nobody needs ---------------------------------------------------------------------------


@pytest.mark.parametrize("leave", LEFT)
def test_the_job_of_one_who_is_no_longer_below_zero_is_ended(
    bench: Bench, shift: Shift, stranger: Outsider, leave: Callable[[Outsider], None]
) -> None:
    crash(bench)
    stranger.open(0)
    leave(stranger)
    bench.mark(99, 50)
    (receipt,) = shift.block()
    assert receipt.named("JobEnded")[0].reason == LOSER_CLOSED
    assert not bench.pool.call.market(0).locked
    assert shift.block() == []


def test_a_job_that_another_has_used_up_is_ended_and_its_loser_closed_by_a_new_one(
    bench: Bench, shift: Shift, stranger: Outsider, second: int
) -> None:
    bench.mark(76, 50)
    bench.mark(70, 50)
    stranger.open(fourth_key(bench))
    stranger.scan_all()
    stranger.tell(0, 1, 2, 3)
    stranger.close(MAX_UINT, "second")
    assert bench.size(second) == 0
    receipts = shift.block()
    assert receipts[0].named("JobEnded")[0].reason == USED_UP
    assert labels(receipts)[-1] == "Adl.deleverage"
    assert bench.at(bench.accounts["loser"]) == (0, 0)


def test_an_expired_job_is_ended_and_another_one_closes_the_loser(
    bench: Bench, shift: Shift, stranger: Outsider
) -> None:
    crash(bench)
    stranger.open(0)
    for _ in range(LIFETIME):
        bench.engine.send_block([], bench.engine.head.timestamp + 1)
    receipts = shift.block()
    assert receipts[0].named("JobEnded")[0].reason == EXPIRED
    assert labels(receipts)[-1] == "Adl.deleverage"
    assert bench.at(bench.accounts["loser"]) == (0, 0)


def test_the_queue_of_a_job_can_be_read(bench: Bench, stranger: Outsider) -> None:
    crash(bench)
    assert queue(bench) == ([], [])
    keys = [key for key, _ in bench.keys(0, SIDE)]
    stranger.open(0)
    stranger.scan(3)
    assert queue(bench) == (keys[:3], [])
    stranger.scan_all()
    assert job(bench).phase == ORDERING
    stranger.tell(0, 1)
    assert queue(bench) == (keys, ranked(bench)[:2])
    stranger.tell(0, 1, 2, 3, 4)
    assert job(bench).phase == READY
    assert queue(bench) == (keys, ranked(bench))


def test_keys_are_at_the_prices_of_the_job(bench: Bench, stranger: Outsider) -> None:
    crash(bench)
    keys = bench.keys(0, SIDE)
    stranger.open(0)
    bench.mark(70, 50)
    assert bench.keys(0, SIDE) == keys

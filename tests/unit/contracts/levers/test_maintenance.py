"""Raising maintenance: for new risk at once, for what stands after a notice, by a bounded step."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spillway.model import margin
from spillway.model.margin import Tier, packed
from tests.bench import USD
from tests.chain import refused
from tests.unit.contracts.adl import stage
from tests.unit.contracts.hand import swap
from tests.unit.contracts.levers.conftest import HALF, LEVERAGE, NOTICE

if TYPE_CHECKING:
    from tests.unit.contracts.levers.conftest import Board

MAX_AGE = 3_600
TIERS = ((1_000, 10), (5_000, 6), (20_000, 5))  # beyond the first, of 20


def word(*leverages: int) -> int:
    """The schedule of a market of one tier."""
    return packed([Tier(0, each) for each in leverages], MAX_AGE)


@pytest.fixture
def long(board: Board) -> int:
    """Ten lots at 100 with 250 USD: maintenance 100, as 5 is the leverage."""
    bench = board.bench
    account, other = bench.open("long", 250), bench.open("other", 10_000)
    swap(bench, account, other, 10, 100)
    assert board.maintenance(account) == 100 * USD
    return account


# --- the announcement ----------------------------------------------------------------------------


def test_an_announcement_changes_nothing_for_what_stands(board: Board, long: int) -> None:
    before = board.bench.pool.call.health(long)

    receipt = board.announce(HALF)

    due = board.bench.engine.head.timestamp + NOTICE
    assert board.announced() == (word(HALF), due)
    assert [tuple(e) for e in receipt.named("MaintenanceAnnounced")] == [(0, word(HALF), due)]
    assert board.bench.pool.call.schedule(0) == word(LEVERAGE)
    health = board.bench.pool.call.health(long)
    assert health._replace(initial=before.initial) == before
    assert health.initial == -(-1_000 * USD // HALF)


def test_until_it_is_in_force_a_market_has_no_second_one(board: Board) -> None:
    board.announce(4)

    for seconds in (0, NOTICE):
        board.wait(seconds + 1)
        with refused("levers: notice is running"):
            board.announce(4)
    board.announce(4, market=1)
    board.force()
    board.announce(HALF)


def test_the_admin_alone_announces(board: Board) -> None:
    with refused("levers: not the admin"):
        board.levers.transact.announce_maintenance(0, [4, 0, 0, 0, 0], sender=board.outsider)


def test_a_market_that_there_is_not_has_no_schedule(board: Board) -> None:
    with refused("levers: unknown market"):
        board.announce(4, market=3)


@pytest.mark.parametrize(
    ("leverages", "reason"),
    [
        ((6,), "levers: only ever tighter"),
        ((5,), "levers: only ever tighter"),
        ((5, 4), "levers: only ever tighter"),  # a tier that there is not
        ((2,), "levers: step too large"),
        ((0,), "levers: step too large"),
    ],
)
def test_a_step_is_down_and_to_half_at_most(
    board: Board, leverages: tuple[int, ...], reason: str
) -> None:
    with refused(reason):
        board.announce(*leverages)
    board.announce(HALF)


@pytest.mark.parametrize(
    ("leverages", "reason"),
    [
        ((20, 10, 6, 5), "levers: only ever tighter"),
        ((21, 10, 6, 4), "levers: only ever tighter"),
        ((9, 8, 6, 5), "levers: step too large"),
        ((10, 5, 3, 2), "levers: step too large"),
        ((10, 5, 3), "levers: step too large"),
        ((10, 10, 6, 5), "levers: leverages must fall"),
        ((10, 6, 6, 5), "levers: leverages must fall"),
        ((20, 10, 6, 5, 4), "levers: only ever tighter"),
        ((20, 10, 6, 4), ""),
        ((10, 5, 4, 3), ""),
    ],
)
def test_every_tier_is_held_to_it(board: Board, leverages: tuple[int, ...], reason: str) -> None:
    market = board.bench.list_market(20, tiers=TIERS)
    if reason:
        with refused(reason):
            board.announce(*leverages, market=market)
        return

    board.announce(*leverages, market=market)

    bounds = (0, *(bound for bound, _ in TIERS))
    tiers = [Tier(*tier) for tier in zip(bounds, leverages, strict=True)]
    assert board.announced(market)[0] == packed(tiers, MAX_AGE)


@given(
    leverages=st.lists(st.integers(1, 255), min_size=1, max_size=5, unique=True),
    bounds=st.lists(st.integers(1, 10**6), min_size=4, max_size=4, unique=True),
    notional=st.integers(0, 10**7 * USD),
)
def test_at_half_of_every_leverage_maintenance_at_most_doubles(
    leverages: list[int], bounds: list[int], notional: int
) -> None:
    """What the step rests on: rounded up tier by tier, too."""
    tiers = [
        Tier(bound, leverage)
        for bound, leverage in zip((0, *sorted(bounds)), sorted(leverages)[::-1], strict=False)
    ]
    halved = [Tier(tier.lower_bound, -(-tier.max_leverage // 2)) for tier in tiers]

    before, after = (margin.maintenance(each, notional) for each in (tiers, halved))

    assert before <= after <= 2 * before


# --- in force ------------------------------------------------------------------------------------


def test_after_the_notice_anyone_puts_it_in_force(board: Board, long: int) -> None:
    board.announce(HALF)
    board.wait()

    receipt = board.force()

    assert [tuple(e) for e in receipt.named("MaintenanceRaised")] == [(0, word(HALF))]
    assert board.announced() == (0, 0)
    assert board.bench.pool.call.schedule(0) == word(HALF)
    assert board.maintenance(long) == -(-1_000 * USD // (2 * HALF))


def test_not_a_second_before(board: Board, engine_time: int) -> None:
    board.announce(HALF)
    due = board.announced()[1]
    assert due == engine_time + 1 + NOTICE
    board.bench.engine.send_block([], due - 2)

    with refused("levers: notice is running"):
        board.force()
    board.force()


@pytest.fixture
def engine_time(board: Board) -> int:
    """Seconds, before the test; each transaction of it is a block, a second later."""
    return board.bench.engine.head.timestamp


def test_nothing_is_in_force_that_was_not_announced(board: Board) -> None:
    with refused("levers: nothing announced"):
        board.force()
    board.announce(HALF)
    board.wait()
    board.force()
    with refused("levers: nothing announced"):
        board.force()


def test_not_while_a_ranking_is_open(board: Board, ranking: int) -> None:
    board.announce(HALF)
    board.wait()
    with refused("levers: deleveraging at work"):
        board.force()

    board.bench.mark(89, 50, 20)
    stage.scan(board.bench)
    stage.order(board.bench, stage.ranked(board.bench))
    stage.close(board.bench, ranking)
    with refused("levers: deleveraging at work"):
        board.force()
    stage.end_job(board.bench)

    board.force()


# --- a hostile admin -----------------------------------------------------------------------------


def test_who_has_twice_the_maintenance_stays_healthy_whatever_the_admin_does(
    board: Board, long: int
) -> None:
    """250 USD against 100, then 167: a second step is announced, and takes another notice."""
    bench = board.bench
    board.announce(HALF)
    board.wait()
    board.force()
    board.announce(2)
    bench.mark(100, 50, 20)
    with refused("levers: notice is running"):
        board.force()

    assert board.maintenance(long) < bench.pool.call.health(long).equity
    (judged,) = bench.liquidate(long).named("Judged")
    assert judged.outcome == 0  # healthy


def test_the_schedule_can_not_be_kept_for_the_worst_moment(board: Board, long: int) -> None:
    """Whoever is concerned may have it over with, as soon as it is due."""
    board.announce(HALF)
    board.wait()
    board.levers.transact.raise_maintenance(0, sender=board.bench.owners[long])
    assert board.announced() == (0, 0)


def test_leverage_of_one_is_as_tight_as_it_gets(board: Board) -> None:
    market = board.bench.list_market(1)
    with refused("levers: step too large"):
        board.announce(0, market=market)
    with refused("levers: only ever tighter"):
        board.announce(1, market=market)

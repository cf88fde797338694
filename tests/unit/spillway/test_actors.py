"""What actors decide from a view: pure, no chain behind it but for the encoding of calls."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from spillway import scenario
from spillway.actors.keeper import GAS_ACCOUNT, GAS_CALL, GAS_LEG, MOST_ACCOUNTS, batches, plan
from spillway.actors.market_maker import depth_share, volatility
from spillway.observe import StandingStop

# --- makers --------------------------------------------------------------------------------------


def test_volatility_is_the_mean_move_of_a_block() -> None:
    # 1 % up, then 2 % down: 100 and 200 basis points.
    assert volatility([10_000, 10_100, 9_898]) == 150


def test_one_mark_is_no_move() -> None:
    assert volatility([10_000]) == 0


@pytest.mark.parametrize(
    ("moves", "share"),
    [("0", "1"), ("10", "1"), ("55", "0.55"), ("100", "0.1"), ("500", "0.1")],
)
def test_depth_falls_in_a_straight_line_down_to_its_floor(moves: str, share: str) -> None:
    book = scenario.load(scenario.find("thin")).book
    assert (book.withdrawal.calm_bp, book.withdrawal.gone_bp) == (10, 100)
    assert depth_share(book, Decimal(moves)) == Decimal(share)


# --- keeper --------------------------------------------------------------------------------------


def test_batches_keep_the_order_and_leave_nobody_out() -> None:
    due = list(range(3, 40))
    made = list(batches(due, [1] * len(due)))
    assert [number for batch in made for number in batch] == due


def test_a_batch_fits_into_a_transaction() -> None:
    legs = [1, 2, 3, 1, 1, 1, 8, 1]
    for batch in batches(range(len(legs)), legs):
        gas = sum(GAS_ACCOUNT + GAS_LEG * legs[number] for number in batch)
        assert gas <= GAS_CALL or len(batch) == 1
        assert len(batch) <= MOST_ACCOUNTS


def test_nobody_due_makes_no_batch() -> None:
    assert list(batches([], [])) == []


def key(score: int, place: int) -> int:
    """A ranking key: what it is sorted by, then the place in the holder list."""
    return score << 56 | place


def test_a_plan_enrols_as_many_winners_as_the_lots_need() -> None:
    holders = [(key(5, 0), 10), (key(9, 1), 4), (key(7, 2), 3), (key(1, 3), 100)]
    made = plan(0, True, 12, holders)
    # 4 + 3 + 10 lots cover 12: the fourth is not needed.
    assert made.threshold == key(5, 0)
    # Enrolled in the order of places 0, 1, 2; best first they are the second, the third, the first.
    assert made.order == (1, 2, 0)


def test_a_plan_for_more_than_there_is_takes_everyone() -> None:
    holders = [(key(5, 4), 10), (key(9, 1), 4)]
    made = plan(3, False, 50, holders)
    assert made == (3, False, key(5, 4), (0, 1))


def test_a_plan_without_holders_is_empty() -> None:
    assert plan(0, True, 1, []) == (0, True, 0, ())


# --- stops ---------------------------------------------------------------------------------------


def test_a_stop_fires_on_its_side_of_the_trigger() -> None:
    below = StandingStop(market=0, above=False, trigger=100)
    assert [below.reached(mark) for mark in (99, 100, 101)] == [True, True, False]
    above = replace(below, above=True)
    assert [above.reached(mark) for mark in (99, 100, 101)] == [False, True, True]

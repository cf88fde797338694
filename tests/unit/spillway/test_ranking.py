"""Plans: how a ranking is cut and ordered for the chain."""

from __future__ import annotations

from spillway.ranking import MOST_RANKS, plan


def key(score: int, place: int) -> int:
    """A ranking key: what it is sorted by, then the place in the holder list."""
    return score << 56 | place


def test_a_plan_enrols_as_many_winners_as_the_lots_need() -> None:
    holders = [(key(5, 0), 10), (key(9, 1), 4), (key(7, 2), 3), (key(1, 3), 100)]
    made = plan(0, True, holders, 12)
    # 4 + 3 + 10 lots cover 12: the fourth is not needed.
    assert made.threshold == key(5, 0)
    # Enrolled in the order of places 0, 1, 2; best first they are the second, the third, the first.
    assert made.order == (1, 2, 0)


def test_a_plan_for_more_than_there_is_takes_everyone() -> None:
    holders = [(key(9, 1), 4), (key(5, 4), 10)]
    made = plan(3, False, holders, 50)
    assert made == (3, False, key(5, 4), (0, 1))


def test_a_plan_without_holders_is_empty() -> None:
    assert plan(0, True, [], 1) == (0, True, 0, ())


def test_a_full_plan_is_cut_at_its_best() -> None:
    holders = [(key(score, score), 1) for score in range(MOST_RANKS + 5)]
    made = plan(0, True, holders, 1_000)
    assert len(made.order) == MOST_RANKS
    assert made.threshold == key(5, 5)
    assert made.order == tuple(range(MOST_RANKS - 1, -1, -1))

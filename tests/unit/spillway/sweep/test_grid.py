"""What `--over` says, and what it may not say."""

from __future__ import annotations

import pytest

from spillway.errors import BadInput
from spillway.sweep import grid


def test_values_follow_their_knob_and_a_range_leaves_its_end_out() -> None:
    axes = grid.parse(["depth=0.5,1.0,seed=0:3", "at_risk=0.03"])
    assert axes == {"depth": ("0.5", "1"), "seed": ("0", "1", "2"), "at_risk": ("0.03",)}


def test_every_combination_comes_once_and_the_last_knob_turns_fastest() -> None:
    axes = grid.parse(["depth=1,2,seed=0:2"])
    assert [tuple(point.values()) for point in grid.points(axes)] == [
        ("1", "0"),
        ("1", "1"),
        ("2", "0"),
        ("2", "1"),
    ]


def test_nothing_to_turn_is_one_run() -> None:
    assert list(grid.points(grid.parse([]))) == [{}]


@pytest.mark.parametrize(
    ("text", "field", "value"),
    [
        ("speed=1", "--over", "speed"),
        ("3", "--over", "3"),
        ("seed=1,seed=2", "--over", "seed"),
        ("seed=1,01", "--over seed", "1, 1"),
        ("seed=-1", "--over seed", "-1"),
        ("seed=3:3", "--over seed", "3:3"),
        ("seed=", "--over seed", ""),
        ("depth=0", "--over depth", "0"),
        ("depth=nan", "--over depth", "nan"),
        ("depth=much", "--over depth", "much"),
        ("at_risk=1.01", "--over at_risk", "1.01"),
        ("at_risk=0.0000001", "--over at_risk", "0.0000001"),
        ("venue=nowhere", "--over venue", "nowhere"),
    ],
)
def test_what_is_not_allowed_is_told(text: str, field: str, value: str) -> None:
    with pytest.raises(BadInput) as caught:
        grid.parse([text])
    assert (caught.value.field, caught.value.value) == (field, value)


def test_a_grid_beyond_the_limit_is_refused() -> None:
    axes = grid.parse([f"seed=0:{grid.MAX_RUNS + 1}"])
    with pytest.raises(BadInput, match=f"at most {grid.MAX_RUNS}"):
        grid.points(axes)
    most = grid.points(grid.parse([f"seed=0:{grid.MAX_RUNS}"]))
    assert sum(1 for _ in most) == grid.MAX_RUNS

"""The set of ticks: neighbours are found whatever lies between, for a bounded number of words."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.chain import undone

if TYPE_CHECKING:
    from spillway.build import Artifacts
    from spillway.engines import Contract, Engine

FAN = 255
MAX_TICK = FAN**3 - 1
MARKET, OTHER_MARKET = 7, 8

# Close together, in neighbouring nodes of each height, and anywhere.
ticks = st.one_of(
    st.integers(1, 600),
    st.sampled_from([FAN - 1, FAN, FAN + 1, FAN**2 - 1, FAN**2, FAN**2 + FAN, MAX_TICK]),
    st.integers(1, MAX_TICK),
)


@pytest.fixture(scope="module")
def tree(engine: Engine, artifacts: Artifacts) -> Contract:
    return engine.deploy(artifacts["TickTreeHarness"], sender=engine.sender(0))


def apply(tree: Contract, name: str, *args: int) -> int:
    """Gas of one change."""
    return int(getattr(tree.transact, name)(*args, sender=tree.engine.sender(0)).gas_used)


@settings(max_examples=50, deadline=None)
@given(
    added=st.sets(ticks, min_size=1, max_size=12),
    data=st.data(),
    asked=st.lists(ticks, max_size=6),
)
def test_neighbours_are_those_of_a_sorted_list(
    tree: Contract, added: set[int], data: st.DataObject, asked: list[int]
) -> None:
    removed = data.draw(st.sets(st.sampled_from(sorted(added))))
    present = sorted(added - removed)
    with undone(tree.engine):
        for tick in added:
            apply(tree, "add", MARKET, tick)
        for tick in removed:
            apply(tree, "remove", MARKET, tick)

        for tick in [*asked, *sorted(added)]:
            below = present[: bisect_left(present, tick)]
            above = present[bisect_right(present, tick) :]
            assert tree.call.next(MARKET, tick, True) == (below[-1] if below else 0)
            assert tree.call.next(MARKET, tick, False) == (above[0] if above else 0)


def test_markets_do_not_share_a_set(tree: Contract) -> None:
    apply(tree, "add", MARKET, 100)

    assert tree.call.next(MARKET, 99, False) == 100
    assert tree.call.next(OTHER_MARKET, 99, False) == 0


def test_adding_twice_and_removing_once_leaves_nothing(tree: Contract) -> None:
    apply(tree, "add", MARKET, 100)
    apply(tree, "add", MARKET, 100)

    apply(tree, "remove", MARKET, 100)

    assert tree.call.next(MARKET, 1, False) == 0


def test_a_change_costs_the_same_among_many_ticks_as_among_few(tree: Contract) -> None:
    far = 1_000_000
    for tick in (far, far + 1, far + 2):
        apply(tree, "add", MARKET, tick)
    few = apply(tree, "remove", MARKET, far + 1)

    for tick in range(1, 300 * FAN, FAN):
        apply(tree, "add", MARKET, tick)
    apply(tree, "add", MARKET, far + 1)
    many = apply(tree, "remove", MARKET, far + 1)

    assert many == few

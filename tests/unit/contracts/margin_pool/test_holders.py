"""Positions in their words; lists of holders: appended to, never reordered, holes reused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.chain import refused
from tests.rng import seeded

if TYPE_CHECKING:
    from spillway.build import Artifacts
    from spillway.engines import Address, Contract, Engine
    from tests.unit.contracts.margin_pool.stand import Stand

MOST_HOLDERS = 2**24 - 1
LARGEST_SIZE, LARGEST_COST = 2**54 - 1, 2**141 - 1


# --- on the pool ---------------------------------------------------------------------------------


@pytest.fixture
def crowd(stand: Stand, trader: Address, making: int) -> list[int]:
    """Eleven longs of one lot each, against one short: more than one word of the list."""
    found = [stand.open(trader, 100) for _ in range(11)]
    for account in found:
        stand.trade(account, making, 1)
    return found


def test_holders_stand_in_the_order_in_which_they_came(
    stand: Stand, crowd: list[int], making: int
) -> None:
    assert stand.holders(longs=True) == crowd
    assert stand.holders(longs=False) == [making]
    assert [stand.pool.call.position(n, 0).place for n in crowd] == list(range(len(crowd)))


def test_nobody_moves_when_somebody_leaves(stand: Stand, crowd: list[int], making: int) -> None:
    for gone in (0, 4, 10):
        stand.trade(making, crowd[gone], 1)

    expected = [0 if place in {0, 4, 10} else n for place, n in enumerate(crowd)]
    assert stand.holders(longs=True) == expected
    assert stand.pool.call.holder_count(0, True) == len(crowd)


def test_the_last_hole_is_filled_first(stand: Stand, crowd: list[int], making: int) -> None:
    for gone in (2, 9, 5):
        stand.trade(making, crowd[gone], 1)
    back = [crowd[place] for place in (9, 2, 5)]
    newcomer = stand.open(stand.admin, 100)

    for account in (*back, newcomer):
        stand.trade(account, making, 1)

    now = stand.holders(longs=True)
    assert [now.index(account) for account in back] == [5, 9, 2]
    assert now[len(crowd) :] == [newcomer]


def test_a_flip_goes_from_one_list_to_the_other(
    stand: Stand, crowd: list[int], making: int
) -> None:
    stand.trade(making, crowd[3], 2)

    assert stand.holders(longs=True)[3] == 0
    assert stand.holders(longs=False) == [making, crowd[3]]
    assert stand.pool.call.position(crowd[3], 0).place == 1
    stand.trade(crowd[3], making, 2)
    assert stand.holders(longs=True) == crowd
    assert stand.holders(longs=False) == [making, 0]


def test_growing_and_shrinking_keep_the_place(stand: Stand, crowd: list[int], making: int) -> None:
    stand.trade(crowd[7], making, 5)
    stand.trade(making, crowd[7], 3)

    assert stand.holders(longs=True) == crowd


def test_random_comings_and_goings_keep_the_lists(
    stand: Stand, crowd: list[int], making: int, other: int
) -> None:
    """`conserved` compares lists, places and positions of everybody afterwards."""
    rng = seeded(20251010)

    for _ in range(60):
        buyer, seller = rng.sample([*crowd, making, other], 2)
        stand.trade(buyer, seller, rng.randint(1, 3))


# --- on the module -------------------------------------------------------------------------------


@pytest.fixture
def positions(engine: Engine, artifacts: Artifacts, admin: Address) -> Contract:
    return engine.deploy(artifacts["PositionsHarness"], sender=admin)


def test_a_list_has_an_end(positions: Contract, admin: Address) -> None:
    positions.transact.set_length(3, False, MOST_HOLDERS - 1, sender=admin)
    positions.transact.change(7, 3, -1, 0, sender=admin)
    assert positions.call.held(7, 3).place == MOST_HOLDERS - 1

    with refused("pool: too many holders"):
        positions.transact.change(8, 3, -1, 0, sender=admin)
    positions.transact.change(8, 3, 1, 0, sender=admin)  # the other side has room
    positions.transact.change(7, 3, 0, 0, sender=admin)
    positions.transact.change(9, 3, -1, 0, sender=admin)  # and so has a hole
    assert positions.call.holder(3, False, MOST_HOLDERS - 1) == 9


@pytest.mark.parametrize("size", [1, -1, LARGEST_SIZE, -LARGEST_SIZE, -(2**55), 2**55 - 1])
@pytest.mark.parametrize("cost", [0, 1, -1, LARGEST_COST, -LARGEST_COST, -(2**143), 2**143 - 1])
def test_a_word_holds_the_largest_sizes_and_costs(
    positions: Contract, admin: Address, size: int, cost: int
) -> None:
    positions.transact.set_leverage(5, 0, 255, sender=admin)

    positions.transact.change(5, 0, size, cost, sender=admin)

    held = positions.call.held(5, 0)
    assert tuple(held) == (size, cost, 255, 1, 0)


def test_births_count_on_through_their_bits(positions: Contract, admin: Address) -> None:
    positions.transact.change(5, 0, 1, -1, sender=admin)
    assert positions.call.held(5, 0).birth == 1

    for size in (0, -1, 1, -1, 0):
        positions.transact.change(5, 0, size, -3, sender=admin)

    assert positions.call.held(5, 0).birth == 4


def test_lists_of_markets_and_sides_do_not_touch(positions: Contract, admin: Address) -> None:
    rng = seeded(7)
    lists: dict[tuple[int, bool], list[int]] = {}
    for account in range(1, 60):
        market, longs = rng.choice((0, 1, 255)), rng.random() < 0.5
        positions.transact.change(account, market, 1 if longs else -1, 0, sender=admin)
        lists.setdefault((market, longs), []).append(account)

    for (market, longs), expected in lists.items():
        assert positions.call.length(market, longs) == len(expected)
        found = [positions.call.holder(market, longs, place) for place in range(len(expected))]
        assert found == expected

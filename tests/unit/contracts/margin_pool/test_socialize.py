"""socialize: a loss charged per lot to one side; the rounding's surplus stays in the pot."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.chain import refused
from tests.unit.contracts.margin_pool.stand import DEFICIT, MARK, START, USD, Match, Stand

if TYPE_CHECKING:
    from spillway.engines import Address

LOTS = 7


@pytest.fixture
def sides(stand: Stand, taking: int, making: int, other: int) -> tuple[int, int, int]:
    """Longs of 4 and 3 lots, a short of 7."""
    stand.trade(taking, making, 4)
    stand.trade(other, making, 3)
    return taking, other, making


def socialize(stand: Stand, amount: int, *, longs: bool, target: int = DEFICIT) -> None:
    stand.pool.transact.socialize(0, longs, target, amount, sender=stand.liquidator)


def lost(stand: Stand, accounts: tuple[int, ...], before: list[int]) -> list[int]:
    """What each account has less than before."""
    return [was - now for was, now in zip(before, equities(stand, accounts), strict=True)]


def equities(stand: Stand, accounts: tuple[int, ...]) -> list[int]:
    return [stand.pool.call.health(account).equity for account in accounts]


@pytest.mark.parametrize("longs", [True, False])
@pytest.mark.parametrize("amount", [0, 1, LOTS - 1, LOTS, LOTS + 1, 700 * USD + 5])
def test_charges_each_holder_of_a_side_per_lot_rounded_up(
    stand: Stand, sides: tuple[int, int, int], longs: bool, amount: int
) -> None:
    before, owed = equities(stand, sides), equities(stand, (DEFICIT,))[0]

    socialize(stand, amount, longs=longs)

    per_lot = -(-amount // LOTS)
    charged = [4 * per_lot, 3 * per_lot, 0] if longs else [0, 0, 7 * per_lot]
    assert lost(stand, sides, before) == charged
    assert equities(stand, (DEFICIT,))[0] - owed == amount
    assert stand.pool.call.pot(0) == LOTS * per_lot - amount


def test_both_sides_can_be_charged_one_after_the_other(
    stand: Stand, sides: tuple[int, int, int]
) -> None:
    before = equities(stand, sides)

    socialize(stand, 70, longs=True)
    socialize(stand, 15, longs=False)
    socialize(stand, 1, longs=True)

    assert lost(stand, sides, before) == [44, 33, 21]
    assert stand.pool.call.pot(0) == 98 - 86


def test_the_deleverager_may_as_well(stand: Stand, sides: tuple[int, int, int]) -> None:
    before = equities(stand, sides)

    stand.pool.transact.socialize(0, True, DEFICIT, 7, sender=stand.deleverager)

    assert lost(stand, sides, before) == [4, 3, 0]


def test_closing_settles_the_charge_and_opening_begins_without_one(
    stand: Stand, sides: tuple[int, int, int]
) -> None:
    first, second, short = sides
    socialize(stand, 10, longs=True)  # 2 a lot, 4 in the pot
    before = equities(stand, sides)

    stand.trade(short, first, 4)  # closes the first long
    assert equities(stand, sides) == before
    stand.trade(first, short, 9)
    assert equities(stand, sides) == before
    stand.trade(short, second, 12)  # the second long turns short
    assert equities(stand, sides) == before

    socialize(stand, 9, longs=True)
    longs = [n for n in sides if stand.size(n) > 0]
    assert [stand.size(n) for n in sides] == [9, -9, 0]
    assert longs == [first]
    assert lost(stand, sides, before) == [9, 0, 0]
    assert stand.pool.call.pot(0) == 4


def test_a_charge_counts_in_a_match(stand: Stand, sides: tuple[int, int, int]) -> None:
    first, _, short = sides
    socialize(stand, 70 * USD, longs=True)
    before = equities(stand, (first, short))

    filled = stand.fill(Match(0, first, short, False, 2, MARK))

    after = equities(stand, (first, short))
    assert after == [before[0] - filled.taker_fee, before[1] - filled.maker_fee]


def test_a_charge_counts_against_a_candidate(stand: Stand, sides: tuple[int, int, int]) -> None:
    first, _, _ = sides
    socialize(stand, 70, longs=True)

    found = stand.pool.call.candidates(0, True, 0, 32, MARK, 0)

    assert found[0].account == first
    assert found[0].equity == equities(stand, (first,))[0] == 10_000 * USD - 40


@pytest.mark.usefixtures("sides")
def test_needs_somebody_to_charge(stand: Stand) -> None:
    empty = stand.list_market()

    with refused("pool: nobody to charge"):
        stand.pool.transact.socialize(empty, True, DEFICIT, 1, sender=stand.liquidator)
    socialize(stand, 1, longs=True)


@pytest.mark.usefixtures("sides")
def test_nobody_is_charged_in_another_market(stand: Stand, trader: Address, maker: Address) -> None:
    second = stand.list_market()
    stand.mark(START, START)
    long, short = stand.open(trader, 100), stand.open(maker, 100)
    stand.trade(long, short, 1, START, second)

    socialize(stand, 700 * USD, longs=True)

    assert equities(stand, (long, short)) == [100 * USD, 100 * USD]
    assert stand.pool.call.pot(second) == 0

"""Quotas: what a share policy must keep, and what each of them gives."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spillway.model.levels import level_of
from spillway.model.policies import SHARES, Asked, Candidate, Quota, Side
from spillway.model.policies.share import MAX_LEVEL

USD = 10**18
SIDE = Side(0, longs=False, mark=80 * USD, previous_mark=82 * USD, funding=0, length=32)
QUOTAS = pytest.mark.parametrize("quota", SHARES.values(), ids=SHARES)

SIZES = st.one_of(st.integers(1, 9), st.integers(1, 2**54 - 1))
AMOUNTS = st.one_of(st.integers(-9 * USD, 9 * USD), st.integers(-(2**152), 2**152))


@st.composite
def sides(draw: st.DrawFn) -> tuple[Asked, list[Candidate]]:
    """A side of up to eight holders, and what is asked of it: from no lot to all of them."""
    count = draw(st.integers(1, 8))
    ids = draw(st.lists(st.integers(3, 2**32 - 1), min_size=count, max_size=count, unique=True))
    found = [
        Candidate(
            account=account,
            size=(size := draw(SIZES)),
            pnl=draw(AMOUNTS),
            equity=draw(AMOUNTS),
            notional=size * SIDE.mark,
            entry_notional=1,
            place=place,
            others=draw(AMOUNTS),
        )
        for place, account in enumerate(ids)
    ]
    total = sum(each.size for each in found)
    lots = draw(st.integers(0, total))
    return Asked(lots, total, draw(st.integers(-(2**90), 2**90))), found


def at(quota: Quota, asked: Asked, found: list[Candidate], level: int) -> list[int]:
    """Every quota at a level."""
    return [quota(SIDE, asked, each, level) for each in found]


@QUOTAS
@given(side=sides())
def test_every_sum_is_met_exactly(quota: Quota, side: tuple[Asked, list[Candidate]]) -> None:
    asked, found = side
    assert sum(at(quota, asked, found, level_of(quota, SIDE, asked, found))) == asked.lots


@QUOTAS
@given(side=sides(), levels=st.lists(st.integers(0, MAX_LEVEL), min_size=2, max_size=6))
def test_no_quota_falls_as_the_level_rises(
    quota: Quota, side: tuple[Asked, list[Candidate]], levels: list[int]
) -> None:
    asked, found = side
    steps = [at(quota, asked, found, level) for level in sorted(levels)]
    for lower, higher in pairwise(steps):
        assert all(few <= many for few, many in zip(lower, higher, strict=True))


@QUOTAS
@given(side=sides(), level=st.integers(0, MAX_LEVEL), bits=st.integers(0, 194))
def test_the_next_level_has_at_most_one_lot_more(
    quota: Quota, side: tuple[Asked, list[Candidate]], level: int, bits: int
) -> None:
    asked, found = side
    level >>= bits
    assert sum(at(quota, asked, found, level + 1)) - sum(at(quota, asked, found, level)) in (0, 1)


@QUOTAS
@given(side=sides())
def test_the_next_level_has_at_most_one_lot_more_where_the_sum_is_met(
    quota: Quota, side: tuple[Asked, list[Candidate]]
) -> None:
    asked, found = side
    level = level_of(quota, SIDE, asked, found)
    sums = [sum(at(quota, asked, found, n)) for n in range(max(level - 3, 0), level + 4)]
    assert all(more - less in (0, 1) for less, more in pairwise(sums))


@QUOTAS
@given(side=sides())
def test_quotas_go_from_nothing_to_everything(
    quota: Quota, side: tuple[Asked, list[Candidate]]
) -> None:
    asked, found = side
    assert at(quota, asked, found, 0) == [0] * len(found)
    for level in (MAX_LEVEL, MAX_LEVEL + 1, 2**256 - 1):
        assert at(quota, asked, found, level) == [each.size for each in found]


@QUOTAS
@given(side=sides(), further=st.integers(1, 2**40))
def test_two_levels_of_one_sum_have_the_same_quotas(
    quota: Quota, side: tuple[Asked, list[Candidate]], further: int
) -> None:
    """The reason why the contract checks nothing but the sum."""
    asked, found = side
    level = level_of(quota, SIDE, asked, found)
    first, second = (at(quota, asked, found, n) for n in (level, level + further))
    assert (first == second) == (sum(first) == sum(second))


# --- what each gives ----------------------------------------------------------------------------


def holder(account: int, size: int, pnl: int = 1, equity: int = 100) -> Candidate:
    """A holder with so many lots at 80 USD; amounts in USD."""
    return Candidate(account, size, pnl * USD, equity * USD, size * SIDE.mark, 1, account)


def shared(name: str, lots: int, *found: Candidate, loss: int = 0) -> list[int]:
    """Lots that each holder gives of `lots`, the price taking `loss` USD a lot."""
    asked = Asked(lots, sum(each.size for each in found), loss * USD)
    quota = SHARES[name]
    return at(quota, asked, list(found), level_of(quota, SIDE, asked, found))


def test_wealth_gives_in_proportion_to_profit() -> None:
    """Of the example of the measures: half of the deficit is 0.6 of profits of 8, 4 and 0.5."""
    held = [holder(3, 10_000, 8_000), holder(4, 10_000, 4_000), holder(5, 10_000, 500)]
    assert shared("wealth_pro_rata", 7_500, *held) == [4_800, 2_400, 300]


def test_who_gave_all_its_lots_leaves_the_rest_to_the_others_in_proportion() -> None:
    held = [holder(3, 10, 80), holder(4, 100, 40), holder(5, 100, 20)]
    assert shared("wealth_pro_rata", 40, *held) == [10, 20, 10]


def test_who_has_no_profit_gives_once_all_profit_is_out_and_by_size() -> None:
    held = [holder(3, 10, 80), holder(4, 60, -5), holder(5, 30, 0)]
    assert shared("wealth_pro_rata", 9, *held) == [9, 0, 0]
    assert shared("wealth_pro_rata", 40, *held) == [10, 20, 10]


def test_contracts_are_rounded_by_the_largest_remainder() -> None:
    """Of 10 lots in 17: 7 * 10 / 17 = 4 + 2/17, 6: 3 + 9/17, 4: 2 + 6/17; one is left over."""
    held = [holder(3, 7), holder(4, 6), holder(5, 4)]
    assert shared("contracts_pro_rata", 10, *held) == [4, 4, 2]


@pytest.mark.parametrize("lots", range(18))
def test_the_largest_remainder_holds_for_every_sum(lots: int) -> None:
    sizes = (7, 6, 4)
    given = shared("contracts_pro_rata", lots, *map(holder, (3, 4, 5), sizes))
    floors = [size * lots // 17 for size in sizes]
    order = sorted(range(3), key=lambda n: (-(sizes[n] * lots % 17), n))
    extra = order[: lots - sum(floors)]
    assert given == [floor + (n in extra) for n, floor in enumerate(floors)]


def test_equal_holders_are_told_apart_by_their_ids() -> None:
    held = [holder(9, 5, 7), holder(4, 5, 7), holder(6, 5, 7)]
    for name in SHARES:
        assert shared(name, 5, *held) == [1, 2, 2]


def test_risk_weighs_profit_by_leverage() -> None:
    """Leverage 40 * 80 / 1,600 = 2 and 40 * 80 / 3,200 = 1, the profit is the same."""
    held = [holder(3, 40, 30, 1_600), holder(4, 40, 30, 3_200)]
    assert shared("risk_aware_pro_rata", 30, *held) == [20, 10]
    assert shared("wealth_pro_rata", 30, *held) == [15, 15]


def leverage(size: int, equity: int, closed: int, loss: int) -> Fraction:
    """Notional / equity once so many lots are closed."""
    return Fraction((size - closed) * 80, equity - closed * loss)


def test_water_brings_the_most_levered_down_to_one_leverage() -> None:
    """100 lots each with 800, 1,000 and 4,000 of equity: 10, 8 and 2 times levered.

    44 lots at mark leave the first 56 * 80 / 800 = 5.6 and the second 70 * 80 / 1,000 = 5.6.
    """
    held = [holder(3, 100, 1, 800), holder(4, 100, 1, 1_000), holder(5, 100, 1, 4_000)]
    lots = 44 + 30
    assert shared("water_filling", lots, *held) == [44, 30, 0]
    assert leverage(100, 800, 44, 0) == leverage(100, 1_000, 30, 0) == Fraction(56, 10)


def test_water_counts_what_the_price_takes() -> None:
    """At a loss of 4 a lot: spare are 400 and 600 of 800 and 1,000."""
    held = [holder(3, 100, 1, 800), holder(4, 100, 1, 1_000)]
    assert shared("water_filling", 100, *held, loss=4) == [60, 40]
    assert leverage(100, 800, 60, 4) == leverage(100, 1_000, 40, 4)


def test_who_has_nothing_to_spare_goes_first_and_by_size() -> None:
    held = [holder(3, 100, 1, 800), holder(4, 40, 1, -5), holder(5, 20, 1, 0)]
    assert shared("water_filling", 30, *held) == [0, 20, 10]
    assert shared("water_filling", 90, *held) == [30, 40, 20]


def crossed(account: int, short_lots: int) -> Candidate:
    """Short 100 lots with 800 USD, and short as much as so many lots in other markets."""
    others = -short_lots * SIDE.mark
    return replace(holder(account, 100, 1, 800), others=others)


def test_water_counts_exposure_to_the_same_side_in_other_markets() -> None:
    """140 lots against 100: the first 40 are the first account's alone, of the next each has half.

    Of one that has 90 elsewhere nothing is left when the others come down to 90.
    """
    held = [crossed(3, 40), crossed(4, 0)]
    assert shared("water_filling", 40, *held) == [40, 0]
    assert shared("water_filling", 60, *held) == [50, 10]
    assert shared("water_filling", 120, crossed(3, 90), crossed(4, 0)) == [100, 20]


def test_water_spares_what_other_markets_hedge() -> None:
    """40 lots net against 100: 60 are the second's alone, of the next each has half."""
    held = [crossed(3, -60), crossed(4, 0)]
    assert shared("water_filling", 60, *held) == [0, 60]
    assert shared("water_filling", 80, *held) == [10, 70]


def test_lots_that_hedge_are_closed_last_and_by_size() -> None:
    """Together they hedge 60 + 30 of the lots; more than the other 210 takes from these."""
    held = [crossed(3, -60), crossed(4, -30), crossed(5, 0)]
    assert shared("water_filling", 210, *held) == [40, 70, 100]
    assert shared("water_filling", 240, *held) == [40 + 20, 70 + 10, 100]


def test_a_hedge_of_more_than_the_leg_is_no_reason_to_close_it() -> None:
    held = [crossed(3, -500), crossed(4, 0)]
    assert shared("water_filling", 100, *held) == [0, 100]
    assert shared("water_filling", 130, *held) == [30, 100]


def test_a_hedge_of_longs_is_short() -> None:
    """What is to one side for shorts is to the other for longs."""
    longs = replace(SIDE, longs=True)
    held = [crossed(3, 40), crossed(4, 0)]
    asked, quota = Asked(40, 200, 0), SHARES["water_filling"]
    level = level_of(quota, longs, asked, held)
    assert [quota(longs, asked, each, level) for each in held] == [0, 40]


def partitions(lots: int, sizes: list[int]) -> list[list[int]]:
    """Every way to close so many lots."""
    if len(sizes) == 1:
        return [[lots]] if lots <= sizes[0] else []
    return [
        [first, *rest]
        for first in range(min(lots, sizes[0]) + 1)
        for rest in partitions(lots - first, sizes[1:])
    ]


@given(
    equities=st.lists(st.integers(150, 900), min_size=3, max_size=3),
    lots=st.integers(0, 12),
    loss=st.integers(-3, 20),
)
def test_no_other_way_leaves_a_lower_highest_leverage(
    equities: list[int], lots: int, loss: int
) -> None:
    """Against every partition of the lots."""
    sizes = [5, 4, 3]
    held = [holder(3 + n, size, 1, equities[n]) for n, size in enumerate(sizes)]

    def highest(closed: list[int]) -> Fraction:
        rows = zip(sizes, equities, closed, strict=True)
        return max(leverage(size, equity, out, loss) for size, equity, out in rows)

    told = shared("water_filling", lots, *held, loss=loss)
    assert highest(told) == min(highest(each) for each in partitions(lots, sizes))

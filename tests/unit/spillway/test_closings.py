"""How the keeper cuts a holder list into transactions."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from spillway.actors import closings
from spillway.actors.closings import GAS_CALL, GAS_ENROLLED, MOST_PLACES, Page, pages_of
from spillway.ranking import Plan

if TYPE_CHECKING:
    from spillway.venue import Venue

WORST = closings.GAS_HOLDER + closings.GAS_HOLDER_LEG
NOBODY = Plan(0, True, 2**255, ())
EVERYBODY = Plan(0, True, 0, ())


def holders(*places: int) -> list[tuple[int, int]]:
    """(key, lots) of holders at these places."""
    return [((1 << 24) | place, 1) for place in places]


@pytest.mark.parametrize("plan", [NOBODY, EVERYBODY])
@pytest.mark.parametrize("length", [1, 500, 1_300, 5_000])
def test_the_pages_cover_the_list_once_and_each_fits(plan: Plan, length: int) -> None:
    found = pages_of(plan, holders(*range(length)), WORST, length)
    each = WORST + (GAS_ENROLLED if plan is EVERYBODY else 0)
    assert sum(page.places for page in found) == length
    assert sum(page.gas for page in found) == each * length
    assert max(page.gas for page in found) <= GAS_CALL
    assert len(found) == -(-length // (GAS_CALL // each))


def test_a_holder_who_is_enrolled_makes_its_page_shorter() -> None:
    length = GAS_CALL // WORST
    best = Plan(0, True, holders(length - 1)[0][0], (0,))
    assert pages_of(NOBODY, holders(*range(length)), WORST, length) == [
        Page(length, WORST * length)
    ]
    assert pages_of(best, holders(*range(length)), WORST, length) == [
        Page(length - 1, WORST * (length - 1)),
        Page(1, WORST + GAS_ENROLLED),
    ]


def test_holes_count_as_places_and_cost_next_to_nothing() -> None:
    last = 2 * MOST_PLACES + 10
    found = pages_of(NOBODY, holders(0, last), WORST, last + 5)
    assert [page.places for page in found] == [MOST_PLACES, MOST_PLACES, 15]
    assert sum(page.gas for page in found) == 2 * WORST


def test_a_list_of_several_pages_is_not_told_in_one_transaction() -> None:
    """However few have stayed: what one call scans is bounded by places, holes included."""

    def job(_market: int, _longs: bool) -> SimpleNamespace:
        return SimpleNamespace(phase=closings.ABSENT)

    adl = SimpleNamespace(call=SimpleNamespace(job=job))
    venue = SimpleNamespace(contracts=SimpleNamespace(adl=adl))
    ours = closings.Closings(cast("Venue", venue), "0x" + "00" * 20)
    plan = Plan(0, True, 0, (0,))
    for length, fits in ((MOST_PLACES, True), (MOST_PLACES + 1, False)):
        pages = {(0, True): pages_of(plan, holders(0), WORST, length)}
        assert ours._fits([1], [plan], pages) is fits  # noqa: SLF001


def test_an_empty_list_has_no_page() -> None:
    assert pages_of(NOBODY, [], WORST, 0) == []

"""How the keeper cuts a holder list into transactions."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from spillway.actors import closings, rankings
from spillway.actors.rankings import GAS_CALL, GAS_ENROLLED, MOST_PLACES, Page, pages_of

WORST = rankings.GAS_HOLDER + rankings.GAS_HOLDER_LEG
NOBODY, EVERYBODY = 2**255, 0  # thresholds

if TYPE_CHECKING:
    from spillway.actors.view import View


def holders(*places: int) -> list[tuple[int, int]]:
    """(key, lots) of holders at these places."""
    return [((1 << 24) | place, 1) for place in places]


@pytest.mark.parametrize("threshold", [NOBODY, EVERYBODY])
@pytest.mark.parametrize("length", [1, 500, 1_300, 5_000])
def test_the_pages_cover_the_list_once_and_each_fits(threshold: int, length: int) -> None:
    found = pages_of(threshold, holders(*range(length)), WORST, 0, length)
    each = WORST + (GAS_ENROLLED if threshold == EVERYBODY else 0)
    assert sum(page.places for page in found) == length
    assert sum(page.gas for page in found) == each * length
    assert max(page.gas for page in found) <= GAS_CALL
    assert len(found) == -(-length // (GAS_CALL // each))


def test_a_holder_who_is_enrolled_makes_its_page_shorter() -> None:
    length = GAS_CALL // WORST
    best = holders(length - 1)[0][0]
    assert pages_of(NOBODY, holders(*range(length)), WORST, 0, length) == [
        Page(length, WORST * length)
    ]
    assert pages_of(best, holders(*range(length)), WORST, 0, length) == [
        Page(length - 1, WORST * (length - 1)),
        Page(1, WORST + GAS_ENROLLED),
    ]


def test_holes_count_as_places_and_cost_next_to_nothing() -> None:
    last = 2 * MOST_PLACES + 10
    found = pages_of(NOBODY, holders(0, last), WORST, 0, last + 5)
    assert [page.places for page in found] == [MOST_PLACES, MOST_PLACES, 15]
    assert sum(page.gas for page in found) == 2 * WORST


@pytest.mark.parametrize(("pages", "fits"), [(1, True), (2, False)])
def test_a_list_of_several_pages_is_not_told_in_one_transaction(pages: int, fits: bool) -> None:
    """However few have stayed: what one call scans is bounded by places, holes included."""
    job = rankings.Ranking(0, True, loser=1, length=pages * MOST_PLACES)
    told = closings.Prepared(job, [], 0, pages)
    view = SimpleNamespace(now=SimpleNamespace(accounts={1: SimpleNamespace(legs={})}))
    assert closings._fits([1], [told], cast("View", view)) is fits  # noqa: SLF001


def test_an_empty_list_has_no_page() -> None:
    assert pages_of(NOBODY, [], WORST, 0, 0) == []

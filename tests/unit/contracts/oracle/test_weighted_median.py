"""The weighted median against its definition: every price repeated as often as it weighs."""

from __future__ import annotations

from statistics import median_low
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.contracts.oracle.feed import MAX_PRICE

if TYPE_CHECKING:
    from spillway.engines import Contract

prices = st.one_of(st.integers(1, 20), st.integers(1, MAX_PRICE))
votes = st.lists(st.tuples(prices, st.integers(0, 9)), min_size=1, max_size=16).filter(
    lambda votes: any(weight for _, weight in votes)
)


@settings(max_examples=60, deadline=None)
@given(votes)
def test_is_the_low_median_of_prices_repeated_by_weight(
    parts: Contract, votes: list[tuple[int, int]]
) -> None:
    found, total = parts.call.weighted_median_of(*zip(*votes, strict=True))

    repeated = [price for price, weight in votes for _ in range(weight)]
    assert found == median_low(repeated)
    assert total == len(repeated)


def test_takes_the_lower_price_at_exactly_half(parts: Contract) -> None:
    assert parts.call.weighted_median_of([200, 100], [3, 3])[0] == 100
    assert parts.call.weighted_median_of([200, 100], [4, 3])[0] == 200


def test_is_nothing_without_votes(parts: Contract) -> None:
    assert parts.call.weighted_median_of([], []) == (0, 0)
    assert parts.call.weighted_median_of([100, 200], [0, 0]) == (0, 0)


@pytest.mark.parametrize(
    "order", [(1, 2, 3), (1, 3, 2), (2, 1, 3), (2, 3, 1), (3, 1, 2), (3, 2, 1)]
)
def test_median_of_three_is_the_middle_one_in_any_order(
    parts: Contract, order: tuple[int, int, int]
) -> None:
    assert parts.call.median_of_three(*order) == 2


def test_median_of_three_is_the_price_that_two_agree_on(parts: Contract) -> None:
    assert parts.call.median_of_three(5, 9, 5) == 5
    assert parts.call.median_of_three(9, 9, 5) == 9

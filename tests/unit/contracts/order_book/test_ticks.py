"""Legal prices: at most 5 significant figures and 6 - size_decimals decimals, or whole USD."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

if TYPE_CHECKING:
    from spillway.build import Artifacts
    from spillway.engines import Contract, Engine

UNIT = 10**12
SIZE_DECIMALS = range(7)


@pytest.fixture(scope="module")
def harness(engine: Engine, artifacts: Artifacts) -> Contract:
    return engine.deploy(artifacts["TicksHarness"], sender=engine.sender(0))


def is_legal(steps: int, size_decimals: int) -> bool:
    """Whether a price of `steps` * 10**-(6 - size_decimals) USD is legal, from its digits."""
    significant = str(steps).rstrip("0")
    whole_usd = steps % 10 ** (6 - size_decimals) == 0
    return whole_usd or len(significant) <= 5


def legal_around(steps: int, size_decimals: int) -> list[int]:
    """The legal prices, in steps, from 25 below to 25 above."""
    span = range(max(steps - 25, 1), steps + 26)
    return [step for step in span if is_legal(step, size_decimals)]


@pytest.mark.parametrize("size_decimals", SIZE_DECIMALS)
def test_index_counts_every_legal_price_once(harness: Contract, size_decimals: int) -> None:
    # Around the ends of the decades, where the step widens, and where it becomes one whole USD.
    for steps in (1, 99_999, 100_000, 999_990, 1_000_000, 9_999_900, 10_000_000, 10**11):
        legal = legal_around(steps, size_decimals)

        indices = [harness.call.at_or_below(step * UNIT, size_decimals) for step in legal]

        assert indices == list(range(indices[0], indices[0] + len(legal)))
        prices = [harness.call.price(index, size_decimals) for index in indices]
        assert prices == [step * UNIT for step in legal]


@settings(deadline=None)
@given(
    size_decimals=st.sampled_from(SIZE_DECIMALS),
    exponent=st.integers(0, 11),
    digits=st.integers(1, 10**7),
    offset=st.integers(0, UNIT),
)
def test_a_price_lies_between_its_neighbouring_legal_prices(
    harness: Contract, size_decimals: int, exponent: int, digits: int, offset: int
) -> None:
    price = digits * 10**exponent * UNIT // 10**5 + offset

    below = harness.call.at_or_below(price, size_decimals)
    above = harness.call.at_or_above(price, size_decimals)

    floor, ceiling = (harness.call.price(index, size_decimals) for index in (below, above))
    assert floor <= price <= ceiling
    assert above - below == (0 if floor == price else 1)
    steps, remainder = divmod(price, UNIT)
    legal = remainder == 0 and is_legal(steps, size_decimals)
    assert (floor == price) == (legal or price == 0)


def test_whole_usd_are_legal_however_many_digits(harness: Contract) -> None:
    size_decimals = 5
    price = 114_321 * 10 * UNIT

    index = harness.call.at_or_below(price, size_decimals)

    assert harness.call.price(index, size_decimals) == price
    assert harness.call.price(index + 1, size_decimals) == price + 10 * UNIT


def test_six_figures_below_whole_usd_are_not_legal(harness: Contract) -> None:
    size_decimals = 3
    price = 114_321 * UNIT  # 114.321 USD

    index = harness.call.at_or_below(price, size_decimals)

    assert harness.call.price(index, size_decimals) == 114_320 * UNIT


def test_index_0_is_below_every_price(harness: Contract) -> None:
    for size_decimals in SIZE_DECIMALS:
        assert harness.call.at_or_below(UNIT - 1, size_decimals) == 0
        assert harness.call.at_or_below(UNIT, size_decimals) == 1
        assert harness.call.at_or_above(0, size_decimals) == 0

"""The moving averages against the formula in 80-digit decimals."""

from __future__ import annotations

from decimal import Context, Decimal
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spillway.model import oracle as model
from tests.unit.contracts.oracle.feed import MAX_PRICE, USD

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spillway.engines import Address, Contract

ONE = 2**127
SECOND = 2**32
MAX_SECONDS = 60
PRECISE = Context(prec=80)

# The bound stated in modules/ema.vy: less than one unit a sample, and 2**-30 of the samples' range.
RELATIVE = Decimal(2) ** -30

samples = st.lists(
    st.tuples(st.integers(-MAX_PRICE, MAX_PRICE), st.integers(0, 200)), min_size=1, max_size=12
)


def decay(tau: int, seconds: int) -> Decimal:
    """exp(-seconds / tau)."""
    return PRECISE.exp(PRECISE.divide(Decimal(-seconds), Decimal(tau)))


def exact_average(samples: Sequence[tuple[int, int]], tau: int) -> tuple[Decimal, Decimal]:
    """The average of (sample, seconds) and its weight in seconds, by the formula."""
    num = den = Decimal(0)
    for sample, elapsed in samples:
        seconds = min(elapsed, MAX_SECONDS)
        kept = decay(tau, seconds)
        num = PRECISE.fma(num, kept, Decimal(sample * seconds))
        den = PRECISE.fma(den, kept, Decimal(seconds))
    return (PRECISE.divide(num, den) if den else Decimal(0)), den


@pytest.mark.parametrize(("constant", "tau"), [("SLOW_DECAY", 150), ("FAST_DECAY", 30)])
def test_decay_constants_are_the_exponentials_rounded_down(
    parts: Contract, constant: str, tau: int
) -> None:
    expected = int(PRECISE.multiply(decay(tau, 1), Decimal(ONE)))

    assert getattr(parts.call, constant)() == expected
    assert getattr(model, constant) == expected


@pytest.mark.parametrize(("constant", "tau"), [("SLOW_DECAY", 150), ("FAST_DECAY", 30)])
def test_power_is_low_by_less_than_its_stated_error(
    parts: Contract, constant: str, tau: int
) -> None:
    base = getattr(parts.call, constant)()
    for seconds in range(MAX_SECONDS + 1):
        error = PRECISE.subtract(
            PRECISE.multiply(decay(tau, seconds), Decimal(ONE)),
            Decimal(parts.call.power(base, seconds)),
        )
        assert 0 <= error < 132, seconds


@settings(max_examples=25, deadline=None)
@given(samples)
def test_averages_stay_within_their_stated_error(
    parts: Contract, keeper: Address, samples: list[tuple[int, int]]
) -> None:
    market = parts.engine.head.number  # a fresh one for every example
    for sample, elapsed in samples:
        parts.transact.sample_averages(market, sample, abs(sample), elapsed, sender=keeper)
    slow, slow_weight, fast, fast_weight = parts.call.averages(market)

    values = [sample for sample, elapsed in samples if elapsed]
    spread = max(values, default=0) - min(values, default=0)
    bound = len(samples) + RELATIVE * max(spread, max(map(abs, values), default=0))
    for found, weight, exact in (
        (slow, slow_weight, exact_average(samples, 150)),
        (fast, fast_weight, exact_average([(abs(s), t) for s, t in samples], 30)),
    ):
        assert abs(Decimal(found) - exact[0]) <= bound
        assert abs(Decimal(weight) / SECOND - exact[1]) <= len(samples) * Decimal(2) ** -31


def test_no_time_adds_nothing(parts: Contract, keeper: Address) -> None:
    parts.transact.sample_averages(0, 5 * USD, 100 * USD, 3, sender=keeper)
    before = parts.call.averages(0)

    for _ in range(20):
        parts.transact.sample_averages(0, 90 * USD, 900 * USD, 0, sender=keeper)

    assert parts.call.averages(0) == before


def test_there_is_no_average_before_some_time_has_passed(parts: Contract, keeper: Address) -> None:
    parts.transact.sample_averages(0, 5 * USD, 100 * USD, 0, sender=keeper)
    assert parts.call.averages(0) == (0, 0, 0, 0)

    parts.transact.sample_averages(0, 5 * USD, 100 * USD, 1, sender=keeper)
    assert parts.call.averages(0) == (5 * USD, SECOND, 100 * USD, SECOND)


def test_one_sample_after_a_long_silence_weighs_a_minute(parts: Contract, keeper: Address) -> None:
    for market, silence in ((0, MAX_SECONDS), (1, 10**6)):
        parts.transact.sample_averages(market, 0, 100 * USD, 60, sender=keeper)
        parts.transact.sample_averages(market, USD, 200 * USD, silence, sender=keeper)

    assert parts.call.averages(0) == parts.call.averages(1)


def test_cutting_time_into_many_samples_moves_an_average_no_further(
    parts: Contract, keeper: Address
) -> None:
    for market in (0, 1):
        for _ in range(8):
            parts.transact.sample_averages(market, 0, 100 * USD, 60, sender=keeper)
    parts.transact.sample_averages(0, 0, 110 * USD, 30, sender=keeper)
    for _ in range(30):
        parts.transact.sample_averages(1, 0, 110 * USD, 1, sender=keeper)

    once, often = parts.call.averages(0), parts.call.averages(1)
    # One sample of t weighs t / (kept + t); many of t in all weigh less, for they decay meanwhile.
    assert often[2] < once[2]


def test_markets_and_averages_share_no_bits(parts: Contract, keeper: Address) -> None:
    parts.transact.sample_averages(0, -MAX_PRICE, MAX_PRICE, 60, sender=keeper)
    parts.transact.sample_averages(1, MAX_PRICE, 0, 60, sender=keeper)

    assert parts.call.averages(0) == (-MAX_PRICE, 60 * SECOND, MAX_PRICE, 60 * SECOND)
    assert parts.call.averages(1) == (MAX_PRICE, 60 * SECOND, 0, 60 * SECOND)

"""Premium, 8 hour rate and accrual: known answers and bounds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.unit.contracts.oracle.feed import HOUR, MAX_PRICE, USD

if TYPE_CHECKING:
    from spillway.engines import Address, Contract

PERCENT = 10**16
BASIS_POINT = 10**14
PERIOD = 8 * HOUR


def test_premium_is_the_impact_bid_above_the_index(parts: Contract) -> None:
    assert parts.call.premium(100 * USD, 101 * USD, 103 * USD) == PERCENT


def test_premium_is_minus_the_index_above_the_impact_ask(parts: Contract) -> None:
    assert parts.call.premium(100 * USD, 95 * USD, 98 * USD) == -2 * PERCENT


def test_premium_is_zero_with_the_index_between_the_impact_prices(parts: Contract) -> None:
    assert parts.call.premium(100 * USD, 99 * USD, 101 * USD) == 0


@pytest.mark.parametrize(
    ("bid", "ask", "premium"),
    [(0, 98 * USD, -2 * PERCENT), (101 * USD, 0, PERCENT), (0, 0, 0), (0, 103 * USD, 0)],
)
def test_a_side_too_thin_adds_nothing(parts: Contract, bid: int, ask: int, premium: int) -> None:
    assert parts.call.premium(100 * USD, bid, ask) == premium


def test_premium_is_truncated_toward_zero_on_both_sides(parts: Contract) -> None:
    assert parts.call.premium(3, 4, 9) == 10**18 // 3
    assert parts.call.premium(3, 1, 2) == -(10**18 // 3)


def test_premium_counts_as_at_most_one(parts: Contract) -> None:
    assert parts.call.premium(1, MAX_PRICE, MAX_PRICE) == 10**18
    assert parts.call.premium(MAX_PRICE, 0, 1) > -(10**18)


@pytest.mark.parametrize(
    ("premium", "rate"),
    [
        (PERCENT, 95 * BASIS_POINT),  # 1 % - 0.05 %
        (-PERCENT, -95 * BASIS_POINT),  # -1 % + 0.05 %
        (0, BASIS_POINT),  # interest alone
        (6 * BASIS_POINT, BASIS_POINT),  # 0.01 % - P is just -0.05 %
        (-4 * BASIS_POINT, BASIS_POINT),  # 0.01 % - P is just 0.05 %
        (3 * BASIS_POINT, BASIS_POINT),  # within the clamp the rate is the interest
        (32 * PERCENT + 5 * BASIS_POINT, 32 * PERCENT),  # exactly 4 % an hour
        (10**18, 32 * PERCENT),
        (-(10**18), -32 * PERCENT),
    ],
)
def test_rate_of_one_premium(parts: Contract, keeper: Address, premium: int, rate: int) -> None:
    parts.transact.sample_premium(0, premium, 0, sender=keeper)

    assert parts.call.rate(0) == rate


def test_rate_is_zero_without_a_sample(parts: Contract) -> None:
    assert parts.call.rate(0) == 0


def test_rate_is_of_the_average_truncated_toward_zero(parts: Contract, keeper: Address) -> None:
    start = (parts.engine.head.timestamp // HOUR + 1) * HOUR
    for seconds, premium in enumerate((-PERCENT, -PERCENT, -PERCENT - 1)):
        now = start + seconds
        parts.transact.sample_premium(0, premium, now - 1, sender=keeper, timestamp=now)

    # The sum is -3 % - 1, its third truncated is -1 %.
    assert parts.call.rate(0) == -95 * BASIS_POINT


def test_the_first_sample_of_an_hour_forgets_those_before(parts: Contract, keeper: Address) -> None:
    hour = (parts.engine.head.timestamp // HOUR + 2) * HOUR
    parts.transact.sample_premium(0, -PERCENT, 0, sender=keeper, timestamp=hour - 2)
    parts.transact.sample_premium(0, -PERCENT, hour - 2, sender=keeper, timestamp=hour - 1)
    parts.transact.sample_premium(0, PERCENT, hour - 1, sender=keeper, timestamp=hour)

    assert parts.call.rate(0) == 95 * BASIS_POINT


def test_an_hour_of_extreme_samples_fits(parts: Contract, keeper: Address) -> None:
    start = (parts.engine.head.timestamp // HOUR + 1) * HOUR
    parts.transact.sample_premium(0, -(10**18), 0, sender=keeper, timestamp=start)
    calls = [parts.build.sample_premium(0, -(10**18), start, sender=keeper, gas=60_000)] * 3599
    parts.engine.send_block(calls, start + 1)

    assert parts.call.rate(0) == -32 * PERCENT


@pytest.mark.parametrize(
    ("last", "now", "seconds"),
    [
        (0, 15, 15),  # within the hour
        (HOUR - 15, HOUR, 15),  # up to its end
        (HOUR - 15, HOUR + 5, 15),  # not into the next
        (HOUR, HOUR + 15, 15),
        (10, 5 * HOUR, HOUR - 10),  # hours without samples accrue nothing
        (7, 7, 0),  # twice in a block
    ],
)
def test_seconds_accrue_to_the_end_of_the_hour_sampled(
    parts: Contract, keeper: Address, last: int, now: int, seconds: int
) -> None:
    base = (parts.engine.head.timestamp // HOUR + 1) * HOUR
    _mine_at(parts, keeper, base + now)

    assert parts.call.seconds_accrued(base + last, False) == seconds


@pytest.mark.parametrize(
    ("last", "now", "seconds"),
    [
        (0, HOUR - 1, 0),
        (0, HOUR, HOUR),
        (HOUR - 1, HOUR, HOUR),
        (HOUR - 1, HOUR + 30, HOUR),
        (10, 5 * HOUR, HOUR),
        (HOUR, HOUR + 30, 0),
    ],
)
def test_hourly_a_sampled_hour_accrues_whole_after_its_end(
    parts: Contract, keeper: Address, last: int, now: int, seconds: int
) -> None:
    base = (parts.engine.head.timestamp // HOUR + 1) * HOUR
    _mine_at(parts, keeper, base + now)

    assert parts.call.seconds_accrued(base + last, True) == seconds


def test_accrual_is_an_eighth_of_the_rate_an_hour(parts: Contract) -> None:
    # 0.95 % in 8 hours on 100 USD: 0.11875 USD an hour.
    assert parts.call.accrual(95 * BASIS_POINT, 100 * USD, HOUR) == 11_875 * USD // 100_000


def test_accrual_of_the_highest_rate_is_four_percent_an_hour(parts: Contract) -> None:
    assert parts.call.accrual(32 * PERCENT, 100 * USD, HOUR) == 4 * USD


@pytest.mark.parametrize("sign", [1, -1])
def test_accrual_is_truncated_toward_zero(parts: Contract, sign: int) -> None:
    exact = 7 * BASIS_POINT * 10**6 * 11  # of PERIOD * 1e18
    assert exact % (PERIOD * 10**18) != 0
    found = parts.call.accrual(sign * 7 * BASIS_POINT, 10**6, 11)
    assert found == sign * (exact // (PERIOD * 10**18))


def test_accrual_survives_the_dearest_lot_for_an_hour(parts: Contract) -> None:
    found = parts.call.accrual(-32 * PERCENT, MAX_PRICE, HOUR)
    assert found == -(32 * PERCENT * MAX_PRICE * HOUR // (PERIOD * 10**18))


def _mine_at(parts: Contract, keeper: Address, timestamp: int) -> None:
    """A block at `timestamp`, on a market that no test reads."""
    parts.transact.sample_premium(2**255, 0, 0, sender=keeper, timestamp=timestamp)
